/*  =========================================================================
    settings_test - what the settings of kinds take, and what they refuse

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Most of this is a table of the settings that kinds have of their own. Each
//  is set to its smallest and largest value, and to everything that is none.
//  After each refusal, all that the relay can be asked for is as it was, and a
//  request is still served.

#include "faults/faults.h"
#include "honest.h"

#define DEADLINE 120            //  Seconds for everything

//  A number that may be from least to most, or one of some words
typedef struct {
    const char *kind;
    const char *name;
    const char *by_default;
    const char *least;
    const char *most;
    const char *above;          //  One more than the most
    const char *takes;          //  What a refusal says of this; NULL: the most
} setting_t;

#define DAY "86400000"
#define HOUR "3600000"
#define UINT32 "4294967295"
#define INT64 "9223372036854775807"

static const setting_t s_settings [] = {
    { "balancer", "heartbeat", "1000", "0", HOUR, "3600001", NULL },
    { "balancer", "liveness", "3", "1", "1000", "1001", NULL },
    { "balancer", "retries", "1", "0", "1000", "1001", NULL },
    { "balancer", "deadline", "0", "0", DAY, "86400001", NULL },
    { "balancer", "queue", "1000", "0", UINT32, "4294967296", NULL },
    { "balancer", "queue_bytes", "67108864", "0", INT64,
      "9223372036854775808", "from 0 on" },
    { "balancer", "overflow", "hold", "drop-new", "drop-old", "drop",
      "hold, drop-new" },
    { "majordomo", "heartbeat", "1000", "0", HOUR, "3600001", NULL },
    { "majordomo", "liveness", "3", "1", "1000", "1001", NULL },
    { "majordomo", "retries", "1", "0", "1000", "1001", NULL },
    { "majordomo", "deadline", "0", "0", DAY, "86400001", NULL },
    { "majordomo", "queue", "10000", "0", UINT32, "4294967296", NULL },
    { "majordomo", "queue_bytes", "268435456", "0", INT64,
      "9223372036854775808", "from 0 on" },
    { "majordomo", "service_queue", "1000", "0", UINT32, "4294967296", NULL },
    { "majordomo", "service_bytes", "67108864", "0", INT64,
      "9223372036854775808", "from 0 on" },
};
#define SETTINGS (sizeof (s_settings) / sizeof (*s_settings))

//  Values of no setting
static const char *s_nonsense [] = {
    "", " ", "-1", "+1", "1.5", "1e3", "0x10", " 1", "1 ", "1\n", "one",
    "hold ", "hold,drop-new", "99999999999999999999", "-9223372036854775809",
    "%s%n", "\xff\xfe", "none", "infinite"
};
#define NONSENSE (sizeof (s_nonsense) / sizeof (*s_nonsense))

//  Commands with another fault than the value's, for every kind
static const struct {
    const char *frames [6];
    int status;
    const char *word;           //  In the sentence
} s_commands [] = {
    { { "SET", "RELAY", "nonsense", "1" }, 2, "nonsense" },
    { { "SET", "RELAY", "", "1" }, 2, "no option ''" },
    { { "SET", "RELAY", "heartbeats", "1" }, 2, "heartbeats" },
    { { "SET", "RELAY", "heartbeat" }, 2, "SET" },
    { { "SET", "RELAY", "heartbeat", "1", "2" }, 2, "SET" },
    { { "SET", "FORWARD", "heartbeat", "1" }, 2, "heartbeat" },
    { { "SET", "FRONTEND", "retries", "1" }, 2, "retries" },
    { { "GET", "RELAY", "nonsense" }, 2, "nonsense" },
    { { "GET", "RELAY" }, 2, "GET" },
    { { "WORKERS", "one", "two" }, 2, "WORKERS" },
};
#define COMMANDS (sizeof (s_commands) / sizeof (*s_commands))


//  --------------------------------------------------------------------------
//  A relay with an honest client and an honest worker

typedef struct {
    const char *kind;
    zactor_t *actor;
    honest_t *client;
    honest_t *worker;
} bench_t;

static bool
s_answered (void *arg)
{
    bench_t *self = (bench_t *) arg;
    uint64_t before = honest_counts (self->client)->answered;
    honest_turn (self->worker);
    honest_turn (self->client);
    return honest_counts (self->client)->answered > before;
}

//  Ends with nothing under way

static bool
s_serves (bench_t *self)
{
    honest_set_silent (self->client, false);
    honest_turn (self->client);
    honest_set_silent (self->client, true);
    return faults_wait (s_answered, self, FAULTS_PATIENCE);
}

static void
s_begin (bench_t *self, const char *kind)
{
    bool balancer = streq (kind, "balancer");
    self->kind = kind;
    self->actor = zrelay_engine_spawn (
        zrelay_kinds_find (zrelay_kinds (), kind), NULL);
    assert (self->actor);
    zsock_set_rcvtimeo (self->actor, FAULTS_PATIENCE);
    char *front = faults_bind (self->actor, "FRONTEND");
    char *back = balancer? faults_bind (self->actor, "BACKEND"):
                 strdup (front);
    self->client = honest_new (
        balancer? HONEST_CLIENT_REQ: HONEST_CLIENT_MDP1, front, "tea");
    self->worker = honest_new (
        balancer? HONEST_WORKER_READY: HONEST_WORKER_MDP1, back, "tea");
    zstr_free (&front);
    zstr_free (&back);
}

static void
s_end (bench_t *self)
{
    honest_destroy (&self->client, 0);
    honest_destroy (&self->worker, 0);
    zactor_destroy (&self->actor);
}


//  --------------------------------------------------------------------------
//  Asking

static int
s_set (bench_t *self, const char *name, const char *value)
{
    zstr_sendx (self->actor, "SET", "RELAY", name, value, NULL);
    return zsock_wait (self->actor);
}

static char *
s_get (bench_t *self, const char *name)
{
    zstr_sendx (self->actor, "GET", "RELAY", name, NULL);
    zmsg_t *answer = zmsg_recv (self->actor);
    char *value = answer && zmsg_signal (answer) == -1?
        zframe_strdup (zmsg_last (answer)): NULL;
    zmsg_destroy (&answer);
    return value;
}

static bool
s_is (bench_t *self, const char *name, const char *expected)
{
    char *value = s_get (self, name);
    bool same = value && streq (value, expected);
    if (!same)
        printf ("#   %s: %s is %s, not %s\n", self->kind, name,
                value? value: "refused", expected);
    zstr_free (&value);
    return same;
}

//  All settings, and counts that do not change by themselves

static char *
s_everything (bench_t *self)
{
    zchunk_t *text = zchunk_new (NULL, 0);
    for (size_t index = 0; index < SETTINGS; index++) {
        if (strneq (s_settings [index].kind, self->kind))
            continue;
        char *value = s_get (self, s_settings [index].name);
        zchunk_extend (text, value? value: "?", value? strlen (value): 1);
        zchunk_extend (text, " ", 1);
        zstr_free (&value);
    }
    static const char *counts [] = {
        "requests", "replies", "requests_waiting", "requests_in_hand",
        "workers", "workers_free", "workers_lost"
    };
    zrelay_stats_t *stats = zrelay_stats_query (self->actor);
    for (size_t index = 0; index < sizeof (counts) / sizeof (*counts);
         index++) {
        char number [24];
        int size = snprintf (number, sizeof (number), "%" PRIu64 " ",
                             zrelay_stats_value (stats, counts [index]));
        zchunk_extend (text, number, (size_t) size);
    }
    zrelay_stats_destroy (&stats);
    zchunk_extend (text, "", 1);
    char *string = strdup ((char *) zchunk_data (text));
    zchunk_destroy (&text);
    return string;
}

//  Was the last command, of which status is the answer, refused with this word
//  in the sentence, and this other one, and is all as before?

static bool
s_refused (bench_t *self, int status, int expected, const char *word,
           const char *other, const char *before)
{
    char *sentence = faults_error (self->actor);
    char *after = s_everything (self);
    bool right = status == expected && strstr (sentence, word)
              && strstr (sentence, other) && streq (before, after);
    if (!right)
        printf ("#   %s: status %d: %s\n#   before %s\n#   after  %s\n",
                self->kind, status, sentence, before, after);
    zstr_free (&sentence);
    zstr_free (&after);
    return right;
}


//  --------------------------------------------------------------------------
//  The table

//  A refusal names the setting and what it takes

static bool
s_refuses (bench_t *self, const setting_t *setting, const char *value)
{
    char *before = s_everything (self);
    int status = s_set (self, setting->name, value);
    bool right = s_refused (self, status, 2, setting->name,
                            setting->takes? setting->takes: setting->most,
                            before);
    if (!right)
        printf ("#   the value was '%s'\n", value);
    zstr_free (&before);
    return right;
}

static bool
s_refuses_nonsense (bench_t *self, const setting_t *setting)
{
    bool right = s_refuses (self, setting, setting->above);
    for (size_t index = 0; index < NONSENSE; index++)
        right = s_refuses (self, setting, s_nonsense [index]) && right;
    if (streq (setting->least, "1"))
        right = s_refuses (self, setting, "0") && right;
    char *longest = (char *) zmalloc (70000);
    memset (longest, '1', 69999);
    right = s_refuses (self, setting, longest) && right;
    freen (longest);
    return right;
}

static bool
s_takes (bench_t *self, const setting_t *setting, const char *value)
{
    return s_set (self, setting->name, value) == 0
        && s_is (self, setting->name, value);
}

static void
s_test_setting (bench_t *self, const setting_t *setting)
{
    const char *name = setting->name;
    TAP (s_is (self, name, setting->by_default), "%s: %s: its default",
         self->kind, name);
    TAP (s_refuses_nonsense (self, setting), "%s: %s: refuses what is none",
         self->kind, name);
    TAP (s_takes (self, setting, setting->least)
      && s_takes (self, setting, setting->most)
      && s_takes (self, setting, setting->by_default),
         "%s: %s: takes its least and most", self->kind, name);
    TAP (s_serves (self), "%s: %s: requests are still served", self->kind,
         name);
}

static void
s_test_command (bench_t *self, size_t index)
{
    char *before = s_everything (self);
    zmsg_t *msg = zmsg_new ();
    for (int frame = 0; s_commands [index].frames [frame]; frame++)
        zmsg_addstr (msg, s_commands [index].frames [frame]);
    zmsg_send (&msg, self->actor);
    int status = zsock_wait (self->actor);
    TAP (s_refused (self, status, s_commands [index].status,
                    s_commands [index].word, s_commands [index].frames [0],
                    before),
         "%s: refused: %s %s %s", self->kind, s_commands [index].frames [0],
         s_commands [index].frames [1], s_commands [index].frames [2]?
         s_commands [index].frames [2]: "");
    zstr_free (&before);
}

//  The line of HELP that explains the option ends with its default

static bool
s_helps (const char *text, const setting_t *setting)
{
    char *start = zsys_sprintf ("\n    %s: ", setting->name);
    char *end = zsys_sprintf ("; default %s\n", setting->by_default);
    const char *line = strstr (text, start);
    const char *found = line? strstr (line, end): NULL;
    bool helps = found && !memchr (line + 1, '\n', (size_t) (found - line - 1));
    zstr_free (&start);
    zstr_free (&end);
    return helps;
}

//  HELP shows each

static void
s_test_help (bench_t *self)
{
    zstr_sendx (self->actor, "HELP", "SET", NULL);
    zmsg_t *answer = zmsg_recv (self->actor);
    char *text = answer? zframe_strdup (zmsg_last (answer)): strdup ("");
    bool all = true;
    for (size_t index = 0; index < SETTINGS; index++)
        if (streq (s_settings [index].kind, self->kind)
        && !s_helps (text, &s_settings [index])) {
            printf ("#   no '%s' in:\n%s\n", s_settings [index].name, text);
            all = false;
        }
    TAP (all, "%s: HELP shows each setting with its default", self->kind);
    zstr_free (&text);
    zmsg_destroy (&answer);
}

static void
s_test_kind (const char *kind)
{
    bench_t bench;
    s_begin (&bench, kind);
    TAP (s_serves (&bench), "%s: serves", kind);
    for (size_t index = 0; index < SETTINGS; index++)
        if (streq (s_settings [index].kind, kind))
            s_test_setting (&bench, &s_settings [index]);
    for (size_t index = 0; index < COMMANDS; index++)
        s_test_command (&bench, index);
    s_test_help (&bench);
    TAP (s_serves (&bench), "%s: still serves", kind);
    s_end (&bench);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_kind ("balancer");
    s_test_kind ("majordomo");
    honest_end ();
    return faults_end ();
}
