/*  =========================================================================
    zrelay_mask - hides the routing ids that a ROUTER chose

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MASK_H_INCLUDED
#define ZRELAY_MASK_H_INCLUDED

#include <zrelay.h>

//  A ROUTER gives each peer that does not name itself an automatic routing id:
//  a zero byte, and four bytes that count. Whoever sees one knows the next, can
//  claim it as its own name, and so ends the process with the next peer: libzmq
//  4.3.4 asserts that its own ids are free. So no such id leaves the relay as
//  it is. Its four bytes are enciphered by a secret permutation of all numbers
//  of 32 bits, a Feistel network of six rounds whose functions are
//  multiply-shift hashes (Dietzfelbinger, "Universal hashing and k-wise
//  independent random variables via integer arithmetic without primes"; Luby
//  and Rackoff, "How to construct pseudorandom permutations"). Each side has a
//  secret of its own, and no table is needed. Ids that a peer chose itself stay
//  as they are, unless they look like automatic ones.

#define ZRELAY_MASK_ROUNDS 6

typedef struct {
    bool active;                //  Ids are hidden
    struct {
        uint64_t factor;        //  Odd
        uint64_t term;
    } rounds [ZRELAY_MASK_ROUNDS];
} zrelay_mask_t;

//  Draw a secret; or use the process's own, which is that of all sockets that
//  an application lends: it may end a relay, and begin another one with the
//  same sockets while replies are still to come.
void
    zrelay_mask_init (zrelay_mask_t *self);
void
    zrelay_mask_share (zrelay_mask_t *self);

//  Hide the id that a frame of a ROUTER's own consists of, in its place; and
//  the reverse, which puts a new frame into the place of one that may share its
//  data with another. Other frames stay as they are.
void
    zrelay_mask_hide (const zrelay_mask_t *self, zmq_msg_t *frame);
void
    zrelay_mask_reveal (const zrelay_mask_t *self, zmq_msg_t *frame);

//  The same of an id's bytes.
void
    zrelay_mask_hide_bytes (const zrelay_mask_t *self, byte *id, size_t size);
void
    zrelay_mask_reveal_bytes (const zrelay_mask_t *self, byte *id, size_t size);

void
    zrelay_mask_test (bool verbose);

#endif
