/*  =========================================================================
    zrelay_command - the table of the engine's commands

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_command.h"
#include "zrelay_pairing.h"

//  DRAIN's time in msecs: unless given, and at most
#define DRAIN_DEFAULT 1000
#define DRAIN_MOST 86400000

#define HANDLER(name) \
    static int name (zrelay_engine_t *self, void *object, \
                     size_t argc, char **argv, zmsg_t *answer)

//  Most handlers leave some of their arguments alone
#define UNUSED (void) object, (void) argc, (void) argv, (void) answer


//  --------------------------------------------------------------------------
//  Words: the names of sides and flows

static int
s_index (const char *names [2], const char *word)
{
    return strcasecmp (word, names [0]) == 0? 0:
           strcasecmp (word, names [1]) == 0? 1: -1;
}

static const char *s_side_names [] = { "FRONTEND", "BACKEND" };
static const char *s_flow_names [] = { "FORWARD", "RETURN" };

static bool
s_is_relay (zrelay_engine_t *engine, const char *word)
{
    (void) engine;
    return strcasecmp (word, "RELAY") == 0;
}

//  The side or flow of an argument that the dispatcher has checked; NULL if
//  it is the name of the other

static zrelay_side_t *
s_side (zrelay_engine_t *self, const char *word)
{
    int index = s_index (s_side_names, word);
    return index == -1? NULL: self->sides [index];
}

static zrelay_flow_t *
s_flow (zrelay_engine_t *self, const char *word)
{
    int index = s_index (s_flow_names, word);
    return index == -1? NULL: self->flows [index];
}

//  What a side said becomes what the relay says

static int
s_told (zrelay_engine_t *self, zrelay_side_t *side, zrelay_status_t status)
{
    const char *error = zrelay_side_error (side);
    return error? zrelay_engine_fail (self, status, "%s", error): (int) status;
}

//  Likewise for a fresh string, or NULL

static int
s_told_string (zrelay_engine_t *self, char **error_p, zrelay_status_t status)
{
    if (*error_p)
        zrelay_engine_fail (self, status, "%s", *error_p);
    zstr_free (error_p);
    return status;
}


//  --------------------------------------------------------------------------
//  Attaching

HANDLER (s_bind)
{
    UNUSED;
    zrelay_side_t *side = s_side (self, argv [0]);
    return s_told (self, side, zrelay_side_bind (side, argv [1]));
}

HANDLER (s_unbind)
{
    UNUSED;
    zrelay_side_t *side = s_side (self, argv [0]);
    return s_told (self, side, zrelay_side_unbind (side, argv [1]));
}

HANDLER (s_connect)
{
    UNUSED;
    zrelay_side_t *side = s_side (self, argv [0]);
    return s_told (self, side, zrelay_side_connect (side, argv [1]));
}

HANDLER (s_disconnect)
{
    UNUSED;
    zrelay_side_t *side = s_side (self, argv [0]);
    return s_told (self, side, zrelay_side_disconnect (side, argv [1]));
}

//  A pair of types that makes no relay is refused before anything is done

static int
s_configure (zrelay_engine_t *self, int index, size_t argc, char **argv)
{
    zrelay_side_t *side = self->sides [index];
    if (!side)
        return zrelay_engine_fail (self, ZRELAY_BAD_ARGUMENTS,
            "a %s has no backend", self->kind->name);
    int type = zrelay_pairing_type (argv [0]);
    zrelay_side_t *other = self->sides [!index];
    int other_type = other? zrelay_side_type (other): -1;
    if (type != -1 && other_type != -1) {
        const char *refusal = zrelay_pairing_refusal (type, other_type);
        if (refusal)
            return zrelay_engine_fail (self, ZRELAY_BAD_ARGUMENTS,
                "a %s %s with a %s %s makes no relay: %s",
                zsys_sockname (type), zrelay_side_name (side),
                zsys_sockname (other_type), zrelay_side_name (other), refusal);
    }
    return s_told (self, side, zrelay_side_configure (side, argv [0], argv [1],
                                                      argc - 2, argv + 2));
}

HANDLER (s_frontend)
{
    UNUSED;
    return s_configure (self, ZRELAY_FRONTEND, argc, argv);
}

HANDLER (s_backend)
{
    UNUSED;
    return s_configure (self, ZRELAY_BACKEND, argc, argv);
}


//  --------------------------------------------------------------------------
//  Subscriptions, of the side that subscribes

static zrelay_side_t *
s_subscriber (zrelay_engine_t *self)
{
    zrelay_side_t *backend = self->sides [ZRELAY_BACKEND];
    int type = backend? zrelay_side_type (backend): -1;
    return type == ZMQ_SUB || type == ZMQ_XSUB?
        backend: self->sides [ZRELAY_FRONTEND];
}

HANDLER (s_subscribe)
{
    UNUSED;
    zrelay_side_t *side = s_subscriber (self);
    return s_told (self, side, zrelay_side_subscribe (side, argc, argv));
}

HANDLER (s_unsubscribe)
{
    UNUSED;
    zrelay_side_t *side = s_subscriber (self);
    return s_told (self, side, zrelay_side_unsubscribe (side, argc, argv));
}


//  --------------------------------------------------------------------------
//  Options, of a side, of a flow or of the relay

HANDLER (s_set)
{
    UNUSED;
    if (s_is_relay (self, argv [0]))
        return zrelay_engine_set_option (self, argv [1], argv [2]);
    zrelay_side_t *side = s_side (self, argv [0]);
    if (side)
        return s_told (self, side, zrelay_side_set (side, argv [1], argv [2]));
    char *error = NULL;
    zrelay_status_t status = zrelay_flow_set (s_flow (self, argv [0]),
                                              argv [1], argv [2], &error);
    return s_told_string (self, &error, status);
}

HANDLER (s_get)
{
    UNUSED;
    char *value = NULL;
    char *error = NULL;
    int status;
    zrelay_side_t *side = s_side (self, argv [0]);
    if (s_is_relay (self, argv [0]))
        status = zrelay_engine_get_option (self, argv [1], &value);
    else
    if (side)
        status = s_told (self, side,
                         zrelay_side_get_option (side, argv [1], &value));
    else
        status = s_told_string (self, &error,
            zrelay_flow_get (s_flow (self, argv [0]), argv [1], &value,
                             &error));
    if (value)
        zmsg_addstr (answer, value);
    zstr_free (&value);
    return status;
}


//  --------------------------------------------------------------------------
//  Looking in, and changing what passes

HANDLER (s_capture)
{
    UNUSED;
    if (argc == 0) {
        zrelay_capture_stop (self->capture);
        return ZRELAY_DONE;
    }
    //  A socket of CZMQ's would take over that program's signals
    if (self->borrowed)
        return zrelay_engine_fail (self, ZRELAY_BAD_STATE,
            "a relay in another program makes no sockets of its own");
    if (argc == 3)
        return zrelay_engine_fail (self, ZRELAY_BAD_ARGUMENTS,
            "CAPTURE takes two prefixes, one for each flow, or none");
    char *error = NULL;
    zrelay_status_t status = zrelay_capture_start (self->capture, argv [0],
        argc > 1? argv [1]: "PUSH", argc == 4? argv + 2: NULL, &error);
    return s_told_string (self, &error, status);
}

HANDLER (s_filter)
{
    UNUSED;
    zrelay_handler_fn *function;
    void *argument;
    memcpy (&function, argv [1], sizeof (function));
    memcpy (&argument, argv [2], sizeof (argument));
    zrelay_flow_t *flow = s_flow (self, argv [0]);
    if (!zrelay_flow_possible (flow))
        return zrelay_engine_fail (self, ZRELAY_BAD_STATE,
            "nothing travels %s through these sockets",
            zrelay_flow_name (flow));
    zrelay_flow_set_filter (flow, function, argument);
    return ZRELAY_DONE;
}


//  --------------------------------------------------------------------------
//  Going and stopping

HANDLER (s_pause)
{
    UNUSED;
    self->paused = true;
    return ZRELAY_DONE;
}

HANDLER (s_resume)
{
    UNUSED;
    zrelay_engine_resume (self);
    return ZRELAY_DONE;
}

HANDLER (s_drain)
{
    UNUSED;
    const zrelay_option_t *number = zrelay_option_find ("affinity");
    size_t msecs = DRAIN_DEFAULT;
    if (argc > 0) {
        if (!zrelay_option_valid (number, argv [0])
        ||  strtoull (argv [0], NULL, 10) > DRAIN_MOST)
            return zrelay_engine_fail (self, ZRELAY_BAD_ARGUMENTS,
                "'%.80s' is no time to drain; it takes milliseconds up to %d",
                argv [0], DRAIN_MOST);
        msecs = (size_t) strtoull (argv [0], NULL, 10);
    }
    if (self->drain_answer)
        return zrelay_engine_fail (self, ZRELAY_BAD_STATE,
            "an earlier DRAIN is still under way");
    zrelay_engine_drain (self, msecs);
    return ZRELAY_LATER;
}

HANDLER (s_term)
{
    UNUSED;
    self->terminated = true;
    return ZRELAY_DONE;
}


//  --------------------------------------------------------------------------
//  Security

HANDLER (s_domain)
{
    UNUSED;
    zrelay_side_t *side = s_side (self, argv [0]);
    return s_told (self, side, zrelay_side_set_domain (side, argv [1]));
}

HANDLER (s_plain)
{
    UNUSED;
    zrelay_side_t *side = s_side (self, argv [0]);
    return s_told (self, side, zrelay_side_set_plain (side));
}

HANDLER (s_curve)
{
    UNUSED;
    zrelay_side_t *side = s_side (self, argv [0]);
    return s_told (self, side,
                   zrelay_side_set_curve (side, argv [1], argv [2]));
}


//  --------------------------------------------------------------------------
//  Queries

HANDLER (s_stats)
{
    UNUSED;
    zmsg_addstr (answer, "kind");
    zmsg_addstr (answer, self->kind->name);
    zmsg_addstr (answer, "name");
    zmsg_addstr (answer, self->name);
    zmsg_addstr (answer, "state");
    zmsg_addstr (answer, zrelay_engine_state (self));
    zrelay_engine_stat (answer, "uptime_ms", zclock_mono () - self->started);
    for (int index = 0; index < 2; index++)
        if (self->sides [index])
            zrelay_side_stats (self->sides [index], answer);
    for (int index = 0; index < 2; index++)
        if (self->flows [index])
            zrelay_flow_stats (self->flows [index], answer);
    zrelay_capture_stats (self->capture, answer);
    if (self->kind->stats)
        self->kind->stats (self->object, answer);
    return ZRELAY_DONE;
}

HANDLER (s_reset)
{
    UNUSED;
    for (int index = 0; index < 2; index++) {
        if (self->sides [index])
            zrelay_side_reset (self->sides [index]);
        if (self->flows [index])
            zrelay_flow_reset (self->flows [index]);
    }
    zrelay_capture_reset (self->capture);
    return ZRELAY_DONE;
}

HANDLER (s_state)
{
    UNUSED;
    zmsg_addstr (answer, zrelay_engine_state (self));
    return ZRELAY_DONE;
}

HANDLER (s_endpoint)
{
    UNUSED;
    zrelay_side_endpoints (s_side (self, argv [0]), answer);
    return ZRELAY_DONE;
}

HANDLER (s_peers)
{
    UNUSED;
    zrelay_peers_t *peers = zrelay_side_peers (s_side (self, argv [0]));
    if (peers)
        zrelay_peers_update (peers);
    zmsg_addstrf (answer, "%zu", peers? zrelay_peers_count (peers): 0);
    if (peers)
        zrelay_peers_list (peers, answer);
    return ZRELAY_DONE;
}

HANDLER (s_error)
{
    UNUSED;
    zmsg_addstr (answer, self->error? self->error: "");
    return ZRELAY_DONE;
}

HANDLER (s_ping)
{
    (void) self;
    UNUSED;
    return ZRELAY_DONE;
}

HANDLER (s_verbose)
{
    UNUSED;
    self->verbose = true;
    return ZRELAY_DONE;
}

HANDLER (s_help);


//  --------------------------------------------------------------------------
//  The table. HELP shows it in this order.

static const zrelay_command_t s_commands [] = {
    { "BIND", "side endpoint",
      "bind a side, as in zmq_bind", s_bind, false },
    { "UNBIND", "side endpoint",
      "stop listening, and cut the connections", s_unbind, false },
    { "CONNECT", "side endpoint",
      "connect a side, as in zmq_connect", s_connect, false },
    { "DISCONNECT", "side endpoint",
      "end a connection", s_disconnect, false },
    { "FRONTEND", "type endpoints [topic ...]",
      "choose the socket type and attach (@ bind, > connect)",
      s_frontend, false },
    { "BACKEND", "type endpoints [topic ...]",
      "the same for the backend", s_backend, false },
    { "SUBSCRIBE", "topic ...",
      "subscribe; the empty topic is everything", s_subscribe, false },
    { "UNSUBSCRIBE", "topic ...",
      "cancel the relay's own subscriptions", s_unsubscribe, false },
    { "SET", "side|flow|relay option value",
      "set a socket option, or one of the relay's", s_set, false },
    { "GET", "side|flow|relay option",
      "tell its value", s_get, true },
    { "CAPTURE", "[endpoint [type [in-prefix out-prefix]]]",
      "copy what passes to a PUSH, PUB or PAIR; or stop", s_capture, false },
    { "FILTER", "flow *function *argument",
      "show each message to a function (NULL: no longer)", s_filter, false },
    { "PAUSE", "",
      "stop both flows; sockets queue", s_pause, false },
    { "RESUME", "",
      "go on after PAUSE or DRAIN", s_resume, false },
    { "DRAIN", "[ms]",
      "take no new work, let the rest finish, then answer", s_drain, false },
    { "STATS", "",
      "tell the counters", s_stats, true },
    { "RESET", "",
      "set the counters to zero", s_reset, false },
    { "STATE", "",
      "tell idle, active, paused or draining", s_state, true },
    { "ENDPOINT", "side",
      "tell the endpoints, resolved", s_endpoint, true },
    { "PEERS", "side",
      "tell the number of peers, and where they are", s_peers, true },
    { "HELP", "[command]",
      "tell the commands", s_help, true },
    { "ERROR", "",
      "tell what was wrong with the last refused command", s_error, true },
    { "PING", "",
      "answer at once", s_ping, true },
    { "DOMAIN", "side name",
      "authenticate in this ZAP domain", s_domain, false },
    { "PLAIN", "side",
      "ask peers for a name and a password", s_plain, false },
    { "CURVE", "side public secret",
      "encrypt, and ask peers for a key", s_curve, false },
    { "VERBOSE", "",
      "log commands", s_verbose, false },
    { "$TERM", "",
      "end", s_term, false },
    { NULL, NULL, NULL, NULL, false }
};

static const zrelay_command_t *
s_find (const zrelay_command_t *table, const char *name)
{
    while (table && table->name && strneq (table->name, name))
        table++;
    return table && table->name? table: NULL;
}

const zrelay_command_t *
zrelay_command_find (const zrelay_kind_t *kind, const char *name)
{
    const zrelay_command_t *command = s_find (kind->commands, name);
    return command? command: s_find (s_commands, name);
}


//  --------------------------------------------------------------------------
//  HELP

static void
s_add (zchunk_t *text, const char *string)
{
    zchunk_extend (text, string, strlen (string));
}

static void
s_add_command (zchunk_t *text, const zrelay_command_t *command)
{
    s_add (text, "  ");
    s_add (text, command->name);
    if (*command->args)
        s_add (text, " ");
    s_add (text, command->args);
    s_add (text, "\n      ");
    s_add (text, command->help);
    s_add (text, "\n");
}

static void
s_add_pairs (zchunk_t *text, const zrelay_kind_t *kind)
{
    if (!kind->backend.types)
        return;
    s_add (text, "Frontend types, with the backends that make a relay:\n");
    zrelay_pairing_explain (text, kind->frontend.types, kind->backend.types);
}

static void
s_add_all (zchunk_t *text, const zrelay_kind_t *kind)
{
    const zrelay_command_t *command;
    for (command = s_commands; command->name; command++)
        if (!s_find (kind->commands, command->name))
            s_add_command (text, command);
    for (command = kind->commands; command && command->name; command++)
        s_add_command (text, command);
    if (strchr (kind->frontend.types, ','))
        s_add_pairs (text, kind);
}

HANDLER (s_help)
{
    UNUSED;
    const zrelay_command_t *command = NULL;
    if (argc > 0) {
        command = zrelay_command_find (self->kind, argv [0]);
        if (!command)
            return zrelay_engine_fail (self, ZRELAY_BAD_ARGUMENTS,
                "there is no command '%.80s'; HELP alone lists them",
                argv [0]);
    }
    zchunk_t *text = zchunk_new (NULL, 0);
    assert (text);
    if (command) {
        s_add_command (text, command);
        if (command->handler == s_frontend || command->handler == s_backend)
            s_add_pairs (text, self->kind);
    }
    else
        s_add_all (text, self->kind);
    zmsg_addmem (answer, zchunk_data (text), zchunk_size (text));
    zchunk_destroy (&text);
    return ZRELAY_DONE;
}


//  --------------------------------------------------------------------------
//  Arguments, as the table describes them

//  Copy the word of one argument to buffer; the last word stands for all
//  that follow. Returns its number, from 0, and sets *least_p and *most_p to
//  how many arguments there may be.

static size_t
s_describe (const char *args, size_t wanted, char *buffer, size_t size,
            size_t *least_p, size_t *most_p)
{
    size_t words = 0;
    size_t chosen = 0;
    bool optional = false;
    bool repeated = false;
    *least_p = 0;
    *buffer = 0;
    while (*args) {
        size_t length = strcspn (args, " ");
        optional = optional || *args == '[';
        if (strncmp (args, "...", 3) == 0)
            repeated = true;
        else {
            if (words <= wanted) {
                size_t begin = *args == '[';
                snprintf (buffer, size, "%.*s",
                          (int) strcspn (args + begin, " ]"), args + begin);
                chosen = words;
            }
            words++;
            *least_p += !optional;
        }
        args += length + (args [length] == ' ');
    }
    *most_p = repeated? SIZE_MAX: words;
    return chosen;
}

static int
s_wrong_count (const zrelay_command_t *self, zrelay_engine_t *engine)
{
    return zrelay_engine_fail (engine, ZRELAY_BAD_ARGUMENTS,
        "wrong number of arguments; it is %s%s%s", self->name,
        *self->args? " ": "", self->args);
}

static bool
s_is_side (zrelay_engine_t *engine, const char *value)
{
    return s_side (engine, value) != NULL;
}

static bool
s_is_flow (zrelay_engine_t *engine, const char *value)
{
    return s_flow (engine, value) != NULL;
}

static bool
s_is_any (zrelay_engine_t *engine, const char *value)
{
    return s_is_side (engine, value) || s_is_flow (engine, value)
        || s_is_relay (engine, value);
}

//  Words in the table whose values are checked here

static const struct {
    const char *word;           //  As in the table
    bool (*valid) (zrelay_engine_t *engine, const char *value);
    const char *meaning;        //  In a sentence
    const char *allowed;        //  What it may be
} s_words [] = {
    { "side", s_is_side, "side", "FRONTEND or BACKEND" },
    { "flow", s_is_flow, "flow", "FORWARD or RETURN" },
    { "side|flow|relay", s_is_any, "side or flow",
      "FRONTEND, BACKEND, FORWARD, RETURN or RELAY" },
    { NULL, NULL, NULL, NULL }
};

//  --------------------------------------------------------------------------
//  Secrets. They may have been given in the wrong place, or with a letter too
//  many or too few, and ERROR and the log would quote them.

//  A CURVE key in Z85, see ZeroMQ RFC 32
#define KEY_SIZE 40
#define KEY_LETTERS \
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
    ".-:+=^!/*?&<>()[]{}@%$#"

static bool
s_may_be_key (const char *value)
{
    size_t size = strlen (value);
    return size >= KEY_SIZE - 1 && size <= KEY_SIZE + 1
        && strspn (value, KEY_LETTERS) == size
        && !strstr (value, "://");
}

static bool
s_is_secret_option (const char *value)
{
    const zrelay_option_t *option = zrelay_option_find (value);
    return option && (option->flags & ZRELAY_OPTION_SECRET);
}

//  Words that are said in any case

static bool
s_is_known (const char *value)
{
    return s_index (s_side_names, value) != -1
        || s_index (s_flow_names, value) != -1
        || s_is_relay (NULL, value)
        || zrelay_option_find (value);
}

//  Take what is quoted out of the sentence

static void
s_conceal (zrelay_engine_t *engine, const char *value)
{
    char quoted [83];
    snprintf (quoted, sizeof (quoted), "'%.80s'", value);
    for (char *letter = quoted; *letter; letter++)
        if (!isprint ((byte) *letter))
            *letter = '?';
    char *place = strstr (engine->error, quoted);
    if (place) {
        char *sentence = zsys_sprintf ("%.*s'(secret)'%s",
            (int) (place - engine->error), engine->error,
            place + strlen (quoted));
        assert (sentence);
        zstr_free (&engine->error);
        engine->error = sentence;
    }
}

void
zrelay_command_conceal (zrelay_engine_t *engine, const char *value)
{
    //  Endpoints are quoted without what says to bind or to connect
    bool prefixed = *value == '@' || *value == '>';
    if (s_may_be_key (value) || (prefixed && s_may_be_key (value + 1))) {
        s_conceal (engine, value);
        s_conceal (engine, value + prefixed);
    }
}

//  All arguments of a command that failed. Where it is about a secret, each
//  may be one.

static void
s_conceal_all (const zrelay_command_t *self, zrelay_engine_t *engine,
               size_t argc, char **argv)
{
    bool secretive = self->handler == s_domain || self->handler == s_plain
                  || self->handler == s_curve;
    for (size_t index = 0; index < argc; index++)
        secretive = secretive || s_is_secret_option (argv [index]);
    for (size_t index = 0; index < argc; index++)
        if (secretive && !s_is_known (argv [index]))
            s_conceal (engine, argv [index]);
        else
            zrelay_command_conceal (engine, argv [index]);
}


//  --------------------------------------------------------------------------
//  Executing

//  A pointer travels as its bytes, everything else as a string

static int
s_check (const zrelay_command_t *self, zrelay_engine_t *engine, size_t index,
         zframe_t *frame, const char *value)
{
    char word [32];
    size_t least, most;
    s_describe (self->args, index, word, sizeof (word), &least, &most);
    if (*word == '*')
        return zframe_size (frame) == sizeof (void *)? ZRELAY_DONE:
            zrelay_engine_fail (engine, ZRELAY_BAD_ARGUMENTS,
                "argument %zu of %s is not a pointer", index + 1, self->name);
    if (strlen (value) != zframe_size (frame))
        return zrelay_engine_fail (engine, ZRELAY_BAD_ARGUMENTS,
            "argument %zu of %s is not a string", index + 1, self->name);
    for (int known = 0; s_words [known].word; known++)
        if (streq (s_words [known].word, word)
        && !s_words [known].valid (engine, value))
            return zrelay_engine_fail (engine, ZRELAY_BAD_ARGUMENTS,
                "'%.80s' is no %s of a %s; it can be %s", value,
                s_words [known].meaning, engine->kind->name,
                s_words [known].allowed);
    return ZRELAY_DONE;
}

int
zrelay_command_execute (const zrelay_command_t *self, zrelay_engine_t *engine,
                        zmsg_t *msg, zmsg_t *answer)
{
    size_t argc = zmsg_size (msg);
    char word [32];
    size_t least, most;
    s_describe (self->args, 0, word, sizeof (word), &least, &most);
    if (argc < least || argc > most)
        return s_wrong_count (self, engine);

    char **argv = (char **) zmalloc ((argc + 1) * sizeof (char *));
    assert (argv);
    int status = ZRELAY_DONE;
    for (size_t index = 0; index < argc; index++) {
        zframe_t *frame = index == 0? zmsg_first (msg): zmsg_next (msg);
        argv [index] = zframe_strdup (frame);
        assert (argv [index]);
        if (status == ZRELAY_DONE)
            status = s_check (self, engine, index, frame, argv [index]);
    }
    if (status == ZRELAY_DONE)
        status = self->handler (engine, engine->object, argc, argv, answer);
    if (status != ZRELAY_DONE && engine->error)
        s_conceal_all (self, engine, argc, argv);
    for (size_t index = 0; index < argc; index++) {
        //  It may have been a key
        memset (argv [index], 0, strlen (argv [index]));
        zstr_free (&argv [index]);
    }
    freen (argv);
    return status;
}
