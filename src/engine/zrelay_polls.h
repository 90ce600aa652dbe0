/*  =========================================================================
    zrelay_polls - what a relay's loop waits for: its sockets, and time

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POLLS_H_INCLUDED
#define ZRELAY_POLLS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_calls.h"
#include "zrelay_capture.h"
#include "zrelay_wiring.h"

//  The loop polls a side's socket for what its flows want, the sockets that
//  report who comes and goes, and a descriptor for signals; and it gives the
//  flows a turn without any of these when a flow, or anybody else, asks for one
//  after some time.

typedef struct _zrelay_polls_t zrelay_polls_t;

//  Something happened on the socket of that side. Returns -1 if the loop has to
//  end, or 0.
typedef int (zrelay_traffic_fn) (zrelay_engine_t *engine,
                                 zrelay_side_id_t side);

//  The engine's part
typedef struct {
    zrelay_traffic_fn *traffic; //  There are messages, or room for some
    zrelay_called_fn *peers;    //  Somebody came or left
    zrelay_called_fn *wake;     //  A turn was asked for
} zrelay_polls_part_t;

//  Polls nothing yet. All that is given outlives the object.
zrelay_polls_t *
    zrelay_polls_new (zrelay_engine_t *engine, const zrelay_wiring_t *wiring,
                      zloop_t *loop, const zrelay_polls_part_t *part);

void
    zrelay_polls_destroy (zrelay_polls_t **self_p);

//  The sockets are an application's, and so is handle, to which the capture
//  sends, unless it is NULL.
void
    zrelay_polls_borrow (zrelay_polls_t *self, zrelay_capture_t *capture,
                         void *handle);

//  Poll what the flows want now. The loop does not sleep until nothing has
//  moved for spin usecs.
void
    zrelay_polls_update (zrelay_polls_t *self, int64_t spin);

//  Call part.wake after so many msecs, if not before.
void
    zrelay_polls_wake_in (zrelay_polls_t *self, size_t msecs);

//  The kind waits for room on that side, or no longer; does it?
void
    zrelay_polls_await_room (zrelay_polls_t *self, zrelay_side_id_t side,
                             bool awaited);
bool
    zrelay_polls_awaits_room (const zrelay_polls_t *self,
                              zrelay_side_id_t side);

void
    zrelay_polls_test (bool verbose);

#endif
