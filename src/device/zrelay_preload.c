/*  =========================================================================
    zrelay_preload - gives programs zrelay's engine that call libzmq's proxies

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  With LD_PRELOAD=libzrelay-preload.so the dynamic linker finds zmq_proxy ()
//  and its like here instead of in libzmq. Programs that never call them are
//  left alone: this needs nothing but the C library, and the first call loads
//  libzrelay from the folder in which this library is.
//
//  A program may use another copy of libzmq than libzrelay does, such as one
//  that came with a Python package. Its sockets are strange to us, and go back
//  to that copy. A socket is an object with virtual functions, so its first
//  word points into the library that made it.

#ifndef _GNU_SOURCE
#   define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

typedef int (device_fn) (int type, void *frontend, void *backend);
typedef int (proxy_fn) (void *frontend, void *backend, void *capture);
typedef int (steer_fn) (void *frontend, void *backend, void *capture,
                        void *control);

static pthread_once_t s_once = PTHREAD_ONCE_INIT;
static void *s_library;         //  libzrelay, or NULL if it cannot be loaded
static void *s_libzmq;          //  Where the libzmq begins that it uses

//  Nobody may be reading standard error, and the program must not wait for that

static void
s_tell (const char *what, const char *detail)
{
    const char *value = getenv ("ZRELAY_LOG");
    if (!value || !*value || !strcmp (value, "0"))
        return;
    struct pollfd item = { .fd = STDERR_FILENO, .events = POLLOUT };
    char line [PIPE_BUF];
    int size = snprintf (line, sizeof (line), "zrelay: %s%s\n", what,
                         detail? detail: "");
    if (size > 0 && size < (int) sizeof (line)
    &&  poll (&item, 1, 0) == 1 && (item.revents & POLLOUT)
    &&  write (STDERR_FILENO, line, (size_t) size) != size)
        return;
}

static void
s_load (void)
{
    Dl_info here;
    char path [PATH_MAX];
    if (dladdr ((void *) &s_once, &here) && strrchr (here.dli_fname, '/')) {
        snprintf (path, sizeof (path), "%.*s/%s",
                  (int) (strrchr (here.dli_fname, '/') - here.dli_fname),
                  here.dli_fname, ZRELAY_SONAME);
        s_library = dlopen (path, RTLD_NOW | RTLD_LOCAL);
    }
    if (!s_library)
        s_library = dlopen (ZRELAY_SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!s_library) {
        s_tell ("libzmq's own proxy is used: ", dlerror ());
        return;
    }
    Dl_info libzmq;
    if (dladdr (dlsym (s_library, "zmq_poll"), &libzmq))
        s_libzmq = libzmq.dli_fbase;
}

//  The function of libzrelay for sockets of its own libzmq, or else that of
//  the libzmq that made this socket

static void *
s_find (const char *ours, const char *theirs, void *socket)
{
    pthread_once (&s_once, s_load);
    Dl_info maker = { .dli_fbase = s_libzmq };
    if (socket && !dladdr (*(void **) socket, &maker))
        maker.dli_fname = NULL;
    if (s_library && maker.dli_fbase == s_libzmq) {
        s_tell ("takes over ", theirs);
        return dlsym (s_library, ours);
    }
    void *library = maker.dli_fname?
        dlopen (maker.dli_fname, RTLD_NOW | RTLD_NOLOAD): NULL;
    s_tell ("sockets of another libzmq go back to ", maker.dli_fname);
    return dlsym (library? library: RTLD_NEXT, theirs);
}

//  Neither libzrelay nor a libzmq was found

static int
s_missing (void)
{
    errno = ENOSYS;
    return -1;
}

int
zmq_device (int type, void *frontend, void *backend)
{
    device_fn *function =
        (device_fn *) s_find ("zrelay_device", "zmq_device", frontend);
    return function? function (type, frontend, backend): s_missing ();
}

int
zmq_proxy (void *frontend, void *backend, void *capture)
{
    proxy_fn *function =
        (proxy_fn *) s_find ("zrelay_device_run", "zmq_proxy", frontend);
    return function? function (frontend, backend, capture): s_missing ();
}

int
zmq_proxy_steerable (void *frontend, void *backend, void *capture,
                     void *control)
{
    steer_fn *function =
        (steer_fn *) s_find ("zrelay_device_steer", "zmq_proxy_steerable",
                             frontend);
    return function? function (frontend, backend, capture, control):
                     s_missing ();
}
