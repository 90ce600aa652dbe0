/*  =========================================================================
    zrelay_leavers - peers that have gone, until nothing more comes from them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_LEAVERS_H_INCLUDED
#define ZRELAY_LEAVERS_H_INCLUDED

#include <zrelay.h>

//  What is known of a peer by a message of it
typedef struct {
    const char *property;       //  Where libzmq keeps its descriptor in digits:
                                //  it tells connections apart
    const void *id;             //  Routing id
    size_t size;                //  Bytes in that
} zrelay_leaver_t;

//  Peers whose connections have ended, of whom messages may still come: the
//  events and the messages of a connection come on two ways, and either may be
//  ahead. The times are those that the caller counts: messages that were heard,
//  and how often the socket was read empty.

typedef struct _zrelay_leavers_t zrelay_leavers_t;

zrelay_leavers_t *
    zrelay_leavers_new (void);

void
    zrelay_leavers_destroy (zrelay_leavers_t **self_p);

//  One has left who was heard last at that message.
void
    zrelay_leavers_add (zrelay_leavers_t *self, const zrelay_leaver_t *who,
                        uint64_t heard, uint64_t empties);

//  A message came. Returns true if it is of one of them.
bool
    zrelay_leavers_heard (zrelay_leavers_t *self, const zrelay_leaver_t *who,
                          uint64_t messages);

//  Another connection has this routing id now: the earlier ones are through.
//  Returns false if there is none.
bool
    zrelay_leavers_succeed (zrelay_leavers_t *self, const void *id,
                            size_t size);

//  How many there are.
size_t
    zrelay_leavers_size (zrelay_leavers_t *self);

//  Take out one of whom nothing more can come: it is through, or the socket was
//  read empty since, or so many messages of others came that it would have had
//  its turn, with so many peers. Its routing id goes to id, which has room for
//  it. Returns the size of that, or 0 if there is none.
size_t
    zrelay_leavers_next (zrelay_leavers_t *self, uint64_t messages,
                         uint64_t empties, size_t peers, byte *id);

void
    zrelay_leavers_test (bool verbose);

#endif
