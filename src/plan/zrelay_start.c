/*  =========================================================================
    zrelay_start - brings a relay to where the plan wants it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_start.h"

//  Milliseconds in which the relay must answer a command. It answers within a
//  few, so this only keeps a relay that does not from hanging the program.
#define TIMEOUT 30000

//  A relay that is being started
typedef struct {
    zrelay_plan_t *plan;        //  Where it is to be
    zrelay_guard_t *guard;      //  Decides who may connect to it
    zrelay_report_t *report;    //  Hears what it refuses
    zrelay_client_t *relay;     //  Steers it
    const char *events;         //  Where it tells of its connections, or NULL
    zlist_t *lines;             //  Say where it is
    bool rehearsal;             //  Go on after failures, and attach nothing
} start_t;

//  Failures from here on are about that place

static void
s_about (start_t *self, const zrelay_place_t *place)
{
    zrelay_report_set_place (self->report, self->plan->file, place);
}

//  Where one failure is reported, the others may be too

static bool
s_goes_on (start_t *self, zrelay_exit_t status)
{
    return status == ZRELAY_EXIT_NOT_YET || self->rehearsal;
}

//  Go on if the relay's last command was done. Otherwise report what the relay
//  says about it, between two texts that name the option, unless a place does.

static zrelay_exit_t
s_confirm (start_t *self, const char *before, const char *after)
{
    if (zrelay_client_status (self->relay) == ZRELAY_STATUS_DONE)
        return ZRELAY_EXIT_NOT_YET;
    bool placed = self->plan->file != NULL;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s%s%s",
                              placed? "": before,
                              zrelay_client_error (self->relay),
                              placed? "": after);
}

//  --------------------------------------------------------------------------
//  Settings

//  An endpoint that is not used by anybody, and binds

static char *
s_own_endpoint (start_t *self)
{
    static uint32_t last = 0;
    char *endpoint = zsys_sprintf ("@inproc://zrelay-rehearsal-%p-%" PRIu32,
        (void *) self, __sync_add_and_fetch (&last, 1));
    assert (endpoint);
    return endpoint;
}

static zrelay_exit_t
s_verbose (start_t *self)
{
    if (!self->plan->verbose)
        return ZRELAY_EXIT_NOT_YET;
    zrelay_client_command (self->relay, "VERBOSE", NULL);
    return s_confirm (self, "--verbose: ", "");
}

static zrelay_exit_t
s_guard (start_t *self)
{
    if (!self->guard)
        return ZRELAY_EXIT_NOT_YET;
    zrelay_exit_t status =
        zrelay_guard_protect (self->guard, self->relay, ZRELAY_SIDE_FRONTEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_guard_protect (self->guard, self->relay,
                                       ZRELAY_SIDE_BACKEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_guard_protect_rest (self->guard, self->relay);
    return status;
}

static zrelay_exit_t
s_report_links (start_t *self)
{
    if (!self->events
    || !(zrelay_plan_connects (self->plan, ZRELAY_SIDE_FRONTEND)
      || zrelay_plan_connects (self->plan, ZRELAY_SIDE_BACKEND)))
        return ZRELAY_EXIT_NOT_YET;
    zrelay_client_command (self->relay, "EVENTS", self->events, NULL);
    return s_confirm (self, "", "");
}

//  What only the owner may set is outside of the relay, such as a directory; a
//  value that is an endpoint is one that it binds or connects to

static bool
s_reaches_out (start_t *self, const zrelay_plan_setting_t *setting)
{
    return strstr (setting->value, "://")
        || zrelay_engine_is_owners (self->plan->kind, setting->option);
}

static zrelay_exit_t
s_set (start_t *self, const zrelay_plan_setting_t *setting)
{
    s_about (self, &setting->at);
    if (self->rehearsal && s_reaches_out (self, setting))
        zrelay_client_command (self->relay, "GET", setting->place,
                               setting->option, NULL);
    else
        zrelay_client_command (self->relay, "SET", setting->place,
                               setting->option, setting->value, NULL);
    char *before = zsys_sprintf ("--set %s.%s: ", setting->place,
                                 setting->option);
    assert (before);
    zrelay_exit_t status = s_confirm (self, before, "");
    zstr_free (&before);
    return status;
}

static zrelay_exit_t
s_set_all (start_t *self)
{
    zlistx_t *settings = self->plan->settings;
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zlistx_first (settings);
    while (setting && s_goes_on (self, status)) {
        status = s_set (self, setting);
        setting = (zrelay_plan_setting_t *) zlistx_next (settings);
    }
    return status;
}

static zrelay_exit_t
s_add_rules (start_t *self)
{
    const char *flow = zrelay_plan_topical_flow (self->plan);
    zlistx_t *rules = self->plan->rules;
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    zrelay_plan_rule_t *rule = (zrelay_plan_rule_t *) zlistx_first (rules);
    while (rule && s_goes_on (self, status)) {
        s_about (self, &rule->place);
        zrelay_client_command (self->relay, "RULE", flow, rule->rule,
                               rule->topic, rule->to, NULL);
        char *before = zsys_sprintf ("--%s: ", rule->rule);
        assert (before);
        status = s_confirm (self, before, "");
        zstr_free (&before);
        rule = (zrelay_plan_rule_t *) zlistx_next (rules);
    }
    return status;
}

static void
s_add_arguments (zmsg_t *words, const zrelay_plan_command_t *command)
{
    char *rest = strdup (command->arguments);
    assert (rest);
    char *save = NULL;
    char *word = command->whole? rest: strtok_r (rest, " ", &save);
    for (; word; word = command->whole? NULL: strtok_r (NULL, " ", &save))
        zmsg_addstr (words, word);
    zstr_free (&rest);
}

//  Commands act on files and endpoints, so a rehearsal only asks for them

static zrelay_exit_t
s_command (start_t *self, const zrelay_plan_command_t *command)
{
    s_about (self, &command->place);
    zmsg_t *words = zmsg_new ();
    assert (words);
    if (self->rehearsal)
        zmsg_addstr (words, "HELP");
    zmsg_addstr (words, command->name);
    if (!self->rehearsal)
        s_add_arguments (words, command);
    zrelay_client_execute (self->relay, &words, NULL);
    return s_confirm (self, "", "");
}

static zrelay_exit_t
s_commands (start_t *self)
{
    zlistx_t *commands = self->plan->commands;
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    zrelay_plan_command_t *command =
        (zrelay_plan_command_t *) zlistx_first (commands);
    while (command && s_goes_on (self, status)) {
        status = s_command (self, command);
        command = (zrelay_plan_command_t *) zlistx_next (commands);
    }
    return status;
}

//  --------------------------------------------------------------------------
//  Endpoints and subscriptions

//  Keep the line that tells where a side was attached last: the last endpoint
//  that the relay names

static void
s_note_endpoint (start_t *self, const char *side,
                 const zrelay_plan_endpoint_t *item)
{
    zmsg_t *endpoints =
        zrelay_client_query (self->relay, "ENDPOINT", side, NULL);
    zframe_t *last = endpoints? zmsg_last (endpoints): NULL;
    char *endpoint = last? zframe_strdup (last): strdup (item->address);
    assert (endpoint);
    char *line = zsys_sprintf ("%s: %s %s to %s",
                               zrelay_plan_name (self->plan), side,
                               item->bind? "bound": "connecting", endpoint);
    assert (line);
    zlist_append (self->lines, line);
    zstr_free (&line);
    zstr_free (&endpoint);
    zmsg_destroy (&endpoints);
}

static const char *
s_endpoint_fault (const zrelay_plan_endpoint_t *item);

static zrelay_exit_t
s_permit (start_t *self)
{
    if (!self->plan->permit)
        return ZRELAY_EXIT_NOT_YET;
    zrelay_client_command (self->relay, "PERMIT", self->plan->permit, NULL);
    return s_confirm (self, "--permit: ", "");
}

static zrelay_exit_t
s_capture (start_t *self)
{
    const zrelay_plan_endpoint_t *item = self->plan->capture;
    if (!item)
        return ZRELAY_EXIT_NOT_YET;
    s_about (self, &item->place);
    const char *fault = self->rehearsal? s_endpoint_fault (item): NULL;
    if (fault)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "'%s' is not an endpoint: %s", item->address, fault);
    char **prefixes = self->plan->prefixes;
    char *endpoint = self->rehearsal? s_own_endpoint (self):
        zsys_sprintf ("%c%s", item->bind? '@': '>', item->address);
    assert (endpoint);
    zrelay_client_command (self->relay, "CAPTURE", endpoint,
                           item->type? item->type: "PUSH", prefixes [0],
                           prefixes [1], NULL);
    zstr_free (&endpoint);
    zrelay_exit_t status = s_confirm (self, "",
                                      "; name another with --capture");
    if (status == ZRELAY_EXIT_NOT_YET && !self->rehearsal)
        s_note_endpoint (self, "capture", item);
    return status;
}

//  The command that also chooses the socket's type has the name of its side

static void
s_attach_typed (start_t *self, zrelay_side_id_t id,
                const zrelay_plan_endpoint_t *item, const char *address)
{
    static const char *commands [ZRELAY_PLAN_SIDES] = { "FRONTEND", "BACKEND" };
    char *endpoint = zsys_sprintf ("%c%s",
        item->bind || self->rehearsal? '@': '>', address);
    assert (endpoint);
    zrelay_client_command (self->relay, commands [id], item->type, endpoint,
                           NULL);
    zstr_free (&endpoint);
}

//  What can be wrong with an endpoint that no relay is asked for, or NULL

static const char *
s_endpoint_fault (const zrelay_plan_endpoint_t *item)
{
    static const char *transports [] = { "ipc://", "inproc://" };
    for (size_t index = 0; index < 2; index++) {
        size_t size = strlen (transports [index]);
        if (strncmp (item->address, transports [index], size) == 0)
            return item->address [size]? NULL: "it has no name";
    }
    if (strncmp (item->address, "tcp://", 6))
        return "it is not tcp://, ipc:// or inproc://";
    const char *colon = strrchr (item->address + 6, ':');
    if (!colon || colon == item->address + 6)
        return "tcp takes an address and a port, tcp://127.0.0.1:5559";
    const char *port = colon + 1;
    size_t size = strlen (port);
    if (item->bind && streq (port, "*"))
        return NULL;
    return size > 0 && size <= 5 && strspn (port, "0123456789") == size
        && atoi (port) <= UINT16_MAX && (item->bind || atoi (port) > 0)? NULL:
        item->bind? "a port is a number up to 65535, or * for a free one":
                    "a port to connect to is a number from 1 to 65535";
}

static zrelay_exit_t
s_attach (start_t *self, zrelay_side_id_t id,
          const zrelay_plan_endpoint_t *item)
{
    const char *side = self->plan->sides [id].name;
    s_about (self, &item->place);
    const char *fault = self->rehearsal? s_endpoint_fault (item): NULL;
    if (fault)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "'%s' is not an endpoint: %s", item->address, fault);
    char *own = s_own_endpoint (self);
    const char *address = self->rehearsal? own + 1: item->address;
    if (item->type)
        s_attach_typed (self, id, item, address);
    else
        zrelay_client_command (self->relay,
                               item->bind || self->rehearsal? "BIND": "CONNECT",
                               side, address, NULL);
    zstr_free (&own);
    char *after = zsys_sprintf ("; name another with --%s", side);
    assert (after);
    zrelay_exit_t status = s_confirm (self, "", after);
    zstr_free (&after);
    if (status == ZRELAY_EXIT_NOT_YET && !self->rehearsal)
        s_note_endpoint (self, side, item);
    return status;
}

static zrelay_exit_t
s_attach_side (start_t *self, zrelay_side_id_t id)
{
    zlistx_t *endpoints = self->plan->sides [id].endpoints;
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    zrelay_plan_endpoint_t *item =
        (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
    while (item && s_goes_on (self, status)) {
        status = s_attach (self, id, item);
        item = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
    }
    return status;
}

static zrelay_exit_t
s_attach_all (start_t *self)
{
    zrelay_exit_t status = s_attach_side (self, ZRELAY_SIDE_FRONTEND);
    if (s_goes_on (self, status))
        status = s_attach_side (self, ZRELAY_SIDE_BACKEND);
    return status;
}

static zrelay_exit_t
s_subscribe (start_t *self)
{
    zlistx_t *topics = self->plan->topics;
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    zrelay_plan_topic_t *topic = (zrelay_plan_topic_t *) zlistx_first (topics);
    while (topic && s_goes_on (self, status)) {
        s_about (self, &topic->place);
        zrelay_client_command (self->relay, "SUBSCRIBE", topic->text, NULL);
        status = s_confirm (self, "--subscribe: ", "");
        topic = (zrelay_plan_topic_t *) zlistx_next (topics);
    }
    return status;
}

//  A SUB socket gets nothing that it has not subscribed to. What the commands of
//  a file do is not known here.

static void
s_warn_of_silence (start_t *self, zrelay_side_id_t id)
{
    zrelay_plan_t *plan = self->plan;
    zrelay_plan_endpoint_t *first = (zrelay_plan_endpoint_t *)
        zlistx_first (plan->sides [id].endpoints);
    if (!first || strcasecmp (zrelay_plan_type (plan, id), "SUB")
    ||  plan->kind->topic || zlistx_size (plan->commands) > 0)
        return;
    s_about (self, &first->place);
    zrelay_report_warn (self->report, "the %s is a SUB socket that has"
        " subscribed to nothing, so nothing will arrive there; %ssubscribe ''"
        " subscribes to everything", plan->sides [id].name,
        zrelay_plan_dashes (plan));
}

static zrelay_exit_t
s_warn (start_t *self)
{
    for (int id = 0; id < ZRELAY_PLAN_SIDES; id++)
        if (zlistx_size (self->plan->topics) == 0
        &&  zrelay_plan_has_side (self->plan, (zrelay_side_id_t) id))
            s_warn_of_silence (self, (zrelay_side_id_t) id);
    return ZRELAY_EXIT_NOT_YET;
}


//  --------------------------------------------------------------------------
//  The whole

//  The user's settings follow those of the guard, and so have the last word.
//  Subscriptions precede endpoints where there is a socket for them; one whose
//  type is open does not exist until it is attached.

static zrelay_exit_t
s_bring (start_t *self)
{
    typedef zrelay_exit_t (step_fn) (start_t *self);
    bool open = zrelay_plan_type_is_open (self->plan, ZRELAY_SIDE_FRONTEND);
    step_fn *steps [] = {
        s_verbose, s_guard, s_report_links, s_set_all, s_add_rules, s_permit,
        s_commands, open? s_attach_all: s_subscribe,
        open? s_subscribe: s_attach_all, s_capture, s_warn
    };
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    for (size_t index = 0; s_goes_on (self, status)
         && index < sizeof (steps) / sizeof (*steps); index++)
        status = steps [index] (self);
    return status;
}

zrelay_exit_t
zrelay_start (zrelay_plan_t *plan, zrelay_client_t *host,
              zrelay_guard_t *guard, const char *events,
              zrelay_report_t *report, zlist_t *lines)
{
    start_t self = { plan, guard, report, host, events, lines, false };
    const char *name = zrelay_plan_name (plan);
    zrelay_client_set_timeout (host, TIMEOUT);
    s_about (&self, &plan->place);
    zrelay_client_command (host, "START", name, plan->kind->name, NULL);
    zrelay_exit_t status = s_confirm (&self, "", "");
    if (status != ZRELAY_EXIT_NOT_YET)
        return status;
    zrelay_client_set_relay (host, name);
    status = s_bring (&self);
    zrelay_client_set_relay (host, NULL);
    zrelay_report_set_place (report, NULL, NULL);
    if (status != ZRELAY_EXIT_NOT_YET)
        zrelay_client_command (host, "STOP", name, NULL);
    return status;
}

void
zrelay_rehearse (zrelay_plan_t *plan, zrelay_client_t *host,
                 zrelay_report_t *report)
{
    zactor_t *relay = zrelay_engine_spawn (plan->kind, "rehearsal");
    if (!relay) {
        zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "cannot create the relay's sockets: %s", zmq_strerror (errno));
        return;
    }
    zrelay_guard_t *guard = zrelay_guard_new (plan, host, report, true);
    start_t self = { plan, guard, report, NULL, NULL, NULL, true };
    self.relay = zrelay_client_new (relay);
    zrelay_client_set_timeout (self.relay, TIMEOUT);
    if (zrelay_guard_start (guard) != ZRELAY_EXIT_NOT_YET)
        self.guard = NULL;
    s_bring (&self);
    zrelay_report_set_place (report, NULL, NULL);
    zrelay_client_destroy (&self.relay);
    zrelay_destroy (&relay);
    zrelay_guard_destroy (&guard);
}
