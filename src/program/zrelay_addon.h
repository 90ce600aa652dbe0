/*  =========================================================================
    zrelay_addon - libraries that the program uses if they are there

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ADDON_H_INCLUDED
#define ZRELAY_ADDON_H_INCLUDED

#include "zrelay_report.h"

//  Libraries that the program uses if they are installed: libzrelay-store, so
//  that relays can spool.

//  Let relays spool, if there is that library.
void
    zrelay_addon_provide (void);

//  Carry out "zrelay spool ...", of which argv holds the words from "spool" on.
zrelay_exit_t
    zrelay_addon_spool (int argc, char **argv, zrelay_report_t *report);

#endif
