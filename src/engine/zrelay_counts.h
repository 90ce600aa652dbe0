/*  =========================================================================
    zrelay_counts - names and values in an answer to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_COUNTS_H_INCLUDED
#define ZRELAY_COUNTS_H_INCLUDED

#include <zrelay.h>

//  Most bytes of a label's value that are shown as they are
#define ZRELAY_COUNTS_LABEL_MAX 64

//  Digits of the largest count
#define ZRELAY_COUNTS_DIGITS 20

//  Names and values are kept in one block, each string with its zero byte: an
//  answer to STATS has hundreds of them, and as frames each costs more than the
//  count that it reports.

typedef struct _zrelay_counts_t zrelay_counts_t;

zrelay_counts_t *
    zrelay_counts_new (void);
void
    zrelay_counts_destroy (zrelay_counts_t **self_p);

//  Add a value under a name made as by printf, of which only %s is known. At
//  most 127 characters of it are kept.
void
    zrelay_counts_add (zrelay_counts_t *self, uint64_t value,
                       const char *format, ...) CHECK_PRINTF (3);

//  Add a word under a name.
void
    zrelay_counts_add_word (zrelay_counts_t *self, const char *name,
                            const char *word);

//  Add a value under "name{label=...}" with these bytes, encoded.
void
    zrelay_counts_add_of (zrelay_counts_t *self, uint64_t value,
                          const char *name, const char *label,
                          const void *data, size_t size);

//  Add frames that hold names and values, up to the first zero byte of each.
void
    zrelay_counts_add_frames (zrelay_counts_t *self, zmsg_t *frames);

//  The block.
const char *
    zrelay_counts_data (zrelay_counts_t *self);
size_t
    zrelay_counts_size (zrelay_counts_t *self);

//  The number under a name; UINT64_MAX if there is none.
uint64_t
    zrelay_counts_value (zrelay_counts_t *self, const char *name);

//  Add a frame for each string to an answer.
void
    zrelay_counts_show (zrelay_counts_t *self, zmsg_t *answer);

//  A value as a string, somewhere in the room.
const char *
    zrelay_counts_digits (char room [ZRELAY_COUNTS_DIGITS + 1],
                          uint64_t value);

//  Encode the value of a label, see zrelay_engine_encode (); and a name with
//  it, as a fresh string.
const char *
    zrelay_counts_encode (char room [ZRELAY_LABEL_ROOM], const void *data,
                          size_t size);
char *
    zrelay_counts_name_of (const char *name, const char *label,
                           const void *data, size_t size);

//  Add, and reset, the counters of a kind's table, which are members of its
//  object. Those that are gauges are not reset. table may be NULL.
void
    zrelay_counts_add_table (zrelay_counts_t *self,
                             const zrelay_counter_t *table, const void *object);
void
    zrelay_counts_reset_table (const zrelay_counter_t *table, void *object);

void
    zrelay_counts_test (bool verbose);

#endif
