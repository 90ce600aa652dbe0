/*  =========================================================================
    zrelay_report - how the program tells its user about failures

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_REPORT_H_INCLUDED
#define ZRELAY_REPORT_H_INCLUDED

#include <zrelay.h>

//  Every failure is one line on standard error: the program's name, what was
//  wrong, and how to fix it. The function that finds a failure reports it and
//  returns an exit status, which its callers only hand on:
//
//      if (*end)
//          return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
//              "--%s takes a number, not '%s'", name, argument);
//      return ZRELAY_EXIT_NOT_YET;

//  Where the failure is in a file, zrelay_report_set_place () says beforehand;
//  it comes before the sentence. A report can also keep what it is told, for
//  those who cannot print.

//  Where in a file something is
typedef struct {
    size_t line;                //  Line, counted from 1; 0: not in a file
    char *path;                 //  Path in the tree, "apps/NAME/devices ..."
} zrelay_place_t;

//  What was found, by a report that keeps it
typedef struct {
    bool warning;               //  It is no failure
    char *place;                //  "FILE:LINE", or ""
    char *path;                 //  Path in the tree, or ""
    char *sentence;             //  What is wrong
} zrelay_finding_t;

//  What the program returns to the shell
typedef enum {
    ZRELAY_EXIT_ASKED = 0,      //  Ended as asked
    ZRELAY_EXIT_FAILED = 1,     //  Failed while running
    ZRELAY_EXIT_MISUSE = 2,     //  Wrong usage, or could not start
    ZRELAY_EXIT_UNDELIVERED = 3,    //  Ended as asked, with messages that have
                                //  not left it
    ZRELAY_EXIT_SILENCE = 3,    //  Of zrelay ctl: nobody answered in time
    ZRELAY_EXIT_NOT_YET = -1    //  None of these: there is more to do
} zrelay_exit_t;

typedef struct _zrelay_report_t zrelay_report_t;

//  path is how the program was called, or NULL; its last part is the name
//  that starts each line.
zrelay_report_t *
    zrelay_report_new (const char *path);

//  A report that keeps what it is told, and prints nothing.
zrelay_report_t *
    zrelay_report_new_list (void);

void
    zrelay_report_destroy (zrelay_report_t **self_p);

//  The program's name; the string remains the object's.
const char *
    zrelay_report_program (zrelay_report_t *self);

//  Print a line, made as by printf, and return status. Control characters,
//  which may come from the command line, are printed as question marks, so
//  that they neither break the line nor steer the terminal.
zrelay_exit_t
    zrelay_report_say (zrelay_report_t *self, zrelay_exit_t status,
                       const char *format, ...) CHECK_PRINTF (3);

//  The same for something that is odd, and no failure.
void
    zrelay_report_warn (zrelay_report_t *self, const char *format, ...)
    CHECK_PRINTF (2);

//  From now on, failures are at that place of that file, both of which must
//  remain; NULL or line 0: in no file.
void
    zrelay_report_set_place (zrelay_report_t *self, const char *file,
                             const zrelay_place_t *place);

//  How many failures, without warnings, were reported.
size_t
    zrelay_report_failures (zrelay_report_t *self);

//  What a report kept, zrelay_finding_t, in order; the list remains the
//  report's.
zlistx_t *
    zrelay_report_findings (zrelay_report_t *self);

//  Print a line to standard output, or to standard error as it is. Neither these
//  nor zrelay_report_say () wait for whoever reads the line.
void
    zrelay_report_print (zrelay_report_t *self, const char *line);
void
    zrelay_report_note (zrelay_report_t *self, const char *line);

//  Makes a fresh string of a line for standard error, or several.
typedef char *(zrelay_report_fn) (zrelay_log_t level, const char *text);

//  Have such lines made so from now on; NULL: they are as they come. And leave
//  out lines of CZMQ's log that do not matter so much.
void
    zrelay_report_set_format (zrelay_report_t *self,
                              zrelay_report_fn *format);
void
    zrelay_report_set_level (zrelay_report_t *self, zrelay_log_t least);

//  A stream for CZMQ's log: its lines go the way of zrelay_report_note (). It
//  remains the object's.
FILE *
    zrelay_report_stream (zrelay_report_t *self);

//  Write out what printf () left in its buffer. Returns ZRELAY_EXIT_ASKED, or
//  reports the failure and returns ZRELAY_EXIT_FAILED. This waits for whoever
//  reads it, so it is not for a program whose relay runs.
zrelay_exit_t
    zrelay_report_flush (zrelay_report_t *self);

#endif
