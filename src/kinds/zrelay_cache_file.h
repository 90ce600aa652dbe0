/*  =========================================================================
    zrelay_cache_file - saves topics to a file, and loads them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CACHE_FILE_H_INCLUDED
#define ZRELAY_CACHE_FILE_H_INCLUDED

#include "zrelay_topic.h"

//  The format is described in zrelay_cache.h. Both classes work on a thread,
//  see zrelay_errand.h: wait until their descriptor can be read, and then ask
//  for the problem, which is NULL if there was none.

//  --------------------------------------------------------------------------
//  Saving: the file appears under its name when all of it is on the disk, or
//  not at all.

typedef struct _zrelay_saver_t zrelay_saver_t;

//  Save so many topics. NULL, with errno, if the system has no thread.
zrelay_saver_t *
    zrelay_saver_new (const char *path, uint64_t topics);

//  An unfinished file is removed.
void
    zrelay_saver_destroy (zrelay_saver_t **self_p);

//  Add a topic with its present value, which was updated at that time, in msecs
//  of zclock_time (). As many must be added as there are.
void
    zrelay_saver_add (zrelay_saver_t *self, zrelay_topic_t *topic,
                      int64_t time);

//  Bytes that were added and are not written yet
size_t
    zrelay_saver_backlog (zrelay_saver_t *self);

int
    zrelay_saver_fd (zrelay_saver_t *self);
const char *
    zrelay_saver_problem (zrelay_saver_t *self);


//  --------------------------------------------------------------------------
//  Loading: the whole file is read and checked before there is any topic.

typedef struct _zrelay_loader_t zrelay_loader_t;

//  NULL, with errno, if the system has no thread.
zrelay_loader_t *
    zrelay_loader_new (const char *path);

void
    zrelay_loader_destroy (zrelay_loader_t **self_p);

int
    zrelay_loader_fd (zrelay_loader_t *self);
const char *
    zrelay_loader_problem (zrelay_loader_t *self);

//  Add the frames of the next topic's value to a message: the most recently
//  updated topic comes first. Returns false if there are no more.
bool
    zrelay_loader_next (zrelay_loader_t *self, zrelay_message_t *message,
                        size_t *topic_size_p, int64_t *time_p);

void
    zrelay_cache_file_test (bool verbose);

#endif
