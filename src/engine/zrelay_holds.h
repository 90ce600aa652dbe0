/*  =========================================================================
    zrelay_holds - how long held messages were held

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HOLDS_H_INCLUDED
#define ZRELAY_HOLDS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_counts.h"

//  A histogram of durations in msecs, with fixed bounds. A message counts when
//  it is no longer held, whatever became of it.

typedef struct _zrelay_holds_t zrelay_holds_t;

zrelay_holds_t *
    zrelay_holds_new (void);

void
    zrelay_holds_destroy (zrelay_holds_t **self_p);

//  A message was held for so long.
void
    zrelay_holds_add (zrelay_holds_t *self, int64_t msecs);

//  Report, behind the flow's name: "holds", messages; "holds_ms", the sum of
//  their times; and "holds_within_MSECS", messages that were held for at most
//  so long, for each bound.
void
    zrelay_holds_stats (zrelay_holds_t *self, zrelay_counts_t *counts,
                        const char *flow);

void
    zrelay_holds_reset (zrelay_holds_t *self);

void
    zrelay_holds_test (bool verbose);

#endif
