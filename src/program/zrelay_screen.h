/*  =========================================================================
    zrelay_screen - the table of relays on a terminal

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SCREEN_H_INCLUDED
#define ZRELAY_SCREEN_H_INCLUDED

#include "zrelay_report.h"
#include "zrelay_table.h"

//  Show the table on the terminal, made anew every so many msecs, until the
//  user quits. Uses ncurses; built without it, it only says so. Returns
//  ZRELAY_EXIT_ASKED, or reports what is wrong and returns another status.
zrelay_exit_t
    zrelay_screen_run (zrelay_table_t *table, zrelay_client_t *client,
                       size_t msecs, zrelay_report_t *report);

#endif
