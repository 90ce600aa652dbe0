/*  =========================================================================
    zrelay_retries - which connections a socket has lost, and tries in vain

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_RETRIES_H_INCLUDED
#define ZRELAY_RETRIES_H_INCLUDED

#include <zrelay.h>

//  libzmq connects again after it has lost a connection that it had made, and
//  keeps what is to be sent there. So a peer that has gone shows only by the
//  attempts that fail.

typedef struct _zrelay_retries_t zrelay_retries_t;

zrelay_retries_t *
    zrelay_retries_new (void);

void
    zrelay_retries_destroy (zrelay_retries_t **self_p);

//  An event of libzmq's monitor, and the endpoint that came with it.
void
    zrelay_retries_monitor (zrelay_retries_t *self, uint16_t event,
                            const char *endpoint);

//  An endpoint was detached.
void
    zrelay_retries_forget (zrelay_retries_t *self, const char *endpoint);

//  True if a connection was made, and at each of so many endpoints an attempt
//  to make one again has failed since.
bool
    zrelay_retries_in_vain (zrelay_retries_t *self, size_t endpoints);

void
    zrelay_retries_test (bool verbose);

#endif
