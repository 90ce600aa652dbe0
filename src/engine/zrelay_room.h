/*  =========================================================================
    zrelay_room - how many messages an output can take for sure

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ROOM_H_INCLUDED
#define ZRELAY_ROOM_H_INCLUDED

#include <zrelay.h>
#include "zrelay_port.h"

//  For a flow that must not read what it cannot send. An output reports no more
//  than whether it can take one message, and to ask it takes longer than to move
//  one. But its peers report what they have read by halves of its high-water
//  mark, see compute_lwm () in libzmq. So a PUSH, DEALER or PAIR has room for a
//  multiple of that less what was sent since it was full, and likewise at its
//  beginning: if it has any, it has room up to the next multiple.
//
//  It can turn out to have less if a peer has gone; if somebody else has sent
//  messages to the socket, until it was full; or if a peer by inproc has a
//  high-water mark of its own that is no multiple of that half.
typedef struct _zrelay_room_t zrelay_room_t;

//  The port outlives it.
zrelay_room_t *
    zrelay_room_new (zrelay_port_t *port);
void
    zrelay_room_destroy (zrelay_room_t **self_p);

//  How many messages the output can take; 0: it is full. Very many if it does
//  not report that, or takes all.
size_t
    zrelay_room_left (zrelay_room_t *self);

//  So many were sent; and it was full although there should have been room.
void
    zrelay_room_use (zrelay_room_t *self, size_t messages);
void
    zrelay_room_filled (zrelay_room_t *self);

void
    zrelay_room_test (bool verbose);

#endif
