/*  =========================================================================
    zrelay_polls - what a relay's loop waits for: its sockets, and time

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_polls.h"

//  Where no poll reports room that a kind waits for, we look again after this
//  time, in msecs
#define ROOM_IVL 50

//  The polls of one side
typedef struct {
    void *handle;               //  libzmq's socket, which may be replaced
    short events;               //  And for what
    int hush;                   //  What is polled for that, or 0
    void *monitor;              //  The peers' socket
    int monitor_fd;             //  Which is watched by this descriptor
    bool room;                  //  The kind waits for some
} watch_t;

struct _zrelay_polls_t {
    zrelay_engine_t *engine;    //  For the engine's part
    const zrelay_wiring_t *wiring;  //  Sides and flows
    zloop_t *loop;              //  Drives everything
    zrelay_polls_part_t part;   //  The engine's
    bool borrowed;              //  Sockets are somebody else's
    watch_t watches [ZRELAY_SIDES]; //  The polls of the sides
    zrelay_capture_t *capture;  //  One that is borrowed, or NULL
    void *capturing;            //  Its socket
    short capture_events;       //  What that is polled for
    int wake_timer;             //  Gives a turn without a poll, or 0
    int64_t wake_at;            //  When it will
    int64_t moved_at;           //  When messages moved last, in usecs
    uint64_t moved;             //  How many had, ever
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_polls_t *
zrelay_polls_new (zrelay_engine_t *engine, const zrelay_wiring_t *wiring,
                  zloop_t *loop, const zrelay_polls_part_t *part)
{
    zrelay_polls_t *self = (zrelay_polls_t *) zmalloc (sizeof (zrelay_polls_t));
    assert (self);
    self->engine = engine;
    self->wiring = wiring;
    self->loop = loop;
    self->part = *part;
    return self;
}

void
zrelay_polls_destroy (zrelay_polls_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}

void
zrelay_polls_borrow (zrelay_polls_t *self, zrelay_capture_t *capture,
                     void *handle)
{
    self->borrowed = true;
    self->capture = handle? capture: NULL;
    self->capturing = handle;
}


//  --------------------------------------------------------------------------
//  Time

static int
s_on_wake (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_polls_t *self = (zrelay_polls_t *) arg;
    self->wake_timer = 0;
    return self->part.wake (self->engine);
}

void
zrelay_polls_wake_in (zrelay_polls_t *self, size_t msecs)
{
    int64_t when = zclock_mono () + (int64_t) msecs;
    if (self->wake_timer && self->wake_at <= when)
        return;
    if (self->wake_timer)
        zloop_timer_end (self->loop, self->wake_timer);
    self->wake_timer = zloop_timer (self->loop, msecs, 1, s_on_wake, self);
    self->wake_at = when;
}

//  With spin, the loop does not sleep until nothing has moved for so long

static void
s_spin (zrelay_polls_t *self, int64_t spin)
{
    if (spin == 0)
        return;
    uint64_t moved = 0;
    for (int index = 0; index < ZRELAY_FLOWS; index++) {
        zrelay_flow_t *flow = self->wiring->flows [index];
        if (flow)
            moved += zrelay_flow_passed (flow) + zrelay_flow_dropped (flow);
    }
    int64_t now = zclock_usecs ();
    if (moved != self->moved)
        self->moved_at = now;
    self->moved = moved;
    if (now - self->moved_at < spin)
        zrelay_polls_wake_in (self, 0);
}


//  --------------------------------------------------------------------------
//  Sockets

static int
s_on_traffic (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    zrelay_polls_t *self = (zrelay_polls_t *) arg;
    bool back = item->socket == self->watches [ZRELAY_SIDE_BACKEND].handle;
    return self->part.traffic (self->engine, back? ZRELAY_SIDE_BACKEND:
                                                   ZRELAY_SIDE_FRONTEND);
}

//  Poll a socket, which may be another one than before, for other events than
//  before; for none, not at all.

static void
s_poll_socket (zrelay_polls_t *self, void **polled, short *before,
               void *handle, short events)
{
    //  An application's socket is always polled, so that the end of its context
    //  is noticed. libzmq never reports this event on a socket.
    if (self->borrowed && !events)
        events = ZMQ_POLLERR;
    if (handle == *polled && events == *before)
        return;
    //  When that context has ended, zloop would end the process if it was given
    //  the socket. The next poll, as it is, will report the end.
    int type;
    size_t size = sizeof (type);
    if (self->borrowed
    &&  zmq_getsockopt (handle, ZMQ_TYPE, &type, &size) == -1)
        return;
    zmq_pollitem_t item = { .socket = *polled };
    if (*before)
        zloop_poller_end (self->loop, &item);
    item.socket = handle;
    item.events = events;
    if (events)
        zloop_poller (self->loop, &item, s_on_traffic, self);
    *polled = handle;
    *before = events;
}

static int
s_on_peers (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    zrelay_polls_t *self = (zrelay_polls_t *) arg;
    return self->part.peers (self->engine);
}

//  To ask a socket for its events costs more than to move a message, and would
//  be done at each poll for each socket that is polled. So the peers' sockets
//  are polled as bare descriptors. These only report that something has
//  happened since the socket was used last: whoever uses it has to read it to
//  the end.

static void
s_poll_monitor (zrelay_polls_t *self, watch_t *watch, zrelay_peers_t *peers)
{
    void *monitor = peers? zrelay_peers_handle (peers): NULL;
    if (monitor == watch->monitor)
        return;
    zmq_pollitem_t item = { .fd = watch->monitor_fd, .events = ZMQ_POLLIN };
    if (watch->monitor)
        zloop_poller_end (self->loop, &item);
    watch->monitor = monitor;
    if (!monitor)
        return;
    item.fd = watch->monitor_fd = zsock_fd (monitor);
    zloop_poller (self->loop, &item, s_on_peers, self);
    zrelay_wiring_look_at_peers (self->wiring);
}

//  A signal came to the side's socket when it was not to be heard

static int
s_on_hush (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    zrelay_polls_t *self = (zrelay_polls_t *) arg;
    for (int index = 0; index < ZRELAY_SIDES; index++) {
        zrelay_side_t *side = self->wiring->sides [index];
        if (side)
            zrelay_port_unhush (zrelay_side_port (side));
    }
    return 0;
}

static void
s_poll_hush (zrelay_polls_t *self, watch_t *watch, zrelay_side_t *side)
{
    int fd = zrelay_port_hush_fd (zrelay_side_port (side));
    fd = fd == -1? 0: fd;
    if (fd == watch->hush)
        return;
    zmq_pollitem_t item = { .fd = watch->hush, .events = ZMQ_POLLIN };
    if (watch->hush)
        zloop_poller_end (self->loop, &item);
    item.fd = watch->hush = fd;
    if (fd)
        zloop_poller (self->loop, &item, s_on_hush, self);
}


//  --------------------------------------------------------------------------
//  What the flows and the kind want

void
zrelay_polls_await_room (zrelay_polls_t *self, zrelay_side_id_t side,
                         bool awaited)
{
    self->watches [side].room = awaited;
}

bool
zrelay_polls_awaits_room (const zrelay_polls_t *self, zrelay_side_id_t side)
{
    return self->watches [side].room;
}

static void
s_ask_kind (zrelay_polls_t *self, zrelay_side_id_t id, short *events)
{
    if (!self->watches [id].room)
        return;
    if (zrelay_port_polls_out (zrelay_side_port (self->wiring->sides [id])))
        events [id] |= ZMQ_POLLOUT;
    else
        zrelay_polls_wake_in (self, ROOM_IVL);
}

static void
s_ask_flow (zrelay_polls_t *self, zrelay_flow_id_t id, short *events)
{
    zrelay_flow_t *flow = self->wiring->flows [id];
    if (!flow)
        return;
    zrelay_side_id_t input = zrelay_wiring_input (id);
    size_t msecs = zrelay_flow_wants (flow, &events [input],
                                      &events [zrelay_wiring_other (input)]);
    if (msecs > 0)
        zrelay_polls_wake_in (self, msecs);
}

void
zrelay_polls_update (zrelay_polls_t *self, int64_t spin)
{
    short events [ZRELAY_SIDES] = { 0, 0 };
    s_ask_flow (self, ZRELAY_FLOW_FORWARD, events);
    s_ask_flow (self, ZRELAY_FLOW_RETURN, events);
    s_ask_kind (self, ZRELAY_SIDE_FRONTEND, events);
    s_ask_kind (self, ZRELAY_SIDE_BACKEND, events);
    for (int index = 0; index < ZRELAY_SIDES; index++) {
        zrelay_side_t *side = self->wiring->sides [index];
        watch_t *watch = &self->watches [index];
        if (!side)
            continue;
        s_poll_socket (self, &watch->handle, &watch->events,
                       zrelay_side_handle (side), events [index]);
        s_poll_monitor (self, watch, zrelay_side_peers (side));
        s_poll_hush (self, watch, side);
    }
    if (self->capture)
        s_poll_socket (self, &self->capturing, &self->capture_events,
            self->capturing,
            zrelay_capture_waiting (self->capture)? ZMQ_POLLOUT: 0);
    if (zrelay_wiring_behind (self->wiring))
        zrelay_polls_wake_in (self, 1);
    s_spin (self, spin);
}


//  --------------------------------------------------------------------------
//  Selftest: a PULL and a PUSH, without an engine

//  Time for a test that hangs, in msecs
#define TEST_MOST 30000

//  What the loop has called; the callbacks get it as their engine
typedef struct {
    zrelay_wiring_t wiring;     //  Sides and flow
    zloop_t *loop;              //  Runs until a callback ends it
    zrelay_polls_t *polls;      //  Under test
    int fronts;                 //  Calls for the frontend
    int backs;                  //  And for the backend
    int peers;                  //  Calls for somebody who came
    int wakes;                  //  Calls after some time
} test_bench_t;

static int
s_test_on_traffic (zrelay_engine_t *engine, zrelay_side_id_t side)
{
    test_bench_t *bench = (test_bench_t *) engine;
    *(side == ZRELAY_SIDE_BACKEND? &bench->backs: &bench->fronts) += 1;
    //  Whoever sent that came before
    return bench->peers > 0? -1: 0;
}

static int
s_test_on_peers (zrelay_engine_t *engine)
{
    test_bench_t *bench = (test_bench_t *) engine;
    bench->peers++;
    zrelay_wiring_look_at_peers (&bench->wiring);
    return 0;
}

static int
s_test_on_wake (zrelay_engine_t *engine)
{
    ((test_bench_t *) engine)->wakes++;
    return -1;
}

static int
s_test_on_late (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    assert (!"the loop was not called");
    return -1;
}

static void
s_test_run (test_bench_t *bench)
{
    int late = zloop_timer (bench->loop, TEST_MOST, 1, s_test_on_late, NULL);
    zloop_start (bench->loop);
    zloop_timer_end (bench->loop, late);
}

static void
s_test_traffic (test_bench_t *bench)
{
    zrelay_flow_t *flow = bench->wiring.flows [ZRELAY_FLOW_FORWARD];
    zrelay_side_t *frontend = bench->wiring.sides [ZRELAY_SIDE_FRONTEND];
    zrelay_side_t *backend = bench->wiring.sides [ZRELAY_SIDE_BACKEND];
    zrelay_polls_update (bench->polls, 0);
    zsock_t *source = zrelay_side_test_peer (frontend, ZMQ_PUSH);
    zstr_send (source, "a message");
    s_test_run (bench);
    int fronts = bench->fronts;
    assert (fronts > 0 && bench->backs == 0);

    //  The flow holds it, and waits for room
    zrelay_flow_turn (flow);
    assert (zrelay_flow_held (flow) == 1);
    zrelay_polls_update (bench->polls, 0);
    zsock_t *sink = zrelay_side_test_peer (backend, ZMQ_PULL);
    s_test_run (bench);
    assert (bench->fronts == fronts && bench->backs == 1 && bench->wakes == 0);

    //  Where something has moved, a spin is a turn at once
    zrelay_flow_turn (flow);
    assert (zrelay_flow_passed (flow) == 1);
    zrelay_polls_update (bench->polls, TEST_MOST * 1000);
    s_test_run (bench);
    assert (bench->wakes == 1);
    zsock_destroy (&source);
    zsock_destroy (&sink);
}

//  The earlier of two times counts, whichever comes first

static void
s_test_wake (test_bench_t *bench)
{
    int64_t begin = zclock_mono ();
    zrelay_polls_wake_in (bench->polls, TEST_MOST);
    zrelay_polls_wake_in (bench->polls, 1);
    zrelay_polls_wake_in (bench->polls, TEST_MOST);
    s_test_run (bench);
    assert (bench->wakes == 2);
    assert (zclock_mono () - begin < TEST_MOST);
}

void
zrelay_polls_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_polls: ");

    //  @selftest
    const zrelay_polls_part_t part = {
        .traffic = s_test_on_traffic, .peers = s_test_on_peers,
        .wake = s_test_on_wake
    };
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_capture_t *capture = zrelay_capture_new (error);
    test_bench_t bench = {
        .wiring = zrelay_wiring_bench (capture, error), .loop = zloop_new ()
    };
    zloop_set_nonstop (bench.loop, true);
    bench.polls = zrelay_polls_new ((zrelay_engine_t *) &bench, &bench.wiring,
                                    bench.loop, &part);
    s_test_traffic (&bench);
    s_test_wake (&bench);
    zloop_destroy (&bench.loop);
    zrelay_polls_destroy (&bench.polls);
    assert (!bench.polls);
    zrelay_wiring_clear (&bench.wiring);
    zrelay_capture_destroy (&capture);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
