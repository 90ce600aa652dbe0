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
#include "zrelay_gaps.h"
#include "zrelay_interest.h"
#include "zrelay_join.h"
#include "zrelay_published.h"

//  Words of the subjects of publications, and of what sites say to one another
#define WORD "pub"
#define WORD_SITE "site.pub"

//  What they say: how many messages had you of each topic? So many
static const char s_ask [] = "ASK";
static const char s_tell [] = "TELL";

//  Frames of both: the word; a range, its numbers in order. And of an answer's
//  part: what follows it, and where its rows begin among all; the rows.
enum { FRAME_WORD, FRAME_RANGE, FRAMES_ASK, FRAME_PART = 2, FRAME_ROWS,
       FRAMES_TELL };
enum { PART_MORE = 0, PART_LAST = 1, PART_LAST_KNOWN = 2 };
#define RANGE_SIZE (2 * ZRELAY_PARCEL_LONG)
#define PLACE_SIZE (1 + ZRELAY_PARCEL_LONG)

//  Bytes of rows in one part, at most, and at most this part of a message that
//  the server takes: it may be configured for small ones
#define PART_SIZE 16384
#define PART_SHARE 2

//  What a part costs besides, in bytes, and which part of the buffer answers may
//  take between two reports
#define PART_COST 512
#define ANSWERS_SHARE 4

//  Numbers of a report: where a stretch began and ended, how often the site was
//  connected, and for how many msecs it has been there
enum { NUMBER_AFTER, NUMBER_UPTO, NUMBER_CONNECTS, NUMBER_AGE, NUMBERS };

//  A site that is younger by so many msecs, in which its report may have been
//  under way, began while this one was there
#define YOUNGER_MSECS 200

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
    zrelay_published_t *published;  //  What this site has published
    zrelay_gaps_t *gaps;        //  What of others did not come
    char own [ZRELAY_ADDRESS_ROOM];     //  Subject for what others say to it
    uint64_t lost;              //  Counter: messages that did not come
    int64_t joined_at;          //  When the relay joined, in msecs
    int64_t answers_at;         //  Since when it counts the bytes of answers
    size_t answers;             //  These
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
s_want (forwarder_t *self, const zrelay_interest_change_t *change)
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
        s_want (self, change);
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
    if (result == ZRELAY_LINK_SENT) {
        self->join.out++;
        zrelay_published_add (self->published, zrelay_message_data (message, 0),
                          zrelay_message_size (message, 0));
    }
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
//  What was missed while a connection was lost. Each report says where a
//  stretch of messages ended, see zrelay_published; whoever did not hear one
//  asks, see zrelay_gaps.

static void
s_report (void *object, uint64_t *numbers)
{
    forwarder_t *self = (forwarder_t *) object;
    numbers [NUMBER_AFTER] = zrelay_published_after (self->published);
    numbers [NUMBER_UPTO] = zrelay_link_sequence (self->join.link);
    numbers [NUMBER_CONNECTS] = self->join.status.connects;
    numbers [NUMBER_AGE] = (uint64_t) (zclock_mono () - self->joined_at);
}

static void
s_reported (void *object, const uint64_t *numbers)
{
    forwarder_t *self = (forwarder_t *) object;
    zrelay_published_end (self->published, numbers [NUMBER_UPTO]);
}

//  Begin what is to be said to another site

static zrelay_message_t *
s_saying (const char *verb, const zrelay_gaps_range_t *range)
{
    byte frame [RANGE_SIZE];
    zrelay_parcel_put_long (frame, range->after);
    zrelay_parcel_put_long (frame + ZRELAY_PARCEL_LONG, range->upto);
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, verb, strlen (verb));
    zrelay_message_append (message, frame, sizeof (frame));
    return message;
}

//  And say it. Returns false if there is no room; then it is asked for again.

static bool
s_say (forwarder_t *self, uint64_t origin, zrelay_message_t *message)
{
    char subject [ZRELAY_ADDRESS_ROOM];
    zrelay_address_origin (&self->join.address, WORD_SITE, origin, subject);
    zrelay_link_send_t result =
        zrelay_link_tell (self->join.link, subject, message);
    zrelay_message_destroy (&message);
    return result == ZRELAY_LINK_SENT;
}

//  An answer that is being given
typedef struct {
    uint64_t origin;            //  To whom
    const zrelay_gaps_range_t *range;   //  To what
    uint64_t at;                //  Bytes of rows that were said
    size_t most;                //  Bytes that it may take
    size_t part;                //  Bytes of a part
    size_t size;                //  Bytes of rows that are still to be said
    byte rows [PART_SIZE];      //  These
} answer_t;

//  Returns false if there is no room for more

static bool
s_say_part (forwarder_t *self, answer_t *answer, byte part)
{
    byte place [PLACE_SIZE] = { part };
    zrelay_parcel_put_long (place + 1, answer->at);
    zrelay_message_t *message = s_saying (s_tell, answer->range);
    zrelay_message_append (message, place, sizeof (place));
    zrelay_message_append (message, answer->rows, answer->size);
    answer->at += answer->size;
    self->answers += PART_COST + answer->size;
    answer->size = 0;
    return s_say (self, answer->origin, message)
        && self->answers < answer->most;
}

static bool
s_say_stretch (forwarder_t *self, answer_t *answer,
               const zrelay_published_stretch_t *stretch)
{
    bool said = true;
    size_t at = 0;
    size_t from = 0;
    zrelay_published_row_t row;
    while (said && zrelay_published_read (stretch->rows, stretch->size, &at,
                                          &row)) {
        memcpy (answer->rows + answer->size, stretch->rows + from, at - from);
        answer->size += at - from;
        from = at;
        if (answer->size + ZRELAY_PUBLISHED_ROW > answer->part)
            said = s_say_part (self, answer, PART_MORE);
    }
    return said;
}

//  The stretches of a range: the first, and the next

static const zrelay_published_stretch_t *
s_within (const zrelay_published_stretch_t *stretch,
          const zrelay_gaps_range_t *range)
{
    return stretch && stretch->after < range->upto? stretch: NULL;
}

static const zrelay_published_stretch_t *
s_first (forwarder_t *self, const zrelay_gaps_range_t *range)
{
    return s_within (zrelay_published_first (self->published, range->after),
                     range);
}

static const zrelay_published_stretch_t *
s_next (forwarder_t *self, const zrelay_gaps_range_t *range)
{
    return s_within (zrelay_published_next (self->published), range);
}

//  What answers may take is bounded. Those for which too little is left now are
//  asked for again. One that takes more than there ever is begins first, and
//  ends early.

static bool
s_may_answer (forwarder_t *self, const zrelay_gaps_range_t *range, size_t most)
{
    int64_t now = zclock_mono ();
    if (now - self->answers_at >= ZRELAY_SITES_IVL) {
        self->answers_at = now;
        self->answers = 0;
    }
    size_t size = self->answers + PART_COST;
    const zrelay_published_stretch_t *stretch = s_first (self, range);
    for (; stretch; stretch = s_next (self, range))
        size += stretch->size + stretch->size * PART_COST / PART_SIZE;
    return self->answers == 0 || size < most;
}

static size_t
s_part_size (forwarder_t *self)
{
    size_t most = zrelay_link_payload_most (self->join.link) / PART_SHARE;
    return most > PART_SIZE? PART_SIZE:
           most > ZRELAY_PUBLISHED_ROW? most: ZRELAY_PUBLISHED_ROW;
}

static void
s_answer (forwarder_t *self, uint64_t origin, const zrelay_gaps_range_t *range)
{
    size_t most = (size_t) self->join.buffer / ANSWERS_SHARE;
    //  A stranger could ask in anybody's name
    if (!zrelay_sites_name (self->join.sites, origin)
    ||  !s_may_answer (self, range, most))
        return;
    answer_t answer = { .origin = origin, .range = range, .most = most,
                        .part = s_part_size (self) };
    bool known = zrelay_published_knows (self->published, range->after);
    bool said = true;
    const zrelay_published_stretch_t *stretch = s_first (self, range);
    for (; stretch && said; stretch = s_next (self, range)) {
        known = known && stretch->whole;
        said = s_say_stretch (self, &answer, stretch);
    }
    s_say_part (self, &answer, known && said? PART_LAST_KNOWN: PART_LAST);
}

//  Only what this site asks for now is missed. Returns false if these are no
//  rows.

static bool
s_expected (forwarder_t *self, zrelay_message_t *message, uint64_t *messages)
{
    const byte *rows = zrelay_message_data (message, FRAME_ROWS);
    size_t size = zrelay_message_size (message, FRAME_ROWS);
    size_t at = 0;
    zrelay_published_row_t row;
    while (zrelay_published_read (rows, size, &at, &row))
        if (zrelay_interest_wants (self->interest, row.topic, row.size))
            *messages += row.messages;
    return at == size;
}

static void
s_log_lost (forwarder_t *self, uint64_t origin, uint64_t lost, bool known)
{
    const char *name = zrelay_sites_name (self->join.sites, origin);
    zrelay_engine_log (self->join.engine, ZRELAY_LOG_WARNING,
        "has lost %s%" PRIu64 " messages of %s, which came while it could not "
        "be reached", known? "": "at least ", lost,
        name? name: "a site that is gone");
}

static void
s_hear_answer (forwarder_t *self, uint64_t origin,
               const zrelay_gaps_range_t *range, zrelay_message_t *message)
{
    const byte *place = zrelay_message_data (message, FRAME_PART);
    zrelay_gaps_part_t part = {
        .range = *range,
        .at = zrelay_parcel_get_long (place + 1),
        .size = zrelay_message_size (message, FRAME_ROWS),
        .last = *place != PART_MORE
    };
    if (*place > PART_LAST_KNOWN
    ||  !s_expected (self, message, &part.messages)) {
        self->join.invalid++;
        return;
    }
    uint64_t lost = zrelay_gaps_answer (self->gaps, origin, &part);
    self->lost += lost;
    if (lost > 0)
        s_log_lost (self, origin, lost, *place == PART_LAST_KNOWN);
}

static bool
s_is_said (zrelay_message_t *message, const char *word, size_t frames)
{
    return zrelay_message_frames (message) == frames
        && zrelay_message_streq (message, FRAME_WORD, word)
        && zrelay_message_size (message, FRAME_RANGE) == RANGE_SIZE;
}

static void
s_hear_said (forwarder_t *self, uint64_t origin, zrelay_message_t *message)
{
    bool asked = s_is_said (message, s_ask, FRAMES_ASK);
    bool told = s_is_said (message, s_tell, FRAMES_TELL)
             && zrelay_message_size (message, FRAME_PART) == PLACE_SIZE;
    if (!asked && !told) {
        self->join.invalid++;
        return;
    }
    const byte *frame = zrelay_message_data (message, FRAME_RANGE);
    zrelay_gaps_range_t range = {
        zrelay_parcel_get_long (frame),
        zrelay_parcel_get_long (frame + ZRELAY_PARCEL_LONG)
    };
    if (asked)
        s_answer (self, origin, &range);
    else
        s_hear_answer (self, origin, &range, message);
}

//  A letter for which there was no room is a reason to ask, as is a connection
//  that was lost, here or there

static void
s_hear (void *object, uint64_t origin, const uint64_t *numbers)
{
    forwarder_t *self = (forwarder_t *) object;
    if (!numbers) {
        zrelay_gaps_leave (self->gaps, origin);
        return;
    }
    const zrelay_link_letter_t *letter = &self->join.letter;
    int64_t age = letter->came_at - self->joined_at - YOUNGER_MSECS;
    zrelay_gaps_report_t report = {
        .after = numbers [NUMBER_AFTER],
        .upto = numbers [NUMBER_UPTO],
        .connects = numbers [NUMBER_CONNECTS],
        .younger = age > 0 && numbers [NUMBER_AGE] < (uint64_t) age
    };
    zrelay_gaps_range_t range;
    //  A report has a parcel of its own, behind those that it tells of
    if (report.upto >= letter->sequence)
        self->join.invalid++;
    else
    if (zrelay_gaps_report (self->gaps, origin, &report, letter->trouble,
                            letter->came_at, zclock_mono (), &range))
        s_say (self, origin, s_saying (s_ask, &range));
}


//  --------------------------------------------------------------------------
//  Publications of other sites: they go to this site's subscribers, and nowhere
//  else, so they cannot go round

static bool
s_deliver (void *object, const zrelay_link_letter_t *letter,
           zrelay_message_t *message)
{
    forwarder_t *self = (forwarder_t *) object;
    if (streq (letter->subject, self->own)) {
        s_hear_said (self, letter->origin, message);
        return true;
    }
    //  What was counted as lost, and is sent again after all, remains lost
    if (zrelay_gaps_missed (self->gaps, letter->origin, letter->sequence))
        return true;
    zrelay_send_t result =
        zrelay_engine_send (self->join.engine, ZRELAY_SIDE_BACKEND, message);
    if (result == ZRELAY_SEND_FULL)
        return false;
    self->join.in += result == ZRELAY_SEND_DONE;
    self->join.undelivered += result != ZRELAY_SEND_DONE;
    zrelay_gaps_came (self->gaps, letter->origin, letter->sequence,
                      letter->came_at);
    return true;
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
    self->joined_at = zclock_mono ();
    zrelay_published_clear (self->published);
    zrelay_gaps_clear (self->gaps);
    zrelay_link_subscribe (self->join.link,
        zrelay_address_origin (&self->join.address, WORD_SITE,
            zrelay_link_origin (self->join.link), self->own));
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
    .deliver = s_deliver,
    .numbers = NUMBERS,
    .report = s_report,
    .reported = s_reported,
    .hear = s_hear
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
    self->published = zrelay_published_new ();
    self->gaps = zrelay_gaps_new ();
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
    zrelay_published_destroy (&self->published);
    zrelay_gaps_destroy (&self->gaps);
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
    { ZRELAY_COUNTER, .name = "join.lost",
      .offset = offsetof (forwarder_t, lost) },
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
