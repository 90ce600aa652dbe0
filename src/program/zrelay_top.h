/*  =========================================================================
    zrelay_top - the command "top": watches running relays

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TOP_H_INCLUDED
#define ZRELAY_TOP_H_INCLUDED

#include "zrelay_report.h"

//  The command "top [options]"; argv [0] is "top". Shows the relays behind a
//  control endpoint in a table, on a terminal until the user quits, or once as
//  text. Returns ZRELAY_EXIT_ASKED, or reports a failure and returns another
//  status.
zrelay_exit_t
    zrelay_top (int argc, char **argv, zrelay_report_t *report);

#endif
