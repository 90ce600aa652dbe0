/*  =========================================================================
    zrelay_inherited - listening sockets that a service manager passed

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_INHERITED_H_INCLUDED
#define ZRELAY_INHERITED_H_INCLUDED

#include <zrelay.h>

//  zrelay_inherit_sockets () fills this list, before the process has threads,
//  and it does not change any more. Its sockets listen as long as the process
//  lives: libzmq gets duplicates, so that an endpoint can be bound again.

//  True if there is a socket with the address of this endpoint.
bool
    zrelay_inherited_has (const char *endpoint);

//  Take such an endpoint for one side, and give it back. Returns false if it is
//  another side's already.
bool
    zrelay_inherited_take (const char *endpoint);
void
    zrelay_inherited_release (const char *endpoint);

//  Bind a socket of libzmq's to such an endpoint. Returns 0, or -1 with errno.
int
    zrelay_inherited_bind (void *handle, const char *endpoint);

void
    zrelay_inherited_test (bool verbose);

#endif
