/*  =========================================================================
    zrelay_permission - has an engine follow a file of permissions

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PERMISSION_H_INCLUDED
#define ZRELAY_PERMISSION_H_INCLUDED

#include <zrelay.h>

//  From now on, peers may do what the file permits, see zrelay_permits.h. It
//  may change; while it is wrong, nobody may do anything. What is refused is
//  logged, at most once a second. Returns the status of PERMIT.
int
    zrelay_permission_set (zrelay_engine_t *engine, const char *filename);

#endif
