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
#include "zrelay_links.h"
#include "zrelay_plan.h"
#include "zrelay_report.h"

//  Start the plan's relay, guard and set and attach all that the plan says, and
//  print where it is, a line for each endpoint. The caller owns the actor.
//  Returns NULL if the relay refuses anything, which is reported with the
//  option that it is about.
zactor_t *
    zrelay_start (zrelay_plan_t *plan, zrelay_guard_t *guard,
                  zrelay_links_t *links, zrelay_report_t *report);

#endif
