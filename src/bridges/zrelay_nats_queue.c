/*  =========================================================================
    zrelay_nats_queue - a queue that can be joined to others

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>
#include <zrelay_nats.h>
#include "zrelay_join.h"

//  Word of the subjects of requests and replies
#define WORD "req"

//  Milliseconds between two looks at deadlines, sites and requests that wait
#define TICK_IVL 100

//  A request that workers of this site get begins with a tag, which they give
//  back with the reply as they do with any envelope. A client cannot choose a
//  routing id that begins with a zero byte, and libzmq's have another size.
#define TAG_SIZE 10
static const byte s_tag [2] = { 0, 'z' };

//  What crosses begins with one of these and the number of the request
#define HEAD_SIZE 9
#define HEAD_REQUEST 'Q'
#define HEAD_REPLY 'A'
#define HEAD_REFUSED 'N'
#define HEAD_LOST 'L'

//  Most workers that are believed of another site
#define WORKERS_MOST 1000000

#define DAY (24 * 60 * 60 * 1000)

//  Why requests and replies are dropped
enum { REASON_GIVEN_UP, REASON_EXPIRED, REASON_LATE };
static const char *const s_reasons [] = { "given_up", "expired", "late", NULL };

//  Another site
typedef struct {
    zrelay_name_t name;         //  The origin's bytes, for the index
    uint64_t origin;            //  Its number
    int64_t heard_at;           //  When it reported last, in msecs
    int64_t free;               //  Workers that have nothing to do, less those
                                //  that were given something since
    size_t workers;             //  Workers that it has
} site_t;

//  Who has a request
typedef enum {
    WITH_NOBODY,                //  It is being looked at
    WITH_QUEUE,                 //  It waits
    WITH_WORKER,                //  A worker of this site
    WITH_SITE                   //  Another site
} with_t;

typedef struct {
    zrelay_name_t name;         //  The number's bytes, for the index
    uint64_t number;            //  Its number here
    uint64_t origin;            //  Site whose client asks; 0: this one
    uint64_t theirs;            //  Its number there
    with_t with;                //  Who has it
    uint64_t site;              //  Site that has it, or had it last
    int64_t given;              //  How often it was given
    int64_t until;              //  When its time is over, or 0: never
    zrelay_message_t *message;  //  A copy, with the client's routing id; NULL:
                                //  another site has it
} request_t;

typedef struct {
    zrelay_join_t join;         //  What all joined kinds have
    zrelay_index_t *sites;      //  site_t
    zrelay_index_t *requests;   //  request_t
    zlistx_t *waiting;          //  Those that nobody has
    uint64_t last;              //  Number of the last request
    int64_t told;               //  Free workers that were reported last
    bool used;                  //  It was joined once: there may be tags
    int tick;                   //  Timer, or 0
    int64_t retries;            //  Settings
    int64_t deadline;
    uint64_t here;              //  Counters
    uint64_t there;
    uint64_t retried;
    uint64_t in_hand;           //  Workers of this site have so many
    uint64_t waits;
} queue_t;


//  --------------------------------------------------------------------------
//  Workers of this site, and other sites

static size_t
s_workers (queue_t *self)
{
    return zrelay_engine_peers (self->join.engine, ZRELAY_SIDE_BACKEND);
}

static int64_t
s_free (queue_t *self)
{
    return (int64_t) s_workers (self) - (int64_t) self->in_hand;
}

//  What reports say: free workers, and workers

enum { NUMBER_FREE, NUMBER_WORKERS, NUMBERS };

static void
s_report (void *object, uint64_t *numbers)
{
    queue_t *self = (queue_t *) object;
    self->told = s_free (self);
    numbers [NUMBER_FREE] = self->told > 0? (uint64_t) self->told: 0;
    numbers [NUMBER_WORKERS] = s_workers (self);
}

static site_t *
s_find_site (queue_t *self, uint64_t origin)
{
    return (site_t *) zrelay_index_find (self->sites, &origin,
                                         sizeof (origin));
}

static site_t *
s_site (queue_t *self, uint64_t origin)
{
    site_t *site = s_find_site (self, origin);
    if (!site && zrelay_index_size (self->sites) < ZRELAY_SITES_MOST) {
        site = (site_t *) zmalloc (sizeof (site_t));
        assert (site);
        site->origin = origin;
        site->name = (zrelay_name_t) { &site->origin, sizeof (origin) };
        zrelay_index_add (self->sites, &site->name, site);
    }
    return site;
}

//  The site with the most free workers, or, where none has any, the one that
//  has least to do for each; NULL: no site has workers

static site_t *
s_best_site (queue_t *self)
{
    site_t *best = NULL;
    site_t *site = (site_t *) zrelay_index_first (self->sites);
    for (; site; site = (site_t *) zrelay_index_next (self->sites))
        if (site->workers > 0 && (!best || site->free > best->free))
            best = site;
    return self->join.status.state == ZRELAY_LINK_UP? best: NULL;
}


//  --------------------------------------------------------------------------
//  Requests

static request_t *
s_request_new (queue_t *self)
{
    request_t *request = (request_t *) zmalloc (sizeof (request_t));
    assert (request);
    request->number = ++self->last;
    request->name = (zrelay_name_t) { &request->number,
                                       sizeof (request->number) };
    if (self->deadline)
        request->until = zclock_mono () + self->deadline;
    zrelay_index_add (self->requests, &request->name, request);
    return request;
}

static request_t *
s_find_request (queue_t *self, uint64_t number)
{
    return (request_t *) zrelay_index_find (self->requests, &number,
                                            sizeof (number));
}

//  Whoever had it has it no more

static void
s_take_back (queue_t *self, request_t *request)
{
    site_t *site = s_find_site (self, request->site);
    if (request->with == WITH_QUEUE) {
        zlistx_delete (self->waiting, zlistx_find (self->waiting, request));
        self->waits--;
    }
    if (request->with == WITH_WORKER)
        self->in_hand--;
    if (request->with == WITH_SITE && site)
        site->free++;
    request->with = WITH_NOBODY;
}

static void
s_free_request (void *item)
{
    request_t *request = (request_t *) item;
    zrelay_message_destroy (&request->message);
    free (request);
}

static void
s_forget (queue_t *self, request_t *request)
{
    s_take_back (self, request);
    zrelay_index_remove (self->requests, &request->name);
    s_free_request (request);
}

static void
s_push_tag (zrelay_message_t *message, uint64_t number)
{
    byte tag [TAG_SIZE];
    memcpy (tag, s_tag, sizeof (s_tag));
    zrelay_parcel_put_long (tag + sizeof (s_tag), number);
    zrelay_message_push (message, tag, sizeof (tag));
}

//  Say something to another site: a word, a number, and the frames of a message
//  from first on, if there is one. Returns false if there is no room.

static bool
s_say (queue_t *self, uint64_t origin, byte word, uint64_t number,
       zrelay_message_t *message, size_t first)
{
    byte head [HEAD_SIZE] = { word };
    zrelay_parcel_put_long (head + 1, number);
    char subject [ZRELAY_ADDRESS_ROOM];
    zrelay_address_origin (&self->join.address, WORD, origin, subject);
    zrelay_message_t *said = zrelay_message_new ();
    zrelay_message_append (said, head, sizeof (head));
    if (message)
        zrelay_message_share (said, message, first,
                              zrelay_message_frames (message));
    bool sent = zrelay_link_send (self->join.link, subject, said, 0)
             == ZRELAY_LINK_SENT;
    zrelay_message_destroy (&said);
    self->join.out += sent;
    self->join.missed += !sent;
    return sent;
}

static bool
s_give_there (queue_t *self, request_t *request, site_t *site)
{
    if (!s_say (self, site->origin, HEAD_REQUEST, request->number,
                request->message, 1))
        return false;
    s_take_back (self, request);
    request->with = WITH_SITE;
    request->site = site->origin;
    request->given++;
    site->free--;
    self->there++;
    return true;
}

static void
s_note_here (queue_t *self, request_t *request)
{
    s_take_back (self, request);
    request->with = WITH_WORKER;
    request->given++;
    self->in_hand++;
    self->here++;
}

static bool
s_give_here (queue_t *self, request_t *request)
{
    zrelay_message_t *message = zrelay_message_dup (request->message);
    s_push_tag (message, request->number);
    bool given = zrelay_engine_send (self->join.engine, ZRELAY_SIDE_BACKEND,
                                     message) == ZRELAY_SEND_DONE;
    zrelay_message_destroy (&message);
    if (given)
        s_note_here (self, request);
    return given;
}

//  The site that a request should go to; NULL: this one, because a worker is
//  free here, or none is free elsewhere

static site_t *
s_choose_site (queue_t *self)
{
    site_t *best = s_best_site (self);
    return s_free (self) > 0 || !best
        || (best->free <= 0 && s_workers (self) > 0)? NULL: best;
}

//  Returns false if nobody takes it

static bool
s_give (queue_t *self, request_t *request)
{
    site_t *site = s_choose_site (self);
    return (site && s_give_there (self, request, site))
        || (s_workers (self) > 0 && s_give_here (self, request));
}

static void
s_wait (queue_t *self, request_t *request)
{
    s_take_back (self, request);
    request->with = WITH_QUEUE;
    zlistx_add_end (self->waiting, request);
    self->waits++;
    zrelay_engine_set_reading (self->join.engine, ZRELAY_FLOW_FORWARD,
                               ZRELAY_READING_OFF);
}

static void
s_give_waiting (queue_t *self)
{
    request_t *request;
    while ((request = (request_t *) zlistx_first (self->waiting)))
        if (!s_give (self, request))
            return;
    zrelay_engine_set_reading (self->join.engine, ZRELAY_FLOW_FORWARD,
                               ZRELAY_READING_ON);
}

//  Whoever had it is lost, or would not take it. The site that asked for it
//  decides what follows.

static void
s_give_again (queue_t *self, request_t *request, bool lost)
{
    request->given -= !lost;
    bool over = request->origin || request->given > self->retries;
    if (request->origin && self->join.link)
        s_say (self, request->origin, lost? HEAD_LOST: HEAD_REFUSED,
               request->theirs, NULL, 0);
    if (over && !request->origin)
        zrelay_engine_count_drop (self->join.engine, ZRELAY_FLOW_FORWARD,
                                  REASON_GIVEN_UP);
    if (over)
        s_forget (self, request);
    else {
        self->retried += lost;
        s_wait (self, request);
    }
    s_give_waiting (self);
}

//  Requests of which something is true are collected first, since the index
//  must not change while it is walked through

typedef bool (request_fn) (const request_t *request, uint64_t value);

static zlistx_t *
s_collect (queue_t *self, request_fn *function, uint64_t value)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    request_t *request = (request_t *) zrelay_index_first (self->requests);
    for (; request; request = (request_t *) zrelay_index_next (self->requests))
        if (function (request, value))
            zlistx_add_end (list, request);
    return list;
}

static bool
s_is_with (const request_t *request, uint64_t site)
{
    return site? request->with == WITH_SITE && request->site == site:
           request->with == WITH_WORKER;
}

static bool
s_is_over (const request_t *request, uint64_t now)
{
    return request->until && request->until <= (int64_t) now;
}

static bool
s_is_elsewhere (const request_t *request, uint64_t unused)
{
    (void) unused;
    return request->with == WITH_SITE || request->origin;
}

static void
s_lose (queue_t *self, uint64_t site)
{
    zlistx_t *lost = s_collect (self, s_is_with, site);
    request_t *request = (request_t *) zlistx_first (lost);
    for (; request; request = (request_t *) zlistx_next (lost))
        s_give_again (self, request, true);
    zlistx_destroy (&lost);
}

static void
s_expire (queue_t *self)
{
    if (!self->deadline)
        return;
    zlistx_t *over =
        s_collect (self, s_is_over, (uint64_t) zclock_mono ());
    request_t *request = (request_t *) zlistx_first (over);
    for (; request; request = (request_t *) zlistx_next (over)) {
        if (!request->origin)
            zrelay_engine_count_drop (self->join.engine, ZRELAY_FLOW_FORWARD,
                                      REASON_EXPIRED);
        s_forget (self, request);
    }
    zlistx_destroy (&over);
}


//  --------------------------------------------------------------------------
//  Sites come and go

static void
s_remove_site (queue_t *self, site_t *site)
{
    uint64_t origin = site->origin;
    zrelay_index_remove (self->sites, &site->name);
    free (site);
    s_lose (self, origin);
}

static void
s_hear (void *object, uint64_t origin, const uint64_t *numbers)
{
    queue_t *self = (queue_t *) object;
    site_t *site = s_site (self, origin);
    if (!site)
        return;
    if (!numbers) {
        s_remove_site (self, site);
        return;
    }
    uint64_t free = numbers [NUMBER_FREE];
    uint64_t workers = numbers [NUMBER_WORKERS];
    site->heard_at = zclock_mono ();
    site->free = free < WORKERS_MOST? (int64_t) free: WORKERS_MOST;
    site->workers = workers < WORKERS_MOST? (size_t) workers: WORKERS_MOST;
    s_give_waiting (self);
}

static site_t *
s_silent_site (queue_t *self)
{
    int64_t since = zclock_mono () - ZRELAY_SITES_SILENCE;
    site_t *site = (site_t *) zrelay_index_first (self->sites);
    while (site && site->heard_at > since)
        site = (site_t *) zrelay_index_next (self->sites);
    return site;
}

static void
s_on_tick (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    queue_t *self = (queue_t *) object;
    site_t *site;
    while ((site = s_silent_site (self)))
        s_remove_site (self, site);
    s_expire (self);
    if (self->in_hand > 0 && s_workers (self) == 0)
        s_lose (self, 0);
    s_give_waiting (self);
    if (s_free (self) != self->told)
        zrelay_join_report (&self->join);
}


//  --------------------------------------------------------------------------
//  What this site's clients ask and its workers answer

static zrelay_verdict_t
s_on_request (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine;
    queue_t *self = (queue_t *) object;
    if (!self->join.link)
        return ZRELAY_VERDICT_PASS;
    request_t *request = s_request_new (self);
    request->message = zrelay_message_dup (message);
    if (self->waits == 0 && !s_choose_site (self) && s_workers (self) > 0) {
        s_note_here (self, request);
        s_push_tag (message, request->number);
        return ZRELAY_VERDICT_PASS;
    }
    if (self->waits > 0 || !s_give (self, request))
        s_wait (self, request);
    zrelay_message_clear (message);
    return ZRELAY_VERDICT_KEPT;
}

static zrelay_verdict_t
s_on_reply (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    queue_t *self = (queue_t *) object;
    const byte *tag = zrelay_message_data (message, 0);
    if (zrelay_message_size (message, 0) != TAG_SIZE
    ||  memcmp (tag, s_tag, sizeof (s_tag)))
        return ZRELAY_VERDICT_PASS;
    uint64_t number = zrelay_parcel_get_long (tag + sizeof (s_tag));
    request_t *request = s_find_request (self, number);
    if (!request || request->with != WITH_WORKER)
        return zrelay_engine_drop (engine, REASON_LATE);
    bool own = request->origin == 0;
    zrelay_message_pop (message);
    if (!own && self->join.link)
        s_say (self, request->origin, HEAD_REPLY, request->theirs, message, 0);
    s_forget (self, request);
    if (own)
        return ZRELAY_VERDICT_PASS;
    zrelay_message_clear (message);
    return ZRELAY_VERDICT_KEPT;
}


//  --------------------------------------------------------------------------
//  What other sites say

static void
s_accept_request (queue_t *self, uint64_t origin, uint64_t theirs,
                  zrelay_message_t *message)
{
    request_t *request = s_request_new (self);
    request->origin = origin;
    request->theirs = theirs;
    request->message = zrelay_message_take (message);
    bool given = s_workers (self) > 0 && s_give_here (self, request);
    zrelay_message_destroy (&request->message);
    if (given)
        return;
    s_say (self, origin, HEAD_REFUSED, theirs, NULL, 0);
    s_forget (self, request);
}

//  The client may have gone, or its connection may be full: as with any reply

static void
s_accept_reply (queue_t *self, request_t *request, zrelay_message_t *message)
{
    zrelay_message_t *reply = zrelay_message_new ();
    zrelay_message_share (reply, request->message, 0, 1);
    zrelay_message_move (reply, message, zrelay_message_frames (message));
    zrelay_send_t result = zrelay_engine_send (self->join.engine,
                                               ZRELAY_SIDE_FRONTEND, reply);
    self->join.undelivered += result != ZRELAY_SEND_DONE;
    zrelay_message_destroy (&reply);
    s_forget (self, request);
}

static bool
s_deliver (void *object, const zrelay_link_letter_t *letter,
           zrelay_message_t *message)
{
    queue_t *self = (queue_t *) object;
    const byte *head = zrelay_message_data (message, 0);
    if (zrelay_message_size (message, 0) != HEAD_SIZE) {
        self->join.invalid++;
        return true;
    }
    byte word = head [0];
    uint64_t number = zrelay_parcel_get_long (head + 1);
    zrelay_message_pop (message);
    self->join.in++;
    if (word == HEAD_REQUEST && zrelay_message_frames (message) > 0) {
        s_accept_request (self, letter->origin, number, message);
        return true;
    }
    request_t *request = s_find_request (self, number);
    bool ours = request && request->with == WITH_SITE
             && request->site == letter->origin;
    if (ours && word == HEAD_REPLY && zrelay_message_frames (message) > 0)
        s_accept_reply (self, request, message);
    else
    if (ours && (word == HEAD_REFUSED || word == HEAD_LOST)) {
        //  It has no workers, and will report when it has
        site_t *site = s_find_site (self, letter->origin);
        if (site)
            site->workers = 0;
        s_give_again (self, request, word == HEAD_LOST);
    }
    else
        zrelay_engine_count_drop (self->join.engine, ZRELAY_FLOW_RETURN,
                                  REASON_LATE);
    return true;
}


//  --------------------------------------------------------------------------
//  Joining and leaving

static void
s_go_on (void *object)
{
    s_give_waiting ((queue_t *) object);
}

//  The relay cannot know which requests its workers have when it joins, but
//  their replies have no tags, and pass

static void
s_joined (void *object)
{
    queue_t *self = (queue_t *) object;
    self->used = true;
    zrelay_engine_set_handler (self->join.engine, ZRELAY_FLOW_FORWARD,
                               s_on_request);
    zrelay_engine_set_handler (self->join.engine, ZRELAY_FLOW_RETURN,
                               s_on_reply);
    char subject [ZRELAY_ADDRESS_ROOM];
    zrelay_link_subscribe (self->join.link,
        zrelay_address_origin (&self->join.address, WORD,
                               zrelay_link_origin (self->join.link), subject));
    self->tick = zrelay_engine_timer (self->join.engine, TICK_IVL, 0,
                                      s_on_tick, NULL);
}

//  Other sites hear that it leaves, and give their requests to others. What
//  they have of this site's clients is given to the own workers. Tags still
//  come back from those, so handlers remain.

static void
s_left (void *object)
{
    queue_t *self = (queue_t *) object;
    zlistx_t *gone = s_collect (self, s_is_elsewhere, 0);
    request_t *request = (request_t *) zlistx_first (gone);
    for (; request; request = (request_t *) zlistx_next (gone))
        if (request->origin)
            s_forget (self, request);
        else
            s_wait (self, request);
    zlistx_destroy (&gone);
    zrelay_index_purge (self->sites, free);
    s_give_waiting (self);
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
    .hear = s_hear
};

static void *
s_create (zrelay_engine_t *engine)
{
    queue_t *self = (queue_t *) zmalloc (sizeof (queue_t));
    assert (self);
    self->sites = zrelay_index_new ();
    self->requests = zrelay_index_new ();
    self->waiting = zlistx_new ();
    assert (self->waiting);
    self->retries = 1;
    zrelay_join_init (&self->join, engine, &s_join);
    return self;
}

static void
s_destroy (void **object_p)
{
    queue_t *self = (queue_t *) *object_p;
    zrelay_join_term (&self->join);
    zrelay_index_purge (self->requests, s_free_request);
    zrelay_index_destroy (&self->requests);
    zrelay_index_destroy (&self->sites);
    zlistx_destroy (&self->waiting);
    freen (self);
    *object_p = NULL;
}

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    queue_t *self = (queue_t *) object;
    return self->used? zrelay_index_size (self->requests):
           ZRELAY_PENDING_UNKNOWN;
}

static const zrelay_setting_t s_settings [] = {
    ZRELAY_JOIN_SETTINGS,
    { ZRELAY_SETTING, .name = "retries",
      .help = "how often a lost site's request is given again",
      .offset = offsetof (queue_t, retries), .most = 1000 },
    { ZRELAY_SETTING, .name = "deadline",
      .help = "milliseconds until a joined relay drops it (0: never)",
      .offset = offsetof (queue_t, deadline), .most = DAY },
    { .name = NULL }
};

#define COUNTER(label, member, special) \
    { ZRELAY_COUNTER, .name = label, .offset = offsetof (queue_t, member), \
      .flags = special }

static const zrelay_counter_t s_counters [] = {
    ZRELAY_JOIN_COUNTERS,
    COUNTER ("requests.here", here, 0),
    COUNTER ("requests.there", there, 0),
    COUNTER ("requests.retried", retried, 0),
    COUNTER ("requests.in_hand", in_hand, ZRELAY_COUNTER_GAUGE),
    COUNTER ("requests.waiting", waits, ZRELAY_COUNTER_GAUGE),
    { .name = NULL }
};

static const zrelay_kind_t s_more = {
    ZRELAY_KIND,
    .create = s_create,
    .destroy = s_destroy,
    .pending = s_pending,
    .settings = s_settings,
    .counters = s_counters,
    .reasons = s_reasons
};

const zrelay_kind_t *
zrelay_nats_queue_kind (void)
{
    static zrelay_kind_t kind;
    return zrelay_join_kind (&kind, zrelay_queue_kind (), &s_more);
}
