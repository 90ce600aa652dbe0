/*  =========================================================================
    zrelay_mask - hides the routing ids that a ROUTER chose

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_mask.h"

//  An automatic id: this byte, and a number
#define AUTOMATIC 0
#define ID_SIZE 5

//  A number of 32 bits has two halves
#define HALF 16
#define HALF_MASK 0xffffu

void
zrelay_mask_init (zrelay_mask_t *self)
{
    for (int round = 0; round < ZRELAY_MASK_ROUNDS; round++) {
        uint64_t random [2];
        zuuid_t *uuid = zuuid_new ();
        assert (uuid);
        memcpy (random, zuuid_data (uuid), sizeof (random));
        zuuid_destroy (&uuid);
        self->rounds [round].factor = random [0] | 1;
        self->rounds [round].term = random [1];
    }
    self->active = true;
}

static zrelay_mask_t s_shared;
static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static void
s_draw_shared (void)
{
    zrelay_mask_init (&s_shared);
}

void
zrelay_mask_share (zrelay_mask_t *self)
{
    pthread_once (&s_once, s_draw_shared);
    *self = s_shared;
}

static inline bool
s_is_automatic (const byte *id, size_t size)
{
    return size == ID_SIZE && id [0] == AUTOMATIC;
}

//  Of a half, as many bits

static inline uint32_t
s_hash (const zrelay_mask_t *self, int round, uint32_t half)
{
    return (uint32_t) ((half * self->rounds [round].factor
                        + self->rounds [round].term) >> (64 - HALF));
}

static inline uint32_t
s_encipher (const zrelay_mask_t *self, uint32_t number)
{
    uint32_t left = number >> HALF;
    uint32_t right = number & HALF_MASK;
    for (int round = 0; round < ZRELAY_MASK_ROUNDS; round += 2) {
        left ^= s_hash (self, round, right);
        right ^= s_hash (self, round + 1, left);
    }
    return left << HALF | right;
}

static inline uint32_t
s_decipher (const zrelay_mask_t *self, uint32_t number)
{
    uint32_t left = number >> HALF;
    uint32_t right = number & HALF_MASK;
    for (int round = ZRELAY_MASK_ROUNDS - 2; round >= 0; round -= 2) {
        right ^= s_hash (self, round + 1, left);
        left ^= s_hash (self, round, right);
    }
    return left << HALF | right;
}

//  The number of an id

static inline uint32_t
s_number (const byte *id)
{
    uint32_t number;
    memcpy (&number, id + 1, sizeof (number));
    return number;
}

static inline void
s_set_number (byte *id, uint32_t number)
{
    memcpy (id + 1, &number, sizeof (number));
}

void
zrelay_mask_hide_bytes (const zrelay_mask_t *self, byte *id, size_t size)
{
    if (self->active && s_is_automatic (id, size))
        s_set_number (id, s_encipher (self, s_number (id)));
}

void
zrelay_mask_reveal_bytes (const zrelay_mask_t *self, byte *id, size_t size)
{
    if (self->active && s_is_automatic (id, size))
        s_set_number (id, s_decipher (self, s_number (id)));
}

void
zrelay_mask_hide (const zrelay_mask_t *self, zmq_msg_t *frame)
{
    if (zmq_msg_size (frame) == ID_SIZE)
        zrelay_mask_hide_bytes (self, (byte *) zmq_msg_data (frame), ID_SIZE);
}

void
zrelay_mask_reveal (const zrelay_mask_t *self, zmq_msg_t *frame)
{
    if (zmq_msg_size (frame) != ID_SIZE)
        return;
    byte *data = (byte *) zmq_msg_data (frame);
    if (!zmq_msg_get (frame, ZMQ_SHARED)) {
        zrelay_mask_reveal_bytes (self, data, ID_SIZE);
        return;
    }
    byte id [ID_SIZE];
    memcpy (id, data, ID_SIZE);
    zrelay_mask_reveal_bytes (self, id, ID_SIZE);
    zmq_msg_close (frame);
    int rc = zmq_msg_init_size (frame, ID_SIZE);
    assert (rc == 0);
    memcpy (zmq_msg_data (frame), id, ID_SIZE);
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_frame (zmq_msg_t *frame, const void *data, size_t size)
{
    int rc = zmq_msg_init_size (frame, size);
    assert (rc == 0);
    memcpy (zmq_msg_data (frame), data, size);
}

static bool
s_test_equals (zmq_msg_t *frame, const void *data, size_t size)
{
    return zmq_msg_size (frame) == size
        && memcmp (zmq_msg_data (frame), data, size) == 0;
}

//  What is hidden can be revealed, and does not show what comes next

static void
s_test_numbers (const zrelay_mask_t *self)
{
    size_t neighbours = 0;
    uint32_t before = 0;
    for (uint32_t number = 1; number < 100000; number++) {
        uint32_t hidden = s_encipher (self, number);
        assert (s_decipher (self, hidden) == number);
        assert (s_encipher (self, s_decipher (self, number)) == number);
        neighbours += hidden - before == 1;
        before = hidden;
    }
    //  By chance there is one in 43000 tests
    assert (neighbours < 3);
}

static void
s_test_frames (const zrelay_mask_t *self)
{
    zmq_msg_t frame, shared;
    s_test_frame (&frame, "\0abcd", ID_SIZE);
    zmq_msg_init (&shared);
    zrelay_mask_hide (self, &frame);
    zmq_msg_copy (&shared, &frame);
    zrelay_mask_reveal (self, &frame);
    assert (s_test_equals (&frame, "\0abcd", ID_SIZE));
    //  The copy stays as it is
    zrelay_mask_reveal (self, &shared);
    assert (s_test_equals (&shared, "\0abcd", ID_SIZE));
    zmq_msg_close (&frame);
    zmq_msg_close (&shared);

    //  Ids that peers chose are not touched
    const char *chosen [] = { "abcde", "abcdef", "a", "" };
    for (size_t index = 0; index < sizeof (chosen) / sizeof (*chosen);
         index++) {
        s_test_frame (&frame, chosen [index], strlen (chosen [index]));
        zrelay_mask_hide (self, &frame);
        assert (s_test_equals (&frame, chosen [index],
                               strlen (chosen [index])));
        zrelay_mask_reveal (self, &frame);
        assert (s_test_equals (&frame, chosen [index],
                               strlen (chosen [index])));
        zmq_msg_close (&frame);
    }
}

void
zrelay_mask_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_mask: ");
    //  @selftest
    zrelay_mask_t one, other;
    zrelay_mask_init (&one);
    zrelay_mask_init (&other);
    s_test_numbers (&one);
    s_test_frames (&one);

    //  Each has a secret of its own
    size_t same = 0;
    for (uint32_t number = 0; number < 1000; number++)
        same += s_encipher (&one, number) == s_encipher (&other, number);
    assert (same < 3);
    //  @end
    printf ("OK\n");
}
