/*  =========================================================================
    zrelay_counts - names and values in an answer to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_counts.h"
#include "zrelay_row.h"

//  Bytes that are left of a label's value that is too long
#define LABEL_BEGINNING 22

//  Longest name without a label; what is more is cut off
#define NAME_SIZE 127

//  Bytes of the block that there are from the first
#define ROOM_FIRST 4096

struct _zrelay_counts_t {
    char *data;                 //  Strings, each with its zero byte
    size_t size;                //  Their bytes
    size_t room;                //  Bytes that there is room for
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_grow (zrelay_counts_t *self, size_t more)
{
    while (self->room < self->size + more)
        self->room = self->room? self->room * 2: ROOM_FIRST;
    self->data = (char *) realloc (self->data, self->room);
    assert (self->data);
}

zrelay_counts_t *
zrelay_counts_new (void)
{
    zrelay_counts_t *self =
        (zrelay_counts_t *) zmalloc (sizeof (zrelay_counts_t));
    assert (self);
    s_grow (self, 1);
    return self;
}

void
zrelay_counts_destroy (zrelay_counts_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        free ((*self_p)->data);
        freen (*self_p);
    }
}


//  --------------------------------------------------------------------------
//  Names and values

static void
s_add (zrelay_counts_t *self, const void *data, size_t size)
{
    if (self->room < self->size + size + 1)
        s_grow (self, size + 1);
    memcpy (self->data + self->size, data, size);
    self->size += size;
    self->data [self->size++] = 0;
}

//  printf () and its like would take most of the time of a STATS

static size_t
s_compose (char name [NAME_SIZE], const char *format, va_list argptr)
{
    size_t size = 0;
    while (*format) {
        bool plain = *format != '%';
        const char *part = plain? format: va_arg (argptr, const char *);
        size_t length = plain? strcspn (format, "%"): strlen (part);
        size_t taken = length < NAME_SIZE - size? length: NAME_SIZE - size;
        memcpy (name + size, part, taken);
        size += taken;
        format += plain? length: strlen ("%s");
    }
    return size;
}

const char *
zrelay_counts_digits (char room [ZRELAY_COUNTS_DIGITS + 1], uint64_t value)
{
    const unsigned base = 10;
    char *digit = room + ZRELAY_COUNTS_DIGITS;
    *digit = 0;
    do {
        *--digit = (char) ('0' + value % base);
        value /= base;
    }
    while (value > 0);
    return digit;
}

static void
s_add_value (zrelay_counts_t *self, uint64_t value)
{
    char room [ZRELAY_COUNTS_DIGITS + 1];
    const char *digits = zrelay_counts_digits (room, value);
    s_add (self, digits, room + ZRELAY_COUNTS_DIGITS - digits);
}

void
zrelay_counts_add (zrelay_counts_t *self, uint64_t value,
                   const char *format, ...)
{
    char name [NAME_SIZE];
    va_list argptr;
    va_start (argptr, format);
    size_t size = s_compose (name, format, argptr);
    va_end (argptr);
    s_add (self, name, size);
    s_add_value (self, value);
}

void
zrelay_counts_add_word (zrelay_counts_t *self, const char *name,
                        const char *word)
{
    s_add (self, name, strlen (name));
    s_add (self, word, strlen (word));
}

void
zrelay_counts_add_of (zrelay_counts_t *self, uint64_t value, const char *name,
                      const char *label, const void *data, size_t size)
{
    char *whole = zrelay_counts_name_of (name, label, data, size);
    s_add (self, whole, strlen (whole));
    zstr_free (&whole);
    s_add_value (self, value);
}

void
zrelay_counts_add_frames (zrelay_counts_t *self, zmsg_t *frames)
{
    zframe_t *frame = zmsg_first (frames);
    for (; frame; frame = zmsg_next (frames))
        s_add (self, zframe_data (frame),
               strnlen ((const char *) zframe_data (frame),
                        zframe_size (frame)));
}

const char *
zrelay_counts_data (zrelay_counts_t *self)
{
    return self->data;
}

size_t
zrelay_counts_size (zrelay_counts_t *self)
{
    return self->size;
}

uint64_t
zrelay_counts_value (zrelay_counts_t *self, const char *name)
{
    const char *end = self->data + self->size;
    const char *string = self->data;
    while (string < end && strneq (string, name)) {
        string += strlen (string) + 1;
        string += strlen (string) + 1;
    }
    return string < end? strtoull (string + strlen (string) + 1, NULL, 10):
                         UINT64_MAX;
}

void
zrelay_counts_show (zrelay_counts_t *self, zmsg_t *answer)
{
    const char *end = self->data + self->size;
    for (const char *string = self->data; string < end;
         string += strlen (string) + 1)
        zmsg_addstr (answer, string);
}


//  --------------------------------------------------------------------------
//  Labels

static bool
s_is_plain (byte character)
{
    return isalnum (character) || (character && strchr ("_-.", character));
}

//  Encode bytes behind a string that ends at end. Returns its new end.

static char *
s_encode (char *end, const byte *data, size_t size)
{
    for (size_t index = 0; index < size; index++)
        end += sprintf (end, s_is_plain (data [index])? "%c": "%%%02X",
                        data [index]);
    return end;
}

//  Two values that begin alike must not look alike, nor like a third that has a
//  digest for its end. So a mark stands before the digest that no encoding of
//  bytes contains.

const char *
zrelay_counts_encode (char room [ZRELAY_LABEL_ROOM], const void *data,
                      size_t size)
{
    *room = 0;
    if (size <= ZRELAY_COUNTS_LABEL_MAX) {
        s_encode (room, (const byte *) data, size);
        return room;
    }
    zdigest_t *digest = zdigest_new ();
    zdigest_update (digest, (const byte *) data, size);
    char *end = s_encode (room, (const byte *) data, LABEL_BEGINNING);
    sprintf (end, "%%-%s", zdigest_string (digest));
    zdigest_destroy (&digest);
    return room;
}

char *
zrelay_counts_name_of (const char *name, const char *label, const void *data,
                       size_t size)
{
    char room [ZRELAY_LABEL_ROOM];
    zrelay_counts_encode (room, data, size);
    //  A value that is empty is none
    char *whole = zsys_sprintf ("%s{%s=%s}", name, label, *room? room: "%");
    assert (whole);
    return whole;
}


//  --------------------------------------------------------------------------
//  A kind's table

void
zrelay_counts_add_table (zrelay_counts_t *self, const zrelay_counter_t *table,
                         const void *object)
{
    const zrelay_counter_t *counter = zrelay_row_first (table);
    for (; counter; counter = zrelay_row_next (counter))
        zrelay_counts_add (self, *(const uint64_t *)
            ((const byte *) object + counter->offset), "%s", counter->name);
}

static bool
s_is_gauge (const zrelay_counter_t *counter)
{
    return counter->size > offsetof (zrelay_counter_t, flags)
        && counter->flags & ZRELAY_COUNTER_GAUGE;
}

void
zrelay_counts_reset_table (const zrelay_counter_t *table, void *object)
{
    const zrelay_counter_t *counter = zrelay_row_first (table);
    for (; counter; counter = zrelay_row_next (counter))
        if (!s_is_gauge (counter))
            *(uint64_t *) ((byte *) object + counter->offset) = 0;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_next (zmsg_t *answer, const char *expected)
{
    char *string = zmsg_popstr (answer);
    bool same = string && streq (string, expected);
    zstr_free (&string);
    return same;
}

void
zrelay_counts_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_counts: ");

    //  @selftest
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_counts_add (counts, 12, "%s.in.messages", "frontend");
    zrelay_counts_add (counts, UINT64_MAX, "%s.%s%s", "a", "", "b_c");
    zrelay_counts_add (counts, 0, "plain");
    zrelay_counts_add_word (counts, "state", "");
    zrelay_counts_add_of (counts, 3, "served", "service", "tea.1 \0%", 8);
    zrelay_counts_add_of (counts, 3, "served", "service", "", 0);
    zmsg_t *frames = zmsg_new ();
    zmsg_addstr (frames, "own");
    zmsg_addmem (frames, "4\0005", 3);
    zrelay_counts_add_frames (counts, frames);
    zmsg_destroy (&frames);
    assert (memcmp (zrelay_counts_data (counts), "frontend.in.messages\00012",
                    strlen ("frontend.in.messages") + 4) == 0);
    assert (zrelay_counts_data (counts) [zrelay_counts_size (counts) - 1] == 0);
    zmsg_t *answer = zmsg_new ();
    zrelay_counts_show (counts, answer);
    assert (s_test_next (answer, "frontend.in.messages"));
    assert (s_test_next (answer, "12"));
    assert (s_test_next (answer, "a.b_c"));
    assert (s_test_next (answer, "18446744073709551615"));
    assert (s_test_next (answer, "plain"));
    assert (s_test_next (answer, "0"));
    assert (s_test_next (answer, "state"));
    assert (s_test_next (answer, ""));
    assert (s_test_next (answer, "served{service=tea.1%20%00%25}"));
    assert (s_test_next (answer, "3"));
    assert (s_test_next (answer, "served{service=%}"));
    assert (s_test_next (answer, "3"));
    assert (s_test_next (answer, "own"));
    assert (s_test_next (answer, "4"));
    assert (zrelay_counts_value (counts, "own") == 4);
    assert (zrelay_counts_value (counts, "frontend.in.messages") == 12);
    assert (zrelay_counts_value (counts, "12") == UINT64_MAX);
    assert (zmsg_size (answer) == 0);
    zmsg_destroy (&answer);
    zrelay_counts_destroy (&counts);

    //  There is room for any number of them
    counts = zrelay_counts_new ();
    for (int index = 0; index < 1000; index++)
        zrelay_counts_add (counts, 1, "a.name.of.some.length");
    assert (zrelay_counts_size (counts) == 1000 * 24);
    zrelay_counts_destroy (&counts);

    //  A gauge says what there is, so nothing resets it
    struct { uint64_t served, waiting; } object = { 5, 6 };
    const zrelay_counter_t table [] = {
        { ZRELAY_COUNTER, .name = "served", .offset = 0 },
        { ZRELAY_COUNTER, .name = "waiting", .offset = sizeof (uint64_t),
          .flags = ZRELAY_COUNTER_GAUGE },
        { .name = NULL }
    };
    zrelay_counts_reset_table (table, &object);
    counts = zrelay_counts_new ();
    zrelay_counts_add_table (counts, table, &object);
    answer = zmsg_new ();
    zrelay_counts_show (counts, answer);
    assert (s_test_next (answer, "served"));
    assert (s_test_next (answer, "0"));
    assert (s_test_next (answer, "waiting"));
    assert (s_test_next (answer, "6"));
    zmsg_destroy (&answer);
    zrelay_counts_destroy (&counts);

    //  Long values that begin alike look different
    char one [ZRELAY_LABEL_ROOM], other [ZRELAY_LABEL_ROOM];
    byte data [ZRELAY_COUNTS_LABEL_MAX + 2];
    memset (data, '\xff', sizeof (data));
    zrelay_counts_encode (one, data, sizeof (data) - 1);
    zrelay_counts_encode (other, data, sizeof (data));
    assert (strneq (one, other));
    assert (strstr (one, "%FF%-"));
    assert (strlen (zrelay_counts_encode (one, data, ZRELAY_COUNTS_LABEL_MAX))
            < ZRELAY_LABEL_ROOM);
    //  @end
    printf ("OK\n");
}
