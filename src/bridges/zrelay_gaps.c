/*  =========================================================================
    zrelay_gaps - what did not come from other sites

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_gaps.h"
#include "zrelay_sites.h"

//  A site that is silent for so many msecs has forgotten what it could be asked
//  for
#define FORGOTTEN (60 * 60 * 1000)

typedef struct {
    zrelay_name_t name;         //  The origin's bytes, for the index
    uint64_t origin;            //  The number that it drew
    int64_t heard_at;           //  When it last reported, in msecs
    uint64_t connects;          //  What it said then
    uint64_t trouble;           //  What was wrong here until then
    zrelay_gaps_range_t range;  //  What it is asked for; empty: nothing
    uint64_t came;              //  Messages of it that came
    uint64_t later;             //  And of parcels behind it
    uint64_t expected;          //  Messages of it, as far as it has answered
} site_t;

struct _zrelay_gaps_t {
    zrelay_index_t *sites;      //  site_t, by origin
    site_t *last;               //  Whose message was the last, or NULL
};


//  --------------------------------------------------------------------------
//  Sites

zrelay_gaps_t *
zrelay_gaps_new (void)
{
    zrelay_gaps_t *self = (zrelay_gaps_t *) zmalloc (sizeof (zrelay_gaps_t));
    assert (self);
    self->sites = zrelay_index_new ();
    return self;
}

static void
s_remove (zrelay_gaps_t *self, site_t *site)
{
    zrelay_index_remove (self->sites, &site->name);
    free (site);
    self->last = NULL;
}

void
zrelay_gaps_clear (zrelay_gaps_t *self)
{
    site_t *site;
    while ((site = (site_t *) zrelay_index_first (self->sites)))
        s_remove (self, site);
}

void
zrelay_gaps_destroy (zrelay_gaps_t **self_p)
{
    assert (self_p);
    zrelay_gaps_t *self = *self_p;
    if (!self)
        return;
    zrelay_gaps_clear (self);
    zrelay_index_destroy (&self->sites);
    freen (self);
    *self_p = NULL;
}

static site_t *
s_find (zrelay_gaps_t *self, uint64_t origin)
{
    return (site_t *) zrelay_index_find (self->sites, &origin,
                                         sizeof (origin));
}

void
zrelay_gaps_leave (zrelay_gaps_t *self, uint64_t origin)
{
    site_t *site = s_find (self, origin);
    if (site)
        s_remove (self, site);
}

//  One that is silent for long makes room

static bool
s_has_room (zrelay_gaps_t *self, int64_t now)
{
    if (zrelay_index_size (self->sites) < ZRELAY_SITES_MOST)
        return true;
    site_t *site = (site_t *) zrelay_index_first (self->sites);
    while (site && now - site->heard_at < FORGOTTEN)
        site = (site_t *) zrelay_index_next (self->sites);
    if (site)
        s_remove (self, site);
    return site != NULL;
}

//  What came before its first report cannot be missed

static void
s_add (zrelay_gaps_t *self, uint64_t origin,
       const zrelay_gaps_report_t *report, uint64_t trouble, int64_t now)
{
    if (!s_has_room (self, now))
        return;
    site_t *site = (site_t *) zmalloc (sizeof (site_t));
    assert (site);
    site->origin = origin;
    site->name = (zrelay_name_t) { &site->origin, sizeof (origin) };
    site->heard_at = now;
    site->connects = report->connects;
    site->trouble = trouble;
    site->range = (zrelay_gaps_range_t) { report->upto, report->upto };
    zrelay_index_add (self->sites, &site->name, site);
}


//  --------------------------------------------------------------------------
//  Reports, messages, answers

static bool
s_asks (const site_t *self)
{
    return self->range.after < self->range.upto;
}

//  The range ends where the site says now; what came behind it came within it

static void
s_extend (site_t *self, uint64_t upto)
{
    self->range.upto = upto;
    self->came += self->later;
    self->later = 0;
    self->expected = 0;
}

//  What there was is settled

static void
s_settle (site_t *self)
{
    self->range.after = self->range.upto;
    self->came = 0;
    self->expected = 0;
}

bool
zrelay_gaps_report (zrelay_gaps_t *self, uint64_t origin,
                    const zrelay_gaps_report_t *report, uint64_t trouble,
                    int64_t now, zrelay_gaps_range_t *range)
{
    site_t *site = s_find (self, origin);
    if (!site) {
        s_add (self, origin, report, trouble, now);
        return false;
    }
    site->heard_at = now;
    //  One that is sent again
    if (report->upto < site->range.upto)
        return false;
    bool gap = s_asks (site) || report->after > site->range.upto
            || report->connects != site->connects || trouble != site->trouble;
    site->connects = report->connects;
    site->trouble = trouble;
    s_extend (site, report->upto);
    if (!gap)
        s_settle (site);
    *range = site->range;
    return s_asks (site);
}

void
zrelay_gaps_came (zrelay_gaps_t *self, uint64_t origin, uint64_t sequence)
{
    //  Messages in a row often come from the same site
    site_t *site = self->last;
    if (!site || site->origin != origin)
        site = s_find (self, origin);
    self->last = site;
    if (!site)
        return;
    if (sequence > site->range.upto)
        site->later++;
    else
    if (sequence > site->range.after)
        site->came++;
}

uint64_t
zrelay_gaps_answer (zrelay_gaps_t *self, uint64_t origin,
                    const zrelay_gaps_range_t *range, uint64_t messages,
                    bool last)
{
    site_t *site = s_find (self, origin);
    if (!site || !s_asks (site) || range->after != site->range.after
    ||  range->upto != site->range.upto)
        return 0;
    site->expected += messages;
    if (!last)
        return 0;
    uint64_t missing =
        site->expected > site->came? site->expected - site->came: 0;
    s_settle (site);
    return missing;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_report (zrelay_gaps_t *self, uint64_t after, uint64_t upto,
               uint64_t connects, uint64_t trouble, zrelay_gaps_range_t *range)
{
    zrelay_gaps_report_t report = { after, upto, connects };
    return zrelay_gaps_report (self, 7, &report, trouble, 1000, range);
}

static void
s_test_came (zrelay_gaps_t *self, uint64_t sequence, int times)
{
    for (; times > 0; times--)
        zrelay_gaps_came (self, 7, sequence);
}

//  Strangers cannot make it grow without end

static void
s_test_most (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_report_t report = { 0, 0, 1 };
    zrelay_gaps_range_t range;
    for (uint64_t origin = 0; origin < ZRELAY_SITES_MOST + 10; origin++)
        assert (!zrelay_gaps_report (self, origin, &report, 0, 1000, &range));
    assert (zrelay_index_size (self->sites) == ZRELAY_SITES_MOST);
    zrelay_gaps_report (self, 10000, &report, 0, 1000 + FORGOTTEN, &range);
    assert (zrelay_index_size (self->sites) == ZRELAY_SITES_MOST);
    assert (s_find (self, 10000));
    zrelay_gaps_destroy (&self);
}

void
zrelay_gaps_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_gaps: ");

    //  @selftest
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    //  A site that was not heard before has nothing to be asked for
    s_test_came (self, 3, 10);
    assert (!s_test_report (self, 5, 10, 1, 0, &range));
    //  Its reports follow each other
    s_test_came (self, 11, 4);
    assert (!s_test_report (self, 10, 12, 1, 0, &range));
    //  Two are missing: some messages came before and some behind them
    s_test_came (self, 13, 3);
    s_test_came (self, 38, 2);
    assert (s_test_report (self, 30, 40, 1, 0, &range));
    assert (range.after == 12 && range.upto == 40);
    s_test_came (self, 39, 1);
    s_test_came (self, 41, 5);
    assert (zrelay_gaps_answer (self, 7, &range, 60, false) == 0);
    assert (zrelay_gaps_answer (self, 7, &range, 40, true) == 94);
    assert (zrelay_gaps_answer (self, 7, &range, 40, true) == 0);
    assert (!s_test_report (self, 40, 45, 1, 0, &range));
    //  No answer until the next report: all of it is asked for again
    assert (s_test_report (self, 46, 50, 1, 0, &range));
    assert (zrelay_gaps_answer (self, 7, &range, 9, false) == 0);
    zrelay_gaps_range_t before = range;
    s_test_came (self, 52, 1);
    assert (s_test_report (self, 50, 55, 1, 0, &range));
    assert (range.after == 45 && range.upto == 55);
    assert (zrelay_gaps_answer (self, 7, &before, 9, true) == 0);
    assert (zrelay_gaps_answer (self, 7, &range, 9, true) == 8);
    //  It was connected anew, or something went wrong here; nothing is missing
    s_test_came (self, 56, 3);
    assert (s_test_report (self, 55, 60, 2, 0, &range));
    assert (zrelay_gaps_answer (self, 7, &range, 3, true) == 0);
    assert (s_test_report (self, 60, 70, 2, 1, &range));
    //  More came than it had: some were asked for no longer
    s_test_came (self, 65, 3);
    assert (zrelay_gaps_answer (self, 7, &range, 2, true) == 0);
    assert (!s_test_report (self, 70, 75, 2, 1, &range));
    //  A report that is sent again, and one of a stretch without parcels
    assert (!s_test_report (self, 60, 70, 3, 1, &range));
    assert (!s_test_report (self, 75, 75, 3, 1, &range));
    //  It leaves
    zrelay_gaps_leave (self, 7);
    assert (!s_test_report (self, 100, 120, 2, 1, &range));
    zrelay_gaps_clear (self);
    s_test_came (self, 130, 1);
    zrelay_gaps_destroy (&self);
    assert (!self);
    s_test_most ();
    //  @end
    printf ("OK\n");
}
