/*  =========================================================================
    zrelay_crc - CRC-32C of bytes

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_crc.h"

#include <pthread.h>

//  The polynomial 1edc6f41 with its bits in reverse
#define POLYNOMIAL 0x82f63b78u

//  Bytes that are taken in one step
#define STEP 8

//  What a byte does to the rest, if so many more bytes follow it in its step
static uint32_t s_tables [STEP] [256];
static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static void
s_make_tables (void)
{
    for (uint32_t value = 0; value < 256; value++) {
        uint32_t rest = value;
        for (int bit = 0; bit < 8; bit++)
            rest = rest & 1? rest >> 1 ^ POLYNOMIAL: rest >> 1;
        s_tables [0] [value] = rest;
    }
    for (int table = 1; table < STEP; table++)
        for (int value = 0; value < 256; value++) {
            uint32_t before = s_tables [table - 1] [value];
            s_tables [table] [value] =
                before >> 8 ^ s_tables [0] [before & 0xff];
        }
}

uint32_t
zrelay_crc (const void *data, size_t size)
{
    pthread_once (&s_once, s_make_tables);
    const byte *bytes = (const byte *) data;
    uint32_t rest = UINT32_MAX;
    for (; size >= STEP; size -= STEP, bytes += STEP)
        rest = s_tables [7] [(rest ^ bytes [0]) & 0xff]
             ^ s_tables [6] [(rest >> 8 ^ bytes [1]) & 0xff]
             ^ s_tables [5] [(rest >> 16 ^ bytes [2]) & 0xff]
             ^ s_tables [4] [rest >> 24 ^ bytes [3]]
             ^ s_tables [3] [bytes [4]] ^ s_tables [2] [bytes [5]]
             ^ s_tables [1] [bytes [6]] ^ s_tables [0] [bytes [7]];
    for (; size > 0; size--, bytes++)
        rest = rest >> 8 ^ s_tables [0] [(rest ^ *bytes) & 0xff];
    return ~rest;
}
