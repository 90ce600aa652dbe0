/*  =========================================================================
    zrelay_stats_prometheus - metrics for Prometheus of zrelay_stats

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_stats_internal.h"
#include "zrelay_stats_output.h"

typedef struct {
    const char *name;           //  Name of the metric
    const char *type;           //  "counter" or "gauge"
    const char *help;           //  One sentence, in characters that need no
                                //  escaping
    bool msecs;                 //  Counted in milliseconds, told in seconds
} family_t;

static const family_t s_families [ZRELAY_STATS_FAMILIES] = {
    [ZRELAY_STATS_UPTIME] = { "zrelay_uptime_seconds", "gauge",
        "Time since the relay was started.", true },
    [ZRELAY_STATS_STATE] = { "zrelay_state", "gauge",
        "The state that the relay is in, as a label.", false },
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
    [ZRELAY_STATS_STALLS] = { "zrelay_stalls_total", "counter",
        "Times that a flow's output could take no more.", false },
    [ZRELAY_STATS_STALLED] = { "zrelay_stalled_seconds_total", "counter",
        "Time that a flow waited for its output.", true },
    [ZRELAY_STATS_HELD] = { "zrelay_held_messages", "gauge",
        "Messages that a flow holds now.", false },
    [ZRELAY_STATS_DROPPED] = { "zrelay_dropped_total", "counter",
        "Messages that a flow dropped.", false },
    [ZRELAY_STATS_CAPTURED] = { "zrelay_capture_messages_total", "counter",
        "Messages copied to the capture.", false },
    [ZRELAY_STATS_UNCAPTURED] = { "zrelay_capture_dropped_total", "counter",
        "Messages that the capture could not take.", false }
};

//  One of the relays that are printed together
typedef struct {
    zrelay_stats_t *stats;      //  What it counted
    char *labels;               //  Labels that all its samples have
} source_t;

//  Relays of the same kind and name would give the same samples twice, which
//  the format does not allow. A number tells the second and later ones apart.

static char *
s_source_labels (source_t *sources, size_t index)
{
    zrelay_stats_t *stats = sources [index].stats;
    size_t number = 1;
    for (size_t other = 0; other < index; other++)
        if (streq (sources [other].stats->name->word, stats->name->word)
        &&  streq (sources [other].stats->kind->word, stats->kind->word))
            number++;

    zchunk_t *output = zrelay_stats_output_new ();
    zrelay_stats_putf (output, "relay=\"%s\",kind=\"%s\"",
                       stats->name->word, stats->kind->word);
    if (number > 1)
        zrelay_stats_putf (output, ",number=\"%zu\"", number);
    return zrelay_stats_output_finish (&output);
}

static void
s_put_family (zchunk_t *output, const char *name, const char *type,
              const char *help)
{
    zrelay_stats_putf (output, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
s_put_sample (zchunk_t *output, source_t *source, zrelay_stats_node_t *node)
{
    const zrelay_stats_metric_t *metric = node->metric;
    const family_t *family = &s_families [metric->family];
    zrelay_stats_putf (output, "%s{%s", family->name, source->labels);
    if (node->subject)
        zrelay_stats_putf (output, ",%s=\"%s\"", node->subject->label,
                  node->subject->name);
    if (metric->label) {
        const char *value = metric->value? metric->value:
                            node->word? node->word: node->detail;
        zrelay_stats_putf (output, ",%s=\"%s\"", metric->label, value);
    }
    if (node->word)
        zrelay_stats_put (output, "} 1\n");
    else
    if (family->msecs)
        zrelay_stats_putf (output, "} %" PRIu64 ".%03u\n",
                  node->value / ZRELAY_STATS_MSECS,
                  (unsigned) (node->value % ZRELAY_STATS_MSECS));
    else
        zrelay_stats_putf (output, "} %" PRIu64 "\n", node->value);
}

//  Write all samples of one family, if there are any

static void
s_put_known (zchunk_t *output, source_t *sources, size_t count,
             zrelay_stats_family_t id)
{
    const family_t *family = &s_families [id];
    bool started = false;
    for (size_t index = 0; index < count; index++) {
        zrelay_stats_node_t *node = sources [index].stats->root.next;
        for (; node; node = node->next) {
            if (!node->metric || node->metric->family != id)
                continue;
            if (!started)
                s_put_family (output, family->name, family->type,
                              family->help);
            started = true;
            s_put_sample (output, &sources [index], node);
        }
    }
}

//  Return a new name for the family of a count that is not known. Two counts
//  never share one: where "a.b" has taken zrelay_a_b, "a_b" gets zrelay_a_b_.

static char *
s_family_name (zhashx_t *families, const char *path)
{
    char *name = zsys_sprintf ("zrelay_%s", path);
    assert (name);
    for (char *character = name; *character; character++)
        if (*character == '.')
            *character = '_';
    while (zhashx_lookup (families, name)) {
        char *longer = zsys_sprintf ("%s_", name);
        assert (longer);
        zstr_free (&name);
        name = longer;
    }
    zhashx_insert (families, name, (void *) path);
    return name;
}

//  Write the samples that all relays have of a count that is not known

static void
s_put_unknown (zchunk_t *output, source_t *sources, size_t count,
               const char *name, const char *path)
{
    zrelay_stats_putf (output, "# HELP %s The relay's own count %s.\n", name, path);
    zrelay_stats_putf (output, "# TYPE %s untyped\n", name);
    for (size_t index = 0; index < count; index++) {
        zrelay_stats_node_t *node = zrelay_stats_count (sources [index].stats, path);
        if (node)
            zrelay_stats_putf (output, "%s{%s} %" PRIu64 "\n", name,
                      sources [index].labels, node->value);
    }
}

//  Write what s_metrics does not describe, each as a family of its own

static void
s_put_all_unknown (zchunk_t *output, source_t *sources, size_t count)
{
    zhashx_t *families = zhashx_new ();     //  Names that are taken
    zhashx_t *written = zhashx_new ();      //  Paths that were written
    assert (families && written);
    for (size_t id = 0; id < ZRELAY_STATS_FAMILIES; id++)
        zhashx_insert (families, s_families [id].name,
                       (void *) s_families [id].name);
    for (size_t index = 0; index < count; index++) {
        zrelay_stats_node_t *node = sources [index].stats->root.next;
        for (; node; node = node->next) {
            if (node->type != ZRELAY_STATS_COUNT || node->metric
            ||  zhashx_insert (written, node->path, node))
                continue;
            char *name = s_family_name (families, node->path);
            s_put_unknown (output, sources, count, name, node->path);
            zstr_free (&name);
        }
    }
    zhashx_destroy (&families);
    zhashx_destroy (&written);
}

char *
zrelay_stats_prometheus (zrelay_stats_t **stats, size_t count)
{
    assert (stats || count == 0);
    //  One more, since zmalloc need not return anything for nothing
    source_t *sources = (source_t *) zmalloc ((count + 1) * sizeof (source_t));
    assert (sources);
    for (size_t index = 0; index < count; index++) {
        assert (stats [index]);
        sources [index].stats = stats [index];
        sources [index].labels = s_source_labels (sources, index);
    }
    zchunk_t *output = zrelay_stats_output_new ();
    for (size_t id = 0; id < ZRELAY_STATS_FAMILIES; id++)
        s_put_known (output, sources, count, (zrelay_stats_family_t) id);
    s_put_all_unknown (output, sources, count);

    for (size_t index = 0; index < count; index++)
        free (sources [index].labels);
    free (sources);
    return zrelay_stats_output_finish (&output);
}
