/*  =========================================================================
    zrelay_topics - a set of topics, each with a count

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

typedef struct {
    uint64_t hash;              //  The topic's
    uint64_t count;             //  How often it counts
} place_t;

struct _zrelay_topics_t {
    place_t *places;            //  Those that are taken, and free ones
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

static place_t *
s_table_new (size_t room)
{
    size_t size = room * sizeof (place_t);
    void *table = room < MAPPED? calloc (1, size):
        mmap (NULL, size, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert (table && table != MAP_FAILED);
    return (place_t *) table;
}

static void
s_table_destroy (place_t *table, size_t room)
{
    if (room < MAPPED)
        free (table);
    else
        munmap (table, room * sizeof (place_t));
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

static place_t *
s_place (zrelay_topics_t *self, uint64_t hash)
{
    size_t index = hash & (self->room - 1);
    while (self->places [index].hash && self->places [index].hash != hash)
        index = (index + 1) & (self->room - 1);
    return &self->places [index];
}

//  The same, or NULL if it is not there

static place_t *
s_find (zrelay_topics_t *self, uint64_t hash)
{
    place_t *place = self->count > 0? s_place (self, hash): NULL;
    return place && place->hash? place: NULL;
}

bool
zrelay_topics_has (zrelay_topics_t *self, const void *data, size_t size)
{
    return s_find (self, s_hash (data, size)) != NULL;
}

static void
s_resize (zrelay_topics_t *self, size_t room)
{
    place_t *before = self->places;
    size_t count = self->room;
    self->places = s_table_new (room);
    self->room = room;
    for (size_t index = 0; index < count; index++)
        if (before [index].hash)
            *s_place (self, before [index].hash) = before [index];
    s_table_destroy (before, count);
}

//  Returns its place, which is free if there was none

static place_t *
s_need (zrelay_topics_t *self, uint64_t hash)
{
    if (self->count * 2 >= self->room)
        s_resize (self, self->room? self->room * 2: LEAST);
    return s_place (self, hash);
}

static bool
s_put (zrelay_topics_t *self, uint64_t hash, bool again)
{
    place_t *place = s_need (self, hash);
    bool fresh = !place->hash;
    place->hash = hash;
    place->count += fresh || again;
    self->count += fresh;
    return fresh;
}

bool
zrelay_topics_insert (zrelay_topics_t *self, const void *data, size_t size)
{
    return s_put (self, s_hash (data, size), false);
}

bool
zrelay_topics_raise (zrelay_topics_t *self, const void *data, size_t size)
{
    return s_put (self, s_hash (data, size), true);
}

//  Whatever follows may have been put there because the place was taken

static void
s_free (zrelay_topics_t *self, place_t *place)
{
    size_t index = (size_t) (place - self->places);
    memset (place, 0, sizeof (*place));
    self->count--;
    index = (index + 1) & (self->room - 1);
    while (self->places [index].hash) {
        place_t moved = self->places [index];
        memset (&self->places [index], 0, sizeof (place_t));
        *s_place (self, moved.hash) = moved;
        index = (index + 1) & (self->room - 1);
    }
    //  Most are gone: so is the memory
    if (self->room > LEAST && self->count * 8 < self->room)
        s_resize (self, self->room / 2);
}

bool
zrelay_topics_delete (zrelay_topics_t *self, const void *data, size_t size)
{
    place_t *place = s_find (self, s_hash (data, size));
    if (place)
        s_free (self, place);
    return place != NULL;
}

static bool
s_lower (zrelay_topics_t *self, uint64_t hash)
{
    place_t *place = s_find (self, hash);
    if (!place || --place->count > 0)
        return false;
    s_free (self, place);
    return true;
}

bool
zrelay_topics_lower (zrelay_topics_t *self, const void *data, size_t size)
{
    return s_lower (self, s_hash (data, size));
}

void
zrelay_topics_raise_all (zrelay_topics_t *self, zrelay_topics_t *other)
{
    for (size_t index = 0; index < other->room; index++)
        if (other->places [index].hash)
            s_put (self, other->places [index].hash, true);
}

void
zrelay_topics_lower_all (zrelay_topics_t *self, zrelay_topics_t *other)
{
    for (size_t index = 0; index < other->room; index++)
        if (other->places [index].hash)
            s_lower (self, other->places [index].hash);
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
    //  Those that count more than once stay so long
    assert (zrelay_topics_raise (self, "B", 1));
    assert (!zrelay_topics_raise (self, "B", 1));
    assert (!zrelay_topics_lower (self, "B", 1));
    assert (zrelay_topics_lower (self, "B", 1));
    assert (!zrelay_topics_lower (self, "B", 1));
    //  Those of another set
    zrelay_topics_t *other = zrelay_topics_new ();
    zrelay_topics_insert (other, "B", 1);
    zrelay_topics_insert (other, "C", 1);
    zrelay_topics_raise_all (self, other);
    zrelay_topics_raise_all (self, other);
    zrelay_topics_lower_all (self, other);
    assert (zrelay_topics_has (self, "B", 1));
    zrelay_topics_lower_all (self, other);
    assert (!zrelay_topics_has (self, "B", 1));
    zrelay_topics_destroy (&other);
    zrelay_topics_destroy (&self);
    zrelay_topics_destroy (&self);
    //  @end
    printf ("OK\n");
}
