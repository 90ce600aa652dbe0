/*  =========================================================================
    zrelay_configure - FRONTEND and BACKEND: all about a side in one command

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_configure.h"
#include "zrelay_number.h"
#include "zrelay_pairing.h"

//  Ranges as in zmq_setsockopt(3); a TTL travels as 16 bits of deciseconds

static const struct {
    const char *name;           //  As in zproxy's command
    const char *option;         //  As in SET
    int64_t most;               //  Largest value, in msecs
} s_heartbeats [] = {
    { "HEARTBEAT_IVL", "heartbeat_ivl", INT_MAX },
    { "HEARTBEAT_TIMEOUT", "heartbeat_timeout", INT_MAX },
    { "HEARTBEAT_TTL", "heartbeat_ttl", 6553599 }
};
#define HEARTBEATS (sizeof (s_heartbeats) / sizeof (*s_heartbeats))

//  One command's work
typedef struct {
    zrelay_side_t *side;        //  What is configured
    zrelay_error_t *error;      //  Where sentences go
    char *values [HEARTBEATS];  //  The caller's, by s_heartbeats, or NULL
    char **topics;              //  Those that are no heartbeats, the caller's
    size_t count;               //  How many these are
} job_t;

static int
s_heartbeat_index (const char *name)
{
    for (size_t index = 0; index < HEARTBEATS; index++)
        if (streq (s_heartbeats [index].name, name))
            return (int) index;
    return -1;
}

//  Tell heartbeats from topics

static zrelay_status_t
s_sort_words (job_t *self, size_t count, char **words)
{
    for (size_t index = 0; index < count; index++) {
        int heartbeat = s_heartbeat_index (words [index]);
        if (heartbeat == -1) {
            self->topics [self->count++] = words [index];
            continue;
        }
        int64_t number;
        int64_t most = s_heartbeats [heartbeat].most;
        if (++index == count
        || !zrelay_number_read (words [index], 0, most, &number))
            return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
                "%s takes a number from 0 to %" PRId64,
                s_heartbeats [heartbeat].name, most);
        self->values [heartbeat] = words [index];
    }
    return ZRELAY_STATUS_DONE;
}

//  Undoing must not hide the sentence of the failure

static void
s_keep_sentence (job_t *self, void (*undo) (job_t *self, void *arg), void *arg)
{
    char *sentence = strdup (zrelay_error_sentence (self->error));
    assert (sentence);
    undo (self, arg);
    zrelay_error_set (self->error, ZRELAY_STATUS_DONE, "%s", sentence);
    zstr_free (&sentence);
}


//  --------------------------------------------------------------------------
//  Heartbeats have to be set before attaching, and are set back if that fails

typedef struct {
    char *values [HEARTBEATS];  //  As they were; NULL: not changed
    bool wanted [HEARTBEATS];   //  Somebody had asked for that
} before_t;

static void
s_set_heartbeats (job_t *self, before_t *before)
{
    zrelay_options_t *options =
        zrelay_choices_options (zrelay_side_choices (self->side));
    for (size_t index = 0; index < HEARTBEATS; index++) {
        if (!self->values [index])
            continue;
        const char *name = s_heartbeats [index].option;
        before->wanted [index] =
            zrelay_options_get (options, zrelay_option_find (name)) != NULL;
        zrelay_side_get_option (self->side, name, &before->values [index]);
        zrelay_side_set_option (self->side, name, self->values [index]);
    }
}

static void
s_restore_heartbeats (job_t *self, void *arg)
{
    before_t *before = (before_t *) arg;
    for (size_t index = 0; index < HEARTBEATS; index++) {
        if (!before->values [index])
            continue;
        const char *name = s_heartbeats [index].option;
        zrelay_side_set_option (self->side, name, before->values [index]);
        if (!before->wanted [index])
            zrelay_options_forget (
                zrelay_choices_options (zrelay_side_choices (self->side)),
                zrelay_option_find (name));
    }
}

static zrelay_status_t
s_attach (job_t *self, const char *endpoints)
{
    before_t before = { { NULL }, { false } };
    s_set_heartbeats (self, &before);
    zrelay_status_t status =
        zrelay_side_attach_list (self->side, endpoints, true);
    if (status != ZRELAY_STATUS_DONE)
        s_keep_sentence (self, s_restore_heartbeats, &before);
    for (size_t index = 0; index < HEARTBEATS; index++)
        zstr_free (&before.values [index]);
    return status;
}


//  --------------------------------------------------------------------------
//  Everything

//  arg is the type that the side had, or -1

static void
s_restore_type (job_t *self, void *arg)
{
    int type = *(int *) arg;
    zrelay_side_close (self->side);
    if (type != -1)
        zrelay_side_choose (self->side, zsys_sockname (type));
}

static zrelay_status_t
s_configure (job_t *self, const char *type, const char *endpoints)
{
    int number = zrelay_pairing_type (type);
    bool subscribes = number == ZMQ_SUB || number == ZMQ_XSUB;
    if (self->count > 0 && !subscribes)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "only SUB and XSUB sockets take topics; a %s socket does not",
            zrelay_error_quote (self->error, type));
    int before = zrelay_side_type (self->side);
    zrelay_subscriptions_t *topics = zrelay_side_subscriptions (self->side);
    zrelay_status_t status =
        zrelay_subscriptions_check (topics, self->count, self->topics);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_side_choose (self->side, type);
    if (status == ZRELAY_STATUS_DONE)
        status = s_attach (self, endpoints);
    if (status == ZRELAY_STATUS_DONE && self->count > 0)
        status = zrelay_subscriptions_add (topics, self->count, self->topics);
    if (status != ZRELAY_STATUS_DONE
    &&  zrelay_side_type (self->side) != before)
        s_keep_sentence (self, s_restore_type, &before);
    if (status == ZRELAY_STATUS_DONE && number == ZMQ_SUB
    &&  zrelay_subscriptions_count (topics) == 0)
        zrelay_error_set (self->error, status, "the %s receives nothing until "
            "SUBSCRIBE says what", zrelay_side_name (self->side));
    return status;
}

zrelay_status_t
zrelay_configure (zrelay_side_t *side, zrelay_error_t *error,
                  const char *type, const char *endpoints,
                  size_t count, char **words)
{
    job_t job = { .side = side, .error = error };
    job.topics = (char **) zmalloc ((count + 1) * sizeof (char *));
    assert (job.topics);
    zrelay_status_t status = s_sort_words (&job, count, words);
    if (status == ZRELAY_STATUS_DONE)
        status = s_configure (&job, type, endpoints);
    freen (job.topics);
    return status;
}


//  --------------------------------------------------------------------------
//  Selftest: everything changes or nothing

void
zrelay_configure_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_configure: ");

    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    const zrelay_side_spec_t spec = { .types = ZRELAY_ANY_TYPE };
    zrelay_side_t *side = zrelay_side_new ("frontend", &spec, error);
    char *words [] = { "A", "HEARTBEAT_IVL", "500", "B" };
    char *value = NULL;
    assert (zrelay_configure (side, error, "SUB", "inproc://side-ok,nonsense",
                              4, words) == ZRELAY_STATUS_REFUSED);
    assert (strstr (zrelay_error_sentence (error), "nonsense"));
    assert (zrelay_side_type (side) == -1);
    assert (zrelay_configure (side, error, "PULL", "inproc://side-ok",
                              4, words) == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (zrelay_configure (side, error, "SUB", "inproc://side-ok",
                              2, words) == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (zrelay_configure (side, error, "SUB", "inproc://side-ok",
                              4, words) == ZRELAY_STATUS_DONE);
    assert (zrelay_side_get_option (side, "heartbeat_ivl", &value)
            == ZRELAY_STATUS_DONE);
    assert (streq (value, "500"));
    zstr_free (&value);
    zrelay_subscriptions_t *topics = zrelay_side_subscriptions (side);
    assert (zrelay_subscriptions_remove (topics, 1, words)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_subscriptions_remove (topics, 1, words + 3)
            == ZRELAY_STATUS_DONE);

    //  Options that were set for an attachment that failed are set back
    assert (zrelay_configure (side, error, "SUB", "nonsense", 2, words + 1)
            == ZRELAY_STATUS_REFUSED);
    words [2] = "900";
    assert (zrelay_configure (side, error, "SUB", "nonsense", 2, words + 1)
            == ZRELAY_STATUS_REFUSED);
    zrelay_side_get_option (side, "heartbeat_ivl", &value);
    assert (streq (value, "500"));
    zstr_free (&value);
    zrelay_side_destroy (&side);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
