/*  =========================================================================
    zrelay_holders - how many have subscribed to what

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HOLDERS_H_INCLUDED
#define ZRELAY_HOLDERS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_topics.h"

//  libzmq passes on the cancellation of a topic to which its sender has not
//  subscribed, though others have. So this keeps account of how many have what:
//  an XPUB with xpub_verboser reports everything, and when somebody leaves a
//  cancellation of each topic, without a property. Peers by inproc have none
//  either: what was not owed by somebody who has left is theirs.

typedef struct _zrelay_holders_t zrelay_holders_t;

zrelay_holders_t *
    zrelay_holders_new (void);

void
    zrelay_holders_destroy (zrelay_holders_t **self_p);

//  One who is known, or not, has this topic, and had not before.
void
    zrelay_holders_raise (zrelay_holders_t *self, bool known,
                          const void *topic, size_t size);

//  And has it no more. What nobody can have sent counts for nothing.
void
    zrelay_holders_lower (zrelay_holders_t *self, bool known,
                          const void *topic, size_t size);

//  One who is known has left. libzmq cancels its topics when it gets round to
//  it.
void
    zrelay_holders_leave (zrelay_holders_t *self, zrelay_topics_t *topics);

//  Does somebody have it; and does libzmq still owe a cancellation of it?
bool
    zrelay_holders_has (zrelay_holders_t *self, const void *topic,
                        size_t size);
bool
    zrelay_holders_owes (zrelay_holders_t *self, const void *topic,
                         size_t size);

void
    zrelay_holders_test (bool verbose);

#endif
