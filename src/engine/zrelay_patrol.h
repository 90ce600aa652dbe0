/*  =========================================================================
    zrelay_patrol - looks for messages that never end, and reports what was cut

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PATROL_H_INCLUDED
#define ZRELAY_PATROL_H_INCLUDED

#include <zrelay.h>
#include "zrelay_calls.h"
#include "zrelay_wiring.h"

//  libzmq delivers whole messages, and keeps what it has of one until then. So
//  where a side has a limit for messages, its connections are looked at from
//  time to time, see zrelay_peers_look ().

typedef struct _zrelay_patrol_t zrelay_patrol_t;

//  called is called after each look. All that is given outlives the object.
zrelay_patrol_t *
    zrelay_patrol_new (zrelay_engine_t *engine, const zrelay_wiring_t *wiring,
                       zloop_t *loop, zrelay_called_fn *called);

void
    zrelay_patrol_destroy (zrelay_patrol_t **self_p);

//  To be called when peers may have come: look soon if there are new ones, and
//  do not stop while there are any.
void
    zrelay_patrol_check (zrelay_patrol_t *self);

//  Log how many connections were cut since this was done last.
void
    zrelay_patrol_report (zrelay_patrol_t *self);

void
    zrelay_patrol_test (bool verbose);

#endif
