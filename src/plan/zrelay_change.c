/*  =========================================================================
    zrelay_change - what turns one plan into another while its relay runs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_change.h"

//  Options of a side that act at once; those of its socket do not
static const char *s_limits [] = {
    "rate", "rate_burst", "maxframes", "connections",
    "connections_per_address"
};
#define LIMITS (sizeof (s_limits) / sizeof (*s_limits))

static void
s_message_destroy (void **item_p)
{
    zmsg_destroy ((zmsg_t **) item_p);
}

static zlistx_t *
s_messages_new (void)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    zlistx_set_destructor (list, s_message_destroy);
    return list;
}

static bool
s_same (const char *one, const char *other)
{
    return one && other? streq (one, other): one == other;
}


//  --------------------------------------------------------------------------
//  What needs a new relay

static bool
s_same_strings (zlist_t *one, zlist_t *other)
{
    const char *first = (const char *) zlist_first (one);
    const char *second = (const char *) zlist_first (other);
    while (first && second && streq (first, second)) {
        first = (const char *) zlist_next (one);
        second = (const char *) zlist_next (other);
    }
    return !first && !second;
}

static bool
s_same_commands (zlistx_t *one, zlistx_t *other)
{
    zrelay_plan_command_t *first = (zrelay_plan_command_t *) zlistx_first (one);
    zrelay_plan_command_t *second =
        (zrelay_plan_command_t *) zlistx_first (other);
    while (first && second && streq (first->name, second->name)
       &&  streq (first->arguments, second->arguments)) {
        first = (zrelay_plan_command_t *) zlistx_next (one);
        second = (zrelay_plan_command_t *) zlistx_next (other);
    }
    return !first && !second;
}

static bool
s_same_rules (zlistx_t *one, zlistx_t *other)
{
    zrelay_plan_rule_t *first = (zrelay_plan_rule_t *) zlistx_first (one);
    zrelay_plan_rule_t *second = (zrelay_plan_rule_t *) zlistx_first (other);
    while (first && second && streq (first->rule, second->rule)
       &&  streq (first->topic, second->topic)
       &&  s_same (first->to, second->to)) {
        first = (zrelay_plan_rule_t *) zlistx_next (one);
        second = (zrelay_plan_rule_t *) zlistx_next (other);
    }
    return !first && !second;
}

//  The socket type of a side, as far as a plan says it

static const char *
s_type (zrelay_plan_t *plan, int side)
{
    zrelay_plan_endpoint_t *first = (zrelay_plan_endpoint_t *)
        zlistx_first (plan->sides [side].endpoints);
    return first? first->type: NULL;
}

//  A side that binds has a domain, and one that begins to bind needs it first

static bool
s_same_side (zrelay_plan_t *one, zrelay_plan_t *other, int side)
{
    zrelay_side_id_t id = (zrelay_side_id_t) side;
    return s_same (s_type (one, side), s_type (other, side))
        && one->sides [side].guarded == other->sides [side].guarded
        && zrelay_plan_binds (one, id) == zrelay_plan_binds (other, id)
        && zrelay_plan_connects (one, id) == zrelay_plan_connects (other, id);
}

static bool
s_same_core (zrelay_plan_t *one, zrelay_plan_t *other)
{
    return one->kind == other->kind
        && s_same (one->curve, other->curve)
        && s_same (one->clients, other->clients)
        && s_same (one->server, other->server)
        && s_same (one->plain, other->plain)
        && s_same (one->permit, other->permit)
        && s_same_strings (one->allow, other->allow)
        && s_same_strings (one->deny, other->deny)
        && one->revoke_cuts == other->revoke_cuts
        && one->core == other->core
        && one->zmtp1 == other->zmtp1
        && one->verbose == other->verbose
        && s_same_commands (one->commands, other->commands)
        && s_same_rules (one->rules, other->rules)
        && s_same_side (one, other, ZRELAY_SIDE_FRONTEND)
        && s_same_side (one, other, ZRELAY_SIDE_BACKEND);
}


//  --------------------------------------------------------------------------
//  Commands

//  Words as a message, ended by NULL

static zmsg_t *
s_words (const char *word, ...)
{
    zmsg_t *words = zmsg_new ();
    assert (words);
    va_list argptr;
    va_start (argptr, word);
    for (; word; word = va_arg (argptr, const char *))
        zmsg_addstr (words, word);
    va_end (argptr);
    return words;
}

static void
s_add (zrelay_change_t *self, const zrelay_place_t *place, zmsg_t *command,
       zmsg_t *reverse)
{
    zlistx_add_end (self->commands, command);
    zlistx_add_end (self->reverse, reverse);
    zlistx_add_end (self->places, (void *) place);
    self->needed = true;
}

//  Only a new relay can do it

static void
s_give_up (zrelay_change_t *self)
{
    self->needed = true;
    self->possible = false;
}


//  --------------------------------------------------------------------------
//  Settings: the last one of a name counts

static zrelay_plan_setting_t *
s_find_setting (zrelay_plan_t *plan, const zrelay_plan_setting_t *like)
{
    zrelay_plan_setting_t *found = NULL;
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zlistx_first (plan->settings);
    for (; setting;
         setting = (zrelay_plan_setting_t *) zlistx_next (plan->settings))
        if (streq (setting->place, like->place)
        &&  streq (setting->option, like->option))
            found = setting;
    return found;
}

static bool
s_acts_at_once (zrelay_plan_t *plan, const zrelay_plan_setting_t *setting)
{
    bool acts = zrelay_plan_find_side (plan, setting->place) == -1;
    for (size_t index = 0; index < LIMITS; index++)
        acts = acts || streq (setting->option, s_limits [index]);
    return acts && !strstr (setting->value, "://");
}

//  A setting that is not in the old plan, or is not in the new one, had or gets
//  its default, which a new relay has

static void
s_settings (zrelay_change_t *self, zrelay_plan_t *old, zrelay_plan_t *new)
{
    zlistx_t *list = zlistx_dup (new->settings);
    assert (list);
    zlistx_set_destructor (list, NULL);
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zlistx_first (list);
    for (; setting; setting = (zrelay_plan_setting_t *) zlistx_next (list)) {
        zrelay_plan_setting_t *before = s_find_setting (old, setting);
        if (s_find_setting (new, setting) != setting
        || (before && streq (before->value, setting->value)))
            continue;
        if (before && s_acts_at_once (new, setting)
        &&  s_acts_at_once (old, before))
            s_add (self, &setting->at,
                s_words ("SET", setting->place, setting->option,
                         setting->value, NULL),
                s_words ("SET", before->place, before->option, before->value,
                         NULL));
        else
            s_give_up (self);
    }
    zlistx_destroy (&list);
}

//  Settings of the old plan that the new one does not have

static void
s_settings_gone (zrelay_change_t *self, zrelay_plan_t *old, zrelay_plan_t *new)
{
    zrelay_plan_setting_t *setting =
        (zrelay_plan_setting_t *) zlistx_first (old->settings);
    for (; setting;
         setting = (zrelay_plan_setting_t *) zlistx_next (old->settings))
        if (!s_find_setting (new, setting))
            s_give_up (self);
}


//  --------------------------------------------------------------------------
//  Endpoints and topics

static bool
s_has_endpoint (zlistx_t *list, const zrelay_plan_endpoint_t *like)
{
    zrelay_plan_endpoint_t *item =
        (zrelay_plan_endpoint_t *) zlistx_first (list);
    while (item && (item->bind != like->bind
                 || strneq (item->address, like->address)))
        item = (zrelay_plan_endpoint_t *) zlistx_next (list);
    return item != NULL;
}

static void
s_attach (zrelay_change_t *self, const char *side,
          const zrelay_plan_endpoint_t *item, const zrelay_place_t *place,
          bool attach)
{
    static const char *commands [2] [2] = {
        { "DISCONNECT", "UNBIND" }, { "CONNECT", "BIND" }
    };
    s_add (self, place,
           s_words (commands [attach] [item->bind], side, item->address, NULL),
           s_words (commands [!attach] [item->bind], side, item->address,
                    NULL));
}

//  Endpoints go before others come. One with a "*" has another name by now.

static void
s_endpoints (zrelay_change_t *self, zrelay_plan_t *old, zrelay_plan_t *new,
             int id)
{
    const char *side = new->sides [id].name;
    zlistx_t *before = old->sides [id].endpoints;
    zlistx_t *after = new->sides [id].endpoints;
    zrelay_plan_endpoint_t *item =
        (zrelay_plan_endpoint_t *) zlistx_first (before);
    for (; item; item = (zrelay_plan_endpoint_t *) zlistx_next (before)) {
        if (s_has_endpoint (after, item))
            continue;
        if (strchr (item->address, '*'))
            s_give_up (self);
        s_attach (self, side, item, &new->place, false);
    }
    item = (zrelay_plan_endpoint_t *) zlistx_first (after);
    for (; item; item = (zrelay_plan_endpoint_t *) zlistx_next (after))
        if (!s_has_endpoint (before, item))
            s_attach (self, side, item, &item->place, true);
}

static bool
s_has_topic (zlistx_t *list, const zrelay_plan_topic_t *like)
{
    zrelay_plan_topic_t *topic = (zrelay_plan_topic_t *) zlistx_first (list);
    while (topic && strneq (topic->text, like->text))
        topic = (zrelay_plan_topic_t *) zlistx_next (list);
    return topic != NULL;
}

//  Topics come before others go, so that no message falls between

static void
s_topics (zrelay_change_t *self, zrelay_plan_t *old, zrelay_plan_t *new)
{
    zrelay_plan_topic_t *topic =
        (zrelay_plan_topic_t *) zlistx_first (new->topics);
    for (; topic; topic = (zrelay_plan_topic_t *) zlistx_next (new->topics))
        if (!s_has_topic (old->topics, topic))
            s_add (self, &topic->place,
                   s_words ("SUBSCRIBE", topic->text, NULL),
                   s_words ("UNSUBSCRIBE", topic->text, NULL));
    topic = (zrelay_plan_topic_t *) zlistx_first (old->topics);
    for (; topic; topic = (zrelay_plan_topic_t *) zlistx_next (old->topics))
        if (!s_has_topic (new->topics, topic))
            s_add (self, &new->place,
                   s_words ("UNSUBSCRIBE", topic->text, NULL),
                   s_words ("SUBSCRIBE", topic->text, NULL));
}


//  --------------------------------------------------------------------------
//  The capture

static zmsg_t *
s_capture_words (zrelay_plan_t *plan)
{
    const zrelay_plan_endpoint_t *item = plan->capture;
    if (!item)
        return s_words ("CAPTURE", NULL);
    char *endpoint = zsys_sprintf ("%c%s", item->bind? '@': '>',
                                   item->address);
    assert (endpoint);
    zmsg_t *words = s_words ("CAPTURE", endpoint,
                             item->type? item->type: "PUSH",
                             plan->prefixes [0], plan->prefixes [1], NULL);
    zstr_free (&endpoint);
    return words;
}

static void
s_capture (zrelay_change_t *self, zrelay_plan_t *old, zrelay_plan_t *new)
{
    zmsg_t *before = s_capture_words (old);
    zmsg_t *after = s_capture_words (new);
    if (zmsg_eq (before, after)) {
        zmsg_destroy (&before);
        zmsg_destroy (&after);
    }
    else
        s_add (self, new->capture? &new->capture->place: &new->place, after,
               before);
}


//  --------------------------------------------------------------------------
//  The whole

zrelay_change_t *
zrelay_change_new (zrelay_plan_t *old, zrelay_plan_t *new)
{
    zrelay_change_t *self =
        (zrelay_change_t *) zmalloc (sizeof (zrelay_change_t));
    assert (self);
    self->commands = s_messages_new ();
    self->reverse = s_messages_new ();
    self->places = zlistx_new ();
    assert (self->places);
    self->possible = true;
    if (!s_same_core (old, new))
        s_give_up (self);
    s_settings (self, old, new);
    s_settings_gone (self, old, new);
    s_capture (self, old, new);
    s_topics (self, old, new);
    s_endpoints (self, old, new, ZRELAY_SIDE_FRONTEND);
    s_endpoints (self, old, new, ZRELAY_SIDE_BACKEND);
    return self;
}

void
zrelay_change_destroy (zrelay_change_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->commands);
        zlistx_destroy (&(*self_p)->reverse);
        zlistx_destroy (&(*self_p)->places);
        freen (*self_p);
    }
}
