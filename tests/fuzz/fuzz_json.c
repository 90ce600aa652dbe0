/*  =========================================================================
    fuzz_json - files of relays, in JSON

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  An input is a file. It becomes ZPL that has an item for each of its items,
//  and no other, or every mistake in it has a sentence.

#include "fuzz.h"
#include "zrelay_config.h"
#include "zrelay_json_file.h"
#include "zrelay_zpl.h"

const char *fuzz_name = "json";

static FILE *s_file;            //  Has each input in its turn
static char s_path [64];        //  By which that is read

static void
s_clean (void)
{
    fclose (s_file);
}

//  A file that nobody else sees, and that need not be removed

static void
s_set_up (void)
{
    s_file = tmpfile ();
    FUZZ_MUST (s_file);
    snprintf (s_path, sizeof (s_path), "/dev/fd/%d", fileno (s_file));
    atexit (s_clean);
}

static void
s_write (const uint8_t *data, size_t size)
{
    rewind (s_file);
    FUZZ_MUST (ftruncate (fileno (s_file), 0) == 0);
    FUZZ_MUST (fwrite (data, 1, size, s_file) == size);
    FUZZ_MUST (fflush (s_file) == 0);
}

static size_t
s_count_items (zrelay_zpl_t *item)
{
    size_t count = 0;
    zrelay_zpl_t *child = zrelay_zpl_first (item);
    for (; child; child = zrelay_zpl_next (item))
        count += 1 + s_count_items (child);
    return count;
}

//  Each item has one in the line before it

static size_t
s_count_comments (const char *text)
{
    size_t count = 0;
    for (; *text; text += strcspn (text, "\n") + 1)
        count += strncmp (text, "#line ", strlen ("#line ")) == 0;
    return count;
}

static void
s_read (const char *zpl)
{
    zrelay_report_t *report = zrelay_report_new_list ();
    zrelay_zpl_t *root =
        zrelay_zpl_parse (zpl, strlen (zpl), "file", report);
    //  A variable may not be there
    FUZZ_MUST (zrelay_report_failures (report) > 0
            || s_count_items (root) == s_count_comments (zpl));
    zrelay_zpl_destroy (&root);
    zrelay_config_t *config =
        zrelay_config_read ("file", zpl, zrelay_kinds (), report);
    zrelay_config_destroy (&config);
    zrelay_report_destroy (&report);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    if (!s_file)
        s_set_up ();
    s_write (data, size);
    zrelay_report_t *report = zrelay_report_new_list ();
    char *zpl = zrelay_json_file_read (s_path, report);
    FUZZ_MUST (!zpl == (zrelay_report_failures (report) > 0));
    zrelay_finding_t *finding = (zrelay_finding_t *)
        zlistx_first (zrelay_report_findings (report));
    FUZZ_MUST (!finding || *finding->sentence);
    if (zpl)
        s_read (zpl);
    zstr_free (&zpl);
    zrelay_report_destroy (&report);
    fuzz_end ();
    return 0;
}
