/*  =========================================================================
    zrelay_ctl - zrelay ctl: steers relays that run already

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CTL_H_INCLUDED
#define ZRELAY_CTL_H_INCLUDED

#include "zrelay_report.h"

//  Carry out "zrelay ctl ...", of which argv holds the words from "ctl" on.
//  Returns ZRELAY_EXIT_ASKED if the command was done, ZRELAY_EXIT_FAILED if it
//  was refused, ZRELAY_EXIT_MISUSE, or ZRELAY_EXIT_SILENCE if nothing answered
//  in time, each but the first after it was reported.
zrelay_exit_t
    zrelay_ctl (int argc, char **argv, zrelay_report_t *report);

#endif
