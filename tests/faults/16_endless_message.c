/*  =========================================================================
    16_endless_message - a peer that never comes to the end of its message

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  libzmq hands over whole messages, and puts no bound on the frames that it
//  has received before the last one. So a relay with limits to a message never
//  sees the one that breaks them: 500 MB of it cost 965 MB of memory.
//
//  Here a peer sends such a message, in several ways, at full speed and slowly,
//  to each kind and side that strangers can send to. Its connection must end
//  and be counted, the memory must not grow, and the honest peers, whose
//  messages are right at the limit, must not notice.
//
//  Then honest peers do what looks similar: they send messages right at the
//  limit as fast as they can, in one frame or as many as are allowed, while
//  nobody takes them, while the relay is paused, while the limits change, and
//  as the first thing on a new connection. None of them may be cut.

#include "faults.h"
#include "wire.h"
#include <sys/socket.h>

#define DEADLINE 300
#define GROWTH (64 * 1024)      //  KiB that are allowed
#define ATTACK_BYTES 200000000  //  Where an attack gives up
#define FRAMES_MOST 10          //  maxframes
#define PIPELINED 1000          //  Messages of honest peers at a time
#define PAUSED 2000             //  How long the relay is, in msecs
#define NEWCOMERS 200           //  Who send at once

//  A side that strangers can send to
typedef struct {
    const char *kind;
    const char *side;           //  The one with limits
    const char *type;           //  Socket type of who attacks it
    bool works;                 //  Who attacks gets requests, as any worker
    size_t overhead;            //  Bytes of an honest message before its body,
                                //  as counted on that side
    bool local;                 //  It is attacked by ipc
} target_t;

static const target_t s_targets [] = {
    { "queue", "FRONTEND", "DEALER", false, 0, false },
    { "queue", "BACKEND", "DEALER", true, 5, false },
    { "proxy", "FRONTEND", "DEALER", false, 0, false },
    { "proxy", "BACKEND", "ROUTER", true, 5, false },
    { "streamer", "FRONTEND", "PUSH", false, 0, false },
    { "balancer", "FRONTEND", "DEALER", false, 0, false },
    { "balancer", "BACKEND", "DEALER", false, 5, false },
    { "majordomo", "FRONTEND", "DEALER", false, 12, false },
    { "queue", "FRONTEND", "DEALER", false, 0, true },
    { "streamer", "FRONTEND", "PUSH", false, 0, true }
};
#define TARGETS (sizeof (s_targets) / sizeof (*s_targets))

//  What is added to its name

static const char *
s_means (const target_t *target)
{
    return target->local? " by ipc": "";
}

//  A way to go on for ever
typedef struct {
    const char *name;
    size_t size;                //  Of a frame; 0: empty; SIZE_MAX: as announced
    bool slow;                  //  A little at a time
    bool counted;               //  The relay cuts it; else libzmq does
} attack_t;

static const attack_t s_attacks [] = {
    { "small frames", 30, false, true },
    { "empty frames", 0, false, true },
    { "frames of 900 bytes", 900, false, true },
    { "empty frames, slowly", 0, true, true },
    { "frames of 900 bytes, slowly", 900, true, true },
    { "a frame of 4 EiB", SIZE_MAX, false, false }
};
#define ATTACKS (sizeof (s_attacks) / sizeof (*s_attacks))


//  --------------------------------------------------------------------------
//  Who attacks, in a process of its own. Exit status 0: the connection ended.

#define CHUNK 60000

static int
s_attack (int argc, char **argv)
{
    assert (argc == 3);
    const attack_t *attack = &s_attacks [atoi (argv [2])];
    int fd = wire_connect (argv [0]);
    if (fd == -1 || !wire_handshake (fd, argv [1]))
        return 2;
    if (attack->size == SIZE_MAX) {
        byte chunk [CHUNK] = { 0 };
        bool open = wire_half_frame (fd, WIRE_MORE, UINT64_C (1) << 62, 1);
        for (size_t sent = 0; open && sent < ATTACK_BYTES; sent += CHUNK)
            open = wire_send_all (fd, chunk, CHUNK);
        return open;
    }
    //  Whole frames, each of which announces another
    byte frame [1000] = { WIRE_MORE, (byte) attack->size };
    size_t header = 2;
    if (attack->size > 255) {
        frame [0] |= WIRE_LONG;
        frame [1] = 0;
        frame [7] = (byte) (attack->size >> 8);
        frame [8] = (byte) attack->size;
        header = 9;
    }
    size_t size = header + attack->size;
    byte chunk [CHUNK];
    size_t count = attack->slow? 1000 / size + 1: CHUNK / size;
    for (size_t index = 0; index < count; index++)
        memcpy (chunk + index * size, frame, size);
    size_t sent = 0;
    bool open = true;
    for (; open && sent < ATTACK_BYTES; sent += count * size) {
        open = wire_send_all (fd, chunk, count * size);
        if (attack->slow)
            zclock_sleep (1);
    }
    wire_close (fd, false);
    return open;
}


//  --------------------------------------------------------------------------
//  A relay with honest peers

typedef struct {
    const target_t *target;
    zactor_t *relay;
    char *frontend;             //  Its endpoints
    char *backend;
    const char *attacked;       //  One of these
    zsock_t *client;
    zactor_t *worker;           //  NULL: nobody takes messages
    volatile size_t taken;      //  Messages that the worker got
    byte *body;                 //  Of messages
    size_t size;                //  Bytes in it
    size_t asked;               //  Messages that it will have got then
    volatile bool stop;         //  The thread that asks has to end
    volatile bool failed;       //  It did not get an answer
    int64_t peak;               //  Most memory that it saw, in KiB
    volatile size_t rounds;     //  Answers that it got
} bench_t;

//  Gives back what it gets

static void
s_worker (zsock_t *pipe, void *args)
{
    bench_t *bench = (bench_t *) args;
    const char *kind = bench->target->kind;
    bool streamer = streq (kind, "streamer");
    bool majordomo = streq (kind, "majordomo");
    zsock_t *sock = zsock_new (streamer? ZMQ_PULL: ZMQ_DEALER);
    int rc = zsock_connect (sock, "%s",
                            majordomo? bench->frontend: bench->backend);
    assert (rc == 0);
    zsock_set_linger (sock, 0);
    if (streq (kind, "balancer"))
        zstr_sendx (sock, "", "READY", NULL);
    if (majordomo)
        zstr_sendx (sock, "", "MDPW01", "\x01", "echo", NULL);
    zpoller_t *poller = zpoller_new (pipe, sock, NULL);
    zsock_signal (pipe, 0);
    void *which;
    while ((which = zpoller_wait (poller, 500)) != pipe) {
        //  A worker of the Majordomo that says nothing is given up
        if (majordomo)
            zstr_sendx (sock, "", "MDPW01", "\x04", NULL);
        zmsg_t *msg = which? zmsg_recv (sock): NULL;
        if (!msg)
            continue;
        bench->taken++;
        if (streamer)
            zmsg_destroy (&msg);
        else
        if (majordomo && zmsg_size (msg) > 3) {
            zmsg_first (msg);
            zmsg_next (msg);
            zframe_reset (zmsg_next (msg), "\x03", 1);
            zmsg_send (&msg, sock);
        }
        else
        if (!majordomo)
            zmsg_send (&msg, sock);
        zmsg_destroy (&msg);
    }
    zpoller_destroy (&poller);
    zsock_destroy (&sock);
}

static void
s_set_limits (bench_t *self, size_t maxmsgsize)
{
    char value [20];
    snprintf (value, sizeof (value), "%zu", maxmsgsize);
    faults_command (self->relay, "SET", self->target->side, "maxmsgsize",
                    value, NULL);
    snprintf (value, sizeof (value), "%d", FRAMES_MOST);
    faults_command (self->relay, "SET", self->target->side, "maxframes",
                    value, NULL);
}

static zsock_t *
s_client_new (bench_t *self)
{
    zsock_t *sock = zsock_new (streq (self->target->kind, "streamer")?
                               ZMQ_PUSH: ZMQ_DEALER);
    assert (sock);
    //  It reads when it has sent all
    zsock_set_rcvhwm (sock, 0);
    zsock_set_sndtimeo (sock, FAULTS_PATIENCE);
    zsock_set_rcvtimeo (sock, FAULTS_PATIENCE);
    int rc = zsock_connect (sock, "%s", self->frontend);
    assert (rc == 0);
    return sock;
}

//  A name for ipc need not be in the file system

static char *
s_bind (bench_t *self, const char *side)
{
    if (!self->target->local)
        return faults_bind (self->relay, side);
    static int number = 0;
    char *endpoint = zsys_sprintf ("ipc://@endless-%d-%d", (int) getpid (),
                                   number++);
    assert (endpoint);
    int status = faults_command (self->relay, "BIND", side, endpoint, NULL);
    assert (status == 0);
    return endpoint;
}

static void
s_setup (bench_t *self, const target_t *target, size_t maxmsgsize, bool worker)
{
    memset (self, 0, sizeof (*self));
    self->target = target;
    self->relay = faults_relay (target->kind);
    if (streq (target->kind, "proxy")) {
        faults_command (self->relay, "FRONTEND", "ROUTER",
                        "inproc://endless-front", NULL);
        faults_command (self->relay, "BACKEND", "DEALER",
                        "inproc://endless-back", NULL);
    }
    s_set_limits (self, maxmsgsize);
    faults_command (self->relay, "SET", "FRONTEND", "sndhwm", "0", NULL);
    self->frontend = s_bind (self, "FRONTEND");
    if (strneq (target->kind, "majordomo"))
        self->backend = s_bind (self, "BACKEND");
    self->attacked = streq (target->side, "FRONTEND")? self->frontend:
                                                       self->backend;
    self->client = s_client_new (self);
    self->size = maxmsgsize - target->overhead;
    self->body = (byte *) zmalloc (self->size);
    assert (self->body);
    if (worker)
        self->worker = zactor_new (s_worker, self);
}

static void
s_cleanup (bench_t *self)
{
    zactor_destroy (&self->worker);
    zsock_destroy (&self->client);
    TAP (faults_prompt (faults_end_relay (&self->relay)),
         "%s: ends at once", self->target->kind);
    zstr_free (&self->frontend);
    zstr_free (&self->backend);
    freen (self->body);
}

//  Send one message right at the limit, in so many frames. It has as many as
//  its kind needs before these.

static bool
s_say (bench_t *self, zsock_t *client, size_t frames)
{
    size_t left = self->size;
    zmsg_t *msg = zmsg_new ();
    size_t extra = 0;
    if (streq (self->target->kind, "majordomo")) {
        zmsg_addstr (msg, "");
        zmsg_addstr (msg, "MDPC01");
        zmsg_addstr (msg, "echo");
        extra = 3;
    }
    else
    if (strneq (self->target->kind, "streamer")) {
        zmsg_addstr (msg, "");
        extra = 1;
    }
    frames = frames > extra? frames - extra: 1;
    for (; frames > 1; frames--) {
        zmsg_addmem (msg, self->body, left / frames);
        left -= left / frames;
    }
    zmsg_addmem (msg, self->body, left);
    int rc = zmsg_send (&msg, client);
    zmsg_destroy (&msg);
    return rc == 0;
}

static bool
s_was_taken (void *arg)
{
    bench_t *self = (bench_t *) arg;
    return self->taken >= self->asked;
}

//  One message, and the answer where the kind has any

static bool
s_ask (bench_t *self)
{
    self->asked = self->taken + 1;
    if (!s_say (self, self->client, 1))
        return false;
    if (streq (self->target->kind, "streamer"))
        return faults_wait (s_was_taken, self, FAULTS_PATIENCE);
    zmsg_t *reply = zmsg_recv (self->client);
    bool well = reply && zframe_size (zmsg_last (reply)) == self->size;
    zmsg_destroy (&reply);
    return well;
}


//  --------------------------------------------------------------------------
//  Attacks

static void *
s_ask_on (void *arg)
{
    bench_t *self = (bench_t *) arg;
    while (!self->stop && !self->failed) {
        if (self->target->works)
            zclock_sleep (1);
        else
            self->failed = !s_ask (self);
        self->rounds++;
        int64_t memory = faults_memory (getpid ());
        if (memory > self->peak)
            self->peak = memory;
    }
    return NULL;
}

static bool
s_has_asked (void *arg)
{
    bench_t *self = (bench_t *) arg;
    return self->rounds > 0 || self->failed;
}

static const char *
s_counter (bench_t *self)
{
    return streq (self->target->side, "FRONTEND")? "frontend.cut_endless":
                                                   "backend.cut_endless";
}

static void
s_test_attack (bench_t *self, size_t maxmsgsize, int index)
{
    const attack_t *attack = &s_attacks [index];
    const target_t *target = self->target;
    uint64_t cut = faults_counter (self->relay, s_counter (self));
    self->stop = self->failed = false;
    self->rounds = 0;
    int64_t before = self->peak = faults_memory (0);
    pthread_t thread;
    pthread_create (&thread, NULL, s_ask_on, self);
    char number [10];
    snprintf (number, sizeof (number), "%d", index);
    pid_t child = faults_spawn ("attack", self->attacked, target->type,
                                number, NULL);
    int status = faults_await (child);
    bool counted = !attack->counted
        || faults_counted (self->relay, s_counter (self), cut + 1);
    //  The attack may have ended before the first answer
    faults_wait (s_has_asked, self, FAULTS_PATIENCE);
    self->stop = true;
    pthread_join (thread, NULL);
    printf ("# %zu answers, %" PRId64 " KiB more\n", self->rounds,
            self->peak - before);
    TAP (status == 0 && counted, "%s %s%s, maxmsgsize %zu: %s without end are "
         "cut", target->kind, target->side, s_means (target), maxmsgsize,
         attack->name);
    TAP (faults_counter (self->relay, s_counter (self))
         == cut + attack->counted, "and nobody else is");
    if (target->works)
        TAP (s_ask (self), "and honest peers are served afterwards");
    else
        TAP (!self->failed && self->rounds > 0, "and honest peers are served");
    if (FAULTS_SANITIZED)
        TAP_SKIP ("and memory is bounded", "sanitizers keep it");
    else
        TAP (self->peak - before < GROWTH, "and memory is bounded");
}

static void
s_test_attacks (const target_t *target, size_t maxmsgsize)
{
    bench_t bench;
    s_setup (&bench, target, maxmsgsize, true);
    TAP (s_ask (&bench), "%s %s%s, maxmsgsize %zu: a message at the limit passes",
         target->kind, target->side, s_means (target), maxmsgsize);
    for (size_t index = 0; index < ATTACKS; index++)
        s_test_attack (&bench, maxmsgsize, (int) index);
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  Honest peers that are hard to tell from these

//  So many messages at once, as far as they go

static size_t
s_say_many (bench_t *self, zsock_t *client, size_t count, size_t frames)
{
    zsock_set_sndtimeo (client, 200);
    size_t sent = 0;
    while (sent < count && s_say (self, client, frames))
        sent++;
    zsock_set_sndtimeo (client, FAULTS_PATIENCE);
    return sent;
}

//  Answers, or, at a streamer, messages that came

static bool
s_hear_all (bench_t *self, zsock_t *client, size_t count)
{
    if (streq (self->target->kind, "streamer")) {
        self->asked += count;
        return faults_wait (s_was_taken, self, FAULTS_PATIENCE);
    }
    for (size_t index = 0; index < count; index++) {
        zmsg_t *reply = zmsg_recv (client);
        if (!reply)
            return false;
        zmsg_destroy (&reply);
    }
    return true;
}

static bool
s_none_cut (bench_t *self)
{
    uint64_t cut = faults_counter (self->relay, s_counter (self));
    uint64_t size = faults_counter (self->relay, "forward.dropped_size");
    if (cut || size)
        printf ("#   %" PRIu64 " cut, %" PRIu64 " dropped\n", cut, size);
    return cut == 0 && size == 0;
}

static void
s_test_honest (const target_t *target, size_t maxmsgsize, size_t frames)
{
    bench_t bench;
    s_setup (&bench, target, maxmsgsize, false);
    size_t count = PIPELINED / (maxmsgsize > 10000? 10: 1);
    const char *what = frames > 1? "in frames": "in one frame";

    //  Nobody takes them
    size_t sent = s_say_many (&bench, bench.client, count, frames);
    zclock_sleep (1000);
    sent += s_say_many (&bench, bench.client, count, frames);
    TAP (s_none_cut (&bench), "%s %s%s, maxmsgsize %zu: %zu messages at the limit"
         " %s, which nobody takes: nobody is cut", target->kind, target->side,
         s_means (target), maxmsgsize, sent, what);
    bench.worker = zactor_new (s_worker, &bench);
    TAP (s_hear_all (&bench, bench.client, sent) && s_none_cut (&bench),
         "and when they are taken all are there");

    //  The relay is paused for a while
    faults_command (bench.relay, "PAUSE", NULL);
    sent = s_say_many (&bench, bench.client, count, frames);
    int64_t until = zclock_mono () + PAUSED;
    while (zclock_mono () < until)
        sent += s_say_many (&bench, bench.client, count, frames);
    faults_command (bench.relay, "RESUME", NULL);
    TAP (s_hear_all (&bench, bench.client, sent) && s_none_cut (&bench),
         "and %zu while paused", sent);

    //  Silence, and then all at once, many times
    bool heard = true;
    sent = count < 70? count: 70;
    for (int round = 0; round < 40 && heard; round++) {
        zclock_sleep (round % 20);
        heard = s_say_many (&bench, bench.client, sent, frames) == sent
             && s_hear_all (&bench, bench.client, sent);
    }
    TAP (heard && s_none_cut (&bench), "and bursts after silence");

    //  Limits that come later are not held against what came before
    faults_command (bench.relay, "SET", target->side, "maxmsgsize", "-1", NULL);
    sent = s_say_many (&bench, bench.client, count, frames);
    heard = s_hear_all (&bench, bench.client, sent);
    s_set_limits (&bench, maxmsgsize);
    zclock_sleep (500);
    sent = s_say_many (&bench, bench.client, 1, frames);
    TAP (heard && s_hear_all (&bench, bench.client, sent)
      && s_none_cut (&bench), "and when the limits are set later");

    //  New connections that begin with as much as they can
    for (int index = 0; index < NEWCOMERS && heard; index++) {
        zsock_t *client = s_client_new (&bench);
        sent = s_say_many (&bench, client, maxmsgsize > 10000? 3: 200, frames);
        heard = s_hear_all (&bench, client, sent);
        zsock_destroy (&client);
    }
    TAP (heard && s_none_cut (&bench), "and %d new peers that send at once",
         NEWCOMERS);
    s_cleanup (&bench);
}

//  An idle peer says no more than that it is there

static void
s_test_idle (void)
{
    bench_t bench;
    s_setup (&bench, &s_targets [0], 1000, true);
    zsock_t *idle = zsock_new (ZMQ_DEALER);
    zsock_set_heartbeat_ivl (idle, 100);
    int rc = zsock_connect (idle, "%s", bench.frontend);
    assert (rc == 0);
    zsock_set_rcvtimeo (idle, FAULTS_PATIENCE);
    zclock_sleep (1000);
    int64_t used = faults_cpu ();
    zclock_sleep (2000);
    used = faults_cpu () - used;
    printf ("# %" PRId64 " us of CPU time in two idle seconds with limits\n",
            used);
    TAP (used < 40000 || FAULTS_SANITIZED,
         "idle relays use no CPU to speak of");
    zsock_t *client = bench.client;
    bench.client = idle;
    TAP (s_ask (&bench) && s_none_cut (&bench),
         "a peer that was idle, with heartbeats, is there");
    bench.client = client;
    zsock_destroy (&idle);
    s_cleanup (&bench);
}

static const faults_role_t s_roles [] = {
    { "attack", s_attack },
    { NULL, NULL }
};

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    static const size_t sizes [] = { 1000, 1024 * 1024 };
    //  FAULTS_TARGET: only one of them
    long only = faults_parameter ("FAULTS_TARGET", -1);
    for (size_t target = 0; target < TARGETS; target++)
        for (int size = 0; size < 2 && (only == -1 || only == (long) target);
             size++)
            s_test_attacks (&s_targets [target], sizes [size]);
    //  Requests that wait for a worker have bounds of their own elsewhere
    for (size_t target = 0; target < TARGETS; target++)
        if ((only == -1 || only == (long) target)
        && (target == 0 || streq (s_targets [target].kind, "streamer")))
            //  By ipc bytes are counted in another way, but used in the same
            for (int size = 0; size < (s_targets [target].local? 1: 2);
                 size++) {
                s_test_honest (&s_targets [target], sizes [size], 1);
                s_test_honest (&s_targets [target], sizes [size],
                               FRAMES_MOST - 2);
            }
    s_test_idle ();
    return faults_end ();
}
