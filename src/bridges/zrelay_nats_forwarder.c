/*  =========================================================================
    zrelay_nats_forwarder - a forwarder that can be joined to others

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>
#include <zrelay_nats.h>
#include "zrelay_interest.h"
#include "zrelay_join.h"

//  Word of the subjects of publications
#define WORD "pub"

//  First byte of a frame that subscribes, and of one that cancels, see ZeroMQ
//  RFC 23
#define SUBSCRIBE 1
#define CANCEL 0

//  Subscriptions changed at the servers in one turn
#define TURN_CHANGES 500

//  A prefix needs two subscriptions: NATS's ">" stands for one token or more
enum { MARK_EXACT, MARK_LONGER };

typedef struct {
    zrelay_join_t join;         //  What all joined kinds have
    zrelay_interest_t *interest;        //  Topics of this site's subscribers
    int changes;                //  Timer for the rest of these, or 0
    zlistx_t *held;             //  Messages that found no room
    int patience;               //  Timer that gives them up, or 0
    bool impatient;             //  It has, and there was no room since
    byte topic [ZRELAY_ADDRESS_TOPIC];  //  Of the last message
    size_t topic_size;          //  Its bytes; SIZE_MAX: there was none
    char subject [ZRELAY_ADDRESS_ROOM]; //  And its subject
} forwarder_t;


//  --------------------------------------------------------------------------
//  Subscriptions: the servers know the fewest prefixes that bring all topics

static void
s_change_more (forwarder_t *self);

static void
s_on_changes (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    forwarder_t *self = (forwarder_t *) object;
    self->changes = 0;
    s_change_more (self);
}

static void
s_ask (forwarder_t *self, const zrelay_interest_change_t *change)
{
    char exact [ZRELAY_ADDRESS_ROOM];
    char longer [ZRELAY_ADDRESS_ROOM + 2];
    zrelay_address_topic (&self->join.address, WORD, change->prefix,
                          change->size, exact);
    change->marks [MARK_EXACT] =
        zrelay_link_subscribe (self->join.link, exact);
    if (change->size == ZRELAY_ADDRESS_TOPIC)
        return;
    snprintf (longer, sizeof (longer), "%s.>", exact);
    change->marks [MARK_LONGER] =
        zrelay_link_subscribe (self->join.link, longer);
}

static void
s_change (forwarder_t *self, const zrelay_interest_change_t *change)
{
    if (change->wanted) {
        s_ask (self, change);
        return;
    }
    for (int mark = MARK_EXACT; mark <= MARK_LONGER; mark++)
        if (change->marks [mark]) {
            zrelay_link_unsubscribe (self->join.link, change->marks [mark]);
            change->marks [mark] = 0;
        }
}

static void
s_change_more (forwarder_t *self)
{
    zrelay_interest_change_t change;
    for (int left = TURN_CHANGES; left > 0; left--) {
        if (!zrelay_interest_next (self->interest, &change))
            return;
        s_change (self, &change);
    }
    if (!self->changes)
        self->changes = zrelay_engine_timer (self->join.engine, 0, 1,
                                             s_on_changes, NULL);
}

//  What subscribers ask for is noted also while the relay is not joined

static zrelay_verdict_t
s_on_subscription (zrelay_engine_t *engine, void *object,
                   zrelay_message_t *message)
{
    (void) engine;
    forwarder_t *self = (forwarder_t *) object;
    const byte *data = zrelay_message_data (message, 0);
    size_t size = zrelay_message_size (message, 0);
    if (zrelay_message_frames (message) != 1 || size == 0
    ||  data [0] > SUBSCRIBE)
        return ZRELAY_VERDICT_PASS;
    bool changed = data [0] == SUBSCRIBE?
        zrelay_interest_add (self->interest, data + 1, size - 1):
        zrelay_interest_remove (self->interest, data + 1, size - 1);
    if (changed)
        s_change_more (self);
    return ZRELAY_VERDICT_PASS;
}


//  --------------------------------------------------------------------------
//  Publications of this site

static const char *
s_subject (forwarder_t *self, zrelay_message_t *message)
{
    size_t size = zrelay_message_size (message, 0);
    const byte *data = zrelay_message_data (message, 0);
    if (size > ZRELAY_ADDRESS_TOPIC)
        size = ZRELAY_ADDRESS_TOPIC;
    //  Messages in a row often have the same topic
    if (size != self->topic_size || memcmp (data, self->topic, size)) {
        memcpy (self->topic, data, size);
        self->topic_size = size;
        zrelay_address_topic (&self->join.address, WORD, data, size,
                              self->subject);
    }
    return self->subject;
}

static void
s_set_holding (forwarder_t *self, bool holding)
{
    zrelay_engine_set_reading (self->join.engine, ZRELAY_FLOW_FORWARD,
        holding? ZRELAY_READING_OFF: ZRELAY_READING_ON);
    if (self->patience)
        zrelay_engine_timer_end (self->join.engine, self->patience);
    self->patience = 0;
}

static void
s_give_up (forwarder_t *self)
{
    self->join.missed += zlistx_size (self->held);
    zlistx_purge (self->held);
    s_set_holding (self, false);
}

static void
s_on_patience (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    forwarder_t *self = (forwarder_t *) object;
    self->patience = 0;
    self->impatient = true;
    s_give_up (self);
}

static void
s_hold (forwarder_t *self, zrelay_message_t *message)
{
    zlistx_add_end (self->held, zrelay_message_dup (message));
    if (self->patience)
        return;
    s_set_holding (self, true);
    self->patience = zrelay_engine_timer (self->join.engine,
        (size_t) self->join.patience, 1, s_on_patience, NULL);
}

static bool
s_send (forwarder_t *self, zrelay_message_t *message)
{
    zrelay_link_send_t result = zrelay_link_send (self->join.link,
        s_subject (self, message), message, 0);
    self->join.out += result == ZRELAY_LINK_SENT;
    self->join.missed += result == ZRELAY_LINK_UNFIT;
    return result != ZRELAY_LINK_FULL;
}

//  There is no room: the flow's overflow says what happens

static void
s_overflow (forwarder_t *self, zrelay_message_t *message)
{
    char *overflow = zrelay_engine_flow_option (self->join.engine,
        ZRELAY_FLOW_FORWARD, "overflow");
    bool holds = strneq (overflow, "drop-new") && strneq (overflow, "drop-old");
    bool oldest = streq (overflow, "drop-old");
    zstr_free (&overflow);
    if (holds && !self->impatient) {
        s_hold (self, message);
        return;
    }
    bool sent = false;
    while (oldest && !sent) {
        size_t dropped = zrelay_link_discard (self->join.link);
        self->join.missed += dropped;
        sent = s_send (self, message);
        oldest = dropped > 0;
    }
    self->join.missed += !sent;
}

//  The site's own subscribers get it in any case

static zrelay_verdict_t
s_on_publication (zrelay_engine_t *engine, void *object,
                  zrelay_message_t *message)
{
    (void) engine;
    forwarder_t *self = (forwarder_t *) object;
    if (!zrelay_join_works (&self->join))
        self->join.missed++;
    else
    if (zlistx_size (self->held) > 0)
        s_hold (self, message);
    else
    if (s_send (self, message))
        self->impatient = false;
    else
        s_overflow (self, message);
    return ZRELAY_VERDICT_PASS;
}

static void
s_go_on (void *object)
{
    forwarder_t *self = (forwarder_t *) object;
    zrelay_message_t *message;
    while ((message = (zrelay_message_t *) zlistx_first (self->held))) {
        if (!s_send (self, message))
            return;
        zlistx_delete (self->held, NULL);
    }
    if (self->patience)
        s_set_holding (self, false);
}


//  --------------------------------------------------------------------------
//  Publications of other sites: they go to this site's subscribers, and nowhere
//  else, so they cannot go round

static bool
s_deliver (void *object, const zrelay_link_letter_t *letter,
           zrelay_message_t *message)
{
    (void) letter;
    forwarder_t *self = (forwarder_t *) object;
    zrelay_send_t result =
        zrelay_engine_send (self->join.engine, ZRELAY_SIDE_BACKEND, message);
    self->join.in += result == ZRELAY_SEND_DONE;
    self->join.undelivered += result != ZRELAY_SEND_DONE
                           && result != ZRELAY_SEND_FULL;
    return result != ZRELAY_SEND_FULL;
}


//  --------------------------------------------------------------------------
//  Joining and leaving

//  Other sites may want anything, so as long as it is joined, the relay asks
//  its publishers for everything

static void
s_ask_publishers (forwarder_t *self, byte what)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, &what, 1);
    zrelay_engine_send (self->join.engine, ZRELAY_SIDE_FRONTEND, message);
    zrelay_message_destroy (&message);
}

static void
s_joined (void *object)
{
    forwarder_t *self = (forwarder_t *) object;
    self->topic_size = SIZE_MAX;
    self->impatient = false;
    zrelay_engine_set_handler (self->join.engine, ZRELAY_FLOW_FORWARD,
                               s_on_publication);
    s_ask_publishers (self, SUBSCRIBE);
    zrelay_interest_begin (self->interest);
    s_change_more (self);
}

static void
s_left (void *object)
{
    forwarder_t *self = (forwarder_t *) object;
    zrelay_engine_set_handler (self->join.engine, ZRELAY_FLOW_FORWARD, NULL);
    s_ask_publishers (self, CANCEL);
    zrelay_interest_end (self->interest);
    if (self->changes)
        zrelay_engine_timer_end (self->join.engine, self->changes);
    self->changes = 0;
    s_give_up (self);
}


//  --------------------------------------------------------------------------
//  The kind

static const zrelay_join_kind_t s_join = {
    .word = WORD,
    .joined = s_joined,
    .left = s_left,
    .go_on = s_go_on,
    .deliver = s_deliver
};

//  The destructor has zlistx's form

static void
s_free_message (void **message_p)
{
    zrelay_message_destroy ((zrelay_message_t **) message_p);
}

static void *
s_create (zrelay_engine_t *engine)
{
    forwarder_t *self = (forwarder_t *) zmalloc (sizeof (forwarder_t));
    assert (self);
    self->interest = zrelay_interest_new ();
    self->held = zlistx_new ();
    assert (self->held);
    zlistx_set_destructor (self->held, s_free_message);
    zrelay_join_init (&self->join, engine, &s_join);
    return self;
}

static void
s_destroy (void **object_p)
{
    forwarder_t *self = (forwarder_t *) *object_p;
    zrelay_join_term (&self->join);
    zrelay_interest_destroy (&self->interest);
    zlistx_destroy (&self->held);
    freen (self);
    *object_p = NULL;
}

//  A drain waits for what is to leave for other sites

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    forwarder_t *self = (forwarder_t *) object;
    if (!self->join.link)
        return 0;
    zrelay_link_status_t status;
    zrelay_link_status (self->join.link, &status);
    return status.waiting + zlistx_size (self->held);
}

static const zrelay_setting_t s_settings [] = {
    ZRELAY_JOIN_SETTINGS,
    ZRELAY_JOIN_PATIENCE,
    { .name = NULL }
};

static const zrelay_counter_t s_counters [] = {
    ZRELAY_JOIN_COUNTERS,
    { .name = NULL }
};

static const zrelay_kind_t s_more = {
    ZRELAY_KIND,
    .create = s_create,
    .destroy = s_destroy,
    .on_return = s_on_subscription,
    .pending = s_pending,
    .settings = s_settings,
    .counters = s_counters
};

const zrelay_kind_t *
zrelay_nats_forwarder_kind (void)
{
    static zrelay_kind_t kind;
    return zrelay_join_kind (&kind, zrelay_forwarder_kind (), &s_more);
}
