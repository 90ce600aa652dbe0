/*  =========================================================================
    zrelay_backlog - messages that a flow holds, and which of them it drops

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_BACKLOG_H_INCLUDED
#define ZRELAY_BACKLOG_H_INCLUDED

#include <zrelay.h>
#include "zrelay_side.h"
#include "zrelay_spooling.h"

//  Messages that their output cannot take, in the order in which they came. No
//  frame of them has been sent. They are in memory, or with overflow spool on
//  disk.
typedef struct _zrelay_backlog_t zrelay_backlog_t;

//  Of a flow of that name, whose messages go to one of these sides; each may be
//  NULL.
zrelay_backlog_t *
    zrelay_backlog_new (const char *flow, zrelay_side_t *output,
                        zrelay_side_t *input);
void
    zrelay_backlog_destroy (zrelay_backlog_t **self_p);

//  Options, of the flow that has it: overflow, queue.
extern const zrelay_setting_t zrelay_backlog_settings [];

//  Those that are on disk, which has options of its own.
zrelay_spooling_t *
    zrelay_backlog_spooling (zrelay_backlog_t *self);

//  True if that option with that value needs a spooler, and there is none.
bool
    zrelay_backlog_lacks_spooler (const zrelay_setting_t *setting,
                                  const char *value);

//  An option was set: messages may have to move from memory to the disk.
void
    zrelay_backlog_changed (zrelay_backlog_t *self);

//  True if the flow must read no more while there is a message.
bool
    zrelay_backlog_stops (zrelay_backlog_t *self);

//  True if each message must be added, whether its output can take it or not.
bool
    zrelay_backlog_takes_all (zrelay_backlog_t *self);

//  Keep a message for one of the sides, and leave it without frames. Returns
//  how many messages were dropped for that, it or another one.
size_t
    zrelay_backlog_add (zrelay_backlog_t *self, zrelay_message_t *message,
                        zrelay_side_t *to);

//  How many there are, and how many of them are in memory.
size_t
    zrelay_backlog_size (zrelay_backlog_t *self);
size_t
    zrelay_backlog_in_memory (zrelay_backlog_t *self);

//  The first message, which stays the backlog's, and where it goes; or NULL if
//  there is none that can be sent now. Remove it; it must have been sent, or
//  counted as dropped.
zrelay_message_t *
    zrelay_backlog_first (zrelay_backlog_t *self, zrelay_side_t **to_p);
void
    zrelay_backlog_remove (zrelay_backlog_t *self);

//  The relay ends: returns how many messages are lost; there are none then.
size_t
    zrelay_backlog_abandon (zrelay_backlog_t *self);

//  Report how many there are, and how long they were held, behind the flow's
//  name; and set the second to zero.
void
    zrelay_backlog_stats (zrelay_backlog_t *self, zrelay_counts_t *counts,
                          const char *flow);
void
    zrelay_backlog_reset (zrelay_backlog_t *self);

void
    zrelay_backlog_test (bool verbose);

#endif
