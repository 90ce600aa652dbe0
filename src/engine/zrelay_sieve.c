/*  =========================================================================
    zrelay_sieve - which topics pass a flow, and under which names

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_sieve.h"
#include "zrelay_counts.h"
#include "zrelay_message_internal.h"

typedef struct {
    char *topic;                //  A message begins with this
    size_t size;                //  Bytes in it
    char *to;                   //  Takes its place, or NULL
    size_t to_size;             //  Bytes in that
    uint64_t count;             //  How many messages it was about
} rule_t;

struct _zrelay_sieve_t {
    rule_t *rules [ZRELAY_SIEVE_RULES];     //  In the order they were given
    size_t counts [ZRELAY_SIEVE_RULES];     //  How many of each there are
};

static const char *const s_names [ZRELAY_SIEVE_RULES] = {
    "only", "except", "rename"
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_sieve_t *
zrelay_sieve_new (void)
{
    zrelay_sieve_t *self = (zrelay_sieve_t *) zmalloc (sizeof (zrelay_sieve_t));
    assert (self);
    return self;
}

void
zrelay_sieve_destroy (zrelay_sieve_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_sieve_clear (*self_p);
        freen (*self_p);
    }
}


//  --------------------------------------------------------------------------
//  Rules

int
zrelay_sieve_find (const char *name)
{
    for (int rule = 0; rule < ZRELAY_SIEVE_RULES; rule++)
        if (strcasecmp (s_names [rule], name) == 0)
            return rule;
    return -1;
}

void
zrelay_sieve_add (zrelay_sieve_t *self, zrelay_sieve_rule_t rule,
                  const char *topic, const char *to)
{
    size_t count = ++self->counts [rule];
    self->rules [rule] =
        (rule_t *) realloc (self->rules [rule], count * sizeof (rule_t));
    assert (self->rules [rule]);
    rule_t *added = &self->rules [rule] [count - 1];
    memset (added, 0, sizeof (*added));
    added->topic = strdup (topic);
    assert (added->topic);
    added->size = strlen (topic);
    added->to = to? strdup (to): NULL;
    added->to_size = to? strlen (to): 0;
    assert (added->to || !to);
}

void
zrelay_sieve_clear (zrelay_sieve_t *self)
{
    for (int rule = 0; rule < ZRELAY_SIEVE_RULES; rule++) {
        for (size_t index = 0; index < self->counts [rule]; index++) {
            zstr_free (&self->rules [rule] [index].topic);
            zstr_free (&self->rules [rule] [index].to);
        }
        freen (self->rules [rule]);
        self->counts [rule] = 0;
    }
}

bool
zrelay_sieve_empty (zrelay_sieve_t *self)
{
    return self->counts [ZRELAY_SIEVE_ONLY] == 0
        && self->counts [ZRELAY_SIEVE_EXCEPT] == 0
        && self->counts [ZRELAY_SIEVE_RENAME] == 0;
}


//  --------------------------------------------------------------------------
//  Messages

//  Topics are short, and most differ in their first bytes, so to call a
//  function would take longer than to compare them

static inline bool
s_begins (const void *data, size_t size, const void *topic, size_t length)
{
    const byte *one = (const byte *) data;
    const byte *other = (const byte *) topic;
    if (size < length)
        return false;
    while (length > 0 && *one == *other) {
        one++;
        other++;
        length--;
    }
    return length == 0;
}

//  The first rule whose topic these bytes begin with, or NULL

static inline rule_t *
s_match (zrelay_sieve_t *self, zrelay_sieve_rule_t kind,
         const void *data, size_t size)
{
    rule_t *rule = self->rules [kind];
    rule_t *end = rule + self->counts [kind];
    while (rule < end && !s_begins (data, size, rule->topic, rule->size))
        rule++;
    return rule < end? rule: NULL;
}

//  Does a message pass that begins with this? Sets also the rule that renames
//  it, or NULL.

static inline bool
s_passes (zrelay_sieve_t *self, const void *data, size_t size,
          const rule_t **rename_p)
{
    rule_t *only = s_match (self, ZRELAY_SIEVE_ONLY, data, size);
    if (!only && self->counts [ZRELAY_SIEVE_ONLY] > 0)
        return false;
    rule_t *except = s_match (self, ZRELAY_SIEVE_EXCEPT, data, size);
    if (except) {
        except->count++;
        return false;
    }
    if (only)
        only->count++;
    rule_t *rename = s_match (self, ZRELAY_SIEVE_RENAME, data, size);
    if (rename)
        rename->count++;
    *rename_p = rename;
    return true;
}

//  Put a frame with the new topic in the place of one of these bytes. Returns
//  its size.

static size_t
s_replace (zmq_msg_t *frame, const byte *data, size_t size, const rule_t *rule)
{
    size_t rest = size - rule->size;
    zmq_msg_t renamed;
    int rc = zmq_msg_init_size (&renamed, rule->to_size + rest);
    assert (rc == 0);
    byte *target = (byte *) zmq_msg_data (&renamed);
    memcpy (target, rule->to, rule->to_size);
    memcpy (target + rule->to_size, data + rule->size, rest);
    zmq_msg_move (frame, &renamed);
    return rule->to_size + rest;
}

bool
zrelay_sieve_sift (void *self, zmq_msg_t *frame, size_t *size_p)
{
    byte *data = (byte *) zmq_msg_data (frame);
    const rule_t *rename;
    if (!s_passes ((zrelay_sieve_t *) self, data, *size_p, &rename))
        return false;
    if (!rename)
        return true;
    //  Nobody else may see the change
    if (rename->size == rename->to_size && !zmq_msg_get (frame, ZMQ_SHARED))
        memcpy (data, rename->to, rename->size);
    else
        *size_p = s_replace (frame, data, *size_p, rename);
    return true;
}

bool
zrelay_sieve_sift_message (zrelay_sieve_t *self, zrelay_message_t *message)
{
    return zrelay_sieve_sift (self, zrelay_message_frame (message, 0),
                              &message->sizes [message->first]);
}


//  --------------------------------------------------------------------------
//  Subscriptions

//  Subscriptions cannot leave anything out, but what an exception covers as a
//  whole need not be asked for

static void
s_emit (zrelay_sieve_t *self, const void *topic, size_t size,
        zrelay_sieve_fn *function, void *arg)
{
    if (!s_match (self, ZRELAY_SIEVE_EXCEPT, topic, size))
        function (arg, topic, size);
}

//  Where a topic is wider than a rule "only", the rule takes its place

void
zrelay_sieve_ask_before (zrelay_sieve_t *self, const void *topic, size_t size,
                         zrelay_sieve_fn *function, void *arg)
{
    size_t count = self->counts [ZRELAY_SIEVE_ONLY];
    if (count == 0 || s_match (self, ZRELAY_SIEVE_ONLY, topic, size)) {
        s_emit (self, topic, size, function, arg);
        return;
    }
    for (size_t index = 0; index < count; index++) {
        const rule_t *only = &self->rules [ZRELAY_SIEVE_ONLY] [index];
        if (s_begins (only->topic, only->size, topic, size))
            s_emit (self, only->topic, only->size, function, arg);
    }
}

//  A topic may get its messages under their own names, unless all of these are
//  renamed, and from each rule that renames to it, or to something wider

void
zrelay_sieve_ask (zrelay_sieve_t *self, const void *topic, size_t size,
                  zrelay_sieve_fn *function, void *arg)
{
    if (!s_match (self, ZRELAY_SIEVE_RENAME, topic, size))
        zrelay_sieve_ask_before (self, topic, size, function, arg);
    for (size_t index = 0; index < self->counts [ZRELAY_SIEVE_RENAME];
         index++) {
        const rule_t *rename = &self->rules [ZRELAY_SIEVE_RENAME] [index];
        size_t to = rename->to_size;
        bool narrower = s_begins (topic, size, rename->to, to);
        if (!narrower && !s_begins (rename->to, to, topic, size))
            continue;
        size_t rest = narrower? size - to: 0;
        byte *before = (byte *) malloc (rename->size + rest + 1);
        assert (before);
        memcpy (before, rename->topic, rename->size);
        if (rest > 0)
            memcpy (before + rename->size, (const byte *) topic + to, rest);
        zrelay_sieve_ask_before (self, before, rename->size + rest, function,
                                 arg);
        freen (before);
    }
}


//  --------------------------------------------------------------------------
//  Numbers

void
zrelay_sieve_list (zrelay_sieve_t *self, zmsg_t *answer)
{
    for (int kind = 0; kind < ZRELAY_SIEVE_RULES; kind++)
        for (size_t index = 0; index < self->counts [kind]; index++) {
            const rule_t *rule = &self->rules [kind] [index];
            zmsg_addstr (answer, s_names [kind]);
            zmsg_addstr (answer, rule->topic);
            zmsg_addstr (answer, rule->to? rule->to: "");
            zmsg_addstrf (answer, "%" PRIu64, rule->count);
        }
}

//  The same rule may have been given twice, but no name may come twice

static bool
s_is_first (zrelay_sieve_t *self, int kind, size_t index)
{
    for (size_t before = 0; before < index; before++)
        if (streq (self->rules [kind] [before].topic,
                   self->rules [kind] [index].topic))
            return false;
    return true;
}

void
zrelay_sieve_stats (zrelay_sieve_t *self, const char *flow,
                    zrelay_counts_t *counts)
{
    for (int kind = 0; kind < ZRELAY_SIEVE_RULES; kind++)
        for (size_t index = 0; index < self->counts [kind]; index++) {
            const rule_t *rule = &self->rules [kind] [index];
            char name [40];
            snprintf (name, sizeof (name), "%s.%s", flow, s_names [kind]);
            //  A label has at least one character
            if (s_is_first (self, kind, index))
                zrelay_counts_add_of (counts, rule->count, name, "topic",
                    rule->size? rule->topic: "*", rule->size? rule->size: 1);
        }
}

void
zrelay_sieve_reset (zrelay_sieve_t *self)
{
    for (int kind = 0; kind < ZRELAY_SIEVE_RULES; kind++)
        for (size_t index = 0; index < self->counts [kind]; index++)
            self->rules [kind] [index].count = 0;
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_note (void *arg, const void *topic, size_t size)
{
    char *notes = (char *) arg;
    size_t used = strlen (notes);
    snprintf (notes + used, 100 - used, "%.*s,", (int) size,
              (const char *) topic);
}

static bool
s_test_asks (zrelay_sieve_t *self, const char *topic, const char *expected)
{
    char notes [100] = "";
    zrelay_sieve_ask (self, topic, strlen (topic), s_test_note, notes);
    return streq (notes, expected);
}

static bool
s_test_passes (zrelay_sieve_t *self, const char *topic, const char *expected)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, topic, strlen (topic));
    bool right = zrelay_sieve_sift_message (self, message)?
        expected && zrelay_message_streq (message, 0, expected): !expected;
    zrelay_message_destroy (&message);
    return right;
}

void
zrelay_sieve_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_sieve: ");

    //  @selftest
    zrelay_sieve_t *self = zrelay_sieve_new ();
    assert (zrelay_sieve_empty (self));
    assert (s_test_passes (self, "a", "a") && s_test_passes (self, "", ""));
    assert (s_test_asks (self, "a", "a,") && s_test_asks (self, "", ","));

    //  Exceptions
    zrelay_sieve_add (self, ZRELAY_SIEVE_EXCEPT, "a.x", NULL);
    assert (!zrelay_sieve_empty (self));
    assert (s_test_passes (self, "a.", "a."));
    assert (s_test_passes (self, "a.xy", NULL));
    assert (s_test_asks (self, "a.", "a.,") && s_test_asks (self, "a.xy", ""));

    //  And what they are made from
    zrelay_sieve_add (self, ZRELAY_SIEVE_ONLY, "a.", NULL);
    zrelay_sieve_add (self, ZRELAY_SIEVE_ONLY, "b.", NULL);
    assert (s_test_passes (self, "a.1", "a.1"));
    assert (s_test_passes (self, "a.x", NULL));
    assert (s_test_passes (self, "c.1", NULL));
    assert (s_test_passes (self, "", NULL));
    assert (s_test_asks (self, "", "a.,b.,") && s_test_asks (self, "a", "a.,"));
    assert (s_test_asks (self, "a.1", "a.1,") && s_test_asks (self, "c", ""));

    //  Under other names
    zrelay_sieve_add (self, ZRELAY_SIEVE_RENAME, "a.", "site.");
    assert (s_test_passes (self, "a.1", "site.1"));
    assert (s_test_passes (self, "a.x", NULL));
    assert (s_test_passes (self, "b.1", "b.1"));
    assert (s_test_asks (self, "site.1", "a.1,"));
    assert (s_test_asks (self, "site.x", ""));
    assert (s_test_asks (self, "s", "a.,"));
    assert (s_test_asks (self, "a.1", "") && s_test_asks (self, "b.1", "b.1,"));
    assert (s_test_asks (self, "", "a.,b.,a.,"));

    zmsg_t *answer = zmsg_new ();
    zrelay_sieve_list (self, answer);
    assert (zmsg_size (answer) == 4 * 4);
    char *word = zmsg_popstr (answer);
    assert (streq (word, "only"));
    zstr_free (&word);
    zmsg_destroy (&answer);
    zrelay_counts_t *counts = zrelay_counts_new ();
    zrelay_sieve_stats (self, "forward", counts);
    const char *first = zrelay_counts_data (counts);
    assert (streq (first, "forward.only{topic=a.}"));
    assert (streq (first + strlen (first) + 1, "2"));
    zrelay_counts_destroy (&counts);

    //  Everything gets another name
    zrelay_sieve_clear (self);
    zrelay_sieve_add (self, ZRELAY_SIEVE_RENAME, "", "site.");
    assert (s_test_passes (self, "", "site."));
    assert (s_test_passes (self, "a", "site.a"));
    assert (s_test_asks (self, "site.a", "a,") && s_test_asks (self, "a", ""));
    assert (s_test_asks (self, "", ","));
    zrelay_sieve_reset (self);
    zrelay_sieve_destroy (&self);
    zrelay_sieve_destroy (&self);
    //  @end
    printf ("OK\n");
}
