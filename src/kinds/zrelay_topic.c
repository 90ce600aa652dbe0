/*  =========================================================================
    zrelay_topic - a topic with its last value

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_topic.h"

//  libzmq receives frames that are no larger than its buffer as parts of it;
//  larger values are not worth a copy
#define BLOCK_MOST 16384

//  To find one of more frames than that in a block would take long
#define FRAMES_MOST 64

//  A block that is used to less than this part is replaced by a smaller one
#define SLACK 2

//  The block of a value: this, the sizes of its frames, and their bytes
typedef struct {
    uint32_t room;              //  Bytes behind this
    uint32_t frames;            //  How many frames are in it
    uint32_t sizes [];          //  Theirs
} block_t;

zrelay_topic_t *
zrelay_topic_new (const void *name, size_t size)
{
    zrelay_topic_t *self =
        (zrelay_topic_t *) malloc (sizeof (zrelay_topic_t) + size);
    assert (self);
    memset (self, 0, sizeof (zrelay_topic_t));
    if (size > 0)
        memcpy (self->name, name, size);
    self->leaf.key = self->name;
    self->leaf.size = (uint32_t) size;
    zrelay_ring_init (&self->recent);
    zrelay_ring_init (&self->queue);
    return self;
}

static void
s_forget (zrelay_topic_t *self)
{
    if (self->large)
        zrelay_message_destroy ((zrelay_message_t **) (void *) &self->value);
    else
        freen (self->value);
    self->large = false;
}

void
zrelay_topic_destroy (zrelay_topic_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        s_forget (*self_p);
        freen (*self_p);
    }
}

//  A block with just so much room, or somewhat more

static block_t *
s_block (zrelay_topic_t *self, size_t room)
{
    block_t *block = self->large? NULL: (block_t *) self->value;
    if (block && block->room >= room && block->room <= room * SLACK + 64)
        return block;
    s_forget (self);
    block = (block_t *) malloc (sizeof (block_t) + room);
    assert (block);
    block->room = (uint32_t) room;
    self->value = block;
    return block;
}

static void
s_set_block (zrelay_topic_t *self, zrelay_message_t *message)
{
    size_t first = self->whole;
    size_t frames = zrelay_message_frames (message) - first;
    size_t bytes = self->size - (first? self->leaf.size: 0);
    block_t *block = s_block (self, frames * sizeof (uint32_t) + bytes);
    block->frames = (uint32_t) frames;
    byte *place = (byte *) (block->sizes + frames);
    for (size_t index = 0; index < frames; index++) {
        size_t size = zrelay_message_size (message, first + index);
        block->sizes [index] = (uint32_t) size;
        if (size > 0)
            memcpy (place, zrelay_message_data (message, first + index), size);
        place += size;
    }
}

void
zrelay_topic_set (zrelay_topic_t *self, zrelay_message_t *message)
{
    self->size = zrelay_message_bytes (message);
    bool small = self->size <= BLOCK_MOST
              && zrelay_message_frames (message) <= FRAMES_MOST;
    self->whole = small
               && zrelay_message_size (message, 0) == self->leaf.size;
    if (small)
        s_set_block (self, message);
    else {
        s_forget (self);
        self->value = zrelay_message_dup (message);
        self->large = true;
    }
}

void
zrelay_topic_get (zrelay_topic_t *self, zrelay_message_t *message)
{
    if (self->large) {
        zrelay_message_t *copy =
            zrelay_message_dup ((zrelay_message_t *) self->value);
        zrelay_message_move (message, copy, SIZE_MAX);
        zrelay_message_destroy (&copy);
        return;
    }
    if (self->whole)
        zrelay_message_append (message, self->name, self->leaf.size);
    block_t *block = (block_t *) self->value;
    const byte *place = (const byte *) (block->sizes + block->frames);
    for (size_t index = 0; index < block->frames; index++) {
        zrelay_message_append (message, place, block->sizes [index]);
        place += block->sizes [index];
    }
}

size_t
zrelay_topic_frames (zrelay_topic_t *self)
{
    return self->large? zrelay_message_frames (
        (zrelay_message_t *) self->value):
        self->whole + ((block_t *) self->value)->frames;
}

const byte *
zrelay_topic_frame (zrelay_topic_t *self, size_t index, size_t *size_p)
{
    if (self->large) {
        zrelay_message_t *message = (zrelay_message_t *) self->value;
        *size_p = zrelay_message_size (message, index);
        return zrelay_message_data (message, index);
    }
    if (self->whole && index == 0) {
        *size_p = self->leaf.size;
        return self->name;
    }
    block_t *block = (block_t *) self->value;
    const byte *place = (const byte *) (block->sizes + block->frames);
    index -= self->whole;
    for (size_t other = 0; other < index; other++)
        place += block->sizes [other];
    *size_p = block->sizes [index];
    return place;
}


//  --------------------------------------------------------------------------
//  Selftest

//  Set a value of one or two more frames, and see that it comes back

static void
s_test_value (zrelay_topic_t *self, const char *first, size_t second,
              bool large)
{
    byte *filling = (byte *) zmalloc (second + 1);
    memset (filling, 'x', second);
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, first, strlen (first));
    zrelay_message_append (message, filling, second);
    zrelay_message_append (message, "", 0);
    zrelay_topic_set (self, message);
    assert (self->large == large);
    assert (self->size == strlen (first) + second);
    assert (zrelay_topic_frames (self) == 3);
    zrelay_message_t *copy = zrelay_message_new ();
    zrelay_topic_get (self, copy);
    assert (zrelay_message_frames (copy) == 3);
    for (size_t index = 0; index < 3; index++) {
        size_t size;
        const byte *data = zrelay_topic_frame (self, index, &size);
        assert (zrelay_message_equals (message, index, data, size));
        assert (zrelay_message_equals (copy, index, data, size));
    }
    zrelay_message_destroy (&message);
    zrelay_message_destroy (&copy);
    freen (filling);
}

void
zrelay_topic_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_topic: ");
    //  @selftest
    zrelay_topic_t *self = zrelay_topic_new ("oslo", 4);
    s_test_value (self, "oslo", 100, false);
    void *block = self->value;
    s_test_value (self, "oslo", 90, false);
    assert (self->value == block);
    s_test_value (self, "oslo=rain", 100, false);
    s_test_value (self, "oslo", 0, false);
    s_test_value (self, "oslo", 100000, true);
    s_test_value (self, "oslo=rain", 100000, true);
    s_test_value (self, "oslo", 1000, false);
    zrelay_topic_destroy (&self);
    zrelay_topic_destroy (&self);
    //  @end
    printf ("OK\n");
}
