/*  =========================================================================
    zrelay_cuts - counts connections that were cut, and hand-shakes that failed

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_cuts.h"
#include "zrelay_counts.h"

//  Reasons why handshakes fail, as libzmq reports them

static const struct {
    uint16_t event;             //  Event of libzmq
    const char *name;           //  End of the name in STATS
} s_failures [] = {
    { ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, "auth" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, "protocol" },
    { ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, "other" }
};
#define FAILURE_REASONS (sizeof (s_failures) / sizeof (*s_failures))

//  Why connections are cut, as STATS names it

static const char *const s_cuts [ZRELAY_CUTS] = {
    "endless", "connections", "subscriptions", "permit", "asked"
};

struct _zrelay_cuts_t {
    uint64_t failures [FAILURE_REASONS];    //  Handshakes, by reason
    uint64_t left_early;        //  Peers that left before theirs was over
    uint64_t cuts [ZRELAY_CUTS];    //  Connections cut, by reason
    uint64_t unreported;        //  Those since the last report
    zrelay_cut_t last_cut;      //  The reason of the last
    char last_address [ZRELAY_CUTS_ADDRESS_MAX];    //  And its address
    char told_address [ZRELAY_CUTS_ADDRESS_MAX];    //  The same, for who has
                                //  asked
};

zrelay_cuts_t *
zrelay_cuts_new (void)
{
    zrelay_cuts_t *self = (zrelay_cuts_t *) zmalloc (sizeof (zrelay_cuts_t));
    assert (self);
    return self;
}

void
zrelay_cuts_destroy (zrelay_cuts_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}

const char *
zrelay_cuts_name (zrelay_cut_t reason)
{
    return s_cuts [reason];
}

void
zrelay_cuts_add (zrelay_cuts_t *self, zrelay_cut_t reason, const char *address)
{
    self->cuts [reason]++;
    self->unreported++;
    self->last_cut = reason;
    snprintf (self->last_address, sizeof (self->last_address), "%s", address);
}

//  A peer that has nothing more to say leaves, such as a publisher that has
//  sent its message. libzmq reports this, too, as a failure without details.

static bool
s_has_left (uint16_t event, uint32_t error)
{
    return event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
        && (error == EPIPE || error == ECONNRESET);
}

void
zrelay_cuts_failed (zrelay_cuts_t *self, uint16_t event, uint32_t error)
{
    if (s_has_left (event, error)) {
        self->left_early++;
        return;
    }
    for (size_t index = 0; index < FAILURE_REASONS; index++)
        if (s_failures [index].event == event)
            self->failures [index]++;
}

uint64_t
zrelay_cuts_report (zrelay_cuts_t *self, const char **address,
                    const char **reason)
{
    uint64_t count = self->unreported;
    self->unreported = 0;
    snprintf (self->told_address, sizeof (self->told_address), "%s",
              self->last_address);
    *address = self->told_address;
    *reason = s_cuts [self->last_cut];
    return count;
}

void
zrelay_cuts_stats (zrelay_cuts_t *self, const char *name,
                   zrelay_counts_t *counts)
{
    uint64_t total = 0;
    for (size_t index = 0; self && index < FAILURE_REASONS; index++)
        total += self->failures [index];
    zrelay_counts_add (counts, total, "%s.handshakes_failed", name);
    for (size_t index = 0; index < FAILURE_REASONS; index++)
        zrelay_counts_add (counts, self? self->failures [index]: 0,
                           "%s.handshakes_failed_%s", name,
                           s_failures [index].name);
    zrelay_counts_add (counts, self? self->left_early: 0, "%s.left_early",
                       name);
    total = 0;
    for (size_t index = 0; self && index < ZRELAY_CUTS; index++)
        total += self->cuts [index];
    zrelay_counts_add (counts, total, "%s.cut", name);
    for (size_t index = 0; index < ZRELAY_CUTS; index++)
        zrelay_counts_add (counts, self? self->cuts [index]: 0, "%s.cut_%s",
                           name, s_cuts [index]);
}

void
zrelay_cuts_reset (zrelay_cuts_t *self)
{
    self->left_early = 0;
    memset (self->cuts, 0, sizeof (self->cuts));
    memset (self->failures, 0, sizeof (self->failures));
}


//  --------------------------------------------------------------------------
//  Selftest

static uint64_t
s_test_count (zrelay_cuts_t *self, const char *counter)
{
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_cuts_stats (self, "side", counts);
    uint64_t count = zrelay_counts_value (counts, counter);
    zrelay_counts_destroy (&counts);
    return count;
}

void
zrelay_cuts_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_cuts: ");

    //  @selftest
    zrelay_cuts_t *self = zrelay_cuts_new ();
    const char *address, *reason;
    assert (zrelay_cuts_report (self, &address, &reason) == 0);
    zrelay_cuts_add (self, ZRELAY_CUT_PERMIT, "tcp://127.0.0.1:1");
    zrelay_cuts_add (self, ZRELAY_CUT_ENDLESS, "tcp://127.0.0.1:2");
    assert (zrelay_cuts_report (self, &address, &reason) == 2);
    assert (streq (address, "tcp://127.0.0.1:2") && streq (reason, "endless"));
    //  What was said stays as it was until somebody asks again
    zrelay_cuts_add (self, ZRELAY_CUT_ASKED, "ipc://@here");
    assert (streq (address, "tcp://127.0.0.1:2"));
    assert (zrelay_cuts_report (self, &address, &reason) == 1);
    assert (streq (address, "ipc://@here") && streq (reason, "asked"));
    assert (zrelay_cuts_report (self, &address, &reason) == 0);
    zrelay_cuts_failed (self, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
    zrelay_cuts_failed (self, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE);
    zrelay_cuts_failed (self, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPROTO);
    assert (s_test_count (self, "side.cut") == 3);
    assert (s_test_count (self, "side.cut_permit") == 1);
    assert (s_test_count (self, "side.cut_connections") == 0);
    assert (s_test_count (self, "side.handshakes_failed") == 2);
    assert (s_test_count (self, "side.handshakes_failed_auth") == 1);
    assert (s_test_count (self, "side.handshakes_failed_other") == 1);
    assert (s_test_count (self, "side.left_early") == 1);
    zrelay_cuts_reset (self);
    assert (s_test_count (self, "side.cut") == 0);
    assert (s_test_count (self, "side.handshakes_failed") == 0);
    assert (s_test_count (self, "side.left_early") == 0);
    assert (s_test_count (NULL, "side.cut_asked") == 0);
    zrelay_cuts_destroy (&self);
    assert (self == NULL);
    zrelay_cuts_destroy (&self);
    //  @end
    printf ("OK\n");
}
