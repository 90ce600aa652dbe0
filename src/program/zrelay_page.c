/*  =========================================================================
    zrelay_page - the files of the page, as they were when the program was built

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_page.h"

#ifdef ZRELAY_HTTP
//  Arrays that the build makes of page.html, page.css and page.js
#   include "page.inc"
#endif

static const zrelay_page_t s_files [] = {
#ifdef ZRELAY_HTTP
    { "/", "text/html; charset=utf-8", s_page_html, sizeof (s_page_html) },
    { "/page.css", "text/css; charset=utf-8", s_page_css,
      sizeof (s_page_css) },
    { "/page.js", "text/javascript; charset=utf-8", s_page_js,
      sizeof (s_page_js) },
#endif
    { NULL, NULL, NULL, 0 }
};

const zrelay_page_t *
zrelay_page_find (const char *path)
{
    const zrelay_page_t *page = s_files;
    while (page->path && strneq (page->path, path))
        page++;
    return page->path? page: NULL;
}
