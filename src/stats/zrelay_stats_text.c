/*  =========================================================================
    zrelay_stats_text - writes statistics as text for people

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_stats_internal.h"
#include "zrelay_stats_output.h"

//  Widths. No line exceeds ZRELAY_STATS_COLUMNS, whatever the values are: the
//  longest number has 20 digits.
#define S_LABEL_WIDTH   14      //  First column of a table
#define S_CELL_WIDTH    12      //  Each other column, see s_put_cell
#define S_KIND_WIDTH    12      //  A kind is cut to this
#define S_TITLE_WIDTH   24      //  A relay's name is cut to this
#define S_STATE_WIDTH   10      //  A state is cut to this
#define S_NAME_WIDTH    58      //  The name of a count is cut to this
#define S_REASON_WIDTH  30      //  A reason is cut to this
#define S_INDENT        "    "  //  Before details of the line above

//  A cell shows numbers below this one in full
#define S_CELL_LIMIT    10000000000ULL
#define S_UNIT          1000

#define S_SECONDS_PER_MINUTE    60
#define S_MINUTES_PER_HOUR      60
#define S_HOURS_PER_DAY         24

//  Write at most width characters of a string. A longer one is cut, and ends
//  in "...".

static void
s_put_cut (zchunk_t *output, const char *text, int width)
{
    static const char dots [] = "...";
    if (strlen (text) <= (size_t) width)
        zrelay_stats_put (output, text);
    else
        zrelay_stats_putf (output, "%.*s%s", width - (int) strlen (dots),
                           text, dots);
}

//  Write a number at the right of a cell. Numbers that are too long are
//  shown in thousands, millions and so on; JSON has them in full.

static void
s_put_cell (zchunk_t *output, uint64_t value)
{
    static const char *units [] = { "", "k", "M", "G", "T" };
    size_t unit = 0;
    while (value >= S_CELL_LIMIT) {
        value /= S_UNIT;
        unit++;
    }
    char cell [S_CELL_WIDTH + 1];
    snprintf (cell, sizeof (cell), "%" PRIu64 "%s", value, units [unit]);
    zrelay_stats_putf (output, "%*s", S_CELL_WIDTH, cell);
}

static void
s_put_label (zchunk_t *output, const char *subject, const char *direction)
{
    char label [S_LABEL_WIDTH + 1];
    snprintf (label, sizeof (label), "%s%s", subject, direction);
    zrelay_stats_putf (output, "%-*s", S_LABEL_WIDTH, label);
}

//  Return a count of a side or flow

static uint64_t
s_value_of (zrelay_stats_t *self, const char *subject, const char *path)
{
    char name [ZRELAY_STATS_NAME_MAX + 1];
    snprintf (name, sizeof (name), "%s.%s", subject, path);
    return zrelay_stats_value (self, name);
}

//  Append an item to a list that began with "title:", or begin the list.
//  column is the width of the line so far, 0 if there is no list yet. Returns
//  the new width.

static size_t
s_put_item (const zrelay_stats_t *self, zchunk_t *output, const char *title,
            size_t column, const zrelay_stats_node_t *leaf)
{
    if (column == 0) {
        zrelay_stats_putf (output, S_INDENT "%s:", title);
        column = strlen (S_INDENT) + strlen (title) + 1;
    }
    else {
        zrelay_stats_put (output, ",");
        column++;
    }
    zchunk_t *item = zrelay_stats_output_new ();
    s_put_cut (item, leaf->detail, S_REASON_WIDTH);
    zrelay_stats_putf (item, " %" PRIu64, zrelay_stats_count_of (self, leaf));
    //  A space precedes it, and a comma may follow
    if (column + zchunk_size (item) + 2 > ZRELAY_STATS_COLUMNS) {
        zrelay_stats_put (output, "\n" S_INDENT S_INDENT);
        column = strlen (S_INDENT S_INDENT);
    }
    else {
        zrelay_stats_put (output, " ");
        column++;
    }
    zchunk_extend (output, zchunk_data (item), zchunk_size (item));
    column += zchunk_size (item);
    zchunk_destroy (&item);
    return column;
}

//  Write the counts that a subject has in a family, each with its reason,
//  except those that are zero

static void
s_put_reasons (zrelay_stats_t *self, zchunk_t *output, const char *title,
               zrelay_stats_family_t family,
               const zrelay_stats_subject_t *subject)
{
    size_t column = 0;
    const zrelay_stats_node_t *leaf = self->outline->nodes;
    const zrelay_stats_node_t *end = leaf + self->outline->leaves;
    for (; leaf < end; leaf++)
        if (leaf->metric && leaf->metric->family == family
        &&  leaf->subject == subject
        &&  zrelay_stats_count_of (self, leaf) > 0)
            column = s_put_item (self, output, title, column, leaf);
    if (column)
        zrelay_stats_put (output, "\n");
}

static void
s_put_head (zrelay_stats_t *self, zchunk_t *output)
{
    uint64_t seconds = zrelay_stats_value (self, "uptime_ms")
                     / ZRELAY_STATS_MSECS;
    uint64_t minutes = seconds / S_SECONDS_PER_MINUTE;
    uint64_t hours = minutes / S_MINUTES_PER_HOUR;
    s_put_cut (output, zrelay_stats_kind (self), S_KIND_WIDTH);
    if (!streq (zrelay_stats_kind (self), zrelay_stats_name (self))) {
        zrelay_stats_put (output, " ");
        s_put_cut (output, zrelay_stats_name (self), S_TITLE_WIDTH);
    }
    zrelay_stats_put (output, ": ");
    s_put_cut (output, zrelay_stats_state (self), S_STATE_WIDTH);
    zrelay_stats_put (output, ", up ");
    if (hours >= S_HOURS_PER_DAY)
        zrelay_stats_putf (output, "%" PRIu64 "d ", hours / S_HOURS_PER_DAY);
    zrelay_stats_putf (output, "%02u:%02u:%02u\n",
                       (unsigned) (hours % S_HOURS_PER_DAY),
                       (unsigned) (minutes % S_MINUTES_PER_HOUR),
                       (unsigned) (seconds % S_SECONDS_PER_MINUTE));
}

//  Write a line of column titles, ended by NULL

static void
s_put_titles (zchunk_t *output, const char **titles)
{
    zrelay_stats_putf (output, "%*s", S_LABEL_WIDTH, "");
    for (; *titles; titles++)
        zrelay_stats_putf (output, "%*s", S_CELL_WIDTH, *titles);
    zrelay_stats_put (output, "\n");
}

static void
s_put_side (zrelay_stats_t *self, zchunk_t *output,
            const zrelay_stats_subject_t *side)
{
    s_put_label (output, side->name, " in");
    s_put_cell (output, s_value_of (self, side->name, "in.messages"));
    s_put_cell (output, s_value_of (self, side->name, "in.frames"));
    s_put_cell (output, s_value_of (self, side->name, "in.bytes"));
    s_put_cell (output, s_value_of (self, side->name, "peers"));
    s_put_cell (output, s_value_of (self, side->name, "throttled"));
    zrelay_stats_put (output, "\n");
    s_put_label (output, side->name, " out");
    s_put_cell (output, s_value_of (self, side->name, "out.messages"));
    s_put_cell (output, s_value_of (self, side->name, "out.frames"));
    s_put_cell (output, s_value_of (self, side->name, "out.bytes"));
    zrelay_stats_put (output, "\n");
    s_put_reasons (self, output, "handshakes failed",
                   ZRELAY_STATS_HANDSHAKES, side);
    s_put_reasons (self, output, "connections cut", ZRELAY_STATS_CUT, side);
}

//  Write what a flow has on disk, if anything

static void
s_put_spooled (zrelay_stats_t *self, zchunk_t *output, const char *flow)
{
    uint64_t messages = s_value_of (self, flow, "spooled");
    if (messages > 0)
        zrelay_stats_putf (output, S_INDENT "on disk: %" PRIu64 " messages, %"
            PRIu64 " bytes, the oldest %" PRIu64 " s old\n", messages,
            s_value_of (self, flow, "spooled_bytes"),
            s_value_of (self, flow, "spooled_ms") / ZRELAY_STATS_MSECS);
}

static void
s_put_flow (zrelay_stats_t *self, zchunk_t *output,
            const zrelay_stats_subject_t *flow)
{
    s_put_label (output, flow->name, "");
    s_put_cell (output, s_value_of (self, flow->name, "stalls"));
    s_put_cell (output, s_value_of (self, flow->name, "stalled_ms"));
    s_put_cell (output, s_value_of (self, flow->name, "held"));
    s_put_cell (output, s_value_of (self, flow->name, "dropped"));
    zrelay_stats_put (output, "\n");
    s_put_reasons (self, output, "dropped", ZRELAY_STATS_DROPPED, flow);
    s_put_spooled (self, output, flow->name);
}

//  Return true if the relay has counts of a subject

static bool
s_has (zrelay_stats_t *self, const zrelay_stats_subject_t *subject)
{
    size_t size = strlen (subject->name);
    const zrelay_stats_node_t *node = self->outline->root.child;
    while (node && (node->type != ZRELAY_STATS_GROUP
                    || node->part_size != size
                    || strncmp (node->part, subject->name, size) != 0
                    || node->name [node->size] != '.'))
        node = node->sibling;
    return node != NULL;
}

//  Write a table of the subjects with this label, sides or flows, that the
//  relay has

static void
s_put_table (zrelay_stats_t *self, zchunk_t *output, const char *label,
             const char **titles,
             void (*put) (zrelay_stats_t *, zchunk_t *,
                          const zrelay_stats_subject_t *))
{
    bool started = false;
    const zrelay_stats_subject_t *subject = zrelay_stats_subjects;
    for (; subject->name; subject++) {
        if (!streq (subject->label, label) || !s_has (self, subject))
            continue;
        if (!started)
            s_put_titles (output, titles);
        started = true;
        put (self, output, subject);
    }
}

//  Return the first count of the relay's kind from this node on, or NULL

static const zrelay_stats_node_t *
s_kind_count (zrelay_stats_t *self, const zrelay_stats_node_t *leaf)
{
    const zrelay_stats_node_t *end =
        self->outline->nodes + self->outline->leaves;
    while (leaf < end && (leaf->type != ZRELAY_STATS_COUNT || leaf->metric))
        leaf++;
    return leaf < end? leaf: NULL;
}

//  Does a count tell of joining?

static bool
s_is_joining (const zrelay_stats_node_t *leaf)
{
    return strncmp (leaf->name, "join.", 5) == 0
        || strncmp (leaf->name, "requests.", 9) == 0;
}

//  Return true if the relay can be joined to others, and no count tells of that
//  yet. As long as it is not joined, join.ready is 1.

static bool
s_is_alone (zrelay_stats_t *self)
{
    static const char ready [] = "join.ready";
    if (zrelay_stats_value (self, ready) != 1)
        return false;
    const zrelay_stats_node_t *leaf =
        s_kind_count (self, self->outline->nodes);
    while (leaf && (zrelay_stats_count_of (self, leaf) == 0
                    || !s_is_joining (leaf) || streq (leaf->name, ready)))
        leaf = s_kind_count (self, leaf + 1);
    return leaf == NULL;
}

//  Write the counts of the relay's kind

static void
s_put_kind (zrelay_stats_t *self, zchunk_t *output)
{
    bool alone = s_is_alone (self);
    const zrelay_stats_node_t *leaf =
        s_kind_count (self, self->outline->nodes);
    for (; leaf; leaf = s_kind_count (self, leaf + 1)) {
        if (alone && s_is_joining (leaf))
            continue;
        s_put_cut (output, leaf->name, S_NAME_WIDTH);
        zrelay_stats_putf (output, ": %" PRIu64 "\n",
                           zrelay_stats_count_of (self, leaf));
    }
}

char *
zrelay_stats_text (zrelay_stats_t *self)
{
    assert (self);
    static const char *side_titles [] = {
        "messages", "frames", "bytes", "peers", "throttled", NULL
    };
    static const char *flow_titles [] = {
        "stalls", "stalled ms", "held", "dropped", NULL
    };
    zchunk_t *output = zrelay_stats_output_new ();
    s_put_head (self, output);
    s_put_table (self, output, "side", side_titles, s_put_side);
    s_put_table (self, output, "flow", flow_titles, s_put_flow);

    uint64_t captured = zrelay_stats_value (self, "capture.messages");
    uint64_t uncaptured = zrelay_stats_value (self, "capture.dropped");
    if (captured || uncaptured)
        zrelay_stats_putf (output, "capture: %" PRIu64 " messages, %" PRIu64
                  " dropped\n", captured, uncaptured);
    s_put_kind (self, output);
    return zrelay_stats_output_finish (&output);
}
