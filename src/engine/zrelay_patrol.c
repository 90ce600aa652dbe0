/*  =========================================================================
    zrelay_patrol - looks for messages that never end, and reports what was cut

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_patrol.h"

struct _zrelay_patrol_t {
    zrelay_engine_t *engine;    //  For the callback and the log
    const zrelay_wiring_t *wiring;  //  The sides
    zloop_t *loop;              //  For the timer
    zrelay_called_fn *called;   //  The engine's part after each look
    int timer;                  //  Of the next look, or 0
    int64_t at;                 //  When that is, in msecs
};


zrelay_patrol_t *
zrelay_patrol_new (zrelay_engine_t *engine, const zrelay_wiring_t *wiring,
                   zloop_t *loop, zrelay_called_fn *called)
{
    zrelay_patrol_t *self =
        (zrelay_patrol_t *) zmalloc (sizeof (zrelay_patrol_t));
    assert (self);
    self->engine = engine;
    self->wiring = wiring;
    self->loop = loop;
    self->called = called;
    return self;
}

void
zrelay_patrol_destroy (zrelay_patrol_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}


//  --------------------------------------------------------------------------
//  Looking

//  Bytes that whole messages may have which wait in the socket. An XPUB takes in
//  all that come.

static int64_t
s_waiting_most (zrelay_side_t *side)
{
    int64_t most = zrelay_limits_most_bytes (zrelay_side_limits (side));
    int64_t messages = zsock_rcvhwm (zrelay_side_handle (side)) + 1;
    return messages == 1 || most > INT64_MAX / messages
        || zrelay_side_type (side) == ZMQ_XPUB? INT64_MAX:
           most * messages;
}

//  Others keep messages to themselves: a SUB what it has not subscribed to, an
//  XPUB what is nothing new unless it tells all, a REQ what it has not asked
//  for, and a PUB everything

static bool
s_hands_over_all (zrelay_side_t *side)
{
    int type = zrelay_side_type (side);
    return type == ZMQ_SUB?
               zrelay_subscriptions_want_all (zrelay_side_subscriptions (side)):
           type == ZMQ_XPUB? zrelay_side_hears_topics (side):
           type != ZMQ_PUB && type != ZMQ_REQ;
}

//  The first peer of an XPUB may be noted by the watcher, of which the relay
//  does not hear

static bool
s_needs_look (zrelay_side_t *side)
{
    return side && zrelay_side_peers (side)
        && (zrelay_side_type (side) == ZMQ_XPUB
         || zrelay_peers_count (zrelay_side_peers (side)) > 0)
        && zrelay_limits_most_bytes (zrelay_side_limits (side)) != INT64_MAX;
}

static int
s_on_look (zloop_t *loop, int timer_id, void *arg)
{
    (void) timer_id;
    zrelay_patrol_t *self = (zrelay_patrol_t *) arg;
    size_t soon = 0;
    for (int index = 0; index < ZRELAY_SIDES; index++) {
        zrelay_side_t *side = self->wiring->sides [index];
        if (!s_needs_look (side))
            continue;
        void *watched = s_hands_over_all (side)?
            zrelay_side_handle (side): NULL;
        size_t msecs = zrelay_peers_look (zrelay_side_peers (side), watched,
                                          s_waiting_most (side));
        soon = soon == 0 || msecs < soon? msecs: soon;
    }
    self->timer = soon == 0? 0: zloop_timer (loop, soon, 1, s_on_look, self);
    self->at = zclock_mono () + (int64_t) soon;
    return self->called (self->engine);
}

//  A newcomer is looked at soon: in the time between two looks when all is
//  quiet it could bring megabytes

void
zrelay_patrol_check (zrelay_patrol_t *self)
{
    bool needed = false;
    bool hasty = false;
    for (int index = 0; index < ZRELAY_SIDES; index++) {
        zrelay_side_t *side = self->wiring->sides [index];
        if (!s_needs_look (side))
            continue;
        needed = true;
        hasty |= zrelay_peers_has_new (zrelay_side_peers (side));
    }
    int64_t when = zclock_mono () + 1;
    if (!needed || (self->timer && (!hasty || self->at <= when)))
        return;
    if (self->timer)
        zloop_timer_end (self->loop, self->timer);
    self->timer = zloop_timer (self->loop, 1, 1, s_on_look, self);
    self->at = when;
}


//  --------------------------------------------------------------------------
//  Reporting

void
zrelay_patrol_report (zrelay_patrol_t *self)
{
    for (int index = 0; index < ZRELAY_SIDES; index++) {
        zrelay_peers_t *peers =
            zrelay_wiring_peers (self->wiring, (zrelay_side_id_t) index);
        const char *address, *reason;
        uint64_t count = peers?
            zrelay_peers_report (peers, &address, &reason): 0;
        if (count > 0)
            zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING, "%s: %" PRIu64
                " connections were cut; the last came from %s (%s)",
                zrelay_side_name (self->wiring->sides [index]), count, address,
                reason);
    }
}


//  --------------------------------------------------------------------------
//  Selftest: a peer comes to a PULL, without an engine

//  Longer than any test runs, in msecs
#define TEST_LONG 60000

//  A number of calls is given as the engine

static int
s_test_on_look (zrelay_engine_t *engine)
{
    ++*(int *) engine;
    return -1;
}

void
zrelay_patrol_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_patrol: ");

    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_capture_t *capture = zrelay_capture_new (error);
    zrelay_wiring_t wiring = zrelay_wiring_bench (capture, error);
    zrelay_side_t *frontend = wiring.sides [ZRELAY_SIDE_FRONTEND];
    zrelay_peers_t *peers = zrelay_side_peers (frontend);
    zloop_t *loop = zloop_new ();
    int looks = 0;
    zrelay_patrol_t *self = zrelay_patrol_new ((zrelay_engine_t *) &looks,
                                               &wiring, loop, s_test_on_look);

    //  Without a peer or without a limit there is nothing to look for
    assert (zrelay_side_set_option (frontend, "maxmsgsize", "1000")
            == ZRELAY_STATUS_DONE);
    zrelay_patrol_check (self);
    assert (!self->timer);
    zsock_t *source = zrelay_side_test_peer (frontend, ZMQ_PUSH);
    int64_t late = zclock_mono () + TEST_LONG;
    while (zrelay_peers_count (peers) == 0) {
        assert (zclock_mono () < late);
        zmq_pollitem_t item = {
            .socket = zrelay_peers_handle (peers), .events = ZMQ_POLLIN
        };
        zmq_poll (&item, 1, TEST_LONG);
        zrelay_wiring_look_at_peers (&wiring);
    }
    assert (zrelay_side_set_option (frontend, "maxmsgsize", "-1")
            == ZRELAY_STATUS_DONE);
    zrelay_patrol_check (self);
    assert (!self->timer);
    assert (zrelay_side_set_option (frontend, "maxmsgsize", "1000")
            == ZRELAY_STATUS_DONE);
    zrelay_patrol_check (self);
    int timer = self->timer;
    assert (timer);
    zrelay_patrol_check (self);
    assert (self->timer == timer);
    zloop_start (loop);
    assert (looks == 1);
    //  It goes on, not as soon
    assert (self->timer && self->timer != timer);
    assert (!zrelay_peers_has_new (peers));
    timer = self->timer;
    zrelay_patrol_check (self);
    assert (self->timer == timer);
    zrelay_patrol_report (self);
    zrelay_patrol_destroy (&self);
    assert (!self);
    zsock_destroy (&source);
    zloop_destroy (&loop);
    zrelay_wiring_clear (&wiring);
    zrelay_capture_destroy (&capture);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
