/*  =========================================================================
    zrelay_sender - says in a message who sent it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SENDER_H_INCLUDED
#define ZRELAY_SENDER_H_INCLUDED

#include <zrelay.h>

//  A stamp is a frame in front of the body with a property of the peer that
//  sent the message. A peer cannot forge it, since it is in each message, where
//  the message's own frames and the types of the sockets say: it is never
//  empty, so it is not taken for the empty frame that ends an envelope.

typedef struct _zrelay_sender_t zrelay_sender_t;

//  One that is not put into messages, until its option says so.
zrelay_sender_t *
    zrelay_sender_new (void);

void
    zrelay_sender_destroy (zrelay_sender_t **self_p);

//  The option of a side.
extern const zrelay_setting_t zrelay_sender_settings [];

//  The property that it shows, see zmq_msg_gets(3); NULL: it is not used.
const char *
    zrelay_sender_property (zrelay_sender_t *self);

//  The property that is the user id. libzmq also takes it from a peer's own
//  word, unless it has asked a ZAP handler about the peer.
#define ZRELAY_SENDER_USER "User-Id"

//  Put one with this value, NULL or "" if it is not known, into a message that
//  goes from one type of socket to another. Its first two frames have changed
//  places where both are ROUTERs.
void
    zrelay_sender_put (zrelay_message_t *message, int input, int output,
                      const char *value);

void
    zrelay_sender_test (bool verbose);

#endif
