/*  =========================================================================
    zrelay_run - zrelay run and check: the relays of a file

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_run.h"
#include "zrelay_arguments.h"
#include "zrelay_config.h"
#include "zrelay_control.h"
#include "zrelay_http.h"
#include "zrelay_help.h"
#include "zrelay_json_file.h"
#include "zrelay_links.h"
#include "zrelay_process.h"
#include "zrelay_service.h"
#include "zrelay_signals.h"

#include <signal.h>

//  Those of an actor's pipe
#define HOST_SOCKETS 2

//  Events of connections that are handled at a time
#define LINKS_MOST 100

//  Msecs that a service manager should grant beyond the time to drain
#define STOP_MARGIN 5000

//  Frames for each finding in the answer to CHECK
#define FINDING_FRAMES 4

typedef struct {
    const zrelay_kind_t *const *kinds;  //  Those that a file may name
    zrelay_report_t *report;    //  Hears what is wrong
    const char *word;           //  "run" or "check"
    const char *file;           //  The file
    zrelay_plan_t *plan;        //  What the command line says of control, of
                                //  metrics, and of what is printed
    zrelay_http_t *http;        //  Serves metrics, or NULL
    zactor_t *host;             //  Runs the relays
    zrelay_client_t *client;    //  Steers the host
    zrelay_config_t *config;    //  The file, as it was read last
    zrelay_links_t *links;      //  Hears where relays have connected, or NULL
    zrelay_service_t *service;  //  Hears what the relays are doing
} run_t;


//  --------------------------------------------------------------------------
//  The command line

static zrelay_exit_t
s_help (run_t *self)
{
    const char *program = zrelay_report_program (self->report);
    if (streq (self->word, "check"))
        printf ("Usage: %s check [options] FILE\n"
                "Reports everything that is wrong with a file of relays, each"
                " with its line and\nits path in the file. Starts nothing. Exit"
                " status: 0 nothing, 1 something is\nwrong, 2 wrong usage. See"
                " zrelay.conf(5).\n", program);
    else
        printf ("Usage: %s run [options] FILE\n"
                "Runs the relays of a file, see zrelay.conf(5). SIGHUP and"
                " \"%s ctl reload\" read\nit again; SIGINT and SIGTERM end"
                " it. Without --control, they are steered at\nZRELAY_CONTROL, or"
                " at a socket in your runtime directory.\n", program, program);
    zrelay_parse_print_all (zrelay_arguments_options (self->word));
    return zrelay_report_flush (self->report);
}

static zrelay_exit_t
s_read_options (run_t *self, int argc, char **argv)
{
    zrelay_arguments_task_t task;
    zrelay_exit_t status =
        zrelay_arguments_read_file (self->plan, self->word, argc, argv,
                                    self->report, &task, &self->file);
    if (status != ZRELAY_EXIT_NOT_YET || task == ZRELAY_ARGUMENTS_RUN)
        return status;
    return task == ZRELAY_ARGUMENTS_HELP? s_help (self):
           zrelay_help_version (self->report);
}


//  --------------------------------------------------------------------------
//  Findings

static void
s_print_finding (run_t *self, const char *word, const char *place,
                 const char *path, const char *sentence)
{
    if (streq (word, "warning"))
        zrelay_report_warn (self->report, "%s%s%s%s%s", place,
            *place? ": ": "", path, *path? ": ": "", sentence);
    else
        zrelay_report_say (self->report, ZRELAY_EXIT_FAILED, "%s%s%s%s%s",
            place, *place? ": ": "", path, *path? ": ": "", sentence);
}

//  Have the host check the file, and print what it finds. Returns how many
//  failures there are, or SIZE_MAX if the host did not answer.

static size_t
s_check (run_t *self, const char *text)
{
    zmsg_t *findings =
        zrelay_client_query (self->client, "CHECK", self->file, text, NULL);
    if (!findings) {
        zrelay_report_say (self->report, ZRELAY_EXIT_FAILED, "%s: %s",
                           self->word, zrelay_client_error (self->client));
        return SIZE_MAX;
    }
    size_t failures = 0;
    while (zmsg_size (findings) >= FINDING_FRAMES) {
        char *words [FINDING_FRAMES];
        for (int index = 0; index < FINDING_FRAMES; index++)
            words [index] = zmsg_popstr (findings);
        failures += streq (words [0], "error");
        s_print_finding (self, words [0], words [1], words [2], words [3]);
        for (int index = 0; index < FINDING_FRAMES; index++)
            zstr_free (&words [index]);
    }
    zmsg_destroy (&findings);
    return failures;
}


//  --------------------------------------------------------------------------
//  Loading

//  The file's text, if it has to be converted, as a fresh string, or else NULL.
//  Returns false after it was reported why it cannot be.

static bool
s_convert (run_t *self, char **text_p)
{
    *text_p = NULL;
    return !zrelay_json_file_is (self->file)
        || (*text_p = zrelay_json_file_read (self->file, self->report));
}

static bool
s_load (run_t *self)
{
    char *text;
    if (!s_convert (self, &text))
        return false;
    zrelay_client_command (self->client, "LOAD", self->file, text, NULL);
    bool loaded = zrelay_client_status (self->client) == ZRELAY_STATUS_DONE;
    if (!loaded)
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s",
                           zrelay_client_error (self->client));
    zstr_free (&text);
    return loaded;
}

//  What the file says to the program itself, as far as it can be read: what is
//  wrong, the host will say

static zrelay_config_t *
s_read_config (run_t *self)
{
    zrelay_report_t *report = zrelay_report_new_list ();
    char *text = zrelay_json_file_is (self->file)?
                 zrelay_json_file_read (self->file, report): NULL;
    zrelay_config_t *config =
        zrelay_config_read (self->file, text, self->kinds, report);
    zrelay_report_destroy (&report);
    zstr_free (&text);
    return config;
}

//  The plans of the file as it is now, of which links has to know

static void
s_read_plans (run_t *self)
{
    zrelay_links_purge (self->links);
    zrelay_config_destroy (&self->config);
    self->config = s_read_config (self);
    zrelay_plan_t *plan = self->links?
        (zrelay_plan_t *) zlistx_first (self->config->plans): NULL;
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (self->config->plans))
        zrelay_links_add (self->links, plan);
}

//  Print where each side of each relay is

static void
s_print_side (run_t *self, const char *name, const char *side)
{
    zrelay_client_set_relay (self->client, name);
    zmsg_t *endpoints =
        zrelay_client_query (self->client, "ENDPOINT", side, NULL);
    zrelay_client_set_relay (self->client, NULL);
    char *endpoint = endpoints? zmsg_popstr (endpoints): NULL;
    while (endpoint) {
        char *line = zsys_sprintf ("%s: %s %s %s", name, side,
            zrelay_links_makes (self->links, name, side, endpoint)?
            "connecting to": "at", endpoint);
        assert (line);
        zrelay_report_print (self->report, line);
        zstr_free (&line);
        zstr_free (&endpoint);
        endpoint = zmsg_popstr (endpoints);
    }
    zmsg_destroy (&endpoints);
}

static void
s_print_relays (run_t *self)
{
    zmsg_t *list = self->plan->quiet? NULL:
        zrelay_client_query (self->client, "LIST", NULL);
    while (list && zmsg_size (list) >= 2) {
        char *name = zmsg_popstr (list);
        char *kind = zmsg_popstr (list);
        s_print_side (self, name, "frontend");
        s_print_side (self, name, "backend");
        zstr_free (&name);
        zstr_free (&kind);
    }
    zmsg_destroy (&list);
}


//  --------------------------------------------------------------------------
//  While the relays run

//  The old state stays if the new one is not possible

static void
s_reload (run_t *self)
{
    bool loaded = s_load (self);
    s_read_plans (self);
    if (loaded)
        zrelay_printer_log (ZRELAY_LOG_INFO, "run: %s was read again",
                            self->file);
    else
        zrelay_printer_log (ZRELAY_LOG_WARNING,
                            "run: the relays are as they were");
}

static void
s_print_stats (run_t *self)
{
    zmsg_t *list = zrelay_client_query (self->client, "LIST", NULL);
    while (list && zmsg_size (list) >= 2) {
        char *name = zmsg_popstr (list);
        char *kind = zmsg_popstr (list);
        zrelay_client_set_relay (self->client, name);
        zrelay_stats_t *stats = zrelay_client_stats (self->client);
        zrelay_client_set_relay (self->client, NULL);
        char *text = stats? zrelay_stats_text (stats): NULL;
        if (text)
            zrelay_report_note (self->report, text);
        zstr_free (&text);
        zrelay_stats_destroy (&stats);
        zstr_free (&name);
        zstr_free (&kind);
    }
    zmsg_destroy (&list);
}

static size_t
s_longest_drain (run_t *self)
{
    size_t longest = ZRELAY_PLAN_DRAIN;
    zrelay_plan_t *plan =
        (zrelay_plan_t *) zlistx_first (self->config->plans);
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (self->config->plans))
        longest = plan->drain > longest? plan->drain: longest;
    return longest;
}

//  End all relays: each drains, all at the same time

static void
s_end (run_t *self)
{
    zmsg_t *list = zrelay_client_query (self->client, "LIST", NULL);
    size_t stops = 0;
    //  Others may have had it read since
    s_read_plans (self);
    zrelay_service_stopping (self->service,
                             2 * s_longest_drain (self) + STOP_MARGIN);
    while (list && zmsg_size (list) >= 2) {
        char *name = zmsg_popstr (list);
        char *kind = zmsg_popstr (list);
        zrelay_plan_t *plan = zrelay_config_find (self->config, name);
        char *msecs = zsys_sprintf ("%zu",
                                    plan? plan->drain: ZRELAY_PLAN_DRAIN);
        assert (msecs);
        zstr_sendx (self->host, "STOP", name, msecs, NULL);
        stops++;
        zstr_free (&msecs);
        zstr_free (&name);
        zstr_free (&kind);
    }
    zmsg_destroy (&list);
    //  A second signal ends them at once
    while (stops > 0) {
        int number = zrelay_process_wait (self->host, -1);
        if (number)
            break;
        zsock_wait (self->host);
        stops--;
    }
}

//  Handle the events that are there, but signals come first

static void
s_hear_links (run_t *self)
{
    zsock_t *sock = zrelay_links_sock (self->links);
    for (int count = 0; sock && count < LINKS_MOST
         && (zsock_events (sock) & ZMQ_POLLIN); count++)
        zrelay_links_handle (self->links);
}

static void
s_serve (run_t *self)
{
    zrelay_service_ready (self->service);
    while (true) {
        int number = zrelay_process_wait (zrelay_links_sock (self->links),
                                          zrelay_service_wait (self->service));
        s_hear_links (self);
        if (zrelay_service_due (self->service)) {
            char *answer = zrelay_client_ask (self->client, "PING", NULL);
            if (answer)
                zrelay_service_alive (self->service);
            zstr_free (&answer);
        }
        if (number == SIGHUP)
            s_reload (self);
        else
        if (number == SIGUSR1)
            s_print_stats (self);
        else
        if (number)
            break;
    }
    s_end (self);
}


//  --------------------------------------------------------------------------
//  The whole

static zrelay_exit_t
s_open_host (run_t *self)
{
    if (zrelay_sockets_left (HOST_SOCKETS))
        self->host = zactor_new (zrelay_host, (void *) self->kinds);
    if (!self->host)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "cannot create the relays' sockets: %s", zmq_strerror (errno));
    self->client = zrelay_client_new (self->host);
    //  A LOAD may have to wait for relays that drain
    zrelay_client_set_timeout (self->client, SIZE_MAX);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_open_http (run_t *self)
{
    zrelay_plan_t *plan = self->plan;
    if (plan->metrics)
        self->http = zrelay_http_new (plan->metrics, plan->metrics_steer,
                                      self->report);
    return plan->metrics && !self->http? ZRELAY_EXIT_MISUSE:
           ZRELAY_EXIT_NOT_YET;
}

//  The control socket is where its user says, or where zrelay ctl looks

static zrelay_exit_t
s_open_control (run_t *self)
{
    if (!self->plan->control && !zrelay_control_environment ())
        self->plan->control = zrelay_control_default ();
    zlist_t *lines = zlist_new ();
    assert (lines);
    zlist_autofree (lines);
    zrelay_exit_t status = zrelay_open_control (self->plan, self->client,
                                                self->report, lines);
    if (status == ZRELAY_EXIT_NOT_YET && self->http)
        status = zrelay_http_start (self->http, self->client, lines);
    char *line = (char *) zlist_first (lines);
    for (; line && !self->plan->quiet; line = (char *) zlist_next (lines))
        zrelay_report_print (self->report, line);
    zlist_destroy (&lines);
    return status;
}

//  What the relays log and tell, from their start on

static void
s_set_up_log (run_t *self)
{
    if (self->plan->verbose)
        zrelay_client_command (self->client, "VERBOSE", NULL);
    self->links = zrelay_links_new (self->report, self->plan->quiet);
    if (self->links)
        zrelay_client_command (self->client, "EVENTS",
                               zrelay_links_endpoint (self->links), NULL);
    s_read_plans (self);
}

static zrelay_exit_t
s_prepare (run_t *self)
{
    zrelay_exit_t status =
        zrelay_process_prepare (self->config->io_threads, self->report);
    zlistx_t *plans = self->config->plans;
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (plans);
    while (plan && !zrelay_plan_limits (plan))
        plan = (zrelay_plan_t *) zlistx_next (plans);
    if (status == ZRELAY_EXIT_NOT_YET && plan)
        zrelay_process_limit ();
    return status;
}

static zrelay_exit_t
s_run_relays (run_t *self)
{
    s_read_plans (self);
    zrelay_exit_t status = s_prepare (self);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_open_http (self);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_open_host (self);
    if (status == ZRELAY_EXIT_NOT_YET)
        s_set_up_log (self);
    char *text = NULL;
    if (status == ZRELAY_EXIT_NOT_YET
    && (!s_convert (self, &text) || s_check (self, text) > 0
     || !s_load (self)))
        status = ZRELAY_EXIT_MISUSE;
    zstr_free (&text);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_open_control (self);
    if (status == ZRELAY_EXIT_NOT_YET) {
        s_print_relays (self);
        s_serve (self);
        status = ZRELAY_EXIT_ASKED;
    }
    zrelay_http_destroy (&self->http);
    zrelay_client_destroy (&self->client);
    zactor_destroy (&self->host);
    zrelay_links_destroy (&self->links);
    zrelay_config_destroy (&self->config);
    zrelay_signals_end (status);
    return status;
}

static zrelay_exit_t
s_run (run_t *self)
{
    self->plan->name = strdup (self->file);
    assert (self->plan->name);
    self->service = zrelay_service_new (self->plan, self->report);
    zrelay_exit_t status = zrelay_service_start (self->service);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_run_relays (self);
    zrelay_service_destroy (&self->service);
    return status;
}

static zrelay_exit_t
s_start (const char *word, const zrelay_kind_t *const *kinds, int argc,
         char **argv, zrelay_report_t *report,
         zrelay_exit_t (*function) (run_t *self))
{
    run_t self = { .kinds = kinds, .report = report, .word = word };
    self.plan = zrelay_plan_new ();
    zrelay_exit_t status = s_read_options (&self, argc, argv);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = function (&self);
    zrelay_plan_destroy (&self.plan);
    return status;
}

zrelay_exit_t
zrelay_run_file (const zrelay_kind_t *const *kinds, int argc, char **argv,
                 zrelay_report_t *report)
{
    return s_start ("run", kinds, argc, argv, report, s_run);
}

static zrelay_exit_t
s_only_check (run_t *self)
{
    zsys_handler_set (NULL);
    zrelay_exit_t status = s_open_host (self);
    char *text = NULL;
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_convert (self, &text) && s_check (self, text) == 0?
                 ZRELAY_EXIT_ASKED: ZRELAY_EXIT_FAILED;
    zstr_free (&text);
    zrelay_client_destroy (&self->client);
    zactor_destroy (&self->host);
    return status;
}

zrelay_exit_t
zrelay_check_file (const zrelay_kind_t *const *kinds, int argc, char **argv,
                   zrelay_report_t *report)
{
    return s_start ("check", kinds, argc, argv, report, s_only_check);
}
