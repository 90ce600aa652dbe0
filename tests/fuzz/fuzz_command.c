/*  =========================================================================
    fuzz_command - the command interpreter, and all that commands set off

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  The first line of an input names a kind of relay. Each line that follows is
//  a command, its words the frames:
//
//      queue
//      BIND FRONTEND inproc://in
//      <DEALER inproc://in hello
//      SET FRONTEND maxframes 1
//
//  or, if it starts with "<", a message for the relay: the type of the socket
//  that sends it, where to, and its frames. FILTER takes the numbers of our
//  own functions, below, in place of pointers.
//
//  The relay runs on our thread: all commands are in its pipe before it
//  starts, and behind them $TERM. It must hold that every command gets one
//  answer of the right form, in order; that a refusal is explained and has
//  changed nothing; and whatever the sanitizers watch for. Where the word DRAIN
//  is in the input, answers to queries overtake others, and commands come in
//  envelopes with a number.

//  For memmem
#define _GNU_SOURCE 1

#include "fuzz.h"

const char *fuzz_name = "command";

//  Messages for the relay in one input
#define MESSAGES_MAX 8

//  Longest linger that may be set, in msecs
#define LINGER_MAX 10

//  Questions asked after each command, about what a refused one could have
//  changed
#define QUESTIONS 5

//  Most commands and questions of one input: around each command there are two
//  about an option, and that for ERROR; and a few at the start and the end
#define SENT_MAX (FUZZ_LINES_MAX * (QUESTIONS + 4) + 2 * QUESTIONS)


//  --------------------------------------------------------------------------
//  Functions for FILTER: each does one thing that a filter may do

static zrelay_verdict_t
s_pass (zmsg_t **msg_p, void *arg)
{
    (void) msg_p;
    (void) arg;
    return ZRELAY_PASS;
}

static zrelay_verdict_t
s_drop (zmsg_t **msg_p, void *arg)
{
    (void) msg_p;
    (void) arg;
    return ZRELAY_DROP;
}

static zrelay_verdict_t
s_answer (zmsg_t **msg_p, void *arg)
{
    (void) msg_p;
    (void) arg;
    return ZRELAY_ANSWER;
}

static zrelay_verdict_t
s_destroy (zmsg_t **msg_p, void *arg)
{
    (void) arg;
    zmsg_destroy (msg_p);
    return ZRELAY_PASS;
}

static zrelay_verdict_t
s_empty (zmsg_t **msg_p, void *arg)
{
    (void) arg;
    zmsg_destroy (msg_p);
    *msg_p = zmsg_new ();
    return ZRELAY_ANSWER;
}

static zrelay_verdict_t
s_shorten (zmsg_t **msg_p, void *arg)
{
    (void) arg;
    zframe_t *frame = zmsg_pop (*msg_p);
    zframe_destroy (&frame);
    return ZRELAY_PASS;
}

static zrelay_verdict_t
s_lengthen (zmsg_t **msg_p, void *arg)
{
    (void) arg;
    for (int count = 0; count < 20; count++)
        zmsg_addstr (*msg_p, "more");
    return (zrelay_verdict_t) 99;
}

static zrelay_handler_fn *s_functions [] = {
    NULL, s_pass, s_drop, s_answer, s_destroy, s_empty, s_shorten, s_lengthen
};
#define FUNCTIONS (sizeof (s_functions) / sizeof (*s_functions))


//  --------------------------------------------------------------------------
//  Two kinds of our own: one with all a kind can have, one with one side

static zrelay_verdict_t
s_own_zmsg (zrelay_engine_t *engine, void *object, zmsg_t **msg_p)
{
    (void) engine;
    zframe_t *last = zmsg_last (*msg_p);
    byte first = zframe_size (last)? *zframe_data (last): 0;
    return s_functions [1 + first % (FUNCTIONS - 1)] (msg_p, object);
}

//  The last frame's first byte says what to do with the message

static zrelay_verdict_t
s_own_message (zrelay_engine_t *engine, void *object,
               zrelay_message_t *message)
{
    (void) object;
    size_t frames = zrelay_message_frames (message);
    const byte *data = zrelay_message_data (message, frames - 1);
    int choice = zrelay_message_size (message, frames - 1)? *data % 8: 0;
    zrelay_message_t *copy = NULL;
    switch (choice) {
        case 1:
            zrelay_message_clear (message);
            break;
        case 2:
            return zrelay_engine_drop (engine, 0);
        case 3:
            copy = zrelay_message_take (message);
            zrelay_message_destroy (&copy);
            return ZRELAY_VERDICT_KEPT;
        case 4:
            zrelay_message_push (message, "more", 4);
            return ZRELAY_VERDICT_ANSWER;
        case 5:
            copy = zrelay_message_dup (message);
            zrelay_engine_send (engine, ZRELAY_SIDE_FRONTEND, copy);
            zrelay_message_destroy (&copy);
            break;
        case 6:
            zrelay_message_pop (message);
            return (zrelay_verdict_t) 99;
        default:
            break;
    }
    return ZRELAY_VERDICT_PASS;
}

//  SEND side text ...

static int
s_own_send (zrelay_engine_t *engine, void *object,
            size_t argc, char **argv, zmsg_t *answer)
{
    (void) object;
    (void) answer;
    zmsg_t *msg = zmsg_new ();
    for (size_t index = 1; index < argc; index++)
        zmsg_addstr (msg, argv [index]);
    zrelay_side_id_t side = strcasecmp (argv [0], "FRONTEND")?
        ZRELAY_SIDE_BACKEND: ZRELAY_SIDE_FRONTEND;
    zrelay_send_t result = zrelay_engine_send_zmsg (engine, side, &msg);
    if (result == ZRELAY_SEND_DONE || result == ZRELAY_SEND_LOST) {
        FUZZ_MUST (!msg);
        return ZRELAY_STATUS_DONE;
    }
    FUZZ_MUST (msg && zmsg_size (msg) == argc - 1);
    zmsg_destroy (&msg);
    return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
                               "not sent: %d", result);
}

//  HOLD flow [any]: let it read no more; or, with a word more, let it go on

static int
s_own_hold (zrelay_engine_t *engine, void *object,
            size_t argc, char **argv, zmsg_t *answer)
{
    (void) object;
    (void) answer;
    zrelay_engine_set_reading (engine, strcasecmp (argv [0], "FORWARD")?
        ZRELAY_FLOW_RETURN: ZRELAY_FLOW_FORWARD,
        argc == 1? ZRELAY_READING_OFF: ZRELAY_READING_ON);
    return ZRELAY_STATUS_DONE;
}

//  WORDS one two [three]: how many were there?

static int
s_own_words (zrelay_engine_t *engine, void *object,
             size_t argc, char **argv, zmsg_t *answer)
{
    (void) engine;
    (void) object;
    (void) argv;
    zmsg_addstrf (answer, "%zu", argc);
    return ZRELAY_STATUS_DONE;
}

typedef struct {
    uint64_t ticks;             //  Calls of the timer
    int64_t level;              //  An option
} own_t;

//  LATER: deferred, and then answered at once

static int
s_own_later (zrelay_engine_t *engine, void *object,
             size_t argc, char **argv, zmsg_t *unused)
{
    (void) object;
    (void) argc;
    (void) argv;
    (void) unused;
    zrelay_answer_t *answer = zrelay_engine_defer (engine);
    zrelay_engine_answer (engine, &answer, ZRELAY_STATUS_DONE, NULL);
    FUZZ_MUST (!answer);
    return ZRELAY_STATUS_LATER;
}

static void
s_own_tick (zrelay_engine_t *engine, void *object, int timer)
{
    own_t *self = (own_t *) object;
    if (++self->ticks > 3)
        zrelay_engine_timer_end (engine, timer);
}

static void *
s_own_create (zrelay_engine_t *engine)
{
    zrelay_engine_timer (engine, 1, 0, s_own_tick, NULL);
    return zmalloc (sizeof (own_t));
}

static void
s_own_gone (zrelay_engine_t *engine, void *object, zrelay_side_id_t side,
            const void *id, size_t size)
{
    (void) engine;
    (void) object;
    (void) side;
    FUZZ_MUST (id && size > 0);
}

static void
s_own_destroy (void **object_p)
{
    freen (*object_p);
}

static void
s_own_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    (void) object;
    zrelay_engine_stat (answer, "own", 1);
    zrelay_engine_stat_of (answer, "each", "one", "a b", 3, 1);
}

static const zrelay_command_t s_own_commands [] = {
    { ZRELAY_COMMAND, .name = "SEND", .args = "side text ...",
      .help = "send a message", .handler = s_own_send },
    { ZRELAY_COMMAND, .name = "HOLD", .args = "flow [any]",
      .help = "let a flow not read", .handler = s_own_hold },
    { ZRELAY_COMMAND, .name = "WORDS", .args = "one two [three]",
      .help = "count words", .handler = s_own_words,
      .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "LATER", .args = "",
      .help = "answer later", .handler = s_own_later },
    { .name = NULL }
};

static const zrelay_setting_t s_own_settings [] = {
    { ZRELAY_SETTING, .name = "level", .help = "of water",
      .offset = offsetof (own_t, level), .least = -5, .most = 5 },
    { .name = NULL }
};

static const zrelay_counter_t s_own_counters [] = {
    { ZRELAY_COUNTER, .name = "ticks", .offset = offsetof (own_t, ticks) },
    { .name = NULL }
};

static const char *const s_own_reasons [] = { "mine", NULL };

static const zrelay_kind_t s_own = {
    ZRELAY_KIND,
    .name = "own",
    .frontend = { .types = "ROUTER,PULL", .options = "rcvhwm=10" },
    .backend = { .types = ZRELAY_ANY_TYPE },
    .on_forward = s_own_message,
    .on_return_zmsg = s_own_zmsg,
    .on_gone = s_own_gone,
    .create = s_own_create,
    .destroy = s_own_destroy,
    .commands = s_own_commands,
    .settings = s_own_settings,
    .counters = s_own_counters,
    .reasons = s_own_reasons,
    .stats = s_own_stats
};

static void
s_own_actor (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_own, pipe, args);
}

static const zrelay_kind_t s_single = {
    ZRELAY_KIND,
    .name = "single",
    .frontend = { .types = "ROUTER" },
    .on_forward_zmsg = s_own_zmsg,
    .create = s_own_create,
    .destroy = s_own_destroy,
    .commands = s_own_commands
};

static void
s_single_actor (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_single, pipe, args);
}

static const struct {
    const char *name;           //  In the first line
    zactor_fn *actor;           //  Runs it
    const zrelay_kind_t *kind;  //  Whose commands it has besides the engine's
} s_kinds [] = {
    { "queue", zrelay_queue, &s_single },
    { "forwarder", zrelay_forwarder, &s_single },
    { "streamer", zrelay_streamer, &s_single },
    { "proxy", zrelay_proxy, &s_single },
    { "own", s_own_actor, &s_own },
    { "single", s_single_actor, &s_single }
};
#define KINDS (sizeof (s_kinds) / sizeof (*s_kinds))


//  --------------------------------------------------------------------------
//  One input

typedef struct {
    bool query;                 //  Answered with a message
    char *name;                 //  Which begins with that
    size_t number;              //  In the order of sending
} expected_t;

typedef struct {
    size_t kind;                //  Index into s_kinds
    zsock_t *front;             //  Our end of the pipe
    zlist_t *expected;          //  expected_t of what was sent, in order
    zsock_t *peers [MESSAGES_MAX];      //  Who sent messages
    size_t count;               //  How many these are
    bool options [FUZZ_LINES_MAX];      //  Commands that set an option
    size_t commands;            //  Commands sent
    bool numbered;              //  Commands have envelopes with a number, since
                                //  answers may overtake each other
    size_t sent;                //  Commands sent, and questions
    zmsg_t *answers [SENT_MAX]; //  By number, if there are envelopes
} input_t;

//  Where commands are looked up. Kinds with a table of their own only add to
//  it, so that a command of theirs is unknown to the others.

static bool
s_find (input_t *self, const char *name, zrelay_command_t *command)
{
    static const zrelay_kind_t none = { ZRELAY_KIND, .name = "none" };
    const zrelay_kind_t *kind = s_kinds [self->kind].kind;
    bool own = s_kinds [self->kind].actor == s_own_actor
            || s_kinds [self->kind].actor == s_single_actor;
    return zrelay_command_find (own? kind: &none, name, command);
}

//  Takes the message

static void
s_send (input_t *self, zmsg_t *msg)
{
    expected_t *expected = (expected_t *) zmalloc (sizeof (expected_t));
    //  Envelopes are put around commands here, and not by inputs
    if (zframe_size (zmsg_first (msg)) == 0 && zmsg_size (msg) > 2)
        zmsg_pushstr (msg, "?");
    zframe_t *first = zmsg_first (msg);
    expected->name = zframe_strdup (first);
    zrelay_command_t command;
    expected->query = strlen (expected->name) == zframe_size (first)
                   && s_find (self, expected->name, &command)
                   && (command.flags & ZRELAY_COMMAND_QUERY);
    expected->number = self->sent++;
    FUZZ_MUST (expected->number < SENT_MAX);
    zlist_append (self->expected, expected);
    if (self->numbered) {
        zmsg_pushstr (msg, "");
        zmsg_pushstrf (msg, "%zu", expected->number);
        zmsg_pushstr (msg, "");
    }
    int rc = zmsg_send (&msg, self->front);
    FUZZ_MUST (rc == 0);
}

static void
s_ask (input_t *self, const char *name, const char *one, const char *two)
{
    zmsg_t *msg = zmsg_new ();
    zmsg_addstr (msg, name);
    if (one)
        zmsg_addstr (msg, one);
    if (two)
        zmsg_addstr (msg, two);
    s_send (self, msg);
}

static void
s_look (input_t *self)
{
    s_ask (self, "ENDPOINT", "FRONTEND", NULL);
    s_ask (self, "ENDPOINT", "BACKEND", NULL);
    s_ask (self, "STATE", NULL, NULL);
    s_ask (self, "GET", "FRONTEND", "type");
    s_ask (self, "GET", "BACKEND", "type");
}

//  Before and after a command that sets an option: what is its value? Returns
//  false if it is no such command. Some options are counters of libzmq's.

static bool
s_look_at_option (input_t *self, char **words, size_t count)
{
    if (count > 2 && streq (words [0], "SET")
    &&  strcasecmp (words [2], "events"))
        s_ask (self, "GET", words [1], words [2]);
    else
    if (streq (words [0], "FRONTEND") || streq (words [0], "BACKEND"))
        s_ask (self, "GET", words [0], "heartbeat_ivl");
    else
        return false;
    return true;
}

//  A frame of a command: in FILTER our functions have numbers, and nothing
//  else may pass for a pointer

static void
s_add_word (zmsg_t *msg, fuzz_word_t *word, bool pointer, bool linger)
{
    char *string = fuzz_string (word);
    if (pointer && word->size == 1 && isdigit ((byte) *string)) {
        zrelay_handler_fn *function =
            s_functions [(*string - '0') % FUNCTIONS];
        zmsg_addmem (msg, &function, sizeof (function));
    }
    else
    if (pointer && word->size == sizeof (void *))
        zmsg_addmem (msg, word->data, word->size - 1);
    else
    //  What is to linger makes the process wait when it ends
    if (linger && strlen (string) == word->size
    && (*string == '-' || atol (string) > LINGER_MAX))
        zmsg_addstr (msg, "-2");
    else
    if (strlen (string) == word->size && strstr (string, "://")) {
        char *tame = fuzz_tame (string);
        zmsg_addstr (msg, tame);
        freen (tame);
    }
    else
        zmsg_addmem (msg, word->data, word->size);
    freen (string);
}

static void
s_command (input_t *self, fuzz_word_t *line)
{
    char *words [FUZZ_WORDS_MAX] = { NULL };
    size_t count = 0;
    fuzz_word_t word;
    zmsg_t *msg = zmsg_new ();
    while (count < FUZZ_WORDS_MAX && fuzz_word (line, &word)) {
        words [count] = fuzz_string (&word);
        s_add_word (msg, &word, count > 1 && streq (words [0], "FILTER"),
                    count == 3 && strcasecmp (words [2], "linger") == 0);
        count++;
    }
    if (streq (words [0], "$TERM"))
        zmsg_destroy (&msg);
    else {
        self->options [self->commands] = s_look_at_option (self, words, count);
        s_send (self, msg);
        s_ask (self, "ERROR", NULL, NULL);
        s_look_at_option (self, words, count);
        s_look (self);
        self->commands++;
    }
    for (size_t index = 0; index < count; index++)
        freen (words [index]);
}

//  A message for the relay: <TYPE ENDPOINT FRAMES

static void
s_message (input_t *self, fuzz_word_t *line)
{
    fuzz_word_t type, endpoint, word;
    if (!fuzz_word (line, &type) || !fuzz_word (line, &endpoint)
    ||  self->count == MESSAGES_MAX)
        return;
    char *name = strndup (type.data + 1, type.size - 1);
    int number = zrelay_pairing_type (name);
    freen (name);
    char *address = fuzz_string (&endpoint);
    char *tame = fuzz_tame (address);
    freen (address);
    if (number != -1 && strncmp (tame, "inproc://", 9) == 0) {
        zsock_t *sock = zsock_new (number);
        FUZZ_MUST (sock);
        self->peers [self->count++] = sock;
        zsock_set_sndtimeo (sock, 0);
        zsock_connect (sock, "%s", tame);
        zmsg_t *msg = zmsg_new ();
        while (fuzz_word (line, &word))
            zmsg_addmem (msg, word.data, word.size);
        if (number == ZMQ_SUB)
            zsock_set_subscribe (sock, "");
        else
        if (zmsg_size (msg) && zrelay_pairing_sends (number))
            zmsg_send (&msg, sock);
        zmsg_destroy (&msg);
    }
    freen (tame);
}


//  --------------------------------------------------------------------------
//  The answers

//  Take an answer out of its envelope, and make it like one without

static void
s_unpack (input_t *self, zmsg_t *answer)
{
    char *empty = zmsg_popstr (answer);
    char *number = zmsg_popstr (answer);
    char *end = zmsg_popstr (answer);
    char *status = zmsg_popstr (answer);
    FUZZ_MUST (empty && !*empty && number && end && !*end && status);
    size_t index = strtoul (number, NULL, 10);
    FUZZ_MUST (index < self->sent && !self->answers [index]);
    //  A status other than 0 has a sentence
    FUZZ_MUST (streq (status, "0") || zmsg_size (answer) == 1);
    if (strneq (status, "0") || zmsg_size (answer) == 0) {
        zmsg_destroy (&answer);
        answer = zmsg_new_signal ((byte) atoi (status));
    }
    self->answers [index] = answer;
    zstr_free (&empty);
    zstr_free (&number);
    zstr_free (&end);
    zstr_free (&status);
}

static void
s_collect (input_t *self)
{
    zmsg_t *answer;
    while (self->numbered && (answer = zmsg_recv_nowait (self->front)))
        s_unpack (self, answer);
}

//  The next answer, in its place

static zmsg_t *
s_next (input_t *self)
{
    expected_t *expected = (expected_t *) zlist_pop (self->expected);
    FUZZ_MUST (expected);
    zmsg_t *answer = self->numbered? self->answers [expected->number]:
                                     zmsg_recv_nowait (self->front);
    FUZZ_MUST (answer);
    if (zmsg_signal (answer) == -1) {
        FUZZ_MUST (expected->query);
        FUZZ_MUST (zframe_streq (zmsg_first (answer), expected->name));
    }
    else {
        //  An answered query is a message
        FUZZ_MUST (!expected->query || zmsg_signal (answer) > 0);
        FUZZ_MUST (zmsg_signal (answer) <= ZRELAY_REFUSED);
    }
    if (zmsg_signal (answer) == -1 && streq (expected->name, "STATS")) {
        zrelay_stats_t *stats = zrelay_stats_new (answer);
        FUZZ_MUST (stats);
        zrelay_stats_destroy (&stats);
    }
    freen (expected->name);
    freen (expected);
    return answer;
}

static void
s_see (input_t *self, zmsg_t *answers [QUESTIONS])
{
    for (int index = 0; index < QUESTIONS; index++) {
        zmsg_destroy (&answers [index]);
        answers [index] = s_next (self);
    }
}

static void
s_check_error (zmsg_t *error)
{
    zmsg_first (error);
    zframe_t *frame = zmsg_next (error);
    FUZZ_MUST (frame && zframe_size (frame) > 0);
    for (size_t index = 0; index < zframe_size (frame); index++)
        FUZZ_MUST (isprint (zframe_data (frame) [index]));
}

//  Answers to one command, and to what was asked around it. looks holds those
//  to s_look (), before and after it.

static void
s_check_command (input_t *self, bool option, zmsg_t *looks [2] [QUESTIONS])
{
    zmsg_t *before = option? s_next (self): NULL;
    //  The time of a drain runs out with the drain begun
    expected_t *expected = (expected_t *) zlist_first (self->expected);
    bool drain = streq (expected->name, "DRAIN");
    zmsg_t *answer = s_next (self);
    zmsg_t *error = s_next (self);
    zmsg_t *after = option? s_next (self): NULL;
    s_see (self, looks [1]);
    if (zmsg_signal (answer) > 0 && !drain) {
        s_check_error (error);
        FUZZ_MUST (!option || zmsg_eq (before, after));
        for (int index = 0; index < QUESTIONS; index++)
            FUZZ_MUST (zmsg_eq (looks [0] [index], looks [1] [index]));
    }
    for (int index = 0; index < QUESTIONS; index++) {
        zmsg_t *look = looks [0] [index];
        looks [0] [index] = looks [1] [index];
        looks [1] [index] = look;
    }
    zmsg_destroy (&before);
    zmsg_destroy (&answer);
    zmsg_destroy (&after);
    zmsg_destroy (&error);
}

static void
s_check (input_t *self)
{
    zmsg_t *looks [2] [QUESTIONS] = { { NULL } };
    FUZZ_MUST (fuzz_wait (self->front) == 0);
    s_collect (self);
    s_see (self, looks [0]);
    for (size_t index = 0; index < self->commands; index++)
        s_check_command (self, self->options [index], looks);
    for (int index = 0; index < QUESTIONS; index++) {
        zmsg_destroy (&looks [0] [index]);
        zmsg_destroy (&looks [1] [index]);
    }
    while (zlist_size (self->expected) > 0) {
        zmsg_t *answer = s_next (self);
        zmsg_destroy (&answer);
    }
    FUZZ_MUST (!zmsg_recv_nowait (self->front));
}


//  --------------------------------------------------------------------------
//  All of it

static void
s_run (input_t *self, fuzz_word_t *text, zsock_t *back)
{
    fuzz_word_t line;
    size_t lines = 0;
    s_look (self);
    while (lines < FUZZ_LINES_MAX && fuzz_line (text, &line)) {
        lines++;
        if (line.size > 0 && *line.data == '<')
            s_message (self, &line);
        else
            s_command (self, &line);
    }
    //  A drain under way would keep its answer back
    s_ask (self, "RESUME", NULL, NULL);
    s_ask (self, "STATS", NULL, NULL);
    s_ask (self, "HELP", NULL, NULL);
    zstr_send (self->front, "$TERM");
    s_kinds [self->kind].actor (back, "fuzz");
    s_check (self);
}

static bool
s_contains (const uint8_t *data, size_t size, const char *word)
{
    size_t length = strlen (word);
    for (; size >= length; data++, size--)
        if (strncasecmp ((const char *) data, word, length) == 0)
            return true;
    return false;
}

//  A PAIR that binds an inproc name ends the process if several have connected
//  to that before, and one of these asks for routing ids; see the faults that
//  remain libzmq's in doc/security.md

static bool
s_is_fatal (const uint8_t *data, size_t size)
{
    return s_contains (data, size, "PAIR")
        && (s_contains (data, size, "REP") || s_contains (data, size, "ROUTER"));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX || (data && s_is_fatal (data, size)))
        return 0;
    fuzz_begin ();
    fuzz_word_t text = { (const char *) data, size };
    fuzz_word_t line;
    if (data && fuzz_line (&text, &line)) {
        input_t input = { .kind = line.size? (byte) *line.data % KINDS: 0 };
        for (size_t index = 0; index < KINDS; index++)
            if (fuzz_is (&line, s_kinds [index].name))
                input.kind = index;
        zsock_t *back;
        input.front = zsys_create_pipe (&back);
        //  Answers to queries overtake that to DRAIN, and one that is given
        //  later may be overtaken; all may be lost that are not given by then
        input.numbered = s_contains (data, size, "DRAIN");
        input.expected = zlist_new ();
        FUZZ_MUST (input.front && input.expected);
        s_run (&input, &text, back);
        while (input.count > 0)
            zsock_destroy (&input.peers [--input.count]);
        zlist_destroy (&input.expected);
        zsock_destroy (&back);
        zsock_destroy (&input.front);
    }
    fuzz_end ();
    return 0;
}
