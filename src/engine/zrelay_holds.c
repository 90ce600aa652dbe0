/*  =========================================================================
    zrelay_holds - how long held messages were held

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_holds.h"
#include "zrelay_counts.h"

//  Upper bounds in msecs: from a turn of the relay to what people notice
static const struct {
    int64_t msecs;              //  A message counts if it was held so long
    const char *text;           //  The same in the counter's name
} s_bounds [] = {
    { 1, "1" }, { 10, "10" }, { 100, "100" }, { 1000, "1000" },
    { 10000, "10000" }, { 60000, "60000" }
};
#define BOUNDS (sizeof (s_bounds) / sizeof (*s_bounds))

struct _zrelay_holds_t {
    uint64_t counts [BOUNDS + 1];   //  Messages up to each bound, but not to
                                    //  the one before; the last has no bound
    uint64_t msecs;                 //  Sum of all times
};

zrelay_holds_t *
zrelay_holds_new (void)
{
    zrelay_holds_t *self =
        (zrelay_holds_t *) zmalloc (sizeof (zrelay_holds_t));
    assert (self);
    return self;
}

void
zrelay_holds_destroy (zrelay_holds_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}

void
zrelay_holds_add (zrelay_holds_t *self, int64_t msecs)
{
    size_t index = 0;
    while (index < BOUNDS && msecs > s_bounds [index].msecs)
        index++;
    self->counts [index]++;
    self->msecs += (uint64_t) msecs;
}

void
zrelay_holds_stats (zrelay_holds_t *self, zrelay_counts_t *counts,
                    const char *flow)
{
    uint64_t count = 0;
    for (size_t index = 0; index < BOUNDS; index++) {
        count += self->counts [index];
        zrelay_counts_add (counts, count, "%s.holds_within_%s", flow,
                           s_bounds [index].text);
    }
    zrelay_counts_add (counts, count + self->counts [BOUNDS], "%s.holds",
                       flow);
    zrelay_counts_add (counts, self->msecs, "%s.holds_ms", flow);
}

void
zrelay_holds_reset (zrelay_holds_t *self)
{
    memset (self, 0, sizeof (*self));
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_expect (zrelay_holds_t *self, const char *expected)
{
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_holds_stats (self, counts, "forward");
    zmsg_t *answer = zmsg_new ();
    zrelay_counts_show (counts, answer);
    zrelay_counts_destroy (&counts);
    char *text = strdup ("");
    char *frame;
    while ((frame = zmsg_popstr (answer))) {
        char *longer = zsys_sprintf ("%s%s ", text, frame);
        zstr_free (&text);
        zstr_free (&frame);
        text = longer;
    }
    assert (streq (text, expected));
    zstr_free (&text);
    zmsg_destroy (&answer);
}

void
zrelay_holds_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_holds: ");

    //  @selftest
    zrelay_holds_t *holds = zrelay_holds_new ();
    zrelay_holds_add (holds, 0);
    zrelay_holds_add (holds, 1);
    zrelay_holds_add (holds, 2);
    zrelay_holds_add (holds, 60000);
    zrelay_holds_add (holds, 60001);
    s_test_expect (holds,
        "forward.holds_within_1 2 forward.holds_within_10 3 "
        "forward.holds_within_100 3 forward.holds_within_1000 3 "
        "forward.holds_within_10000 3 forward.holds_within_60000 4 "
        "forward.holds 5 forward.holds_ms 120004 ");
    zrelay_holds_reset (holds);
    s_test_expect (holds,
        "forward.holds_within_1 0 forward.holds_within_10 0 "
        "forward.holds_within_100 0 forward.holds_within_1000 0 "
        "forward.holds_within_10000 0 forward.holds_within_60000 0 "
        "forward.holds 0 forward.holds_ms 0 ");
    zrelay_holds_destroy (&holds);
    assert (holds == NULL);
    //  @end
    printf ("OK\n");
}
