/*  =========================================================================
    zrelay_service - what a service manager wants of the program

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For setgroups ()
#define _GNU_SOURCE 1

#include "zrelay_service.h"

#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

//  Permissions of what is made here
#define DIRECTORY_MODE 0755
#define PID_FILE_MODE 0644

//  Digits of a PID, and a newline
#define PID_ROOM 32

struct _zrelay_service_t {
    zrelay_plan_t *plan;        //  Has the options
    zrelay_report_t *report;    //  Hears what is wrong
    uid_t uid;                  //  The user to become
    gid_t gid;                  //  And that user's group
    int pid_file;               //  Descriptor of the PID file, or -1
    bool made_directory;        //  The runtime directory was not there
    int64_t patience;           //  Msecs, half of the watchdog's; 0: none
    int64_t due_at;             //  When the relay has to be asked again
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

//  The watchdog's variables are for this process, unless they name another

static int64_t
s_patience (void)
{
    const char *usecs = getenv ("WATCHDOG_USEC");
    const char *pid = getenv ("WATCHDOG_PID");
    if (!usecs || (pid && strtol (pid, NULL, 10) != (long) getpid ()))
        return 0;
    return strtoll (usecs, NULL, 10) / 1000 / 2;
}

zrelay_service_t *
zrelay_service_new (zrelay_plan_t *plan, zrelay_report_t *report)
{
    zrelay_service_t *self =
        (zrelay_service_t *) zmalloc (sizeof (zrelay_service_t));
    assert (self);
    self->plan = plan;
    self->report = report;
    self->uid = getuid ();
    self->gid = getgid ();
    self->pid_file = -1;
    self->patience = s_patience ();
    return self;
}

void
zrelay_service_destroy (zrelay_service_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_service_t *self = *self_p;
        if (self->pid_file != -1) {
            unlink (self->plan->pid_file);
            close (self->pid_file);
        }
        if (self->made_directory)
            rmdir (self->plan->runtime_dir);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  The process

//  Find USER or USER:GROUP

static zrelay_exit_t
s_find_user (zrelay_service_t *self)
{
    char *name = strdup (self->plan->user);
    assert (name);
    char *group_name = strchr (name, ':');
    if (group_name)
        *group_name++ = 0;
    struct passwd *user = getpwnam (name);
    if (user) {
        self->uid = user->pw_uid;
        self->gid = user->pw_gid;
    }
    struct group *group = group_name? getgrnam (group_name): NULL;
    if (group)
        self->gid = group->gr_gid;
    zrelay_exit_t status = user && (group || !group_name)? ZRELAY_EXIT_NOT_YET:
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "there is no such user or group as '%s'; --user takes USER or "
            "USER:GROUP", self->plan->user);
    zstr_free (&name);
    return status;
}

static zrelay_exit_t
s_cannot (zrelay_service_t *self, const char *what, const char *which)
{
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "cannot %s %s: %s", what, which, strerror (errno));
}

static zrelay_exit_t
s_make_directory (zrelay_service_t *self)
{
    const char *path = self->plan->runtime_dir;
    self->made_directory = mkdir (path, DIRECTORY_MODE) == 0;
    struct stat status;
    if (!self->made_directory
    && (errno != EEXIST || lstat (path, &status) || !S_ISDIR (status.st_mode)))
        return s_cannot (self, "make the directory", path);
    //  One that was there has its owner
    if (self->made_directory && self->uid != getuid ()
    &&  lchown (path, self->uid, self->gid))
        return s_cannot (self, "give to the user the directory", path);
    return ZRELAY_EXIT_NOT_YET;
}

//  The lock ends with the process, however that ends. So a file that is left
//  behind does no harm, and one in use is noticed.

static zrelay_exit_t
s_write_pid (zrelay_service_t *self)
{
    const char *path = self->plan->pid_file;
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                   PID_FILE_MODE);
    if (fd == -1)
        return s_cannot (self, "write the PID file", path);
    if (flock (fd, LOCK_EX | LOCK_NB)) {
        close (fd);
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "another process that runs has the PID file %s", path);
    }
    self->pid_file = fd;
    char text [PID_ROOM];
    int size = snprintf (text, sizeof (text), "%ld\n", (long) getpid ());
    if (ftruncate (fd, 0) || write (fd, text, (size_t) size) != size)
        return s_cannot (self, "write the PID file", path);
    return ZRELAY_EXIT_NOT_YET;
}

//  The groups first: afterwards the process may not change them any more

static zrelay_exit_t
s_become_user (zrelay_service_t *self)
{
    char *name = strndup (self->plan->user, strcspn (self->plan->user, ":"));
    assert (name);
    int rc = getuid () != 0 && self->uid == getuid ()? 0:
        initgroups (name, self->gid) || setgid (self->gid)
        || setuid (self->uid)? -1: 0;
    zstr_free (&name);
    return rc? s_cannot (self, "become the user", self->plan->user):
           ZRELAY_EXIT_NOT_YET;
}

zrelay_exit_t
zrelay_service_start (zrelay_service_t *self)
{
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    if (self->plan->user)
        status = s_find_user (self);
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->runtime_dir)
        status = s_make_directory (self);
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->pid_file)
        status = s_write_pid (self);
    if (status == ZRELAY_EXIT_NOT_YET && self->plan->user)
        status = s_become_user (self);
    return status;
}


//  --------------------------------------------------------------------------
//  Messages to the service manager

//  "@" stands for the zero byte of a name outside of the file system. A message
//  that cannot be sent now is lost: nobody here waits for a service manager.

static void
s_notify (const char *message)
{
    const char *path = getenv ("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!path || (*path != '/' && *path != '@')
    ||  strlen (path) >= sizeof (address.sun_path))
        return;
    int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return;
    memcpy (address.sun_path, path, strlen (path));
    if (*path == '@')
        address.sun_path [0] = 0;
    socklen_t size = (socklen_t)
        (offsetof (struct sockaddr_un, sun_path) + strlen (path));
    ssize_t rc = sendto (fd, message, strlen (message), MSG_NOSIGNAL,
                         (struct sockaddr *) &address, size);
    (void) rc;
    close (fd);
}

void
zrelay_service_ready (zrelay_service_t *self)
{
    char *message = zsys_sprintf ("READY=1\nMAINPID=%ld\nSTATUS=%s runs",
        (long) getpid (), zrelay_plan_name (self->plan));
    assert (message);
    s_notify (message);
    zstr_free (&message);
    self->due_at = zclock_mono () + self->patience;
}

void
zrelay_service_stopping (zrelay_service_t *self, size_t msecs)
{
    char *message = zsys_sprintf ("STOPPING=1\nEXTEND_TIMEOUT_USEC=%zu\n"
        "STATUS=%s drains", msecs * 1000, zrelay_plan_name (self->plan));
    assert (message);
    s_notify (message);
    zstr_free (&message);
}

long
zrelay_service_wait (zrelay_service_t *self)
{
    int64_t wait = self->due_at - zclock_mono ();
    return self->patience == 0? -1: wait > 0? (long) wait: 0;
}

bool
zrelay_service_due (zrelay_service_t *self)
{
    if (zrelay_service_wait (self) != 0)
        return false;
    self->due_at = zclock_mono () + self->patience;
    return true;
}

void
zrelay_service_alive (zrelay_service_t *self)
{
    (void) self;
    s_notify ("WATCHDOG=1");
}
