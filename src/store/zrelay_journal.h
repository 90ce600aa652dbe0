/*  =========================================================================
    zrelay_journal - changes of a store, made together, each with its result

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_JOURNAL_H_INCLUDED
#define ZRELAY_JOURNAL_H_INCLUDED

#include <zrelay_store.h>

//  Changes of what a store has under names. They wait until the journal is told
//  to make them; then many of them are one commit. If the store refuses that,
//  as one of them is too large for what is left of the disk, each is made
//  alone. Its owner hears of each whether it was made, in the order in which
//  they were given. With ZRELAY_STORE_SYNC_ALWAYS, a change counts as made when
//  it is on the disk.

typedef struct _zrelay_journal_t zrelay_journal_t;

//  Hears what became of a change. object is the journal's owner, arg the
//  change's.
typedef void (zrelay_journal_fn) (void *object, void *arg, bool made);

//  The store, which is open, must outlive it.
zrelay_journal_t *
    zrelay_journal_new (zrelay_store_t *store, zrelay_journal_fn *done,
                        void *object);

//  Its owner hears that what is left was not made.
void
    zrelay_journal_destroy (zrelay_journal_t **self_p);

//  Keep a message under a name, or forget what is there. *message_p is taken.
void
    zrelay_journal_set (zrelay_journal_t *self, const char *name,
                        zrelay_message_t **message_p, void *arg);
void
    zrelay_journal_unset (zrelay_journal_t *self, const char *name, void *arg);

//  Make those that wait, but no more than one batch. The second function is
//  for the time when the store's handle can be read, or its policy has changed.
void
    zrelay_journal_make (zrelay_journal_t *self);
void
    zrelay_journal_heard (zrelay_journal_t *self);

//  Those that wait to be made, and all that have not been reported.
size_t
    zrelay_journal_waiting (zrelay_journal_t *self);
size_t
    zrelay_journal_size (zrelay_journal_t *self);

//  Why the last one was not made, a sentence, which remains the journal's; NULL
//  if it was.
const char *
    zrelay_journal_problem (zrelay_journal_t *self);

void
    zrelay_journal_test (bool verbose);

#endif
