/*  =========================================================================
    zrelay_ledger - which requests and replies a Titanic has

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_LEDGER_H_INCLUDED
#define ZRELAY_LEDGER_H_INCLUDED

#include <zrelay_store.h>
#include <zrelay_index.h>

//  Knows of each request that a Titanic keeps: its UUID, what became of it, how
//  old it is, and for which service it is. Their frames are in a store, under
//  the UUID, in a message whose first frame is a head:
//
//      bytes   what
//      1       'Q' a request, whose service follows in a frame of its own, and
//              then its body; or 'A' a reply, whose body follows
//      8       number of the request, in network order: each has a higher one
//              than those before it
//
//  The ledger itself changes nothing in a store.

#define ZRELAY_LEDGER_UUID 32

//  What becomes of a request
typedef enum {
    ZRELAY_ENTRY_NEW,           //  It is not in the store yet
    ZRELAY_ENTRY_READY,         //  Waits for its turn
    ZRELAY_ENTRY_ASKED,         //  Workers have been asked
    ZRELAY_ENTRY_RESTING,       //  They were, in vain; it is asked again soon
    ZRELAY_ENTRY_ANSWERED,      //  Its reply came, and is being stored
    ZRELAY_ENTRY_UNKEPT,        //  Its reply could not be stored so far
    ZRELAY_ENTRY_REPLIED,       //  Its reply is in the store
    ZRELAY_ENTRY_BROKEN         //  It cannot be read
} zrelay_entry_state_t;

//  Settings and counters, for the kind's tables
typedef struct {
    int64_t expiry;             //  Msecs until they expire; 0: never
    int64_t requests_most;      //  Most of them, answered or not
    int64_t bytes_most;         //  Most bytes in requests, and in replies
    int64_t sync;               //  A zrelay_store_sync_t
    uint64_t requests;          //  Gauge: requests that have no reply yet
    uint64_t request_bytes;     //  Gauge: bytes in these
    uint64_t replies;           //  Gauge: requests that have one
    uint64_t reply_bytes;       //  Gauge: bytes in these replies
    uint64_t accepted;          //  Requests that were stored
    uint64_t answered;          //  Replies that were stored
    uint64_t closed;            //  Both, deleted by a client
    uint64_t expired;           //  Both, deleted as their time was over
    uint64_t refused;           //  Requests for which there was no room
    uint64_t failed;            //  Answers 500 because of the store
    uint64_t returned;          //  Times that workers were asked in vain
    uint64_t failing;           //  Gauge: 1: the store cannot be written
} zrelay_ledger_numbers_t;

//  A service: its requests, the next first
typedef struct _zrelay_line_t zrelay_line_t;
struct _zrelay_line_t {
    zrelay_name_t name;         //  Its bytes follow the structure
    zlistx_t *ready;            //  Entries that wait for their turn
    size_t asked;               //  Requests that workers have been asked
    size_t users;               //  Entries and requests that need it
};

//  A request. It is the ledger's; ask is its owner's.
typedef struct _zrelay_entry_t zrelay_entry_t;
struct _zrelay_entry_t {
    char uuid [ZRELAY_LEDGER_UUID + 1];     //  In capitals
    zrelay_name_t name;         //  The same, for the index
    zrelay_line_t *line;        //  Its service; NULL: it was answered before
    zrelay_entry_state_t state;
    uint64_t number;            //  In its head
    int64_t time;               //  When it came, or was answered, in msecs
                                //  since 1970
    size_t bytes;               //  That count
    bool leaving;               //  It is being deleted
    bool unkept;                //  Its reply could not be stored yet
    void *age;                  //  Handle in the list of all, or NULL
    zlistx_t *list;             //  The list that its state has, or NULL
    void *place;                //  Handle in that
    void *ask;                  //  What workers were asked, or NULL
    zrelay_message_t *reply;    //  Until it is stored, or NULL
    size_t reply_bytes;         //  That count in this
};

typedef struct _zrelay_ledger_t zrelay_ledger_t;

zrelay_ledger_t *
    zrelay_ledger_new (zrelay_ledger_numbers_t *numbers);

void
    zrelay_ledger_destroy (zrelay_ledger_t **self_p);

//  Take all that is in a store. Returns NULL, or what is wrong with it: the end
//  of a sentence.
const char *
    zrelay_ledger_load (zrelay_ledger_t *self, zrelay_store_t *store);

//  True if there is room for a request of so many bytes.
bool
    zrelay_ledger_has_room (zrelay_ledger_t *self, size_t bytes);

//  True if more replies would find no room, or a reply could not be stored yet.
bool
    zrelay_ledger_is_stopped (zrelay_ledger_t *self);

//  Bytes of a message that count: some for each frame, too.
size_t
    zrelay_ledger_bytes (zrelay_message_t *message);

//  A new request, whose UUID nobody can guess; NULL if the system has no random
//  numbers.
zrelay_entry_t *
    zrelay_ledger_add (zrelay_ledger_t *self, const void *service, size_t size,
                       size_t bytes);

//  The request with that UUID, letters in either case, or NULL.
zrelay_entry_t *
    zrelay_ledger_find (zrelay_ledger_t *self, const void *uuid, size_t size);

void
    zrelay_ledger_remove (zrelay_ledger_t *self, zrelay_entry_t **entry_p);

//  It goes to the end of the list that this state has; READY, if first, to the
//  beginning.
void
    zrelay_ledger_set_state (zrelay_ledger_t *self, zrelay_entry_t *entry,
                             zrelay_entry_state_t state, bool first);

//  Its reply has come, which is taken, and is to be stored; and that has been
//  done, so it is new again.
void
    zrelay_ledger_set_answered (zrelay_ledger_t *self, zrelay_entry_t *entry,
                                zrelay_message_t **reply_p);
void
    zrelay_ledger_set_replied (zrelay_ledger_t *self, zrelay_entry_t *entry);

//  It is being deleted: it is in no list, and does not expire. Or that failed.
void
    zrelay_ledger_set_leaving (zrelay_ledger_t *self, zrelay_entry_t *entry,
                               bool leaving);

//  The first that has expired at that time, in msecs since 1970; or the first
//  in one of these states: NULL if there is none.
zrelay_entry_t *
    zrelay_ledger_expired (zrelay_ledger_t *self, int64_t now);
zrelay_entry_t *
    zrelay_ledger_resting (zrelay_ledger_t *self);
zrelay_entry_t *
    zrelay_ledger_unkept (zrelay_ledger_t *self);

//  The service of that name, or NULL; and the first, and the next, of those
//  that have requests. And one that a request needs, or needs no more.
zrelay_line_t *
    zrelay_ledger_find_line (zrelay_ledger_t *self, const void *name,
                             size_t size);
zrelay_line_t *
    zrelay_ledger_first_line (zrelay_ledger_t *self);
zrelay_line_t *
    zrelay_ledger_next_line (zrelay_ledger_t *self);
void
    zrelay_ledger_use_line (zrelay_ledger_t *self, zrelay_line_t *line);
void
    zrelay_ledger_leave_line (zrelay_ledger_t *self, zrelay_line_t *line);

//  The message that a store is to keep: the head, the service, or nothing if
//  that is NULL, and the frames of the body from first on.
zrelay_message_t *
    zrelay_ledger_write (zrelay_entry_t *entry, bool reply,
                         zrelay_message_t *body);

//  Read the body of a request or a reply from a store, behind the frames of a
//  message. Returns false if it is not there as it was written.
bool
    zrelay_ledger_read (zrelay_entry_t *entry, zrelay_store_t *store,
                        bool reply, zrelay_message_t *message);

void
    zrelay_ledger_test (bool verbose);

#endif
