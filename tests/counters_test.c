/*  =========================================================================
    counters_test - the counters on the page are those of a relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  doc/counters.md must list just the counters that the built-in kinds report,
//  and just the names that Prometheus has for them. A row of its tables begins
//  with these two names in backquotes. A section "The kind NAME" is about that
//  kind alone.

#include <zrelay.h>
#include "tap.h"

static const struct {
    const char *name;           //  Name of the kind, and of the relay
    zactor_fn *actor;           //  Runs it
} s_kinds [] = {
    { "queue", zrelay_queue },
    { "forwarder", zrelay_forwarder },
    { "streamer", zrelay_streamer },
    { "proxy", zrelay_proxy },
    { "cache", zrelay_cache }
};
#define KINDS (sizeof (s_kinds) / sizeof (s_kinds [0]))

//  Words on the page that stand for others. A relay without endpoints is idle.
static const struct {
    const char *word;           //  As on the page
    const char *values [3];     //  As relays report them, ended by NULL
} s_words [] = {
    { "SIDE", { "frontend", "backend", NULL } },
    { "FLOW", { "forward", "return", NULL } },
    { "STATE", { "idle", NULL } }
};
#define WORDS (sizeof (s_words) / sizeof (s_words [0]))

typedef struct {
    zhashx_t *names;            //  As in STATS
    zhashx_t *metrics;          //  As in Prometheus, without relay and kind
    size_t twice;               //  Names that came more than once
} counters_t;


//  --------------------------------------------------------------------------
//  Sets of names

static void
s_init (counters_t *self)
{
    self->names = zhashx_new ();
    self->metrics = zhashx_new ();
    self->twice = 0;
}

static void
s_term (counters_t *self)
{
    zhashx_destroy (&self->names);
    zhashx_destroy (&self->metrics);
}

static void
s_add (counters_t *self, zhashx_t *set, const char *name)
{
    if (zhashx_insert (set, name, self) == -1) {
        printf ("#   twice: %s\n", name);
        self->twice++;
    }
}

//  Is every name of one set in the other, too?

static bool
s_within (zhashx_t *one, zhashx_t *other)
{
    bool within = true;
    for (void *item = zhashx_first (one); item; item = zhashx_next (one)) {
        const char *name = (const char *) zhashx_cursor (one);
        if (!zhashx_lookup (other, name)) {
            printf ("#   only there: %s\n", name);
            within = false;
        }
    }
    return within;
}


//  --------------------------------------------------------------------------
//  The page

//  Add a name of the page, with its words replaced

static void
s_add_words (counters_t *self, zhashx_t *set, const char *name)
{
    for (size_t index = 0; index < WORDS; index++) {
        const char *word = s_words [index].word;
        const char *place = strstr (name, word);
        if (!place)
            continue;
        for (int value = 0; s_words [index].values [value]; value++) {
            char *longer = zsys_sprintf ("%.*s%s%s", (int) (place - name), name,
                s_words [index].values [value], place + strlen (word));
            s_add_words (self, set, longer);
            zstr_free (&longer);
        }
        return;
    }
    s_add (self, set, name);
}

//  Add the name in backquotes with which a cell begins; cells may be empty

static void
s_add_cell (counters_t *self, zhashx_t *set, const char *cell)
{
    char name [200];
    if (cell && sscanf (cell, " `%199[^`]`", name) == 1)
        s_add_words (self, set, name);
}

//  What the page says of one kind

static void
s_read_page (counters_t *self, const char *path, const char *kind)
{
    FILE *file = fopen (path, "r");
    if (!TAP (file != NULL, "doc/counters.md can be read"))
        return;
    char line [2000], other [50];
    bool applies = true;
    while (fgets (line, sizeof (line), file)) {
        if (strncmp (line, "## ", 3) == 0)
            applies = sscanf (line, "## The kind %49s", other) != 1
                   || streq (other, kind);
        if (strncmp (line, "| `", 3) || !applies)
            continue;
        char *rest = line + 1;
        s_add_cell (self, self->names, strsep (&rest, "|"));
        s_add_cell (self, self->metrics, strsep (&rest, "|"));
    }
    fclose (file);
    TAP (self->twice == 0, "%s: the page names each counter once", kind);
}


//  --------------------------------------------------------------------------
//  A relay

static void
s_read_names (counters_t *self, zmsg_t *answer)
{
    zframe_t *frame = zmsg_first (answer);
    while ((frame = zmsg_next (answer))) {
        char *name = zframe_strdup (frame);
        s_add (self, self->names, name);
        zstr_free (&name);
        zmsg_next (answer);     //  Its value
    }
}

//  A sample is NAME{LABELS} VALUE, and begins with the labels that all of this
//  relay's have

static void
s_read_sample (counters_t *self, const char *line, const char *relay)
{
    char *common = zsys_sprintf ("relay=\"%s\",kind=\"%s\"", relay, relay);
    const char *place = strstr (line, common);
    const char *labels = place? place + strlen (common): line;
    bool more = *labels == ',';
    size_t end = more? strcspn (labels, " "): 0;
    char *metric = zsys_sprintf ("%.*s%.*s",
        place? (int) (place - line) - !more: (int) strlen (line), line,
        more? (int) end - 1: 0, labels + more);
    s_add (self, self->metrics, metric);
    zstr_free (&metric);
    zstr_free (&common);
}

static void
s_read_metrics (counters_t *self, zmsg_t *answer, const char *relay)
{
    zrelay_stats_t *stats = zrelay_stats_new (answer);
    char *text = stats? zrelay_stats_prometheus (&stats, 1): strdup ("");
    char *rest = text;
    char *line;
    while ((line = strsep (&rest, "\n")))
        if (*line && *line != '#')
            s_read_sample (self, line, relay);
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
}

static void
s_compare (const char *path, const char *name, zactor_fn *actor)
{
    counters_t page;
    s_init (&page);
    s_read_page (&page, path, name);
    zactor_t *relay = zactor_new (actor, (void *) name);
    assert (relay);
    zstr_send (relay, "STATS");
    zmsg_t *answer = zmsg_recv (relay);
    assert (answer);
    counters_t counters;
    s_init (&counters);
    s_read_names (&counters, answer);
    s_read_metrics (&counters, answer, name);
    TAP (s_within (counters.names, page.names),
         "%s: the page has every counter", name);
    TAP (s_within (page.names, counters.names),
         "%s: every counter on the page is reported", name);
    TAP (s_within (counters.metrics, page.metrics),
         "%s: the page has every name in Prometheus", name);
    TAP (s_within (page.metrics, counters.metrics),
         "%s: every name on the page is in Prometheus", name);
    s_term (&counters);
    s_term (&page);
    zmsg_destroy (&answer);
    zactor_destroy (&relay);
}

int main (void)
{
    TAP_DEADLINE (120);
    const char *folder = getenv ("TOP_SRCDIR");
    char *path = zsys_sprintf ("%s/doc/counters.md", folder? folder: ".");
    for (size_t index = 0; index < KINDS; index++)
        s_compare (path, s_kinds [index].name, s_kinds [index].actor);
    zstr_free (&path);
    return tap_end ();
}
