/*  =========================================================================
    zrelay_rulebook - RULE and RULES: rules about topics, of each flow

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_rulebook.h"

struct _zrelay_rulebook_t {
    const zrelay_wiring_t *wiring;  //  Sides and flows
    zrelay_error_t *error;      //  Where sentences go
    zrelay_sieve_t *sieves [ZRELAY_FLOWS];  //  The rules of each flow
};


zrelay_rulebook_t *
zrelay_rulebook_new (const zrelay_wiring_t *wiring, zrelay_error_t *error)
{
    zrelay_rulebook_t *self =
        (zrelay_rulebook_t *) zmalloc (sizeof (zrelay_rulebook_t));
    assert (self);
    self->wiring = wiring;
    self->error = error;
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        self->sieves [flow] = zrelay_sieve_new ();
    return self;
}

void
zrelay_rulebook_destroy (zrelay_rulebook_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_rulebook_t *self = *self_p;
        for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
            zrelay_sieve_destroy (&self->sieves [flow]);
        freen (self);
        *self_p = NULL;
    }
}

static zrelay_side_t *
s_input (zrelay_rulebook_t *self, zrelay_flow_id_t flow)
{
    return self->wiring->sides [zrelay_wiring_input (flow)];
}

static zrelay_status_t
s_check (zrelay_rulebook_t *self, zrelay_flow_id_t flow)
{
    const zrelay_wiring_t *wiring = self->wiring;
    int type = zrelay_side_type (s_input (self, flow));
    if (type != -1 && !zrelay_flow_has_topics (type))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "messages of the %s flow come from a %s and have no topics; those "
            "from SUB, XSUB, PULL and PAIR have",
            zrelay_flow_name (wiring->flows [flow]), zsys_sockname (type));
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (wiring->sides [side] && zrelay_side_attached (wiring->sides [side]))
            return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
                "the %s is attached already; give rules before that",
                zrelay_side_name (wiring->sides [side]));
    return ZRELAY_STATUS_DONE;
}

//  Put the rules to use, or those that are left

static void
s_use (zrelay_rulebook_t *self, zrelay_flow_id_t flow)
{
    zrelay_sieve_t *sieve = zrelay_rulebook_applies (self, flow)?
        self->sieves [flow]: NULL;
    zrelay_flow_t *back = self->wiring->flows [zrelay_wiring_back (flow)];
    zrelay_flow_set_sieve (self->wiring->flows [flow], sieve);
    if (back)
        zrelay_flow_set_asked (back, sieve);
    zrelay_subscriptions_set_sieve (
        zrelay_side_subscriptions (s_input (self, flow)), sieve);
}

static void
s_switch_topics (zrelay_rulebook_t *self, zrelay_flow_id_t flow, bool on)
{
    zrelay_subscriptions_switch (
        zrelay_side_subscriptions (s_input (self, flow)), on);
}

zrelay_status_t
zrelay_rulebook_add (zrelay_rulebook_t *self, zrelay_flow_id_t flow,
                     zrelay_sieve_rule_t rule, const char *topic,
                     const char *to)
{
    zrelay_status_t status = s_check (self, flow);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    s_switch_topics (self, flow, false);
    zrelay_sieve_add (self->sieves [flow], rule, topic, to);
    s_use (self, flow);
    s_switch_topics (self, flow, true);
    return ZRELAY_STATUS_DONE;
}

zrelay_status_t
zrelay_rulebook_clear (zrelay_rulebook_t *self, zrelay_flow_id_t flow)
{
    zrelay_status_t status = s_check (self, flow);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    s_switch_topics (self, flow, false);
    zrelay_sieve_clear (self->sieves [flow]);
    s_use (self, flow);
    s_switch_topics (self, flow, true);
    return ZRELAY_STATUS_DONE;
}

bool
zrelay_rulebook_applies (zrelay_rulebook_t *self, zrelay_flow_id_t flow)
{
    return !zrelay_sieve_empty (self->sieves [flow]);
}

void
zrelay_rulebook_list (zrelay_rulebook_t *self, zrelay_flow_id_t flow,
                      zmsg_t *answer)
{
    zrelay_sieve_list (self->sieves [flow], answer);
}


//  --------------------------------------------------------------------------
//  Selftest: a PULL and a PUSH, without an engine

static size_t
s_test_listed (zrelay_rulebook_t *self)
{
    zmsg_t *answer = zmsg_new ();
    zrelay_rulebook_list (self, ZRELAY_FLOW_FORWARD, answer);
    size_t frames = zmsg_size (answer);
    zmsg_destroy (&answer);
    return frames;
}

//  A message with this topic passes, or not

static bool
s_test_passes (zrelay_flow_t *flow, zrelay_side_t *input, zsock_t *source,
               const char *topic)
{
    size_t held = zrelay_flow_held (flow);
    uint64_t dropped = zrelay_flow_dropped (flow);
    zstr_send (source, topic);
    int64_t late = zclock_mono () + 60000;
    while (zrelay_flow_held (flow) == held
        && zrelay_flow_dropped (flow) == dropped) {
        assert (zclock_mono () < late);
        zmq_pollitem_t item = {
            .socket = zrelay_side_handle (input), .events = ZMQ_POLLIN
        };
        zmq_poll (&item, 1, 1000);
        zrelay_flow_turn (flow);
    }
    return zrelay_flow_dropped (flow) == dropped;
}

static void
s_test_course (zrelay_error_t *error, zrelay_capture_t *capture)
{
    const zrelay_side_spec_t pull = { .types = "PULL" };
    const zrelay_side_spec_t push = { .types = "PUSH" };
    zrelay_side_t *frontend = zrelay_side_new ("frontend", &pull, error);
    zrelay_side_t *backend = zrelay_side_new ("backend", &push, error);
    zrelay_flow_t *flow = zrelay_flow_new (ZRELAY_FLOW_FORWARD, NULL, frontend,
                                           backend, capture, NULL);
    zrelay_wiring_t wiring = {
        .sides = { frontend, backend }, .flows = { flow }
    };
    zrelay_rulebook_t *self = zrelay_rulebook_new (&wiring, error);
    assert (!zrelay_rulebook_applies (self, ZRELAY_FLOW_FORWARD));
    assert (zrelay_rulebook_add (self, ZRELAY_FLOW_FORWARD, ZRELAY_SIEVE_ONLY,
                                 "A", NULL) == ZRELAY_STATUS_DONE);
    assert (zrelay_rulebook_applies (self, ZRELAY_FLOW_FORWARD));
    assert (s_test_listed (self) == 4);
    assert (zrelay_rulebook_clear (self, ZRELAY_FLOW_FORWARD)
            == ZRELAY_STATUS_DONE);
    assert (!zrelay_rulebook_applies (self, ZRELAY_FLOW_FORWARD));
    assert (s_test_listed (self) == 0);
    assert (zrelay_rulebook_add (self, ZRELAY_FLOW_FORWARD,
                                 ZRELAY_SIEVE_EXCEPT, "B", NULL)
            == ZRELAY_STATUS_DONE);

    //  The flow has them when messages come
    assert (zrelay_side_attach (frontend, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    zrelay_flow_set_running (flow, true);
    zsock_t *source = zrelay_side_test_peer (frontend, ZMQ_PUSH);
    assert (!s_test_passes (flow, frontend, source, "B1"));
    assert (s_test_passes (flow, frontend, source, "A1"));
    zsock_destroy (&source);

    //  And keeps them
    assert (zrelay_rulebook_clear (self, ZRELAY_FLOW_FORWARD)
            == ZRELAY_STATUS_BAD_STATE);
    assert (strstr (zrelay_error_sentence (error), "attached already"));
    assert (zrelay_rulebook_applies (self, ZRELAY_FLOW_FORWARD));
    zrelay_wiring_clear (&wiring);
    zrelay_rulebook_destroy (&self);
}

void
zrelay_rulebook_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_rulebook: ");

    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_capture_t *capture = zrelay_capture_new (error);
    s_test_course (error, capture);

    //  What comes from a ROUTER has no topics
    const zrelay_side_spec_t router = { .types = "ROUTER" };
    zrelay_side_t *side = zrelay_side_new ("frontend", &router, error);
    zrelay_wiring_t wiring = {
        .sides = { side },
        .flows = { zrelay_flow_new (ZRELAY_FLOW_FORWARD, NULL, side, NULL,
                                    capture, NULL) }
    };
    zrelay_rulebook_t *self = zrelay_rulebook_new (&wiring, error);
    assert (zrelay_rulebook_add (self, ZRELAY_FLOW_FORWARD, ZRELAY_SIEVE_ONLY,
                                 "A", NULL) == ZRELAY_STATUS_BAD_STATE);
    assert (strstr (zrelay_error_sentence (error), "no topics"));
    zrelay_wiring_clear (&wiring);
    zrelay_rulebook_destroy (&self);
    assert (!self);
    zrelay_capture_destroy (&capture);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
