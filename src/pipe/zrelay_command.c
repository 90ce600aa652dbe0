/*  =========================================================================
    zrelay_command - the table of the engine's commands

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_command.h"
#include "zrelay_engine_internal.h"
#include "zrelay_kernel.h"
#include "zrelay_number.h"
#include "zrelay_pairing.h"
#include "zrelay_permission.h"
#include "zrelay_row.h"
#include "zrelay_security.h"
#include "zrelay_setting.h"
#include "zrelay_sender.h"

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

static const char *s_side_names [] = {
    [ZRELAY_SIDE_FRONTEND] = "FRONTEND", [ZRELAY_SIDE_BACKEND] = "BACKEND"
};
static const char *s_flow_names [] = {
    [ZRELAY_FLOW_FORWARD] = "FORWARD", [ZRELAY_FLOW_RETURN] = "RETURN"
};

static int
s_index (const char *names [2], const char *word)
{
    return strcasecmp (word, names [0]) == 0? 0:
           strcasecmp (word, names [1]) == 0? 1: -1;
}

static bool
s_is_capture (const char *word)
{
    return strcasecmp (word, "CAPTURE") == 0;
}

static bool
s_is_relay (const char *word)
{
    return strcasecmp (word, "RELAY") == 0;
}

//  The side or flow of that name; NULL if the relay has none

static zrelay_side_t *
s_side (zrelay_engine_t *self, const char *word)
{
    int index = s_index (s_side_names, word);
    return index == -1? NULL:
           zrelay_engine_side (self, (zrelay_side_id_t) index);
}

static zrelay_flow_t *
s_flow (zrelay_engine_t *self, const char *word)
{
    int index = s_index (s_flow_names, word);
    return index == -1? NULL:
           zrelay_engine_flow (self, (zrelay_flow_id_t) index);
}


//  --------------------------------------------------------------------------
//  Attaching

HANDLER (s_bind)
{
    UNUSED;
    return zrelay_side_attach (s_side (self, argv [0]), argv [1], true);
}

HANDLER (s_unbind)
{
    UNUSED;
    return zrelay_side_detach (s_side (self, argv [0]), argv [1], true);
}

HANDLER (s_connect)
{
    UNUSED;
    return zrelay_side_attach (s_side (self, argv [0]), argv [1], false);
}

HANDLER (s_disconnect)
{
    UNUSED;
    return zrelay_side_detach (s_side (self, argv [0]), argv [1], false);
}

HANDLER (s_frontend)
{
    UNUSED;
    return zrelay_engine_configure (self, ZRELAY_SIDE_FRONTEND, argv [0],
                                    argv [1], argc - 2, argv + 2);
}

HANDLER (s_backend)
{
    UNUSED;
    return zrelay_engine_configure (self, ZRELAY_SIDE_BACKEND, argv [0],
                                    argv [1], argc - 2, argv + 2);
}


//  --------------------------------------------------------------------------
//  Subscriptions, of the side that subscribes

static zrelay_side_t *
s_subscriber (zrelay_engine_t *self)
{
    zrelay_side_t *backend = zrelay_engine_side (self, ZRELAY_SIDE_BACKEND);
    int type = backend? zrelay_side_type (backend): -1;
    return type == ZMQ_SUB || type == ZMQ_XSUB?
        backend: zrelay_engine_side (self, ZRELAY_SIDE_FRONTEND);
}

HANDLER (s_subscribe)
{
    UNUSED;
    return zrelay_subscriptions_add (
        zrelay_side_subscriptions (s_subscriber (self)), argc, argv);
}

HANDLER (s_unsubscribe)
{
    UNUSED;
    return zrelay_subscriptions_remove (
        zrelay_side_subscriptions (s_subscriber (self)), argc, argv);
}


//  --------------------------------------------------------------------------
//  Options, of a side, of a flow or of the relay

static bool
s_is_stamp (const char *option)
{
    return zrelay_setting_find (zrelay_sender_settings, option) != NULL;
}

//  Are a side's messages for the kind's handler?

static bool
s_reads_handled (zrelay_engine_t *self, const char *side)
{
    zrelay_flow_t *flow = zrelay_engine_flow (self,
        s_index (s_side_names, side) == ZRELAY_SIDE_FRONTEND?
        ZRELAY_FLOW_FORWARD: ZRELAY_FLOW_RETURN);
    return flow && zrelay_flow_handled (flow);
}

HANDLER (s_set)
{
    UNUSED;
    if (s_is_relay (argv [0]))
        return zrelay_engine_set_option (self, argv [1], argv [2]);
    zrelay_side_t *side = s_side (self, argv [0]);
    if (side && s_is_stamp (argv [1]) && s_reads_handled (self, argv [0]))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_STATE,
            "the %s handles what comes from the %s itself, and puts no stamp "
            "in", zrelay_engine_kind (self)->name, zrelay_side_name (side));
    if (side)
        return zrelay_side_set_option (side, argv [1], argv [2]);
    return zrelay_flow_set_option (s_flow (self, argv [0]), argv [1], argv [2],
                                   zrelay_engine_error (self));
}

static int
s_get_value (zrelay_engine_t *self, const char *whose, const char *option,
             char **value_p)
{
    if (s_is_relay (whose))
        return zrelay_engine_get_option (self, option, value_p);
    zrelay_side_t *side = s_side (self, whose);
    if (side)
        return zrelay_side_get_option (side, option, value_p);
    return zrelay_flow_get_option (s_flow (self, whose), option, value_p,
                                   zrelay_engine_error (self));
}

HANDLER (s_get)
{
    UNUSED;
    char *value = NULL;
    int status = s_get_value (self, argv [0], argv [1], &value);
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
    zrelay_capture_t *capture = zrelay_engine_capture (self);
    if (argc == 0) {
        zrelay_capture_stop (capture);
        return ZRELAY_STATUS_DONE;
    }
    //  A socket of CZMQ's would take over that program's signals
    if (zrelay_engine_borrowed (self))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_STATE,
            "a relay in another program makes no sockets of its own");
    if (argc == 3)
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "CAPTURE takes two prefixes, one for each flow, or none");
    return zrelay_capture_start (capture, argv [0],
        argc > 1? argv [1]: "PUSH", argc == 4? argv + 2: NULL,
        zrelay_engine_guarded (self), zrelay_engine_domain (self),
        zrelay_engine_restricted (self));
}

static byte s_mark [ZRELAY_COMMAND_MARK_SIZE];
static pthread_once_t s_mark_once = PTHREAD_ONCE_INIT;

static void
s_draw_mark (void)
{
    zuuid_t *uuid = zuuid_new ();
    assert (uuid);
    memcpy (s_mark, zuuid_data (uuid), sizeof (s_mark));
    zuuid_destroy (&uuid);
}

const byte *
zrelay_command_mark (void)
{
    pthread_once (&s_mark_once, s_draw_mark);
    return s_mark;
}

//  Any frame may have the size of a pointer. One without a mark has to lead to
//  code, or nowhere.

static bool
s_is_function (const char *bytes, const char *mark)
{
    if (mark)
        return memcmp (mark, zrelay_command_mark (),
                       ZRELAY_COMMAND_MARK_SIZE) == 0;
    const void *address;
    memcpy (&address, bytes, sizeof (address));
    return !address || zrelay_kernel_is_code (address);
}

HANDLER (s_filter)
{
    UNUSED;
    if (!s_is_function (argv [1], argc == 5? argv [4]: NULL))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "that is not a function of this process; zrelay_set_filter () "
            "sends one");
    zrelay_shown_to_t filter = { .message = NULL };
    memcpy (&filter.object, argv [2], sizeof (filter.object));
    const char *form = argc > 3? argv [3]: "zmsg";
    if (strcasecmp (form, "zmsg") == 0)
        memcpy (&filter.filter, argv [1], sizeof (filter.filter));
    else
    if (strcasecmp (form, "message") == 0)
        memcpy (&filter.message, argv [1], sizeof (filter.message));
    else
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "a filter is not shown a %s; it can be shown a zmsg or a message",
            zrelay_engine_quote (self, form));
    zrelay_flow_t *flow = s_flow (self, argv [0]);
    if (!zrelay_flow_possible (flow))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_STATE,
            "nothing travels %s through these sockets",
            zrelay_flow_name (flow));
    zrelay_flow_set_filter (flow, filter);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Rules about topics. They are no options, since a flow has any number of
//  them, each with a count.

static int
s_bad_rule (zrelay_engine_t *self, const char *word)
{
    return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
        "%s is not a rule; the rules are: only TOPIC, except TOPIC, rename "
        "TOPIC TO, and none, which removes them",
        zrelay_engine_quote (self, word));
}

HANDLER (s_rule)
{
    UNUSED;
    zrelay_flow_id_t flow =
        (zrelay_flow_id_t) s_index (s_flow_names, argv [0]);
    if (strcasecmp (argv [1], "none") == 0 && argc == 2)
        return zrelay_rulebook_clear (zrelay_engine_rulebook (self), flow);
    int rule = zrelay_sieve_find (argv [1]);
    bool renames = rule == ZRELAY_SIEVE_RENAME;
    if (rule == -1 || argc != (renames? 4: 3))
        return s_bad_rule (self, argv [1]);
    if (!renames && !*argv [2])
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s takes a topic that is not empty, which would be everything",
            argv [1]);
    zrelay_side_t *frontend = zrelay_engine_side (self, ZRELAY_SIDE_FRONTEND);
    zrelay_status_t status = zrelay_subscriptions_check (
        zrelay_side_subscriptions (frontend), argc - 2, argv + 2);
    return status != ZRELAY_STATUS_DONE? status:
        zrelay_rulebook_add (zrelay_engine_rulebook (self), flow,
                             (zrelay_sieve_rule_t) rule, argv [2],
                             renames? argv [3]: NULL);
}

HANDLER (s_rules)
{
    UNUSED;
    zrelay_rulebook_list (zrelay_engine_rulebook (self),
        (zrelay_flow_id_t) s_index (s_flow_names, argv [0]), answer);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Going and stopping

HANDLER (s_pause)
{
    UNUSED;
    if (zrelay_engine_drains (self))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_STATE,
            "a DRAIN is under way and needs the flows; wait for its answer, or "
            "end it with RESUME");
    zrelay_engine_pause (self);
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_resume)
{
    UNUSED;
    zrelay_engine_resume (self);
    return ZRELAY_STATUS_DONE;
}

static void
s_on_drained (zrelay_status_t status, void *arg)
{
    zrelay_answer_t *answer = (zrelay_answer_t *) arg;
    zrelay_engine_answer (NULL, &answer, status, NULL);
}

HANDLER (s_drain)
{
    UNUSED;
    int64_t msecs = DRAIN_DEFAULT;
    if (argc > 0 && !zrelay_number_read (argv [0], 0, DRAIN_MOST, &msecs))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a time to drain; it takes milliseconds up to %d",
            zrelay_engine_quote (self, argv [0]), DRAIN_MOST);
    if (zrelay_engine_drains (self))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_STATE,
            "an earlier DRAIN is still under way");
    zrelay_engine_drain (self, (size_t) msecs, s_on_drained,
                         zrelay_engine_defer (self));
    return ZRELAY_STATUS_LATER;
}

HANDLER (s_term)
{
    UNUSED;
    zrelay_engine_stop (self);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Security

HANDLER (s_domain)
{
    UNUSED;
    return s_is_relay (argv [0])? zrelay_engine_set_domain (self, argv [1]):
           zrelay_security_set_domain (s_side (self, argv [0]),
                                       zrelay_engine_error (self), argv [1]);
}

HANDLER (s_plain)
{
    UNUSED;
    return zrelay_security_set_plain (s_side (self, argv [0]),
                                      zrelay_engine_error (self));
}

HANDLER (s_curve)
{
    UNUSED;
    return zrelay_security_set_curve (s_side (self, argv [0]),
                                      zrelay_engine_error (self), argv [1],
                                      argv [2]);
}


HANDLER (s_permit)
{
    UNUSED;
    return zrelay_permission_set (self, argv [0]);
}


//  --------------------------------------------------------------------------
//  Queries

HANDLER (s_stats)
{
    UNUSED;
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_engine_stats (self, counts);
    zrelay_counts_show (counts, answer);
    zrelay_counts_destroy (&counts);
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_counters)
{
    UNUSED;
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_engine_stats (self, counts);
    zmsg_addmem (answer, zrelay_counts_data (counts),
                 zrelay_counts_size (counts));
    zrelay_counts_destroy (&counts);
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_reset)
{
    UNUSED;
    zrelay_engine_reset (self);
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_state)
{
    UNUSED;
    zmsg_addstr (answer, zrelay_engine_state_name (self));
    return ZRELAY_STATUS_DONE;
}

//  Whoever connects to an endpoint wants no mark before it

HANDLER (s_endpoint)
{
    UNUSED;
    if (argc > 1 && strcasecmp (argv [1], "marked") != 0)
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a form of endpoints; they can be marked, or not",
            zrelay_engine_quote (self, argv [1]));
    zrelay_side_t *side = s_is_capture (argv [0])?
        zrelay_capture_side (zrelay_engine_capture (self)):
        s_side (self, argv [0]);
    if (side)
        zrelay_side_endpoints (side, answer, argc > 1);
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_peers)
{
    UNUSED;
    zrelay_engine_list_peers (self, (zrelay_side_id_t)
                              s_index (s_side_names, argv [0]), answer);
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_cut)
{
    UNUSED;
    zrelay_peers_t *peers = zrelay_side_peers (s_side (self, argv [0]));
    return zrelay_peers_cut (peers, argv [1]) == 0? ZRELAY_STATUS_DONE:
        zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "CUT takes an IP address, ipc, or * for all peers, not %s",
            zrelay_engine_quote (self, argv [1]));
}

HANDLER (s_events)
{
    UNUSED;
    return zrelay_engine_report_to (self, argv [0]);
}

HANDLER (s_error)
{
    UNUSED;
    zmsg_addstr (answer, zrelay_error_explain (zrelay_engine_error (self)));
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_ping)
{
    (void) self;
    UNUSED;
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_verbose)
{
    UNUSED;
    zrelay_engine_set_verbose (self);
    return ZRELAY_STATUS_DONE;
}

HANDLER (s_help);


//  --------------------------------------------------------------------------
//  The table. HELP shows it in this order.

#define QUERY ZRELAY_COMMAND_QUERY
#define OWNER ZRELAY_COMMAND_OWNER
#define SECRET ZRELAY_COMMAND_SECRET
#define COMMAND(name, args, help, handler, flags) \
    { sizeof (zrelay_command_t), name, args, help, handler, flags }

static const zrelay_command_t s_commands [] = {
    COMMAND ("BIND", "side endpoint",
             "bind a side, as in zmq_bind", s_bind, 0),
    COMMAND ("UNBIND", "side endpoint",
             "stop listening, and cut the connections", s_unbind, 0),
    COMMAND ("CONNECT", "side endpoint",
             "connect a side, as in zmq_connect", s_connect, 0),
    COMMAND ("DISCONNECT", "side endpoint",
             "end a connection", s_disconnect, 0),
    COMMAND ("FRONTEND", "type endpoints [topic ...]",
             "choose the socket type and attach (@ bind, > connect)",
             s_frontend, 0),
    COMMAND ("BACKEND", "type endpoints [topic ...]",
             "the same for the backend", s_backend, 0),
    COMMAND ("SUBSCRIBE", "topic ...",
             "subscribe; the empty topic is everything", s_subscribe, 0),
    COMMAND ("UNSUBSCRIBE", "topic ...",
             "cancel the relay's own subscriptions", s_unsubscribe, 0),
    COMMAND ("SET", "side|flow|relay option value",
             "set a socket option, or one of the relay's", s_set, 0),
    COMMAND ("GET", "side|flow|relay option",
             "report its value", s_get, QUERY),
    COMMAND ("CAPTURE", "[endpoint [type [in-prefix out-prefix]]]",
             "copy what passes to a PUSH, PUB or PAIR; or stop", s_capture, 0),
    COMMAND ("FILTER", "flow *function *argument [form [*mark]]",
             "show each message to a function (NULL: no longer)",
             s_filter, OWNER),
    COMMAND ("RULE", "flow rule [topic [to]]",
             "pass only topic, all except topic, rename topic, or none",
             s_rule, 0),
    COMMAND ("RULES", "flow",
             "list the rules, each with topic, new topic and count", s_rules,
             QUERY),
    COMMAND ("PAUSE", "",
             "stop both flows; sockets queue", s_pause, 0),
    COMMAND ("RESUME", "",
             "go on after PAUSE or DRAIN", s_resume, 0),
    COMMAND ("DRAIN", "[ms]",
             "take no new work, let the rest finish, then answer", s_drain, 0),
    COMMAND ("STATS", "",
             "report the counters", s_stats, QUERY),
    COMMAND ("COUNTERS", "",
             "as STATS, in one frame, with a zero byte after each string",
             s_counters, QUERY),
    COMMAND ("RESET", "",
             "set the counters to zero", s_reset, 0),
    COMMAND ("STATE", "",
             "report idle, active, paused or draining", s_state, QUERY),
    COMMAND ("ENDPOINT", "side|capture [marked]",
             "list the endpoints, resolved (marked: @ bound, > connected)",
             s_endpoint, QUERY),
    COMMAND ("PEERS", "side",
             "report the number of peers, and list their addresses",
             s_peers, QUERY),
    COMMAND ("CUT", "side address",
             "end the connections from that address", s_cut, 0),
    COMMAND ("EVENTS", "endpoint",
             "push what becomes of the connections made to a PULL", s_events,
             0),
    COMMAND ("HELP", "[command]",
             "explain the commands", s_help, QUERY),
    COMMAND ("ERROR", "",
             "explain why the command before it was refused", s_error, QUERY),
    COMMAND ("PING", "",
             "answer at once", s_ping, QUERY),
    COMMAND ("DOMAIN", "side|relay name",
             "authenticate in this ZAP domain", s_domain, SECRET),
    COMMAND ("PLAIN", "side",
             "ask peers for a name and a password", s_plain, SECRET),
    COMMAND ("CURVE", "side public secret",
             "encrypt, and ask peers for a key", s_curve, SECRET),
    COMMAND ("PERMIT", "file",
             "let peers do only what the file permits", s_permit, OWNER),
    COMMAND ("VERBOSE", "",
             "log commands", s_verbose, 0),
    COMMAND ("$TERM", "",
             "end", s_term, OWNER),
    { .name = NULL }
};

static const zrelay_command_t *
s_find (const zrelay_command_t *table, const char *name)
{
    const zrelay_command_t *row = zrelay_row_first (table);
    while (row && strneq (row->name, name))
        row = zrelay_row_next (row);
    return row;
}

bool
zrelay_command_find (const zrelay_kind_t *kind, const char *name,
                     zrelay_command_t *command)
{
    const zrelay_command_t *row = s_find (kind->commands, name);
    if (!row)
        row = s_find (s_commands, name);
    if (row)
        zrelay_row_copy (row, command, sizeof (*command));
    return row != NULL;
}


//  --------------------------------------------------------------------------
//  HELP

static void
s_add (zchunk_t *text, const char *string)
{
    zchunk_extend (text, string, strlen (string));
}

static void
s_add_command (zchunk_t *text, const zrelay_command_t *row)
{
    zrelay_command_t command;
    zrelay_row_copy (row, &command, sizeof (command));
    s_add (text, "  ");
    s_add (text, command.name);
    if (*command.args)
        s_add (text, " ");
    s_add (text, command.args);
    s_add (text, "\n      ");
    s_add (text, command.help);
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
s_explain (const zrelay_setting_t *const *tables, const char *const *owners,
           zchunk_t *defaults, zchunk_t *text)
{
    for (; *tables; tables++)
        zrelay_setting_explain (*tables, owners, defaults, text);
}

static void
s_add_settings (zchunk_t *text, zrelay_engine_t *engine)
{
    static const char *const relay [] = { "relay", NULL };
    static const char *const flows [] = { "forward", "return", NULL };
    static const char *const sides [] = { "frontend", "backend", NULL };
    const zrelay_kind_t *kind = zrelay_engine_kind (engine);
    zchunk_t *defaults = zrelay_engine_defaults (engine);
    s_add (text, "Options of the relay:\n");
    zrelay_setting_explain (zrelay_engine_settings, relay, defaults, text);
    zrelay_setting_explain (kind->settings, relay, defaults, text);
    s_add (text, "Options of a flow:\n");
    s_explain (zrelay_flow_settings, flows, defaults, text);
    s_add (text, "Options of a side, besides those of its socket:\n");
    s_explain (zrelay_choices_settings, sides, defaults, text);
}

static void
s_add_all (zchunk_t *text, zrelay_engine_t *engine)
{
    const zrelay_kind_t *kind = zrelay_engine_kind (engine);
    const zrelay_command_t *row;
    for (row = s_commands; row; row = zrelay_row_next (row))
        if (!s_find (kind->commands, row->name))
            s_add_command (text, row);
    row = zrelay_row_first (kind->commands);
    for (; row; row = zrelay_row_next (row))
        s_add_command (text, row);
    s_add_settings (text, engine);
    if (strchr (kind->frontend.types, ','))
        s_add_pairs (text, kind);
}

static void
s_add_one (zchunk_t *text, zrelay_engine_t *engine,
           const zrelay_command_t *command)
{
    const zrelay_kind_t *kind = zrelay_engine_kind (engine);
    s_add_command (text, command);
    if (command->handler == s_frontend || command->handler == s_backend)
        s_add_pairs (text, kind);
    if (command->handler == s_set || command->handler == s_get)
        s_add_settings (text, engine);
}

HANDLER (s_help)
{
    UNUSED;
    const zrelay_kind_t *kind = zrelay_engine_kind (self);
    zrelay_command_t command;
    if (argc > 0 && !zrelay_command_find (kind, argv [0], &command))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "there is no command %s; HELP alone lists them",
            zrelay_engine_quote (self, argv [0]));
    zchunk_t *text = zchunk_new (NULL, 0);
    assert (text);
    if (argc > 0)
        s_add_one (text, self, &command);
    else
        s_add_all (text, self);
    zmsg_addmem (answer, zchunk_data (text), zchunk_size (text));
    zchunk_destroy (&text);
    return ZRELAY_STATUS_DONE;
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
    return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
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
s_is_side_or_capture (zrelay_engine_t *engine, const char *value)
{
    return s_is_side (engine, value) || s_is_capture (value);
}

static bool
s_is_side_or_relay (zrelay_engine_t *engine, const char *value)
{
    return s_is_side (engine, value) || s_is_relay (value);
}

static bool
s_is_any (zrelay_engine_t *engine, const char *value)
{
    return s_is_side (engine, value) || s_is_flow (engine, value)
        || s_is_relay (value);
}

//  Words in the table whose values are checked here

static const struct {
    const char *word;           //  As in the table
    bool (*valid) (zrelay_engine_t *engine, const char *value);
    const char *meaning;        //  In a sentence
    const char *both;           //  What it may be
    const char *one;            //  And of a relay with one side
} s_words [] = {
    { "side", s_is_side, "side", "FRONTEND or BACKEND", "FRONTEND" },
    { "side|capture", s_is_side_or_capture, "side",
      "FRONTEND, BACKEND or CAPTURE", "FRONTEND or CAPTURE" },
    { "side|relay", s_is_side_or_relay, "side",
      "FRONTEND, BACKEND or RELAY", "FRONTEND or RELAY" },
    { "flow", s_is_flow, "flow", "FORWARD or RETURN", "FORWARD" },
    { "side|flow|relay", s_is_any, "side or flow",
      "FRONTEND, BACKEND, FORWARD, RETURN or RELAY",
      "FRONTEND, FORWARD or RELAY" },
    { NULL, NULL, NULL, NULL, NULL }
};

static int
s_check_word (zrelay_engine_t *engine, const char *word, const char *value)
{
    int row = 0;
    while (s_words [row].word && strneq (s_words [row].word, word))
        row++;
    if (!s_words [row].word || s_words [row].valid (engine, value))
        return ZRELAY_STATUS_DONE;
    bool both = zrelay_engine_side (engine, ZRELAY_SIDE_BACKEND) != NULL;
    return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
        "%s is not a %s of the %s; it can be %s",
        zrelay_engine_quote (engine, value), s_words [row].meaning,
        zrelay_engine_kind (engine)->name,
        both? s_words [row].both: s_words [row].one);
}

//  A pointer travels as its bytes, everything else as a string

static int
s_check (const zrelay_command_t *self, zrelay_engine_t *engine, size_t index,
         zframe_t *frame, const char *value)
{
    char word [32];
    size_t least, most;
    s_describe (self->args, index, word, sizeof (word), &least, &most);
    if (*word == '*')
        return zframe_size (frame) == sizeof (void *)? ZRELAY_STATUS_DONE:
            zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
                "argument %zu of %s is not a pointer", index + 1, self->name);
    if (strlen (value) != zframe_size (frame))
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
            "argument %zu of %s is not a string", index + 1, self->name);
    return s_check_word (engine, word, value);
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
    int status = ZRELAY_STATUS_DONE;
    for (size_t index = 0; index < argc; index++) {
        zframe_t *frame = index == 0? zmsg_first (msg): zmsg_next (msg);
        argv [index] = zframe_strdup (frame);
        assert (argv [index]);
        if (status == ZRELAY_STATUS_DONE)
            status = s_check (self, engine, index, frame, argv [index]);
    }
    if (status == ZRELAY_STATUS_DONE)
        status = self->handler (engine, zrelay_engine_object (engine), argc,
                                argv, answer);
    for (size_t index = 0; index < argc; index++) {
        //  It may have been a key
        memset (argv [index], 0, strlen (argv [index]));
        zstr_free (&argv [index]);
    }
    freen (argv);
    return status;
}
