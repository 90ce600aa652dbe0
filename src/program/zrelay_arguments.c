/*  =========================================================================
    zrelay_arguments - reads the program's command line into a plan

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_arguments.h"
#include "zrelay_format.h"

//  Most milliseconds that --drain takes: a day, as much as DRAIN
#define DRAIN_MAX 86400000

//  More would only wait for the cores
#define IO_THREADS_MAX 64

//  What a relay's name may consist of, see zrelay_engine_spawn ()
#define NAME_MAX_SIZE 127
#define NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

//  A number's text, for the help
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF (number)

//  A command line that is being read
typedef struct {
    zrelay_parse_t parse;       //  Reads its options; comes first
    zrelay_plan_t *plan;        //  Filled in
    const zrelay_kind_t *const *kinds; //  Those that may be named
    zrelay_report_t *report;    //  Hears what is wrong
    zrelay_arguments_task_t task;   //  What is asked for
} arguments_t;

typedef zrelay_parse_option_t option_t;

static zrelay_parse_fn s_endpoint, s_topic, s_rule, s_capture, s_prefixes,
    s_setting, s_join, s_titanic, s_name, s_drain, s_io_threads, s_network, s_guard, s_switch,
    s_log_format, s_log_level, s_version, s_help;

#define IN_PLAN(member) offsetof (zrelay_plan_t, member)

//  Options behind the first mark are for "run", too, and those behind the
//  second for "check"
#define FIRST_OF_RUN "control"
#define FIRST_OF_CHECK "log-format"

static const option_t s_options [] = {
    { 'f', "frontend", "ENDPOINT",
      "attach the side for clients, publishers, pushers",
      s_endpoint, 0, false },
    { 'b', "backend", "ENDPOINT",
      "attach the side for workers, subscribers, pullers",
      s_endpoint, 0, false },
    { 's', "subscribe", "TOPIC",
      "subscribe for the relay, too; this restricts nothing",
      s_topic, 0, false },
    { 0, "only", "TOPIC",
      "pass only messages that begin with it",
      s_rule, 0, false },
    { 0, "except", "TOPIC",
      "pass no messages that begin with it",
      s_rule, 0, false },
    { 0, "rename", "FROM=TO",
      "put TO in the place of FROM at a message's beginning",
      s_rule, 0, false },
    { 'c', "capture", "ENDPOINT",
      "send copies to a PULL there; PUB@ENDPOINT: to many",
      s_capture, 0, true },
    { 0, "capture-prefixes", "A,B",
      "copies begin with a frame: A forward, B return",
      s_prefixes, 0, true },
    { 'o', "set", "SIDE.OPTION=VALUE",
      "set an option of a side, a flow or the relay",
      s_setting, 0, false },
    { 0, "join", "ADDRESS",
      "join relays elsewhere: nats://HOST:4222/NAME",
      s_join, 0, true },
    { 0, "titanic", "DIRECTORY",
      "keep a majordomo's requests there, on disk",
      s_titanic, 0, true },
    { 'n', "name", "NAME",
      "name the relay in output, logs and statistics",
      s_name, 0, true },
    { 'd', "drain", "MSECS",
      "time to drain before it ends (default " TEXT (ZRELAY_PLAN_DRAIN) ")",
      s_drain, 0, true },
    { 0, "curve", "FILE",
      "encrypt, with the relay's certificate in FILE",
      zrelay_parse_text, IN_PLAN (curve), true },
    { 0, "clients", "DIRECTORY",
      "let in clients with a certificate there, or \"any\"",
      zrelay_parse_text, IN_PLAN (clients), true },
    { 0, "server", "KEY",
      "be a client of the CURVE server with this key",
      zrelay_parse_text, IN_PLAN (server), true },
    { 0, "plain", "FILE",
      "let in peers with a name=password line in FILE",
      zrelay_parse_text, IN_PLAN (plain), true },
    { 0, "allow", "NETWORK",
      "let in only peers from it: an address, 10.0.0.0/8",
      s_network, IN_PLAN (allow), false },
    { 0, "deny", "NETWORK",
      "refuse peers from it",
      s_network, IN_PLAN (deny), false },
    { 0, "permit", "FILE",
      "let peers do only what a line in FILE permits",
      zrelay_parse_text, IN_PLAN (permit), true },
    { 0, "guard", "SIDE",
      "guard that side (default: each side that binds)",
      s_guard, 0, false },
    { 0, "revoke-cuts", "on|off",
      "cut peers whose certificate or line is removed",
      s_switch, IN_PLAN (revoke_cuts), true },
    { 0, "core", NULL,
      "allow core files, though there are secrets in them",
      zrelay_parse_flag, IN_PLAN (core), false },
    { 0, "zmtp1", NULL,
      "let in peers of ZMTP 1.0, who can end the relay",
      zrelay_parse_flag, IN_PLAN (zmtp1), false },
    { 0, "io-threads", "NUMBER",
      "threads for input and output (default 1)",
      s_io_threads, 0, true },
    { 0, "control", "ENDPOINT",
      "let zrelay ctl and others steer the relay there",
      zrelay_parse_text, IN_PLAN (control), true },
    { 0, "control-curve", "FILE",
      "the certificate for that, which tcp needs",
      zrelay_parse_text, IN_PLAN (control_curve), true },
    { 0, "control-clients", "DIRECTORY",
      "certificates of those who may steer, or \"any\"",
      zrelay_parse_text, IN_PLAN (control_clients), true },
    { 0, "metrics", "HOST:PORT",
      "serve metrics, health and a page there, by HTTP",
      zrelay_parse_text, IN_PLAN (metrics), true },
    { 0, "metrics-steer", "FILE",
      "let the page steer, with the token in FILE",
      zrelay_parse_text, IN_PLAN (metrics_steer), true },
    { 0, "user", "USER[:GROUP]",
      "become that user before anything else is done",
      zrelay_parse_text, IN_PLAN (user), true },
    { 0, "pid-file", "FILE",
      "write the number of the process there",
      zrelay_parse_text, IN_PLAN (pid_file), true },
    { 0, "runtime-dir", "DIRECTORY",
      "make that directory, for ipc sockets",
      zrelay_parse_text, IN_PLAN (runtime_dir), true },
    { 'v', "verbose", NULL,
      "log commands and peers; statistics at the end",
      zrelay_parse_flag, IN_PLAN (verbose), false },
    { 0, "log-format", "text|json|journal",
      "how lines of the log look (default text)",
      s_log_format, 0, true },
    { 0, "log-level", "error|warning|info",
      "log what matters that much (default info)",
      s_log_level, 0, true },
    { 'q', "quiet", NULL,
      "print and log only failures",
      zrelay_parse_flag, IN_PLAN (quiet), false },
    { 'V', "version", NULL,
      "print the version and exit",
      s_version, 0, false },
    { 'h', "help", NULL,
      "print this help and exit",
      s_help, 0, false },
    { 0, NULL, NULL, NULL, NULL, 0, false }
};

//  --------------------------------------------------------------------------
//  What options do

static zrelay_plan_t *
s_plan (zrelay_parse_t *self)
{
    return ((arguments_t *) self)->plan;
}

static zrelay_exit_t
s_endpoint (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    //  The option has the name of its side
    int side = zrelay_plan_find_side (s_plan (self), option->name);
    const zrelay_plan_endpoint_t *endpoint = zrelay_plan_add_endpoint (
        s_plan (self), (zrelay_side_id_t) side, argument);
    if (!*endpoint->address)
        return zrelay_parse_wrong (self,
            "--%s needs an endpoint, such as tcp://127.0.0.1:5559",
            option->name);
    //  The command that takes a type takes a list, and so does CZMQ's attach;
    //  but a path may have commas
    const char *comma = strchr (endpoint->address, ',');
    if (comma && (endpoint->type || strstr (comma, "://")))
        return zrelay_parse_wrong (self,
            "--%s takes one endpoint; give it once for each of '%s'",
            option->name, endpoint->address);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_topic (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    (void) option;
    zrelay_plan_add_topic (s_plan (self), argument);
    return ZRELAY_EXIT_NOT_YET;
}

//  The option has the name of its rule

static zrelay_exit_t
s_rule (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    const char *name = option->name;
    if (zrelay_plan_add_rule (s_plan (self), name, argument))
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_parse_wrong (self,
        "--%s takes %s, not '%s'%s", name, option->argument, argument,
        *argument? "": ", which is everything");
}

static zrelay_exit_t
s_capture (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    if (*zrelay_plan_set_capture (s_plan (self), argument)->address)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_parse_wrong (self,
        "--%s needs an endpoint, such as PUB@tcp://127.0.0.1:5561",
        option->name);
}

static zrelay_exit_t
s_prefixes (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    if (zrelay_plan_set_prefixes (s_plan (self), argument) == 0)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_parse_wrong (self,
        "--%s takes two words with a comma between, such as request,reply, not"
        " '%s'", option->name, argument);
}

static zrelay_exit_t
s_setting (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    if (zrelay_plan_add_setting (s_plan (self), argument))
        return zrelay_parse_wrong (self,
            "--%s takes %s, such as backend.sndhwm=5000, not '%s'",
            option->name, option->argument, argument);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_join (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    (void) option;
    zrelay_plan_add_command (s_plan (self), "JOIN", argument);
    return ZRELAY_EXIT_NOT_YET;
}

//  It may have spaces in its name

static zrelay_exit_t
s_titanic (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    if (!*argument)
        return zrelay_parse_wrong (self, "--%s needs a directory, such as"
                                   " /var/lib/orders", option->name);
    zrelay_plan_add_command (s_plan (self), "TITANIC", argument)->whole = true;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_name (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    size_t size = strlen (argument);
    if (size > NAME_MAX_SIZE || strspn (argument, NAME_CHARACTERS) != size)
        return zrelay_parse_wrong (self,
            "--%s takes letters, digits, '_', '-' and '.', at most %d of them,"
            " not '%s'", option->name, NAME_MAX_SIZE, argument);
    s_plan (self)->name = strdup (argument);
    assert (s_plan (self)->name);
    return ZRELAY_EXIT_NOT_YET;
}

//  Read a decimal number. Returns 0, or -1 if it is something else, or not
//  from least to most.

static int
s_number (const char *argument, size_t least, size_t most, size_t *number_p)
{
    errno = 0;
    char *end;
    unsigned long number = strtoul (argument, &end, 10);
    if (!isdigit ((byte) *argument) || *end || errno
    ||  number < least || number > most)
        return -1;
    *number_p = number;
    return 0;
}

static zrelay_exit_t
s_drain (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    if (s_number (argument, 0, DRAIN_MAX, &s_plan (self)->drain))
        return zrelay_parse_wrong (self,
            "--%s takes milliseconds from 0 to %d, not '%s'",
            option->name, DRAIN_MAX, argument);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_io_threads (zrelay_parse_t *self, const option_t *option,
              const char *argument)
{
    if (s_number (argument, 1, IO_THREADS_MAX, &s_plan (self)->io_threads))
        return zrelay_parse_wrong (self,
            "--%s takes a number from 1 to %d, not '%s'",
            option->name, IO_THREADS_MAX, argument);
    return ZRELAY_EXIT_NOT_YET;
}

//  The gate says if one of them is no network

static zrelay_exit_t
s_network (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    if (!*argument)
        return zrelay_parse_wrong (self,
            "--%s needs an argument that is not empty", option->name);
    zlist_append (*(zlist_t **) zrelay_parse_place (self, option),
                  (void *) argument);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_guard (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    int side = zrelay_plan_find_side (s_plan (self), argument);
    if (side == -1)
        return zrelay_parse_wrong (self,
            "--%s takes frontend or backend, not '%s'", option->name,
            argument);
    s_plan (self)->sides [side].guarded = true;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_switch (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    if (strneq (argument, "on") && strneq (argument, "off"))
        return zrelay_parse_wrong (self,
            "--%s takes on or off, not '%s'", option->name, argument);
    *(bool *) zrelay_parse_place (self, option) = streq (argument, "on");
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_log_format (zrelay_parse_t *self, const option_t *option,
              const char *argument)
{
    if (zrelay_format_choose (argument, self->report))
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_parse_wrong (self, "--%s takes text, json or journal, not"
                               " '%s'", option->name, argument);
}

static zrelay_exit_t
s_log_level (zrelay_parse_t *self, const option_t *option,
             const char *argument)
{
    if (zrelay_format_choose_level (argument, self->report))
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_parse_wrong (self, "--%s takes error, warning or info, not"
                               " '%s'", option->name, argument);
}

static zrelay_exit_t
s_version (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    (void) option;
    (void) argument;
    ((arguments_t *) self)->task = ZRELAY_ARGUMENTS_VERSION;
    self->asked = true;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_help (zrelay_parse_t *self, const option_t *option, const char *argument)
{
    (void) option;
    (void) argument;
    ((arguments_t *) self)->task = ZRELAY_ARGUMENTS_HELP;
    self->asked = true;
    return ZRELAY_EXIT_NOT_YET;
}

//  --------------------------------------------------------------------------
//  Options

//  Those from that one on

static const option_t *
s_from (const char *name)
{
    const option_t *option = s_options;
    while (strneq (option->name, name))
        option++;
    return option;
}

const zrelay_parse_option_t *
zrelay_arguments_options (const char *word)
{
    return streq (word, "run")? s_from (FIRST_OF_RUN):
           streq (word, "check")? s_from (FIRST_OF_CHECK): s_options;
}

static void
s_set_up (arguments_t *self, const char *word, zrelay_plan_t *plan,
          zrelay_report_t *report)
{
    memset (self, 0, sizeof (*self));
    self->parse.options = zrelay_arguments_options (word);
    self->parse.object = plan;
    self->parse.word = word;
    self->parse.report = report;
    self->plan = plan;
    self->report = report;
}

//  --------------------------------------------------------------------------
//  The kind

//  True if a word at the place of the kind is meant as one. Where there is only
//  one kind, its name may be left out.

static bool
s_means_kind (arguments_t *self, const char *word)
{
    bool only = self->kinds [1] == NULL;
    return !only || streq (self->kinds [0]->name, word);
}

static zrelay_exit_t
s_choose_kind (arguments_t *self, const char *name)
{
    self->plan->kind = zrelay_kinds_find (self->kinds, name);
    if (self->plan->kind)
        return ZRELAY_EXIT_NOT_YET;
    char *names = zrelay_plan_kind_names (self->kinds);
    zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "there is no kind of relay '%s'; the kinds are %s", name, names);
    zstr_free (&names);
    return ZRELAY_EXIT_MISUSE;
}

//  --------------------------------------------------------------------------
//  The whole

static zrelay_exit_t
s_check_absent (arguments_t *self, const zrelay_plan_side_t *side)
{
    if (zlistx_size (side->endpoints) == 0 && !side->guarded)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "the kind '%s' has no %s; leave out --%s", self->plan->kind->name,
        side->name, side->guarded? "guard": side->name);
}

static zrelay_exit_t
s_ask_type (arguments_t *self, zrelay_side_id_t id)
{
    const char *side = self->plan->sides [id].name;
    char *types = zrelay_plan_types (self->plan, id);
    zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "the kind '%s' needs the type of its %s: --%s TYPE@ENDPOINT, where"
        " TYPE is %s", self->plan->kind->name, side, side, types);
    zstr_free (&types);
    return ZRELAY_EXIT_MISUSE;
}

//  Give a side its kind's default. Where the kind leaves the type of a socket
//  open, the first endpoint names it.

static zrelay_exit_t
s_complete_side (arguments_t *self, zrelay_side_id_t id)
{
    zrelay_plan_t *plan = self->plan;
    const zrelay_plan_side_t *side = &plan->sides [id];
    const zrelay_side_spec_t *spec = zrelay_plan_spec (plan, id);
    if (!zrelay_plan_has_side (plan, id))
        return s_check_absent (self, side);
    if (zlistx_size (side->endpoints) == 0 && spec->endpoint)
        zrelay_plan_add_endpoint (plan, id, spec->endpoint);
    zrelay_plan_endpoint_t *first =
        (zrelay_plan_endpoint_t *) zlistx_first (side->endpoints);
    if (zrelay_plan_type_is_open (plan, id) && (!first || !first->type))
        return s_ask_type (self, id);
    if (!first)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "the kind '%s' needs an endpoint for its %s: --%s ENDPOINT, such"
            " as tcp://127.0.0.1:5559", plan->kind->name, side->name,
            side->name);
    return ZRELAY_EXIT_NOT_YET;
}

//  A queue of a flow that holds messages would never have any

static zrelay_exit_t
s_check_queues (arguments_t *self)
{
    static const char *const flows [] = { "forward", "return" };
    for (int index = 0; index < 2; index++)
        if (zrelay_plan_sets (self->plan, flows [index], "queue")
        && !zrelay_plan_sets (self->plan, flows [index], "overflow"))
            return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
                "%s.queue does nothing by itself; add --set"
                " %s.overflow=drop-new or drop-old", flows [index],
                flows [index]);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_check_plan (arguments_t *self)
{
    if (self->plan->verbose && self->plan->quiet)
        return zrelay_parse_wrong (&self->parse,
            "--verbose and --quiet contradict each other; give one of them");
    if (self->plan->quiet)
        zrelay_report_set_level (self->report, ZRELAY_LOG_ERROR);
    if (self->plan->metrics_steer && !self->plan->metrics)
        return zrelay_parse_wrong (&self->parse,
            "--metrics-steer needs --metrics, where the page is");
    return ZRELAY_EXIT_NOT_YET;
}

static bool
s_has_command (const zrelay_kind_t *kind, const char *name)
{
    const zrelay_command_t *command = kind->commands;
    while (command && command->name && strneq (command->name, name))
        command = (const zrelay_command_t *)
            ((const byte *) command + command->size);
    return command && command->name;
}

//  Kinds that can do what some options ask for have a command for that

static zrelay_exit_t
s_check_commands (arguments_t *self)
{
    const zrelay_kind_t *kind = self->plan->kind;
    zlistx_t *commands = self->plan->commands;
    zrelay_plan_command_t *command =
        (zrelay_plan_command_t *) zlistx_first (commands);
    while (command && s_has_command (kind, command->name))
        command = (zrelay_plan_command_t *) zlistx_next (commands);
    if (!command)
        return ZRELAY_EXIT_NOT_YET;
    return streq (command->name, "JOIN")?
        zrelay_parse_wrong (&self->parse,
            "--join: a %s cannot be joined to others here; queue, forwarder"
            " and streamer can, if libzrelay-nats is installed", kind->name):
        zrelay_parse_wrong (&self->parse,
            "--titanic: a %s cannot keep requests here; a majordomo can, if"
            " libzrelay-store is installed", kind->name);
}

//  Check what can only be known once the whole command line has been read

static zrelay_exit_t
s_complete (arguments_t *self)
{
    zrelay_plan_t *plan = self->plan;
    if (!plan->kind)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "which kind of relay? See %s --help",
            zrelay_report_program (self->report));
    if (plan->prefixes [0] && !plan->capture)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--capture-prefixes is about copies; say with --capture where they"
            " go");
    zrelay_exit_t status = s_check_plan (self);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_check_queues (self);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_check_commands (self);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_complete_side (self, ZRELAY_SIDE_FRONTEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_complete_side (self, ZRELAY_SIDE_BACKEND);
    return status;
}

static zrelay_exit_t
s_read (arguments_t *self, int argc, char **argv)
{
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    //  The kind comes first, so that help can be about it, or behind options
    bool first = argc > 1 && *argv [1] != '-' && s_means_kind (self, argv [1]);
    if (first) {
        status = s_choose_kind (self, argv [1]);
        argc--;
        argv++;
    }
    int next = argc;
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_parse (&self->parse, argc, argv, &next);
    if (status != ZRELAY_EXIT_NOT_YET || self->task != ZRELAY_ARGUMENTS_RUN)
        return status;
    if (!first && next < argc && s_means_kind (self, argv [next]))
        status = s_choose_kind (self, argv [next++]);
    if (status == ZRELAY_EXIT_NOT_YET && next < argc)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "'%s' is one word too many; see %s --help", argv [next],
            zrelay_report_program (self->report));
    return status == ZRELAY_EXIT_NOT_YET? s_complete (self): status;
}

zrelay_exit_t
zrelay_arguments_read (zrelay_plan_t *plan,
                       const zrelay_kind_t *const *kinds,
                       int argc, char **argv, zrelay_report_t *report,
                       zrelay_arguments_task_t *task_p)
{
    arguments_t self;
    s_set_up (&self, "", plan, report);
    self.kinds = kinds;
    if (!kinds [1])
        plan->kind = kinds [0];
    zrelay_exit_t status = s_read (&self, argc, argv);
    *task_p = self.task;
    return status;
}

zrelay_exit_t
zrelay_arguments_read_file (zrelay_plan_t *plan, const char *word, int argc,
                            char **argv, zrelay_report_t *report,
                            zrelay_arguments_task_t *task_p,
                            const char **file_p)
{
    arguments_t self;
    s_set_up (&self, word, plan, report);
    int next;
    zrelay_exit_t status = zrelay_parse (&self.parse, argc, argv, &next);
    *task_p = self.task;
    if (status != ZRELAY_EXIT_NOT_YET || self.task != ZRELAY_ARGUMENTS_RUN)
        return status;
    if (next != argc - 1)
        return zrelay_parse_wrong (&self.parse,
            "it takes the name of one file; see %s %s --help",
            zrelay_report_program (report), word);
    *file_p = argv [next];
    return s_check_plan (&self);
}
