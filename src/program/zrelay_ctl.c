/*  =========================================================================
    zrelay_ctl - zrelay ctl: steers relays that run already

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_ctl.h"
#include "zrelay_dial.h"
#include "zrelay_json.h"
#include "zrelay_parse.h"
#include "zrelay_snapshot.h"

#include <limits.h>

//  Milliseconds to wait for an answer, unless the user says otherwise
#define TIMEOUT 5000
#define TIMEOUT_TEXT "5000"

//  Width of the columns of "list"
#define NAME_WIDTH 20
#define KIND_WIDTH 12

typedef struct {
    zrelay_report_t *report;    //  Hears what is wrong
    char *control;              //  Where the relays are steered, or NULL: where
                                //  they are by default
    char *curve;                //  File of our certificate, or NULL
    char *server;               //  File of that of the other party, or NULL
    size_t timeout;             //  Milliseconds to wait for an answer
    bool json;                  //  Print JSON
    bool help;                  //  Only explain
    zrelay_dial_t *dial;        //  Connects to the host
    zrelay_client_t *client;    //  Leads to it
} ctl_t;


//  --------------------------------------------------------------------------
//  Failures

//  Report why a call failed, and say how it ends

static zrelay_exit_t
s_failed (ctl_t *self)
{
    int status = zrelay_client_status (self->client);
    const char *sentence = zrelay_client_error (self->client);
    if (self->json) {
        printf ("{\"status\":%d,\"error\":", status);
        zrelay_json_print_string (sentence);
        printf ("}\n");
    }
    if (status == ZRELAY_STATUS_TIMEOUT)
        return zrelay_report_say (self->report, ZRELAY_EXIT_SILENCE,
            "ctl: no answer from %s within %zu ms; is the relay running, with"
            " that --control?", zrelay_dial_endpoint (self->dial),
            self->timeout);
    return zrelay_report_say (self->report, ZRELAY_EXIT_FAILED, "ctl: %s",
                              sentence);
}


//  A time that a command may take, as far as a client can wait

static size_t
s_msecs (const char *text)
{
    unsigned long msecs = strtoul (text, NULL, 10);
    return msecs < INT_MAX / 2? msecs: INT_MAX / 2;
}


//  --------------------------------------------------------------------------
//  List

//  The state of a relay, as a fresh string; one that does not answer has none

static char *
s_state (ctl_t *self, const char *name)
{
    zrelay_client_set_relay (self->client, name);
    char *state = zrelay_client_ask (self->client, "STATE", NULL);
    zrelay_client_set_relay (self->client, NULL);
    if (!state)
        state = strdup ("silent");
    assert (state);
    return state;
}

static void
s_print_relay (ctl_t *self, bool first, const char *name, const char *kind)
{
    char *state = s_state (self, name);
    if (self->json) {
        printf ("%s{\"name\":", first? "": ",");
        zrelay_json_print_string (name);
        printf (",\"kind\":");
        zrelay_json_print_string (kind);
        printf (",\"state\":");
        zrelay_json_print_string (state);
        printf ("}");
    }
    else
        printf ("%-*s %-*s %s\n", NAME_WIDTH, name, KIND_WIDTH, kind, state);
    zstr_free (&state);
}

static zrelay_exit_t
s_list (ctl_t *self, int argc, char **argv)
{
    (void) argc;
    (void) argv;
    zmsg_t *list = zrelay_client_query (self->client, "LIST", NULL);
    if (!list)
        return s_failed (self);
    fputs (self->json? "[": "", stdout);
    for (bool first = true; zmsg_size (list) >= 2; first = false) {
        char *name = zmsg_popstr (list);
        char *kind = zmsg_popstr (list);
        s_print_relay (self, first, name, kind);
        zstr_free (&name);
        zstr_free (&kind);
    }
    fputs (self->json? "]\n": "", stdout);
    zmsg_destroy (&list);
    return ZRELAY_EXIT_ASKED;
}


//  --------------------------------------------------------------------------
//  Statistics

static zrelay_exit_t
s_print_stats (ctl_t *self, const char *name)
{
    zrelay_client_set_relay (self->client, name);
    zrelay_stats_t *stats = zrelay_client_stats (self->client);
    zrelay_client_set_relay (self->client, NULL);
    if (!stats)
        return s_failed (self);
    char *text = self->json? zrelay_stats_json (stats):
                             zrelay_stats_text (stats);
    fputs (text, stdout);
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
    return ZRELAY_EXIT_ASKED;
}

static zrelay_exit_t
s_all_stats (ctl_t *self)
{
    zmsg_t *list = zrelay_client_query (self->client, "LIST", NULL);
    if (!list)
        return s_failed (self);
    zrelay_exit_t status = ZRELAY_EXIT_ASKED;
    fputs (self->json? "[": "", stdout);
    while (status == ZRELAY_EXIT_ASKED && zmsg_size (list) >= 2) {
        char *name = zmsg_popstr (list);
        char *kind = zmsg_popstr (list);
        status = s_print_stats (self, name);
        fputs (self->json && zmsg_size (list) > 0? ",": "", stdout);
        zstr_free (&name);
        zstr_free (&kind);
    }
    fputs (self->json? "]\n": "", stdout);
    zmsg_destroy (&list);
    return status;
}

static zrelay_exit_t
s_stats (ctl_t *self, int argc, char **argv)
{
    if (argc < 2)
        return s_all_stats (self);
    zrelay_exit_t status = s_print_stats (self, argv [1]);
    if (status == ZRELAY_EXIT_ASKED && self->json)
        putchar ('\n');
    return status;
}


//  --------------------------------------------------------------------------
//  Readiness

//  A line for each obstacle, without its end

static void
s_report_obstacles (ctl_t *self, char *obstacles)
{
    char *rest = obstacles;
    char *line;
    while ((line = strtok_r (rest, "\n", &rest)))
        zrelay_report_say (self->report, ZRELAY_EXIT_FAILED, "ctl: %s", line);
}

static zrelay_exit_t
s_ready (ctl_t *self, int argc, char **argv)
{
    (void) argc;
    (void) argv;
    zrelay_snapshot_t *snapshot =
        zrelay_snapshot_new (self->client, self->timeout);
    if (zrelay_snapshot_error (snapshot)) {
        zrelay_snapshot_destroy (&snapshot);
        return s_failed (self);
    }
    char *obstacles = zrelay_snapshot_obstacles (snapshot);
    zrelay_snapshot_destroy (&snapshot);
    if (self->json)
        printf ("{\"ready\":%s}\n", obstacles? "false": "true");
    else
    if (!obstacles)
        printf ("ready\n");
    zrelay_exit_t status = obstacles? ZRELAY_EXIT_FAILED: ZRELAY_EXIT_ASKED;
    if (obstacles)
        s_report_obstacles (self, obstacles);
    zstr_free (&obstacles);
    return status;
}


//  --------------------------------------------------------------------------
//  Commands of the host

static zrelay_exit_t
s_done (ctl_t *self)
{
    if (zrelay_client_status (self->client) != ZRELAY_STATUS_DONE)
        return s_failed (self);
    if (self->json)
        printf ("{\"status\":0,\"answer\":[]}\n");
    return ZRELAY_EXIT_ASKED;
}

static zrelay_exit_t
s_reload (ctl_t *self, int argc, char **argv)
{
    (void) argc;
    (void) argv;
    zrelay_client_command (self->client, "LOAD", NULL);
    return s_done (self);
}

//  The time to drain comes before the answer

static zrelay_exit_t
s_stop (ctl_t *self, int argc, char **argv)
{
    self->timeout += argc > 2? s_msecs (argv [2]): 0;
    zrelay_client_set_timeout (self->client, self->timeout);
    zrelay_client_command (self->client, "STOP", argv [1], argv [2], NULL);
    return s_done (self);
}


//  --------------------------------------------------------------------------
//  Any command

//  Frames for people: one in a line. What could steer a terminal is not shown.

static void
s_print_frame (zframe_t *frame)
{
    const byte *data = zframe_data (frame);
    for (size_t index = 0; index < zframe_size (frame); index++)
        putchar (iscntrl (data [index]) && data [index] != '\n'? '?':
                 data [index]);
    putchar ('\n');
}

static void
s_print_answer (ctl_t *self, zmsg_t *frames)
{
    bool first = true;
    if (self->json)
        printf ("{\"status\":0,\"answer\":[");
    zframe_t *frame = zmsg_first (frames);
    for (; frame; frame = zmsg_next (frames)) {
        if (self->json) {
            fputs (first? "": ",", stdout);
            zrelay_json_print (zframe_data (frame), zframe_size (frame));
        }
        else
            s_print_frame (frame);
        first = false;
    }
    if (self->json)
        printf ("]}\n");
}

//  DRAIN says itself how long it may take

static size_t
s_extra_time (int argc, char **argv)
{
    return argc > 1 && streq (argv [0], "DRAIN")? s_msecs (argv [1]): 0;
}

//  NAME COMMAND [ARG ...]. A command is in capitals, as the relay has it, but
//  need not be typed so.

static zrelay_exit_t
s_command (ctl_t *self, int argc, char **argv)
{
    for (char *letter = argv [1]; *letter; letter++)
        *letter = (char) toupper ((byte) *letter);
    zmsg_t *words = zmsg_new ();
    assert (words);
    for (int index = 1; index < argc; index++)
        zmsg_addstr (words, argv [index]);
    self->timeout += s_extra_time (argc - 1, argv + 1);
    zrelay_client_set_timeout (self->client, self->timeout);
    zrelay_client_set_relay (self->client, argv [0]);
    zmsg_t *frames = NULL;
    zrelay_client_execute (self->client, &words, &frames);
    if (!frames)
        return s_failed (self);
    s_print_answer (self, frames);
    zmsg_destroy (&frames);
    return ZRELAY_EXIT_ASKED;
}


//  --------------------------------------------------------------------------
//  The command line

static const struct {
    const char *name;           //  First word
    int least;                  //  Words, with it
    int most;
    zrelay_exit_t (*function) (ctl_t *self, int argc, char **argv);
} s_tasks [] = {
    { "list", 1, 1, s_list },
    { "ready", 1, 1, s_ready },
    { "reload", 1, 1, s_reload },
    { "stats", 1, 2, s_stats },
    { "stop", 2, 3, s_stop }
};
#define TASKS (sizeof (s_tasks) / sizeof (*s_tasks))

static zrelay_parse_fn s_read_timeout;

#define IN_CTL(member) offsetof (ctl_t, member)

static const zrelay_parse_option_t s_options [] = {
    { 0, "control", "ENDPOINT",
      "where they are steered (default: ZRELAY_CONTROL,\n"
      "or that of zrelay run)",
      zrelay_parse_text, IN_CTL (control), false },
    { 0, "curve", "FILE",
      "our certificate, for tcp",
      zrelay_parse_text, IN_CTL (curve), false },
    { 0, "server", "FILE",
      "the public certificate of the other party",
      zrelay_parse_text, IN_CTL (server), false },
    { 0, "json", NULL,
      "print JSON",
      zrelay_parse_flag, IN_CTL (json), false },
    { 0, "timeout", "MSECS",
      "time to wait for an answer (default " TIMEOUT_TEXT ")",
      s_read_timeout, IN_CTL (timeout), false },
    { 'h', "help", NULL,
      "print this help and exit",
      zrelay_parse_ask, IN_CTL (help), false },
    { 0, NULL, NULL, NULL, NULL, 0, false }
};

static zrelay_exit_t
s_help (ctl_t *self)
{
    const char *program = zrelay_report_program (self->report);
    printf (
        "Usage: %s ctl [options] list\n"
        "       %s ctl [options] stats [NAME]\n"
        "       %s ctl [options] ready\n"
        "       %s ctl [options] reload\n"
        "       %s ctl [options] stop NAME [MSECS]\n"
        "       %s ctl [options] NAME COMMAND [ARGUMENT ...]\n"
        "Steers relays that run already: lists them, prints statistics, fails"
        " unless each\nis attached and answers, has the file of \"run\" read"
        " again, stops one of them,\nafter it could drain for so long, or gives"
        " it a command, such as PAUSE. \"NAME\nHELP\" lists its commands.\n",
        program, program, program, program, program, program);
    zrelay_parse_print_all (s_options);
    printf ("\n"
        "Exit status: 0 done, 1 refused or not ready, 2 wrong usage, 3 no answer"
        " in time.\n");
    return zrelay_report_flush (self->report);
}

static zrelay_exit_t
s_read_timeout (zrelay_parse_t *parse, const zrelay_parse_option_t *option,
                const char *argument)
{
    errno = 0;
    char *end;
    unsigned long msecs = strtoul (argument, &end, 10);
    if (!isdigit ((byte) *argument) || *end || errno || msecs > INT_MAX / 2)
        return zrelay_parse_wrong (parse,
            "--%s takes milliseconds, not '%s'", option->name, argument);
    *(size_t *) zrelay_parse_place (parse, option) = msecs;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_run (ctl_t *self, int argc, char **argv)
{
    size_t task = 0;
    while (task < TASKS && argc > 0 && strneq (s_tasks [task].name, argv [0]))
        task++;
    bool known = argc > 0 && task < TASKS && argc >= s_tasks [task].least
              && argc <= s_tasks [task].most;
    if (!known && argc < 2)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "ctl: what is to be done? Give list, stats, ready, reload, stop"
            " NAME, or NAME COMMAND; see %s ctl --help",
            zrelay_report_program (self->report));
    self->dial = zrelay_dial_new ("ctl", self->control, self->curve,
                                  self->server, self->report);
    if (!self->dial)
        return ZRELAY_EXIT_MISUSE;
    self->client = zrelay_dial_client (self->dial);
    zrelay_client_set_timeout (self->client, self->timeout);
    zrelay_exit_t status = known? s_tasks [task].function (self, argc, argv):
                           s_command (self, argc, argv);
    return status == ZRELAY_EXIT_ASKED? zrelay_report_flush (self->report):
           status;
}

zrelay_exit_t
zrelay_ctl (int argc, char **argv, zrelay_report_t *report)
{
    ctl_t self = { .report = report, .timeout = TIMEOUT };
    zsys_handler_set (NULL);
    //  The other words may begin with "-" themselves
    zrelay_parse_t parse = {
        .options = s_options, .object = &self, .word = "ctl",
        .report = report, .ahead = true
    };
    int next;
    zrelay_exit_t status = zrelay_parse (&parse, argc, argv, &next);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = self.help? s_help (&self):
                 s_run (&self, argc - next, argv + next);
    fflush (stdout);
    zrelay_dial_destroy (&self.dial);
    zstr_free (&self.control);
    zstr_free (&self.curve);
    zstr_free (&self.server);
    return status;
}
