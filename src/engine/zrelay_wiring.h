/*  =========================================================================
    zrelay_wiring - a relay's sides and flows, and how they belong together

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_WIRING_H_INCLUDED
#define ZRELAY_WIRING_H_INCLUDED

#include <zrelay.h>
#include "zrelay_flow.h"

#define ZRELAY_SIDES 2
#define ZRELAY_FLOWS 2

//  The engine makes both. Those who look after them for the engine read these
//  members.
typedef struct {
    //  By zrelay_side_id_t; a backend that the kind does not have is NULL
    zrelay_side_t *sides [ZRELAY_SIDES];
    //  By zrelay_flow_id_t; a return flow that the kind does not have is NULL
    zrelay_flow_t *flows [ZRELAY_FLOWS];
} zrelay_wiring_t;

//  Destroy them all.
void
    zrelay_wiring_clear (zrelay_wiring_t *self);


//  --------------------------------------------------------------------------
//  Names of sides and flows by their numbers

//  The side that is not this one.
zrelay_side_id_t
    zrelay_wiring_other (zrelay_side_id_t side);

//  The side that a flow reads from.
zrelay_side_id_t
    zrelay_wiring_input (zrelay_flow_id_t flow);

//  The flow that travels back.
zrelay_flow_id_t
    zrelay_wiring_back (zrelay_flow_id_t flow);


//  --------------------------------------------------------------------------
//  What there is

//  The flow that reads from a side, or NULL.
zrelay_flow_t *
    zrelay_wiring_reader (const zrelay_wiring_t *self, zrelay_side_id_t side);

//  The flow to which a message belongs that goes to a side.
zrelay_flow_t *
    zrelay_wiring_writer (const zrelay_wiring_t *self, zrelay_side_id_t side);

//  The type of a side's socket; -1 where there is none.
int
    zrelay_wiring_type (const zrelay_wiring_t *self, zrelay_side_id_t side);

//  Who is connected to a side; NULL where nobody is watched.
zrelay_peers_t *
    zrelay_wiring_peers (const zrelay_wiring_t *self, zrelay_side_id_t side);

//  True if each side has an endpoint.
bool
    zrelay_wiring_attached (const zrelay_wiring_t *self);

//  True if there is such a flow, and its messages are work. Subscriptions are
//  none: they go on while a relay is paused or drains. libzmq puts no bound on
//  those that wait in an XPUB.
bool
    zrelay_wiring_carries_work (const zrelay_wiring_t *self,
                                zrelay_flow_id_t flow);


//  --------------------------------------------------------------------------
//  Peers of both sides

//  Take in who has come and gone, and let libzmq do so.
void
    zrelay_wiring_look_at_peers (const zrelay_wiring_t *self);

//  True if more of that waits. There is no end to events while somebody makes
//  them.
bool
    zrelay_wiring_behind (const zrelay_wiring_t *self);

//  For the tests of those who look after it: a PULL and a PUSH, each bound by
//  tcp, and the flow between them, which runs.
zrelay_wiring_t
    zrelay_wiring_bench (zrelay_capture_t *capture, zrelay_error_t *error);

void
    zrelay_wiring_test (bool verbose);

#endif
