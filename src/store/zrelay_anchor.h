/*  =========================================================================
    zrelay_anchor - what a crash of the machine may not undo

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ANCHOR_H_INCLUDED
#define ZRELAY_ANCHOR_H_INCLUDED

#include <zrelay_library.h>

//  LMDB writes a commit's pages first, and then one of the first two pages of
//  its file, the roots: they decide which state of the file is the current one.
//  Without a sync of the disk in each commit, which takes milliseconds, a crash
//  of the machine may leave a root on the disk whose pages are not there.
//
//  So a store keeps a second file. After each sync of LMDB's file, it gets a
//  copy of the roots as they were before that sync; and the pages of that state
//  are not used again until a later state has been synced in the same way, see
//  zrelay_syncer.h. When a store is opened on a machine that was started since,
//  the roots are put back, and with them the last state that was synced. After
//  a crash of the process alone, the kernel still has all that was written, and
//  nothing is put back.
//
//  The file, zrelay.store, has two halves of 1024 bytes, of which the one with
//  the higher number that is whole counts. They are written in turns, so a
//  write that was torn leaves the other. In network order:
//
//      bytes   what
//      8       "ZRELAYST"
//      4       version of the format
//      4       CRC-32C of the rest of the half
//      8       number of the half: each has a higher one than the last
//      8       commits that the state has
//      8       size of a page of LMDB's; 0: its file is still to be made
//      40      name of this run of the machine
//      512     the beginnings of the roots
//      36      the seal, or zeros
//
//  A store that was closed, with all of it on the disk, has a seal: the inode of
//  LMDB's file, its size, and the seconds and nanoseconds of its last change, 8
//  bytes each; and their CRC-32C. As long as they are so, nobody has changed the
//  file, and it need not be read to know that it is sound.
//
//  Functions return NULL, or what went wrong: the end of a sentence.

typedef struct _zrelay_anchor_t zrelay_anchor_t;

//  data is the name of LMDB's file.
zrelay_anchor_t *
    zrelay_anchor_new (const char *data);

void
    zrelay_anchor_destroy (zrelay_anchor_t **self_p);

//  In an open directory that nobody else uses; without the file, there must be
//  no file of LMDB's either, and it is made.
const char *
    zrelay_anchor_open (zrelay_anchor_t *self, int directory);

//  Is LMDB's file still to be made? It can have no messages then.
bool
    zrelay_anchor_is_new (zrelay_anchor_t *self);

//  Commits that a store must have at least.
uint64_t
    zrelay_anchor_commits (zrelay_anchor_t *self);

//  Is LMDB's file as it was sealed?
bool
    zrelay_anchor_is_sealed (zrelay_anchor_t *self);

//  Seal it, when all of it is on the disk and nobody uses it any more.
const char *
    zrelay_anchor_seal (zrelay_anchor_t *self);

//  Put the roots back if the machine was started since, and look at LMDB's
//  file. LMDB has not opened it yet.
const char *
    zrelay_anchor_restore (zrelay_anchor_t *self);

//  Take a copy of the roots, while nobody commits; and write it, when they have
//  been synced.
const char *
    zrelay_anchor_take (zrelay_anchor_t *self);
const char *
    zrelay_anchor_write (zrelay_anchor_t *self, uint64_t commits);

#endif
