/*  =========================================================================
    zrelay_main - the program's command line, for kinds of your own

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MAIN_H_INCLUDED
#define ZRELAY_MAIN_H_INCLUDED

#include "zrelay_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  The whole of the program zrelay - its command line, security, signals,
//  draining and statistics - for the kinds in a table of your own, which ends
//  with NULL. It is in a library of its own: link with
//  $(pkg-config --libs libzrelay-main).
//
//      int main (int argc, char *argv [])
//      {
//          const zrelay_kind_t *kinds [] = { &s_my_kind, NULL };
//          return zrelay_main (kinds, argc, argv);
//      }
//
//  The first word of the command line is the kind; where the table has only one
//  kind, that word can be left out. Each kind's help, sides, default endpoints
//  and settings come from its description, and the program's name from
//  argv [0]. "keygen FILE" makes a certificate, so no kind should have that
//  name. Returns the exit status: 0 ended as asked, 1 failed while running,
//  2 wrong usage, or could not start, 3 ended as asked, but not all messages
//  were delivered. Call it once, from main (), before the process has other
//  threads: it handles SIGINT, SIGTERM, SIGHUP, SIGUSR1 and, at the end,
//  SIGALRM, ignores SIGPIPE, raises the limit of open files, and at the end
//  calls zsys_shutdown ().
ZRELAY_EXPORT int
    zrelay_main (const zrelay_kind_t *const *kinds, int argc, char *argv []);
//  @end

#ifdef __cplusplus
}
#endif

#endif
