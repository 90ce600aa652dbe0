/*  =========================================================================
    zrelay_cache_file - saves topics to a file, and loads them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_cache_file.h"
#include "zrelay_errand.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

//  What a file begins with, and the sizes of its parts
static const char s_magic [] = "ZRELAYLV";
#define MAGIC_SIZE 8
#define FORMAT 1
#define HEADER_SIZE (MAGIC_SIZE + 4 + 4 + 8)
#define RECORD_SIZE (4 + 4 + 8)
#define LENGTH_SIZE 8
#define DIGEST_SIZE 20

//  Ends the name of a file that is not complete yet
#define PART ".part"

//  Bytes that are given to the thread at a time
#define CHUNK_SIZE (256 * 1024)

//  Bytes that are read at a time
#define READ_SIZE (1024 * 1024)

#define PROBLEM_MOST 200


//  --------------------------------------------------------------------------
//  Numbers in network order

static byte *
s_put_number (byte *place, uint64_t number, int size)
{
    for (int index = size - 1; index >= 0; index--) {
        place [index] = (byte) number;
        number >>= 8;
    }
    return place + size;
}

static uint64_t
s_get_number (const byte *place, int size)
{
    uint64_t number = 0;
    for (int index = 0; index < size; index++)
        number = number << 8 | place [index];
    return number;
}


//  --------------------------------------------------------------------------
//  The saver

typedef struct _chunk_t chunk_t;
struct _chunk_t {
    chunk_t *next;              //  The one that was filled after it, or NULL
    size_t size;                //  Bytes in it
    size_t room;                //  Bytes that it can have
    byte data [];
};

//  What the thread works on
typedef struct {
    char *path;                 //  Where to
    char *part;                 //  Its name while it is not complete
    chunk_t *first;             //  Chunks that are full, under the lock
    chunk_t *last;
    size_t waiting;             //  Bytes in these, and in the one being written
    bool ended;                 //  There will be no more
    int handle;                 //  The file, or -1
    bool created;               //  It is there under its part's name, and ours
    zdigest_t *digest;          //  Of what was written
    char problem [PROBLEM_MOST];        //  Empty if there is none
} saving_t;

struct _zrelay_saver_t {
    zrelay_errand_t *errand;    //  The thread
    saving_t *saving;           //  What it works on
    chunk_t *chunk;             //  The one being filled
    uint64_t left;              //  Topics still to be added
};

static void
s_saving_free (void *work)
{
    saving_t *self = (saving_t *) work;
    while (self->first) {
        chunk_t *chunk = self->first;
        self->first = chunk->next;
        freen (chunk);
    }
    zdigest_destroy (&self->digest);
    zstr_free (&self->path);
    zstr_free (&self->part);
    freen (self);
}

static bool
s_saving_failed (saving_t *self, const char *words)
{
    snprintf (self->problem, sizeof (self->problem), "%s%s", words,
              *words? "": zmq_strerror (errno));
    return false;
}

//  Only what is a file may be replaced by one

static bool
s_check_target (saving_t *self)
{
    struct stat file;
    if (stat (self->path, &file) == -1)
        return errno == ENOENT || s_saving_failed (self, "");
    return S_ISREG (file.st_mode)
        || s_saving_failed (self, "there is something that is not a file");
}

//  Whoever has the part locked writes it. Between open and lock, another may
//  have given it its final name; then it is not the one of that name any more.

static bool
s_open_part (saving_t *self)
{
    self->handle = open (self->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
                         | O_NONBLOCK, 0600);
    if (self->handle == -1)
        return s_saving_failed (self, "");
    struct stat file, name;
    if (flock (self->handle, LOCK_EX | LOCK_NB) == -1
    ||  fstat (self->handle, &file) == -1 || stat (self->part, &name) == -1
    ||  file.st_ino != name.st_ino || file.st_dev != name.st_dev)
        return s_saving_failed (self, "another SAVE to it is under way");
    if (!S_ISREG (file.st_mode))
        return s_saving_failed (self, "its part is not a file");
    self->created = true;
    return ftruncate (self->handle, 0) == 0 || s_saving_failed (self, "");
}

static bool
s_write (saving_t *self, const byte *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write (self->handle, data, size);
        if (written == -1 && errno == EINTR)
            continue;
        if (written <= 0)
            return s_saving_failed (self, "");
        data += written;
        size -= (size_t) written;
    }
    return true;
}

static bool
s_write_chunk (saving_t *self, const byte *data, size_t size)
{
    zdigest_update (self->digest, data, size);
    return s_write (self, data, size);
}

//  The next chunk, or NULL at the end, or if nobody is there any more

static chunk_t *
s_next_chunk (zrelay_errand_t *errand, saving_t *self)
{
    zrelay_errand_lock (errand);
    while (!self->first && !self->ended && !zrelay_errand_left (errand))
        zrelay_errand_wait (errand);
    chunk_t *chunk = zrelay_errand_left (errand)? NULL: self->first;
    if (chunk) {
        self->first = chunk->next;
        if (!self->first)
            self->last = NULL;
    }
    zrelay_errand_unlock (errand);
    return chunk;
}

static bool
s_write_chunks (zrelay_errand_t *errand, saving_t *self)
{
    bool written = true;
    chunk_t *chunk;
    while (written && (chunk = s_next_chunk (errand, self))) {
        written = s_write_chunk (self, chunk->data, chunk->size);
        zrelay_errand_lock (errand);
        self->waiting -= chunk->size;
        zrelay_errand_unlock (errand);
        freen (chunk);
    }
    zrelay_errand_lock (errand);
    bool left = zrelay_errand_left (errand);
    zrelay_errand_unlock (errand);
    return written && (!left || s_saving_failed (self, "the relay has ended"));
}

//  The name is on the disk when its folder is

static bool
s_sync_folder (saving_t *self)
{
    char *folder = strdup (self->path);
    assert (folder);
    char *slash = strrchr (folder, '/');
    if (slash)
        slash [slash == folder] = 0;
    int handle = open (slash? folder: ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    zstr_free (&folder);
    bool synced = handle != -1 && fsync (handle) == 0;
    //  Some file systems have nothing to sync there
    if (!synced && errno != EINVAL)
        s_saving_failed (self, "");
    if (handle != -1)
        close (handle);
    return !*self->problem;
}

static bool
s_complete (saving_t *self)
{
    if (!s_write (self, zdigest_data (self->digest), DIGEST_SIZE))
        return false;
    if (fsync (self->handle) == -1 || rename (self->part, self->path) == -1)
        return s_saving_failed (self, "");
    self->created = false;
    return s_sync_folder (self);
}

static void
s_save (zrelay_errand_t *errand, void *work)
{
    saving_t *self = (saving_t *) work;
    bool saved = s_check_target (self) && s_open_part (self)
              && s_write_chunks (errand, self) && s_complete (self);
    if (!saved && self->created)
        unlink (self->part);
    if (self->handle != -1)
        close (self->handle);
}

//  Room in the chunk being filled for so many bytes; a full one goes to the
//  thread

static void
s_give_chunk (zrelay_saver_t *self, bool last)
{
    saving_t *saving = self->saving;
    zrelay_errand_lock (self->errand);
    if (self->chunk) {
        if (saving->last)
            saving->last->next = self->chunk;
        else
            saving->first = self->chunk;
        saving->last = self->chunk;
        saving->waiting += self->chunk->size;
    }
    saving->ended = last;
    zrelay_errand_changed (self->errand);
    zrelay_errand_unlock (self->errand);
    self->chunk = NULL;
}

static byte *
s_room (zrelay_saver_t *self, size_t size)
{
    if (self->chunk && self->chunk->room - self->chunk->size < size)
        s_give_chunk (self, false);
    if (!self->chunk) {
        size_t room = size > CHUNK_SIZE? size: CHUNK_SIZE;
        self->chunk = (chunk_t *) malloc (sizeof (chunk_t) + room);
        assert (self->chunk);
        self->chunk->next = NULL;
        self->chunk->size = 0;
        self->chunk->room = room;
    }
    byte *place = self->chunk->data + self->chunk->size;
    self->chunk->size += size;
    return place;
}

zrelay_saver_t *
zrelay_saver_new (const char *path, uint64_t topics)
{
    saving_t *saving = (saving_t *) zmalloc (sizeof (saving_t));
    assert (saving);
    saving->path = strdup (path);
    saving->part = zsys_sprintf ("%s" PART, path);
    saving->digest = zdigest_new ();
    assert (saving->path && saving->part && saving->digest);
    saving->handle = -1;
    zrelay_errand_t *errand = zrelay_errand_new (s_save, s_saving_free, saving);
    if (!errand)
        return NULL;
    zrelay_saver_t *self = (zrelay_saver_t *) zmalloc (sizeof (zrelay_saver_t));
    assert (self);
    self->errand = errand;
    self->saving = saving;
    self->left = topics;
    byte *place = s_room (self, HEADER_SIZE);
    memcpy (place, s_magic, MAGIC_SIZE);
    place = s_put_number (place + MAGIC_SIZE, FORMAT, 4);
    place = s_put_number (place, 0, 4);
    s_put_number (place, topics, 8);
    if (topics == 0)
        s_give_chunk (self, true);
    return self;
}

void
zrelay_saver_destroy (zrelay_saver_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_errand_leave (&(*self_p)->errand);
        freen ((*self_p)->chunk);
        freen (*self_p);
    }
}

void
zrelay_saver_add (zrelay_saver_t *self, zrelay_topic_t *topic, int64_t time)
{
    assert (self->left > 0);
    size_t frames = zrelay_topic_frames (topic);
    byte *place = s_room (self, RECORD_SIZE + frames * LENGTH_SIZE
                                + topic->size);
    place = s_put_number (place, topic->leaf.size, 4);
    place = s_put_number (place, frames, 4);
    place = s_put_number (place, (uint64_t) time, 8);
    byte *data = place + frames * LENGTH_SIZE;
    for (size_t index = 0; index < frames; index++) {
        size_t size;
        const byte *frame = zrelay_topic_frame (topic, index, &size);
        place = s_put_number (place, size, LENGTH_SIZE);
        if (size > 0)
            memcpy (data, frame, size);
        data += size;
    }
    if (--self->left == 0)
        s_give_chunk (self, true);
}

size_t
zrelay_saver_backlog (zrelay_saver_t *self)
{
    zrelay_errand_lock (self->errand);
    size_t waiting = self->saving->waiting;
    zrelay_errand_unlock (self->errand);
    return waiting;
}

int
zrelay_saver_fd (zrelay_saver_t *self)
{
    return zrelay_errand_fd (self->errand);
}

const char *
zrelay_saver_problem (zrelay_saver_t *self)
{
    assert (zrelay_errand_ended (self->errand));
    return *self->saving->problem? self->saving->problem: NULL;
}


//  --------------------------------------------------------------------------
//  The loader

//  One topic of the file
typedef struct {
    size_t place;               //  Where its record is
    int64_t time;               //  When it was updated
} record_t;

//  What the thread works on
typedef struct {
    char *path;                 //  Where from
    byte *data;                 //  The file
    size_t size;                //  Bytes in it
    record_t *records;          //  Its topics, most recently updated first
    size_t count;               //  How many these are
    char problem [PROBLEM_MOST];        //  Empty if there is none
} loading_t;

struct _zrelay_loader_t {
    zrelay_errand_t *errand;    //  The thread
    loading_t *loading;         //  What it works on
    size_t next;                //  Record to be given next
};

static void
s_loading_free (void *work)
{
    loading_t *self = (loading_t *) work;
    zstr_free (&self->path);
    freen (self->data);
    freen (self->records);
    freen (self);
}

static bool
s_loading_failed (loading_t *self, const char *words)
{
    snprintf (self->problem, sizeof (self->problem), "%s%s", words,
              *words? "": zmq_strerror (errno));
    return false;
}

static bool
s_read_all (loading_t *self, int handle)
{
    struct stat file;
    if (fstat (handle, &file) == -1)
        return s_loading_failed (self, "");
    if (!S_ISREG (file.st_mode))
        return s_loading_failed (self, "it is not a file");
    size_t size = (size_t) file.st_size;
    self->data = (byte *) malloc (size + 1);
    if (!self->data)
        return s_loading_failed (self, "it does not fit into memory");
    while (self->size < size) {
        size_t part = size - self->size;
        ssize_t rc = read (handle, self->data + self->size,
                           part < READ_SIZE? part: READ_SIZE);
        if (rc == -1 && errno == EINTR)
            continue;
        if (rc == -1)
            return s_loading_failed (self, "");
        if (rc == 0)
            break;
        self->size += (size_t) rc;
    }
    return true;
}

static bool
s_read_file (loading_t *self)
{
    int handle = open (self->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (handle == -1)
        return s_loading_failed (self, "");
    bool read = s_read_all (self, handle);
    close (handle);
    return read;
}

static bool
s_check_header (loading_t *self)
{
    if (self->size < MAGIC_SIZE || memcmp (self->data, s_magic, MAGIC_SIZE))
        return s_loading_failed (self, "it is not a saved cache");
    if (self->size < HEADER_SIZE + DIGEST_SIZE)
        return s_loading_failed (self, "it is truncated");
    uint64_t version = s_get_number (self->data + MAGIC_SIZE, 4);
    if (version == FORMAT)
        return true;
    snprintf (self->problem, sizeof (self->problem),
        "it has format %" PRIu64 " of a later version; this one reads "
        "format %d", version, FORMAT);
    return false;
}

//  Size of the record at a place, of which so many bytes are there; 0 if it
//  cannot be one, or if it goes on behind these.

static size_t
s_record_size (const byte *record, size_t left)
{
    if (left < RECORD_SIZE)
        return 0;
    uint64_t topic = s_get_number (record, 4);
    uint64_t frames = s_get_number (record + 4, 4);
    left -= RECORD_SIZE;
    if (frames == 0 || frames > left / LENGTH_SIZE)
        return 0;
    left -= frames * LENGTH_SIZE;
    size_t size = RECORD_SIZE + frames * LENGTH_SIZE;
    for (uint64_t index = 0; index < frames; index++) {
        uint64_t length = s_get_number (
            record + RECORD_SIZE + index * LENGTH_SIZE, LENGTH_SIZE);
        if (length > left || (index == 0 && topic > length))
            return 0;
        left -= length;
        size += length;
    }
    return size;
}

static bool
s_digest_fits (loading_t *self)
{
    zdigest_t *digest = zdigest_new ();
    assert (digest);
    size_t end = self->size - DIGEST_SIZE;
    for (size_t place = 0; place < end; place += READ_SIZE)
        zdigest_update (digest, self->data + place,
                        end - place < READ_SIZE? end - place: READ_SIZE);
    bool fits = memcmp (zdigest_data (digest), self->data + end,
                        DIGEST_SIZE) == 0;
    zdigest_destroy (&digest);
    return fits;
}

//  The digest decides whether the file is whole; the records say what it is if
//  it is not

static bool
s_find_records (loading_t *self)
{
    uint64_t count = s_get_number (self->data + HEADER_SIZE - 8, 8);
    size_t end = self->size - DIGEST_SIZE;
    bool fits = s_digest_fits (self);
    if (count <= end / RECORD_SIZE)
        self->records = (record_t *) malloc ((count + 1) * sizeof (record_t));
    size_t place = HEADER_SIZE;
    while (self->records && self->count < count) {
        size_t size = s_record_size (self->data + place, end - place);
        if (size == 0)
            break;
        self->records [self->count].place = place;
        self->records [self->count].time =
            (int64_t) s_get_number (self->data + place + 8, 8);
        self->count++;
        place += size;
    }
    if (fits && self->count == count && place == end)
        return true;
    return s_loading_failed (self, !fits && self->count < count?
        "it is truncated or damaged": "it is damaged");
}

//  Of topics that were updated in the same millisecond, the later in the file
//  is the later

static int
s_later_first (const void *one, const void *other)
{
    const record_t *left = (const record_t *) one;
    const record_t *right = (const record_t *) other;
    return left->time != right->time? (left->time > right->time? -1: 1):
           left->place > right->place? -1: left->place < right->place;
}

static void
s_load (zrelay_errand_t *errand, void *work)
{
    (void) errand;
    loading_t *self = (loading_t *) work;
    if (s_read_file (self) && s_check_header (self) && s_find_records (self))
        qsort (self->records, self->count, sizeof (record_t), s_later_first);
}

zrelay_loader_t *
zrelay_loader_new (const char *path)
{
    loading_t *loading = (loading_t *) zmalloc (sizeof (loading_t));
    assert (loading);
    loading->path = strdup (path);
    assert (loading->path);
    zrelay_errand_t *errand =
        zrelay_errand_new (s_load, s_loading_free, loading);
    if (!errand)
        return NULL;
    zrelay_loader_t *self =
        (zrelay_loader_t *) zmalloc (sizeof (zrelay_loader_t));
    assert (self);
    self->errand = errand;
    self->loading = loading;
    return self;
}

void
zrelay_loader_destroy (zrelay_loader_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_errand_leave (&(*self_p)->errand);
        freen (*self_p);
    }
}

int
zrelay_loader_fd (zrelay_loader_t *self)
{
    return zrelay_errand_fd (self->errand);
}

const char *
zrelay_loader_problem (zrelay_loader_t *self)
{
    assert (zrelay_errand_ended (self->errand));
    return *self->loading->problem? self->loading->problem: NULL;
}

bool
zrelay_loader_next (zrelay_loader_t *self, zrelay_message_t *message,
                    size_t *topic_size_p, int64_t *time_p)
{
    loading_t *loading = self->loading;
    if (self->next == loading->count)
        return false;
    const record_t *record = &loading->records [self->next++];
    const byte *place = loading->data + record->place;
    *topic_size_p = s_get_number (place, 4);
    *time_p = record->time;
    size_t frames = s_get_number (place + 4, 4);
    const byte *lengths = place + RECORD_SIZE;
    const byte *data = lengths + frames * LENGTH_SIZE;
    for (size_t index = 0; index < frames; index++) {
        size_t size = s_get_number (lengths + index * LENGTH_SIZE, LENGTH_SIZE);
        zrelay_message_append (message, data, size);
        data += size;
    }
    return true;
}


//  --------------------------------------------------------------------------
//  Selftest: what was saved is loaded, and nothing else is

static void
s_test_wait (int fd)
{
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };
    assert (zmq_poll (&item, 1, 30000) == 1);
}

static bool
s_test_saves (const char *path, zrelay_topic_t **topics, size_t count,
              const char *words)
{
    zrelay_saver_t *self = zrelay_saver_new (path, count);
    assert (self);
    for (size_t index = 0; index < count; index++)
        zrelay_saver_add (self, topics [index], 1000 + (int64_t) index);
    s_test_wait (zrelay_saver_fd (self));
    const char *problem = zrelay_saver_problem (self);
    bool expected = words? problem && strstr (problem, words): !problem;
    if (!expected)
        printf ("saver: %s\n", problem? problem: "no problem");
    zrelay_saver_destroy (&self);
    return expected;
}

//  words: of the problem, or NULL; then so many topics are loaded

static bool
s_test_loads (const char *path, const char *words, size_t count)
{
    zrelay_loader_t *self = zrelay_loader_new (path);
    assert (self);
    s_test_wait (zrelay_loader_fd (self));
    const char *problem = zrelay_loader_problem (self);
    bool expected = words? problem && strstr (problem, words): !problem;
    if (!expected)
        printf ("loader: %s\n", problem? problem: "no problem");
    zrelay_message_t *message = zrelay_message_new ();
    size_t topic, found = 0;
    int64_t time;
    while (!words && zrelay_loader_next (self, message, &topic, &time)) {
        found++;
        expected = expected && topic == 1
            && time == 1000 + (int64_t) (count - found)
            && zrelay_message_frames (message) == 2
            && *zrelay_message_data (message, 0) == 'a' + count - found
            && zrelay_message_size (message, 1) == (count - found) * 20000;
        zrelay_message_clear (message);
    }
    zrelay_message_destroy (&message);
    zrelay_loader_destroy (&self);
    return expected && (words || found == count);
}

static void
s_test_write (const char *path, const byte *data, size_t size)
{
    FILE *file = fopen (path, "w");
    assert (file);
    assert (size == 0 || fwrite (data, size, 1, file) == 1);
    fclose (file);
}

#define TEST_TOPICS 3

void
zrelay_cache_file_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_cache_file: ");
    //  @selftest
    char folder [] = "/tmp/zrelay-file-XXXXXX";
    assert (mkdtemp (folder));
    char *path = zsys_sprintf ("%s/cache", folder);
    char *nowhere = zsys_sprintf ("%s/none/cache", folder);
    zrelay_topic_t *topics [TEST_TOPICS];
    static byte filling [TEST_TOPICS * 20000];
    for (size_t index = 0; index < TEST_TOPICS; index++) {
        char name = (char) ('a' + index);
        topics [index] = zrelay_topic_new (&name, 1);
        zrelay_message_t *message = zrelay_message_new ();
        zrelay_message_append (message, &name, 1);
        zrelay_message_append (message, filling, index * 20000);
        zrelay_topic_set (topics [index], message);
        zrelay_message_destroy (&message);
    }
    assert (s_test_loads (path, "No such file", 0));
    assert (s_test_loads (folder, "not a file", 0));
    assert (s_test_saves (path, topics, 0, NULL));
    assert (s_test_loads (path, NULL, 0));
    assert (s_test_saves (path, topics, TEST_TOPICS, NULL));
    assert (s_test_loads (path, NULL, TEST_TOPICS));
    assert (s_test_saves (nowhere, topics, TEST_TOPICS, "No such file"));
    assert (s_test_saves (folder, topics, TEST_TOPICS, "not a file"));

    //  Every beginning of a file, and every byte that is another, is found out
    assert (s_test_saves (path, topics, 2, NULL));
    zchunk_t *chunk = zchunk_slurp (path, 0);
    assert (chunk);
    byte *data = zchunk_data (chunk);
    size_t size = zchunk_size (chunk);
    for (size_t part = 0; part < size; part += part < 200? 1: 997) {
        s_test_write (path, data, part);
        assert (s_test_loads (path, part < MAGIC_SIZE?
                              "not a saved cache": "truncated", 0));
        data [part] ^= 0x40;
        s_test_write (path, data, size);
        assert (s_test_loads (path, "it ", 0));
        data [part] ^= 0x40;
    }
    data [MAGIC_SIZE + 3] = FORMAT + 1;
    s_test_write (path, data, size);
    assert (s_test_loads (path, "later version", 0));
    zchunk_destroy (&chunk);

    //  One that is not finished leaves nothing
    unlink (path);
    zrelay_saver_t *saver = zrelay_saver_new (path, 2);
    assert (saver);
    zrelay_saver_add (saver, topics [0], 1);
    zrelay_saver_destroy (&saver);
    int64_t deadline = zclock_mono () + 10000;
    while (rmdir (folder) == -1 && zclock_mono () < deadline)
        zclock_sleep (1);
    assert (access (folder, F_OK) == -1);
    for (size_t index = 0; index < TEST_TOPICS; index++)
        zrelay_topic_destroy (&topics [index]);
    zstr_free (&path);
    zstr_free (&nowhere);
    //  @end
    printf ("OK\n");
}
