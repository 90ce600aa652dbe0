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

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Finds items by names that strangers chose, such as routing ids,
//  addresses and keys. Names are any bytes. They are hashed with a secret of
//  the process, so nobody can choose names that collide, which would slow down
//  a table and makes a zhashx of CZMQ 4.2 abort. An index is used by one thread
//  at a time.

typedef struct _zrelay_index_t zrelay_index_t;

//  A name; the bytes are somebody else's
typedef struct {
    const void *data;
    size_t size;
} zrelay_name_t;

ZRELAY_EXPORT zrelay_index_t *
    zrelay_index_new (void);

//  The items remain their owner's.
ZRELAY_EXPORT void
    zrelay_index_destroy (zrelay_index_t **self_p);

//  The item of that name, or NULL.
ZRELAY_EXPORT void *
    zrelay_index_find (zrelay_index_t *self, const void *data, size_t size);

//  Add an item, whose name and its bytes must remain where they are until it is
//  removed. No other item may have that name.
ZRELAY_EXPORT void
    zrelay_index_add (zrelay_index_t *self, const zrelay_name_t *name,
                      void *item);

ZRELAY_EXPORT void
    zrelay_index_remove (zrelay_index_t *self, const zrelay_name_t *name);

//  Remove all items, and give each to that function, which may free it, with its
//  name, and must not use the index. To remove the first one until there is
//  none takes the square of the time.
typedef void (zrelay_index_free_fn) (void *item);

ZRELAY_EXPORT void
    zrelay_index_purge (zrelay_index_t *self, zrelay_index_free_fn *function);

ZRELAY_EXPORT size_t
    zrelay_index_size (zrelay_index_t *self);

//  The first item, and the next, in no order; NULL at the end. Meanwhile none
//  may be added or removed.
ZRELAY_EXPORT void *
    zrelay_index_first (zrelay_index_t *self);
ZRELAY_EXPORT void *
    zrelay_index_next (zrelay_index_t *self);

//  A hash with the process's secret, for tables of one's own. Strangers cannot
//  choose bytes that collide. Equal bytes have the same hash as long as the
//  process runs. Any thread may call it.
ZRELAY_EXPORT uint64_t
    zrelay_index_hash (const void *data, size_t size);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_index_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
