/*  =========================================================================
    zrelay_topics - a set of topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_topics.h"
#include <sys/mman.h>

//  Peers choose the topics, and there may be millions of them. So a topic is
//  kept as its keyed hash: eight bytes, of which nobody can choose two that are
//  the same, and by chance two of a billion topics are with a probability of 1
//  : 40. A table with open addressing, at most half full; zero is a free place.

#define LEAST 8

//  Tables of so many places and more are mapped. From a heap that millions of
//  topics have grown, their memory would not come back.
#define MAPPED 8192

struct _zrelay_topics_t {
    uint64_t *places;           //  Hashes
    size_t room;                //  How many places; a power of two
    size_t count;               //  How many are taken
};

zrelay_topics_t *
zrelay_topics_new (void)
{
    zrelay_topics_t *self =
        (zrelay_topics_t *) zmalloc (sizeof (zrelay_topics_t));
    assert (self);
    return self;
}

//  All places are free

static uint64_t *
s_table_new (size_t room)
{
    size_t size = room * sizeof (uint64_t);
    void *table = room < MAPPED? calloc (1, size):
        mmap (NULL, size, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert (table && table != MAP_FAILED);
    return (uint64_t *) table;
}

static void
s_table_destroy (uint64_t *table, size_t room)
{
    if (room < MAPPED)
        free (table);
    else
        munmap (table, room * sizeof (uint64_t));
}

void
zrelay_topics_destroy (zrelay_topics_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        s_table_destroy ((*self_p)->places, (*self_p)->room);
        freen (*self_p);
    }
}

static uint64_t
s_hash (const void *data, size_t size)
{
    uint64_t hash = zrelay_index_hash (data, size);
    return hash? hash: 1;
}

//  Where it is, or the free place where it would be

static size_t
s_place (zrelay_topics_t *self, uint64_t hash)
{
    size_t place = hash & (self->room - 1);
    while (self->places [place] && self->places [place] != hash)
        place = (place + 1) & (self->room - 1);
    return place;
}

static void
s_resize (zrelay_topics_t *self, size_t room)
{
    uint64_t *before = self->places;
    size_t count = self->room;
    self->places = s_table_new (room);
    self->room = room;
    for (size_t index = 0; index < count; index++)
        if (before [index])
            self->places [s_place (self, before [index])] = before [index];
    s_table_destroy (before, count);
}

bool
zrelay_topics_insert (zrelay_topics_t *self, const void *data, size_t size)
{
    if (self->count * 2 >= self->room)
        s_resize (self, self->room? self->room * 2: LEAST);
    uint64_t hash = s_hash (data, size);
    size_t place = s_place (self, hash);
    if (self->places [place])
        return false;
    self->places [place] = hash;
    self->count++;
    return true;
}

//  Whatever follows may have been put there because the place was taken

bool
zrelay_topics_delete (zrelay_topics_t *self, const void *data, size_t size)
{
    if (self->count == 0)
        return false;
    size_t place = s_place (self, s_hash (data, size));
    if (!self->places [place])
        return false;
    self->places [place] = 0;
    self->count--;
    size_t next = (place + 1) & (self->room - 1);
    for (; self->places [next]; next = (next + 1) & (self->room - 1)) {
        uint64_t hash = self->places [next];
        self->places [next] = 0;
        self->places [s_place (self, hash)] = hash;
    }
    //  Most are gone: so is the memory
    if (self->room > LEAST && self->count * 8 < self->room)
        s_resize (self, self->room / 2);
    return true;
}

size_t
zrelay_topics_size (zrelay_topics_t *self)
{
    return self->count;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_topics_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_topics: ");

    //  @selftest
    zrelay_topics_t *self = zrelay_topics_new ();
    assert (zrelay_topics_insert (self, "A", 1));
    assert (!zrelay_topics_insert (self, "A", 1));
    //  Everything is a topic, zeros and nothing too
    assert (zrelay_topics_insert (self, "A\0", 2));
    assert (zrelay_topics_insert (self, "", 0));
    assert (!zrelay_topics_insert (self, "", 0));
    assert (zrelay_topics_delete (self, "A", 1));
    assert (!zrelay_topics_delete (self, "A", 1));
    assert (zrelay_topics_insert (self, "A", 1));
    assert (!zrelay_topics_insert (self, "A\0", 2));
    for (int count = 0; count < 1000; count++)
        assert (zrelay_topics_insert (self, &count, sizeof (count)));
    assert (zrelay_topics_size (self) == 1003);
    for (int count = 0; count < 1000; count++)
        assert (zrelay_topics_delete (self, &count, sizeof (count)));
    assert (zrelay_topics_size (self) == 3);
    assert (!zrelay_topics_insert (self, "", 0));
    zrelay_topics_destroy (&self);
    zrelay_topics_destroy (&self);
    //  @end
    printf ("OK\n");
}
