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
    zrelay_links_t *links;      //  Hears where it has connected
    zrelay_report_t *report;    //  Hears what it refuses
    zrelay_client_t *relay;     //  Steers it
    zlist_t *lines;             //  Printed when it is ready
} start_t;

//  Go on if the relay's last command was done. Otherwise report what the relay
//  says about it, between two texts that name the option.

static zrelay_exit_t
s_confirm (start_t *self, const char *before, const char *after)
{
    if (zrelay_client_status (self->relay) == ZRELAY_STATUS_DONE)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s%s%s",
                              before, zrelay_client_error (self->relay),
                              after);
}

//  --------------------------------------------------------------------------
//  Settings

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
    zrelay_exit_t status =
        zrelay_guard_protect (self->guard, self->relay, ZRELAY_SIDE_FRONTEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_guard_protect (self->guard, self->relay,
                                       ZRELAY_SIDE_BACKEND);
    return status;
}

static zrelay_exit_t
s_report_links (start_t *self)
{
    const char *endpoint = zrelay_links_endpoint (self->links);
    if (!endpoint)
        return ZRELAY_EXIT_NOT_YET;
    zrelay_client_command (self->relay, "EVENTS", endpoint, NULL);
    return s_confirm (self, "", "");
}

static zrelay_exit_t
s_set (start_t *self, const zrelay_plan_setting_t *setting)
{
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
    while (setting && status == ZRELAY_EXIT_NOT_YET) {
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
    while (rule && status == ZRELAY_EXIT_NOT_YET) {
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

static zrelay_exit_t
s_capture (start_t *self)
{
    const zrelay_plan_endpoint_t *item = self->plan->capture;
    if (!item)
        return ZRELAY_EXIT_NOT_YET;
    char **prefixes = self->plan->prefixes;
    char *endpoint = zsys_sprintf ("%c%s", item->bind? '@': '>',
                                   item->address);
    assert (endpoint);
    zrelay_client_command (self->relay, "CAPTURE", endpoint,
                           item->type? item->type: "PUSH", prefixes [0],
                           prefixes [1], NULL);
    zstr_free (&endpoint);
    zrelay_exit_t status = s_confirm (self, "",
                                      "; name another with --capture");
    if (status == ZRELAY_EXIT_NOT_YET)
        s_note_endpoint (self, "capture", item);
    return status;
}

//  The command that also chooses the socket's type has the name of its side

static void
s_attach_typed (start_t *self, zrelay_side_id_t id,
                const zrelay_plan_endpoint_t *item)
{
    static const char *commands [ZRELAY_PLAN_SIDES] = { "FRONTEND", "BACKEND" };
    char *endpoint = zsys_sprintf ("%c%s", item->bind? '@': '>',
                                   item->address);
    assert (endpoint);
    zrelay_client_command (self->relay, commands [id], item->type, endpoint,
                           NULL);
    zstr_free (&endpoint);
}

static zrelay_exit_t
s_attach (start_t *self, zrelay_side_id_t id,
          const zrelay_plan_endpoint_t *item)
{
    const char *side = self->plan->sides [id].name;
    if (item->type)
        s_attach_typed (self, id, item);
    else
        zrelay_client_command (self->relay, item->bind? "BIND": "CONNECT",
                               side, item->address, NULL);
    char *after = zsys_sprintf ("; name another with --%s", side);
    assert (after);
    zrelay_exit_t status = s_confirm (self, "", after);
    zstr_free (&after);
    if (status == ZRELAY_EXIT_NOT_YET)
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
    while (item && status == ZRELAY_EXIT_NOT_YET) {
        status = s_attach (self, id, item);
        item = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
    }
    return status;
}

static zrelay_exit_t
s_attach_all (start_t *self)
{
    zrelay_exit_t status = s_attach_side (self, ZRELAY_SIDE_FRONTEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_attach_side (self, ZRELAY_SIDE_BACKEND);
    return status;
}

static zrelay_exit_t
s_subscribe (start_t *self)
{
    zlist_t *topics = self->plan->topics;
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    const char *topic = (const char *) zlist_first (topics);
    while (topic && status == ZRELAY_EXIT_NOT_YET) {
        zrelay_client_command (self->relay, "SUBSCRIBE", topic, NULL);
        status = s_confirm (self, "--subscribe: ", "");
        topic = (const char *) zlist_next (topics);
    }
    return status;
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
        s_verbose, s_guard, s_report_links, s_set_all, s_add_rules,
        open? s_attach_all: s_subscribe,
        open? s_subscribe: s_attach_all, s_capture
    };
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    for (size_t index = 0; status == ZRELAY_EXIT_NOT_YET
         && index < sizeof (steps) / sizeof (*steps); index++)
        status = steps [index] (self);
    return status;
}

static void
s_print_lines (start_t *self)
{
    char *line = (char *) zlist_first (self->lines);
    while (line && !self->plan->quiet) {
        zrelay_report_print (self->report, line);
        line = (char *) zlist_next (self->lines);
    }
}

zactor_t *
zrelay_start (zrelay_plan_t *plan, zrelay_guard_t *guard,
              zrelay_links_t *links, zrelay_report_t *report)
{
    zactor_t *relay = zrelay_engine_spawn (plan->kind, plan->name);
    if (!relay) {
        zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "cannot create the relay's sockets: %s", zmq_strerror (errno));
        return NULL;
    }
    start_t self = { .plan = plan, .guard = guard, .links = links,
                     .report = report };
    self.relay = zrelay_client_new (relay);
    zrelay_client_set_timeout (self.relay, TIMEOUT);
    self.lines = zlist_new ();
    assert (self.lines);
    zlist_autofree (self.lines);
    zrelay_exit_t status = s_bring (&self);
    if (status == ZRELAY_EXIT_NOT_YET)
        s_print_lines (&self);
    zlist_destroy (&self.lines);
    zrelay_client_destroy (&self.relay);
    if (status != ZRELAY_EXIT_NOT_YET)
        zactor_destroy (&relay);
    return relay;
}
