/*  =========================================================================
    zrelay_parse - reads options of a command line, by a table

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PARSE_H_INCLUDED
#define ZRELAY_PARSE_H_INCLUDED

#include "zrelay_report.h"

typedef struct _zrelay_parse_t zrelay_parse_t;
typedef struct _zrelay_parse_option_t zrelay_parse_option_t;

//  Takes an option's argument, or NULL where it has none. Returns
//  ZRELAY_EXIT_NOT_YET to go on.
typedef zrelay_exit_t (zrelay_parse_fn) (zrelay_parse_t *self,
                                         const zrelay_parse_option_t *option,
                                         const char *argument);

//  An option; one without a name ends the table.
struct _zrelay_parse_option_t {
    char letter;                //  Short form, or 0
    const char *name;           //  Long form
    const char *argument;       //  What its argument is, or NULL: has none
    const char *help;           //  What it does; a newline breaks its lines
    zrelay_parse_fn *handler;   //  Takes its argument
    size_t offset;              //  Where in the object the handler stores it,
                                //  if several options have the same handler
    bool once;                  //  May be given once, with an argument that
                                //  is not empty
};

//  A command line that is being read. Fill in all but the last.
struct _zrelay_parse_t {
    const zrelay_parse_option_t *options;   //  The table
    void *object;               //  Filled in by handlers
    const char *word;           //  The command, or "": begins sentences
    zrelay_report_t *report;    //  Hears what is wrong
    bool ahead;                 //  Options come before all other words
    bool asked;                 //  An option asked for something else than the
                                //  command's work: it sets this, and is the
                                //  last
};

//  Read options. Sets *next_p to the index of the first word that is no option;
//  such words have been moved behind all options. Returns ZRELAY_EXIT_NOT_YET,
//  or what a handler has returned, or reports what is wrong and returns
//  ZRELAY_EXIT_MISUSE.
zrelay_exit_t
    zrelay_parse (zrelay_parse_t *self, int argc, char **argv, int *next_p);

//  Print the options of a table, or one of them, as help has them.
void
    zrelay_parse_print_all (const zrelay_parse_option_t *options);
void
    zrelay_parse_print (const zrelay_parse_option_t *option);

//  Print the right column of help, on a line of its own if the left one, which
//  was printed, has used too many characters.
void
    zrelay_parse_print_right (int used, const char *text);

//  Report what is wrong with the command line, behind its command.
#define zrelay_parse_wrong(self, format, ...) \
    zrelay_report_say ((self)->report, ZRELAY_EXIT_MISUSE, "%s%s" format, \
        (self)->word, *(self)->word? ": ": "", ##__VA_ARGS__)

//  Where the object has an option; and handlers for options that are stored as
//  they are, in a char *, whose previous string is freed, or a bool; and one
//  that sets a bool, and asked.
void *
    zrelay_parse_place (zrelay_parse_t *self,
                        const zrelay_parse_option_t *option);
zrelay_parse_fn zrelay_parse_text;
zrelay_parse_fn zrelay_parse_flag;
zrelay_parse_fn zrelay_parse_ask;

#endif
