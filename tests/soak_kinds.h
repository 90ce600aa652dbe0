/*  =========================================================================
    soak_kinds - kinds that know what they carry, in the soak test

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Kinds that only pass messages on have one account in common, see soak.c.
//  Others have accounts of their own. Each relay of such a kind is a row here:
//  what soak.c does with it, on its main thread, in this order.

#ifndef SOAK_KINDS_H_INCLUDED
#define SOAK_KINDS_H_INCLUDED

#include "chance.h"
#include "faults/faults.h"

typedef struct {
    const char *name;           //  Of the relay in reports
    const void *about;          //  What begin is told
    //  Start a relay and its peers. chance is the seed of all its decisions.
    void *(*begin) (const char *name, const void *about, uint64_t chance);
    //  Do one thing to it
    void (*act) (void *self);
    //  No more surprises, from now on
    void (*pacify) (void *self);
    //  True if since then everything was answered, or delivered
    bool (*settled) (void *self);
    //  Report what was found, as results of the test
    void (*judge) (void *self);
    void (*end) (void **self_p);
} soak_kind_t;

//  Balancers and majordomos (soak_pools.c); ended by a row without a name.
extern const soak_kind_t soak_pools [];

//  Caches (soak_cache.c), likewise.
extern const soak_kind_t soak_caches [];

//  What is known of a relay in each of these
typedef struct {
    const char *name;           //  In reports
    zactor_t *actor;
    bool paused;
    uint64_t wrong;             //  Commands that were answered wrongly
} soak_relay_t;

//  Send it a command, a list of strings. An answer that is not 0 is reported
//  and counted.
void
    soak_do (soak_relay_t *self, const char *command, ...)
    __attribute__ ((sentinel));

//  Send it a query that is answered with a table of so many columns and at most
//  so many rows. Another answer is reported and counted.
void
    soak_query (soak_relay_t *self, const char *name, size_t columns,
                size_t most);

//  The commands SET RELAY name value, PAUSE and RESUME
void
    soak_set (soak_relay_t *self, const char *name, uint64_t value);
void
    soak_pause (soak_relay_t *self);
void
    soak_resume (soak_relay_t *self);

//  Role of processes that these start, see faults_spawn ()
int
    soak_pool_worker (int argc, char **argv);

#endif
