/*  =========================================================================
    zrelay_configure - FRONTEND and BACKEND: all about a side in one command

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CONFIGURE_H_INCLUDED
#define ZRELAY_CONFIGURE_H_INCLUDED

#include <zrelay.h>
#include "zrelay_side.h"

//  Choose a side's type, attach it to all of a list of endpoints, bind unless
//  ">" is before one, and then subscribe to the words that follow, among which
//  HEARTBEAT_IVL, HEARTBEAT_TIMEOUT or HEARTBEAT_TTL and a number set an
//  option. All of this is done, or nothing.
zrelay_status_t
    zrelay_configure (zrelay_side_t *side, zrelay_error_t *error,
                      const char *type, const char *endpoints,
                      size_t count, char **words);

void
    zrelay_configure_test (bool verbose);

#endif
