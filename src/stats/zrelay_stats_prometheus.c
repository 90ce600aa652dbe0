/*  =========================================================================
    zrelay_stats_prometheus - writes statistics as metrics for Prometheus

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

/*
@discuss
    The text exposition format, version 0.0.4, wants all samples of a family
    together, and no name of a family twice. The samples of all relays are
    therefore collected, given their families, and sorted by family.
@end
*/

#include "zrelay_stats_internal.h"
#include "zrelay_stats_output.h"

//  --------------------------------------------------------------------------
//  Types

//  A family that every relay has
typedef struct {
    const char *name;           //  Name of the metric
    const char *type;           //  "counter", "gauge" or "histogram"
    const char *help;           //  One sentence, in characters that need no
                                //  escaping
    bool msecs;                 //  Counted in milliseconds, shown in seconds
} known_t;

static const known_t s_known [ZRELAY_STATS_FAMILIES] = {
    [ZRELAY_STATS_UPTIME] = { "zrelay_uptime_seconds", "gauge",
        "Time since the relay was started.", true },
    [ZRELAY_STATS_STATE] = { "zrelay_state", "gauge",
        "The relay's state, as a label.", false },
    [ZRELAY_STATS_PEERS] = { "zrelay_peers", "gauge",
        "Peers that are connected to a side.", false },
    [ZRELAY_STATS_MESSAGES] = { "zrelay_messages_total", "counter",
        "Messages received from (in) and sent to (out) a side.", false },
    [ZRELAY_STATS_FRAMES] = { "zrelay_frames_total", "counter",
        "Frames received from (in) and sent to (out) a side.", false },
    [ZRELAY_STATS_BYTES] = { "zrelay_bytes_total", "counter",
        "Bytes received from (in) and sent to (out) a side.", false },
    [ZRELAY_STATS_THROTTLED] = { "zrelay_throttled_total", "counter",
        "Times that reading from a side waited for its rate limit.", false },
    [ZRELAY_STATS_HANDSHAKES] = { "zrelay_handshakes_failed_total", "counter",
        "Connections to a side that failed their handshake.", false },
    [ZRELAY_STATS_LEFT_EARLY] = { "zrelay_left_early_total", "counter",
        "Peers of a side that left before their handshake was over.", false },
    [ZRELAY_STATS_CUT] = { "zrelay_cut_total", "counter",
        "Connections to a side that the relay cut.", false },
    [ZRELAY_STATS_STALLS] = { "zrelay_stalls_total", "counter",
        "Times that a flow's output was full.", false },
    [ZRELAY_STATS_STALLED] = { "zrelay_stalled_seconds_total", "counter",
        "Time that a flow waited for its output.", true },
    [ZRELAY_STATS_HELD] = { "zrelay_held_messages", "gauge",
        "Messages that a flow holds now.", false },
    [ZRELAY_STATS_HOLDS] = { "zrelay_held_seconds", "histogram",
        "How long messages were held that no longer are.", false },
    [ZRELAY_STATS_SPOOLED] = { "zrelay_spooled_messages", "gauge",
        "Messages that a flow has on disk.", false },
    [ZRELAY_STATS_SPOOLED_BYTES] = { "zrelay_spooled_bytes", "gauge",
        "Bytes of a flow's messages on disk.", false },
    [ZRELAY_STATS_SPOOLED_AGE] = { "zrelay_spooled_seconds", "gauge",
        "Age of the oldest message that a flow has on disk.", true },
    [ZRELAY_STATS_SPOOL_FAILED] = { "zrelay_spool_failed", "gauge",
        "1 if a flow's disk is full or has failed.", false },
    [ZRELAY_STATS_SPOOL_SENT] = { "zrelay_spool_sent_messages", "gauge",
        "Messages on disk that were sent and may not have left yet.", false },
    [ZRELAY_STATS_SPOOL_RESENT] = { "zrelay_spool_resent_total", "counter",
        "Messages sent again since a connection ended.", false },
    [ZRELAY_STATS_DROPPED] = { "zrelay_dropped_total", "counter",
        "Messages that a flow dropped.", false },
    [ZRELAY_STATS_CAPTURED] = { "zrelay_capture_messages_total", "counter",
        "Messages copied to the capture.", false },
    [ZRELAY_STATS_UNCAPTURED] = { "zrelay_capture_dropped_total", "counter",
        "Messages that the capture could not take.", false }
};

//  A family that is printed. The counts that relays' kinds have under the same
//  name, with any labels, are a family as well.
typedef struct {
    const known_t *known;       //  Its description, or NULL: counts of kinds
    const char *path;           //  Counts of kinds: their name up to the label
    size_t path_size;           //  Characters in path
    char *stem;                 //  Name of the metric, if it is still free
    unsigned number;            //  Otherwise, what is appended to it; or 0
    size_t place;               //  Families are printed in this order
} family_t;

//  One of the relays that are printed together
typedef struct {
    zrelay_stats_t *stats;      //  Its statistics
    size_t number;              //  Its number among those of the same name and
                                //  kind
    char *labels;               //  Labels that all its samples have
} source_t;

//  One line of a family
typedef struct {
    const source_t *source;     //  The relay
    const zrelay_stats_node_t *leaf; //  Its count or word
    const family_t *family;     //  The family
    size_t place;               //  Samples of a family are in this order
} sample_t;

typedef struct {
    source_t *sources;          //  All relays
    size_t source_count;        //  How many there are
    sample_t *samples;          //  All samples
    size_t sample_count;        //  How many there are
    family_t *families;         //  The known ones, then those of kinds
    size_t family_count;        //  How many there are
} exposition_t;

//  --------------------------------------------------------------------------
//  Sources

static void *
s_array_new (size_t count, size_t size)
{
    //  One more, since an array of nothing might be NULL
    void *array = zmalloc ((count + 1) * size);
    assert (array);
    return array;
}

static int
s_compare_places (size_t one, size_t two)
{
    return one < two? -1: one > two;
}

static int
s_compare_names (const source_t *one, const source_t *two)
{
    int order = strcmp (zrelay_stats_name (one->stats),
                        zrelay_stats_name (two->stats));
    return order? order: strcmp (zrelay_stats_kind (one->stats),
                                 zrelay_stats_kind (two->stats));
}

//  Order by name, then by kind, then as the caller gave them

static int
s_compare_sources (const void *first, const void *second)
{
    const source_t *one = *(source_t *const *) first;
    const source_t *two = *(source_t *const *) second;
    int order = s_compare_names (one, two);
    return order? order: one < two? -1: one > two;
}

//  Relays of the same name and kind would yield the same samples twice, which
//  the format does not allow. A number tells the second and later ones apart.

static void
s_number_sources (exposition_t *self)
{
    source_t **sorted =
        (source_t **) s_array_new (self->source_count, sizeof (source_t *));
    for (size_t index = 0; index < self->source_count; index++)
        sorted [index] = &self->sources [index];
    qsort (sorted, self->source_count, sizeof (sorted [0]),
           s_compare_sources);
    for (size_t index = 0; index < self->source_count; index++) {
        bool again = index
            && s_compare_names (sorted [index - 1], sorted [index]) == 0;
        sorted [index]->number = again? sorted [index - 1]->number + 1: 1;
    }
    free (sorted);
}

static char *
s_source_labels (const source_t *self)
{
    zchunk_t *output = zrelay_stats_output_new ();
    zrelay_stats_putf (output, "relay=\"%s\",kind=\"%s\"",
                       zrelay_stats_name (self->stats),
                       zrelay_stats_kind (self->stats));
    if (self->number > 1)
        zrelay_stats_putf (output, ",number=\"%zu\"", self->number);
    return zrelay_stats_output_finish (&output);
}

//  --------------------------------------------------------------------------
//  Samples and their families

//  Collect all samples. Those of known families get their family.

static void
s_collect (exposition_t *self)
{
    for (size_t index = 0; index < self->source_count; index++) {
        const source_t *source = &self->sources [index];
        const zrelay_outline_t *outline = source->stats->outline;
        const zrelay_stats_node_t *leaf = outline->nodes;
        for (; leaf < outline->nodes + outline->leaves; leaf++) {
            if (leaf->metric? leaf->metric->family == ZRELAY_STATS_SUM:
                              leaf->type == ZRELAY_STATS_WORD)
                continue;
            sample_t *sample = &self->samples [self->sample_count];
            sample->source = source;
            sample->leaf = leaf;
            sample->family = leaf->metric?
                &self->families [leaf->metric->family]: NULL;
            sample->place = self->sample_count++;
        }
    }
}

//  Order by name up to the label, then as collected

static int
s_compare_paths (const void *first, const void *second)
{
    const sample_t *one = *(sample_t *const *) first;
    const sample_t *two = *(sample_t *const *) second;
    size_t size = one->leaf->base < two->leaf->base? one->leaf->base:
                                                     two->leaf->base;
    int order = memcmp (one->leaf->name, two->leaf->name, size);
    if (order == 0)
        order = s_compare_places (one->leaf->base, two->leaf->base);
    return order? order: s_compare_places (one->place, two->place);
}

//  Add the family of a count that belongs to a kind

static family_t *
s_family_add (exposition_t *self, const sample_t *first)
{
    family_t *family = &self->families [self->family_count++];
    family->path = first->leaf->name;
    family->path_size = first->leaf->base;
    family->stem = zsys_sprintf ("zrelay_%.*s", (int) first->leaf->base,
                                 first->leaf->name);
    assert (family->stem);
    for (char *character = family->stem; *character; character++)
        if (*character == '.')
            *character = '_';
    family->place = ZRELAY_STATS_FAMILIES + first->place;
    return family;
}

//  Give their families to the counts that belong to kinds

static void
s_classify (exposition_t *self)
{
    sample_t **sorted =
        (sample_t **) s_array_new (self->sample_count, sizeof (sample_t *));
    size_t count = 0;
    for (size_t index = 0; index < self->sample_count; index++)
        if (!self->samples [index].family)
            sorted [count++] = &self->samples [index];
    qsort (sorted, count, sizeof (sorted [0]), s_compare_paths);
    family_t *family = NULL;
    for (size_t index = 0; index < count; index++) {
        const zrelay_stats_node_t *leaf = sorted [index]->leaf;
        if (!family || leaf->base != family->path_size
        ||  memcmp (leaf->name, family->path, leaf->base) != 0)
            family = s_family_add (self, sorted [index]);
        sorted [index]->family = family;
    }
    free (sorted);
}

//  --------------------------------------------------------------------------
//  Names of families

//  Order by stem

static int
s_compare_stems (const void *first, const void *second)
{
    const family_t *one = *(family_t *const *) first;
    const family_t *two = *(family_t *const *) second;
    return strcmp (one->stem, two->stem);
}

//  Order by stem, then by place

static int
s_compare_named (const void *first, const void *second)
{
    const family_t *one = *(family_t *const *) first;
    const family_t *two = *(family_t *const *) second;
    int order = strcmp (one->stem, two->stem);
    return order? order: s_compare_places (one->place, two->place);
}

//  Return the lowest number from start on that makes no other family's stem
//  when it is appended to stem

static unsigned
s_free_number (family_t **sorted, size_t count, const char *stem,
               unsigned start)
{
    for (unsigned number = start;; number++) {
        family_t pattern = { .stem = zsys_sprintf ("%s_%u", stem, number) };
        assert (pattern.stem);
        family_t *key = &pattern;
        void *taken = bsearch (&key, sorted, count, sizeof (sorted [0]),
                               s_compare_stems);
        zstr_free (&pattern.stem);
        if (!taken)
            return number;
    }
}

//  "a.b" and "a_b" have the same stem. The first keeps it, and a number is
//  appended for each other one. Known families are the first of all. Numbers
//  are not tried twice, so this remains n log n.

static void
s_number_families (exposition_t *self)
{
    family_t **sorted =
        (family_t **) s_array_new (self->family_count, sizeof (family_t *));
    for (size_t index = 0; index < self->family_count; index++)
        sorted [index] = &self->families [index];
    qsort (sorted, self->family_count, sizeof (sorted [0]), s_compare_named);
    unsigned number = 1;
    for (size_t index = 1; index < self->family_count; index++) {
        family_t *family = sorted [index];
        if (streq (family->stem, sorted [index - 1]->stem)) {
            number = s_free_number (sorted, self->family_count, family->stem,
                                    number + 1);
            family->number = number;
        }
        else
            number = 1;
    }
    free (sorted);
}

//  --------------------------------------------------------------------------
//  Printing

static void
s_put_name (zchunk_t *output, const family_t *family)
{
    zrelay_stats_put (output, family->stem);
    if (family->number)
        zrelay_stats_putf (output, "_%u", family->number);
}

static void
s_put_head (zchunk_t *output, const family_t *family)
{
    zrelay_stats_put (output, "# HELP ");
    s_put_name (output, family);
    if (family->known)
        zrelay_stats_putf (output, " %s\n", family->known->help);
    else
        zrelay_stats_putf (output, " The count %.*s of the relay's kind.\n",
                           (int) family->path_size, family->path);
    zrelay_stats_put (output, "# TYPE ");
    s_put_name (output, family);
    zrelay_stats_putf (output, " %s\n",
                       family->known? family->known->type: "untyped");
}

//  Write milliseconds as seconds

static void
s_put_seconds (zchunk_t *output, uint64_t msecs)
{
    zrelay_stats_putf (output, "%" PRIu64 ".%03u", msecs / ZRELAY_STATS_MSECS,
                       (unsigned) (msecs % ZRELAY_STATS_MSECS));
}

//  Write the labels that a leaf has by its metric

static void
s_put_metric (zchunk_t *output, const sample_t *sample)
{
    const zrelay_stats_node_t *leaf = sample->leaf;
    const char *word = zrelay_stats_word_of (sample->source->stats, leaf);
    const zrelay_stats_metric_t *metric = leaf->metric;
    if (leaf->subject)
        zrelay_stats_putf (output, ",%s=\"%s\"", leaf->subject->label,
                           leaf->subject->name);
    if (!metric->label)
        return;
    zrelay_stats_putf (output, ",%s=\"", metric->label);
    //  A bound of a histogram, which is counted in milliseconds
    if (metric->suffix)
        s_put_seconds (output, strtoull (leaf->detail, NULL, 10));
    else
        zrelay_stats_put (output, metric->value? metric->value:
                          word? word: leaf->detail);
    zrelay_stats_put (output, "\"");
}

//  Write the label in the name of a leaf. Every sample has some labels
//  already, a label's name does not begin with a digit, and Prometheus keeps
//  those with two underscores to itself: such labels get "own_" before them.

static void
s_put_label (zchunk_t *output, const zrelay_stats_node_t *leaf)
{
    static const char *taken [] = { "relay", "kind", "number", NULL };
    const char *label = leaf->name + leaf->base + 1;
    size_t size = strcspn (label, "=");
    bool own = isdigit ((unsigned char) *label)
            || strncmp (label, "__", strlen ("__")) == 0;
    for (size_t index = 0; taken [index]; index++)
        own = own || (strlen (taken [index]) == size
                      && strncmp (label, taken [index], size) == 0);
    zrelay_stats_putf (output, ",%s%.*s=\"%.*s\"", own? "own_": "",
                       (int) size, label, (int) leaf->part_size, leaf->part);
}

//  True if a leaf counts milliseconds, which are shown as seconds

static bool
s_is_msecs (const sample_t *sample)
{
    const known_t *known = sample->family->known;
    const zrelay_stats_metric_t *metric = sample->leaf->metric;
    return known && (known->msecs
        || (metric->suffix && streq (metric->suffix, "_sum")));
}

static void
s_put_value (zchunk_t *output, const sample_t *sample)
{
    const zrelay_stats_t *stats = sample->source->stats;
    if (sample->leaf->type == ZRELAY_STATS_WORD)
        zrelay_stats_put (output, "1");
    else
    if (s_is_msecs (sample))
        s_put_seconds (output, zrelay_stats_count_of (stats, sample->leaf));
    else
        zrelay_stats_putf (output, "%" PRIu64,
                           zrelay_stats_count_of (stats, sample->leaf));
    zrelay_stats_put (output, "\n");
}

//  Write one line. label is one more, or "".

static void
s_put_line (zchunk_t *output, const sample_t *sample, const char *suffix,
            const char *label)
{
    s_put_name (output, sample->family);
    zrelay_stats_putf (output, "%s{%s", suffix, sample->source->labels);
    if (sample->leaf->metric)
        s_put_metric (output, sample);
    else
    if (sample->leaf->base < sample->leaf->size)
        s_put_label (output, sample->leaf);
    zrelay_stats_putf (output, "%s} ", label);
    s_put_value (output, sample);
}

//  The number of all that a histogram has counted is also its last bucket

static void
s_put_sample (zchunk_t *output, const sample_t *sample)
{
    const zrelay_stats_metric_t *metric = sample->leaf->metric;
    const char *suffix = metric && metric->suffix? metric->suffix: "";
    if (streq (suffix, "_count"))
        s_put_line (output, sample, "_bucket", ",le=\"+Inf\"");
    s_put_line (output, sample, suffix, "");
}

//  Order by family, then by place

static int
s_compare_samples (const void *first, const void *second)
{
    const sample_t *one = (const sample_t *) first;
    const sample_t *two = (const sample_t *) second;
    int order = s_compare_places (one->family->place, two->family->place);
    return order? order: s_compare_places (one->place, two->place);
}

static char *
s_print (exposition_t *self)
{
    qsort (self->samples, self->sample_count, sizeof (sample_t),
           s_compare_samples);
    zchunk_t *output = zrelay_stats_output_new ();
    const family_t *family = NULL;
    for (size_t index = 0; index < self->sample_count; index++) {
        const sample_t *sample = &self->samples [index];
        if (sample->family != family)
            s_put_head (output, sample->family);
        family = sample->family;
        s_put_sample (output, sample);
    }
    return zrelay_stats_output_finish (&output);
}

//  --------------------------------------------------------------------------
//  All of it

static void
s_begin (exposition_t *self, zrelay_stats_t **stats, size_t count)
{
    self->source_count = count;
    self->sources = (source_t *) s_array_new (count, sizeof (source_t));
    size_t leaves = 0;
    for (size_t index = 0; index < count; index++) {
        assert (stats [index]);
        self->sources [index].stats = stats [index];
        leaves += stats [index]->outline->leaves;
    }
    s_number_sources (self);
    for (size_t index = 0; index < count; index++)
        self->sources [index].labels =
            s_source_labels (&self->sources [index]);

    self->samples = (sample_t *) s_array_new (leaves, sizeof (sample_t));
    self->families = (family_t *)
        s_array_new (ZRELAY_STATS_FAMILIES + leaves, sizeof (family_t));
    self->family_count = ZRELAY_STATS_FAMILIES;
    for (size_t index = 0; index < ZRELAY_STATS_FAMILIES; index++) {
        family_t *family = &self->families [index];
        family->known = &s_known [index];
        family->stem = strdup (s_known [index].name);
        assert (family->stem);
        family->place = index;
    }
}

static void
s_end (exposition_t *self)
{
    for (size_t index = 0; index < self->source_count; index++)
        free (self->sources [index].labels);
    for (size_t index = 0; index < self->family_count; index++)
        free (self->families [index].stem);
    free (self->sources);
    free (self->samples);
    free (self->families);
}

char *
zrelay_stats_prometheus (zrelay_stats_t **stats, size_t count)
{
    assert (stats || count == 0);
    exposition_t self = { .sources = NULL };
    s_begin (&self, stats, count);
    s_collect (&self);
    s_classify (&self);
    s_number_families (&self);
    char *text = s_print (&self);
    s_end (&self);
    return text;
}
