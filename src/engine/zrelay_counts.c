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

//  Digits of the largest count
#define DIGITS_MAX 20

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

static void
s_add_value (zmsg_t *answer, uint64_t value)
{
    const unsigned base = 10;
    char digits [DIGITS_MAX];
    size_t place = DIGITS_MAX;
    do {
        digits [--place] = (char) ('0' + value % base);
        value /= base;
    }
    while (value > 0);
    zmsg_addmem (answer, digits + place, DIGITS_MAX - place);
}

void
zrelay_counts_add (zmsg_t *answer, uint64_t value, const char *format, ...)
{
    char name [NAME_SIZE];
    va_list argptr;
    va_start (argptr, format);
    size_t size = s_compose (name, format, argptr);
    va_end (argptr);
    zmsg_addmem (answer, name, size);
    s_add_value (answer, value);
}

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

void
zrelay_counts_add_of (zmsg_t *answer, uint64_t value, const char *name,
                      const char *label, const void *data, size_t size)
{
    char room [ZRELAY_LABEL_ROOM];
    zrelay_counts_encode (room, data, size);
    //  A value that is empty is none
    zmsg_addstrf (answer, "%s{%s=%s}", name, label, *room? room: "%");
    s_add_value (answer, value);
}


//  --------------------------------------------------------------------------
//  A kind's table

void
zrelay_counts_add_table (zmsg_t *answer, const zrelay_counter_t *table,
                         const void *object)
{
    const zrelay_counter_t *counter = zrelay_row_first (table);
    for (; counter; counter = zrelay_row_next (counter))
        zrelay_counts_add (answer, *(const uint64_t *)
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
    zmsg_t *answer = zmsg_new ();
    zrelay_counts_add (answer, 12, "%s.in.messages", "frontend");
    assert (s_test_next (answer, "frontend.in.messages"));
    assert (s_test_next (answer, "12"));
    zrelay_counts_add (answer, UINT64_MAX, "%s.%s%s", "a", "", "b_c");
    assert (s_test_next (answer, "a.b_c"));
    assert (s_test_next (answer, "18446744073709551615"));
    zrelay_counts_add (answer, 0, "plain");
    assert (s_test_next (answer, "plain"));
    assert (s_test_next (answer, "0"));
    zrelay_counts_add_of (answer, 3, "served", "service", "tea.1 \0%", 8);
    assert (s_test_next (answer, "served{service=tea.1%20%00%25}"));
    assert (s_test_next (answer, "3"));
    zrelay_counts_add_of (answer, 3, "served", "service", "", 0);
    assert (s_test_next (answer, "served{service=%}"));
    assert (s_test_next (answer, "3"));

    //  A gauge says what there is, so nothing resets it
    struct { uint64_t served, waiting; } object = { 5, 6 };
    const zrelay_counter_t table [] = {
        { ZRELAY_COUNTER, .name = "served", .offset = 0 },
        { ZRELAY_COUNTER, .name = "waiting", .offset = sizeof (uint64_t),
          .flags = ZRELAY_COUNTER_GAUGE },
        { .name = NULL }
    };
    zrelay_counts_reset_table (table, &object);
    zrelay_counts_add_table (answer, table, &object);
    assert (s_test_next (answer, "served"));
    assert (s_test_next (answer, "0"));
    assert (s_test_next (answer, "waiting"));
    assert (s_test_next (answer, "6"));
    zmsg_destroy (&answer);

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
