/*  =========================================================================
    zrelay_side - a socket with its endpoints, options, topics and counters

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SIDE_H_INCLUDED
#define ZRELAY_SIDE_H_INCLUDED

#include <zrelay.h>
#include "zrelay_option.h"
#include "zrelay_peers.h"
#include "zrelay_topics.h"
#include "zrelay_message.h"
#include "zrelay_outcome.h"

typedef struct _zrelay_side_t zrelay_side_t;

//  Methods that return a zrelay_status_t keep a sentence for people in
//  zrelay_side_error () when it is not ZRELAY_DONE, and have then changed
//  nothing.

//  A new side. If spec names a single socket type, the socket exists at once,
//  else when zrelay_side_choose () was called. Where the system has no socket
//  to give, it is asked again when the side is to be attached.
zrelay_side_t *
    zrelay_side_new (const char *name, const zrelay_side_spec_t *spec);

//  A side on a socket of somebody else, who closes it and sets its options.
zrelay_side_t *
    zrelay_side_borrow (const char *name, void *handle);

void
    zrelay_side_destroy (zrelay_side_t **self_p);

const char *
    zrelay_side_name (zrelay_side_t *self);

//  The last failure, or, after ZRELAY_DONE, a remark; NULL if none.
const char *
    zrelay_side_error (zrelay_side_t *self);

//  libzmq's socket, its type and peers: NULL, -1 and NULL before a type is chosen.
void *
    zrelay_side_handle (zrelay_side_t *self);
int
    zrelay_side_type (zrelay_side_t *self);
zrelay_peers_t *
    zrelay_side_peers (zrelay_side_t *self);

//  Make the socket. If it exists, with another type, it is replaced as long
//  as it has no endpoint.
zrelay_status_t
    zrelay_side_choose (zrelay_side_t *self, const char *type);

//  Attach and detach
zrelay_status_t
    zrelay_side_bind (zrelay_side_t *self, const char *endpoint);
zrelay_status_t
    zrelay_side_connect (zrelay_side_t *self, const char *endpoint);
zrelay_status_t
    zrelay_side_unbind (zrelay_side_t *self, const char *endpoint);
zrelay_status_t
    zrelay_side_disconnect (zrelay_side_t *self, const char *endpoint);

//  FRONTEND and BACKEND: choose the type, attach to all of endpoints, and
//  then come topics, or HEARTBEAT_IVL, _TIMEOUT, _TTL and a number for each.
zrelay_status_t
    zrelay_side_configure (zrelay_side_t *self, const char *type,
                           const char *endpoints, size_t count, char **topics);

//  Attach to all of a comma-separated list, or to none: "@" before an
//  endpoint binds it, ">" connects it, otherwise bind says which.
zrelay_status_t
    zrelay_side_attach (zrelay_side_t *self, const char *endpoints, bool bind);

//  True if the side has an endpoint; and add a frame for each.
bool
    zrelay_side_attached (zrelay_side_t *self);
void
    zrelay_side_endpoints (zrelay_side_t *self, zmsg_t *answer);

//  Options: libzmq's, and rate, rate_burst, maxmsgsize, maxframes.
//  zrelay_side_get_option sets *value_p to a fresh string.
zrelay_status_t
    zrelay_side_set (zrelay_side_t *self, const char *option,
                     const char *value);
zrelay_status_t
    zrelay_side_get_option (zrelay_side_t *self, const char *option,
                            char **value_p);

//  DOMAIN, PLAIN and CURVE: how peers are authenticated. Not once the side is
//  attached.
zrelay_status_t
    zrelay_side_set_domain (zrelay_side_t *self, const char *domain);
zrelay_status_t
    zrelay_side_set_plain (zrelay_side_t *self);
zrelay_status_t
    zrelay_side_set_curve (zrelay_side_t *self, const char *public_txt,
                           const char *secret_txt);

//  The relay's own subscriptions: a set.
zrelay_status_t
    zrelay_side_subscribe (zrelay_side_t *self, size_t count, char **topics);
zrelay_status_t
    zrelay_side_unsubscribe (zrelay_side_t *self, size_t count, char **topics);

//  Receive the next frame into an initialised, empty one. Never waits.
//  Returns 0, or -1 if there is none.
int
    zrelay_side_get (zrelay_side_t *self, zmq_msg_t *frame);

//  True if a signal was caught by this thread while a frame was received or
//  sent; told once.
bool
    zrelay_side_interrupted (zrelay_side_t *self);

//  Send one frame; more tells whether its message goes on. Never waits.
//  Only the first frame of a message can be answered with ZRELAY_FULL, and
//  only then the frame is left with the caller. After a reason to drop, the
//  rest of the message must be put too; it is thrown away. A frame that went
//  is empty again.
zrelay_outcome_t
    zrelay_side_put (zrelay_side_t *self, zmq_msg_t *frame, bool more);

//  Messages that passed, or that may
typedef struct {
    uint64_t messages;          //  Whole messages
    uint64_t frames;            //  All of their frames, routing ids among them
    uint64_t bytes;             //  Bytes in these
    uint64_t firsts;            //  Bytes in the first frame of each; no limit
} zrelay_passage_t;

//  Why passing on has ended
typedef enum {
    ZRELAY_ENOUGH,              //  As much as was allowed
    ZRELAY_EMPTY,               //  There is nothing more
    ZRELAY_IN_HAND              //  A frame was received, but not taken
} zrelay_end_t;

//  Pass on messages to another side, using an empty frame, as long as each of
//  their frames is taken, and until one of the numbers of *most is reached,
//  which become those of what passed. If a frame is in hand then, it and the
//  rest of its message, all counted as received, are to be put by
//  zrelay_side_put (). Only if the two sides are simple, which they are not
//  between two frames of a message.
bool
    zrelay_side_simple (zrelay_side_t *self, zrelay_side_t *to);
zrelay_end_t
    zrelay_side_pass (zrelay_side_t *self, zrelay_side_t *to,
                      zmq_msg_t *frame, zrelay_passage_t *most);

//  True if there are limits to what a message may be; and ZRELAY_SENT if a
//  message that was received is within them, else the reason to drop it.
bool
    zrelay_side_limited (zrelay_side_t *self);
zrelay_outcome_t
    zrelay_side_judge (zrelay_side_t *self, zrelay_message_t *message);

//  True if the side tells of each subscription, as an XPUB with xpub_verbose;
//  and have the other side, an XSUB, cope with that.
bool
    zrelay_side_repeats (zrelay_side_t *self);
void
    zrelay_side_expect_repeats (zrelay_side_t *self);

//  True if the side cannot be sent every message; and ZRELAY_SENT if it can
//  be sent this one, else the reason to drop it.
bool
    zrelay_side_selective (zrelay_side_t *self);
zrelay_outcome_t
    zrelay_side_suits (zrelay_side_t *self, zrelay_message_t *message);

//  How many messages may be read now, at most wanted; and so many were read,
//  throttled telling that there was no allowance for more. With a rate, this
//  is a token bucket.
size_t
    zrelay_side_allowance (zrelay_side_t *self, size_t wanted);
void
    zrelay_side_taken (zrelay_side_t *self, size_t messages, bool throttled);

//  Time in msecs until there is allowance for a message; 0: there may be now.
size_t
    zrelay_side_wait (zrelay_side_t *self);

//  True if ZMQ_POLLOUT on the socket means that the next message will be
//  taken. PUB and XPUB always report it, also where xpub_nodrop refuses.
bool
    zrelay_side_polls_out (zrelay_side_t *self);

//  Let libzmq handle what happened on a socket without traffic.
void
    zrelay_side_service (zrelay_side_t *self);

//  Give what was sent so many msecs to leave when the socket is closed, unless
//  the user has said how many; and take that back.
void
    zrelay_side_linger (zrelay_side_t *self, int msecs);
void
    zrelay_side_unlinger (zrelay_side_t *self);

//  Bytes and messages that passed, and their part in STATS
const zrelay_tally_t *
    zrelay_side_received (zrelay_side_t *self);
const zrelay_tally_t *
    zrelay_side_sent (zrelay_side_t *self);

//  Bytes of a ROUTER's routing ids, which are not among these
uint64_t
    zrelay_side_received_ids (zrelay_side_t *self);
uint64_t
    zrelay_side_sent_ids (zrelay_side_t *self);
void
    zrelay_side_stats (zrelay_side_t *self, zmsg_t *answer);
void
    zrelay_side_reset (zrelay_side_t *self);

void
    zrelay_side_test (bool verbose);

#endif
