/*  =========================================================================
    zrelay_row - structures that a kind fills in, which grow

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ROW_H_INCLUDED
#define ZRELAY_ROW_H_INCLUDED

#include <zrelay.h>

//  See "Growth" in zrelay_engine.h. A kind, and each row of its tables of
//  commands, settings and counters, begins with its size and its name. The size
//  is the one that its compiler knew, so a row is found and read by that, and
//  not by index. A table ends with a row without a name.

//  The first row, or NULL if there is none. table may be NULL.
const void *
    zrelay_row_first (const void *table);

//  The row behind another, or NULL at the end.
const void *
    zrelay_row_next (const void *row);

//  Fill a structure of size bytes from a row. Members that the row has not are
//  0, and so NULL.
void
    zrelay_row_copy (const void *row, void *copy, size_t size);

void
    zrelay_row_test (bool verbose);

#endif
