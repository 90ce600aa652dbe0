/*  =========================================================================
    zrelay_spool - a queue of messages in a store, first in, first out

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SPOOL_H_INCLUDED
#define ZRELAY_SPOOL_H_INCLUDED

#include "zrelay_store.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A queue in a store: messages come in at its end, and are read in order from
//  its beginning. To remove a message is another step, so that one that was
//  read, and got lost with the process, is read again:
//
//      zrelay_spool_put (spool, message, 0);
//      zrelay_store_commit (store);
//      ...
//      while (zrelay_spool_next (spool, message, NULL, NULL))
//          if (s_deliver (message))
//              zrelay_spool_remove (spool, 1);
//      zrelay_store_commit (store);
//
//  zrelay_store_commit () says what is lost when. Up to 64 KB of small messages
//  become one record, so commit many of them at once.

typedef struct _zrelay_spool_t zrelay_spool_t;

//  The queue of that name, of 1 to 100 letters, digits, '-', '_', '.' and '/';
//  it is made if there is none. NULL if the store is not open or refuses: see
//  zrelay_store_error (). The caller owns it, and destroys it before the store
//  is closed. No two objects may have the same queue.
ZRELAY_EXPORT zrelay_spool_t *
    zrelay_spool_new (zrelay_store_t *store, const char *name);

//  What was not committed is lost.
ZRELAY_EXPORT void
    zrelay_spool_destroy (zrelay_spool_t **self_p);

//  A message can only be read when it was committed, and, with
//  ZRELAY_STORE_SYNC_ALWAYS, synced. By default it can be read at once.
ZRELAY_EXPORT void
    zrelay_spool_set_durable (zrelay_spool_t *self, bool durable);

//  Put a copy of a message, and a small number that comes back with it, at the
//  end. Returns ZRELAY_STATUS_BAD_ARGUMENTS if it has 4 GiB or more,
//  ZRELAY_STATUS_BAD_STATE if the store can only be looked at.
ZRELAY_EXPORT zrelay_status_t
    zrelay_spool_put (zrelay_spool_t *self, zrelay_message_t *message,
                      byte mark);

//  Read the next message: its frames go behind those of message, or nowhere if
//  that is NULL. mark_p and time_p, when it was put, in msecs since 1970, may
//  be NULL. Returns false if there is no next message yet, or it cannot be
//  read, see zrelay_spool_damaged ().
ZRELAY_EXPORT bool
    zrelay_spool_next (zrelay_spool_t *self, zrelay_message_t *message,
                       byte *mark_p, int64_t *time_p);

//  Remove the first of the messages that were read; there must be so many.
ZRELAY_EXPORT void
    zrelay_spool_remove (zrelay_spool_t *self, size_t count);

//  Read from the first message again.
ZRELAY_EXPORT void
    zrelay_spool_rewind (zrelay_spool_t *self);

//  True if a record could not be read, or was not as it was written; see
//  zrelay_store_error ().
ZRELAY_EXPORT bool
    zrelay_spool_damaged (zrelay_spool_t *self);

//  Messages in the queue, whether committed or not; the bytes of their frames;
//  and those that were read and not removed.
ZRELAY_EXPORT uint64_t
    zrelay_spool_messages (zrelay_spool_t *self);
ZRELAY_EXPORT uint64_t
    zrelay_spool_bytes (zrelay_spool_t *self);
ZRELAY_EXPORT uint64_t
    zrelay_spool_read (zrelay_spool_t *self);

//  Messages that are committed, or with ZRELAY_STORE_SYNC_ALWAYS, synced.
ZRELAY_EXPORT uint64_t
    zrelay_spool_kept (zrelay_spool_t *self);

//  When the first message was put, in msecs since 1970, or 0 if there is none.
//  Messages of one record have the time of its first.
ZRELAY_EXPORT int64_t
    zrelay_spool_time (zrelay_spool_t *self);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_spool_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
