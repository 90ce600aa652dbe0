/*  =========================================================================
    proxies - calls libzmq's proxies, of a libzmq that it opens by its path

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For preload_test.py. All other calls go where that library is; those of the
//  three functions go where the dynamic linker finds them first, as those of
//  an extension of Python do.

#ifndef _GNU_SOURCE
#   define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define LIMIT       60              //  Seconds for everything
#define MESSAGES    100

static void *s_libzmq;
static void *s_frontend;
static void *s_backend;
static const char *s_name;          //  Of the function that is called
static int s_error;                 //  What it ended with

typedef void *(*context_fn) (void);
typedef int (*end_fn) (void *);
typedef void *(*socket_fn) (void *, int);
typedef int (*attach_fn) (void *, const char *);
typedef int (*send_fn) (void *, const void *, size_t, int);
typedef int (*receive_fn) (void *, void *, size_t, int);
typedef int (*errno_fn) (void);
typedef int (*device_fn) (int, void *, void *);
typedef int (*proxy_fn) (void *, void *, void *);
typedef int (*steer_fn) (void *, void *, void *, void *);

//  A function of that library, as an lvalue of its type
#define THEIR(type, name) ((type) dlsym (s_libzmq, name))

//  Where the linker finds it first: the preloaded one, if there is one

static void *
s_first (const char *name)
{
    void *function = dlsym (RTLD_DEFAULT, name);
    return function? function: dlsym (s_libzmq, name);
}

static void *
s_thread (void *arg)
{
    void *function = s_first (s_name);
    if (strcmp (s_name, "zmq_device") == 0)
        ((device_fn) function) (ZMQ_STREAMER, s_frontend, s_backend);
    else
    if (strcmp (s_name, "zmq_proxy") == 0)
        ((proxy_fn) function) (s_frontend, s_backend, NULL);
    else
        ((steer_fn) function) (s_frontend, s_backend, NULL, NULL);
    s_error = THEIR (errno_fn, "zmq_errno") ();
    return arg;
}

static int
s_works (const char *name)
{
    s_name = name;
    void *context = THEIR (context_fn, "zmq_ctx_new") ();
    s_frontend = THEIR (socket_fn, "zmq_socket") (context, ZMQ_PULL);
    s_backend = THEIR (socket_fn, "zmq_socket") (context, ZMQ_PUSH);
    void *source = THEIR (socket_fn, "zmq_socket") (context, ZMQ_PUSH);
    void *sink = THEIR (socket_fn, "zmq_socket") (context, ZMQ_PULL);
    THEIR (attach_fn, "zmq_bind") (s_frontend, "inproc://frontend");
    THEIR (attach_fn, "zmq_bind") (s_backend, "inproc://backend");
    THEIR (attach_fn, "zmq_connect") (source, "inproc://frontend");
    THEIR (attach_fn, "zmq_connect") (sink, "inproc://backend");
    pthread_t thread;
    pthread_create (&thread, NULL, s_thread, NULL);
    int right = 1;
    for (int number = 0; number < MESSAGES; number++) {
        int received = -1;
        THEIR (send_fn, "zmq_send") (source, &number, sizeof (number), 0);
        THEIR (receive_fn, "zmq_recv") (sink, &received, sizeof (received), 0);
        right = right && received == number;
    }
    THEIR (end_fn, "zmq_ctx_shutdown") (context);
    pthread_join (thread, NULL);
    THEIR (end_fn, "zmq_close") (s_frontend);
    THEIR (end_fn, "zmq_close") (s_backend);
    THEIR (end_fn, "zmq_close") (source);
    THEIR (end_fn, "zmq_close") (sink);
    THEIR (end_fn, "zmq_ctx_term") (context);
    right = right && s_error == ETERM;
    printf ("%s %s\n", name, right? "works": "fails");
    return right? 0: 1;
}

int
main (int argc, char **argv)
{
    alarm (LIMIT);
    s_libzmq = argc > 1? dlopen (argv [1], RTLD_NOW | RTLD_LOCAL): NULL;
    if (!s_libzmq) {
        fprintf (stderr, "%s\n", argc > 1? dlerror (): "which libzmq?");
        return 2;
    }
    return s_works ("zmq_device") + s_works ("zmq_proxy")
         + s_works ("zmq_proxy_steerable");
}
