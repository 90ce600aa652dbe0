/*  =========================================================================
    zrelay_guard - decides who may connect to a plan's relay

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

//  Carries out what a plan says about security: reads certificates, gives its
//  rules to the host's gate, which answers libzmq's questions about peers, and
//  gives the relay its security commands. A plan that says nothing starts no
//  gate.

typedef struct _zrelay_guard_t zrelay_guard_t;

//  The plan, the client of the host and the report remain the caller's and must
//  outlive the guard. A rehearsal goes on after a failure, so as to report all,
//  and leaves the gate no rules.
zrelay_guard_t *
    zrelay_guard_new (zrelay_plan_t *plan, zrelay_client_t *host,
                      zrelay_report_t *report, bool rehearsal);

//  The rules remain, until the host ends or zrelay_guard_clear () is called.
void
    zrelay_guard_destroy (zrelay_guard_t **self_p);

//  Check what the plan says and the files that it names, and give the gate its
//  rules. To be called before any side is attached. Returns
//  ZRELAY_EXIT_NOT_YET, or reports what is wrong and returns
//  ZRELAY_EXIT_MISUSE.
zrelay_exit_t
    zrelay_guard_start (zrelay_guard_t *self);

//  Make the gate forget the rules for a plan's relay.
void
    zrelay_guard_clear (zrelay_plan_t *plan, zrelay_client_t *host);

//  Have the gate say here who is no longer welcome, if that is asked for.
//  Returns the same as zrelay_guard_start ().
zrelay_exit_t
    zrelay_guard_hear (zrelay_guard_t *self);

//  Give the relay the commands that guard one of its sides. Returns the same
//  as zrelay_guard_start ().
zrelay_exit_t
    zrelay_guard_protect (zrelay_guard_t *self, zrelay_client_t *relay,
                          zrelay_side_id_t side);

//  The same for what binds but is no side: the capture, and sockets of the
//  kind's own.
zrelay_exit_t
    zrelay_guard_protect_rest (zrelay_guard_t *self, zrelay_client_t *relay);

//  Can be read when somebody is no longer welcome; NULL if nobody is told.
zsock_t *
    zrelay_guard_events (zrelay_guard_t *self);

//  Take such an event: the side, and the address from which connections are to
//  be cut, which the caller frees with zstr_free (). Returns NULL if it is not
//  about this relay.
char *
    zrelay_guard_revoked (zrelay_guard_t *self, zrelay_side_id_t *side_p);

//  True if the gate has rules for this relay; and if connections are to be cut
//  when a peer is taken off a list.
bool
    zrelay_guard_active (zrelay_guard_t *self);
bool
    zrelay_guard_cuts (const zrelay_plan_t *plan);

//  A line that says who was let in and who was refused, made of the gate's
//  answer to STATS; the caller frees it with zstr_free ().
char *
    zrelay_guard_line (zmsg_t *answer);

#endif
