/*  =========================================================================
    zrelay_run - zrelay run and check: the relays of a file

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_RUN_H_INCLUDED
#define ZRELAY_RUN_H_INCLUDED

#include "zrelay_report.h"

//  Carry out "zrelay run FILE" until a signal ends it; argv holds the words
//  from "run" on. SIGHUP reads the file again. Returns ZRELAY_EXIT_ASKED, or
//  reports what is wrong and returns another status.
zrelay_exit_t
    zrelay_run_file (const zrelay_kind_t *const *kinds, int argc, char **argv,
                     zrelay_report_t *report);

//  Carry out "zrelay check FILE": print everything that is wrong with it.
//  Returns ZRELAY_EXIT_ASKED if that is nothing, or else ZRELAY_EXIT_FAILED.
zrelay_exit_t
    zrelay_check_file (const zrelay_kind_t *const *kinds, int argc,
                       char **argv, zrelay_report_t *report);

#endif
