/*  =========================================================================
    soak_cache - caches in the soak test

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each relay has two publishers and several subscribers, all on a thread of
//  this process. Every message has the next number of its topic. Subscribers
//  leave, come back, subscribe and cancel. In the calm relay no queue has a
//  bound, so that nothing may be missing at the end. The other one is paused,
//  reset and set at random, and drops what is too much. There, when all is
//  quiet, subscribers subscribe again, and the replay must give them the last
//  values. At each STATS, the account must balance.

#include "soak_kinds.h"

#define PATIENCE 30000          //  Msecs for an answer, on a busy machine
#define TURN 1                  //  Msecs between two turns of the peers
#define QUIET 1000              //  Msecs without a message: all are through
#define TOPICS 300
#define GROUPS 6                //  Topics begin with one of so many letters
#define NAME_SIZE 6             //  Of a topic, as "c.017"
#define FILLER 60               //  Most bytes that follow the number, and one
#define PUBLISHERS 2
#define SUBSCRIBERS 6
#define BURST_IN 400            //  A publisher has a burst once in so many
                                //  turns
#define BURST 300               //  Messages in one
#define LEAVE_IN 900            //  A subscriber leaves once in so many turns
#define RETURN_IN 100           //  One that is away comes back
#define CHANGE_IN 300           //  It subscribes to something, or cancels

static const char *const s_prefixes [] = {
    "", "a.", "b.", "c.1", "d.", "e.20", "f.0", "b.001", "zebra"
};
#define PREFIXES ((int) (sizeof (s_prefixes) / sizeof (*s_prefixes)))

typedef struct {
    bool lossy;                 //  Values are dropped, commands come
    const char *hwm;            //  Between the relay and a subscriber
    int types [PUBLISHERS];     //  Of the publishers' sockets
} about_t;

//  An XPUB knows when the relay is there. A PUB does not, and loses messages
//  before that.
static const about_t s_about [] = {
    { false, "0", { ZMQ_XPUB, ZMQ_XPUB } },
    { true, "100", { ZMQ_PUB, ZMQ_XPUB } },
};

//  What the peers on the thread have seen, all together
typedef struct {
    uint64_t published;         //  Messages
    uint64_t received;
    uint64_t torn;              //  Messages that were not whole
    uint64_t backwards;         //  Older than one that came before
    uint64_t astray;            //  Nobody asked for them
    uint64_t returns;           //  Of subscribers
    uint64_t changes;           //  Of subscriptions
    uint64_t missing;           //  Last values that subscribers do not have
} seen_t;

//  As STATS told last
typedef struct {
    uint64_t in;
    uint64_t out;
    uint64_t replayed;
    uint64_t waiting;
    uint64_t dropped;
    uint64_t due;
    uint64_t given_up;
} counts_t;

typedef struct {
    soak_relay_t relay;
    const about_t *about;
    uint64_t chance;
    zactor_t *peers;            //  The thread
    char *endpoints [2];        //  For publishers, for subscribers
    bool renewed;               //  Subscribers have subscribed again
    int64_t moved_at;           //  When a message was seen to move, at the end
    uint64_t moved;             //  How many had moved then
    seen_t seen;                //  By peers, at the last look
    counts_t now;
    uint64_t carried;           //  Updates that waited at the last RESET: they
                                //  are sent, but not counted as received
    uint64_t looks;             //  At the account
    uint64_t unbalanced;        //  Times that it did not balance
    uint64_t resets;
} cache_t;


//  --------------------------------------------------------------------------
//  The thread of the peers: publishers

typedef struct {
    zsock_t *sock;              //  NULL while it is away
    unsigned asked;             //  Prefixes that it has, a bit each
    unsigned ever;              //  That it had since it came
    uint64_t has [TOPICS];      //  Numbers that it got since it came
    uint64_t last [TOPICS];     //  And ever
} subscriber_t;

typedef struct {
    const about_t *about;
    const char *endpoint;       //  For subscribers
    uint64_t chance;
    bool quiet;                 //  Nothing is published, nobody changes
    zsock_t *publishers [PUBLISHERS];
    bool begun [PUBLISHERS];    //  It may publish
    uint64_t numbers [TOPICS];  //  Published last
    subscriber_t subscribers [SUBSCRIBERS];
    seen_t seen;
} thread_t;

static void
s_name (int topic, char *name)
{
    snprintf (name, NAME_SIZE, "%c.%03u", 'a' + topic % GROUPS,
              (unsigned) topic % 1000);
}

static zsock_t *
s_connect (int type, const char *hwm, const char *endpoint)
{
    zsock_t *sock = zsock_new (type);
    assert (sock);
    zsock_set_linger (sock, 0);
    zsock_set_sndhwm (sock, atoi (hwm));
    zsock_set_rcvhwm (sock, atoi (hwm));
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    return sock;
}

//  The queues of publishers have no bound, so this does not block

static void
s_publish (thread_t *self, int topic)
{
    static const byte filler [FILLER];
    if (!self->begun [topic % PUBLISHERS])
        return;
    void *handle = zsock_resolve (self->publishers [topic % PUBLISHERS]);
    uint64_t number = ++self->numbers [topic];
    char name [NAME_SIZE];
    s_name (topic, name);
    zmq_send (handle, name, strlen (name), ZMQ_DONTWAIT | ZMQ_SNDMORE);
    zmq_send (handle, &number, sizeof (number), ZMQ_DONTWAIT | ZMQ_SNDMORE);
    zmq_send (handle, filler, number % FILLER, ZMQ_DONTWAIT);
    self->seen.published++;
}

static void
s_turn_publisher (thread_t *self, int index)
{
    byte frame [8];
    if (self->about->types [index] == ZMQ_PUB
    ||  zmq_recv (zsock_resolve (self->publishers [index]), frame,
                  sizeof (frame), ZMQ_DONTWAIT) != -1)
        self->begun [index] = true;
    if (self->quiet)
        return;
    int count = chance_one_in (&self->chance, BURST_IN)? BURST: 1;
    while (count-- > 0)
        s_publish (self, index + PUBLISHERS
                   * (int) chance_below (&self->chance, TOPICS / PUBLISHERS));
}


//  --------------------------------------------------------------------------
//  Subscribers

static bool
s_matches (unsigned prefixes, int topic)
{
    char name [NAME_SIZE];
    s_name (topic, name);
    for (int index = 0; index < PREFIXES; index++)
        if ((prefixes & 1u << index)
        &&  strncmp (name, s_prefixes [index],
                     strlen (s_prefixes [index])) == 0)
            return true;
    return false;
}

//  Subscribe, or cancel

static void
s_ask (subscriber_t *self, int prefix, bool on)
{
    const char *text = s_prefixes [prefix];
    if (zsock_type (self->sock) == ZMQ_SUB)
        (on? zsock_set_subscribe: zsock_set_unsubscribe) (self->sock, text);
    else {
        char frame [16];
        int size = snprintf (frame, sizeof (frame), "%c%s", on, text);
        zmq_send (zsock_resolve (self->sock), frame, (size_t) size,
                  ZMQ_DONTWAIT);
    }
    self->asked ^= 1u << prefix;
    self->ever |= self->asked;
}

static void
s_change (thread_t *self, subscriber_t *subscriber)
{
    int prefix = (int) chance_below (&self->chance, (uint64_t) PREFIXES);
    s_ask (subscriber, prefix, !(subscriber->asked & 1u << prefix));
    self->seen.changes++;
}

static void
s_come (thread_t *self, int index)
{
    subscriber_t *subscriber = &self->subscribers [index];
    subscriber->sock = s_connect (index % 2? ZMQ_XSUB: ZMQ_SUB,
                                  self->about->hwm, self->endpoint);
    subscriber->asked = subscriber->ever = 0;
    memset (subscriber->has, 0, sizeof (subscriber->has));
    s_change (self, subscriber);
    self->seen.returns++;
}

//  Returns the topic, or -1 if the message is not whole

static int
s_topic (zmsg_t *msg, uint64_t *number)
{
    zframe_t *name = zmsg_first (msg);
    zframe_t *body = zmsg_next (msg);
    zframe_t *filler = zmsg_next (msg);
    if (zmsg_size (msg) != 3 || zframe_size (name) != NAME_SIZE - 1
    ||  zframe_size (body) != sizeof (*number))
        return -1;
    char text [NAME_SIZE] = "", wanted [NAME_SIZE];
    memcpy (text, zframe_data (name), NAME_SIZE - 1);
    memcpy (number, zframe_data (body), sizeof (*number));
    int topic = atoi (text + 2);
    if (topic < 0 || topic >= TOPICS)
        return -1;
    s_name (topic, wanted);
    bool whole = streq (text, wanted)
              && zframe_size (filler) == *number % FILLER;
    return whole? topic: -1;
}

static void
s_take (thread_t *self, subscriber_t *subscriber, zmsg_t *msg)
{
    uint64_t number = 0;
    int topic = s_topic (msg, &number);
    self->seen.received++;
    if (topic == -1) {
        self->seen.torn++;
        return;
    }
    self->seen.astray += !s_matches (subscriber->ever, topic);
    self->seen.backwards += number < subscriber->last [topic];
    subscriber->last [topic] = subscriber->has [topic] = number;
}

static void
s_read (thread_t *self, subscriber_t *subscriber)
{
    //  Others have their turn, too
    for (int count = 0; count < 1000; count++) {
        if (!(zsock_events (subscriber->sock) & ZMQ_POLLIN))
            return;
        zmsg_t *msg = zmsg_recv (subscriber->sock);
        if (msg)
            s_take (self, subscriber, msg);
        zmsg_destroy (&msg);
    }
}

static void
s_turn_subscriber (thread_t *self, int index)
{
    subscriber_t *subscriber = &self->subscribers [index];
    if (!subscriber->sock) {
        if (self->quiet || chance_one_in (&self->chance, RETURN_IN))
            s_come (self, index);
        return;
    }
    s_read (self, subscriber);
    if (self->quiet)
        return;
    if (chance_one_in (&self->chance, LEAVE_IN))
        zsock_destroy (&subscriber->sock);
    else
    if (chance_one_in (&self->chance, CHANGE_IN))
        s_change (self, subscriber);
}

static uint64_t
s_missing (thread_t *self)
{
    uint64_t missing = 0;
    for (int index = 0; index < SUBSCRIBERS; index++) {
        subscriber_t *subscriber = &self->subscribers [index];
        for (int topic = 0; topic < TOPICS; topic++)
            missing += !subscriber->sock
                || (s_matches (subscriber->asked, topic)
                    && subscriber->has [topic] != self->numbers [topic]);
    }
    return missing;
}


//  --------------------------------------------------------------------------
//  The thread itself

//  Bounds may have removed topics, so all are published once more

static void
s_be_quiet (thread_t *self)
{
    for (int topic = 0; topic < TOPICS; topic++)
        s_publish (self, topic);
    self->quiet = true;
}

static void
s_renew (thread_t *self)
{
    for (int index = 0; index < SUBSCRIBERS; index++) {
        subscriber_t *subscriber = &self->subscribers [index];
        unsigned asked = subscriber->asked;
        //  What came before must not do instead of the replay
        memset (subscriber->has, 0, sizeof (subscriber->has));
        for (int prefix = 0; prefix < PREFIXES; prefix++)
            if (asked & 1u << prefix) {
                s_ask (subscriber, prefix, false);
                s_ask (subscriber, prefix, true);
            }
    }
}

//  Returns false at the end

static bool
s_obey (thread_t *self, zsock_t *pipe)
{
    char *command = zstr_recv (pipe);
    bool goes_on = command && strneq (command, "$TERM");
    if (goes_on) {
        if (streq (command, "QUIET"))
            s_be_quiet (self);
        else
        if (streq (command, "RENEW"))
            s_renew (self);
        self->seen.missing = s_missing (self);
        zsock_send (pipe, "b", &self->seen, sizeof (self->seen));
    }
    zstr_free (&command);
    return goes_on;
}

static void
s_peers (zsock_t *pipe, void *args)
{
    cache_t *cache = (cache_t *) args;
    thread_t *self = (thread_t *) zmalloc (sizeof (thread_t));
    assert (self);
    self->about = cache->about;
    self->endpoint = cache->endpoints [1];
    self->chance = cache->chance;
    for (int index = 0; index < PUBLISHERS; index++)
        self->publishers [index] = s_connect (self->about->types [index], "0",
                                              cache->endpoints [0]);
    zsock_signal (pipe, 0);
    zpoller_t *poller = zpoller_new (pipe, NULL);
    assert (poller);
    do {
        for (int index = 0; index < PUBLISHERS; index++)
            s_turn_publisher (self, index);
        for (int index = 0; index < SUBSCRIBERS; index++)
            s_turn_subscriber (self, index);
    } while (!zpoller_wait (poller, TURN) || s_obey (self, pipe));
    zpoller_destroy (&poller);
    for (int index = 0; index < PUBLISHERS; index++)
        zsock_destroy (&self->publishers [index]);
    for (int index = 0; index < SUBSCRIBERS; index++)
        zsock_destroy (&self->subscribers [index].sock);
    freen (self);
}

static void
s_ask_peers (cache_t *self, const char *command)
{
    zstr_send (self->peers, command);
    byte *data = NULL;
    size_t size = 0;
    int rc = zsock_recv (self->peers, "b", &data, &size);
    assert (rc == 0 && size == sizeof (self->seen));
    memcpy (&self->seen, data, size);
    freen (data);
}


//  --------------------------------------------------------------------------
//  The account

static const struct {
    const char *name;
    size_t offset;              //  In counts_t
} s_counters [] = {
    { "frontend.in.messages", offsetof (counts_t, in) },
    { "backend.out.messages", offsetof (counts_t, out) },
    { "replayed", offsetof (counts_t, replayed) },
    { "waiting", offsetof (counts_t, waiting) },
    { "forward.dropped", offsetof (counts_t, dropped) },
    { "due", offsetof (counts_t, due) },
    { "given_up", offsetof (counts_t, given_up) },
};
#define COUNTERS (sizeof (s_counters) / sizeof (*s_counters))

static void
s_look (cache_t *self)
{
    zrelay_stats_t *stats = zrelay_stats_query (self->relay.actor);
    if (!stats) {
        printf ("#   %s: STATS made no sense\n", self->relay.name);
        self->relay.wrong++;
        return;
    }
    counts_t *now = &self->now;
    for (size_t index = 0; index < COUNTERS; index++) {
        const char *name = s_counters [index].name;
        self->relay.wrong += !zrelay_stats_has (stats, name);
        uint64_t value = zrelay_stats_value (stats, name);
        memcpy ((byte *) now + s_counters [index].offset, &value,
                sizeof (value));
    }
    zrelay_stats_destroy (&stats);
    self->looks++;
    if (now->in + self->carried + now->replayed
        == now->out + now->waiting + now->dropped)
        return;
    if (self->unbalanced++ == 0)
        printf ("#   %s: %" PRIu64 " in, %" PRIu64 " carried, %" PRIu64
                " out, %" PRIu64 " replayed, %" PRIu64 " waiting, %" PRIu64
                " dropped\n", self->relay.name, now->in, self->carried,
                now->out, now->replayed, now->waiting, now->dropped);
}


//  --------------------------------------------------------------------------
//  What is done to the relay

static void
s_pause (cache_t *self)
{
    soak_pause (&self->relay);
}

static void
s_resume (cache_t *self)
{
    soak_resume (&self->relay);
}

static void
s_query (cache_t *self)
{
    soak_query (&self->relay, "TOPICS", 3, TOPICS);
}

static void
s_set_interval (cache_t *self)
{
    soak_set (&self->relay, "interval", chance_one_in (&self->chance, 2)? 0:
           1 + chance_below (&self->chance, 300));
}

static void
s_set_bounds (cache_t *self)
{
    uint64_t *chance = &self->chance;
    soak_set (&self->relay, "topics", chance_one_in (chance, 2)? 0:
              1 + chance_below (chance, 400));
    soak_set (&self->relay, "bytes", chance_one_in (chance, 2)? 0:
              chance_below (chance, 20000));
    soak_set (&self->relay, "ttl", chance_one_in (chance, 2)? 0:
              1 + chance_below (chance, 1000));
    soak_set (&self->relay, "patience", chance_below (chance, 1000));
}

static void
s_unset_bounds (cache_t *self)
{
    soak_set (&self->relay, "topics", 0);
    soak_set (&self->relay, "bytes", 0);
    soak_set (&self->relay, "ttl", 0);
}

static void
s_make_fair (cache_t *self)
{
    s_unset_bounds (self);
    soak_set (&self->relay, "interval", 0);
    soak_set (&self->relay, "patience", PATIENCE);
}

//  Nothing moves in a relay that is paused and has no bounds, so it is known
//  what waits

static void
s_reset (cache_t *self)
{
    bool paused = self->relay.paused;
    s_pause (self);
    s_unset_bounds (self);
    s_look (self);
    soak_do (&self->relay, "RESET", NULL);
    self->carried = self->now.waiting;
    self->resets++;
    s_look (self);
    s_set_bounds (self);
    if (!paused)
        s_resume (self);
}

static const struct {
    void (*act) (cache_t *self);
    unsigned weight;
    bool lossy;                 //  Only where values may be lost
} s_actions [] = {
    { s_look, 20, false }, { s_query, 4, false }, { s_pause, 6, true },
    { s_resume, 6, true }, { s_reset, 4, true }, { s_set_interval, 6, true },
    { s_set_bounds, 3, true }, { s_make_fair, 2, true }
};
#define ACTIONS (sizeof (s_actions) / sizeof (*s_actions))

static void
s_act (void *object)
{
    cache_t *self = (cache_t *) object;
    size_t chosen = chance_weighed (&self->chance, &s_actions->weight, ACTIONS,
                                    sizeof (*s_actions));
    //  What publishers send meanwhile has to be kept
    if (self->relay.paused && chance_one_in (&self->chance, 2))
        s_resume (self);
    else
    if (self->about->lossy || !s_actions [chosen].lossy)
        s_actions [chosen].act (self);
    s_look (self);
}


//  --------------------------------------------------------------------------
//  Begin and end

static void *
s_begin (const char *name, const void *about, uint64_t chance)
{
    cache_t *self = (cache_t *) zmalloc (sizeof (cache_t));
    assert (self);
    self->relay.name = name;
    self->about = (const about_t *) about;
    self->chance = chance;
    self->relay.actor = zactor_new (zrelay_cache, NULL);
    assert (self->relay.actor);
    zsock_set_rcvtimeo (self->relay.actor, PATIENCE);
    soak_do (&self->relay, "SET", "FRONTEND", "rcvhwm", "0", NULL);
    soak_do (&self->relay, "SET", "BACKEND", "sndhwm", self->about->hwm, NULL);
    s_make_fair (self);
    self->endpoints [0] = faults_bind (self->relay.actor, "FRONTEND");
    self->endpoints [1] = faults_bind (self->relay.actor, "BACKEND");
    self->peers = zactor_new (s_peers, self);
    assert (self->peers);
    return self;
}

static void
s_pacify (void *object)
{
    cache_t *self = (cache_t *) object;
    s_resume (self);
    s_make_fair (self);
    s_ask_peers (self, "QUIET");
    self->moved_at = zclock_mono ();
}

static bool
s_is_quiet (cache_t *self)
{
    int64_t now = zclock_mono ();
    uint64_t moved = self->now.in + self->seen.received;
    if (self->moved != moved || self->now.waiting || self->now.due) {
        self->moved = moved;
        self->moved_at = now;
    }
    return now > self->moved_at + QUIET;
}

//  What was dropped before is replayed when all that is on its way has come

static bool
s_settled (void *object)
{
    cache_t *self = (cache_t *) object;
    s_look (self);
    s_ask_peers (self, "LOOK");
    bool quiet = s_is_quiet (self);
    if (self->about->lossy && !self->renewed) {
        if (quiet) {
            s_ask_peers (self, "RENEW");
            self->renewed = true;
        }
        return false;
    }
    return self->seen.missing == 0 && self->now.waiting == 0
        && self->now.due == 0
        && (self->about->lossy || self->now.in == self->seen.published);
}

static void
s_judge (void *object)
{
    cache_t *self = (cache_t *) object;
    const seen_t *seen = &self->seen;
    const counts_t *now = &self->now;
    printf ("# %-20s %9" PRIu64 " published, %" PRIu64 " received; %" PRIu64
            " returns, %" PRIu64 " changes; %" PRIu64 " looks at the account, %"
            PRIu64 " resets; now %" PRIu64 " in, %" PRIu64 " out, %" PRIu64
            " replayed, %" PRIu64 " dropped, %" PRIu64 " given up\n",
            self->relay.name, seen->published, seen->received, seen->returns,
            seen->changes, self->looks, self->resets, now->in, now->out,
            now->replayed, now->dropped, now->given_up);
    TAP (self->unbalanced == 0, "%s: the account balanced, always",
         self->relay.name);
    TAP (seen->torn == 0 && seen->astray == 0,
         "%s: nothing came torn or astray", self->relay.name);
    TAP (seen->backwards == 0, "%s: no topic went backwards", self->relay.name);
    TAP (seen->received > 0 && seen->missing == 0,
         "%s: each subscriber has the last values, missing are %" PRIu64,
         self->relay.name, seen->missing);
    TAP (self->relay.wrong == 0, "%s: commands were answered as they should",
         self->relay.name);
    if (!self->about->lossy)
        TAP (now->in == seen->published, "%s: what was published came in",
             self->relay.name);
}

static void
s_end (void **object_p)
{
    cache_t *self = (cache_t *) *object_p;
    zactor_destroy (&self->peers);
    zactor_destroy (&self->relay.actor);
    zstr_free (&self->endpoints [0]);
    zstr_free (&self->endpoints [1]);
    freen (self);
    *object_p = NULL;
}

#define CACHE(name, index) \
    { name, &s_about [index], s_begin, s_act, s_pacify, s_settled, s_judge, \
      s_end }

const soak_kind_t soak_caches [] = {
    CACHE ("cache, calm", 0),
    CACHE ("cache", 1),
    { .name = NULL }
};
