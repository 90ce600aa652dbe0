/*  =========================================================================
    zrelay_places - where a user was let in from

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_places.h"

#define ANYWHERE "*"

void
zrelay_places_add (zrelay_places_t *self, const char *address)
{
    for (size_t index = 0; index < self->count; index++)
        if (streq (self->addresses [index], address))
            return;
    if (self->count == ZRELAY_PLACES_MAX) {
        self->anywhere = true;
        return;
    }
    char *copy = strdup (address);
    assert (copy);
    self->addresses [self->count++] = copy;
}

void
zrelay_places_revoke (zrelay_places_t *self, const char *user,
                      zrelay_revoked_fn *revoked, void *arg)
{
    if (self->anywhere)
        revoked (arg, user, ANYWHERE);
    else
        for (size_t index = 0; index < self->count; index++)
            revoked (arg, user, self->addresses [index]);
    zrelay_places_clear (self);
}

void
zrelay_places_move (zrelay_places_t *self, zrelay_places_t *other)
{
    *other = *self;
    memset (self, 0, sizeof (*self));
}

void
zrelay_places_clear (zrelay_places_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        zstr_free (&self->addresses [index]);
    memset (self, 0, sizeof (*self));
}
