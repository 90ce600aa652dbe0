/*  =========================================================================
    zrelay_topics - a set of topics, each with a count

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TOPICS_H_INCLUDED
#define ZRELAY_TOPICS_H_INCLUDED

#include <zrelay.h>

//  First bytes of the messages that cancel topics and that subscribe to them, see
//  ZeroMQ RFC 23
#define ZRELAY_TOPICS_CANCEL 0
#define ZRELAY_TOPICS_SUBSCRIBE 1

typedef struct _zrelay_topics_t zrelay_topics_t;

zrelay_topics_t *
    zrelay_topics_new (void);

void
    zrelay_topics_destroy (zrelay_topics_t **self_p);

//  Returns false if the topic was in the set already.
bool
    zrelay_topics_insert (zrelay_topics_t *self, const void *data, size_t size);

//  The same, and count it once more.
bool
    zrelay_topics_raise (zrelay_topics_t *self, const void *data, size_t size);

//  Returns false if it was not there.
bool
    zrelay_topics_delete (zrelay_topics_t *self, const void *data, size_t size);

//  Count it once less; the last time, it leaves the set, and true is returned.
bool
    zrelay_topics_lower (zrelay_topics_t *self, const void *data, size_t size);

//  Do that for all topics of another set, once for each.
void
    zrelay_topics_raise_all (zrelay_topics_t *self, zrelay_topics_t *other);
void
    zrelay_topics_lower_all (zrelay_topics_t *self, zrelay_topics_t *other);

bool
    zrelay_topics_has (zrelay_topics_t *self, const void *data, size_t size);

//  How many there are.
size_t
    zrelay_topics_size (zrelay_topics_t *self);

void
    zrelay_topics_test (bool verbose);

#endif
