/*  =========================================================================
    zrelay_file - reads a file that decides who gets in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_file.h"

#include <fcntl.h>
#include <sys/stat.h>

//  The largest file
#define SIZE_MAX_READ (64 * 1024 * 1024)

//  File systems count time in steps: two changes within this many milliseconds
//  may have the same time
#define STEP 100

#define OTHERS_MAY_READ (S_IRGRP | S_IROTH)
#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)

static int
s_fail (zrelay_file_t *self, const char *format, ...) CHECK_PRINTF (2);

static int
s_fail (zrelay_file_t *self, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    vsnprintf (self->problem, sizeof (self->problem), format, argptr);
    va_end (argptr);
    return -1;
}

static int64_t
s_msecs (const struct timespec *time)
{
    return (int64_t) time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

static void
s_set_stamp (zrelay_stamp_t *stamp, const struct stat *status)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    memset (stamp, 0, sizeof (*stamp));
    stamp->device = status->st_dev;
    stamp->inode = status->st_ino;
    stamp->size = status->st_size;
    stamp->written = status->st_mtim;
    stamp->changed = status->st_ctim;
    stamp->settled = s_msecs (&now) - s_msecs (&status->st_ctim) > STEP;
}

static bool
s_same_time (const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

bool
zrelay_file_is_same (const zrelay_stamp_t *stamp, int folder, const char *name)
{
    struct stat status;
    if (*name? fstatat (folder, name, &status, 0): fstat (folder, &status))
        return false;
    return stamp->settled
        && stamp->device == status.st_dev && stamp->inode == status.st_ino
        && stamp->size == status.st_size
        && s_same_time (&stamp->written, &status.st_mtim)
        && s_same_time (&stamp->changed, &status.st_ctim);
}


//  --------------------------------------------------------------------------
//  Reading

static int
s_check (zrelay_file_t *self, const char *name, int fd, mode_t type,
         bool secret)
{
    struct stat status;
    if (fstat (fd, &status))
        return s_fail (self, "cannot read %s: %s", name, strerror (errno));
    s_set_stamp (&self->stamp, &status);
    if ((status.st_mode & S_IFMT) != type)
        return s_fail (self, "%s is not a %s", name,
                       type == S_IFDIR? "folder": "regular file");
    if (status.st_mode & OTHERS_MAY_WRITE)
        return s_fail (self, "others can write to %s; chmod go-w %s", name,
                       name);
    if (secret && (status.st_mode & OTHERS_MAY_READ))
        return s_fail (self,
            "others can read the secrets in %s; chmod 600 %s", name, name);
    if (type == S_IFREG && status.st_size > SIZE_MAX_READ)
        return s_fail (self, "%s is larger than %d MiB", name,
                       SIZE_MAX_READ / 1024 / 1024);
    return 0;
}

//  It may have become longer or shorter since it was looked at

static int
s_read (zrelay_file_t *self, const char *name, int fd)
{
    size_t room = (size_t) self->stamp.size;
    self->data = (byte *) malloc (room + 1);
    assert (self->data);
    ssize_t rc = 1;
    while (rc > 0 && self->size < room) {
        rc = read (fd, self->data + self->size, room - self->size);
        if (rc == -1 && errno == EINTR)
            rc = 1;
        else
        if (rc > 0)
            self->size += (size_t) rc;
    }
    self->data [self->size] = 0;
    if (rc != -1)
        return 0;
    int error = errno;
    zrelay_file_wipe (self);
    return s_fail (self, "cannot read %s: %s", name, strerror (error));
}

static int
s_open (zrelay_file_t *self, int folder, const char *name, int flags)
{
    memset (self, 0, sizeof (*self));
    int fd = openat (folder, name,
                     flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1 && errno == ELOOP)
        return s_fail (self, "%s is a symbolic link; name the file itself",
                       name);
    if (fd == -1 && errno == ENOTDIR && (flags & O_DIRECTORY))
        return s_fail (self, "%s is not a folder", name);
    if (fd == -1)
        return s_fail (self, "cannot read %s: %s", name, strerror (errno));
    return fd;
}

int
zrelay_file_read (zrelay_file_t *self, int folder, const char *name,
                  bool secret)
{
    int fd = s_open (self, folder, name, O_NOFOLLOW);
    if (fd == -1)
        return -1;
    int rc = s_check (self, name, fd, S_IFREG, secret);
    if (rc == 0)
        rc = s_read (self, name, fd);
    close (fd);
    return rc;
}

void
zrelay_file_wipe (zrelay_file_t *self)
{
    if (self->data)
        explicit_bzero (self->data, self->size);
    freen (self->data);
    self->size = 0;
}

int
zrelay_file_open_folder (zrelay_file_t *self, const char *name)
{
    int fd = s_open (self, AT_FDCWD, name, O_DIRECTORY);
    if (fd == -1)
        return -1;
    if (s_check (self, name, fd, S_IFDIR, false)) {
        close (fd);
        return -1;
    }
    return fd;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_refused (int folder, const char *name, bool secret, const char *word)
{
    zrelay_file_t self;
    return zrelay_file_read (&self, folder, name, secret) == -1
        && !self.data && strstr (self.problem, word);
}

void
zrelay_file_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_file: ");
    //  @selftest
    char path [] = "/tmp/zrelay-file-XXXXXX";
    assert (mkdtemp (path));
    zrelay_file_t self;
    int folder = zrelay_file_open_folder (&self, path);
    assert (folder != -1);

    int fd = openat (folder, "file", O_CREAT | O_WRONLY, 0600);
    assert (write (fd, "text", 4) == 4);
    close (fd);
    assert (zrelay_file_read (&self, folder, "file", true) == 0);
    assert (self.size == 4 && streq ((char *) self.data, "text"));
    //  Just written, so a change might not show
    assert (!zrelay_file_is_same (&self.stamp, folder, "file"));
    self.stamp.settled = true;
    assert (zrelay_file_is_same (&self.stamp, folder, "file"));
    assert (!zrelay_file_is_same (&self.stamp, folder, "other"));
    zrelay_file_wipe (&self);
    assert (!self.data && self.size == 0);

    fchmodat (folder, "file", 0640, 0);
    assert (s_test_refused (folder, "file", true, "chmod 600"));
    assert (zrelay_file_read (&self, folder, "file", false) == 0);
    zrelay_file_wipe (&self);
    fchmodat (folder, "file", 0620, 0);
    assert (s_test_refused (folder, "file", false, "chmod go-w"));
    assert (s_test_refused (folder, "none", false, "No such file"));
    assert (symlinkat ("file", folder, "link") == 0);
    assert (s_test_refused (folder, "link", false, "symbolic link"));
    //  Nobody writes to it, so a read would wait
    assert (mkfifoat (folder, "fifo", 0600) == 0);
    assert (s_test_refused (folder, "fifo", false, "regular"));
    assert (s_test_refused (folder, ".", false, "regular"));
    assert (s_test_refused (AT_FDCWD, "/dev/zero", false, "regular"));

    fchmod (folder, 0770);
    assert (zrelay_file_open_folder (&self, path) == -1);
    assert (strstr (self.problem, "chmod go-w"));
    assert (zrelay_file_open_folder (&self, "/dev/null") == -1);
    assert (strstr (self.problem, "folder"));
    unlinkat (folder, "file", 0);
    unlinkat (folder, "link", 0);
    unlinkat (folder, "fifo", 0);
    close (folder);
    rmdir (path);
    //  @end
    printf ("OK\n");
}
