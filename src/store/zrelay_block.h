/*  =========================================================================
    zrelay_block - messages as bytes, with a checksum, as a store keeps them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_BLOCK_H_INCLUDED
#define ZRELAY_BLOCK_H_INCLUDED

#include <zrelay_message.h>

//  A block is one record of a store. Numbers are in network order:
//
//      bytes   what
//      4       CRC-32C of all that follows
//      4       number of messages
//      8       when the first was put, in msecs since 1970
//
//  and for each message
//
//      1       its mark, a small number that the owner chose
//      4       number of frames
//      4       size of each frame, followed by the frame
//
//  Messages are added at the end, and read from the first on.

typedef struct _zrelay_block_t zrelay_block_t;

//  Bytes of messages at which a block is full; one message may have more
#define ZRELAY_BLOCK_FULL 65000

zrelay_block_t *
    zrelay_block_new (void);

void
    zrelay_block_destroy (zrelay_block_t **self_p);

//  A block of a copy of these bytes, or NULL if they are not what a block
//  wrote.
zrelay_block_t *
    zrelay_block_load (const void *data, size_t size);

//  The same in the place of what the block has, which it loses only if that is
//  sound. Returns false if it is not.
bool
    zrelay_block_reload (zrelay_block_t *self, const void *data, size_t size);

//  True if it takes more memory than a block that is full.
bool
    zrelay_block_large (zrelay_block_t *self);

//  Add a copy of a message. Returns false if it is larger than a block can be,
//  which is 4 GiB less some bytes; then nothing was added.
bool
    zrelay_block_add (zrelay_block_t *self, zrelay_message_t *message,
                      byte mark);

//  Is it full, with so many bytes more?
bool
    zrelay_block_full (zrelay_block_t *self, size_t bytes);

//  Put the frames of the next message behind a message's own, or nowhere, if
//  that is NULL. Returns false at the end. bytes_p gets the size of all frames.
bool
    zrelay_block_next (zrelay_block_t *self, zrelay_message_t *message,
                       byte *mark_p, size_t *bytes_p);

//  True if there is no next message now.
bool
    zrelay_block_at_end (zrelay_block_t *self);

//  Read from the first message again.
void
    zrelay_block_rewind (zrelay_block_t *self);

uint32_t
    zrelay_block_count (zrelay_block_t *self);
int64_t
    zrelay_block_time (zrelay_block_t *self);

//  The block as bytes, with its checksum; they remain the block's.
const byte *
    zrelay_block_data (zrelay_block_t *self, size_t *size_p);

void
    zrelay_block_test (bool verbose);

#endif
