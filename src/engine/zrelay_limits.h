/*  =========================================================================
    zrelay_limits - how much a side accepts

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_LIMITS_H_INCLUDED
#define ZRELAY_LIMITS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_outcome.h"

//  The limits of one side: how large a message may be (maxmsgsize, maxframes),
//  how many may be read in a second (rate, rate_burst), which is a token
//  bucket, how many peers there may be (connections, connections_per_address),
//  and to how much each may subscribe (subscriptions).

typedef struct _zrelay_limits_t zrelay_limits_t;

//  Without any limit.
zrelay_limits_t *
    zrelay_limits_new (void);

void
    zrelay_limits_destroy (zrelay_limits_t **self_p);

//  Its options.
extern const zrelay_setting_t zrelay_limits_settings [];

//  Set those of a message.
void
    zrelay_limits_set_message (zrelay_limits_t *self, size_t frames,
                               size_t bytes);

//  True if there is a limit to a message; and ZRELAY_OUTCOME_SENT if a message
//  of that many frames and bytes is within the limits, else the reason to drop
//  it.
bool
    zrelay_limits_bounded (zrelay_limits_t *self);
zrelay_outcome_t
    zrelay_limits_check (zrelay_limits_t *self, size_t frames, size_t bytes);

//  Most bytes that a connection may bring without bringing a whole message;
//  INT64_MAX: any number.
int64_t
    zrelay_limits_most_bytes (zrelay_limits_t *self);

//  Changes with these limits.
uint64_t
    zrelay_limits_revision (zrelay_limits_t *self);

//  True if there may be so many connections, and so many of one address.
bool
    zrelay_limits_allow (zrelay_limits_t *self, size_t connections,
                         size_t of_address);

//  True if a peer may be subscribed to so many topics, of so many bytes in all.
bool
    zrelay_limits_subscribe (zrelay_limits_t *self, size_t topics,
                             size_t bytes);

//  Most bytes that a connection may bring before its subscriptions are known,
//  where those known have so many, and each comes with a header of so many.
uint64_t
    zrelay_limits_topics_ahead (zrelay_limits_t *self, size_t bytes,
                                size_t header);

//  And how many more where it may send messages as well: if there is a
//  maxmsgsize.
uint64_t
    zrelay_limits_messages_ahead (zrelay_limits_t *self);

//  How many messages may be read now, at most wanted; and so many were read,
//  throttled if there was no allowance for more.
size_t
    zrelay_limits_allowance (zrelay_limits_t *self, size_t wanted);
void
    zrelay_limits_consume (zrelay_limits_t *self, size_t messages,
                           bool throttled);

//  Time in msecs until there is an allowance for a message; 0: there may be
//  one.
size_t
    zrelay_limits_wait (zrelay_limits_t *self);

//  Times that the rate held messages back; and set that to zero.
uint64_t
    zrelay_limits_throttled (zrelay_limits_t *self);
void
    zrelay_limits_reset (zrelay_limits_t *self);

void
    zrelay_limits_test (bool verbose);

#endif
