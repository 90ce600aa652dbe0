/*  =========================================================================
    zrelay_syncer - brings commits to the disk, in a thread of its own

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_syncer.h"
#include "../zrelay_thread.h"

#include <fcntl.h>

//  Time between syncs with ZRELAY_STORE_SYNC_SECOND, in msecs
#define INTERVAL 1000

//  Bytes by which LMDB's file may grow between syncs: without these, its pages
//  cannot be used again
#define GROWTH_MOST (64 * 1024 * 1024)

struct _zrelay_syncer_t {
    MDB_env *env;               //  The store's
    zrelay_anchor_t *anchor;    //  The store's
    void *arg;                  //  Of the functions
    zrelay_syncer_fn *taken;    //  Or NULL
    zrelay_syncer_fn *did;      //  Or NULL
    MDB_txn *pin;               //  Reader at the last state that was synced
    pthread_t thread;
    bool started;               //  There is one
    int handles [2];            //  A pipe: something was synced; -1: none
    pthread_mutex_t mutex;      //  Guards what follows, and LMDB's commits
    pthread_cond_t change;      //  Something of that has changed
    zrelay_store_sync_t sync;   //  The policy
    uint64_t commits;           //  Made
    uint64_t synced;            //  Those that are on the disk
    size_t page;                //  Size of a page of LMDB's
    size_t pages;               //  Of its file, at the last sync
    size_t growth;              //  Pages more since then
    int64_t last;               //  When that was, in msecs
    bool urgent;                //  Somebody waits
    bool ending;                //  No more commits come
    const char *problem;        //  What the disk said, or NULL
};


//  --------------------------------------------------------------------------
//  The lock

void
zrelay_syncer_lock (zrelay_syncer_t *self)
{
    int rc = pthread_mutex_lock (&self->mutex);
    assert (rc == 0);
}

void
zrelay_syncer_unlock (zrelay_syncer_t *self)
{
    int rc = pthread_mutex_unlock (&self->mutex);
    assert (rc == 0);
}


//  --------------------------------------------------------------------------
//  Syncing: by the thread, or before there is one

static size_t
s_pages (zrelay_syncer_t *self)
{
    MDB_envinfo info;
    return mdb_env_info (self->env, &info) == 0? info.me_last_pgno: 0;
}

static bool
s_has_grown (zrelay_syncer_t *self)
{
    return self->growth > GROWTH_MOST / self->page;
}

//  Take a state, with the lock held

static const char *
s_take (zrelay_syncer_t *self, MDB_txn **pin_p)
{
    const char *problem = zrelay_anchor_take (self->anchor);
    if (problem)
        return problem;
    int rc = mdb_txn_begin (self->env, NULL, MDB_RDONLY, pin_p);
    if (rc != 0)
        return mdb_strerror (rc);
    self->urgent = false;
    self->pages = s_pages (self);
    self->growth = 0;
    self->last = zclock_mono ();
    if (self->taken)
        self->taken (self->arg);
    return NULL;
}

static const char *
s_write (zrelay_syncer_t *self, uint64_t commits)
{
    int rc = mdb_env_sync (self->env, 1);
    return rc == 0? zrelay_anchor_write (self->anchor, commits):
                    mdb_strerror (rc);
}

static void
s_tell (zrelay_syncer_t *self)
{
    //  If the pipe is full, it is readable
    if (self->handles [1] != -1 && write (self->handles [1], "", 1) == -1)
        return;
}

//  Called with the lock, which is free while the disk works

static void
s_sync (zrelay_syncer_t *self)
{
    MDB_txn *pin = NULL;
    uint64_t commits = self->commits;
    const char *problem = s_take (self, &pin);
    if (!problem) {
        zrelay_syncer_unlock (self);
        problem = s_write (self, commits);
        zrelay_syncer_lock (self);
    }
    self->problem = problem;
    if (problem)
        mdb_txn_abort (pin);
    else {
        mdb_txn_abort (self->pin);
        self->pin = pin;
        self->synced = commits;
        if (self->did)
            self->did (self->arg);
    }
    pthread_cond_broadcast (&self->change);
    s_tell (self);
}


//  --------------------------------------------------------------------------
//  The thread

//  Msecs until a sync is due, 0: now, or -1: not before something changes

static int64_t
s_due (zrelay_syncer_t *self)
{
    if (self->synced == self->commits)
        return -1;
    if (self->urgent || self->ending
    ||  self->sync == ZRELAY_STORE_SYNC_ALWAYS || s_has_grown (self))
        return 0;
    if (self->sync == ZRELAY_STORE_SYNC_NEVER)
        return -1;
    int64_t left = self->last + INTERVAL - zclock_mono ();
    return left > 0? left: 0;
}

static void *
s_thread (void *arg)
{
    zrelay_syncer_t *self = (zrelay_syncer_t *) arg;
    zrelay_syncer_lock (self);
    while (!self->problem) {
        int64_t due = s_due (self);
        if (due == 0)
            s_sync (self);
        else
        if (self->ending)
            break;
        else
        if (due == -1)
            pthread_cond_wait (&self->change, &self->mutex);
        else
            zrelay_thread_wait (&self->change, &self->mutex, due);
    }
    zrelay_syncer_unlock (self);
    return NULL;
}

static int
s_start_thread (zrelay_syncer_t *self)
{
    int rc = zrelay_thread_start (&self->thread, s_thread, self);
    self->started = rc == 0;
    return rc;
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_make_handles (zrelay_syncer_t *self)
{
    if (pipe (self->handles) == -1)
        self->handles [0] = self->handles [1] = -1;
    for (int end = 0; end < 2 && self->handles [end] != -1; end++) {
        fcntl (self->handles [end], F_SETFL, O_NONBLOCK);
        fcntl (self->handles [end], F_SETFD, FD_CLOEXEC);
    }
}

zrelay_syncer_t *
zrelay_syncer_new (MDB_env *env, zrelay_anchor_t *anchor)
{
    zrelay_syncer_t *self =
        (zrelay_syncer_t *) zmalloc (sizeof (zrelay_syncer_t));
    assert (self);
    self->env = env;
    self->anchor = anchor;
    self->sync = ZRELAY_STORE_SYNC_SECOND;
    MDB_stat stat;
    self->page = mdb_env_stat (env, &stat) == 0? stat.ms_psize: 1;
    s_make_handles (self);
    pthread_mutex_init (&self->mutex, NULL);
    zrelay_thread_make_cond (&self->change);
    return self;
}

static void
s_end_thread (zrelay_syncer_t *self)
{
    zrelay_syncer_lock (self);
    self->ending = true;
    pthread_cond_broadcast (&self->change);
    zrelay_syncer_unlock (self);
    pthread_join (self->thread, NULL);
}

void
zrelay_syncer_destroy (zrelay_syncer_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_syncer_t *self = *self_p;
        if (self->started)
            s_end_thread (self);
        mdb_txn_abort (self->pin);
        for (int end = 0; end < 2; end++)
            if (self->handles [end] != -1)
                close (self->handles [end]);
        pthread_cond_destroy (&self->change);
        pthread_mutex_destroy (&self->mutex);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_syncer_set_functions (zrelay_syncer_t *self, void *arg,
                             zrelay_syncer_fn *taken, zrelay_syncer_fn *synced)
{
    self->arg = arg;
    self->taken = taken;
    self->did = synced;
}

const char *
zrelay_syncer_start (zrelay_syncer_t *self, uint64_t commits)
{
    zrelay_syncer_lock (self);
    self->commits = commits;
    s_sync (self);
    zrelay_syncer_unlock (self);
    if (!self->problem && s_start_thread (self) != 0)
        return "there can be no more threads";
    return self->problem;
}


//  --------------------------------------------------------------------------
//  What the store does

void
zrelay_syncer_set_policy (zrelay_syncer_t *self, zrelay_store_sync_t sync)
{
    zrelay_syncer_lock (self);
    self->sync = sync;
    pthread_cond_broadcast (&self->change);
    zrelay_syncer_unlock (self);
}

//  The thread has to be woken only where it waits without an end

void
zrelay_syncer_committed (zrelay_syncer_t *self)
{
    bool first = self->synced == self->commits;
    self->commits++;
    self->growth = s_pages (self) - self->pages;
    if (first || s_has_grown (self))
        pthread_cond_broadcast (&self->change);
}

uint64_t
zrelay_syncer_commits (zrelay_syncer_t *self)
{
    return self->commits;
}

uint64_t
zrelay_syncer_synced (zrelay_syncer_t *self)
{
    char bytes [64];
    while (self->handles [0] != -1
        && read (self->handles [0], bytes, sizeof (bytes)) > 0);
    zrelay_syncer_lock (self);
    uint64_t synced = self->synced;
    zrelay_syncer_unlock (self);
    return synced;
}

const char *
zrelay_syncer_problem (zrelay_syncer_t *self)
{
    zrelay_syncer_lock (self);
    const char *problem = self->problem;
    zrelay_syncer_unlock (self);
    return problem;
}

void
zrelay_syncer_wait (zrelay_syncer_t *self)
{
    zrelay_syncer_lock (self);
    uint64_t commits = self->commits;
    while (self->synced < commits && !self->problem) {
        self->urgent = true;
        pthread_cond_broadcast (&self->change);
        pthread_cond_wait (&self->change, &self->mutex);
    }
    zrelay_syncer_unlock (self);
}

int
zrelay_syncer_handle (zrelay_syncer_t *self)
{
    return self->handles [0];
}
