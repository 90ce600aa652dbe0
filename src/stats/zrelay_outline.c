/*  =========================================================================
    zrelay_outline - the names in a relay's statistics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

/*
@header
    Names are kept as a tree, because JSON shows a tree: the parts of
    "frontend.in.messages" are nested groups, and the last part is a count.
    This adds two rules. No part may be empty, and no name may be the
    beginning of another one ("a" and "a.b"), because it would have to be a
    number and an object at once. The names of a group need not stand
    together in the answer; JSON shows the group at the place of its first
    name.
@discuss
    Strangers choose some of the names: a worker chooses the name of its
    service, which becomes a label. A hash table would let them choose names
    that collide, and zhashx, which grows until names no longer collide,
    takes all memory for thirty such names and aborts. The names are
    therefore sorted, and found by bisection.

    Each leaf is classified by s_metrics. A count without a row there belongs
    to the relay's kind, and is printed in every form as well.
@end
*/

#include "zrelay_outline.h"

//  --------------------------------------------------------------------------
//  The words and counts that every relay has

const zrelay_stats_subject_t zrelay_stats_subjects [] = {
    { "side", "frontend" },
    { "side", "backend" },
    { "flow", "forward" },
    { "flow", "return" },
    { NULL, NULL }
};

static const zrelay_stats_metric_t s_metrics [] = {
    { NULL, "uptime_ms", ZRELAY_STATS_UPTIME, NULL, NULL, NULL },
    { NULL, "state", ZRELAY_STATS_STATE, "state", NULL, NULL },
    { NULL, "capture.messages", ZRELAY_STATS_CAPTURED, NULL, NULL, NULL },
    { NULL, "capture.dropped", ZRELAY_STATS_UNCAPTURED, NULL, NULL, NULL },
    { "side", "in.messages", ZRELAY_STATS_MESSAGES, "direction", "in", NULL },
    { "side", "in.frames", ZRELAY_STATS_FRAMES, "direction", "in", NULL },
    { "side", "in.bytes", ZRELAY_STATS_BYTES, "direction", "in", NULL },
    { "side", "out.messages", ZRELAY_STATS_MESSAGES, "direction", "out", NULL },
    { "side", "out.frames", ZRELAY_STATS_FRAMES, "direction", "out", NULL },
    { "side", "out.bytes", ZRELAY_STATS_BYTES, "direction", "out", NULL },
    { "side", "peers", ZRELAY_STATS_PEERS, NULL, NULL, NULL },
    { "side", "throttled", ZRELAY_STATS_THROTTLED, NULL, NULL, NULL },
    { "side", "handshakes_failed", ZRELAY_STATS_SUM, NULL, NULL, NULL },
    { "side", "handshakes_failed_*", ZRELAY_STATS_HANDSHAKES, "reason", NULL,
      NULL },
    { "side", "left_early", ZRELAY_STATS_LEFT_EARLY, NULL, NULL, NULL },
    { "side", "cut", ZRELAY_STATS_SUM, NULL, NULL, NULL },
    { "side", "cut_*", ZRELAY_STATS_CUT, "reason", NULL, NULL },
    { "flow", "stalls", ZRELAY_STATS_STALLS, NULL, NULL, NULL },
    { "flow", "stalled_ms", ZRELAY_STATS_STALLED, NULL, NULL, NULL },
    { "flow", "held", ZRELAY_STATS_HELD, NULL, NULL, NULL },
    { "flow", "holds_within_*", ZRELAY_STATS_HOLDS, "le", NULL, "_bucket" },
    { "flow", "holds", ZRELAY_STATS_HOLDS, NULL, NULL, "_count" },
    { "flow", "holds_ms", ZRELAY_STATS_HOLDS, NULL, NULL, "_sum" },
    { "flow", "spooled", ZRELAY_STATS_SPOOLED, NULL, NULL, NULL },
    { "flow", "spooled_bytes", ZRELAY_STATS_SPOOLED_BYTES, NULL, NULL, NULL },
    { "flow", "spooled_ms", ZRELAY_STATS_SPOOLED_AGE, NULL, NULL, NULL },
    { "flow", "spool_failed", ZRELAY_STATS_SPOOL_FAILED, NULL, NULL, NULL },
    { "flow", "spool_sent", ZRELAY_STATS_SPOOL_SENT, NULL, NULL, NULL },
    { "flow", "spool_resent", ZRELAY_STATS_SPOOL_RESENT, NULL, NULL, NULL },
    { "flow", "dropped", ZRELAY_STATS_SUM, NULL, NULL, NULL },
    { "flow", "dropped_*", ZRELAY_STATS_DROPPED, "reason", NULL, NULL },
};
#define METRICS (sizeof (s_metrics) / sizeof (s_metrics [0]))

//  Return true if a name matches the path of a metric, and set *detail_p to
//  the part of the name that "*" stands for, or to NULL.

static bool
s_matches (const char *name, const char *path, const char **detail_p)
{
    size_t fixed = strlen (path);
    bool open = path [fixed - 1] == '*';
    fixed -= open;
    if (strncmp (name, path, fixed) != 0 || (name [fixed] != 0) != open)
        return false;
    *detail_p = open? name + fixed: NULL;
    return true;
}

//  Return the subject of a name, or the last, empty one if it has none

static const zrelay_stats_subject_t *
s_subject (const char *name)
{
    const zrelay_stats_subject_t *subject = zrelay_stats_subjects;
    for (; subject->name; subject++) {
        size_t size = strlen (subject->name);
        if (strncmp (name, subject->name, size) == 0 && name [size] == '.')
            break;
    }
    return subject;
}

//  Find the metric of a leaf. Labels are for counts of a kind, which have
//  none. Leaves come in the order of the table, so the search goes on where the
//  last one ended.

static void
s_classify (zrelay_outline_t *self, zrelay_stats_node_t *leaf)
{
    if (leaf->base < leaf->size)
        return;
    const zrelay_stats_subject_t *subject = s_subject (leaf->name);
    const char *name = leaf->name;
    if (subject->name)
        name += strlen (subject->name) + 1;
    for (size_t index = 0; index < METRICS; index++) {
        size_t row = (self->hint + index) % METRICS;
        const zrelay_stats_metric_t *metric = &s_metrics [row];
        bool same = metric->subject && subject->label?
            streq (metric->subject, subject->label):
            metric->subject == subject->label;
        if (same && s_matches (name, metric->path, &leaf->detail)) {
            leaf->metric = metric;
            leaf->subject = subject->name? subject: NULL;
            self->hint = row;
            return;
        }
    }
}

//  --------------------------------------------------------------------------
//  Names

//  The characters of a kind, of a relay's name and of a state; of the name of
//  a count; and of a label's value, all of them besides letters, digits and
//  "_", of which labels consist. None of them has a meaning in any output
//  format, so nothing ever needs to be escaped.
#define S_WORD_CHARACTERS   "-."
#define S_NAME_CHARACTERS   "."
#define S_VALUE_CHARACTERS  "-.%"

//  How many of these characters a text of at most so many begins with

static size_t
s_span (const char *text, size_t size, const char *others)
{
    size_t count = 0;
    for (; count < size && text [count]; count++) {
        char letter = text [count] | 0x20;
        bool plain = (letter >= 'a' && letter <= 'z') || text [count] == '_'
                  || (text [count] >= '0' && text [count] <= '9');
        if (!plain && !strchr (others, text [count]))
            break;
    }
    return count;
}

bool
zrelay_outline_is_word (const char *word)
{
    size_t size = strlen (word);
    return size <= ZRELAY_STATS_NAME_MAX
        && s_span (word, size, S_WORD_CHARACTERS) == size;
}

//  Check the first size characters of the name of a count: those before its
//  label, which begins with "{", or all of them

static bool
s_base_is_valid (const char *name, size_t size)
{
    if (size > ZRELAY_STATS_NAME_MAX
    ||  s_span (name, size, S_NAME_CHARACTERS) != size)
        return false;
    size_t part = 0;            //  Characters since the last dot
    for (size_t index = 0; index < size; index++) {
        if (name [index] != '.')
            part++;
        else
        if (part)
            part = 0;
        else
            return false;
    }
    return part > 0;
}

//  Check "{LABEL=VALUE}"

static bool
s_label_is_valid (const char *text)
{
    const char *label = text + 1;
    size_t size = s_span (label, SIZE_MAX, "");
    if (size == 0 || label [size] != '=')
        return false;
    const char *value = label + size + 1;
    size = s_span (value, SIZE_MAX, S_VALUE_CHARACTERS);
    return size > 0 && streq (value + size, "}");
}

static bool
s_name_is_valid (const zrelay_stats_node_t *leaf)
{
    return leaf->size <= ZRELAY_STATS_LABELLED_MAX
        && s_base_is_valid (leaf->name, leaf->base)
        && (leaf->base == leaf->size
         || s_label_is_valid (leaf->name + leaf->base));
}

//  --------------------------------------------------------------------------
//  The index: all leaves, sorted by name

//  Order of characters. Separators come first, so that "a" is followed by
//  "a.b", then by "a{c=d}", and only then by "a-" or "aa".

static int
s_rank (char character)
{
    static const char separators [] = ".{";
    const char *separator = character? strchr (separators, character): NULL;
    if (separator)
        return 1 + (int) (separator - separators);
    return character? (int) strlen (separators) + (unsigned char) character: 0;
}

static int
s_compare (const void *first, const void *second)
{
    const char *one = (*(zrelay_stats_node_t *const *) first)->name;
    const char *two = (*(zrelay_stats_node_t *const *) second)->name;
    for (; *one && *one == *two; one++)
        two++;
    return s_rank (*one) - s_rank (*two);
}

//  Return true if a name of the index and the next one cannot both be in the
//  tree. Thanks to the order of the index, two names that contradict each
//  other imply two neighbours that do.

static bool
s_contradicts (const zrelay_stats_node_t *self,
               const zrelay_stats_node_t *next)
{
    //  "a" and "a", which ends where self does, or "a.b", or "a{b=c}"
    if (strncmp (self->name, next->name, self->size) == 0) {
        char end = next->name [self->size];
        if (end == 0 || end == '.' || end == '{')
            return true;
    }
    //  "a.b" and "a{c=d}"
    return next->base < next->size
        && strncmp (self->name, next->name, next->base) == 0
        && self->name [next->base] == '.';
}

//  Returns -1 if two names contradict each other

static int
s_index_build (zrelay_outline_t *self)
{
    self->index = (zrelay_stats_node_t **)
        zmalloc (self->leaves * sizeof (zrelay_stats_node_t *));
    assert (self->index);
    for (size_t position = 0; position < self->leaves; position++)
        self->index [position] = &self->nodes [position];
    qsort (self->index, self->leaves, sizeof (self->index [0]), s_compare);
    for (size_t position = 1; position < self->leaves; position++)
        if (s_contradicts (self->index [position - 1],
                           self->index [position]))
            return -1;
    return 0;
}

//  --------------------------------------------------------------------------
//  The tree

//  Return the length of the part of name that starts at start

static size_t
s_part_size (const char *name, size_t start)
{
    //  The value of a label is one part, even if it contains dots
    bool value = start > 0 && name [start - 1] == '=';
    return strcspn (name + start, value? "}": ".{=");
}

static bool
s_is_within (const zrelay_stats_node_t *leaf, const zrelay_stats_node_t *group)
{
    //  Another name may be shorter, but then it differs before its end
    return strncmp (leaf->name, group->name, group->size) == 0
        && strchr (".{=", leaf->name [group->size]);
}

static zrelay_stats_node_t *
s_group_new (zrelay_outline_t *self, zrelay_stats_node_t *parent,
             zrelay_stats_node_t *leaf, size_t start, size_t size)
{
    zrelay_stats_node_t *group =
        (zrelay_stats_node_t *) zmalloc (sizeof (zrelay_stats_node_t));
    assert (group);
    group->type = ZRELAY_STATS_GROUP;
    group->parent = parent;
    group->name = leaf->name;
    group->size = start + size;
    group->part = leaf->name + start;
    group->part_size = size;
    group->next = self->groups;
    self->groups = group;
    return group;
}

//  Make the groups of a leaf. All names of a group stand together in the
//  index, so a group that exists is group, that of the leaf before, or
//  contains it. Returns the group of this leaf.

static zrelay_stats_node_t *
s_enter (zrelay_outline_t *self, zrelay_stats_node_t *group,
         zrelay_stats_node_t *leaf)
{
    while (group->parent && !s_is_within (leaf, group))
        group = group->parent;
    size_t start = group->parent? group->size + 1: 0;
    size_t size = s_part_size (leaf->name, start);
    while (leaf->name [start + size] && leaf->name [start + size] != '}') {
        group = s_group_new (self, group, leaf, start, size);
        start += size + 1;
        size = s_part_size (leaf->name, start);
    }
    leaf->parent = group;
    leaf->part = leaf->name + start;
    leaf->part_size = size;
    return group;
}

//  Append a node to its parent's children, and its parent to its own parent's
//  children, as far as they are not there yet.

static void
s_link (zrelay_stats_node_t *node)
{
    while (node->parent && !node->linked) {
        zrelay_stats_node_t *parent = node->parent;
        if (parent->last_child)
            parent->last_child->sibling = node;
        else
            parent->child = node;
        parent->last_child = node;
        node->linked = true;
        node = parent;
    }
}

//  The index shows which groups there are, and the answer in which order they
//  appear.

static void
s_tree_build (zrelay_outline_t *self)
{
    zrelay_stats_node_t *group = &self->root;
    for (size_t position = 0; position < self->leaves; position++)
        group = s_enter (self, group, self->index [position]);
    for (size_t position = 0; position < self->leaves; position++)
        s_link (&self->nodes [position]);
}

//  --------------------------------------------------------------------------
//  All of it

//  Append a leaf. There is room for as many as were announced.

static zrelay_stats_node_t *
s_leaf_new (zrelay_outline_t *self, const char *name, size_t size,
            zrelay_stats_type_t type)
{
    zrelay_stats_node_t *leaf = &self->nodes [self->leaves++];
    leaf->type = type;
    leaf->name = self->room;
    memcpy (leaf->name, name, size);
    self->room += size + 1;
    leaf->size = size;
    const char *label = (const char *) memchr (leaf->name, '{', size);
    leaf->base = label? (size_t) (label - leaf->name): size;
    s_classify (self, leaf);
    return leaf;
}

zrelay_outline_t *
zrelay_outline_new (size_t counts, size_t bytes)
{
    static const char *const words [ZRELAY_STATS_WORDS] = {
        [ZRELAY_STATS_KIND] = "kind",
        [ZRELAY_STATS_NAME] = "name",
        [ZRELAY_STATS_STATE_WORD] = "state"
    };
    zrelay_outline_t *self =
        (zrelay_outline_t *) zmalloc (sizeof (zrelay_outline_t));
    assert (self);
    self->users = 1;
    size_t leaves = ZRELAY_STATS_WORDS + counts;
    size_t nodes_size = leaves * sizeof (zrelay_stats_node_t);
    for (size_t index = 0; index < ZRELAY_STATS_WORDS; index++)
        bytes += strlen (words [index]);
    self->nodes = (zrelay_stats_node_t *) zmalloc (nodes_size + bytes + leaves);
    assert (self->nodes);
    self->room = (char *) self->nodes + nodes_size;
    for (size_t index = 0; index < ZRELAY_STATS_WORDS; index++)
        s_leaf_new (self, words [index], strlen (words [index]),
                    ZRELAY_STATS_WORD);
    return self;
}

int
zrelay_outline_add (zrelay_outline_t *self, const char *name, size_t size)
{
    if (memchr (name, 0, size))
        return -1;
    return s_name_is_valid (s_leaf_new (self, name, size,
                                        ZRELAY_STATS_COUNT))? 0: -1;
}

int
zrelay_outline_finish (zrelay_outline_t *self)
{
    if (s_index_build (self))
        return -1;
    s_tree_build (self);
    return 0;
}

zrelay_outline_t *
zrelay_outline_share (zrelay_outline_t *self)
{
    __atomic_add_fetch (&self->users, 1, __ATOMIC_RELAXED);
    return self;
}

void
zrelay_outline_release (zrelay_outline_t **self_p)
{
    assert (self_p);
    zrelay_outline_t *self = *self_p;
    *self_p = NULL;
    if (!self || __atomic_sub_fetch (&self->users, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    while (self->groups) {
        zrelay_stats_node_t *group = self->groups;
        self->groups = group->next;
        free (group);
    }
    free (self->index);
    free (self->nodes);
    free (self);
}

const zrelay_stats_node_t *
zrelay_outline_find (const zrelay_outline_t *self, const char *name)
{
    zrelay_stats_node_t pattern = { .name = (char *) name };
    zrelay_stats_node_t *key = &pattern;
    zrelay_stats_node_t **found = (zrelay_stats_node_t **)
        bsearch (&key, self->index, self->leaves, sizeof (self->index [0]),
                 s_compare);
    return found && (*found)->type == ZRELAY_STATS_COUNT? *found: NULL;
}
