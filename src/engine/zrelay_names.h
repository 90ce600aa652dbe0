/*  =========================================================================
    zrelay_names - what the system knows about names of hosts

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_NAMES_H_INCLUDED
#define ZRELAY_NAMES_H_INCLUDED

#include <zrelay.h>

//  True if a host has addresses of IPv6 and none of IPv4. Who asks waits a
//  fifth of a second at most: a name server that takes longer counts as one
//  that knows nothing.
bool
    zrelay_names_only_ipv6 (const char *host);

void
    zrelay_names_test (bool verbose);

#endif
