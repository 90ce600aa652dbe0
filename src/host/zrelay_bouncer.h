/*  =========================================================================
    zrelay_bouncer - cuts off who sends too much to a control socket

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_BOUNCER_H_INCLUDED
#define ZRELAY_BOUNCER_H_INCLUDED

#include "zrelay_ears.h"

//  libzmq hands over whole messages, and limits each of their frames only: a
//  message without an end fills the memory. A bouncer looks at connections, as
//  long as there are any, and ends those that have brought more than a message
//  may have without coming to its end. It also makes room for newcomers when
//  descriptors run out, at the cost of those who have said least.

typedef struct _zrelay_bouncer_t zrelay_bouncer_t;

//  Look at the connections of a socket that is not bound yet, and outlives it;
//  a message has at most so many frames and bytes. Returns NULL with errno if
//  the system has no sockets for this.
zrelay_bouncer_t *
    zrelay_bouncer_new (zrelay_ears_t *ears, zsock_t *sock, size_t frames,
                        size_t bytes);

void
    zrelay_bouncer_destroy (zrelay_bouncer_t **self_p);

//  A message was read; and the socket was read until it was empty. self may be
//  NULL.
void
    zrelay_bouncer_spoke (zrelay_bouncer_t *self, zmsg_t *msg);
void
    zrelay_bouncer_emptied (zrelay_bouncer_t *self);

#endif
