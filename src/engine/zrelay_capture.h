/*  =========================================================================
    zrelay_capture - copies of what passes

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CAPTURE_H_INCLUDED
#define ZRELAY_CAPTURE_H_INCLUDED

#include <zrelay.h>
#include "zrelay_side.h"

typedef struct _zrelay_capture_t zrelay_capture_t;

//  error, where sentences go, must outlive the capture.
zrelay_capture_t *
    zrelay_capture_new (zrelay_error_t *error);

void
    zrelay_capture_destroy (zrelay_capture_t **self_p);

//  The capture is that of a relay with this side, which is there when it
//  starts.
void
    zrelay_capture_join (zrelay_capture_t *self, zrelay_side_t *relays);

//  Start, with a socket of that type attached to endpoints; what ran before
//  ends. prefixes are two, one for each flow, or NULL. A capture that binds
//  takes over the security of guarded, a side, or else has that ZAP domain, and
//  takes over the ipc_mode and ipc_group of access, unless they are NULL. On
//  failure nothing has changed.
zrelay_status_t
    zrelay_capture_start (zrelay_capture_t *self, const char *endpoints,
                          const char *type, char **prefixes,
                          zrelay_side_t *guarded, const char *domain,
                          zrelay_access_t *access);
void
    zrelay_capture_stop (zrelay_capture_t *self);

//  Start with a socket of somebody else, who closes it.
void
    zrelay_capture_borrow (zrelay_capture_t *self, void *handle);

//  Copies that wait until such a socket takes them; and send them, as far as
//  it does.
size_t
    zrelay_capture_waiting (zrelay_capture_t *self);
void
    zrelay_capture_flush (zrelay_capture_t *self);

bool
    zrelay_capture_active (zrelay_capture_t *self);

//  Take one frame of a message that passed; more is true if it goes on.
//  The frame is empty afterwards, whatever became of it.
void
    zrelay_capture_put (zrelay_capture_t *self, zrelay_flow_id_t flow,
                        zmq_msg_t *frame, bool more);

//  True between two frames of one message
bool
    zrelay_capture_within (zrelay_capture_t *self);

void
    zrelay_capture_service (zrelay_capture_t *self);
void
    zrelay_capture_stats (zrelay_capture_t *self, zrelay_counts_t *counts);
void
    zrelay_capture_reset (zrelay_capture_t *self);

//  The side that it is, or NULL if there is no capture.
zrelay_side_t *
    zrelay_capture_side (zrelay_capture_t *self);

void
    zrelay_capture_test (bool verbose);

#endif
