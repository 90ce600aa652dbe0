/*  =========================================================================
    zrelay_spool - a queue of messages in a store, first in, first out

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_store_internal.h"

//  A message that was read, and not removed yet
typedef struct {
    uint64_t bytes : 63;        //  Of its frames
    uint64_t last : 1;          //  It is the last of its record
} entry_t;

//  What there is of something
typedef struct {
    uint64_t messages;
    uint64_t bytes;             //  Of their frames
} sum_t;

struct _zrelay_spool_t {
    zrelay_store_t *store;
    zrelay_spool_place_t place; //  Where it is, and what was committed
    uint64_t first;             //  Record of the first message
    uint64_t skip;              //  Messages of that record that are gone
    uint64_t end;               //  Records from here on are not in the store
    sum_t stored;               //  What is there in those that are
    sum_t waiting;              //  And in those that are not
    zlistx_t *blocks;           //  These, in order; the last may be open
    bool open;                  //  It is, so takes messages
    zrelay_block_t *reading;    //  The record that is being read, or NULL
    bool own;                   //  It is in no list
    zrelay_block_t *spare;      //  To read the next record into, or NULL: for
                                //  a new one, malloc () first tidies up all of
                                //  libzmq's small pieces
    uint64_t at;                //  Its number; or that of the next to be read
    entry_t *entries;           //  A ring: read, and not removed
    size_t room;                //  Entries that it can have, a power of 2
    size_t head;                //  The first
    size_t count;               //  How many
    bool durable;               //  Only what is safe may be read
    bool damaged;               //  A record could not be read
    uint64_t put;               //  Messages ever: put,
    uint64_t removed;           //  and removed
    uint64_t committed;         //  Of put, those that are committed
    uint64_t taken;             //  That were when the syncer took a state
    uint64_t synced;            //  And those that are on the disk
};

static void
s_block_destroy (void **item_p)
{
    zrelay_block_destroy ((zrelay_block_t **) item_p);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_spool_t *
zrelay_spool_new (zrelay_store_t *store, const char *name)
{
    zrelay_spool_t *self = (zrelay_spool_t *) zmalloc (sizeof (zrelay_spool_t));
    assert (self);
    self->store = store;
    if (zrelay_store_add (store, self, name, &self->place)) {
        freen (self);
        return NULL;
    }
    const zrelay_spool_state_t *state = &self->place.state;
    self->first = state->first;
    self->skip = state->skip;
    self->end = state->end;
    self->at = state->first;
    self->stored = (sum_t) { state->messages, state->bytes };
    self->put = state->messages;
    self->committed = self->taken = self->synced = self->put;
    self->blocks = zlistx_new ();
    assert (self->blocks);
    zlistx_set_destructor (self->blocks, s_block_destroy);
    return self;
}

//  Ends the reading of a record

static void
s_close (zrelay_spool_t *self)
{
    if (self->own) {
        zrelay_block_destroy (&self->spare);
        if (zrelay_block_large (self->reading))
            zrelay_block_destroy (&self->reading);
        self->spare = self->reading;
    }
    self->reading = NULL;
    self->own = false;
}

void
zrelay_spool_destroy (zrelay_spool_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_spool_t *self = *self_p;
        zrelay_store_remove (self->store, self);
        s_close (self);
        zrelay_block_destroy (&self->spare);
        zlistx_destroy (&self->blocks);
        zstr_free (&self->place.tree);
        freen (self->entries);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Properties

void
zrelay_spool_set_durable (zrelay_spool_t *self, bool durable)
{
    self->durable = durable;
}

const char *
zrelay_spool_tree (zrelay_spool_t *self)
{
    return self->place.tree;
}

bool
zrelay_spool_damaged (zrelay_spool_t *self)
{
    return self->damaged;
}

uint64_t
zrelay_spool_messages (zrelay_spool_t *self)
{
    return self->stored.messages + self->waiting.messages;
}

uint64_t
zrelay_spool_bytes (zrelay_spool_t *self)
{
    return self->stored.bytes + self->waiting.bytes;
}

uint64_t
zrelay_spool_read (zrelay_spool_t *self)
{
    return self->count;
}

//  Of all that were put ever, those that survive a crash of the machine or,
//  unless the policy is to sync always, of the process

static uint64_t
s_safe (zrelay_spool_t *self)
{
    if (zrelay_store_sync (self->store) != ZRELAY_STORE_SYNC_ALWAYS)
        return self->committed;
    zrelay_store_lock (self->store);
    uint64_t synced = self->synced;
    zrelay_store_unlock (self->store);
    return synced;
}

uint64_t
zrelay_spool_kept (zrelay_spool_t *self)
{
    uint64_t safe = s_safe (self);
    return safe > self->removed? safe - self->removed: 0;
}


//  --------------------------------------------------------------------------
//  Put

static zrelay_block_t *
s_open_block (zrelay_spool_t *self, size_t bytes)
{
    zrelay_block_t *block = self->open?
        (zrelay_block_t *) zlistx_last (self->blocks): NULL;
    if (block && zrelay_block_full (block, bytes))
        block = NULL;
    if (!block) {
        block = zrelay_block_new ();
        zlistx_add_end (self->blocks, block);
        self->open = true;
    }
    return block;
}

//  A block that got none, as the message was too large, must not remain

static zrelay_status_t
s_put (zrelay_spool_t *self, zrelay_block_t *block, zrelay_message_t *message,
       byte mark)
{
    if (zrelay_block_add (block, message, mark))
        return ZRELAY_STATUS_DONE;
    if (zrelay_block_count (block) == 0) {
        zlistx_last (self->blocks);
        zlistx_delete (self->blocks, zlistx_cursor (self->blocks));
        self->open = false;
    }
    return zrelay_store_fail (self->store, ZRELAY_STATUS_BAD_ARGUMENTS,
                              "a message of 4 GiB is too large");
}

zrelay_status_t
zrelay_spool_put (zrelay_spool_t *self, zrelay_message_t *message, byte mark)
{
    if (!zrelay_store_writable (self->store))
        return zrelay_store_fail (self->store, ZRELAY_STATUS_BAD_STATE,
                                  "it can only be looked at");
    size_t bytes = zrelay_message_bytes (message);
    zrelay_status_t status =
        s_put (self, s_open_block (self, bytes), message, mark);
    if (status == ZRELAY_STATUS_DONE) {
        self->put++;
        self->waiting.messages++;
        self->waiting.bytes += bytes;
        zrelay_store_touch (self->store);
    }
    return status;
}


//  --------------------------------------------------------------------------
//  Records are read from the store, or are still in memory

static bool
s_reload (zrelay_spool_t *self, const MDB_val *value)
{
    if (!self->spare)
        self->spare = zrelay_block_new ();
    if (!zrelay_block_reload (self->spare, value->mv_data, value->mv_size))
        return false;
    self->reading = self->spare;
    self->spare = NULL;
    self->own = true;
    return true;
}

static void
s_load (zrelay_spool_t *self)
{
    byte number [ZRELAY_STORE_KEY];
    zrelay_store_key (self->at, number);
    MDB_val key = { sizeof (number), number };
    MDB_val value;
    MDB_txn *txn = zrelay_store_begin_reading (self->store);
    int rc = txn? mdb_get (txn, self->place.records, &key, &value): MDB_PANIC;
    bool loaded = rc == 0 && s_reload (self, &value);
    if (txn)
        zrelay_store_end_reading (self->store);
    if (!loaded) {
        self->damaged = true;
        zrelay_store_fail (self->store, ZRELAY_STATUS_REFUSED,
                           "record %" PRIu64 " of '%s' is %s", self->at,
                           self->place.tree,
                           rc == 0? "damaged": mdb_strerror (rc));
    }
}

static void
s_find_waiting (zrelay_spool_t *self)
{
    zrelay_block_t *block = (zrelay_block_t *) zlistx_first (self->blocks);
    for (uint64_t number = self->end; block && number < self->at; number++)
        block = (zrelay_block_t *) zlistx_next (self->blocks);
    self->reading = block;
    if (block)
        zrelay_block_rewind (block);
}

//  Those that are gone are passed over

static void
s_skip (zrelay_spool_t *self)
{
    byte mark;
    size_t bytes;
    for (uint64_t left = self->skip; left > 0; left--)
        zrelay_block_next (self->reading, NULL, &mark, &bytes);
}

static bool
s_need_record (zrelay_spool_t *self)
{
    if (self->reading)
        return true;
    if (self->damaged)
        return false;
    if (self->at < self->end)
        s_load (self);
    else
        s_find_waiting (self);
    if (self->reading && self->at == self->first)
        s_skip (self);
    return self->reading != NULL;
}


//  --------------------------------------------------------------------------
//  Next

static entry_t *
s_entry (zrelay_spool_t *self, size_t index)
{
    return &self->entries [(self->head + index) & (self->room - 1)];
}

static void
s_need_room (zrelay_spool_t *self)
{
    if (self->count < self->room)
        return;
    size_t room = self->room? self->room * 2: 64;
    entry_t *entries = (entry_t *) malloc (room * sizeof (entry_t));
    assert (entries);
    for (size_t index = 0; index < self->count; index++)
        entries [index] = *s_entry (self, index);
    freen (self->entries);
    self->entries = entries;
    self->room = room;
    self->head = 0;
}

//  A record that was read to its end takes no more messages

static bool
s_ends_record (zrelay_spool_t *self)
{
    if (!zrelay_block_at_end (self->reading))
        return false;
    if (self->open && self->reading == zlistx_last (self->blocks))
        self->open = false;
    s_close (self);
    self->at++;
    return true;
}

bool
zrelay_spool_next (zrelay_spool_t *self, zrelay_message_t *message,
                   byte *mark_p, int64_t *time_p)
{
    if (self->durable && self->removed + self->count >= s_safe (self))
        return false;
    if (!s_need_record (self))
        return false;
    byte mark;
    size_t bytes;
    if (!zrelay_block_next (self->reading, message, &mark, &bytes))
        return false;
    if (mark_p)
        *mark_p = mark;
    if (time_p)
        *time_p = zrelay_block_time (self->reading);
    s_need_room (self);
    self->count++;
    bool last = s_ends_record (self);
    *s_entry (self, self->count - 1) = (entry_t) { bytes, last };
    return true;
}

void
zrelay_spool_rewind (zrelay_spool_t *self)
{
    s_close (self);
    self->at = self->first;
    self->count = 0;
}

int64_t
zrelay_spool_time (zrelay_spool_t *self)
{
    if (zrelay_spool_messages (self) == 0)
        return 0;
    uint64_t at = self->at;
    zrelay_block_t *reading = self->reading;
    bool own = self->own;
    if (at == self->first && reading)
        return zrelay_block_time (reading);
    self->reading = NULL;
    self->own = false;
    self->at = self->first;
    int64_t time = s_need_record (self)? zrelay_block_time (self->reading): 0;
    s_close (self);
    self->at = at;
    self->reading = reading;
    self->own = own;
    return time;
}


//  --------------------------------------------------------------------------
//  Remove

//  The first record is gone. One that was still in memory never gets into the
//  store.

static void
s_remove_record (zrelay_spool_t *self)
{
    if (self->first == self->end) {
        zlistx_first (self->blocks);
        zlistx_delete (self->blocks, zlistx_cursor (self->blocks));
        self->end++;
    }
    self->first++;
    self->skip = 0;
}

void
zrelay_spool_remove (zrelay_spool_t *self, size_t count)
{
    assert (count <= self->count);
    if (count > 0)
        zrelay_store_touch (self->store);
    for (; count > 0; count--) {
        entry_t entry = *s_entry (self, 0);
        self->head = (self->head + 1) & (self->room - 1);
        self->count--;
        self->removed++;
        sum_t *sum = self->first < self->end? &self->stored: &self->waiting;
        sum->messages--;
        sum->bytes -= entry.bytes;
        if (entry.last)
            s_remove_record (self);
        else
            self->skip++;
    }
}


//  --------------------------------------------------------------------------
//  Commit

static int
s_delete (zrelay_spool_t *self, MDB_txn *txn)
{
    const zrelay_spool_state_t *state = &self->place.state;
    int rc = 0;
    for (uint64_t number = state->first;
         rc == 0 && number < self->first && number < state->end; number++) {
        byte key_data [ZRELAY_STORE_KEY];
        zrelay_store_key (number, key_data);
        MDB_val key = { sizeof (key_data), key_data };
        rc = mdb_del (txn, self->place.records, &key, NULL);
    }
    return rc;
}

static int
s_append (zrelay_spool_t *self, MDB_txn *txn)
{
    int rc = 0;
    uint64_t number = self->end;
    zrelay_block_t *block = (zrelay_block_t *) zlistx_first (self->blocks);
    for (; rc == 0 && block; number++) {
        byte key_data [ZRELAY_STORE_KEY];
        zrelay_store_key (number, key_data);
        MDB_val key = { sizeof (key_data), key_data };
        MDB_val value;
        value.mv_data = (void *) zrelay_block_data (block, &value.mv_size);
        rc = mdb_put (txn, self->place.records, &key, &value, MDB_APPEND);
        block = (zrelay_block_t *) zlistx_next (self->blocks);
    }
    return rc;
}

//  The state that is committed

static zrelay_spool_state_t
s_state (zrelay_spool_t *self, bool with_puts)
{
    zrelay_spool_state_t state = {
        .first = self->first, .end = self->end, .skip = self->skip,
        .messages = self->stored.messages, .bytes = self->stored.bytes
    };
    if (with_puts) {
        state.end += zlistx_size (self->blocks);
        state.messages += self->waiting.messages;
        state.bytes += self->waiting.bytes;
    }
    else
    if (self->first == self->end)
        state.skip = 0;
    return state;
}

int
zrelay_spool_write (zrelay_spool_t *self, MDB_txn *txn, bool with_puts)
{
    zrelay_spool_state_t state = s_state (self, with_puts);
    if (memcmp (&state, &self->place.state, sizeof (state)) == 0)
        return 0;
    int rc = s_delete (self, txn);
    if (rc == 0 && with_puts)
        rc = s_append (self, txn);
    if (rc == 0)
        rc = zrelay_spool_state_write (txn, self->place.states,
                                       self->place.tree, &state);
    return rc;
}

//  The record that is being read remains in memory

static void
s_forget_blocks (zrelay_spool_t *self)
{
    zrelay_block_t *block = (zrelay_block_t *) zlistx_first (self->blocks);
    while (block) {
        if (block == self->reading) {
            zlistx_detach (self->blocks, zlistx_cursor (self->blocks));
            self->own = true;
        }
        else
            zlistx_delete (self->blocks, zlistx_cursor (self->blocks));
        block = (zrelay_block_t *) zlistx_first (self->blocks);
    }
    self->open = false;
}

void
zrelay_spool_committed (zrelay_spool_t *self, bool with_puts)
{
    self->place.state = s_state (self, with_puts);
    if (!with_puts)
        return;
    self->end = self->place.state.end;
    self->stored.messages += self->waiting.messages;
    self->stored.bytes += self->waiting.bytes;
    self->waiting = (sum_t) { 0, 0 };
    self->committed = self->put;
    s_forget_blocks (self);
}

void
zrelay_spool_taken (zrelay_spool_t *self)
{
    self->taken = self->committed;
}

void
zrelay_spool_synced (zrelay_spool_t *self)
{
    self->synced = self->taken;
}
