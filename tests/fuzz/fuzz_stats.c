/*  =========================================================================
    fuzz_stats - reading and printing answers to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each line of an input is one frame of the answer; "STATS" is the first. An
//  empty line ends an answer, and another one begins. An accepted answer must
//  follow the rules of include/zrelay_stats.h, and whatever its names and
//  values are, it must be printed as valid JSON, as valid metrics, and as
//  lines of 80 columns.

#include "fuzz.h"
#include <regex.h>

const char *fuzz_name = "stats";

//  Answers in one input
#define ANSWERS_MAX 4

//  Deepest nesting of objects in JSON: that of "a.b.c ... {d=e}"
#define DEPTH_MAX 66

#define COLUMNS 80

//  Longest kind, name, state and name of a count, and longest with a label
#define WORD_MAX 127
#define LABELLED_MAX 511


//  --------------------------------------------------------------------------
//  Everything is printed in ASCII, and nothing in it steers a terminal or
//  needs to be escaped in quotes

//  The characters of a kind, a name and a state, and of a label's value
static const char s_word [] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
static const char s_value [] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-%";

static bool
s_printable (const char *text)
{
    for (; *text; text++)
        if ((byte) *text < 0x20 || (byte) *text > 0x7e)
            return false;
    return true;
}

static bool
s_is_word (const char *text)
{
    size_t size = strlen (text);
    return size > 0 && size <= WORD_MAX && strspn (text, s_word) == size;
}

//  NAME or NAME{LABEL=VALUE}

static bool
s_is_name (const char *text)
{
    static regex_t pattern;
    static bool compiled = false;
    if (!compiled) {
        int rc = regcomp (&pattern,
            "^[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+)*"
            "(\\{[A-Za-z0-9_]+=[A-Za-z0-9_.%-]+\\})?$",
            REG_EXTENDED | REG_NOSUB);
        FUZZ_MUST (rc == 0);
        compiled = true;
    }
    return strcspn (text, "{") <= WORD_MAX
        && strlen (text) <= LABELLED_MAX
        && regexec (&pattern, text, 0, NULL, 0) == 0;
}


//  --------------------------------------------------------------------------
//  The part of JSON (RFC 8259) that statistics need: objects, strings without
//  escapes, and numbers. Each function moves *at_p past the text it has read.

static bool
s_string (const char **at_p)
{
    const char *at = *at_p;
    if (*at++ != '"')
        return false;
    size_t size = strspn (at, s_value);
    *at_p = at + size + 1;
    return size > 0 && at [size] == '"';
}

static bool
s_number (const char **at_p)
{
    size_t digits = strspn (*at_p, "0123456789");
    bool right = digits == 1 || (digits > 1 && **at_p != '0');
    *at_p += digits;
    return right;
}

static bool
s_object (const char **at_p, int depth)
{
    if (**at_p != '{' || depth == DEPTH_MAX)
        return false;
    do {
        ++*at_p;
        if (!s_string (at_p) || *(*at_p)++ != ':')
            return false;
        bool right = **at_p == '{'? s_object (at_p, depth + 1):
                     **at_p == '"'? s_string (at_p): s_number (at_p);
        if (!right)
            return false;
    }
    while (**at_p == ',');
    return *(*at_p)++ == '}';
}

static void
s_check_json (zrelay_stats_t *stats)
{
    char *text = zrelay_stats_json (stats);
    FUZZ_MUST (text);
    FUZZ_MUST (s_printable (text));
    const char *at = text;
    FUZZ_MUST (s_object (&at, 0) && *at == 0);
    zstr_free (&text);
}


//  --------------------------------------------------------------------------
//  Text, and metrics in Prometheus' text exposition format, version 0.0.4

static void
s_check_text (zrelay_stats_t *stats)
{
    char *text = zrelay_stats_text (stats);
    FUZZ_MUST (text);
    char *rest = text;
    char *line;
    while ((line = strsep (&rest, "\n"))) {
        FUZZ_MUST (strlen (line) <= COLUMNS);
        FUZZ_MUST (s_printable (line));
    }
    zstr_free (&text);
}

static size_t
s_identifier (const char *at, const char *more)
{
    size_t size = 0;
    if (!isdigit ((byte) *at))
        while (at [size] && (isalnum ((byte) at [size])
                             || strchr (more, at [size])))
            size++;
    return size;
}

//  NAME{LABEL="VALUE",...} NUMBER

static bool
s_sample (const char *at)
{
    size_t size = s_identifier (at, "_:");
    if (size == 0)
        return false;
    at += size;
    if (*at == '{') {
        const char *labels = at;
        do {
            const char *label = ++at;
            size = s_identifier (at, "_");
            at += size;
            //  Two underscores are for Prometheus alone
            if (size == 0 || strncmp (label, "__", 2) == 0
            ||  *at++ != '=' || *at++ != '"')
                return false;
            //  No label comes twice
            for (const char *other = labels + 1; other < label; other++)
                if ((other [-1] == '{' || other [-1] == ',')
                &&  strncmp (other, label, size + 1) == 0)
                    return false;
            at += strspn (at, s_value);
            if (*at++ != '"')
                return false;
        }
        while (*at == ',');
        if (*at++ != '}')
            return false;
    }
    if (*at++ != ' ')
        return false;
    return *at && strspn (at, "0123456789.e+-") == strlen (at);
}

static int
s_compare (const void *first, const void *second)
{
    return strcmp (*(char *const *) first, *(char *const *) second);
}

//  Every line is valid, and no sample or description comes twice

static void
s_check_prometheus (zrelay_stats_t **stats, size_t count)
{
    char *text = zrelay_stats_prometheus (stats, count);
    FUZZ_MUST (text);
    size_t size = strlen (text);
    FUZZ_MUST (size == 0 || text [size - 1] == '\n');
    char **lines = (char **) calloc (size + 1, sizeof (char *));
    FUZZ_MUST (lines);
    size_t used = 0;
    char *rest = text;
    char *line;
    while ((line = strsep (&rest, "\n")) && *line) {
        bool sample = *line != '#';
        FUZZ_MUST (s_printable (line));
        FUZZ_MUST (sample? s_sample (line)
                         : strncmp (line, "# HELP ", 7) == 0
                        || strncmp (line, "# TYPE ", 7) == 0);
        //  What follows the sample or the family's name may differ
        *(sample? strrchr (line, ' '): strchr (line + 7, ' ')) = 0;
        lines [used++] = line;
    }
    FUZZ_MUST (!rest);
    qsort (lines, used, sizeof (char *), s_compare);
    for (size_t index = 1; index < used; index++)
        FUZZ_MUST (strneq (lines [index - 1], lines [index]));
    free (lines);
    zstr_free (&text);
}


//  --------------------------------------------------------------------------
//  One answer

//  Every count is returned unchanged, in the order of the answer

static void
s_check_values (zrelay_stats_t *stats, zmsg_t *answer)
{
    FUZZ_MUST (s_is_word (zrelay_stats_kind (stats)));
    FUZZ_MUST (s_is_word (zrelay_stats_name (stats)));
    FUZZ_MUST (s_is_word (zrelay_stats_state (stats)));
    size_t counts = 0;
    zmsg_first (answer);
    zframe_t *frame;
    const char *next = zrelay_stats_first (stats);
    while ((frame = zmsg_next (answer))) {
        char *name = zframe_strdup (frame);
        char *value = zframe_strdup (zmsg_next (answer));
        bool word = streq (name, "kind") || streq (name, "name")
                 || streq (name, "state");
        FUZZ_MUST (word != zrelay_stats_has (stats, name));
        if (!word) {
            FUZZ_MUST (s_is_name (name));
            FUZZ_MUST (next && streq (next, name));
            FUZZ_MUST (zrelay_stats_value (stats, name)
                       == strtoull (value, NULL, 10));
            next = zrelay_stats_next (stats);
            counts++;
        }
        zstr_free (&name);
        zstr_free (&value);
    }
    FUZZ_MUST (!next);
    FUZZ_MUST (!zrelay_stats_has (stats, "no such name"));
}

static zmsg_t *
s_answer (fuzz_word_t *text)
{
    zmsg_t *answer = zmsg_new ();
    fuzz_word_t line;
    while (fuzz_line (text, &line) && line.size > 0)
        zmsg_addmem (answer, line.data, line.size);
    return answer;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    fuzz_word_t text = { (const char *) data, size };
    zrelay_stats_t *all [ANSWERS_MAX];
    size_t count = 0;
    while (text.data && count < ANSWERS_MAX) {
        zmsg_t *answer = s_answer (&text);
        zrelay_stats_t *stats = zrelay_stats_new (answer);
        if (stats) {
            FUZZ_MUST (zmsg_size (answer) % 2 == 1);
            s_check_values (stats, answer);
            s_check_json (stats);
            s_check_text (stats);
            all [count++] = stats;
        }
        else
            FUZZ_MUST (errno == EINVAL);
        zmsg_destroy (&answer);
    }
    s_check_prometheus (all, count);
    for (size_t index = 0; index < count; index++)
        zrelay_stats_destroy (&all [index]);
    fuzz_end ();
    return 0;
}
