/*  =========================================================================
    zrelay_control - where the program's relays are steered

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CONTROL_H_INCLUDED
#define ZRELAY_CONTROL_H_INCLUDED

#include "zrelay_plan.h"

//  Open a control socket where the plan says, or else ZRELAY_CONTROL, or
//  nowhere. lines, an autofree list, gets a line that says where it is. Returns
//  ZRELAY_EXIT_NOT_YET, or reports why not and returns ZRELAY_EXIT_MISUSE.
zrelay_exit_t
    zrelay_open_control (zrelay_plan_t *plan, zrelay_client_t *host,
                         zrelay_report_t *report, zlist_t *lines);

//  Where ZRELAY_CONTROL says, which is nowhere in a program that has more
//  rights than the user who runs it; NULL if it says nothing.
const char *
    zrelay_control_environment (void);

//  Where zrelay run is steered unless its user says otherwise, and where zrelay
//  ctl looks for it: a path in this user's runtime directory. Returns a fresh
//  string, or NULL with errno if there is no such directory that is safe.
char *
    zrelay_control_default (void);

#endif
