/*  =========================================================================
    zrelay_message - a whole multipart message, its frames as libzmq has them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_message_internal.h"

//  Most messages are short; room grows by doubling
#define INITIAL_ROOM (ZRELAY_MESSAGE_HEADROOM + 6)

//  Frames of a zmsg up to this size are copied: that costs less than to have
//  libzmq's threads free what was allocated here
#define COPY_MOST 1024


//  --------------------------------------------------------------------------
//  Constructor and destructor

static zmq_msg_t *
s_slots_new (size_t room)
{
    zmq_msg_t *slots = (zmq_msg_t *) malloc (room * sizeof (zmq_msg_t));
    assert (slots);
    for (size_t index = 0; index < room; index++)
        zmq_msg_init (&slots [index]);
    return slots;
}

static size_t *
s_sizes_new (size_t room)
{
    size_t *sizes = (size_t *) malloc (room * sizeof (size_t));
    assert (sizes);
    return sizes;
}

zrelay_message_t *
zrelay_message_new (void)
{
    zrelay_message_t *self =
        (zrelay_message_t *) zmalloc (sizeof (zrelay_message_t));
    assert (self);
    self->room = INITIAL_ROOM;
    self->first = ZRELAY_MESSAGE_HEADROOM;
    self->slots = s_slots_new (self->room);
    self->sizes = s_sizes_new (self->room);
    return self;
}

static void
s_close (zmq_msg_t *slot)
{
    zmq_msg_close (slot);
    zmq_msg_init (slot);
}

void
zrelay_message_clear (zrelay_message_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        s_close (&self->slots [self->first + index]);
    zrelay_message_sent (self);
    if (self->origin)
        zframe_destroy (&self->origin);
}

void
zrelay_message_destroy (zrelay_message_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_message_t *self = *self_p;
        zrelay_message_clear (self);
        freen (self->slots);
        freen (self->sizes);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Room. A zmq_msg_t must not be copied by memcpy, which rules out realloc.

static void
s_grow (zrelay_message_t *self, size_t first)
{
    size_t room = self->room * 2;
    zmq_msg_t *slots = s_slots_new (room);
    size_t *sizes = s_sizes_new (room);
    for (size_t index = 0; index < self->count; index++) {
        zmq_msg_t *from = &self->slots [self->first + index];
        zmq_msg_move (&slots [first + index], from);
        zmq_msg_close (from);
    }
    memcpy (sizes + first, self->sizes + self->first,
            self->count * sizeof (size_t));
    freen (self->slots);
    freen (self->sizes);
    self->slots = slots;
    self->sizes = sizes;
    self->room = room;
    self->first = first;
}

void
zrelay_message_grow (zrelay_message_t *self)
{
    s_grow (self, self->first);
}

//  The new first slot

static zmq_msg_t *
s_slot_before (zrelay_message_t *self)
{
    if (self->first == 0)
        s_grow (self, self->room);
    self->first--;
    self->count++;
    return &self->slots [self->first];
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
    return &self->slots [self->first + index];
}

size_t
zrelay_message_bytes (zrelay_message_t *self)
{
    size_t bytes = 0;
    for (size_t index = 0; index < self->count; index++)
        bytes += zrelay_message_size (self, index);
    return bytes;
}

const byte *
zrelay_message_data (zrelay_message_t *self, size_t index)
{
    return index < self->count?
        (const byte *) zmq_msg_data (&self->slots [self->first + index]): NULL;
}

size_t
zrelay_message_size (zrelay_message_t *self, size_t index)
{
    return index < self->count?
        self->sizes [self->first + index]: 0;
}

bool
zrelay_message_equals (zrelay_message_t *self, size_t index,
                       const void *data, size_t size)
{
    return index < self->count
        && zrelay_message_size (self, index) == size
        && memcmp (zrelay_message_data (self, index), data, size) == 0;
}

bool
zrelay_message_streq (zrelay_message_t *self, size_t index, const char *string)
{
    return zrelay_message_equals (self, index, string, strlen (string));
}

char *
zrelay_message_strdup (zrelay_message_t *self, size_t index)
{
    size_t size = zrelay_message_size (self, index);
    char *string = (char *) malloc (size + 1);
    assert (string);
    if (size > 0)
        memcpy (string, zrelay_message_data (self, index), size);
    string [size] = 0;
    return string;
}

//  A handler may have put frames of its own before those of the peer

const char *
zrelay_message_property (zrelay_message_t *self, const char *name)
{
    const char *value = NULL;
    for (size_t index = 0; !value && index < self->count; index++)
        value = zmq_msg_gets (zrelay_message_frame (self, index), name);
    return value || !self->origin? value: zframe_meta (self->origin, name);
}


//  --------------------------------------------------------------------------
//  Frames come and go

//  Put a copy of some bytes into a slot that is empty, or into any

static void
s_fill_empty (zmq_msg_t *slot, const void *data, size_t size)
{
    if (size == 0)
        return;
    int rc = zmq_msg_init_size (slot, size);
    assert (rc == 0);
    memcpy (zmq_msg_data (slot), data, size);
}

static void
s_fill (zmq_msg_t *slot, const void *data, size_t size)
{
    s_close (slot);
    s_fill_empty (slot, data, size);
}

void
zrelay_message_push (zrelay_message_t *self, const void *data, size_t size)
{
    s_fill_empty (s_slot_before (self), data, size);
    self->sizes [self->first] = size;
}

void
zrelay_message_append (zrelay_message_t *self, const void *data, size_t size)
{
    zmq_msg_t *slot = zrelay_message_slot (self);
    if (self->make)
        self->make (self->make_arg, slot, data, size);
    else
        s_fill_empty (slot, data, size);
    zrelay_message_fill_slot (self, size);
}

void
zrelay_message_set_maker (zrelay_message_t *self, zrelay_message_make_fn *make,
                          void *arg)
{
    self->make = make;
    self->make_arg = arg;
}

void
zrelay_message_append_frame (zrelay_message_t *self, zmq_msg_t *frame)
{
    zmq_msg_t *slot = zrelay_message_slot (self);
    zmq_msg_move (slot, frame);
    zrelay_message_fill_slot (self, zmq_msg_size (slot));
}

void
zrelay_message_set (zrelay_message_t *self, size_t index,
                    const void *data, size_t size)
{
    s_fill (zrelay_message_frame (self, index), data, size);
    self->sizes [self->first + index] = size;
}

void
zrelay_message_pop (zrelay_message_t *self)
{
    if (self->count == 0)
        return;
    s_close (&self->slots [self->first]);
    self->first++;
    self->count--;
    if (self->count == 0)
        self->first = ZRELAY_MESSAGE_HEADROOM;
}

//  A message without frames can have another's room, and so all of its frames
//  at once

static void
s_swap (zrelay_message_t *self, zrelay_message_t *from)
{
    zrelay_message_t swapped = *self;
    *self = *from;
    *from = swapped;
    //  This is about a message's peer, not its frames
    from->origin = self->origin;
    self->origin = swapped.origin;
}

void
zrelay_message_move (zrelay_message_t *self, zrelay_message_t *from,
                     size_t frames)
{
    if (self->count == 0 && frames >= from->count) {
        s_swap (self, from);
        return;
    }
    for (; frames > 0 && from->count > 0; frames--) {
        zmq_msg_move (zrelay_message_slot (self), &from->slots [from->first]);
        zrelay_message_fill_slot (self, from->sizes [from->first]);
        from->first++;
        from->count--;
    }
    if (from->count == 0)
        zrelay_message_sent (from);
}

void
zrelay_message_insert (zrelay_message_t *self, size_t index, const void *data,
                       size_t size)
{
    assert (index <= self->count);
    zrelay_message_append (self, data, size);
    zmq_msg_t *slots = &self->slots [self->first];
    size_t *sizes = &self->sizes [self->first];
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    zmq_msg_move (&frame, &slots [self->count - 1]);
    for (size_t place = self->count - 1; place > index; place--) {
        zmq_msg_move (&slots [place], &slots [place - 1]);
        sizes [place] = sizes [place - 1];
    }
    zmq_msg_move (&slots [index], &frame);
    sizes [index] = size;
    zmq_msg_close (&frame);
}

void
zrelay_message_swap (zrelay_message_t *self)
{
    if (self->count < 2)
        return;
    zmq_msg_t *slots = &self->slots [self->first];
    size_t *sizes = &self->sizes [self->first];
    zmq_msg_t spare;
    zmq_msg_init (&spare);
    zmq_msg_move (&spare, &slots [0]);
    zmq_msg_move (&slots [0], &slots [1]);
    zmq_msg_move (&slots [1], &spare);
    zmq_msg_close (&spare);
    size_t size = sizes [0];
    sizes [0] = sizes [1];
    sizes [1] = size;
}

//  The new message has the room, this one gets other

zrelay_message_t *
zrelay_message_take (zrelay_message_t *self)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_t swapped = *self;
    *self = *message;
    *message = swapped;
    zrelay_message_set_maker (self, message->make, message->make_arg);
    zrelay_message_set_maker (message, NULL, NULL);
    return message;
}

void
zrelay_message_share (zrelay_message_t *self, zrelay_message_t *from,
                      size_t first, size_t frames)
{
    for (; frames > 0 && first < from->count; frames--, first++) {
        int rc = zmq_msg_copy (zrelay_message_slot (self),
                               &from->slots [from->first + first]);
        assert (rc == 0);
        zrelay_message_fill_slot (self, from->sizes [from->first + first]);
    }
}

zrelay_message_t *
zrelay_message_dup (zrelay_message_t *self)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_share (message, self, 0, self->count);
    return message;
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

//  A new frame in the place of another

static void
s_replace (zmq_msg_t *slot, zframe_t **by_p)
{
    size_t size = zframe_size (*by_p);
    if (size <= COPY_MOST) {
        s_fill (slot, zframe_data (*by_p), size);
        zframe_destroy (by_p);
        return;
    }
    zmq_msg_close (slot);
    int rc = zmq_msg_init_data (slot, zframe_data (*by_p), size, s_free_frame,
                                *by_p);
    assert (rc == 0);
    *by_p = NULL;
}

static bool
s_same (zmq_msg_t *slot, zframe_t *other)
{
    size_t size = zmq_msg_size (slot);
    return size == zframe_size (other)
        && memcmp (zmq_msg_data (slot), zframe_data (other), size) == 0;
}

void
zrelay_message_restore (zrelay_message_t *self, zmsg_t *msg)
{
    size_t count = 0;
    zframe_t *frame;
    while ((frame = zmsg_pop (msg))) {
        size_t size = zframe_size (frame);
        if (count == self->count) {
            zrelay_message_slot (self);
            zrelay_message_fill_slot (self, 0);
        }
        size_t place = self->first + count++;
        zmq_msg_t *slot = &self->slots [place];
        if (s_same (slot, frame))
            zframe_destroy (&frame);
        else
        if (!self->origin && zframe_meta (frame, "Peer-Address")) {
            s_fill (slot, zframe_data (frame), size);
            self->origin = frame;
        }
        else
            s_replace (slot, &frame);
        self->sizes [place] = size;
    }
    while (self->count > count)
        s_close (&self->slots [self->first + --self->count]);
}

void
zrelay_message_show (zrelay_message_t *self, zmsg_t *msg)
{
    for (size_t index = 0; index < self->count; index++)
        if (self->origin && s_same (&self->slots [self->first + index],
                                    self->origin))
            zmsg_append (msg, &self->origin);
        else
            zmsg_addmem (msg, zrelay_message_data (self, index),
                         zrelay_message_size (self, index));
}

zmsg_t *
zrelay_message_to_zmsg (zrelay_message_t *self)
{
    zmsg_t *msg = zmsg_new ();
    assert (msg);
    zrelay_message_show (self, msg);
    return msg;
}

zrelay_message_t *
zrelay_message_from_zmsg (zmsg_t **msg_p)
{
    assert (msg_p && *msg_p);
    zrelay_message_t *self = zrelay_message_new ();
    zrelay_message_restore (self, *msg_p);
    zmsg_destroy (msg_p);
    return self;
}

int
zrelay_message_give_frame (void *handle, const void *data, size_t size,
                           bool more)
{
    int rc;
    do
        rc = zmq_send (handle, data, size,
                       ZMQ_DONTWAIT | (more? ZMQ_SNDMORE: 0));
    while (rc == -1 && errno == EINTR);
    return rc == -1? -1: 0;
}

int
zrelay_message_give (void *handle, zmsg_t **msg_p)
{
    zframe_t *frame = zmsg_first (*msg_p);
    bool first = true;
    while (frame) {
        zframe_t *next = zmsg_next (*msg_p);
        int rc = zrelay_message_give_frame (handle, zframe_data (frame),
                                            zframe_size (frame), next != NULL);
        if (rc == -1 && first)
            return -1;
        first = false;
        frame = next;
    }
    zmsg_destroy (msg_p);
    return 0;
}

//  A REP that a poll reported may have nothing to receive but what it throws
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


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_frames (void)
{
    //  Frames are moved in; there is room for any number, at both ends
    zrelay_message_t *self = zrelay_message_new ();
    for (int index = 0; index < 100; index++) {
        zmq_msg_t frame;
        zmq_msg_init_size (&frame, index * 10);
        memset (zmq_msg_data (&frame), index, index * 10);
        zrelay_message_append_frame (self, &frame);
        assert (zmq_msg_size (&frame) == 0);
        zmq_msg_close (&frame);
    }
    assert (zrelay_message_frames (self) == 100);
    assert (zrelay_message_bytes (self) == 49500);
    assert (zrelay_message_size (self, 99) == 990);
    assert (*zrelay_message_data (self, 99) == 99);
    for (int index = 0; index < 100; index++)
        zrelay_message_push (self, "front", 5);
    assert (zrelay_message_frames (self) == 200);
    assert (zrelay_message_streq (self, 99, "front"));
    assert (zrelay_message_size (self, 199) == 990);
    for (int index = 0; index < 150; index++)
        zrelay_message_pop (self);
    assert (zrelay_message_size (self, 0) == 500);

    //  A frame that is not there is empty
    assert (!zrelay_message_data (self, 50));
    assert (zrelay_message_size (self, 50) == 0);
    assert (!zrelay_message_streq (self, 50, ""));
    char *string = zrelay_message_strdup (self, 50);
    assert (streq (string, ""));
    zstr_free (&string);
    assert (!zrelay_message_property (self, "User-Id"));
    zrelay_message_clear (self);
    assert (zrelay_message_frames (self) == 0);
    zrelay_message_pop (self);
    zrelay_message_destroy (&self);
    zrelay_message_destroy (&self);
}

static void
s_test_moves (void)
{
    zrelay_message_t *self = zrelay_message_new ();
    zrelay_message_append (self, "id", 2);
    zrelay_message_append (self, "", 0);
    zrelay_message_append (self, "a body that is longer than thirty-three "
                                 "characters", 50);

    //  A duplicate shares the data
    zrelay_message_t *copy = zrelay_message_dup (self);
    assert (zrelay_message_frames (copy) == 3);
    assert (zrelay_message_data (copy, 2) == zrelay_message_data (self, 2));

    //  Taking leaves nothing, and moves no data
    const byte *data = zrelay_message_data (self, 2);
    zrelay_message_t *taken = zrelay_message_take (self);
    assert (zrelay_message_frames (self) == 0);
    assert (zrelay_message_data (taken, 2) == data);

    //  An envelope goes from one to the other
    zrelay_message_move (self, taken, 2);
    assert (zrelay_message_frames (self) == 2);
    assert (zrelay_message_streq (self, 0, "id"));
    assert (zrelay_message_frames (taken) == 1);
    zrelay_message_swap (taken);
    zrelay_message_move (self, taken, 9);
    assert (zrelay_message_frames (self) == 3);
    zrelay_message_swap (self);
    assert (zrelay_message_size (self, 0) == 0);
    assert (zrelay_message_streq (self, 1, "id"));
    assert (zrelay_message_frames (taken) == 0);
    zrelay_message_set (self, 2, "new", 3);
    char *string = zrelay_message_strdup (self, 2);
    assert (streq (string, "new"));
    zstr_free (&string);
    zrelay_message_destroy (&self);
    zrelay_message_destroy (&copy);
    zrelay_message_destroy (&taken);
}

static void
s_test_zmsg (void)
{
    //  A zmsg of it is a copy, and a message of a zmsg takes it over
    zrelay_message_t *self = zrelay_message_new ();
    char data [2000];
    for (int index = 0; index < 100; index++) {
        memset (data, index, sizeof (data));
        zrelay_message_append (self, data, index * 20);
    }
    zmsg_t *msg = zrelay_message_to_zmsg (self);
    assert (zmsg_size (msg) == 100);
    assert (zmsg_content_size (msg) == 99000);
    zrelay_message_destroy (&self);
    self = zrelay_message_from_zmsg (&msg);
    assert (!msg);
    assert (zrelay_message_frames (self) == 100);
    assert (*zrelay_message_data (self, 99) == 99);

    //  Frames that are the same remain what they are, others are replaced
    const byte *before = zrelay_message_data (self, 99);
    msg = zmsg_new ();
    zrelay_message_show (self, msg);
    zframe_reset (zmsg_first (msg), "changed", 7);
    zrelay_message_restore (self, msg);
    assert (zmsg_size (msg) == 0);
    assert (zrelay_message_data (self, 99) == before);
    assert (zrelay_message_streq (self, 0, "changed"));

    //  There may be fewer and more of them
    for (size_t count = 1; count < 5; count += 2) {
        for (size_t index = 0; index < count; index++)
            zmsg_addstr (msg, "frame");
        zrelay_message_restore (self, msg);
        assert (zrelay_message_frames (self) == count);
        assert (zrelay_message_bytes (self) == 5 * count);
    }
    zmsg_destroy (&msg);
    zrelay_message_destroy (&self);
}

void
zrelay_message_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_message: ");
    //  @selftest
    s_test_frames ();
    s_test_moves ();
    s_test_zmsg ();
    //  @end
    printf ("OK\n");
}
