/*  =========================================================================
    zrelay_main - the program's command line, for any kinds of relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MAIN_H_INCLUDED
#define ZRELAY_MAIN_H_INCLUDED

#include "zrelay_plan.h"

//  The whole of the program for the kinds in this table, ended by NULL. Returns
//  the exit status. To be called once, from main (), before the process has
//  other threads.
int
    zrelay_main (const zrelay_plan_kind_t *const *kinds, int argc,
                 char *argv []);

#endif
