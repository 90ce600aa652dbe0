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
#include "zrelay_dialogue.h"

//  A relay that is being started
typedef struct {
    zrelay_plan_t *plan;        //  Where it is to be
    zrelay_guard_t *guard;      //  Whom it lets in
    zrelay_report_t *report;    //  Hears what it refuses
    zactor_t *relay;            //  The relay
    zlist_t *lines;             //  To be printed when it is ready
} start_t;

//  Go on unless there is a sentence, which is what the relay said against a
//  command. Report it between two texts that tell the user which option it is
//  about, and free it.

static zrelay_exit_t
s_confirm (start_t *self, char *sentence, const char *before,
           const char *after)
{
    if (!sentence)
        return ZRELAY_EXIT_NOT_YET;
    zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s%s%s", before,
                       sentence, after);
    zstr_free (&sentence);
    return ZRELAY_EXIT_MISUSE;
}

//  --------------------------------------------------------------------------
//  Settings

static zrelay_exit_t
s_set (start_t *self, const zrelay_plan_setting_t *setting)
{
    char *before = zsys_sprintf ("--set %s.%s: ", setting->place,
                                 setting->option);
    assert (before);
    zrelay_exit_t status = s_confirm (self,
        zrelay_dialogue_command (self->relay, "SET", setting->place,
                                 setting->option, setting->value),
        before, "");
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
s_verbose (start_t *self)
{
    if (!self->plan->verbose)
        return ZRELAY_EXIT_NOT_YET;
    return s_confirm (self, zrelay_dialogue_command (self->relay, "VERBOSE"),
                      "--verbose: ", "");
}

static zrelay_exit_t
s_guard (start_t *self)
{
    zrelay_exit_t status =
        zrelay_guard_protect (self->guard, self->relay, ZRELAY_FRONTEND);
    if (status == ZRELAY_EXIT_NOT_YET)
        status =
            zrelay_guard_protect (self->guard, self->relay, ZRELAY_BACKEND);
    return status;
}

static zrelay_exit_t
s_capture (start_t *self)
{
    if (!self->plan->capture)
        return ZRELAY_EXIT_NOT_YET;
    return s_confirm (self,
        zrelay_dialogue_command (self->relay, "CAPTURE", self->plan->capture),
        "", "; name another with --capture");
}

//  --------------------------------------------------------------------------
//  Endpoints and subscriptions

//  Keep the line that tells where a side was attached last

static void
s_note_endpoint (start_t *self, const char *side,
                 const zrelay_plan_endpoint_t *item)
{
    char *endpoint = zrelay_dialogue_last_endpoint (self->relay, side);
    char *line = zsys_sprintf ("%s: %s %s to %s",
                               zrelay_plan_name (self->plan), side,
                               item->bind? "bound": "connected",
                               endpoint? endpoint: item->address);
    assert (line);
    zlist_append (self->lines, line);
    zstr_free (&line);
    zstr_free (&endpoint);
}

//  The command that chooses a socket's type has the name of its side

static char *
s_attach_typed (start_t *self, const char *side,
                const zrelay_plan_endpoint_t *item)
{
    char *endpoint = zsys_sprintf ("%c%s", item->bind? '@': '>',
                                   item->address);
    assert (endpoint);
    char *sentence = zrelay_dialogue_command (self->relay,
        streq (side, "frontend")? "FRONTEND": "BACKEND", item->type, endpoint);
    zstr_free (&endpoint);
    return sentence;
}

static zrelay_exit_t
s_attach (start_t *self, const char *side, const zrelay_plan_endpoint_t *item)
{
    char *sentence = item->type? s_attach_typed (self, side, item):
        zrelay_dialogue_command (self->relay,
            item->bind? "BIND": "CONNECT", side, item->address);
    char *after = zsys_sprintf ("; name another with --%s", side);
    assert (after);
    zrelay_exit_t status = s_confirm (self, sentence, "", after);
    zstr_free (&after);
    if (status == ZRELAY_EXIT_NOT_YET)
        s_note_endpoint (self, side, item);
    return status;
}

static zrelay_exit_t
s_attach_all (start_t *self)
{
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    for (size_t side = 0; side < ZRELAY_PLAN_SIDES; side++) {
        zlistx_t *endpoints = self->plan->sides [side].endpoints;
        zrelay_plan_endpoint_t *item =
            (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
        while (item && status == ZRELAY_EXIT_NOT_YET) {
            status = s_attach (self, self->plan->sides [side].name, item);
            item = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
        }
    }
    return status;
}

static zrelay_exit_t
s_subscribe (start_t *self)
{
    zlist_t *topics = self->plan->topics;
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    const char *topic = (const char *) zlist_first (topics);
    while (topic && status == ZRELAY_EXIT_NOT_YET) {
        status = s_confirm (self,
            zrelay_dialogue_command (self->relay, "SUBSCRIBE", topic),
            "--subscribe: ", "");
        topic = (const char *) zlist_next (topics);
    }
    return status;
}

//  --------------------------------------------------------------------------
//  The whole

//  What the user sets comes behind what the guard sets, and so has the last
//  word. Subscriptions need a socket; one
//  whose type is open does not exist until it is attached.

static zrelay_exit_t
s_bring (start_t *self)
{
    typedef zrelay_exit_t (step_fn) (start_t *self);
    bool open = zrelay_plan_type_is_open (self->plan, ZRELAY_FRONTEND);
    step_fn *steps [] = {
        s_verbose, s_guard, s_set_all, s_capture,
        open? s_attach_all: s_subscribe,
        open? s_subscribe: s_attach_all
    };
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    for (size_t index = 0; status == ZRELAY_EXIT_NOT_YET
         && index < sizeof (steps) / sizeof (*steps); index++)
        status = steps [index] (self);
    return status;
}

//  The relay goes on also if nobody can hear where it is

static void
s_print_lines (start_t *self)
{
    char *line = (char *) zlist_first (self->lines);
    while (line && !self->plan->quiet) {
        printf ("%s\n", line);
        line = (char *) zlist_next (self->lines);
    }
    zrelay_report_flush (self->report);
}

zactor_t *
zrelay_start (zrelay_plan_t *plan, zrelay_guard_t *guard,
              zrelay_report_t *report)
{
    start_t self = { plan, guard, report, NULL, NULL };
    self.relay = zactor_new (plan->kind->actor,
                             (void *) zrelay_plan_name (plan));
    if (!self.relay) {
        zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "the system has no sockets for a relay: %s",
            zmq_strerror (errno));
        return NULL;
    }
    self.lines = zlist_new ();
    assert (self.lines);
    zlist_autofree (self.lines);
    if (s_bring (&self) == ZRELAY_EXIT_NOT_YET)
        s_print_lines (&self);
    else
        zactor_destroy (&self.relay);
    zlist_destroy (&self.lines);
    return self.relay;
}
