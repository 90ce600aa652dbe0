/*  =========================================================================
    zrelay_pool_name - names that are kept behind what they name

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POOL_NAME_H_INCLUDED
#define ZRELAY_POOL_NAME_H_INCLUDED

#include <zrelay.h>

//  Keep a copy of a name's bytes in this place. Structures with a name are
//  allocated with room for it at their end.

static inline void
zrelay_pool_name_set (zrelay_name_t *self, void *place,
                      const void *data, size_t size)
{
    if (size > 0)
        memcpy (place, data, size);
    self->data = place;
    self->size = size;
}

#endif
