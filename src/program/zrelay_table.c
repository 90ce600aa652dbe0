/*  =========================================================================
    zrelay_table - relays and their rates, in rows and columns

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_table.h"

#define MSECS 1000

//  A relay, and what it was before
typedef struct {
    const char *name;           //  Its name
    const char *kind;           //  Its kind
    zrelay_stats_t *now;        //  Its statistics, or NULL: it is silent
    zrelay_stats_t *before;     //  Those before, or NULL
} row_t;

struct _zrelay_table_t {
    zrelay_snapshot_t *now;     //  What is shown, or NULL: nothing yet
    zrelay_snapshot_t *before;  //  What rates are relative to, or NULL
    row_t *rows;                //  A row for each relay
    size_t count;               //  How many there are
    size_t column;              //  Rows are sorted by it
    bool reverse;               //  The other way round
};

//  --------------------------------------------------------------------------
//  Values of a row. A value that is not known is UNKNOWN.

#define UNKNOWN (-1.0)

typedef double (value_fn) (const row_t *row);

static double
s_count (const row_t *row, const char *name)
{
    return row->now? (double) zrelay_stats_value (row->now, name): UNKNOWN;
}

//  By how much a count grows in a second

static double
s_rate (const row_t *row, const char *name)
{
    if (!row->now || !row->before)
        return UNKNOWN;
    uint64_t now = zrelay_stats_value (row->now, name);
    uint64_t before = zrelay_stats_value (row->before, name);
    uint64_t time = zrelay_stats_value (row->now, "uptime_ms");
    uint64_t time_before = zrelay_stats_value (row->before, "uptime_ms");
    //  It was reset, or started again
    if (now < before || time <= time_before)
        return UNKNOWN;
    return (double) (now - before) * MSECS / (double) (time - time_before);
}

static double
s_sum (double one, double other)
{
    return one == UNKNOWN || other == UNKNOWN? UNKNOWN: one + other;
}

static double
s_peers (const row_t *row)
{
    return s_sum (s_count (row, "frontend.peers"),
                  s_count (row, "backend.peers"));
}

//  A relay with one side sends nothing further

static double
s_forward (const row_t *row)
{
    bool sends = row->now && zrelay_stats_has (row->now,
                                               "backend.out.messages");
    return s_rate (row, sends? "backend.out.messages":
                               "frontend.in.messages");
}

static double
s_return (const row_t *row)
{
    return s_rate (row, "frontend.out.messages");
}

static double
s_bytes (const row_t *row)
{
    return s_sum (s_rate (row, "frontend.in.bytes"),
                  s_rate (row, "frontend.out.bytes"));
}

static double
s_messages (const row_t *row)
{
    return s_count (row, "frontend.in.messages");
}

static double
s_held (const row_t *row)
{
    return s_sum (s_count (row, "forward.held"),
                  s_count (row, "return.held"));
}

//  Part of the time for which the flow that was stalled longer was, in percent

static double
s_stalled (const row_t *row)
{
    double one = s_rate (row, "forward.stalled_ms");
    double other = s_rate (row, "return.stalled_ms");
    double most = one > other? one: other;
    return most == UNKNOWN? UNKNOWN: most * 100 / MSECS;
}

static double
s_dropped (const row_t *row)
{
    return s_sum (s_count (row, "forward.dropped"),
                  s_count (row, "return.dropped"));
}

static double
s_dropping (const row_t *row)
{
    return s_sum (s_rate (row, "forward.dropped"),
                  s_rate (row, "return.dropped"));
}

static double
s_uptime (const row_t *row)
{
    double msecs = s_count (row, "uptime_ms");
    return msecs == UNKNOWN? UNKNOWN: msecs / MSECS;
}

//  --------------------------------------------------------------------------
//  Texts of a row

typedef const char *(text_fn) (const row_t *row);

static const char *
s_name (const row_t *row)
{
    return row->name;
}

static const char *
s_kind (const row_t *row)
{
    return row->kind;
}

static const char *
s_state (const row_t *row)
{
    return row->now? zrelay_stats_state (row->now): "silent";
}

//  --------------------------------------------------------------------------
//  How values look

typedef zrelay_table_look_t (look_fn) (const row_t *row);

static zrelay_table_look_t
s_look_state (const row_t *row)
{
    const char *state = s_state (row);
    return streq (state, "active")? ZRELAY_TABLE_GOOD:
           streq (state, "silent") || streq (state, "idle")?
               ZRELAY_TABLE_BAD: ZRELAY_TABLE_WARN;
}

static zrelay_table_look_t
s_look_held (const row_t *row)
{
    return s_held (row) > 0? ZRELAY_TABLE_WARN: ZRELAY_TABLE_PLAIN;
}

static zrelay_table_look_t
s_look_stalled (const row_t *row)
{
    return s_stalled (row) >= 50? ZRELAY_TABLE_BAD:
           s_stalled (row) > 0? ZRELAY_TABLE_WARN: ZRELAY_TABLE_PLAIN;
}

static zrelay_table_look_t
s_look_dropping (const row_t *row)
{
    return s_dropping (row) > 0? ZRELAY_TABLE_BAD: ZRELAY_TABLE_PLAIN;
}

//  --------------------------------------------------------------------------
//  Columns

typedef struct {
    const char *title;          //  Above the column
    int width;                  //  In characters
    text_fn *text;              //  Its text, or NULL: it is a number
    value_fn *value;            //  Its number
    look_fn *look;              //  How it looks, or NULL: as all others
} column_t;

static const column_t s_columns [] = {
    { "NAME", 16, s_name, NULL, NULL },
    { "KIND", 9, s_kind, NULL, NULL },
    { "STATE", 8, s_state, NULL, s_look_state },
    { "PEERS", 5, NULL, s_peers, NULL },
    { "FWD/s", 6, NULL, s_forward, NULL },
    { "RET/s", 6, NULL, s_return, NULL },
    { "BYTES/s", 7, NULL, s_bytes, NULL },
    { "STALL%", 6, NULL, s_stalled, s_look_stalled },
    { "HELD", 5, NULL, s_held, s_look_held },
    { "DROP/s", 6, NULL, s_dropping, s_look_dropping },
    { "DROPPED", 7, NULL, s_dropped, NULL },
    { "MESSAGES", 8, NULL, s_messages, NULL },
    { "UP", 7, NULL, s_uptime, NULL }
};
#define COLUMNS (sizeof (s_columns) / sizeof (s_columns [0]))

size_t
zrelay_table_columns (void)
{
    return COLUMNS;
}

const char *
zrelay_table_title (size_t column)
{
    return s_columns [column].title;
}

int
zrelay_table_width (size_t column)
{
    return s_columns [column].width;
}

bool
zrelay_table_is_number (size_t column)
{
    return !s_columns [column].text;
}

size_t
zrelay_table_find (const char *title)
{
    for (size_t column = 0; column < COLUMNS; column++)
        if (strcasecmp (title, s_columns [column].title) == 0)
            return column;
    return SIZE_MAX;
}

//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_table_t *
zrelay_table_new (void)
{
    zrelay_table_t *self = (zrelay_table_t *) zmalloc (sizeof (zrelay_table_t));
    assert (self);
    return self;
}

void
zrelay_table_destroy (zrelay_table_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_table_t *self = *self_p;
        zrelay_snapshot_destroy (&self->now);
        zrelay_snapshot_destroy (&self->before);
        freen (self->rows);
        freen (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  Rows

//  The statistics of a relay in the earlier snapshot, or NULL. Relays mostly
//  keep their places.

static zrelay_stats_t *
s_before (zrelay_table_t *self, const char *name, size_t place)
{
    size_t size = self->before? zrelay_snapshot_size (self->before): 0;
    for (size_t index = 0; index < size; index++) {
        size_t other = (place + index) % size;
        if (streq (zrelay_snapshot_name (self->before, other), name))
            return zrelay_snapshot_stats (self->before, other);
    }
    return NULL;
}

static int
s_compare_values (const column_t *column, const row_t *one, const row_t *two)
{
    if (column->text)
        return strcmp (column->text (one), column->text (two));
    double first = column->value (one);
    double second = column->value (two);
    return first > second? -1: first < second;
}

//  Rows that are alike in this column stand as they are

static bool
s_is_behind (zrelay_table_t *self, const row_t *one, const row_t *two)
{
    int order = s_compare_values (&s_columns [self->column], one, two);
    if (self->reverse)
        order = -order;
    return order > 0 || (order == 0 && strcmp (one->name, two->name) > 0);
}

//  There are few rows, and they mostly stand as they did before

static void
s_sort (zrelay_table_t *self)
{
    for (size_t end = 1; end < self->count; end++) {
        row_t row = self->rows [end];
        size_t place = end;
        for (; place > 0 && s_is_behind (self, &self->rows [place - 1], &row);
             place--)
            self->rows [place] = self->rows [place - 1];
        self->rows [place] = row;
    }
}

void
zrelay_table_update (zrelay_table_t *self, zrelay_snapshot_t **snapshot_p)
{
    zrelay_snapshot_destroy (&self->before);
    self->before = self->now;
    self->now = *snapshot_p;
    *snapshot_p = NULL;
    freen (self->rows);
    self->count = zrelay_snapshot_size (self->now);
    self->rows = (row_t *) zmalloc ((self->count + 1) * sizeof (row_t));
    assert (self->rows);
    for (size_t index = 0; index < self->count; index++) {
        row_t *row = &self->rows [index];
        row->name = zrelay_snapshot_name (self->now, index);
        row->kind = zrelay_snapshot_kind (self->now, index);
        row->now = zrelay_snapshot_stats (self->now, index);
        row->before = s_before (self, row->name, index);
    }
    s_sort (self);
}

void
zrelay_table_sort (zrelay_table_t *self, size_t column, bool reverse)
{
    assert (column < COLUMNS);
    self->column = column;
    self->reverse = reverse;
    s_sort (self);
}

size_t
zrelay_table_column (zrelay_table_t *self)
{
    return self->column;
}

bool
zrelay_table_reversed (zrelay_table_t *self)
{
    return self->reverse;
}

size_t
zrelay_table_rows (zrelay_table_t *self)
{
    return self->count;
}

//  --------------------------------------------------------------------------
//  Cells

//  A number in few characters: 9.5, 120, 12k, 3.4M

static void
s_print_number (char *text, size_t size, double value)
{
    static const char units [] = " kMGTPE";
    size_t unit = 0;
    bool whole = value == (double) (uint64_t) value;
    while (value >= 9999.5 && units [unit + 1]) {
        value /= 1000;
        unit++;
        whole = false;
    }
    snprintf (text, size, !whole && value < 99.95? "%.1f%.*s": "%.0f%.*s",
              value, unit > 0, units + unit);
}

//  A time in few characters: 59s, 3m07s, 5h12m, 12d03h

static void
s_print_time (char *text, size_t size, double seconds)
{
    unsigned long time = (unsigned long) seconds;
    static const struct {
        unsigned long size;     //  Seconds in one of them
        char letter;            //  Its unit
    } units [] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    size_t unit = 0;
    while (unit < 3 && time < units [unit].size)
        unit++;
    unsigned long first = time / units [unit].size;
    if (unit == 3)
        snprintf (text, size, "%lu%c", first, units [unit].letter);
    else
        snprintf (text, size, "%lu%c%02lu%c", first, units [unit].letter,
                  time % units [unit].size / units [unit + 1].size,
                  units [unit + 1].letter);
}

zrelay_table_look_t
zrelay_table_cell (zrelay_table_t *self, size_t row, size_t column,
                   char text [ZRELAY_TABLE_ROOM])
{
    const column_t *shown = &s_columns [column];
    const row_t *relay = &self->rows [row];
    if (shown->text)
        snprintf (text, ZRELAY_TABLE_ROOM, "%s", shown->text (relay));
    else {
        double value = shown->value (relay);
        if (value == UNKNOWN)
            snprintf (text, ZRELAY_TABLE_ROOM, "-");
        else
        if (shown->value == s_uptime)
            s_print_time (text, ZRELAY_TABLE_ROOM, value);
        else
            s_print_number (text, ZRELAY_TABLE_ROOM, value);
    }
    return shown->look? shown->look (relay): ZRELAY_TABLE_PLAIN;
}

zrelay_stats_t *
zrelay_table_stats (zrelay_table_t *self, size_t row)
{
    return self->rows [row].now;
}

const char *
zrelay_table_error (zrelay_table_t *self)
{
    return self->now? zrelay_snapshot_error (self->now): NULL;
}
