/*  =========================================================================
    zrelay_index - finds items by names that strangers chose

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_INDEX_H_INCLUDED
#define ZRELAY_INDEX_H_INCLUDED

#include <zrelay.h>

//  Names are bytes, such as routing ids. They are hashed with a secret of the
//  index: nobody can choose names that collide, which would slow down a table
//  and make a zhashx of CZMQ 4.2 abort.

typedef struct _zrelay_index_t zrelay_index_t;

//  A name; the bytes are somebody else's
typedef struct {
    const void *data;
    size_t size;
} zrelay_name_t;

zrelay_index_t *
    zrelay_index_new (void);

//  The items remain their owner's.
void
    zrelay_index_destroy (zrelay_index_t **self_p);

//  The item of that name, or NULL.
void *
    zrelay_index_find (zrelay_index_t *self, const void *data, size_t size);

//  Add an item, whose name and its bytes must remain where they are until it is
//  removed. No other item may have that name.
void
    zrelay_index_add (zrelay_index_t *self, const zrelay_name_t *name,
                      void *item);

void
    zrelay_index_remove (zrelay_index_t *self, const zrelay_name_t *name);

size_t
    zrelay_index_size (zrelay_index_t *self);

void
    zrelay_index_test (bool verbose);

#endif
