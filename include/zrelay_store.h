/*  =========================================================================
    zrelay_store - messages on disk, in one directory, on LMDB

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STORE_H_INCLUDED
#define ZRELAY_STORE_H_INCLUDED

#include "zrelay_spooler.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Messages on disk, in one directory, on LMDB: queues of messages, see
//  zrelay_spool.h, and messages that have names. It is in a library of its own:
//  link with $(pkg-config --libs libzrelay-store). One thread at a time uses a
//  store and its queues.
//
//      zrelay_store_t *store = zrelay_store_new ();
//      if (zrelay_store_open (store, "/var/lib/app") != ZRELAY_STATUS_DONE)
//          puts (zrelay_store_error (store));
//      zrelay_store_set (store, "request/17", message);
//      zrelay_store_commit (store);
//
//  What was put, removed, set and unset since the last commit is done by the
//  next one, all of it or nothing. What was committed survives the end of the
//  process, however that ends. What a crash of the machine may cost is what was
//  committed since the last sync; it never costs the store. A thread of the
//  store's own syncs, so nobody else waits for the disk.

typedef struct _zrelay_store_t zrelay_store_t;

//  When to sync what was committed
typedef enum {
    ZRELAY_STORE_SYNC_ALWAYS,   //  At once, again and again; see synced ()
    ZRELAY_STORE_SYNC_SECOND,   //  After a second at most
    ZRELAY_STORE_SYNC_NEVER     //  When the file grew by 64 MiB, and at the end
} zrelay_store_sync_t;

//  A store that is not open. The caller owns it. To destroy it closes it.
ZRELAY_EXPORT zrelay_store_t *
    zrelay_store_new (void);
ZRELAY_EXPORT void
    zrelay_store_destroy (zrelay_store_t **self_p);

//  Why the last call was refused: a sentence, which remains the store's.
ZRELAY_EXPORT const char *
    zrelay_store_error (zrelay_store_t *self);

//  Open the store in a directory, which is made if it does not exist (not so
//  its parents). Unless it was closed, and nobody has changed its files since,
//  all of it is read, and each checksum compared. Refused
//  (ZRELAY_STATUS_REFUSED) if the store is damaged, of a later version, not a
//  store, not to be read or written, or in use by another process or by this
//  one; nothing is deleted or changed then.
ZRELAY_EXPORT zrelay_status_t
    zrelay_store_open (zrelay_store_t *self, const char *directory);

//  Look at the store in a directory: also while another process uses it, but
//  then nothing can be changed. Refused likewise, and if there is none.
ZRELAY_EXPORT zrelay_status_t
    zrelay_store_look (zrelay_store_t *self, const char *directory);

//  True if another process used it when it was looked at.
ZRELAY_EXPORT bool
    zrelay_store_looks_on (zrelay_store_t *self);

//  Sync and close. What was not committed is lost; queues must have been
//  destroyed before.
ZRELAY_EXPORT void
    zrelay_store_close (zrelay_store_t *self);

//  Set the policy; ZRELAY_STORE_SYNC_SECOND by default. A clean end syncs in
//  any case.
ZRELAY_EXPORT void
    zrelay_store_set_sync (zrelay_store_t *self, zrelay_store_sync_t sync);
ZRELAY_EXPORT zrelay_store_sync_t
    zrelay_store_sync (zrelay_store_t *self);

//  Set how many bytes its file may have at most, before it is opened; 0, the
//  default, means as many as the disk and the address space have. The file does
//  not become smaller when messages leave it; its pages are used again.
ZRELAY_EXPORT void
    zrelay_store_set_room (zrelay_store_t *self, size_t bytes);

//  Commit. If the disk or the store's room is full, or the disk failed, it is
//  refused: messages that were put into queues remain in memory, where the next
//  commit finds them, removals are committed if possible, and what was set and
//  unset by name is undone.
ZRELAY_EXPORT zrelay_status_t
    zrelay_store_commit (zrelay_store_t *self);

//  True if the last commit was refused because there was no room.
ZRELAY_EXPORT bool
    zrelay_store_full (zrelay_store_t *self);

//  The number of commits ever, and of those that are synced. A commit with that
//  number or a lower one survives a crash of the machine.
ZRELAY_EXPORT uint64_t
    zrelay_store_commits (zrelay_store_t *self);
ZRELAY_EXPORT uint64_t
    zrelay_store_synced (zrelay_store_t *self);

//  A descriptor to poll: it can be read when more commits are synced, until
//  zrelay_store_synced () is called. -1 if there is none.
ZRELAY_EXPORT int
    zrelay_store_handle (zrelay_store_t *self);

//  True if the disk failed: nothing is synced any more, and commits are refused.
ZRELAY_EXPORT bool
    zrelay_store_failed (zrelay_store_t *self);

//  Sync what was committed now, whatever the policy, and wait for it. Refused
//  if the disk failed.
ZRELAY_EXPORT zrelay_status_t
    zrelay_store_wait (zrelay_store_t *self);

//  Keep a copy of a message under a name of 1 to 500 bytes, in place of the one
//  that it has; and forget it. Refused with ZRELAY_STATUS_BAD_ARGUMENTS if the
//  name or the message is too long.
ZRELAY_EXPORT zrelay_status_t
    zrelay_store_set (zrelay_store_t *self, const char *name,
                      zrelay_message_t *message);
ZRELAY_EXPORT zrelay_status_t
    zrelay_store_unset (zrelay_store_t *self, const char *name);

//  Put a copy of the message of that name behind the frames of this one.
//  Returns false if there is none. time_p, if not NULL, gets when it was set,
//  in msecs since 1970.
ZRELAY_EXPORT bool
    zrelay_store_get (zrelay_store_t *self, const char *name,
                      zrelay_message_t *message, int64_t *time_p);

//  The next name in the order of bytes; "" is before the first. NULL: there is
//  none. It remains the store's, until the next call.
ZRELAY_EXPORT const char *
    zrelay_store_next (zrelay_store_t *self, const char *name);

//  Likewise the name of the next queue.
ZRELAY_EXPORT const char *
    zrelay_store_next_spool (zrelay_store_t *self, const char *name);

//  Lets relays spool to stores, see zrelay_spooler.h: each flow to one of its
//  own, in the queue that has the flow's name, "forward" or "return".
ZRELAY_EXPORT const zrelay_spooler_t *
    zrelay_store_spooler (void);

//  What the command line "zrelay spool ..." does; argv has its words from
//  "spool" on. Returns the exit status: 0 done, 1 failed, 2 wrong usage.
ZRELAY_EXPORT int
    zrelay_store_main (const char *program, int argc, char *argv []);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_store_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
