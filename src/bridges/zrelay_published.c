/*  =========================================================================
    zrelay_published - what a site has published lately, by topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_published.h"
#include "zrelay_parcel.h"

//  Bytes of a count
#define COUNT ZRELAY_PARCEL_LONG

//  Most topics of a stretch; bytes of all stretches; and what one costs besides
//  its rows
#define TOPICS_MOST (ZRELAY_PUBLISHED_MOST / ZRELAY_PUBLISHED_ROW)
#define BYTES_MOST (2 * 1024 * 1024)
#define STRETCH_COST 128

typedef struct {
    zrelay_name_t name;         //  The topic
    byte topic [ZRELAY_ADDRESS_TOPIC];  //  Its bytes
    uint64_t messages;          //  Messages that had it
} entry_t;

struct _zrelay_published_t {
    zrelay_index_t *entries;    //  Of the stretch that goes on: entry_t
    entry_t *last;              //  That of the last message, or NULL
    bool whole;                 //  There was room for all of its topics
    uint64_t upto;              //  Where the stretch before it ended
    uint64_t known;             //  Everything behind this number is known
    zlistx_t *stretches;        //  zrelay_published_stretch_t, in order
    size_t bytes;               //  What these cost
};


//  --------------------------------------------------------------------------
//  Counting

static void
s_free_stretch (void **stretch_p)
{
    zrelay_published_stretch_t *stretch =
        (zrelay_published_stretch_t *) *stretch_p;
    free (stretch->rows);
    free (stretch);
    *stretch_p = NULL;
}

zrelay_published_t *
zrelay_published_new (void)
{
    zrelay_published_t *self =
        (zrelay_published_t *) zmalloc (sizeof (zrelay_published_t));
    assert (self);
    self->entries = zrelay_index_new ();
    self->whole = true;
    self->stretches = zlistx_new ();
    assert (self->stretches);
    zlistx_set_destructor (self->stretches, s_free_stretch);
    return self;
}

static void
s_clear_entries (zrelay_published_t *self)
{
    zrelay_index_purge (self->entries, free);
    self->last = NULL;
    self->whole = true;
}

void
zrelay_published_clear (zrelay_published_t *self)
{
    s_clear_entries (self);
    zlistx_purge (self->stretches);
    self->bytes = 0;
    self->upto = 0;
    self->known = 0;
}

void
zrelay_published_destroy (zrelay_published_t **self_p)
{
    assert (self_p);
    zrelay_published_t *self = *self_p;
    if (!self)
        return;
    s_clear_entries (self);
    zrelay_index_destroy (&self->entries);
    zlistx_destroy (&self->stretches);
    freen (self);
    *self_p = NULL;
}

//  NULL if there is no room

static entry_t *
s_entry (zrelay_published_t *self, const void *topic, size_t size)
{
    //  Messages in a row often have the same topic
    entry_t *entry = self->last;
    if (entry && entry->name.size == size
    &&  memcmp (entry->topic, topic, size) == 0)
        return entry;
    entry = (entry_t *) zrelay_index_find (self->entries, topic, size);
    if (!entry && zrelay_index_size (self->entries) < TOPICS_MOST) {
        entry = (entry_t *) zmalloc (sizeof (entry_t));
        assert (entry);
        memcpy (entry->topic, topic, size);
        entry->name = (zrelay_name_t) { entry->topic, size };
        zrelay_index_add (self->entries, &entry->name, entry);
    }
    return entry;
}

void
zrelay_published_add (zrelay_published_t *self, const void *topic, size_t size)
{
    if (size > ZRELAY_ADDRESS_TOPIC)
        size = ZRELAY_ADDRESS_TOPIC;
    entry_t *entry = s_entry (self, topic, size);
    self->last = entry;
    if (entry)
        entry->messages++;
    else
        self->whole = false;
}

//  Write the rows of a stretch

static void
s_write (zrelay_published_t *self, zrelay_published_stretch_t *stretch)
{
    stretch->rows = (byte *) malloc (zrelay_index_size (self->entries)
                                     * ZRELAY_PUBLISHED_ROW);
    assert (stretch->rows);
    byte *end = stretch->rows;
    entry_t *entry = (entry_t *) zrelay_index_first (self->entries);
    for (; entry; entry = (entry_t *) zrelay_index_next (self->entries)) {
        *end++ = (byte) entry->name.size;
        memcpy (end, entry->topic, entry->name.size);
        end += entry->name.size;
        zrelay_parcel_put_long (end, entry->messages);
        end += COUNT;
    }
    stretch->size = (size_t) (end - stretch->rows);
    byte *rows = (byte *) realloc (stretch->rows, stretch->size);
    stretch->rows = rows? rows: stretch->rows;
}

//  Keep the stretch that ends, and forget the oldest for it

static void
s_keep (zrelay_published_t *self, uint64_t upto)
{
    zrelay_published_stretch_t *stretch = (zrelay_published_stretch_t *)
        zmalloc (sizeof (zrelay_published_stretch_t));
    assert (stretch);
    stretch->after = self->upto;
    stretch->upto = upto;
    stretch->whole = self->whole;
    s_write (self, stretch);
    zlistx_add_end (self->stretches, stretch);
    self->bytes += stretch->size + STRETCH_COST;
    while (self->bytes > BYTES_MOST) {
        stretch = (zrelay_published_stretch_t *) zlistx_first (self->stretches);
        self->bytes -= stretch->size + STRETCH_COST;
        self->known = stretch->upto;
        zlistx_delete (self->stretches, NULL);
    }
}

uint64_t
zrelay_published_after (zrelay_published_t *self)
{
    return self->upto;
}

void
zrelay_published_end (zrelay_published_t *self, uint64_t upto)
{
    if (zrelay_index_size (self->entries) > 0)
        s_keep (self, upto);
    s_clear_entries (self);
    self->upto = upto;
}


//  --------------------------------------------------------------------------
//  Telling others

bool
zrelay_published_knows (zrelay_published_t *self, uint64_t after)
{
    return after >= self->known;
}

const zrelay_published_stretch_t *
zrelay_published_next (zrelay_published_t *self)
{
    return (zrelay_published_stretch_t *) zlistx_next (self->stretches);
}

const zrelay_published_stretch_t *
zrelay_published_first (zrelay_published_t *self, uint64_t after)
{
    const zrelay_published_stretch_t *stretch =
        (zrelay_published_stretch_t *) zlistx_first (self->stretches);
    while (stretch && stretch->upto <= after)
        stretch = zrelay_published_next (self);
    return stretch;
}

bool
zrelay_published_read (const byte *rows, size_t size, size_t *at_p,
                   zrelay_published_row_t *row)
{
    size_t left = size - *at_p;
    if (left == 0)
        return false;
    row->size = rows [*at_p];
    row->topic = rows + *at_p + 1;
    if (row->size > ZRELAY_ADDRESS_TOPIC || left < 1 + row->size + COUNT)
        return false;
    row->messages = zrelay_parcel_get_long (row->topic + row->size);
    *at_p += 1 + row->size + COUNT;
    return true;
}


//  --------------------------------------------------------------------------
//  Selftest

//  Messages of a topic in a stretch

static uint64_t
s_test_count (const zrelay_published_stretch_t *stretch, const char *topic)
{
    uint64_t count = 0;
    size_t at = 0;
    zrelay_published_row_t row;
    while (zrelay_published_read (stretch->rows, stretch->size, &at, &row))
        if (row.size == strlen (topic)
        &&  memcmp (row.topic, topic, row.size) == 0)
            count += row.messages;
    assert (at == stretch->size);
    return count;
}

//  It keeps what there is room for, and says what it does not know

static void
s_test_bounds (void)
{
    zrelay_published_t *self = zrelay_published_new ();
    for (uint64_t number = 0; number <= TOPICS_MOST; number++)
        zrelay_published_add (self, &number, sizeof (number));
    zrelay_published_end (self, 5);
    const zrelay_published_stretch_t *stretch =
        zrelay_published_first (self, 0);
    assert (!stretch->whole && stretch->size < ZRELAY_PUBLISHED_MOST);
    size_t most = BYTES_MOST / (stretch->size + STRETCH_COST);
    for (uint64_t end = 6; end < 5 + most; end++) {
        for (uint64_t number = 0; number < TOPICS_MOST; number++)
            zrelay_published_add (self, &number, sizeof (number));
        zrelay_published_end (self, end);
    }
    assert (zrelay_published_knows (self, 0));
    //  There is no room for another one as large
    for (uint64_t number = 0; number < TOPICS_MOST; number++)
        zrelay_published_add (self, &number, sizeof (number));
    zrelay_published_end (self, 1000);
    assert (!zrelay_published_knows (self, 4));
    assert (zrelay_published_knows (self, 5));
    assert (self->bytes <= BYTES_MOST);
    //  Nor for more of those that are small
    const uint64_t small = BYTES_MOST / (1 + COUNT + STRETCH_COST);
    for (uint64_t end = 1001; end < 1001 + small; end++) {
        zrelay_published_add (self, "", 0);
        zrelay_published_end (self, end);
    }
    assert (!zrelay_published_knows (self, 999));
    assert (zrelay_published_knows (self, 1000));
    assert (zrelay_published_first (self, 0)->after == 1000);
    zrelay_published_destroy (&self);
}

//  What is no row ends reading

static void
s_test_faults (void)
{
    static const struct { const char *rows; size_t size; } faults [] = {
        { "\1A\0\0\0\0\0\0\0", 9 },
        { "\21Abcdefghijklmnop\0\0\0\0\0\0\0\1", 26 },
        { "\2A", 2 }, { "\0", 1 }
    };
    for (size_t index = 0; index < 4; index++) {
        size_t at = 0;
        zrelay_published_row_t row;
        assert (!zrelay_published_read ((const byte *) faults [index].rows,
                                    faults [index].size, &at, &row));
        assert (at == 0);
    }
}

void
zrelay_published_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_published: ");

    //  @selftest
    zrelay_published_t *self = zrelay_published_new ();
    zrelay_published_add (self, "A", 1);
    zrelay_published_add (self, "B", 1);
    zrelay_published_add (self, "A", 1);
    zrelay_published_end (self, 7);
    assert (zrelay_published_after (self) == 7);
    //  A stretch without messages is not kept
    zrelay_published_end (self, 8);
    assert (zrelay_published_after (self) == 8);
    zrelay_published_add (self, "0123456789abcdefX", 17);
    zrelay_published_add (self, "0123456789abcdefY", 17);
    zrelay_published_add (self, "", 0);
    zrelay_published_end (self, 12);
    assert (zrelay_published_after (self) == 12);
    const zrelay_published_stretch_t *stretch =
        zrelay_published_first (self, 3);
    assert (stretch->after == 0 && stretch->upto == 7 && stretch->whole);
    assert (s_test_count (stretch, "A") == 2);
    assert (s_test_count (stretch, "B") == 1);
    stretch = zrelay_published_next (self);
    assert (stretch->after == 8 && stretch->upto == 12);
    assert (s_test_count (stretch, "0123456789abcdef") == 2);
    assert (s_test_count (stretch, "") == 1);
    assert (!zrelay_published_next (self));
    assert (zrelay_published_first (self, 7) == stretch);
    assert (!zrelay_published_first (self, 12));
    zrelay_published_clear (self);
    assert (!zrelay_published_first (self, 0));
    zrelay_published_add (self, "A", 1);
    zrelay_published_end (self, 2);
    assert (zrelay_published_after (self) == 2);
    zrelay_published_destroy (&self);
    assert (!self);
    s_test_bounds ();
    s_test_faults ();
    //  @end
    printf ("OK\n");
}
