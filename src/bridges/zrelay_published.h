/*  =========================================================================
    zrelay_published - what a site has published lately, by topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PUBLISHED_H_INCLUDED
#define ZRELAY_PUBLISHED_H_INCLUDED

#include "zrelay_address.h"

//  A site that was cut off cannot know what it has missed. So each site counts
//  its messages by their topics, of which the first bytes count, in stretches
//  that end with its reports, and tells those who ask. It remembers two megabytes
//  of these: an hour of reports with fifty topics each.

//  A stretch is known by the numbers of the parcels in it: those behind after,
//  up to upto. Its rows are bytes: of each topic its size, in one byte, the
//  topic, and how many messages had it, in eight bytes.
typedef struct {
    uint64_t after;
    uint64_t upto;
    byte *rows;
    size_t size;                //  Bytes of the rows
    bool whole;                 //  No topic is missing in it
} zrelay_published_stretch_t;

//  A row, taken apart
typedef struct {
    const byte *topic;          //  Its first bytes
    size_t size;                //  How many these are
    uint64_t messages;          //  Messages that had it
} zrelay_published_row_t;

//  Most bytes of a row, and of the rows of a stretch
#define ZRELAY_PUBLISHED_ROW (1 + ZRELAY_ADDRESS_TOPIC + 8)
#define ZRELAY_PUBLISHED_MOST (16384 * ZRELAY_PUBLISHED_ROW)

typedef struct _zrelay_published_t zrelay_published_t;

zrelay_published_t *
    zrelay_published_new (void);

void
    zrelay_published_destroy (zrelay_published_t **self_p);

//  Forget everything.
void
    zrelay_published_clear (zrelay_published_t *self);

//  A message of that topic goes into this stretch.
void
    zrelay_published_add (zrelay_published_t *self, const void *topic,
                          size_t size);

//  The number behind which the stretch that goes on began.
uint64_t
    zrelay_published_after (zrelay_published_t *self);

//  It ends with the parcel of that number, and another one begins.
void
    zrelay_published_end (zrelay_published_t *self, uint64_t upto);

//  Is everything known behind that number?
bool
    zrelay_published_knows (zrelay_published_t *self, uint64_t after);

//  The first stretch with messages that ends behind that number, and the one
//  that follows it; NULL: there is none. They are valid until one ends.
const zrelay_published_stretch_t *
    zrelay_published_first (zrelay_published_t *self, uint64_t after);
const zrelay_published_stretch_t *
    zrelay_published_next (zrelay_published_t *self);

//  Read the next row of such bytes. *at_p is the place to read at, 0 at first.
//  Returns false at the end, *at_p is size then, or where something else is.
bool
    zrelay_published_read (const byte *rows, size_t size, size_t *at_p,
                       zrelay_published_row_t *row);

//  Self test of this class
void
    zrelay_published_test (bool verbose);

#endif
