/*  =========================================================================
    zrelay_bridges - kinds of libraries that the program loads if they are there

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For dladdr ()
#define _GNU_SOURCE
#include "zrelay_bridges.h"

#include <dlfcn.h>
#include <limits.h>

//  Most kinds of a table
#define KINDS_MOST 64

static const zrelay_kind_t *s_kinds [KINDS_MOST + 1];

//  A library that lies beside this one is of the same version

static void *
s_open (const char *soname)
{
    Dl_info here;
    char path [PATH_MAX];
    void *library = NULL;
    if (dladdr ((void *) s_kinds, &here) && strrchr (here.dli_fname, '/')) {
        snprintf (path, sizeof (path), "%.*s/%s",
                  (int) (strrchr (here.dli_fname, '/') - here.dli_fname),
                  here.dli_fname, soname);
        library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
    }
    return library? library: dlopen (soname, RTLD_NOW | RTLD_LOCAL);
}

//  A program may have kinds of its own that only share a name

static void
s_replace (const zrelay_kind_t *const *others)
{
    for (; *others; others++)
        for (size_t index = 0; s_kinds [index]; index++)
            if (streq (s_kinds [index]->name, (*others)->name)
            &&  s_kinds [index] == zrelay_kinds_find (zrelay_kinds (),
                                                      (*others)->name))
                s_kinds [index] = *others;
}

const zrelay_kind_t *const *
zrelay_bridges (const zrelay_kind_t *const *kinds)
{
    size_t count = 0;
    while (kinds [count])
        count++;
    void *library = count <= KINDS_MOST? s_open (ZRELAY_NATS_SONAME): NULL;
    if (!library)
        return kinds;
    typedef const zrelay_kind_t *const *(kinds_fn) (void);
    kinds_fn *function;
    //  POSIX has functions and data in pointers of the same kind
    *(void **) &function = dlsym (library, "zrelay_nats_kinds");
    if (!function)
        return kinds;
    memcpy (s_kinds, kinds, (count + 1) * sizeof (*kinds));
    s_replace (function ());
    return s_kinds;
}
