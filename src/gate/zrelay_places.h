/*  =========================================================================
    zrelay_places - where a user was let in from

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PLACES_H_INCLUDED
#define ZRELAY_PLACES_H_INCLUDED

#include <zrelay.h>

//  The addresses from which somebody was let in, so that these connections can
//  be cut. Only a few are kept; after that, it may be any.

#define ZRELAY_PLACES_MAX 8

typedef struct {
    char *addresses [ZRELAY_PLACES_MAX];    //  Texts
    size_t count;                           //  How many there are
    bool anywhere;                          //  There were more
} zrelay_places_t;

//  Hears that somebody is no longer welcome. address is "*" if it may be any.
typedef void (zrelay_revoked_fn) (void *arg, const char *user,
                                  const char *address);

void
    zrelay_places_add (zrelay_places_t *self, const char *address);

//  Report each place and forget it.
void
    zrelay_places_revoke (zrelay_places_t *self, const char *user,
                          zrelay_revoked_fn *revoked, void *arg);

//  Move all places to another, which must have none.
void
    zrelay_places_move (zrelay_places_t *self, zrelay_places_t *other);

void
    zrelay_places_clear (zrelay_places_t *self);

#endif
