/*  =========================================================================
    zrelay_guard - decides who may connect to the program's relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_GUARD_H_INCLUDED
#define ZRELAY_GUARD_H_INCLUDED

#include "zrelay_plan.h"
#include "zrelay_report.h"

//  Carries out what a plan says about security: reads certificates, runs a
//  zrelay_gate, which answers libzmq's questions about peers, and gives the
//  relay its security commands. A plan that says nothing starts no gate.

typedef struct _zrelay_guard_t zrelay_guard_t;

//  The plan and the report remain the caller's and must outlive the guard.
zrelay_guard_t *
    zrelay_guard_new (zrelay_plan_t *plan, zrelay_report_t *report);

//  Ends the gate, after which no peer is let in any more.
void
    zrelay_guard_destroy (zrelay_guard_t **self_p);

//  Check what the plan says and the files that it names, and start the gate. To
//  be called before any side is attached. Returns ZRELAY_EXIT_NOT_YET, or
//  reports what is wrong and returns ZRELAY_EXIT_MISUSE.
zrelay_exit_t
    zrelay_guard_start (zrelay_guard_t *self);

//  Give the relay the commands that guard one of its sides. Returns the same
//  as zrelay_guard_start ().
zrelay_exit_t
    zrelay_guard_protect (zrelay_guard_t *self, zrelay_client_t *relay,
                          zrelay_side_id_t side);

//  Can be read when somebody is no longer welcome; NULL if nobody is told.
zsock_t *
    zrelay_guard_events (zrelay_guard_t *self);

//  Take such an event: the side, and the address from which connections are to
//  be cut, which the caller frees with zstr_free (). Returns NULL if it is not
//  about this relay.
char *
    zrelay_guard_revoked (zrelay_guard_t *self, zrelay_side_id_t *side_p);

//  Print who was let in and who was refused, to standard error.
void
    zrelay_guard_print (zrelay_guard_t *self);

#endif
