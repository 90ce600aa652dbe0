/*  =========================================================================
    zrelay_store_test - tests of a store and its queues

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_store_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

//  --------------------------------------------------------------------------
//  A directory for a test, and what is in it

static char *
s_make_directory (void)
{
    const char *parent = getenv ("TMPDIR");
    char *directory = zsys_sprintf ("%s/zrelay-store-XXXXXX",
                                    parent? parent: "/tmp");
    assert (directory && mkdtemp (directory));
    return directory;
}

static void
s_remove_directory (char **directory_p)
{
    DIR *directory = opendir (*directory_p);
    struct dirent *entry = directory? readdir (directory): NULL;
    for (; entry; entry = readdir (directory))
        unlinkat (dirfd (directory), entry->d_name, 0);
    closedir (directory);
    rmdir (*directory_p);
    zstr_free (directory_p);
}

static zchunk_t *
s_read_file (const char *directory, const char *name)
{
    char *path = zsys_sprintf ("%s/%s", directory, name);
    zchunk_t *chunk = zchunk_slurp (path, 0);
    assert (chunk);
    zstr_free (&path);
    return chunk;
}

static void
s_write_file (const char *directory, const char *name, const void *data,
              size_t size)
{
    char *path = zsys_sprintf ("%s/%s", directory, name);
    int file = open (path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert (file != -1);
    ssize_t written = write (file, data, size);
    assert (written == (ssize_t) size);
    close (file);
    zstr_free (&path);
}


//  --------------------------------------------------------------------------
//  Messages of two frames: a number, and so many bytes that depend on it

static void
s_fill (zrelay_message_t *message, uint32_t number)
{
    char text [16];
    snprintf (text, sizeof (text), "%u", number);
    byte body [700];
    memset (body, (int) number, sizeof (body));
    zrelay_message_clear (message);
    zrelay_message_append (message, text, strlen (text));
    zrelay_message_append (message, body, number % sizeof (body));
}

static void
s_put (zrelay_spool_t *spool, uint32_t first, uint32_t count)
{
    zrelay_message_t *message = zrelay_message_new ();
    for (uint32_t number = first; number < first + count; number++) {
        s_fill (message, number);
        zrelay_status_t status =
            zrelay_spool_put (spool, message, (byte) number);
        assert (status == ZRELAY_STATUS_DONE);
    }
    zrelay_message_destroy (&message);
}

//  Reads so many, and compares them

//  Valgrind takes seconds for the address space that a store has without this

#define TEST_ROOM (64 * 1024 * 1024)

static zrelay_store_t *
s_new (void)
{
    zrelay_store_t *store = zrelay_store_new ();
    zrelay_store_set_room (store, TEST_ROOM);
    return store;
}


static void
s_read (zrelay_spool_t *spool, uint32_t first, uint32_t count)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_t *expected = zrelay_message_new ();
    for (uint32_t number = first; number < first + count; number++) {
        byte mark;
        zrelay_message_clear (message);
        bool found = zrelay_spool_next (spool, message, &mark, NULL);
        assert (found && mark == (byte) number);
        s_fill (expected, number);
        assert (zrelay_message_frames (message) == 2);
        for (size_t frame = 0; frame < 2; frame++)
            assert (zrelay_message_equals (message, frame,
                                           zrelay_message_data (expected,
                                                                frame),
                                           zrelay_message_size (expected,
                                                                frame)));
    }
    zrelay_message_destroy (&message);
    zrelay_message_destroy (&expected);
}

static zrelay_store_t *
s_open (const char *directory)
{
    zrelay_store_t *store = s_new ();
    zrelay_status_t status = zrelay_store_open (store, directory);
    if (status != ZRELAY_STATUS_DONE)
        puts (zrelay_store_error (store));
    assert (status == ZRELAY_STATUS_DONE);
    return store;
}

static zrelay_spool_t *
s_open_spool (zrelay_store_t *store, const char *name)
{
    zrelay_spool_t *spool = zrelay_spool_new (store, name);
    assert (spool);
    return spool;
}

static void
s_commit (zrelay_store_t *store)
{
    zrelay_status_t status = zrelay_store_commit (store);
    assert (status == ZRELAY_STATUS_DONE);
}


//  --------------------------------------------------------------------------
//  A queue

//  What was committed is there, in order, until it is removed

static void
s_test_order (const char *directory)
{
    zrelay_store_t *store = s_open (directory);
    zrelay_spool_t *spool = s_open_spool (store, "order");
    assert (zrelay_spool_messages (spool) == 0);
    assert (!zrelay_spool_next (spool, NULL, NULL, NULL));
    s_put (spool, 0, 1000);
    s_commit (store);
    s_put (spool, 1000, 1000);
    s_read (spool, 0, 500);
    assert (zrelay_spool_read (spool) == 500);
    zrelay_spool_remove (spool, 300);
    s_commit (store);
    s_put (spool, 9000, 10);
    assert (zrelay_spool_messages (spool) == 1710);
    assert (zrelay_spool_kept (spool) == 1700);
    assert (zrelay_spool_time (spool) > 0);
    zrelay_spool_destroy (&spool);
    zrelay_store_destroy (&store);

    //  What was read is read again, and what was not committed is lost
    store = s_open (directory);
    assert (streq (zrelay_store_next_spool (store, ""), "order"));
    assert (!zrelay_store_next_spool (store, "order"));
    spool = s_open_spool (store, "order");
    assert (!zrelay_spool_new (store, "order"));
    assert (zrelay_spool_messages (spool) == 1700);
    uint64_t bytes = zrelay_spool_bytes (spool);
    s_read (spool, 300, 100);
    zrelay_spool_rewind (spool);
    s_read (spool, 300, 1700);
    assert (!zrelay_spool_next (spool, NULL, NULL, NULL));
    assert (zrelay_spool_bytes (spool) == bytes && bytes > 0);
    zrelay_spool_remove (spool, 1700);
    assert (zrelay_spool_messages (spool) == 0);
    assert (zrelay_spool_bytes (spool) == 0);
    assert (zrelay_spool_time (spool) == 0);
    s_commit (store);
    zrelay_spool_destroy (&spool);
    zrelay_store_destroy (&store);
}

//  Messages come and go at every distance between end and beginning, and the
//  store is opened again at any time

static void
s_test_mixture (const char *directory)
{
    zrelay_store_t *store = s_open (directory);
    zrelay_spool_t *spool = s_open_spool (store, "mixture");
    uint32_t put = 0, read = 0, removed = 0;
    uint32_t seed = 12345;
    for (int round = 0; round < 400; round++) {
        seed = seed * 1103515245u + 12345;
        uint32_t some = seed >> 16 & 0xff;
        s_put (spool, put, some);
        put += some;
        some = (seed >> 8 & 0x1ff) % (put - read + 1);
        s_read (spool, read, some);
        read += some;
        some = (seed >> 20) % (read - removed + 1);
        zrelay_spool_remove (spool, some);
        removed += some;
        assert (zrelay_spool_messages (spool) == put - removed);
        if (round % 3 > 0)
            continue;
        s_commit (store);
        if (round % 30 > 0)
            continue;
        zrelay_spool_destroy (&spool);
        zrelay_store_destroy (&store);
        store = s_open (directory);
        spool = s_open_spool (store, "mixture");
        read = removed;
        assert (zrelay_spool_messages (spool) == put - removed);
    }
    zrelay_spool_destroy (&spool);
    zrelay_store_destroy (&store);
}

//  Where nothing may be read that is not safe

static void
s_test_durable (const char *directory)
{
    zrelay_store_t *store = s_open (directory);
    zrelay_spool_t *spool = s_open_spool (store, "durable");
    zrelay_spool_set_durable (spool, true);
    s_put (spool, 0, 10);
    assert (!zrelay_spool_next (spool, NULL, NULL, NULL));
    s_commit (store);
    s_read (spool, 0, 10);

    zrelay_store_set_sync (store, ZRELAY_STORE_SYNC_NEVER);
    s_put (spool, 10, 10);
    s_commit (store);
    zrelay_store_set_sync (store, ZRELAY_STORE_SYNC_ALWAYS);
    assert (zrelay_store_handle (store) != -1);
    zrelay_status_t status = zrelay_store_wait (store);
    assert (status == ZRELAY_STATUS_DONE);
    assert (zrelay_store_synced (store) == zrelay_store_commits (store));
    assert (zrelay_spool_kept (spool) == 20);
    s_read (spool, 10, 10);
    zrelay_spool_destroy (&spool);
    zrelay_store_destroy (&store);
}

//  A full store changes nothing, and goes on when messages have left it

static void
s_test_full (const char *directory)
{
    zrelay_store_t *store = s_new ();
    zrelay_store_set_room (store, 2 * 1024 * 1024);
    zrelay_status_t status = zrelay_store_open (store, directory);
    assert (status == ZRELAY_STATUS_DONE);
    zrelay_spool_t *spool = s_open_spool (store, "full");
    uint32_t put = 0;
    while (status == ZRELAY_STATUS_DONE) {
        s_put (spool, put, 100);
        put += 100;
        status = zrelay_store_commit (store);
    }
    assert (status == ZRELAY_STATUS_REFUSED && put > 1000);
    assert (zrelay_store_full (store));
    assert (strstr (zrelay_store_error (store), "it is full"));
    assert (zrelay_spool_kept (spool) == put - 100);
    assert (zrelay_spool_messages (spool) == put);

    //  Removals are committed also while there is no room for more
    s_read (spool, 0, put - 200);
    zrelay_spool_remove (spool, put - 200);
    for (int tries = 0; status != ZRELAY_STATUS_DONE && tries < 10; tries++) {
        status = zrelay_store_commit (store);
        zrelay_store_wait (store);
    }
    assert (status == ZRELAY_STATUS_DONE && !zrelay_store_full (store));
    zrelay_spool_rewind (spool);
    s_read (spool, put - 200, 200);
    zrelay_spool_destroy (&spool);
    zrelay_store_destroy (&store);
}

static void
s_test_names_of_spools (const char *directory)
{
    zrelay_store_t *store = s_open (directory);
    const char *wrong [] = { "", "a b", "a\nb", "\xc3\xa4" };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (!zrelay_spool_new (store, wrong [index]));
    char name [102];
    memset (name, 'x', sizeof (name));
    name [101] = 0;
    assert (!zrelay_spool_new (store, name));
    name [100] = 0;
    zrelay_spool_t *spool = s_open_spool (store, name);
    zrelay_spool_destroy (&spool);
    zrelay_store_close (store);
    assert (!zrelay_spool_new (store, "closed"));
    zrelay_store_destroy (&store);
}

static void
s_run (void (*test) (const char *directory))
{
    char *directory = s_make_directory ();
    test (directory);
    s_remove_directory (&directory);
}

void
zrelay_spool_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_spool: ");
    //  @selftest
    s_run (s_test_order);
    s_run (s_test_mixture);
    s_run (s_test_durable);
    s_run (s_test_full);
    s_run (s_test_names_of_spools);
    //  @end
    printf ("OK\n");
}


//  --------------------------------------------------------------------------
//  Names

static void
s_set (zrelay_store_t *store, const char *name, const char *value)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, value, strlen (value));
    zrelay_status_t status = zrelay_store_set (store, name, message);
    assert (status == ZRELAY_STATUS_DONE);
    zrelay_message_destroy (&message);
}

static bool
s_has (zrelay_store_t *store, const char *name, const char *value)
{
    zrelay_message_t *message = zrelay_message_new ();
    int64_t time = 0;
    bool has = zrelay_store_get (store, name, message, &time)
            && time > 0 && zrelay_message_streq (message, 0, value);
    zrelay_message_destroy (&message);
    return has;
}

static void
s_test_names (const char *directory)
{
    zrelay_store_t *store = s_open (directory);
    assert (!zrelay_store_next (store, ""));
    s_set (store, "b", "2");
    s_set (store, "a", "1");
    s_set (store, "c", "3");
    s_set (store, "a", "one");
    //  They are seen before the commit
    assert (s_has (store, "a", "one"));
    zrelay_status_t status = zrelay_store_unset (store, "b");
    assert (status == ZRELAY_STATUS_DONE);
    status = zrelay_store_unset (store, "never");
    assert (status == ZRELAY_STATUS_DONE);
    assert (!s_has (store, "b", "2"));
    s_commit (store);
    s_set (store, "d", "lost");
    zrelay_store_destroy (&store);

    store = s_open (directory);
    assert (streq (zrelay_store_next (store, ""), "a"));
    assert (streq (zrelay_store_next (store, "a"), "c"));
    assert (streq (zrelay_store_next (store, "b"), "c"));
    assert (!zrelay_store_next (store, "c"));
    assert (s_has (store, "a", "one") && s_has (store, "c", "3"));
    assert (!zrelay_store_get (store, "", NULL, NULL));

    char name [502];
    memset (name, 'x', sizeof (name));
    name [501] = 0;
    zrelay_message_t *message = zrelay_message_new ();
    assert (zrelay_store_set (store, name, message)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (zrelay_store_unset (store, "") == ZRELAY_STATUS_BAD_ARGUMENTS);
    name [500] = 0;
    assert (zrelay_store_set (store, name, message) == ZRELAY_STATUS_DONE);
    zrelay_message_destroy (&message);
    zrelay_store_destroy (&store);
}


//  --------------------------------------------------------------------------
//  What is refused

static bool
s_is_refused (const char *directory, const char *words)
{
    zrelay_store_t *store = s_new ();
    zrelay_status_t status = zrelay_store_open (store, directory);
    bool refused = status == ZRELAY_STATUS_REFUSED
                && strstr (zrelay_store_error (store), words);
    if (!refused)
        printf ("status %d: %s\n", status, zrelay_store_error (store));
    zrelay_store_destroy (&store);
    return refused;
}

static void
s_make_store (const char *directory, uint32_t messages)
{
    zrelay_store_t *store = s_open (directory);
    zrelay_spool_t *spool = s_open_spool (store, "forward");
    for (uint32_t first = 0; first < messages; first += 100) {
        s_put (spool, first, 100);
        s_commit (store);
    }
    s_read (spool, 0, 50);
    zrelay_spool_remove (spool, 50);
    s_set (store, "name", "value");
    s_commit (store);
    zrelay_spool_destroy (&spool);
    zrelay_store_destroy (&store);
}

static void
s_test_refusals (const char *directory)
{
    zrelay_store_t *store = s_open (directory);
    assert (s_is_refused (directory, "this process uses it already"));
    assert (zrelay_store_open (store, directory) == ZRELAY_STATUS_BAD_STATE);
    zrelay_store_t *other = s_new ();
    assert (zrelay_store_look (other, directory) == ZRELAY_STATUS_REFUSED);
    assert (zrelay_store_look (other, "/nowhere") == ZRELAY_STATUS_REFUSED);
    assert (zrelay_store_open (other, "/nowhere/at/all")
            == ZRELAY_STATUS_REFUSED);
    assert (zrelay_store_open (other, "/dev/null") == ZRELAY_STATUS_REFUSED);
    assert (zrelay_store_commit (other) == ZRELAY_STATUS_BAD_STATE);
    assert (zrelay_store_wait (other) == ZRELAY_STATUS_BAD_STATE);
    assert (!zrelay_store_get (other, "name", NULL, NULL));
    zrelay_store_destroy (&other);
    zrelay_store_destroy (&store);

    //  A later version, and something else
    zchunk_t *anchor = s_read_file (directory, "zrelay.store");
    byte *data = zchunk_data (anchor);
    size_t size = zchunk_size (anchor);
    data [11]++;
    s_write_file (directory, "zrelay.store", data, size);
    assert (s_is_refused (directory, "a later version"));
    s_write_file (directory, "zrelay.store", "something else", 14);
    assert (s_is_refused (directory, "it is not a store"));
    data [11]--;
    data [100] ^= 1;
    data [1024 + 100] ^= 1;
    s_write_file (directory, "zrelay.store", data, size);
    assert (s_is_refused (directory, "it is damaged"));
    //  One half is enough
    data [100] ^= 1;
    s_write_file (directory, "zrelay.store", data, size);
    store = s_open (directory);
    zrelay_store_destroy (&store);
    zchunk_destroy (&anchor);

    //  A file of LMDB's alone
    char *path = zsys_sprintf ("%s/zrelay.store", directory);
    unlink (path);
    zstr_free (&path);
    assert (s_is_refused (directory, "not zrelay's"));
}

//  Whatever bytes are changed in the file, the store is refused, or it has all
//  that it had

static void
s_test_damage (const char *directory)
{
    s_make_store (directory, 300);
    zchunk_t *whole = s_read_file (directory, "data.mdb");
    size_t size = zchunk_size (whole);
    byte *data = (byte *) malloc (size);
    assert (data);
    size_t refused = 0;
    //  Mostly in heads of pages, and some everywhere
    for (size_t place = 0; place < size;
         place += place % 4096 < 160? 29: 3001) {
        memcpy (data, zchunk_data (whole), size);
        data [place] ^= 0xff;
        s_write_file (directory, "data.mdb", data, size);
        zrelay_store_t *store = s_new ();
        if (zrelay_store_open (store, directory) == ZRELAY_STATUS_DONE) {
            zrelay_spool_t *spool = s_open_spool (store, "forward");
            assert (zrelay_spool_messages (spool) == 250);
            s_read (spool, 50, 250);
            assert (s_has (store, "name", "value"));
            zrelay_spool_destroy (&spool);
        }
        else
            refused++;
        zrelay_store_destroy (&store);
    }
    assert (refused > 10);

    //  Whatever was cut off
    for (size_t left = 0; left < size; left += 16384) {
        s_write_file (directory, "data.mdb", zchunk_data (whole), left);
        zrelay_store_t *store = s_new ();
        zrelay_status_t status = zrelay_store_open (store, directory);
        assert (status == ZRELAY_STATUS_REFUSED);
        assert (strstr (zrelay_store_error (store), "it is damaged"));
        zrelay_store_destroy (&store);
    }
    s_write_file (directory, "data.mdb", zchunk_data (whole), size);
    zrelay_store_t *store = s_open (directory);
    zrelay_store_destroy (&store);
    freen (data);
    zchunk_destroy (&whole);
}

//  A seal is there while the store is closed, and the file is as it was then

static bool
s_is_sealed (const char *directory)
{
    int folder = open (directory, O_RDONLY | O_DIRECTORY);
    assert (folder != -1);
    zrelay_anchor_t *anchor = zrelay_anchor_new ("data.mdb");
    const char *problem = zrelay_anchor_open (anchor, folder);
    assert (!problem);
    bool is_sealed = zrelay_anchor_is_sealed (anchor);
    zrelay_anchor_destroy (&anchor);
    close (folder);
    return is_sealed;
}

static void
s_test_seal (const char *directory)
{
    for (int round = 0; round < 20; round++) {
        zrelay_store_t *store = s_open (directory);
        assert (!s_is_sealed (directory));
        zrelay_store_destroy (&store);
        assert (s_is_sealed (directory));
        //  It was changed at once, to the same bytes, and in its place
        char *path = zsys_sprintf ("%s/data.mdb", directory);
        int file = open (path, O_RDWR);
        byte first;
        assert (file != -1 && pread (file, &first, 1, 0) == 1);
        assert (pwrite (file, &first, 1, 0) == 1);
        close (file);
        zstr_free (&path);
        assert (!s_is_sealed (directory));
    }
}

void
zrelay_store_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_store: ");
    //  @selftest
    s_run (s_test_names);
    s_run (s_test_refusals);
    s_run (s_test_damage);
    s_run (s_test_seal);
    //  @end
    printf ("OK\n");
}
