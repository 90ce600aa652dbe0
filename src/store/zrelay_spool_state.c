/*  =========================================================================
    zrelay_spool_state - what a store knows of a queue, and its check

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_store_internal.h"
#include "zrelay_crc.h"

//  Numbers that a state has, of so many bytes each, and what stands before them
#define NUMBERS 5
#define NUMBER_SIZE 8
#define CRC_SIZE 4
#define STATE_SIZE (CRC_SIZE + NUMBERS * NUMBER_SIZE)

void
zrelay_store_key (uint64_t number, byte key [ZRELAY_STORE_KEY])
{
    for (int index = ZRELAY_STORE_KEY - 1; index >= 0; index--) {
        key [index] = (byte) number;
        number >>= 8;
    }
}

static uint64_t
s_number (const byte *place)
{
    uint64_t number = 0;
    for (int index = 0; index < NUMBER_SIZE; index++)
        number = number << 8 | place [index];
    return number;
}

static void
s_set_crc (byte *place, uint32_t crc)
{
    for (int index = CRC_SIZE - 1; index >= 0; index--) {
        place [index] = (byte) crc;
        crc >>= 8;
    }
}

bool
zrelay_spool_state_read (MDB_txn *txn, MDB_dbi states, const char *name,
                         zrelay_spool_state_t *state)
{
    memset (state, 0, sizeof (*state));
    MDB_val key = { strlen (name), (void *) name };
    MDB_val value;
    int rc = mdb_get (txn, states, &key, &value);
    if (rc == MDB_NOTFOUND)
        return true;
    if (rc != 0 || value.mv_size != STATE_SIZE)
        return false;
    const byte *data = (const byte *) value.mv_data;
    byte crc [CRC_SIZE];
    s_set_crc (crc, zrelay_crc (data + CRC_SIZE, STATE_SIZE - CRC_SIZE));
    if (memcmp (crc, data, CRC_SIZE) != 0)
        return false;
    data += CRC_SIZE;
    state->first = s_number (data);
    state->end = s_number (data + NUMBER_SIZE);
    state->skip = s_number (data + 2 * NUMBER_SIZE);
    state->messages = s_number (data + 3 * NUMBER_SIZE);
    state->bytes = s_number (data + 4 * NUMBER_SIZE);
    return true;
}

int
zrelay_spool_state_write (MDB_txn *txn, MDB_dbi states, const char *name,
                          const zrelay_spool_state_t *state)
{
    byte data [STATE_SIZE];
    const uint64_t numbers [NUMBERS] = {
        state->first, state->end, state->skip, state->messages, state->bytes
    };
    for (int index = 0; index < NUMBERS; index++)
        zrelay_store_key (numbers [index],
                          data + CRC_SIZE + index * NUMBER_SIZE);
    s_set_crc (data, zrelay_crc (data + CRC_SIZE, STATE_SIZE - CRC_SIZE));
    MDB_val key = { strlen (name), (void *) name };
    MDB_val value = { sizeof (data), data };
    return mdb_put (txn, states, &key, &value, 0);
}


//  --------------------------------------------------------------------------
//  A whole queue

//  Adds the messages of a record, but for so many

static void
s_count (zrelay_block_t *block, uint64_t skip, zrelay_spool_state_t *found)
{
    byte mark;
    size_t bytes;
    while (zrelay_block_next (block, NULL, &mark, &bytes))
        if (skip > 0)
            skip--;
        else {
            found->messages++;
            found->bytes += bytes;
        }
}

static const char *
s_check_records (MDB_cursor *cursor, const zrelay_spool_state_t *state)
{
    zrelay_spool_state_t found = { .first = state->first };
    MDB_val key, value;
    uint64_t number = state->first;
    int rc = mdb_cursor_get (cursor, &key, &value, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get (cursor, &key, &value, MDB_NEXT)) {
        byte expected [ZRELAY_STORE_KEY];
        zrelay_store_key (number, expected);
        if (key.mv_size != sizeof (expected)
        ||  memcmp (key.mv_data, expected, sizeof (expected)) != 0)
            return "a record is missing";
        zrelay_block_t *block = zrelay_block_load (value.mv_data,
                                                   value.mv_size);
        if (!block)
            return "a record is not as it was written";
        s_count (block, number == state->first? state->skip: 0, &found);
        zrelay_block_destroy (&block);
        number++;
    }
    if (rc != MDB_NOTFOUND)
        return mdb_strerror (rc);
    return number == state->end && found.messages == state->messages
        && found.bytes == state->bytes? NULL: "a record is missing";
}

const char *
zrelay_spool_check (MDB_txn *txn, MDB_dbi records,
                    const zrelay_spool_state_t *state)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open (txn, records, &cursor);
    if (rc != 0)
        return mdb_strerror (rc);
    const char *problem = s_check_records (cursor, state);
    mdb_cursor_close (cursor);
    return problem;
}
