/*  =========================================================================
    zrelay - the program: runs one relay from the command line

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  The program uses the library as any application would: it makes an actor,
//  sends it commands, and then waits for a signal or for the actor's answer.
//
//  Signals are blocked but for the time in which the program waits in
//  s_serve (). So none is missed from the start on, none interrupts a
//  dialogue with the relay, and none is handled on another thread. The
//  handler writes the signal's number to a pipe that s_serve () reads.

#include "zrelay_guard.h"

#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>

//  What the program returns to the shell
typedef enum {
    EXIT_ASKED = 0,             //  Ended as asked
    EXIT_FAILED = 1,            //  Failed while running
    EXIT_MISUSE = 2,            //  Wrong use, or could not start
    GO_ON = -1                  //  None of these: there is more to do
} exit_status_t;

//  Most milliseconds that --drain takes: a day, as much as DRAIN
#define DRAIN_MAX 86400000
#define DRAIN_DEFAULT "1000"

//  More would only wait for the cores
#define IO_THREADS_MAX 64

//  What a relay needs without any peers, and some room
#define DESCRIPTORS_MIN 64

//  In the order of zrelay_side_id_t
#define SIDES 2
static const char *s_sides [SIDES] = { "frontend", "backend" };
static const char *s_side_commands [SIDES] = { "FRONTEND", "BACKEND" };

//  --------------------------------------------------------------------------
//  Kinds of relay

typedef struct {
    const char *name;               //  As on the command line
    zactor_fn *actor;               //  Runs it
    const char *endpoints [SIDES];  //  Where it attaches if nothing else is
                                    //  said; NULL: it must be said
    const char *types [SIDES];      //  Its sockets; NULL: must be said, too
    const char *peers [SIDES];      //  Who is at the other end, for people
    const char *help;               //  What it does, for people
} kind_t;

static const kind_t s_kinds [] = {
    { "queue", zrelay_queue,
      { "@tcp://127.0.0.1:5559", "@tcp://127.0.0.1:5560" },
      { "ROUTER", "DEALER" },
      { "REQ and DEALER clients", "REP, DEALER and ROUTER workers" },
      "shares requests of many clients among many workers" },
    { "forwarder", zrelay_forwarder,
      { ">tcp://127.0.0.1:5556", "@tcp://127.0.0.1:8100" },
      { "XSUB", "XPUB" },
      { "PUB and XPUB publishers", "SUB and XSUB subscribers" },
      "carries publications to subscribers, subscriptions back" },
    { "streamer", zrelay_streamer,
      { "@tcp://127.0.0.1:5557", "@tcp://127.0.0.1:5558" },
      { "PULL", "PUSH" },
      { "PUSH sockets", "PULL sockets" },
      "carries tasks from many pushers to many pullers" },
    { "proxy", zrelay_proxy,
      { NULL, NULL },
      { NULL, NULL },
      { NULL, NULL },
      "carries messages between any two sockets that fit" },
    { NULL, NULL, { NULL, NULL }, { NULL, NULL }, { NULL, NULL }, NULL }
};

static const kind_t *
s_kind_find (const char *name)
{
    const kind_t *kind = s_kinds;
    while (kind->name && strneq (kind->name, name))
        kind++;
    return kind->name? kind: NULL;
}

//  All names as a fresh string

static char *
s_kind_names (void)
{
    char *names = strdup ("");
    for (const kind_t *kind = s_kinds; kind->name; kind++) {
        char *longer = zsys_sprintf ("%s%s%s", names, *names? ", ": "",
                                     kind->name);
        assert (longer);
        zstr_free (&names);
        names = longer;
    }
    return names;
}

//  --------------------------------------------------------------------------
//  The program's state

//  An endpoint as the command line has it: [TYPE][@|>]ENDPOINT
typedef struct {
    char *type;                 //  Type of the socket, or NULL
    bool bind;                  //  Or else connect
    const char *endpoint;       //  The rest of the argument
} endpoint_t;

//  What the program is doing
typedef enum {
    RUNNING,                    //  The relay works
    DRAINING,                   //  It was told to finish
    ENDED                       //  It has, or need not
} phase_t;

typedef struct {
    const kind_t *kind;         //  Kind of relay to run
    const char *name;           //  Its name, or NULL: that of its kind
    const char *capture;        //  Where copies go, or NULL
    const char *drain;          //  Milliseconds for the end, as DRAIN has them
    zlistx_t *endpoints [SIDES];//  endpoint_t
    zlist_t *settings;          //  Arguments of --set
    zlist_t *topics;            //  Arguments of --subscribe
    zrelay_guard_t *guard;      //  Security options
    bool verbose;               //  Log commands, print statistics at the end
    bool quiet;                 //  Print and log nothing but failures
    zactor_t *relay;            //  The relay
    zlist_t *lines;             //  To be printed when it is ready
    phase_t phase;              //  What the program is doing
    bool report;                //  Statistics were asked for while draining
} program_t;

//  --------------------------------------------------------------------------
//  Failures

//  Print one line that says what is wrong, and return status, for the caller
//  to return in turn. What came from the command line cannot make it two
//  lines, nor steer the terminal.

static exit_status_t
s_say (exit_status_t status, const char *format, ...) CHECK_PRINTF (2);

static exit_status_t
s_say (exit_status_t status, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *line = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (line);
    for (char *character = line; *character; character++)
        if (iscntrl ((byte) *character))
            *character = '?';
    fprintf (stderr, "zrelay: %s\n", line);
    zstr_free (&line);
    return status;
}

//  Print what standard output has got so far. Returns EXIT_FAILED if it
//  cannot take it.

static exit_status_t
s_flush (void)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return EXIT_ASKED;
    return s_say (EXIT_FAILED, "cannot write to standard output: %s",
                  strerror (errno));
}

//  --------------------------------------------------------------------------
//  Options

static exit_status_t
s_option_frontend (program_t *self, const char *argument);
static exit_status_t
s_option_backend (program_t *self, const char *argument);
static exit_status_t
s_option_subscribe (program_t *self, const char *argument);
static exit_status_t
s_option_capture (program_t *self, const char *argument);
static exit_status_t
s_option_set (program_t *self, const char *argument);
static exit_status_t
s_option_name (program_t *self, const char *argument);
static exit_status_t
s_option_drain (program_t *self, const char *argument);
static exit_status_t
s_option_io_threads (program_t *self, const char *argument);
static exit_status_t
s_option_verbose (program_t *self, const char *argument);
static exit_status_t
s_option_quiet (program_t *self, const char *argument);
static exit_status_t
s_option_version (program_t *self, const char *argument);
static exit_status_t
s_option_help (program_t *self, const char *argument);

typedef struct {
    int letter;                 //  Short form, or a number above letters
    const char *name;           //  Long form
    const char *argument;       //  What its argument is, or NULL: has none
    const char *help;           //  What it does, for people
    //  Called with the argument; NULL where the option is the guard's
    exit_status_t (*handler) (program_t *self, const char *argument);
} option_t;

//  Options without a letter are told by numbers from here on
#define GUARD_OPTION 256

static const option_t s_options [] = {
    { 'f', "frontend", "ENDPOINT",
      "attach the side of clients, publishers, pushers", s_option_frontend },
    { 'b', "backend", "ENDPOINT",
      "attach the side of workers, subscribers, pullers", s_option_backend },
    { 's', "subscribe", "TOPIC",
      "subscribe for the relay itself; \"\" is everything",
      s_option_subscribe },
    { 'c', "capture", "ENDPOINT",
      "copy what passes to a PULL socket there", s_option_capture },
    { 'o', "set", "SIDE.OPTION=VALUE",
      "set an option of a side, a flow or the relay", s_option_set },
    { 'n', "name", "NAME",
      "name the relay in output, logs and statistics", s_option_name },
    { 'd', "drain", "MSECS",
      "time to finish when ended (default " DRAIN_DEFAULT ")",
      s_option_drain },
    { GUARD_OPTION + 0, "curve", "FILE",
      "encrypt, with the relay's certificate in FILE", NULL },
    { GUARD_OPTION + 1, "clients", "DIRECTORY",
      "let in those with a certificate there, or \"any\"", NULL },
    { GUARD_OPTION + 2, "server", "FILE",
      "certificate of the CURVE server to connect to", NULL },
    { GUARD_OPTION + 3, "plain", "FILE",
      "let in those with a name=password line in FILE", NULL },
    { GUARD_OPTION + 4, "allow", "ADDRESS",
      "let in peers from this address only", NULL },
    { GUARD_OPTION + 5, "deny", "ADDRESS",
      "let in no peers from this address", NULL },
    { GUARD_OPTION + 6, "guard", "SIDE",
      "apply these to that side (default: any that bind)", NULL },
    { GUARD_OPTION + 7, "io-threads", "NUMBER",
      "threads for input and output (default 1)", s_option_io_threads },
    { 'v', "verbose", NULL,
      "log commands; print statistics at the end", s_option_verbose },
    { 'q', "quiet", NULL,
      "print and log nothing but failures", s_option_quiet },
    { 'V', "version", NULL, "print the version and exit", s_option_version },
    { 'h', "help", NULL, "print this help and exit", s_option_help }
};
#define OPTIONS (sizeof (s_options) / sizeof (s_options [0]))

//  The most that getopt's string of letters can have: a colon behind each
#define LETTERS_SIZE (OPTIONS * 2 + 1)

//  Width of the column of options in the help
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
s_print_options (void)
{
    printf ("\nOptions:\n");
    for (size_t index = 0; index < OPTIONS; index++) {
        const option_t *option = &s_options [index];
        int used = option->letter < GUARD_OPTION?
                   printf ("  -%c, ", option->letter): printf ("      ");
        used += printf ("--%s%s%s", option->name, option->argument? " ": "",
                        option->argument? option->argument: "");
        if (used > OPTION_WIDTH)
            printf ("\n%*s", OPTION_WIDTH + 2, "");
        else
            printf ("%*s", OPTION_WIDTH + 2 - used, "");
        printf ("%s\n", option->help);
    }
    printf ("%s", s_notes);
}

static void
s_print_help (void)
{
    printf ("Usage: zrelay KIND [-f ENDPOINT]... [-b ENDPOINT]... [options]\n"
            "       zrelay keygen FILE\n"
            "Runs a relay for ZeroMQ until it is ended by a signal, or makes "
            "a certificate.\n"
            "\n"
            "Kinds, with the endpoints that they take when none are given:\n");
    for (const kind_t *kind = s_kinds; kind->name; kind++) {
        printf ("  %-10s %s\n", kind->name, kind->help);
        if (kind->endpoints [0])
            printf ("  %-10s -f '%s' -b '%s'\n", "", kind->endpoints [0],
                    kind->endpoints [1]);
    }
    s_print_options ();
}

static void
s_print_kind_help (const kind_t *kind)
{
    printf ("Usage: zrelay %s [-f ENDPOINT]... [-b ENDPOINT]... [options]\n"
            "Runs a relay that %s.\n\n", kind->name, kind->help);
    for (size_t side = 0; side < SIDES; side++) {
        if (kind->types [side])
            printf ("%-8s  %s, for %s\n%-8s  default %s\n", s_sides [side],
                    kind->types [side], kind->peers [side], "",
                    kind->endpoints [side]);
        else
            printf ("%-8s  your choice: -%c TYPE@ENDPOINT or -%c"
                    " 'TYPE>ENDPOINT'\n", s_sides [side], *s_sides [side],
                    *s_sides [side]);
    }
    s_print_options ();
}

static void
s_endpoint_destroy (void **self_p)
{
    endpoint_t *self = (endpoint_t *) *self_p;
    zstr_free (&self->type);
    freen (self);
    *self_p = NULL;
}

//  Letters directly before "@" or ">" are a socket type; no endpoint starts
//  like this.

static endpoint_t *
s_endpoint_new (const char *argument)
{
    endpoint_t *self = (endpoint_t *) zmalloc (sizeof (endpoint_t));
    assert (self);
    size_t size = 0;
    while (isalpha ((byte) argument [size]))
        size++;
    bool marked = argument [size] == '@' || argument [size] == '>';
    self->bind = !marked || argument [size] == '@';
    self->endpoint = marked? argument + size + 1: argument;
    if (marked && size > 0) {
        self->type = strndup (argument, size);
        assert (self->type);
    }
    return self;
}

static exit_status_t
s_add_endpoint (program_t *self, zrelay_side_id_t side, const char *argument)
{
    endpoint_t *item = s_endpoint_new (argument);
    zlistx_add_end (self->endpoints [side], item);
    if (!*item->endpoint)
        return s_say (EXIT_MISUSE, "--%s needs an endpoint, such as"
                      " tcp://127.0.0.1:5559", s_sides [side]);
    //  The command that takes a type takes a list
    if (item->type && strchr (item->endpoint, ','))
        return s_say (EXIT_MISUSE, "--%s takes one endpoint; give it once for"
                      " each of '%s'", s_sides [side], item->endpoint);
    return GO_ON;
}

static exit_status_t
s_option_frontend (program_t *self, const char *argument)
{
    return s_add_endpoint (self, ZRELAY_FRONTEND, argument);
}

static exit_status_t
s_option_backend (program_t *self, const char *argument)
{
    return s_add_endpoint (self, ZRELAY_BACKEND, argument);
}

static exit_status_t
s_option_subscribe (program_t *self, const char *argument)
{
    zlist_append (self->topics, (void *) argument);
    return GO_ON;
}

//  Keep the argument of an option that may only be given once

static exit_status_t
s_keep (const char **value_p, const char *option, const char *argument)
{
    if (*value_p)
        return s_say (EXIT_MISUSE, "--%s was given twice, '%s' and '%s'; give"
                      " it once", option, *value_p, argument);
    if (!*argument)
        return s_say (EXIT_MISUSE, "--%s needs an argument that is not empty",
                      option);
    *value_p = argument;
    return GO_ON;
}

static exit_status_t
s_option_capture (program_t *self, const char *argument)
{
    return s_keep (&self->capture, "capture", argument);
}

static exit_status_t
s_option_set (program_t *self, const char *argument)
{
    const char *dot = strchr (argument, '.');
    const char *equals = strchr (argument, '=');
    if (!dot || !equals || dot == argument || equals <= dot + 1)
        return s_say (EXIT_MISUSE, "--set takes SIDE.OPTION=VALUE, such as"
                      " backend.sndhwm=5000, not '%s'", argument);
    zlist_append (self->settings, (void *) argument);
    return GO_ON;
}

static exit_status_t
s_option_name (program_t *self, const char *argument)
{
    //  The name starts lines of output, which others read
    for (const char *character = argument; *character; character++)
        if (iscntrl ((byte) *character))
            return s_say (EXIT_MISUSE, "--name takes printable characters"
                          " only, not '%s'", argument);
    return s_keep (&self->name, "name", argument);
}

static exit_status_t
s_option_drain (program_t *self, const char *argument)
{
    errno = 0;
    if (strspn (argument, "0123456789") != strlen (argument)
    ||  strtoul (argument, NULL, 10) > DRAIN_MAX || errno)
        return s_say (EXIT_MISUSE, "--drain takes milliseconds from 0 to %d,"
                      " not '%s'", DRAIN_MAX, argument);
    return s_keep (&self->drain, "drain", argument);
}

//  The number must be known before there is any socket

static exit_status_t
s_option_io_threads (program_t *self, const char *argument)
{
    (void) self;
    char *end;
    unsigned long number = strtoul (argument, &end, 10);
    if (!isdigit ((byte) *argument) || *end || number < 1
    ||  number > IO_THREADS_MAX)
        return s_say (EXIT_MISUSE, "--io-threads takes a number from 1 to %d,"
                      " not '%s'", IO_THREADS_MAX, argument);
    zsys_set_io_threads (number);
    return GO_ON;
}

static exit_status_t
s_option_verbose (program_t *self, const char *argument)
{
    (void) argument;
    self->verbose = true;
    return GO_ON;
}

static exit_status_t
s_option_quiet (program_t *self, const char *argument)
{
    (void) argument;
    self->quiet = true;
    return GO_ON;
}

static exit_status_t
s_option_version (program_t *self, const char *argument)
{
    (void) self;
    (void) argument;
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
    return s_flush ();
}

static exit_status_t
s_option_help (program_t *self, const char *argument)
{
    (void) argument;
    if (self->kind)
        s_print_kind_help (self->kind);
    else
        s_print_help ();
    return s_flush ();
}

//  Print what the guard says, if it is not NULL, and free it

static exit_status_t
s_say_guard (char *error, const char *before)
{
    if (!error)
        return GO_ON;
    s_say (EXIT_MISUSE, "%s%s", before, error);
    zstr_free (&error);
    return EXIT_MISUSE;
}

static exit_status_t
s_option_guard (program_t *self, const char *name, const char *argument)
{
    return s_say_guard (zrelay_guard_option (self->guard, name, argument), "");
}

//  --------------------------------------------------------------------------
//  The command line

static exit_status_t
s_choose_kind (program_t *self, const char *name)
{
    self->kind = s_kind_find (name);
    if (self->kind)
        return GO_ON;
    char *names = s_kind_names ();
    s_say (EXIT_MISUSE, "there is no kind of relay '%s'; there are %s", name,
           names);
    zstr_free (&names);
    return EXIT_MISUSE;
}

static const option_t *
s_option_find (int letter)
{
    for (size_t index = 0; index < OPTIONS; index++)
        if (s_options [index].letter == letter)
            return &s_options [index];
    return NULL;
}

//  Tell what getopt did not understand. letter is its optopt, and word what
//  it read last.

static exit_status_t
s_bad_option (int letter, const char *word)
{
    const option_t *option = s_option_find (letter);
    if (option && option->argument)
        return s_say (EXIT_MISUSE, "--%s needs an argument, %s; see zrelay"
                      " --help", option->name, option->argument);
    if (option)
        return s_say (EXIT_MISUSE, "--%s takes no argument", option->name);
    if (letter)
        return s_say (EXIT_MISUSE, "there is no option -%c; see zrelay --help",
                      letter);
    return s_say (EXIT_MISUSE, "there is no option %s; see zrelay --help",
                  word);
}

//  Hand each option to its handler until one has something else to do than
//  to go on. Sets *next_p to the index of the first word that is no option.

static exit_status_t
s_read_options (program_t *self, int argc, char **argv, int *next_p)
{
    struct option longs [OPTIONS + 1];
    memset (longs, 0, sizeof (longs));
    char letters [LETTERS_SIZE];
    size_t size = 0;
    for (size_t index = 0; index < OPTIONS; index++) {
        const option_t *option = &s_options [index];
        longs [index].name = option->name;
        longs [index].has_arg =
            option->argument? required_argument: no_argument;
        longs [index].val = option->letter;
        if (option->letter >= GUARD_OPTION)
            continue;
        letters [size++] = (char) option->letter;
        if (option->argument)
            letters [size++] = ':';
    }
    letters [size] = 0;

    exit_status_t status = GO_ON;
    opterr = 0;
    while (status == GO_ON) {
        int letter = getopt_long (argc, argv, letters, longs, NULL);
        if (letter == -1)
            break;
        const option_t *option = s_option_find (letter);
        status = !option? s_bad_option (optopt, argv [optind - 1]):
                 option->handler? option->handler (self, optarg):
                 s_option_guard (self, option->name, optarg);
    }
    *next_p = optind;
    return status;
}

//  Every endpoint of a side that has no default needs a socket type before it

static exit_status_t
s_complete_side (program_t *self, size_t side)
{
    const char *given = self->kind->endpoints [side];
    zlistx_t *endpoints = self->endpoints [side];
    endpoint_t *first = (endpoint_t *) zlistx_first (endpoints);
    if (!given && (!first || !first->type))
        return s_say (EXIT_MISUSE, "a %s needs the type of its %s: --%s"
                      " TYPE@ENDPOINT, such as %s@tcp://127.0.0.1:5559",
                      self->kind->name, s_sides [side], s_sides [side],
                      side == ZRELAY_FRONTEND? "PULL": "PUSH");
    if (!first)
        zlistx_add_end (endpoints, s_endpoint_new (given));
    return GO_ON;
}

//  Read the command line into self. Returns GO_ON if there is a relay to run.

static exit_status_t
s_read_command_line (program_t *self, int argc, char **argv)
{
    exit_status_t status = GO_ON;
    //  The kind comes first, so that help can be about it
    if (argc > 1 && *argv [1] != '-') {
        status = s_choose_kind (self, argv [1]);
        argc--;
        argv++;
    }
    int next = argc;
    if (status == GO_ON)
        status = s_read_options (self, argc, argv, &next);
    if (status == GO_ON && !self->kind && next < argc)
        status = s_choose_kind (self, argv [next++]);
    if (status != GO_ON)
        return status;
    if (!self->kind)
        return s_say (EXIT_MISUSE, "which kind of relay? See zrelay --help");
    if (next < argc)
        return s_say (EXIT_MISUSE, "'%s' is one word too many; see zrelay"
                      " --help", argv [next]);
    if (self->verbose && self->quiet)
        return s_say (EXIT_MISUSE, "--verbose and --quiet contradict each"
                      " other; give one of them");
    for (size_t side = 0; side < SIDES && status == GO_ON; side++)
        status = s_complete_side (self, side);
    if (!self->name)
        self->name = self->kind->name;
    if (!self->drain)
        self->drain = DRAIN_DEFAULT;
    return status;
}

//  --------------------------------------------------------------------------
//  Dialogue with the relay

//  What the relay says about the last failure, as a fresh string

static char *
s_error (program_t *self)
{
    char *name = NULL;
    char *sentence = NULL;
    zstr_send (self->relay, "ERROR");
    zstr_recvx (self->relay, &name, &sentence, NULL);
    zstr_free (&name);
    if (!sentence)
        sentence = strdup ("refused");
    assert (sentence);
    return sentence;
}

//  Read the status of a command that was just sent. Unless it is done, print
//  what the relay says about it, between two texts of ours that tell the user
//  which option it is about.

static exit_status_t
s_confirm (program_t *self, const char *before, const char *after)
{
    if (zsock_wait (self->relay) == ZRELAY_DONE)
        return GO_ON;
    char *sentence = s_error (self);
    s_say (EXIT_MISUSE, "%s%s%s", before, sentence, after);
    zstr_free (&sentence);
    return EXIT_MISUSE;
}

//  Send SET. setting is SIDE.OPTION=VALUE.

static exit_status_t
s_set (program_t *self, const char *setting)
{
    char *side = strdup (setting);
    assert (side);
    char *option = strchr (side, '.');
    *option++ = 0;
    char *value = strchr (option, '=');
    *value++ = 0;
    char *before = zsys_sprintf ("--set %s.%s: ", side, option);
    assert (before);
    zstr_sendx (self->relay, "SET", side, option, value, NULL);
    exit_status_t status = s_confirm (self, before, "");
    zstr_free (&before);
    zstr_free (&side);
    return status;
}

//  Tell the relay whom a side shall let in, before it is attached

static exit_status_t
s_protect (program_t *self, size_t side)
{
    bool binds = false;
    bool connects = false;
    endpoint_t *item = (endpoint_t *) zlistx_first (self->endpoints [side]);
    while (item) {
        binds = binds || item->bind;
        connects = connects || !item->bind;
        item = (endpoint_t *) zlistx_next (self->endpoints [side]);
    }
    return s_say_guard (zrelay_guard_protect (self->guard, self->relay,
        (zrelay_side_id_t) side, binds, connects), "");
}

//  Keep the line that tells where a side was attached last

static void
s_note_endpoint (program_t *self, size_t side, const endpoint_t *item)
{
    zstr_sendx (self->relay, "ENDPOINT", s_sides [side], NULL);
    zmsg_t *answer = zmsg_recv (self->relay);
    zframe_t *last = answer? zmsg_last (answer): NULL;
    char *endpoint = last? zframe_strdup (last): strdup (item->endpoint);
    assert (endpoint);
    char *line = zsys_sprintf ("%s: %s %s to %s", self->name, s_sides [side],
                               item->bind? "bound": "connected", endpoint);
    assert (line);
    zlist_append (self->lines, line);
    zstr_free (&line);
    zstr_free (&endpoint);
    zmsg_destroy (&answer);
}

static exit_status_t
s_attach (program_t *self, size_t side, const endpoint_t *item)
{
    if (item->type) {
        char *endpoint = zsys_sprintf ("%c%s", item->bind? '@': '>',
                                       item->endpoint);
        assert (endpoint);
        zstr_sendx (self->relay, s_side_commands [side], item->type, endpoint,
                    NULL);
        zstr_free (&endpoint);
    }
    else
        zstr_sendx (self->relay, item->bind? "BIND": "CONNECT",
                    s_sides [side], item->endpoint, NULL);

    char *after = zsys_sprintf ("; name another with --%s", s_sides [side]);
    assert (after);
    exit_status_t status = s_confirm (self, "", after);
    zstr_free (&after);
    if (status == GO_ON)
        s_note_endpoint (self, side, item);
    return status;
}

static exit_status_t
s_attach_all (program_t *self)
{
    exit_status_t status = GO_ON;
    for (size_t side = 0; side < SIDES; side++) {
        zlistx_t *endpoints = self->endpoints [side];
        endpoint_t *item = (endpoint_t *) zlistx_first (endpoints);
        while (item && status == GO_ON) {
            status = s_attach (self, side, item);
            item = (endpoint_t *) zlistx_next (endpoints);
        }
    }
    return status;
}

static exit_status_t
s_subscribe (program_t *self)
{
    exit_status_t status = GO_ON;
    const char *topic = (const char *) zlist_first (self->topics);
    while (topic && status == GO_ON) {
        zstr_sendx (self->relay, "SUBSCRIBE", topic, NULL);
        status = s_confirm (self, "--subscribe: ", "");
        topic = (const char *) zlist_next (self->topics);
    }
    return status;
}

static exit_status_t
s_configure (program_t *self)
{
    if (self->verbose) {
        zstr_send (self->relay, "VERBOSE");
        zsock_wait (self->relay);
    }
    exit_status_t status = GO_ON;
    for (size_t side = 0; side < SIDES && status == GO_ON; side++)
        status = s_protect (self, side);
    //  What the user sets has the last word
    const char *setting = (const char *) zlist_first (self->settings);
    while (setting && status == GO_ON) {
        status = s_set (self, setting);
        setting = (const char *) zlist_next (self->settings);
    }
    if (self->capture && status == GO_ON) {
        zstr_sendx (self->relay, "CAPTURE", self->capture, NULL);
        status = s_confirm (self, "", "; name another with --capture");
    }
    return status;
}

//  Start the relay and bring it to where it works

static exit_status_t
s_start (program_t *self)
{
    self->relay = zactor_new (self->kind->actor, (void *) self->name);
    if (!self->relay)
        return s_say (EXIT_MISUSE, "the system has no sockets for a relay: %s",
                      zmq_strerror (errno));
    exit_status_t status = s_configure (self);
    //  Subscriptions come before endpoints where there is a socket for them
    bool socket_chosen = self->kind->types [ZRELAY_FRONTEND] != NULL;
    if (status == GO_ON && socket_chosen)
        status = s_subscribe (self);
    if (status == GO_ON)
        status = s_attach_all (self);
    if (status == GO_ON && !socket_chosen)
        status = s_subscribe (self);
    return status;
}

//  --------------------------------------------------------------------------
//  Signals

//  Those that the program handles
static const int s_signals [] = { SIGINT, SIGTERM, SIGUSR1 };
#define SIGNALS (sizeof (s_signals) / sizeof (s_signals [0]))

//  The handler has no other way to them than static variables
static int s_signal_pipe [2];               //  Numbers of signals
static volatile sig_atomic_t s_exit_status = GO_ON; //  Once it is known

static void
s_on_signal (int number)
{
    int error = errno;
    //  The sockets may linger; who is in a hurry asks twice
    if (s_exit_status != GO_ON)
        _exit (s_exit_status);
    byte message = (byte) number;
    //  If the pipe is full, as many signals wait as anybody can want
    ssize_t rc = write (s_signal_pipe [1], &message, sizeof (message));
    (void) rc;
    errno = error;
}

static void
s_signals_allow (bool allow)
{
    sigset_t set;
    sigemptyset (&set);
    for (size_t index = 0; index < SIGNALS; index++)
        sigaddset (&set, s_signals [index]);
    pthread_sigmask (allow? SIG_UNBLOCK: SIG_BLOCK, &set, NULL);
}

//  Block and handle signals. To be called before there are other threads, so
//  that these have them blocked for good.

static exit_status_t
s_signals_start (void)
{
    s_signals_allow (false);
    if (pipe (s_signal_pipe))
        return s_say (EXIT_MISUSE, "the system has no pipe for signals: %s",
                      strerror (errno));
    for (size_t end = 0; end < 2; end++) {
        fcntl (s_signal_pipe [end], F_SETFL, O_NONBLOCK);
        fcntl (s_signal_pipe [end], F_SETFD, FD_CLOEXEC);
    }
    //  CZMQ would install handlers of its own
    zsys_handler_set (NULL);
    struct sigaction action;
    memset (&action, 0, sizeof (action));
    action.sa_handler = s_on_signal;
    sigemptyset (&action.sa_mask);
    for (size_t index = 0; index < SIGNALS; index++)
        sigaction (s_signals [index], &action, NULL);
    return GO_ON;
}

//  --------------------------------------------------------------------------
//  Running

static void
s_print_stats (program_t *self)
{
    zrelay_stats_t *stats = zrelay_stats_query (self->relay);
    if (!stats) {
        zsys_error ("%s: the statistics cannot be read", self->name);
        return;
    }
    char *text = zrelay_stats_text (stats);
    fputs (text, stderr);
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
}

//  Give up what was not passed on yet. RESUME ends a DRAIN, which is answered
//  first. All answers are read, since zactor_destroy () would take one that
//  is left for the sign that the relay has ended.

static void
s_cut_short (program_t *self)
{
    size_t answers = 2;
    for (size_t side = 0; side < SIDES; side++, answers++)
        zstr_sendx (self->relay, "SET", s_sides [side], "linger", "0", NULL);
    zstr_send (self->relay, "RESUME");
    while (answers--)
        zsock_wait (self->relay);
}

//  End the relay: first in peace, and when asked again at once

static void
s_end (program_t *self)
{
    bool in_peace = self->phase == RUNNING && strtoul (self->drain, NULL, 10);
    if (in_peace)
        zstr_sendx (self->relay, "DRAIN", self->drain, NULL);
    else
    if (self->phase == DRAINING)
        s_cut_short (self);
    self->phase = in_peace? DRAINING: ENDED;
}

//  Handle a signal

static void
s_signal_arrived (program_t *self)
{
    byte number = 0;
    if (read (s_signal_pipe [0], &number, sizeof (number)) != sizeof (number))
        return;
    if (number != SIGUSR1)
        s_end (self);
    else
    if (self->phase == RUNNING)
        s_print_stats (self);
    else
        //  The answer would come behind that to DRAIN
        self->report = true;
}

//  Handle what the relay says without being asked: that it has drained, or,
//  which should not be, that it has ended

static exit_status_t
s_relay_spoke (program_t *self)
{
    int status = zsock_wait (self->relay);
    if (self->phase != DRAINING)
        return s_say (EXIT_FAILED, "%s: the relay ended by itself",
                      self->name);
    if (status != ZRELAY_DONE && !self->quiet) {
        char *sentence = s_error (self);
        s_say (GO_ON, "%s: %s; --drain gives it more time", self->name,
               sentence);
        zstr_free (&sentence);
    }
    self->phase = ENDED;
    return GO_ON;
}

//  Wait for signals and for the relay until one of them ends the program

static exit_status_t
s_serve (program_t *self)
{
    zmq_pollitem_t items [] = {
        { zsock_resolve (self->relay), 0, ZMQ_POLLIN, 0 },
        { NULL, s_signal_pipe [0], ZMQ_POLLIN, 0 }
    };
    exit_status_t status = GO_ON;
    while (status == GO_ON && self->phase != ENDED) {
        s_signals_allow (true);
        int rc = zmq_poll (items, sizeof (items) / sizeof (items [0]), -1);
        int error = errno;
        s_signals_allow (false);
        if (rc == -1 && error != EINTR)
            status = s_say (EXIT_FAILED, "cannot wait for the relay: %s",
                            zmq_strerror (error));
        if (rc > 0 && items [0].revents)
            status = s_relay_spoke (self);
        else
        if (rc > 0 && items [1].revents)
            s_signal_arrived (self);
    }
    return status == GO_ON? EXIT_ASKED: status;
}

//  Tell where the relay is. It goes on also if nobody can hear it.

static void
s_print_lines (program_t *self)
{
    char *line = (char *) zlist_first (self->lines);
    while (line && !self->quiet) {
        printf ("%s\n", line);
        line = (char *) zlist_next (self->lines);
    }
    s_flush ();
}

static exit_status_t
s_run (program_t *self)
{
    exit_status_t status = s_signals_start ();
    zsys_set_logstream (self->quiet? NULL: stderr);
    if (status == GO_ON)
        status = s_say_guard (zrelay_guard_start (self->guard), "");
    if (status == GO_ON)
        status = s_start (self);
    if (status == GO_ON) {
        s_print_lines (self);
        status = s_serve (self);
    }
    if (status == EXIT_ASKED && (self->verbose || self->report))
        s_print_stats (self);
    zactor_destroy (&self->relay);
    //  From here on libzmq only waits for what lingers
    s_exit_status = status;
    signal (SIGUSR1, SIG_IGN);
    s_signals_allow (true);
    return status;
}

//  --------------------------------------------------------------------------
//  zrelay keygen FILE

static bool
s_keygen_asked (int argc, char **argv)
{
    return argc > 1 && streq (argv [1], "keygen");
}

static exit_status_t
s_keygen (int argc, char **argv)
{
    if (argc == 3 && (streq (argv [2], "-h") || streq (argv [2], "--help"))) {
        printf ("Usage: zrelay keygen FILE\n"
                "Makes a CURVE certificate: FILE gets the public part, to be "
                "given to others,\nand FILE_secret also the secret one. "
                "Prints the public key.\n");
        return s_flush ();
    }
    if (argc != 3 || *argv [2] == '-' || !*argv [2])
        return s_say (EXIT_MISUSE, "keygen takes the name of a file, such as"
                      " zrelay keygen relay.cert");
    exit_status_t status =
        s_say_guard (zrelay_guard_keygen (argv [2]), "keygen: ");
    return status == GO_ON? s_flush (): status;
}

//  --------------------------------------------------------------------------
//  Start and end

static zlistx_t *
s_endpoints_new (void)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    zlistx_set_destructor (list, s_endpoint_destroy);
    return list;
}

//  Each peer takes a descriptor, and CZMQ aborts if there is none for its own
//  sockets. So ask for as many as this user may have.

static exit_status_t
s_raise_limit (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit))
        return GO_ON;
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    getrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < DESCRIPTORS_MIN)
        return s_say (EXIT_MISUSE, "only %lu files may be open, and a relay"
                      " needs %d; see ulimit -n",
                      (unsigned long) limit.rlim_cur, DESCRIPTORS_MIN);
    return GO_ON;
}

//  Standard streams that are closed would be taken by the relay's sockets,
//  and these would get what is printed. In their place comes what refuses it.

static void
s_occupy_streams (void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl (stream, F_GETFD) == -1)
            open ("/dev/null", stream == STDIN_FILENO? O_WRONLY: O_RDONLY);
}

int
main (int argc, char *argv [])
{
    s_occupy_streams ();
    //  Who does not read our output shall not end the relay
    signal (SIGPIPE, SIG_IGN);

    program_t self;
    memset (&self, 0, sizeof (self));
    for (size_t side = 0; side < SIDES; side++)
        self.endpoints [side] = s_endpoints_new ();
    self.settings = zlist_new ();
    self.topics = zlist_new ();
    self.guard = zrelay_guard_new ();
    self.lines = zlist_new ();
    assert (self.settings && self.topics && self.lines);
    zlist_autofree (self.lines);

    exit_status_t status = s_keygen_asked (argc, argv)?
        s_keygen (argc, argv): s_read_command_line (&self, argc, argv);
    if (status == GO_ON)
        status = s_raise_limit ();
    if (status == GO_ON)
        status = s_run (&self);

    for (size_t side = 0; side < SIDES; side++)
        zlistx_destroy (&self.endpoints [side]);
    zlist_destroy (&self.settings);
    zlist_destroy (&self.topics);
    zrelay_guard_destroy (&self.guard);
    zlist_destroy (&self.lines);
    return status;
}
