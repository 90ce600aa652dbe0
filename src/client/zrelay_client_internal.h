/*  =========================================================================
    zrelay_client_internal - what the self test needs of the client

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CLIENT_INTERNAL_H_INCLUDED
#define ZRELAY_CLIENT_INTERNAL_H_INCLUDED

#include <zrelay_client.h>

//  libzmq's socket that leads to the relay.
void *
    zrelay_client_handle (zrelay_client_t *self);

#endif
