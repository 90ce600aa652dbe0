/*  =========================================================================
    zrelay_certs - the clients' certificates in a folder

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_certs.h"

#include <zrelay_printer.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

//  How often the folder is read again at most, and for how long in one go, in
//  milliseconds
#define READ_IVL 1000
#define READ_TIME 2

//  Files between two looks at the clock
#define READ_STEP 16

//  Bad certificates that are logged one by one
#define COMPLAINTS_MAX 10

//  What ZMTP has room for in the name of a property: one byte of length
#define PROPERTY_SIZE_MAX 255

//  A certificate's name is not longer than a PLAIN one
#define NAME_SIZE_MAX 255

//  A key in Z85, with its zero byte
#define KEY_TEXT_SIZE 41

#define SENTENCE_SIZE 400

struct _zrelay_cert_t {
    char *file;                 //  Name of its file
    zrelay_stamp_t stamp;       //  As it was read
    byte key [ZRELAY_CERTS_KEY_SIZE];   //  Public key
    char *name;                 //  The client's name
    zchunk_t *metadata;         //  As ZAP has it
    zrelay_places_t places;     //  Where the client is
    unsigned reading;           //  Number of the reading that met it
    bool valid;                 //  It is a certificate
    bool gone;                  //  Its file is not, or is another now
};

struct _zrelay_certs_t {
    char *path;                 //  The folder
    zrelay_revoked_fn *revoked; //  Hears of clients that are gone
    void *arg;                  //  For that
    zrelay_cert_t **files;      //  All files; in the order of their names,
    size_t sorted;              //  as far as this
    size_t count;               //  How many there are
    size_t room;                //  How many there is room for
    zrelay_cert_t **keys;       //  The valid ones, in the order of their keys
    size_t key_count;           //  How many those are
    zrelay_stamp_t stamp;       //  The folder when it was last begun to read
    int64_t read_at;            //  When that was, in msecs
    unsigned reading;           //  How often it was
    DIR *dir;                   //  It is being read
    bool wanted;                //  It is to be read again
    bool complained;            //  The problem was logged
    size_t complaints;          //  Bad certificates that were logged
    char problem [SENTENCE_SIZE];   //  Why nobody can be let in, or ""
};


//  --------------------------------------------------------------------------
//  Certificates

static void
s_cert_destroy (zrelay_cert_t **self_p)
{
    zrelay_cert_t *self = *self_p;
    zstr_free (&self->file);
    zstr_free (&self->name);
    zchunk_destroy (&self->metadata);
    zrelay_places_clear (&self->places);
    freen (*self_p);
}

//  Metadata is a list of names of one byte length and values of four

static void
s_add_property (zrelay_cert_t *self, const char *name, const char *value)
{
    size_t name_size = strlen (name);
    size_t size = strlen (value);
    if (name_size == 0 || name_size > PROPERTY_SIZE_MAX)
        return;
    byte head = (byte) name_size;
    byte length [] = { (byte) (size >> 24), (byte) (size >> 16),
                       (byte) (size >> 8), (byte) size };
    zchunk_extend (self->metadata, &head, sizeof (head));
    zchunk_extend (self->metadata, name, name_size);
    zchunk_extend (self->metadata, length, sizeof (length));
    zchunk_extend (self->metadata, value, size);
}

//  One line of a certificate: what it says in which section. Both are empty
//  where there is nothing to know.
typedef struct {
    const char *section;        //  "metadata" or "curve"
    const char *name;           //  Of the property
    const char *value;          //  Without quotes
} property_t;

//  Cut a value out of the rest of a line: in quotes, or up to a comment

static char *
s_cut_value (char *text)
{
    text += strspn (text, " ");
    char *end = *text == '"' || *text == '\''? strchr (text + 1, *text):
                                               text + strcspn (text, "#");
    if (!end)
        return NULL;
    bool quoted = *text == '"' || *text == '\'';
    *end = 0;
    while (!quoted && end > text && end [-1] == ' ')
        *--end = 0;
    return text + quoted;
}

//  Read a line of ZPL (ZeroMQ RFC 4). A section stands at its beginning, and
//  properties four spaces behind that. zconfig would log a line that it does
//  not understand, with whatever is in it. Returns false if it is not ZPL.

static bool
s_read_line (char *line, property_t *property)
{
    size_t indent = strspn (line, " ");
    char *name = line + indent;
    size_t size = strcspn (name, " =#");
    property->name = property->value = "";
    if (!*name || *name == '#')
        return true;
    char *rest = name + size + strspn (name + size, " ");
    bool has_value = *rest == '=';
    if (size == 0 || indent % 4 != 0
    || (!has_value && *rest && *rest != '#'))
        return false;
    char *value = has_value? s_cut_value (rest + 1): rest + strlen (rest);
    name [size] = 0;
    if (indent == 0)
        property->section = name;
    else
    if (indent == 4 && has_value && value) {
        property->name = name;
        property->value = value;
    }
    return value != NULL;
}

static void
s_take_property (zrelay_cert_t *self, const property_t *property)
{
    if (streq (property->section, "metadata"))
        s_add_property (self, property->name, property->value);
    size_t size = strlen (property->value);
    if (streq (property->section, "metadata")
    &&  streq (property->name, "name")
    &&  size > 0 && size <= NAME_SIZE_MAX) {
        zstr_free (&self->name);
        self->name = strdup (property->value);
        assert (self->name);
    }
    if (streq (property->section, "curve")
    &&  streq (property->name, "public-key")
    &&  size == KEY_TEXT_SIZE - 1)
        self->valid = zmq_z85_decode (self->key, property->value) != NULL;
}

//  Returns what is wrong, or NULL

static const char *
s_take_contents (zrelay_cert_t *self, zrelay_file_t *file)
{
    property_t property = { "", "", "" };
    if (memchr (file->data, 0, file->size))
        return "is not a certificate";
    char *rest = (char *) file->data;
    char *line;
    while ((line = strsep (&rest, "\n"))) {
        if (!s_read_line (line, &property))
            return "is not a certificate";
        s_take_property (self, &property);
    }
    if (!self->valid)
        return "has no public key";
    if (!self->name) {
        self->name = (char *) zmalloc (KEY_TEXT_SIZE);
        assert (self->name);
        zmq_z85_encode (self->name, self->key, sizeof (self->key));
    }
    return NULL;
}

//  A file that is no certificate is kept too, so that it is read only once

static void
s_complain (zrelay_certs_t *self, const char *problem)
{
    if (++self->complaints > COMPLAINTS_MAX)
        return;
    zrelay_printer_log (ZRELAY_LOG_WARNING,
        "gate: in %s: %s; it lets in nobody%s", self->path, problem,
        self->complaints == COMPLAINTS_MAX?
        "; more such files will not be logged": "");
}

//  Read a file. Returns NULL if there is none.

static zrelay_cert_t *
s_load (zrelay_certs_t *self, int folder, const char *name)
{
    zrelay_file_t file;
    int rc = zrelay_file_read (&file, folder, name, false);
    struct stat status;
    if (rc == -1 && fstatat (folder, name, &status, AT_SYMLINK_NOFOLLOW))
        return NULL;
    zrelay_cert_t *cert = (zrelay_cert_t *) zmalloc (sizeof (zrelay_cert_t));
    assert (cert);
    cert->file = strdup (name);
    cert->metadata = zchunk_new (NULL, 0);
    assert (cert->file && cert->metadata);
    cert->stamp = file.stamp;
    cert->reading = self->reading;
    const char *problem = rc == -1? NULL: s_take_contents (cert, &file);
    if (problem)
        snprintf (file.problem, sizeof (file.problem), "%s %s", name, problem);
    cert->valid = rc == 0 && !problem;
    if (!cert->valid)
        s_complain (self, file.problem);
    zrelay_file_wipe (&file);
    return cert;
}


//  --------------------------------------------------------------------------
//  The tables

static int
s_compare_files (const void *one_p, const void *other_p)
{
    return strcmp ((*(zrelay_cert_t *const *) one_p)->file,
                   (*(zrelay_cert_t *const *) other_p)->file);
}

static int
s_compare_keys (const void *one_p, const void *other_p)
{
    return memcmp ((*(zrelay_cert_t *const *) one_p)->key,
                   (*(zrelay_cert_t *const *) other_p)->key,
                   ZRELAY_CERTS_KEY_SIZE);
}

static zrelay_cert_t *
s_find_file (zrelay_certs_t *self, const char *name)
{
    zrelay_cert_t wanted = { .file = (char *) name };
    zrelay_cert_t *wanted_p = &wanted;
    zrelay_cert_t **found = self->sorted == 0? NULL: (zrelay_cert_t **)
        bsearch (&wanted_p, self->files, self->sorted, sizeof (wanted_p),
                 s_compare_files);
    return found? *found: NULL;
}

static bool
s_has_key (zrelay_cert_t *cert, const byte *key)
{
    return cert->valid && !cert->gone
        && memcmp (cert->key, key, ZRELAY_CERTS_KEY_SIZE) == 0;
}

//  Several files may have the same key. Files that are new are not in order
//  yet.

static zrelay_cert_t *
s_find_key (zrelay_certs_t *self, const byte *key)
{
    size_t low = 0;
    size_t high = self->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp (self->keys [middle]->key, key, ZRELAY_CERTS_KEY_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < self->key_count
         && memcmp (self->keys [low]->key, key, ZRELAY_CERTS_KEY_SIZE) == 0;
         low++)
        if (s_has_key (self->keys [low], key))
            return self->keys [low];
    for (size_t index = self->sorted; index < self->count; index++)
        if (s_has_key (self->files [index], key))
            return self->files [index];
    return NULL;
}

static void
s_append (zrelay_certs_t *self, zrelay_cert_t *cert)
{
    if (self->count == self->room) {
        self->room = self->room * 2 + 16;
        self->files = (zrelay_cert_t **) realloc (self->files,
            self->room * sizeof (zrelay_cert_t *));
        assert (self->files);
    }
    self->files [self->count++] = cert;
}

//  Take those that are gone out of the table, into a list

static zlistx_t *
s_take_gone (zrelay_certs_t *self)
{
    zlistx_t *gone = zlistx_new ();
    assert (gone);
    size_t count = 0;
    for (size_t index = 0; index < self->count; index++)
        if (self->files [index]->gone)
            zlistx_add_end (gone, self->files [index]);
        else
            self->files [count++] = self->files [index];
    self->count = self->sorted = count;
    return gone;
}

//  Who has another file with the same key stays

static void
s_revoke (zrelay_certs_t *self, zlistx_t *gone)
{
    zrelay_cert_t *cert = (zrelay_cert_t *) zlistx_first (gone);
    for (; cert; cert = (zrelay_cert_t *) zlistx_next (gone)) {
        zrelay_cert_t *other = cert->valid? s_find_key (self, cert->key): NULL;
        if (other && other->places.count == 0)
            zrelay_places_move (&cert->places, &other->places);
        else
        if (cert->valid && !other)
            zrelay_places_revoke (&cert->places, cert->name, self->revoked,
                                  self->arg);
        s_cert_destroy (&cert);
    }
}

//  Put both tables in order

static void
s_arrange (zrelay_certs_t *self)
{
    zlistx_t *gone = s_take_gone (self);
    if (self->count > 0)
        qsort (self->files, self->count, sizeof (zrelay_cert_t *),
               s_compare_files);
    self->keys = (zrelay_cert_t **) realloc (self->keys,
        (self->count + 1) * sizeof (zrelay_cert_t *));
    assert (self->keys);
    self->key_count = 0;
    for (size_t index = 0; index < self->count; index++)
        if (self->files [index]->valid)
            self->keys [self->key_count++] = self->files [index];
    qsort (self->keys, self->key_count, sizeof (zrelay_cert_t *),
           s_compare_keys);
    s_revoke (self, gone);
    zlistx_destroy (&gone);
}

//  A file has changed, or is gone

static void
s_reload (zrelay_certs_t *self, int folder, zrelay_cert_t *old)
{
    zrelay_cert_t *now = s_load (self, folder, old->file);
    if (now && now->valid && s_has_key (old, now->key)
    &&  streq (now->name, old->name)) {
        old->stamp = now->stamp;
        old->reading = self->reading;
        zchunk_destroy (&old->metadata);
        old->metadata = now->metadata;
        now->metadata = NULL;
        s_cert_destroy (&now);
        return;
    }
    old->gone = true;
    if (now)
        s_append (self, now);
}


//  --------------------------------------------------------------------------
//  Reading the folder

static void
s_begin (zrelay_certs_t *self)
{
    zrelay_file_t folder;
    int fd = zrelay_file_open_folder (&folder, self->path);
    int error = errno;
    self->read_at = zclock_mono ();
    self->wanted = false;
    self->stamp = folder.stamp;
    *self->problem = 0;
    self->reading++;
    if (fd != -1) {
        self->dir = fdopendir (fd);
        assert (self->dir);
        self->complained = false;
        return;
    }
    snprintf (self->problem, sizeof (self->problem), "%s", folder.problem);
    if (self->reading > 1 && !self->complained)
        zrelay_printer_log (ZRELAY_LOG_WARNING,
            "gate: %s; nobody is let in by it", self->problem);
    self->complained = true;
    for (size_t index = 0; error == ENOENT && index < self->count; index++)
        self->files [index]->gone = true;
    s_arrange (self);
}

//  The rest of them was not met

static void
s_end (zrelay_certs_t *self)
{
    closedir (self->dir);
    self->dir = NULL;
    for (size_t index = 0; index < self->count; index++)
        if (self->files [index]->reading != self->reading)
            self->files [index]->gone = true;
    s_arrange (self);
}

static void
s_meet (zrelay_certs_t *self, const char *name)
{
    int folder = dirfd (self->dir);
    zrelay_cert_t *cert = s_find_file (self, name);
    if (cert && zrelay_file_is_same (&cert->stamp, folder, name))
        cert->reading = self->reading;
    else
    if (cert && !cert->gone)
        s_reload (self, folder, cert);
    else {
        cert = s_load (self, folder, name);
        if (cert)
            s_append (self, cert);
    }
}

//  Returns false at the end of the folder

static bool
s_step (zrelay_certs_t *self)
{
    for (int count = 0; count < READ_STEP; count++) {
        struct dirent *entry = readdir (self->dir);
        if (!entry)
            return false;
        if (*entry->d_name != '.')
            s_meet (self, entry->d_name);
    }
    return true;
}

void
zrelay_certs_work (zrelay_certs_t *self)
{
    int64_t end = zclock_mono () + READ_TIME;
    if (!self->dir && zrelay_certs_delay (self) == 0)
        s_begin (self);
    while (self->dir)
        if (!s_step (self))
            s_end (self);
        else
        if (zclock_mono () >= end)
            break;
}

int64_t
zrelay_certs_delay (zrelay_certs_t *self)
{
    if (self->dir)
        return 0;
    if (!self->wanted)
        return -1;
    int64_t left = self->read_at + READ_IVL - zclock_mono ();
    return left > 0? left: 0;
}

void
zrelay_certs_update (zrelay_certs_t *self)
{
    if (!self->dir && !self->wanted)
        self->wanted = *self->problem
            || !zrelay_file_is_same (&self->stamp, AT_FDCWD, self->path);
}


//  --------------------------------------------------------------------------
//  The class

zrelay_certs_t *
zrelay_certs_new (const char *path, zrelay_revoked_fn *revoked, void *arg)
{
    zrelay_certs_t *self = (zrelay_certs_t *) zmalloc (sizeof (zrelay_certs_t));
    assert (self);
    self->path = strdup (path);
    assert (self->path);
    self->revoked = revoked;
    self->arg = arg;
    s_begin (self);
    while (self->dir)
        if (!s_step (self))
            s_end (self);
    return self;
}

void
zrelay_certs_destroy (zrelay_certs_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_certs_t *self = *self_p;
        if (self->dir)
            closedir (self->dir);
        for (size_t index = 0; index < self->count; index++)
            s_cert_destroy (&self->files [index]);
        freen (self->files);
        freen (self->keys);
        zstr_free (&self->path);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_certs_path (zrelay_certs_t *self)
{
    return self->path;
}

size_t
zrelay_certs_count (zrelay_certs_t *self)
{
    return self->key_count;
}

const char *
zrelay_certs_problem (zrelay_certs_t *self)
{
    return *self->problem? self->problem: NULL;
}

//  The file must be what was read from it

static bool
s_confirm (zrelay_certs_t *self, zrelay_cert_t *cert)
{
    char *path = zsys_sprintf ("%s/%s", self->path, cert->file);
    assert (path);
    bool same = zrelay_file_is_same (&cert->stamp, AT_FDCWD, path);
    zstr_free (&path);
    if (same)
        return true;
    zrelay_file_t folder;
    int fd = zrelay_file_open_folder (&folder, self->path);
    if (fd == -1) {
        self->wanted = true;
        return false;
    }
    s_reload (self, fd, cert);
    close (fd);
    bool confirmed = !cert->gone;
    //  What is being read is put in order at its end
    if (!confirmed && !self->dir)
        s_arrange (self);
    return confirmed;
}

zrelay_cert_t *
zrelay_certs_find (zrelay_certs_t *self, const byte *key, bool *later_p)
{
    *later_p = false;
    zrelay_cert_t *cert = *self->problem? NULL: s_find_key (self, key);
    while (cert && !s_confirm (self, cert))
        cert = *self->problem || self->wanted? NULL: s_find_key (self, key);
    if (cert)
        return cert;
    zrelay_certs_update (self);
    if (zclock_mono () >= self->read_at + READ_IVL)
        self->wanted = true;
    *later_p = self->wanted || self->dir;
    return NULL;
}

const char *
zrelay_certs_name (zrelay_cert_t *cert)
{
    return cert->name;
}

zchunk_t *
zrelay_certs_metadata (zrelay_cert_t *cert)
{
    return cert->metadata;
}

zrelay_places_t *
zrelay_certs_places (zrelay_cert_t *cert)
{
    return &cert->places;
}


//  --------------------------------------------------------------------------
//  Selftest

typedef struct {
    zrelay_certs_t *certs;      //  The class's object
    char path [40];             //  Its folder
    char heard [200];           //  Users that were revoked
} test_t;

static void
s_test_revoked (void *arg, const char *user, const char *address)
{
    test_t *test = (test_t *) arg;
    strcat (strcat (test->heard, user), "@");
    strcat (strcat (test->heard, address), " ");
}

static void
s_test_write (test_t *test, const char *name, const char *text)
{
    char path [100];
    snprintf (path, sizeof (path), "%s/%s", test->path, name);
    unlink (path);
    int fd = open (path, O_CREAT | O_WRONLY, 0644);
    assert (fd != -1);
    assert (write (fd, text, strlen (text)) == (ssize_t) strlen (text));
    close (fd);
}

static void
s_test_remove (test_t *test, const char *name)
{
    char path [100];
    snprintf (path, sizeof (path), "%s/%s", test->path, name);
    unlink (path);
}

//  Keys are numbers here

static void
s_test_add (test_t *test, const char *name, byte number, const char *user)
{
    byte key [ZRELAY_CERTS_KEY_SIZE];
    memset (key, number, sizeof (key));
    char text [KEY_TEXT_SIZE];
    zmq_z85_encode (text, key, sizeof (key));
    char *cert = zsys_sprintf ("metadata\n    name = \"%s\"\n    rank = \"1\"\n"
                               "curve\n    public-key = \"%s\"\n", user, text);
    s_test_write (test, name, cert);
    zstr_free (&cert);
}

//  Is that key there, if need be after some work?

static zrelay_cert_t *
s_test_find (test_t *test, byte number)
{
    byte key [ZRELAY_CERTS_KEY_SIZE];
    memset (key, number, sizeof (key));
    bool later;
    zrelay_cert_t *cert = zrelay_certs_find (test->certs, key, &later);
    test->certs->read_at -= READ_IVL;
    for (int tries = 0; !cert && later && tries < 2; tries++) {
        do
            zrelay_certs_work (test->certs);
        while (zrelay_certs_delay (test->certs) == 0);
        cert = zrelay_certs_find (test->certs, key, &later);
    }
    return cert;
}

static void
s_test_changes (test_t *test)
{
    zrelay_cert_t *cert = s_test_find (test, 1);
    assert (cert && streq (zrelay_certs_name (cert), "one"));
    assert (zchunk_size (zrelay_certs_metadata (cert))
            == 1 + 4 + 4 + 3 + 1 + 4 + 4 + 1);
    zrelay_places_add (zrelay_certs_places (cert), "127.0.0.1");
    cert = s_test_find (test, 2);
    assert (cert && strlen (zrelay_certs_name (cert)) == KEY_TEXT_SIZE - 1);
    assert (!s_test_find (test, 3));

    //  One more; one that is changed without a word to the folder
    s_test_add (test, "c", 3, "three");
    assert (s_test_find (test, 3));
    char path [100];
    snprintf (path, sizeof (path), "%s/c", test->path);
    int fd = open (path, O_WRONLY | O_TRUNC);
    assert (fd != -1 && write (fd, "nothing", 7) == 7);
    close (fd);
    bool later;
    byte key [ZRELAY_CERTS_KEY_SIZE];
    memset (key, 3, sizeof (key));
    assert (!zrelay_certs_find (test->certs, key, &later));

    //  A second file with the same key; and then none
    s_test_add (test, "d", 1, "one");
    assert (s_test_find (test, 1));
    zrelay_certs_update (test->certs);
    zrelay_certs_work (test->certs);
    s_test_remove (test, "a");
    assert (s_test_find (test, 1));
    assert (streq (test->heard, ""));
    s_test_remove (test, "d");
    memset (key, 1, sizeof (key));
    assert (!zrelay_certs_find (test->certs, key, &later));
    assert (streq (test->heard, "one@127.0.0.1 "));
    assert (!s_test_find (test, 1));
}

static void
s_test_folder (test_t *test)
{
    chmod (test->path, 0777);
    zrelay_certs_update (test->certs);
    test->certs->read_at -= READ_IVL;
    zrelay_certs_work (test->certs);
    assert (strstr (zrelay_certs_problem (test->certs), "chmod go-w"));
    chmod (test->path, 0700);
    assert (s_test_find (test, 2));
    assert (!zrelay_certs_problem (test->certs));
    zrelay_certs_t *none = zrelay_certs_new ("/nowhere", s_test_revoked, test);
    assert (strstr (zrelay_certs_problem (none), "No such file"));
    zrelay_certs_destroy (&none);
}

void
zrelay_certs_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_certs: ");
    //  @selftest
    zsys_set_logstream (NULL);
    test_t test = { NULL, "/tmp/zrelay-certs-XXXXXX", "" };
    assert (mkdtemp (test.path));
    s_test_add (&test, "a", 1, "one");
    s_test_add (&test, "b", 2, "");
    s_test_write (&test, "README", "This is not a certificate.\n");
    s_test_write (&test, "empty", "");
    s_test_write (&test, "quote", "curve\n    public-key = \"x\n");
    s_test_write (&test, "indent", "curve\n  public-key = x\n");
    s_test_write (&test, "no-key", "curve\n    public-key = \"short\"\n");
    s_test_write (&test, ".hidden", "");
    test.certs = zrelay_certs_new (test.path, s_test_revoked, &test);
    assert (!zrelay_certs_problem (test.certs));
    assert (zrelay_certs_count (test.certs) == 2);
    s_test_changes (&test);
    s_test_folder (&test);
    zrelay_certs_destroy (&test.certs);
    assert (!test.certs);
    zdir_t *dir = zdir_new (test.path, NULL);
    zdir_remove (dir, true);
    zdir_destroy (&dir);
    //  @end
    printf ("OK\n");
}
