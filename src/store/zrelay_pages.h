/*  =========================================================================
    zrelay_pages - looks at the file of an LMDB before LMDB does

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PAGES_H_INCLUDED
#define ZRELAY_PAGES_H_INCLUDED

#include <zrelay_library.h>

//  LMDB maps its file and trusts what it finds there: a damaged file can end
//  the process. So the file is read first, as a file, and each page of a tree
//  is looked at: pages lie within the file and belong to one tree only, nodes
//  lie within their page, and numbers agree. What records contain has checksums
//  of its own.

//  Returns NULL, or what is wrong: the end of a sentence, a constant.
const char *
    zrelay_pages_check (int handle);

//  Bytes from the beginning of each of the first two pages that decide which
//  state of the file is the current one, and where the second page begins in an
//  existing file; 0 if that cannot be known.
#define ZRELAY_PAGES_ROOT 256
size_t
    zrelay_pages_size (int handle);

#endif
