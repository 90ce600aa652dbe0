/*  =========================================================================
    zrelay_setting - tables of options that are numbers or words

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_setting.h"
#include "zrelay_number.h"
#include "zrelay_row.h"

const zrelay_setting_t *
zrelay_setting_find (const zrelay_setting_t *table, const char *name)
{
    const zrelay_setting_t *row = zrelay_row_first (table);
    while (row && strcasecmp (row->name, name))
        row = zrelay_row_next (row);
    return row;
}

static int64_t *
s_place (const zrelay_setting_t *self, void *object)
{
    return (int64_t *) ((byte *) object + self->offset);
}


//  --------------------------------------------------------------------------
//  Values

//  All words as a fresh string: "hold, drop-new or drop-old"

static char *
s_words (const char *const *words)
{
    char *text = strdup (words [0]);
    for (size_t index = 1; text && words [index]; index++) {
        char *longer = zsys_sprintf ("%s%s%s", text,
            words [index + 1]? ", ": " or ", words [index]);
        zstr_free (&text);
        text = longer;
    }
    assert (text);
    return text;
}

//  The values that the option takes, as a fresh string

static char *
s_range (const zrelay_setting_t *self)
{
    char *words = self->words? s_words (self->words): NULL;
    char *range = words? words:
        self->most == INT64_MAX?
        zsys_sprintf ("a number from %" PRId64 " on", self->least):
        zsys_sprintf ("a number from %" PRId64 " to %" PRId64,
                      self->least, self->most);
    assert (range);
    return range;
}

static bool
s_read_word (const char *const *words, const char *value, int64_t *number_p)
{
    int64_t index = 0;
    while (words [index] && strcasecmp (words [index], value))
        index++;
    if (!words [index])
        return false;
    *number_p = index;
    return true;
}

zrelay_status_t
zrelay_setting_set (const zrelay_setting_t *self, zrelay_engine_t *engine,
                    void *object, const char *value, zrelay_error_t *error)
{
    zrelay_setting_t row;
    zrelay_row_copy (self, &row, sizeof (row));
    if (row.set)
        return (zrelay_status_t) row.set (engine, object, value);
    int64_t number;
    bool valid = row.words? s_read_word (row.words, value, &number):
        zrelay_number_read (value, row.least, row.most, &number);
    if (!valid) {
        char *range = s_range (&row);
        zrelay_error_set (error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a value for %s; it takes %s",
            zrelay_error_quote (error, value), row.name, range);
        zstr_free (&range);
        return ZRELAY_STATUS_BAD_ARGUMENTS;
    }
    *s_place (&row, object) = number;
    if (row.changed)
        row.changed (engine, object);
    return ZRELAY_STATUS_DONE;
}

char *
zrelay_setting_get (const zrelay_setting_t *self, zrelay_engine_t *engine,
                    void *object)
{
    zrelay_setting_t row;
    zrelay_row_copy (self, &row, sizeof (row));
    char *value;
    if (row.get)
        value = row.get (engine, object);
    else
    if (row.set)
        value = strdup ("");
    else {
        int64_t number = *s_place (&row, object);
        value = row.words? strdup (row.words [number]):
                           zsys_sprintf ("%" PRId64, number);
    }
    assert (value);
    return value;
}


//  --------------------------------------------------------------------------
//  For people

char *
zrelay_setting_names (const zrelay_setting_t *const *tables)
{
    char *names = strdup ("");
    const zrelay_setting_t *row = zrelay_row_first (*tables);
    while (row) {
        const zrelay_setting_t *next = zrelay_row_next (row);
        if (!next && *++tables)
            next = zrelay_row_first (*tables);
        char *longer = zsys_sprintf ("%s%s%s", names,
            !*names? "": next? ", ": " and ", row->name);
        assert (longer);
        zstr_free (&names);
        names = longer;
        row = next;
    }
    return names;
}

static void
s_add (zchunk_t *text, const char *string)
{
    zchunk_extend (text, string, strlen (string));
}

//  One string for all, since every relay keeps them and few are ever asked

void
zrelay_setting_keep (const zrelay_setting_t *table, const char *owner,
                     zrelay_engine_t *engine, void *object, zchunk_t *values)
{
    const zrelay_setting_t *row = zrelay_row_first (table);
    for (; row; row = zrelay_row_next (row)) {
        char *value = zrelay_setting_get (row, engine, object);
        s_add (values, owner);
        s_add (values, ".");
        s_add (values, row->name);
        s_add (values, "=");
        zchunk_extend (values, value, strlen (value) + 1);
        zstr_free (&value);
    }
}

//  NULL if there is no such owner

static const char *
s_default (const char *name, const char *owner, zchunk_t *defaults)
{
    char *key = zsys_sprintf ("%s.%s=", owner, name);
    assert (key);
    size_t length = strlen (key);
    const char *place = (const char *) zchunk_data (defaults);
    const char *end = place + zchunk_size (defaults);
    while (place < end && strncmp (place, key, length))
        place += strlen (place) + 1;
    zstr_free (&key);
    return place < end? place + length: NULL;
}

//  Owners are only named where their defaults differ

static void
s_explain_default (const char *name, const char *const *owners,
                   zchunk_t *defaults, zchunk_t *text)
{
    const char *common = NULL;
    bool differ = false;
    for (const char *const *owner = owners; *owner; owner++) {
        const char *value = s_default (name, *owner, defaults);
        differ = differ || (common && value && strneq (common, value));
        common = value? value: common;
    }
    if (common && (differ || *common)) {
        s_add (text, "; default ");
        s_add (text, differ? "": common);
    }
    const char *lead = "";
    for (; *owners && differ; owners++) {
        const char *value = s_default (name, *owners, defaults);
        if (value) {
            s_add (text, lead);
            s_add (text, *value? value: "none");
            s_add (text, " (");
            s_add (text, *owners);
            s_add (text, ")");
            lead = ", ";
        }
    }
}

void
zrelay_setting_explain (const zrelay_setting_t *table,
                        const char *const *owners, zchunk_t *defaults,
                        zchunk_t *text)
{
    const zrelay_setting_t *row = zrelay_row_first (table);
    for (; row; row = zrelay_row_next (row)) {
        zrelay_setting_t known;
        zrelay_row_copy (row, &known, sizeof (known));
        char *range = known.set? strdup ("any value"): s_range (&known);
        s_add (text, "    ");
        s_add (text, known.name);
        s_add (text, ": ");
        s_add (text, range);
        s_explain_default (known.name, owners, defaults, text);
        s_add (text, "\n        ");
        s_add (text, known.help? known.help: "");
        s_add (text, "\n");
        zstr_free (&range);
    }
}


//  --------------------------------------------------------------------------
//  Selftest

typedef struct {
    int64_t number;             //  From -1 to 9
    int64_t word;               //  One of three
    int64_t large;              //  From 0
    int changes;                //  Calls of s_test_changed ()
} test_t;

static void
s_test_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    ((test_t *) object)->changes++;
}

static int
s_test_set (zrelay_engine_t *engine, void *object, const char *value)
{
    (void) engine;
    ((test_t *) object)->changes += (int) strlen (value);
    return ZRELAY_STATUS_DONE;
}

void
zrelay_setting_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_setting: ");

    //  @selftest
    static const char *words [] = { "red", "green", "blue", NULL };
    static const zrelay_setting_t table [] = {
        { ZRELAY_SETTING, .name = "number", .help = "of things",
          .offset = offsetof (test_t, number), .least = -1, .most = 9,
          .changed = s_test_changed },
        { ZRELAY_SETTING, .name = "word", .words = words,
          .offset = offsetof (test_t, word) },
        { ZRELAY_SETTING, .name = "large", .offset = offsetof (test_t, large),
          .most = INT64_MAX },
        { ZRELAY_SETTING, .name = "own", .set = s_test_set },
        { .name = NULL }
    };
    zrelay_error_t *error = zrelay_error_new ();
    test_t test = { 0, 0, 0, 0 };
    const zrelay_setting_t *row = zrelay_setting_find (table, "NUMBER");
    assert (row == table);
    assert (!zrelay_setting_find (table, "numbe"));
    assert (!zrelay_setting_find (NULL, "number"));
    assert (zrelay_setting_set (row, NULL, &test, "-1", error)
            == ZRELAY_STATUS_DONE);
    assert (test.number == -1 && test.changes == 1);
    assert (zrelay_setting_set (row, NULL, &test, "10", error)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (streq (zrelay_error_sentence (error),
        "'10' is not a value for number; it takes a number from -1 to 9"));
    assert (test.number == -1 && test.changes == 1);

    row = zrelay_setting_find (table, "word");
    assert (zrelay_setting_set (row, NULL, &test, "Blue", error)
            == ZRELAY_STATUS_DONE);
    char *string = zrelay_setting_get (row, NULL, &test);
    assert (streq (string, "blue"));
    zstr_free (&string);
    assert (zrelay_setting_set (row, NULL, &test, "pink", error)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (strstr (zrelay_error_sentence (error), "red, green or blue"));

    row = zrelay_setting_find (table, "large");
    assert (zrelay_setting_set (row, NULL, &test, "-1", error)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (strstr (zrelay_error_sentence (error), "from 0 on"));
    row = zrelay_setting_find (table, "own");
    assert (zrelay_setting_set (row, NULL, &test, "four", error)
            == ZRELAY_STATUS_DONE);
    assert (test.changes == 5);

    const zrelay_setting_t *tables [] = { table, NULL, NULL };
    string = zrelay_setting_names (tables);
    assert (streq (string, "number, word, large and own"));
    zstr_free (&string);
    tables [0] = tables [1] = table + 3;
    string = zrelay_setting_names (tables);
    assert (streq (string, "own and own"));
    zstr_free (&string);

    //  Two objects, whose words are the same
    zchunk_t *defaults = zchunk_new (NULL, 0);
    test_t other = { 7, test.word, 0, 0 };
    zrelay_setting_keep (table, "queue", NULL, &test, defaults);
    zrelay_setting_keep (table, "other", NULL, &other, defaults);
    row = zrelay_setting_find (table, "number");
    assert (zrelay_setting_set (row, NULL, &test, "5", error)
            == ZRELAY_STATUS_DONE);
    zchunk_t *text = zchunk_new (NULL, 0);
    const char *owners [] = { "queue", "none", "other", NULL };
    zrelay_setting_explain (table, owners, defaults, text);
    string = zchunk_strdup (text);
    assert (strstr (string, "    number: a number from -1 to 9; default -1 "
                            "(queue), 7 (other)\n"
                            "        of things\n"));
    assert (strstr (string, "    word: red, green or blue; default blue\n"));
    assert (strstr (string, "    own: any value\n"));
    zstr_free (&string);
    zchunk_destroy (&text);
    zchunk_destroy (&defaults);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
