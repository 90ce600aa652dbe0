/*  =========================================================================
    zrelay_message_internal - messages as flows receive and show them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MESSAGE_INTERNAL_H_INCLUDED
#define ZRELAY_MESSAGE_INTERNAL_H_INCLUDED

#include <zrelay.h>

//  These functions are the engine's alone; zrelay_message.h has the others.

//  Frames are kept from this slot on, so that some can be put before them
#define ZRELAY_MESSAGE_HEADROOM 2

//  Makes a frame with these bytes in the place of an empty one.
typedef void (zrelay_message_make_fn) (void *arg, zmq_msg_t *frame,
                                       const void *data, size_t size);

//  Seen here for the sake of the hot path, which is zrelay_port.c. All slots
//  are initialised; those that hold no frame are empty. So a frame is received
//  right into its slot, and sending leaves the slot as it should be.
struct _zrelay_message_t {
    zmq_msg_t *slots;           //  Room for frames
    size_t *sizes;              //  Bytes in each of those that are frames
    size_t room;                //  How many slots there are
    size_t first;               //  Slot of the first frame
    size_t count;               //  How many frames there are
    zframe_t *origin;           //  Has the peer's properties, where the frames
                                //  have lost them; or NULL
    zrelay_message_make_fn *make;   //  Makes frames that are appended, or NULL
    void *make_arg;             //  The function's
};

//  Make room behind the last frame.
void
    zrelay_message_grow (zrelay_message_t *self);

//  A slot behind the last frame, which becomes the last frame of so many bytes
//  by the second of these. To ask libzmq for a frame's size takes longer than
//  to remember it.
static inline zmq_msg_t *
zrelay_message_slot (zrelay_message_t *self)
{
    if (self->first + self->count == self->room)
        zrelay_message_grow (self);
    return &self->slots [self->first + self->count];
}

static inline void
zrelay_message_fill_slot (zrelay_message_t *self, size_t size)
{
    self->sizes [self->first + self->count++] = size;
}

//  All frames were sent, and so are empty: the message has none.
static inline void
zrelay_message_sent (zrelay_message_t *self)
{
    self->count = 0;
    self->first = ZRELAY_MESSAGE_HEADROOM;
}

//  Add copies of the frames to a zmsg, for those who look at it; and take all
//  frames of a zmsg in the place of the message's own. Of those that are equal
//  the own remain, which libzmq's threads made and will free; that is a third
//  of the cost. A zframe with the peer's properties goes along both ways.
void
    zrelay_message_show (zrelay_message_t *self, zmsg_t *msg);
void
    zrelay_message_restore (zrelay_message_t *self, zmsg_t *msg);

//  Put a new frame with a copy of these bytes before another one, or behind the
//  last.
void
    zrelay_message_insert (zrelay_message_t *self, size_t index,
                           const void *data, size_t size);

//  From now on, that function makes the frames that are appended.
void
    zrelay_message_set_maker (zrelay_message_t *self,
                              zrelay_message_make_fn *make, void *arg);

//  Let the first two frames change places, if there are two.
void
    zrelay_message_swap (zrelay_message_t *self);

//  Receive a message from a socket of libzmq's. Never waits; returns NULL with
//  errno, EAGAIN if there is none.
zmsg_t *
    zrelay_message_poll (void *handle);

//  Send a message, which costs zmsg_send () twice as much: STATS has hundreds of
//  frames, and nearly all are so small that libzmq keeps them without memory of
//  their own. Never waits. Returns 0 and nulls *msg_p, or -1 with errno if the
//  socket does not take it; that is known at the first frame.
int
    zrelay_message_give (void *handle, zmsg_t **msg_p);

//  Send one frame of a message. Never waits. Returns 0, or -1 with errno; behind
//  a first frame that was taken, the others are taken, too.
int
    zrelay_message_give_frame (void *handle, const void *data, size_t size,
                               bool more);

#endif
