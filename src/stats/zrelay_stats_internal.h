/*  =========================================================================
    zrelay_stats_internal - what the output formats need of zrelay_stats

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STATS_INTERNAL_H_INCLUDED
#define ZRELAY_STATS_INTERNAL_H_INCLUDED

#include <zrelay.h>

//  Longest name of a count, a relay or a kind. It bounds the depth of the tree, and so of the
//  JSON and of the recursion that writes it.
#define ZRELAY_STATS_NAME_MAX 127

//  Prometheus wants seconds; relays count milliseconds
#define ZRELAY_STATS_MSECS 1000

//  Width of a line of the text form
#define ZRELAY_STATS_COLUMNS       80

//  Families of metrics, in the order in which they are printed
typedef enum {
    ZRELAY_STATS_UPTIME,
    ZRELAY_STATS_STATE,
    ZRELAY_STATS_PEERS,
    ZRELAY_STATS_MESSAGES,
    ZRELAY_STATS_FRAMES,
    ZRELAY_STATS_BYTES,
    ZRELAY_STATS_THROTTLED,
    ZRELAY_STATS_HANDSHAKES,
    ZRELAY_STATS_STALLS,
    ZRELAY_STATS_STALLED,
    ZRELAY_STATS_HELD,
    ZRELAY_STATS_DROPPED,
    ZRELAY_STATS_CAPTURED,
    ZRELAY_STATS_UNCAPTURED,
    ZRELAY_STATS_FAMILIES,                 //  How many there are
    ZRELAY_STATS_SUM = ZRELAY_STATS_FAMILIES          //  None: a sum of what others tell by reason
} zrelay_stats_family_t;

//  What a name may start with, to tell whose count it is
typedef struct {
    const char *label;          //  "side" or "flow"
    const char *name;           //  Which one
} zrelay_stats_subject_t;

extern const zrelay_stats_subject_t zrelay_stats_subjects [];

//  The counts that are known by name
typedef struct {
    const char *subject;        //  Label of a subject, or NULL: the relay
    const char *path;           //  The name without its subject; if it ends
                                //  in "*", the rest is the label's value
    zrelay_stats_family_t family;         //  Where Prometheus finds it
    const char *label;          //  One more label that it has there, or NULL
    const char *value;          //  The label's value where it is fixed
} zrelay_stats_metric_t;

typedef enum {
    ZRELAY_STATS_GROUP,                 //  Has children
    ZRELAY_STATS_COUNT,                 //  Has a number
    ZRELAY_STATS_WORD                   //  Has a string: kind, name and state
} zrelay_stats_type_t;

typedef struct _zrelay_stats_node_t {
    char *path;                 //  Its name, from the start
    const char *part;           //  The part behind the last dot, in path
    zrelay_stats_type_t type;           //  Tells which of the next three it has
    struct _zrelay_stats_node_t *child;      //  First child, or NULL
    uint64_t value;             //  The count
    char *word;                 //  The string, or NULL until it was told
    struct _zrelay_stats_node_t *last_child; //  Where the next child is appended
    struct _zrelay_stats_node_t *sibling;    //  Next child of the same group, or NULL
    struct _zrelay_stats_node_t *next;       //  Next word or count of the answer, or NULL
    const zrelay_stats_metric_t *metric;     //  What is known of it, or NULL
    const zrelay_stats_subject_t *subject;   //  Whose it is, or NULL: the relay's
    const char *detail;         //  Value of its further label, or NULL
} zrelay_stats_node_t;

struct _zrelay_stats_t {
    zrelay_stats_node_t root;                //  Group of everything
    zhashx_t *nodes;            //  All nodes but root, by path; owns them
    zrelay_stats_node_t *kind;               //  The three words
    zrelay_stats_node_t *name;
    zrelay_stats_node_t *state;
    zrelay_stats_node_t *last;               //  Last word or count of the answer
    zrelay_stats_node_t *cursor;             //  Where first and next are
};

//  Return a count by its name, or NULL if there is none.
zrelay_stats_node_t *
    zrelay_stats_count (zrelay_stats_t *self, const char *name);

#endif
