/*  =========================================================================
    zrelay_sieve - which topics pass a flow, and under which names

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SIEVE_H_INCLUDED
#define ZRELAY_SIEVE_H_INCLUDED

#include <zrelay.h>
#include "zrelay_counts.h"

//  Rules about topics: the first bytes of a message's first frame. A message
//  passes if it begins with the topic of one of the rules "only", or there is
//  none of these; and if it does not begin with that of a rule "except". Then
//  the first rule "rename" whose topic it begins with puts another one in its
//  place. A sieve is at the same time what can be asked of publishers: a
//  subscription behind it leads to those before it that bring no more than is
//  wanted.

typedef struct _zrelay_sieve_t zrelay_sieve_t;

typedef enum {
    ZRELAY_SIEVE_ONLY,
    ZRELAY_SIEVE_EXCEPT,
    ZRELAY_SIEVE_RENAME,
    ZRELAY_SIEVE_RULES          //  How many there are
} zrelay_sieve_rule_t;

//  A sieve without rules, through which all passes.
zrelay_sieve_t *
    zrelay_sieve_new (void);

void
    zrelay_sieve_destroy (zrelay_sieve_t **self_p);

//  The rule of that name, or -1.
int
    zrelay_sieve_find (const char *name);

//  Add a rule; to is what "rename" puts in the place of topic, or else NULL.
//  Remove all.
void
    zrelay_sieve_add (zrelay_sieve_t *self, zrelay_sieve_rule_t rule,
                      const char *topic, const char *to);
void
    zrelay_sieve_clear (zrelay_sieve_t *self);

//  True if there is no rule.
bool
    zrelay_sieve_empty (zrelay_sieve_t *self);

//  True if a message passes, which is counted, and gets its new topic; or one
//  whose first frame this is, of *size_p bytes. The second is a
//  zrelay_port_sift_fn.
bool
    zrelay_sieve_sift_message (zrelay_sieve_t *self,
                               zrelay_message_t *message);
bool
    zrelay_sieve_sift (void *self, zmq_msg_t *frame, size_t *size_p);

//  Call a function with each topic that has to be subscribed to before the
//  sieve for one behind it; or for one before it, of which not everything may
//  pass.
typedef void (zrelay_sieve_fn) (void *arg, const void *topic, size_t size);
void
    zrelay_sieve_ask (zrelay_sieve_t *self, const void *topic, size_t size,
                      zrelay_sieve_fn *function, void *arg);
void
    zrelay_sieve_ask_before (zrelay_sieve_t *self,
                             const void *topic, size_t size,
                             zrelay_sieve_fn *function, void *arg);

//  Add four strings for each rule: its name, its topic, what it puts there, and
//  how many messages it was about: "only" those that it let pass, "except"
//  those that it did not, "rename" those that it renamed. Add the same numbers
//  to an answer to STATS, under names that begin with that of a flow. Set them
//  to zero.
void
    zrelay_sieve_list (zrelay_sieve_t *self, zmsg_t *answer);
void
    zrelay_sieve_stats (zrelay_sieve_t *self, const char *flow,
                        zrelay_counts_t *counts);
void
    zrelay_sieve_reset (zrelay_sieve_t *self);

void
    zrelay_sieve_test (bool verbose);

#endif
