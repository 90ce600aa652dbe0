/*  =========================================================================
    zrelay_block - messages as bytes, with a checksum, as a store keeps them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_block.h"
#include "zrelay_crc.h"

#include <arpa/inet.h>

//  Where a block has what
#define COUNT_AT 4
#define TIME_AT 8
#define MESSAGES_AT 16

//  What a message has before its frames, and a frame before its bytes
#define MESSAGE_HEAD 5
#define FRAME_HEAD 4

//  LMDB keeps no larger record
#define SIZE_MOST UINT32_MAX

struct _zrelay_block_t {
    byte *data;                 //  As in a store; the checksum when asked for
    size_t size;                //  Bytes of that
    size_t room;                //  Bytes that were allocated
    uint32_t count;             //  Messages
    int64_t time;               //  When the first was put
    size_t place;               //  Where the next message is
};


//  --------------------------------------------------------------------------
//  Numbers in network order

static uint32_t
s_number (const byte *place)
{
    uint32_t number;
    memcpy (&number, place, sizeof (number));
    return ntohl (number);
}

static void
s_set_number (byte *place, uint32_t number)
{
    number = htonl (number);
    memcpy (place, &number, sizeof (number));
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_block_t *
zrelay_block_new (void)
{
    zrelay_block_t *self = (zrelay_block_t *) zmalloc (sizeof (zrelay_block_t));
    assert (self);
    self->room = ZRELAY_BLOCK_FULL;
    self->data = (byte *) malloc (self->room);
    assert (self->data);
    self->place = MESSAGES_AT;
    self->size = MESSAGES_AT;
    self->time = zclock_time ();
    return self;
}

void
zrelay_block_destroy (zrelay_block_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_block_t *self = *self_p;
        freen (self->data);
        freen (self);
        *self_p = NULL;
    }
}

//  Where the message behind this place ends, or 0 if that is beyond the end

static size_t
s_end_of_message (const byte *data, size_t size, size_t place)
{
    if (size - place < MESSAGE_HEAD)
        return 0;
    uint32_t frames = s_number (data + place + 1);
    place += MESSAGE_HEAD;
    for (; frames > 0; frames--) {
        if (size - place < FRAME_HEAD)
            return 0;
        size_t bytes = s_number (data + place);
        place += FRAME_HEAD;
        if (size - place < bytes)
            return 0;
        place += bytes;
    }
    return place;
}

//  The checksum is right, yet nothing that was read from a file may lead beyond
//  its end

static bool
s_is_sound (const byte *data, size_t size)
{
    if (size < MESSAGES_AT
    ||  zrelay_crc (data + COUNT_AT, size - COUNT_AT) != s_number (data))
        return false;
    size_t place = MESSAGES_AT;
    for (uint32_t left = s_number (data + COUNT_AT); left > 0; left--) {
        place = s_end_of_message (data, size, place);
        if (place == 0)
            return false;
    }
    return place == size;
}

static void
s_need_room (zrelay_block_t *self, size_t size)
{
    if (size <= self->room)
        return;
    while (size > self->room)
        self->room *= 2;
    self->data = (byte *) realloc (self->data, self->room);
    assert (self->data);
}

bool
zrelay_block_reload (zrelay_block_t *self, const void *data, size_t size)
{
    const byte *bytes = (const byte *) data;
    if (!s_is_sound (bytes, size))
        return false;
    s_need_room (self, size);
    memcpy (self->data, data, size);
    self->size = size;
    self->place = MESSAGES_AT;
    self->count = s_number (bytes + COUNT_AT);
    self->time = (int64_t) ((uint64_t) s_number (bytes + TIME_AT) << 32
                            | s_number (bytes + TIME_AT + 4));
    return true;
}

zrelay_block_t *
zrelay_block_load (const void *data, size_t size)
{
    zrelay_block_t *self = zrelay_block_new ();
    if (!zrelay_block_reload (self, data, size))
        zrelay_block_destroy (&self);
    return self;
}


//  --------------------------------------------------------------------------
//  Messages come

static size_t
s_size_of (zrelay_message_t *message)
{
    return MESSAGE_HEAD + zrelay_message_bytes (message)
         + FRAME_HEAD * zrelay_message_frames (message);
}

bool
zrelay_block_full (zrelay_block_t *self, size_t bytes)
{
    return self->size + bytes > ZRELAY_BLOCK_FULL;
}

bool
zrelay_block_add (zrelay_block_t *self, zrelay_message_t *message, byte mark)
{
    size_t size = s_size_of (message);
    size_t frames = zrelay_message_frames (message);
    if (size > SIZE_MOST - self->size)
        return false;
    s_need_room (self, self->size + size);
    byte *place = self->data + self->size;
    *place = mark;
    s_set_number (place + 1, (uint32_t) frames);
    place += MESSAGE_HEAD;
    for (size_t index = 0; index < frames; index++) {
        size_t bytes = zrelay_message_size (message, index);
        s_set_number (place, (uint32_t) bytes);
        place += FRAME_HEAD;
        if (bytes > 0)
            memcpy (place, zrelay_message_data (message, index), bytes);
        place += bytes;
    }
    self->size += size;
    self->count++;
    return true;
}


//  --------------------------------------------------------------------------
//  Messages are read

bool
zrelay_block_at_end (zrelay_block_t *self)
{
    return self->place == self->size;
}

void
zrelay_block_rewind (zrelay_block_t *self)
{
    self->place = MESSAGES_AT;
}

bool
zrelay_block_next (zrelay_block_t *self, zrelay_message_t *message,
                   byte *mark_p, size_t *bytes_p)
{
    if (zrelay_block_at_end (self))
        return false;
    const byte *place = self->data + self->place;
    *mark_p = *place;
    *bytes_p = 0;
    uint32_t frames = s_number (place + 1);
    place += MESSAGE_HEAD;
    for (; frames > 0; frames--) {
        size_t size = s_number (place);
        place += FRAME_HEAD;
        if (message)
            zrelay_message_append (message, place, size);
        *bytes_p += size;
        place += size;
    }
    self->place = (size_t) (place - self->data);
    return true;
}


//  --------------------------------------------------------------------------
//  Properties

bool
zrelay_block_large (zrelay_block_t *self)
{
    return self->room > ZRELAY_BLOCK_FULL;
}

uint32_t
zrelay_block_count (zrelay_block_t *self)
{
    return self->count;
}

int64_t
zrelay_block_time (zrelay_block_t *self)
{
    return self->time;
}

const byte *
zrelay_block_data (zrelay_block_t *self, size_t *size_p)
{
    uint64_t time = (uint64_t) self->time;
    s_set_number (self->data + COUNT_AT, self->count);
    s_set_number (self->data + TIME_AT, (uint32_t) (time >> 32));
    s_set_number (self->data + TIME_AT + 4, (uint32_t) time);
    s_set_number (self->data,
                  zrelay_crc (self->data + COUNT_AT, self->size - COUNT_AT));
    *size_p = self->size;
    return self->data;
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_damage (zrelay_block_t *block)
{
    size_t size;
    const byte *data = zrelay_block_data (block, &size);
    byte *copy = (byte *) malloc (size);
    assert (copy);
    for (size_t place = 0; place < size; place++) {
        memcpy (copy, data, size);
        copy [place] ^= 0x10;
        assert (!zrelay_block_load (copy, size));
        assert (!zrelay_block_load (data, place));
    }
    freen (copy);

    //  A right checksum of what leads beyond the end
    byte lies [MESSAGES_AT + MESSAGE_HEAD + FRAME_HEAD] = { 0 };
    lies [COUNT_AT + 3] = 1;
    lies [MESSAGES_AT + 4] = 1;
    lies [MESSAGES_AT + MESSAGE_HEAD + 3] = 1;
    s_set_number (lies, zrelay_crc (lies + COUNT_AT, sizeof (lies) - COUNT_AT));
    assert (!zrelay_block_load (lies, sizeof (lies)));
}

void
zrelay_block_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_block: ");
    //  @selftest
    zrelay_block_t *self = zrelay_block_new ();
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, "one", 3);
    zrelay_message_append (message, "", 0);
    zrelay_message_append (message, "three", 5);
    bool added = zrelay_block_add (self, message, 7);
    assert (added);
    zrelay_message_clear (message);
    added = zrelay_block_add (self, message, 0);
    assert (added);
    s_test_damage (self);

    size_t size;
    const byte *data = zrelay_block_data (self, &size);
    zrelay_block_t *loaded = zrelay_block_load (data, size);
    assert (loaded);
    assert (zrelay_block_count (loaded) == 2);
    assert (zrelay_block_time (loaded) == zrelay_block_time (self));
    byte mark;
    size_t bytes;
    for (int round = 0; round < 2; round++) {
        zrelay_message_clear (message);
        bool found = zrelay_block_next (loaded, message, &mark, &bytes);
        assert (found && mark == 7 && bytes == 8);
        assert (zrelay_message_frames (message) == 3);
        assert (zrelay_message_streq (message, 0, "one"));
        assert (zrelay_message_streq (message, 1, ""));
        assert (zrelay_message_streq (message, 2, "three"));
        assert (!zrelay_block_at_end (loaded));
        found = zrelay_block_next (loaded, NULL, &mark, &bytes);
        assert (found && mark == 0 && bytes == 0);
        assert (!zrelay_block_next (loaded, NULL, &mark, &bytes));
        zrelay_block_rewind (loaded);
    }
    zrelay_block_destroy (&loaded);
    zrelay_block_destroy (&self);
    zrelay_message_destroy (&message);
    //  @end
    printf ("OK\n");
}
