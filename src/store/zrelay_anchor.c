/*  =========================================================================
    zrelay_anchor - what a crash of the machine may not undo

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_anchor.h"
#include "zrelay_crc.h"
#include "zrelay_pages.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FILE_NAME "zrelay.store"

//  The file while it is being made
#define PART_NAME "zrelay.store.part"

static const char s_magic [] = "ZRELAYST";
#define FORMAT 1

//  Where a half has what, see the header
#define VERSION_AT 8
#define CRC_AT 12
#define NUMBER_AT 16
#define COMMITS_AT 24
#define PAGE_AT 32
#define RUN_AT 40
#define ROOTS_AT 80
#define HALF_USED (ROOTS_AT + 2 * ZRELAY_PAGES_ROOT)
#define SEAL_AT HALF_USED
//  Numbers of the seal, of 8 bytes each, and their checksum
#define SEAL_NUMBERS 4
#define SEAL_CRC_AT (SEAL_NUMBERS * 8)
#define SEAL_SIZE (SEAL_CRC_AT + 4)
#define HALF_SIZE 1024
#define HALVES 2
#define RUN_SIZE (ROOTS_AT - RUN_AT)

//  Times of files advance in steps, of 10 msecs at most. A file that was changed
//  in the present step is sealed in the next, or a later change might not show.
#define STEPS_MOST 50

//  Tells one run of a Linux machine from the next
#define RUN_FILE "/proc/sys/kernel/random/boot_id"

struct _zrelay_anchor_t {
    char *data_name;            //  Name of LMDB's file
    int directory;              //  The caller's
    int file;                   //  The anchor's own, or -1
    int data;                   //  LMDB's, or -1: not open yet
    byte half [HALF_SIZE];      //  The one that counts, or the next
    char run [RUN_SIZE];        //  This run of the machine, "": not known
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_read_run (char run [RUN_SIZE])
{
    int file = open (RUN_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t size = file == -1? 0: read (file, run, RUN_SIZE - 1);
    run [size > 0? size: 0] = 0;
    if (file != -1)
        close (file);
}

zrelay_anchor_t *
zrelay_anchor_new (const char *data)
{
    zrelay_anchor_t *self =
        (zrelay_anchor_t *) zmalloc (sizeof (zrelay_anchor_t));
    assert (self);
    self->data_name = strdup (data);
    assert (self->data_name);
    self->file = -1;
    self->data = -1;
    s_read_run (self->run);
    return self;
}

void
zrelay_anchor_destroy (zrelay_anchor_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_anchor_t *self = *self_p;
        if (self->file != -1)
            close (self->file);
        if (self->data != -1)
            close (self->data);
        freen (self->data_name);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Numbers in network order

static void
s_set (byte *place, uint64_t number, int size)
{
    for (int index = size - 1; index >= 0; index--) {
        place [index] = (byte) number;
        number >>= 8;
    }
}

static uint64_t
s_get (const byte *place, int size)
{
    uint64_t number = 0;
    for (int index = 0; index < size; index++)
        number = number << 8 | place [index];
    return number;
}

bool
zrelay_anchor_is_new (zrelay_anchor_t *self)
{
    return s_get (self->half + PAGE_AT, 8) == 0;
}

uint64_t
zrelay_anchor_commits (zrelay_anchor_t *self)
{
    return s_get (self->half + COMMITS_AT, 8);
}


//  --------------------------------------------------------------------------
//  Files

static const char *
s_put (int file, const byte *data, size_t size, size_t place)
{
    while (size > 0) {
        ssize_t count = pwrite (file, data, size, (off_t) place);
        if (count == -1 && errno == EINTR)
            continue;
        if (count <= 0)
            return strerror (count == 0? ENOSPC: errno);
        data += count;
        place += (size_t) count;
        size -= (size_t) count;
    }
    return NULL;
}

static const char *
s_sync (int file)
{
    return fdatasync (file) == 0? NULL: strerror (errno);
}

//  Writes the half, in the place of the older one

static const char *
s_write_half (zrelay_anchor_t *self, int file)
{
    uint64_t number = s_get (self->half + NUMBER_AT, 8);
    memcpy (self->half, s_magic, VERSION_AT);
    s_set (self->half + VERSION_AT, FORMAT, 4);
    memcpy (self->half + RUN_AT, self->run, RUN_SIZE);
    s_set (self->half + CRC_AT, zrelay_crc (self->half + NUMBER_AT,
                                            HALF_USED - NUMBER_AT), 4);
    const char *problem = s_put (file, self->half, HALF_SIZE,
                                 number % HALVES * HALF_SIZE);
    return problem? problem: s_sync (file);
}

//  Under another name, so that there never is a file that is not complete

static const char *
s_make (zrelay_anchor_t *self)
{
    self->file = openat (self->directory, PART_NAME,
                         O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                         0600);
    if (self->file == -1)
        return strerror (errno);
    const char *problem = NULL;
    for (int half = 1; !problem && half <= HALVES; half++) {
        s_set (self->half + NUMBER_AT, half, 8);
        problem = s_write_half (self, self->file);
    }
    if (!problem && (renameat (self->directory, PART_NAME, self->directory,
                               FILE_NAME) == -1
                  || fsync (self->directory) == -1))
        problem = strerror (errno);
    return problem;
}

static bool
s_is_whole (const byte *half)
{
    return s_get (half + CRC_AT, 4) ==
           zrelay_crc (half + NUMBER_AT, HALF_USED - NUMBER_AT);
}

//  Of a half of any version, the first parts are where they are

static const char *
s_read (zrelay_anchor_t *self)
{
    byte halves [HALVES] [HALF_SIZE] = { { 0 } };
    ssize_t size = pread (self->file, halves, sizeof (halves), 0);
    if (size == -1)
        return strerror (errno);
    bool found = false;
    for (int half = 0; half < HALVES; half++) {
        const byte *data = halves [half];
        if (memcmp (data, s_magic, VERSION_AT) != 0)
            continue;
        if (s_get (data + VERSION_AT, 4) > FORMAT)
            return "a later version of zrelay made it";
        if (s_is_whole (data) && (!found ||
            s_get (data + NUMBER_AT, 8) > s_get (self->half + NUMBER_AT, 8))) {
            memcpy (self->half, data, HALF_SIZE);
            found = true;
        }
    }
    if (found)
        return NULL;
    return size >= VERSION_AT && memcmp (halves, s_magic, VERSION_AT) == 0?
        "it is damaged: no half of " FILE_NAME " is whole":
        "it is not a store: " FILE_NAME " is something else";
}

const char *
zrelay_anchor_open (zrelay_anchor_t *self, int directory)
{
    self->directory = directory;
    self->file = openat (directory, FILE_NAME, O_RDWR | O_CLOEXEC);
    if (self->file != -1)
        return s_read (self);
    if (errno != ENOENT)
        return strerror (errno);
    if (faccessat (directory, self->data_name, F_OK, 0) == 0)
        return "there is a file of LMDB's that is not zrelay's";
    return s_make (self);
}


//  --------------------------------------------------------------------------
//  Roots

static const char *
s_open_data (zrelay_anchor_t *self)
{
    if (self->data == -1)
        self->data = openat (self->directory, self->data_name,
                             O_RDWR | O_CLOEXEC);
    return self->data == -1? strerror (errno): NULL;
}

static const char *
s_put_back (zrelay_anchor_t *self)
{
    size_t page = (size_t) s_get (self->half + PAGE_AT, 8);
    const byte *roots = self->half + ROOTS_AT;
    const char *problem = s_put (self->data, roots, ZRELAY_PAGES_ROOT, 0);
    if (!problem)
        problem = s_put (self->data, roots + ZRELAY_PAGES_ROOT,
                         ZRELAY_PAGES_ROOT, page);
    return problem? problem: s_sync (self->data);
}

//  Without a name of the run, it may be another

const char *
zrelay_anchor_restore (zrelay_anchor_t *self)
{
    const char *problem = s_open_data (self);
    bool same = *self->run
        && memcmp (self->half + RUN_AT, self->run, RUN_SIZE) == 0;
    if (!problem && !same)
        problem = s_put_back (self);
    return problem? problem: zrelay_pages_check (self->data);
}



//  --------------------------------------------------------------------------
//  The seal

static void
s_make_seal (const struct stat *file, byte seal [SEAL_SIZE])
{
    const uint64_t numbers [SEAL_NUMBERS] = {
        (uint64_t) file->st_ino, (uint64_t) file->st_size,
        (uint64_t) file->st_ctim.tv_sec, (uint64_t) file->st_ctim.tv_nsec
    };
    for (int index = 0; index < SEAL_NUMBERS; index++)
        s_set (seal + 8 * index, numbers [index], 8);
    s_set (seal + SEAL_CRC_AT, zrelay_crc (seal, SEAL_CRC_AT), 4);
}

bool
zrelay_anchor_is_sealed (zrelay_anchor_t *self)
{
    struct stat file;
    byte seal [SEAL_SIZE];
    if (fstatat (self->directory, self->data_name, &file, 0) == -1)
        return false;
    s_make_seal (&file, seal);
    return memcmp (self->half + SEAL_AT, seal, SEAL_SIZE) == 0;
}

static bool
s_changed_now (const struct stat *file)
{
#if defined (CLOCK_REALTIME_COARSE)
    struct timespec now;
    clock_gettime (CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec < file->st_ctim.tv_sec
        || (now.tv_sec == file->st_ctim.tv_sec
         && now.tv_nsec <= file->st_ctim.tv_nsec);
#else
    return time (NULL) <= file->st_ctim.tv_sec;
#endif
}

const char *
zrelay_anchor_seal (zrelay_anchor_t *self)
{
    struct stat file;
    if (self->data == -1 || fstat (self->data, &file) == -1)
        return strerror (errno);
    for (int step = 0; s_changed_now (&file); step++) {
        if (step == STEPS_MOST)
            return "the clock stands still";
        zclock_sleep (1);
    }
    s_make_seal (&file, self->half + SEAL_AT);
    s_set (self->half + NUMBER_AT, s_get (self->half + NUMBER_AT, 8) + 1, 8);
    return s_write_half (self, self->file);
}

const char *
zrelay_anchor_take (zrelay_anchor_t *self)
{
    const char *problem = s_open_data (self);
    if (problem)
        return problem;
    uint64_t page = zrelay_pages_size (self->data);
    byte *roots = self->half + ROOTS_AT;
    if (page == 0
    ||  pread (self->data, roots, ZRELAY_PAGES_ROOT, 0) != ZRELAY_PAGES_ROOT
    ||  pread (self->data, roots + ZRELAY_PAGES_ROOT, ZRELAY_PAGES_ROOT,
               (off_t) page) != ZRELAY_PAGES_ROOT)
        return "its file was changed by somebody else";
    s_set (self->half + PAGE_AT, page, 8);
    return NULL;
}

const char *
zrelay_anchor_write (zrelay_anchor_t *self, uint64_t commits)
{
    s_set (self->half + NUMBER_AT, s_get (self->half + NUMBER_AT, 8) + 1, 8);
    s_set (self->half + COMMITS_AT, commits, 8);
    memset (self->half + SEAL_AT, 0, SEAL_SIZE);
    return s_write_half (self, self->file);
}
