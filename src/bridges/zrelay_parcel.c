/*  =========================================================================
    zrelay_parcel - messages as the bytes in which they cross to other sites

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_parcel.h"

//  Bytes of a number
#define NUMBER 4

//  Room that a parcel has at first
#define ROOM 256

//  Sizes of frames that are looked up once for all that follows
typedef struct {
    const byte *sizes;          //  Where the sizes are
    const byte *frames;         //  Where the frames are
    size_t count;               //  How many there are
    size_t size;                //  Bytes of the whole message
} layout_t;


//  --------------------------------------------------------------------------
//  Numbers

static void
s_put (byte *to, size_t number)
{
    to [0] = (byte) (number >> 24);
    to [1] = (byte) (number >> 16);
    to [2] = (byte) (number >> 8);
    to [3] = (byte) number;
}

static size_t
s_get (const byte *from)
{
    return (size_t) from [0] << 24 | (size_t) from [1] << 16
         | (size_t) from [2] << 8 | (size_t) from [3];
}

void
zrelay_parcel_put_long (byte *to, uint64_t number)
{
    for (int index = 0; index < ZRELAY_PARCEL_LONG; index++)
        to [index] = (byte) (number >> (56 - 8 * index));
}

uint64_t
zrelay_parcel_get_long (const byte *from)
{
    uint64_t number = 0;
    for (int index = 0; index < ZRELAY_PARCEL_LONG; index++)
        number = number << 8 | from [index];
    return number;
}


//  --------------------------------------------------------------------------
//  Writing

size_t
zrelay_parcel_cost (zrelay_message_t *message, size_t first)
{
    size_t frames = zrelay_message_frames (message);
    if (frames <= first || frames - first > ZRELAY_PARCEL_FRAMES)
        return 0;
    size_t cost = NUMBER;
    for (size_t index = first; index < frames; index++) {
        size_t size = zrelay_message_size (message, index);
        if (size > INT32_MAX)
            return 0;
        cost += NUMBER + size;
    }
    return cost;
}

void
zrelay_parcel_add (zrelay_parcel_t *self, zrelay_message_t *message,
                   size_t first)
{
    size_t cost = zrelay_parcel_cost (message, first);
    assert (cost > 0);
    if (self->room - self->size < cost) {
        size_t room = self->room? self->room * 2: ROOM;
        self->room = room - self->size < cost? self->size + cost: room;
        self->data = (byte *) realloc (self->data, self->room);
        assert (self->data);
    }
    size_t frames = zrelay_message_frames (message);
    byte *number = self->data + self->size;
    byte *frame = number + NUMBER * (1 + frames - first);
    s_put (number, frames - first);
    for (size_t index = first; index < frames; index++) {
        size_t size = zrelay_message_size (message, index);
        s_put (number += NUMBER, size);
        if (size > 0)
            memcpy (frame, zrelay_message_data (message, index), size);
        frame += size;
    }
    self->size += cost;
    self->messages++;
}

void
zrelay_parcel_clear (zrelay_parcel_t *self)
{
    free (self->data);
    memset (self, 0, sizeof (*self));
}


//  --------------------------------------------------------------------------
//  Reading: nothing is believed. What is left shrinks with each number that is
//  read, so none of them can lead outside, nor their sum.

static const char *
s_measure (const byte *data, size_t left, layout_t *layout)
{
    if (left < NUMBER)
        return "it ends within a number";
    layout->count = s_get (data);
    if (layout->count == 0 || layout->count > ZRELAY_PARCEL_FRAMES)
        return "a message has no frames, or too many";
    layout->sizes = data + NUMBER;
    left -= NUMBER;
    if (left / NUMBER < layout->count)
        return "it ends before all sizes of frames";
    left -= NUMBER * layout->count;
    layout->frames = layout->sizes + NUMBER * layout->count;
    layout->size = NUMBER * (1 + layout->count);
    for (size_t index = 0; index < layout->count; index++) {
        size_t size = s_get (layout->sizes + NUMBER * index);
        if (size > left)
            return "a frame is larger than what is left";
        left -= size;
        layout->size += size;
    }
    return NULL;
}

const char *
zrelay_parcel_fault (const void *data, size_t size, size_t *messages_p)
{
    const char *fault = size > 0? NULL: "it is empty";
    *messages_p = 0;
    for (size_t at = 0; !fault && at < size; ) {
        layout_t layout;
        fault = s_measure ((const byte *) data + at, size - at, &layout);
        if (!fault) {
            at += layout.size;
            ++*messages_p;
        }
    }
    return fault;
}

bool
zrelay_parcel_next (const void *data, size_t size, size_t *at_p,
                    zrelay_message_t *message)
{
    layout_t layout;
    if (*at_p >= size
    ||  s_measure ((const byte *) data + *at_p, size - *at_p, &layout))
        return false;
    const byte *frame = layout.frames;
    for (size_t index = 0; index < layout.count; index++) {
        size_t length = s_get (layout.sizes + NUMBER * index);
        zrelay_message_append (message, frame, length);
        frame += length;
    }
    *at_p += layout.size;
    return true;
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_wrong (const char *bytes, size_t size)
{
    //  In memory of just that size, so that a look beyond it is found
    byte *copy = (byte *) malloc (size + !size);
    assert (copy);
    memcpy (copy, bytes, size);
    size_t messages;
    assert (zrelay_parcel_fault (copy, size, &messages));
    free (copy);
}
#define WRONG(bytes) s_test_wrong (bytes, sizeof (bytes) - 1)

void
zrelay_parcel_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_parcel: ");

    //  @selftest
    //  Two messages, one of them without its first frame
    zrelay_message_t *message = zrelay_message_new ();
    assert (zrelay_parcel_cost (message, 0) == 0);
    zrelay_message_append (message, "A", 1);
    zrelay_message_append (message, "", 0);
    zrelay_message_append (message, "BCD", 3);
    assert (zrelay_parcel_cost (message, 3) == 0);
    zrelay_parcel_t parcel = { NULL, 0, 0, 0 };
    zrelay_parcel_add (&parcel, message, 0);
    zrelay_parcel_add (&parcel, message, 1);
    static const char expected [] =
        "\0\0\0\3\0\0\0\1\0\0\0\0\0\0\0\3A" "BCD"
        "\0\0\0\2\0\0\0\0\0\0\0\3BCD";
    assert (parcel.size == sizeof (expected) - 1);
    assert (memcmp (parcel.data, expected, parcel.size) == 0);
    assert (parcel.messages == 2);

    size_t messages;
    size_t at = 0;
    assert (!zrelay_parcel_fault (parcel.data, parcel.size, &messages));
    assert (messages == 2);
    zrelay_message_clear (message);
    assert (zrelay_parcel_next (parcel.data, parcel.size, &at, message));
    assert (zrelay_message_frames (message) == 3);
    assert (zrelay_message_streq (message, 0, "A"));
    assert (zrelay_message_streq (message, 2, "BCD"));
    zrelay_message_clear (message);
    assert (zrelay_parcel_next (parcel.data, parcel.size, &at, message));
    assert (zrelay_message_frames (message) == 2);
    zrelay_message_clear (message);
    assert (!zrelay_parcel_next (parcel.data, parcel.size, &at, message));

    //  No beginning of it is a parcel, but for the first message
    for (size_t size = 0; size < parcel.size; size++)
        if (size != 20)
            s_test_wrong (expected, size);

    //  It grows
    byte large [1000];
    memset (large, 7, sizeof (large));
    zrelay_message_append (message, large, sizeof (large));
    for (int count = 0; count < 10; count++)
        zrelay_parcel_add (&parcel, message, 0);
    assert (!zrelay_parcel_fault (parcel.data, parcel.size, &messages));
    assert (messages == 12);
    zrelay_parcel_clear (&parcel);
    assert (!parcel.data && parcel.room == 0);
    zrelay_message_destroy (&message);

    //  What others may send
    WRONG ("");
    WRONG ("\0\0\0\0");
    WRONG ("\0\0\0\1\0\0\0\2A");
    WRONG ("\0\0\0\1\0\0\0\1AB");
    WRONG ("\377\377\377\377\0\0\0\1A");
    WRONG ("\0\0\0\2\377\377\377\377\0\0\0\2A");
    //  @end
    printf ("OK\n");
}
