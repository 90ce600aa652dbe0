/*  =========================================================================
    zrelay_serve - looks after a relay until it ends

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SERVE_H_INCLUDED
#define ZRELAY_SERVE_H_INCLUDED

#include "zrelay_guard.h"
#include "zrelay_links.h"
#include "zrelay_plan.h"
#include "zrelay_report.h"
#include "zrelay_service.h"

//  How a relay ended
typedef struct {
    bool sent;                  //  It has sent messages, which may be on their
                                //  way out of its sockets
    int64_t until;              //  They have until then, by zclock_mono ()
} zrelay_serve_end_t;

//  Handle signals until the host's relay has done its work. SIGINT, SIGTERM and
//  SIGHUP drain it, a second one ends it at once, and SIGUSR1 prints statistics.
//  From the first on, the process ends soon after the plan's time to drain,
//  whatever happens. Connections of peers that the guard no longer lets in are
//  cut. Returns ZRELAY_EXIT_ASKED or ZRELAY_EXIT_UNDELIVERED, and fills in *end;
//  or reports a failure and returns ZRELAY_EXIT_FAILED. The actor remains the
//  caller's; the service hears when the relay is ready, when it ends, and that
//  it answers. The host must have no client while this function runs, since a
//  client would take the answers.
zrelay_exit_t
    zrelay_serve (zactor_t *host, zrelay_plan_t *plan,
                  zrelay_guard_t *guard, zrelay_links_t *links,
                  zrelay_service_t *service,
                  zrelay_report_t *report,
                  zrelay_serve_end_t *end);

#endif
