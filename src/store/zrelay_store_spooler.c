/*  =========================================================================
    zrelay_store_spooler - a store as the place where relays spool

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_store_internal.h"

#include <zrelay_spooler.h>

//  A store with one queue
typedef struct {
    zrelay_store_t *store;
    zrelay_spool_t *spool;
} place_t;

static void
s_close (void *object)
{
    place_t *self = (place_t *) object;
    zrelay_spool_destroy (&self->spool);
    zrelay_store_destroy (&self->store);
    freen (self);
}

static void *
s_open (const char *directory, const char *name, char **reason_p)
{
    place_t *self = (place_t *) zmalloc (sizeof (place_t));
    assert (self);
    self->store = zrelay_store_new ();
    if (zrelay_store_open (self->store, directory) == ZRELAY_STATUS_DONE)
        self->spool = zrelay_spool_new (self->store, name);
    if (!self->spool) {
        *reason_p = strdup (zrelay_store_error (self->store));
        s_close (self);
        return NULL;
    }
    return self;
}

static void
s_set_sync (void *object, int sync)
{
    place_t *self = (place_t *) object;
    zrelay_store_set_sync (self->store, (zrelay_store_sync_t) sync);
}

static void
s_set_durable (void *object, bool durable)
{
    place_t *self = (place_t *) object;
    zrelay_spool_set_durable (self->spool, durable);
}

static bool
s_put (void *object, zrelay_message_t *message, byte mark)
{
    place_t *self = (place_t *) object;
    return zrelay_spool_put (self->spool, message, mark) == ZRELAY_STATUS_DONE;
}

static bool
s_next (void *object, zrelay_message_t *message, byte *mark_p, int64_t *time_p)
{
    place_t *self = (place_t *) object;
    return zrelay_spool_next (self->spool, message, mark_p, time_p);
}

static void
s_remove (void *object, size_t count)
{
    place_t *self = (place_t *) object;
    zrelay_spool_remove (self->spool, count);
}

static void
s_rewind (void *object)
{
    place_t *self = (place_t *) object;
    zrelay_spool_rewind (self->spool);
}

static const char *
s_commit (void *object)
{
    place_t *self = (place_t *) object;
    return zrelay_store_commit (self->store) == ZRELAY_STATUS_DONE? NULL:
           zrelay_store_error (self->store);
}

static const char *
s_damage (void *object)
{
    place_t *self = (place_t *) object;
    return zrelay_spool_damaged (self->spool)?
           zrelay_store_error (self->store): NULL;
}

static uint64_t
s_messages (void *object)
{
    place_t *self = (place_t *) object;
    return zrelay_spool_messages (self->spool);
}

static uint64_t
s_kept (void *object)
{
    place_t *self = (place_t *) object;
    return zrelay_spool_kept (self->spool);
}

static uint64_t
s_bytes (void *object)
{
    place_t *self = (place_t *) object;
    return zrelay_spool_bytes (self->spool);
}

static int64_t
s_time (void *object)
{
    place_t *self = (place_t *) object;
    return zrelay_spool_time (self->spool);
}

const zrelay_spooler_t *
zrelay_store_spooler (void)
{
    static const zrelay_spooler_t spooler = {
        ZRELAY_SPOOLER, .open = s_open, .close = s_close,
        .set_sync = s_set_sync, .set_durable = s_set_durable,
        .put = s_put, .next = s_next, .remove = s_remove, .rewind = s_rewind,
        .commit = s_commit, .damage = s_damage, .messages = s_messages,
        .kept = s_kept, .bytes = s_bytes, .time = s_time
    };
    return &spooler;
}
