/*  =========================================================================
    zrelay_cache - a forwarder that keeps the last value of every topic

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>
#include "zrelay_cache_file.h"
#include "zrelay_lookup.h"
#include "zrelay_outbox.h"
#include "zrelay_scan.h"

//  First byte of a frame that subscribes, see ZeroMQ RFC 23; one that cancels
//  has a smaller one
#define SUBSCRIBE 1

//  Longer topics are passed on and not kept; the engine takes no subscription
//  to one, either
#define TOPIC_MOST 4096

//  Bounds of one turn: topics looked at for each purpose
#define TURN_TOPICS 500

//  Replays that may be asked for at the same time before one has begun; more
//  subscriptions wait in the socket
#define SCANS_MOST 1000

//  Answers to TOPICS that are made at the same time, and topics in one
#define QUERIES_MOST 10
#define LISTED_MOST 100000

//  Bytes that may wait for the thread that writes them, and the time until it
//  is looked whether it has, in msecs
#define BACKLOG_MOST (8 * 1024 * 1024)
#define BACKLOG_IVL 5

//  Defaults and largest values of settings
#define TOPICS_DEFAULT 1000000
#define BYTES_DEFAULT (1024 * 1024 * 1024)
#define PATIENCE_DEFAULT 1000
#define DAY (24 * 60 * 60 * 1000)
#define YEAR (365LL * DAY)

//  Why updates are dropped
enum { REASON_CONFLATED, REASON_EVICTED };
static const char *const s_reasons [] = { "conflated", "evicted", NULL };

//  A walk through topics on somebody's behalf
typedef struct {
    zrelay_ring_t link;         //  Place among others of its sort
    zrelay_scan_t *scan;        //  The walk
    zrelay_answer_t *place;     //  TOPICS: where its answer goes
    zmsg_t *frames;             //  And what that will be
    size_t count;               //  How many topics are in it
} errand_t;

//  Walks of one sort
typedef struct {
    zrelay_ring_t list;         //  The oldest first
    size_t count;               //  How many these are
} errands_t;

typedef struct {
    zrelay_engine_t *engine;    //  Runs this
    zrelay_tree_t *tree;        //  The topics, by name
    zrelay_ring_t recent;       //  The same, least recently updated first
    zrelay_outbox_t *outbox;    //  What is to be sent
    zrelay_lookup_t *lookup;    //  Answers LOOKUP's requests, or NULL
    char *endpoints;            //  Where it is bound
    bool lookup_read;           //  It is polled
    errands_t scans;            //  Those of subscriptions
    errands_t queries;          //  Those of TOPICS
    zrelay_saver_t *saver;      //  A SAVE under way, or NULL
    zrelay_ring_t *save_next;   //  Topic to be saved next, or NULL
    uint64_t save_left;         //  Topics still to be saved
    int64_t calendar;           //  The calendar's time less zclock_mono ()
    uint32_t saved;             //  Mark of those that are: number of the SAVE
    zrelay_answer_t *save_place;        //  Where its answer goes
    char *save_path;            //  Where to
    zrelay_loader_t *loader;    //  A LOAD under way, or NULL
    bool loaded;                //  Its file is whole
    zrelay_answer_t *load_place;        //  Where its answer goes
    char *load_path;            //  Where from
    zrelay_message_t *message;  //  One that is loaded; empty between calls
    int timer;                  //  Of the next turn, or 0
    int64_t timer_at;           //  When that is
    int64_t interval;           //  Settings, see zrelay_cache.h
    int64_t topics_most;
    int64_t bytes_most;
    int64_t ttl;
    int64_t patience;
    int delimiter;              //  Ends a topic, or -1
    uint64_t updates;           //  Received, ever
    uint64_t topics;            //  Counters, see doc/counters.md
    uint64_t bytes;
    uint64_t subscriptions;
    uint64_t evicted_topics;
    uint64_t evicted_bytes;
    uint64_t expired;
    uint64_t uncached;
    zrelay_outbox_counts_t sent;
    zrelay_lookup_counts_t lookups;
} cache_t;


//  --------------------------------------------------------------------------
//  The next turn

static void
s_turn (cache_t *self);

static void
s_on_timer (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    cache_t *self = (cache_t *) object;
    self->timer = 0;
    s_turn (self);
}

//  Have a turn after so many msecs, if not before; -1: there is no need

static void
s_wake (cache_t *self, int64_t msecs, int64_t now)
{
    if (msecs < 0 || (self->timer && self->timer_at <= now + msecs))
        return;
    if (self->timer)
        zrelay_engine_timer_end (self->engine, self->timer);
    self->timer_at = now + msecs;
    self->timer = zrelay_engine_timer (self->engine, (size_t) msecs, 1,
                                       s_on_timer, NULL);
}

static int64_t
s_sooner (int64_t one, int64_t other)
{
    return one < 0 || (other >= 0 && other < one)? other: one;
}


//  --------------------------------------------------------------------------
//  SAVE: what the file has is the state at one moment. A topic that changes
//  before its turn is saved first, as it was.

static zrelay_topic_t *
s_of_recent (zrelay_ring_t *link)
{
    return ZRELAY_RING_ITEM (link, zrelay_topic_t, recent);
}

//  Times in files are those of the calendar. How far apart the clocks are is
//  looked at once for each file: a look at each topic would change their order
//  now and then.

static void
s_save_topic (cache_t *self, zrelay_topic_t *topic)
{
    zrelay_saver_add (self->saver, topic, topic->updated_at + self->calendar);
    topic->saved = self->saved;
    self->save_left--;
}

//  The topic is about to change, or to move in the order of updates, or to go

static inline void
s_save_first (cache_t *self, zrelay_topic_t *topic)
{
    if (!self->saver)
        return;
    if (self->save_next == &topic->recent)
        self->save_next = zrelay_ring_next (&self->recent, self->save_next);
    if (topic->saved != self->saved && self->save_left > 0)
        s_save_topic (self, topic);
}

static int64_t
s_turn_save (cache_t *self)
{
    if (!self->saver || self->save_left == 0)
        return -1;
    if (zrelay_saver_backlog (self->saver) > BACKLOG_MOST)
        return BACKLOG_IVL;
    for (int left = TURN_TOPICS; left > 0 && self->save_left > 0; left--) {
        zrelay_topic_t *topic = s_of_recent (self->save_next);
        self->save_next = zrelay_ring_next (&self->recent, self->save_next);
        if (topic->saved != self->saved)
            s_save_topic (self, topic);
    }
    return self->save_left > 0? 0: -1;
}

static void
s_forget_save (cache_t *self)
{
    if (self->saver)
        zrelay_engine_reader_end (self->engine, NULL,
                                  zrelay_saver_fd (self->saver));
    zrelay_saver_destroy (&self->saver);
    zstr_free (&self->save_path);
    self->save_left = 0;
    self->save_next = NULL;
}

static void
s_on_saved (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) sock;
    (void) fd;
    cache_t *self = (cache_t *) object;
    const char *problem = zrelay_saver_problem (self->saver);
    int status = !problem? ZRELAY_STATUS_DONE:
        zrelay_engine_fail (engine, ZRELAY_STATUS_REFUSED,
            "cannot save to %s: %s",
            zrelay_engine_quote (engine, self->save_path), problem);
    s_forget_save (self);
    zrelay_engine_answer (engine, &self->save_place, status, NULL);
}

static int
s_save (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
        zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    cache_t *self = (cache_t *) object;
    if (self->saver || self->loader)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "another %s is under way", self->saver? "SAVE": "LOAD");
    self->saver = zrelay_saver_new (argv [0], self->topics);
    if (!self->saver)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_REFUSED,
            "the system has no thread to save with: %s", zmq_strerror (errno));
    self->save_left = self->topics;
    self->calendar = zclock_time () - zclock_mono ();
    self->save_next = zrelay_ring_first (&self->recent);
    self->saved++;
    self->save_path = strdup (argv [0]);
    assert (self->save_path);
    self->save_place = zrelay_engine_defer (engine);
    zrelay_engine_reader (engine, NULL, zrelay_saver_fd (self->saver),
                          s_on_saved, NULL);
    s_wake (self, 0, zclock_mono ());
    return ZRELAY_STATUS_LATER;
}


//  --------------------------------------------------------------------------
//  Topics come and go

static void
s_remove (cache_t *self, zrelay_topic_t *topic)
{
    s_save_first (self, topic);
    zrelay_outbox_forget (self->outbox, topic);
    zrelay_tree_remove (self->tree, &topic->leaf);
    zrelay_ring_leave (&topic->recent);
    self->topics--;
    self->bytes -= topic->size;
    zrelay_topic_destroy (&topic);
}

static zrelay_topic_t *
s_find (cache_t *self, const byte *name, size_t size)
{
    //  The leaf is a topic's first member
    return (zrelay_topic_t *) zrelay_tree_find (self->tree, name, size);
}

static zrelay_topic_t *
s_insert (cache_t *self, const byte *name, size_t size)
{
    zrelay_topic_t *topic = zrelay_topic_new (name, size);
    topic->saved = self->saved;
    zrelay_tree_insert (self->tree, &topic->leaf);
    self->topics++;
    return topic;
}

static zrelay_topic_t *
s_oldest (cache_t *self)
{
    return s_of_recent (zrelay_ring_first (&self->recent));
}

//  Removes one topic if a bound is exceeded

static bool
s_evict (cache_t *self, int64_t now)
{
    zrelay_topic_t *topic = s_oldest (self);
    if (!topic)
        return false;
    if (self->topics_most && self->topics > (uint64_t) self->topics_most)
        self->evicted_topics++;
    else
    if (self->bytes_most && self->bytes > (uint64_t) self->bytes_most)
        self->evicted_bytes++;
    else
    if (self->ttl && now - topic->updated_at >= self->ttl)
        self->expired++;
    else
        return false;
    s_remove (self, topic);
    return true;
}

//  The oldest topic is the first whose time is over

static int64_t
s_turn_evict (cache_t *self, int64_t now)
{
    for (int left = TURN_TOPICS; left > 0; left--)
        if (!s_evict (self, now)) {
            zrelay_topic_t *topic = s_oldest (self);
            return self->ttl && topic?
                   topic->updated_at + self->ttl - now: -1;
        }
    return 0;
}


//  --------------------------------------------------------------------------
//  Updates

//  The topic is the first frame, or that up to the delimiter

static size_t
s_topic_size (cache_t *self, const byte *data, size_t size)
{
    const byte *end = self->delimiter == -1 || size == 0? NULL:
        (const byte *) memchr (data, self->delimiter, size);
    return end? (size_t) (end - data): size;
}

//  Among a million topics hardly anything is in the processor's cache. What
//  will be needed is fetched while the update is sent.

static inline void
s_update_begins (cache_t *self, zrelay_topic_t *topic)
{
    __builtin_prefetch (topic->value, 1);
    __builtin_prefetch (topic->recent.prev, 1);
    __builtin_prefetch (topic->recent.next, 1);
    s_save_first (self, topic);
}

static zrelay_verdict_t
s_on_update (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine;
    cache_t *self = (cache_t *) object;
    self->updates++;
    const byte *name = zrelay_message_data (message, 0);
    size_t size = s_topic_size (self, name, zrelay_message_size (message, 0));
    if (size > TOPIC_MOST) {
        self->uncached++;
        return ZRELAY_VERDICT_PASS;
    }
    int64_t now = zclock_mono ();
    zrelay_topic_t *topic = s_find (self, name, size);
    bool known = topic != NULL;
    if (known)
        s_update_begins (self, topic);
    else
        topic = s_insert (self, name, size);
    topic->updated_at = now;
    self->bytes -= topic->size;
    zrelay_topic_set (topic, message);
    self->bytes += topic->size;
    int64_t wait;
    zrelay_verdict_t verdict =
        zrelay_outbox_pass (self->outbox, topic, message, now, &wait);
    s_wake (self, wait, now);
    zrelay_ring_add (&self->recent, &topic->recent);
    //  One update may need the room of many
    if (s_evict (self, now))
        s_wake (self, 0, now);
    else
    if (self->ttl)
        s_wake (self, self->ttl, now);
    return verdict;
}


//  --------------------------------------------------------------------------
//  Walks

static errand_t *
s_errand_new (errands_t *errands, const void *prefix, size_t size)
{
    errand_t *self = (errand_t *) zmalloc (sizeof (errand_t));
    assert (self);
    self->scan = zrelay_scan_new (prefix, size);
    zrelay_ring_init (&self->link);
    zrelay_ring_add (&errands->list, &self->link);
    errands->count++;
    return self;
}

static void
s_errand_end (errand_t *self, errands_t *errands)
{
    zrelay_ring_leave (&self->link);
    errands->count--;
    zrelay_scan_destroy (&self->scan);
    zmsg_destroy (&self->frames);
    freen (self);
}

static errand_t *
s_first_errand (errands_t *errands)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&errands->list), errand_t,
                             link);
}


//  --------------------------------------------------------------------------
//  Subscriptions: each value that one asks for becomes due

//  Returns true if all of them are

static bool
s_replay (cache_t *self, zrelay_scan_t *scan)
{
    zrelay_leaf_t *leaf = zrelay_scan_resume (scan, self->tree);
    for (int left = TURN_TOPICS; leaf && left > 0; left--) {
        zrelay_outbox_replay (self->outbox, (zrelay_topic_t *) leaf);
        leaf = zrelay_scan_next (scan, leaf);
    }
    if (leaf)
        zrelay_scan_pause (scan, leaf);
    return !leaf;
}

static int64_t
s_turn_scans (cache_t *self)
{
    errand_t *errand = s_first_errand (&self->scans);
    if (!errand)
        return -1;
    if (s_replay (self, errand->scan)) {
        s_errand_end (errand, &self->scans);
        if (self->scans.count == SCANS_MOST - 1)
            zrelay_engine_set_reading (self->engine, ZRELAY_FLOW_RETURN,
                                       ZRELAY_READING_ON);
    }
    return 0;
}

//  Is there a replay of the same that has not begun?

static bool
s_is_asked_for (cache_t *self, const byte *prefix, size_t size)
{
    zrelay_ring_t *link = zrelay_ring_first (&self->scans.list);
    for (; link; link = zrelay_ring_next (&self->scans.list, link)) {
        errand_t *errand = ZRELAY_RING_ITEM (link, errand_t, link);
        size_t other_size;
        const byte *other = zrelay_scan_prefix (errand->scan, &other_size);
        if (!zrelay_scan_begun (errand->scan) && other_size == size
        && (size == 0 || memcmp (other, prefix, size) == 0))
            return true;
    }
    return false;
}

static void
s_subscribed (cache_t *self, const byte *prefix, size_t size)
{
    self->subscriptions++;
    size_t topic_size = s_topic_size (self, prefix, size);
    if (topic_size < size) {
        //  With the delimiter in it, it asks for one topic
        zrelay_topic_t *topic = s_find (self, prefix, topic_size);
        if (topic)
            zrelay_outbox_replay (self->outbox, topic);
    }
    else
    if (!s_is_asked_for (self, prefix, size)) {
        s_errand_new (&self->scans, prefix, size);
        if (self->scans.count == SCANS_MOST)
            zrelay_engine_set_reading (self->engine, ZRELAY_FLOW_RETURN,
                                       ZRELAY_READING_OFF);
    }
    s_wake (self, 0, zclock_mono ());
}

//  The relay's own subscriptions are what the publishers know of

static zrelay_verdict_t
s_on_subscription (zrelay_engine_t *engine, void *object,
                   zrelay_message_t *message)
{
    (void) engine;
    size_t size = zrelay_message_size (message, 0);
    const byte *data = zrelay_message_data (message, 0);
    if (size == 0 || *data > SUBSCRIBE)
        return ZRELAY_VERDICT_PASS;
    if (*data == SUBSCRIBE)
        s_subscribed ((cache_t *) object, data + 1, size - 1);
    return ZRELAY_VERDICT_KEPT;
}


//  --------------------------------------------------------------------------
//  TOPICS

//  Bytes that are not printable become a percent sign and two digits

static char *
s_printable (const byte *data, size_t size)
{
    char *text = (char *) malloc (size * 3 + 1);
    assert (text);
    char *place = text;
    for (size_t index = 0; index < size; index++)
        if (data [index] > ' ' && data [index] < 127 && data [index] != '%')
            *place++ = (char) data [index];
        else
            place += sprintf (place, "%%%02X", data [index]);
    *place = 0;
    return text;
}

static void
s_list_topic (errand_t *query, zrelay_topic_t *topic, int64_t now)
{
    char *name = s_printable (topic->leaf.key, topic->leaf.size);
    zmsg_addstr (query->frames, name);
    zmsg_addstrf (query->frames, "%zu", topic->size);
    zmsg_addstrf (query->frames, "%" PRId64, now - topic->updated_at);
    zstr_free (&name);
    query->count++;
}

static void
s_answer_query (cache_t *self, errand_t *query, int status)
{
    zrelay_engine_answer (self->engine, &query->place, status, &query->frames);
    s_errand_end (query, &self->queries);
}

static int64_t
s_turn_queries (cache_t *self, int64_t now)
{
    errand_t *query = s_first_errand (&self->queries);
    if (!query)
        return -1;
    zrelay_leaf_t *leaf = zrelay_scan_resume (query->scan, self->tree);
    for (int left = TURN_TOPICS; leaf && left > 0
         && query->count < LISTED_MOST; left--) {
        s_list_topic (query, (zrelay_topic_t *) leaf, now);
        leaf = zrelay_scan_next (query->scan, leaf);
    }
    if (leaf && query->count == LISTED_MOST)
        s_answer_query (self, query, zrelay_engine_fail (self->engine,
            ZRELAY_STATUS_BAD_STATE, "there are more than %d topics; TOPICS "
            "lists so many, and takes a prefix", LISTED_MOST));
    else
    if (leaf)
        zrelay_scan_pause (query->scan, leaf);
    else
        s_answer_query (self, query, ZRELAY_STATUS_DONE);
    return 0;
}

static int
s_topics (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
          zmsg_t *answer)
{
    (void) answer;
    cache_t *self = (cache_t *) object;
    if (self->queries.count == QUERIES_MOST)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "%d other TOPICS are under way", QUERIES_MOST);
    const char *prefix = argc > 0? argv [0]: "";
    errand_t *query = s_errand_new (&self->queries, prefix, strlen (prefix));
    query->frames = zmsg_new ();
    query->place = zrelay_engine_defer (engine);
    s_wake (self, 0, zclock_mono ());
    return ZRELAY_STATUS_LATER;
}


//  --------------------------------------------------------------------------
//  LOOKUP

static void
s_on_lookup (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) fd;
    cache_t *self = (cache_t *) object;
    int64_t now = zclock_mono ();
    if (!zrelay_lookup_read (self->lookup, self->updates, now)) {
        zrelay_engine_reader_end (engine, sock, 0);
        self->lookup_read = false;
    }
    s_wake (self, 0, now);
}

static void
s_read_lookups (cache_t *self)
{
    zrelay_engine_reader (self->engine, zrelay_lookup_handle (self->lookup), 0,
                          s_on_lookup, NULL);
    self->lookup_read = true;
}

static int64_t
s_turn_lookup (cache_t *self, int64_t now)
{
    if (!self->lookup)
        return -1;
    int64_t next = zrelay_lookup_turn (self->lookup, now);
    if (!self->lookup_read
    &&  zrelay_lookup_read (self->lookup, self->updates, now)) {
        s_read_lookups (self);
        next = 0;
    }
    return next;
}

static void
s_close_lookup (cache_t *self)
{
    if (self->lookup && self->lookup_read)
        zrelay_engine_reader_end (self->engine,
                                  zrelay_lookup_handle (self->lookup), 0);
    zrelay_lookup_destroy (&self->lookup);
}

static int
s_open_lookup (zrelay_engine_t *engine, void *object, const char *endpoint)
{
    cache_t *self = (cache_t *) object;
    zrelay_lookup_t *lookup = self->lookup? self->lookup:
        zrelay_lookup_new (self->tree, &self->lookups);
    if (!lookup)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_REFUSED,
            "the system has no socket to look up with: %s",
            zmq_strerror (errno));
    int status = zrelay_engine_bind (engine, ZRELAY_SIDE_BACKEND,
                                     zrelay_lookup_handle (lookup), endpoint);
    if (status == ZRELAY_STATUS_DONE) {
        char *bound = zsock_last_endpoint (zrelay_lookup_handle (lookup));
        char *all = zsys_sprintf ("%s%s%s",
            self->endpoints? self->endpoints: "",
            self->endpoints? ",": "", bound);
        assert (all);
        zstr_free (&bound);
        zstr_free (&self->endpoints);
        self->endpoints = all;
    }
    if (!self->lookup && status == ZRELAY_STATUS_DONE) {
        self->lookup = lookup;
        s_read_lookups (self);
    }
    else
    if (!self->lookup)
        zrelay_lookup_destroy (&lookup);
    return status;
}

static char *
s_lookup_endpoints (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    cache_t *self = (cache_t *) object;
    return strdup (self->endpoints? self->endpoints: "");
}

static int
s_lookup (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
          zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    return s_open_lookup (engine, object, argv [0]);
}


//  --------------------------------------------------------------------------
//  LOAD: topics that are not there yet are put before all others in the order
//  of updates, which must remain one of times

static void
s_end_load (cache_t *self, int status)
{
    if (!self->loaded)
        zrelay_engine_reader_end (self->engine, NULL,
                                  zrelay_loader_fd (self->loader));
    zrelay_loader_destroy (&self->loader);
    zstr_free (&self->load_path);
    zrelay_engine_answer (self->engine, &self->load_place, status, NULL);
}

//  Returns false if there is no room for it, nor for older ones

static bool
s_load_topic (cache_t *self, size_t size, int64_t time, int64_t now)
{
    const byte *name = zrelay_message_data (self->message, 0);
    if (size > TOPIC_MOST || s_find (self, name, size))
        return true;
    int64_t age = zclock_time () - time;
    zrelay_topic_t *oldest = s_oldest (self);
    zrelay_topic_t *topic = s_insert (self, name, size);
    topic->updated_at = age > 0? now - age: now;
    if (oldest && oldest->updated_at < topic->updated_at)
        topic->updated_at = oldest->updated_at;
    zrelay_ring_push (&self->recent, &topic->recent);
    zrelay_topic_set (topic, self->message);
    self->bytes += topic->size;
    if (s_evict (self, now))
        return false;
    zrelay_outbox_replay (self->outbox, topic);
    return true;
}

static int64_t
s_turn_load (cache_t *self, int64_t now)
{
    if (!self->loaded)
        return -1;
    for (int left = TURN_TOPICS; left > 0; left--) {
        size_t size;
        int64_t time;
        bool more = zrelay_loader_next (self->loader, self->message, &size,
                                        &time)
                 && s_load_topic (self, size, time, now);
        zrelay_message_clear (self->message);
        if (!more) {
            s_end_load (self, ZRELAY_STATUS_DONE);
            self->loaded = false;
            return 0;
        }
    }
    return 0;
}

static void
s_on_loaded (zrelay_engine_t *engine, void *object, void *sock, int fd)
{
    (void) sock;
    cache_t *self = (cache_t *) object;
    const char *problem = zrelay_loader_problem (self->loader);
    if (problem) {
        s_end_load (self, zrelay_engine_fail (engine, ZRELAY_STATUS_REFUSED,
            "cannot load %s: %s",
            zrelay_engine_quote (engine, self->load_path), problem));
        return;
    }
    zrelay_engine_reader_end (engine, NULL, fd);
    self->loaded = true;
    s_wake (self, 0, zclock_mono ());
}

static int
s_load (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
        zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    cache_t *self = (cache_t *) object;
    if (self->saver || self->loader)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "another %s is under way", self->saver? "SAVE": "LOAD");
    self->loader = zrelay_loader_new (argv [0]);
    if (!self->loader)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_REFUSED,
            "the system has no thread to load with: %s", zmq_strerror (errno));
    self->load_path = strdup (argv [0]);
    assert (self->load_path);
    self->load_place = zrelay_engine_defer (engine);
    zrelay_engine_reader (engine, NULL, zrelay_loader_fd (self->loader),
                          s_on_loaded, NULL);
    return ZRELAY_STATUS_LATER;
}


//  --------------------------------------------------------------------------
//  A turn: a part of everything that is to be done

static void
s_turn (cache_t *self)
{
    int64_t now = zclock_mono ();
    int64_t next = s_turn_scans (self);
    next = s_sooner (next, s_turn_load (self, now));
    next = s_sooner (next, zrelay_outbox_turn (self->outbox, now));
    next = s_sooner (next, s_turn_lookup (self, now));
    next = s_sooner (next, s_turn_queries (self, now));
    next = s_sooner (next, s_turn_save (self));
    next = s_sooner (next, s_turn_evict (self, now));
    s_wake (self, next, now);
}

static void
s_on_state (zrelay_engine_t *engine, void *object, zrelay_state_t state)
{
    cache_t *self = (cache_t *) object;
    zrelay_engine_set_reading (engine, ZRELAY_FLOW_FORWARD,
        state == ZRELAY_STATE_PAUSED? ZRELAY_READING_OFF:
        state == ZRELAY_STATE_DRAINING? ZRELAY_READING_TO_END:
        ZRELAY_READING_ON);
    zrelay_outbox_set_paused (self->outbox, state == ZRELAY_STATE_PAUSED);
    zrelay_outbox_set_hurried (self->outbox, state == ZRELAY_STATE_DRAINING);
    s_wake (self, 0, zclock_mono ());
}

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    cache_t *self = (cache_t *) object;
    return zrelay_outbox_pending (self->outbox) + self->scans.count
         + self->queries.count + (size_t) self->lookups.pending
         + (self->saver != NULL) + (self->loader != NULL);
}


//  --------------------------------------------------------------------------
//  Settings

static void
s_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    cache_t *self = (cache_t *) object;
    zrelay_outbox_set_interval (self->outbox, self->interval);
    zrelay_outbox_set_patience (self->outbox, self->patience);
    s_wake (self, 0, zclock_mono ());
}

static int
s_set_delimiter (zrelay_engine_t *engine, void *object, const char *value)
{
    cache_t *self = (cache_t *) object;
    if (strlen (value) > 1)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a value for delimiter; it takes one character, or "
            "nothing", zrelay_engine_quote (engine, value));
    int delimiter = *value? (byte) *value: -1;
    if (self->topics > 0 && delimiter != self->delimiter)
        return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
            "there are topics already; delimiter has to be set before that");
    self->delimiter = delimiter;
    return ZRELAY_STATUS_DONE;
}

static char *
s_get_delimiter (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    cache_t *self = (cache_t *) object;
    return self->delimiter == -1? strdup (""):
           zsys_sprintf ("%c", self->delimiter);
}

static const zrelay_setting_t s_settings [] = {
    { ZRELAY_SETTING, .name = "interval",
      .help = "milliseconds between two values of one topic (0: any)",
      .offset = offsetof (cache_t, interval), .most = DAY,
      .changed = s_changed },
    { ZRELAY_SETTING, .name = "topics",
      .help = "topics to keep (0: no limit)",
      .offset = offsetof (cache_t, topics_most), .most = UINT32_MAX,
      .changed = s_changed },
    { ZRELAY_SETTING, .name = "bytes",
      .help = "bytes of all values to keep (0: no limit)",
      .offset = offsetof (cache_t, bytes_most), .most = INT64_MAX,
      .changed = s_changed },
    { ZRELAY_SETTING, .name = "ttl",
      .help = "milliseconds to keep a value; 0: for ever",
      .offset = offsetof (cache_t, ttl), .most = YEAR,
      .changed = s_changed },
    { ZRELAY_SETTING, .name = "patience",
      .help = "milliseconds that replays wait for a full subscriber",
      .offset = offsetof (cache_t, patience), .most = DAY,
      .changed = s_changed },
    { ZRELAY_SETTING, .name = "delimiter",
      .help = "character that ends the topic in the first frame",
      .set = s_set_delimiter, .get = s_get_delimiter },
    { ZRELAY_SETTING, .name = "lookup",
      .help = "endpoint for snapshots, as the command LOOKUP",
      .set = s_open_lookup, .get = s_lookup_endpoints },
    { .name = NULL }
};


//  --------------------------------------------------------------------------
//  The kind

#define COUNTER(label, member, special) \
    { ZRELAY_COUNTER, .name = label, .offset = offsetof (cache_t, member), \
      .flags = special }

static const zrelay_counter_t s_counters [] = {
    COUNTER ("topics", topics, ZRELAY_COUNTER_GAUGE),
    COUNTER ("bytes", bytes, ZRELAY_COUNTER_GAUGE),
    COUNTER ("waiting", sent.waiting, ZRELAY_COUNTER_GAUGE),
    COUNTER ("due", sent.due, ZRELAY_COUNTER_GAUGE),
    COUNTER ("subscriptions", subscriptions, 0),
    COUNTER ("replayed", sent.replayed, 0),
    COUNTER ("given_up", sent.given_up, 0),
    COUNTER ("evicted_topics", evicted_topics, 0),
    COUNTER ("evicted_bytes", evicted_bytes, 0),
    COUNTER ("expired", expired, 0),
    COUNTER ("uncached", uncached, 0),
    COUNTER ("lookups.pending", lookups.pending, ZRELAY_COUNTER_GAUGE),
    COUNTER ("lookups.answered", lookups.lookups, 0),
    COUNTER ("lookups.abandoned", lookups.abandoned, 0),
    COUNTER ("lookups.invalid", lookups.invalid, 0),
    { .name = NULL }
};

static const zrelay_command_t s_commands [] = {
    { ZRELAY_COMMAND, .name = "TOPICS", .args = "[prefix]",
      .help = "list topic, size and age in milliseconds of each",
      .handler = s_topics, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "LOOKUP", .args = "endpoint",
      .help = "answer requests for snapshots there",
      .handler = s_lookup },
    { ZRELAY_COMMAND, .name = "SAVE", .args = "file",
      .help = "write all topics with their values to a file",
      .handler = s_save, .flags = ZRELAY_COMMAND_OWNER },
    { ZRELAY_COMMAND, .name = "LOAD", .args = "file",
      .help = "add the topics of such a file that are not there",
      .handler = s_load, .flags = ZRELAY_COMMAND_OWNER },
    { .name = NULL }
};

static void *
s_create (zrelay_engine_t *engine)
{
    cache_t *self = (cache_t *) zmalloc (sizeof (cache_t));
    assert (self);
    self->engine = engine;
    self->tree = zrelay_tree_new ();
    zrelay_ring_init (&self->recent);
    zrelay_ring_init (&self->scans.list);
    zrelay_ring_init (&self->queries.list);
    self->message = zrelay_message_new ();
    self->outbox = zrelay_outbox_new (engine, &self->sent,
        (zrelay_outbox_reasons_t) { REASON_CONFLATED, REASON_EVICTED });
    self->topics_most = TOPICS_DEFAULT;
    self->bytes_most = BYTES_DEFAULT;
    self->patience = PATIENCE_DEFAULT;
    self->delimiter = -1;
    zrelay_outbox_set_patience (self->outbox, self->patience);
    return self;
}

static void
s_destroy (void **object_p)
{
    cache_t *self = (cache_t *) *object_p;
    s_forget_save (self);
    if (self->loader && !self->loaded)
        zrelay_engine_reader_end (self->engine, NULL,
                                  zrelay_loader_fd (self->loader));
    zrelay_loader_destroy (&self->loader);
    zstr_free (&self->load_path);
    s_close_lookup (self);
    zstr_free (&self->endpoints);
    errand_t *errand;
    while ((errand = s_first_errand (&self->scans)))
        s_errand_end (errand, &self->scans);
    while ((errand = s_first_errand (&self->queries)))
        s_errand_end (errand, &self->queries);
    zrelay_topic_t *topic;
    while ((topic = s_oldest (self))) {
        zrelay_ring_leave (&topic->recent);
        zrelay_topic_destroy (&topic);
    }
    zrelay_tree_destroy (&self->tree);
    zrelay_outbox_destroy (&self->outbox);
    zrelay_message_destroy (&self->message);
    freen (self);
    *object_p = NULL;
}

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "cache",
    .help = "forwards publications, and keeps the last of each topic",
    .frontend = { .types = "XSUB", .endpoint = ">tcp://127.0.0.1:5557",
                  .peers = "PUB and XPUB publishers" },
    .backend = { .types = "XPUB", .endpoint = "@tcp://127.0.0.1:5558",
                 .options = "xpub_verbose=1",
                 .peers = "SUB and XSUB subscribers" },
    .create = s_create,
    .destroy = s_destroy,
    .on_forward = s_on_update,
    .on_return = s_on_subscription,
    .on_state = s_on_state,
    .pending = s_pending,
    .commands = s_commands,
    .settings = s_settings,
    .counters = s_counters,
    .reasons = s_reasons,
    .topic = ""
};

const zrelay_kind_t *
zrelay_cache_kind (void)
{
    return &s_kind;
}

void
zrelay_cache (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}
