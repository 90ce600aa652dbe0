/*  =========================================================================
    zrelay_interest - what a site asks for, in the fewest subjects

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_INTEREST_H_INCLUDED
#define ZRELAY_INTEREST_H_INCLUDED

#include "zrelay_address.h"

//  The subscribers of a site ask for topics. Of each topic the first bytes are
//  its prefix at the servers. A prefix that begins with another one is covered
//  by it, and must not be asked for, too, or messages would come twice. This
//  class says which prefixes to ask for, and when that changes.

typedef struct _zrelay_interest_t zrelay_interest_t;

//  Subscriptions that the user keeps with a prefix
#define ZRELAY_INTEREST_MARKS 2

//  Something to be done
typedef struct {
    bool wanted;                //  Ask for the prefix, or else no longer
    byte prefix [ZRELAY_ADDRESS_TOPIC];     //  The prefix
    size_t size;                //  Its bytes
    size_t *marks;              //  The user's, ZRELAY_INTEREST_MARKS of them,
                                //  as they were left; valid until the next call
} zrelay_interest_change_t;

//  It has no topics, and is idle.
zrelay_interest_t *
    zrelay_interest_new (void);

void
    zrelay_interest_destroy (zrelay_interest_t **self_p);

//  A topic is asked for, or no longer. Returns false if that was so before.
bool
    zrelay_interest_add (zrelay_interest_t *self, const void *topic,
                         size_t size);
bool
    zrelay_interest_remove (zrelay_interest_t *self, const void *topic,
                            size_t size);

//  Would a message of that topic come? Of a topic its first bytes count.
bool
    zrelay_interest_wants (zrelay_interest_t *self, const void *topic,
                           size_t size);

//  How many topics are asked for.
size_t
    zrelay_interest_topics (zrelay_interest_t *self);

//  Begin: all prefixes are to be asked for. Or become idle: none has been, and
//  there is nothing to do.
void
    zrelay_interest_begin (zrelay_interest_t *self);
void
    zrelay_interest_end (zrelay_interest_t *self);

//  What is to be done next, and counts as done then. Returns false if there is
//  nothing. A prefix is asked for before those that it replaces are given up,
//  so that nothing is missed meanwhile; messages may come twice.
bool
    zrelay_interest_next (zrelay_interest_t *self,
                          zrelay_interest_change_t *change);

//  Self test of this class
void
    zrelay_interest_test (bool verbose);

#endif
