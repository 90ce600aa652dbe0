/*  =========================================================================
    zrelay_owners - options that only a relay's owner may set

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_owners.h"
#include "zrelay_choices.h"
#include "zrelay_engine_internal.h"
#include "zrelay_flow.h"
#include "zrelay_row.h"
#include "zrelay_setting.h"

static bool
s_is_owners (const zrelay_setting_t *table, const char *option)
{
    const zrelay_setting_t *row = zrelay_setting_find (table, option);
    zrelay_setting_t known = { .flags = 0 };
    if (row)
        zrelay_row_copy (row, &known, sizeof (known));
    return known.flags & ZRELAY_SETTING_OWNER;
}

static bool
s_is_owners_in (const zrelay_setting_t *const *tables, const char *option)
{
    while (*tables && !s_is_owners (*tables, option))
        tables++;
    return *tables != NULL;
}

//  What the option belongs to makes no difference: no name is used twice

bool
zrelay_engine_is_owners (const zrelay_kind_t *kind, const char *option)
{
    return s_is_owners (zrelay_engine_settings, option)
        || s_is_owners (kind->settings, option)
        || s_is_owners_in (zrelay_flow_settings, option)
        || s_is_owners_in (zrelay_choices_settings, option);
}

bool
zrelay_owners_option (const zrelay_kind_t *kind, zframe_t *name)
{
    if (!name)
        return false;
    char *option = zframe_strdup (name);
    assert (option);
    bool is_owners = zrelay_engine_is_owners (kind, option);
    zstr_free (&option);
    return is_owners;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test (const zrelay_kind_t *kind, const char *name)
{
    zframe_t *frame = zframe_from (name);
    assert (frame);
    bool is_owners = zrelay_owners_option (kind, frame);
    zframe_destroy (&frame);
    return is_owners;
}

void
zrelay_owners_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_owners: ");
    //  @selftest
    static const zrelay_setting_t settings [] = {
        { ZRELAY_SETTING, .name = "free" },
        { ZRELAY_SETTING, .name = "file", .flags = ZRELAY_SETTING_OWNER },
        //  This one was compiled before there were flags
        { .size = offsetof (zrelay_setting_t, flags), .name = "early",
          .flags = ZRELAY_SETTING_OWNER },
        { .name = NULL }
    };
    static const zrelay_kind_t kind = {
        ZRELAY_KIND, .name = "own", .settings = settings
    };
    assert (s_test (&kind, "file"));
    assert (s_test (&kind, "File"));
    assert (!s_test (&kind, "free"));
    assert (!s_test (&kind, "early"));
    assert (!s_test (&kind, ""));
    assert (s_test (&kind, "spool"));
    assert (!s_test (&kind, "spool_full"));
    assert (!s_test (&kind, "sndhwm"));
    assert (!zrelay_owners_option (&kind, NULL));
    //  @end
    printf ("OK\n");
}
