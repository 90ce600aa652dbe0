/*  =========================================================================
    zrelay_library - the version of the library

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>

int
zrelay_version (void)
{
    return ZRELAY_VERSION;
}
