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
#include "zrelay_config.h"
#include "zrelay_control.h"
#include "zrelay_http.h"
#include "zrelay_json_file.h"
#include "zrelay_process.h"
#include "zrelay_service.h"
#include "zrelay_signals.h"

#include <getopt.h>
#include <signal.h>

//  Those of an actor's pipe
#define HOST_SOCKETS 2

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
    zrelay_service_t *service;  //  Hears what the relays are doing
} run_t;


//  --------------------------------------------------------------------------
//  The command line

static zrelay_exit_t
s_help (run_t *self)
{
    const char *program = zrelay_report_program (self->report);
    if (streq (self->word, "check"))
        printf ("Usage: %s check FILE\n"
                "Reports everything that is wrong with a file of relays, each"
                " with its line and\nits path in the file. Starts nothing. Exit"
                " status: 0 nothing, 1 something is\nwrong, 2 wrong usage. See"
                " zrelay.conf(5).\n", program);
    else
        printf ("Usage: %s run [options] FILE\n"
                "Runs the relays of a file, see zrelay.conf(5). SIGHUP and"
                " \"%s ctl reload\" read\nit again; SIGINT and SIGTERM end"
                " it.\n"
                "\n"
                "Options:\n"
                "      --control ENDPOINT  where %s ctl steers them (default:"
                " ZRELAY_CONTROL,\n"
                "                          or a socket in your runtime"
                " directory)\n"
                "      --control-curve FILE\n"
                "                          certificate for that, which tcp"
                " needs\n"
                "      --control-clients DIRECTORY\n"
                "                          certificates of those who may steer,"
                " or \"any\"\n"
                "      --user USER[:GROUP] become this user\n"
                "      --pid-file FILE     write the process id to FILE\n"
                "      --runtime-dir DIRECTORY\n"
                "                          make it, for this user\n"
                "      --metrics HOST:PORT serve metrics, health and a page"
                " there, by HTTP\n"
                "      --metrics-steer FILE\n"
                "                          let the page steer, with the token in"
                " FILE\n"
                "  -q, --quiet             print and log only failures\n"
                "  -h, --help              print this help and exit\n",
                program, program, program);
    return zrelay_report_flush (self->report);
}

static void
s_keep (char **string_p, const char *argument)
{
    zstr_free (string_p);
    *string_p = strdup (argument);
    assert (*string_p);
}

static zrelay_exit_t
s_read_options (run_t *self, int argc, char **argv)
{
    static const struct option options [] = {
        { "control", required_argument, NULL, 'c' },
        { "control-curve", required_argument, NULL, 'k' },
        { "control-clients", required_argument, NULL, 'd' },
        { "user", required_argument, NULL, 'u' },
        { "pid-file", required_argument, NULL, 'p' },
        { "runtime-dir", required_argument, NULL, 'r' },
        { "metrics", required_argument, NULL, 'm' },
        { "metrics-steer", required_argument, NULL, 't' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };
    const char *program = zrelay_report_program (self->report);
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    opterr = 0;
    int letter;
    while (status == ZRELAY_EXIT_NOT_YET
       && (letter = getopt_long (argc, argv, ":qh", options, NULL)) != -1)
        switch (letter) {
            case 'c':
                s_keep (&self->plan->control, optarg);
                break;
            case 'k':
                s_keep (&self->plan->control_curve, optarg);
                break;
            case 'd':
                s_keep (&self->plan->control_clients, optarg);
                break;
            case 'u':
                s_keep (&self->plan->user, optarg);
                break;
            case 'p':
                s_keep (&self->plan->pid_file, optarg);
                break;
            case 'r':
                s_keep (&self->plan->runtime_dir, optarg);
                break;
            case 'm':
                s_keep (&self->plan->metrics, optarg);
                break;
            case 't':
                s_keep (&self->plan->metrics_steer, optarg);
                break;
            case 'q':
                self->plan->quiet = true;
                break;
            case 'h':
                status = s_help (self);
                break;
            default:
                status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
                    letter == ':'? "%s: %s needs an argument; see %s %s --help":
                    "%s: there is no option %s; see %s %s --help", self->word,
                    argv [optind - 1], program, self->word);
        }
    if (status == ZRELAY_EXIT_NOT_YET && optind != argc - 1)
        status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "%s takes the name of one file; see %s %s --help", self->word,
            program, self->word);
    self->file = argv [argc - 1];
    return status;
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
        char *line = zsys_sprintf ("%s: %s at %s", name, side, endpoint);
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
    if (s_load (self))
        zsys_info ("run: %s was read again", self->file);
    else
        zsys_warning ("run: the relays are as they were");
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
s_longest_drain (zrelay_config_t *config)
{
    size_t longest = ZRELAY_PLAN_DRAIN;
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (config->plans);
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (config->plans))
        longest = plan->drain > longest? plan->drain: longest;
    return longest;
}

//  End all relays: each drains, all at the same time

static void
s_end (run_t *self)
{
    zmsg_t *list = zrelay_client_query (self->client, "LIST", NULL);
    size_t stops = 0;
    zrelay_config_t *config = s_read_config (self);
    zrelay_service_stopping (self->service,
                             2 * s_longest_drain (config) + STOP_MARGIN);
    while (list && zmsg_size (list) >= 2) {
        char *name = zmsg_popstr (list);
        char *kind = zmsg_popstr (list);
        zrelay_plan_t *plan = zrelay_config_find (config, name);
        char *msecs = zsys_sprintf ("%zu",
                                    plan? plan->drain: ZRELAY_PLAN_DRAIN);
        assert (msecs);
        zstr_sendx (self->host, "STOP", name, msecs, NULL);
        stops++;
        zstr_free (&msecs);
        zstr_free (&name);
        zstr_free (&kind);
    }
    zrelay_config_destroy (&config);
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

static void
s_serve (run_t *self)
{
    zrelay_service_ready (self->service);
    while (true) {
        int number = zrelay_process_wait (NULL,
                                          zrelay_service_wait (self->service));
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
    if (plan->metrics_steer && !plan->metrics)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--metrics-steer needs --metrics, where the page is");
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

static zrelay_exit_t
s_run_relays (run_t *self)
{
    zrelay_config_t *config = s_read_config (self);
    zrelay_exit_t status =
        zrelay_process_prepare (config->io_threads, self->plan->quiet,
                                self->report);
    zrelay_config_destroy (&config);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_open_http (self);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_open_host (self);
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
    zrelay_signals_end (status);
    return status;
}

static zrelay_exit_t
s_run (run_t *self)
{
    s_keep (&self->plan->name, self->file);
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
