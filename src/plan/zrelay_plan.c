/*  =========================================================================
    zrelay_plan - what the program is to run

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_plan.h"

//  --------------------------------------------------------------------------
//  Items of lists

static void
s_endpoint_destroy (void **self_p)
{
    zrelay_plan_endpoint_t *self = (zrelay_plan_endpoint_t *) *self_p;
    zstr_free (&self->type);
    zstr_free (&self->address);
    zstr_free (&self->place.path);
    freen (self);
    *self_p = NULL;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

//  Letters directly before "@" or ">" are a socket type, since no address
//  starts like this.

static zrelay_plan_endpoint_t *
s_endpoint_new (const char *text)
{
    zrelay_plan_endpoint_t *self =
        (zrelay_plan_endpoint_t *) zmalloc (sizeof (zrelay_plan_endpoint_t));
    assert (self);
    size_t size = strspn (text, LETTERS);
    bool marked = text [size] == '@' || text [size] == '>';
    self->bind = !marked || text [size] == '@';
    self->address = strdup (marked? text + size + 1: text);
    assert (self->address);
    if (marked && size > 0) {
        self->type = strndup (text, size);
        assert (self->type);
    }
    return self;
}

static void
s_rule_destroy (void **self_p)
{
    zrelay_plan_rule_t *self = (zrelay_plan_rule_t *) *self_p;
    zstr_free (&self->topic);
    zstr_free (&self->to);
    zstr_free (&self->place.path);
    freen (self);
    *self_p = NULL;
}

static void
s_setting_destroy (void **self_p)
{
    zrelay_plan_setting_t *self = (zrelay_plan_setting_t *) *self_p;
    zstr_free (&self->place);
    zstr_free (&self->option);
    zstr_free (&self->value);
    zstr_free (&self->at.path);
    freen (self);
    *self_p = NULL;
}

static void
s_topic_destroy (void **self_p)
{
    zrelay_plan_topic_t *self = (zrelay_plan_topic_t *) *self_p;
    zstr_free (&self->text);
    zstr_free (&self->place.path);
    freen (self);
    *self_p = NULL;
}

static void
s_command_destroy (void **self_p)
{
    zrelay_plan_command_t *self = (zrelay_plan_command_t *) *self_p;
    zstr_free (&self->name);
    zstr_free (&self->arguments);
    zstr_free (&self->place.path);
    freen (self);
    *self_p = NULL;
}

static void
s_note_destroy (void **self_p)
{
    zrelay_plan_note_t *self = (zrelay_plan_note_t *) *self_p;
    zstr_free (&self->option);
    zstr_free (&self->place.path);
    freen (self);
    *self_p = NULL;
}

//  --------------------------------------------------------------------------
//  Constructor and destructor

static zlistx_t *
s_list_new (zlistx_destructor_fn *destructor)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    zlistx_set_destructor (list, destructor);
    return list;
}

static zlist_t *
s_strings_new (void)
{
    zlist_t *list = zlist_new ();
    assert (list);
    zlist_autofree (list);
    return list;
}

zrelay_plan_t *
zrelay_plan_new (void)
{
    static const char *names [ZRELAY_PLAN_SIDES] = { "frontend", "backend" };
    zrelay_plan_t *self = (zrelay_plan_t *) zmalloc (sizeof (zrelay_plan_t));
    assert (self);
    for (size_t side = 0; side < ZRELAY_PLAN_SIDES; side++) {
        self->sides [side].name = names [side];
        self->sides [side].endpoints = s_list_new (s_endpoint_destroy);
    }
    self->settings = s_list_new (s_setting_destroy);
    self->topics = s_list_new (s_topic_destroy);
    self->commands = s_list_new (s_command_destroy);
    self->notes = s_list_new (s_note_destroy);
    self->rules = s_list_new (s_rule_destroy);
    self->allow = s_strings_new ();
    self->deny = s_strings_new ();
    self->drain = ZRELAY_PLAN_DRAIN;
    self->revoke_cuts = true;
    return self;
}

void
zrelay_plan_destroy (zrelay_plan_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_plan_t *self = *self_p;
        for (size_t side = 0; side < ZRELAY_PLAN_SIDES; side++)
            zlistx_destroy (&self->sides [side].endpoints);
        zlistx_destroy (&self->settings);
        zlistx_destroy (&self->topics);
        zlistx_destroy (&self->commands);
        zlistx_destroy (&self->rules);
        zlistx_destroy (&self->notes);
        zlist_destroy (&self->allow);
        zlist_destroy (&self->deny);
        if (self->capture)
            s_endpoint_destroy ((void **) &self->capture);
        char **strings [] = {
            &self->name, &self->prefixes [0], &self->prefixes [1],
            &self->curve, &self->clients, &self->server, &self->plain,
            &self->permit, &self->user, &self->pid_file, &self->runtime_dir,
            &self->control, &self->control_curve, &self->control_clients,
            &self->metrics, &self->metrics_steer,
            &self->file, &self->place.path
        };
        for (size_t index = 0; index < sizeof (strings) / sizeof (*strings);
             index++)
            zstr_free (strings [index]);
        freen (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  Filling in

zrelay_plan_endpoint_t *
zrelay_plan_add_endpoint (zrelay_plan_t *self, zrelay_side_id_t side,
                          const char *text)
{
    zrelay_plan_endpoint_t *endpoint = s_endpoint_new (text);
    zlistx_add_end (self->sides [side].endpoints, endpoint);
    return endpoint;
}

//  A topic may have any characters

zrelay_plan_rule_t *
zrelay_plan_add_rule (zrelay_plan_t *self, const char *rule, const char *text)
{
    bool renames = streq (rule, "rename");
    const char *equals = renames? strrchr (text, '='): NULL;
    if (renames? !equals: !*text)
        return NULL;
    zrelay_plan_rule_t *added =
        (zrelay_plan_rule_t *) zmalloc (sizeof (zrelay_plan_rule_t));
    assert (added);
    added->rule = rule;
    added->topic = renames? strndup (text, (size_t) (equals - text)):
                            strdup (text);
    added->to = renames? strdup (equals + 1): NULL;
    assert (added->topic && (added->to || !renames));
    zlistx_add_end (self->rules, added);
    return added;
}

zrelay_plan_endpoint_t *
zrelay_plan_set_capture (zrelay_plan_t *self, const char *text)
{
    self->capture = s_endpoint_new (text);
    self->capture->bind = text [strspn (text, LETTERS)] == '@';
    return self->capture;
}

int
zrelay_plan_set_prefixes (zrelay_plan_t *self, const char *text)
{
    const char *comma = strchr (text, ',');
    if (!comma || strchr (comma + 1, ','))
        return -1;
    self->prefixes [0] = strndup (text, (size_t) (comma - text));
    self->prefixes [1] = strdup (comma + 1);
    assert (self->prefixes [0] && self->prefixes [1]);
    return 0;
}

//  The value may contain further dots and equals signs

int
zrelay_plan_add_setting (zrelay_plan_t *self, const char *text)
{
    const char *dot = strchr (text, '.');
    const char *equals = strchr (text, '=');
    if (!dot || !equals || dot == text || equals <= dot + 1)
        return -1;
    char *place = strndup (text, (size_t) (dot - text));
    char *option = strndup (dot + 1, (size_t) (equals - dot - 1));
    assert (place && option);
    zrelay_plan_set (self, place, option, equals + 1);
    zstr_free (&place);
    zstr_free (&option);
    return 0;
}

static char *
s_copy (const char *text)
{
    char *copy = strdup (text);
    assert (copy);
    return copy;
}

zrelay_plan_setting_t *
zrelay_plan_set (zrelay_plan_t *self, const char *place, const char *option,
                 const char *value)
{
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zmalloc (sizeof (zrelay_plan_setting_t));
    assert (setting);
    setting->place = s_copy (place);
    setting->option = s_copy (option);
    setting->value = s_copy (value);
    zlistx_add_end (self->settings, setting);
    return setting;
}

zrelay_plan_topic_t *
zrelay_plan_add_topic (zrelay_plan_t *self, const char *text)
{
    zrelay_plan_topic_t *topic =
        (zrelay_plan_topic_t *) zmalloc (sizeof (zrelay_plan_topic_t));
    assert (topic);
    topic->text = s_copy (text);
    zlistx_add_end (self->topics, topic);
    return topic;
}

zrelay_plan_command_t *
zrelay_plan_add_command (zrelay_plan_t *self, const char *name,
                         const char *arguments)
{
    zrelay_plan_command_t *command =
        (zrelay_plan_command_t *) zmalloc (sizeof (zrelay_plan_command_t));
    assert (command);
    command->name = s_copy (name);
    command->arguments = s_copy (arguments);
    zlistx_add_end (self->commands, command);
    return command;
}

//  --------------------------------------------------------------------------
//  Places

void
zrelay_place_set (zrelay_place_t *self, size_t line, const char *path)
{
    self->line = line;
    zstr_free (&self->path);
    self->path = s_copy (path);
}

void
zrelay_plan_note (zrelay_plan_t *self, const char *option, size_t line,
                  const char *path)
{
    zrelay_plan_note_t *note =
        (zrelay_plan_note_t *) zmalloc (sizeof (zrelay_plan_note_t));
    assert (note);
    note->option = s_copy (option);
    zrelay_place_set (&note->place, line, path);
    zlistx_add_end (self->notes, note);
}

const zrelay_place_t *
zrelay_plan_place (zrelay_plan_t *self, const char *option)
{
    zrelay_plan_note_t *note =
        (zrelay_plan_note_t *) zlistx_first (self->notes);
    while (note && strneq (note->option, option))
        note = (zrelay_plan_note_t *) zlistx_next (self->notes);
    return note? &note->place: &self->place;
}

const char *
zrelay_plan_dashes (zrelay_plan_t *self)
{
    return self->file? "": "--";
}

//  --------------------------------------------------------------------------
//  Questions

const char *
zrelay_plan_name (zrelay_plan_t *self)
{
    return self->name? self->name: self->kind->name;
}

int
zrelay_plan_find_side (zrelay_plan_t *self, const char *name)
{
    for (int side = 0; side < ZRELAY_PLAN_SIDES; side++)
        if (streq (self->sides [side].name, name))
            return side;
    return -1;
}

const zrelay_side_spec_t *
zrelay_plan_spec (zrelay_plan_t *self, zrelay_side_id_t side)
{
    return side == ZRELAY_SIDE_FRONTEND? &self->kind->frontend:
                                    &self->kind->backend;
}

bool
zrelay_plan_has_side (zrelay_plan_t *self, zrelay_side_id_t side)
{
    return zrelay_plan_spec (self, side)->types != NULL;
}

bool
zrelay_plan_type_is_open (zrelay_plan_t *self, zrelay_side_id_t side)
{
    const char *types = zrelay_plan_spec (self, side)->types;
    return types && strchr (types, ',');
}

const char *
zrelay_plan_type (zrelay_plan_t *self, zrelay_side_id_t side)
{
    zrelay_plan_endpoint_t *first =
        (zrelay_plan_endpoint_t *) zlistx_first (self->sides [side].endpoints);
    return first && first->type? first->type:
           zrelay_plan_spec (self, side)->types;
}

const char *
zrelay_plan_topical_flow (zrelay_plan_t *self)
{
    const char *type = zrelay_plan_has_side (self, ZRELAY_SIDE_BACKEND)?
        zrelay_plan_type (self, ZRELAY_SIDE_BACKEND): "";
    return strcasecmp (type, "SUB") == 0 || strcasecmp (type, "XSUB") == 0?
           "return": "forward";
}

char *
zrelay_plan_types (zrelay_plan_t *self, zrelay_side_id_t side)
{
    const char *types = zrelay_plan_spec (self, side)->types;
    const char *last = strrchr (types, ',');
    char *text = strdup ("");
    assert (text);
    while (*types) {
        size_t size = strcspn (types, ",");
        const char *between = types + size == last? " or ":
                              types [size]? ", ": "";
        char *longer = zsys_sprintf ("%s%.*s%s", text, (int) size, types,
                                     between);
        assert (longer);
        zstr_free (&text);
        text = longer;
        types += types [size]? size + 1: size;
    }
    return text;
}

bool
zrelay_plan_sets (zrelay_plan_t *self, const char *place, const char *option)
{
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zlistx_first (self->settings);
    while (setting && (strcasecmp (setting->place, place) != 0
                    || strneq (setting->option, option)))
        setting = (zrelay_plan_setting_t *) zlistx_next (self->settings);
    return setting != NULL;
}

static bool
s_is_local (const char *address)
{
    static const char *const places [] = {
        "ipc://", "inproc://", "tcp://127.", "tcp://[::1]", "ws://127.",
        "ws://[::1]", NULL
    };
    int index = 0;
    while (places [index]
       &&  strncmp (address, places [index], strlen (places [index])))
        index++;
    return places [index] != NULL;
}

bool
zrelay_plan_is_local (zrelay_plan_t *self, zrelay_side_id_t side)
{
    zlistx_t *endpoints = self->sides [side].endpoints;
    zrelay_plan_endpoint_t *endpoint =
        (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
    while (endpoint && (!endpoint->bind || s_is_local (endpoint->address)))
        endpoint = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
    return endpoint == NULL;
}

static bool
s_has (zlistx_t *endpoints, bool bind)
{
    zrelay_plan_endpoint_t *endpoint =
        (zrelay_plan_endpoint_t *) zlistx_first (endpoints);
    while (endpoint && endpoint->bind != bind)
        endpoint = (zrelay_plan_endpoint_t *) zlistx_next (endpoints);
    return endpoint != NULL;
}

bool
zrelay_plan_binds (zrelay_plan_t *self, zrelay_side_id_t side)
{
    return s_has (self->sides [side].endpoints, true);
}

bool
zrelay_plan_connects (zrelay_plan_t *self, zrelay_side_id_t side)
{
    return s_has (self->sides [side].endpoints, false);
}

bool
zrelay_plan_limits (zrelay_plan_t *self)
{
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zlistx_first (self->settings);
    while (setting && strcasecmp (setting->option, "maxmsgsize") != 0
        && strcasecmp (setting->option, "maxframes") != 0)
        setting = (zrelay_plan_setting_t *) zlistx_next (self->settings);
    return setting != NULL;
}

char *
zrelay_plan_kind_names (const zrelay_kind_t *const *kinds)
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
