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
#include "zrelay_side.h"
#include "zrelay_capture.h"
#include "zrelay_message.h"

typedef struct _zrelay_flow_t zrelay_flow_t;

//  Join two sides, which must outlive the flow. output may be NULL: a kind
//  with one socket answers everything.
zrelay_flow_t *
    zrelay_flow_new (zrelay_flow_id_t id, zrelay_side_t *input,
                     zrelay_side_t *output, zrelay_capture_t *capture);

//  What is still held is lost; see zrelay_flow_abandon ().
void
    zrelay_flow_destroy (zrelay_flow_t **self_p);

const char *
    zrelay_flow_name (zrelay_flow_t *self);

//  The kind's handler, and the FILTER's; NULL for none.
void
    zrelay_flow_set_handler (zrelay_flow_t *self, zrelay_handler_fn *handler,
                             void *arg);
void
    zrelay_flow_set_filter (zrelay_flow_t *self, zrelay_handler_fn *filter,
                            void *arg);

//  Options: burst, overflow, queue. *error_p becomes a fresh string when the
//  status is not ZRELAY_DONE.
zrelay_status_t
    zrelay_flow_set (zrelay_flow_t *self, const char *option,
                     const char *value, char **error_p);
zrelay_status_t
    zrelay_flow_get (zrelay_flow_t *self, const char *option,
                     char **value_p, char **error_p);

//  True if messages can travel this way at all with these socket types.
bool
    zrelay_flow_possible (zrelay_flow_t *self);

//  Whether the flow may move messages (paused, or not attached, it may not)
//  and whether the kind holds it back from reading.
void
    zrelay_flow_run (zrelay_flow_t *self, bool run);
void
    zrelay_flow_hold (zrelay_flow_t *self, bool hold);

//  Draining: what the input has is still read, until once it had nothing.
//  open ends that. quiet is true once the input was empty and nothing is
//  held.
void
    zrelay_flow_close (zrelay_flow_t *self);
void
    zrelay_flow_open (zrelay_flow_t *self);
bool
    zrelay_flow_quiet (zrelay_flow_t *self);

//  One turn: move what can be moved, a bounded number of messages.
void
    zrelay_flow_turn (zrelay_flow_t *self);

//  Add what the flow waits for: ZMQ_POLLIN on its input, ZMQ_POLLOUT on the
//  side that is full, each to the events of that side, which is told by
//  comparison with the two given. Returns the time in msecs after which it
//  must be given a turn though no poll would tell, or 0.
size_t
    zrelay_flow_wants (zrelay_flow_t *self, zrelay_side_t *sides [2],
                       short events [2]);

//  Send a message to one of the flow's sides and to the capture. Never
//  waits. The message's frames are empty then, unless ZRELAY_FULL is returned.
zrelay_outcome_t
    zrelay_flow_send (zrelay_flow_t *self, zrelay_side_t *to,
                      zrelay_message_t *message);

//  The same for one frame, as zrelay_side_put ().
zrelay_outcome_t
    zrelay_flow_put (zrelay_flow_t *self, zrelay_side_t *to,
                     zmq_msg_t *frame, bool more);

//  Messages passed on to the output, ever, and dropped, ever; for telling
//  how many replies are still to come, and whether anything moves.
uint64_t
    zrelay_flow_passed (zrelay_flow_t *self);
uint64_t
    zrelay_flow_dropped (zrelay_flow_t *self);

//  Messages that are held now
size_t
    zrelay_flow_held (zrelay_flow_t *self);

//  The relay ends: count what is held as dropped. Returns how many.
size_t
    zrelay_flow_abandon (zrelay_flow_t *self);

void
    zrelay_flow_stats (zrelay_flow_t *self, zmsg_t *answer);
void
    zrelay_flow_reset (zrelay_flow_t *self);

void
    zrelay_flow_test (bool verbose);

#endif
