/*  =========================================================================
    zrelay_sites - the other sites that a relay is joined with

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SITES_H_INCLUDED
#define ZRELAY_SITES_H_INCLUDED

#include <zrelay.h>

//  A site is a relay that is joined with this one. It is known by the number
//  that it drew when it joined, its origin. Sites report themselves; one that
//  is silent for too long counts as gone. When it comes back, it may send again
//  what it had sent before, so the numbers of its parcels remain known.

//  Most sites that are known at the same time, with those that are gone: the one
//  that was silent for longest makes room
#define ZRELAY_SITES_MOST 1000

//  Milliseconds between two reports of a site, and of silence until it is gone
#define ZRELAY_SITES_IVL 2000
#define ZRELAY_SITES_SILENCE 7000

typedef struct _zrelay_sites_t zrelay_sites_t;

zrelay_sites_t *
    zrelay_sites_new (void);

void
    zrelay_sites_destroy (zrelay_sites_t **self_p);

//  A site has sent a parcel with that number, of which it uses each once, and
//  greater ones later. Returns false if that parcel has come before, or is too
//  old for this to be known.
bool
    zrelay_sites_accept (zrelay_sites_t *self, uint64_t origin,
                         uint64_t sequence, int64_t now);

//  A site reports itself by name.
void
    zrelay_sites_report (zrelay_sites_t *self, uint64_t origin,
                         const char *name, int64_t now);

//  A site says that it leaves. And: look for those that have been silent. Return
//  true if the sites that have reported themselves are others now.
bool
    zrelay_sites_leave (zrelay_sites_t *self, uint64_t origin);
bool
    zrelay_sites_expire (zrelay_sites_t *self, int64_t now);

//  The name that a site reported, or NULL.
const char *
    zrelay_sites_name (zrelay_sites_t *self, uint64_t origin);

//  How many have reported themselves; the name of the first of these and of the
//  next, in no order; NULL at the end.
size_t
    zrelay_sites_count (zrelay_sites_t *self);
const char *
    zrelay_sites_first (zrelay_sites_t *self);
const char *
    zrelay_sites_next (zrelay_sites_t *self);

//  Self test of this class
void
    zrelay_sites_test (bool verbose);

#endif
