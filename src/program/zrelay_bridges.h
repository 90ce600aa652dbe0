/*  =========================================================================
    zrelay_bridges - kinds of libraries that the program loads if they are there

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_BRIDGES_H_INCLUDED
#define ZRELAY_BRIDGES_H_INCLUDED

#include <zrelay.h>

//  Kinds that need another system's library are in libraries of their own. The
//  program is not linked with them, so that it runs, and can be packaged,
//  without them; it looks for them where libzrelay-main is, and then where the
//  system has its libraries.

//  The same table, in which kinds of libzrelay have been replaced by those of
//  the same name in such a library. It remains as long as the process runs.
const zrelay_kind_t *const *
    zrelay_bridges (const zrelay_kind_t *const *kinds);

#endif
