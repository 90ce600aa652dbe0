/*  =========================================================================
    zrelay_strays - what those who have left had subscribed to

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STRAYS_H_INCLUDED
#define ZRELAY_STRAYS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_subscriber.h"

//  Subscriptions and cancellations may be read when their connection has ended,
//  or was never known. They may count only against each other: else somebody
//  could cancel what others have, and be gone before anybody asks who it was.
//  A connection is known by its property, see zrelay_subscriber.h.

typedef struct _zrelay_strays_t zrelay_strays_t;

zrelay_strays_t *
    zrelay_strays_new (void);

void
    zrelay_strays_destroy (zrelay_strays_t **self_p);

//  One has left; takes it, and nulls the caller's pointer.
void
    zrelay_strays_leave (zrelay_strays_t *self,
                         zrelay_subscriber_t **subscriber_p);

//  True if what has this property comes from one of these for certain.
bool
    zrelay_strays_has (zrelay_strays_t *self, const char *property);

//  One subscribes, or cancels. Returns true if it had not subscribed to that
//  before, or had.
bool
    zrelay_strays_subscribe (zrelay_strays_t *self,
                             const zrelay_voice_t *voice,
                             const void *topic, size_t size);
bool
    zrelay_strays_cancel (zrelay_strays_t *self, const char *property,
                          const void *topic, size_t size);

//  All messages that waited were read. Forget those of whom nothing came since
//  that was so the last time.
void
    zrelay_strays_forget (zrelay_strays_t *self);

void
    zrelay_strays_test (bool verbose);

#endif
