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
//  with these two names in backquotes. Under a heading with names of kinds in
//  backquotes, it is about these kinds only.

#include <zrelay.h>
#include "tap.h"

//  The service that the majordomo's worker serves
#define SERVICE "coffee"

//  Words on the page that stand for others
static const struct {
    const char *word;           //  As on the page
    const char *first;          //  As relays report it; NULL: the relay's state
    const char *second;         //  The same of relays with two sides, or NULL
} s_words [] = {
    { "SIDE", "frontend", "backend" },
    { "FLOW", "forward", "return" },
    { "STATE", NULL, NULL },
    { "SERVICE", SERVICE, NULL }
};
#define WORDS (sizeof (s_words) / sizeof (s_words [0]))

typedef struct {
    const zrelay_kind_t *kind;  //  Whose counters these are
    const char *state;          //  Its relay's state
    zhashx_t *names;            //  As in STATS
    zhashx_t *metrics;          //  As in Prometheus, without relay and kind
    size_t twice;               //  Names that came more than once
} counters_t;


//  --------------------------------------------------------------------------
//  Sets of names

static void
s_init (counters_t *self, const zrelay_kind_t *kind, const char *state)
{
    self->kind = kind;
    self->state = state;
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
    bool two_sides = self->kind->backend.types != NULL;
    for (size_t index = 0; index < WORDS; index++) {
        const char *word = s_words [index].word;
        const char *place = strstr (name, word);
        if (!place)
            continue;
        const char *first = s_words [index].first;
        const char *second = two_sides? s_words [index].second: NULL;
        for (const char *value = first? first: self->state; value;
             value = value == second? NULL: second) {
            char *other = zsys_sprintf ("%.*s%s%s", (int) (place - name), name,
                                        value, place + strlen (word));
            s_add_words (self, set, other);
            zstr_free (&other);
        }
        return;
    }
    s_add (self, set, name);
}

//  Is what follows this heading about the kind? It is if the heading names the
//  kind, or none.

static bool
s_is_about (const char *heading, const zrelay_kind_t *kind)
{
    char *quoted = zsys_sprintf ("`%s`", kind->name);
    bool about = !strchr (heading, '`') || strstr (heading, quoted);
    zstr_free (&quoted);
    return about;
}

//  Add the name in backquotes with which a cell begins; cells may be empty

static void
s_add_cell (counters_t *self, zhashx_t *set, const char *cell)
{
    char name [200];
    if (cell && sscanf (cell, " `%199[^`]`", name) == 1)
        s_add_words (self, set, name);
}

static void
s_read_page (counters_t *self, const char *path)
{
    FILE *file = fopen (path, "r");
    if (!TAP (file != NULL, "doc/counters.md can be read"))
        return;
    char line [2000];
    bool about = true;
    while (fgets (line, sizeof (line), file)) {
        if (*line == '#')
            about = s_is_about (line, self->kind);
        if (!about || strncmp (line, "| `", 3))
            continue;
        char *rest = line + 1;
        s_add_cell (self, self->names, strsep (&rest, "|"));
        s_add_cell (self, self->metrics, strsep (&rest, "|"));
    }
    fclose (file);
    TAP (self->twice == 0, "%s: the page names each counter once",
         self->kind->name);
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
        //  The last bucket of a histogram equals its count
        if (*line && *line != '#' && !strstr (line, "le=\"+Inf\""))
            s_read_sample (self, line, relay);
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
}

//  A worker, for the caller to destroy. The majordomo then has the counters of
//  its service.

static zsock_t *
s_serve (zactor_t *relay)
{
    zstr_sendx (relay, "BIND", "FRONTEND", "tcp://127.0.0.1:*", NULL);
    assert (zsock_wait (relay) == ZRELAY_STATUS_DONE);
    char *query, *endpoint;
    zstr_sendx (relay, "ENDPOINT", "FRONTEND", NULL);
    zstr_recvx (relay, &query, &endpoint, NULL);
    zsock_t *worker = zsock_new_dealer (endpoint);
    zstr_sendx (worker, "MDPW02", "\x01", SERVICE, NULL);
    uint64_t workers = 0;
    while (workers == 0) {
        zrelay_stats_t *stats = zrelay_stats_query (relay);
        workers = zrelay_stats_value (stats, "workers");
        zrelay_stats_destroy (&stats);
    }
    zstr_free (&query);
    zstr_free (&endpoint);
    return worker;
}

static void
s_compare (const zrelay_kind_t *kind, const char *path)
{
    const char *name = kind->name;
    zactor_t *relay = zrelay_engine_spawn (kind, name);
    assert (relay);
    zsock_t *worker = streq (name, "majordomo")? s_serve (relay): NULL;
    zstr_send (relay, "STATS");
    zmsg_t *answer = zmsg_recv (relay);
    assert (answer);
    const char *state = worker? "active": "idle";
    counters_t page;
    s_init (&page, kind, state);
    s_read_page (&page, path);
    counters_t counters;
    s_init (&counters, kind, state);
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
    zsock_destroy (&worker);
    zactor_destroy (&relay);
}

int main (void)
{
    TAP_DEADLINE (120);
    const char *folder = getenv ("TOP_SRCDIR");
    char *path = zsys_sprintf ("%s/doc/counters.md", folder? folder: ".");
    const zrelay_kind_t *const *kinds = zrelay_kinds ();
    for (; *kinds; kinds++)
        s_compare (*kinds, path);
    zstr_free (&path);
    return tap_end ();
}
