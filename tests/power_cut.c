/*  =========================================================================
    power_cut - preloaded: keeps what a disk had when it was synced last

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Files in the directory POWER_CUT_FROM are copied to POWER_CUT_TO each time
//  that they are synced, as they were when that began: so much a crash of the
//  machine cannot take away. What was written later may be on its disk as well,
//  or a part of it; tests/spool_test.py makes such disks. And the machine's run
//  has the name that is in the file POWER_CUT_RUN.

#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_FILE "/proc/sys/kernel/random/boot_id"

//  Returns the file's name within the directory, or NULL if it is elsewhere

static const char *
s_name (int file, char path [PATH_MAX])
{
    char link [64];
    const char *from = getenv ("POWER_CUT_FROM");
    snprintf (link, sizeof (link), "/proc/self/fd/%d", file);
    ssize_t size = readlink (link, path, PATH_MAX - 1);
    if (size == -1 || !from)
        return NULL;
    path [size] = 0;
    size_t length = strlen (from);
    return strncmp (path, from, length) == 0 && path [length] == '/'?
           path + length + 1: NULL;
}

//  Under another name first, so that a process that is killed here leaves no
//  half of a file

static void
s_keep (int file)
{
    char path [PATH_MAX], to [PATH_MAX + 32], part [PATH_MAX + 40];
    static char buffer [65536];
    const char *name = s_name (file, path);
    if (!name)
        return;
    snprintf (to, sizeof (to), "%s/%s", getenv ("POWER_CUT_TO"), name);
    snprintf (part, sizeof (part), "%s.part", to);
    int copy = open (part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int source = open (path, O_RDONLY);
    ssize_t size;
    while ((size = read (source, buffer, sizeof (buffer))) > 0)
        if (write (copy, buffer, (size_t) size) != size)
            abort ();
    close (source);
    close (copy);
    rename (part, to);
}

int
fdatasync (int file)
{
    int (*real) (int) = (int (*) (int)) dlsym (RTLD_NEXT, "fdatasync");
    s_keep (file);
    return real (file);
}

//  A new name is on the disk when the directory was synced, which follows

int
renameat (int from, const char *old, int to, const char *name)
{
    int (*real) (int, const char *, int, const char *) =
        (int (*) (int, const char *, int, const char *))
        dlsym (RTLD_NEXT, "renameat");
    int rc = real (from, old, to, name);
    int file = rc == 0? openat (to, name, O_RDONLY): -1;
    if (file != -1) {
        s_keep (file);
        close (file);
    }
    return rc;
}

int
open (const char *path, int flags, ...)
{
    int (*real) (const char *, int, ...) =
        (int (*) (const char *, int, ...)) dlsym (RTLD_NEXT, "open");
    va_list argptr;
    va_start (argptr, flags);
    int mode = flags & O_CREAT? va_arg (argptr, int): 0;
    va_end (argptr);
    const char *run = getenv ("POWER_CUT_RUN");
    return real (run && strcmp (path, RUN_FILE) == 0? run: path, flags, mode);
}
