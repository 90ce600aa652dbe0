/*  =========================================================================
    cache_test - a last value cache, command by command

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  What late subscribers get under load is tested in cache_late_test.c, and
//  files in cache_save_test.c.

#include "kind_testing.h"

#define DEADLINE 300

//  The case of slow readers, see s_test_interval ()
#define INTERVAL 1000               //  Msecs between two values of a topic
#define FEED_MSECS 5000             //  How long updates come
#define FEED_TOPICS 10
#define FEED_RATE 10000             //  Updates a second
#define READ_IVL 50                 //  Msecs between two reads
#define AGE_MOST 2000               //  Oldest value that may be read, in msecs


//  --------------------------------------------------------------------------
//  A cache with a publisher

typedef struct {
    zactor_t *relay;                //  The cache
    zsock_t *publisher;             //  An XPUB, of whom it wants everything
    char *endpoint;                 //  Of its backend
} bench_t;

static void
s_setup (bench_t *self)
{
    self->relay = kind_spawn (zrelay_cache_kind (), "cache");
    self->endpoint = faults_bind (self->relay, "BACKEND");
    self->publisher = kind_connect (self->relay, "FRONTEND", ZMQ_XPUB);
    bool wanted = kind_receives (self->publisher, "\1");
    assert (wanted);
}

static void
s_cleanup (bench_t *self)
{
    zactor_destroy (&self->relay);
    zsock_destroy (&self->publisher);
    zstr_free (&self->endpoint);
}

static zsock_t *
s_subscriber (bench_t *self, const char *topic)
{
    zsock_t *sock = faults_connect (ZMQ_SUB, self->endpoint);
    zsock_set_subscribe (sock, topic);
    return sock;
}

//  Publish, and wait until the cache has so many messages in all

static bool
s_publish (bench_t *self, const char *topic, const char *body, uint64_t count)
{
    zstr_sendx (self->publisher, topic, body, NULL);
    return faults_counted (self->relay, "frontend.in.messages", count);
}

static int
s_set (bench_t *self, const char *option, const char *value)
{
    return faults_command (self->relay, "SET", "RELAY", option, value, NULL);
}

static bool
s_refuses (bench_t *self, int status, const char *words, const char *command,
           const char *one, const char *two, const char *three)
{
    zstr_sendx (self->relay, command, one, two, three, NULL);
    zmsg_t *msg = zmsg_recv (self->relay);
    int found = msg? zmsg_signal (msg): -1;
    zmsg_destroy (&msg);
    if (found != status)
        printf ("#   the status was %d\n", found);
    return found == status && kind_explains (self->relay, words);
}


//  --------------------------------------------------------------------------
//  Late subscribers

static void
s_test_late (void)
{
    bench_t bench;
    s_setup (&bench);
    TAP (s_publish (&bench, "oslo.wind", "1", 1)
      && s_publish (&bench, "oslo.rain", "2", 2)
      && s_publish (&bench, "rome.rain", "3", 3)
      && s_publish (&bench, "oslo.wind", "4", 4), "the cache wants everything");
    zsock_t *some = s_subscriber (&bench, "oslo.");
    TAP (kind_receives (some, "oslo.rain", "2")
      && kind_receives (some, "oslo.wind", "4"),
         "a late subscriber gets the last value of each topic it wants");
    TAP (s_publish (&bench, "oslo.snow", "5", 5)
      && kind_receives (some, "oslo.snow", "5"), "and then the updates");
    zsock_t *all = s_subscriber (&bench, "");
    TAP (kind_receives (all, "oslo.rain", "2")
      && kind_receives (all, "oslo.snow", "5")
      && kind_receives (all, "oslo.wind", "4")
      && kind_receives (all, "rome.rain", "3"),
         "the empty subscription gets those of all topics");
    TAP (kind_receives (some, "oslo.rain", "2")
      && kind_receives (some, "oslo.snow", "5")
      && kind_receives (some, "oslo.wind", "4"),
         "which others get again if they have them");
    zsock_t *same = s_subscriber (&bench, "oslo.");
    TAP (kind_receives (same, "oslo.rain", "2"),
         "a subscription that another has already counts, too");
    TAP (kind_silent (bench.publisher), "no publisher hears of any");
    TAP (kind_counts (bench.relay, "subscriptions", 3)
      && faults_counted (bench.relay, "replayed", 9)
      && kind_counts (bench.relay, "topics", 4)
      && kind_counts (bench.relay, "bytes", 4 * 10), "they are counted");
    zsock_destroy (&some);
    zsock_destroy (&all);
    zsock_destroy (&same);

    //  Other frames of subscribers go to the publishers
    zsock_t *talker = faults_connect (ZMQ_XSUB, bench.endpoint);
    zstr_send (talker, "hello");
    TAP (kind_receives (bench.publisher, "hello"), "user messages pass");
    zsock_destroy (&talker);
    s_cleanup (&bench);
}

//  Values of any form come back as they were

static void
s_test_forms (void)
{
    bench_t bench;
    s_setup (&bench);
    size_t sizes [] = { 0, 33, 100, 9000, 20000, 3000000 };
    for (size_t index = 0; index < 6; index++) {
        zmsg_t *msg = zmsg_new ();
        zmsg_addstrf (msg, "%zu", index);
        byte *filling = (byte *) zmalloc (sizes [index] + 1);
        memset (filling, (int) index + 1, sizes [index]);
        zmsg_addmem (msg, filling, sizes [index]);
        zmsg_addmem (msg, "", 0);
        for (size_t more = 0; more < index * 20; more++)
            zmsg_addmem (msg, filling, more < sizes [index]? more: 0);
        freen (filling);
        zmsg_send (&msg, bench.publisher);
    }
    zmsg_t *nothing = zmsg_new ();
    zmsg_addmem (nothing, "", 0);
    zmsg_send (&nothing, bench.publisher);
    TAP (faults_counted (bench.relay, "frontend.in.messages", 7)
      && kind_counts (bench.relay, "topics", 7),
         "values of all forms are kept");
    zsock_t *late = s_subscriber (&bench, "");
    zmsg_t *msg = zmsg_recv (late);
    TAP (msg && zmsg_size (msg) == 1 && zmsg_content_size (msg) == 0,
         "the empty message is the value of the empty topic");
    zmsg_destroy (&msg);
    for (size_t index = 0; index < 6; index++) {
        msg = zmsg_recv (late);
        bool same = msg && zmsg_size (msg) == 3 + index * 20;
        char *name = same? zmsg_popstr (msg): strdup ("");
        same = same && (size_t) atol (name) == index
            && zframe_size (zmsg_first (msg)) == sizes [index]
            && (sizes [index] == 0
             || zframe_data (zmsg_first (msg)) [sizes [index] - 1]
                == index + 1);
        TAP (same, "%zu frames, one of %zu bytes", 3 + index * 20,
             sizes [index]);
        zstr_free (&name);
        zmsg_destroy (&msg);
    }
    zsock_destroy (&late);

    //  A topic that is too long is no topic
    byte longest [5000];
    memset (longest, 'x', sizeof (longest));
    zsock_t *wide = s_subscriber (&bench, "x");
    TAP (faults_counted (bench.relay, "subscriptions", 2), "one waits for x");
    for (size_t size = 4096; size < 4098; size++)
        zmq_send (zsock_resolve (bench.publisher), longest, size, 0);
    for (size_t size = 4096; size < 4098; size++) {
        msg = zmsg_recv (wide);
        TAP (msg && zmsg_content_size (msg) == size, "%zu bytes pass", size);
        zmsg_destroy (&msg);
    }
    TAP (kind_counts (bench.relay, "topics", 8)
      && kind_counts (bench.relay, "uncached", 1), "and 4096 are kept");
    zsock_destroy (&wide);
    s_cleanup (&bench);
}

//  The relay's own subscriptions take the place of the one to everything

static void
s_test_subscribe (void)
{
    bench_t bench;
    s_setup (&bench);
    TAP (faults_command (bench.relay, "SUBSCRIBE", "oslo", "rome", NULL) == 0
      && kind_receives (bench.publisher, "\1oslo"),
         "SUBSCRIBE narrows what the cache gets");
    zframe_t *frame = zframe_recv (bench.publisher);
    TAP (frame && zframe_size (frame) == 1 && *zframe_data (frame) == 0
      && kind_receives (bench.publisher, "\1rome"),
         "it does not want everything any more");
    zframe_destroy (&frame);
    zstr_sendx (bench.publisher, "bonn", "1", NULL);
    TAP (s_publish (&bench, "oslo", "2", 1) && kind_counts (bench.relay,
         "topics", 1), "and gets nothing else");
    TAP (faults_command (bench.relay, "UNSUBSCRIBE", "oslo", NULL) == 0
      && faults_command (bench.relay, "UNSUBSCRIBE", "rome", NULL) == 0,
         "UNSUBSCRIBE widens it");
    frame = zframe_recv (bench.publisher);
    TAP (frame && zframe_size (frame) == 5 && *zframe_data (frame) == 0
      && kind_receives (bench.publisher, "\1"), "to everything");
    zframe_destroy (&frame);
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  Interval

static void
s_test_newest (void)
{
    bench_t bench;
    s_setup (&bench);
    zsock_t *sock = s_subscriber (&bench, "");
    TAP (faults_counted (bench.relay, "subscriptions", 1)
      && s_set (&bench, "interval", "86400000") == 0, "a day's interval");
    TAP (s_publish (&bench, "a", "1", 1) && kind_receives (sock, "a", "1"),
         "the first value passes at once");
    TAP (s_publish (&bench, "a", "2", 2) && s_publish (&bench, "b", "1", 3)
      && s_publish (&bench, "a", "3", 4) && kind_receives (sock, "b", "1")
      && kind_silent (sock), "the next ones of the same topic wait");
    TAP (kind_counts (bench.relay, "waiting", 1)
      && kind_counts (bench.relay, "forward.dropped_conflated", 1),
         "and only the newest does");
    zsock_t *late = s_subscriber (&bench, "a");
    TAP (kind_receives (late, "a", "3") && kind_receives (sock, "a", "3")
      && kind_counts (bench.relay, "waiting", 0),
         "a late subscriber gets it at once, and so do others");
    TAP (s_publish (&bench, "a", "4", 5) && kind_silent (sock),
         "then the topic waits again");
    TAP (s_set (&bench, "interval", "0") == 0 && kind_receives (sock, "a", "4")
      && kind_receives (late, "a", "4"), "until there is no interval");
    TAP (s_publish (&bench, "a", "5", 6) && s_publish (&bench, "a", "6", 7)
      && kind_receives (sock, "a", "5") && kind_receives (sock, "a", "6"),
         "then everything passes");

    //  The last value comes by itself
    TAP (s_set (&bench, "interval", "50") == 0
      && s_publish (&bench, "c", "1", 8) && s_publish (&bench, "c", "2", 9)
      && kind_receives (sock, "c", "1") && kind_receives (sock, "c", "2"),
         "the last value arrives when the time is over");
    zsock_destroy (&sock);
    zsock_destroy (&late);
    s_cleanup (&bench);
}

//  Ten topics, ten thousand updates a second, and one who reads twenty messages
//  a second: it never reads a value older than two seconds. A value is the time
//  at which it was sent.

static void
s_feed (zsock_t *pipe, void *args)
{
    zsock_t *publisher = (zsock_t *) args;
    zsock_signal (pipe, 0);
    int64_t start = zclock_usecs ();
    int64_t count = 0;
    int64_t elapsed = 0;
    for (; elapsed < FEED_MSECS * 1000; elapsed = zclock_usecs () - start) {
        for (; count < elapsed * FEED_RATE / 1000000; count++) {
            char topic [10], body [30];
            snprintf (topic, sizeof (topic), "%d", (int) count % FEED_TOPICS);
            snprintf (body, sizeof (body), "%" PRId64, zclock_mono ());
            zstr_sendx (publisher, topic, body, NULL);
        }
        zclock_sleep (1);
    }
    for (int topic = 0; topic < FEED_TOPICS; topic++) {
        char name [10];
        snprintf (name, sizeof (name), "%d", topic);
        zstr_sendx (publisher, name, "last", NULL);
    }
    zsock_signal (pipe, 0);
    char *end = zstr_recv (pipe);
    zstr_free (&end);
}

static void
s_test_interval (void)
{
    bench_t bench;
    s_setup (&bench);
    char msecs [20];
    snprintf (msecs, sizeof (msecs), "%d", INTERVAL);
    TAP (s_set (&bench, "interval", msecs) == 0, "an interval of %s ms", msecs);
    zsock_t *sock = s_subscriber (&bench, "");
    TAP (faults_counted (bench.relay, "subscriptions", 1), "one subscribes");
    zactor_t *feed = zactor_new (s_feed, bench.publisher);
    int64_t oldest = 0;
    int lasts = 0, reads = 0;
    int64_t deadline = zclock_mono () + FEED_MSECS + FAULTS_PATIENCE;
    while (lasts < FEED_TOPICS && zclock_mono () < deadline) {
        char *topic = NULL, *body = NULL;
        if (!kind_silent (sock) && zstr_recvx (sock, &topic, &body, NULL) > 0) {
            reads++;
            int64_t age = zclock_mono () - atoll (body);
            if (streq (body, "last"))
                lasts++;
            else
            if (age > oldest)
                oldest = age;
        }
        zstr_free (&topic);
        zstr_free (&body);
        zclock_sleep (READ_IVL);
    }
    TAP (oldest > 0 && oldest <= AGE_MOST,
         "a slow reader sees no value older than %d ms", AGE_MOST);
    TAP (lasts == FEED_TOPICS, "and the last value of each topic");
    printf ("#   %d messages, the oldest %d ms\n", reads, (int) oldest);
    zsock_wait (feed);
    zstr_send (feed, "END");
    zactor_destroy (&feed);
    zsock_destroy (&sock);
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  Bounds

static bool
s_has (bench_t *self, const char *topics)
{
    char names [200] = "";
    zstr_send (self->relay, "TOPICS");
    zmsg_t *msg = zmsg_recv (self->relay);
    zframe_t *frame = msg? zmsg_first (msg): NULL;
    for (size_t index = 0; frame; index++, frame = zmsg_next (msg))
        if (index % 3 == 1)
            strncat (names, (char *) zframe_data (frame), zframe_size (frame));
    zmsg_destroy (&msg);
    if (strneq (names, topics))
        printf ("#   topics are %s\n", names);
    return streq (names, topics);
}

static void
s_test_bounds (void)
{
    bench_t bench;
    s_setup (&bench);
    TAP (s_set (&bench, "topics", "3") == 0, "up to three topics");
    TAP (s_publish (&bench, "a", "1", 1) && s_publish (&bench, "b", "1", 2)
      && s_publish (&bench, "c", "1", 3) && s_publish (&bench, "a", "2", 4)
      && s_publish (&bench, "d", "1", 5) && s_has (&bench, "acd"),
         "the least recently updated goes");
    TAP (s_set (&bench, "topics", "1") == 0
      && faults_counted (bench.relay, "evicted_topics", 3)
      && s_has (&bench, "d"), "a smaller bound acts at once");
    TAP (s_set (&bench, "topics", "0") == 0
      && s_set (&bench, "bytes", "20") == 0, "up to twenty bytes");
    TAP (s_publish (&bench, "e", "123456789", 6)
      && s_publish (&bench, "f", "1234567", 7) && s_has (&bench, "def"),
         "just twenty are kept");
    TAP (s_publish (&bench, "d", "12", 8)
      && faults_counted (bench.relay, "evicted_bytes", 1)
      && s_has (&bench, "df") && kind_counts (bench.relay, "bytes", 11),
         "for one more, the oldest goes");
    zsock_t *sock = s_subscriber (&bench, "g");
    TAP (faults_counted (bench.relay, "subscriptions", 1)
      && s_publish (&bench, "g", "1234567890123456789012", 9)
      && kind_receives (sock, "g", "1234567890123456789012")
      && faults_counted (bench.relay, "evicted_bytes", 4)
      && s_has (&bench, ""), "one that is too large passes, and is not kept");
    zsock_destroy (&sock);
    TAP (s_set (&bench, "bytes", "0") == 0
      && s_publish (&bench, "h", "1", 10) && s_set (&bench, "ttl", "50") == 0
      && faults_counted (bench.relay, "expired", 1) && s_has (&bench, ""),
         "after its time, a topic goes");
    TAP (s_publish (&bench, "i", "1", 11)
      && faults_counted (bench.relay, "expired", 2)
      && kind_counts (bench.relay, "topics", 0)
      && kind_counts (bench.relay, "bytes", 0), "also one that comes then");

    //  One that has not been sent yet is accounted for
    TAP (s_set (&bench, "ttl", "0") == 0 && s_set (&bench, "topics", "1") == 0
      && s_set (&bench, "interval", "86400000") == 0
      && s_publish (&bench, "j", "1", 12) && s_publish (&bench, "j", "2", 13)
      && s_publish (&bench, "k", "1", 14)
      && kind_counts (bench.relay, "forward.dropped_evicted", 1)
      && kind_counts (bench.relay, "waiting", 0),
         "a value that goes before it was sent counts as dropped");
    s_cleanup (&bench);
}

static void
s_test_delimiter (void)
{
    bench_t bench;
    s_setup (&bench);
    TAP (s_set (&bench, "delimiter", " ") == 0, "topics end with a space");
    zstr_send (bench.publisher, "oslo.wind 1");
    zstr_send (bench.publisher, "oslo.wind 2");
    zstr_send (bench.publisher, "oslo");
    TAP (faults_counted (bench.relay, "frontend.in.messages", 3)
      && kind_counts (bench.relay, "topics", 2), "there are two");
    zsock_t *sock = s_subscriber (&bench, "oslo");
    TAP (kind_receives (sock, "oslo") && kind_receives (sock, "oslo.wind 2"),
         "a late subscriber gets both whole");
    zsock_t *other = s_subscriber (&bench, "oslo.wind 2");
    TAP (kind_receives (other, "oslo.wind 2"),
         "also if it asks for more than the topic");
    TAP (s_refuses (&bench, 3, "before", "SET", "RELAY", "delimiter", ";"),
         "then it cannot change any more");
    zsock_destroy (&sock);
    zsock_destroy (&other);
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  Queries and settings

static void
s_test_topics (void)
{
    bench_t bench;
    s_setup (&bench);
    s_publish (&bench, "oslo wind%", "123", 1);
    s_publish (&bench, "rome", "1", 2);
    zstr_sendx (bench.relay, "TOPICS", "oslo", NULL);
    char *name, *topic, *size, *age;
    zstr_recvx (bench.relay, &name, &topic, &size, &age, NULL);
    TAP (streq (name, "TOPICS") && streq (topic, "oslo%20wind%25")
      && streq (size, "13") && age && atoi (age) >= 0,
         "TOPICS tells topic, size and age");
    zstr_free (&name);
    zstr_free (&topic);
    zstr_free (&size);
    zstr_free (&age);
    for (int index = 0; index < 11; index++)
        kind_send (bench.relay, "TOPICS", "none", NULL);
    size_t answers = 0, refusals = 0;
    for (int index = 0; index < 11; index++) {
        zmsg_t *msg = zmsg_recv (bench.relay);
        refusals += zmsg_signal (msg) == 3;
        answers += zmsg_signal (msg) == -1 && zmsg_size (msg) == 1;
        zmsg_destroy (&msg);
    }
    TAP (answers >= 10 && answers + refusals == 11,
         "as many as are asked for, up to ten at a time");
    s_cleanup (&bench);
}

static void
s_test_settings (void)
{
    static const struct {
        const char *option;
        const char *value;          //  A valid one
        const char *wrong;          //  One that is not
        const char *words;          //  Of the refusal
    } settings [] = {
        { "interval", "1", "86400001", "0 to 86400000" },
        { "interval", "2", "-1", "0 to 86400000" },
        { "topics", "1", "4294967296", "0 to 4294967295" },
        { "topics", "2", "many", "0 to 4294967295" },
        { "bytes", "1", "-1", "from 0 on" },
        { "ttl", "1", "31536000001", "0 to 31536000000" },
        { "patience", "1", "86400001", "0 to 86400000" },
        { "delimiter", ";", "::", "one character" }
    };
    bench_t bench;
    s_setup (&bench);
    for (size_t index = 0; index < 8; index++) {
        const char *option = settings [index].option;
        int status = s_set (&bench, option, settings [index].value);
        bool refused = s_refuses (&bench, 2, settings [index].words, "SET",
                                  "RELAY", option, settings [index].wrong);
        zstr_sendx (bench.relay, "GET", "RELAY", option, NULL);
        char *name, *value;
        zstr_recvx (bench.relay, &name, &value, NULL);
        TAP (status == 0 && refused && streq (value, settings [index].value),
             "%s is not set to %s", option, settings [index].wrong);
        zstr_free (&name);
        zstr_free (&value);
    }
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  LOOKUP

static bool
s_is_end (zsock_t *sock, const char *prefix, bool whole)
{
    zmsg_t *msg = zmsg_recv (sock);
    while (whole && msg && zmsg_size (msg) > 5) {
        zframe_t *frame = zmsg_pop (msg);
        zframe_destroy (&frame);
    }
    bool end = msg && zmsg_size (msg) == 5
        && zframe_streq (zmsg_first (msg), "KTHXBAI")
        && zframe_size (zmsg_next (msg)) == 8
        && zframe_size (zmsg_next (msg)) == 0
        && zframe_size (zmsg_next (msg)) == 0
        && zframe_streq (zmsg_next (msg), prefix);
    zmsg_destroy (&msg);
    return end;
}

static void
s_test_lookup (void)
{
    bench_t bench;
    s_setup (&bench);
    s_publish (&bench, "oslo.rain", "1", 1);
    s_publish (&bench, "oslo.wind", "2", 2);
    s_publish (&bench, "rome.rain", "3", 3);
    TAP (faults_command (bench.relay, "LOOKUP", "tcp://127.0.0.1:*", NULL) == 0,
         "LOOKUP opens an endpoint");
    zstr_sendx (bench.relay, "GET", "RELAY", "lookup", NULL);
    char *name, *endpoint;
    zstr_recvx (bench.relay, &name, &endpoint, NULL);
    zstr_free (&name);
    zsock_t *dealer = faults_connect (ZMQ_DEALER, endpoint);
    zstr_sendx (dealer, "ICANHAZ?", "oslo", NULL);
    TAP (kind_receives (dealer, "oslo.rain", "1")
      && kind_receives (dealer, "oslo.wind", "2")
      && s_is_end (dealer, "oslo", false),
         "a DEALER gets a message for each value, and the end");
    zsock_t *req = faults_connect (ZMQ_REQ, endpoint);
    zstr_sendx (req, "ICANHAZ?", "", NULL);
    zmsg_t *msg = zmsg_recv (req);
    static const char *const expected [] = {
        "2", "oslo.rain", "1", "2", "oslo.wind", "2", "2", "rome.rain", "3",
        "KTHXBAI"
    };
    bool same = msg && zmsg_size (msg) == 14;
    for (size_t index = 0; same && index < 10; index++)
        same = zframe_streq (index? zmsg_next (msg): zmsg_first (msg),
                             expected [index]);
    zframe_t *sequence = zmsg_next (msg);
    TAP (same, "a REQ gets all in one message");
    TAP (sequence && zframe_size (sequence) == 8
      && memcmp (zframe_data (sequence), "\0\0\0\0\0\0\0\3", 8) == 0,
         "with the number of updates");
    zmsg_destroy (&msg);
    zstr_sendx (req, "ICANHAZ?", "bonn", NULL);
    TAP (s_is_end (req, "bonn", true), "or just the end");

    //  What is no request gets no answer, and harms nobody
    zstr_sendx (dealer, "ICANHAZ", "", NULL);
    zstr_sendx (dealer, "ICANHAZ?", NULL);
    zstr_sendx (dealer, "ICANHAZ?", "", "", NULL);
    zstr_sendx (dealer, "", NULL);
    zstr_sendx (dealer, "", "", "", NULL);
    TAP (faults_counted (bench.relay, "lookups.invalid", 5)
      && kind_silent (dealer), "what is no request is counted");
    TAP (kind_counts (bench.relay, "lookups.answered", 3)
      && kind_counts (bench.relay, "lookups.pending", 0), "and so are others");
    TAP (s_refuses (&bench, 4, "in use", "LOOKUP", endpoint, NULL, NULL)
      && s_refuses (&bench, 4, "not an endpoint", "LOOKUP", "nonsense", NULL,
                    NULL)
      && s_refuses (&bench, 4, "port", "LOOKUP", "tcp://127.0.0.1:70000", NULL,
                    NULL), "an endpoint that cannot be is refused");
    zstr_sendx (dealer, "ICANHAZ?", "rome", NULL);
    TAP (kind_receives (dealer, "rome.rain", "3")
      && s_is_end (dealer, "rome", false), "and those that are go on");
    zsock_destroy (&dealer);
    zsock_destroy (&req);
    zstr_free (&endpoint);
    s_cleanup (&bench);

    //  Without a first endpoint there is none
    s_setup (&bench);
    zsock_t *listener = faults_listen (ZMQ_ROUTER);
    char *used = strdup (zsock_endpoint (listener));
    TAP (s_refuses (&bench, 4, "in use", "LOOKUP", used, NULL, NULL)
      && s_refuses (&bench, 4, "in use", "SET", "RELAY", "lookup", used),
         "the first endpoint may be refused, too");
    zstr_free (&used);
    zsock_destroy (&listener);
    s_cleanup (&bench);
}

//  Many values to one that reads late, while another that never reads has
//  asked, and more requests than can be under way

#define LOOKUP_TOPICS 20000
#define LOOKUP_SIZE 1000
#define LOOKUP_REQUESTS 3000

static void
s_test_lookups (void)
{
    bench_t bench;
    s_setup (&bench);
    faults_command (bench.relay, "LOOKUP", "inproc://cache-lookups", NULL);
    char body [LOOKUP_SIZE];
    memset (body, 'x', sizeof (body));
    body [LOOKUP_SIZE - 1] = 0;
    bool counted = true;
    for (size_t topic = 0; topic < LOOKUP_TOPICS; topic++) {
        char name [10];
        snprintf (name, sizeof (name), "%05zu", topic);
        zstr_sendx (bench.publisher, name, body, NULL);
        if (topic % 500 == 499)
            counted = counted && faults_counted (
                bench.relay, "frontend.in.messages", topic + 1);
    }
    TAP (counted, "%d values", LOOKUP_TOPICS);
    zsock_t *never = faults_connect (ZMQ_DEALER, "inproc://cache-lookups");
    for (int count = 0; count < LOOKUP_REQUESTS; count++)
        zstr_sendx (never, "ICANHAZ?", "", NULL);
    TAP (faults_counted (bench.relay, "lookups.pending", 1000),
         "one asks very often, and reads nothing");
    TAP (faults_prompt (faults_ping (bench.relay)), "the relay is prompt");
    zsock_destroy (&never);
    zsock_t *dealer = faults_connect (ZMQ_DEALER, "inproc://cache-lookups");
    int64_t asked = zclock_mono ();
    zstr_sendx (dealer, "ICANHAZ?", "", NULL);
    size_t values = 0;
    bool more = true;
    while (more) {
        zmsg_t *msg = zmsg_recv (dealer);
        more = msg && zmsg_size (msg) == 2;
        values += more;
        zmsg_destroy (&msg);
    }
    TAP (values == LOOKUP_TOPICS, "when it has gone another gets all of them");
    //  It would be three times that if each request had to lose patience first
    TAP (zclock_mono () - asked < FAULTS_PATIENCE, "and need not wait for it");
    zsock_destroy (&dealer);

    //  In one message, as many bytes as are allowed
    zsock_t *req = faults_connect (ZMQ_REQ, "inproc://cache-lookups");
    zstr_sendx (req, "ICANHAZ?", "", NULL);
    zmsg_t *msg = zmsg_recv (req);
    TAP (msg && zmsg_size (msg) == 3 * LOOKUP_TOPICS + 5,
         "a REQ gets them in one message");
    zmsg_destroy (&msg);
    char *large = (char *) zmalloc (1000001);
    memset (large, 'x', 1000000);
    for (int topic = 0; topic < 50; topic++) {
        char name [10];
        snprintf (name, sizeof (name), "x%d", topic);
        zstr_sendx (bench.publisher, name, large, NULL);
    }
    freen (large);
    faults_counted (bench.relay, "topics", LOOKUP_TOPICS + 50);
    zstr_sendx (req, "ICANHAZ?", "", NULL);
    msg = zmsg_recv (req);
    char *sentence = msg? zframe_strdup (zmsg_last (msg)): strdup ("");
    TAP (strstr (sentence, "too much"), "and is told if that is too much");
    zstr_free (&sentence);
    zmsg_destroy (&msg);
    zsock_destroy (&req);
    s_cleanup (&bench);
}

//  Whoever may not subscribe may not look

static void
s_test_security (void)
{
    if (!zsys_has_curve ()) {
        TAP_SKIP ("LOOKUP has the backend's security", "no CURVE");
        return;
    }
    bench_t bench;
    bench.relay = kind_spawn (zrelay_cache_kind (), "cache");
    zcert_t *server = zcert_new ();
    zcert_t *client = zcert_new ();
    zactor_t *auth = zactor_new (zauth, NULL);
    zstr_sendx (auth, "CURVE", CURVE_ALLOW_ANY, NULL);
    zsock_wait (auth);
    faults_command (bench.relay, "CURVE", "BACKEND", zcert_public_txt (server),
                    zcert_secret_txt (server), NULL);
    bench.endpoint = faults_bind (bench.relay, "BACKEND");
    bench.publisher = kind_connect (bench.relay, "FRONTEND", ZMQ_XPUB);
    TAP (s_set (&bench, "lookup", "tcp://127.0.0.1:*") == 0,
         "LOOKUP with a backend that has CURVE");
    zstr_sendx (bench.relay, "GET", "RELAY", "lookup", NULL);
    char *name, *endpoint;
    zstr_recvx (bench.relay, &name, &endpoint, NULL);
    zsock_t *plain = faults_connect (ZMQ_DEALER, endpoint);
    zstr_sendx (plain, "ICANHAZ?", "", NULL);
    zsock_t *known = zsock_new (ZMQ_DEALER);
    zcert_apply (client, known);
    zsock_set_curve_serverkey (known, zcert_public_txt (server));
    zsock_set_rcvtimeo (known, FAULTS_PATIENCE);
    zsock_connect (known, "%s", endpoint);
    zstr_sendx (known, "ICANHAZ?", "", NULL);
    TAP (s_is_end (known, "", false), "one with a key is answered");
    TAP (kind_silent (plain) && kind_counts (bench.relay, "lookups.answered",
         1), "one without is not");
    zsock_destroy (&plain);
    zsock_destroy (&known);
    zstr_free (&name);
    zstr_free (&endpoint);
    s_cleanup (&bench);
    zactor_destroy (&auth);
    zcert_destroy (&server);
    zcert_destroy (&client);
}


//  --------------------------------------------------------------------------
//  Pausing and draining

static void
s_test_states (void)
{
    bench_t bench;
    s_setup (&bench);
    zsock_t *early = s_subscriber (&bench, "");
    TAP (faults_counted (bench.relay, "subscriptions", 1)
      && s_set (&bench, "interval", "86400000") == 0
      && s_publish (&bench, "a", "1", 1) && s_publish (&bench, "a", "2", 2)
      && kind_receives (early, "a", "1"), "a value waits for its interval");
    TAP (faults_command (bench.relay, "PAUSE", NULL) == 0, "PAUSE");
    zstr_sendx (bench.publisher, "b", "1", NULL);
    zsock_t *late = s_subscriber (&bench, "a");
    TAP (faults_counted (bench.relay, "subscriptions", 2)
      && faults_counted (bench.relay, "due", 1)
      && kind_counts (bench.relay, "frontend.in.messages", 2)
      && kind_silent (late), "a replay waits, and so do updates");
    TAP (faults_command (bench.relay, "RESUME", NULL) == 0
      && kind_receives (late, "a", "2"), "RESUME lets the replay go");
    TAP (kind_receives (early, "a", "2") && kind_receives (early, "b", "1"),
         "and the update");
    TAP (s_publish (&bench, "b", "2", 4) && kind_silent (early)
      && faults_command (bench.relay, "DRAIN", "10000", NULL) == 0
      && kind_counts (bench.relay, "waiting", 0)
      && kind_receives (early, "b", "2"),
         "DRAIN sends what waits for its interval");
    zsock_destroy (&early);
    zsock_destroy (&late);
    s_cleanup (&bench);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_late ();
    s_test_forms ();
    s_test_subscribe ();
    s_test_newest ();
    s_test_interval ();
    s_test_bounds ();
    s_test_delimiter ();
    s_test_topics ();
    s_test_settings ();
    s_test_lookup ();
    s_test_lookups ();
    s_test_security ();
    s_test_states ();
    return faults_end ();
}
