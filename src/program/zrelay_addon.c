/*  =========================================================================
    zrelay_addon - libraries that the program uses if they are there

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  dladdr () is one of glibc's
#define _GNU_SOURCE

#include "zrelay_addon.h"
#include <zrelay.h>

#include <dlfcn.h>

#define STORE "libzrelay-store.so." ZRELAY_SOVERSION
#define NATS "libzrelay-nats.so." ZRELAY_SOVERSION

//  Most kinds of a table
#define KINDS_MOST 64

static const zrelay_kind_t *s_kinds [KINDS_MOST + 1];

//  Libraries with kinds that replace others of the same names: which function
//  lists them, and the names, which are known without loading them
static const struct {
    const char *library;        //  Name for the loader
    const char *function;       //  Returns a table of kinds
    const char *names [4];      //  Ended by NULL
} s_addons [] = {
    { NATS, "zrelay_nats_kinds", { "forwarder", "queue", "streamer", NULL } },
    { STORE, "zrelay_titanic_kinds", { "majordomo", NULL } }
};
#define ADDONS (sizeof (s_addons) / sizeof (*s_addons))

//  In a directory that has so many characters of a path

static void *
s_open_in (const char *path, size_t size, const char *library)
{
    char *name = zsys_sprintf ("%.*s/%s", (int) size, path, library);
    assert (name);
    void *handle = dlopen (name, RTLD_NOW | RTLD_LOCAL);
    zstr_free (&name);
    return handle;
}

//  It was built with the library that this function is in, so is beside that;
//  else where the loader looks, and then where zrelay was installed

static void *
s_find (const char *library, const char *function)
{
    Dl_info own;
    const char *end = dladdr (ZRELAY_LIBDIR, &own) && own.dli_fname?
                      strrchr (own.dli_fname, '/'): NULL;
    void *handle = end? s_open_in (own.dli_fname, end - own.dli_fname, library):
                   NULL;
    if (!handle)
        handle = dlopen (library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        handle = s_open_in (ZRELAY_LIBDIR, strlen (ZRELAY_LIBDIR), library);
    return handle? dlsym (handle, function): NULL;
}

void
zrelay_addon_provide (void)
{
    const zrelay_spooler_t *(*spooler) (void);
    *(void **) &spooler = s_find (STORE, "zrelay_store_spooler");
    if (spooler)
        zrelay_spooler_provide (spooler ());
}

zrelay_exit_t
zrelay_addon_spool (int argc, char **argv, zrelay_report_t *report)
{
    int (*look) (const char *program, int argc, char *argv []);
    *(void **) &look = s_find (STORE, "zrelay_store_main");
    if (!look)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "spool needs the library libzrelay-store, which is not installed");
    return (zrelay_exit_t) look (zrelay_report_program (report), argc, argv);
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

static void
s_replace_by (size_t addon)
{
    const zrelay_kind_t *const *(*others) (void);
    *(void **) &others =
        s_find (s_addons [addon].library, s_addons [addon].function);
    if (others)
        s_replace (others ());
}

//  Is the name of one of its kinds among the words? Without words, it may be

static bool
s_is_asked_for (size_t addon, int argc, char **argv)
{
    for (int word = 1; word < argc; word++)
        for (const char *const *name = s_addons [addon].names; *name; name++)
            if (streq (argv [word], *name))
                return true;
    return argc == 0;
}

const zrelay_kind_t *const *
zrelay_addon_kinds (const zrelay_kind_t *const *kinds, int argc, char **argv)
{
    size_t count = 0;
    while (kinds [count])
        count++;
    if (count > KINDS_MOST)
        return kinds;
    memcpy (s_kinds, kinds, (count + 1) * sizeof (*kinds));
    for (size_t addon = 0; addon < ADDONS; addon++)
        if (s_is_asked_for (addon, argc, argv))
            s_replace_by (addon);
    return s_kinds;
}
