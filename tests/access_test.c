/*  =========================================================================
    access_test - which users of the machine an ipc endpoint lets in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  SET SIDE ipc_mode and ipc_group, as an application gives them. Other users
//  are played by children of this process, which needs root.

#include <zrelay.h>
#include "tap.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define DEADLINE    120         //  Seconds for everything
#define PATIENCE    20000       //  Msecs in which a message has to come
#define FILES_MOST  1024        //  Descriptors that this process can have
#define BINDS       200         //  While a stranger tries to connect

//  Users and groups that need not exist
#define STRANGER    4100000001u
#define GROUP       4100000002u
#define GROUP_TEXT  "4100000002"

typedef struct {
    char folder [64];           //  Holds the endpoints
    char *endpoint;             //  By ipc, in that folder
    zactor_t *relay;            //  A queue
    zrelay_client_t *client;    //  Steers it
} bench_t;

static void
s_start (bench_t *self)
{
    self->relay = zactor_new (zrelay_queue, NULL);
    self->client = zrelay_client_new (self->relay);
}

static void
s_end (bench_t *self)
{
    zrelay_client_destroy (&self->client);
    zactor_destroy (&self->relay);
}

static const char *
s_path (bench_t *self)
{
    return self->endpoint + strlen ("ipc://");
}

static int
s_set (bench_t *self, const char *option, const char *value)
{
    return zrelay_client_command (self->client, "SET", "FRONTEND", option,
                                  value, NULL);
}

//  The last relay's socket may still be listening

static int
s_bind (bench_t *self, const char *endpoint)
{
    int64_t until = zclock_mono () + PATIENCE;
    int status;
    do
        status = zrelay_client_command (self->client, "BIND", "FRONTEND",
                                        endpoint, NULL);
    while (status == ZRELAY_STATUS_REFUSED && zclock_mono () < until
       &&  strstr (zrelay_client_error (self->client), "in use"));
    return status;
}

static bool
s_has (bench_t *self, const char *option, const char *value)
{
    char *found = zrelay_client_ask (self->client, "GET", "FRONTEND", option,
                                     NULL);
    bool same = found && streq (found, value);
    zstr_free (&found);
    return same;
}

//  The mode of the endpoint's file, or -1

static int
s_mode (bench_t *self)
{
    struct stat status;
    return lstat (s_path (self), &status) == 0?
        (int) (status.st_mode & ALLPERMS): -1;
}

static unsigned
s_group (bench_t *self)
{
    struct stat status;
    return lstat (s_path (self), &status) == 0? status.st_gid: (unsigned) -1;
}


//  --------------------------------------------------------------------------
//  Other users

//  Returns 0, or errno

static int
s_connect (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strncpy (address.sun_path, path, sizeof (address.sun_path) - 1);
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    int rc = connect (fd, (struct sockaddr *) &address, sizeof (address));
    int error = rc? errno: 0;
    close (fd);
    return error;
}

//  A child must not hold the sockets that this process closes

static void
s_become (unsigned gid)
{
    for (int fd = STDERR_FILENO + 1; fd < FILES_MOST; fd++)
        close (fd);
    if (setgroups (0, NULL) || setgid (gid) || setuid (STRANGER))
        _exit (EPERM);
}

//  What a user of that group gets on connecting: 0, or errno

static int
s_connect_as (unsigned gid, const char *path)
{
    pid_t child = fork ();
    if (child == 0) {
        s_become (gid);
        _exit (s_connect (path));
    }
    int status = 0;
    waitpid (child, &status, 0);
    return WIFEXITED (status)? WEXITSTATUS (status): -1;
}


//  --------------------------------------------------------------------------
//  Tests

static bool
s_serves (bench_t *self)
{
    bool served = false;
    zrelay_client_command (self->client, "BIND", "BACKEND", "inproc://access",
                           NULL);
    zsock_t *client = zsock_new_req (self->endpoint);
    zsock_t *worker = zsock_new_rep (">inproc://access");
    zsock_set_rcvtimeo (client, PATIENCE);
    zsock_set_rcvtimeo (worker, PATIENCE);
    zstr_send (client, "request");
    char *request = zstr_recv (worker);
    if (request)
        zstr_send (worker, "reply");
    char *reply = request? zstr_recv (client): NULL;
    served = reply && streq (reply, "reply");
    zstr_free (&request);
    zstr_free (&reply);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    return served;
}

static void
s_test_modes (bench_t *self)
{
    static const struct {
        const char *mode;       //  As set
        mode_t mask;            //  When the endpoint is bound
        int found;              //  On the file
    } rows [] = {
        { "0660", 0, 0660 }, { "0660", 022, 0660 }, { "0660", 0777, 0660 },
        { "0600", 0, 0600 }, { "600", 077, 0600 }, { "0777", 077, 0777 },
        { "0000", 0, 0 }, { "", 027, 0750 }
    };
    for (size_t index = 0; index < sizeof (rows) / sizeof (*rows); index++) {
        s_start (self);
        mode_t before = umask (rows [index].mask);
        TAP (s_set (self, "ipc_mode", rows [index].mode) == 0
          && s_bind (self, self->endpoint) == 0
          && s_mode (self) == rows [index].found,
             "ipc_mode '%s' under umask %04o makes %04o", rows [index].mode,
             (unsigned) rows [index].mask, (unsigned) rows [index].found);
        umask (before);
        s_end (self);
    }
}

static void
s_test_use (bench_t *self)
{
    s_start (self);
    TAP (s_set (self, "ipc_mode", "0600") == 0
      && s_bind (self, "tcp://127.0.0.1:*") == 0,
         "ipc_mode does not matter to tcp");
    TAP (s_set (self, "ipc_mode", "0640") == 0
      && s_bind (self, self->endpoint) == 0 && s_mode (self) == 0640,
         "it acts on the next endpoint");
    TAP (s_set (self, "ipc_mode", "0666") == 0 && s_mode (self) == 0640
      && s_has (self, "ipc_mode", "0666"), "and not on those that are bound");
    TAP (s_serves (self), "a request is served");
    TAP (zrelay_client_command (self->client, "UNBIND", "FRONTEND",
                                self->endpoint, NULL) == 0,
         "the endpoint is unbound");
    TAP (s_bind (self, self->endpoint) == 0 && s_mode (self) == 0666,
         "and bound again, with the new mode");
    TAP (s_serves (self), "a request is served");
    s_end (self);

    s_start (self);
    s_set (self, "ipc_mode", "0600");
    char *capture = zsys_sprintf ("@%s", self->endpoint);
    TAP (zrelay_client_command (self->client, "CAPTURE", capture, NULL) == 0
      && s_mode (self) == 0600, "a capture that binds lets in no others");
    zrelay_client_command (self->client, "CAPTURE", NULL);
    mode_t before = umask (0);
    TAP (zrelay_client_command (self->client, "SET", "RELAY",
                                "capture_security", "none", NULL) == 0
      && zrelay_client_command (self->client, "CAPTURE", capture, NULL) == 0
      && s_mode (self) == 0777, "unless it may");
    umask (before);
    zstr_free (&capture);
    s_end (self);
}

static void
s_test_refused (bench_t *self)
{
    static const struct { const char *option, *value, *word; } rows [] = {
        { "ipc_mode", "0668", "0660" }, { "ipc_mode", "1660", "0777" },
        { "ipc_mode", "rw", "octal" }, { "ipc_mode", "0", "octal" },
        { "ipc_mode", "-660", "octal" }, { "ipc_mode", " 660", "octal" },
        { "ipc_mode", "660 ", "octal" }, { "ipc_mode", "00000660", "octal" },
        { "ipc_group", "no-such-group", "no group" },
        { "ipc_group", "-1", "no group" },
        { "ipc_group", "4294967295", "no group" },
        { "ipc_group", "99999999999999999999", "no group" }
    };
    s_start (self);
    s_set (self, "ipc_mode", "0640");
    s_set (self, "ipc_group", "0");
    for (size_t index = 0; index < sizeof (rows) / sizeof (*rows); index++)
        TAP (s_set (self, rows [index].option, rows [index].value)
                == ZRELAY_STATUS_BAD_ARGUMENTS
          && strstr (zrelay_client_error (self->client), rows [index].word)
          && s_has (self, "ipc_mode", "0640")
          && s_has (self, "ipc_group", "0"),
             "%s '%s' is refused: %s", rows [index].option,
             rows [index].value, zrelay_client_error (self->client));

    static const char *const endpoints [] = { "ipc://*", "ipc://@name" };
    for (size_t index = 0; index < 2; index++)
        TAP (s_bind (self, endpoints [index]) == ZRELAY_STATUS_REFUSED
          && strstr (zrelay_client_error (self->client), "path of a file"),
             "%s is refused, since it has no file", endpoints [index]);
    TAP (s_set (self, "ipc_mode", "") == 0 && s_set (self, "ipc_group", "") == 0
      && s_bind (self, "ipc://*") == 0, "until nothing is set any more");
    char *help = zrelay_client_ask (self->client, "HELP", NULL);
    TAP (help && strstr (help, "ipc_mode") && strstr (help, "ipc_group"),
         "HELP shows both");
    zstr_free (&help);
    s_end (self);

    s_start (self);
    s_set (self, "ipc_mode", "0600");
    unlink (s_path (self));
    int file = open (s_path (self), O_CREAT | O_WRONLY, 0600);
    close (file);
    TAP (s_bind (self, self->endpoint) == ZRELAY_STATUS_REFUSED
      && s_mode (self) != -1, "a file that is no socket is not replaced");
    unlink (s_path (self));
    TAP (symlink ("/nowhere", s_path (self)) == 0
      && s_bind (self, self->endpoint) == ZRELAY_STATUS_REFUSED,
         "nor is a link followed");
    unlink (s_path (self));
    s_end (self);
}

static void
s_test_users (bench_t *self)
{
    s_start (self);
    mode_t before = umask (077);
    TAP (s_set (self, "ipc_group", GROUP_TEXT) == 0
      && s_bind (self, self->endpoint) == 0 && s_mode (self) == 0660
      && s_group (self) == GROUP, "with a group alone the mode is 0660");
    umask (before);
    TAP (s_connect_as (GROUP, s_path (self)) == 0,
         "another user of the group gets in");
    TAP (s_connect_as (STRANGER, s_path (self)) == EACCES,
         "one of another group does not");
    TAP (s_serves (self), "a request is served");
    s_end (self);

}

//  The whole relay runs as a user who is not in the group. CZMQ has threads in
//  this process already, so the child is a new program.

static int
s_as_stranger (const char *endpoint)
{
    bench_t bench = { .endpoint = (char *) endpoint };
    s_start (&bench);
    bool right = s_set (&bench, "ipc_group", GROUP_TEXT) == 0
              && s_bind (&bench, endpoint) == ZRELAY_STATUS_REFUSED
              && strstr (zrelay_client_error (bench.client), "not a member")
              && s_mode (&bench) == -1;
    s_end (&bench);
    return right? 0: 1;
}

static void
s_test_no_member (bench_t *self, const char *program)
{
    enum { UNKNOWN = 77 };
    unlink (s_path (self));
    pid_t child = fork ();
    if (child == 0) {
        if (chown (self->folder, STRANGER, STRANGER))
            _exit (UNKNOWN);
        s_become (STRANGER);
        execl (program, program, self->endpoint, NULL);
        _exit (UNKNOWN);
    }
    int status = 0;
    waitpid (child, &status, 0);
    //  The loader ends a program whose libraries that user cannot read
    if (WIFEXITED (status) && WEXITSTATUS (status) >= UNKNOWN)
        TAP_SKIP ("a relay that is not in the group is refused",
                  "another user cannot run this program");
    else
        TAP (status == 0, "a relay that is not in the group is refused");
}

//  A stranger who tries without end has no moment to get in

static void
s_test_moment (bench_t *self)
{
    int *shared = (int *) mmap (NULL, 3 * sizeof (int),
        PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    enum { TRIES, ENTERED, ENDED };
    pid_t child = fork ();
    if (child == 0) {
        TAP_DEADLINE (DEADLINE);
        s_become (STRANGER);
        while (!__atomic_load_n (&shared [ENDED], __ATOMIC_SEQ_CST)) {
            shared [ENTERED] += s_connect (s_path (self)) == 0;
            __atomic_fetch_add (&shared [TRIES], 1, __ATOMIC_SEQ_CST);
        }
        _exit (0);
    }
    mode_t before = umask (0);
    int bound = 0;
    for (int index = 0; index < BINDS; index++) {
        s_start (self);
        s_set (self, "ipc_mode", "0600");
        bound += s_bind (self, self->endpoint) == 0;
        s_end (self);
    }
    umask (before);
    __atomic_store_n (&shared [ENDED], 1, __ATOMIC_SEQ_CST);
    waitpid (child, NULL, 0);
    TAP (bound == BINDS && shared [TRIES] > 0 && shared [ENTERED] == 0,
         "of %d tries of a stranger during %d binds, %d got in",
         shared [TRIES], BINDS, shared [ENTERED]);
    munmap (shared, 3 * sizeof (int));
}

int
main (int argc, char *argv [])
{
    TAP_DEADLINE (DEADLINE);
    zsys_set_logstream (NULL);
    if (argc > 1)
        return s_as_stranger (argv [1]);
    bench_t bench = { .folder = "/tmp/zrelay-access-XXXXXX" };
    if (!mkdtemp (bench.folder) || chmod (bench.folder, 0755)) {
        TAP (false, "there is a folder");
        return tap_end ();
    }
    bench.endpoint = zsys_sprintf ("ipc://%s/endpoint", bench.folder);
    s_test_modes (&bench);
    s_test_use (&bench);
    s_test_refused (&bench);
    if (geteuid () == 0) {
        s_test_users (&bench);
        s_test_moment (&bench);
        s_test_no_member (&bench, "/proc/self/exe");
    }
    else
        TAP_SKIP ("other users", "only root can play them");
    unlink (s_path (&bench));
    rmdir (bench.folder);
    zstr_free (&bench.endpoint);
    return tap_end ();
}
