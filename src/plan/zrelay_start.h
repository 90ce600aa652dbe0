/*  =========================================================================
    zrelay_start - brings a relay to where the plan wants it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_START_H_INCLUDED
#define ZRELAY_START_H_INCLUDED

#include "zrelay_guard.h"
#include "zrelay_plan.h"
#include "zrelay_report.h"

//  Start the plan's relay at a host, guard and set and attach all that the plan
//  says, and have it send events about its connections, unless events is NULL,
//  to that endpoint. lines, an autofree list, gets a line for each endpoint that
//  says where it is. Returns ZRELAY_EXIT_NOT_YET, or, if anything was refused,
//  reports it with the option that it is about, stops the relay and returns
//  ZRELAY_EXIT_MISUSE.
zrelay_exit_t
    zrelay_start (zrelay_plan_t *plan, zrelay_client_t *host,
                  zrelay_guard_t *guard, const char *events,
                  zrelay_report_t *report, zlist_t *lines);

//  Report everything that is wrong with a plan, as far as it can be seen
//  without attaching anything: on a relay that nobody can reach, with endpoints
//  of its own.
void
    zrelay_rehearse (zrelay_plan_t *plan, zrelay_client_t *host,
                     zrelay_report_t *report);

#endif
