/*  =========================================================================
    soak_pools - balancers and majordomos in the soak test

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each relay has honest clients and workers (honest.h) of every form: all on a
//  thread of this process but some workers, which are processes that are killed
//  and come back. Requests are given out again and again. Where nothing else
//  happens, each request gets its one reply, and the relay counts as many as
//  the clients do. In the other relays requests are dropped, and connections
//  are cut; there clients ask again. At each STATS, the account must balance.

#include "soak_kinds.h"
#include "honest.h"

#define PATIENCE 30000          //  Msecs for the system to let go of a port
#define TURN 1                  //  Msecs between two turns of the peers
#define ASK_AGAIN 500           //  Msecs after which a client gives up waiting,
                                //  where requests may be lost
#define RETURN_IN 3000          //  A worker comes back once in so many turns
#define MOST_TURNS 20           //  That a worker takes for a request
#define CHILDREN 2              //  Workers that are processes
#define MOST 12                 //  Peers of a relay on the thread

//  What may happen, besides deaths of workers
#define LOSES 1                 //  Requests are dropped; clients ask again
#define ONE_SIDE 2              //  Workers connect where clients do

typedef struct {
    const char *kind;
    unsigned flags;
    honest_form_t peers [MOST];
    int count;
    honest_form_t child;        //  Form of workers that are processes
} about_t;

#define BALANCER_PEERS \
    { HONEST_CLIENT_REQ, HONEST_CLIENT_DEALER, HONEST_CLIENT_BARE, \
      HONEST_CLIENT_CHAINED, HONEST_WORKER_READY, HONEST_WORKER_PIRATE, \
      HONEST_WORKER_PPP }, 7, HONEST_WORKER_PPP
#define MAJORDOMO_PEERS \
    { HONEST_CLIENT_MDP1_REQ, HONEST_CLIENT_MDP1, HONEST_CLIENT_MDP2, \
      HONEST_WORKER_MDP1, HONEST_WORKER_MDP2 }, 5, HONEST_WORKER_MDP1

static const about_t s_about [] = {
    { "balancer", 0, BALANCER_PEERS },
    { "balancer", LOSES, BALANCER_PEERS },
    { "majordomo", ONE_SIDE, MAJORDOMO_PEERS },
    { "majordomo", ONE_SIDE | LOSES, MAJORDOMO_PEERS },
};

#define SERVICE "tea"

//  What the peers on the thread have seen, all together
typedef struct {
    honest_counts_t counts;
    uint64_t waiting;           //  Clients that wait for a reply
    uint64_t least;             //  Replies to the client that got fewest
    uint64_t again;             //  Times that a client asked again
} seen_t;

typedef struct {
    soak_relay_t relay;
    const about_t *about;
    uint64_t chance;
    zactor_t *peers;            //  The thread
    char *endpoints [2];        //  For clients, for workers
    pid_t children [CHILDREN];
    uint64_t least;             //  As peers saw it when it was pacified
    seen_t seen;                //  By peers, at the last look
    //  As STATS told last
    uint64_t requests;
    uint64_t replies;
    uint64_t waiting;
    uint64_t in_hand;
    uint64_t retried;
    uint64_t dropped;
    uint64_t looks;             //  At the account
    uint64_t unbalanced;        //  Times that it did not balance
    uint64_t deaths;
    uint64_t cuts;
} pool_t;


//  --------------------------------------------------------------------------
//  The thread of the peers

typedef struct {
    const about_t *about;
    uint64_t chance;
    honest_t *peers [MOST];
    int64_t asked_at [MOST];    //  When a client's question was seen first
    uint64_t question [MOST];   //  Its number
    uint64_t again;             //  Times that a client asked again
} thread_t;

static void
s_turn_client (thread_t *self, int index)
{
    honest_t *client = self->peers [index];
    uint64_t asked = honest_counts (client)->asked;
    int64_t now = zclock_mono ();
    if (self->question [index] != asked) {
        self->question [index] = asked;
        self->asked_at [index] = now;
    }
    if ((self->about->flags & LOSES) && honest_waits (client)
    &&  now > self->asked_at [index] + ASK_AGAIN) {
        honest_return (client);
        self->again++;
    }
}

static void
s_turn_all (thread_t *self)
{
    for (int index = 0; index < self->about->count; index++) {
        honest_t *peer = self->peers [index];
        honest_turn (peer);
        if (!honest_is_worker (peer)) {
            s_turn_client (self, index);
            continue;
        }
        honest_set_pace (peer, (unsigned) chance_below (&self->chance,
                                                        MOST_TURNS));
        if (chance_one_in (&self->chance, RETURN_IN))
            honest_return (peer);
    }
}

static seen_t
s_sum (thread_t *self)
{
    seen_t seen = { .least = UINT64_MAX, .again = self->again };
    for (int index = 0; index < self->about->count; index++) {
        const honest_counts_t *counts = honest_counts (self->peers [index]);
        seen.counts.asked += counts->asked;
        seen.counts.answered += counts->answered;
        seen.counts.misled += counts->misled;
        seen.counts.served += counts->served;
        seen.counts.malformed += counts->malformed;
        seen.counts.twice += counts->twice;
        seen.counts.astray += counts->astray;
        if (honest_is_worker (self->peers [index]))
            continue;
        seen.waiting += honest_waits (self->peers [index]);
        if (counts->answered < seen.least)
            seen.least = counts->answered;
    }
    return seen;
}

//  Returns false at the end

static bool
s_obey (thread_t *self, zsock_t *pipe)
{
    char *command = zstr_recv (pipe);
    bool goes_on = command && strneq (command, "$TERM");
    for (int index = 0; command && index < self->about->count; index++) {
        honest_t *peer = self->peers [index];
        //  REQ workers do not notice that their relay forgot them
        if (streq (command, "RENEW") && honest_is_worker (peer))
            honest_return (peer);
        honest_set_silent (peer, streq (command, "SILENCE"));
    }
    if (goes_on) {
        seen_t seen = s_sum (self);
        zsock_send (pipe, "b", &seen, sizeof (seen));
    }
    zstr_free (&command);
    return goes_on;
}

static void
s_peers (zsock_t *pipe, void *args)
{
    pool_t *pool = (pool_t *) args;
    thread_t self = { .about = pool->about, .chance = pool->chance };
    for (int index = 0; index < self.about->count; index++) {
        bool back = honest_form_works (self.about->peers [index]);
        self.peers [index] = honest_new (self.about->peers [index],
                                         pool->endpoints [back], SERVICE);
    }
    zsock_signal (pipe, 0);
    zpoller_t *poller = zpoller_new (pipe, NULL);
    assert (poller);
    do
        s_turn_all (&self);
    while (!zpoller_wait (poller, TURN) || s_obey (&self, pipe));
    zpoller_destroy (&poller);
    for (int index = 0; index < self.about->count; index++)
        honest_destroy (&self.peers [index], 0);
    honest_end ();
}

static void
s_ask_peers (pool_t *self, const char *command)
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
//  Workers that are processes

int
soak_pool_worker (int argc, char **argv)
{
    assert (argc == 2);
    honest_t *worker = honest_new ((honest_form_t) atoi (argv [0]), argv [1],
                                   SERVICE);
    for (unsigned turn = 0; ; turn++) {
        honest_set_pace (worker, turn % MOST_TURNS);
        honest_turn (worker);
        zclock_sleep (TURN);
    }
}

static void
s_start_child (pool_t *self, int index)
{
    char form [12];
    snprintf (form, sizeof (form), "%d", (int) self->about->child);
    self->children [index] = faults_spawn ("pool-worker", form,
                                           self->endpoints [1], NULL);
}

static void
s_kill_child (pool_t *self)
{
    int index = (int) chance_below (&self->chance, CHILDREN);
    faults_kill (self->children [index]);
    s_start_child (self, index);
    self->deaths++;
}


//  --------------------------------------------------------------------------
//  The account

static uint64_t
s_value (pool_t *self, zrelay_stats_t *stats, const char *name)
{
    if (!zrelay_stats_has (stats, name)) {
        printf ("#   %s: no counter %s\n", self->relay.name, name);
        self->relay.wrong++;
    }
    return zrelay_stats_value (stats, name);
}

static void
s_look (pool_t *self)
{
    static const char *const reasons [] = {
        "forward.dropped_queue_full", "forward.dropped_deadline",
        "forward.dropped_retries", "forward.dropped_client_gone"
    };
    zrelay_stats_t *stats = zrelay_stats_query (self->relay.actor);
    if (!stats) {
        printf ("#   %s: STATS made no sense\n", self->relay.name);
        self->relay.wrong++;
        return;
    }
    self->dropped = 0;
    for (size_t index = 0; index < sizeof (reasons) / sizeof (*reasons);
         index++)
        self->dropped += s_value (self, stats, reasons [index]);
    self->requests = s_value (self, stats, "requests");
    self->replies = s_value (self, stats, "replies");
    self->waiting = s_value (self, stats, "requests_waiting");
    self->in_hand = s_value (self, stats, "requests_in_hand");
    self->retried = s_value (self, stats, "requests_retried");
    uint64_t workers = s_value (self, stats, "workers");
    uint64_t free = s_value (self, stats, "workers_free");
    zrelay_stats_destroy (&stats);
    self->looks++;
    if (self->requests == self->replies + self->waiting + self->in_hand
                        + self->dropped
    &&  free + self->in_hand <= workers)
        return;
    if (self->unbalanced++ == 0)
        printf ("#   %s: %" PRIu64 " requests, %" PRIu64 " replies, %" PRIu64
                " waiting, %" PRIu64 " in hand, %" PRIu64 " dropped; %" PRIu64
                " workers, %" PRIu64 " free\n", self->relay.name,
                self->requests, self->replies, self->waiting, self->in_hand,
                self->dropped, workers, free);
}


//  --------------------------------------------------------------------------
//  What is done to the relay

static void
s_pause (pool_t *self)
{
    soak_pause (&self->relay);
}

static void
s_resume (pool_t *self)
{
    soak_resume (&self->relay);
}

//  Time may run out, since work goes on

static void
s_drain (pool_t *self)
{
    char msecs [12];
    snprintf (msecs, sizeof (msecs), "%d",
              (int) chance_below (&self->chance, 300));
    zstr_sendx (self->relay.actor, "DRAIN", msecs, NULL);
    int status = zsock_wait (self->relay.actor);
    self->relay.wrong += status != 0 && status != 3;
    s_look (self);
    s_resume (self);
}

static void
s_query (pool_t *self)
{
    bool services = (self->about->flags & ONE_SIDE)
                 && chance_one_in (&self->chance, 2);
    soak_query (&self->relay, services? "SERVICES": "WORKERS",
                services? 7: 5, SIZE_MAX);
}

static void
s_refuse (pool_t *self)
{
    static const char *const settings [] [2] = {
        { "retries", "-1" }, { "queue", "many" }, { "liveness", "0" },
        { "deadline", "86400001" }, { "nonsense", "1" }
    };
    size_t which = chance_below (&self->chance, 5);
    zstr_sendx (self->relay.actor, "SET", "RELAY", settings [which] [0],
                settings [which] [1], NULL);
    self->relay.wrong += zsock_wait (self->relay.actor) != 2;
}

static void
s_make_fair (pool_t *self)
{
    soak_set (&self->relay, "retries", 1000);
    soak_set (&self->relay, "heartbeat", 3000);
    soak_set (&self->relay, "liveness", 10);
    soak_set (&self->relay, "deadline", 0);
    soak_set (&self->relay, "queue", 1000);
    if (!(self->about->flags & ONE_SIDE))
        soak_do (&self->relay, "SET", "RELAY", "overflow", "hold", NULL);
}

static void
s_make_harsh (pool_t *self)
{
    static const char *const overflows [] = { "hold", "drop-new", "drop-old" };
    uint64_t *chance = &self->chance;
    soak_set (&self->relay, "retries", chance_below (chance, 3));
    soak_set (&self->relay, "heartbeat", chance_below (chance, 3) * 150);
    soak_set (&self->relay, "liveness", 1 + chance_below (chance, 3));
    soak_set (&self->relay, "deadline", chance_one_in (chance, 2)? 0:
              1 + chance_below (chance, 50));
    soak_set (&self->relay, "queue", chance_below (chance, 4));
    if (!(self->about->flags & ONE_SIDE))
        soak_do (&self->relay, "SET", "RELAY", "overflow",
              overflows [chance_below (chance, 3)], NULL);
}

static void
s_reset (pool_t *self)
{
    soak_do (&self->relay, "RESET", NULL);
    s_look (self);
}

//  libzmq lets go of the port some time after it was told

static void
s_cut (pool_t *self)
{
    bool back = !(self->about->flags & ONE_SIDE)
             && chance_one_in (&self->chance, 2);
    const char *side = back? "BACKEND": "FRONTEND";
    soak_do (&self->relay, "UNBIND", side, self->endpoints [back], NULL);
    int64_t deadline = zclock_mono () + PATIENCE;
    int status;
    do {
        zstr_sendx (self->relay.actor, "BIND", side, self->endpoints [back],
                    NULL);
        status = zsock_wait (self->relay.actor);
    } while (status == 4 && zclock_mono () < deadline);
    self->relay.wrong += status != 0;
    s_ask_peers (self, "RENEW");
    self->cuts++;
}

static const struct {
    void (*act) (pool_t *self);
    unsigned weight;
    unsigned flag;              //  That the relay must have, or 0
} s_actions [] = {
    { s_pause, 8, 0 }, { s_resume, 8, 0 }, { s_look, 20, 0 },
    { s_drain, 4, 0 }, { s_query, 8, 0 }, { s_refuse, 4, 0 },
    { s_kill_child, 8, 0 }, { s_make_harsh, 4, LOSES },
    { s_make_fair, 4, LOSES }, { s_reset, 3, LOSES }, { s_cut, 2, LOSES }
};
#define ACTIONS (sizeof (s_actions) / sizeof (*s_actions))

static void
s_act (void *object)
{
    pool_t *self = (pool_t *) object;
    size_t chosen = chance_weighed (&self->chance, &s_actions->weight, ACTIONS,
                                    sizeof (*s_actions));
    if (self->relay.paused && chance_one_in (&self->chance, 2))
        s_resume (self);
    else
    if ((s_actions [chosen].flag & ~self->about->flags) == 0)
        s_actions [chosen].act (self);
    s_look (self);
}


//  --------------------------------------------------------------------------
//  Begin and end

static void *
s_begin (const char *name, const void *about, uint64_t chance)
{
    pool_t *self = (pool_t *) zmalloc (sizeof (pool_t));
    assert (self);
    self->relay.name = name;
    self->about = (const about_t *) about;
    self->chance = chance;
    self->relay.actor = zrelay_engine_spawn (
        zrelay_kinds_find (zrelay_kinds (), self->about->kind), NULL);
    assert (self->relay.actor);
    zsock_set_rcvtimeo (self->relay.actor, PATIENCE);
    s_make_fair (self);
    self->endpoints [0] = faults_bind (self->relay.actor, "FRONTEND");
    self->endpoints [1] = self->about->flags & ONE_SIDE?
        strdup (self->endpoints [0]):
        faults_bind (self->relay.actor, "BACKEND");
    for (int index = 0; index < CHILDREN; index++)
        s_start_child (self, index);
    self->peers = zactor_new (s_peers, self);
    assert (self->peers);
    return self;
}

static void
s_pacify (void *object)
{
    pool_t *self = (pool_t *) object;
    s_resume (self);
    s_make_fair (self);
    s_ask_peers (self, "RENEW");
    self->least = self->seen.least;
}

//  Each client was answered again, and then none asked more

static bool
s_settled (void *object)
{
    pool_t *self = (pool_t *) object;
    s_ask_peers (self, self->least == UINT64_MAX? "SILENCE": "LOOK");
    if (self->least != UINT64_MAX && self->seen.least > self->least)
        self->least = UINT64_MAX;
    s_look (self);
    return self->least == UINT64_MAX && self->seen.waiting == 0
        && self->waiting == 0 && self->in_hand == 0;
}

static void
s_judge (void *object)
{
    pool_t *self = (pool_t *) object;
    const honest_counts_t *counts = &self->seen.counts;
    printf ("# %-20s %9" PRIu64 " asked, %" PRIu64 " again, %" PRIu64
            " answered; %" PRIu64 " looks at the account, %" PRIu64
            " deaths, %" PRIu64 " cuts; now %" PRIu64 " requests, %" PRIu64
            " replies, %" PRIu64 " retried, %" PRIu64 " dropped\n",
            self->relay.name, counts->asked, self->seen.again,
            counts->answered, self->looks, self->deaths, self->cuts,
            self->requests, self->replies, self->retried, self->dropped);
    TAP (self->unbalanced == 0, "%s: the account balanced, always",
         self->relay.name);
    TAP (counts->malformed == 0 && counts->twice == 0 && counts->astray == 0
         && counts->misled == 0,
         "%s: nothing came torn, twice or astray", self->relay.name);
    TAP (self->relay.wrong == 0, "%s: commands were answered as they should",
         self->relay.name);
    if (self->about->flags & LOSES)
        TAP (counts->answered > 0, "%s: requests were answered",
             self->relay.name);
    else
        TAP (counts->answered == counts->asked && self->dropped == 0
             && self->requests == counts->asked
             && self->replies == counts->answered,
             "%s: each request was answered once, and counted",
             self->relay.name);
}

static void
s_end (void **object_p)
{
    pool_t *self = (pool_t *) *object_p;
    zactor_destroy (&self->peers);
    for (int index = 0; index < CHILDREN; index++)
        faults_kill (self->children [index]);
    zactor_destroy (&self->relay.actor);
    zstr_free (&self->endpoints [0]);
    zstr_free (&self->endpoints [1]);
    freen (self);
    *object_p = NULL;
}

#define POOL(name, index) \
    { name, &s_about [index], s_begin, s_act, s_pacify, s_settled, s_judge, \
      s_end }

const soak_kind_t soak_pools [] = {
    POOL ("balancer, calm", 0),
    POOL ("balancer", 1),
    POOL ("majordomo, calm", 2),
    POOL ("majordomo", 3),
    { .name = NULL }
};
