/*  =========================================================================
    zrelay_options - the socket options that were set on a side

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_OPTIONS_H_INCLUDED
#define ZRELAY_OPTIONS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_error.h"
#include "zrelay_option.h"

//  Their values are kept, because a side's socket may be made later, or again.

typedef struct _zrelay_options_t zrelay_options_t;

zrelay_options_t *
    zrelay_options_new (void);

void
    zrelay_options_destroy (zrelay_options_t **self_p);

//  Keep a value, in the place of an earlier one; and forget it.
void
    zrelay_options_put (zrelay_options_t *self, const zrelay_option_t *option,
                        const char *value);
void
    zrelay_options_forget (zrelay_options_t *self,
                           const zrelay_option_t *option);

//  The value kept, or NULL; by the option, or by its number in libzmq.
const char *
    zrelay_options_get (zrelay_options_t *self, const zrelay_option_t *option);
const char *
    zrelay_options_get_id (zrelay_options_t *self, int id);

//  Set all on a new socket of that type.
zrelay_status_t
    zrelay_options_apply (zrelay_options_t *self, void *handle,
                          const char *type, zrelay_error_t *error);

#endif
