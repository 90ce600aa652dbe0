/*  =========================================================================
    zrelay_ears - listen to sockets for less than a zloop's readers do

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_ears.h"

//  Most messages that one reads before others have their turn
#define MESSAGES_MAX 16

//  zloop calls a timer that was ended while it calls timers. So the ears have
//  one, which is never ended.
struct _zrelay_ears_t {
    zloop_t *loop;              //  Polls the descriptors
    zlistx_t *due;              //  zrelay_ear_t, those that are to read soon
    bool timer;                 //  Has them read
};

struct _zrelay_ear_t {
    zrelay_ears_t *ears;        //  Where it belongs
    void *handle;               //  libzmq's socket; not ours
    zmq_pollitem_t item;        //  Its descriptor
    zrelay_ear_fn *function;    //  Reads from it
    void *owner;                //  Its argument
    bool reads;                 //  The function is being called
    bool pauses;                //  It is not to be
    void *place;                //  In the list of those due, or NULL
};

static int
s_on_timer (zloop_t *loop, int timer, void *arg);

static void
s_set_timer (zrelay_ears_t *self)
{
    if (!self->timer && zlistx_size (self->due) > 0) {
        zloop_timer (self->loop, 0, 1, s_on_timer, self);
        self->timer = true;
    }
}

static void
s_read_soon (zrelay_ear_t *self)
{
    if (!self->place)
        self->place = zlistx_add_end (self->ears->due, self);
    s_set_timer (self->ears);
}

static void
s_forget (zrelay_ear_t *self)
{
    if (self->place)
        zlistx_detach (self->ears->due, self->place);
    self->place = NULL;
}

//  Returns 0, or -1 to end the loop

static int
s_read (zrelay_ear_t *self)
{
    zrelay_ear_result_t result = ZRELAY_EAR_READ;
    s_forget (self);
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

//  Those who become due meanwhile have to wait

static int
s_on_timer (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    zrelay_ears_t *self = (zrelay_ears_t *) arg;
    self->timer = false;
    int rc = 0;
    size_t count = zlistx_size (self->due);
    for (; count > 0 && zlistx_size (self->due) > 0 && rc == 0; count--)
        rc = s_read ((zrelay_ear_t *) zlistx_first (self->due));
    s_set_timer (self);
    return rc;
}

static int
s_on_descriptor (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    return s_read ((zrelay_ear_t *) arg);
}


//  --------------------------------------------------------------------------
//  Constructors and destructors

zrelay_ears_t *
zrelay_ears_new (zloop_t *loop)
{
    zrelay_ears_t *self = (zrelay_ears_t *) zmalloc (sizeof (zrelay_ears_t));
    assert (self);
    self->loop = loop;
    self->due = zlistx_new ();
    assert (self->due);
    return self;
}

void
zrelay_ears_destroy (zrelay_ears_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->due);
        freen (*self_p);
    }
}

zloop_t *
zrelay_ears_loop (zrelay_ears_t *self)
{
    return self->loop;
}

zrelay_ear_t *
zrelay_ear_new (zrelay_ears_t *ears, void *handle, zrelay_ear_fn *function,
                void *owner)
{
    zrelay_ear_t *self = (zrelay_ear_t *) zmalloc (sizeof (zrelay_ear_t));
    assert (self);
    self->ears = ears;
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


//  --------------------------------------------------------------------------
//  Listening

//  Whoever reads finds it

void
zrelay_ear_look (zrelay_ear_t *self)
{
    if (self && !self->reads && !self->pauses && !self->place
    && (zsock_events (self->handle) & ZMQ_POLLIN))
        s_read_soon (self);
}

void
zrelay_ear_pause (zrelay_ear_t *self)
{
    if (!self->pauses)
        zloop_poller_end (self->ears->loop, &self->item);
    self->pauses = true;
    s_forget (self);
}

//  What came before is not announced again

void
zrelay_ear_resume (zrelay_ear_t *self)
{
    if (self->pauses) {
        self->pauses = false;
        zloop_poller (self->ears->loop, &self->item, s_on_descriptor, self);
        s_read_soon (self);
    }
}
