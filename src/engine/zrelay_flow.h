/*  =========================================================================
    zrelay_flow - one direction of travel, a state machine around a backlog

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_FLOW_H_INCLUDED
#define ZRELAY_FLOW_H_INCLUDED

#include <zrelay.h>
#include "zrelay_capture.h"
#include "zrelay_permit.h"
#include "zrelay_side.h"

typedef struct _zrelay_flow_t zrelay_flow_t;

//  A function that is shown each message, in one of three forms; all NULL: none
typedef struct {
    zrelay_message_fn *message; //  Sees the frames themselves
    zrelay_zmsg_fn *zmsg;       //  Sees copies
    zrelay_filter_fn *filter;   //  Likewise, and without an engine
    void *object;               //  The functions' object, or arg
} zrelay_shown_to_t;

//  Join two sides, which must outlive the flow. output may be NULL: a kind with
//  one socket answers or keeps everything. reasons are the kind's, or NULL.
//  engine is only handed on to the functions that are shown messages.
zrelay_flow_t *
    zrelay_flow_new (zrelay_flow_id_t id, zrelay_engine_t *engine,
                     zrelay_side_t *input, zrelay_side_t *output,
                     zrelay_capture_t *capture, const char *const *reasons);

//  Messages that are still held are lost; see zrelay_flow_abandon ().
void
    zrelay_flow_destroy (zrelay_flow_t **self_p);

//  "forward" or "return", and whether messages can travel this way at all with
//  these socket types.
const char *
    zrelay_flow_name (zrelay_flow_t *self);
bool
    zrelay_flow_possible (zrelay_flow_t *self);

//  True if the kind handles its messages.
bool
    zrelay_flow_handled (zrelay_flow_t *self);


//  --------------------------------------------------------------------------
//  Orders. When something changes that decides how messages move - a function,
//  a limit, a capture, a socket's type - update chooses the way, once.

void
    zrelay_flow_set_handler (zrelay_flow_t *self, zrelay_shown_to_t handler);
void
    zrelay_flow_set_filter (zrelay_flow_t *self, zrelay_shown_to_t filter);

//  Give what would be sent to the output to this function instead, with the
//  engine and that object; NULL: no longer. A flow that was told that it is
//  full tries again at its next turn.
void
    zrelay_flow_set_outlet (zrelay_flow_t *self, zrelay_outlet_fn *outlet,
                            void *object);

//  Report each routing id that is heard to the input's peers, and call a
//  function with the engine where zrelay_peers_heard () returns true.
typedef void (zrelay_left_fn) (zrelay_engine_t *engine);
void
    zrelay_flow_listen_for_ids (zrelay_flow_t *self, zrelay_left_fn *on_left);

//  Ask somebody about each message: whoever may not send it loses it, and a
//  subscriber its connection. other is the flow that travels back, or NULL.
//  Neither is a message sent to subscribers before all who wait have been asked
//  about. permit outlives the flow; NULL: everybody may do everything.
void
    zrelay_flow_set_permit (zrelay_flow_t *self, zrelay_flow_t *other,
                            const zrelay_permit_t *permit);

//  True if subscriptions were read for the sake of the other flow, and a turn
//  is to follow.
bool
    zrelay_flow_has_heard (zrelay_flow_t *self);

void
    zrelay_flow_update (zrelay_flow_t *self);

//  Rules about topics, at most of one of a relay's flows; NULL: this one has
//  none. They apply to what it reads, and to the subscriptions that the other
//  flow brings, which is told with the second function. Whether a socket's
//  messages can have topics.
void
    zrelay_flow_set_sieve (zrelay_flow_t *self, zrelay_sieve_t *sieve);
void
    zrelay_flow_set_asked (zrelay_flow_t *self, zrelay_sieve_t *sieve);
bool
    zrelay_flow_has_topics (int type);

//  Tables of its options, which are one for the caller; the list ends with NULL.
//  Set or get one; the value is a fresh string.
extern const zrelay_setting_t *const zrelay_flow_settings [];
zrelay_status_t
    zrelay_flow_set_option (zrelay_flow_t *self, const char *option,
                            const char *value, zrelay_error_t *error);
zrelay_status_t
    zrelay_flow_get_option (zrelay_flow_t *self, const char *option,
                            char **value_p, zrelay_error_t *error);

//  Note the values of its own options, see zrelay_setting_keep ().
void
    zrelay_flow_keep_options (zrelay_flow_t *self, zchunk_t *text);

//  Whether the engine lets the flow move messages (paused, or not attached, it
//  may not), and whether the kind lets it read.
void
    zrelay_flow_set_running (zrelay_flow_t *self, bool running);

//  Read a message only if the output can take it, as far as that is known
//  before: the input is somebody else's, who may read it next.
void
    zrelay_flow_set_careful (zrelay_flow_t *self);

void
    zrelay_flow_set_reading (zrelay_flow_t *self, zrelay_reading_t reading);

//  Draining: the input is read until it was empty once. open ends that.
void
    zrelay_flow_close (zrelay_flow_t *self);
void
    zrelay_flow_open (zrelay_flow_t *self);

//  True as long as there may be work to be read before that end.
bool
    zrelay_flow_reads_to_end (zrelay_flow_t *self);


//  --------------------------------------------------------------------------
//  Work

//  One turn: move as much as can be moved, a bounded number of messages.
void
    zrelay_flow_turn (zrelay_flow_t *self);

//  Events that the flow waits for: ZMQ_POLLIN on its input, ZMQ_POLLOUT on the
//  side that is full. Returns the time in msecs after which it must be given a
//  turn though no poll reports anything, or 0.
size_t
    zrelay_flow_wants (zrelay_flow_t *self, short *input, short *output);

//  Send a message to one of the flow's sides and to the capture. Never waits.
//  See zrelay_port_send_message ().
zrelay_outcome_t
    zrelay_flow_send (zrelay_flow_t *self, zrelay_side_t *to,
                      zrelay_message_t *message);

//  Why the message that is being shown is dropped: one of the kind's reasons;
//  count a message that was dropped for one, or for one of ours.
void
    zrelay_flow_set_reason (zrelay_flow_t *self, size_t reason);
void
    zrelay_flow_count_reason (zrelay_flow_t *self, size_t reason);
void
    zrelay_flow_count_drop (zrelay_flow_t *self, zrelay_outcome_t reason);


//  --------------------------------------------------------------------------
//  Results

//  Messages passed on to the output, ever, and dropped, ever: enough to know
//  how many replies are still to come, and whether anything moves.
uint64_t
    zrelay_flow_passed (zrelay_flow_t *self);
uint64_t
    zrelay_flow_dropped (zrelay_flow_t *self);

//  Messages that are held now
size_t
    zrelay_flow_held (zrelay_flow_t *self);

//  Those that a drain waits for: what is safe on disk can wait there, if the
//  output is full
size_t
    zrelay_flow_undelivered (zrelay_flow_t *self);

//  True if there is one of these, or one that is left in the input, for which
//  the output is full
bool
    zrelay_flow_stalled (zrelay_flow_t *self);

//  A sentence that an operator should read, once, or NULL.
const char *
    zrelay_flow_news (zrelay_flow_t *self);

//  The relay ends: count what is held as dropped, but for what is on disk.
//  Returns how many.
size_t
    zrelay_flow_abandon (zrelay_flow_t *self);

void
    zrelay_flow_stats (zrelay_flow_t *self, zrelay_counts_t *counts);
void
    zrelay_flow_reset (zrelay_flow_t *self);

void
    zrelay_flow_test (bool verbose);

#endif
