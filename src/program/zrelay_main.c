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

#include "zrelay_addon.h"
#include "zrelay_arguments.h"
#include "zrelay_control.h"
#include "zrelay_ctl.h"
#include "zrelay_guard.h"
#include "zrelay_help.h"
#include "zrelay_http.h"
#include "zrelay_keygen.h"
#include "zrelay_links.h"
#include "zrelay_process.h"
#include "zrelay_run.h"
#include "zrelay_serve.h"
#include "zrelay_service.h"
#include "zrelay_signals.h"
#include "zrelay_start.h"
#include "zrelay_top.h"

#include <signal.h>

//  Those of an actor's pipe
#define HOST_SOCKETS 2

//  Msecs that libzmq has to finish when time has run out
#define SHUTDOWN_MOST 50

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

//  --------------------------------------------------------------------------
//  Running a plan

//  libzmq's wait would be over when this thread gets a signal, so another one
//  waits

typedef struct {
    pthread_t thread;           //  Waits for libzmq
    bool started;               //  It was started
    pthread_mutex_t mutex;      //  Guards the following
    pthread_cond_t changed;     //  It was set
    int64_t over_at;            //  When libzmq had finished, by zclock_mono ()
} shutdown_t;

static void *
s_shut_down (void *arg)
{
    shutdown_t *self = (shutdown_t *) arg;
    zsys_shutdown ();
    pthread_mutex_lock (&self->mutex);
    self->over_at = zclock_mono ();
    pthread_cond_signal (&self->changed);
    pthread_mutex_unlock (&self->mutex);
    return NULL;
}

static void
s_shutdown_begin (shutdown_t *self)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->changed, &attributes);
    pthread_condattr_destroy (&attributes);
    zrelay_signals_block ();
    self->started =
        pthread_create (&self->thread, NULL, s_shut_down, self) == 0;
    zrelay_signals_unblock ();
    if (!self->started)
        s_shut_down (self);
}

//  Returns true if libzmq has finished before that time

static bool
s_shutdown_await (shutdown_t *self, int64_t until)
{
    struct timespec time = {
        (time_t) (until / 1000), (long) (until % 1000 * 1000000)
    };
    pthread_mutex_lock (&self->mutex);
    while (!self->over_at && zclock_mono () < until)
        pthread_cond_timedwait (&self->changed, &self->mutex, &time);
    bool over = self->over_at && self->over_at < until;
    pthread_mutex_unlock (&self->mutex);
    return over;
}

static void
s_shutdown_end (shutdown_t *self)
{
    if (self->started)
        pthread_join (self->thread, NULL);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->mutex);
}

//  Wait for libzmq, which waits for messages to leave its sockets. Only the
//  time that this takes says whether they have. Where they may not have, the
//  limit begins anew after that was said: it ends the process without a word.

static zrelay_exit_t
s_wait_for_sockets (zrelay_plan_t *plan, zrelay_report_t *report,
                    const zrelay_serve_end_t *end)
{
    zrelay_exit_t status = ZRELAY_EXIT_ASKED;
    if (end->sent)
        zrelay_signals_limit (0, ZRELAY_EXIT_UNDELIVERED);
    //  A second signal ends this, too
    zrelay_signals_end (end->sent? ZRELAY_EXIT_UNDELIVERED: ZRELAY_EXIT_ASKED);
    shutdown_t shutdown = { .over_at = 0 };
    s_shutdown_begin (&shutdown);
    if (end->sent && !s_shutdown_await (&shutdown, end->until)) {
        status = plan->quiet? ZRELAY_EXIT_UNDELIVERED:
            zrelay_report_say (report, ZRELAY_EXIT_UNDELIVERED,
                "%s: time ran out before all messages had left its sockets;"
                " --drain gives them more", zrelay_plan_name (plan));
        zrelay_signals_limit (SHUTDOWN_MOST, ZRELAY_EXIT_UNDELIVERED);
    }
    s_shutdown_end (&shutdown);
    return status;
}

static void
s_print_lines (zrelay_plan_t *plan, zlist_t *lines, zrelay_report_t *report)
{
    char *line = (char *) zlist_first (lines);
    while (line && !plan->quiet) {
        zrelay_report_print (report, line);
        line = (char *) zlist_next (lines);
    }
}

//  Bring the relay to where the plan wants it, and tell the user

static zrelay_exit_t
s_bring (zrelay_plan_t *plan, zrelay_client_t *host, zrelay_guard_t *guard,
         zrelay_links_t *links, zrelay_http_t *http, zrelay_report_t *report)
{
    zlist_t *lines = zlist_new ();
    assert (lines);
    zlist_autofree (lines);
    zrelay_exit_t status = zrelay_guard_start (guard);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_guard_hear (guard);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_start (plan, host, guard,
                               zrelay_links_endpoint (links), report, lines);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_open_control (plan, host, report, lines);
    if (status == ZRELAY_EXIT_NOT_YET && http)
        status = zrelay_http_start (http, host, lines);
    if (status == ZRELAY_EXIT_NOT_YET)
        s_print_lines (plan, lines, report);
    zlist_destroy (&lines);
    return status;
}

//  Whoever makes no connections need not hear of them

static zrelay_links_t *
s_links (zrelay_plan_t *plan, zrelay_report_t *report)
{
    if (!zrelay_plan_connects (plan, ZRELAY_SIDE_FRONTEND)
    &&  !zrelay_plan_connects (plan, ZRELAY_SIDE_BACKEND))
        return NULL;
    zrelay_links_t *links = zrelay_links_new (report, plan->quiet);
    if (links)
        zrelay_links_add (links, plan);
    return links;
}

//  The HTTP server listens before the relay is there, and ends before it

static zrelay_exit_t
s_run_host (zactor_t *host, zrelay_plan_t *plan, zrelay_http_t *http,
            zrelay_service_t *service, zrelay_report_t *report)
{
    zrelay_client_t *client = zrelay_client_new (host);
    zrelay_guard_t *guard = zrelay_guard_new (plan, client, report, false);
    zrelay_links_t *links = s_links (plan, report);
    zrelay_serve_end_t end = { false, 0 };
    zrelay_exit_t status = s_bring (plan, client, guard, links, http, report);
    zrelay_client_destroy (&client);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_serve (host, plan, guard, links, service, report,
                               &end);
    zrelay_http_destroy (&http);
    zactor_destroy (&host);
    zrelay_links_destroy (&links);
    zrelay_guard_destroy (&guard);
    zsys_set_logstream (plan->quiet? NULL: stderr);
    if (status == ZRELAY_EXIT_ASKED)
        return s_wait_for_sockets (plan, report, &end);
    zrelay_signals_end (status);
    return status;
}

static zrelay_exit_t
s_run_relay (zrelay_plan_t *plan, const zrelay_kind_t *const *kinds,
             zrelay_service_t *service, zrelay_report_t *report)
{
    zrelay_exit_t status =
        zrelay_process_prepare (plan->io_threads, report);
    if (status != ZRELAY_EXIT_NOT_YET)
        return status;
    if (zrelay_plan_limits (plan))
        zrelay_process_limit ();
    zrelay_http_t *http = plan->metrics?
        zrelay_http_new (plan->metrics, plan->metrics_steer, report): NULL;
    if (plan->metrics && !http)
        return ZRELAY_EXIT_MISUSE;
    zactor_t *host = zrelay_sockets_left (HOST_SOCKETS)?
        zactor_new (zrelay_host, (void *) kinds): NULL;
    if (host)
        return s_run_host (host, plan, http, service, report);
    status = zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
        "cannot create the relay's sockets: %s", zmq_strerror (errno));
    zrelay_http_destroy (&http);
    return status;
}

static zrelay_exit_t
s_run (zrelay_plan_t *plan, const zrelay_kind_t *const *kinds,
       zrelay_report_t *report)
{
    zrelay_service_t *service = zrelay_service_new (plan, report);
    zrelay_exit_t status = zrelay_service_start (service);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_run_relay (plan, kinds, service, report);
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
                zrelay_addon_provide ();
                status = s_run (plan, kinds, report);
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

//  These need no kinds

static zrelay_exit_t
s_keygen (const zrelay_kind_t *const *kinds, int argc, char **argv,
          zrelay_report_t *report)
{
    (void) kinds;
    return zrelay_keygen (argc, argv, report);
}

static zrelay_exit_t
s_ctl (const zrelay_kind_t *const *kinds, int argc, char **argv,
       zrelay_report_t *report)
{
    (void) kinds;
    return zrelay_ctl (argc, argv, report);
}

static zrelay_exit_t
s_top (const zrelay_kind_t *const *kinds, int argc, char **argv,
       zrelay_report_t *report)
{
    (void) kinds;
    return zrelay_top (argc, argv, report);
}

static zrelay_exit_t
s_spool (const zrelay_kind_t *const *kinds, int argc, char **argv,
         zrelay_report_t *report)
{
    (void) kinds;
    return zrelay_addon_spool (argc, argv, report);
}

static zrelay_exit_t
s_run_file (const zrelay_kind_t *const *kinds, int argc, char **argv,
            zrelay_report_t *report)
{
    zrelay_addon_provide ();
    return zrelay_run_file (zrelay_addon_kinds (kinds, 0, NULL), argc, argv,
                            report);
}

static zrelay_exit_t
s_check_file (const zrelay_kind_t *const *kinds, int argc, char **argv,
              zrelay_report_t *report)
{
    zrelay_addon_provide ();
    return zrelay_check_file (zrelay_addon_kinds (kinds, 0, NULL), argc, argv,
                              report);
}

//  Words that are not a kind of relay
static const struct {
    const char *name;           //  The word
    zrelay_exit_t (*function) (const zrelay_kind_t *const *kinds, int argc,
                               char **argv, zrelay_report_t *report);
} s_words [] = {
    { "run", s_run_file },
    { "check", s_check_file },
    { "keygen", s_keygen },
    { "ctl", s_ctl },
    { "top", s_top },
    { "spool", s_spool }
};
#define WORDS (sizeof (s_words) / sizeof (*s_words))

int
zrelay_main (const zrelay_kind_t *const *kinds, int argc, char *argv [])
{
    assert (kinds && kinds [0]);
    s_occupy_streams ();
    zrelay_inherit_sockets ();
    //  The relay goes on when nobody reads its output any more
    signal (SIGPIPE, SIG_IGN);
    //  A spool that may not grow any more reports that
    signal (SIGXFSZ, SIG_IGN);
    zrelay_report_t *report = zrelay_report_new (argc > 0? argv [0]: NULL);
    size_t word = 0;
    while (word < WORDS && (argc < 2 || strneq (s_words [word].name, argv [1])))
        word++;
    zrelay_exit_t status = word < WORDS?
        s_words [word].function (kinds, argc - 1, argv + 1, report):
        s_run_kind (zrelay_addon_kinds (kinds, argc, argv), argc, argv,
                    report);
    zrelay_report_destroy (&report);
    return status;
}
