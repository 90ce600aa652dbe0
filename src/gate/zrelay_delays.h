/*  =========================================================================
    zrelay_delays - what failures cost those who fail

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_DELAYS_H_INCLUDED
#define ZRELAY_DELAYS_H_INCLUDED

#include <zrelay.h>

//  Each failure of somebody doubles the time that the next try costs, up to a
//  limit; each time that passes as long as the limit, twice, takes one failure
//  back. The table has a fixed size: where it is full, whoever failed least
//  recently is forgotten. Somebody is a number that strangers cannot guess,
//  made of bytes that they chose.

typedef struct _zrelay_delays_t zrelay_delays_t;

zrelay_delays_t *
    zrelay_delays_new (void);

void
    zrelay_delays_destroy (zrelay_delays_t **self_p);

//  Set the delay after the second failure in a row, and the longest, in
//  milliseconds. 0: none.
void
    zrelay_delays_set (zrelay_delays_t *self, int64_t first, int64_t most);

//  The number of an address, and of a user there; that may have 0 bytes.
uint64_t
    zrelay_delays_id (zrelay_delays_t *self, const void *address,
                      size_t address_size, const void *user, size_t size);

//  Somebody fails now, at so many milliseconds. Returns the delay that this
//  costs.
int64_t
    zrelay_delays_fail (zrelay_delays_t *self, uint64_t id, int64_t now);

//  Somebody succeeds.
void
    zrelay_delays_succeed (zrelay_delays_t *self, uint64_t id);

//  True if the delay of somebody is not over yet.
bool
    zrelay_delays_active (zrelay_delays_t *self, uint64_t id, int64_t now);

void
    zrelay_delays_test (bool verbose);

#endif
