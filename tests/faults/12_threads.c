/*  =========================================================================
    12_threads - hundreds of relays, steered from many threads

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Relays share nothing with each other, so there can be as many in a process
//  as it has descriptors and threads for; and a relay belongs to whoever holds
//  its actor, one thread at a time, as any zactor does.
//
//  Here several hundred of them are started from several threads at once,
//  steered by one thread after the other, and destroyed in random order, by
//  threads that did not make them. Each answer must be right. Through some of
//  them messages travel, of which none may be lost; others have a backend that
//  nobody reads, and must end all the same. Afterwards everything they had
//  must be given back: threads, descriptors, memory.
//
//  It is also what is run under ThreadSanitizer, see `make tsan`.
//  FAULTS_RELAYS tells how many relays there are, FAULTS_ROUNDS how often all
//  of this is done, and FAULTS_SEED what is random.

#include "faults.h"
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#define DEADLINE 120
#define RELAYS 300
#define ROUNDS 3
#define THREADS 8
#define STEPS 6             //  Times that a relay is steered, on average
#define COMMANDS 5          //  Commands each time
#define MESSAGES 20         //  And messages through it
#define UNREAD 10           //  Messages for a backend that nobody reads
#define GROWTH_MAX 1024     //  KiB from the second round to the last

//  Descriptors of one relay with peers: a socket has one, and its connections;
//  the system's limit is met before libzmq's, which ends the process
#define DESCRIPTORS_EACH 16
#define DESCRIPTORS_SPARE 100

//  What a relay is there for
typedef enum { TRAFFIC, UNREAD_BACKEND, IDLE, USES } use_t;

typedef struct {
    zactor_t *actor;
    use_t use;
    zsock_t *sender;            //  Peers of a relay with traffic
    zsock_t *receiver;
    long sent;                  //  Messages; they are numbered
} relay_t;

//  The relays that nobody holds. Threads take one out, or put one in.
typedef struct {
    pthread_mutex_t mutex;
    relay_t **relays;
    int count;
} pool_t;

typedef struct {
    pool_t *pool;
    unsigned seed;
    int create;                 //  Relays to make
    int steps;                  //  Times to steer one
    bool destroy;               //  Destroy them, until none is left
    int done;                   //  Relays that were made or destroyed
    int wrong;                  //  Answers that were not right
    int64_t slowest;            //  Most beats to destroy one
} task_t;


//  --------------------------------------------------------------------------
//  A relay

static bool
s_send_next (relay_t *self)
{
    return zstr_sendf (self->sender, "%ld", ++self->sent) == 0;
}

static bool
s_receives (relay_t *self, long number)
{
    char *string = zstr_recv (self->receiver);
    bool right = string && atol (string) == number;
    zstr_free (&string);
    return right;
}

//  Bind both sides and let peers connect, of which there is no receiver where
//  nobody is to read

static bool
s_attach (relay_t *self)
{
    char *frontend = faults_bind (self->actor, "FRONTEND");
    char *backend = faults_bind (self->actor, "BACKEND");
    self->sender = faults_connect (ZMQ_PUSH, frontend);
    if (self->use == TRAFFIC)
        self->receiver = faults_connect (ZMQ_PULL, backend);
    zstr_free (&frontend);
    zstr_free (&backend);
    int count = self->use == TRAFFIC? MESSAGES: UNREAD;
    long first = self->sent + 1;
    bool right = true;
    for (int index = 0; index < count; index++)
        right = s_send_next (self) && right;
    while (self->receiver && first <= self->sent)
        right = s_receives (self, first++) && right;
    return right;
}

static relay_t *
s_relay_new (unsigned *seed, int *wrong)
{
    static const char *kinds [] = { "queue", "forwarder", "streamer", "proxy" };
    relay_t *self = (relay_t *) zmalloc (sizeof (relay_t));
    assert (self);
    self->use = (use_t) (rand_r (seed) % USES);
    self->actor = faults_relay (self->use == IDLE?
                                kinds [rand_r (seed) % 4]: "streamer");
    if (self->use != IDLE && !s_attach (self))
        (*wrong)++;
    return self;
}

static void
s_relay_destroy (relay_t **self_p, int64_t *slowest)
{
    relay_t *self = *self_p;
    int64_t beats = faults_end_relay (&self->actor);
    //  One that does not end is slower than any
    if (beats == -1)
        beats = INT64_MAX;
    if (*slowest < beats)
        *slowest = beats;
    zsock_destroy (&self->sender);
    zsock_destroy (&self->receiver);
    free (self);
    *self_p = NULL;
}

//  A command, and whether its answer is right

static bool
s_command (relay_t *self, unsigned *seed)
{
    zactor_t *actor = self->actor;
    char value [16];
    char *answer = NULL;
    bool right = false;
    switch (rand_r (seed) % 5) {
        case 0:
            return faults_ping (actor) >= 0;
        case 1:
            //  Commands that fail keep their sentence for who asks
            zstr_sendx (actor, "HELP", "NOTHING", NULL);
            if (zsock_wait (actor) != ZRELAY_BAD_ARGUMENTS)
                return false;
            answer = faults_error (actor);
            right = strstr (answer, "NOTHING") != NULL;
            break;
        case 2:
            snprintf (value, sizeof (value), "%d", rand_r (seed) % 1000 + 1);
            zstr_sendx (actor, "SET", "FORWARD", "burst", value, NULL);
            zstr_sendx (actor, "GET", "FORWARD", "burst", NULL);
            if (zsock_wait (actor) != ZRELAY_DONE)
                return false;
            zstr_free (&answer);
            char *name = NULL;
            zstr_recvx (actor, &name, &answer, NULL);
            right = answer && streq (answer, value);
            zstr_free (&name);
            break;
        case 3:
            return faults_command (actor, "PAUSE", NULL) == ZRELAY_DONE
                && faults_command (actor, "RESUME", NULL) == ZRELAY_DONE;
        default:
            return self->use != TRAFFIC
                || faults_counter (actor, "frontend.in.messages")
                   == (uint64_t) self->sent;
    }
    zstr_free (&answer);
    return right;
}

static int
s_steer (relay_t *self, unsigned *seed)
{
    int wrong = 0;
    for (int count = 0; count < COMMANDS; count++)
        if (!s_command (self, seed))
            wrong++;
    if (self->use == TRAFFIC)
        for (int count = 0; count < MESSAGES; count++)
            if (!s_send_next (self) || !s_receives (self, self->sent))
                wrong++;
    return wrong;
}


//  --------------------------------------------------------------------------
//  Threads

static void
s_put (pool_t *self, relay_t *relay)
{
    pthread_mutex_lock (&self->mutex);
    self->relays [self->count++] = relay;
    pthread_mutex_unlock (&self->mutex);
}

//  Any of them; NULL if there is none

static relay_t *
s_take (pool_t *self, unsigned *seed)
{
    relay_t *relay = NULL;
    pthread_mutex_lock (&self->mutex);
    if (self->count > 0) {
        int index = rand_r (seed) % self->count;
        relay = self->relays [index];
        self->relays [index] = self->relays [--self->count];
    }
    pthread_mutex_unlock (&self->mutex);
    return relay;
}

static void *
s_work (void *arg)
{
    task_t *self = (task_t *) arg;
    for (int count = 0; count < self->create; count++) {
        s_put (self->pool, s_relay_new (&self->seed, &self->wrong));
        self->done++;
    }
    relay_t *relay = NULL;
    for (int count = 0; count < self->steps
     && (relay = s_take (self->pool, &self->seed)); count++) {
        self->wrong += s_steer (relay, &self->seed);
        s_put (self->pool, relay);
    }
    while (self->destroy && (relay = s_take (self->pool, &self->seed))) {
        s_relay_destroy (&relay, &self->slowest);
        self->done++;
    }
    return NULL;
}

//  Let all threads do the same, and add up what they found out

static task_t
s_run_threads (task_t model)
{
    pthread_t threads [THREADS];
    task_t tasks [THREADS];
    for (int index = 0; index < THREADS; index++) {
        tasks [index] = model;
        tasks [index].seed = model.seed + (unsigned) index * 7919;
        tasks [index].create = (model.create + index) / THREADS;
        int rc = pthread_create (&threads [index], NULL, s_work,
                                 &tasks [index]);
        assert (rc == 0);
    }
    for (int index = 0; index < THREADS; index++) {
        pthread_join (threads [index], NULL);
        model.done += tasks [index].done;
        model.wrong += tasks [index].wrong;
        if (model.slowest < tasks [index].slowest)
            model.slowest = tasks [index].slowest;
    }
    return model;
}

static int
s_count_threads (void)
{
    DIR *folder = opendir ("/proc/self/task");
    assert (folder);
    int count = 0;
    while (readdir (folder))
        count++;
    closedir (folder);
    return count - 2;
}


//  --------------------------------------------------------------------------
//  The test

static void
s_test_round (pool_t *pool, int round, int relays, unsigned seed)
{
    int64_t start = zclock_mono ();
    task_t task = s_run_threads ((task_t) {
        .pool = pool, .seed = seed, .create = relays
    });
    TAP (task.done == relays && pool->count == relays && task.wrong == 0,
         "round %d: %d relays are started from %d threads", round, relays,
         THREADS);
    printf ("#   with %d threads and %d descriptors, after %" PRId64 " ms\n",
            s_count_threads (), faults_descriptors (), zclock_mono () - start);

    task = s_run_threads ((task_t) {
        .pool = pool, .seed = seed + 1, .steps = relays * STEPS / THREADS
    });
    TAP (task.wrong == 0 && pool->count == relays,
         "round %d: each answer is right, and each message arrives", round);
    printf ("#   after %" PRId64 " ms\n", zclock_mono () - start);

    task = s_run_threads ((task_t) {
        .pool = pool, .seed = seed + 2, .destroy = true
    });
    TAP (task.done == relays && pool->count == 0,
         "round %d: all are destroyed, in any order", round);
    //  Hundreds of threads share a few cores
    TAP (task.slowest < FAULTS_PROMPT * 4,
         "round %d: and none keeps its owner waiting", round);
    printf ("#   slowest: %" PRId64 " beats; after %" PRId64 " ms\n",
            task.slowest, zclock_mono () - start);
}

//  libzmq closes sockets a little later, and threads are there until the
//  system has got round to them

typedef struct {
    int descriptors;
    int threads;
} usage_t;

static bool
s_given_back (void *arg)
{
    usage_t *before = (usage_t *) arg;
    return faults_descriptors () <= before->descriptors
        && s_count_threads () <= before->threads;
}

//  As many relays as the process can have descriptors for

static int
s_make_room (int relays)
{
    struct rlimit limit;
    int rc = getrlimit (RLIMIT_NOFILE, &limit);
    assert (rc == 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    getrlimit (RLIMIT_NOFILE, &limit);
    rlim_t room = (limit.rlim_cur - DESCRIPTORS_SPARE) / DESCRIPTORS_EACH;
    if (room < (rlim_t) relays)
        relays = (int) room;
    printf ("#   %d relays, of up to %ju for which there are descriptors\n",
            relays, (uintmax_t) room);
    return relays;
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    int relays = s_make_room ((int) faults_parameter ("FAULTS_RELAYS",
                                                      RELAYS));
    int rounds = (int) faults_parameter ("FAULTS_ROUNDS", ROUNDS);
    unsigned seed = (unsigned) faults_parameter ("FAULTS_SEED",
                                                 (long) zclock_usecs ());
    printf ("#   FAULTS_SEED=%u\n", seed);
    //  Before the first socket: as many as there can be
    zsys_set_max_sockets (0);

    //  What threads have freed is given back from one heap rather than many
    mallopt (M_ARENA_MAX, 1);
    //  Relays tell what they could not deliver, once each
    FILE *log = fopen ("/dev/null", "w");
    assert (log);
    zsys_set_logstream (log);

    pool_t pool = { .count = 0 };
    pthread_mutex_init (&pool.mutex, NULL);
    pool.relays = (relay_t **) zmalloc ((size_t) relays * sizeof (relay_t *));
    assert (pool.relays);
    //  libzmq starts its own threads with the first socket
    zactor_t *relay = faults_relay ("queue");
    zactor_destroy (&relay);
    usage_t before = { faults_descriptors (), s_count_threads () };

    int64_t memory = 0;
    for (int round = 1; round <= rounds; round++) {
        s_test_round (&pool, round, relays, seed + (unsigned) round * 104729);
        bool back = faults_wait (s_given_back, &before, FAULTS_PATIENCE);
        TAP (back, "round %d: descriptors and threads are given back", round);
        if (!back)
            printf ("#   %d descriptors and %d threads, before %d and %d\n",
                    faults_descriptors (), s_count_threads (),
                    before.descriptors, before.threads);
        printf ("#   %" PRId64 " KiB resident\n", faults_memory (0));
        if (round <= 2)
            memory = faults_memory (0);
    }
    int64_t growth = faults_memory (0) - memory;
    if (FAULTS_SANITIZED)
        TAP_SKIP ("memory is given back", "sanitizers keep it");
    else
        TAP (growth < GROWTH_MAX, "memory is given back");
    free (pool.relays);
    pthread_mutex_destroy (&pool.mutex);
    zsys_set_logstream (stderr);
    fclose (log);
    return faults_end ();
}
