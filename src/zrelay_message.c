/*  =========================================================================
    zrelay_message - a whole multipart message that is held or looked at

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_classes.h"

//  Most messages are short; room grows by doubling
#define INITIAL_ROOM 4

struct _zrelay_message_t {
    zmq_msg_t *frames;          //  All initialised up to count
    size_t count;               //  Frames in use
    size_t room;                //  Frames there is room for
};


//  --------------------------------------------------------------------------
//  Constructor

zrelay_message_t *
zrelay_message_new (void)
{
    zrelay_message_t *self =
        (zrelay_message_t *) zmalloc (sizeof (zrelay_message_t));
    assert (self);
    self->room = INITIAL_ROOM;
    self->frames = (zmq_msg_t *) zmalloc (self->room * sizeof (zmq_msg_t));
    assert (self->frames);
    return self;
}


//  --------------------------------------------------------------------------
//  Destructor

void
zrelay_message_destroy (zrelay_message_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_message_t *self = *self_p;
        for (size_t index = 0; index < self->count; index++)
            zmq_msg_close (&self->frames [index]);
        freen (self->frames);
        freen (self);
        *self_p = NULL;
    }
}


//  A zmq_msg_t must not be copied by memcpy, which rules out realloc

static void
s_grow (zrelay_message_t *self)
{
    size_t room = self->room * 2;
    zmq_msg_t *frames = (zmq_msg_t *) zmalloc (room * sizeof (zmq_msg_t));
    assert (frames);
    for (size_t index = 0; index < self->count; index++) {
        zmq_msg_init (&frames [index]);
        zmq_msg_move (&frames [index], &self->frames [index]);
        zmq_msg_close (&self->frames [index]);
    }
    freen (self->frames);
    self->frames = frames;
    self->room = room;
}

//  Make room for one more frame, and return it uninitialised

static zmq_msg_t *
s_next (zrelay_message_t *self)
{
    if (self->count == self->room)
        s_grow (self);
    return &self->frames [self->count++];
}

void
zrelay_message_append (zrelay_message_t *self, zmq_msg_t *frame)
{
    zmq_msg_t *last = s_next (self);
    zmq_msg_init (last);
    zmq_msg_move (last, frame);
}


//  --------------------------------------------------------------------------
//  To and from zmsg. libzmq calls this one, on any of its threads, when
//  nobody needs the data of a frame any more.

static void
s_free_frame (void *data, void *hint)
{
    (void) data;
    zframe_t *frame = (zframe_t *) hint;
    zframe_destroy (&frame);
}

zrelay_message_t *
zrelay_message_from_zmsg (zmsg_t **msg_p)
{
    assert (msg_p && *msg_p);
    zrelay_message_t *self = zrelay_message_new ();
    zframe_t *frame;
    while ((frame = zmsg_pop (*msg_p))) {
        int rc = zmq_msg_init_data (s_next (self), zframe_data (frame),
                                    zframe_size (frame), s_free_frame, frame);
        assert (rc == 0);
    }
    zmsg_destroy (msg_p);
    return self;
}

//  A REP that a poll told of may have nothing to receive but what it throws
//  away, being no request, so this may not wait

zmsg_t *
zrelay_message_poll (void *handle)
{
    zmsg_t *msg = zmsg_new ();
    assert (msg);
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    bool more = true;
    while (more) {
        int rc = zmq_msg_recv (&frame, handle, ZMQ_DONTWAIT);
        if (rc == -1 && errno == EINTR)
            continue;
        if (rc == -1) {
            int error = errno;
            zmsg_destroy (&msg);
            errno = error;
            return NULL;
        }
        zmsg_addmem (msg, zmq_msg_data (&frame), zmq_msg_size (&frame));
        more = zmq_msg_more (&frame);
    }
    zmq_msg_close (&frame);
    return msg;
}

zmsg_t *
zrelay_message_to_zmsg (zrelay_message_t *self)
{
    zmsg_t *msg = zmsg_new ();
    for (size_t index = 0; index < self->count; index++)
        zmsg_addmem (msg, zmq_msg_data (&self->frames [index]),
                     zmq_msg_size (&self->frames [index]));
    return msg;
}


//  --------------------------------------------------------------------------
//  Properties

size_t
zrelay_message_frames (zrelay_message_t *self)
{
    return self->count;
}

zmq_msg_t *
zrelay_message_frame (zrelay_message_t *self, size_t index)
{
    assert (index < self->count);
    return &self->frames [index];
}

size_t
zrelay_message_bytes (zrelay_message_t *self)
{
    size_t bytes = 0;
    for (size_t index = 0; index < self->count; index++)
        bytes += zmq_msg_size (&self->frames [index]);
    return bytes;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_message_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_message: ");

    //  @selftest
    //  Frames are moved in; there is room for any number
    zrelay_message_t *self = zrelay_message_new ();
    for (int index = 0; index < 100; index++) {
        zmq_msg_t frame;
        zmq_msg_init_size (&frame, index * 10);
        memset (zmq_msg_data (&frame), index, index * 10);
        zrelay_message_append (self, &frame);
        assert (zmq_msg_size (&frame) == 0);
        zmq_msg_close (&frame);
    }
    assert (zrelay_message_frames (self) == 100);
    assert (zrelay_message_bytes (self) == 49500);
    zmq_msg_t *last = zrelay_message_frame (self, 99);
    assert (zmq_msg_size (last) == 990);
    assert (*(byte *) zmq_msg_data (last) == 99);

    //  A zmsg of it is a copy, and a message of a zmsg takes it over
    zmsg_t *msg = zrelay_message_to_zmsg (self);
    assert (zmsg_size (msg) == 100);
    assert (zmsg_content_size (msg) == 49500);
    zrelay_message_destroy (&self);
    self = zrelay_message_from_zmsg (&msg);
    assert (!msg);
    assert (zrelay_message_frames (self) == 100);
    assert (*(byte *) zmq_msg_data (zrelay_message_frame (self, 99)) == 99);
    zrelay_message_destroy (&self);
    zrelay_message_destroy (&self);
    //  @end
    printf ("OK\n");
}
