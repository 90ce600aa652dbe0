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

//  What only the engine does with messages; zrelay_message.h has the rest.

//  A slot behind the last frame, which is an initialised, empty zmq_msg_t; it
//  becomes the last frame with zrelay_message_slot_used ().
zmq_msg_t *
    zrelay_message_slot (zrelay_message_t *self);
void
    zrelay_message_slot_used (zrelay_message_t *self);

//  All frames were sent, and so are empty: the message has none.
void
    zrelay_message_sent (zrelay_message_t *self);

//  Add copies of the frames, from that one on, to a zmsg, for those who look at
//  it; and take all frames of a zmsg in the place of the message's own. Of those
//  that are equal the own remain, which libzmq's threads made and will free;
//  that is a third of the cost.
void
    zrelay_message_show (zrelay_message_t *self, zmsg_t *msg, size_t from);
void
    zrelay_message_restore (zrelay_message_t *self, zmsg_t *msg);

//  Receive a message from a socket of libzmq's. Never waits; returns NULL with
//  errno, EAGAIN if there is none.
zmsg_t *
    zrelay_message_poll (void *handle);

#endif
