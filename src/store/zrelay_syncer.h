/*  =========================================================================
    zrelay_syncer - brings commits to the disk, in a thread of its own

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SYNCER_H_INCLUDED
#define ZRELAY_SYNCER_H_INCLUDED

#include "zrelay_anchor.h"
#include <zrelay_store.h>

#include <lmdb.h>

//  Brings commits to the disk, in a thread of its own, so that nobody else
//  waits for a disk. It keeps a reader of LMDB's at the last state that was
//  synced, so the pages of that state are not used again before the next one is
//  on the disk. See zrelay_anchor.h.

typedef struct _zrelay_syncer_t zrelay_syncer_t;

//  Called with the lock held when a state has been taken, and when that is on
//  the disk.
typedef void (zrelay_syncer_fn) (void *arg);

zrelay_syncer_t *
    zrelay_syncer_new (MDB_env *env, zrelay_anchor_t *anchor);

//  Syncs what was committed, and ends the thread.
void
    zrelay_syncer_destroy (zrelay_syncer_t **self_p);

void
    zrelay_syncer_set_functions (zrelay_syncer_t *self, void *arg,
                                 zrelay_syncer_fn *taken,
                                 zrelay_syncer_fn *synced);

//  Sync the state of so many commits, at once, and start the thread. Returns
//  NULL, or what went wrong.
const char *
    zrelay_syncer_start (zrelay_syncer_t *self, uint64_t commits);

void
    zrelay_syncer_set_policy (zrelay_syncer_t *self, zrelay_store_sync_t sync);

//  Hold the lock while something is committed, and say that it was.
void
    zrelay_syncer_lock (zrelay_syncer_t *self);
void
    zrelay_syncer_unlock (zrelay_syncer_t *self);
void
    zrelay_syncer_committed (zrelay_syncer_t *self);

//  Commits, and how many of them are on the disk.
uint64_t
    zrelay_syncer_commits (zrelay_syncer_t *self);
uint64_t
    zrelay_syncer_synced (zrelay_syncer_t *self);

//  What went wrong with the disk, or NULL. There is no more syncing then.
const char *
    zrelay_syncer_problem (zrelay_syncer_t *self);

//  Sync now, and wait for it.
void
    zrelay_syncer_wait (zrelay_syncer_t *self);

//  A descriptor that is readable when more is on the disk; zrelay_syncer_synced
//  () makes it wait for the next time. -1: there is none.
int
    zrelay_syncer_handle (zrelay_syncer_t *self);

#endif
