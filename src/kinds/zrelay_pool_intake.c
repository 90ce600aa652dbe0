/*  =========================================================================
    zrelay_pool_intake - whether a pool's clients are read

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_pool_intake.h"

struct _zrelay_pool_intake_t {
    zrelay_engine_t *engine;    //  Whose relay this is
    const zrelay_pool_protocol_t *protocol; //  The kind's
    zrelay_pool_numbers_t *numbers;         //  The kind's
    bool one_side;              //  Clients and workers share a socket
    zrelay_state_t state;       //  The relay's
    bool closed;                //  The drain has found no more requests
    uint64_t epoch;             //  Counts the ends of drains, and of reading
    size_t later;               //  Requests that came after the drain's end
    bool reading;               //  The clients' flow reads
};

zrelay_pool_intake_t *
zrelay_pool_intake_new (zrelay_engine_t *engine,
                        const zrelay_pool_protocol_t *protocol,
                        zrelay_pool_numbers_t *numbers)
{
    zrelay_pool_intake_t *self =
        (zrelay_pool_intake_t *) zmalloc (sizeof (zrelay_pool_intake_t));
    assert (self);
    self->engine = engine;
    self->protocol = protocol;
    self->numbers = numbers;
    self->one_side = protocol->clients == protocol->workers;
    self->state = ZRELAY_STATE_ACTIVE;
    self->reading = true;
    return self;
}

void
zrelay_pool_intake_destroy (zrelay_pool_intake_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}

zrelay_flow_id_t
zrelay_pool_intake_flow (zrelay_pool_intake_t *self)
{
    return self->protocol->clients == ZRELAY_SIDE_FRONTEND?
        ZRELAY_FLOW_FORWARD: ZRELAY_FLOW_RETURN;
}


//  --------------------------------------------------------------------------
//  Reading

static bool
s_is_full (const zrelay_pool_numbers_t *numbers)
{
    int64_t queue = numbers->queue > 0? numbers->queue: 1;
    return (int64_t) numbers->waiting >= queue
        || (numbers->waiting_bytes > 0
         && (int64_t) numbers->waiting_bytes >= numbers->queue_bytes);
}

void
zrelay_pool_intake_decide (zrelay_pool_intake_t *self)
{
    if (self->one_side)
        return;
    bool holds = self->numbers->overflow == ZRELAY_POOL_HOLD
              && s_is_full (self->numbers);
    bool reading = self->state != ZRELAY_STATE_PAUSED && !self->closed
                && !holds;
    if (reading == self->reading)
        return;
    self->reading = reading;
    zrelay_engine_set_reading (self->engine, zrelay_pool_intake_flow (self),
        reading? ZRELAY_READING_ON: ZRELAY_READING_OFF);
}

void
zrelay_pool_intake_look (zrelay_pool_intake_t *self)
{
    if (!zrelay_pool_intake_looks (self))
        return;
    void *socket = zrelay_engine_socket (self->engine, self->protocol->clients);
    int events = 0;
    size_t size = sizeof (events);
    if (socket && zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size) == 0
    && (events & ZMQ_POLLIN))
        return;
    self->closed = true;
    self->epoch++;
    zrelay_pool_intake_decide (self);
}

void
zrelay_pool_intake_set_state (zrelay_pool_intake_t *self, zrelay_state_t state)
{
    self->state = state;
    self->closed = false;
    self->epoch++;
    self->later = 0;
    zrelay_pool_intake_look (self);
    zrelay_pool_intake_decide (self);
}


//  --------------------------------------------------------------------------
//  Requests

uint64_t
zrelay_pool_intake_epoch (zrelay_pool_intake_t *self)
{
    return self->epoch;
}

bool
zrelay_pool_intake_is_later (zrelay_pool_intake_t *self, uint64_t epoch)
{
    return self->closed && epoch == self->epoch;
}

void
zrelay_pool_intake_waits (zrelay_pool_intake_t *self, uint64_t epoch)
{
    self->later += zrelay_pool_intake_is_later (self, epoch);
    zrelay_pool_intake_decide (self);
}

void
zrelay_pool_intake_goes (zrelay_pool_intake_t *self, uint64_t epoch)
{
    self->later -= zrelay_pool_intake_is_later (self, epoch);
    zrelay_pool_intake_decide (self);
}

bool
zrelay_pool_intake_paused (zrelay_pool_intake_t *self)
{
    return self->state == ZRELAY_STATE_PAUSED;
}

bool
zrelay_pool_intake_looks (zrelay_pool_intake_t *self)
{
    return self->state == ZRELAY_STATE_DRAINING && !self->closed;
}

size_t
zrelay_pool_intake_pending (zrelay_pool_intake_t *self)
{
    return (size_t) (self->numbers->waiting + self->numbers->in_hand)
         - self->later + zrelay_pool_intake_looks (self);
}
