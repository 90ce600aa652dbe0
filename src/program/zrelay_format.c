/*  =========================================================================
    zrelay_format - how lines of the log look

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_format.h"
#include "zrelay_json.h"

#include <time.h>

//  Levels, and what syslog(3) calls them
static const struct {
    const char *name;
    int number;
} s_levels [] = {
    [ZRELAY_LOG_INFO] = { "info", 6 },
    [ZRELAY_LOG_WARNING] = { "warning", 4 },
    [ZRELAY_LOG_ERROR] = { "error", 3 }
};
#define LEVELS (sizeof (s_levels) / sizeof (*s_levels))

static char *
s_json (zrelay_log_t level, const char *text)
{
    char *line = NULL;
    size_t size = 0;
    FILE *file = open_memstream (&line, &size);
    assert (file);
    struct timespec now;
    struct tm parts;
    char date [32];
    clock_gettime (CLOCK_REALTIME, &now);
    gmtime_r (&now.tv_sec, &parts);
    strftime (date, sizeof (date), "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf (file, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":",
             date, now.tv_nsec / 1000000, s_levels [level].name);
    zrelay_json_write (file, text, strlen (text));
    fputs ("}", file);
    fclose (file);
    return line;
}

//  Each line has a level of its own

static char *
s_journal (zrelay_log_t level, const char *text)
{
    char *lines = NULL;
    size_t size = 0;
    FILE *file = open_memstream (&lines, &size);
    assert (file);
    for (bool more = true; more; ) {
        int length = (int) strcspn (text, "\n");
        more = text [length] && text [length + 1];
        fprintf (file, "<%d>%.*s%s", s_levels [level].number, length, text,
                 more? "\n": "");
        text += more? length + 1: length;
    }
    fclose (file);
    return lines;
}

static const struct {
    const char *name;
    zrelay_report_fn *function; //  NULL: lines as they are
} s_formats [] = {
    { "text", NULL },
    { "json", s_json },
    { "journal", s_journal }
};
#define FORMATS (sizeof (s_formats) / sizeof (*s_formats))

bool
zrelay_format_choose (const char *name, zrelay_report_t *report)
{
    size_t index = 0;
    while (index < FORMATS && strneq (s_formats [index].name, name))
        index++;
    if (index < FORMATS)
        zrelay_report_set_format (report, s_formats [index].function);
    return index < FORMATS;
}

bool
zrelay_format_choose_level (const char *name, zrelay_report_t *report)
{
    size_t index = 0;
    while (index < LEVELS && strneq (s_levels [index].name, name))
        index++;
    if (index < LEVELS)
        zrelay_report_set_level (report, (zrelay_log_t) index);
    return index < LEVELS;
}
