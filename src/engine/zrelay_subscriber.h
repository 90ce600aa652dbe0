/*  =========================================================================
    zrelay_subscriber - what one connection has subscribed to

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SUBSCRIBER_H_INCLUDED
#define ZRELAY_SUBSCRIBER_H_INCLUDED

#include <zrelay.h>
#include "zrelay_topics.h"

//  By what a connection's messages are known: the place of its property, see
//  zrelay_peers.h. NULL: it has none.
typedef struct {
    const char *property;       //  Where libzmq keeps its descriptor in digits
    zmq_msg_t *frame;           //  A frame that has it, or NULL: not to be had
} zrelay_voice_t;

typedef struct _zrelay_subscriber_t zrelay_subscriber_t;

//  Keeps a copy of the frame. libzmq does not use a property's place again
//  while there is one.
zrelay_subscriber_t *
    zrelay_subscriber_new (const zrelay_voice_t *voice);

void
    zrelay_subscriber_destroy (zrelay_subscriber_t **self_p);

const char *
    zrelay_subscriber_property (zrelay_subscriber_t *self);

//  True if no other connection can have its property, which remains readable.
bool
    zrelay_subscriber_certain (zrelay_subscriber_t *self);

//  The set remains the object's.
zrelay_topics_t *
    zrelay_subscriber_topics (zrelay_subscriber_t *self);

void
    zrelay_subscriber_test (bool verbose);

#endif
