/*  =========================================================================
    zrelay_message - a whole multipart message that is held or looked at

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MESSAGE_H_INCLUDED
#define ZRELAY_MESSAGE_H_INCLUDED

#include <zrelay.h>
#include "zrelay_outcome.h"

typedef struct _zrelay_message_t zrelay_message_t;

//  A new message without frames.
zrelay_message_t *
    zrelay_message_new (void);

//  A new message of the frames of a zmsg. Takes the zmsg and nulls the caller's
//  pointer.
zrelay_message_t *
    zrelay_message_from_zmsg (zmsg_t **msg_p);

//  Add copies of the frames to a zmsg, for those who look at it; and take all
//  frames of a zmsg in the place of the message's own. Of those that are equal
//  the own remain, which libzmq's threads made and will free; that is a third
//  of the cost.
void
    zrelay_message_show (zrelay_message_t *self, zmsg_t *msg);
void
    zrelay_message_take (zrelay_message_t *self, zmsg_t *msg);

//  Let go of all frames.
void
    zrelay_message_clear (zrelay_message_t *self);

void
    zrelay_message_destroy (zrelay_message_t **self_p);

//  Move a frame to the end of the message; the caller's becomes empty.
void
    zrelay_message_append (zrelay_message_t *self, zmq_msg_t *frame);

//  Receive a message from a socket of libzmq's. Never waits; returns NULL with
//  errno, EAGAIN if there is none.
zmsg_t *
    zrelay_message_poll (void *handle);

//  Number of frames, and one of them. The frame remains the message's, but
//  may be sent or moved away.
size_t
    zrelay_message_frames (zrelay_message_t *self);
zmq_msg_t *
    zrelay_message_frame (zrelay_message_t *self, size_t index);

//  Bytes in all frames
size_t
    zrelay_message_bytes (zrelay_message_t *self);

void
    zrelay_message_test (bool verbose);

#endif
