/*  =========================================================================
    cache_late_test - late subscribers of a cache, while updates come

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Values are counts: each topic's first value is 1, and each update adds one.
//  So a subscriber sees whether a value is missing, or older than one before
//  it. CACHE_UPDATES tells how many updates there are, and CACHE_JOINERS how
//  many subscribers come late.

#include "kind_testing.h"

#define DEADLINE 600
#define UPDATES 200000
#define JOINERS 100
#define TOPICS 1000
#define GROUPS 10               //  Topics begin with the digit of their group
#define MANY_TOPICS 10000       //  More than ten times a high-water mark
#define STUCK_TOPICS 60000      //  More than a connection that is not read has
                                //  room for, with values of this size
#define STUCK_SIZE 1000


//  --------------------------------------------------------------------------
//  A cache with a publisher

typedef struct {
    zactor_t *relay;            //  The cache
    zsock_t *publisher;         //  An XPUB that drops nothing
    char *endpoint;             //  Of its backend
    uint32_t *values;           //  Last value of each topic
} feed_t;

//  hwm: of the backend, 0 for none

static void
s_setup (feed_t *self, size_t topics, const char *hwm)
{
    self->relay = kind_spawn (zrelay_cache_kind (), "cache");
    assert (faults_command (self->relay, "SET", "FRONTEND", "rcvhwm", "0",
                            NULL) == 0);
    if (hwm)
        assert (faults_command (self->relay, "SET", "BACKEND", "sndhwm", hwm,
                                NULL) == 0);
    self->endpoint = faults_bind (self->relay, "BACKEND");
    char *front = faults_bind (self->relay, "FRONTEND");
    self->publisher = zsock_new (ZMQ_XPUB);
    zsock_set_sndhwm (self->publisher, 0);
    zsock_set_rcvtimeo (self->publisher, FAULTS_PATIENCE);
    assert (zsock_connect (self->publisher, "%s", front) == 0);
    zstr_free (&front);
    char *all = zstr_recv (self->publisher);
    assert (all && *all == 1);
    zstr_free (&all);
    self->values = (uint32_t *) zmalloc (topics * sizeof (uint32_t));
}

static void
s_cleanup (feed_t *self)
{
    zactor_destroy (&self->relay);
    zsock_destroy (&self->publisher);
    zstr_free (&self->endpoint);
    freen (self->values);
}

static void
s_update (feed_t *self, size_t topic, size_t size)
{
    byte body [STUCK_SIZE] = "";
    char name [20];
    snprintf (name, sizeof (name), "%zu.%zu", topic % GROUPS, topic);
    self->values [topic]++;
    memcpy (body, &self->values [topic], sizeof (uint32_t));
    void *handle = zsock_resolve (self->publisher);
    zmq_send (handle, name, strlen (name), ZMQ_SNDMORE);
    zmq_send (handle, body, size, 0);
}

static bool
s_updated (feed_t *self, uint64_t updates)
{
    return faults_counted (self->relay, "frontend.in.messages", updates);
}

//  in = out + dropped + waiting, at every moment

static bool
s_accounts (feed_t *self)
{
    zrelay_stats_t *stats = zrelay_stats_query (self->relay);
    assert (stats);
    uint64_t in = zrelay_stats_value (stats, "frontend.in.messages");
    uint64_t out = zrelay_stats_value (stats, "backend.out.messages")
                 - zrelay_stats_value (stats, "replayed");
    uint64_t others = zrelay_stats_value (stats, "forward.dropped")
                    + zrelay_stats_value (stats, "forward.held")
                    + zrelay_stats_value (stats, "waiting");
    if (in != out + others)
        printf ("#   %" PRIu64 " in, %" PRIu64 " out, %" PRIu64 " others\n",
                in, out, others);
    zrelay_stats_destroy (&stats);
    return in == out + others;
}


//  --------------------------------------------------------------------------
//  A late subscriber

typedef struct {
    zsock_t *sock;              //  A SUB
    int group;                  //  Of the topics it gets, or -1: all
    size_t topics;              //  How many there are
    uint32_t *values;           //  Last value that it saw of each, 0: none
    size_t gaps;                //  Values that were missing
    size_t overtaken;           //  Values that were older than one before
    uint64_t received;          //  All values
} joiner_t;

static void
s_join (joiner_t *self, feed_t *feed, size_t topics, int group, int hwm)
{
    self->group = group;
    self->topics = topics;
    self->values = (uint32_t *) zmalloc (topics * sizeof (uint32_t));
    self->sock = zsock_new (ZMQ_SUB);
    if (hwm >= 0)
        zsock_set_rcvhwm (self->sock, hwm);
    assert (zsock_connect (self->sock, "%s", feed->endpoint) == 0);
    zsock_set_rcvtimeo (self->sock, FAULTS_PATIENCE);
    char prefix [4] = "";
    if (group >= 0)
        snprintf (prefix, sizeof (prefix), "%d.", group);
    zsock_set_subscribe (self->sock, prefix);
}

static void
s_leave (joiner_t *self)
{
    zsock_destroy (&self->sock);
    freen (self->values);
}

//  Read what there is, up to so many. Returns false if there was nothing.

static bool
s_read (joiner_t *self, size_t most)
{
    void *handle = zsock_resolve (self->sock);
    char name [21];
    byte body [STUCK_SIZE];
    size_t count = 0;
    for (; count < most; count++) {
        int size = zmq_recv (handle, name, 20, ZMQ_DONTWAIT);
        if (size == -1)
            break;
        assert (size <= 20);
        name [size] = 0;
        assert (zmq_recv (handle, body, sizeof (body), 0) >= 4);
        uint32_t value;
        memcpy (&value, body, sizeof (value));
        size_t topic = (size_t) atol (strchr (name, '.') + 1);
        assert (topic < self->topics);
        uint32_t before = self->values [topic];
        self->overtaken += value < before;
        self->gaps += before > 0 && value > before + 1;
        self->values [topic] = value;
        self->received++;
    }
    return count > 0;
}

//  True if it has the last value of all topics that it subscribed to

static bool
s_complete (joiner_t *self, feed_t *feed)
{
    for (size_t topic = 0; topic < self->topics; topic++)
        if ((self->group == -1 || topic % GROUPS == (size_t) self->group)
        &&  self->values [topic] != feed->values [topic])
            return false;
    return true;
}

static size_t
s_missing (joiner_t *self, feed_t *feed)
{
    size_t count = 0;
    for (size_t topic = 0; topic < self->topics; topic++)
        count += (self->group == -1 || topic % GROUPS == (size_t) self->group)
              && self->values [topic] != feed->values [topic];
    return count;
}


//  --------------------------------------------------------------------------
//  A hundred join while updates come as fast as they can. No high-water mark is
//  in the way, so nobody may miss anything.

typedef struct {
    joiner_t *joiners;          //  Those of one thread
    size_t count;               //  How many
    feed_t *feed;
    size_t joined;              //  Atomic: how many should have
    int ended;                  //  Atomic: no more updates come
} crowd_t;

static void
s_crowd (zsock_t *pipe, void *args)
{
    crowd_t *self = (crowd_t *) args;
    zsock_signal (pipe, 0);
    size_t joined = 0;
    int64_t deadline = 0;
    bool done = false;
    while (!done) {
        size_t wanted = __atomic_load_n (&self->joined, __ATOMIC_ACQUIRE);
        for (; joined < wanted; joined++)
            s_join (&self->joiners [joined], self->feed, TOPICS,
                    (int) (joined % GROUPS), 0);
        bool read = false;
        for (size_t index = 0; index < joined; index++)
            read |= s_read (&self->joiners [index], 1000);
        bool ended = __atomic_load_n (&self->ended, __ATOMIC_ACQUIRE);
        if (ended && deadline == 0)
            deadline = zclock_mono () + 6 * FAULTS_PATIENCE;
        done = ended && joined == self->count;
        for (size_t index = 0; done && index < joined; index++)
            done = s_complete (&self->joiners [index], self->feed);
        done = done || (deadline && zclock_mono () > deadline);
        if (!read)
            zclock_sleep (1);
    }
    zsock_signal (pipe, 0);
    char *end = zstr_recv (pipe);
    zstr_free (&end);
}

static void
s_test_crowd (void)
{
    size_t updates = (size_t) faults_parameter ("CACHE_UPDATES", UPDATES);
    size_t count = (size_t) faults_parameter ("CACHE_JOINERS", JOINERS);
    feed_t feed;
    s_setup (&feed, TOPICS, "0");
    crowd_t crowd = { .count = count, .feed = &feed };
    crowd.joiners = (joiner_t *) zmalloc (count * sizeof (joiner_t));
    zactor_t *thread = zactor_new (s_crowd, &crowd);
    for (size_t topic = 0; topic < TOPICS; topic++)
        s_update (&feed, topic, 4);
    bool accounts = true;
    for (size_t index = 0; index < updates; index++) {
        s_update (&feed, index * 7 % TOPICS, 4);
        if (index % (updates / count) == 0)
            __atomic_add_fetch (&crowd.joined, crowd.joined < count,
                                __ATOMIC_RELEASE);
        //  The cache is kept busy, and not buried
        if (index % 10000 == 9999)
            accounts = s_updated (&feed, index - 5000) && s_accounts (&feed)
                    && accounts;
    }
    __atomic_store_n (&crowd.joined, count, __ATOMIC_RELEASE);
    __atomic_store_n (&crowd.ended, 1, __ATOMIC_RELEASE);
    int rc = zsock_wait (thread);
    size_t complete = 0, overtaken = 0, gaps = 0;
    uint64_t received = 0;
    for (size_t index = 0; index < count; index++) {
        complete += s_complete (&crowd.joiners [index], &feed);
        overtaken += crowd.joiners [index].overtaken;
        gaps += crowd.joiners [index].gaps;
        received += crowd.joiners [index].received;
    }
    TAP (rc == 0 && complete == count,
         "%zu late subscribers have the last value of every topic", count);
    TAP (overtaken == 0, "no value was overtaken by an older one");
    TAP (gaps == 0, "and none of %" PRIu64 " was lost", received);
    TAP (accounts && s_accounts (&feed), "the cache accounts for all of them");
    printf ("#   %" PRIu64 " replayed, %" PRIu64 " conflated\n",
            faults_counter (feed.relay, "replayed"),
            faults_counter (feed.relay, "forward.dropped_conflated"));
    zstr_send (thread, "END");
    zactor_destroy (&thread);
    for (size_t index = 0; index < count; index++)
        s_leave (&crowd.joiners [index]);
    freen (crowd.joiners);
    s_cleanup (&feed);
}


//  --------------------------------------------------------------------------
//  Ten thousand topics to one with the default high-water mark, which reads,
//  but not at once, while some of the topics are updated

static void
s_test_many (void)
{
    feed_t feed;
    s_setup (&feed, MANY_TOPICS, NULL);
    for (size_t topic = 0; topic < MANY_TOPICS; topic++)
        s_update (&feed, topic, STUCK_SIZE);
    TAP (s_updated (&feed, MANY_TOPICS), "the cache has %d topics",
         MANY_TOPICS);
    joiner_t joiner = { .sock = NULL };
    s_join (&joiner, &feed, MANY_TOPICS, -1, -1);
    TAP (faults_counted (feed.relay, "replayed", 1000), "one subscribes late");
    size_t updates = 0;
    int64_t deadline = zclock_mono () + 3 * FAULTS_PATIENCE;
    //  It reads in bites, and the updates stop before it has got everything
    while (!s_complete (&joiner, &feed) && zclock_mono () < deadline) {
        if (joiner.received < MANY_TOPICS / 2)
            for (int index = 0; index < 20; index++)
                s_update (&feed, updates++ * 13 % MANY_TOPICS, STUCK_SIZE);
        s_read (&joiner, 200);
        zclock_sleep (1);
    }
    TAP (s_complete (&joiner, &feed), "it gets the last value of all of them, "
         "%zu updates meanwhile", updates);
    TAP (joiner.overtaken == 0, "none overtaken by an older one");
    if (s_missing (&joiner, &feed))
        printf ("#   %zu are missing\n", s_missing (&joiner, &feed));
    TAP (s_updated (&feed, MANY_TOPICS + updates) && s_accounts (&feed),
         "the cache accounts for all of them");
    s_leave (&joiner);
    s_cleanup (&feed);
}


//  --------------------------------------------------------------------------
//  All was sent to a late subscriber, which is full when more updates come

static void
s_test_after (void)
{
    feed_t feed;
    s_setup (&feed, MANY_TOPICS, NULL);
    assert (faults_command (feed.relay, "SET", "RELAY", "patience", "60000",
                            NULL) == 0);
    for (size_t topic = 0; topic < MANY_TOPICS; topic++)
        s_update (&feed, topic, STUCK_SIZE);
    assert (s_updated (&feed, MANY_TOPICS));
    joiner_t joiner = { .sock = NULL };
    s_join (&joiner, &feed, MANY_TOPICS, -1, 10);
    int64_t deadline = zclock_mono () + 3 * FAULTS_PATIENCE;
    while (faults_counter (feed.relay, "replayed") < MANY_TOPICS
       &&  zclock_mono () < deadline)
        s_read (&joiner, 100);
    //  Every topic is updated twice, for which it has no room
    for (size_t index = 0; index < 2 * MANY_TOPICS; index++)
        s_update (&feed, index % MANY_TOPICS, STUCK_SIZE);
    TAP (s_updated (&feed, 3 * MANY_TOPICS), "all topics are updated again");
    TAP (faults_counter (feed.relay, "waiting") > 0 && s_accounts (&feed),
         "values wait for one that is full, and are accounted for");
    while (!s_complete (&joiner, &feed) && zclock_mono () < deadline)
        if (!s_read (&joiner, 1000))
            zclock_sleep (1);
    TAP (s_complete (&joiner, &feed), "it gets the last value of all of them");
    TAP (joiner.overtaken == 0, "none overtaken by an older one");
    TAP (faults_counter (feed.relay, "forward.dropped_conflated") > 0
         && faults_counter (feed.relay, "waiting") == 0 && s_accounts (&feed),
         "only the newest was sent");
    s_leave (&joiner);
    s_cleanup (&feed);
}


//  --------------------------------------------------------------------------
//  One subscriber never reads; others that come after it are served

static void
s_test_stuck (void)
{
    feed_t feed;
    s_setup (&feed, STUCK_TOPICS, "100");
    TAP (faults_command (feed.relay, "SET", "RELAY", "patience", "300", NULL)
         == 0, "patience is set");
    for (size_t topic = 0; topic < STUCK_TOPICS; topic++)
        s_update (&feed, topic, STUCK_SIZE);
    TAP (s_updated (&feed, STUCK_TOPICS), "the cache has %d topics",
         STUCK_TOPICS);
    joiner_t stuck = { .sock = NULL };
    s_join (&stuck, &feed, STUCK_TOPICS, -1, 10);
    TAP (faults_counted (feed.relay, "given_up", 1),
         "one that does not read is given up");
    joiner_t joiner = { .sock = NULL };
    s_join (&joiner, &feed, STUCK_TOPICS, 3, -1);
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    while (!s_complete (&joiner, &feed) && zclock_mono () < deadline)
        if (!s_read (&joiner, 1000))
            zclock_sleep (1);
    TAP (s_complete (&joiner, &feed), "another gets all values that it wants");
    TAP (joiner.overtaken == 0, "none overtaken by an older one");
    TAP (faults_prompt (faults_ping (feed.relay)), "the cache is prompt");
    TAP (s_accounts (&feed), "and accounts for all of them");
    s_leave (&stuck);
    s_leave (&joiner);
    s_cleanup (&feed);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_crowd ();
    s_test_many ();
    s_test_after ();
    s_test_stuck ();
    return faults_end ();
}
