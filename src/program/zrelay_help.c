/*  =========================================================================
    zrelay_help - prints help and the version

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_help.h"
#include "zrelay_arguments.h"

//  Width of the column of options
#define OPTION_WIDTH 25

static const char s_notes [] =
    "\n"
    "-f, -b, -s and -o may be repeated. An ENDPOINT is one of ZeroMQ,\n"
    "such as tcp://127.0.0.1:5559 or ipc:///tmp/orders, after \"@\" to bind\n"
    "it or \">\" to connect to it; without either it is bound.\n"
    "tcp://127.0.0.1:* takes a free port. A proxy must be told the TYPE of\n"
    "each socket before that:\n"
    "    -f 'SUB>tcp://10.0.0.7:5556' -b PUSH@tcp://127.0.0.1:5558\n"
    "\n"
    "SIDE is frontend or backend, with an option of its socket such as\n"
    "backend.sndhwm=5000 or with rate, rate_burst, maxmsgsize, maxframes;\n"
    "or it is forward or return, with burst, overflow, queue, such as\n"
    "forward.overflow=drop-old; or it is relay, with spin.\n"
    "\n"
    "SIGINT and SIGTERM end the relay once it has passed on what it has; a\n"
    "second one ends it at once. SIGUSR1 prints statistics. Exit status:\n"
    "0 ended as asked, 1 failed while running, 2 wrong use or could not\n"
    "start. See zrelay(1).\n";

static void
s_print_option (const zrelay_arguments_option_t *option)
{
    int used = option->letter? printf ("  -%c, ", option->letter):
                               printf ("      ");
    used += printf ("--%s%s%s", option->name, option->argument? " ": "",
                    option->argument? option->argument: "");
    if (used > OPTION_WIDTH)
        printf ("\n%*s", OPTION_WIDTH + 2, "");
    else
        printf ("%*s", OPTION_WIDTH + 2 - used, "");
    printf ("%s\n", option->help);
}

static void
s_print_options (void)
{
    printf ("\nOptions:\n");
    const zrelay_arguments_option_t *option = zrelay_arguments_option (0);
    for (size_t index = 1; option; index++) {
        s_print_option (option);
        option = zrelay_arguments_option (index);
    }
    printf ("%s", s_notes);
}

zrelay_exit_t
zrelay_help_kinds (const zrelay_plan_kind_t *const *kinds,
                   zrelay_report_t *report)
{
    const char *program = zrelay_report_program (report);
    printf ("Usage: %s KIND [-f ENDPOINT]... [-b ENDPOINT]... [options]\n"
            "       %s keygen FILE\n"
            "Runs a relay for ZeroMQ until it is ended by a signal, or makes "
            "a certificate.\n"
            "\n"
            "Kinds, with the endpoints that they take when none are given:\n",
            program, program);
    for (; *kinds; kinds++) {
        const zrelay_plan_kind_t *kind = *kinds;
        printf ("  %-10s %s\n", kind->name, kind->help);
        if (kind->frontend.endpoint)
            printf ("  %-10s -f '%s' -b '%s'\n", "", kind->frontend.endpoint,
                    kind->backend.endpoint);
    }
    s_print_options ();
    return zrelay_report_flush (report);
}

static void
s_print_side (zrelay_plan_t *plan, zrelay_side_id_t id)
{
    const zrelay_plan_spec_t *spec = zrelay_plan_spec (plan, id);
    const char *name = plan->sides [id].name;
    if (zrelay_plan_type_is_open (plan, id))
        printf ("%-8s  your choice: -%c TYPE@ENDPOINT or -%c"
                " 'TYPE>ENDPOINT'\n", name, *name, *name);
    else
        printf ("%-8s  %s, for %s\n%-8s  default %s\n", name,
                spec->types, spec->peers, "", spec->endpoint);
}

zrelay_exit_t
zrelay_help_kind (zrelay_plan_t *plan, zrelay_report_t *report)
{
    printf ("Usage: %s %s [-f ENDPOINT]... [-b ENDPOINT]... [options]\n"
            "Runs a relay that %s.\n\n", zrelay_report_program (report),
            plan->kind->name, plan->kind->help);
    s_print_side (plan, ZRELAY_FRONTEND);
    s_print_side (plan, ZRELAY_BACKEND);
    s_print_options ();
    return zrelay_report_flush (report);
}

zrelay_exit_t
zrelay_help_version (zrelay_report_t *report)
{
    int version = zrelay_version ();
    int zmq_major, zmq_minor, zmq_patch;
    zmq_version (&zmq_major, &zmq_minor, &zmq_patch);
    printf ("zrelay %d.%d.%d (CZMQ %d.%d.%d, libzmq %d.%d.%d)\n",
            version / ZRELAY_MAKE_VERSION (1, 0, 0),
            version / ZRELAY_MAKE_VERSION (0, 1, 0)
                    % ZRELAY_MAKE_VERSION (0, 1, 0),
            version % ZRELAY_MAKE_VERSION (0, 1, 0),
            CZMQ_VERSION_MAJOR, CZMQ_VERSION_MINOR, CZMQ_VERSION_PATCH,
            zmq_major, zmq_minor, zmq_patch);
    return zrelay_report_flush (report);
}
