/*  =========================================================================
    zrelay_sites - the other sites that a relay is joined with

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_sites.h"

//  So many parcels of a site, up to the one with the greatest number, are
//  remembered: some may come late, when the site had to use another server
#define WINDOW 65536
#define WORD 64

typedef struct {
    zrelay_name_t name;         //  The origin's bytes, for the index
    uint64_t origin;            //  The number that it drew
    char *label;                //  Its name, or NULL: it has not reported yet
    int64_t heard_at;           //  When anything came from it, in msecs
    uint64_t last;              //  Greatest number of a parcel
    uint64_t window [WINDOW / WORD];    //  Which of those before have come, by
                                        //  their numbers modulo WINDOW
} site_t;

struct _zrelay_sites_t {
    zrelay_index_t *sites;      //  site_t, by origin
    size_t reported;            //  Those with a name
};


//  --------------------------------------------------------------------------
//  Sites come and go

zrelay_sites_t *
zrelay_sites_new (void)
{
    zrelay_sites_t *self = (zrelay_sites_t *) zmalloc (sizeof (zrelay_sites_t));
    assert (self);
    self->sites = zrelay_index_new ();
    return self;
}

static void
s_free_site (void *item)
{
    site_t *site = (site_t *) item;
    zstr_free (&site->label);
    free (site);
}

void
zrelay_sites_destroy (zrelay_sites_t **self_p)
{
    assert (self_p);
    zrelay_sites_t *self = *self_p;
    if (!self)
        return;
    zrelay_index_purge (self->sites, s_free_site);
    zrelay_index_destroy (&self->sites);
    freen (self);
    *self_p = NULL;
}

static site_t *
s_find (zrelay_sites_t *self, uint64_t origin)
{
    return (site_t *) zrelay_index_find (self->sites, &origin,
                                         sizeof (origin));
}

//  What it sent may still be under way, or may be sent again, and must not be
//  taken twice; so one that is gone loses only its name

static void
s_lose_name (zrelay_sites_t *self, site_t *site)
{
    self->reported -= site->label != NULL;
    zstr_free (&site->label);
}

//  The one that was silent for longest

static void
s_make_room (zrelay_sites_t *self)
{
    site_t *silent = (site_t *) zrelay_index_first (self->sites);
    site_t *site = silent;
    for (; site; site = (site_t *) zrelay_index_next (self->sites))
        if (site->heard_at < silent->heard_at)
            silent = site;
    s_lose_name (self, silent);
    zrelay_index_remove (self->sites, &silent->name);
    free (silent);
}

static site_t *
s_add (zrelay_sites_t *self, uint64_t origin)
{
    if (zrelay_index_size (self->sites) == ZRELAY_SITES_MOST)
        s_make_room (self);
    site_t *site = (site_t *) zmalloc (sizeof (site_t));
    assert (site);
    site->origin = origin;
    site->name = (zrelay_name_t) { &site->origin, sizeof (origin) };
    zrelay_index_add (self->sites, &site->name, site);
    return site;
}

//  The site of that origin, which may be new

static site_t *
s_site (zrelay_sites_t *self, uint64_t origin, int64_t now)
{
    site_t *site = s_find (self, origin);
    if (!site)
        site = s_add (self, origin);
    site->heard_at = now;
    return site;
}

void
zrelay_sites_report (zrelay_sites_t *self, uint64_t origin, const char *name,
                     int64_t now)
{
    site_t *site = s_site (self, origin, now);
    if (!site->label) {
        site->label = strdup (name);
        assert (site->label);
        self->reported++;
    }
}

bool
zrelay_sites_leave (zrelay_sites_t *self, uint64_t origin)
{
    size_t before = self->reported;
    site_t *site = s_find (self, origin);
    if (site)
        s_lose_name (self, site);
    return self->reported < before;
}

bool
zrelay_sites_expire (zrelay_sites_t *self, int64_t now)
{
    size_t before = self->reported;
    site_t *site = (site_t *) zrelay_index_first (self->sites);
    for (; site; site = (site_t *) zrelay_index_next (self->sites))
        if (now - site->heard_at >= ZRELAY_SITES_SILENCE)
            s_lose_name (self, site);
    return self->reported < before;
}


//  --------------------------------------------------------------------------
//  Parcels

static bool
s_test_and_set (site_t *self, uint64_t sequence)
{
    uint64_t *word = &self->window [sequence % WINDOW / WORD];
    uint64_t bit = (uint64_t) 1 << sequence % WORD;
    bool set = *word & bit;
    *word |= bit;
    return set;
}

bool
zrelay_sites_accept (zrelay_sites_t *self, uint64_t origin, uint64_t sequence,
                     int64_t now)
{
    site_t *site = s_site (self, origin, now);
    if (sequence <= site->last)
        return site->last - sequence < WINDOW
            && !s_test_and_set (site, sequence);
    //  Places of those that are remembered no longer
    if (sequence - site->last >= WINDOW)
        memset (site->window, 0, sizeof (site->window));
    else
        for (uint64_t passed = site->last + 1; passed < sequence; passed++)
            site->window [passed % WINDOW / WORD] &=
                ~((uint64_t) 1 << passed % WORD);
    site->window [sequence % WINDOW / WORD] |= (uint64_t) 1 << sequence % WORD;
    site->last = sequence;
    return true;
}


//  --------------------------------------------------------------------------
//  Those that have reported themselves

const char *
zrelay_sites_name (zrelay_sites_t *self, uint64_t origin)
{
    site_t *site = s_find (self, origin);
    return site? site->label: NULL;
}

size_t
zrelay_sites_count (zrelay_sites_t *self)
{
    return self->reported;
}

static const char *
s_label_from (zrelay_sites_t *self, site_t *site)
{
    while (site && !site->label)
        site = (site_t *) zrelay_index_next (self->sites);
    return site? site->label: NULL;
}

const char *
zrelay_sites_first (zrelay_sites_t *self)
{
    return s_label_from (self, (site_t *) zrelay_index_first (self->sites));
}

const char *
zrelay_sites_next (zrelay_sites_t *self)
{
    return s_label_from (self, (site_t *) zrelay_index_next (self->sites));
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_sites_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_sites: ");

    //  @selftest
    zrelay_sites_t *self = zrelay_sites_new ();
    assert (zrelay_sites_count (self) == 0 && !zrelay_sites_first (self));
    zrelay_sites_report (self, 7, "one", 1000);
    zrelay_sites_report (self, 7, "one", 2000);
    assert (zrelay_sites_count (self) == 1);
    assert (streq (zrelay_sites_first (self), "one"));
    assert (!zrelay_sites_next (self));
    assert (streq (zrelay_sites_name (self, 7), "one"));
    assert (!zrelay_sites_name (self, 8));

    //  Each parcel once, in nearly any order
    assert (zrelay_sites_accept (self, 7, 5, 3000));
    assert (!zrelay_sites_accept (self, 7, 5, 3000));
    assert (zrelay_sites_accept (self, 7, 3, 3000));
    assert (!zrelay_sites_accept (self, 7, 3, 3000));
    assert (zrelay_sites_accept (self, 8, 5, 3000));
    assert (zrelay_sites_accept (self, 7, 65540, 3000));
    assert (zrelay_sites_accept (self, 7, 6, 3000));
    assert (!zrelay_sites_accept (self, 7, 5, 3000));
    assert (!zrelay_sites_accept (self, 7, 4, 3000));
    assert (zrelay_sites_accept (self, 7, 900000, 3000));
    assert (zrelay_sites_accept (self, 7, 899999, 3000));
    assert (!zrelay_sites_accept (self, 7, 899999, 3000));
    assert (zrelay_sites_accept (self, 7, UINT64_MAX, 3000));
    assert (!zrelay_sites_accept (self, 7, UINT64_MAX, 3000));
    assert (!zrelay_sites_accept (self, 7, 0, 3000));

    //  One leaves, another is silent
    zrelay_sites_report (self, 8, "two", 4000);
    assert (zrelay_sites_count (self) == 2);
    assert (zrelay_sites_leave (self, 7));
    assert (!zrelay_sites_leave (self, 7));
    assert (zrelay_sites_count (self) == 1);
    assert (!zrelay_sites_accept (self, 7, UINT64_MAX, 4000));
    assert (!zrelay_sites_expire (self, 4000 + ZRELAY_SITES_SILENCE - 1));
    assert (zrelay_sites_expire (self, 4000 + ZRELAY_SITES_SILENCE));
    assert (zrelay_sites_count (self) == 0);
    //  It comes back, and sends again what it had sent
    assert (!zrelay_sites_accept (self, 8, 5, 3600000));
    assert (zrelay_sites_accept (self, 8, 6, 3600000));
    assert (zrelay_sites_count (self) == 0);
    zrelay_sites_report (self, 8, "two", 3600000);
    assert (zrelay_sites_count (self) == 1);

    //  Strangers cannot make it grow without end, nor keep others out
    for (uint64_t origin = 10; origin < 8 + ZRELAY_SITES_MOST; origin++)
        assert (zrelay_sites_accept (self, origin, 1, 3700000));
    assert (!zrelay_sites_accept (self, 8, 6, 3700001));
    assert (zrelay_sites_accept (self, 100000, 1, 3700001));
    assert (zrelay_index_size (self->sites) == ZRELAY_SITES_MOST);
    assert (!s_find (self, 7) && s_find (self, 8));
    for (uint64_t origin = 10; origin < 20 + ZRELAY_SITES_MOST; origin++)
        zrelay_sites_accept (self, origin, 1, 3700002);
    assert (zrelay_index_size (self->sites) == ZRELAY_SITES_MOST);
    assert (!s_find (self, 8) && zrelay_sites_count (self) == 0);
    zrelay_sites_destroy (&self);
    assert (!self);
    //  @end
    printf ("OK\n");
}
