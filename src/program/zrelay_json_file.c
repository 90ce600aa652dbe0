/*  =========================================================================
    zrelay_json_file - a file of relays that is written in JSON

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_json_file.h"
#include "zrelay_zpl.h"

#include <fcntl.h>
#include <sys/stat.h>
#ifdef HAVE_JANSSON
#   include <jansson.h>
#endif

//  The largest file, and the largest value
#define FILE_SIZE_MAX 4194304

//  Editors of other systems put it in front of a text
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

//  Read all of a regular file, as a fresh string; NULL with errno

static char *
s_read (const char *file)
{
    int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    if (fd == -1)
        return NULL;
    char *text = NULL;
    if (fstat (fd, &status) == 0 && S_ISREG (status.st_mode)
    &&  status.st_size <= FILE_SIZE_MAX) {
        text = (char *) zmalloc ((size_t) status.st_size + 1);
        assert (text);
        if (read (fd, text, (size_t) status.st_size) == -1)
            zstr_free (&text);
        size_t mark = strlen (BYTE_ORDER_MARK);
        if (text && strncmp (text, BYTE_ORDER_MARK, mark) == 0)
            memmove (text, text + mark, strlen (text) - mark + 1);
    }
    else
        errno = EINVAL;
    close (fd);
    return text;
}

bool
zrelay_json_file_is (const char *file)
{
    char *text = s_read (file);
    bool json = text && text [strspn (text, " \t\r\n")] == '{';
    zstr_free (&text);
    return json;
}

#ifndef HAVE_JANSSON
char *
zrelay_json_file_read (const char *file, zrelay_report_t *report)
{
    zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
        "%s is JSON, and this program was built without jansson; write it in"
        " ZPL", file);
    return NULL;
}
#else

//  A file that is being read
typedef struct {
    const char *file;           //  Its name
    zrelay_report_t *report;    //  Hears what is wrong
    const char *cursor;         //  Where in its text the next key is looked for
    size_t line;                //  Line of that place
    zchunk_t *zpl;              //  What it becomes
    bool wrong;                 //  Something was reported
} json_file_t;

static void
s_add (json_file_t *self, const char *format, ...) CHECK_PRINTF (2);

static void
s_add (json_file_t *self, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *text = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (text);
    zchunk_extend (self->zpl, text, strlen (text));
    zstr_free (&text);
}

//  jansson does not tell lines, but keeps the order of keys. So they are looked
//  for one after another: a key is a string before a colon. Returns the line of
//  the next one.

static size_t
s_next_key (json_file_t *self)
{
    size_t line = self->line;
    bool inside = false;        //  A string
    for (; *self->cursor; self->cursor++) {
        char letter = *self->cursor;
        self->line += letter == '\n';
        if (inside && letter == '\\' && self->cursor [1])
            self->cursor++;
        else
        if (letter == '"') {
            line = inside? line: self->line;
            inside = !inside;
        }
        else
        if (letter == ':' && !inside) {
            self->cursor++;
            return line;
        }
    }
    return line;
}

static void
s_wrong (json_file_t *self, size_t line, const char *name,
         const char *sentence)
{
    zrelay_place_t place = { line, (char *) name };
    zrelay_report_set_place (self->report, self->file, &place);
    zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s", sentence);
    zrelay_report_set_place (self->report, NULL, NULL);
    self->wrong = true;
}

//  ZPL has two kinds of quotes and no way to write one within its own

static void
s_add_string (json_file_t *self, const char *string, const char *name,
              size_t line)
{
    char quote = strchr (string, '"')? '\'': '"';
    if (strchr (string, '\n') || strchr (string, quote))
        s_wrong (self, line, name, "a value has one line, and not both kinds of"
                 " quotes");
    s_add (self, " = %c%s%c\n", quote, string, quote);
}

//  A name of ZPL, or else it could say what it likes there

static bool
s_is_name (const char *name)
{
    size_t size = 0;
    while (isalnum ((byte) name [size])
       || (name [size] && strchr (ZRELAY_ZPL_SIGNS, name [size])))
        size++;
    return size > 0 && !name [size];
}

static void
s_add_value (json_file_t *self, const char *name, json_t *value, int level,
             size_t line);

static void
s_add_object (json_file_t *self, json_t *object, int level)
{
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value)
        s_add_value (self, name, value, level, s_next_key (self));
}

static void
s_add_array (json_file_t *self, const char *name, json_t *array, int level,
             size_t line)
{
    size_t index;
    json_t *item;
    json_array_foreach (array, index, item)
        if (json_is_array (item) || json_is_object (item))
            s_wrong (self, line, name, "a list has no lists or objects in it");
        else
            s_add_value (self, name, item, level, line);
}

static void
s_add_value (json_file_t *self, const char *name, json_t *value, int level,
             size_t line)
{
    if (json_is_array (value)) {
        s_add_array (self, name, value, level, line);
        return;
    }
    if (!s_is_name (name) || level >= ZRELAY_ZPL_LEVELS) {
        s_wrong (self, line, NULL, level >= ZRELAY_ZPL_LEVELS? "there are too many"
                 " objects in each other": "a name has letters, digits and "
                 ZRELAY_ZPL_SIGNS);
        return;
    }
    s_add (self, "#line %zu\n%*s%s", line, level * 4, "", name);
    if (json_is_object (value)) {
        s_add (self, "\n");
        s_add_object (self, value, level + 1);
    }
    else
    if (json_is_string (value))
        s_add_string (self, json_string_value (value), name, line);
    else
    if (json_is_integer (value))
        s_add (self, " = %" JSON_INTEGER_FORMAT "\n",
               json_integer_value (value));
    else
    if (json_is_real (value))
        s_add (self, " = %g\n", json_real_value (value));
    else
        s_add (self, " = %s\n", json_is_true (value)? "true":
               json_is_false (value)? "false": "");
}

static char *
s_convert (json_file_t *self, json_t *root)
{
    self->zpl = zchunk_new (NULL, 0);
    assert (self->zpl);
    s_add_object (self, root, 0);
    char *zpl = self->wrong? NULL: zchunk_strdup (self->zpl);
    zchunk_destroy (&self->zpl);
    return zpl;
}

char *
zrelay_json_file_read (const char *file, zrelay_report_t *report)
{
    json_file_t self = { .file = file, .report = report, .line = 1 };
    char *text = s_read (file);
    if (!text) {
        zrelay_report_say (report, ZRELAY_EXIT_MISUSE, "cannot read %s: %s",
                           file, strerror (errno));
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loads (text, JSON_REJECT_DUPLICATES, &error);
    self.cursor = text;
    char *zpl = NULL;
    if (root && json_is_object (root))
        zpl = s_convert (&self, root);
    else
        s_wrong (&self, root? 1: (size_t) error.line, NULL,
                 root? "a file of relays is an object": error.text);
    json_decref (root);
    zstr_free (&text);
    return zpl;
}
#endif
