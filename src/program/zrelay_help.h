/*  =========================================================================
    zrelay_help - prints help and the version

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HELP_H_INCLUDED
#define ZRELAY_HELP_H_INCLUDED

#include "zrelay_plan.h"
#include "zrelay_report.h"

//  Print help about the plan's kind, with its own settings, or, if the plan has
//  no kind, about all kinds of a table that ends with NULL.
zrelay_exit_t
    zrelay_help (zrelay_plan_t *plan, const zrelay_kind_t *const *kinds,
                 zrelay_report_t *report);

//  Print the versions of zrelay and of the libraries that it uses.
zrelay_exit_t
    zrelay_help_version (zrelay_report_t *report);

#endif
