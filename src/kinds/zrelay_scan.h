/*  =========================================================================
    zrelay_scan - a walk through the topics with a prefix, with rests

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SCAN_H_INCLUDED
#define ZRELAY_SCAN_H_INCLUDED

#include "zrelay_tree.h"

//  Between two steps of the walk, topics may come and go: the place is kept as
//  a key, not as a leaf.
//
//      zrelay_leaf_t *leaf = zrelay_scan_resume (scan, tree);
//      while (leaf && there_is_time ())
//          leaf = zrelay_scan_next (scan, leaf);
//      if (leaf)
//          zrelay_scan_pause (scan, leaf);

typedef struct _zrelay_scan_t zrelay_scan_t;

zrelay_scan_t *
    zrelay_scan_new (const void *prefix, size_t size);

void
    zrelay_scan_destroy (zrelay_scan_t **self_p);

const byte *
    zrelay_scan_prefix (zrelay_scan_t *self, size_t *size_p);

//  True if it has been paused
bool
    zrelay_scan_begun (zrelay_scan_t *self);

//  The leaf to go on with, and the one behind another; NULL at the end.
zrelay_leaf_t *
    zrelay_scan_resume (zrelay_scan_t *self, zrelay_tree_t *tree);
zrelay_leaf_t *
    zrelay_scan_next (zrelay_scan_t *self, zrelay_leaf_t *leaf);

//  Go on with this leaf later, or with the one that comes after it if it has
//  gone by then.
void
    zrelay_scan_pause (zrelay_scan_t *self, zrelay_leaf_t *leaf);

//  No leaf is left, whatever comes.
void
    zrelay_scan_finish (zrelay_scan_t *self);

void
    zrelay_scan_test (bool verbose);

#endif
