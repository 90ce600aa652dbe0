/*  =========================================================================
    zrelay_stats - reads and prints a relay's answer to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

/*
@header
    Names are kept as a tree, since that is what JSON shows: the parts
    between the dots of "frontend.in.messages" are nodes, and the last of
    them is a count. Hence two rules beside those of the header. No part may
    be empty, and no name may be another one's beginning ("a" and "a.b"): it
    would have to be a number and an object at once. Names of one group need
    not stand together in the answer; JSON puts them together where the
    first of them stood.
@discuss
    What is known of a count - whose it is, which Prometheus family it
    belongs to - is found once, when the answer is read, in s_metrics. A
    count that no row there describes belongs to the relay's kind, and is
    printed in every form all the same.
@end
*/

#include <zrelay.h>

//  --------------------------------------------------------------------------
//  What is known of the counts

//  Longest name of a count. It bounds the depth of the tree, and so of the
//  JSON and of the recursion that writes it.
#define S_NAME_MAX 127

#define S_NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."

//  Prometheus wants seconds; relays count milliseconds
#define S_MSECS_PER_SECOND 1000

//  Families of metrics, in the order in which they are printed
typedef enum {
    S_UPTIME,
    S_STATE,
    S_PEERS,
    S_MESSAGES,
    S_FRAMES,
    S_BYTES,
    S_THROTTLED,
    S_HANDSHAKES,
    S_STALLS,
    S_STALLED,
    S_HELD,
    S_DROPPED,
    S_CAPTURED,
    S_UNCAPTURED,
    S_FAMILIES,                 //  How many there are
    S_SUM = S_FAMILIES          //  None: a sum of what others tell by reason
} family_id_t;

typedef struct {
    const char *name;           //  Name of the metric
    const char *type;           //  "counter" or "gauge"
    const char *help;           //  One sentence, in characters that need no
                                //  escaping
    bool msecs;                 //  Counted in milliseconds, told in seconds
} family_t;

static const family_t s_families [S_FAMILIES] = {
    [S_UPTIME] = { "zrelay_uptime_seconds", "gauge",
        "Time since the relay was started.", true },
    [S_STATE] = { "zrelay_state", "gauge",
        "The state that the relay is in, as a label.", false },
    [S_PEERS] = { "zrelay_peers", "gauge",
        "Peers that are connected to a side.", false },
    [S_MESSAGES] = { "zrelay_messages_total", "counter",
        "Messages received from (in) and sent to (out) a side.", false },
    [S_FRAMES] = { "zrelay_frames_total", "counter",
        "Frames received from (in) and sent to (out) a side.", false },
    [S_BYTES] = { "zrelay_bytes_total", "counter",
        "Bytes received from (in) and sent to (out) a side.", false },
    [S_THROTTLED] = { "zrelay_throttled_total", "counter",
        "Times that reading from a side waited for its rate limit.", false },
    [S_HANDSHAKES] = { "zrelay_handshakes_failed_total", "counter",
        "Connections to a side that failed their handshake.", false },
    [S_STALLS] = { "zrelay_stalls_total", "counter",
        "Times that a flow's output could take no more.", false },
    [S_STALLED] = { "zrelay_stalled_seconds_total", "counter",
        "Time that a flow waited for its output.", true },
    [S_HELD] = { "zrelay_held_messages", "gauge",
        "Messages that a flow holds now.", false },
    [S_DROPPED] = { "zrelay_dropped_total", "counter",
        "Messages that a flow dropped.", false },
    [S_CAPTURED] = { "zrelay_capture_messages_total", "counter",
        "Messages copied to the capture.", false },
    [S_UNCAPTURED] = { "zrelay_capture_dropped_total", "counter",
        "Messages that the capture could not take.", false }
};

//  What a name may start with, to tell whose count it is
typedef struct {
    const char *label;          //  "side" or "flow"
    const char *name;           //  Which one
} subject_t;

static const subject_t s_subjects [] = {
    { "side", "frontend" },
    { "side", "backend" },
    { "flow", "forward" },
    { "flow", "return" },
    { NULL, NULL }
};

//  The counts that are known by name
typedef struct {
    const char *subject;        //  Label of a subject, or NULL: the relay
    const char *path;           //  The name without its subject; if it ends
                                //  in "*", the rest is the label's value
    family_id_t family;         //  Where Prometheus finds it
    const char *label;          //  One more label that it has there, or NULL
    const char *value;          //  The label's value where it is fixed
} metric_t;

static const metric_t s_metrics [] = {
    { NULL, "uptime_ms", S_UPTIME, NULL, NULL },
    { NULL, "state", S_STATE, "state", NULL },
    { NULL, "capture.messages", S_CAPTURED, NULL, NULL },
    { NULL, "capture.dropped", S_UNCAPTURED, NULL, NULL },
    { "side", "in.messages", S_MESSAGES, "direction", "in" },
    { "side", "in.frames", S_FRAMES, "direction", "in" },
    { "side", "in.bytes", S_BYTES, "direction", "in" },
    { "side", "out.messages", S_MESSAGES, "direction", "out" },
    { "side", "out.frames", S_FRAMES, "direction", "out" },
    { "side", "out.bytes", S_BYTES, "direction", "out" },
    { "side", "peers", S_PEERS, NULL, NULL },
    { "side", "throttled", S_THROTTLED, NULL, NULL },
    { "side", "handshakes_failed", S_SUM, NULL, NULL },
    { "side", "handshakes_failed_*", S_HANDSHAKES, "reason", NULL },
    { "flow", "stalls", S_STALLS, NULL, NULL },
    { "flow", "stalled_ms", S_STALLED, NULL, NULL },
    { "flow", "held", S_HELD, NULL, NULL },
    { "flow", "dropped", S_SUM, NULL, NULL },
    { "flow", "dropped_*", S_DROPPED, "reason", NULL },
    { NULL, NULL, S_SUM, NULL, NULL }
};

//  --------------------------------------------------------------------------
//  The object

typedef enum {
    NODE_GROUP,                 //  Has children
    NODE_COUNT,                 //  Has a number
    NODE_WORD                   //  Has a string: kind, name and state
} node_type_t;

typedef struct _node_t {
    char *path;                 //  Its name, from the start
    const char *part;           //  The part behind the last dot, in path
    node_type_t type;           //  Tells which of the next three it has
    struct _node_t *child;      //  First child, or NULL
    uint64_t value;             //  The count
    char *word;                 //  The string, or NULL until it was told
    struct _node_t *last_child; //  Where the next child is appended
    struct _node_t *sibling;    //  Next child of the same group, or NULL
    struct _node_t *next;       //  Next word or count of the answer, or NULL
    const metric_t *metric;     //  What is known of it, or NULL
    const subject_t *subject;   //  Whose it is, or NULL: the relay's
    const char *detail;         //  Value of its further label, or NULL
} node_t;

struct _zrelay_stats_t {
    node_t root;                //  Group of everything
    zhashx_t *nodes;            //  All nodes but root, by path; owns them
    node_t *kind;               //  The three words
    node_t *name;
    node_t *state;
    node_t *last;               //  Last word or count of the answer
    node_t *cursor;             //  Where first and next are
};

static void
s_node_destroy (void **self_p)
{
    node_t *self = (node_t *) *self_p;
    free (self->path);
    free (self->word);
    free (self);
    *self_p = NULL;
}

//  If path is what pattern describes, return true, and where in path its
//  variable end begins, or NULL if it has none.

static bool
s_matches (const char *path, const char *pattern, const char **detail_p)
{
    size_t fixed = strcspn (pattern, "*");
    bool open = pattern [fixed] != 0;
    if (strncmp (path, pattern, fixed) != 0
    || (path [fixed] != 0) != open)
        return false;
    *detail_p = open? path + fixed: NULL;
    return true;
}

//  Find out what is known of a word or count

static void
s_node_classify (node_t *self)
{
    const char *path = self->path;
    const subject_t *subject = s_subjects;
    while (subject->name) {
        size_t size = strlen (subject->name);
        if (strncmp (path, subject->name, size) == 0 && path [size] == '.') {
            path += size + 1;
            break;
        }
        subject++;
    }
    const metric_t *metric = s_metrics;
    while (metric->path) {
        bool same = metric->subject && subject->label?
            streq (metric->subject, subject->label):
            metric->subject == subject->label;
        if (same && s_matches (path, metric->path, &self->detail)) {
            self->metric = metric;
            self->subject = subject->name? subject: NULL;
            return;
        }
        metric++;
    }
}

//  Return the child of parent that has the first size characters of name as
//  its path. Makes it, unless it is a group and there. Returns NULL if what
//  is there contradicts.

static node_t *
s_node_child (zrelay_stats_t *self, node_t *parent, const char *name,
              size_t size, node_type_t type)
{
    char *path = strndup (name, size);
    assert (path);
    node_t *node = (node_t *) zhashx_lookup (self->nodes, path);
    if (node) {
        free (path);
        return type == NODE_GROUP && node->type == NODE_GROUP? node: NULL;
    }
    node = (node_t *) zmalloc (sizeof (node_t));
    assert (node);
    node->path = path;
    const char *dot = strrchr (path, '.');
    node->part = dot? dot + 1: path;
    node->type = type;
    if (parent->last_child)
        parent->last_child->sibling = node;
    else
        parent->child = node;
    parent->last_child = node;
    zhashx_insert (self->nodes, path, node);
    return node;
}

//  Add a word or count, and the groups that it is in. Returns NULL if the
//  name is there already, is a group, or is in a group that is none.

static node_t *
s_node_add (zrelay_stats_t *self, const char *name, node_type_t type)
{
    node_t *parent = &self->root;
    const char *dot = strchr (name, '.');
    while (dot && parent) {
        parent = s_node_child (self, parent, name, (size_t) (dot - name),
                               NODE_GROUP);
        dot = strchr (dot + 1, '.');
    }
    node_t *node = parent?
        s_node_child (self, parent, name, strlen (name), type): NULL;
    if (node) {
        s_node_classify (node);
        self->last->next = node;
        self->last = node;
    }
    return node;
}

static zrelay_stats_t *
s_stats_new (void)
{
    zrelay_stats_t *self =
        (zrelay_stats_t *) zmalloc (sizeof (zrelay_stats_t));
    assert (self);
    self->nodes = zhashx_new ();
    assert (self->nodes);
    zhashx_set_destructor (self->nodes, s_node_destroy);
    //  A node owns its path, which is also its key
    zhashx_set_key_duplicator (self->nodes, NULL);
    zhashx_set_key_destructor (self->nodes, NULL);
    self->last = &self->root;
    //  The words are there from the start, so that no count takes their name
    self->kind = s_node_add (self, "kind", NODE_WORD);
    self->name = s_node_add (self, "name", NODE_WORD);
    self->state = s_node_add (self, "state", NODE_WORD);
    return self;
}

//  Contents of a frame as a new string, or NULL if it cannot be one

static char *
s_frame_text (zframe_t *frame)
{
    if (memchr (zframe_data (frame), 0, zframe_size (frame)))
        return NULL;
    char *text = zframe_strdup (frame);
    assert (text);
    return text;
}

static bool
s_name_is_valid (const char *name)
{
    size_t size = strlen (name);
    return size > 0
        && size <= S_NAME_MAX
        && strspn (name, S_NAME_CHARACTERS) == size
        && name [0] != '.'
        && name [size - 1] != '.'
        && !strstr (name, "..");
}

//  Read a decimal number of at most 64 bits. Returns -1 if it is not one.

static int
s_parse_count (const char *text, uint64_t *value_p)
{
    const uint64_t base = 10;
    uint64_t value = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        uint64_t digit = (uint64_t) (*text - '0');
        if (value > (UINT64_MAX - digit) / base)
            return -1;
        value = value * base + digit;
    }
    *value_p = value;
    return 0;
}

//  Take in one name and its value. Returns -1 if they are malformed.

static int
s_stats_put (zrelay_stats_t *self, const char *name, const char *value)
{
    if (!s_name_is_valid (name))
        return -1;
    node_t *node = (node_t *) zhashx_lookup (self->nodes, name);
    if (node && node->type == NODE_WORD && !node->word) {
        node->word = strdup (value);
        assert (node->word);
        return 0;
    }
    node = s_node_add (self, name, NODE_COUNT);
    return node? s_parse_count (value, &node->value): -1;
}

static int
s_stats_read (zrelay_stats_t *self, zmsg_t *answer)
{
    if (!answer)
        return -1;
    zframe_t *frame = zmsg_first (answer);
    if (!frame || !zframe_streq (frame, "STATS"))
        return -1;
    while ((frame = zmsg_next (answer))) {
        char *name = s_frame_text (frame);
        frame = zmsg_next (answer);
        char *value = frame? s_frame_text (frame): NULL;
        int rc = name && value? s_stats_put (self, name, value): -1;
        free (name);
        free (value);
        if (rc)
            return -1;
    }
    bool complete = self->kind->word && *self->kind->word
                 && self->state->word && *self->state->word;
    return complete? 0: -1;
}

//  --------------------------------------------------------------------------
//  Send STATS to a relay and read its answer

zrelay_stats_t *
zrelay_stats_query (void *relay)
{
    assert (relay);
    if (zstr_send (relay, "STATS"))
        return NULL;
    zmsg_t *answer = zmsg_recv (relay);
    if (!answer)
        return NULL;
    zrelay_stats_t *self = zrelay_stats_new (answer);
    int error = errno;
    zmsg_destroy (&answer);
    errno = error;
    return self;
}

//  --------------------------------------------------------------------------
//  Read an answer to STATS

zrelay_stats_t *
zrelay_stats_new (zmsg_t *answer)
{
    zrelay_stats_t *self = s_stats_new ();
    if (s_stats_read (self, answer)) {
        zrelay_stats_destroy (&self);
        errno = EINVAL;
        return NULL;
    }
    if (!self->name->word || !*self->name->word) {
        free (self->name->word);
        self->name->word = strdup (self->kind->word);
        assert (self->name->word);
    }
    return self;
}

//  --------------------------------------------------------------------------
//  Destroy the object

void
zrelay_stats_destroy (zrelay_stats_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_stats_t *self = *self_p;
        zhashx_destroy (&self->nodes);
        free (self);
        *self_p = NULL;
    }
}

//  --------------------------------------------------------------------------
//  The three words

const char *
zrelay_stats_kind (zrelay_stats_t *self)
{
    assert (self);
    return self->kind->word;
}

const char *
zrelay_stats_name (zrelay_stats_t *self)
{
    assert (self);
    return self->name->word;
}

const char *
zrelay_stats_state (zrelay_stats_t *self)
{
    assert (self);
    return self->state->word;
}

//  --------------------------------------------------------------------------
//  One count by its name

static node_t *
s_count (zrelay_stats_t *self, const char *name)
{
    node_t *node = (node_t *) zhashx_lookup (self->nodes, name);
    return node && node->type == NODE_COUNT? node: NULL;
}

uint64_t
zrelay_stats_value (zrelay_stats_t *self, const char *name)
{
    assert (self);
    assert (name);
    node_t *node = s_count (self, name);
    return node? node->value: 0;
}

bool
zrelay_stats_has (zrelay_stats_t *self, const char *name)
{
    assert (self);
    assert (name);
    return s_count (self, name) != NULL;
}

//  --------------------------------------------------------------------------
//  Names of all counts

const char *
zrelay_stats_first (zrelay_stats_t *self)
{
    assert (self);
    self->cursor = self->root.next;
    while (self->cursor && self->cursor->type != NODE_COUNT)
        self->cursor = self->cursor->next;
    return self->cursor? self->cursor->path: NULL;
}

const char *
zrelay_stats_next (zrelay_stats_t *self)
{
    assert (self);
    //  Only counts follow the first count
    if (self->cursor)
        self->cursor = self->cursor->next;
    return self->cursor? self->cursor->path: NULL;
}

//  --------------------------------------------------------------------------
//  Writing, in all forms

//  Enough for one relay's counts
#define S_OUTPUT_SIZE 4096

//  Bytes of UTF-8, by RFC 3629, section 4
#define S_ASCII_END     0x80    //  First byte that is not ASCII
#define S_TAIL_MIN      0x80    //  Limits of the second byte, as a rule, and
#define S_TAIL_MAX      0xBF    //  of all later ones

//  The sequences that are valid UTF-8: those that are too long, surrogates
//  and what is above U+10FFFF are ruled out by the limits of the second byte
typedef struct {
    unsigned char first_min;    //  Limits of the first byte
    unsigned char first_max;
    unsigned char second_min;   //  Limits of the second byte
    unsigned char second_max;
    size_t size;                //  Bytes altogether
} utf8_t;

static const utf8_t s_utf8 [] = {
    { 0xC2, 0xDF, S_TAIL_MIN, S_TAIL_MAX, 2 },
    { 0xE0, 0xE0, 0xA0, S_TAIL_MAX, 3 },
    { 0xE1, 0xEC, S_TAIL_MIN, S_TAIL_MAX, 3 },
    { 0xED, 0xED, S_TAIL_MIN, 0x9F, 3 },
    { 0xEE, 0xEF, S_TAIL_MIN, S_TAIL_MAX, 3 },
    { 0xF0, 0xF0, 0x90, S_TAIL_MAX, 4 },
    { 0xF1, 0xF3, S_TAIL_MIN, S_TAIL_MAX, 4 },
    { 0xF4, 0xF4, S_TAIL_MIN, 0x8F, 4 },
    { 0, 0, 0, 0, 0 }
};

//  Stands for bytes that are not UTF-8: U+FFFD
#define S_REPLACEMENT "\xEF\xBF\xBD"

//  How one character is written in quotes
typedef struct {
    char character;             //  The character; 0 ends the table
    const char *escape;         //  What is written instead
} escape_t;

//  RFC 8259, section 7; the other control characters get S_JSON_CONTROL
static const escape_t s_json_escapes [] = {
    { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" }, { '\r', "\\r" },
    { '\t', "\\t" }, { '\b', "\\b" }, { '\f', "\\f" }, { 0, NULL }
};
#define S_JSON_CONTROL "\\u%04x"

//  Label values in the Prometheus text format; all else stands for itself
static const escape_t s_label_escapes [] = {
    { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" }, { 0, NULL }
};

static zchunk_t *
s_output_new (void)
{
    zchunk_t *output = zchunk_new (NULL, S_OUTPUT_SIZE);
    assert (output);
    return output;
}

//  Destroy the output and return what was written as a new string

static char *
s_output_finish (zchunk_t **output_p)
{
    char *text = zchunk_strdup (*output_p);
    assert (text);
    zchunk_destroy (output_p);
    return text;
}

static void
s_put (zchunk_t *output, const char *text)
{
    zchunk_extend (output, text, strlen (text));
}

static void
s_printf (zchunk_t *output, const char *format, ...) CHECK_PRINTF (2);

static void
s_printf (zchunk_t *output, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    char *text = zsys_vprintf (format, arguments);
    va_end (arguments);
    assert (text);
    s_put (output, text);
    zstr_free (&text);
}

//  Bytes of the UTF-8 character that text starts with; 0 if it is not one.
//  The end of the string is never inside one.

static size_t
s_utf8_size (const char *text)
{
    const unsigned char *bytes = (const unsigned char *) text;
    if (bytes [0] < S_ASCII_END)
        return 1;
    const utf8_t *form = s_utf8;
    while (form->size
    && (bytes [0] < form->first_min || bytes [0] > form->first_max))
        form++;
    if (form->size == 0
    || bytes [1] < form->second_min || bytes [1] > form->second_max)
        return 0;
    for (size_t index = 2; index < form->size; index++)
        if (bytes [index] < S_TAIL_MIN || bytes [index] > S_TAIL_MAX)
            return 0;
    return form->size;
}

//  Write a string in quotes. control is the format for control characters
//  that escapes does not have, or NULL if they stand for themselves.

static void
s_put_quoted (zchunk_t *output, const char *text, const escape_t *escapes,
              const char *control)
{
    s_put (output, "\"");
    while (*text) {
        size_t size = s_utf8_size (text);
        const escape_t *escape = escapes;
        while (escape->character && escape->character != *text)
            escape++;
        if (size == 0) {
            s_put (output, S_REPLACEMENT);
            size = 1;
        }
        else
        if (escape->character)
            s_put (output, escape->escape);
        else
        if (control && (unsigned char) *text < ' ') {
            char code [sizeof ("\\u0000")];
            snprintf (code, sizeof (code), control, (unsigned char) *text);
            s_put (output, code);
        }
        else
            zchunk_extend (output, text, size);
        text += size;
    }
    s_put (output, "\"");
}

//  --------------------------------------------------------------------------
//  JSON

static void
s_json_group (zchunk_t *output, node_t *group)
{
    s_put (output, "{");
    for (node_t *node = group->child; node; node = node->sibling) {
        s_printf (output, "\"%s\":", node->part);
        if (node->type == NODE_GROUP)
            s_json_group (output, node);
        else
        if (node->type == NODE_WORD)
            s_put_quoted (output, node->word, s_json_escapes, S_JSON_CONTROL);
        else
            s_printf (output, "%" PRIu64, node->value);
        s_put (output, node->sibling? ",": "");
    }
    s_put (output, "}");
}

char *
zrelay_stats_json (zrelay_stats_t *self)
{
    assert (self);
    zchunk_t *output = s_output_new ();
    s_json_group (output, &self->root);
    return s_output_finish (&output);
}

//  --------------------------------------------------------------------------
//  Prometheus

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

    zchunk_t *output = s_output_new ();
    s_put (output, "relay=");
    s_put_quoted (output, stats->name->word, s_label_escapes, NULL);
    s_put (output, ",kind=");
    s_put_quoted (output, stats->kind->word, s_label_escapes, NULL);
    if (number > 1)
        s_printf (output, ",number=\"%zu\"", number);
    return s_output_finish (&output);
}

static void
s_put_family (zchunk_t *output, const char *name, const char *type,
              const char *help)
{
    s_printf (output, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
s_put_sample (zchunk_t *output, source_t *source, node_t *node)
{
    const metric_t *metric = node->metric;
    const family_t *family = &s_families [metric->family];
    s_printf (output, "%s{%s", family->name, source->labels);
    if (node->subject)
        s_printf (output, ",%s=\"%s\"", node->subject->label,
                  node->subject->name);
    if (metric->label) {
        const char *value = metric->value? metric->value:
                            node->word? node->word: node->detail;
        s_printf (output, ",%s=", metric->label);
        s_put_quoted (output, value, s_label_escapes, NULL);
    }
    if (node->word)
        s_put (output, "} 1\n");
    else
    if (family->msecs)
        s_printf (output, "} %" PRIu64 ".%03u\n",
                  node->value / S_MSECS_PER_SECOND,
                  (unsigned) (node->value % S_MSECS_PER_SECOND));
    else
        s_printf (output, "} %" PRIu64 "\n", node->value);
}

//  Write all samples of one family, if there are any

static void
s_put_known (zchunk_t *output, source_t *sources, size_t count,
             family_id_t id)
{
    const family_t *family = &s_families [id];
    bool started = false;
    for (size_t index = 0; index < count; index++) {
        node_t *node = sources [index].stats->root.next;
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
    s_printf (output, "# HELP %s The relay's own count %s.\n", name, path);
    s_printf (output, "# TYPE %s untyped\n", name);
    for (size_t index = 0; index < count; index++) {
        node_t *node = s_count (sources [index].stats, path);
        if (node)
            s_printf (output, "%s{%s} %" PRIu64 "\n", name,
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
    for (size_t id = 0; id < S_FAMILIES; id++)
        zhashx_insert (families, s_families [id].name,
                       (void *) s_families [id].name);
    for (size_t index = 0; index < count; index++) {
        node_t *node = sources [index].stats->root.next;
        for (; node; node = node->next) {
            if (node->type != NODE_COUNT || node->metric
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
    zchunk_t *output = s_output_new ();
    for (size_t id = 0; id < S_FAMILIES; id++)
        s_put_known (output, sources, count, (family_id_t) id);
    s_put_all_unknown (output, sources, count);

    for (size_t index = 0; index < count; index++)
        free (sources [index].labels);
    free (sources);
    return s_output_finish (&output);
}

//  --------------------------------------------------------------------------
//  Text

//  Widths of the table; 80 columns are not exceeded whatever the values
#define S_COLUMNS       80      //  Width of a line
#define S_LABEL_WIDTH   14      //  First column
#define S_CELL_WIDTH    12      //  All others, see s_put_cell
#define S_KIND_WIDTH    12      //  Most that is shown of a kind
#define S_TITLE_WIDTH   24      //  Most that is shown of a relay's name
#define S_STATE_WIDTH   10      //  Most that is shown of a state
#define S_NAME_WIDTH    50      //  Most that is shown of a count's name
#define S_REASON_WIDTH  30      //  Most that is shown of a reason
#define S_INDENT        "    "  //  Before details of the line above

//  A cell shows numbers below this one in full
#define S_CELL_LIMIT    10000000000ULL
#define S_UNIT          1000

//  Columns that a character beyond ASCII may take on a terminal
#define S_WIDE          2

//  Most bytes a column that UTF-8 takes then: four in two columns
#define S_COLUMN_BYTES  2

//  The Unicode controls U+0080 to U+009F are this byte and one up to that one
#define S_CONTROL_FIRST 0xC2
#define S_CONTROL_MAX   0x9F

#define S_SECONDS_PER_MINUTE    60
#define S_MINUTES_PER_HOUR      60
#define S_HOURS_PER_DAY         24

//  Write a string so that it takes at most width columns, and cannot steer
//  the terminal. What does not fit is cut, and shown by "...".

static void
s_put_cut (zchunk_t *output, const char *text, size_t width)
{
    static const char dots [] = "...";
    char *shown = (char *) zmalloc (width * S_COLUMN_BYTES + sizeof (dots));
    assert (shown);
    size_t used = 0;            //  Columns in shown
    size_t size = 0;            //  Bytes in shown
    size_t keep = 0;            //  Bytes that leave room for the dots
    while (*text) {
        size_t bytes = s_utf8_size (text);
        const unsigned char *code = (const unsigned char *) text;
        bool plain = bytes == 1? code [0] >= ' ' && code [0] != '\x7F':
            bytes > 1 && (code [0] != S_CONTROL_FIRST
                          || code [1] > S_CONTROL_MAX);
        size_t columns = bytes > 1 && plain? S_WIDE: 1;
        if (used + columns > width) {
            size = keep;
            memcpy (shown + size, dots, sizeof (dots) - 1);
            size += sizeof (dots) - 1;
            break;
        }
        if (plain)
            memcpy (shown + size, text, bytes);
        else
            shown [size] = '?';
        size += plain? bytes: 1;
        used += columns;
        if (used + sizeof (dots) - 1 <= width)
            keep = size;
        text += bytes? bytes: 1;
    }
    zchunk_extend (output, shown, size);
    free (shown);
}

//  Write a number at the right of a cell. Numbers that are too long are
//  shown in thousands, millions ...; JSON has them in full.

static void
s_put_cell (zchunk_t *output, uint64_t value)
{
    static const char *units [] = { "", "k", "M", "G", "T" };
    size_t unit = 0;
    while (value >= S_CELL_LIMIT) {
        value /= S_UNIT;
        unit++;
    }
    char cell [S_CELL_WIDTH + 1];
    snprintf (cell, sizeof (cell), "%" PRIu64 "%s", value, units [unit]);
    s_printf (output, "%*s", S_CELL_WIDTH, cell);
}

static void
s_put_label (zchunk_t *output, const char *subject, const char *direction)
{
    char label [S_LABEL_WIDTH + 1];
    snprintf (label, sizeof (label), "%s%s", subject, direction);
    s_printf (output, "%-*s", S_LABEL_WIDTH, label);
}

//  Value of a count of one side or flow

static uint64_t
s_value_of (zrelay_stats_t *self, const char *subject, const char *path)
{
    char name [S_NAME_MAX + 1];
    snprintf (name, sizeof (name), "%s.%s", subject, path);
    return zrelay_stats_value (self, name);
}

//  Write the parts of a sum that are not zero, after "title:", in as many
//  lines as it takes. They are the counts of the family that have subject.

static void
s_put_reasons (zrelay_stats_t *self, zchunk_t *output, const char *title,
               family_id_t family, const subject_t *subject)
{
    size_t column = 0;
    for (node_t *node = self->root.next; node; node = node->next) {
        if (!node->metric || node->metric->family != family
        ||  node->subject != subject || node->value == 0)
            continue;
        if (column == 0) {
            s_printf (output, S_INDENT "%s:", title);
            column = strlen (S_INDENT) + strlen (title) + 1;
        }
        else {
            s_put (output, ",");
            column++;
        }
        zchunk_t *item = s_output_new ();
        s_put_cut (item, node->detail, S_REASON_WIDTH);
        s_printf (item, " %" PRIu64, node->value);
        //  Before it comes a space, and behind it there may be a comma
        if (column + zchunk_size (item) + 2 > S_COLUMNS) {
            s_put (output, "\n" S_INDENT S_INDENT);
            column = strlen (S_INDENT S_INDENT);
        }
        else {
            s_put (output, " ");
            column++;
        }
        zchunk_extend (output, zchunk_data (item), zchunk_size (item));
        column += zchunk_size (item);
        zchunk_destroy (&item);
    }
    if (column)
        s_put (output, "\n");
}

static void
s_put_head (zrelay_stats_t *self, zchunk_t *output)
{
    uint64_t seconds = zrelay_stats_value (self, "uptime_ms")
                     / S_MSECS_PER_SECOND;
    uint64_t minutes = seconds / S_SECONDS_PER_MINUTE;
    uint64_t hours = minutes / S_MINUTES_PER_HOUR;
    s_put_cut (output, self->kind->word, S_KIND_WIDTH);
    if (!streq (self->kind->word, self->name->word)) {
        s_put (output, " ");
        s_put_cut (output, self->name->word, S_TITLE_WIDTH);
    }
    s_put (output, ": ");
    s_put_cut (output, self->state->word, S_STATE_WIDTH);
    s_put (output, ", up ");
    if (hours >= S_HOURS_PER_DAY)
        s_printf (output, "%" PRIu64 "d ", hours / S_HOURS_PER_DAY);
    s_printf (output, "%02u:%02u:%02u\n",
              (unsigned) (hours % S_HOURS_PER_DAY),
              (unsigned) (minutes % S_MINUTES_PER_HOUR),
              (unsigned) (seconds % S_SECONDS_PER_MINUTE));
}

//  Write a line of column titles, ended by NULL

static void
s_put_titles (zchunk_t *output, const char **titles)
{
    s_printf (output, "%*s", S_LABEL_WIDTH, "");
    for (; *titles; titles++)
        s_printf (output, "%*s", S_CELL_WIDTH, *titles);
    s_put (output, "\n");
}

static void
s_put_side (zrelay_stats_t *self, zchunk_t *output, const subject_t *side)
{
    s_put_label (output, side->name, " in");
    s_put_cell (output, s_value_of (self, side->name, "in.messages"));
    s_put_cell (output, s_value_of (self, side->name, "in.frames"));
    s_put_cell (output, s_value_of (self, side->name, "in.bytes"));
    s_put_cell (output, s_value_of (self, side->name, "peers"));
    s_put_cell (output, s_value_of (self, side->name, "throttled"));
    s_put (output, "\n");
    s_put_label (output, side->name, " out");
    s_put_cell (output, s_value_of (self, side->name, "out.messages"));
    s_put_cell (output, s_value_of (self, side->name, "out.frames"));
    s_put_cell (output, s_value_of (self, side->name, "out.bytes"));
    s_put (output, "\n");
    s_put_reasons (self, output, "handshakes failed", S_HANDSHAKES, side);
}

static void
s_put_flow (zrelay_stats_t *self, zchunk_t *output, const subject_t *flow)
{
    s_put_label (output, flow->name, "");
    s_put_cell (output, s_value_of (self, flow->name, "stalls"));
    s_put_cell (output, s_value_of (self, flow->name, "stalled_ms"));
    s_put_cell (output, s_value_of (self, flow->name, "held"));
    s_put_cell (output, s_value_of (self, flow->name, "dropped"));
    s_put (output, "\n");
    s_put_reasons (self, output, "dropped", S_DROPPED, flow);
}

//  Write a table of those subjects with this label that the relay has

static void
s_put_table (zrelay_stats_t *self, zchunk_t *output, const char *label,
             const char **titles,
             void (*put) (zrelay_stats_t *, zchunk_t *, const subject_t *))
{
    bool started = false;
    const subject_t *subject = s_subjects;
    for (; subject->name; subject++) {
        node_t *node = (node_t *) zhashx_lookup (self->nodes, subject->name);
        if (!streq (subject->label, label)
        ||  !node || node->type != NODE_GROUP)
            continue;
        if (!started)
            s_put_titles (output, titles);
        started = true;
        put (self, output, subject);
    }
}

char *
zrelay_stats_text (zrelay_stats_t *self)
{
    assert (self);
    static const char *side_titles [] = {
        "messages", "frames", "bytes", "peers", "throttled", NULL
    };
    static const char *flow_titles [] = {
        "stalls", "stalled ms", "held", "dropped", NULL
    };
    zchunk_t *output = s_output_new ();
    s_put_head (self, output);
    s_put_table (self, output, "side", side_titles, s_put_side);
    s_put_table (self, output, "flow", flow_titles, s_put_flow);

    uint64_t captured = zrelay_stats_value (self, "capture.messages");
    uint64_t uncaptured = zrelay_stats_value (self, "capture.dropped");
    if (captured || uncaptured)
        s_printf (output, "capture: %" PRIu64 " messages, %" PRIu64
                  " dropped\n", captured, uncaptured);
    //  Last, what the relay's kind adds
    for (node_t *node = self->root.next; node; node = node->next) {
        if (node->type != NODE_COUNT || node->metric)
            continue;
        s_put_cut (output, node->path, S_NAME_WIDTH);
        s_printf (output, ": %" PRIu64 "\n", node->value);
    }
    return s_output_finish (&output);
}

//  --------------------------------------------------------------------------
//  Self test

//  An answer to STATS as the engine gives it, for the example and for what
//  the other tests vary
static const char *s_test_queue [] = {
    "STATS", "kind", "queue", "name", "orders", "state", "active",
    "uptime_ms", "3723004",
    "frontend.in.messages", "1200", "frontend.in.frames", "3600",
    "frontend.in.bytes", "48000", "frontend.out.messages", "1199",
    "frontend.out.frames", "3597", "frontend.out.bytes", "96000",
    "frontend.peers", "2", "frontend.throttled", "0",
    "frontend.handshakes_failed", "3", "frontend.handshakes_failed_auth", "2",
    "frontend.handshakes_failed_protocol", "0",
    "frontend.handshakes_failed_other", "1",
    "backend.in.messages", "1199", "backend.in.frames", "3597",
    "backend.in.bytes", "96000", "backend.out.messages", "1200",
    "backend.out.frames", "3600", "backend.out.bytes", "48000",
    "backend.peers", "1", "backend.throttled", "7",
    "forward.stalls", "4", "forward.stalled_ms", "1050",
    "forward.held", "1", "forward.dropped", "0", "forward.dropped_full", "0",
    "return.stalls", "0", "return.stalled_ms", "0", "return.held", "0",
    "return.dropped", "5", "return.dropped_full", "3",
    "return.dropped_unroutable", "2",
    "capture.messages", "0", "capture.dropped", "0",
    "workers.ready", "1", NULL
};

static zmsg_t *
s_test_answer (const char **frames)
{
    zmsg_t *answer = zmsg_new ();
    assert (answer);
    for (; *frames; frames++)
        zmsg_addstr (answer, *frames);
    return answer;
}

static zrelay_stats_t *
s_test_read (const char **frames)
{
    zmsg_t *answer = s_test_answer (frames);
    size_t size = zmsg_content_size (answer);
    zrelay_stats_t *stats = zrelay_stats_new (answer);
    assert (zmsg_content_size (answer) == size);
    zmsg_destroy (&answer);
    return stats;
}

//  The smallest answer, and one name and value more

static zrelay_stats_t *
s_test_with (const char *name, const char *value)
{
    const char *frames [] = {
        "STATS", "kind", "queue", "state", "idle", name, value, NULL
    };
    return s_test_read (frames);
}

static void
s_test_refuses (const char **frames)
{
    errno = 0;
    zrelay_stats_t *stats = s_test_read (frames);
    assert (stats == NULL);
    assert (errno == EINVAL);
}

static void
s_test_refuses_with (const char *name, const char *value)
{
    const char *frames [] = {
        "STATS", "kind", "queue", "state", "idle", name, value, NULL
    };
    s_test_refuses (frames);
}

static void
s_test_accepts_with (const char *name, const char *value, uint64_t expected)
{
    zrelay_stats_t *stats = s_test_with (name, value);
    assert (stats);
    assert (zrelay_stats_has (stats, name));
    assert (zrelay_stats_value (stats, name) == expected);
    zrelay_stats_destroy (&stats);
}

static bool
s_test_contains (const char *text, const char *part)
{
    return strstr (text, part) != NULL;
}

//  The text form of any object stays within its columns and steers no
//  terminal

static void
s_test_columns (zrelay_stats_t *stats)
{
    char *text = zrelay_stats_text (stats);
    size_t column = 0;
    for (const char *character = text; *character; character++) {
        assert (*character == '\n' || (unsigned char) *character >= ' ');
        column = *character == '\n'? 0: column + 1;
        assert (column <= S_COLUMNS);
    }
    assert (column == 0);
    zstr_free (&text);
}

static void
s_test_example (void)
{
    //  An application gets the answer from a relay; here, we play the relay
    zsock_t *relay = zsock_new_pair ("@inproc://zrelay_stats_test");
    zsock_t *pipe = zsock_new_pair (">inproc://zrelay_stats_test");
    assert (relay && pipe);
    zmsg_t *answer = s_test_answer (s_test_queue);
    zmsg_send (&answer, relay);

    zrelay_stats_t *stats = zrelay_stats_query (pipe);
    assert (stats);
    char *command = zstr_recv (relay);
    assert (streq (command, "STATS"));
    zstr_free (&command);

    assert (streq (zrelay_stats_kind (stats), "queue"));
    assert (streq (zrelay_stats_name (stats), "orders"));
    assert (streq (zrelay_stats_state (stats), "active"));
    assert (zrelay_stats_value (stats, "frontend.in.messages") == 1200);
    assert (zrelay_stats_value (stats, "workers.ready") == 1);
    //  What the relay did not tell is zero
    assert (zrelay_stats_value (stats, "workers.lost") == 0);
    assert (!zrelay_stats_has (stats, "workers.lost"));

    //  Names come in the order of the answer
    const char *name = zrelay_stats_first (stats);
    assert (streq (name, "uptime_ms"));
    name = zrelay_stats_next (stats);
    assert (streq (name, "frontend.in.messages"));
    const char *last = NULL;
    while (name) {
        last = name;
        name = zrelay_stats_next (stats);
    }
    assert (streq (last, "workers.ready"));
    assert (zrelay_stats_next (stats) == NULL);
    zrelay_stats_destroy (&stats);
    zrelay_stats_destroy (&stats);

    //  A relay answers what it refuses with a status; that is no answer
    zsock_signal (relay, ZRELAY_BAD_STATE);
    assert (zrelay_stats_query (pipe) == NULL);
    assert (errno == EINVAL);
    zsock_destroy (&pipe);
    zsock_destroy (&relay);
}

static void
s_test_malformed (void)
{
    assert (zrelay_stats_new (NULL) == NULL);
    const char *nothing [] = { NULL };
    s_test_refuses (nothing);
    const char *empty [] = { "", NULL };
    s_test_refuses (empty);
    const char *alone [] = { "STATS", NULL };
    s_test_refuses (alone);
    const char *wrong [] = {
        "STATE", "kind", "queue", "state", "idle", NULL
    };
    s_test_refuses (wrong);
    const char *longer [] = {
        "STATSX", "kind", "queue", "state", "idle", NULL
    };
    s_test_refuses (longer);
    const char *odd [] = {
        "STATS", "kind", "queue", "state", "idle", "cached", NULL
    };
    s_test_refuses (odd);
    const char *stateless [] = { "STATS", "kind", "queue", NULL };
    s_test_refuses (stateless);
    const char *kindless [] = { "STATS", "state", "idle", NULL };
    s_test_refuses (kindless);
    const char *speechless [] = {
        "STATS", "kind", "", "state", "idle", NULL
    };
    s_test_refuses (speechless);
    const char *twice [] = {
        "STATS", "kind", "queue", "state", "idle", "a", "1", "a", "1", NULL
    };
    s_test_refuses (twice);
    const char *group_first [] = {
        "STATS", "kind", "queue", "state", "idle", "a.b", "1", "a", "1", NULL
    };
    s_test_refuses (group_first);
    const char *count_first [] = {
        "STATS", "kind", "queue", "state", "idle", "a", "1", "a.b", "1", NULL
    };
    s_test_refuses (count_first);
    s_test_refuses_with ("kind", "queue");
    s_test_refuses_with ("name.first", "1");
    s_test_refuses_with ("kind.first", "1");
    static const char *names [] = {
        "", ".", ".a", "a.", "a..b", "a b", "a-b", "a\nb", "a\"b", "a{}",
        "\xC3\xA4", "\xFF", NULL
    };
    for (size_t index = 0; names [index]; index++)
        s_test_refuses_with (names [index], "1");
    static const char *values [] = {
        "", " ", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x10", "one",
        "18446744073709551616", "18446744073709551620",
        "99999999999999999999", "184467440737095516150", NULL
    };
    for (size_t index = 0; values [index]; index++)
        s_test_refuses_with ("count", values [index]);
}

//  Frames need not be strings

static void
s_test_bytes (void)
{
    static const char *places [] = { "name", "kind\0", "cached\0" };
    static const size_t sizes [] = { 4, 5, 7 };
    for (size_t index = 0; index < 3; index++) {
        zmsg_t *answer = s_test_answer (s_test_queue);
        zmsg_addmem (answer, places [index], sizes [index]);
        zmsg_addmem (answer, "1\0", 2);
        assert (zrelay_stats_new (answer) == NULL);
        zmsg_destroy (&answer);
    }
    zmsg_t *answer = zmsg_new ();
    zmsg_addmem (answer, "STATS\0", sizeof ("STATS"));
    assert (zrelay_stats_new (answer) == NULL);
    zmsg_destroy (&answer);

    //  Noise, from a generator of our own so that a failure comes again
    uint32_t seed = 1;
    for (size_t round = 0; round < 2000; round++) {
        answer = s_test_answer (s_test_queue);
        size_t place = round % zmsg_size (answer);
        zframe_t *frame = zmsg_first (answer);
        while (place--)
            frame = zmsg_next (answer);
        for (size_t index = 0; index < zframe_size (frame); index++) {
            seed = seed * 1664525 + 1013904223;
            if (seed >> 30 == 0)
                zframe_data (frame) [index] = (byte) (seed >> 16);
        }
        zrelay_stats_t *stats = zrelay_stats_new (answer);
        if (stats) {
            char *text = zrelay_stats_text (stats);
            zstr_free (&text);
            text = zrelay_stats_json (stats);
            zstr_free (&text);
            text = zrelay_stats_prometheus (&stats, 1);
            zstr_free (&text);
        }
        zrelay_stats_destroy (&stats);
        zmsg_destroy (&answer);
    }
}

static void
s_test_limits (void)
{
    s_test_accepts_with ("count", "0", 0);
    s_test_accepts_with ("count", "007", 7);
    s_test_accepts_with ("count", "18446744073709551615", UINT64_MAX);
    s_test_accepts_with ("count", "00018446744073709551615", UINT64_MAX);
    s_test_accepts_with ("_", "1", 1);
    s_test_accepts_with ("0.1.2", "1", 1);

    //  The longest name, as one part and as many as can be
    char name [S_NAME_MAX + 2];
    memset (name, 'n', sizeof (name));
    name [S_NAME_MAX + 1] = 0;
    s_test_refuses_with (name, "1");
    name [S_NAME_MAX] = 0;
    s_test_accepts_with (name, "1", 1);
    for (size_t index = 1; index < S_NAME_MAX; index += 2)
        name [index] = '.';
    zrelay_stats_t *stats = s_test_with (name, "18446744073709551615");
    assert (stats);
    s_test_columns (stats);
    char *text = zrelay_stats_json (stats);
    assert (s_test_contains (text, "{\"n\":{\"n\":"));
    assert (s_test_contains (text, ":18446744073709551615}}}"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  Every value at its limit keeps the table in shape
    zmsg_t *answer = s_test_answer (s_test_queue);
    size_t words = 1 + 3 * 2;
    size_t index = 0;
    for (zframe_t *frame = zmsg_first (answer); frame;
         frame = zmsg_next (answer), index++)
        if (index >= words && (index - words) % 2 == 1)
            zframe_reset (frame, "18446744073709551615",
                          strlen ("18446744073709551615"));
    stats = zrelay_stats_new (answer);
    assert (stats);
    s_test_columns (stats);
    zrelay_stats_destroy (&stats);
    zmsg_destroy (&answer);

    //  So do words that are far too long
    char *word = (char *) zmalloc (1000);
    memset (word, 'w', 999);
    const char *wordy [] = {
        "STATS", "kind", word, "name", word + 1, "state", word,
        "uptime_ms", "18446744073709551615", NULL
    };
    stats = s_test_read (wordy);
    assert (stats);
    s_test_columns (stats);
    zrelay_stats_destroy (&stats);
    free (word);
}

static void
s_test_text (void)
{
    zrelay_stats_t *stats = s_test_read (s_test_queue);
    s_test_columns (stats);
    char *text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "queue orders: active, up 01:02:03\n"));
    assert (s_test_contains (text, "frontend in "));
    assert (s_test_contains (text, "\n    dropped: full 3, unroutable 2\n"));
    assert (s_test_contains (text,
                             "\n    handshakes failed: auth 2, other 1\n"));
    assert (s_test_contains (text, "\nworkers.ready: 1\n"));
    assert (!s_test_contains (text, "capture"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  A relay of one side and one flow shows no others
    const char *single [] = {
        "STATS", "kind", "majordomo", "state", "idle",
        "frontend.in.messages", "20000000000", "forward.dropped", "1",
        "capture.messages", "2", "uptime_ms", "90061000", NULL
    };
    stats = s_test_read (single);
    text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "majordomo: idle, up 1d 01:01:01\n"));
    assert (s_test_contains (text, " 20000000k "));
    assert (s_test_contains (text, "capture: 2 messages, 0 dropped\n"));
    assert (!s_test_contains (text, "backend"));
    assert (!s_test_contains (text, "return"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  Nor does a count that is named like a side
    stats = s_test_with ("frontend", "1");
    text = zrelay_stats_text (stats);
    assert (streq (text, "queue: idle, up 00:00:00\nfrontend: 1\n"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  A name that would steer the terminal, or is cut inside a character
    const char *nasty [] = {
        "STATS", "kind", "queue", "state", "idle", "name",
        "\x1B[2J\xC2\x9B\xFF\x7F", NULL
    };
    stats = s_test_read (nasty);
    text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "queue ?[2J???: idle"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
    const char *wide [] = {
        "STATS", "kind", "queue", "state", "idle", "name",
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", NULL
    };
    stats = s_test_read (wide);
    text = zrelay_stats_text (stats);
    assert (s_test_contains (text, "\xC3\xA4...: idle"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
}

static void
s_test_json (void)
{
    zrelay_stats_t *stats = s_test_read (s_test_queue);
    char *text = zrelay_stats_json (stats);
    assert (s_test_contains (text,
        "{\"kind\":\"queue\",\"name\":\"orders\",\"state\":\"active\","
        "\"uptime_ms\":3723004,\"frontend\":{\"in\":{\"messages\":1200,"
        "\"frames\":3600,\"bytes\":48000},\"out\":{\"messages\":1199,"));
    assert (s_test_contains (text, ",\"workers\":{\"ready\":1}}"));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);

    //  Groups that do not stand together are put together
    const char *mixed [] = {
        "STATS", "a.b", "1", "state", "idle", "c", "2", "kind", "k",
        "a.d.e", "3", "f.g", "4", "a.d.h", "5", NULL
    };
    stats = s_test_read (mixed);
    text = zrelay_stats_json (stats);
    assert (streq (text,
        "{\"kind\":\"k\",\"name\":\"k\",\"state\":\"idle\","
        "\"a\":{\"b\":1,\"d\":{\"e\":3,\"h\":5}},\"c\":2,\"f\":{\"g\":4}}"));
    zstr_free (&text);
    assert (streq (zrelay_stats_first (stats), "a.b"));
    assert (streq (zrelay_stats_next (stats), "c"));
    assert (streq (zrelay_stats_next (stats), "a.d.e"));
    //  A group is no count, a word neither
    assert (!zrelay_stats_has (stats, "a"));
    assert (!zrelay_stats_has (stats, "a.d"));
    assert (!zrelay_stats_has (stats, "kind"));
    assert (!zrelay_stats_has (stats, ""));
    assert (zrelay_stats_value (stats, "state") == 0);
    zrelay_stats_destroy (&stats);

    //  No counts at all
    const char *bare [] = { "STATS", "kind", "k", "state", "s", NULL };
    stats = s_test_read (bare);
    assert (zrelay_stats_first (stats) == NULL);
    assert (zrelay_stats_next (stats) == NULL);
    zrelay_stats_destroy (&stats);

    //  Names in all letters: quotes, controls, valid UTF-8 and what is not:
    //  a lone tail, one too long, a surrogate, above the end, cut off
    const char *quoted [] = {
        "STATS", "kind", "k", "state", "s", "name",
        "\"\\/\b\f\n\r\t\x01\x1F\x7F \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x90\x98"
        " \x80 \xC0\xAF \xED\xA0\x80 \xF4\x90\x80\x80 \xE2\x82", NULL
    };
    stats = s_test_read (quoted);
    text = zrelay_stats_json (stats);
    assert (s_test_contains (text,
        "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F"
        " \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x90\x98"
        " " S_REPLACEMENT
        " " S_REPLACEMENT S_REPLACEMENT
        " " S_REPLACEMENT S_REPLACEMENT S_REPLACEMENT
        " " S_REPLACEMENT S_REPLACEMENT S_REPLACEMENT S_REPLACEMENT
        " " S_REPLACEMENT S_REPLACEMENT "\""));
    zstr_free (&text);
    zrelay_stats_destroy (&stats);
}

//  Each line starts a family, is a sample of the family that was started
//  last, and no family or sample comes twice

static void
s_test_exposition (const char *text)
{
    zhashx_t *seen = zhashx_new ();
    char *family = strdup ("");
    while (*text) {
        size_t size = strcspn (text, "\n");
        assert (text [size] == '\n');
        char *line = strndup (text, size);
        text += size + 1;
        if (strncmp (line, "# HELP ", strlen ("# HELP ")) == 0) {
            free (family);
            const char *name = line + strlen ("# HELP ");
            family = strndup (name, strcspn (name, " "));
            assert (zhashx_insert (seen, family, (void *) s_families) == 0);
        }
        else
        if (line [0] != '#') {
            assert (strcspn (line, "{") == strlen (family));
            assert (strncmp (line, family, strlen (family)) == 0);
            *strrchr (line, ' ') = 0;
            assert (zhashx_insert (seen, line, (void *) s_families) == 0);
        }
        free (line);
    }
    free (family);
    zhashx_destroy (&seen);
}

static void
s_test_prometheus (void)
{
    char *text = zrelay_stats_prometheus (NULL, 0);
    assert (streq (text, ""));
    zstr_free (&text);

    const char *streamer [] = {
        "STATS", "kind", "streamer", "state", "idle", "name",
        "a\\b\"c\nd\xFF", "frontend.in.messages", "5",
        "forward.dropped", "6", "forward.dropped_full", "6",
        "workers.ready", "2", "workers_ready", "3", "messages_total", "4",
        "forward.dropped_", "7", "frontend.forward.held", "8", NULL
    };
    zrelay_stats_t *stats [3] = {
        s_test_read (s_test_queue), s_test_read (streamer),
        s_test_read (s_test_queue)
    };
    text = zrelay_stats_prometheus (stats, 3);
    s_test_exposition (text);
    assert (s_test_contains (text,
        "# HELP zrelay_messages_total Messages received from (in) and sent to"
        " (out) a side.\n"
        "# TYPE zrelay_messages_total counter\n"
        "zrelay_messages_total{relay=\"orders\",kind=\"queue\","
        "side=\"frontend\",direction=\"in\"} 1200\n"));
    assert (s_test_contains (text,
        "\nzrelay_state{relay=\"orders\",kind=\"queue\",state=\"active\"}"
        " 1\n"));
    assert (s_test_contains (text, "\nzrelay_uptime_seconds{relay=\"orders\","
                             "kind=\"queue\"} 3723.004\n"));
    assert (s_test_contains (text,
        "\nzrelay_stalled_seconds_total{relay=\"orders\",kind=\"queue\","
        "flow=\"forward\"} 1.050\n"));
    assert (s_test_contains (text,
        "\nzrelay_handshakes_failed_total{relay=\"orders\",kind=\"queue\","
        "side=\"frontend\",reason=\"auth\"} 2\n"));
    assert (s_test_contains (text,
        "\nzrelay_dropped_total{relay=\"orders\",kind=\"queue\","
        "flow=\"return\",reason=\"unroutable\"} 2\n"));
    assert (s_test_contains (text, "\nzrelay_peers{relay=\"orders\","
                             "kind=\"queue\",side=\"backend\"} 1\n"));
    //  The sum of all reasons is no sample
    assert (!s_test_contains (text, "flow=\"return\"} 5\n"));
    //  Names are escaped; relays of one name and kind get a number
    assert (s_test_contains (text,
        "{relay=\"a\\\\b\\\"c\\nd" S_REPLACEMENT "\",kind=\"streamer\","));
    assert (s_test_contains (text,
        "{relay=\"orders\",kind=\"queue\",number=\"2\","));
    //  Counts that are not known, each in a family of its own
    assert (s_test_contains (text, "\n# TYPE zrelay_workers_ready untyped\n"
        "zrelay_workers_ready{relay=\"orders\",kind=\"queue\"} 1\n"
        "zrelay_workers_ready{relay=\"a\\"));
    assert (s_test_contains (text, "kind=\"streamer\"} 2\n"));
    assert (s_test_contains (text, "\nzrelay_workers_ready_{"));
    assert (s_test_contains (text, "\nzrelay_messages_total_{"));
    assert (s_test_contains (text, "\nzrelay_forward_dropped_{"));
    assert (s_test_contains (text, "\nzrelay_frontend_forward_held{"));
    zstr_free (&text);
    for (size_t index = 0; index < 3; index++)
        zrelay_stats_destroy (&stats [index]);
}

void
zrelay_stats_test (bool verbose)
{
    printf (" * zrelay_stats: ");
    if (verbose)
        printf ("\n");

    //  @selftest
    s_test_example ();
    //  @end
    s_test_malformed ();
    s_test_bytes ();
    s_test_limits ();
    s_test_text ();
    s_test_json ();
    s_test_prometheus ();
    if (verbose) {
        zrelay_stats_t *stats = s_test_read (s_test_queue);
        char *text = zrelay_stats_text (stats);
        printf ("%s", text);
        zstr_free (&text);
        zrelay_stats_destroy (&stats);
    }
    printf ("OK\n");
}
