/*  =========================================================================
    zrelay_json_file - a file of relays that is written in JSON

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_JSON_FILE_H_INCLUDED
#define ZRELAY_JSON_FILE_H_INCLUDED

#include "zrelay_report.h"

//  ZeroMQ RFC 17 allows JSON as well as ZPL. A file in JSON becomes ZPL, with
//  comments that say in which line each item was.

//  True if a file is JSON: its first character that is not space is "{".
bool
    zrelay_json_file_is (const char *file);

//  Read such a file. Returns its ZPL as a fresh string, or reports what is
//  wrong and returns NULL.
char *
    zrelay_json_file_read (const char *file, zrelay_report_t *report);

#endif
