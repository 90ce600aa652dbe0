/*  =========================================================================
    tap.h - what tests in C are made of

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A test program prints TAP, the Test Anything Protocol, version 12:
//
//      int main (void)
//      {
//          TAP_DEADLINE (60);
//          TAP (answer == 42, "the answer is right");
//          TAP (streq (state, "active"), "%s: is active", kind);
//          return tap_end ();
//      }
//
//  A condition that fails is reported with its place and does not end the
//  program; TAP returns it, so that what depends on it can be left out.

#ifndef TAP_H_INCLUDED
#define TAP_H_INCLUDED

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

//  One program is one test; hence state in the header. It is weak, so that all
//  files of a program share it.
__attribute__ ((weak)) int tap_count;       //  Results so far
__attribute__ ((weak)) int tap_failed;      //  Those that were not ok

//  Report one result; what was tested is described as by printf
#define TAP(condition, ...) \
    s_tap_result ((condition), #condition, __FILE__, __LINE__, __VA_ARGS__)

//  Report that something could not be tested here, and why
#define TAP_SKIP(description, reason) \
    printf ("ok %d - %s # SKIP %s\n", ++tap_count, description, reason)

//  End the program with SIGALRM if it runs longer. Only a hang may reach it.
#define TAP_DEADLINE(seconds) alarm (seconds)

static inline bool __attribute__ ((format (printf, 5, 6)))
s_tap_result (bool ok, const char *condition, const char *file, int line,
              const char *format, ...)
{
    tap_count++;
    printf ("%sok %d - ", ok? "": "not ", tap_count);
    va_list argptr;
    va_start (argptr, format);
    vprintf (format, argptr);
    va_end (argptr);
    printf ("\n");
    if (!ok) {
        tap_failed++;
        printf ("#   %s:%d: not true: %s\n", file, line, condition);
    }
    //  What was found out is told even if the program crashes next
    fflush (stdout);
    return ok;
}

//  Print the plan; returns the exit status for main ()
static inline int
tap_end (void)
{
    printf ("1..%d\n", tap_count);
    return tap_failed? 1: 0;
}

#endif
