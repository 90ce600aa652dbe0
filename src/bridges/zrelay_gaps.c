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

//  Msecs in which an answer should have come
#define ANSWER_TIME 10000

//  Messages of a stretch that came
typedef struct {
    uint64_t upto;              //  It ends with this parcel
    uint64_t came;              //  So many
} stretch_t;

typedef struct {
    zrelay_name_t name;         //  The origin's bytes, for the index
    uint64_t origin;            //  The number that it drew
    bool heard;                 //  It has reported
    int64_t heard_at;           //  When it last did, in msecs
    uint64_t connects;          //  What it said then
    uint64_t trouble;           //  What was wrong here until then
    uint64_t after;             //  What came up to this parcel is settled
    stretch_t before;           //  Behind it: what it is asked for, or the last
                                //  stretch but one
    stretch_t last;             //  What it has reported since
    uint64_t later;             //  Messages of parcels behind that
    uint64_t latest;            //  The greatest number of these
    bool suspect;               //  Some may be missing
    bool asked;                 //  It was asked
    int64_t asked_at;           //  When
    uint64_t told;              //  Bytes of its answer, so far
    uint64_t expected;          //  Messages that should have come, so far
    uint64_t missed;            //  Up to this parcel, some were missing
} site_t;

struct _zrelay_gaps_t {
    zrelay_index_t *sites;      //  site_t, by origin
    site_t *recent;             //  Whose message was the last, or NULL
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

void
zrelay_gaps_clear (zrelay_gaps_t *self)
{
    zrelay_index_purge (self->sites, free);
    self->recent = NULL;
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

static void
s_remove (zrelay_gaps_t *self, site_t *site)
{
    zrelay_index_remove (self->sites, &site->name);
    free (site);
    self->recent = NULL;
}

void
zrelay_gaps_leave (zrelay_gaps_t *self, uint64_t origin)
{
    site_t *site = s_find (self, origin);
    if (site)
        s_remove (self, site);
}

//  The one that is silent for longest makes room

static void
s_make_room (zrelay_gaps_t *self)
{
    site_t *silent = (site_t *) zrelay_index_first (self->sites);
    site_t *site = silent;
    for (; site; site = (site_t *) zrelay_index_next (self->sites))
        if (site->heard_at < silent->heard_at)
            silent = site;
    s_remove (self, silent);
}

static site_t *
s_add (zrelay_gaps_t *self, uint64_t origin, int64_t now)
{
    if (zrelay_index_size (self->sites) == ZRELAY_SITES_MOST)
        s_make_room (self);
    site_t *site = (site_t *) zmalloc (sizeof (site_t));
    assert (site);
    site->origin = origin;
    site->name = (zrelay_name_t) { &site->origin, sizeof (origin) };
    site->heard_at = now;
    zrelay_index_add (self->sites, &site->name, site);
    return site;
}

//  Messages in a row often come from the same site

static site_t *
s_recent (zrelay_gaps_t *self, uint64_t origin)
{
    if (!self->recent || self->recent->origin != origin)
        self->recent = s_find (self, origin);
    return self->recent;
}


//  --------------------------------------------------------------------------
//  Messages and reports

bool
zrelay_gaps_missed (zrelay_gaps_t *self, uint64_t origin, uint64_t sequence)
{
    site_t *site = s_recent (self, origin);
    return site && sequence <= site->missed;
}

void
zrelay_gaps_came (zrelay_gaps_t *self, uint64_t origin, uint64_t sequence,
                  int64_t now)
{
    site_t *site = s_recent (self, origin);
    if (!site)
        site = self->recent = s_add (self, origin, now);
    if (sequence > site->last.upto) {
        site->later++;
        if (sequence > site->latest)
            site->latest = sequence;
    }
    else
    if (sequence > site->before.upto)
        site->last.came++;
    else
    if (sequence > site->after)
        site->before.came++;
}

//  One that is sent again, or that comes after messages which it does not know,
//  tells nothing: the next one will not follow the last that was heard

static bool
s_is_late (const site_t *self, const zrelay_gaps_report_t *report)
{
    return report->upto < self->last.upto || report->upto < self->latest;
}

static void
s_look (site_t *self, const zrelay_gaps_report_t *report, uint64_t trouble)
{
    if (report->after > self->last.upto
    ||  report->connects != self->connects || trouble != self->trouble)
        self->suspect = true;
    self->connects = report->connects;
    self->trouble = trouble;
}

//  What came before the first report cannot be missed, but if the site is
//  younger: then there may have been more before it, and trouble

static void
s_begin (site_t *self, const zrelay_gaps_report_t *report, uint64_t trouble)
{
    self->heard = true;
    self->connects = report->connects;
    self->trouble = trouble;
    self->suspect = report->younger && report->upto > 0;
    if (report->younger)
        return;
    self->after = self->before.upto = self->last.upto = report->upto;
    self->later = 0;
}

//  The stretch that has ended joins the last one, or follows it

static void
s_extend (site_t *self, uint64_t upto)
{
    self->last.upto = upto;
    self->last.came += self->later;
    self->later = 0;
}

static void
s_join (site_t *self)
{
    self->before.upto = self->last.upto;
    self->before.came += self->last.came;
    self->last.came = 0;
}

static void
s_shift (site_t *self, uint64_t upto)
{
    s_join (self);
    s_extend (self, upto);
}

static void
s_settle (site_t *self)
{
    self->after = self->before.upto;
    self->before.came = 0;
}

//  All that is not settled is asked for. Returns false if there is nothing.

static bool
s_ask (site_t *self, int64_t now, zrelay_gaps_range_t *range)
{
    s_join (self);
    *range = (zrelay_gaps_range_t) { self->after, self->before.upto };
    self->suspect = false;
    self->asked = range->after < range->upto;
    self->asked_at = now;
    self->told = 0;
    self->expected = 0;
    return self->asked;
}

bool
zrelay_gaps_report (zrelay_gaps_t *self, uint64_t origin,
                    const zrelay_gaps_report_t *report, uint64_t trouble,
                    int64_t came_at, int64_t now, zrelay_gaps_range_t *range)
{
    site_t *site = s_find (self, origin);
    if (!site)
        site = s_add (self, origin, now);
    site->heard_at = now;
    if (s_is_late (site, report))
        return false;
    if (!site->heard) {
        s_begin (site, report, trouble);
        s_extend (site, report->upto);
        return false;
    }
    //  An answer that came before it has been read before it
    bool asks = site->asked? came_at - site->asked_at >= ANSWER_TIME:
                             site->suspect;
    s_look (site, report, trouble);
    if (site->asked && !asks) {
        s_extend (site, report->upto);
        return false;
    }
    s_shift (site, report->upto);
    if (!asks && !site->suspect)
        s_settle (site);
    return asks && s_ask (site, now, range);
}


//  --------------------------------------------------------------------------
//  Answers

static bool
s_is_asked (const site_t *self, const zrelay_gaps_range_t *range)
{
    return self->asked && range->after == self->after
        && range->upto == self->before.upto;
}

//  The stretch that follows was not asked for; it may be suspect in its turn

static uint64_t
s_missing (site_t *self)
{
    uint64_t missing = self->expected > self->before.came?
                       self->expected - self->before.came: 0;
    s_settle (self);
    if (missing > 0)
        self->missed = self->after;
    s_join (self);
    self->asked = false;
    return missing;
}

uint64_t
zrelay_gaps_answer (zrelay_gaps_t *self, uint64_t origin,
                    const zrelay_gaps_part_t *part)
{
    site_t *site = s_find (self, origin);
    if (!site || !s_is_asked (site, &part->range))
        return 0;
    if (part->at == 0) {
        site->told = 0;
        site->expected = 0;
    }
    //  One before it did not come
    if (part->at != site->told)
        return 0;
    site->told += part->size;
    site->expected += part->messages;
    return part->last? s_missing (site): 0;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_report (zrelay_gaps_t *self, uint64_t after, uint64_t upto,
               uint64_t trouble, int64_t now, zrelay_gaps_range_t *range)
{
    zrelay_gaps_report_t report = { after, upto, 1, false };
    return zrelay_gaps_report (self, 7, &report, trouble, now, now, range);
}

static void
s_test_came (zrelay_gaps_t *self, uint64_t sequence, int times)
{
    for (; times > 0; times--)
        zrelay_gaps_came (self, 7, sequence, 0);
}

//  An answer of one part

static uint64_t
s_test_answer (zrelay_gaps_t *self, const zrelay_gaps_range_t *range,
               uint64_t messages)
{
    zrelay_gaps_part_t part = { *range, 0, 9, messages, true };
    return zrelay_gaps_answer (self, 7, &part);
}

//  Many are missing: some messages came before and some behind them

static void
s_test_gap (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    //  A site that was not heard before has nothing to be asked for
    s_test_came (self, 3, 10);
    assert (!s_test_report (self, 5, 10, 0, 0, &range));
    //  Its reports follow each other
    s_test_came (self, 11, 4);
    assert (!s_test_report (self, 10, 12, 0, 0, &range));
    s_test_came (self, 13, 3);
    assert (!s_test_report (self, 12, 13, 0, 0, &range));
    s_test_came (self, 38, 2);
    assert (!s_test_report (self, 30, 40, 0, 0, &range));
    //  What is sent again may come in between
    s_test_came (self, 39, 1);
    s_test_came (self, 41, 5);
    assert (s_test_report (self, 40, 42, 0, 0, &range));
    assert (range.after == 12 && range.upto == 42);
    s_test_came (self, 43, 6);
    //  It is asked once, whatever it reports meanwhile
    assert (!s_test_report (self, 42, 44, 0, 1000, &range));
    assert (!s_test_report (self, 44, 45, 0, 2000, &range));
    assert (s_test_answer (self, &range, 100) == 100 - 3 - 2 - 1 - 5);
    assert (s_test_answer (self, &range, 100) == 0);
    assert (!s_test_report (self, 45, 46, 0, 3000, &range));
    assert (!s_test_report (self, 46, 48, 0, 3000, &range));
    zrelay_gaps_destroy (&self);
    assert (!self);
}

//  Something went wrong here, or it was connected anew; with an answer that
//  says more or less than what came; and once more while it is asked

static void
s_test_trouble (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    assert (!s_test_report (self, 0, 10, 0, 0, &range));
    s_test_came (self, 11, 3);
    assert (!s_test_report (self, 10, 20, 0, 0, &range));
    //  Trouble of the stretch before, too, which is noticed only now
    assert (!s_test_report (self, 20, 30, 1, 0, &range));
    assert (s_test_report (self, 30, 35, 1, 0, &range));
    assert (range.after == 10 && range.upto == 35);
    assert (!s_test_report (self, 35, 40, 2, 0, &range));
    s_test_came (self, 36, 4);
    assert (s_test_answer (self, &range, 2) == 0);
    assert (s_test_report (self, 40, 45, 2, 0, &range));
    assert (range.after == 35 && range.upto == 45);
    assert (s_test_answer (self, &range, 5) == 1);
    zrelay_gaps_report_t report = { 45, 50, 2, false };
    assert (!zrelay_gaps_report (self, 7, &report, 2, 0, 0, &range));
    report.after = 50;
    report.upto = 55;
    assert (zrelay_gaps_report (self, 7, &report, 2, 0, 0, &range));
    assert (range.after == 45 && range.upto == 55);
    //  It leaves
    zrelay_gaps_leave (self, 7);
    assert (s_test_answer (self, &range, 5) == 0);
    assert (!s_test_report (self, 100, 120, 2, 0, &range));
    zrelay_gaps_clear (self);
    s_test_came (self, 130, 1);
    zrelay_gaps_destroy (&self);
}

//  Answers in parts, without some of them, of something else, or none at all

static void
s_test_answers (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    assert (!s_test_report (self, 0, 10, 0, 0, &range));
    assert (!s_test_report (self, 10, 20, 1, 0, &range));
    assert (s_test_report (self, 20, 30, 1, 0, &range));
    zrelay_gaps_part_t one = { range, 0, 90, 60, false };
    zrelay_gaps_part_t two = { range, 90, 18, 30, false };
    zrelay_gaps_part_t end = { range, 108, 0, 0, true };
    assert (zrelay_gaps_answer (self, 7, &one) == 0);
    assert (zrelay_gaps_answer (self, 7, &end) == 0);
    assert (!s_test_report (self, 30, 40, 1, ANSWER_TIME - 1, &range));
    assert (s_test_report (self, 40, 50, 1, ANSWER_TIME, &range));
    assert (range.after == 10 && range.upto == 50);
    assert (zrelay_gaps_answer (self, 7, &one) == 0);
    assert (zrelay_gaps_answer (self, 7, &two) == 0);
    assert (zrelay_gaps_answer (self, 7, &end) == 0);
    one.range = two.range = end.range = range;
    //  The first part of the same answer once more begins it anew
    assert (zrelay_gaps_answer (self, 7, &one) == 0);
    assert (zrelay_gaps_answer (self, 7, &one) == 0);
    assert (zrelay_gaps_answer (self, 7, &two) == 0);
    assert (zrelay_gaps_answer (self, 7, &end) == 90);
    zrelay_gaps_destroy (&self);
}

//  Twice in a row: what came behind the last report is not in what it settled

static void
s_test_again (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    assert (!s_test_report (self, 0, 10, 0, 0, &range));
    assert (!s_test_report (self, 15, 20, 0, 0, &range));
    assert (s_test_report (self, 20, 30, 0, 0, &range));
    assert (!s_test_report (self, 30, 40, 0, 0, &range));
    s_test_came (self, 45, 5);
    assert (s_test_answer (self, &range, 7) == 7);
    assert (zrelay_gaps_missed (self, 7, 30));
    assert (!zrelay_gaps_missed (self, 7, 31));
    assert (!zrelay_gaps_missed (self, 8, 30));
    assert (!s_test_report (self, 40, 50, 0, 0, &range));
    assert (!s_test_report (self, 55, 60, 0, 0, &range));
    assert (s_test_report (self, 60, 70, 0, 0, &range));
    assert (range.after == 40 && range.upto == 70);
    assert (s_test_answer (self, &range, 8) == 3);
    zrelay_gaps_destroy (&self);
}

//  A site that began later: all of its messages count, also those that came
//  before it reported, or did not

static void
s_test_younger (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    zrelay_gaps_report_t report = { 20, 30, 1, true };
    s_test_came (self, 25, 2);
    s_test_came (self, 35, 1);
    assert (!zrelay_gaps_report (self, 7, &report, 1, 0, 0, &range));
    report.after = 30;
    report.upto = 40;
    assert (!zrelay_gaps_report (self, 7, &report, 1, 0, 0, &range));
    report.after = 40;
    report.upto = 45;
    assert (zrelay_gaps_report (self, 7, &report, 1, 0, 0, &range));
    assert (range.after == 0 && range.upto == 45);
    assert (s_test_answer (self, &range, 10) == 7);
    //  And one that has had nothing yet
    report.after = report.upto = 0;
    assert (!zrelay_gaps_report (self, 8, &report, 1, 0, 0, &range));
    report.upto = 10;
    assert (!zrelay_gaps_report (self, 8, &report, 1, 0, 0, &range));
    report.after = report.upto = 10;
    assert (!zrelay_gaps_report (self, 8, &report, 1, 0, 0, &range));
    zrelay_gaps_destroy (&self);
}

//  A report that is read late had come before there was time to answer

static void
s_test_backlog (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    assert (!s_test_report (self, 0, 10, 0, 0, &range));
    assert (!s_test_report (self, 15, 20, 0, 0, &range));
    assert (s_test_report (self, 20, 30, 0, 0, &range));
    zrelay_gaps_report_t report = { 30, 40, 1, false };
    assert (!zrelay_gaps_report (self, 7, &report, 0, ANSWER_TIME - 1,
                                 10 * ANSWER_TIME, &range));
    assert (s_test_answer (self, &range, 7) == 7);
    zrelay_gaps_destroy (&self);
}

//  Reports that are sent again, and one that comes after messages behind it

static void
s_test_late (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_range_t range;
    assert (!s_test_report (self, 0, 10, 0, 0, &range));
    assert (!s_test_report (self, 0, 5, 3, 0, &range));
    s_test_came (self, 25, 2);
    assert (!s_test_report (self, 10, 20, 3, 0, &range));
    assert (!s_test_report (self, 20, 30, 0, 0, &range));
    assert (s_test_report (self, 30, 30, 0, 0, &range));
    assert (range.after == 10 && range.upto == 30);
    assert (s_test_answer (self, &range, 5) == 3);
    //  Nothing was published meanwhile
    assert (!s_test_report (self, 30, 30, 4, 0, &range));
    assert (!s_test_report (self, 30, 30, 4, 0, &range));
    zrelay_gaps_destroy (&self);
}

//  Strangers cannot make it grow without end, nor keep others out

static void
s_test_most (void)
{
    zrelay_gaps_t *self = zrelay_gaps_new ();
    zrelay_gaps_report_t report = { 0, 0, 1, false };
    zrelay_gaps_range_t range;
    for (uint64_t origin = 0; origin < ZRELAY_SITES_MOST + 10; origin++)
        assert (!zrelay_gaps_report (self, origin, &report, 0,
                                     (int64_t) origin, (int64_t) origin,
                                     &range));
    assert (zrelay_index_size (self->sites) == ZRELAY_SITES_MOST);
    assert (!s_find (self, 9) && s_find (self, 10));
    assert (s_find (self, ZRELAY_SITES_MOST + 9));
    zrelay_gaps_destroy (&self);
}

void
zrelay_gaps_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_gaps: ");

    //  @selftest
    s_test_gap ();
    s_test_trouble ();
    s_test_answers ();
    s_test_late ();
    s_test_again ();
    s_test_younger ();
    s_test_backlog ();
    s_test_most ();
    //  @end
    printf ("OK\n");
}
