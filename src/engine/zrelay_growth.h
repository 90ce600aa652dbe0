/*  =========================================================================
    zrelay_growth - what subscribers cost in memory

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_GROWTH_H_INCLUDED
#define ZRELAY_GROWTH_H_INCLUDED

#include <zrelay.h>

//  Where subscribers may send messages, too, these and subscriptions look alike
//  from outside, but not what becomes of them. A message takes twice its bytes
//  of memory, while it goes from queue to queue, and less than three times with
//  what the allocator adds: 2.8 under AddressSanitizer, which notes for each
//  eight bytes what they are. A topic takes 33 times as many. It is the relay's
//  thread that takes that memory: others have work of their own. When somebody
//  was cut for it, it is accounted for.

typedef struct _zrelay_growth_t zrelay_growth_t;

//  Since one of them began to be ahead of what is known; all zero at first
typedef struct {
    uint64_t memory;            //  Taken by the thread until then, in bytes
    uint64_t brought;           //  By all subscribers until then, in bytes
    uint64_t blames;            //  Who were cut for that until then
    int64_t measured_at;        //  When it was measured last, in msecs
} zrelay_growth_mark_t;

//  The relay's thread is the caller.
zrelay_growth_t *
    zrelay_growth_new (void);

void
    zrelay_growth_destroy (zrelay_growth_t **self_p);

//  The caller is the relay's thread now.
void
    zrelay_growth_here (zrelay_growth_t *self);

//  Subscribers have brought so many bytes more.
void
    zrelay_growth_bring (zrelay_growth_t *self, uint64_t bytes);

//  One of them is ahead by so many bytes. Returns true if more memory was taken
//  since the mark than messages of all can have, and what this one has brought
//  can be the reason. The mark is set anew if that is asked for, and when it is
//  stale.
bool
    zrelay_growth_exceeds (zrelay_growth_t *self, zrelay_growth_mark_t *mark,
                           uint64_t own, bool anew);

//  One of them was cut for it.
void
    zrelay_growth_blame (zrelay_growth_t *self);

void
    zrelay_growth_test (bool verbose);

#endif
