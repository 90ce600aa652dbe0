/*  =========================================================================
    zrelay_outline - the names in a relay's statistics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_OUTLINE_H_INCLUDED
#define ZRELAY_OUTLINE_H_INCLUDED

#include <zrelay.h>

//  Most characters in a kind, a relay's name, a state, and the name of a
//  count without its label. It bounds the depth of the tree, and therefore of
//  the recursion that writes JSON: at most 64 parts, a label and its value.
#define ZRELAY_STATS_NAME_MAX 127

//  Most characters in the name of a count with its label
#define ZRELAY_STATS_LABELLED_MAX 511

//  Families of metrics, in the order in which Prometheus gets them
typedef enum {
    ZRELAY_STATS_UPTIME,
    ZRELAY_STATS_STATE,
    ZRELAY_STATS_PEERS,
    ZRELAY_STATS_MESSAGES,
    ZRELAY_STATS_FRAMES,
    ZRELAY_STATS_BYTES,
    ZRELAY_STATS_THROTTLED,
    ZRELAY_STATS_HANDSHAKES,
    ZRELAY_STATS_LEFT_EARLY,
    ZRELAY_STATS_CUT,
    ZRELAY_STATS_STALLS,
    ZRELAY_STATS_STALLED,
    ZRELAY_STATS_HELD,
    ZRELAY_STATS_HOLDS,
    ZRELAY_STATS_SPOOLED,
    ZRELAY_STATS_SPOOLED_BYTES,
    ZRELAY_STATS_SPOOLED_AGE,
    ZRELAY_STATS_SPOOL_FAILED,
    ZRELAY_STATS_SPOOL_SENT,
    ZRELAY_STATS_SPOOL_RESENT,
    ZRELAY_STATS_DROPPED,
    ZRELAY_STATS_CAPTURED,
    ZRELAY_STATS_UNCAPTURED,
    ZRELAY_STATS_FAMILIES,      //  The number of families

    //  Belongs to none: it is the sum of counts that a family has by reason
    ZRELAY_STATS_SUM = ZRELAY_STATS_FAMILIES
} zrelay_stats_family_t;

//  A side or a flow. The first part of a count's name is the name of its
//  subject.
typedef struct {
    const char *label;          //  "side" or "flow"
    const char *name;           //  For example "frontend"
} zrelay_stats_subject_t;

//  All subjects, in the order in which they are shown. The last has no name.
extern const zrelay_stats_subject_t zrelay_stats_subjects [];

//  A word or count that every relay has
typedef struct {
    const char *subject;        //  Label of its subject, or NULL: the relay
    const char *path;           //  Its name without the subject. If it ends
                                //  in "*", the rest of the name is a reason.
    zrelay_stats_family_t family; //  Its family
    const char *label;          //  One more label in that family, or NULL
    const char *value;          //  The label's value, or NULL: the word, or
                                //  the reason
    const char *suffix;         //  Behind the family's name, or NULL
} zrelay_stats_metric_t;

typedef enum {
    ZRELAY_STATS_GROUP,         //  Has children
    ZRELAY_STATS_COUNT,         //  Has a number
    ZRELAY_STATS_WORD           //  Has a string: kind, name and state
} zrelay_stats_type_t;

//  A word or a count is a leaf of the tree; everything else is a group.
//  "frontend.in.messages" has the parts frontend, in and messages, and
//  "served{service=coffee}" has the parts served, service and coffee.
typedef struct _zrelay_stats_node_t {
    zrelay_stats_type_t type;   //  Group, count or word
    char *name;                 //  Full name of a leaf. A group borrows that of
                                //  a leaf.
    size_t size;                //  How much of the name belongs to this node
    size_t base;                //  Leaf: characters of the name before "{"
    const char *part;           //  Its own part, in name
    size_t part_size;           //  Characters in this part
    struct _zrelay_stats_node_t *parent;     //  Its group; NULL for the root
    struct _zrelay_stats_node_t *child;      //  Group: first child
    struct _zrelay_stats_node_t *last_child; //  Group: last child
    struct _zrelay_stats_node_t *sibling;    //  Next child of the same group
    bool linked;                //  It is among its parent's children
    struct _zrelay_stats_node_t *next;       //  Group: next of all groups
    const zrelay_stats_metric_t *metric;     //  Its description, or NULL if it
                                //  is a count of the relay's kind
    const zrelay_stats_subject_t *subject;   //  Its subject, or NULL: the relay
    const char *detail;         //  The reason in its name, or NULL
} zrelay_stats_node_t;

//  The words, which are the first leaves
enum {
    ZRELAY_STATS_KIND,
    ZRELAY_STATS_NAME,
    ZRELAY_STATS_STATE_WORD,
    ZRELAY_STATS_WORDS          //  How many there are
};

//  Names, their order and their tree, without values. Answers of one relay have
//  the same names nearly always, and share an outline. Threads may share it,
//  too: it does not change once it is finished.
typedef struct {
    int users;                  //  How many have it
    zrelay_stats_node_t root;   //  The group of everything
    zrelay_stats_node_t *nodes; //  All leaves, the three words before all
                                //  counts, which have the order of the answer.
                                //  Their names come after them in memory.
    size_t leaves;              //  How many leaves there are
    char *room;                 //  Where the next name goes
    size_t hint;                //  Metric of the last leaf that had one
    zrelay_stats_node_t **index; //  All leaves, sorted by name
    zrelay_stats_node_t *groups; //  All groups but the root
} zrelay_outline_t;

//  Make one that has the three words, and room for this many counts, whose
//  names have this many bytes in all
zrelay_outline_t *
    zrelay_outline_new (size_t counts, size_t bytes);

//  Let go of it, and destroy it if nobody else has it
void
    zrelay_outline_release (zrelay_outline_t **self_p);

//  Have it, too. Returns self.
zrelay_outline_t *
    zrelay_outline_share (zrelay_outline_t *self);

//  Add the next count. Returns -1 if its name is malformed.
int
    zrelay_outline_add (zrelay_outline_t *self, const char *name, size_t size);

//  Call this after the last one. Returns -1 if two names contradict each other.
int
    zrelay_outline_finish (zrelay_outline_t *self);

//  Return a count by its name, or NULL if there is none
const zrelay_stats_node_t *
    zrelay_outline_find (const zrelay_outline_t *self, const char *name);

//  Can this be a kind, a name or a state?
bool
    zrelay_outline_is_word (const char *word);

#endif
