/*  =========================================================================
    zrelay_zpl - reads the ZeroMQ Property Language

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ZPL_H_INCLUDED
#define ZRELAY_ZPL_H_INCLUDED

#include "zrelay_report.h"

//  Reads ZPL (ZeroMQ RFC 4) into a tree that knows where everything stands.
//  CZMQ's zconfig reads the same language, but does not tell lines, stops at
//  the first mistake, which it prints to standard output, and cuts lines of
//  more than 1024 bytes. Here every mistake is reported, and the rest is read.
//
//  Values are completed from the environment: $NAME and ${NAME} stand for a
//  variable, which must be there, ${NAME:-default} for one that need not, and
//  $$ for a dollar sign. A value in single quotes is left as it is, as in a
//  shell. A comment "#line 7" says that the next line counts as line 7, for
//  text that was made from another one.

//  What a name consists of, besides letters and digits
#define ZRELAY_ZPL_SIGNS "$-_@.&+/"

//  More levels than any configuration has
#define ZRELAY_ZPL_LEVELS 16

typedef struct _zrelay_zpl_t zrelay_zpl_t;

//  Read a text. file is its name for the report, and must remain. Returns the
//  root, without name and value, which the caller destroys.
zrelay_zpl_t *
    zrelay_zpl_parse (const char *text, size_t size, const char *file,
                      zrelay_report_t *report);

void
    zrelay_zpl_destroy (zrelay_zpl_t **self_p);

const char *
    zrelay_zpl_name (zrelay_zpl_t *self);
const char *
    zrelay_zpl_value (zrelay_zpl_t *self);

//  Where it stands: its line, and its path from the root.
const zrelay_place_t *
    zrelay_zpl_place (zrelay_zpl_t *self);

//  Its items, one by one, in the order of the text; NULL at the end.
zrelay_zpl_t *
    zrelay_zpl_first (zrelay_zpl_t *self);
zrelay_zpl_t *
    zrelay_zpl_next (zrelay_zpl_t *self);

//  Self test of this class
void
    zrelay_zpl_test (bool verbose);

#endif
