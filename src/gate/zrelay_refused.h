/*  =========================================================================
    zrelay_refused - who was refused, for the log

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_REFUSED_H_INCLUDED
#define ZRELAY_REFUSED_H_INCLUDED

#include <zrelay.h>

//  Collects refusals, so that the log gets at most one line a second however
//  many there are:
//
//      gate: refused 127.0.0.2 (no certificate) 312 times, and 4 others 9 times

typedef struct _zrelay_refused_t zrelay_refused_t;

zrelay_refused_t *
    zrelay_refused_new (void);

void
    zrelay_refused_destroy (zrelay_refused_t **self_p);

//  An address was refused, for that reason.
void
    zrelay_refused_add (zrelay_refused_t *self, const char *address,
                        const char *reason);

//  The line, if it is time for one and there is something to log, else NULL.
//  The caller frees it with zstr_free ().
char *
    zrelay_refused_line (zrelay_refused_t *self, int64_t now);

//  True if something waits to be logged.
bool
    zrelay_refused_waits (zrelay_refused_t *self);

void
    zrelay_refused_test (bool verbose);

#endif
