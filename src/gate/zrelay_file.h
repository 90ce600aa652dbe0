/*  =========================================================================
    zrelay_file - reads a file that decides who gets in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_FILE_H_INCLUDED
#define ZRELAY_FILE_H_INCLUDED

#include <zrelay.h>

//  Files with rules are opened once, and what was opened is looked at: only a
//  regular file counts, no link, and none that others could have written. A
//  FIFO is refused, and not waited for.

//  By this a file is known to be the one that was read
typedef struct {
    dev_t device;               //  Where it is
    ino_t inode;                //  Its number there
    off_t size;                 //  Bytes
    struct timespec written;    //  When its contents changed last
    struct timespec changed;    //  When anything about it did
    bool settled;               //  A later change shows in these times
} zrelay_stamp_t;

typedef struct {
    zrelay_stamp_t stamp;       //  As it was opened
    byte *data;                 //  Its contents, or NULL; a zero byte follows
    size_t size;                //  Bytes in that
    char problem [400];         //  Why there is no data: a sentence
} zrelay_file_t;

//  Read a file. folder is a descriptor, or AT_FDCWD. If it is secret, others
//  must not be able to read it either. Returns 0, or -1 with the problem.
int
    zrelay_file_read (zrelay_file_t *self, int folder, const char *name,
                      bool secret);

//  Wipe and free the contents.
void
    zrelay_file_wipe (zrelay_file_t *self);

//  True if a file, or what a descriptor refers to where name is "", is still as
//  the stamp says.
bool
    zrelay_file_is_same (const zrelay_stamp_t *stamp, int folder,
                         const char *name);

//  Open a folder that only its owner can write to. Returns a descriptor, and
//  its stamp, or -1 with the problem.
int
    zrelay_file_open_folder (zrelay_file_t *self, const char *name);

void
    zrelay_file_test (bool verbose);

#endif
