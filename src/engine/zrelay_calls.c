/*  =========================================================================
    zrelay_calls - a kind's timers and readers, in the engine's loop

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_calls.h"

typedef struct {
    int id;                     //  zloop's number for it
    size_t left;                //  Calls still to come; 0: any number
    zrelay_timer_fn *function;  //  The kind's
    void *object;               //  For the function; NULL: the kind's
} timer_item_t;

typedef struct {
    zrelay_calls_t *calls;      //  That it belongs to
    void *sock;                 //  As given, or NULL
    void *handle;               //  libzmq's, or NULL
    int fd;                     //  If there is no socket
    zrelay_reader_fn *function; //  The kind's
    void *object;               //  For the function; NULL: the kind's
} reader_item_t;

struct _zrelay_calls_t {
    zrelay_engine_t *engine;    //  For the functions
    zloop_t *loop;              //  The engine's
    zrelay_called_fn *called;   //  The engine's part after each call
    zlistx_t *timers;           //  timer_item_t
    zlistx_t *readers;          //  reader_item_t
};


static void
s_destroy_item (void **item_p)
{
    freen (*item_p);
}

zrelay_calls_t *
zrelay_calls_new (zrelay_engine_t *engine, zloop_t *loop,
                  zrelay_called_fn *called)
{
    zrelay_calls_t *self = (zrelay_calls_t *) zmalloc (sizeof (zrelay_calls_t));
    assert (self);
    self->engine = engine;
    self->loop = loop;
    self->called = called;
    self->timers = zlistx_new ();
    assert (self->timers);
    zlistx_set_destructor (self->timers, s_destroy_item);
    self->readers = zlistx_new ();
    assert (self->readers);
    zlistx_set_destructor (self->readers, s_destroy_item);
    return self;
}

void
zrelay_calls_destroy (zrelay_calls_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_calls_t *self = *self_p;
        zlistx_destroy (&self->timers);
        zlistx_destroy (&self->readers);
        freen (self);
        *self_p = NULL;
    }
}

//  The kind's object exists only after create, which may make timers

static void *
s_object (zrelay_calls_t *self, void *object)
{
    return object? object: zrelay_engine_object (self->engine);
}


//  --------------------------------------------------------------------------
//  Timers

//  Leaves the list's cursor on the timer, or returns NULL

static timer_item_t *
s_find_timer (zrelay_calls_t *self, int id)
{
    timer_item_t *timer = (timer_item_t *) zlistx_first (self->timers);
    while (timer && timer->id != id)
        timer = (timer_item_t *) zlistx_next (self->timers);
    return timer;
}

//  zloop may call a timer once more that has been ended, which is not in our
//  list any more

static int
s_on_timer (zloop_t *loop, int id, void *arg)
{
    (void) loop;
    zrelay_calls_t *self = (zrelay_calls_t *) arg;
    timer_item_t *timer = s_find_timer (self, id);
    if (!timer)
        return 0;
    zrelay_timer_fn *function = timer->function;
    void *object = s_object (self, timer->object);
    if (timer->left > 0 && --timer->left == 0)
        zlistx_delete (self->timers, zlistx_cursor (self->timers));
    function (self->engine, object, id);
    return self->called (self->engine);
}

int
zrelay_calls_timer (zrelay_calls_t *self, size_t msecs, size_t times,
                    zrelay_timer_fn *function, void *object)
{
    timer_item_t *timer = (timer_item_t *) zmalloc (sizeof (timer_item_t));
    assert (timer);
    timer->function = function;
    timer->object = object;
    timer->left = times;
    timer->id = zloop_timer (self->loop, msecs, times, s_on_timer, self);
    assert (timer->id > 0);
    zlistx_add_end (self->timers, timer);
    return timer->id;
}

void
zrelay_calls_timer_end (zrelay_calls_t *self, int id)
{
    if (!s_find_timer (self, id))
        return;
    zlistx_delete (self->timers, zlistx_cursor (self->timers));
    zloop_timer_end (self->loop, id);
}


//  --------------------------------------------------------------------------
//  Readers

static int
s_on_reader (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    reader_item_t *reader = (reader_item_t *) arg;
    zrelay_calls_t *self = reader->calls;
    reader->function (self->engine, s_object (self, reader->object),
                      reader->sock, reader->fd);
    return self->called (self->engine);
}

void
zrelay_calls_reader (zrelay_calls_t *self, void *sock, int fd,
                     zrelay_reader_fn *function, void *object)
{
    reader_item_t *reader = (reader_item_t *) zmalloc (sizeof (reader_item_t));
    assert (reader);
    reader->calls = self;
    reader->sock = sock;
    reader->handle = sock? zsock_resolve (sock): NULL;
    reader->fd = fd;
    reader->function = function;
    reader->object = object;
    zlistx_add_end (self->readers, reader);
    zmq_pollitem_t item = {
        .socket = reader->handle, .fd = fd, .events = ZMQ_POLLIN
    };
    zloop_poller (self->loop, &item, s_on_reader, reader);
}

void
zrelay_calls_reader_end (zrelay_calls_t *self, void *sock, int fd)
{
    reader_item_t *reader = (reader_item_t *) zlistx_first (self->readers);
    while (reader && (reader->sock != sock || (!sock && reader->fd != fd)))
        reader = (reader_item_t *) zlistx_next (self->readers);
    if (!reader)
        return;
    zmq_pollitem_t item = { .socket = reader->handle, .fd = fd };
    zloop_poller_end (self->loop, &item);
    zlistx_delete (self->readers, zlistx_cursor (self->readers));
}
