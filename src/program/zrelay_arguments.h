/*  =========================================================================
    zrelay_arguments - reads the program's command line into a plan

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ARGUMENTS_H_INCLUDED
#define ZRELAY_ARGUMENTS_H_INCLUDED

#include "zrelay_parse.h"
#include "zrelay_plan.h"
#include "zrelay_report.h"

//  What the command line asks for
typedef enum {
    ZRELAY_ARGUMENTS_RUN = 0,       //  Run the plan
    ZRELAY_ARGUMENTS_HELP = 1,      //  Print help
    ZRELAY_ARGUMENTS_VERSION = 2    //  Print the version
} zrelay_arguments_task_t;

//  Read the command line into a new plan. kinds is the table of kinds that may
//  be named, ended by NULL; where there is only one, its name may be left out.
//  Returns ZRELAY_EXIT_NOT_YET, with *task_p set, or reports what is wrong and
//  returns ZRELAY_EXIT_MISUSE. A plan that is to be run is complete: it has a
//  kind, and endpoints for each of its sides.
zrelay_exit_t
    zrelay_arguments_read (zrelay_plan_t *plan,
                           const zrelay_kind_t *const *kinds,
                           int argc, char **argv, zrelay_report_t *report,
                           zrelay_arguments_task_t *task_p);

//  The same for "run" and "check", whose words these are: argv [0] is the
//  command, and one word is the file, which *file_p is set to.
zrelay_exit_t
    zrelay_arguments_read_file (zrelay_plan_t *plan, const char *word,
                                int argc, char **argv, zrelay_report_t *report,
                                zrelay_arguments_task_t *task_p,
                                const char **file_p);

//  The options of "run" or "check", or of all other words.
const zrelay_parse_option_t *
    zrelay_arguments_options (const char *word);

#endif
