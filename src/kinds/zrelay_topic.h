/*  =========================================================================
    zrelay_topic - a topic with its last value

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TOPIC_H_INCLUDED
#define ZRELAY_TOPIC_H_INCLUDED

#include "zrelay_ring.h"
#include "zrelay_tree.h"

//  A value is a whole message. Small ones are kept as one block of bytes:
//  frames of libzmq's would take 64 bytes each, and a small one that came by
//  tcp holds on to the whole buffer of some kilobytes in which it arrived.
//  Large messages are kept by reference.

//  In which queue a topic is
typedef enum {
    ZRELAY_TOPIC_IDLE = 0,      //  In none
    ZRELAY_TOPIC_COOLING,       //  Was sent, and may not be again yet
    ZRELAY_TOPIC_DUE,           //  Is to be sent
    ZRELAY_TOPIC_STUCK          //  Was to be sent, but a subscriber is full
} zrelay_topic_state_t;

//  All members but value and its like are the owner's to use
typedef struct {
    zrelay_leaf_t leaf;         //  Place in the tree; the key is the topic
    zrelay_ring_t recent;       //  Place in the order of updates
    zrelay_ring_t queue;        //  Place in the queue of its state
    int64_t updated_at;         //  When it was updated, in msecs
    int64_t since;              //  When it was sent, or was found stuck
    void *value;                //  Block of bytes, or zrelay_message_t
    size_t size;                //  Bytes of the value, the topic among them
    byte state;                 //  A zrelay_topic_state_t
    bool unsent;                //  The value has not been sent yet
    bool replay;                //  It is due because somebody has subscribed
    bool whole;                 //  The topic is the first frame, which is not
                                //  part of the block
    bool large;                 //  The value is a message
    uint32_t saved;             //  The last SAVE that has it
    byte name [];               //  The topic
} zrelay_topic_t;

//  A topic without a value. The caller owns it.
zrelay_topic_t *
    zrelay_topic_new (const void *name, size_t size);

void
    zrelay_topic_destroy (zrelay_topic_t **self_p);

//  Take a copy of a message as the value; its first frame begins with the
//  topic.
void
    zrelay_topic_set (zrelay_topic_t *self, zrelay_message_t *message);

//  Add the value's frames to a message.
void
    zrelay_topic_get (zrelay_topic_t *self, zrelay_message_t *message);

//  Number of the value's frames, and data and size of one of them.
size_t
    zrelay_topic_frames (zrelay_topic_t *self);
const byte *
    zrelay_topic_frame (zrelay_topic_t *self, size_t index, size_t *size_p);

void
    zrelay_topic_test (bool verbose);

#endif
