/*  =========================================================================
    zrelay_delays - what failures cost those who fail

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_delays.h"

//  Rows of the table, a power of two, and entries in each. An id belongs to one
//  row.
#define ROWS 512
#define ROW_SIZE 8

//  Failures that are counted; doubled so often, every delay is the longest
#define FAILURES_MAX 32

typedef struct {
    uint64_t id;                //  Who; 0: nobody
    unsigned failures;          //  Not taken back yet
    int64_t failed_at;          //  The last one, in msecs
    int64_t until;              //  When the delay ends
} entry_t;

struct _zrelay_delays_t {
    entry_t entries [ROWS] [ROW_SIZE];  //  The table
    int64_t first;              //  The shortest delay, in msecs
    int64_t most;               //  The longest
    zuuid_t *secret;            //  Goes into all ids
};

zrelay_delays_t *
zrelay_delays_new (void)
{
    zrelay_delays_t *self =
        (zrelay_delays_t *) zmalloc (sizeof (zrelay_delays_t));
    assert (self);
    self->secret = zuuid_new ();
    assert (self->secret);
    return self;
}

void
zrelay_delays_destroy (zrelay_delays_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zuuid_destroy (&(*self_p)->secret);
        freen (*self_p);
    }
}

void
zrelay_delays_set (zrelay_delays_t *self, int64_t first, int64_t most)
{
    self->first = first;
    self->most = most;
}

uint64_t
zrelay_delays_id (zrelay_delays_t *self, const void *address,
                  size_t address_size, const void *user, size_t size)
{
    zdigest_t *digest = zdigest_new ();
    assert (digest);
    byte length = (byte) address_size;
    zdigest_update (digest, zuuid_data (self->secret),
                    zuuid_size (self->secret));
    zdigest_update (digest, &length, sizeof (length));
    zdigest_update (digest, (const byte *) address, address_size);
    zdigest_update (digest, (const byte *) user, size);
    uint64_t id;
    memcpy (&id, zdigest_data (digest), sizeof (id));
    zdigest_destroy (&digest);
    return id? id: 1;
}

static entry_t *
s_find (zrelay_delays_t *self, uint64_t id)
{
    entry_t *row = self->entries [id % ROWS];
    for (size_t index = 0; index < ROW_SIZE; index++)
        if (row [index].id == id)
            return &row [index];
    return NULL;
}

static entry_t *
s_add (zrelay_delays_t *self, uint64_t id)
{
    entry_t *row = self->entries [id % ROWS];
    entry_t *oldest = row;
    for (size_t index = 1; index < ROW_SIZE; index++)
        if (row [index].failed_at < oldest->failed_at)
            oldest = &row [index];
    memset (oldest, 0, sizeof (*oldest));
    oldest->id = id;
    return oldest;
}

//  The first failure may be a slip, and costs nothing

static int64_t
s_delay (zrelay_delays_t *self, const entry_t *entry)
{
    int64_t delay = entry->failures > 1? self->first: 0;
    for (unsigned times = 2; times < entry->failures && delay < self->most;
         times++)
        delay *= 2;
    return delay < self->most? delay: self->most;
}

static void
s_age (zrelay_delays_t *self, entry_t *entry, int64_t now)
{
    int64_t age = self->most > 0? (now - entry->failed_at) / (2 * self->most):
                                  FAILURES_MAX;
    entry->failures = (uint64_t) age < entry->failures?
                      entry->failures - (unsigned) age: 0;
}

int64_t
zrelay_delays_fail (zrelay_delays_t *self, uint64_t id, int64_t now)
{
    entry_t *entry = s_find (self, id);
    if (entry)
        s_age (self, entry, now);
    else
        entry = s_add (self, id);
    if (entry->failures < FAILURES_MAX)
        entry->failures++;
    entry->failed_at = now;
    int64_t delay = s_delay (self, entry);
    entry->until = now + delay;
    return delay;
}

void
zrelay_delays_succeed (zrelay_delays_t *self, uint64_t id)
{
    entry_t *entry = s_find (self, id);
    if (entry)
        memset (entry, 0, sizeof (*entry));
}

bool
zrelay_delays_active (zrelay_delays_t *self, uint64_t id, int64_t now)
{
    entry_t *entry = s_find (self, id);
    return entry && now < entry->until;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_delays_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_delays: ");
    //  @selftest
    zrelay_delays_t *self = zrelay_delays_new ();
    zrelay_delays_set (self, 100, 1000);
    uint64_t one = zrelay_delays_id (self, "one", 3, NULL, 0);
    uint64_t user = zrelay_delays_id (self, "one", 3, "user", 4);
    assert (one != user);
    assert (one != zrelay_delays_id (self, "on", 2, "e", 1));
    assert (user == zrelay_delays_id (self, "one", 3, "user", 4));

    static const int64_t delays [] = { 0, 100, 200, 400, 800, 1000, 1000 };
    int64_t now = 5000;
    for (size_t index = 0; index < sizeof (delays) / sizeof (*delays); index++)
        assert (zrelay_delays_fail (self, one, now) == delays [index]);
    assert (zrelay_delays_active (self, one, now + 999));
    assert (!zrelay_delays_active (self, one, now + 1000));
    assert (!zrelay_delays_active (self, user, now));
    //  7 failures, of which time takes back 4
    now += 4 * 2 * 1000;
    assert (zrelay_delays_fail (self, one, now) == 400);
    now += 100 * 2 * 1000;
    assert (zrelay_delays_fail (self, one, now) == 0);
    assert (zrelay_delays_fail (self, one, now) == 100);
    zrelay_delays_succeed (self, one);
    assert (!zrelay_delays_active (self, one, now));
    assert (zrelay_delays_fail (self, one, now) == 0);

    //  Crowds are forgotten, except for the last ones
    for (uint64_t id = 1; id <= 100 * ROWS; id++)
        zrelay_delays_fail (self, id, now + 1);
    uint64_t last = 100 * ROWS;
    assert (zrelay_delays_fail (self, last, now + 1) == 100);
    assert (zrelay_delays_fail (self, 1, now + 1) == 0);
    //  None are wanted
    zrelay_delays_set (self, 0, 0);
    for (int times = 0; times < 100; times++)
        assert (zrelay_delays_fail (self, last, now) == 0);
    assert (!zrelay_delays_active (self, last, now));
    zrelay_delays_destroy (&self);
    zrelay_delays_destroy (&self);
    //  @end
    printf ("OK\n");
}
