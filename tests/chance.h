/*  =========================================================================
    chance - decisions that a seed makes the same each time

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef CHANCE_H_INCLUDED
#define CHANCE_H_INCLUDED

#include <czmq.h>

//  The next number. The seed, which must not be 0, moves on.

static inline uint64_t
chance_next (uint64_t *seed)
{
    //  Xorshift, with another step to spread small seeds
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (*seed * UINT64_C (0x9E3779B97F4A7C15)) >> 16;
}

//  A number below that limit; true once in so many times.

static inline uint64_t
chance_below (uint64_t *seed, uint64_t limit)
{
    return chance_next (seed) % limit;
}

static inline bool
chance_one_in (uint64_t *seed, uint64_t count)
{
    return chance_below (seed, count) == 0;
}

//  One of count rows that are size bytes apart, by their weights, of which this
//  is the first.

static inline size_t
chance_weighed (uint64_t *seed, const unsigned *weight, size_t count,
                size_t size)
{
    const char *first = (const char *) weight;
    uint64_t total = 0;
    for (size_t index = 0; index < count; index++)
        total += *(const unsigned *) (first + index * size);
    uint64_t dice = chance_below (seed, total);
    size_t chosen = 0;
    for (; dice >= *(const unsigned *) (first + chosen * size); chosen++)
        dice -= *(const unsigned *) (first + chosen * size);
    return chosen;
}

#endif
