/*  =========================================================================
    zrelay_subscriptions - the relay's own subscriptions: a set of topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SUBSCRIPTIONS_H_INCLUDED
#define ZRELAY_SUBSCRIPTIONS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_error.h"
#include "zrelay_port.h"
#include "zrelay_sieve.h"

//  What a SUB or XSUB subscribes to by itself, see SUBSCRIBE. Where it is a set
//  without topics, there may be another one that a kind has by default.

typedef struct _zrelay_subscriptions_t zrelay_subscriptions_t;

//  name is the side's, and port has its socket. All that is given outlives the
//  object.
zrelay_subscriptions_t *
    zrelay_subscriptions_new (const char *name, zrelay_port_t *port,
                              zrelay_error_t *error);

void
    zrelay_subscriptions_destroy (zrelay_subscriptions_t **self_p);

//  Add topics, and take some out: all of them, or none. Functions that return
//  a status keep a sentence when it is not ZRELAY_STATUS_DONE.
zrelay_status_t
    zrelay_subscriptions_add (zrelay_subscriptions_t *self, size_t count,
                              char **topics);
zrelay_status_t
    zrelay_subscriptions_remove (zrelay_subscriptions_t *self, size_t count,
                                 char **topics);

//  How many there are; and are these topics short enough?
size_t
    zrelay_subscriptions_count (zrelay_subscriptions_t *self);

//  True if the relay itself has subscribed to everything, without rules.
bool
    zrelay_subscriptions_want_all (zrelay_subscriptions_t *self);
zrelay_status_t
    zrelay_subscriptions_check (zrelay_subscriptions_t *self, size_t count,
                                char **topics);

//  The topic while there is none, which must outlive the object; and subscribe
//  to it with a socket that is new.
void
    zrelay_subscriptions_set_default (zrelay_subscriptions_t *self,
                                      const char *topic);
void
    zrelay_subscriptions_begin (zrelay_subscriptions_t *self);

//  Ask publishers for no more than passes a sieve, which must outlive the
//  object and may be NULL. While its rules are changed, the subscriptions are
//  off.
void
    zrelay_subscriptions_set_sieve (zrelay_subscriptions_t *self,
                                    zrelay_sieve_t *sieve);
void
    zrelay_subscriptions_switch (zrelay_subscriptions_t *self, bool on);

void
    zrelay_subscriptions_test (bool verbose);

#endif
