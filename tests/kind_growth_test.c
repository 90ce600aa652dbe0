/*  =========================================================================
    kind_growth_test - kinds of older headers, and kinds that are wrong

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A kind that was compiled with an older header has shorter structures. Here
//  they are declared once more, as they might have been, and in memory garbage
//  stands right behind each. A kind that is wrong ends the program; this is
//  played in processes of their own.

#include "kind_testing.h"
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define DEADLINE        120         //  Seconds for everything
#define GARBAGE         0xA5        //  As a pointer it leads nowhere
#define GARBAGE_SIZE    512         //  Bytes of it behind a structure
#define OUTPUT_MOST     2000        //  Bytes that a child may say


//  --------------------------------------------------------------------------
//  Structures as they were

typedef struct {
    size_t size;
    const char *name;
    const char *help;
    zrelay_side_spec_t frontend;
    zrelay_side_spec_t backend;
} least_kind_t;

typedef struct {
    size_t size;
    const char *name;
    const char *help;
    zrelay_side_spec_t frontend;
    zrelay_side_spec_t backend;
    void *(*create) (zrelay_engine_t *engine);
    void (*destroy) (void **object_p);
    zrelay_message_fn *on_forward;
    zrelay_message_fn *on_return;
    zrelay_zmsg_fn *on_forward_zmsg;
    zrelay_zmsg_fn *on_return_zmsg;
    void (*on_gone) (zrelay_engine_t *engine, void *object,
                     zrelay_side_id_t side, const void *id, size_t size);
    void (*on_state) (zrelay_engine_t *engine, void *object,
                      zrelay_state_t state);
} early_kind_t;

typedef struct {
    size_t size;
    const char *name;
    const char *args;
    const char *help;
    zrelay_command_fn *handler;
} early_command_t;

typedef struct {
    size_t size;
    const char *name;
    const char *help;
    size_t offset;
    int64_t least;
    int64_t most;
    const char *const *words;
} early_setting_t;

typedef struct {
    size_t size;
    const char *name;
    size_t offset;
} early_counter_t;

//  Each with garbage behind it

typedef struct { least_kind_t kind; byte rest [GARBAGE_SIZE]; } least_t;
typedef struct { early_kind_t kind; byte rest [GARBAGE_SIZE]; } early_t;
typedef struct { early_command_t rows [3]; byte rest [GARBAGE_SIZE]; }
    commands_t;
typedef struct { early_setting_t rows [3]; byte rest [GARBAGE_SIZE]; }
    settings_t;
typedef struct { early_counter_t rows [3]; byte rest [GARBAGE_SIZE]; }
    counters_t;

//  If a member was put before others, these would be no beginnings

#define IS_BEGINNING(early, whole, next) \
    TAP (sizeof (early) == offsetof (whole, next), \
         "growth: " #whole " has grown at its end only")

static void
s_test_beginnings (void)
{
    IS_BEGINNING (least_kind_t, zrelay_kind_t, create);
    IS_BEGINNING (early_kind_t, zrelay_kind_t, pending);
    IS_BEGINNING (early_command_t, zrelay_command_t, flags);
    IS_BEGINNING (early_setting_t, zrelay_setting_t, changed);
    IS_BEGINNING (early_counter_t, zrelay_counter_t, flags);
}


//  --------------------------------------------------------------------------
//  Kinds

typedef struct {
    int64_t number;             //  An option
    int64_t word;               //  Another
    uint64_t messages;          //  A counter
    uint64_t states;            //  Another
} object_t;

static void *
s_new (zrelay_engine_t *engine)
{
    (void) engine;
    return zmalloc (sizeof (object_t));
}

static void
s_destroy (void **object_p)
{
    freen (*object_p);
}

static zrelay_verdict_t
s_on_message (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine, (void) message;
    ((object_t *) object)->messages++;
    return ZRELAY_VERDICT_PASS;
}

static void
s_on_state (zrelay_engine_t *engine, void *object, zrelay_state_t state)
{
    zrelay_engine_set_reading (engine, ZRELAY_FLOW_FORWARD,
        state == ZRELAY_STATE_ACTIVE? ZRELAY_READING_ON: ZRELAY_READING_OFF);
    ((object_t *) object)->states++;
}

static int
s_on_command (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
              zmsg_t *answer)
{
    (void) object, (void) argc;
    return answer? ZRELAY_STATUS_REFUSED:
        zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE, "heard %s",
                            zrelay_engine_quote (engine, argv [0]));
}

//  What a relay does in any case

static bool
s_runs (zactor_t *relay, const char *name)
{
    char *endpoint = zsys_sprintf ("inproc://%s-front", name);
    bool right = faults_command (relay, "BIND", "FRONTEND", endpoint, NULL) == 0;
    zsock_t *source = faults_connect (ZMQ_PUSH, endpoint);
    zstr_free (&endpoint);
    endpoint = zsys_sprintf ("inproc://%s-back", name);
    right = right
         && faults_command (relay, "BIND", "BACKEND", endpoint, NULL) == 0;
    zsock_t *sink = faults_connect (ZMQ_PULL, endpoint);
    zstr_free (&endpoint);
    zstr_send (source, "text");
    right = right && kind_receives (sink, "text");
    static const char *words [] = { "PAUSE", "RESUME", "RESET", "DRAIN", NULL };
    for (int index = 0; words [index]; index++)
        right = right && faults_command (relay, words [index], NULL) == 0;
    faults_command (relay, "RESUME", NULL);
    zstr_send (source, "more");
    right = right && kind_receives (sink, "more");
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    right = right && stats
         && zrelay_stats_value (stats, "backend.out.messages") == 1;
    zrelay_stats_destroy (&stats);
    zsock_destroy (&source);
    zsock_destroy (&sink);
    return right;
}

static void
s_test_least (void)
{
    least_t least = { .kind = {
        .size = sizeof (least_kind_t), .name = "least",
        .frontend = { .types = "PULL" }, .backend = { .types = "PUSH" } }
    };
    memset (least.rest, GARBAGE, sizeof (least.rest));
    zactor_t *relay = kind_spawn ((zrelay_kind_t *) &least, NULL);
    TAP (s_runs (relay, "least"), "growth: a kind that ends with its sides");
    zactor_destroy (&relay);
}

static void
s_test_early (void)
{
    early_t early = { .kind = {
        .size = sizeof (early_kind_t), .name = "early",
        .frontend = { .types = "PULL" }, .backend = { .types = "PUSH" },
        .create = s_new, .destroy = s_destroy,
        .on_forward = s_on_message, .on_state = s_on_state }
    };
    memset (early.rest, GARBAGE, sizeof (early.rest));
    zactor_t *relay = kind_spawn ((zrelay_kind_t *) &early, NULL);
    TAP (s_runs (relay, "early"), "growth: a kind that ends with on_state");
    char *help = kind_query (relay, "HELP", NULL);
    TAP (help && strstr (help, "PING"), "growth: it has the usual commands");
    zstr_free (&help);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Tables

static const char *const s_words [] = { "red", "green", NULL };
static commands_t s_commands;
static settings_t s_settings;
static counters_t s_counters;

static void
s_fill_tables (void)
{
    memset (&s_commands, GARBAGE, sizeof (s_commands));
    memset (&s_settings, GARBAGE, sizeof (s_settings));
    memset (&s_counters, GARBAGE, sizeof (s_counters));
    const size_t command = sizeof (early_command_t);
    const size_t setting = sizeof (early_setting_t);
    const size_t counter = sizeof (early_counter_t);
    s_commands.rows [0] = (early_command_t) {
        command, "FIRST", "word", "the first one", s_on_command };
    s_commands.rows [1] = (early_command_t) {
        command, "SECOND", "word", "the second one", s_on_command };
    s_commands.rows [2].name = NULL;
    s_settings.rows [0] = (early_setting_t) {
        setting, "number", "a number", offsetof (object_t, number), 0, 9, NULL };
    s_settings.rows [1] = (early_setting_t) {
        setting, "word", "a word", offsetof (object_t, word), 0, 0, s_words };
    s_settings.rows [2].name = NULL;
    s_counters.rows [0] = (early_counter_t) {
        counter, "messages", offsetof (object_t, messages) };
    s_counters.rows [1] = (early_counter_t) {
        counter, "states", offsetof (object_t, states) };
    s_counters.rows [2].name = NULL;
}

static bool
s_has (zactor_t *relay, const char *option, const char *value)
{
    kind_send (relay, "GET", "RELAY", option, NULL);
    return kind_receives (relay, "GET", value);
}

static void
s_test_tables (void)
{
    s_fill_tables ();
    const zrelay_kind_t kind = {
        ZRELAY_KIND, .name = "tables",
        .frontend = { .types = "PULL" }, .backend = { .types = "PUSH" },
        .create = s_new, .destroy = s_destroy,
        .on_forward = s_on_message, .on_state = s_on_state,
        .commands = (zrelay_command_t *) s_commands.rows,
        .settings = (zrelay_setting_t *) s_settings.rows,
        .counters = (zrelay_counter_t *) s_counters.rows
    };
    zactor_t *relay = kind_spawn (&kind, NULL);
    TAP (s_runs (relay, "tables"), "growth: a kind with tables of short rows");
    TAP (kind_counts (relay, "messages", 1)
      && kind_counts (relay, "states", 2),
         "growth: its counters count, and are no gauges");
    TAP (faults_command (relay, "SECOND", "word", NULL) == 3
      && kind_explains (relay, "heard 'word'")
      && faults_command (relay, "FIRST", "word", NULL) == 3
      && faults_command (relay, "THIRD", "word", NULL) == 1,
         "growth: its commands are no queries, and keep no secrets");
    TAP (faults_command (relay, "SET", "RELAY", "number", "7", NULL) == 0
      && s_has (relay, "number", "7")
      && faults_command (relay, "SET", "RELAY", "number", "10", NULL) == 2
      && faults_command (relay, "SET", "RELAY", "word", "green", NULL) == 0
      && s_has (relay, "word", "green")
      && faults_command (relay, "SET", "RELAY", "colour", "10", NULL) == 2
      && kind_explains (relay, "it has spin, capture_security, number and word"),
         "growth: its options are numbers and words");
    char *help = kind_query (relay, "HELP", NULL);
    TAP (help && strstr (help, "SECOND word\n      the second one\n")
      && strstr (help, "number: a number from 0 to 9; default 0\n")
      && strstr (help, "word: red or green; default red\n"), "growth: HELP explains them");
    zstr_free (&help);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Kinds that are wrong end the program, with a sentence

static const zrelay_counter_t s_sizeless_counters [] = {
    { .name = "count" }, { .name = NULL }
};
static const zrelay_setting_t s_sizeless_settings [] = {
    { .name = "option" }, { .name = NULL }
};
static const zrelay_command_t s_sizeless_commands [] = {
    { .name = "COMMAND" }, { .name = NULL }
};

#define PULL .frontend = { .types = "PULL" }
#define OPTIONS(text) \
    ZRELAY_KIND, .name = "wrong", \
    .frontend = { .types = "PULL", .options = text }

static const struct {
    zrelay_kind_t kind;         //  What is wrong
    const char *sentence;       //  How it is told
    const char *option;         //  An option, of which SET tells the same
    const char *value;          //  And its value
} s_wrongs [] = {
    { { .name = "wrong", PULL }, "a kind has no size", NULL, NULL },
    { { ZRELAY_KIND, PULL }, "'' is not a name for a kind", NULL, NULL },
    { { ZRELAY_KIND, .name = "", PULL }, "'' is not a name for a kind",
      NULL, NULL },
    { { ZRELAY_KIND, .name = "two words", PULL },
      "'two words' is not a name for a kind; it takes 1 to 127 letters, digits",
      NULL, NULL },
    { { ZRELAY_KIND, .name = "wrong" }, "the kind wrong has no frontend",
      NULL, NULL },
    { { ZRELAY_KIND, .name = "wrong", PULL, .counters = s_sizeless_counters },
      "'count' of the kind wrong has no size; it begins with ZRELAY_COUNTER",
      NULL, NULL },
    { { ZRELAY_KIND, .name = "wrong", PULL, .settings = s_sizeless_settings },
      "'option' of the kind wrong has no size; it begins with ZRELAY_SETTING",
      NULL, NULL },
    { { ZRELAY_KIND, .name = "wrong", PULL, .commands = s_sizeless_commands },
      "'COMMAND' of the kind wrong has no size; it begins with ZRELAY_COMMAND",
      NULL, NULL },
    { { OPTIONS ("rcvhwm=many") }, "rcvhwm", "rcvhwm", "many" },
    { { OPTIONS ("linger=0,colour=red") }, "colour", "colour", "red" },
    { { OPTIONS ("maxframes=-5") }, "maxframes", "maxframes", "-5" },
    { { OPTIONS ("type=5") }, "type", "type", "5" },
    { { OPTIONS ("rcvhwm=-7") }, "rcvhwm", "rcvhwm", "-7" },
    { { OPTIONS ("linger") }, "'linger' of a kind's frontend has no value",
      NULL, NULL },
    { { OPTIONS ("linger=0,,colour=red") },
      "'' of a kind's frontend has no value", NULL, NULL },
};
#define WRONGS (sizeof (s_wrongs) / sizeof (*s_wrongs))

//  Start the kind in a process of its own; returns what that says on standard
//  error, which the caller frees, and how it ended.

static char *
s_output_of (const zrelay_kind_t *kind, int *status)
{
    int ends [2];
    int rc = pipe (ends);
    assert (rc == 0);
    pid_t child = fork ();
    assert (child != -1);
    if (child == 0) {
        alarm (DEADLINE);
        //  No core is needed of it
        struct rlimit none = { 0, 0 };
        setrlimit (RLIMIT_CORE, &none);
        close (ends [0]);
        dup2 (ends [1], STDERR_FILENO);
        zactor_t *relay = zrelay_engine_spawn (kind, NULL);
        zactor_destroy (&relay);
        _exit (0);
    }
    close (ends [1]);
    char *output = (char *) zmalloc (OUTPUT_MOST + 1);
    size_t length = 0;
    ssize_t size;
    while ((size = read (ends [0], output + length, OUTPUT_MOST - length)) > 0)
        length += (size_t) size;
    close (ends [0]);
    waitpid (child, status, 0);
    return output;
}

//  The sentence that SET gives, without its name, as a fresh string, which is
//  empty if there is none

static char *
s_sentence_of_set (const char *option, const char *value)
{
    zactor_t *relay = zactor_new (zrelay_streamer, NULL);
    kind_send (relay, "SET", "FRONTEND", option, value, NULL);
    int status = zsock_wait (relay);
    char *sentence = status == 2? faults_error (relay): strdup ("");
    const char *prefix = "SET: ";
    if (strncmp (sentence, prefix, strlen (prefix)) == 0)
        memmove (sentence, sentence + strlen (prefix),
                 strlen (sentence + strlen (prefix)) + 1);
    zactor_destroy (&relay);
    return sentence;
}

//  Before there is any socket, since the children are mere forks

static void
s_play_wrongs (char *outputs [WRONGS], int statuses [WRONGS])
{
    for (size_t index = 0; index < WRONGS; index++)
        outputs [index] = s_output_of (&s_wrongs [index].kind,
                                       &statuses [index]);
}

static void
s_test_wrongs (char *outputs [WRONGS], int statuses [WRONGS])
{
    for (size_t index = 0; index < WRONGS; index++) {
        const char *option = s_wrongs [index].option;
        char *sentence = option?
            s_sentence_of_set (option, s_wrongs [index].value):
            strdup (s_wrongs [index].sentence);
        char *output = outputs [index];
        bool right = strstr (output, "zrelay: ") && *sentence
            && strstr (output, s_wrongs [index].sentence)
            && strstr (output, sentence) && !strstr (output, "Assertion")
            && WIFSIGNALED (statuses [index])
            && WTERMSIG (statuses [index]) == SIGABRT;
        if (!TAP (right, "wrong: %s%s", s_wrongs [index].sentence,
                  option? ", as SET says": ""))
            printf ("#   it said: %s#   expected: %s\n", output, sentence);
        zstr_free (&sentence);
        zstr_free (&outputs [index]);
    }
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    char *outputs [WRONGS];
    int statuses [WRONGS];
    s_play_wrongs (outputs, statuses);
    s_test_wrongs (outputs, statuses);
    s_test_beginnings ();
    s_test_least ();
    s_test_early ();
    s_test_tables ();
    return faults_end ();
}
