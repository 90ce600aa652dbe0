/*  =========================================================================
    zrelay_ear - listens to a socket for less than a zloop's reader does

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_ear.h"

//  Most messages that are read before others have their turn
#define MESSAGES_MAX 16

struct _zrelay_ear_t {
    zloop_t *loop;              //  Polls the descriptor
    void *handle;               //  libzmq's socket; not ours
    zmq_pollitem_t item;        //  Its descriptor
    zrelay_ear_fn *function;    //  Reads from it
    void *owner;                //  Its argument
    bool reads;                 //  The function is being called
    bool pauses;                //  It is not to be
    int timer;                  //  Has it called soon, or 0
};

static int
s_on_timer (zloop_t *loop, int timer, void *arg);

static void
s_read_soon (zrelay_ear_t *self)
{
    if (!self->timer)
        self->timer = zloop_timer (self->loop, 0, 1, s_on_timer, self);
}

//  Returns 0, or -1 to end the loop

static int
s_read (zrelay_ear_t *self)
{
    zrelay_ear_result_t result = ZRELAY_EAR_READ;
    self->reads = true;
    for (int count = 0; result == ZRELAY_EAR_READ && !self->pauses
         && count < MESSAGES_MAX; count++)
        result = self->function (self->owner);
    if (result == ZRELAY_EAR_GONE)
        return 0;
    self->reads = false;
    if (result == ZRELAY_EAR_READ && !self->pauses)
        s_read_soon (self);
    return result == ZRELAY_EAR_END? -1: 0;
}

static int
s_on_timer (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    zrelay_ear_t *self = (zrelay_ear_t *) arg;
    self->timer = 0;
    return s_read (self);
}

static int
s_on_descriptor (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    return s_read ((zrelay_ear_t *) arg);
}

//  What came before is not announced again

zrelay_ear_t *
zrelay_ear_new (zloop_t *loop, void *handle, zrelay_ear_fn *function,
                void *owner)
{
    zrelay_ear_t *self = (zrelay_ear_t *) zmalloc (sizeof (zrelay_ear_t));
    assert (self);
    self->loop = loop;
    self->handle = handle;
    self->item.fd = zsock_fd (handle);
    self->item.events = ZMQ_POLLIN;
    self->function = function;
    self->owner = owner;
    self->pauses = true;
    zrelay_ear_resume (self);
    return self;
}

void
zrelay_ear_destroy (zrelay_ear_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_ear_pause (*self_p);
        freen (*self_p);
    }
}

//  Whoever reads finds it

void
zrelay_ear_look (zrelay_ear_t *self)
{
    if (self && !self->reads && !self->pauses && !self->timer
    && (zsock_events (self->handle) & ZMQ_POLLIN))
        s_read_soon (self);
}

void
zrelay_ear_pause (zrelay_ear_t *self)
{
    if (self->pauses)
        return;
    self->pauses = true;
    zloop_poller_end (self->loop, &self->item);
    if (self->timer)
        zloop_timer_end (self->loop, self->timer);
    self->timer = 0;
}

void
zrelay_ear_resume (zrelay_ear_t *self)
{
    if (!self->pauses)
        return;
    self->pauses = false;
    zloop_poller (self->loop, &self->item, s_on_descriptor, self);
    s_read_soon (self);
}
