/*  =========================================================================
    zrelay_json - writes what a relay answered as JSON

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_JSON_H_INCLUDED
#define ZRELAY_JSON_H_INCLUDED

#include <zrelay.h>

//  Print a string of any bytes to standard output, or write it to a file, with
//  its quotes (RFC 8259), in ASCII. What is not UTF-8 is taken for Latin 1, byte by byte.
void
    zrelay_json_print (const void *data, size_t size);
void
    zrelay_json_write (FILE *file, const void *data, size_t size);

//  The same for a string of C.
void
    zrelay_json_print_string (const char *string);

#endif
