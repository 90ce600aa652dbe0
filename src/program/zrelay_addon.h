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

#include <zrelay.h>
#include "zrelay_report.h"

//  Libraries that the program uses if they are installed: libzrelay-store, so
//  that relays can spool, and a majordomo can be a Titanic; and libzrelay-nats,
//  so that relays can be joined. It is not linked with them, so that it runs,
//  and can be packaged, without them.

//  Let relays spool, if there is that library.
void
    zrelay_addon_provide (void);

//  The same table, in which kinds of libzrelay have been replaced by those of
//  the same name that these libraries have. A library is loaded if the name of
//  one of its kinds is among the arguments, or if there are none (argc is 0).
//  The table remains until the next call.
const zrelay_kind_t *const *
    zrelay_addon_kinds (const zrelay_kind_t *const *kinds, int argc,
                        char **argv);

//  Carry out "zrelay spool ...", of which argv holds the words from "spool" on.
zrelay_exit_t
    zrelay_addon_spool (int argc, char **argv, zrelay_report_t *report);

#endif
