/*  =========================================================================
    zrelay_top - the command "top": watches running relays

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_top.h"
#include "zrelay_dial.h"
#include "zrelay_screen.h"
#include "zrelay_table.h"

#include <getopt.h>

#define MSECS 1000

//  Seconds between two looks: unless given, and at most
#define INTERVAL_DEFAULT 1
#define INTERVAL_MAX 3600

//  Milliseconds that the relays have to answer, if the text is made once
#define SNAPSHOT_TIMEOUT 5000

//  What the command line asks for
typedef struct {
    const char *control;        //  Endpoint of the relays, or NULL
    const char *curve;          //  File of our certificate, or NULL
    const char *server;         //  File of that of the other party, or NULL
    size_t msecs;               //  Between two looks
    size_t column;              //  To sort by
    bool reverse;               //  The other way round
    bool once;                  //  Print text, once
    bool help;                  //  Only explain
    zrelay_report_t *report;    //  Hears what is wrong
} top_t;

static const struct option s_options [] = {
    { "control", required_argument, NULL, 'c' },
    { "curve", required_argument, NULL, 'k' },
    { "server", required_argument, NULL, 'S' },
    { "once", no_argument, NULL, '1' },
    { "interval", required_argument, NULL, 'i' },
    { "sort", required_argument, NULL, 's' },
    { "reverse", no_argument, NULL, 'r' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 }
};

//  --------------------------------------------------------------------------
//  The command line

static zrelay_exit_t
s_help (top_t *self)
{
    printf ("Usage: %s top [options]\n"
        "Watches running relays: a table with a row for each, made anew every"
        " second.\n\n"
        "Options:\n"
        "      --control ENDPOINT   where they are steered (default:"
        " ZRELAY_CONTROL,\n"
        "                           or that of zrelay run)\n"
        "      --curve FILE         our certificate, for tcp\n"
        "      --server FILE        the public certificate of the other party\n"
        "      --interval SECONDS   time between updates (default %d)\n"
        "      --sort COLUMN        sort by that column (default NAME)\n"
        "      --reverse            sort the other way round\n"
        "      --once               print the table after one interval, and exit\n"
        "  -h, --help               print this help and exit\n\n"
        "Columns, of which a narrow terminal shows the first:\n ",
        zrelay_report_program (self->report), INTERVAL_DEFAULT);
    size_t columns = zrelay_table_columns ();
    for (size_t column = 0; column < columns; column++)
        printf ("%s%s", column == columns / 2? "\n  ": " ",
                zrelay_table_title (column));
    printf ("\n");
    return zrelay_report_flush (self->report);
}

static zrelay_exit_t
s_read_interval (top_t *self, const char *text)
{
    char *end;
    double seconds = strtod (text, &end);
    if (!isdigit ((byte) *text) || *end || !(seconds * MSECS >= 1)
    ||  seconds > INTERVAL_MAX)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "top: --interval takes seconds from 0.001 to %d, not '%s'",
            INTERVAL_MAX, text);
    self->msecs = (size_t) (seconds * MSECS);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_read_column (top_t *self, const char *text)
{
    self->column = zrelay_table_find (text);
    if (self->column == SIZE_MAX)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "top: there is no column '%s'; see %s top --help", text,
            zrelay_report_program (self->report));
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_read_option (top_t *self, int letter, const char *word)
{
    switch (letter) {
        case 'c':
            self->control = optarg;
            break;
        case 'k':
            self->curve = optarg;
            break;
        case 'S':
            self->server = optarg;
            break;
        case '1':
            self->once = true;
            break;
        case 'i':
            return s_read_interval (self, optarg);
        case 's':
            return s_read_column (self, optarg);
        case 'r':
            self->reverse = true;
            break;
        case 'h':
            self->help = true;
            break;
        default:
            return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
                "top: %s is no option, or lacks its argument; see %s top"
                " --help", word, zrelay_report_program (self->report));
    }
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_read (top_t *self, int argc, char **argv)
{
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    opterr = 0;
    while (status == ZRELAY_EXIT_NOT_YET && !self->help) {
        int letter = getopt_long (argc, argv, "h", s_options, NULL);
        if (letter == -1)
            break;
        status = s_read_option (self, letter, argv [optind - 1]);
    }
    if (status == ZRELAY_EXIT_NOT_YET && !self->help && optind < argc)
        status = zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "top: '%s' is one word too many; see %s top --help",
            argv [optind], zrelay_report_program (self->report));
    return status;
}

//  --------------------------------------------------------------------------
//  Plain text

//  The first column is as wide as the longest name

static int
s_width (zrelay_table_t *table, size_t column)
{
    int width = zrelay_table_width (column);
    char text [ZRELAY_TABLE_ROOM];
    for (size_t row = 0; row < zrelay_table_rows (table); row++) {
        zrelay_table_cell (table, row, column, text);
        if ((int) strlen (text) > width)
            width = (int) strlen (text);
    }
    return width;
}

static void
s_print_cell (zrelay_table_t *table, size_t column, const char *text)
{
    bool last = column + 1 == zrelay_table_columns ();
    printf (zrelay_table_is_number (column)? "%*s%s": "%-*s%s",
            s_width (table, column), text, last? "\n": " ");
}

static void
s_print (zrelay_table_t *table)
{
    size_t columns = zrelay_table_columns ();
    for (size_t column = 0; column < columns; column++)
        s_print_cell (table, column, zrelay_table_title (column));
    for (size_t row = 0; row < zrelay_table_rows (table); row++)
        for (size_t column = 0; column < columns; column++) {
            char text [ZRELAY_TABLE_ROOM];
            zrelay_table_cell (table, row, column, text);
            s_print_cell (table, column, text);
        }
}

//  Look twice, since rates take two looks

static zrelay_exit_t
s_once (top_t *self, zrelay_table_t *table, zrelay_dial_t *dial)
{
    for (int look = 0; look < 2; look++) {
        if (look > 0)
            zclock_sleep ((int) self->msecs);
        zrelay_snapshot_t *snapshot =
            zrelay_snapshot_new (zrelay_dial_client (dial), SNAPSHOT_TIMEOUT);
        zrelay_table_update (table, &snapshot);
        if (zrelay_table_error (table))
            return zrelay_report_say (self->report, ZRELAY_EXIT_SILENCE,
                "top: %s: %s", zrelay_dial_endpoint (dial),
                zrelay_table_error (table));
    }
    s_print (table);
    return zrelay_report_flush (self->report);
}

//  --------------------------------------------------------------------------
//  The command

static zrelay_exit_t
s_watch (top_t *self)
{
    zrelay_dial_t *dial = zrelay_dial_new ("top", self->control, self->curve,
                                           self->server, self->report);
    if (!dial)
        return ZRELAY_EXIT_MISUSE;
    zrelay_table_t *table = zrelay_table_new ();
    zrelay_table_sort (table, self->column, self->reverse);
    zrelay_exit_t status = self->once? s_once (self, table, dial):
        zrelay_screen_run (table, zrelay_dial_client (dial), self->msecs,
                           self->report);
    zrelay_table_destroy (&table);
    zrelay_dial_destroy (&dial);
    return status;
}

zrelay_exit_t
zrelay_top (int argc, char **argv, zrelay_report_t *report)
{
    top_t self = {
        .msecs = INTERVAL_DEFAULT * MSECS, .report = report
    };
    zrelay_exit_t status = s_read (&self, argc, argv);
    if (status != ZRELAY_EXIT_NOT_YET)
        return status;
    if (self.help)
        return s_help (&self);
    if (!self.once && !isatty (STDOUT_FILENO))
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "top: standard output is not a terminal; --once prints plain"
            " text");
    return s_watch (&self);
}
