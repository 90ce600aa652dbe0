/*  =========================================================================
    zrelay_drain - DRAIN: takes no new work, and waits for the work inside

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_DRAIN_H_INCLUDED
#define ZRELAY_DRAIN_H_INCLUDED

#include <zrelay.h>
#include "zrelay_error.h"
#include "zrelay_polls.h"
#include "zrelay_wiring.h"

//  A drain ends when nothing is left, when its time is over, when nobody is
//  left who could reply, or when work is to go on.

typedef struct _zrelay_drain_t zrelay_drain_t;

//  Called at its end, once, with a status, and after one other than
//  ZRELAY_STATUS_DONE with a sentence in the error.
typedef void (zrelay_drained_fn) (zrelay_status_t status, void *arg);

//  What a kind has inside, or ZRELAY_PENDING_UNKNOWN.
typedef size_t (zrelay_pending_fn) (zrelay_engine_t *engine);

//  All that is given outlives the object.
zrelay_drain_t *
    zrelay_drain_new (zrelay_engine_t *engine, const zrelay_kind_t *kind,
                      const zrelay_wiring_t *wiring, zrelay_polls_t *polls,
                      zloop_t *loop, zrelay_error_t *error,
                      zrelay_pending_fn *pending);

void
    zrelay_drain_destroy (zrelay_drain_t **self_p);

//  Take no new work, and call on_end when that inside is done, after so many
//  msecs at the latest. A relay that has nothing to do is drained at the first
//  check.
void
    zrelay_drain_start (zrelay_drain_t *self, size_t msecs,
                        zrelay_drained_fn *on_end, void *arg);

//  True until that was called.
bool
    zrelay_drain_runs (zrelay_drain_t *self);

//  To be called when anything may have changed.
void
    zrelay_drain_check (zrelay_drain_t *self);

//  End it, if it runs, and take work again.
void
    zrelay_drain_end (zrelay_drain_t *self);

void
    zrelay_drain_test (bool verbose);

#endif
