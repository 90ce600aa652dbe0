/*  =========================================================================
    zrelay_message - a whole multipart message that is held or looked at

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_message.h"

//  Most messages are short; room grows by doubling
#define INITIAL_ROOM 4

//  Frames of a zmsg up to this size are copied: that costs less than to have
//  libzmq's threads free what was allocated here
#define COPY_MOST 1024

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
    self->frames = (zmq_msg_t *) malloc (self->room * sizeof (zmq_msg_t));
    assert (self->frames);
    return self;
}


void
zrelay_message_clear (zrelay_message_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        zmq_msg_close (&self->frames [index]);
    self->count = 0;
}


//  --------------------------------------------------------------------------
//  Destructor

void
zrelay_message_destroy (zrelay_message_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_message_t *self = *self_p;
        zrelay_message_clear (self);
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
    zmq_msg_t *frames = (zmq_msg_t *) malloc (room * sizeof (zmq_msg_t));
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

//  A new frame in the place of another, which is initialised

static void
s_replace (zmq_msg_t *frame, zframe_t **by_p)
{
    size_t size = zframe_size (*by_p);
    zmq_msg_close (frame);
    int rc = size > COPY_MOST?
        zmq_msg_init_data (frame, zframe_data (*by_p), size, s_free_frame,
                           *by_p): zmq_msg_init_size (frame, size);
    assert (rc == 0);
    if (size <= COPY_MOST) {
        memcpy (zmq_msg_data (frame), zframe_data (*by_p), size);
        zframe_destroy (by_p);
    }
    *by_p = NULL;
}

static bool
s_same (zmq_msg_t *frame, zframe_t *other)
{
    size_t size = zmq_msg_size (frame);
    return size == zframe_size (other)
        && memcmp (zmq_msg_data (frame), zframe_data (other), size) == 0;
}

void
zrelay_message_take (zrelay_message_t *self, zmsg_t *msg)
{
    size_t count = 0;
    zframe_t *frame;
    while ((frame = zmsg_pop (msg))) {
        if (count == self->count)
            zmq_msg_init (s_next (self));
        if (s_same (&self->frames [count], frame))
            zframe_destroy (&frame);
        else
            s_replace (&self->frames [count], &frame);
        count++;
    }
    while (self->count > count)
        zmq_msg_close (&self->frames [--self->count]);
}

zrelay_message_t *
zrelay_message_from_zmsg (zmsg_t **msg_p)
{
    assert (msg_p && *msg_p);
    zrelay_message_t *self = zrelay_message_new ();
    zrelay_message_take (self, *msg_p);
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

void
zrelay_message_show (zrelay_message_t *self, zmsg_t *msg)
{
    for (size_t index = 0; index < self->count; index++)
        zmsg_addmem (msg, zmq_msg_data (&self->frames [index]),
                     zmq_msg_size (&self->frames [index]));
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
    zmsg_t *msg = zmsg_new ();
    zrelay_message_show (self, msg);
    assert (zmsg_size (msg) == 100);
    assert (zmsg_content_size (msg) == 49500);
    zrelay_message_destroy (&self);
    self = zrelay_message_from_zmsg (&msg);
    assert (!msg);
    assert (zrelay_message_frames (self) == 100);
    assert (*(byte *) zmq_msg_data (zrelay_message_frame (self, 99)) == 99);

    //  Frames that are the same remain what they are, others are replaced
    void *data = zmq_msg_data (zrelay_message_frame (self, 99));
    msg = zmsg_new ();
    zrelay_message_show (self, msg);
    zframe_reset (zmsg_first (msg), "changed", 7);
    zrelay_message_take (self, msg);
    assert (zmsg_size (msg) == 0);
    assert (zmq_msg_data (zrelay_message_frame (self, 99)) == data);
    assert (zmq_msg_size (zrelay_message_frame (self, 0)) == 7);

    //  There may be fewer and more of them
    for (size_t count = 1; count < 5; count += 2) {
        for (size_t index = 0; index < count; index++)
            zmsg_addstr (msg, "frame");
        zrelay_message_take (self, msg);
        assert (zrelay_message_frames (self) == count);
        assert (zrelay_message_bytes (self) == 5 * count);
    }
    zmsg_destroy (&msg);
    zrelay_message_destroy (&self);
    zrelay_message_destroy (&self);
    //  @end
    printf ("OK\n");
}
