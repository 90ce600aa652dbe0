/*  =========================================================================
    zrelay_passwords - the users in a password file

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_passwords.h"

#include <zrelay_printer.h>

#include <fcntl.h>

//  PLAIN sends both with one byte of length
#define WORD_SIZE_MAX 255

//  What some editors put before the first line
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

#define SENTENCE_SIZE 400

struct _zrelay_user_t {
    const char *name;           //  In the file's contents
    const char *password;       //  In the file's contents
    size_t line;                //  Number of the line there
    zrelay_places_t places;     //  Where it is
};

//  The users of one version of the file
typedef struct {
    zrelay_file_t file;         //  Its contents, cut into strings
    zrelay_user_t *users;       //  In the order of their names
    size_t count;               //  How many there are
} table_t;

struct _zrelay_passwords_t {
    char *filename;             //  The file
    zrelay_revoked_fn *revoked; //  Hears of users that are gone
    void *arg;                  //  For that
    table_t table;              //  The users
    zrelay_stamp_t seen;        //  The version that was looked at last
    bool bad;                   //  That cannot be used
    char problem [SENTENCE_SIZE];   //  Why not
};


//  --------------------------------------------------------------------------
//  Users

static int
s_compare_users (const void *one_p, const void *other_p)
{
    return strcmp (((const zrelay_user_t *) one_p)->name,
                   ((const zrelay_user_t *) other_p)->name);
}

static zrelay_user_t *
s_find (table_t *table, const char *name)
{
    zrelay_user_t wanted = { .name = name };
    return table->count == 0? NULL:
        (zrelay_user_t *) bsearch (&wanted, table->users, table->count,
                                   sizeof (wanted), s_compare_users);
}

static void
s_clear (table_t *table)
{
    for (size_t index = 0; index < table->count; index++)
        zrelay_places_clear (&table->users [index].places);
    freen (table->users);
    zrelay_file_wipe (&table->file);
    table->count = 0;
}


//  --------------------------------------------------------------------------
//  Lines. A sentence never repeats what is in one.

static bool
s_has_control (const char *text)
{
    for (; *text; text++)
        if (iscntrl ((byte) *text))
            return true;
    return false;
}

//  Returns what is wrong with a line, or NULL

static const char *
s_check_line (const char *line)
{
    const char *equals = strchr (line, '=');
    size_t size = strlen (line);
    size_t name_size = equals? (size_t) (equals - line): size;
    const struct {
        bool broken;            //  The line breaks this rule
        const char *sentence;   //  What is wrong then
    } rules [] = {
        { strncmp (line, BYTE_ORDER_MARK, strlen (BYTE_ORDER_MARK)) == 0,
          "begins with a byte order mark; save the file without one" },
        { size > 0 && line [size - 1] == '\r',
          "ends with a carriage return; save the file with Unix line ends" },
        { s_has_control (line), "has a control character" },
        { !equals, "has no '='; it must be name=password" },
        { name_size == 0, "has no name before '='" },
        { equals && !equals [1], "has no password behind '='" },
        { strcspn (line, " ") < name_size,
          "has a space in the name, or before '='" },
        { equals && equals [1] == ' ', "has a space behind '='" },
        { size > 0 && line [size - 1] == ' ', "ends with a space" },
        { name_size > WORD_SIZE_MAX || size - name_size > WORD_SIZE_MAX + 1,
          "has a name or a password of more than 255 bytes" }
    };
    for (size_t index = 0; index < sizeof (rules) / sizeof (*rules); index++)
        if (rules [index].broken)
            return rules [index].sentence;
    return NULL;
}

static int
s_refuse_line (zrelay_passwords_t *self, size_t number, const char *sentence)
{
    snprintf (self->problem, sizeof (self->problem), "%s: line %zu %s",
              self->filename, number, sentence);
    return -1;
}

static int
s_take_line (zrelay_passwords_t *self, table_t *table, char *line,
             size_t number)
{
    if (!*line || *line == '#')
        return 0;
    const char *sentence = s_check_line (line);
    if (sentence)
        return s_refuse_line (self, number, sentence);
    zrelay_user_t *user = &table->users [table->count++];
    memset (user, 0, sizeof (*user));
    char *equals = strchr (line, '=');
    *equals = 0;
    user->name = line;
    user->password = equals + 1;
    user->line = number;
    return 0;
}

static size_t
s_count_lines (const zrelay_file_t *file)
{
    size_t count = 1;
    for (size_t index = 0; index < file->size; index++)
        count += file->data [index] == '\n';
    return count;
}

static int
s_take_lines (zrelay_passwords_t *self, table_t *table)
{
    size_t lines = s_count_lines (&table->file);
    table->users = (zrelay_user_t *) malloc (lines * sizeof (zrelay_user_t));
    assert (table->users);
    char *line = (char *) table->file.data;
    for (size_t number = 1; number <= lines; number++) {
        char *end = (char *) table->file.data + table->file.size;
        char *next = (char *) memchr (line, '\n', (size_t) (end - line));
        char *last = next? next: end;
        *last = 0;
        if (line + strlen (line) != last)
            return s_refuse_line (self, number, "has a zero byte");
        if (s_take_line (self, table, line, number))
            return -1;
        line = last + 1;
    }
    return 0;
}

//  Two lines with the same name: the second is the mistake, presumably

static int
s_sort (zrelay_passwords_t *self, table_t *table)
{
    if (table->count == 0) {
        snprintf (self->problem, sizeof (self->problem),
                  "%s: there is no line name=password", self->filename);
        return -1;
    }
    qsort (table->users, table->count, sizeof (zrelay_user_t),
           s_compare_users);
    for (size_t index = 1; index < table->count; index++) {
        zrelay_user_t *user = &table->users [index];
        if (s_compare_users (user - 1, user))
            continue;
        size_t line = user->line > user [-1].line?
                      user->line: user [-1].line;
        return s_refuse_line (self, line,
                              "has a name that another line has too");
    }
    return 0;
}


//  --------------------------------------------------------------------------
//  Versions of the file

//  Users that stay keep their places; others are revoked

static void
s_replace (zrelay_passwords_t *self, table_t *table)
{
    for (size_t index = 0; index < self->table.count; index++) {
        zrelay_user_t *old = &self->table.users [index];
        zrelay_user_t *now = s_find (table, old->name);
        if (now && streq (now->password, old->password))
            zrelay_places_move (&old->places, &now->places);
        else
            zrelay_places_revoke (&old->places, old->name, self->revoked,
                                  self->arg);
    }
    s_clear (&self->table);
    self->table = *table;
}

static int
s_read (zrelay_passwords_t *self)
{
    table_t table;
    memset (&table, 0, sizeof (table));
    int rc = zrelay_file_read (&table.file, AT_FDCWD, self->filename, true);
    self->seen = table.file.stamp;
    if (rc) {
        snprintf (self->problem, sizeof (self->problem), "%s",
                  table.file.problem);
        return -1;
    }
    if (s_take_lines (self, &table) || s_sort (self, &table)) {
        s_clear (&table);
        return -1;
    }
    s_replace (self, &table);
    return 0;
}

static bool
s_is_missing (zrelay_passwords_t *self)
{
    return access (self->filename, F_OK) == -1
        && (errno == ENOENT || errno == ENOTDIR);
}

int
zrelay_passwords_update (zrelay_passwords_t *self)
{
    if (zrelay_file_is_same (&self->seen, AT_FDCWD, self->filename))
        return self->bad? -1: 0;
    bool was_bad = self->bad;
    self->bad = s_read (self) == -1;
    if (self->bad && s_is_missing (self)) {
        table_t nobody;
        memset (&nobody, 0, sizeof (nobody));
        s_replace (self, &nobody);
    }
    if (self->bad && !was_bad)
        zrelay_printer_log (ZRELAY_LOG_WARNING,
            "gate: %s; nobody is let in by it", self->problem);
    return self->bad? -1: 0;
}


//  --------------------------------------------------------------------------
//  The class

zrelay_passwords_t *
zrelay_passwords_new (const char *filename, zrelay_revoked_fn *revoked,
                      void *arg)
{
    zrelay_passwords_t *self =
        (zrelay_passwords_t *) zmalloc (sizeof (zrelay_passwords_t));
    assert (self);
    self->filename = strdup (filename);
    assert (self->filename);
    self->revoked = revoked;
    self->arg = arg;
    //  Whoever asks for it hears the first problem, so that is not logged
    self->bad = true;
    return self;
}

void
zrelay_passwords_destroy (zrelay_passwords_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_passwords_t *self = *self_p;
        s_clear (&self->table);
        zstr_free (&self->filename);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_passwords_problem (zrelay_passwords_t *self)
{
    return self->problem;
}

const char *
zrelay_passwords_filename (zrelay_passwords_t *self)
{
    return self->filename;
}

size_t
zrelay_passwords_count (zrelay_passwords_t *self)
{
    return self->table.count;
}

zrelay_user_t *
zrelay_passwords_find (zrelay_passwords_t *self, const void *name, size_t size)
{
    char copy [WORD_SIZE_MAX + 1];
    if (size == 0 || size > WORD_SIZE_MAX || memchr (name, 0, size))
        return NULL;
    memcpy (copy, name, size);
    copy [size] = 0;
    return s_find (&self->table, copy);
}

//  Takes the same time wherever the two differ

bool
zrelay_passwords_match (zrelay_user_t *user, const void *password, size_t size)
{
    const char *right = user? user->password: "";
    const byte *guess = (const byte *) password;
    size_t right_size = strlen (right);
    volatile unsigned differs = !user || size != right_size;
    for (size_t index = 0; index < size; index++)
        differs |= guess [index]
                 ^ (byte) (index < right_size? right [index]: 0);
    return !differs;
}

const char *
zrelay_passwords_name (zrelay_user_t *user)
{
    return user->name;
}

zrelay_places_t *
zrelay_passwords_places (zrelay_user_t *user)
{
    return &user->places;
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_write (const char *filename, const char *text, size_t size)
{
    unlink (filename);
    int fd = open (filename, O_CREAT | O_WRONLY, 0600);
    assert (fd != -1 && write (fd, text, size) == (ssize_t) size);
    close (fd);
}

static void
s_test_revoked (void *arg, const char *user, const char *address)
{
    char *heard = (char *) arg;
    strcat (strcat (strcat (heard, user), "@"), address);
    strcat (heard, " ");
}

static bool
s_test_matches (zrelay_passwords_t *self, const char *name,
                const char *password)
{
    zrelay_user_t *user = zrelay_passwords_find (self, name, strlen (name));
    return zrelay_passwords_match (user, password, strlen (password));
}

static void
s_test_lines (zrelay_passwords_t *self)
{
    static const struct {
        const char *text;
        const char *word;
    } wrong [] = {
        { "", "no line" }, { "# nobody\n\n", "no line" },
        { "\xef\xbb\xbf" "a=b\n", "line 1 begins with a byte" },
        { "a=b\nc=d\r\n", "line 2 ends with a carriage" },
        { "a=b\n\n# c\nsecret\n", "line 4 has no '='" },
        { "=b\n", "no name" }, { "a=\n", "no password" },
        { "a =b\n", "space" }, { "a= b\n", "space" }, { "a=b \n", "space" },
        { " a=b\n", "space" }, { "a\tb=c\n", "control" },
        { "a=b\nc=d\na=e\n", "line 3 has a name" }
    };
    const char *filename = zrelay_passwords_filename (self);
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++) {
        s_test_write (filename, wrong [index].text,
                      strlen (wrong [index].text));
        assert (zrelay_passwords_update (self) == -1);
        assert (strstr (self->problem, wrong [index].word));
        assert (!strstr (self->problem, "secret"));
    }
    s_test_write (filename, "a\0=b\n", 5);
    assert (zrelay_passwords_update (self) == -1);
    char text [600];
    memset (text, 'x', sizeof (text));
    text [256] = '=';
    s_test_write (filename, text, 300);
    assert (zrelay_passwords_update (self) == -1);
}

void
zrelay_passwords_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_passwords: ");
    //  @selftest
    char filename [] = "/tmp/zrelay-passwords-XXXXXX";
    close (mkstemp (filename));
    char heard [200] = "";
    zsys_set_logstream (NULL);
    zrelay_passwords_t *self =
        zrelay_passwords_new (filename, s_test_revoked, heard);
    s_test_lines (self);

    static const char first [] = "# users\nbob=two words\n\nalice=a=b";
    s_test_write (filename, first, strlen (first));
    assert (zrelay_passwords_update (self) == 0);
    assert (zrelay_passwords_count (self) == 2);
    assert (s_test_matches (self, "alice", "a=b"));
    assert (s_test_matches (self, "bob", "two words"));
    assert (!s_test_matches (self, "bob", "two wordsx"));
    assert (!s_test_matches (self, "bob", "two word"));
    assert (!s_test_matches (self, "bob", ""));
    assert (!s_test_matches (self, "bo", "two words"));
    assert (!s_test_matches (self, "nobody", ""));
    assert (!zrelay_passwords_find (self, "bob\0x", 5));

    //  Who has another password is revoked; a wrong file revokes nobody
    zrelay_user_t *bob = zrelay_passwords_find (self, "bob", 3);
    zrelay_user_t *alice = zrelay_passwords_find (self, "alice", 5);
    zrelay_places_add (zrelay_passwords_places (bob), "127.0.0.1");
    zrelay_places_add (zrelay_passwords_places (alice), "127.0.0.2");
    zrelay_places_add (zrelay_passwords_places (alice), "127.0.0.2");
    s_test_write (filename, "alice\n", 6);
    assert (zrelay_passwords_update (self) == -1);
    assert (streq (heard, ""));
    s_test_write (filename, "bob=new\nalice=a=b\n", 18);
    assert (zrelay_passwords_update (self) == 0);
    assert (streq (heard, "bob@127.0.0.1 "));
    //  And a file that is gone revokes everybody
    alice = zrelay_passwords_find (self, "alice", 5);
    for (int number = 0; number < 10; number++) {
        char address [20];
        snprintf (address, sizeof (address), "10.0.0.%d", number);
        zrelay_places_add (zrelay_passwords_places (alice), address);
    }
    unlink (filename);
    assert (zrelay_passwords_update (self) == -1);
    assert (streq (heard, "bob@127.0.0.1 alice@* "));
    assert (!s_test_matches (self, "alice", "a=b"));
    zrelay_passwords_destroy (&self);
    assert (!self);
    //  @end
    printf ("OK\n");
}
