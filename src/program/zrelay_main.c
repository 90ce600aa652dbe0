/*  =========================================================================
    zrelay_main - the program's command line, for any kinds of relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Uses the library as any application would: starts an actor, gives it
//  commands, and then waits for a signal or for its answer.

#include <zrelay_main.h>

#include "zrelay_arguments.h"
#include "zrelay_guard.h"
#include "zrelay_help.h"
#include "zrelay_keygen.h"
#include "zrelay_links.h"
#include "zrelay_serve.h"
#include "zrelay_service.h"
#include "zrelay_signals.h"
#include "zrelay_start.h"

#include <signal.h>
#include <sys/resource.h>

//  What a relay needs without any peers, and some room
#define DESCRIPTORS_MIN 64

//  --------------------------------------------------------------------------
//  The process

//  If a standard stream is closed, the relay's next socket gets its descriptor,
//  and with it all that is printed. So put a file there that refuses it.

static void
s_occupy_streams (void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl (stream, F_GETFD) == -1)
            open ("/dev/null", stream == STDIN_FILENO? O_WRONLY: O_RDONLY);
}

//  Each peer takes a descriptor, and CZMQ aborts if there is none for its own
//  sockets. So ask for as many as this user may have.

static zrelay_exit_t
s_raise_limit (zrelay_report_t *report)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit))
        return ZRELAY_EXIT_NOT_YET;
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    getrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < DESCRIPTORS_MIN)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "only %lu files may be open, and a relay needs %d; see ulimit -n",
            (unsigned long) limit.rlim_cur, DESCRIPTORS_MIN);
    return ZRELAY_EXIT_NOT_YET;
}

//  --------------------------------------------------------------------------
//  Running a plan

//  What comes before there is any socket, and so before CZMQ has threads

static zrelay_exit_t
s_prepare (zrelay_plan_t *plan, zrelay_report_t *report)
{
    zrelay_exit_t status = s_raise_limit (report);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_signals_start (report);
    if (plan->io_threads)
        zsys_set_io_threads (plan->io_threads);
    zsys_set_logstream (plan->quiet? NULL: zrelay_report_stream (report));
    return status;
}

//  libzmq's wait would be over when this thread gets a signal

static void *
s_shut_down (void *arg)
{
    zsys_shutdown ();
    return arg;
}

static void
s_shut_down_unmoved (void)
{
    pthread_t thread;
    zrelay_signals_block ();
    bool started = pthread_create (&thread, NULL, s_shut_down, NULL) == 0;
    zrelay_signals_unblock ();
    if (started)
        pthread_join (thread, NULL);
    else
        zsys_shutdown ();
}

//  Wait for libzmq, which waits for messages to leave its sockets. Only the
//  time that this takes says whether they have.

static zrelay_exit_t
s_wait_for_sockets (zrelay_plan_t *plan, zrelay_report_t *report,
                    const zrelay_serve_end_t *end)
{
    //  A second signal ends this, too
    zrelay_signals_end (end->sent? ZRELAY_EXIT_UNDELIVERED: ZRELAY_EXIT_ASKED);
    s_shut_down_unmoved ();
    if (!end->sent || zclock_mono () < end->until)
        return ZRELAY_EXIT_ASKED;
    return plan->quiet? ZRELAY_EXIT_UNDELIVERED:
        zrelay_report_say (report, ZRELAY_EXIT_UNDELIVERED,
            "%s: time ran out before all messages had left its sockets;"
            " --drain gives them more", zrelay_plan_name (plan));
}

static zrelay_exit_t
s_run_relay (zrelay_plan_t *plan, zrelay_service_t *service,
             zrelay_report_t *report)
{
    zrelay_exit_t status = s_prepare (plan, report);
    if (status != ZRELAY_EXIT_NOT_YET)
        return status;
    zrelay_guard_t *guard = zrelay_guard_new (plan, report);
    zrelay_links_t *links = zrelay_links_new (plan, report);
    zrelay_serve_end_t end = { false, 0 };
    status = zrelay_guard_start (guard);
    if (status == ZRELAY_EXIT_NOT_YET) {
        zactor_t *relay = zrelay_start (plan, guard, links, report);
        status = relay?
            zrelay_serve (relay, plan, guard, links, service, report, &end):
            ZRELAY_EXIT_MISUSE;
        zactor_destroy (&relay);
    }
    zrelay_links_destroy (&links);
    zrelay_guard_destroy (&guard);
    zsys_set_logstream (plan->quiet? NULL: stderr);
    if (status == ZRELAY_EXIT_ASKED)
        return s_wait_for_sockets (plan, report, &end);
    zrelay_signals_end (status);
    return status;
}

static zrelay_exit_t
s_run (zrelay_plan_t *plan, zrelay_report_t *report)
{
    zrelay_service_t *service = zrelay_service_new (plan, report);
    zrelay_exit_t status = zrelay_service_start (service);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_run_relay (plan, service, report);
    zrelay_service_destroy (&service);
    return status;
}

static zrelay_exit_t
s_run_kind (const zrelay_kind_t *const *kinds, int argc, char *argv [],
            zrelay_report_t *report)
{
    zrelay_plan_t *plan = zrelay_plan_new ();
    zrelay_arguments_task_t task;
    zrelay_exit_t status =
        zrelay_arguments_read (plan, kinds, argc, argv, report, &task);
    if (status == ZRELAY_EXIT_NOT_YET)
        switch (task) {
            case ZRELAY_ARGUMENTS_RUN:
                status = s_run (plan, report);
                break;
            case ZRELAY_ARGUMENTS_HELP:
                status = zrelay_help (plan, kinds, report);
                break;
            case ZRELAY_ARGUMENTS_VERSION:
                status = zrelay_help_version (report);
                break;
        }
    zrelay_plan_destroy (&plan);
    return status;
}

//  --------------------------------------------------------------------------
//  The program

int
zrelay_main (const zrelay_kind_t *const *kinds, int argc, char *argv [])
{
    assert (kinds && kinds [0]);
    s_occupy_streams ();
    //  The relay goes on when nobody reads its output any more
    signal (SIGPIPE, SIG_IGN);
    zrelay_report_t *report = zrelay_report_new (argc > 0? argv [0]: NULL);
    zrelay_exit_t status = argc > 1 && streq (argv [1], "keygen")?
        zrelay_keygen (argc - 1, argv + 1, report):
        s_run_kind (kinds, argc, argv, report);
    zrelay_report_destroy (&report);
    return status;
}
