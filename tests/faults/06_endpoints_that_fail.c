/*  =========================================================================
    06_endpoints_that_fail - are refused, and the relay goes on

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  CZMQ issues 1756 and 1998: a proxy that is asked to bind to an endpoint
//  that is in use, or to one that is none, ends the whole process.
//
//  Here relays are asked for all sorts of endpoints that cannot be had, in
//  each of the commands that take one. The status must be 4 and the sentence
//  of ERROR must tell why; everything must be as before, and messages pass.
//
//  A socket file that a program left behind when it crashed can be had: it is
//  taken over. One that a program listens on is in use, and any other file
//  belongs to somebody.

#include "faults.h"
#include <sys/stat.h>
#include <sys/un.h>

#define DEADLINE 60

//  What cannot be bound; and what cannot be connected to. %s is a folder with
//  what these tests need.
static const char *s_unbindable [] = {
    "nonsense", "", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:port",
    "tcp://127.0.0.1:70000", "tcp://127.0.0.1:-1", "norm://127.0.0.1:1",
    "udp://127.0.0.1:5555", "tcp://no-such-interface:*",
    "tcp://192.0.2.1:5555", "ipc://", "ipc://%s/no-such-folder/name",
    "ipc://%s/folder", "ipc://%s/file", "ipc://%s/link", "ipc://%s/in-use",
    "ipc://%s/datagrams", "inproc://", NULL
};
static const char *s_unconnectable [] = {
    "nonsense", "", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:port",
    "tcp://127.0.0.1:0", "tcp://127.0.0.1:70000", "tcp://127.0.0.1:*",
    "norm://127.0.0.1:1", "udp://127.0.0.1:5555", "ipc://", NULL
};

typedef struct {
    char folder [60];           //  Made for this test
    int listener;               //  On the ipc endpoint in use
    int datagrams;              //  Likewise, but no stream
    zactor_t *proxy;            //  Whose commands are tried
    zsock_t *sender;            //  Its peers
    zsock_t *receiver;
    char *before;               //  What it told of itself at the start
    long number;                //  Of the last message
} bench_t;


//  --------------------------------------------------------------------------
//  Files

static int
s_listen (bench_t *self, const char *name, int type)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf (address.sun_path, sizeof (address.sun_path), "%s/%s",
              self->folder, name);
    int handle = socket (AF_UNIX, type, 0);
    int rc = bind (handle, (struct sockaddr *) &address, sizeof (address));
    assert (rc == 0);
    if (type == SOCK_STREAM)
        rc = listen (handle, 1);
    assert (rc == 0);
    return handle;
}

static void
s_make_files (bench_t *self)
{
    //  The path of a socket must be short
    const char *where = getenv ("TMPDIR");
    snprintf (self->folder, sizeof (self->folder), "%s/zrelay-faults-XXXXXX",
              where && strlen (where) < 30? where: "/tmp");
    char *folder = mkdtemp (self->folder);
    assert (folder);
    char path [100];
    snprintf (path, sizeof (path), "%s/folder", self->folder);
    int rc = mkdir (path, 0700);
    assert (rc == 0);
    snprintf (path, sizeof (path), "%s/file", self->folder);
    FILE *file = fopen (path, "w");
    fprintf (file, "somebody's");
    fclose (file);
    snprintf (path, sizeof (path), "%s/link", self->folder);
    rc = symlink ("file", path);
    assert (rc == 0);
    self->listener = s_listen (self, "in-use", SOCK_STREAM);
    self->datagrams = s_listen (self, "datagrams", SOCK_DGRAM);
    close (s_listen (self, "left-behind", SOCK_STREAM));
}

static bool
s_files_are_there (bench_t *self)
{
    struct stat info;
    char path [100];
    snprintf (path, sizeof (path), "%s/file", self->folder);
    bool there = stat (path, &info) == 0 && info.st_size > 0;
    snprintf (path, sizeof (path), "%s/in-use", self->folder);
    there = there && stat (path, &info) == 0;
    snprintf (path, sizeof (path), "%s/datagrams", self->folder);
    return there && stat (path, &info) == 0;
}


//  --------------------------------------------------------------------------
//  The relay

//  Everything that it tells of its sides, as one string

static char *
s_describe (zactor_t *relay)
{
    zchunk_t *text = zchunk_new (NULL, 1024);
    const char *queries [] [2] = {
        { "ENDPOINT", "FRONTEND" }, { "ENDPOINT", "BACKEND" },
        { "STATE", NULL }
    };
    for (int index = 0; index < 3; index++) {
        zstr_sendx (relay, queries [index] [0], queries [index] [1], NULL);
        zmsg_t *answer = zmsg_recv (relay);
        char *string;
        while (answer && (string = zmsg_popstr (answer))) {
            zchunk_extend (text, string, strlen (string));
            zchunk_extend (text, " ", 1);
            zstr_free (&string);
        }
        zmsg_destroy (&answer);
    }
    char *result = zchunk_strdup (text);
    zchunk_destroy (&text);
    return result;
}

static bool
s_passes (bench_t *self)
{
    zstr_sendf (self->sender, "%ld", ++self->number);
    char *string = zstr_recv (self->receiver);
    bool passed = string && atol (string) == self->number;
    zstr_free (&string);
    return passed;
}

static bool
s_unchanged (bench_t *self)
{
    char *now = s_describe (self->proxy);
    bool same = streq (now, self->before);
    if (!same)
        printf ("#   was: %s\n#   is:  %s\n", self->before, now);
    zstr_free (&now);
    return same && s_passes (self);
}

static void
s_setup (bench_t *self)
{
    memset (self, 0, sizeof (*self));
    s_make_files (self);
    self->proxy = faults_relay ("proxy");
    faults_command (self->proxy, "FRONTEND", "PULL", "tcp://127.0.0.1:*",
                    NULL);
    faults_command (self->proxy, "BACKEND", "PUSH", "tcp://127.0.0.1:*", NULL);
    char *endpoint = faults_bind (self->proxy, "FRONTEND");
    self->sender = faults_connect (ZMQ_PUSH, endpoint);
    zstr_free (&endpoint);
    endpoint = faults_bind (self->proxy, "BACKEND");
    self->receiver = faults_connect (ZMQ_PULL, endpoint);
    zstr_free (&endpoint);
    self->before = s_describe (self->proxy);
}

static void
s_cleanup (bench_t *self)
{
    zactor_destroy (&self->proxy);
    zsock_destroy (&self->sender);
    zsock_destroy (&self->receiver);
    close (self->listener);
    close (self->datagrams);
    zstr_free (&self->before);
    zdir_t *folder = zdir_new (self->folder, NULL);
    zdir_remove (folder, true);
    zdir_destroy (&folder);
}


//  --------------------------------------------------------------------------
//  Refusals

//  The last command was refused by the system, with a reason. A list has
//  endpoints that are fine around it, of which nothing may remain.

static bool
s_refuses (zactor_t *relay, const char *command, const char *side,
           const char *endpoint)
{
    zstr_sendx (relay, command, side, endpoint, NULL);
    int status = zsock_wait (relay);
    char *error = faults_error (relay);
    bool refused = status == ZRELAY_REFUSED && *error;
    if (!refused)
        printf ("#   %s %s %s: %d, %s\n", command, side,
                endpoint? endpoint: "", status, error);
    zstr_free (&error);
    return refused;
}

//  All ways to bind

static bool
s_refuses_to_bind (bench_t *self, const char *endpoint)
{
    //  A list, between others; and the capture, whose only argument it is
    char *list = zsys_sprintf ("@inproc://one,%s,inproc://two", endpoint);
    char *alone = zsys_sprintf ("@%s", endpoint);
    bool refused = s_refuses (self->proxy, "BIND", "FRONTEND", endpoint)
        && s_refuses (self->proxy, "BIND", "BACKEND", endpoint)
        && s_refuses (self->proxy, "FRONTEND", "PULL", list)
        && s_refuses (self->proxy, "BACKEND", "PUSH", list)
        && s_refuses (self->proxy, "CAPTURE", alone, NULL);
    zstr_free (&list);
    zstr_free (&alone);
    return refused;
}

static bool
s_refuses_to_connect (bench_t *self, const char *endpoint)
{
    char *list = zsys_sprintf (">inproc://one,>%s,>inproc://two", endpoint);
    bool refused = s_refuses (self->proxy, "CONNECT", "FRONTEND", endpoint)
        && s_refuses (self->proxy, "CONNECT", "BACKEND", endpoint)
        && s_refuses (self->proxy, "FRONTEND", "PULL", list)
        && s_refuses (self->proxy, "BACKEND", "PUSH", list);
    zstr_free (&list);
    return refused;
}

static char *
s_expand (bench_t *self, const char *endpoint)
{
    return strstr (endpoint, "%s")?
        zsys_sprintf ("ipc://%s%s", self->folder,
                      strchr (endpoint, 's') + 1): strdup (endpoint);
}

static void
s_test_in_use (bench_t *self)
{
    zsock_t *other = faults_listen (ZMQ_PULL);
    TAP (s_refuses_to_bind (self, zsock_endpoint (other)),
         "tcp in use by another socket is refused");
    TAP (s_unchanged (self), "and the relay goes on");
    zsock_destroy (&other);

    //  Kinds whose sockets are there from the start
    const char *kinds [] = { "queue", "forwarder", "streamer" };
    for (int index = 0; index < 3; index++) {
        zactor_t *relay = faults_relay (kinds [index]);
        char *endpoint = faults_bind (relay, "FRONTEND");
        TAP (s_refuses (relay, "BIND", "BACKEND", endpoint),
             "%s: one side's endpoint is not the other's", kinds [index]);
        TAP (faults_command (relay, "BIND", "BACKEND", "tcp://127.0.0.1:*",
                             NULL) == 0,
             "%s: which can be bound elsewhere", kinds [index]);
        zstr_free (&endpoint);
        zactor_destroy (&relay);
    }
}

static void
s_test_left_behind (bench_t *self)
{
    char *endpoint = zsys_sprintf ("ipc://%s/left-behind", self->folder);
    zsock_t *sender = zsock_new (ZMQ_PUSH);
    TAP (faults_command (self->proxy, "BIND", "FRONTEND", endpoint, NULL) == 0,
         "a socket file that was left behind is taken over");
    int rc = zsock_connect (sender, "%s", endpoint);
    assert (rc == 0);
    zstr_send (sender, "hello");
    char *string = zstr_recv (self->receiver);
    TAP (string && streq (string, "hello"), "and messages pass");
    zstr_free (&string);
    TAP (faults_command (self->proxy, "UNBIND", "FRONTEND", endpoint,
                         NULL) == 0, "until it is detached");
    zsock_destroy (&sender);
    zstr_free (&endpoint);
}

//  libzmq closes them a little later

static bool
s_none_open (void *arg)
{
    return faults_descriptors () <= *(int *) arg;
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    bench_t bench;
    s_setup (&bench);
    TAP (s_passes (&bench), "messages pass");
    int descriptors = faults_descriptors ();

    for (int index = 0; s_unbindable [index]; index++) {
        char *endpoint = s_expand (&bench, s_unbindable [index]);
        TAP (s_refuses_to_bind (&bench, endpoint),
             "cannot be bound to '%s'", s_unbindable [index]);
        TAP (s_unchanged (&bench), "and the relay goes on");
        zstr_free (&endpoint);
    }
    TAP (s_files_are_there (&bench), "nobody's file is gone");
    for (int index = 0; s_unconnectable [index]; index++) {
        TAP (s_refuses_to_connect (&bench, s_unconnectable [index]),
             "cannot be connected to '%s'", s_unconnectable [index]);
        TAP (s_unchanged (&bench), "and the relay goes on");
    }
    s_test_in_use (&bench);
    s_test_left_behind (&bench);
    TAP (faults_wait (s_none_open, &descriptors, FAULTS_PATIENCE),
         "no descriptor is left open");
    s_cleanup (&bench);
    return faults_end ();
}
