/*  =========================================================================
    18_subscriptions_flood - a subscriber that asks for too much

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  libzmq keeps topics byte by byte: one topic of a megabyte cost 32 MB, 40 MB
//  of long topics 1.8 GB. Here a topic that is too long is not even received,
//  and who subscribes to too much is cut, counted, and forgotten. libzmq takes
//  in all that waits before it returns to the relay, so something has to look
//  from outside.
//
//  To know who subscribes, the relay hears of each subscription. Publishers
//  must hear of the first for a topic only, and of the last cancellation, as
//  before.

#include "faults.h"
#include "wire.h"

#define DEADLINE 120
#define GROWTH (64 * 1024)      //  KiB that are allowed
#define LONGEST 4096            //  Bytes of a topic
#define FLOOD_BYTES 40000000
#define ENDLESS_BYTES 200000000
#define WITHIN 400000           //  Bytes that are allowed at once
#define TOPICS 500              //  Of an honest subscriber
#define ROUNDS 10               //  It subscribes and cancels


//  --------------------------------------------------------------------------
//  Who attacks, in a process of its own. Exit status 0: the connection ended.

//  Topics of so many bytes, each another one from its beginning on; some of
//  them well before the others, if that is said

static int
s_flood (int argc, char **argv)
{
    assert (argc == 2 || argc == 3);
    size_t size = (size_t) atol (argv [1]);
    size_t pause_at = argc == 3? WITHIN: SIZE_MAX;
    int fd = wire_connect (argv [0]);
    if (fd == -1 || !wire_handshake (fd, "SUB"))
        return 2;
    byte *frame = (byte *) malloc (9 + size + 1);
    assert (frame);
    memset (frame, 0, 9);
    frame [0] = WIRE_LONG;
    for (int index = 0; index < 8; index++)
        frame [8 - index] = (byte) ((size + 1) >> (8 * index));
    frame [9] = 1;
    bool open = true;
    unsigned seed = 1;
    for (size_t sent = 0; open && sent < FLOOD_BYTES; sent += size) {
        for (size_t index = 0; index < size; index++)
            frame [10 + index] = (byte) (rand_r (&seed) >> 7);
        open = wire_send_all (fd, frame, 10 + size);
        if (sent >= pause_at) {
            zclock_sleep (300);
            pause_at = SIZE_MAX;
        }
    }
    //  It may be found out only now
    for (int look = 0; open && look < 500; look++, zclock_sleep (10))
        open = wire_discard (fd);
    free (frame);
    return open;
}


//  Frames of a message to publishers that never ends

static int
s_endless (int argc, char **argv)
{
    assert (argc == 1);
    int fd = wire_connect (argv [0]);
    if (fd == -1 || !wire_handshake (fd, "XSUB"))
        return 2;
    byte frame [102] = { WIRE_MORE, 100, 'e' };
    bool open = true;
    for (size_t sent = 0; open && sent < ENDLESS_BYTES; sent += sizeof (frame))
        open = wire_send_all (fd, frame, sizeof (frame));
    return open;
}


//  --------------------------------------------------------------------------
//  A forwarder with a publisher

typedef struct {
    zactor_t *relay;
    zsock_t *publisher;
    char *in;                   //  Where publishers connect
    char *out;                  //  And subscribers
    volatile bool stop;         //  The thread that measures has to end
    int64_t before;             //  Memory before the attack, in KiB
    volatile int64_t peak;      //  Most memory that it saw, in KiB
} bench_t;

static void
s_setup (bench_t *self, const char *kind, const char *subscriptions,
         const char *maxmsgsize)
{
    self->relay = faults_relay (kind);
    if (streq (kind, "proxy")) {
        //  It takes these types from its first endpoints
        faults_command (self->relay, "FRONTEND", "XSUB", "tcp://127.0.0.1:*",
                        NULL);
        faults_command (self->relay, "BACKEND", "XPUB", "tcp://127.0.0.1:*",
                        NULL);
    }
    if (subscriptions)
        faults_command (self->relay, "SET", "BACKEND", "subscriptions",
                        subscriptions, NULL);
    if (maxmsgsize)
        faults_command (self->relay, "SET", "BACKEND", "maxmsgsize",
                        maxmsgsize, NULL);
    self->out = faults_bind (self->relay, "BACKEND");
    self->in = faults_bind (self->relay, "FRONTEND");
}

static void
s_publish (bench_t *self)
{
    self->publisher = faults_connect (ZMQ_XPUB, self->in);
    zsock_set_xpub_verbose (self->publisher, 1);
}

static void
s_cleanup (bench_t *self)
{
    TAP (faults_prompt (faults_end_relay (&self->relay)), "ends at once");
    zsock_destroy (&self->publisher);
    zstr_free (&self->in);
    zstr_free (&self->out);
}

//  True if the next thing that the publisher hears is that

static bool
s_hears (bench_t *self, byte what, const char *topic)
{
    zframe_t *frame = zframe_recv (self->publisher);
    bool right = frame && zframe_size (frame) == strlen (topic) + 1
        && zframe_data (frame) [0] == what
        && memcmp (zframe_data (frame) + 1, topic, strlen (topic)) == 0;
    zframe_destroy (&frame);
    return right;
}

static bool
s_hears_nothing (bench_t *self)
{
    zsock_set_rcvtimeo (self->publisher, 300);
    zframe_t *frame = zframe_recv (self->publisher);
    zsock_set_rcvtimeo (self->publisher, FAULTS_PATIENCE);
    bool nothing = frame == NULL;
    zframe_destroy (&frame);
    return nothing;
}


//  --------------------------------------------------------------------------
//  Attacks

static void *
s_measure (void *arg)
{
    bench_t *self = (bench_t *) arg;
    for (; !self->stop; zclock_sleep (1)) {
        int64_t memory = faults_memory (getpid ());
        if (memory > self->peak)
            self->peak = memory;
    }
    return NULL;
}

typedef struct {
    const char *kind;
    const char *subscriptions;  //  The limit; NULL: as it is by default
    const char *maxmsgsize;     //  Likewise
    const char *size;           //  Of a topic
    const char *pause;          //  NULL: all at once
    bool counted;               //  The relay cuts it, and not libzmq
} flood_t;

//  Returns the attacker's exit status

static int
s_attack (bench_t *self, const char *role, const char *size, const char *pause)
{
    self->before = self->peak = faults_memory (0);
    pthread_t thread;
    pthread_create (&thread, NULL, s_measure, self);
    int status = faults_await (faults_spawn (role, self->out, size, pause,
                                             NULL));
    int64_t beats = faults_ping (self->relay);
    self->stop = true;
    pthread_join (thread, NULL);
    printf ("# %" PRId64 " KiB more, %" PRId64 " beats for an answer\n",
            self->peak - self->before, beats);
    return status;
}

static void
s_check_memory (bench_t *self)
{
    if (FAULTS_SANITIZED)
        TAP_SKIP ("and memory is bounded", "sanitizers keep it");
    else
        TAP (self->peak - self->before < GROWTH, "and memory is bounded");
}

static void
s_test_flood (const flood_t *flood)
{
    bench_t bench = { .stop = false };
    s_setup (&bench, flood->kind, flood->subscriptions, flood->maxmsgsize);
    int status = s_attack (&bench, "flood", flood->size, flood->pause);
    TAP (status == 0,
         "%s, %s subscriptions, %s maxmsgsize: topics of %s bytes%s are cut",
         flood->kind, flood->subscriptions? flood->subscriptions: "default",
         flood->maxmsgsize? flood->maxmsgsize: "default",
         flood->size, flood->pause? ", in two parts,": "");
    TAP (faults_counter (bench.relay, "backend.cut_subscriptions")
            == flood->counted,
         "and counted if the relay did that");
    s_check_memory (&bench);
    s_cleanup (&bench);
}

static void
s_test_endless (void)
{
    bench_t bench = { .stop = false };
    s_setup (&bench, "forwarder", NULL, "1000000");
    TAP (s_attack (&bench, "endless", NULL, NULL) == 0,
         "a subscriber's message that never ends is cut");
    TAP (faults_counter (bench.relay, "backend.cut_endless") == 1,
         "and counted");
    s_check_memory (&bench);
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  Honest subscribers

static void
s_test_longest (void)
{
    bench_t bench = { .stop = false };
    s_setup (&bench, "forwarder", NULL, NULL);
    s_publish (&bench);
    char topic [LONGEST + 1];
    memset (topic, 'T', LONGEST);
    topic [LONGEST] = 0;
    zsock_t *subscriber = faults_connect (ZMQ_SUB, bench.out);
    zsock_set_subscribe (subscriber, topic);
    bool heard = s_hears (&bench, 1, topic);
    zstr_send (bench.publisher, topic);
    char *message = zstr_recv (subscriber);
    TAP (heard && message && streq (message, topic),
         "the longest topic passes");
    zstr_free (&message);
    zsock_destroy (&subscriber);
    TAP (s_hears (&bench, 0, topic), "and its cancellation");
    s_cleanup (&bench);
}

static bool
s_hears_all (bench_t *self, byte what)
{
    bool right = true;
    byte seen [TOPICS] = { 0 };
    for (int index = 0; index < TOPICS && right; index++) {
        zframe_t *frame = zframe_recv (self->publisher);
        char *text = frame? zframe_strdup (frame): NULL;
        int number = text && zframe_size (frame) > 1? atoi (text + 1): -1;
        right = frame && zframe_data (frame) [0] == what
             && (what == 1 || zframe_size (frame) > 1);
        if (what == 0 && frame)
            number = atoi ((char *) zframe_data (frame) + 1);
        right = right && number >= 0 && number < TOPICS && !seen [number];
        if (right)
            seen [number] = 1;
        zstr_free (&text);
        zframe_destroy (&frame);
    }
    return right;
}

static void
s_subscribe_all (zsock_t *sock, bool subscribe)
{
    char topic [20];
    for (int index = 0; index < TOPICS; index++) {
        snprintf (topic, sizeof (topic), "%d-", index);
        if (subscribe)
            zsock_set_subscribe (sock, topic);
        else
            zsock_set_unsubscribe (sock, topic);
    }
}

static void
s_test_honest (void)
{
    bench_t bench = { .stop = false };
    //  As many as it has
    s_setup (&bench, "forwarder", "500", NULL);
    s_publish (&bench);
    zsock_t *one = faults_connect (ZMQ_SUB, bench.out);
    s_subscribe_all (one, true);
    TAP (s_hears_all (&bench, 1), "a publisher hears of each topic");
    //  It would drop subscriptions above its high-water mark
    zsock_t *two = zsock_new (ZMQ_SUB);
    zsock_set_sndhwm (two, 0);
    zsock_set_rcvtimeo (two, FAULTS_PATIENCE);
    int rc = zsock_connect (two, "%s", bench.out);
    assert (rc == 0);
    for (int round = 0; round < ROUNDS; round++) {
        s_subscribe_all (two, true);
        s_subscribe_all (two, false);
    }
    s_subscribe_all (two, true);
    TAP (s_hears_nothing (&bench), "and not again while somebody has it");
    zstr_send (bench.publisher, "42-news");
    char *first = zstr_recv (one);
    char *second = zstr_recv (two);
    TAP (first && second && faults_counter (bench.relay, "backend.cut") == 0,
         "who comes back to the same topics is not cut");
    zstr_free (&first);
    zstr_free (&second);
    TAP (faults_counter (bench.relay, "backend.in.messages") == TOPICS
      && faults_counter (bench.relay, "frontend.out.messages") == TOPICS,
         "what is nothing new does not count");
    zsock_destroy (&one);
    TAP (s_hears_nothing (&bench), "the first leaves unheard");
    zsock_destroy (&two);
    TAP (s_hears_all (&bench, 0), "the last one is heard");

    //  Afterwards they are new
    one = faults_connect (ZMQ_SUB, bench.out);
    s_subscribe_all (one, true);
    TAP (s_hears_all (&bench, 1), "and who comes then is, too");
    zsock_set_subscribe (one, "more");
    TAP (faults_counted (bench.relay, "backend.cut_subscriptions", 1),
         "one more than is allowed is cut");
    zsock_destroy (&one);
    s_cleanup (&bench);
}

//  libzmq takes each frame of a subscriber's message that begins with 0 or 1 for
//  a cancellation or subscription, and delivers it as the message's end

static void
s_send_behind (int fd, byte what, const char *topic)
{
    byte frame [10] = { what };
    assert (strlen (topic) < sizeof (frame));
    memcpy (frame + 1, topic, strlen (topic));
    wire_frame (fd, WIRE_MORE, "words", strlen ("words"));
    wire_frame (fd, 0, frame, strlen (topic) + 1);
}

//  A message to the publishers of just that

static bool
s_hears_words (bench_t *self)
{
    zmsg_t *msg = zmsg_recv (self->publisher);
    bool right = msg && zmsg_size (msg) == 1
              && zframe_streq (zmsg_first (msg), "words");
    zmsg_destroy (&msg);
    return right;
}

static void
s_test_behind (void)
{
    bench_t bench = { .stop = false };
    s_setup (&bench, "forwarder", "10", NULL);
    s_publish (&bench);
    zsock_t *subscriber = faults_connect (ZMQ_SUB, bench.out);
    zsock_set_subscribe (subscriber, "A");
    TAP (s_hears (&bench, 1, "A"), "somebody has subscribed");
    int stranger = wire_connect (bench.out);
    bool connected = stranger != -1 && wire_handshake (stranger, "XSUB");
    assert (connected);
    s_send_behind (stranger, 0, "A");
    TAP (s_hears_words (&bench) && s_hears_nothing (&bench),
         "a cancellation behind other frames cancels nobody else's");
    zstr_send (bench.publisher, "A-news");
    char *news = zstr_recv (subscriber);
    TAP (news, "who goes on to hear");
    zstr_free (&news);

    s_send_behind (stranger, 1, "A");
    s_send_behind (stranger, 1, "B");
    TAP (s_hears_words (&bench) && s_hears_words (&bench)
      && s_hears (&bench, 1, "B"), "a subscription there is one");
    s_send_behind (stranger, 0, "B");
    TAP (s_hears_words (&bench) && s_hears (&bench, 0, "B")
      && s_hears_nothing (&bench), "which can be cancelled there");
    for (char topic [2] = "a"; *topic < 'a' + 20; ++*topic)
        s_send_behind (stranger, 1, topic);
    TAP (faults_counted (bench.relay, "backend.cut_subscriptions", 1),
         "too many of them are cut");
    wire_close (stranger, true);
    zsock_destroy (&subscriber);
    s_cleanup (&bench);
}


//  Messages to publishers are no flood of topics, also while nobody reads them,
//  whatever else takes memory meanwhile: other senders, or the application

#define UPSTREAM        20          //  Messages, of so many bytes
#define UPSTREAM_BYTES  1000000
#define SENDERS         20          //  At most
#define GROWTH_STEPS    200         //  Of so many bytes each
#define GROWTH_STEP     1000000

static void *
s_grow (void *arg)
{
    bench_t *self = (bench_t *) arg;
    byte *steps [GROWTH_STEPS];
    int count = 0;
    for (; count < GROWTH_STEPS && !self->stop; zclock_sleep (2)) {
        steps [count] = (byte *) malloc (GROWTH_STEP);
        assert (steps [count]);
        memset (steps [count++], 'g', GROWTH_STEP);
    }
    while (count > 0)
        free (steps [--count]);
    return NULL;
}

//  How many arrive, of those sent by some at the same time

static int
s_send_upstream (bench_t *self, int senders)
{
    zsock_t *socks [SENDERS];
    for (int sender = 0; sender < senders; sender++)
        socks [sender] = faults_connect (ZMQ_XSUB, self->out);
    faults_counted (self->relay, "backend.peers", (uint64_t) senders);
    faults_command (self->relay, "PAUSE", NULL);
    zframe_t *frame = zframe_new (NULL, UPSTREAM_BYTES);
    memset (zframe_data (frame), 'u', UPSTREAM_BYTES);
    for (int index = 0; index < UPSTREAM; index++)
        zframe_send (&frame, socks [index % senders], ZFRAME_REUSE);
    zframe_destroy (&frame);
    zclock_sleep (300);
    faults_command (self->relay, "RESUME", NULL);
    int heard = 0;
    while (heard < UPSTREAM && (frame = zframe_recv (self->publisher))) {
        heard += zframe_size (frame) == UPSTREAM_BYTES;
        zframe_destroy (&frame);
    }
    for (int sender = 0; sender < senders; sender++)
        zsock_destroy (&socks [sender]);
    return heard;
}

static void
s_test_messages (int senders, bool grows)
{
    bench_t bench = { .stop = false };
    s_setup (&bench, "forwarder", NULL, "1000000");
    s_publish (&bench);
    pthread_t thread;
    if (grows)
        pthread_create (&thread, NULL, s_grow, &bench);
    int heard = s_send_upstream (&bench, senders);
    bench.stop = true;
    if (grows)
        pthread_join (thread, NULL);
    TAP (heard == UPSTREAM
      && faults_counter (bench.relay, "backend.cut") == 0,
         "%d messages of %d to a publisher arrive%s, and nobody is cut", heard,
         senders, grows? " while others take memory": "");
    s_cleanup (&bench);
}

#if defined (__SANITIZE_ADDRESS__)
//  AddressSanitizer keeps what is freed, 256 MB by default. The thread that
//  frees more tidies up some 40 MB at once, and touches them: to the relay that
//  looks as if its thread had taken them for topics.

ZRELAY_EXPORT const char *
__asan_default_options (void);

const char *
__asan_default_options (void)
{
    return "quarantine_size_mb=16";
}
#endif

static const faults_role_t s_roles [] = {
    { "flood", s_flood },
    { "endless", s_endless },
    { NULL, NULL }
};

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    static const flood_t floods [] = {
        { "forwarder", NULL, NULL, "1000000", NULL, false },
        { "forwarder", NULL, NULL, "4096", NULL, true },
        { "forwarder", NULL, NULL, "4096", "pause", true },
        { "forwarder", NULL, NULL, "100", NULL, true },
        { "forwarder", NULL, NULL, "10", NULL, true },
        { "forwarder", "1000", NULL, "100", NULL, true },
        { "forwarder", NULL, "1048576", "1000", NULL, true },
        { "forwarder", NULL, "1048576", "20", NULL, true },
        { "cache", NULL, NULL, "4096", NULL, true },
        { "cache", NULL, "1048576", "1000", NULL, true },
        { "proxy", NULL, NULL, "4096", "pause", true },
        { "proxy", NULL, "1048576", "1000", NULL, true }
    };
    for (size_t index = 0; index < sizeof (floods) / sizeof (*floods); index++)
        s_test_flood (&floods [index]);
    s_test_endless ();
    s_test_longest ();
    s_test_honest ();
    s_test_behind ();
    s_test_messages (1, false);
    s_test_messages (1, true);
    s_test_messages (SENDERS, false);
    return faults_end ();
}
