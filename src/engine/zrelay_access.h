/*  =========================================================================
    zrelay_access - which users of the machine an ipc endpoint lets in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ACCESS_H_INCLUDED
#define ZRELAY_ACCESS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_error.h"

//  A side's options ipc_mode and ipc_group: the permissions and the group of
//  the file that each ipc endpoint is, once it is bound.

typedef struct _zrelay_access_t zrelay_access_t;

//  Without either, files are as the umask leaves them. Sentences go to error.
zrelay_access_t *
    zrelay_access_new (zrelay_error_t *error);

void
    zrelay_access_destroy (zrelay_access_t **self_p);

//  The options, whose object is a zrelay_access_t.
extern const zrelay_setting_t zrelay_access_settings [];

//  True if one of the options is set; and set them as another's are.
bool
    zrelay_access_restricts (zrelay_access_t *self);
void
    zrelay_access_copy (zrelay_access_t *self, zrelay_access_t *from);

//  True if one of the options is set and matters to this endpoint.
bool
    zrelay_access_applies (zrelay_access_t *self, const char *endpoint);

//  Bind a socket of libzmq's to an endpoint to which the options apply. At no
//  time can anybody connect whom they keep out. Returns NULL, or why this is
//  not possible.
const char *
    zrelay_access_bind (zrelay_access_t *self, void *handle,
                        const char *endpoint);

void
    zrelay_access_test (bool verbose);

#endif
