/*  =========================================================================
    20_all_at_once - everything that strangers can do, at the same time

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  What withstands each attack alone may fail when they come together: what is
//  needed against one of them may be what another one uses up.
//
//  A queue and a forwarder run in a process with 256 descriptors, behind a gate
//  with passwords, with a maxmsgsize of 1 MiB and otherwise as they come. At
//  once, and again when they are cut:
//
//  - a client of the queue sends a message that never ends;
//  - a subscriber of the forwarder asks for long topics without end;
//  - 300 connections never begin the hand-shake;
//  - 300 peers have a password, and say nothing after the hand-shake;
//  - passwords are guessed, ATTACK_GUESSES a second.
//
//  Meanwhile the honest clients must get every reply, and the subscriber what
//  is published. Memory must not grow by more than 64 MiB, and a second later
//  the process must be idle. ATTACK_SECONDS says how long that lasts, and
//  ATTACK_MASK which of these come, by the sum of 1, 2, 4, 8 and 16. The whole
//  attack needs a machine of its own, and only then the last two are exact:
//
//      ATTACK_SECONDS=60 ATTACK_GUESSES=5000 tests/faults/20_all_at_once

#include "faults.h"
#include "wire.h"
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define DEADLINE 90             //  Seconds, besides the attack's
#define ATTACK_SECONDS 6
#define DESCRIPTORS 256
#define CONNECTIONS 300         //  Of each sort
#define GUESSES 1000            //  A second
#define GUESSING 100            //  Guesses that wait for their answer
#define GROWTH (64 * 1024)      //  KiB that are allowed
#define GROWTH_BUSY (128 * 1024)    //  The same on a busy machine
#define PATIENCE_BUSY 40000     //  Msecs until the relays rest on such a one
#define CLIENTS 3               //  Honest ones
#define ROUNDS 100              //  They are served before the attack
#define CHUNK 60000
#define TOPICS 8000
#define MAXMSGSIZE "1048576"
#define HONEST "honest"         //  Who may enter, and the password

//  The gate does not know more of them
#define PASSWORDS "honest=honest\nhostile=hostile\nvictim=s3cret\n"


//  --------------------------------------------------------------------------
//  The process that is attacked. It answers questions.

typedef struct {
    zactor_t *gate;
    zactor_t *relays [2];       //  queue and forwarder
    char *endpoints [4];        //  Of their frontends and backends
} target_t;

static const char *const s_kinds [] = { "queue", "forwarder" };
static const char *const s_sides [] = { "FRONTEND", "BACKEND" };

static void
s_target_open (target_t *self, const char *passwords)
{
    self->gate = zactor_new (zrelay_gate, NULL);
    assert (self->gate);
    zstr_sendx (self->gate, "PLAIN", "*", passwords, NULL);
    int rc = zsock_wait (self->gate);
    assert (rc == 0);
    for (int relay = 0; relay < 2; relay++) {
        self->relays [relay] = faults_relay (s_kinds [relay]);
        for (int side = 0; side < 2; side++) {
            zactor_t *actor = self->relays [relay];
            const char *name = s_sides [side];
            faults_command (actor, "DOMAIN", name, "all", NULL);
            faults_command (actor, "PLAIN", name, NULL);
            faults_command (actor, "SET", name, "maxmsgsize", MAXMSGSIZE, NULL);
            self->endpoints [2 * relay + side] = faults_bind (actor, name);
        }
    }
}

static int
s_target (int argc, char **argv)
{
    assert (argc == 2);
    struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };
    int rc = setrlimit (RLIMIT_NOFILE, &limit);
    assert (rc == 0);
    //  Who is cut is told once a second
    zsys_set_logstream (NULL);
    zsock_t *control = zsock_new (ZMQ_REP);
    rc = zsock_connect (control, "%s", argv [0]);
    assert (rc == 0);
    target_t self;
    s_target_open (&self, argv [1]);
    char *question;
    while ((question = zstr_recv (control))) {
        char *name = strchr (question, '/');
        if (streq (question, "CPU"))
            zstr_sendf (control, "%" PRId64, faults_cpu ());
        else
        if (name)
            zstr_sendf (control, "%" PRIu64, faults_counter (
                self.relays [atoi (question)], name + 1));
        else
            zstr_send (control, self.endpoints [atoi (question)]);
        zstr_free (&question);
    }
    return 0;
}


//  --------------------------------------------------------------------------
//  Who attacks, each in a process of its own, for ever

//  Again and again, until somebody ends the connection

static void
s_send_on (int fd, const byte *data, size_t size)
{
    size_t place = 0;
    while (wire_discard (fd)) {
        ssize_t sent = send (fd, data + place, size - place,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == -1 && errno != EAGAIN)
            return;
        if (sent == -1)
            zclock_sleep (1);
        else
            place = (place + (size_t) sent) % size;
    }
}

static int
s_enter (const char *endpoint, const char *type)
{
    int fd = wire_connect (endpoint);
    if (fd != -1 && wire_plain (fd, type, "hostile", "hostile"))
        return fd;
    if (fd != -1)
        wire_close (fd, true);
    zclock_sleep (10);
    return -1;
}

//  Frames of 100 bytes, each of which announces another

static int
s_endless (int argc, char **argv)
{
    assert (argc == 1);
    static byte chunk [CHUNK];
    for (size_t place = 0; place + 102 <= CHUNK; place += 102) {
        chunk [place] = WIRE_MORE;
        chunk [place + 1] = 100;
    }
    for (;;) {
        int fd = s_enter (argv [0], "DEALER");
        if (fd == -1)
            continue;
        s_send_on (fd, chunk, CHUNK / 102 * 102);
        wire_close (fd, true);
    }
    return 0;
}

//  Topics of 1000 bytes, each another one from its beginning on, as fast as
//  they are taken

static int
s_subscribe (int argc, char **argv)
{
    assert (argc == 1);
    static const byte head [] = { WIRE_LONG, 0, 0, 0, 0, 0, 0, 3, 233, 1 };
    size_t size = TOPICS * (sizeof (head) + 1000);
    byte *topics = (byte *) malloc (size);
    assert (topics);
    unsigned seed = 1;
    for (size_t place = 0; place < size; place++) {
        size_t offset = place % (sizeof (head) + 1000);
        topics [place] = offset < sizeof (head)? head [offset]:
                                          (byte) (rand_r (&seed) >> 7);
    }
    for (;;) {
        int fd = s_enter (argv [0], "SUB");
        if (fd == -1)
            continue;
        s_send_on (fd, topics, size);
        wire_close (fd, true);
    }
    return 0;
}

//  Many connections. Those that are gone come back a second later.

static int
s_crowd (int argc, char **argv)
{
    assert (argc == 2);
    bool enters = streq (argv [1], "idle");
    int fds [CONNECTIONS];
    for (int index = 0; index < CONNECTIONS; index++)
        fds [index] = -1;
    for (;; zclock_sleep (1000))
        for (int index = 0; index < CONNECTIONS; index++) {
            if (fds [index] != -1 && wire_discard (fds [index]))
                continue;
            if (fds [index] != -1)
                wire_close (fds [index], true);
            fds [index] = enters? s_enter (argv [0], "DEALER"):
                                  wire_connect (argv [0]);
        }
    return 0;
}

//  Guesses that are not answered in time are given up. Prints how many there
//  were in each second.

static int
s_guess (int argc, char **argv)
{
    assert (argc == 1);
    byte hello [WIRE_HELLO_MAX];
    int fds [GUESSING];
    for (int index = 0; index < GUESSING; index++)
        fds [index] = -1;
    long rate = faults_parameter ("ATTACK_GUESSES", GUESSES);
    int64_t start = zclock_mono ();
    int64_t guesses = 0;
    int64_t said_at = start;
    for (;;) {
        int64_t now = zclock_mono ();
        for (; guesses * 1000 < rate * (now - start); guesses++) {
            int *place = &fds [guesses % GUESSING];
            if (*place != -1)
                wire_close (*place, true);
            char password [20];
            snprintf (password, sizeof (password), "%" PRId64, guesses);
            size_t size = wire_hello (hello, "victim", password);
            *place = wire_connect (argv [0]);
            if (*place != -1)
                wire_send (*place, hello, size);
            if (zclock_mono () >= said_at + 1000)
                break;
        }
        now = zclock_mono ();
        if (now >= said_at + 1000) {
            printf ("# %" PRId64 " guesses a second\n",
                    guesses * 1000 / (now - start));
            said_at = now;
        }
        zclock_sleep (1);
    }
    return 0;
}


//  All of them, and which side of which relay they attack
static const struct {
    const char *role;           //  What the process does
    int side;                   //  Index of its endpoint
    const char *word;           //  One more argument, or NULL
} s_attacks [] = {
    { "endless", 0, NULL },
    { "subscribe", 3, NULL },
    { "crowd", 0, "half" },
    { "crowd", 0, "idle" },
    { "guess", 0, NULL }
};
#define ATTACKS ((long) (sizeof (s_attacks) / sizeof (*s_attacks)))


//  --------------------------------------------------------------------------
//  What honest peers send through the forwarder. libzmq may have much to do there with the
//  subscriptions of others, so nothing waits for it before the end. No more is
//  under way than fits into the sockets.

#define UNDER_WAY 500

typedef struct {
    zsock_t *publisher;
    zsock_t *subscriber;
    int64_t published;          //  Numbers
    int64_t heard;              //  Of these, in their order
} news_t;

static bool
s_is_heard (void *arg)
{
    news_t *self = (news_t *) arg;
    zstr_send (self->publisher, "?");
    zmq_pollitem_t item = {
        .socket = zsock_resolve (self->subscriber), .events = ZMQ_POLLIN
    };
    return zmq_poll (&item, 1, 20) == 1;
}

//  Hear what is there; false if a number is missing

static bool
s_hear (news_t *self, int64_t msecs)
{
    zmq_pollitem_t item = {
        .socket = zsock_resolve (self->subscriber), .events = ZMQ_POLLIN
    };
    bool well = true;
    while (well && self->heard < self->published
        && zmq_poll (&item, 1, (long) msecs) == 1) {
        char *heard = zstr_recv (self->subscriber);
        bool counts = strneq (heard, "?");
        well = !counts || atoll (heard) == self->heard + 1;
        if (!well)
            printf ("#   %" PRId64 " was published, %s heard\n",
                    self->heard + 1, heard);
        self->heard += counts;
        zstr_free (&heard);
    }
    return well;
}

static bool
s_publish (news_t *self)
{
    if (self->published < self->heard + UNDER_WAY)
        zstr_sendf (self->publisher, "%" PRId64, ++self->published);
    return s_hear (self, 0);
}


//  --------------------------------------------------------------------------
//  The attack

typedef struct {
    zsock_t *control;           //  To the process that is attacked
    pid_t target;               //  That process
    char *endpoints [4];        //  Its relays' sides
    faults_worker_t works;      //  Where the worker does
    zactor_t *worker;           //  Answers the queue's clients
    zsock_t *clients [CLIENTS];
    news_t news;                //  Goes through the forwarder
    int64_t memory;             //  Most that was seen, in KiB
    int64_t asked;              //  Requests that were answered
    int64_t came;               //  Clients that came meanwhile, and were
                                //  answered
} bench_t;

static void
s_open (bench_t *self, const char *passwords)
{
    memset (self, 0, sizeof (*self));
    self->control = faults_listen (ZMQ_REQ);
    self->target = faults_spawn ("target", zsock_endpoint (self->control),
                                 passwords, NULL);
    for (int index = 0; index < 4; index++) {
        char number [2] = { (char) ('0' + index), 0 };
        self->endpoints [index] = faults_question (self->control, number);
    }
    self->works = (faults_worker_t) { self->endpoints [1], HONEST };
    self->worker = zactor_new (faults_worker, &self->works);
    for (int index = 0; index < CLIENTS; index++)
        self->clients [index] = faults_connect_as (
            ZMQ_DEALER, self->endpoints [0], HONEST);
    self->news.publisher = faults_connect_as (ZMQ_PUB, self->endpoints [2],
                                              HONEST);
    self->news.subscriber = faults_connect_as (ZMQ_SUB, self->endpoints [3],
                                               HONEST);
    zsock_set_subscribe (self->news.subscriber, "");
}

static void
s_close (bench_t *self)
{
    zactor_destroy (&self->worker);
    for (int index = 0; index < CLIENTS; index++)
        zsock_destroy (&self->clients [index]);
    zsock_destroy (&self->news.publisher);
    zsock_destroy (&self->news.subscriber);
    faults_kill (self->target);
    zsock_destroy (&self->control);
    for (int index = 0; index < 4; index++)
        zstr_free (&self->endpoints [index]);
}

//  One round of all that honest peers do

static bool
s_serve (bench_t *self)
{
    bool served = true;
    for (int index = 0; served && index < CLIENTS; index++) {
        served = faults_ask (self->clients [index], "an old");
        self->asked += served;
    }
    served = served && s_publish (&self->news);
    int64_t memory = faults_memory (self->target);
    if (memory > self->memory)
        self->memory = memory;
    return served;
}

//  Has each attack got through to what stops it?

static bool
s_each_was_there (zsock_t *control)
{
    static const char *const counters [] = {
        "0/frontend.cut_endless", "0/frontend.cut_connections",
        "1/backend.cut_subscriptions", "0/frontend.handshakes_failed_auth",
        NULL
    };
    const char *const *counter = counters;
    while (*counter && faults_number (control, *counter) > 0)
        counter++;
    return !*counter;
}

//  At least for so long, and until each attack was there: in the crowd, an
//  attacker's own connection may take seconds

static bool
s_withstand (bench_t *self, int64_t msecs)
{
    bool served = true;
    int64_t now = zclock_mono ();
    int64_t until = now + msecs;
    int64_t deadline = until + PATIENCE_BUSY;
    for (int round = 0;
         served && (now < until || (now < deadline
                                    && !s_each_was_there (self->control)));
         round++, now = zclock_mono ()) {
        served = s_serve (self);
        if (served && round % 20 == 0) {
            zsock_t *client = faults_connect_as (
                ZMQ_DEALER, self->endpoints [0], HONEST);
            served = faults_ask (client, "a new");
            self->came += served;
            zsock_destroy (&client);
        }
    }
    return served;
}

static void
s_test (const char *passwords)
{
    bench_t self;
    s_open (&self, passwords);
    bool served = faults_wait (s_is_heard, &self.news, FAULTS_PATIENCE);
    for (int round = 0; served && round < ROUNDS; round++)
        served = s_serve (&self);
    TAP (served, "honest peers are served");
    TAP (faults_quiet (self.control), "and the relays are quiet");

    int64_t before = self.memory = faults_memory (self.target);
    pid_t attackers [ATTACKS];
    long mask = faults_parameter ("ATTACK_MASK", (1 << ATTACKS) - 1);
    for (long index = 0; index < ATTACKS; index++)
        if (mask & (1 << index))
            attackers [index] = faults_spawn (
                s_attacks [index].role,
                self.endpoints [s_attacks [index].side],
                s_attacks [index].word, NULL);
    long seconds = faults_parameter ("ATTACK_SECONDS", ATTACK_SECONDS);
    served = s_withstand (&self, seconds * 1000);
    TAP (served && self.came > 0, "%ld seconds of attack: all of %" PRId64
         " requests have their replies, and %" PRId64 " clients that came",
         seconds, self.asked, self.came);
    TAP (s_hear (&self.news, PATIENCE_BUSY)
      && self.news.heard == self.news.published,
         "and all of %" PRId64 " publications arrive", self.news.published);
    printf ("# cut: %" PRId64 " endless messages, %" PRId64 " connections, %"
            PRId64 " subscribers; %" PRId64 " hand-shakes failed\n",
            faults_number (self.control, "0/frontend.cut_endless"),
            faults_number (self.control, "0/frontend.cut_connections"),
            faults_number (self.control, "1/backend.cut_subscriptions"),
            faults_number (self.control, "0/frontend.handshakes_failed"));
    TAP (s_each_was_there (self.control), "and each attack was there");
    for (long index = 0; index < ATTACKS; index++)
        if (mask & (1 << index))
            faults_kill (attackers [index]);
    bool exact = getenv ("ATTACK_SECONDS") != NULL;
    zclock_sleep (1000);
    TAP (exact? faults_quiet (self.control):
                faults_wait (faults_quiet, self.control, PATIENCE_BUSY),
         "afterwards the relays are quiet");
    TAP (s_serve (&self), "and honest peers are served");
    printf ("# %" PRId64 " KiB more\n", self.memory - before);
    if (FAULTS_SANITIZED)
        TAP_SKIP ("memory is bounded", "sanitizers keep it");
    else
        TAP (self.memory - before < (exact? GROWTH: GROWTH_BUSY),
             "memory is bounded");
    s_close (&self);
}

static const faults_role_t s_roles [] = {
    { "target", s_target },
    { "endless", s_endless },
    { "subscribe", s_subscribe },
    { "crowd", s_crowd },
    { "guess", s_guess },
    { NULL, NULL }
};

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE + faults_parameter ("ATTACK_SECONDS",
                                               ATTACK_SECONDS));
    char passwords [] = "/tmp/zrelay-passwords-XXXXXX";
    int fd = mkstemp (passwords);
    assert (fd != -1);
    ssize_t size = write (fd, PASSWORDS, strlen (PASSWORDS));
    assert (size == (ssize_t) strlen (PASSWORDS));
    close (fd);
    s_test (passwords);
    unlink (passwords);
    return faults_end ();
}
