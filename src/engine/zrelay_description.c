/*  =========================================================================
    zrelay_description - a kind's description, and the names that it may have

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_description.h"
#include "zrelay_error.h"
#include "zrelay_row.h"

//  The characters in a name
#define NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."


//  The rows of a kind's tables must have a size, by which the next is found

static void
s_check_table (const zrelay_kind_t *kind, const void *table, size_t least,
               const char *macro)
{
    const zrelay_counter_t *row = zrelay_row_first (table);
    for (; row; row = zrelay_row_next (row))
        if (row->size < least)
            zrelay_error_abort ("'%s' of the kind %s has no size; it begins "
                                "with %s", row->name, kind->name, macro);
}

static void
s_check_name (const char *name)
{
    if (!*name || strlen (name) > ZRELAY_DESCRIPTION_NAME_MAX
    ||  strspn (name, NAME_CHARACTERS) != strlen (name))
        zrelay_error_abort ("'%s' is not a name for a kind; it takes 1 to %d "
            "letters, digits, '_', '-' and '.'", name,
            ZRELAY_DESCRIPTION_NAME_MAX);
}

void
zrelay_description_copy (const zrelay_kind_t *kind, zrelay_kind_t *copy)
{
    if (kind->size < offsetof (zrelay_kind_t, create))
        zrelay_error_abort ("a kind has no size; its description begins with "
                            "ZRELAY_KIND");
    zrelay_row_copy (kind, copy, sizeof (*copy));
    s_check_name (copy->name? copy->name: "");
    if (!copy->frontend.types)
        zrelay_error_abort ("the kind %s has no frontend", copy->name);
    s_check_table (copy, copy->commands,
                   offsetof (zrelay_command_t, flags), "ZRELAY_COMMAND");
    s_check_table (copy, copy->settings,
                   offsetof (zrelay_setting_t, words), "ZRELAY_SETTING");
    s_check_table (copy, copy->counters,
                   offsetof (zrelay_counter_t, flags), "ZRELAY_COUNTER");
}

char *
zrelay_description_clean (const char *name)
{
    char *clean = strndup (name, ZRELAY_DESCRIPTION_NAME_MAX);
    assert (clean);
    for (char *character = clean; *character; character++)
        if (!strchr (NAME_CHARACTERS, *character))
            *character = '_';
    return clean;
}


//  --------------------------------------------------------------------------
//  Selftest

//  tests/kind_growth_test.c has descriptions that end the program

void
zrelay_description_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_description: ");

    //  @selftest
    static const zrelay_counter_t counters [] = {
        { ZRELAY_COUNTER, .name = "count" },
        { .name = NULL }
    };
    zrelay_kind_t kind = {
        ZRELAY_KIND, .name = "tester", .frontend = { .types = "PULL" },
        .counters = counters, .topic = "weather"
    };
    zrelay_kind_t copy;
    zrelay_description_copy (&kind, &copy);
    assert (streq (copy.name, "tester") && copy.counters == counters);
    assert (streq (copy.topic, "weather"));

    //  Of an older kind, what is behind its end is not read
    kind.size = offsetof (zrelay_kind_t, topic);
    memset (&copy, 0xFF, sizeof (copy));
    zrelay_description_copy (&kind, &copy);
    assert (copy.counters == counters && !copy.topic);

    char *name = zrelay_description_clean ("two words/1.0-a");
    assert (streq (name, "two_words_1.0-a"));
    zstr_free (&name);
    char longest [ZRELAY_DESCRIPTION_NAME_MAX + 2];
    memset (longest, 'x', sizeof (longest));
    longest [sizeof (longest) - 1] = 0;
    name = zrelay_description_clean (longest);
    assert (strlen (name) == ZRELAY_DESCRIPTION_NAME_MAX);
    zstr_free (&name);
    //  @end
    printf ("OK\n");
}
