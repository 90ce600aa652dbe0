/*  =========================================================================
    zrelay_side - a socket with its endpoints, options and topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_side.h"
#include "zrelay_attachments.h"
#include "zrelay_basics.h"
#include "zrelay_counts.h"
#include "zrelay_pairing.h"
#include "zrelay_topics.h"

struct _zrelay_side_t {
    const char *name;           //  "frontend", "backend", "capture"
    const char *types;          //  Socket types that may be chosen
    zrelay_error_t *error;      //  Where sentences go
    zrelay_port_t *port;        //  Moves frames; knows the socket
    zrelay_limits_t *limits;    //  How much it accepts
    zrelay_access_t *access;    //  Whom its ipc endpoints let in
    zrelay_peers_t *peers;      //  Who is connected; NULL without socket
    zrelay_events_t *events;    //  Hears of connections made, or NULL
    zrelay_diary_t *diary;      //  Logs who comes and goes, or NULL
    zrelay_attachments_t *attachments;  //  Its endpoints
    zrelay_choices_t *choices;  //  Its options
    zrelay_subscriptions_t *subscriptions;  //  The relay's own
    zrelay_topics_t *reported;  //  Topics that an XPUB of ours has reported
    bool borrowed;              //  The socket is the application's
    bool lingers;               //  It was drained, and has another linger
    int linger_before;          //  Than this
};


//  --------------------------------------------------------------------------
//  The socket

void *
zrelay_side_handle (zrelay_side_t *self)
{
    return zrelay_port_handle (self->port);
}

int
zrelay_side_type (zrelay_side_t *self)
{
    return zrelay_port_type (self->port);
}

static const char *
s_type_name (zrelay_side_t *self)
{
    return zsys_sockname (zrelay_side_type (self));
}

void
zrelay_side_close (zrelay_side_t *self)
{
    void *handle = zrelay_side_handle (self);
    zrelay_port_open (self->port, NULL, -1);
    if (handle && !self->borrowed) {
        zrelay_peers_destroy (&self->peers, handle);
        zrelay_attachments_release (self->attachments, handle);
        zsys_close (handle, __FILE__, __LINE__);
        zrelay_attachments_await_release (self->attachments);
    }
    zrelay_topics_destroy (&self->reported);
}

static zrelay_status_t
s_open (zrelay_side_t *self, int type, const char *name)
{
    //  Unlike zsock_new () this returns when there is none
    void *handle = zsys_socket (type, __FILE__, __LINE__);
    if (!handle)
        return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
            "the system has no socket for the %s: %s; see "
            "ulimit -n, and zsys_set_max_sockets ()", self->name,
            zmq_strerror (errno));
    zrelay_status_t status = ZRELAY_STATUS_DONE;
    if (zrelay_basics_set (handle, type))
        status = zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
            "the %s cannot be set up: %s", self->name, zmq_strerror (errno));
    else
        status = zrelay_options_apply (zrelay_choices_options (self->choices),
                                       handle, name, self->error);
    zrelay_peers_t *peers = NULL;
    if (status == ZRELAY_STATUS_DONE
    && !(peers = zrelay_peers_new (handle, self->limits)))
        status = zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
            "the system has no socket to watch the %s: %s; see "
            "ulimit -n, and zsys_set_max_sockets ()", self->name,
            zmq_strerror (errno));
    if (status != ZRELAY_STATUS_DONE) {
        zsys_close (handle, __FILE__, __LINE__);
        return status;
    }
    zrelay_side_close (self);
    zrelay_port_open (self->port, handle, type);
    self->peers = peers;
    if (type == ZMQ_XPUB) {
        zrelay_basics_hear_all (handle);
        self->reported = zrelay_topics_new ();
        zrelay_choices_bound_xpub (self->choices);
        zrelay_peers_watch (self->peers);
    }
    zrelay_peers_report_to (peers, self->events, self->diary, self->name);
    return ZRELAY_STATUS_DONE;
}

void
zrelay_side_report_to (zrelay_side_t *self, zrelay_events_t *events,
                       zrelay_diary_t *diary)
{
    self->events = events;
    self->diary = diary;
    if (self->peers)
        zrelay_peers_report_to (self->peers, events, diary, self->name);
}

zrelay_status_t
zrelay_side_choose (zrelay_side_t *self, const char *name)
{
    if (!zrelay_pairing_allows (self->types, name))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "the %s cannot be a %s socket; it can be %s", self->name,
            zrelay_error_quote (self->error, name), self->types);
    int type = zrelay_pairing_type (name);
    if (type == zrelay_side_type (self))
        return ZRELAY_STATUS_DONE;
    if (self->borrowed)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the application supplied the %s as a %s socket; its type cannot "
            "change", self->name, s_type_name (self));
    if (zrelay_side_attached (self)
    ||  zrelay_subscriptions_count (self->subscriptions) > 0)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the %s is in use as a %s socket; detach it first", self->name,
            s_type_name (self));
    zrelay_status_t status = s_open (self, type, name);
    if (status == ZRELAY_STATUS_DONE)
        zrelay_subscriptions_begin (self->subscriptions);
    return status;
}

//  Sockets are made early where there is no choice of types. If the system
//  had none then, it may have one now.

static zrelay_status_t
s_need_socket (zrelay_side_t *self)
{
    if (self->peers)
        zrelay_peers_set_encrypted (self->peers,
            zsock_mechanism (zrelay_side_handle (self)) == ZMQ_CURVE);
    if (zrelay_side_handle (self))
        return ZRELAY_STATUS_DONE;
    if (!strchr (self->types, ','))
        return zrelay_side_choose (self, self->types);
    return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
        "the %s has no socket yet; %s TYPE ENDPOINTS makes one, of %s",
        self->name, streq (self->name, "frontend")? "FRONTEND": "BACKEND",
        self->types);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

static zrelay_side_t *
s_side_new (const char *name, const char *types, zrelay_error_t *error,
            bool borrowed)
{
    zrelay_side_t *self = (zrelay_side_t *) zmalloc (sizeof (zrelay_side_t));
    assert (self);
    self->name = name;
    self->types = types;
    self->error = error;
    self->port = zrelay_port_new ();
    self->limits = zrelay_limits_new ();
    self->access = zrelay_access_new (error);
    self->attachments = zrelay_attachments_new (name, self->access, error);
    self->borrowed = borrowed;
    self->choices = zrelay_choices_new (&(zrelay_choices_side_t) {
        .name = name, .port = self->port, .attachments = self->attachments,
        .limits = self->limits, .access = self->access, .error = error,
        .borrowed = borrowed
    });
    self->subscriptions = zrelay_subscriptions_new (name, self->port, error);
    return self;
}

//  The settings of a kind's description, "name=value,name=value"

static void
s_set_all (zrelay_side_t *self, const char *settings)
{
    char *list = strdup (settings? settings: "");
    assert (list);
    char *rest = list;
    while (rest && *rest) {
        char *pair = strsep (&rest, ",");
        char *value = strchr (pair, '=');
        if (!value)
            zrelay_error_abort ("option '%s' of a kind's %s has no value; "
                "options are written NAME=VALUE", pair, self->name);
        *value++ = 0;
        if (zrelay_side_set_option (self, pair, value) != ZRELAY_STATUS_DONE)
            zrelay_error_abort ("option '%s' of a kind's %s: %s", pair,
                self->name, zrelay_error_sentence (self->error));
    }
    freen (list);
}

zrelay_side_t *
zrelay_side_new (const char *name, const zrelay_side_spec_t *spec,
                 zrelay_error_t *error)
{
    zrelay_side_t *self = s_side_new (name, spec->types, error, false);
    s_set_all (self, spec->options);
    bool chosen = !strchr (spec->types, ',');
    if (chosen && zrelay_side_choose (self, spec->types)
            == ZRELAY_STATUS_BAD_ARGUMENTS)
        zrelay_error_abort ("the options of a kind's %s: %s", name,
                            zrelay_error_sentence (error));
    return self;
}

//  The application's own options stay as they are

zrelay_side_t *
zrelay_side_borrow (const char *name, void *handle, zrelay_error_t *error)
{
    zrelay_side_t *self = s_side_new (name, ZRELAY_ANY_TYPE, error, true);
    zrelay_port_share_mask (self->port);
    zrelay_port_open (self->port, handle, zsock_type (handle));
    return self;
}

void
zrelay_side_destroy (zrelay_side_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_side_t *self = *self_p;
        zrelay_side_close (self);
        zrelay_subscriptions_destroy (&self->subscriptions);
        zrelay_choices_destroy (&self->choices);
        zrelay_port_destroy (&self->port);
        zrelay_limits_destroy (&self->limits);
        zrelay_attachments_destroy (&self->attachments);
        zrelay_access_destroy (&self->access);
        freen (self);
        *self_p = NULL;
    }
}


void
zrelay_side_join (zrelay_side_t *self, zrelay_side_t *other)
{
    zrelay_attachments_join (self->attachments, other->attachments);
}


//  --------------------------------------------------------------------------
//  Properties

const char *
zrelay_side_name (zrelay_side_t *self)
{
    return self->name;
}

zrelay_port_t *
zrelay_side_port (zrelay_side_t *self)
{
    return self->port;
}

zrelay_limits_t *
zrelay_side_limits (zrelay_side_t *self)
{
    return self->limits;
}

zrelay_access_t *
zrelay_side_access (zrelay_side_t *self)
{
    return self->access;
}

zrelay_peers_t *
zrelay_side_peers (zrelay_side_t *self)
{
    return self->peers;
}

zrelay_choices_t *
zrelay_side_choices (zrelay_side_t *self)
{
    return self->choices;
}

zrelay_subscriptions_t *
zrelay_side_subscriptions (zrelay_side_t *self)
{
    return self->subscriptions;
}


//  --------------------------------------------------------------------------
//  Endpoints

zrelay_status_t
zrelay_side_attach (zrelay_side_t *self, const char *endpoint, bool bind)
{
    zrelay_status_t status = s_need_socket (self);
    return status != ZRELAY_STATUS_DONE? status:
        zrelay_attachments_attach (self->attachments,
            zrelay_side_handle (self), endpoint, bind);
}

zrelay_status_t
zrelay_side_attach_list (zrelay_side_t *self, const char *endpoints, bool bind)
{
    zrelay_status_t status = s_need_socket (self);
    return status != ZRELAY_STATUS_DONE? status:
        zrelay_attachments_attach_list (self->attachments,
            zrelay_side_handle (self), self->peers, endpoints, bind);
}

zrelay_status_t
zrelay_side_detach (zrelay_side_t *self, const char *endpoint, bool bound)
{
    return zrelay_attachments_detach (self->attachments,
        zrelay_side_handle (self), self->peers, self->borrowed, endpoint,
        bound);
}

bool
zrelay_side_attached (zrelay_side_t *self)
{
    return self->borrowed || zrelay_attachments_count (self->attachments) > 0;
}

//  libzmq does not tell who has come by inproc. But a DEALER that takes no more,
//  although less than would fill it is on its way, has nobody to give it to. One
//  that connects always has: what is to be sent to an endpoint waits while that
//  is connected again. There it counts whether the attempts fail.

bool
zrelay_side_deserted (zrelay_side_t *self, uint64_t awaited)
{
    if (zrelay_side_type (self) == ZMQ_DEALER
    && !zrelay_port_has (self->port, ZMQ_POLLOUT)) {
        size_t mark = zrelay_port_high_water_mark (self->port);
        if (mark == 0 || awaited < (mark + 1) / 2)
            return true;
    }
    size_t connections;
    return self->peers
        && zrelay_attachments_counted (self->attachments, &connections)
        && (connections == 0? zrelay_peers_count (self->peers) == 0:
                              zrelay_peers_lost (self->peers, connections));
}

bool
zrelay_side_has_connections (zrelay_side_t *self)
{
    return self->borrowed || zrelay_attachments_connect (self->attachments);
}

void
zrelay_side_endpoints (zrelay_side_t *self, zmsg_t *answer, bool marked)
{
    //  Of what the application attached, libzmq reports the last
    if (self->borrowed && zrelay_attachments_count (self->attachments) == 0) {
        char *last = zsock_last_endpoint (zrelay_side_handle (self));
        if (last && *last)
            zmsg_addstr (answer, last);
        zstr_free (&last);
    }
    zrelay_attachments_list (self->attachments, answer, marked);
}


//  --------------------------------------------------------------------------
//  Options

zrelay_status_t
zrelay_side_set_option (zrelay_side_t *self, const char *name,
                        const char *value)
{
    zrelay_peers_lock (self->peers);
    zrelay_status_t status = zrelay_choices_set (self->choices, name, value);
    zrelay_peers_unlock (self->peers);
    return status;
}

zrelay_status_t
zrelay_side_get_option (zrelay_side_t *self, const char *name, char **value_p)
{
    zrelay_status_t status = zrelay_choices_get (self->choices, name, value_p);
    if (status != ZRELAY_STATUS_DONE || *value_p)
        return status;
    status = s_need_socket (self);
    return status != ZRELAY_STATUS_DONE? status:
        zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "libzmq does not report %s of a %s socket, and it was not set here",
            zrelay_option_find (name)->name, s_type_name (self));
}

const char *
zrelay_side_stamp (zrelay_side_t *self)
{
    return zrelay_choices_stamp (self->choices);
}


//  --------------------------------------------------------------------------
//  Subscriptions of peers

//  libzmq does not tell how an application has set its XPUB

bool
zrelay_side_hears_topics (zrelay_side_t *self)
{
    return self->reported != NULL;
}

bool
zrelay_side_heard_topic (zrelay_side_t *self, const zrelay_voice_t *voice,
                         const void *data, size_t size)
{
    const byte *frame = (const byte *) data;
    const byte *topic = frame + 1;
    if (frame [0] == ZRELAY_TOPICS_CANCEL)
        return zrelay_peers_cancelled (self->peers, voice->property, topic,
                                       size - 1)
            && zrelay_topics_delete (self->reported, topic, size - 1);
    return zrelay_peers_subscribed (self->peers, voice, topic, size - 1)
        && (zrelay_topics_insert (self->reported, topic, size - 1)
         || zrelay_choices_repeats (self->choices));
}

bool
zrelay_side_repeats (zrelay_side_t *self)
{
    return (self->borrowed || zrelay_choices_repeats (self->choices))
        && zrelay_side_type (self) == ZMQ_XPUB;
}


//  --------------------------------------------------------------------------
//  Housekeeping. CZMQ's sockets forget what they still have to send when they
//  are closed, unless they linger. Subscriptions are not worth it.

void
zrelay_side_service (zrelay_side_t *self)
{
    if (zrelay_side_handle (self))
        zsock_events (zrelay_side_handle (self));
}

static bool
s_linger_chosen (zrelay_side_t *self)
{
    return zrelay_options_get_id (zrelay_choices_options (self->choices),
                                  ZMQ_LINGER) != NULL;
}

void
zrelay_side_set_linger (zrelay_side_t *self, int msecs)
{
    void *handle = zrelay_side_handle (self);
    if (!handle || self->borrowed || zrelay_side_type (self) == ZMQ_XSUB
    ||  s_linger_chosen (self))
        return;
    if (!self->lingers)
        self->linger_before = zsock_linger (handle);
    self->lingers = true;
    zsock_set_linger (handle, msecs);
}

void
zrelay_side_restore_linger (zrelay_side_t *self)
{
    void *handle = zrelay_side_handle (self);
    if (handle && self->lingers && !s_linger_chosen (self))
        zsock_set_linger (handle, self->linger_before);
    self->lingers = false;
}

static void
s_add_tally (zrelay_side_t *self, zrelay_counts_t *counts,
             const char *direction, const zrelay_tally_t *tally)
{
    zrelay_counts_add (counts, tally->messages, "%s.%s.messages", self->name,
                       direction);
    zrelay_counts_add (counts, tally->frames, "%s.%s.frames", self->name,
                       direction);
    zrelay_counts_add (counts, tally->bytes, "%s.%s.bytes", self->name,
                       direction);
}

void
zrelay_side_stats (zrelay_side_t *self, zrelay_counts_t *counts)
{
    s_add_tally (self, counts, "in", zrelay_port_received (self->port));
    s_add_tally (self, counts, "out", zrelay_port_sent (self->port));
    zrelay_counts_add (counts, zrelay_limits_throttled (self->limits),
                       "%s.throttled", self->name);
    zrelay_peers_stats (self->peers, self->name, counts);
}

void
zrelay_side_reset (zrelay_side_t *self)
{
    zrelay_port_reset (self->port);
    zrelay_limits_reset (self->limits);
    if (self->peers)
        zrelay_peers_reset (self->peers);
}


//  --------------------------------------------------------------------------
//  Selftest

zsock_t *
zrelay_side_test_peer (zrelay_side_t *self, int type)
{
    char *endpoint = zsock_last_endpoint (zrelay_side_handle (self));
    zsock_t *peer = zsock_new (type);
    int rc = zsock_connect (peer, "%s", endpoint);
    assert (rc == 0);
    zstr_free (&endpoint);
    return peer;
}

//  The status and a word of the sentence; forgets the sentence

static bool
s_test_said (zrelay_side_t *self, zrelay_status_t status,
             zrelay_status_t expected, const char *word)
{
    bool said = status == expected
             && strstr (zrelay_error_sentence (self->error), word);
    zrelay_error_clear (self->error);
    return said;
}

static void
s_test_endpoints (zrelay_error_t *error)
{
    const zrelay_side_spec_t spec = { .types = "PULL", .options = "rcvhwm=7" };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec, error);
    assert (self);
    assert (zrelay_side_type (self) == ZMQ_PULL);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 7);

    //  An endpoint that was bound is known by its resolved name
    assert (zrelay_side_attach (self, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    zmsg_t *answer = zmsg_new ();
    zrelay_side_endpoints (self, answer, false);
    char *endpoint = zmsg_popstr (answer);
    zmsg_destroy (&answer);
    assert (zrelay_side_attached (self));
    assert (s_test_said (self, zrelay_side_attach (self, endpoint, true),
                         ZRELAY_STATUS_BAD_STATE, "already"));
    assert (s_test_said (self, zrelay_side_detach (self, endpoint, false),
                         ZRELAY_STATUS_BAD_STATE, "not connected"));

    //  Of a list, all are attached or none
    assert (zrelay_side_attach_list (self, "@inproc://side-test,nonsense",
                                     true) == ZRELAY_STATUS_REFUSED);
    assert (zrelay_side_detach (self, "inproc://side-test", true)
            == ZRELAY_STATUS_BAD_STATE);
    assert (zrelay_side_attach_list (self, "", true) == ZRELAY_STATUS_REFUSED);
    assert (zrelay_side_attach_list (self, ",inproc://side-test", true)
            == ZRELAY_STATUS_REFUSED);
    assert (zrelay_side_attach_list (self,
        ">inproc://side-one,inproc://side-two,", true) == ZRELAY_STATUS_DONE);
    assert (zrelay_side_detach (self, "inproc://side-one", false)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_side_detach (self, "inproc://side-two", true)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_side_detach (self, endpoint, true) == ZRELAY_STATUS_DONE);
    assert (!zrelay_side_attached (self));
    zstr_free (&endpoint);
    zrelay_side_destroy (&self);
}

//  Whoever comes next finds free what was given back

static void
s_test_release (zrelay_error_t *error)
{
    const zrelay_side_spec_t spec = { .types = "PULL" };
    for (int count = 0; count < 20; count++) {
        zrelay_side_t *self = zrelay_side_new ("frontend", &spec, error);
        assert (zrelay_side_attach (self, "inproc://side-test", true)
                == ZRELAY_STATUS_DONE);
        zrelay_side_destroy (&self);
    }
}

static void
s_test_types (zrelay_error_t *error)
{
    const zrelay_side_spec_t spec = { .types = "PULL,SUB" };
    zrelay_side_t *self = zrelay_side_new ("backend", &spec, error);
    assert (s_test_said (self, zrelay_side_attach (self, "inproc://x", true),
                         ZRELAY_STATUS_BAD_STATE, "BACKEND TYPE"));
    char *value = NULL;
    assert (s_test_said (self, zrelay_side_get_option (self, "sndhwm", &value),
                         ZRELAY_STATUS_BAD_STATE, "BACKEND TYPE"));

    //  An option that is set now acts when there is a socket, and on the next
    assert (zrelay_side_set_option (self, "rcvhwm", "5")
            == ZRELAY_STATUS_DONE);
    assert (zrelay_side_choose (self, "SUB") == ZRELAY_STATUS_DONE);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 5);
    assert (zrelay_side_choose (self, "PULL") == ZRELAY_STATUS_DONE);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 5);
    assert (s_test_said (self, zrelay_side_choose (self, "PUSH"),
                         ZRELAY_STATUS_BAD_ARGUMENTS, "PULL,SUB"));
    assert (zrelay_side_get_option (self, "rcvhwm", &value)
            == ZRELAY_STATUS_DONE);
    assert (streq (value, "5"));
    zstr_free (&value);
    assert (s_test_said (self,
        zrelay_side_get_option (self, "xpub_welcome_msg", &value),
        ZRELAY_STATUS_BAD_ARGUMENTS, "not set here"));
    assert (zrelay_side_attach (self, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    assert (s_test_said (self, zrelay_side_choose (self, "SUB"),
                         ZRELAY_STATUS_BAD_STATE, "in use"));
    zrelay_side_destroy (&self);
}

void
zrelay_side_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_side: ");
    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    s_test_endpoints (error);
    s_test_release (error);
    s_test_types (error);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
