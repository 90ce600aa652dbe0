/*  =========================================================================
    zrelay_interest - what a site asks for, in the fewest subjects

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_interest.h"

//  A tree of prefixes, a byte for each step. It is as deep as a prefix is long,
//  so what walks through it may recurse.
typedef struct _node_t node_t;
struct _node_t {
    node_t *parent;             //  NULL: the empty prefix
    node_t **children;          //  By their bytes
    size_t count;               //  How many these are
    size_t room;                //  How many there is room for
    byte label;                 //  Last byte of the prefix
    byte size;                  //  Bytes of the prefix
    bool asked;                 //  It was asked for
    bool queued;                //  Something may have to be done
    node_t *next;               //  Of those
    size_t topics;              //  Topics that have this prefix
    size_t marks [ZRELAY_INTEREST_MARKS];   //  The user's
};

typedef struct {
    zrelay_name_t name;         //  The topic
    node_t *node;               //  Its prefix
    byte bytes [];              //  The topic's
} topic_t;

struct _zrelay_interest_t {
    node_t root;                //  The empty prefix
    zrelay_index_t *topics;     //  topic_t
    bool active;                //  Between begin and end
    node_t *first;              //  What may have to be done, in order
    node_t *last;               //  The last of these
    node_t *done;               //  What the user looks at, or NULL
};


//  --------------------------------------------------------------------------
//  The tree

//  Place of a child, or where it would be

static size_t
s_place (node_t *self, byte label)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (self->children [middle]->label < label)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static node_t *
s_child (node_t *self, byte label)
{
    size_t place = s_place (self, label);
    if (place < self->count && self->children [place]->label == label)
        return self->children [place];
    if (self->count == self->room) {
        self->room = self->room? self->room * 2: 1;
        self->children = (node_t **)
            realloc (self->children, self->room * sizeof (node_t *));
        assert (self->children);
    }
    node_t *child = (node_t *) zmalloc (sizeof (node_t));
    assert (child);
    child->parent = self;
    child->label = label;
    child->size = self->size + 1;
    memmove (self->children + place + 1, self->children + place,
             (self->count - place) * sizeof (node_t *));
    self->children [place] = child;
    self->count++;
    return child;
}

//  Remove one if it is of no use any more

static bool
s_remove (node_t *self)
{
    if (!self->parent || self->count > 0 || self->topics > 0 || self->asked
    ||  self->queued)
        return false;
    node_t *parent = self->parent;
    size_t place = s_place (parent, self->label);
    parent->count--;
    memmove (parent->children + place, parent->children + place + 1,
             (parent->count - place) * sizeof (node_t *));
    free (self->children);
    free (self);
    return true;
}

//  And those that it was the last child of

static void
s_prune (node_t *self)
{
    node_t *parent = self->parent;
    while (s_remove (self)) {
        self = parent;
        parent = self->parent;
    }
}

static void
s_free_children (node_t *self)
{
    for (size_t index = 0; index < self->count; index++) {
        s_free_children (self->children [index]);
        free (self->children [index]);
    }
    free (self->children);
}

//  Is a shorter prefix asked for?

static bool
s_is_covered (node_t *self)
{
    node_t *node = self->parent;
    while (node && node->topics == 0)
        node = node->parent;
    return node != NULL;
}


//  --------------------------------------------------------------------------
//  What is to be done

static void
s_queue (zrelay_interest_t *self, node_t *node)
{
    if (!self->active || node->queued)
        return;
    node->queued = true;
    node->next = NULL;
    if (self->last)
        self->last->next = node;
    else
        self->first = node;
    self->last = node;
}

//  The longer prefixes that are now covered, or that no longer are: those next
//  to this one

static void
s_queue_longer (zrelay_interest_t *self, node_t *node)
{
    for (size_t index = 0; index < node->count; index++) {
        node_t *child = node->children [index];
        if (child->topics > 0 || child->asked)
            s_queue (self, child);
        if (child->topics == 0)
            s_queue_longer (self, child);
    }
}

static void
s_settle (zrelay_interest_t *self)
{
    node_t *node = self->done;
    self->done = NULL;
    if (node)
        s_prune (node);
}

//  A prefix that its last change has left alone goes only now, since the user
//  may have looked at it

bool
zrelay_interest_next (zrelay_interest_t *self,
                      zrelay_interest_change_t *change)
{
    s_settle (self);
    while (self->first) {
        node_t *node = self->first;
        self->first = node->next;
        if (!self->first)
            self->last = NULL;
        node->queued = false;
        bool wanted = node->topics > 0 && !s_is_covered (node);
        if (wanted == node->asked) {
            s_prune (node);
            continue;
        }
        node->asked = wanted;
        change->wanted = wanted;
        change->size = node->size;
        change->marks = node->marks;
        for (node_t *step = node; step->parent; step = step->parent)
            change->prefix [step->size - 1] = step->label;
        self->done = node;
        return true;
    }
    return false;
}

//  Forget in the whole tree what was asked for

static void
s_forget (node_t *self)
{
    self->asked = false;
    self->queued = false;
    for (size_t index = self->count; index > 0; index--)
        s_forget (self->children [index - 1]);
    s_remove (self);
}

void
zrelay_interest_end (zrelay_interest_t *self)
{
    self->active = false;
    self->first = NULL;
    self->last = NULL;
    self->done = NULL;
    s_forget (&self->root);
}

void
zrelay_interest_begin (zrelay_interest_t *self)
{
    zrelay_interest_end (self);
    self->active = true;
    if (self->root.topics > 0)
        s_queue (self, &self->root);
    else
        s_queue_longer (self, &self->root);
}


//  --------------------------------------------------------------------------
//  Topics

zrelay_interest_t *
zrelay_interest_new (void)
{
    zrelay_interest_t *self =
        (zrelay_interest_t *) zmalloc (sizeof (zrelay_interest_t));
    assert (self);
    self->topics = zrelay_index_new ();
    return self;
}

void
zrelay_interest_destroy (zrelay_interest_t **self_p)
{
    assert (self_p);
    zrelay_interest_t *self = *self_p;
    if (!self)
        return;
    zrelay_index_purge (self->topics, free);
    zrelay_index_destroy (&self->topics);
    s_free_children (&self->root);
    freen (self);
    *self_p = NULL;
}

size_t
zrelay_interest_topics (zrelay_interest_t *self)
{
    return zrelay_index_size (self->topics);
}

static node_t *
s_node_of (zrelay_interest_t *self, const byte *topic, size_t size)
{
    node_t *node = &self->root;
    for (size_t index = 0; index < size && index < ZRELAY_ADDRESS_TOPIC;
         index++)
        node = s_child (node, topic [index]);
    return node;
}

bool
zrelay_interest_add (zrelay_interest_t *self, const void *data, size_t size)
{
    if (zrelay_index_find (self->topics, data, size))
        return false;
    s_settle (self);
    topic_t *topic = (topic_t *) malloc (sizeof (topic_t) + size);
    assert (topic);
    if (size > 0)
        memcpy (topic->bytes, data, size);
    topic->name = (zrelay_name_t) { topic->bytes, size };
    topic->node = s_node_of (self, topic->bytes, size);
    zrelay_index_add (self->topics, &topic->name, topic);
    node_t *node = topic->node;
    if (node->topics++ == 0 && !s_is_covered (node)) {
        s_queue (self, node);
        s_queue_longer (self, node);
    }
    return true;
}

bool
zrelay_interest_remove (zrelay_interest_t *self, const void *data, size_t size)
{
    topic_t *topic = (topic_t *) zrelay_index_find (self->topics, data, size);
    if (!topic)
        return false;
    s_settle (self);
    node_t *node = topic->node;
    zrelay_index_remove (self->topics, &topic->name);
    free (topic);
    if (--node->topics == 0) {
        if (!s_is_covered (node)) {
            s_queue_longer (self, node);
            s_queue (self, node);
        }
        s_prune (node);
    }
    return true;
}

bool
zrelay_interest_wants (zrelay_interest_t *self, const void *topic, size_t size)
{
    const byte *bytes = (const byte *) topic;
    node_t *node = &self->root;
    for (size_t index = 0; node->topics == 0; index++) {
        if (index == size || index == ZRELAY_ADDRESS_TOPIC)
            return false;
        size_t place = s_place (node, bytes [index]);
        if (place == node->count
        ||  node->children [place]->label != bytes [index])
            return false;
        node = node->children [place];
    }
    return true;
}


//  --------------------------------------------------------------------------
//  Selftest

//  Do all that is to be done; the result is as "+A +B -C"

static const char *
s_test_changes (zrelay_interest_t *self, char room [200])
{
    zrelay_interest_change_t change;
    char *end = room;
    *end = 0;
    while (zrelay_interest_next (self, &change)) {
        end += sprintf (end, "%s%c%.*s", end > room? " ": "",
                        change.wanted? '+': '-', (int) change.size,
                        (char *) change.prefix);
        //  The user's marks are there as long as the prefix is asked for
        assert (change.wanted? change.marks [1] == 0:
                               change.marks [1] == change.size + 1);
        change.marks [1] = change.wanted? change.size + 1: 0;
    }
    return room;
}

#define ADD(topic) \
    assert (zrelay_interest_add (self, topic, strlen (topic)))
#define REMOVE(topic) \
    assert (zrelay_interest_remove (self, topic, strlen (topic)))
#define CHANGES(expected) \
    assert (streq (s_test_changes (self, room), expected))

//  Is just what covers all topics asked for, after anything?

#define TEST_TOPICS 400

static void
s_test_any_order (void)
{
    zrelay_interest_t *self = zrelay_interest_new ();
    zrelay_interest_begin (self);
    char topics [TEST_TOPICS] [8];
    bool there [TEST_TOPICS] = { false };
    bool asked [TEST_TOPICS] = { false };
    unsigned seed = 7;
    //  Words of up to three letters out of seven, so each has an index
    for (int index = 0; index < TEST_TOPICS; index++) {
        char *end = topics [index];
        for (int rest = index; rest > 0; rest = (rest - 1) / 7)
            *end++ = (char) ('a' + (rest - 1) % 7);
        *end = 0;
    }
    for (int round = 0; round < 4000; round++) {
        seed = seed * 1103515245 + 12345;
        int index = (int) (seed >> 16) % TEST_TOPICS;
        const char *topic = topics [index];
        assert (there [index]?
                zrelay_interest_remove (self, topic, strlen (topic)):
                zrelay_interest_add (self, topic, strlen (topic)));
        there [index] = !there [index];
        if (seed >> 16 & 3)
            continue;
        zrelay_interest_change_t change;
        while (zrelay_interest_next (self, &change)) {
            int place = 0;
            while (strlen (topics [place]) != change.size
               ||  memcmp (topics [place], change.prefix, change.size))
                place++;
            assert (asked [place] != change.wanted);
            asked [place] = change.wanted;
        }
        for (int place = 0; place < TEST_TOPICS; place++) {
            bool wanted = there [place];
            for (int other = 0; other < TEST_TOPICS; other++)
                if (other != place && there [other]
                && strncmp (topics [place], topics [other],
                            strlen (topics [other])) == 0)
                    wanted = false;
            assert (asked [place] == wanted);
        }
    }
    zrelay_interest_destroy (&self);
}

void
zrelay_interest_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_interest: ");

    //  @selftest
    zrelay_interest_t *self = zrelay_interest_new ();
    char room [200];
    //  While it is idle, nothing is to be done
    ADD ("AB");
    CHANGES ("");
    zrelay_interest_begin (self);
    CHANGES ("+AB");
    assert (!zrelay_interest_add (self, "AB", 2));
    ADD ("AC");
    ADD ("B");
    CHANGES ("+AC +B");
    //  A shorter prefix takes over, first
    ADD ("A");
    CHANGES ("+A -AB -AC");
    ADD ("ABCD");
    CHANGES ("");
    assert (zrelay_interest_topics (self) == 5);
    //  And hands back
    REMOVE ("A");
    CHANGES ("+AB +AC -A");
    assert (!zrelay_interest_remove (self, "A", 1));
    //  What is over before it was begun
    ADD ("");
    REMOVE ("");
    CHANGES ("");
    REMOVE ("AB");
    CHANGES ("+ABCD -AB");
    //  Topics that differ beyond sixteen bytes have one prefix
    ADD ("0123456789abcdefX");
    ADD ("0123456789abcdefY");
    CHANGES ("+0123456789abcdef");
    assert (zrelay_interest_wants (self, "0123456789abcdef", 16));
    assert (zrelay_interest_wants (self, "0123456789abcdefZ", 17));
    assert (!zrelay_interest_wants (self, "0123456789abcde", 15));
    assert (!zrelay_interest_wants (self, "0123456789abcdeX", 16));
    assert (zrelay_interest_wants (self, "B", 1));
    assert (zrelay_interest_wants (self, "BC", 2));
    assert (!zrelay_interest_wants (self, "", 0));
    assert (!zrelay_interest_wants (self, "C", 1));
    REMOVE ("0123456789abcdefX");
    CHANGES ("");
    REMOVE ("0123456789abcdefY");
    CHANGES ("-0123456789abcdef");
    //  Everything
    ADD ("");
    CHANGES ("+ -ABCD -AC -B");
    assert (zrelay_interest_wants (self, "", 0));
    assert (zrelay_interest_wants (self, "C", 1));
    //  Its end comes before a change was done
    REMOVE ("");
    REMOVE ("ABCD");
    zrelay_interest_end (self);
    REMOVE ("AC");
    CHANGES ("");
    zrelay_interest_begin (self);
    CHANGES ("+B");
    zrelay_interest_destroy (&self);
    assert (self == NULL);
    s_test_any_order ();
    //  @end
    printf ("OK\n");
}
