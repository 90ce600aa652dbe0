/*  =========================================================================
    fuzz_store - the files of a store, damaged

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each line of an input is a step. These make a store:
//
//      put forward 30 100      put 30 messages of 100 bytes into a queue
//      take forward 10         remove 10 of its messages
//      set one 100             a message of 100 bytes that has a name
//      unset one
//      commit
//      open                    close it, and open it again
//
//  and these damage its files, which are data, readers, anchor and lock:
//
//      byte data 4100 255      another value of one byte
//      word data 4100 7        of two bytes, in the machine's order
//      long data 4100 7        of eight
//      copy data 2 3           page 3 becomes as page 2 is
//      zero data 4100 50       50 bytes become zero
//      cut data 4100           the file ends here
//      unlink data
//      write anchor text       that is all it has now
//
//  A store that is opened has what it says, and works, and is sound when it is
//  opened again. One that is refused has a sentence, and its files are as they
//  were.

#include "fuzz.h"
#include "zrelay_store_internal.h"

#include <fcntl.h>
#include <sys/stat.h>

const char *fuzz_name = "store";

#define PAGE 4096

//  Bounds of what a store has
#define MESSAGES_MOST 200
#define SIZE_MOST 70000
#define ROOM (32 * 1024 * 1024)

//  Words of a line
#define WORDS 4

static const struct {
    const char *word;
    const char *name;
} s_files [] = {
    { "data", "data.mdb" },
    { "readers", "lock.mdb" },
    { "anchor", "zrelay.store" },
    { "lock", "zrelay.lock" }
};
#define FILES (sizeof (s_files) / sizeof (*s_files))

//  Files that must be as they were when a store was refused
#define DATA 0
#define ANCHOR 2

typedef struct {
    zrelay_store_t *store;      //  Open, or NULL
    const char *words [WORDS];  //  Of the line; "" where there is none
} fuzz_store_t;

static char s_folder [40];


//  --------------------------------------------------------------------------
//  Files

static void
s_path (size_t file, char path [80])
{
    snprintf (path, 80, "%s/%s", s_folder, s_files [file].name);
}

static void
s_remove_files (void)
{
    char path [80];
    for (size_t file = 0; file < FILES; file++) {
        s_path (file, path);
        unlink (path);
    }
    snprintf (path, sizeof (path), "%s/zrelay.store.part", s_folder);
    unlink (path);
}

static void
s_clean (void)
{
    s_remove_files ();
    rmdir (s_folder);
}

static void
s_set_up (void)
{
    //  Where there is a disk in memory, a sync costs nothing
    snprintf (s_folder, sizeof (s_folder), "%s/zrelay-fuzz-XXXXXX",
              access ("/dev/shm", W_OK) == 0? "/dev/shm": "/tmp");
    FUZZ_MUST (mkdtemp (s_folder));
    atexit (s_clean);
}

//  All that a file has, or NULL if there is none

static zchunk_t *
s_content (size_t file)
{
    char path [80];
    s_path (file, path);
    return zchunk_slurp (path, 0);
}

static bool
s_same (zchunk_t *one, zchunk_t *other)
{
    if (!one || !other)
        return one == other;
    return zchunk_size (one) == zchunk_size (other)
        && memcmp (zchunk_data (one), zchunk_data (other),
                   zchunk_size (one)) == 0;
}


//  --------------------------------------------------------------------------
//  Damage

static long
s_number (fuzz_store_t *self, int word, long below)
{
    long number = atol (self->words [word]);
    return below > 0 && number >= 0? number % below: 0;
}

//  Returns -1 if the line names no file, or that is not there

static int
s_open_file (fuzz_store_t *self, size_t *file_p, long *size_p)
{
    size_t file = 0;
    while (file < FILES && strneq (s_files [file].word, self->words [1]))
        file++;
    if (file == FILES)
        return -1;
    char path [80];
    s_path (file, path);
    int handle = open (path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (handle != -1 && fstat (handle, &status) == 0)
        *size_p = (long) status.st_size;
    *file_p = file;
    return handle;
}

static void
s_write (int handle, const void *data, size_t size, long place)
{
    FUZZ_MUST (pwrite (handle, data, size, place) == (ssize_t) size);
}

static void
s_copy_page (fuzz_store_t *self, int handle, long size)
{
    byte page [PAGE];
    long from = s_number (self, 2, size / PAGE) * PAGE;
    long to = s_number (self, 3, size / PAGE) * PAGE;
    if (pread (handle, page, PAGE, from) == PAGE)
        s_write (handle, page, PAGE, to);
}

static void
s_zero (fuzz_store_t *self, int handle, long size)
{
    static const byte none [PAGE] = { 0 };
    long place = s_number (self, 2, size);
    long count = s_number (self, 3, PAGE);
    s_write (handle, none, (size_t) (place + count > size? size - place: count),
             place);
}

static void
s_damage (fuzz_store_t *self)
{
    size_t file;
    long size = 0;
    const char *how = self->words [0];
    int handle = s_open_file (self, &file, &size);
    if (handle == -1)
        return;
    long place = s_number (self, 2, size);
    uint64_t value = (uint64_t) atoll (self->words [3]);
    char path [80];
    s_path (file, path);
    if (streq (how, "byte"))
        s_write (handle, &value, size > 0, place);
    if (streq (how, "word") && size - place >= 2)
        s_write (handle, &value, 2, place);
    if (streq (how, "long") && size - place >= 8)
        s_write (handle, &value, 8, place);
    if (streq (how, "copy"))
        s_copy_page (self, handle, size);
    if (streq (how, "zero"))
        s_zero (self, handle, size);
    if (streq (how, "cut"))
        FUZZ_MUST (ftruncate (handle, place) == 0);
    if (streq (how, "unlink"))
        unlink (path);
    if (streq (how, "write")) {
        FUZZ_MUST (ftruncate (handle, 0) == 0);
        s_write (handle, self->words [2], strlen (self->words [2]), 0);
    }
    close (handle);
}


//  --------------------------------------------------------------------------
//  Use

static zrelay_message_t *
s_message (long size)
{
    zrelay_message_t *message = zrelay_message_new ();
    byte *body = (byte *) zmalloc ((size_t) size + 1);
    FUZZ_MUST (body);
    zrelay_message_append (message, "frame", 5);
    zrelay_message_append (message, body, (size_t) size);
    freen (body);
    return message;
}

static void
s_put (fuzz_store_t *self)
{
    zrelay_spool_t *spool = zrelay_spool_new (self->store, self->words [1]);
    zrelay_message_t *message = s_message (s_number (self, 3, SIZE_MOST));
    for (long left = s_number (self, 2, MESSAGES_MOST); spool && left > 0;
         left--)
        zrelay_spool_put (spool, message, 1);
    zrelay_message_destroy (&message);
    if (spool)
        zrelay_store_commit (self->store);
    zrelay_spool_destroy (&spool);
}

static void
s_take (fuzz_store_t *self)
{
    zrelay_spool_t *spool = zrelay_spool_new (self->store, self->words [1]);
    for (long left = s_number (self, 2, MESSAGES_MOST); spool && left > 0
         && zrelay_spool_next (spool, NULL, NULL, NULL); left--)
        zrelay_spool_remove (spool, 1);
    if (spool)
        zrelay_store_commit (self->store);
    zrelay_spool_destroy (&spool);
}

static void
s_set (fuzz_store_t *self)
{
    zrelay_message_t *message = s_message (s_number (self, 2, SIZE_MOST));
    zrelay_store_set (self->store, self->words [1], message);
    zrelay_message_destroy (&message);
}

//  Opening creates it

static void
s_open (fuzz_store_t *self)
{
    zrelay_store_destroy (&self->store);
    zchunk_t *data = s_content (DATA), *anchor = s_content (ANCHOR);
    self->store = zrelay_store_new ();
    zrelay_store_set_room (self->store, ROOM);
    zrelay_store_set_sync (self->store, ZRELAY_STORE_SYNC_NEVER);
    if (zrelay_store_open (self->store, s_folder) != ZRELAY_STATUS_DONE) {
        FUZZ_MUST (*zrelay_store_error (self->store));
        zrelay_store_destroy (&self->store);
        zchunk_t *data_now = s_content (DATA), *anchor_now = s_content (ANCHOR);
        FUZZ_MUST (s_same (data, data_now));
        FUZZ_MUST (s_same (anchor, anchor_now));
        zchunk_destroy (&data_now);
        zchunk_destroy (&anchor_now);
    }
    zchunk_destroy (&data);
    zchunk_destroy (&anchor);
}

//  All that it says that it has is there

static void
s_read_spool (fuzz_store_t *self, const char *name)
{
    zrelay_spool_t *spool = zrelay_spool_new (self->store, name);
    FUZZ_MUST (spool);
    uint64_t left = zrelay_spool_messages (spool);
    uint64_t bytes = zrelay_spool_bytes (spool);
    zrelay_message_t *message = zrelay_message_new ();
    while (zrelay_spool_next (spool, message, NULL, NULL)) {
        FUZZ_MUST (left-- > 0);
        bytes -= zrelay_message_bytes (message);
        zrelay_message_clear (message);
    }
    FUZZ_MUST (left == 0 && bytes == 0 && !zrelay_spool_damaged (spool));
    zrelay_message_destroy (&message);
    zrelay_spool_destroy (&spool);
}

static void
s_read_spools (fuzz_store_t *self)
{
    char *name = strdup ("");
    const char *next = zrelay_store_next_spool (self->store, name);
    for (; next; next = zrelay_store_next_spool (self->store, name)) {
        zstr_free (&name);
        name = strdup (next);
        FUZZ_MUST (name);
        s_read_spool (self, name);
    }
    zstr_free (&name);
}

static void
s_read_names (fuzz_store_t *self)
{
    char *name = strdup ("");
    const char *next = zrelay_store_next (self->store, name);
    zrelay_message_t *message = zrelay_message_new ();
    for (; next; next = zrelay_store_next (self->store, name)) {
        FUZZ_MUST (strcmp (next, name) > 0);
        zstr_free (&name);
        name = strdup (next);
        FUZZ_MUST (name);
        FUZZ_MUST (zrelay_store_get (self->store, name, message, NULL));
        zrelay_message_clear (message);
    }
    zrelay_message_destroy (&message);
    zstr_free (&name);
}


//  --------------------------------------------------------------------------
//  Lines

static void
s_step (fuzz_store_t *self)
{
    const char *word = self->words [0];
    if (streq (word, "open")) {
        s_open (self);
        return;
    }
    if (streq (word, "put") || streq (word, "take") || streq (word, "set")
    ||  streq (word, "unset") || streq (word, "commit")) {
        if (!self->store)
            s_open (self);
        if (!self->store)
            return;
        if (streq (word, "put"))
            s_put (self);
        else
        if (streq (word, "take"))
            s_take (self);
        else
        if (streq (word, "set"))
            s_set (self);
        else
        if (streq (word, "unset"))
            zrelay_store_unset (self->store, self->words [1]);
        else
            zrelay_store_commit (self->store);
        return;
    }
    //  Nobody else changes the files while it is open
    zrelay_store_destroy (&self->store);
    s_damage (self);
}

static void
s_line (fuzz_store_t *self, fuzz_word_t *line)
{
    char *words [WORDS];
    fuzz_word_t word;
    for (int index = 0; index < WORDS; index++) {
        words [index] = fuzz_word (line, &word)? fuzz_string (&word):
                                                 strdup ("");
        FUZZ_MUST (words [index]);
        self->words [index] = words [index];
    }
    s_step (self);
    for (int index = 0; index < WORDS; index++)
        zstr_free (&words [index]);
}

//  What was damaged, and opened nevertheless, works like any other

static void
s_use (fuzz_store_t *self)
{
    s_read_spools (self);
    s_read_names (self);
    self->words [1] = "forward";
    self->words [2] = "150";
    self->words [3] = "1000";
    s_put (self);
    s_take (self);
    zrelay_store_commit (self->store);
    s_open (self);
    FUZZ_MUST (self->store);
    s_read_spools (self);
    s_read_names (self);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    if (!*s_folder)
        s_set_up ();
    fuzz_store_t self = { .store = NULL };
    fuzz_word_t text = { (const char *) data, size };
    fuzz_word_t line;
    for (int lines = 0; lines < FUZZ_LINES_MAX && fuzz_line (&text, &line);
         lines++)
        s_line (&self, &line);
    s_open (&self);
    if (self.store)
        s_use (&self);
    zrelay_store_destroy (&self.store);
    s_remove_files ();
    fuzz_end ();
    return 0;
}
