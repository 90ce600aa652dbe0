/*  =========================================================================
    zrelay_page - the files of the page, as they were when the program was built

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PAGE_H_INCLUDED
#define ZRELAY_PAGE_H_INCLUDED

#include <zrelay.h>

//  A file of the page
typedef struct {
    const char *path;           //  Its path on the server
    const char *type;           //  Its media type
    const unsigned char *data;  //  Its contents
    size_t size;                //  Bytes in data
} zrelay_page_t;

//  The file that has this path, or NULL.
const zrelay_page_t *
    zrelay_page_find (const char *path);

#endif
