/*  =========================================================================
    zrelay_wiring - a relay's sides and flows, and how they belong together

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_wiring.h"

void
zrelay_wiring_clear (zrelay_wiring_t *self)
{
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        zrelay_flow_destroy (&self->flows [flow]);
    for (int side = 0; side < ZRELAY_SIDES; side++)
        zrelay_side_destroy (&self->sides [side]);
}


//  --------------------------------------------------------------------------
//  Names of sides and flows by their numbers

zrelay_side_id_t
zrelay_wiring_other (zrelay_side_id_t side)
{
    return side == ZRELAY_SIDE_FRONTEND? ZRELAY_SIDE_BACKEND:
                                         ZRELAY_SIDE_FRONTEND;
}

zrelay_side_id_t
zrelay_wiring_input (zrelay_flow_id_t flow)
{
    return flow == ZRELAY_FLOW_FORWARD? ZRELAY_SIDE_FRONTEND:
                                        ZRELAY_SIDE_BACKEND;
}

zrelay_flow_id_t
zrelay_wiring_back (zrelay_flow_id_t flow)
{
    return flow == ZRELAY_FLOW_FORWARD? ZRELAY_FLOW_RETURN:
                                        ZRELAY_FLOW_FORWARD;
}


//  --------------------------------------------------------------------------
//  What there is

zrelay_flow_t *
zrelay_wiring_reader (const zrelay_wiring_t *self, zrelay_side_id_t side)
{
    return self->flows [side == ZRELAY_SIDE_FRONTEND? ZRELAY_FLOW_FORWARD:
                                                      ZRELAY_FLOW_RETURN];
}

zrelay_flow_t *
zrelay_wiring_writer (const zrelay_wiring_t *self, zrelay_side_id_t side)
{
    zrelay_flow_t *flow = zrelay_wiring_reader (self,
                                                zrelay_wiring_other (side));
    return flow? flow: self->flows [ZRELAY_FLOW_FORWARD];
}

int
zrelay_wiring_type (const zrelay_wiring_t *self, zrelay_side_id_t side)
{
    return self->sides [side]? zrelay_side_type (self->sides [side]): -1;
}

zrelay_peers_t *
zrelay_wiring_peers (const zrelay_wiring_t *self, zrelay_side_id_t side)
{
    return self->sides [side]? zrelay_side_peers (self->sides [side]): NULL;
}

bool
zrelay_wiring_attached (const zrelay_wiring_t *self)
{
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->sides [side] && !zrelay_side_attached (self->sides [side]))
            return false;
    return true;
}

bool
zrelay_wiring_carries_work (const zrelay_wiring_t *self, zrelay_flow_id_t flow)
{
    return self->flows [flow]
        && zrelay_flow_possible (self->flows [flow])
        && zrelay_wiring_type (self, zrelay_wiring_input (flow)) != ZMQ_XPUB;
}


//  --------------------------------------------------------------------------
//  Peers of both sides

void
zrelay_wiring_look_at_peers (const zrelay_wiring_t *self)
{
    for (int index = 0; index < ZRELAY_SIDES; index++) {
        zrelay_side_t *side = self->sides [index];
        if (side && zrelay_side_peers (side))
            zrelay_peers_update (zrelay_side_peers (side));
        if (side)
            zrelay_side_service (side);
    }
}

bool
zrelay_wiring_behind (const zrelay_wiring_t *self)
{
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->sides [side]
        &&  zrelay_peers_behind (zrelay_side_peers (self->sides [side])))
            return true;
    return false;
}


//  --------------------------------------------------------------------------
//  Selftest

zrelay_wiring_t
zrelay_wiring_bench (zrelay_capture_t *capture, zrelay_error_t *error)
{
    const zrelay_side_spec_t pull = { .types = "PULL" };
    const zrelay_side_spec_t push = { .types = "PUSH" };
    zrelay_side_t *frontend = zrelay_side_new ("frontend", &pull, error);
    zrelay_side_t *backend = zrelay_side_new ("backend", &push, error);
    assert (zrelay_side_attach (frontend, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_side_attach (backend, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    zrelay_flow_t *flow = zrelay_flow_new (ZRELAY_FLOW_FORWARD, NULL, frontend,
                                           backend, capture, NULL);
    zrelay_flow_update (flow);
    zrelay_flow_set_running (flow, true);
    return (zrelay_wiring_t) {
        .sides = { frontend, backend }, .flows = { flow }
    };
}

static void
s_test_names (void)
{
    assert (zrelay_wiring_other (ZRELAY_SIDE_FRONTEND) == ZRELAY_SIDE_BACKEND);
    assert (zrelay_wiring_other (ZRELAY_SIDE_BACKEND) == ZRELAY_SIDE_FRONTEND);
    assert (zrelay_wiring_input (ZRELAY_FLOW_FORWARD) == ZRELAY_SIDE_FRONTEND);
    assert (zrelay_wiring_input (ZRELAY_FLOW_RETURN) == ZRELAY_SIDE_BACKEND);
    assert (zrelay_wiring_back (ZRELAY_FLOW_FORWARD) == ZRELAY_FLOW_RETURN);
    assert (zrelay_wiring_back (ZRELAY_FLOW_RETURN) == ZRELAY_FLOW_FORWARD);
}

//  A forwarder: what its subscribers send is no work

static void
s_test_pair (zrelay_error_t *error)
{
    const zrelay_side_spec_t xsub = { .types = "XSUB" };
    const zrelay_side_spec_t xpub = { .types = "XPUB" };
    zrelay_capture_t *capture = zrelay_capture_new (error);
    zrelay_side_t *frontend = zrelay_side_new ("frontend", &xsub, error);
    zrelay_side_t *backend = zrelay_side_new ("backend", &xpub, error);
    zrelay_wiring_t self = {
        .sides = { frontend, backend },
        .flows = {
            zrelay_flow_new (ZRELAY_FLOW_FORWARD, NULL, frontend, backend,
                             capture, NULL),
            zrelay_flow_new (ZRELAY_FLOW_RETURN, NULL, backend, frontend,
                             capture, NULL)
        }
    };
    assert (zrelay_wiring_type (&self, ZRELAY_SIDE_BACKEND) == ZMQ_XPUB);
    assert (zrelay_wiring_reader (&self, ZRELAY_SIDE_BACKEND)
            == self.flows [ZRELAY_FLOW_RETURN]);
    assert (zrelay_wiring_writer (&self, ZRELAY_SIDE_BACKEND)
            == self.flows [ZRELAY_FLOW_FORWARD]);
    assert (zrelay_wiring_carries_work (&self, ZRELAY_FLOW_FORWARD));
    assert (!zrelay_wiring_carries_work (&self, ZRELAY_FLOW_RETURN));

    assert (!zrelay_wiring_attached (&self));
    assert (zrelay_side_attach (frontend, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    assert (!zrelay_wiring_attached (&self));
    assert (zrelay_side_attach (backend, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_wiring_attached (&self));

    //  Nobody has come
    zrelay_wiring_look_at_peers (&self);
    assert (!zrelay_wiring_behind (&self));
    assert (zrelay_peers_count (zrelay_wiring_peers (&self,
                                                     ZRELAY_SIDE_BACKEND))
            == 0);
    zrelay_wiring_clear (&self);
    assert (!self.sides [ZRELAY_SIDE_FRONTEND]);
    assert (!self.flows [ZRELAY_FLOW_RETURN]);
    zrelay_capture_destroy (&capture);
}

//  A kind with one socket answers by the only flow

static void
s_test_one_side (zrelay_error_t *error)
{
    const zrelay_side_spec_t router = { .types = "ROUTER" };
    zrelay_capture_t *capture = zrelay_capture_new (error);
    zrelay_wiring_t self = {
        .sides = { zrelay_side_new ("frontend", &router, error) }
    };
    self.flows [ZRELAY_FLOW_FORWARD] =
        zrelay_flow_new (ZRELAY_FLOW_FORWARD, NULL,
                         self.sides [ZRELAY_SIDE_FRONTEND], NULL, capture,
                         NULL);
    assert (zrelay_wiring_writer (&self, ZRELAY_SIDE_FRONTEND)
            == self.flows [ZRELAY_FLOW_FORWARD]);
    assert (!zrelay_wiring_reader (&self, ZRELAY_SIDE_BACKEND));
    assert (zrelay_wiring_type (&self, ZRELAY_SIDE_BACKEND) == -1);
    assert (!zrelay_wiring_peers (&self, ZRELAY_SIDE_BACKEND));
    assert (!zrelay_wiring_carries_work (&self, ZRELAY_FLOW_RETURN));
    assert (zrelay_side_attach (self.sides [ZRELAY_SIDE_FRONTEND],
                                "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_wiring_attached (&self));
    zrelay_wiring_clear (&self);
    zrelay_capture_destroy (&capture);
}

void
zrelay_wiring_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_wiring: ");

    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    s_test_names ();
    s_test_pair (error);
    s_test_one_side (error);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
