/*  =========================================================================
    zrelay_drain - DRAIN: takes no new work, and waits for the work inside

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_drain.h"

struct _zrelay_drain_t {
    zrelay_engine_t *engine;    //  For the pending function
    const zrelay_kind_t *kind;  //  The relay's
    const zrelay_wiring_t *wiring;  //  Sides and flows
    zrelay_polls_t *polls;      //  Give the flows a turn
    zloop_t *loop;              //  For the timer
    zrelay_error_t *error;      //  Where sentences go
    zrelay_pending_fn *pending; //  What the kind has inside
    zrelay_drained_fn *on_end;  //  To be called at the end, or NULL when there
                                //  is no drain under way
    void *arg;                  //  Its argument
    int64_t until;              //  When the time is over, by zclock_mono ()
    int timer;                  //  The loop's timer for that, or 0
    zrelay_flow_t *forsaken;    //  Read to its end, since nobody is left who
                                //  could reply; or NULL
};

//  What a drain has left
typedef struct {
    uint64_t forward;           //  Messages of that flow
    uint64_t back;              //  And of the return flow
    uint64_t replies;           //  Those that no worker has given
    size_t kept;                //  What the kind has inside
} left_t;


zrelay_drain_t *
zrelay_drain_new (zrelay_engine_t *engine, const zrelay_kind_t *kind,
                  const zrelay_wiring_t *wiring, zrelay_polls_t *polls,
                  zloop_t *loop, zrelay_error_t *error,
                  zrelay_pending_fn *pending)
{
    zrelay_drain_t *self = (zrelay_drain_t *) zmalloc (sizeof (zrelay_drain_t));
    assert (self);
    self->engine = engine;
    self->kind = kind;
    self->wiring = wiring;
    self->polls = polls;
    self->loop = loop;
    self->error = error;
    self->pending = pending;
    return self;
}

void
zrelay_drain_destroy (zrelay_drain_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}


//  --------------------------------------------------------------------------
//  What is left

//  A ROUTER or REP is asked and replies; the others ask

static bool
s_serves (int type)
{
    return type == ZMQ_ROUTER || type == ZMQ_REP;
}

static bool
s_keeps_account (zrelay_drain_t *self)
{
    return self->pending (self->engine) != ZRELAY_PENDING_UNKNOWN;
}

//  Requests whose replies are to travel by this flow; -1 if it carries none
//  because it carries work of its own, or the kind keeps account

static int64_t
s_outstanding (zrelay_drain_t *self, zrelay_flow_id_t id)
{
    const zrelay_wiring_t *wiring = self->wiring;
    zrelay_side_id_t input = zrelay_wiring_input (id);
    zrelay_side_id_t output = zrelay_wiring_other (input);
    if (s_keeps_account (self)
    || !s_serves (zrelay_wiring_type (wiring, output))
    ||  s_serves (zrelay_wiring_type (wiring, input)))
        return -1;
    zrelay_flow_t *asking = wiring->flows [zrelay_wiring_back (id)];
    int64_t requests = zrelay_flow_passed (asking);
    int64_t replies = zrelay_flow_passed (wiring->flows [id])
                    + zrelay_flow_dropped (wiring->flows [id]);
    return requests > replies? requests - replies: 0;
}

//  Does a drain end the reading of this flow? The replies to what a kind has
//  inside come by the return flow.

static bool
s_brings_work (zrelay_drain_t *self, zrelay_flow_id_t id)
{
    return !self->kind->on_state
        && zrelay_wiring_carries_work (self->wiring, id)
        && s_outstanding (self, id) < 0
        && !(s_keeps_account (self) && id == ZRELAY_FLOW_RETURN);
}

static bool
s_works (zrelay_drain_t *self, zrelay_flow_id_t id)
{
    return zrelay_wiring_carries_work (self->wiring, id)
        && zrelay_wiring_attached (self->wiring);
}

//  Messages that one flow still has: those held, or 1 if it still reads

static uint64_t
s_undelivered (zrelay_drain_t *self, zrelay_flow_id_t id)
{
    zrelay_flow_t *flow = self->wiring->flows [id];
    uint64_t count = flow? zrelay_flow_undelivered (flow): 0;
    if (count > 0 || !s_works (self, id))
        return count;
    return zrelay_flow_reads_to_end (flow);
}

//  Replies that it awaits

static uint64_t
s_unanswered (zrelay_drain_t *self, zrelay_flow_id_t id)
{
    int64_t outstanding = s_works (self, id)? s_outstanding (self, id): 0;
    return outstanding > 0? (uint64_t) outstanding: 0;
}

//  Say so; it is something

static zrelay_status_t
s_explain (zrelay_drain_t *self, const char *why, const left_t *left)
{
    char also [60] = "";
    if (left->forward > 0 && left->back > 0)
        snprintf (also, sizeof (also), " and %" PRIu64 " of the return flow",
                  left->back);
    char flows [160] = "";
    uint64_t first = left->forward > 0? left->forward: left->back;
    if (first > 0)
        snprintf (flows, sizeof (flows), " with at least %" PRIu64
                  " message%s of the %s flow%s still to be delivered", first,
                  first == 1? "": "s",
                  left->forward > 0? "forward": "return", also);
    char replies [80] = "";
    if (left->replies > 0)
        snprintf (replies, sizeof (replies), "; there %s %" PRIu64
                  " repl%s that no worker has given",
                  left->replies == 1? "is": "are", left->replies,
                  left->replies == 1? "y": "ies");
    char inside [60] = "";
    if (left->kept > 0)
        snprintf (inside, sizeof (inside), "; the %.20s has %zu inside",
                  self->kind->name, left->kept);
    return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
                             "%s%s%s%s", why, flows, replies, inside);
}


//  --------------------------------------------------------------------------
//  Its course

bool
zrelay_drain_runs (zrelay_drain_t *self)
{
    return self->on_end != NULL;
}

static void
s_finish (zrelay_drain_t *self, zrelay_status_t status)
{
    zrelay_drained_fn *on_end = self->on_end;
    self->on_end = NULL;
    //  Other workers may come
    if (self->forsaken)
        zrelay_flow_open (self->forsaken);
    self->forsaken = NULL;
    if (self->timer)
        zloop_timer_end (self->loop, self->timer);
    self->timer = 0;
    on_end (status, self->arg);
}

//  The flow that awaits replies from workers of which none is connected any
//  more; or NULL

static zrelay_flow_t *
s_forsaken (zrelay_drain_t *self)
{
    for (int index = 0; index < ZRELAY_FLOWS; index++) {
        zrelay_flow_id_t id = (zrelay_flow_id_t) index;
        zrelay_side_t *workers = self->wiring->sides [zrelay_wiring_input (id)];
        uint64_t awaited = s_unanswered (self, id);
        if (awaited > 0)
            return zrelay_side_deserted (workers, awaited)?
                   self->wiring->flows [id]: NULL;
    }
    return NULL;
}

//  Workers may have replied before they left, so that flow is read to its end
//  first. It is to go on when this drain is over: others may come.

static void
s_give_up_replies (zrelay_drain_t *self, const left_t *left)
{
    zrelay_flow_t *flow = s_forsaken (self);
    if (!flow || left->forward + left->back + left->kept > 0)
        return;
    if (self->forsaken != flow) {
        self->forsaken = flow;
        zrelay_flow_close (flow);
        zrelay_polls_wake_in (self->polls, 0);
        return;
    }
    s_finish (self, s_explain (self, "no worker is connected any more", left));
}

void
zrelay_drain_check (zrelay_drain_t *self)
{
    if (!self->on_end)
        return;
    left_t left = {
        .forward = s_undelivered (self, ZRELAY_FLOW_FORWARD),
        .back = s_undelivered (self, ZRELAY_FLOW_RETURN),
        .replies = s_unanswered (self, ZRELAY_FLOW_FORWARD)
                 + s_unanswered (self, ZRELAY_FLOW_RETURN),
        .kept = s_keeps_account (self)? self->pending (self->engine): 0
    };
    if (left.forward + left.back + left.replies + left.kept == 0)
        s_finish (self, ZRELAY_STATUS_DONE);
    else
    if (zclock_mono () >= self->until)
        s_finish (self, s_explain (self, "time ran out", &left));
    else
    if (left.replies > 0)
        s_give_up_replies (self, &left);
}

static int
s_on_over (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_drain_t *self = (zrelay_drain_t *) arg;
    self->timer = 0;
    zrelay_drain_check (self);
    return 0;
}

void
zrelay_drain_start (zrelay_drain_t *self, size_t msecs,
                    zrelay_drained_fn *on_end, void *arg)
{
    self->on_end = on_end;
    self->arg = arg;
    self->until = zclock_mono () + (int64_t) msecs;
    for (int side = 0; side < ZRELAY_SIDES; side++)
        //  Messages in the sockets may take as long to leave after the end
        if (self->wiring->sides [side])
            zrelay_side_set_linger (self->wiring->sides [side], (int) msecs);
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        if (s_brings_work (self, (zrelay_flow_id_t) flow))
            zrelay_flow_close (self->wiring->flows [flow]);
    self->timer = zloop_timer (self->loop, msecs, 1, s_on_over, self);
}

void
zrelay_drain_end (zrelay_drain_t *self)
{
    if (self->on_end)
        s_finish (self, zrelay_error_set (self->error,
            ZRELAY_STATUS_BAD_STATE, "RESUME ended the DRAIN"));
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->wiring->sides [side])
            zrelay_side_restore_linger (self->wiring->sides [side]);
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        if (self->wiring->flows [flow])
            zrelay_flow_open (self->wiring->flows [flow]);
}


//  --------------------------------------------------------------------------
//  Selftest: a PULL and a PUSH, without an engine

//  Longer than any test runs, in msecs
#define TEST_LONG 60000

//  The pending function gets it as its engine
typedef struct {
    zrelay_wiring_t wiring;     //  Sides and flow
    zloop_t *loop;              //  For the timer
    zrelay_error_t *error;      //  Has the sentence
    zrelay_drain_t *drain;      //  Under test
    size_t pending;             //  What the kind has inside
    int ends;                   //  How often a drain ended
    zrelay_status_t status;     //  How the last one did
} test_bench_t;

static size_t
s_test_pending (zrelay_engine_t *engine)
{
    return ((test_bench_t *) engine)->pending;
}

static int
s_test_on_tick (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    return ((test_bench_t *) arg)->ends > 0? -1: 0;
}

static void
s_test_on_end (zrelay_status_t status, void *arg)
{
    test_bench_t *bench = (test_bench_t *) arg;
    bench->ends++;
    bench->status = status;
}

static void
s_test_start (test_bench_t *bench, size_t msecs)
{
    zrelay_error_clear (bench->error);
    bench->ends = 0;
    zrelay_drain_start (bench->drain, msecs, s_test_on_end, bench);
    assert (zrelay_drain_runs (bench->drain));
    assert (bench->ends == 0);
    zrelay_flow_turn (bench->wiring.flows [ZRELAY_FLOW_FORWARD]);
    zrelay_drain_check (bench->drain);
}

//  It has ended once, with that status and a word of the sentence

static bool
s_test_ended (test_bench_t *bench, zrelay_status_t status, const char *word)
{
    return !zrelay_drain_runs (bench->drain) && bench->ends == 1
        && bench->status == status
        && strstr (zrelay_error_sentence (bench->error), word);
}

static void
s_test_course (test_bench_t *bench)
{
    zrelay_flow_t *flow = bench->wiring.flows [ZRELAY_FLOW_FORWARD];
    zrelay_side_t *frontend = bench->wiring.sides [ZRELAY_SIDE_FRONTEND];
    //  A relay without work is drained at once
    s_test_start (bench, TEST_LONG);
    assert (s_test_ended (bench, ZRELAY_STATUS_DONE, ""));
    zrelay_drain_end (bench->drain);
    assert (bench->ends == 1);

    //  Nobody takes this message
    zsock_t *source = zrelay_side_test_peer (frontend, ZMQ_PUSH);
    zstr_send (source, "a message");
    int64_t late = zclock_mono () + TEST_LONG;
    while (zrelay_flow_held (flow) == 0) {
        assert (zclock_mono () < late);
        zmq_pollitem_t item = {
            .socket = zrelay_side_handle (frontend), .events = ZMQ_POLLIN
        };
        zmq_poll (&item, 1, TEST_LONG);
        zrelay_flow_turn (flow);
    }
    s_test_start (bench, TEST_LONG);
    assert (zrelay_drain_runs (bench->drain));
    zrelay_drain_end (bench->drain);
    assert (s_test_ended (bench, ZRELAY_STATUS_BAD_STATE, "RESUME"));
    s_test_start (bench, 0);
    assert (s_test_ended (bench, ZRELAY_STATUS_BAD_STATE, "time ran out with "
                          "at least 1 message of the forward flow"));
    zrelay_drain_end (bench->drain);
    zrelay_flow_abandon (flow);

    //  The loop's timer ends it if nothing else does
    bench->pending = 2;
    s_test_start (bench, 1);
    zloop_timer (bench->loop, 1, 0, s_test_on_tick, bench);
    zloop_start (bench->loop);
    assert (s_test_ended (bench, ZRELAY_STATUS_BAD_STATE,
                          "the tester has 2 inside"));
    bench->pending = 0;
    s_test_start (bench, TEST_LONG);
    assert (s_test_ended (bench, ZRELAY_STATUS_DONE, ""));
    zsock_destroy (&source);
}

void
zrelay_drain_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_drain: ");

    //  @selftest
    const zrelay_kind_t kind = { ZRELAY_KIND, .name = "tester" };
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_capture_t *capture = zrelay_capture_new (error);
    test_bench_t bench = {
        .wiring = zrelay_wiring_bench (capture, error), .loop = zloop_new (),
        .error = error, .pending = ZRELAY_PENDING_UNKNOWN
    };
    bench.drain = zrelay_drain_new ((zrelay_engine_t *) &bench, &kind,
        &bench.wiring, NULL, bench.loop, error, s_test_pending);
    s_test_course (&bench);
    zrelay_drain_destroy (&bench.drain);
    assert (!bench.drain);
    zloop_destroy (&bench.loop);
    zrelay_wiring_clear (&bench.wiring);
    zrelay_capture_destroy (&capture);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
