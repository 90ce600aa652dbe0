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

#include <getopt.h>

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

typedef struct _option_t option_t;
typedef struct _arguments_t arguments_t;

//  Takes an option's argument; returns ZRELAY_EXIT_NOT_YET to go on
typedef zrelay_exit_t (option_fn) (arguments_t *self, const option_t *option,
                                   const char *argument);

static option_fn s_endpoint, s_topic, s_rule, s_capture, s_prefixes,
    s_setting, s_text, s_name, s_drain, s_io_threads, s_network, s_guard,
    s_switch, s_flag, s_version, s_help;

struct _option_t {
    zrelay_arguments_option_t shown;    //  As people see it
    option_fn *handler;         //  Takes its argument
    size_t offset;              //  Where in a plan the handler stores it, if
                                //  several options have the same handler
    bool once;                  //  May be given once, with an argument that
                                //  is not empty
};

#define IN_PLAN(member) offsetof (zrelay_plan_t, member)

static const option_t s_options [] = {
    { { 'f', "frontend", "ENDPOINT",
        "attach the side for clients, publishers, pushers" },
      s_endpoint, 0, false },
    { { 'b', "backend", "ENDPOINT",
        "attach the side for workers, subscribers, pullers" },
      s_endpoint, 0, false },
    { { 's', "subscribe", "TOPIC",
        "subscribe for the relay, too; this restricts nothing" },
      s_topic, 0, false },
    { { 0, "only", "TOPIC",
        "pass only messages that begin with it" },
      s_rule, 0, false },
    { { 0, "except", "TOPIC",
        "pass no messages that begin with it" },
      s_rule, 0, false },
    { { 0, "rename", "FROM=TO",
        "put TO in the place of FROM at a message's beginning" },
      s_rule, 0, false },
    { { 'c', "capture", "ENDPOINT",
        "send copies to a PULL there; PUB@ENDPOINT: to many" },
      s_capture, 0, true },
    { { 0, "capture-prefixes", "A,B",
        "copies begin with a frame: A forward, B return" },
      s_prefixes, 0, true },
    { { 'o', "set", "SIDE.OPTION=VALUE",
        "set an option of a side, a flow or the relay" },
      s_setting, 0, false },
    { { 'n', "name", "NAME",
        "name the relay in output, logs and statistics" },
      s_name, 0, true },
    { { 0, "control", "ENDPOINT",
        "let zrelay ctl and others steer the relay there" },
      s_text, IN_PLAN (control), true },
    { { 0, "control-curve", "FILE",
        "the certificate for that, which tcp needs" },
      s_text, IN_PLAN (control_curve), true },
    { { 0, "control-clients", "DIRECTORY",
        "certificates of those who may steer, or \"any\"" },
      s_text, IN_PLAN (control_clients), true },
    { { 'd', "drain", "MSECS",
        "time to drain before it ends (default " TEXT (ZRELAY_PLAN_DRAIN) ")" },
      s_drain, 0, true },
    { { 0, "curve", "FILE",
        "encrypt, with the relay's certificate in FILE" },
      s_text, IN_PLAN (curve), true },
    { { 0, "clients", "DIRECTORY",
        "let in clients with a certificate there, or \"any\"" },
      s_text, IN_PLAN (clients), true },
    { { 0, "server", "KEY",
        "be a client of the CURVE server with this key" },
      s_text, IN_PLAN (server), true },
    { { 0, "plain", "FILE",
        "let in peers with a name=password line in FILE" },
      s_text, IN_PLAN (plain), true },
    { { 0, "allow", "NETWORK",
        "let in only peers from it: an address, 10.0.0.0/8" },
      s_network, IN_PLAN (allow), false },
    { { 0, "deny", "NETWORK",
        "refuse peers from it" },
      s_network, IN_PLAN (deny), false },
    { { 0, "permit", "FILE",
        "let peers do only what a line in FILE permits" },
      s_text, IN_PLAN (permit), true },
    { { 0, "guard", "SIDE",
        "guard that side (default: each side that binds)" },
      s_guard, 0, false },
    { { 0, "revoke-cuts", "on|off",
        "cut peers whose certificate or line is removed" },
      s_switch, IN_PLAN (revoke_cuts), true },
    { { 0, "metrics", "HOST:PORT",
        "serve metrics, health and a page there, by HTTP" },
      s_text, IN_PLAN (metrics), true },
    { { 0, "metrics-steer", "FILE",
        "let the page steer, with the token in FILE" },
      s_text, IN_PLAN (metrics_steer), true },
    { { 0, "core", NULL,
        "allow core files, though there are secrets in them" },
      s_flag, IN_PLAN (core), false },
    { { 0, "zmtp1", NULL,
        "let in peers of ZMTP 1.0, who can end the relay" },
      s_flag, IN_PLAN (zmtp1), false },
    { { 0, "io-threads", "NUMBER",
        "threads for input and output (default 1)" },
      s_io_threads, 0, true },
    { { 0, "user", "USER[:GROUP]",
        "become that user before anything else is done" },
      s_text, IN_PLAN (user), true },
    { { 0, "pid-file", "FILE",
        "write the number of the process there" },
      s_text, IN_PLAN (pid_file), true },
    { { 0, "runtime-dir", "DIRECTORY",
        "make that directory, for ipc sockets" },
      s_text, IN_PLAN (runtime_dir), true },
    { { 'v', "verbose", NULL,
        "log commands; print statistics at the end" },
      s_flag, IN_PLAN (verbose), false },
    { { 'q', "quiet", NULL,
        "print and log only failures" },
      s_flag, IN_PLAN (quiet), false },
    { { 'V', "version", NULL,
        "print the version and exit" },
      s_version, 0, false },
    { { 'h', "help", NULL,
        "print this help and exit" },
      s_help, 0, false }
};
#define OPTIONS (sizeof (s_options) / sizeof (s_options [0]))

//  The most that getopt's string of letters can have: a colon behind each
#define LETTERS_SIZE (OPTIONS * 2 + 1)

//  getopt returns letters for short forms, and for long ones the option's
//  index and this
#define LONG_FORM 256

struct _arguments_t {
    zrelay_plan_t *plan;        //  Filled in
    const zrelay_kind_t *const *kinds; //  Those that may be named
    zrelay_report_t *report;    //  Hears what is wrong
    zrelay_arguments_task_t task;   //  What is asked for
    const char *given [OPTIONS];    //  Arguments of options that may be given
                                    //  once, as far as they were
};

//  --------------------------------------------------------------------------
//  What options do

static zrelay_exit_t
s_endpoint (arguments_t *self, const option_t *option, const char *argument)
{
    //  The option has the name of its side
    int side = zrelay_plan_find_side (self->plan, option->shown.name);
    const zrelay_plan_endpoint_t *endpoint = zrelay_plan_add_endpoint (
        self->plan, (zrelay_side_id_t) side, argument);
    if (!*endpoint->address)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s needs an endpoint, such as tcp://127.0.0.1:5559",
            option->shown.name);
    //  The command that takes a type takes a list
    if (endpoint->type && strchr (endpoint->address, ','))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes one endpoint; give it once for each of '%s'",
            option->shown.name, endpoint->address);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_topic (arguments_t *self, const option_t *option, const char *argument)
{
    (void) option;
    zrelay_plan_add_topic (self->plan, argument);
    return ZRELAY_EXIT_NOT_YET;
}

//  The option has the name of its rule

static zrelay_exit_t
s_rule (arguments_t *self, const option_t *option, const char *argument)
{
    const char *name = option->shown.name;
    if (zrelay_plan_add_rule (self->plan, name, argument))
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "--%s takes %s, not '%s'%s", name, option->shown.argument, argument,
        *argument? "": ", which is everything");
}

static zrelay_exit_t
s_capture (arguments_t *self, const option_t *option, const char *argument)
{
    if (*zrelay_plan_set_capture (self->plan, argument)->address)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "--%s needs an endpoint, such as PUB@tcp://127.0.0.1:5561",
        option->shown.name);
}

static zrelay_exit_t
s_prefixes (arguments_t *self, const option_t *option, const char *argument)
{
    if (zrelay_plan_set_prefixes (self->plan, argument) == 0)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "--%s takes two words with a comma between, such as request,reply, not"
        " '%s'", option->shown.name, argument);
}

static zrelay_exit_t
s_setting (arguments_t *self, const option_t *option, const char *argument)
{
    if (zrelay_plan_add_setting (self->plan, argument))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes %s, such as backend.sndhwm=5000, not '%s'",
            option->shown.name, option->shown.argument, argument);
    return ZRELAY_EXIT_NOT_YET;
}

//  Where the plan keeps an option

static void *
s_place (arguments_t *self, const option_t *option)
{
    return (byte *) self->plan + option->offset;
}

static zrelay_exit_t
s_text (arguments_t *self, const option_t *option, const char *argument)
{
    char **text_p = (char **) s_place (self, option);
    *text_p = strdup (argument);
    assert (*text_p);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_name (arguments_t *self, const option_t *option, const char *argument)
{
    size_t size = strlen (argument);
    if (size > NAME_MAX_SIZE || strspn (argument, NAME_CHARACTERS) != size)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes letters, digits, '_', '-' and '.', at most %d of them,"
            " not '%s'", option->shown.name, NAME_MAX_SIZE, argument);
    self->plan->name = strdup (argument);
    assert (self->plan->name);
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
s_drain (arguments_t *self, const option_t *option, const char *argument)
{
    if (s_number (argument, 0, DRAIN_MAX, &self->plan->drain))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes milliseconds from 0 to %d, not '%s'",
            option->shown.name, DRAIN_MAX, argument);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_io_threads (arguments_t *self, const option_t *option, const char *argument)
{
    if (s_number (argument, 1, IO_THREADS_MAX, &self->plan->io_threads))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes a number from 1 to %d, not '%s'",
            option->shown.name, IO_THREADS_MAX, argument);
    return ZRELAY_EXIT_NOT_YET;
}

//  The gate says if one of them is no network

static zrelay_exit_t
s_network (arguments_t *self, const option_t *option, const char *argument)
{
    if (!*argument)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s needs an argument that is not empty", option->shown.name);
    zlist_append (*(zlist_t **) s_place (self, option), (void *) argument);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_guard (arguments_t *self, const option_t *option, const char *argument)
{
    int side = zrelay_plan_find_side (self->plan, argument);
    if (side == -1)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes frontend or backend, not '%s'", option->shown.name,
            argument);
    self->plan->sides [side].guarded = true;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_switch (arguments_t *self, const option_t *option, const char *argument)
{
    if (strneq (argument, "on") && strneq (argument, "off"))
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes on or off, not '%s'", option->shown.name, argument);
    *(bool *) s_place (self, option) = streq (argument, "on");
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_flag (arguments_t *self, const option_t *option, const char *argument)
{
    (void) argument;
    *(bool *) s_place (self, option) = true;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_version (arguments_t *self, const option_t *option, const char *argument)
{
    (void) option;
    (void) argument;
    self->task = ZRELAY_ARGUMENTS_VERSION;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_help (arguments_t *self, const option_t *option, const char *argument)
{
    (void) option;
    (void) argument;
    self->task = ZRELAY_ARGUMENTS_HELP;
    return ZRELAY_EXIT_NOT_YET;
}

//  --------------------------------------------------------------------------
//  Options

const zrelay_arguments_option_t *
zrelay_arguments_option (size_t index)
{
    return index < OPTIONS? &s_options [index].shown: NULL;
}

//  The option that getopt means; NULL if it means none

static const option_t *
s_option_find (int letter)
{
    if (letter >= LONG_FORM)
        return &s_options [letter - LONG_FORM];
    for (size_t index = 0; index < OPTIONS; index++)
        if (letter && s_options [index].shown.letter == letter)
            return &s_options [index];
    return NULL;
}

//  Report an option that getopt did not understand. letter is its optopt, and
//  word what it read last.

static zrelay_exit_t
s_option_bad (arguments_t *self, int letter, const char *word)
{
    const char *program = zrelay_report_program (self->report);
    const option_t *option = s_option_find (letter);
    if (option && option->shown.argument)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s needs an argument, %s; see %s --help", option->shown.name,
            option->shown.argument, program);
    if (option)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s takes no argument", option->shown.name);
    if (letter)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "there is no option -%c; see %s --help", letter, program);
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "there is no option %s; see %s --help", word, program);
}

//  Check how an option may be given, and hand it to its handler

static zrelay_exit_t
s_option_take (arguments_t *self, const option_t *option, const char *argument)
{
    const char **given_p = &self->given [option - s_options];
    if (option->once && *given_p)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s was given twice, '%s' and '%s'; give it once",
            option->shown.name, *given_p, argument);
    if (option->once && !*argument)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--%s needs an argument that is not empty", option->shown.name);
    *given_p = argument;
    return option->handler (self, option, argument);
}

//  Describe the options to getopt

static void
s_describe_options (struct option *longs, char *letters)
{
    memset (longs, 0, (OPTIONS + 1) * sizeof (*longs));
    for (size_t index = 0; index < OPTIONS; index++) {
        const zrelay_arguments_option_t *option = &s_options [index].shown;
        longs [index].name = option->name;
        longs [index].has_arg =
            option->argument? required_argument: no_argument;
        longs [index].val = LONG_FORM + (int) index;
        if (option->letter)
            *letters++ = option->letter;
        if (option->letter && option->argument)
            *letters++ = ':';
    }
    *letters = 0;
}

//  Take options until one of them asks for something else than to run a relay.
//  Sets *next_p to the index of the first word that is no option.

static zrelay_exit_t
s_read_options (arguments_t *self, int argc, char **argv, int *next_p)
{
    struct option longs [OPTIONS + 1];
    char letters [LETTERS_SIZE];
    s_describe_options (longs, letters);
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    opterr = 0;
    while (status == ZRELAY_EXIT_NOT_YET
       &&  self->task == ZRELAY_ARGUMENTS_RUN) {
        int letter = getopt_long (argc, argv, letters, longs, NULL);
        if (letter == -1)
            break;
        const option_t *option = s_option_find (letter);
        status = option? s_option_take (self, option, optarg):
                 s_option_bad (self, optopt, argv [optind - 1]);
    }
    *next_p = optind;
    return status;
}

//  --------------------------------------------------------------------------
//  The kind

//  All names as a fresh string

static char *
s_kind_names (const zrelay_kind_t *const *kinds)
{
    char *names = strdup ("");
    for (; *kinds; kinds++) {
        char *longer = zsys_sprintf ("%s%s%s", names, *names? ", ": "",
                                     (*kinds)->name);
        assert (longer);
        zstr_free (&names);
        names = longer;
    }
    return names;
}

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
    char *names = s_kind_names (self->kinds);
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

//  Check what can only be known once the whole command line has been read

static zrelay_exit_t
s_complete (arguments_t *self)
{
    zrelay_plan_t *plan = self->plan;
    if (!plan->kind)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "which kind of relay? See %s --help",
            zrelay_report_program (self->report));
    if (plan->verbose && plan->quiet)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--verbose and --quiet contradict each other; give one of them");
    if (plan->metrics_steer && !plan->metrics)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--metrics-steer needs --metrics, where the page is");
    if (plan->prefixes [0] && !plan->capture)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "--capture-prefixes is about copies; say with --capture where they"
            " go");
    zrelay_exit_t status = s_check_queues (self);
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
        status = s_read_options (self, argc, argv, &next);
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
    memset (&self, 0, sizeof (self));
    self.plan = plan;
    self.kinds = kinds;
    self.report = report;
    if (!kinds [1])
        plan->kind = kinds [0];
    zrelay_exit_t status = s_read (&self, argc, argv);
    *task_p = self.task;
    return status;
}
