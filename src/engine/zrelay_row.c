/*  =========================================================================
    zrelay_row - structures that a kind fills in, which grow

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_row.h"

//  How each of them begins
typedef struct {
    size_t size;
    const char *name;
} row_t;

const void *
zrelay_row_first (const void *table)
{
    return table && ((const row_t *) table)->name? table: NULL;
}

const void *
zrelay_row_next (const void *row)
{
    return zrelay_row_first ((const byte *) row + ((const row_t *) row)->size);
}

void
zrelay_row_copy (const void *row, void *copy, size_t size)
{
    size_t known = ((const row_t *) row)->size;
    memset (copy, 0, size);
    memcpy (copy, row, known < size? known: size);
}


//  --------------------------------------------------------------------------
//  Selftest

//  As of an older header than zrelay_counter_t
typedef struct {
    size_t size;
    const char *name;
    size_t offset;
} test_short_t;

void
zrelay_row_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_row: ");

    //  @selftest
    static const test_short_t table [] = {
        { sizeof (test_short_t), "one", 8 },
        { sizeof (test_short_t), "two", 16 },
        { 0, NULL, 0 }
    };
    assert (!zrelay_row_first (NULL));
    assert (!zrelay_row_first (&table [2]));
    const void *row = zrelay_row_first (table);
    assert (row == &table [0]);
    row = zrelay_row_next (row);
    assert (row == &table [1]);
    assert (!zrelay_row_next (row));

    //  What is longer has zeros behind, and what is shorter is not exceeded
    zrelay_counter_t counter;
    memset (&counter, 0xFF, sizeof (counter));
    zrelay_row_copy (&table [0], &counter, sizeof (counter));
    assert (streq (counter.name, "one") && counter.offset == 8);
    assert (counter.flags == 0);
    struct { row_t row; char guard; } cut = { { 0, NULL }, 'g' };
    zrelay_row_copy (row, &cut, sizeof (cut.row));
    assert (streq (cut.row.name, "two") && cut.guard == 'g');
    //  @end
    printf ("OK\n");
}
