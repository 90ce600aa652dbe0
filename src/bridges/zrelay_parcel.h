/*  =========================================================================
    zrelay_parcel - messages as the bytes in which they cross to other sites

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PARCEL_H_INCLUDED
#define ZRELAY_PARCEL_H_INCLUDED

#include <zrelay.h>

//  A parcel has one message or more, one behind the other. Of each it has the
//  number of frames, the size of each frame, and then the frames themselves.
//  Numbers have four bytes, the most significant first.
typedef struct {
    byte *data;                 //  The bytes, or NULL
    size_t size;                //  How many these are
    size_t room;                //  How many there is room for
    size_t messages;            //  How many messages they are
} zrelay_parcel_t;

//  Most frames of one message
#define ZRELAY_PARCEL_FRAMES 65536

//  So many bytes a message will take, without its first frames; 0: it has no
//  frames that remain, or too many or too large ones.
size_t
    zrelay_parcel_cost (zrelay_message_t *message, size_t first);

//  Put a copy of a message behind the others, without its first frames. Its
//  cost must not be 0.
void
    zrelay_parcel_add (zrelay_parcel_t *self, zrelay_message_t *message,
                       size_t first);

//  Forget everything.
void
    zrelay_parcel_clear (zrelay_parcel_t *self);

//  What is wrong with bytes that came from somebody else, or NULL: they are a
//  parcel. Sets *messages_p to the number of messages.
const char *
    zrelay_parcel_fault (const void *data, size_t size, size_t *messages_p);

//  Read the next message of such bytes into an empty one, which gets copies.
//  *at_p is the place to read at, 0 at first. Returns false at the end. The
//  bytes must be without fault.
bool
    zrelay_parcel_next (const void *data, size_t size, size_t *at_p,
                        zrelay_message_t *message);

//  Numbers of eight bytes in frames, the most significant first
#define ZRELAY_PARCEL_LONG 8

void
    zrelay_parcel_put_long (byte *to, uint64_t number);
uint64_t
    zrelay_parcel_get_long (const byte *from);

//  Self test of this class
void
    zrelay_parcel_test (bool verbose);

#endif
