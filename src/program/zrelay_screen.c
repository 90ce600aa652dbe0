/*  =========================================================================
    zrelay_screen - the table of relays on a terminal

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_screen.h"

#ifdef ZRELAY_TOP

#include <curses.h>
#include <poll.h>

//  Most milliseconds that the relays have to answer; keys wait for that long
#define SNAPSHOT_TIMEOUT 1000

//  Lines that are not the table's: title and headings above, keys below
#define LINES_ABOVE 2
#define LINES_BELOW 1

//  After so many keys that are none, the terminal is gone
#define EMPTY_MAX 10

#define KEY_ESCAPE 27
#define ESCAPE_DELAY 25

//  Keys of letters
#define KEY_IS(key, letter) ((key) == (letter) || (key) == toupper (letter))

//  What the screen shows
typedef enum {
    VIEW_TABLE,                 //  All relays
    VIEW_DETAIL                 //  All about one of them
} view_t;

typedef struct {
    zrelay_table_t *table;      //  The relays
    zrelay_client_t *client;    //  Asks them
    size_t msecs;               //  How often
    int64_t due;                //  When to ask again
    view_t view;                //  What is shown
    bool frozen;                //  It is not made anew
    bool colours;               //  The terminal has some
    bool ends;                  //  The user wants to quit
    size_t empty;               //  Times in a row that a key was to be read,
                                //  and there was none
    char *chosen;               //  Name of the relay that is chosen, or NULL
    size_t row;                 //  Its row
    size_t first;               //  First row or line that is shown
    zlist_t *lines;             //  Lines of the detail
} screen_t;

//  --------------------------------------------------------------------------
//  Looks: colours, or what every terminal has

static attr_t
s_attribute (screen_t *self, zrelay_table_look_t look)
{
    static const attr_t plain [] = {
        [ZRELAY_TABLE_PLAIN] = A_NORMAL, [ZRELAY_TABLE_GOOD] = A_NORMAL,
        [ZRELAY_TABLE_WARN] = A_BOLD, [ZRELAY_TABLE_BAD] = A_STANDOUT
    };
    return self->colours && look != ZRELAY_TABLE_PLAIN?
           COLOR_PAIR (look): plain [look];
}

static void
s_start_colours (screen_t *self)
{
    //  See https://no-color.org
    const char *unwanted = getenv ("NO_COLOR");
    self->colours = !(unwanted && *unwanted) && has_colors ()
                 && start_color () == OK && COLOR_PAIRS > ZRELAY_TABLE_BAD;
    if (!self->colours)
        return;
    short back = use_default_colors () == OK? -1: COLOR_BLACK;
    init_pair (ZRELAY_TABLE_GOOD, COLOR_GREEN, back);
    init_pair (ZRELAY_TABLE_WARN, COLOR_YELLOW, back);
    init_pair (ZRELAY_TABLE_BAD, COLOR_RED, back);
}

//  --------------------------------------------------------------------------
//  The table

//  The number of lines in the middle

static size_t
s_height (void)
{
    int height = LINES - LINES_ABOVE - LINES_BELOW;
    return height > 0? (size_t) height: 0;
}

//  The first column gets what the others leave

static int
s_width (size_t column)
{
    int width = zrelay_table_width (column);
    if (column > 0)
        return width;
    int all = 0;
    for (size_t other = 0; other < zrelay_table_columns (); other++)
        all += zrelay_table_width (other) + 1;
    return all < COLS? width + COLS - all: width;
}

//  Print text in a column, if it fits on the screen. Returns where the next one
//  begins.

static int
s_put_cell (int line, int place, size_t column, const char *text,
            attr_t attribute)
{
    int width = s_width (column);
    if (place + width > COLS)
        return COLS;
    attron (attribute);
    mvprintw (line, place, zrelay_table_is_number (column)? "%*.*s":
              "%-*.*s", width, width, text);
    attroff (attribute);
    return place + width + 1;
}

static void
s_draw_headings (screen_t *self)
{
    size_t sorted = zrelay_table_column (self->table);
    int place = 0;
    for (size_t column = 0; column < zrelay_table_columns (); column++)
        place = s_put_cell (1, place, column, zrelay_table_title (column),
                            A_BOLD | (column == sorted? A_UNDERLINE: 0));
}

static void
s_draw_row (screen_t *self, size_t row, int line)
{
    attr_t chosen = row == self->row? A_REVERSE: A_NORMAL;
    attron (chosen);
    mvhline (line, 0, ' ', COLS);
    attroff (chosen);
    int place = 0;
    for (size_t column = 0; column < zrelay_table_columns (); column++) {
        char text [ZRELAY_TABLE_ROOM];
        zrelay_table_look_t look =
            zrelay_table_cell (self->table, row, column, text);
        place = s_put_cell (line, place, column, text,
                            s_attribute (self, look) | chosen);
    }
}

static void
s_draw_table (screen_t *self)
{
    s_draw_headings (self);
    size_t height = s_height ();
    size_t rows = zrelay_table_rows (self->table);
    for (size_t index = 0; index < height && self->first + index < rows;
         index++)
        s_draw_row (self, self->first + index, LINES_ABOVE + (int) index);
}

//  --------------------------------------------------------------------------
//  The detail: statistics as text, and the peers

static void
s_add_text (screen_t *self, char *text)
{
    char *rest = text;
    char *line;
    while ((line = strsep (&rest, "\n")))
        if (rest || *line)
            zlist_append (self->lines, line);
    zstr_free (&text);
}

static void
s_add_list (screen_t *self, const char *query, const char *side,
            const char *title)
{
    zmsg_t *frames = zrelay_client_query (self->client, query, side, NULL);
    char *text;
    while (frames && (text = zmsg_popstr (frames))) {
        s_add_text (self, zsys_sprintf ("%-18s %s", title, text));
        zstr_free (&text);
    }
    zmsg_destroy (&frames);
}

static void
s_read_detail (screen_t *self)
{
    zlist_purge (self->lines);
    if (self->row >= zrelay_table_rows (self->table))
        return;
    zrelay_stats_t *stats = zrelay_table_stats (self->table, self->row);
    if (!stats) {
        zlist_append (self->lines, "The relay does not answer.");
        return;
    }
    s_add_text (self, zrelay_stats_text (stats));
    zlist_append (self->lines, "");
    zrelay_client_set_timeout (self->client, SNAPSHOT_TIMEOUT);
    zrelay_client_set_relay (self->client, self->chosen);
    s_add_list (self, "ENDPOINT", "FRONTEND", "frontend");
    s_add_list (self, "PEERS", "FRONTEND", "frontend's peers");
    s_add_list (self, "ENDPOINT", "BACKEND", "backend");
    s_add_list (self, "PEERS", "BACKEND", "backend's peers");
    zrelay_client_set_relay (self->client, NULL);
}

static void
s_draw_detail (screen_t *self)
{
    size_t height = s_height ();
    size_t index = 0;
    const char *line = (const char *) zlist_first (self->lines);
    for (; line; line = (const char *) zlist_next (self->lines), index++)
        if (index >= self->first && index < self->first + height)
            mvprintw (LINES_ABOVE + (int) (index - self->first), 0, "%.*s",
                      COLS, line);
}

//  --------------------------------------------------------------------------
//  The whole screen

static void
s_put_line (int line, attr_t attribute, const char *text)
{
    attron (attribute);
    mvprintw (line, 0, "%.*s", COLS, text);
    attroff (attribute);
}

static void
s_draw_title (screen_t *self)
{
    const char *error = zrelay_table_error (self->table);
    size_t rows = zrelay_table_rows (self->table);
    char *title = error? zsys_sprintf ("zrelay top: %s", error):
        self->view == VIEW_DETAIL && self->chosen?
        zsys_sprintf ("zrelay top: %s", self->chosen):
        zsys_sprintf ("zrelay top: %zu %s%s", rows,
                      rows == 1? "relay": "relays",
                      self->frozen? ", frozen": "");
    assert (title);
    s_put_line (0, error? s_attribute (self, ZRELAY_TABLE_BAD): A_BOLD, title);
    zstr_free (&title);
}

static void
s_draw (screen_t *self)
{
    erase ();
    s_draw_title (self);
    if (self->view == VIEW_TABLE)
        s_draw_table (self);
    else
        s_draw_detail (self);
    s_put_line (LINES - 1, A_DIM, self->view == VIEW_TABLE?
        "q quit  up/down choose  enter detail  left/right sort  r reverse"
        "  space freeze":
        "q quit  esc back  up/down scroll  space freeze");
    refresh ();
}

//  --------------------------------------------------------------------------
//  Choosing

//  The row of the relay that was chosen, wherever it is now, or else the row
//  that is where it was

static void
s_find_chosen (screen_t *self)
{
    size_t rows = zrelay_table_rows (self->table);
    char text [ZRELAY_TABLE_ROOM];
    for (size_t row = 0; self->chosen && row < rows; row++) {
        zrelay_table_cell (self->table, row, 0, text);
        if (streq (text, self->chosen)) {
            self->row = row;
            return;
        }
    }
    if (self->row >= rows)
        self->row = rows > 0? rows - 1: 0;
}

static void
s_choose (screen_t *self, size_t row)
{
    if (row >= zrelay_table_rows (self->table))
        return;
    char text [ZRELAY_TABLE_ROOM];
    zrelay_table_cell (self->table, row, 0, text);
    zstr_free (&self->chosen);
    self->chosen = strdup (text);
    assert (self->chosen);
    self->row = row;
}

//  Show the row that is chosen, or the lines as far as there are any

static void
s_scroll (screen_t *self)
{
    size_t height = s_height ();
    if (self->view == VIEW_DETAIL) {
        size_t lines = zlist_size (self->lines);
        size_t last = lines > height? lines - height: 0;
        if (self->first > last)
            self->first = last;
        return;
    }
    if (self->row < self->first)
        self->first = self->row;
    if (height > 0 && self->row >= self->first + height)
        self->first = self->row - height + 1;
}

static void
s_sort (screen_t *self, size_t column, bool reverse)
{
    zrelay_table_sort (self->table, column, reverse);
    s_find_chosen (self);
}

//  --------------------------------------------------------------------------
//  Keys

static void
s_on_table_key (screen_t *self, int key)
{
    size_t columns = zrelay_table_columns ();
    size_t column = zrelay_table_column (self->table);
    bool reverse = zrelay_table_reversed (self->table);
    if (key == KEY_DOWN || KEY_IS (key, 'j'))
        s_choose (self, self->row + 1);
    else
    if ((key == KEY_UP || KEY_IS (key, 'k')) && self->row > 0)
        s_choose (self, self->row - 1);
    else
    if (key == KEY_RIGHT || KEY_IS (key, 'l') || key == '>')
        s_sort (self, (column + 1) % columns, reverse);
    else
    if (key == KEY_LEFT || KEY_IS (key, 'h') || key == '<')
        s_sort (self, (column + columns - 1) % columns, reverse);
    else
    if (KEY_IS (key, 'r'))
        s_sort (self, column, !reverse);
    else
    if ((key == '\n' || key == '\r' || key == KEY_ENTER)
    &&  zrelay_table_rows (self->table) > 0) {
        s_choose (self, self->row);
        self->view = VIEW_DETAIL;
        self->first = 0;
        s_read_detail (self);
    }
}

static void
s_on_detail_key (screen_t *self, int key)
{
    if (key == KEY_DOWN || KEY_IS (key, 'j'))
        self->first++;
    else
    if ((key == KEY_UP || KEY_IS (key, 'k')) && self->first > 0)
        self->first--;
    else
    if (key == KEY_NPAGE)
        self->first += s_height ();
    else
    if (key == KEY_PPAGE)
        self->first -= self->first < s_height ()? self->first: s_height ();
    else
    if (key == KEY_ESCAPE || key == KEY_BACKSPACE || key == '\b'
    ||  key == KEY_LEFT) {
        self->view = VIEW_TABLE;
        self->first = 0;
    }
}

static void
s_on_key (screen_t *self, int key)
{
    if (KEY_IS (key, 'q'))
        self->ends = true;
    else
    if (key == ' ')
        self->frozen = !self->frozen;
    else
    if (self->view == VIEW_TABLE)
        s_on_table_key (self, key);
    else
        s_on_detail_key (self, key);
    s_scroll (self);
}

//  --------------------------------------------------------------------------
//  The loop

static void
s_ask (screen_t *self)
{
    zrelay_snapshot_t *snapshot =
        zrelay_snapshot_new (self->client, SNAPSHOT_TIMEOUT);
    zrelay_table_update (self->table, &snapshot);
    s_find_chosen (self);
    if (self->view == VIEW_DETAIL)
        s_read_detail (self);
    s_scroll (self);
    self->due = zclock_mono () + (int64_t) self->msecs;
}

//  Wait for a key, or until it is time to ask. A terminal that is gone has no
//  more keys, but always something to read.

static void
s_wait (screen_t *self)
{
    int64_t left = self->due - zclock_mono ();
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    int rc = poll (&input, 1, self->frozen? -1: left > 0? (int) left: 0);
    bool resized = rc == -1 && errno == EINTR;
    int key = getch ();
    self->empty = key == ERR && rc > 0? self->empty + 1: 0;
    if (self->empty > EMPTY_MAX)
        self->ends = true;
    for (; key != ERR; key = getch ())
        s_on_key (self, key);
    if (resized)
        s_scroll (self);
    if (zsys_interrupted)
        self->ends = true;
}

zrelay_exit_t
zrelay_screen_run (zrelay_table_t *table, zrelay_client_t *client,
                   size_t msecs, zrelay_report_t *report)
{
    //  initscr () would end the process itself
    SCREEN *terminal = newterm (NULL, stdout, stdin);
    if (!terminal)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "top: the terminal '%s' is unknown; --once prints plain text",
            getenv ("TERM")? getenv ("TERM"): "");
    set_term (terminal);
    cbreak ();
    noecho ();
    keypad (stdscr, TRUE);
    nodelay (stdscr, TRUE);
    set_escdelay (ESCAPE_DELAY);
    curs_set (0);
    screen_t self = { .table = table, .client = client, .msecs = msecs };
    self.lines = zlist_new ();
    assert (self.lines);
    zlist_autofree (self.lines);
    s_start_colours (&self);
    while (!self.ends) {
        if (!self.frozen && zclock_mono () >= self.due)
            s_ask (&self);
        s_draw (&self);
        s_wait (&self);
    }
    endwin ();
    delscreen (terminal);
    zlist_destroy (&self.lines);
    zstr_free (&self.chosen);
    return ZRELAY_EXIT_ASKED;
}

#else

zrelay_exit_t
zrelay_screen_run (zrelay_table_t *table, zrelay_client_t *client,
                   size_t msecs, zrelay_report_t *report)
{
    assert (table && client);
    (void) msecs;
    return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
        "top: this program was built without ncurses; --once prints plain"
        " text");
}

#endif
