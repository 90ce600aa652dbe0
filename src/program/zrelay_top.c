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
#include "zrelay_parse.h"
#include "zrelay_screen.h"
#include "zrelay_table.h"

#define MSECS 1000

//  Seconds between two looks: unless given, and at most
#define INTERVAL_DEFAULT 1
#define INTERVAL_MAX 3600

//  A number's text, for the help
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF (number)

//  Milliseconds that the relays have to answer, if the text is made once
#define SNAPSHOT_TIMEOUT 5000

//  What the command line asks for
typedef struct {
    char *control;              //  Endpoint of the relays, or NULL
    char *curve;                //  File of our certificate, or NULL
    char *server;               //  File of that of the other party, or NULL
    size_t msecs;               //  Between two looks
    size_t column;              //  To sort by
    bool reverse;               //  The other way round
    bool once;                  //  Print text, once
    bool help;                  //  Only explain
    zrelay_report_t *report;    //  Hears what is wrong
} top_t;

static zrelay_parse_fn s_read_interval, s_read_column;

#define IN_TOP(member) offsetof (top_t, member)

static const zrelay_parse_option_t s_options [] = {
    { 0, "control", "ENDPOINT",
      "where they are steered (default: ZRELAY_CONTROL,\n"
      "or that of zrelay run)",
      zrelay_parse_text, IN_TOP (control), false },
    { 0, "curve", "FILE",
      "our certificate, for tcp",
      zrelay_parse_text, IN_TOP (curve), false },
    { 0, "server", "FILE",
      "the public certificate of the other party",
      zrelay_parse_text, IN_TOP (server), false },
    { 0, "interval", "SECONDS",
      "time between two looks (default " TEXT (INTERVAL_DEFAULT) ")",
      s_read_interval, IN_TOP (msecs), false },
    { 0, "sort", "COLUMN",
      "sort by that column (default NAME)",
      s_read_column, IN_TOP (column), false },
    { 0, "reverse", NULL,
      "sort the other way round",
      zrelay_parse_flag, IN_TOP (reverse), false },
    { 0, "once", NULL,
      "print the table after one interval, and exit",
      zrelay_parse_flag, IN_TOP (once), false },
    { 'h', "help", NULL,
      "print this help and exit",
      zrelay_parse_ask, IN_TOP (help), false },
    { 0, NULL, NULL, NULL, NULL, 0, false }
};

//  --------------------------------------------------------------------------
//  The command line

static zrelay_exit_t
s_help (top_t *self)
{
    printf ("Usage: %s top [options]\n"
        "Watches running relays: a table with a row for each, made anew every"
        " second.\n", zrelay_report_program (self->report));
    zrelay_parse_print_all (s_options);
    printf ("\nColumns, of which a narrow terminal shows the first:\n ");
    size_t columns = zrelay_table_columns ();
    for (size_t column = 0; column < columns; column++)
        printf ("%s%s", column == columns / 2? "\n  ": " ",
                zrelay_table_title (column));
    printf ("\n");
    return zrelay_report_flush (self->report);
}

static zrelay_exit_t
s_read_interval (zrelay_parse_t *parse, const zrelay_parse_option_t *option,
                 const char *text)
{
    char *end;
    double seconds = strtod (text, &end);
    if (!isdigit ((byte) *text) || *end || !(seconds * MSECS >= 1)
    ||  seconds > INTERVAL_MAX)
        return zrelay_parse_wrong (parse,
            "--%s takes seconds from 0.001 to %d, not '%s'", option->name,
            INTERVAL_MAX, text);
    *(size_t *) zrelay_parse_place (parse, option) =
        (size_t) (seconds * MSECS);
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_read_column (zrelay_parse_t *parse, const zrelay_parse_option_t *option,
               const char *text)
{
    size_t column = zrelay_table_find (text);
    if (column == SIZE_MAX)
        return zrelay_parse_wrong (parse,
            "there is no column '%s'; see %s top --help", text,
            zrelay_report_program (parse->report));
    *(size_t *) zrelay_parse_place (parse, option) = column;
    return ZRELAY_EXIT_NOT_YET;
}

static zrelay_exit_t
s_read (top_t *self, int argc, char **argv)
{
    zrelay_parse_t parse = {
        .options = s_options, .object = self, .word = "top",
        .report = self->report
    };
    int next;
    zrelay_exit_t status = zrelay_parse (&parse, argc, argv, &next);
    if (status == ZRELAY_EXIT_NOT_YET && !self->help && next < argc)
        status = zrelay_parse_wrong (&parse,
            "'%s' is one word too many; see %s top --help", argv [next],
            zrelay_report_program (self->report));
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
    if (status == ZRELAY_EXIT_NOT_YET)
        status = self.help? s_help (&self):
            self.once || isatty (STDOUT_FILENO)? s_watch (&self):
            zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
                "top: standard output is not a terminal; --once prints plain"
                " text");
    zstr_free (&self.control);
    zstr_free (&self.curve);
    zstr_free (&self.server);
    return status;
}
