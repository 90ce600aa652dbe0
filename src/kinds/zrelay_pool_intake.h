/*  =========================================================================
    zrelay_pool_intake - whether a pool's clients are read

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POOL_INTAKE_H_INCLUDED
#define ZRELAY_POOL_INTAKE_H_INCLUDED

#include <zrelay.h>

//  The clients' side is not read while the relay is paused, nor after a drain
//  found no more, nor while as many requests wait as may. Where workers share
//  the socket, it is always read.
//
//  A drain takes what waits in the socket. Once that was seen empty, what comes
//  is later work, which the drain does not wait for. A request is later if it
//  came in the epoch that began then.

typedef struct _zrelay_pool_intake_t zrelay_pool_intake_t;

//  The intake of a relay, which is active. protocol and numbers must outlive
//  it.
zrelay_pool_intake_t *
    zrelay_pool_intake_new (zrelay_engine_t *engine,
                            const zrelay_pool_protocol_t *protocol,
                            zrelay_pool_numbers_t *numbers);

void
    zrelay_pool_intake_destroy (zrelay_pool_intake_t **self_p);

//  The clients' flow.
zrelay_flow_id_t
    zrelay_pool_intake_flow (zrelay_pool_intake_t *self);

//  The relay is in another state; numbers have changed; time has passed, and
//  the socket may be empty.
void
    zrelay_pool_intake_set_state (zrelay_pool_intake_t *self,
                                  zrelay_state_t state);
void
    zrelay_pool_intake_decide (zrelay_pool_intake_t *self);
void
    zrelay_pool_intake_look (zrelay_pool_intake_t *self);

//  The epoch, for a request that has come; and if one of that epoch is later.
uint64_t
    zrelay_pool_intake_epoch (zrelay_pool_intake_t *self);
bool
    zrelay_pool_intake_is_later (zrelay_pool_intake_t *self, uint64_t epoch);

//  A request of that epoch waits, and the numbers say so; or waits no more.
void
    zrelay_pool_intake_waits (zrelay_pool_intake_t *self, uint64_t epoch);
void
    zrelay_pool_intake_goes (zrelay_pool_intake_t *self, uint64_t epoch);

//  True if no work is to be given; and if a drain has not found the socket
//  empty yet.
bool
    zrelay_pool_intake_paused (zrelay_pool_intake_t *self);
bool
    zrelay_pool_intake_looks (zrelay_pool_intake_t *self);

//  For zrelay_pool_pending ().
size_t
    zrelay_pool_intake_pending (zrelay_pool_intake_t *self);

#endif
