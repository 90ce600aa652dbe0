/*  =========================================================================
    fuzz_stats - reading and printing answers to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each line of an input is one frame of the answer, "STATS" the first. An
//  empty line ends an answer, and another one begins. What must hold is that
//  nothing is accepted that is not an answer, and that what is printed is
//  JSON, and metrics, and lines of 80 columns, whatever names and values are.

#include "fuzz.h"

const char *fuzz_name = "stats";

//  Answers in one input
#define ANSWERS_MAX 4

//  Objects in objects in JSON
#define DEPTH_MAX 64

#define COLUMNS 80

//  Longest kind, name and state
#define WORD_MAX 127


//  --------------------------------------------------------------------------
//  Everything is printed in ASCII, and nothing in it steers a terminal or
//  needs to be escaped in quotes

//  The characters that a kind, a name and a state may hold
static const char s_word [] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

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


//  --------------------------------------------------------------------------
//  JSON, as in RFC 8259, as far as it can occur here: objects, strings and
//  numbers. Each function moves *at_p behind what it read.

static bool
s_string (const char **at_p)
{
    const char *at = *at_p;
    if (*at++ != '"')
        return false;
    size_t size = strspn (at, s_word);
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
    //  Names may be nested as deeply as they have dots
    const char *name = zrelay_stats_first (stats);
    int dots = 0;
    for (; name; name = zrelay_stats_next (stats)) {
        int count = 0;
        for (const char *at = name; *at; at++)
            count += *at == '.';
        dots = count > dots? count: dots;
    }
    const char *at = text;
    FUZZ_MUST (dots >= DEPTH_MAX || (s_object (&at, 0) && *at == 0));
    zstr_free (&text);
}


//  --------------------------------------------------------------------------
//  Text, and metrics in the text exposition format, version 0.0.4

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

//  NAME{LABEL="VALUE",...} NUMBER

static bool
s_sample (const char *at)
{
    if (!isalpha ((byte) *at) && *at != '_' && *at != ':')
        return false;
    while (isalnum ((byte) *at) || *at == '_' || *at == ':')
        at++;
    if (*at == '{') {
        do {
            at++;
            size_t size = strspn (at, "abcdefghijklmnopqrstuvwxyz_");
            at += size;
            if (size == 0 || *at++ != '=' || *at++ != '"')
                return false;
            at += strspn (at, s_word);
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

static void
s_check_prometheus (zrelay_stats_t **stats, size_t count)
{
    char *text = zrelay_stats_prometheus (stats, count);
    FUZZ_MUST (text);
    size_t size = strlen (text);
    FUZZ_MUST (size == 0 || text [size - 1] == '\n');
    char *rest = text;
    char *line;
    while ((line = strsep (&rest, "\n")))
        FUZZ_MUST (*line == 0 || (s_printable (line)
                   && (strncmp (line, "# HELP ", 7) == 0
                    || strncmp (line, "# TYPE ", 7) == 0 || s_sample (line))));
    zstr_free (&text);
}


//  --------------------------------------------------------------------------
//  One answer

//  Every count comes back as it was, in the order of the answer

static void
s_check_values (zrelay_stats_t *stats, zmsg_t *answer)
{
    FUZZ_MUST (s_is_word (zrelay_stats_kind (stats)));
    FUZZ_MUST (s_is_word (zrelay_stats_name (stats)));
    FUZZ_MUST (s_is_word (zrelay_stats_state (stats)));
    size_t counts = 0;
    zmsg_first (answer);
    zframe_t *frame;
    const char *told = zrelay_stats_first (stats);
    while ((frame = zmsg_next (answer))) {
        char *name = zframe_strdup (frame);
        char *value = zframe_strdup (zmsg_next (answer));
        bool word = streq (name, "kind") || streq (name, "name")
                 || streq (name, "state");
        FUZZ_MUST (word != zrelay_stats_has (stats, name));
        if (!word) {
            FUZZ_MUST (told && streq (told, name));
            FUZZ_MUST (zrelay_stats_value (stats, name)
                       == strtoull (value, NULL, 10));
            told = zrelay_stats_next (stats);
            counts++;
        }
        zstr_free (&name);
        zstr_free (&value);
    }
    FUZZ_MUST (!told);
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
