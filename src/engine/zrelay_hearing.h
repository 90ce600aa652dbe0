/*  =========================================================================
    zrelay_hearing - subscriptions that come: who may, and what is new

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HEARING_H_INCLUDED
#define ZRELAY_HEARING_H_INCLUDED

#include <zrelay.h>
#include "zrelay_permit.h"
#include "zrelay_side.h"
#include "zrelay_view.h"

//  Looks at the subscriptions and cancellations among the messages of a side,
//  and keeps those that were read before it was their flow's turn.
typedef struct _zrelay_hearing_t zrelay_hearing_t;

//  The side outlives it.
zrelay_hearing_t *
    zrelay_hearing_new (zrelay_side_t *side);
void
    zrelay_hearing_destroy (zrelay_hearing_t **self_p);

//  Who decides what may be subscribed to; NULL: everybody may all. It outlives
//  this.
void
    zrelay_hearing_set_permit (zrelay_hearing_t *self,
                               const zrelay_permit_t *permit);

//  Receive the next message in the place of none; false if there is none. For an
//  XPUB each frame that begins with 0 or 1 is about a topic, and it delivers one
//  that came behind others as the end of their message. Here that is a message
//  of its own, which follows: whoever may not do the one may do the other, and
//  what ends the one does not end the other. The view may change.
bool
    zrelay_hearing_recv (zrelay_hearing_t *self, zrelay_view_t **view_p,
                         bool zframes);

//  What has become of a message
typedef enum {
    ZRELAY_HEARD_MESSAGE,       //  It says nothing about topics
    ZRELAY_HEARD_TOPIC,         //  It is a subscription or cancellation
    ZRELAY_HEARD_NOTHING,       //  It is one that says nothing new, and must
                                //  go no further, as if libzmq had not reported
                                //  it; nor must that of a peer that was cut,
                                //  whose cancellation follows
    ZRELAY_HEARD_REFUSED        //  Likewise: its sender may not, and is cut
} zrelay_heard_t;

zrelay_heard_t
    zrelay_hearing_judge (zrelay_hearing_t *self, zrelay_view_t *view);

//  The same of a message that was judged, and went on.
zrelay_heard_t
    zrelay_hearing_judged (zrelay_view_t *view);

//  Keep a message that was judged; and get the one that was kept first, which
//  is the caller's, and is not judged again, or NULL. True if there is any, or a
//  frame that follows.
void
    zrelay_hearing_keep (zrelay_hearing_t *self, zrelay_view_t *view);
zrelay_view_t *
    zrelay_hearing_next (zrelay_hearing_t *self);
bool
    zrelay_hearing_waits (zrelay_hearing_t *self);

void
    zrelay_hearing_test (bool verbose);

#endif
