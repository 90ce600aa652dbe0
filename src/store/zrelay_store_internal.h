/*  =========================================================================
    zrelay_store - messages on disk, in one directory, on LMDB

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STORE_INTERNAL_H_INCLUDED
#define ZRELAY_STORE_INTERNAL_H_INCLUDED

#include "zrelay_block.h"
#include "zrelay_syncer.h"
#include <zrelay_spool.h>

//  What a queue has of its store, and a store of its queues.

//  Keep a sentence, made as by printf, and return status. The directory stands
//  before it.
zrelay_status_t
    zrelay_store_fail (zrelay_store_t *self, zrelay_status_t status,
                       const char *format, ...) CHECK_PRINTF (3);

//  A transaction that reads what was committed, until it is ended. NULL if LMDB
//  refuses.
MDB_txn *
    zrelay_store_begin_reading (zrelay_store_t *self);
void
    zrelay_store_end_reading (zrelay_store_t *self);

//  Where a queue's state is kept, as a name of the store's own tree, and what
//  it says: 4 bytes of CRC-32C, and then numbers of 8 bytes in network order.
typedef struct {
    uint64_t first;             //  Number of its first record
    uint64_t end;               //  Behind the number of its last
    uint64_t skip;              //  Messages of the first that are gone
    uint64_t messages;          //  That are there
    uint64_t bytes;             //  Of these
} zrelay_spool_state_t;

//  Where a queue is kept
typedef struct {
    char *tree;                 //  Name of its tree; the caller frees it
    MDB_dbi records;            //  That tree
    MDB_dbi states;             //  That of states
    zrelay_spool_state_t state; //  What was committed
} zrelay_spool_place_t;

//  Queues take part in commits from here on.
zrelay_status_t
    zrelay_store_add (zrelay_store_t *self, zrelay_spool_t *spool,
                      const char *name, zrelay_spool_place_t *place);
void
    zrelay_store_remove (zrelay_store_t *self, zrelay_spool_t *spool);

//  Number of the process that uses the store, 0 if that is not known.
long
    zrelay_store_user (zrelay_store_t *self);

//  True if it is open and can be written.
bool
    zrelay_store_writable (zrelay_store_t *self);

//  Something has changed that is to be committed.
void
    zrelay_store_touch (zrelay_store_t *self);

//  The lock, held while a queue's counts of what was committed and synced are
//  read.
void
    zrelay_store_lock (zrelay_store_t *self);
void
    zrelay_store_unlock (zrelay_store_t *self);

//  Name of a queue's tree.
const char *
    zrelay_spool_tree (zrelay_spool_t *self);

//  Of each queue: write what is new, if with_puts, and what is gone. Returns 0
//  or LMDB's error. And what follows the commit, and what was said about states
//  that the syncer took.
int
    zrelay_spool_write (zrelay_spool_t *self, MDB_txn *txn, bool with_puts);
void
    zrelay_spool_committed (zrelay_spool_t *self, bool with_puts);
void
    zrelay_spool_taken (zrelay_spool_t *self);
void
    zrelay_spool_synced (zrelay_spool_t *self);

//  The key of a record: its number in network order
#define ZRELAY_STORE_KEY 8
void
    zrelay_store_key (uint64_t number, byte key [ZRELAY_STORE_KEY]);

//  Read it; all 0 if there is none. Returns false if it is damaged.
bool
    zrelay_spool_state_read (MDB_txn *txn, MDB_dbi states, const char *name,
                             zrelay_spool_state_t *state);
int
    zrelay_spool_state_write (MDB_txn *txn, MDB_dbi states, const char *name,
                              const zrelay_spool_state_t *state);

//  Compare each record of a queue with its checksum, and their sums with the
//  state. Returns NULL, or what is wrong.
const char *
    zrelay_spool_check (MDB_txn *txn, MDB_dbi records,
                        const zrelay_spool_state_t *state);

#endif
