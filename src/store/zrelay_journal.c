/*  =========================================================================
    zrelay_journal - changes of a store, made together, each with its result

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_journal.h"

//  A batch has so many changes or bytes at most, and one change at least
#define BATCH_CHANGES 1000
#define BATCH_BYTES (4 * 1024 * 1024)

typedef struct {
    char *name;                 //  What is changed
    zrelay_message_t *message;  //  What is kept there; NULL: nothing
    void *arg;                  //  The owner's
    uint64_t commit;            //  Number of the commit that has it
} change_t;

struct _zrelay_journal_t {
    zrelay_store_t *store;
    zrelay_journal_fn *done;    //  The owner's
    void *object;               //  The owner
    zlistx_t *waiting;          //  To be made
    zlistx_t *unsynced;         //  Made, but not on the disk
    char *problem;              //  Why the last was not made, or NULL
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_journal_t *
zrelay_journal_new (zrelay_store_t *store, zrelay_journal_fn *done,
                    void *object)
{
    zrelay_journal_t *self =
        (zrelay_journal_t *) zmalloc (sizeof (zrelay_journal_t));
    assert (self);
    self->store = store;
    self->done = done;
    self->object = object;
    self->waiting = zlistx_new ();
    self->unsynced = zlistx_new ();
    assert (self->waiting && self->unsynced);
    return self;
}

//  The change has left its list

static void
s_report (zrelay_journal_t *self, change_t *change, bool made)
{
    self->done (self->object, change->arg, made);
    zstr_free (&change->name);
    zrelay_message_destroy (&change->message);
    freen (change);
}

static change_t *
s_take_first (zlistx_t *list)
{
    return zlistx_first (list)?
           (change_t *) zlistx_detach (list, NULL): NULL;
}

static void
s_report_all (zrelay_journal_t *self, zlistx_t *list, bool made)
{
    change_t *change;
    while ((change = s_take_first (list)))
        s_report (self, change, made);
}

void
zrelay_journal_destroy (zrelay_journal_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_journal_t *self = *self_p;
        s_report_all (self, self->unsynced, false);
        s_report_all (self, self->waiting, false);
        zlistx_destroy (&self->unsynced);
        zlistx_destroy (&self->waiting);
        zstr_free (&self->problem);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Changes

static void
s_add (zrelay_journal_t *self, const char *name, zrelay_message_t *message,
       void *arg)
{
    change_t *change = (change_t *) zmalloc (sizeof (change_t));
    assert (change);
    change->name = strdup (name);
    assert (change->name);
    change->message = message;
    change->arg = arg;
    zlistx_add_end (self->waiting, change);
}

void
zrelay_journal_set (zrelay_journal_t *self, const char *name,
                    zrelay_message_t **message_p, void *arg)
{
    assert (message_p && *message_p);
    s_add (self, name, *message_p, arg);
    *message_p = NULL;
}

void
zrelay_journal_unset (zrelay_journal_t *self, const char *name, void *arg)
{
    s_add (self, name, NULL, arg);
}


//  --------------------------------------------------------------------------
//  Making them

static bool
s_apply (zrelay_journal_t *self, change_t *change)
{
    zrelay_status_t status = change->message?
        zrelay_store_set (self->store, change->name, change->message):
        zrelay_store_unset (self->store, change->name);
    return status == ZRELAY_STATUS_DONE;
}

static bool
s_commit (zrelay_journal_t *self)
{
    return zrelay_store_commit (self->store) == ZRELAY_STATUS_DONE;
}

//  The first so many, which remain in the list. If they cannot be made together,
//  none is made.

static bool
s_make_together (zrelay_journal_t *self, size_t count)
{
    change_t *change = (change_t *) zlistx_first (self->waiting);
    for (; count > 0; count--) {
        if (!s_apply (self, change))
            return false;
        change = (change_t *) zlistx_next (self->waiting);
    }
    return s_commit (self);
}

static void
s_note_result (zrelay_journal_t *self, bool made)
{
    zstr_free (&self->problem);
    if (made)
        return;
    self->problem = strdup (zrelay_store_error (self->store));
    assert (self->problem);
}

//  The first was made, or not

static void
s_finish_first (zrelay_journal_t *self, bool made)
{
    change_t *change = s_take_first (self->waiting);
    if (made && zrelay_store_sync (self->store) == ZRELAY_STORE_SYNC_ALWAYS) {
        change->commit = zrelay_store_commits (self->store);
        zlistx_add_end (self->unsynced, change);
    }
    else
        s_report (self, change, made);
}

static void
s_make_alone (zrelay_journal_t *self)
{
    change_t *change = (change_t *) zlistx_first (self->waiting);
    bool made = s_apply (self, change) && s_commit (self);
    s_note_result (self, made);
    s_finish_first (self, made);
}

static size_t
s_batch (zrelay_journal_t *self)
{
    size_t count = 0;
    size_t bytes = 0;
    change_t *change = (change_t *) zlistx_first (self->waiting);
    while (change && count < BATCH_CHANGES && bytes < BATCH_BYTES) {
        bytes += change->message? zrelay_message_bytes (change->message): 0;
        count++;
        change = (change_t *) zlistx_next (self->waiting);
    }
    return count;
}

//  The owner may add more while it hears of these

void
zrelay_journal_make (zrelay_journal_t *self)
{
    size_t count = s_batch (self);
    if (count > 1 && s_make_together (self, count)) {
        s_note_result (self, true);
        for (; count > 0; count--)
            s_finish_first (self, true);
    }
    else
        for (; count > 0; count--)
            s_make_alone (self);
}

void
zrelay_journal_heard (zrelay_journal_t *self)
{
    uint64_t synced = zrelay_store_synced (self->store);
    bool always = zrelay_store_sync (self->store) == ZRELAY_STORE_SYNC_ALWAYS;
    change_t *change;
    while ((change = (change_t *) zlistx_first (self->unsynced))
        && (change->commit <= synced || !always))
        s_report (self, s_take_first (self->unsynced), true);
    if (zrelay_store_failed (self->store)) {
        s_note_result (self, false);
        s_report_all (self, self->unsynced, false);
    }
}


//  --------------------------------------------------------------------------
//  Properties

size_t
zrelay_journal_waiting (zrelay_journal_t *self)
{
    return zlistx_size (self->waiting);
}

size_t
zrelay_journal_size (zrelay_journal_t *self)
{
    return zlistx_size (self->waiting) + zlistx_size (self->unsynced);
}

const char *
zrelay_journal_problem (zrelay_journal_t *self)
{
    return self->problem;
}


//  --------------------------------------------------------------------------
//  Selftest: see zrelay_titanic_test.c
