/*  =========================================================================
    zrelay_receipts - which messages have left the process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_RECEIPTS_H_INCLUDED
#define ZRELAY_RECEIPTS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_peers.h"

//  ZeroMQ does not report what became of a message that its socket has taken.
//  But libzmq tells when it no longer needs the memory of a frame, see
//  zmq_msg_init_data(3). By then, it has either copied the frame to the buffer
//  of a connection, which has 8 KB; or dropped it, since the connection has
//  ended, which is reported before that.
//
//  What such a buffer contains, and what the system has not sent yet, is lost
//  with the process, or with the connection: a peer's libzmq that is full does
//  not read on where the other end has gone. So a message counts as having left
//  when libzmq does not need its memory any more and, since then, all has
//  arrived that had to be sent by each connection; or, if there is only one, so
//  much was sent behind it that neither buffer can contain it.
//
//  Messages are counted in the order in which they were sent, and so are those
//  that have left: one that has not keeps back all that were sent after it, and
//  a few that were sent right before.

typedef struct _zrelay_receipts_t zrelay_receipts_t;

zrelay_receipts_t *
    zrelay_receipts_new (void);

void
    zrelay_receipts_destroy (zrelay_receipts_t **self_p);

//  Make the frames that are appended to a message: of these it is known when
//  libzmq does not need them any more. When a message has all of its frames, or
//  others instead, which are replaced, follow it. Then it was sent, or dropped;
//  its bytes are for zrelay_receipts_bytes (). One message at a time; the
//  receipts outlive it.
void
    zrelay_receipts_serve (zrelay_receipts_t *self, zrelay_message_t *message);
void
    zrelay_receipts_follow (zrelay_receipts_t *self, zrelay_message_t *message);
void
    zrelay_receipts_sent (zrelay_receipts_t *self, size_t bytes);

//  Messages that were sent, and have not been reported as having left; and the
//  bytes of these.
size_t
    zrelay_receipts_count (zrelay_receipts_t *self);
uint64_t
    zrelay_receipts_bytes (zrelay_receipts_t *self);

//  Look, if it is time; returns how many of the first have left, which are
//  forgotten. peers are those of the socket that sent them; NULL: not known.
size_t
    zrelay_receipts_look (zrelay_receipts_t *self, zrelay_peers_t *peers);

//  Msecs until it is time, or 0 if there are none.
size_t
    zrelay_receipts_wants (zrelay_receipts_t *self);

//  True if there are some, and others have left lately.
bool
    zrelay_receipts_moving (zrelay_receipts_t *self);

//  True if a connection has ended by which some may have been lost, since this
//  was asked last.
bool
    zrelay_receipts_endangered (zrelay_receipts_t *self);

//  Forget the first, which may be some; returns how many. Or all of them.
size_t
    zrelay_receipts_forget_first (zrelay_receipts_t *self);
void
    zrelay_receipts_forget (zrelay_receipts_t *self);

void
    zrelay_receipts_test (bool verbose);

#endif
