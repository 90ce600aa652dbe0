/*  =========================================================================
    zrelay_format - how lines of the log look

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_FORMAT_H_INCLUDED
#define ZRELAY_FORMAT_H_INCLUDED

#include "zrelay_report.h"

//  Choose how a report's lines look:
//
//      text        as they are: those of the log with a letter and a time
//      json        an object in each line, with time (RFC 3339, UTC), level and
//                  message
//      journal     behind "<6>" and the like, by which systemd's journal knows
//                  the level, see sd-daemon(3); the journal adds the time
//
//  Returns false if there is no such format.
bool
    zrelay_format_choose (const char *name, zrelay_report_t *report);

//  Choose what is logged: "error", "warning" and what is worse, or "info" for
//  everything. Returns false if there is no such level.
bool
    zrelay_format_choose_level (const char *name, zrelay_report_t *report);

#endif
