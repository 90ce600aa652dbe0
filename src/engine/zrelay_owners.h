/*  =========================================================================
    zrelay_owners - options that only a relay's owner may set

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_OWNERS_H_INCLUDED
#define ZRELAY_OWNERS_H_INCLUDED

#include <zrelay.h>

//  True if a frame is the name of an option that is ZRELAY_SETTING_OWNER in a
//  relay of that kind, whether it belongs to the relay, to a flow or to a side,
//  or is the kind's own. The frame may be NULL.
bool
    zrelay_owners_option (const zrelay_kind_t *kind, zframe_t *name);

void
    zrelay_owners_test (bool verbose);

#endif
