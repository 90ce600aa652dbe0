/*  =========================================================================
    zrelay_store - messages on disk, in one directory, on LMDB

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_store_internal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

//  Files of a store, beside the anchor's
#define DATA_NAME "data.mdb"
#define READERS_NAME "lock.mdb"
#define LOCK_NAME "zrelay.lock"

//  Trees of LMDB's: states of queues, and messages that have names. A queue has
//  one of its own, whose name begins like this.
#define STATES "states"
#define NAMES "names"
#define SPOOL "spool "
#define TREES_MOST 128

//  Under this name, the states' tree has the number of commits
#define COMMITS "commits"

//  Names that LMDB and we take
#define NAME_MOST 500
#define SPOOL_NAME_MOST 100

//  How much address space to ask for. It costs nothing, and cannot grow while
//  something is read; we ask for half where there is less.
#define MAP_MOST ((size_t) 1 << (sizeof (size_t) > 4? 40: 30))
#define MAP_LEAST ((size_t) 1 << 20)

//  A disk that has less is full; LMDB does not always say so
#define DISK_LEAST (1024 * 1024)

struct _zrelay_store_t {
    char *error;                //  The last sentence, or NULL
    char *directory;            //  Where it is; NULL: not open
    int folder;                 //  The directory, or -1
    int lock;                   //  Locked as long as this process uses it
    bool looking;               //  It must be there
    bool looks_on;              //  Another process uses it
    bool sealed;                //  It is as it was when it was closed
    size_t room;                //  Bytes of the file at most, 0: many
    size_t map;                 //  What LMDB was given
    zrelay_store_sync_t sync;   //  The policy
    zrelay_anchor_t *anchor;    //  What a crash of the machine may not undo
    zrelay_syncer_t *syncer;    //  NULL where nothing can be changed
    MDB_env *env;
    MDB_dbi states;
    MDB_dbi names;
    MDB_txn *reader;            //  Reset, unless something is being read
    MDB_txn *writer;            //  What was set and unset, or NULL
    zrelay_spool_t **spools;    //  Queues that take part in commits
    size_t count;               //  How many these are, under the lock
    bool touched;               //  There is something to be committed
    bool full;                  //  There was no room for it
    char name [NAME_MOST + 1];  //  The last that next () found
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_store_t *
zrelay_store_new (void)
{
    zrelay_store_t *self = (zrelay_store_t *) zmalloc (sizeof (zrelay_store_t));
    assert (self);
    self->folder = -1;
    self->lock = -1;
    self->sync = ZRELAY_STORE_SYNC_SECOND;
    return self;
}

void
zrelay_store_destroy (zrelay_store_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_store_t *self = *self_p;
        zrelay_store_close (self);
        freen (self->spools);
        zstr_free (&self->error);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Failures

const char *
zrelay_store_error (zrelay_store_t *self)
{
    return self->error? self->error: "";
}

zrelay_status_t
zrelay_store_fail (zrelay_store_t *self, zrelay_status_t status,
                   const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *words = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (words);
    zstr_free (&self->error);
    self->error = self->directory?
        zsys_sprintf ("the store in '%s': %s", self->directory, words):
        strdup (words);
    assert (self->error);
    zstr_free (&words);
    return status;
}

static zrelay_status_t
s_refuse (zrelay_store_t *self, const char *problem)
{
    return zrelay_store_fail (self, ZRELAY_STATUS_REFUSED, "%s", problem);
}

static zrelay_status_t
s_refuse_damaged (zrelay_store_t *self, const char *problem)
{
    return zrelay_store_fail (self, ZRELAY_STATUS_REFUSED,
                              "it is damaged: %s", problem);
}

static zrelay_status_t
s_refuse_closed (zrelay_store_t *self)
{
    return zrelay_store_fail (self, ZRELAY_STATUS_BAD_STATE,
        self->env? "it can only be looked at": "the store is not open");
}


//  --------------------------------------------------------------------------
//  The directory, and who uses it

static zrelay_status_t
s_enter (zrelay_store_t *self, const char *directory)
{
    self->directory = strdup (directory);
    assert (self->directory);
    if (!self->looking && mkdir (directory, 0700) == -1 && errno != EEXIST)
        return zrelay_store_fail (self, ZRELAY_STATUS_REFUSED,
                                  "cannot make the directory: %s",
                                  strerror (errno));
    self->folder = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->folder == -1)
        return s_refuse (self, strerror (errno));
    if (self->looking && faccessat (self->folder, "zrelay.store", F_OK, 0))
        return s_refuse (self, "there is no store");
    return ZRELAY_STATUS_DONE;
}

//  Who uses it has written its number there

long
zrelay_store_user (zrelay_store_t *self)
{
    char text [24] = "";
    return pread (self->lock, text, sizeof (text) - 1, 0) > 0?
           atol (text): 0;
}

static zrelay_status_t
s_lock (zrelay_store_t *self)
{
    self->lock = openat (self->folder, LOCK_NAME,
                         O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock == -1)
        return zrelay_store_fail (self, ZRELAY_STATUS_REFUSED,
            "cannot write %s there: %s", LOCK_NAME, strerror (errno));
    if (flock (self->lock, LOCK_EX | LOCK_NB) == 0) {
        char text [24];
        int size = snprintf (text, sizeof (text), "%ld\n", (long) getpid ());
        //  It is for people only
        if (ftruncate (self->lock, 0) == 0
        &&  pwrite (self->lock, text, (size_t) size, 0) == size)
            return ZRELAY_STATUS_DONE;
        return ZRELAY_STATUS_DONE;
    }
    if (errno != EWOULDBLOCK)
        return s_refuse (self, strerror (errno));
    long user = zrelay_store_user (self);
    self->looks_on = self->looking && user != (long) getpid ();
    if (self->looks_on)
        return ZRELAY_STATUS_DONE;
    return user == (long) getpid ()?
        s_refuse (self, "this process uses it already"):
        zrelay_store_fail (self, ZRELAY_STATUS_REFUSED,
                           "process %ld uses it", user);
}


//  --------------------------------------------------------------------------
//  LMDB. A map that is too large for the address space is tried with half.

static int
s_try_env (zrelay_store_t *self)
{
    int rc = mdb_env_create (&self->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs (self->env, TREES_MOST);
    if (rc == 0)
        rc = mdb_env_set_mapsize (self->env, self->map);
    if (rc == 0)
        rc = mdb_env_open (self->env, self->directory,
                           MDB_NOTLS | (self->looks_on? MDB_RDONLY: MDB_NOSYNC),
                           0600);
    if (rc != 0) {
        mdb_env_close (self->env);
        self->env = NULL;
    }
    return rc;
}

static zrelay_status_t
s_open_env (zrelay_store_t *self)
{
    self->map = self->room > 0? self->room: MAP_MOST;
    int rc = s_try_env (self);
    //  Valgrind has another word for it
    for (; (rc == ENOMEM || rc == EINVAL) && self->map / 2 >= MAP_LEAST;
         rc = s_try_env (self))
        self->map /= 2;
    if (rc != 0)
        return s_refuse (self, mdb_strerror (rc));
    int dead;
    mdb_reader_check (self->env, &dead);
    return ZRELAY_STATUS_DONE;
}

//  The trees of a store that cannot be changed may be fewer

static int
s_open_trees (zrelay_store_t *self, MDB_txn *txn)
{
    unsigned create = self->looks_on? 0: MDB_CREATE;
    int rc = mdb_dbi_open (txn, STATES, create, &self->states);
    if (rc == 0)
        rc = mdb_dbi_open (txn, NAMES, create, &self->names);
    return rc;
}

static zrelay_status_t
s_make_trees (zrelay_store_t *self)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin (self->env, NULL, self->looks_on? MDB_RDONLY: 0,
                            &txn);
    if (rc == 0)
        rc = s_open_trees (self, txn);
    if (rc == 0) {
        rc = mdb_txn_commit (txn);
        txn = NULL;
    }
    if (rc == 0)
        rc = mdb_txn_begin (self->env, NULL, MDB_RDONLY, &self->reader);
    if (rc == 0)
        mdb_txn_reset (self->reader);
    mdb_txn_abort (txn);
    return rc == 0? ZRELAY_STATUS_DONE: s_refuse (self, mdb_strerror (rc));
}

MDB_txn *
zrelay_store_begin_reading (zrelay_store_t *self)
{
    return mdb_txn_renew (self->reader) == 0? self->reader: NULL;
}

void
zrelay_store_end_reading (zrelay_store_t *self)
{
    mdb_txn_reset (self->reader);
}


//  --------------------------------------------------------------------------
//  All of it is read before it is used, unless it is sealed

static const char *
s_check_spool (zrelay_store_t *self, MDB_txn *txn, const char *tree)
{
    MDB_dbi records;
    zrelay_spool_state_t state;
    if (!zrelay_spool_state_read (txn, self->states, tree, &state))
        return "the state of a queue is not as it was written";
    int rc = mdb_dbi_open (txn, tree, 0, &records);
    return rc == 0? zrelay_spool_check (txn, records, &state):
                    mdb_strerror (rc);
}

static const char *
s_check_spools (zrelay_store_t *self, MDB_txn *txn)
{
    const char *problem = NULL;
    const char *name = zrelay_store_next_spool (self, "");
    while (name && !problem) {
        char *tree = zsys_sprintf ("%s%s", SPOOL, name);
        assert (tree);
        problem = s_check_spool (self, txn, tree);
        zstr_free (&tree);
        name = zrelay_store_next_spool (self, self->name);
    }
    return problem;
}

static const char *
s_check_names (zrelay_store_t *self, MDB_txn *txn)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    const char *problem = NULL;
    int rc = mdb_cursor_open (txn, self->names, &cursor);
    if (rc != 0)
        return mdb_strerror (rc);
    rc = mdb_cursor_get (cursor, &key, &value, MDB_FIRST);
    while (rc == 0 && !problem) {
        zrelay_block_t *block =
            zrelay_block_load (value.mv_data, value.mv_size);
        if (!block || zrelay_block_count (block) != 1)
            problem = "a record is not as it was written";
        zrelay_block_destroy (&block);
        rc = mdb_cursor_get (cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close (cursor);
    return problem;
}

//  commits_p gets how many commits there were

static zrelay_status_t
s_check (zrelay_store_t *self, uint64_t *commits_p)
{
    zrelay_spool_state_t commits;
    MDB_txn *txn;
    int rc = mdb_txn_begin (self->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return s_refuse (self, mdb_strerror (rc));
    const char *problem = NULL;
    if (!zrelay_spool_state_read (txn, self->states, COMMITS, &commits)
    ||  commits.first < zrelay_anchor_commits (self->anchor))
        problem = "commits are missing";
    if (!problem && !self->sealed)
        problem = s_check_spools (self, txn);
    if (!problem && !self->sealed)
        problem = s_check_names (self, txn);
    mdb_txn_abort (txn);
    *commits_p = commits.first;
    return problem? s_refuse_damaged (self, problem): ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Open

static void
s_on_taken (void *arg)
{
    zrelay_store_t *self = (zrelay_store_t *) arg;
    for (size_t index = 0; index < self->count; index++)
        zrelay_spool_taken (self->spools [index]);
}

static void
s_on_synced (void *arg)
{
    zrelay_store_t *self = (zrelay_store_t *) arg;
    for (size_t index = 0; index < self->count; index++)
        zrelay_spool_synced (self->spools [index]);
}

static zrelay_status_t
s_start_syncer (zrelay_store_t *self, uint64_t commits)
{
    self->syncer = zrelay_syncer_new (self->env, self->anchor);
    zrelay_syncer_set_functions (self->syncer, self, s_on_taken, s_on_synced);
    zrelay_syncer_set_policy (self->syncer, self->sync);
    const char *problem = zrelay_syncer_start (self->syncer, commits);
    return problem? s_refuse (self, problem): ZRELAY_STATUS_DONE;
}

//  Until it has been synced for the first time, it has no messages

static zrelay_status_t
s_prepare_files (zrelay_store_t *self)
{
    self->anchor = zrelay_anchor_new (DATA_NAME);
    const char *problem = zrelay_anchor_open (self->anchor, self->folder);
    if (problem)
        return s_refuse (self, problem);
    self->sealed = zrelay_anchor_is_sealed (self->anchor);
    if (self->sealed)
        return ZRELAY_STATUS_DONE;
    if (!zrelay_anchor_is_new (self->anchor)) {
        problem = zrelay_anchor_restore (self->anchor);
        return problem? s_refuse_damaged (self, problem): ZRELAY_STATUS_DONE;
    }
    unlinkat (self->folder, DATA_NAME, 0);
    unlinkat (self->folder, READERS_NAME, 0);
    return ZRELAY_STATUS_DONE;
}

static zrelay_status_t
s_open_as_user (zrelay_store_t *self)
{
    uint64_t commits = 0;
    zrelay_status_t status = s_prepare_files (self);
    if (status == ZRELAY_STATUS_DONE)
        status = s_open_env (self);
    if (status == ZRELAY_STATUS_DONE)
        status = s_make_trees (self);
    if (status == ZRELAY_STATUS_DONE)
        status = s_check (self, &commits);
    if (status == ZRELAY_STATUS_DONE)
        status = s_start_syncer (self, commits);
    return status;
}

static zrelay_status_t
s_open_beside (zrelay_store_t *self)
{
    zrelay_status_t status = s_open_env (self);
    return status == ZRELAY_STATUS_DONE? s_make_trees (self): status;
}

static zrelay_status_t
s_open (zrelay_store_t *self, const char *directory, bool looking)
{
    if (self->directory)
        return zrelay_store_fail (self, ZRELAY_STATUS_BAD_STATE,
                                  "it is open already");
    self->looking = looking;
    zrelay_status_t status = s_enter (self, directory);
    if (status == ZRELAY_STATUS_DONE)
        status = s_lock (self);
    if (status == ZRELAY_STATUS_DONE)
        status = self->looks_on? s_open_beside (self): s_open_as_user (self);
    if (status != ZRELAY_STATUS_DONE)
        zrelay_store_close (self);
    return status;
}

zrelay_status_t
zrelay_store_open (zrelay_store_t *self, const char *directory)
{
    return s_open (self, directory, false);
}

zrelay_status_t
zrelay_store_look (zrelay_store_t *self, const char *directory)
{
    return s_open (self, directory, true);
}

bool
zrelay_store_looks_on (zrelay_store_t *self)
{
    return self->looks_on;
}


//  --------------------------------------------------------------------------
//  Close

//  Is all of it on the disk? It is sealed when LMDB has left it.

static bool
s_sync_all (zrelay_store_t *self)
{
    if (!self->syncer)
        return false;
    zrelay_syncer_wait (self->syncer);
    return !zrelay_syncer_problem (self->syncer);
}

void
zrelay_store_close (zrelay_store_t *self)
{
    assert (self->count == 0);
    mdb_txn_abort (self->writer);
    self->writer = NULL;
    bool whole = s_sync_all (self);
    zrelay_syncer_destroy (&self->syncer);
    mdb_txn_abort (self->reader);
    self->reader = NULL;
    if (self->env)
        mdb_env_close (self->env);
    self->env = NULL;
    //  Without a seal, it is only slower to open
    if (whole)
        zrelay_anchor_seal (self->anchor);
    zrelay_anchor_destroy (&self->anchor);
    if (self->folder != -1)
        close (self->folder);
    if (self->lock != -1)
        close (self->lock);
    self->folder = self->lock = -1;
    self->looks_on = self->touched = self->full = false;
    zstr_free (&self->directory);
}


//  --------------------------------------------------------------------------
//  Settings

void
zrelay_store_set_sync (zrelay_store_t *self, zrelay_store_sync_t sync)
{
    self->sync = sync;
    if (self->syncer)
        zrelay_syncer_set_policy (self->syncer, sync);
}

zrelay_store_sync_t
zrelay_store_sync (zrelay_store_t *self)
{
    return self->sync;
}

void
zrelay_store_set_room (zrelay_store_t *self, size_t bytes)
{
    self->room = bytes > 0 && bytes < MAP_LEAST? MAP_LEAST: bytes;
}

bool
zrelay_store_writable (zrelay_store_t *self)
{
    return self->syncer != NULL;
}

void
zrelay_store_touch (zrelay_store_t *self)
{
    self->touched = true;
}

void
zrelay_store_lock (zrelay_store_t *self)
{
    if (self->syncer)
        zrelay_syncer_lock (self->syncer);
}

void
zrelay_store_unlock (zrelay_store_t *self)
{
    if (self->syncer)
        zrelay_syncer_unlock (self->syncer);
}


//  --------------------------------------------------------------------------
//  Queues

static bool
s_is_spool_name (const char *name)
{
    size_t size = strlen (name);
    return size > 0 && size <= SPOOL_NAME_MOST
        && strspn (name, "abcdefghijklmnopqrstuvwxyz"
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == size;
}

//  A queue's tree is made by a commit of its own

static int
s_open_spool (zrelay_store_t *self, zrelay_spool_place_t *place)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin (self->env, NULL, self->syncer? 0: MDB_RDONLY, &txn);
    if (rc == 0)
        rc = mdb_dbi_open (txn, place->tree, self->syncer? MDB_CREATE: 0,
                           &place->records);
    if (rc == 0 && !zrelay_spool_state_read (txn, self->states, place->tree,
                                             &place->state))
        rc = MDB_CORRUPTED;
    if (rc == 0) {
        zrelay_store_lock (self);
        rc = mdb_txn_commit (txn);
        zrelay_store_unlock (self);
        txn = NULL;
    }
    mdb_txn_abort (txn);
    return rc;
}

static bool
s_has_spool (zrelay_store_t *self, const char *tree)
{
    for (size_t index = 0; index < self->count; index++)
        if (streq (zrelay_spool_tree (self->spools [index]), tree))
            return true;
    return false;
}

zrelay_status_t
zrelay_store_add (zrelay_store_t *self, zrelay_spool_t *spool,
                  const char *name, zrelay_spool_place_t *place)
{
    if (!self->env)
        return s_refuse_closed (self);
    if (!s_is_spool_name (name))
        return zrelay_store_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "a queue's name has 1 to %d letters, digits, '-', '_', '.' and '/'",
            SPOOL_NAME_MOST);
    //  What was set is not to be mixed with that
    zrelay_status_t status = self->writer? zrelay_store_commit (self):
                             ZRELAY_STATUS_DONE;
    if (status != ZRELAY_STATUS_DONE)
        return status;
    place->tree = zsys_sprintf ("%s%s", SPOOL, name);
    assert (place->tree);
    place->states = self->states;
    int rc = s_has_spool (self, place->tree)? EBUSY: s_open_spool (self, place);
    if (rc != 0) {
        zstr_free (&place->tree);
        return zrelay_store_fail (self, ZRELAY_STATUS_REFUSED, "queue '%s': %s",
                                  name, mdb_strerror (rc));
    }
    zrelay_store_lock (self);
    self->spools = (zrelay_spool_t **)
        realloc (self->spools, (self->count + 1) * sizeof (*self->spools));
    assert (self->spools);
    self->spools [self->count++] = spool;
    zrelay_store_unlock (self);
    return ZRELAY_STATUS_DONE;
}

void
zrelay_store_remove (zrelay_store_t *self, zrelay_spool_t *spool)
{
    zrelay_store_lock (self);
    size_t index = 0;
    while (self->spools [index] != spool)
        index++;
    self->spools [index] = self->spools [--self->count];
    zrelay_store_unlock (self);
}


//  --------------------------------------------------------------------------
//  Commit

static int
s_need_writer (zrelay_store_t *self)
{
    return self->writer? 0: mdb_txn_begin (self->env, NULL, 0, &self->writer);
}

static int
s_write_spools (zrelay_store_t *self, bool with_puts)
{
    int rc = 0;
    for (size_t index = 0; rc == 0 && index < self->count; index++)
        rc = zrelay_spool_write (self->spools [index], self->writer, with_puts);
    return rc;
}

static int
s_write (zrelay_store_t *self, bool with_puts)
{
    zrelay_spool_state_t commits = {
        .first = zrelay_syncer_commits (self->syncer) + 1
    };
    int rc = s_need_writer (self);
    if (rc == 0)
        rc = s_write_spools (self, with_puts);
    if (rc == 0)
        rc = zrelay_spool_state_write (self->writer, self->states, COMMITS,
                                       &commits);
    return rc;
}

static void
s_committed (zrelay_store_t *self, bool with_puts)
{
    for (size_t index = 0; index < self->count; index++)
        zrelay_spool_committed (self->spools [index], with_puts);
    zrelay_syncer_committed (self->syncer);
}

//  Whether it went well or not, LMDB's transaction has ended

static int
s_commit (zrelay_store_t *self, bool with_puts)
{
    int rc = s_write (self, with_puts);
    if (rc != 0)
        mdb_txn_abort (self->writer);
    else {
        zrelay_syncer_lock (self->syncer);
        rc = mdb_txn_commit (self->writer);
        if (rc == 0)
            s_committed (self, with_puts);
        zrelay_syncer_unlock (self->syncer);
    }
    self->writer = NULL;
    return rc;
}

//  LMDB reports some writes that a full disk, or the limit of a file's size, cut
//  short as errors of the device

static bool
s_was_cut_short (zrelay_store_t *self)
{
    struct statvfs disk;
    struct stat file;
    struct rlimit limit;
    return (fstatvfs (self->folder, &disk) == 0
         && (uint64_t) disk.f_bavail * disk.f_frsize < DISK_LEAST)
        || (getrlimit (RLIMIT_FSIZE, &limit) == 0
         && limit.rlim_cur != RLIM_INFINITY
         && fstatat (self->folder, DATA_NAME, &file, 0) == 0
         && (uint64_t) file.st_size + DISK_LEAST > limit.rlim_cur);
}

static bool
s_is_full (zrelay_store_t *self, int rc)
{
    return rc == ENOSPC || rc == EDQUOT || rc == EFBIG || rc == MDB_MAP_FULL
        || (rc == EIO && s_was_cut_short (self));
}

static zrelay_status_t
s_refuse_commit (zrelay_store_t *self, int rc)
{
    self->full = s_is_full (self, rc);
    if (rc == MDB_MAP_FULL)
        return zrelay_store_fail (self, ZRELAY_STATUS_REFUSED,
            "it is full: it has the %zu bytes that it may have", self->map);
    return self->full? s_refuse (self, "the disk is full"):
                       s_refuse (self, mdb_strerror (rc));
}

zrelay_status_t
zrelay_store_commit (zrelay_store_t *self)
{
    if (!self->syncer)
        return s_refuse_closed (self);
    if (!self->touched)
        return ZRELAY_STATUS_DONE;
    if (zrelay_store_failed (self))
        return ZRELAY_STATUS_REFUSED;
    int rc = s_commit (self, true);
    if (rc == 0) {
        self->touched = self->full = false;
        return ZRELAY_STATUS_DONE;
    }
    zrelay_status_t status = s_refuse_commit (self, rc);
    //  Room comes from what is removed
    if (self->full)
        s_commit (self, false);
    return status;
}

bool
zrelay_store_full (zrelay_store_t *self)
{
    return self->full;
}

uint64_t
zrelay_store_commits (zrelay_store_t *self)
{
    return self->syncer? zrelay_syncer_commits (self->syncer): 0;
}

uint64_t
zrelay_store_synced (zrelay_store_t *self)
{
    return self->syncer? zrelay_syncer_synced (self->syncer): 0;
}

int
zrelay_store_handle (zrelay_store_t *self)
{
    return self->syncer? zrelay_syncer_handle (self->syncer): -1;
}

bool
zrelay_store_failed (zrelay_store_t *self)
{
    const char *problem = self->syncer? zrelay_syncer_problem (self->syncer):
                          NULL;
    if (problem)
        zrelay_store_fail (self, ZRELAY_STATUS_REFUSED, "the disk failed: %s",
                           problem);
    return problem != NULL;
}

zrelay_status_t
zrelay_store_wait (zrelay_store_t *self)
{
    if (!self->syncer)
        return s_refuse_closed (self);
    zrelay_syncer_wait (self->syncer);
    return zrelay_store_failed (self)? ZRELAY_STATUS_REFUSED:
                                       ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Names

//  A transaction that sees what was set since the last commit

static MDB_txn *
s_begin (zrelay_store_t *self)
{
    return !self->env? NULL: self->writer? self->writer:
           zrelay_store_begin_reading (self);
}

static void
s_end (zrelay_store_t *self)
{
    if (!self->writer)
        zrelay_store_end_reading (self);
}

static zrelay_status_t
s_check_name (zrelay_store_t *self, const char *name)
{
    size_t size = strlen (name);
    if (!self->syncer)
        return s_refuse_closed (self);
    return size > 0 && size <= NAME_MOST? ZRELAY_STATUS_DONE:
        zrelay_store_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
                           "a name has 1 to %d bytes", NAME_MOST);
}

//  What cannot be done ends the transaction, and undoes what was set before

static zrelay_status_t
s_changed (zrelay_store_t *self, int rc)
{
    self->touched = true;
    if (rc == 0 || rc == MDB_NOTFOUND)
        return ZRELAY_STATUS_DONE;
    mdb_txn_abort (self->writer);
    self->writer = NULL;
    return s_refuse_commit (self, rc);
}

zrelay_status_t
zrelay_store_set (zrelay_store_t *self, const char *name,
                  zrelay_message_t *message)
{
    zrelay_status_t status = s_check_name (self, name);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    zrelay_block_t *block = zrelay_block_new ();
    if (!zrelay_block_add (block, message, 0)) {
        zrelay_block_destroy (&block);
        return zrelay_store_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
                                  "a message of 4 GiB is too large");
    }
    MDB_val key = { strlen (name), (void *) name };
    MDB_val value;
    value.mv_data = (void *) zrelay_block_data (block, &value.mv_size);
    int rc = s_need_writer (self);
    if (rc == 0)
        rc = mdb_put (self->writer, self->names, &key, &value, 0);
    zrelay_block_destroy (&block);
    return s_changed (self, rc);
}

zrelay_status_t
zrelay_store_unset (zrelay_store_t *self, const char *name)
{
    zrelay_status_t status = s_check_name (self, name);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    MDB_val key = { strlen (name), (void *) name };
    int rc = s_need_writer (self);
    if (rc == 0)
        rc = mdb_del (self->writer, self->names, &key, NULL);
    return s_changed (self, rc);
}

bool
zrelay_store_get (zrelay_store_t *self, const char *name,
                  zrelay_message_t *message, int64_t *time_p)
{
    MDB_txn *txn = *name? s_begin (self): NULL;
    if (!txn)
        return false;
    MDB_val key = { strlen (name), (void *) name };
    MDB_val value;
    zrelay_block_t *block =
        mdb_get (txn, self->names, &key, &value) == 0?
        zrelay_block_load (value.mv_data, value.mv_size): NULL;
    s_end (self);
    byte mark;
    size_t bytes;
    bool found = block && zrelay_block_next (block, message, &mark, &bytes);
    if (found && time_p)
        *time_p = zrelay_block_time (block);
    zrelay_block_destroy (&block);
    return found;
}

//  The first key of a tree that is higher than these bytes, as a string

static const char *
s_next (zrelay_store_t *self, MDB_txn *txn, MDB_dbi tree, const char *after)
{
    MDB_cursor *cursor;
    if (mdb_cursor_open (txn, tree, &cursor) != 0)
        return NULL;
    MDB_val key = { strlen (after), (void *) after };
    MDB_val value;
    int rc = mdb_cursor_get (cursor, &key, &value,
                             *after? MDB_SET_RANGE: MDB_FIRST);
    if (rc == 0 && key.mv_size == strlen (after)
    &&  memcmp (key.mv_data, after, key.mv_size) == 0)
        rc = mdb_cursor_get (cursor, &key, &value, MDB_NEXT);
    bool found = rc == 0 && key.mv_size <= NAME_MOST;
    if (found) {
        memcpy (self->name, key.mv_data, key.mv_size);
        self->name [key.mv_size] = 0;
    }
    mdb_cursor_close (cursor);
    return found? self->name: NULL;
}

const char *
zrelay_store_next (zrelay_store_t *self, const char *name)
{
    MDB_txn *txn = s_begin (self);
    if (!txn)
        return NULL;
    char after [NAME_MOST + 1];
    snprintf (after, sizeof (after), "%s", name);
    const char *found = s_next (self, txn, self->names, after);
    s_end (self);
    return found;
}

const char *
zrelay_store_next_spool (zrelay_store_t *self, const char *name)
{
    MDB_txn *txn = s_begin (self);
    if (!txn)
        return NULL;
    char after [NAME_MOST + 1];
    snprintf (after, sizeof (after), "%s%s", SPOOL, name);
    MDB_dbi main_tree;
    const char *found = mdb_dbi_open (txn, NULL, 0, &main_tree) == 0?
        s_next (self, txn, main_tree, after): NULL;
    s_end (self);
    size_t size = strlen (SPOOL);
    if (!found || strncmp (found, SPOOL, size) != 0)
        return NULL;
    memmove (self->name, self->name + size, strlen (found + size) + 1);
    return self->name;
}
