/*  =========================================================================
    zrelay_table - relays and their rates, in rows and columns

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TABLE_H_INCLUDED
#define ZRELAY_TABLE_H_INCLUDED

#include "zrelay_snapshot.h"

//  What top shows: a row for each relay of a snapshot, with rates since an
//  earlier one, sorted by a column. It knows nothing about screens.

typedef struct _zrelay_table_t zrelay_table_t;

//  How much attention something needs
typedef enum {
    ZRELAY_TABLE_PLAIN,         //  None
    ZRELAY_TABLE_GOOD,          //  It is as it should be
    ZRELAY_TABLE_WARN,          //  Some
    ZRELAY_TABLE_BAD            //  Now
} zrelay_table_look_t;

//  Longest text of a cell, with its end
#define ZRELAY_TABLE_ROOM 128

//  A table without rows, sorted by name.
zrelay_table_t *
    zrelay_table_new (void);

void
    zrelay_table_destroy (zrelay_table_t **self_p);

//  Make the rows from a snapshot, and rates since the one before. Takes the
//  snapshot.
void
    zrelay_table_update (zrelay_table_t *self, zrelay_snapshot_t **snapshot_p);

//  Columns: their number, titles, widths in characters, and whether they are
//  numbers, which stand at the right. The first column is the relay's name.
size_t
    zrelay_table_columns (void);
const char *
    zrelay_table_title (size_t column);
int
    zrelay_table_width (size_t column);
bool
    zrelay_table_is_number (size_t column);

//  The column of that title, in upper or lower case; SIZE_MAX if there is none.
size_t
    zrelay_table_find (const char *title);

//  Sort by a column: names and states from A, numbers from the largest; or the
//  other way round.
void
    zrelay_table_sort (zrelay_table_t *self, size_t column, bool reverse);

//  The column that rows are sorted by, and whether the other way round.
size_t
    zrelay_table_column (zrelay_table_t *self);
bool
    zrelay_table_reversed (zrelay_table_t *self);

//  Rows, and the text of a cell. Returns how it is to look. A rate is "-" where
//  there is nothing to compare with.
size_t
    zrelay_table_rows (zrelay_table_t *self);
zrelay_table_look_t
    zrelay_table_cell (zrelay_table_t *self, size_t row, size_t column,
                       char text [ZRELAY_TABLE_ROOM]);

//  The statistics behind a row, which remain the table's; NULL if the relay did
//  not answer.
zrelay_stats_t *
    zrelay_table_stats (zrelay_table_t *self, size_t row);

//  Why there are no rows, or NULL: the relays were listed.
const char *
    zrelay_table_error (zrelay_table_t *self);

#endif
