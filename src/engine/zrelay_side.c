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
#include "zrelay_counts.h"
#include "zrelay_pairing.h"
#include "zrelay_setting.h"
#include "zrelay_sender.h"
#include "zrelay_topics.h"

//  How long a closed socket may go on sending, in msecs, unless SET says
//  otherwise. With none, as CZMQ would have it, libzmq ends the process when a
//  connection breaks right then in the middle of a message
//  (session_base_t::clean_pipes).
#define LINGER 100

//  Peers that do not complete their handshake have so many msecs for it.
//  Heartbeats would find those who are silent after it, but under hostile bytes
//  a forwarder with heartbeats has stopped to carry messages (libzmq 4.3.4), so
//  they are the user's choice.
#define HANDSHAKE_IVL 10000

//  Longest frame that a subscriber may send: a topic, the name of the command
//  in which it travels, and what CURVE adds to it
#define SUBSCRIPTION_MAX (ZRELAY_PORT_TOPIC_MAX + 64)

//  How many of one subscriber wait to be taken in, and how many bytes if these
//  are longer. An XPUB takes in all that do, also when the connection has been
//  cut.
#define SUBSCRIPTIONS_WAITING 100
#define SUBSCRIPTIONS_BYTES (SUBSCRIPTIONS_WAITING * SUBSCRIPTION_MAX)

//  And how many at least. The user id that a ZAP handler gave goes ahead of the
//  messages: libzmq counts it in, but not out.
#define SUBSCRIPTIONS_LEAST 2

//  How many bytes wait in the system, of which libzmq takes in more meanwhile
#define SUBSCRIPTIONS_BUFFER 65536

//  Connections that wait to be accepted. With libzmq's 100, the system drops
//  newcomers when many come at once, and they try again after seconds.
#define BACKLOG 1000

//  The ZAP domain of a side that is to know its users, unless it has another
#define STAMP_DOMAIN "global"

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
    zrelay_sender_t *stamp;      //  What its messages say of their senders
    zrelay_options_t *options;  //  For when the socket is made
    zlistx_t *topics;           //  The relay's own subscriptions
    zrelay_topics_t *reported;  //  Topics that an XPUB of ours has reported
    const char *topic;          //  The one while there are none, or NULL
    zrelay_sieve_t *sieve;      //  What passes of all this, or NULL
    bool borrowed;              //  The socket is the application's
    bool repeats;               //  It reports each subscription: xpub_verbose
    bool insists_late;          //  Peers may have been let in before a ZAP
                                //  handler had to be asked
    bool lingers;               //  It was drained, and has another linger
    int linger_before;          //  Than this
};

static void
s_default_topic (zrelay_side_t *self, bool subscribe);
static zrelay_status_t
s_set_stamp (zrelay_side_t *self, const zrelay_setting_t *setting,
             const char *value);


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

//  An XPUB of ours reports each subscription and cancellation, so that it can
//  be attributed to its connection; what is no news goes no further, see
//  zrelay_side_heard_topic ()

static int
s_prepare_xpub (void *handle)
{
    int64_t most = SUBSCRIPTION_MAX;
    int waiting = SUBSCRIPTIONS_WAITING;
    int buffer = SUBSCRIPTIONS_BUFFER;
    return zmq_setsockopt (handle, ZMQ_MAXMSGSIZE, &most, sizeof (most))
        || zmq_setsockopt (handle, ZMQ_RCVHWM, &waiting, sizeof (waiting))
        || zmq_setsockopt (handle, ZMQ_RCVBUF, &buffer, sizeof (buffer))? -1:
           0;
}

//  Where subscribers may send longer frames, fewer of them wait, if not said
//  otherwise

static void
s_adjust_xpub (zrelay_side_t *self)
{
    void *handle = zrelay_side_handle (self);
    if (!handle || self->borrowed || zrelay_side_type (self) != ZMQ_XPUB
    ||  zrelay_options_get_id (self->options, ZMQ_RCVHWM))
        return;
    int64_t most = zsock_maxmsgsize (handle);
    int waiting = most <= SUBSCRIPTIONS_BYTES / SUBSCRIPTIONS_WAITING?
        SUBSCRIPTIONS_WAITING: (int) (SUBSCRIPTIONS_BYTES / most);
    if (most < 0 || waiting < SUBSCRIPTIONS_LEAST)
        waiting = SUBSCRIPTIONS_LEAST;
    zmq_setsockopt (handle, ZMQ_RCVHWM, &waiting, sizeof (waiting));
}

//  Options that a relay needs on every socket of a type, whatever the kind

static int
s_prepare (void *handle, int type)
{
    int one = 1;
    int unlimited = 0;
    const struct {
        int option;
        int value;
    } options [] = {
        { ZMQ_LINGER, LINGER },
        { ZMQ_HANDSHAKE_IVL, HANDSHAKE_IVL },
        { ZMQ_BACKLOG, BACKLOG }
    };
    for (size_t index = 0; index < sizeof (options) / sizeof (*options);
         index++)
        if (zmq_setsockopt (handle, options [index].option,
                            &options [index].value, sizeof (int)))
            return -1;
    //  Without it a ROUTER drops silently what it cannot deliver
    if (type == ZMQ_ROUTER)
        return zmq_setsockopt (handle, ZMQ_ROUTER_MANDATORY,
                               &one, sizeof (one));
    if (type == ZMQ_XPUB)
        return s_prepare_xpub (handle);
    //  An XSUB drops silently the subscriptions above its high-water mark
    if (type == ZMQ_XSUB)
        return zmq_setsockopt (handle, ZMQ_SNDHWM,
                               &unlimited, sizeof (unlimited));
    return 0;
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
    if (s_prepare (handle, type))
        status = zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
            "the %s cannot be set up: %s", self->name, zmq_strerror (errno));
    else
        status = zrelay_options_apply (self->options, handle, name,
                                       self->error);
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
        int one = 1;
        zmq_setsockopt (handle, ZMQ_XPUB_VERBOSER, &one, sizeof (one));
        self->reported = zrelay_topics_new ();
        s_adjust_xpub (self);
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
    if (zrelay_side_attached (self) || zrelay_side_topics (self) > 0)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the %s is in use as a %s socket; detach it first", self->name,
            s_type_name (self));
    zrelay_status_t status = s_open (self, type, name);
    if (status == ZRELAY_STATUS_DONE)
        s_default_topic (self, true);
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

static void
s_string_destroy (void **item_p)
{
    zstr_free ((char **) item_p);
}

static zrelay_side_t *
s_side_new (const char *name, const char *types, zrelay_error_t *error)
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
    self->stamp = zrelay_sender_new ();
    self->options = zrelay_options_new ();
    self->topics = zlistx_new ();
    assert (self->topics);
    zlistx_set_destructor (self->topics, s_string_destroy);
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
    zrelay_side_t *self = s_side_new (name, spec->types, error);
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
    zrelay_side_t *self = s_side_new (name, ZRELAY_ANY_TYPE, error);
    zrelay_port_share_mask (self->port);
    zrelay_port_open (self->port, handle, zsock_type (handle));
    self->borrowed = true;
    return self;
}

void
zrelay_side_destroy (zrelay_side_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_side_t *self = *self_p;
        zrelay_side_close (self);
        zrelay_port_destroy (&self->port);
        zrelay_limits_destroy (&self->limits);
        zrelay_attachments_destroy (&self->attachments);
        zrelay_access_destroy (&self->access);
        zrelay_sender_destroy (&self->stamp);
        zrelay_options_destroy (&self->options);
        zlistx_destroy (&self->topics);
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

zrelay_options_t *
zrelay_side_options (zrelay_side_t *self)
{
    return self->options;
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

//  An enforced domain must have a name: without it libzmq 4.3 ends the process
//  when a peer comes to a PLAIN server, and asks nobody about a CURVE client.
//  It never takes an empty name, so that one that is there remains.

static bool
s_has_domain (zrelay_side_t *self)
{
    char *domain = NULL;
    zrelay_side_get_option (self, "zap_domain", &domain);
    bool named = domain && *domain;
    zstr_free (&domain);
    return named;
}

//  Which values an option takes, for people

static const char *
s_range (const zrelay_option_t *option)
{
    return strchr ("ilu", option->type)? "a whole number":
           option->type == 'k'? "a key of 40 characters in Z85":
           "at most 255 characters";
}

static const char *
s_quote (zrelay_side_t *self, const zrelay_option_t *option, const char *value)
{
    return option->flags & ZRELAY_OPTION_SECRET? "'(secret)'":
           zrelay_error_quote (self->error, value);
}

static zrelay_status_t
s_check_option (zrelay_side_t *self, const zrelay_option_t *option,
                const char *value)
{
    if (option->flags & ZRELAY_OPTION_GET)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s can be read but not set", option->name);
    if (option->refusal)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s cannot be set: %s", option->name, option->refusal);
    if (!zrelay_option_valid (option, value))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a value for %s; it takes %s",
            s_quote (self, option, value), option->name, s_range (option));
    //  Earlier subscriptions cannot be found out
    if (option->id == ZMQ_XPUB_VERBOSE && zrelay_side_attached (self))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the %s is attached already; %s has to be set before that",
            self->name, option->name);
    if (option->id == ZMQ_ZAP_ENFORCE_DOMAIN && atoi (value) != 0
    && !s_has_domain (self))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "%s needs a zap_domain, which has to be set before that",
            option->name);
    return ZRELAY_STATUS_DONE;
}

//  Options that act later, or not on all, are remarked on

static zrelay_status_t
s_remark (zrelay_side_t *self, const zrelay_option_t *option)
{
    if (!(option->flags & ZRELAY_OPTION_NOW) && zrelay_side_attached (self))
        zrelay_error_set (self->error, ZRELAY_STATUS_DONE,
            "%s of the %s acts on later connections only", option->name,
            self->name);
    else
    if (option->flags & ZRELAY_OPTION_HELD
    &&  zrelay_attachments_bound (self->attachments))
        zrelay_error_set (self->error, ZRELAY_STATUS_DONE,
            "%s of the %s acts on the connections that it has, not on those "
            "that it will accept where it is bound already", option->name,
            self->name);
    return ZRELAY_STATUS_DONE;
}

static zrelay_status_t
s_set_option (zrelay_side_t *self, const zrelay_option_t *option,
              const char *value)
{
    zrelay_status_t status = s_check_option (self, option, value);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    void *handle = zrelay_side_handle (self);
    bool ours = option->id == ZMQ_XPUB_VERBOSE && !self->borrowed
             && zrelay_side_type (self) == ZMQ_XPUB;
    if (handle && !ours && zrelay_option_set (option, handle, value))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "a %s socket does not take %s for %s: %s", s_type_name (self),
            s_quote (self, option, value), option->name,
            zmq_strerror (errno));
    zrelay_options_put (self->options, option, value);
    if (option->id == ZMQ_XPUB_VERBOSE)
        self->repeats = atoi (value) != 0;
    if (option->id == ZMQ_MAXMSGSIZE)
        s_adjust_xpub (self);
    if (option->id == ZMQ_ZAP_ENFORCE_DOMAIN && zrelay_side_attached (self))
        self->insists_late = true;
    return s_remark (self, option);
}

//  libzmq takes a peer's own word for its user id, unless a ZAP handler was
//  asked. A PLAIN server always asks. NULL and CURVE ask where that is
//  enforced, which acts on later connections only; a client of PLAIN or CURVE
//  never asks.

static bool
s_names_users (zrelay_side_t *self)
{
    void *handle = zrelay_side_handle (self);
    int mechanism = zsock_mechanism (handle);
    if (mechanism == ZMQ_PLAIN)
        return zsock_plain_server (handle) != 0;
    if (mechanism == ZMQ_CURVE && !zsock_curve_server (handle))
        return false;
    char *enforced = zrelay_side_option (self, "zap_enforce_domain");
    bool names = enforced && streq (enforced, "1") && s_has_domain (self)
              && !self->insists_late && !self->borrowed;
    zstr_free (&enforced);
    return names;
}

//  Have a ZAP handler asked about each peer that is to come

static zrelay_status_t
s_insist (zrelay_side_t *self)
{
    if (zrelay_side_attached (self))
        return s_names_users (self)? ZRELAY_STATUS_DONE:
            zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
                "the %s is attached already, and may have peers that named "
                "themselves; stamp user has to be set before that",
                self->name);
    zrelay_status_t status = s_has_domain (self)? ZRELAY_STATUS_DONE:
        zrelay_side_set_option (self, "zap_domain", STAMP_DOMAIN);
    return status != ZRELAY_STATUS_DONE? status:
        zrelay_side_set_option (self, "zap_enforce_domain", "1");
}

static zrelay_status_t
s_set_stamp (zrelay_side_t *self, const zrelay_setting_t *setting,
             const char *value)
{
    zrelay_sender_t *wanted = zrelay_sender_new ();
    zrelay_status_t status =
        zrelay_setting_set (setting, NULL, wanted, value, self->error);
    const char *property = zrelay_sender_property (wanted);
    if (status == ZRELAY_STATUS_DONE && property
    &&  streq (property, ZRELAY_SENDER_USER))
        status = s_insist (self);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_setting_set (setting, NULL, self->stamp, value,
                                     self->error);
    zrelay_sender_destroy (&wanted);
    return status;
}

const char *
zrelay_side_stamp (zrelay_side_t *self)
{
    const char *property = zrelay_sender_property (self->stamp);
    if (!property || !zrelay_side_handle (self)
    ||  zrelay_side_type (self) == ZMQ_XPUB)
        return NULL;
    return streq (property, ZRELAY_SENDER_USER) && !s_names_users (self)? "":
           property;
}

//  Options that are not libzmq's. Those who watch peers know the limits, too.

static zrelay_status_t
s_set_limit (zrelay_side_t *self, const zrelay_setting_t *setting,
             const char *value)
{
    zrelay_peers_lock (self->peers);
    zrelay_status_t status = zrelay_setting_set (setting, NULL, self->limits,
                                                 value, self->error);
    zrelay_peers_unlock (self->peers);
    return status;
}

static zrelay_status_t
s_set_access (zrelay_side_t *self, const zrelay_setting_t *setting,
              const char *value)
{
    zrelay_status_t status = zrelay_setting_set (setting, NULL, self->access,
                                                 value, self->error);
    if (status == ZRELAY_STATUS_DONE
    &&  zrelay_attachments_bound (self->attachments))
        zrelay_error_set (self->error, status, "%s of the %s acts on endpoints "
            "that are bound later only", setting->name, self->name);
    return status;
}

const zrelay_setting_t *const zrelay_side_settings [] = {
    zrelay_limits_settings, zrelay_access_settings, zrelay_sender_settings,
    NULL
};

typedef zrelay_status_t (set_fn) (zrelay_side_t *self,
                                  const zrelay_setting_t *setting,
                                  const char *value);

//  In the order of these tables
static set_fn *const s_setters [] = { s_set_limit, s_set_access, s_set_stamp };

static void *
s_object (zrelay_side_t *self, size_t table)
{
    void *objects [] = { self->limits, self->access, self->stamp };
    return objects [table];
}

void
zrelay_side_keep_options (zrelay_side_t *self, zchunk_t *values)
{
    for (size_t table = 0; zrelay_side_settings [table]; table++)
        zrelay_setting_keep (zrelay_side_settings [table], self->name, NULL,
                             s_object (self, table), values);
}

//  Sets also the table's place in that order

static const zrelay_setting_t *
s_find_setting (const char *name, size_t *table_p)
{
    const zrelay_setting_t *setting = NULL;
    for (size_t table = 0; !setting && zrelay_side_settings [table]; table++) {
        setting = zrelay_setting_find (zrelay_side_settings [table], name);
        *table_p = table;
    }
    return setting;
}

static zrelay_status_t
s_no_option (zrelay_side_t *self, const char *name)
{
    char *names = zrelay_setting_names (zrelay_side_settings);
    zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
        "there is no option %s; a side has %s, and socket options by their "
        "zsock names, such as sndhwm", zrelay_error_quote (self->error, name),
        names);
    zstr_free (&names);
    return ZRELAY_STATUS_BAD_ARGUMENTS;
}

zrelay_status_t
zrelay_side_set_option (zrelay_side_t *self, const char *name,
                        const char *value)
{
    //  maxmsgsize is ours for messages and libzmq's for frames
    size_t table;
    const zrelay_setting_t *setting = s_find_setting (name, &table);
    const zrelay_option_t *option = zrelay_option_find (name);
    if (!setting && !option)
        return s_no_option (self, name);
    zrelay_status_t status = !setting? ZRELAY_STATUS_DONE:
                             s_setters [table] (self, setting, value);
    if (status == ZRELAY_STATUS_DONE && option)
        status = s_set_option (self, option, value);
    return status;
}

//  The value that libzmq reports, or that was set, as a fresh string or NULL

static char *
s_option_value (zrelay_side_t *self, const zrelay_option_t *option)
{
    void *handle = zrelay_side_handle (self);
    char *value = handle? zrelay_option_get (option, handle): NULL;
    const char *kept = zrelay_options_get (self->options, option);
    return value || !kept? value: strdup (kept);
}

char *
zrelay_side_option (zrelay_side_t *self, const char *name)
{
    size_t table;
    const zrelay_setting_t *setting = s_find_setting (name, &table);
    if (setting)
        return zrelay_setting_get (setting, NULL, s_object (self, table));
    const zrelay_option_t *option = zrelay_option_find (name);
    return option && !(option->flags & ZRELAY_OPTION_SECRET)?
        s_option_value (self, option): NULL;
}

zrelay_status_t
zrelay_side_get_option (zrelay_side_t *self, const char *name, char **value_p)
{
    const zrelay_option_t *option = zrelay_option_find (name);
    size_t table;
    if (!option && !s_find_setting (name, &table))
        return s_no_option (self, name);
    if (option && option->flags & ZRELAY_OPTION_SECRET)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is a secret", option->name);
    *value_p = zrelay_side_option (self, name);
    if (*value_p)
        return ZRELAY_STATUS_DONE;
    zrelay_status_t status = s_need_socket (self);
    return status != ZRELAY_STATUS_DONE? status:
        zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "libzmq does not report %s of a %s socket, and it was not set here",
            option->name, s_type_name (self));
}


//  --------------------------------------------------------------------------
//  Security. libzmq asks the ZAP handler of the process about each peer.

static zrelay_status_t
s_set_before_attach (zrelay_side_t *self, const char *option,
                     const char *value)
{
    if (zrelay_side_attached (self))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the %s is attached already; say how to authenticate before that",
            self->name);
    return zrelay_side_set_option (self, option, value);
}

zrelay_status_t
zrelay_side_set_domain (zrelay_side_t *self, const char *domain)
{
    return s_set_before_attach (self, "zap_domain", domain);
}

zrelay_status_t
zrelay_side_set_plain (zrelay_side_t *self)
{
    return s_set_before_attach (self, "plain_server", "1");
}

//  Those who connect are checked: a peer that checks the relay is none of these

bool
zrelay_side_guards (zrelay_side_t *self)
{
    void *handle = zrelay_side_handle (self);
    if (!handle || self->borrowed)
        return false;
    char *domain = zsock_zap_domain (handle);
    bool guards = (domain && *domain) || zsock_plain_server (handle)
               || (zsys_has_curve () && zsock_curve_server (handle));
    zstr_free (&domain);
    return guards;
}

//  Check both keys before setting any

static bool
s_key_pair (const char *public_txt, const char *secret_txt)
{
    uint8_t key [32];
    char derived [41];
    return strlen (public_txt) == sizeof (derived) - 1
        && strlen (secret_txt) == sizeof (derived) - 1
        && zmq_z85_decode (key, secret_txt)
        && zmq_curve_public (derived, secret_txt) == 0
        && streq (derived, public_txt);
}

zrelay_status_t
zrelay_side_set_curve (zrelay_side_t *self, const char *public_txt,
                       const char *secret_txt)
{
    if (!zsys_has_curve ())
        return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
                                 "libzmq was built without CURVE");
    if (!s_key_pair (public_txt, secret_txt))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "that is not a pair of CURVE keys; give first the public and then "
            "the secret key, each of 40 characters in Z85");
    zrelay_status_t status =
        s_set_before_attach (self, "curve_publickey", public_txt);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_side_set_option (self, "curve_secretkey", secret_txt);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_side_set_option (self, "curve_server", "1");
    return status;
}

//  The domain comes before zap_enforce_domain, which needs it

int
zrelay_side_secure (zrelay_side_t *self, void *handle)
{
    static const char *const names [] = {
        "ipv6", "zap_domain", "zap_enforce_domain", "plain_server",
        "curve_publickey", "curve_secretkey", "curve_server", NULL
    };
    for (int index = 0; names [index]; index++) {
        const zrelay_option_t *option = zrelay_option_find (names [index]);
        const char *value = zrelay_options_get (self->options, option);
        if (value && zrelay_option_set (option, handle, value))
            return -1;
    }
    return 0;
}


//  --------------------------------------------------------------------------
//  Subscriptions

static int
s_subscribe_to (zrelay_side_t *self, const void *topic, size_t size,
                bool subscribe)
{
    void *handle = zrelay_side_handle (self);
    if (zrelay_side_type (self) == ZMQ_SUB)
        return zmq_setsockopt (handle,
            subscribe? ZMQ_SUBSCRIBE: ZMQ_UNSUBSCRIBE, topic, size);

    //  An XSUB takes it as a message, see ZeroMQ RFC 23
    byte *data = (byte *) malloc (size + 1);
    assert (data);
    data [0] = subscribe? 1: 0;
    memcpy (data + 1, topic, size);
    int rc = zmq_send (handle, data, size + 1, ZMQ_DONTWAIT);
    freen (data);
    return rc == -1? -1: 0;
}

typedef struct {
    zrelay_side_t *side;
    bool subscribe;
    int rc;                     //  -1 if any of them failed
} subscription_t;

static void
s_on_asked (void *arg, const void *topic, size_t size)
{
    subscription_t *self = (subscription_t *) arg;
    if (s_subscribe_to (self->side, topic, size, self->subscribe))
        self->rc = -1;
}

static int
s_subscription (zrelay_side_t *self, const char *topic, bool subscribe)
{
    subscription_t asked = { self, subscribe, 0 };
    if (self->sieve)
        zrelay_sieve_ask_before (self->sieve, topic, strlen (topic),
                                 s_on_asked, &asked);
    else
        s_on_asked (&asked, topic, strlen (topic));
    return asked.rc;
}

//  To subscribe to the default topic, or to cancel that, while the relay has
//  just one other topic, the first or the last, means that no message in
//  between is lost

static void
s_default_topic (zrelay_side_t *self, bool subscribe)
{
    int type = zrelay_side_type (self);
    if (self->topic && (type == ZMQ_SUB || type == ZMQ_XSUB))
        s_subscription (self, self->topic, subscribe);
}

void
zrelay_side_set_default_topic (zrelay_side_t *self, const char *topic)
{
    self->topic = topic;
    s_default_topic (self, true);
}

void
zrelay_side_set_sieve (zrelay_side_t *self, zrelay_sieve_t *sieve)
{
    self->sieve = sieve;
}

void
zrelay_side_switch_topics (zrelay_side_t *self, bool on)
{
    if (zrelay_side_topics (self) == 0)
        s_default_topic (self, on);
    char *topic = (char *) zlistx_first (self->topics);
    for (; topic; topic = (char *) zlistx_next (self->topics))
        s_subscription (self, topic, on);
}

//  Leaves the list's cursor on the topic

static char *
s_find_topic (zrelay_side_t *self, const char *topic)
{
    char *item = (char *) zlistx_first (self->topics);
    while (item && strneq (item, topic))
        item = (char *) zlistx_next (self->topics);
    return item;
}

zrelay_status_t
zrelay_side_check_topics (zrelay_side_t *self, size_t count, char **topics)
{
    for (size_t index = 0; index < count; index++)
        if (strlen (topics [index]) > ZRELAY_PORT_TOPIC_MAX)
            return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
                "the topic %s... is too long; it takes at most %d bytes",
                zrelay_error_quote (self->error, topics [index]),
                ZRELAY_PORT_TOPIC_MAX);
    return ZRELAY_STATUS_DONE;
}

static zrelay_status_t
s_check_subscription (zrelay_side_t *self, size_t count, char **topics)
{
    int type = zrelay_side_type (self);
    if (type != ZMQ_SUB && type != ZMQ_XSUB)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the %s does not subscribe; only SUB and XSUB sockets do",
            self->name);
    if (count == 0)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "which topic? The empty one is everything");
    return zrelay_side_check_topics (self, count, topics);
}

zrelay_status_t
zrelay_side_subscribe (zrelay_side_t *self, size_t count, char **topics)
{
    zrelay_status_t status = s_check_subscription (self, count, topics);
    for (size_t index = 0; status == ZRELAY_STATUS_DONE && index < count;
         index++) {
        if (s_find_topic (self, topics [index]))
            continue;
        if (s_subscription (self, topics [index], true))
            return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
                "cannot subscribe: %s", zmq_strerror (errno));
        char *topic = strdup (topics [index]);
        assert (topic);
        zlistx_add_end (self->topics, topic);
        if (zrelay_side_topics (self) == 1)
            s_default_topic (self, false);
    }
    return status;
}

zrelay_status_t
zrelay_side_unsubscribe (zrelay_side_t *self, size_t count, char **topics)
{
    zrelay_status_t status = s_check_subscription (self, count, topics);
    //  Look at all before touching any
    for (size_t index = 0; status == ZRELAY_STATUS_DONE && index < count;
         index++)
        if (!s_find_topic (self, topics [index]))
            status = zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
                "the relay itself is not subscribed to %s",
                zrelay_error_quote (self->error, topics [index]));
    for (size_t index = 0; status == ZRELAY_STATUS_DONE && index < count;
         index++)
        if (s_find_topic (self, topics [index])) {
            if (zrelay_side_topics (self) == 1)
                s_default_topic (self, true);
            s_subscription (self, topics [index], false);
            zlistx_delete (self->topics, zlistx_cursor (self->topics));
        }
    return status;
}

size_t
zrelay_side_topics (zrelay_side_t *self)
{
    return zlistx_size (self->topics);
}

//  libzmq does not tell how an application has set its XPUB

bool
zrelay_side_hears_topics (zrelay_side_t *self)
{
    return self->reported != NULL;
}

bool
zrelay_side_heard_topic (zrelay_side_t *self, const char *property,
                         const void *data, size_t size)
{
    const byte *frame = (const byte *) data;
    if (size == 0 || frame [0] > 1) {
        zrelay_peers_handed (self->peers, property, size);
        return true;
    }
    const byte *topic = frame + 1;
    if (frame [0] == 0)
        return zrelay_peers_cancelled (self->peers, property, topic, size - 1)
            && zrelay_topics_delete (self->reported, topic, size - 1);
    return zrelay_peers_subscribed (self->peers, property, topic, size - 1)
        && (zrelay_topics_insert (self->reported, topic, size - 1)
         || self->repeats);
}

bool
zrelay_side_repeats (zrelay_side_t *self)
{
    return (self->repeats || self->borrowed)
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
    return zrelay_options_get_id (self->options, ZMQ_LINGER) != NULL;
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
s_add_tally (zrelay_side_t *self, zmsg_t *answer, const char *direction,
             const zrelay_tally_t *tally)
{
    zrelay_counts_add (answer, tally->messages, "%s.%s.messages", self->name,
                       direction);
    zrelay_counts_add (answer, tally->frames, "%s.%s.frames", self->name,
                       direction);
    zrelay_counts_add (answer, tally->bytes, "%s.%s.bytes", self->name,
                       direction);
}

void
zrelay_side_stats (zrelay_side_t *self, zmsg_t *answer)
{
    s_add_tally (self, answer, "in", zrelay_port_received (self->port));
    s_add_tally (self, answer, "out", zrelay_port_sent (self->port));
    zrelay_counts_add (answer, zrelay_limits_throttled (self->limits),
                       "%s.throttled", self->name);
    zrelay_peers_stats (self->peers, self->name, answer);
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
s_test_options (zrelay_error_t *error)
{
    const zrelay_side_spec_t spec = { .types = "PULL,SUB" };
    zrelay_side_t *self = zrelay_side_new ("backend", &spec, error);
    assert (s_test_said (self, zrelay_side_attach (self, "inproc://x", true),
                         ZRELAY_STATUS_BAD_STATE, "BACKEND TYPE"));

    //  An option that is set now acts when there is a socket
    assert (zrelay_side_set_option (self, "rcvhwm", "5")
            == ZRELAY_STATUS_DONE);
    assert (zrelay_side_choose (self, "SUB") == ZRELAY_STATUS_DONE);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 5);
    assert (zrelay_side_choose (self, "PULL") == ZRELAY_STATUS_DONE);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 5);
    assert (s_test_said (self, zrelay_side_choose (self, "PUSH"),
                         ZRELAY_STATUS_BAD_ARGUMENTS, "PULL,SUB"));

    static const struct { const char *name, *value, *word; } wrong [] = {
        { "rcvhwm", "x", "whole number" },
        { "nonsense", "1", "no option" },
        { "conflate", "1", "tear" },
        { "type", "1", "not set" },
        { "xpub_nodrop", "1", "PULL" },
        { "maxframes", "-1", "from 0" }
    };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (s_test_said (self,
            zrelay_side_set_option (self, wrong [index].name,
                                    wrong [index].value),
            ZRELAY_STATUS_BAD_ARGUMENTS, wrong [index].word));
    char *value = NULL;
    assert (zrelay_side_get_option (self, "rcvhwm", &value)
            == ZRELAY_STATUS_DONE);
    assert (streq (value, "5"));
    zstr_free (&value);

    //  Nobody is told a secret
    assert (zrelay_side_set_option (self, "plain_password", "hush")
            == ZRELAY_STATUS_DONE);
    assert (s_test_said (self,
        zrelay_side_get_option (self, "plain_password", &value),
        ZRELAY_STATUS_BAD_ARGUMENTS, "secret"));
    assert (zrelay_side_set_option (self, "curve_secretkey", "hush")
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (!strstr (zrelay_error_sentence (error), "hush"));

    //  A domain is enforced if it has a name, and keeps that
    assert (s_test_said (self,
        zrelay_side_set_option (self, "zap_enforce_domain", "1"),
        ZRELAY_STATUS_BAD_STATE, "needs a zap_domain"));
    assert (zrelay_side_set_option (self, "zap_enforce_domain", "0")
            == ZRELAY_STATUS_DONE);
    assert (zrelay_side_set_domain (self, "global") == ZRELAY_STATUS_DONE);
    assert (zrelay_side_set_option (self, "zap_enforce_domain", "1")
            == ZRELAY_STATUS_DONE);
    assert (s_test_said (self, zrelay_side_set_domain (self, ""),
                         ZRELAY_STATUS_BAD_ARGUMENTS, "does not take"));

    //  There is a remark on options that act later
    assert (zrelay_side_attach (self, "tcp://127.0.0.1:*", true)
            == ZRELAY_STATUS_DONE);
    assert (s_test_said (self, zrelay_side_set_option (self, "backlog", "10"),
                         ZRELAY_STATUS_DONE, "later"));
    assert (s_test_said (self, zrelay_side_set_option (self, "rcvhwm", "6"),
                         ZRELAY_STATUS_DONE, "bound already"));
    assert (zrelay_side_set_option (self, "linger", "6")
            == ZRELAY_STATUS_DONE);
    assert (streq (zrelay_error_sentence (error), ""));
    assert (s_test_said (self, zrelay_side_choose (self, "SUB"),
                         ZRELAY_STATUS_BAD_STATE, "in use"));
    zrelay_side_destroy (&self);
}

static void
s_test_topics (zrelay_error_t *error)
{
    const zrelay_side_spec_t spec = { .types = "XSUB" };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec, error);
    char *topics [] = { "A", "B", "A" };
    assert (zrelay_side_subscribe (self, 3, topics) == ZRELAY_STATUS_DONE);
    assert (zrelay_side_unsubscribe (self, 2, topics) == ZRELAY_STATUS_DONE);
    assert (zrelay_side_unsubscribe (self, 1, topics)
            == ZRELAY_STATUS_BAD_STATE);
    assert (zrelay_side_subscribe (self, 0, topics)
            == ZRELAY_STATUS_BAD_ARGUMENTS);

    //  A topic that is too long is refused
    char longest [ZRELAY_PORT_TOPIC_MAX + 2];
    memset (longest, 1, sizeof (longest));
    longest [ZRELAY_PORT_TOPIC_MAX + 1] = 0;
    topics [1] = longest;
    assert (s_test_said (self, zrelay_side_subscribe (self, 2, topics),
                         ZRELAY_STATUS_BAD_ARGUMENTS, "too long"));
    assert (zrelay_side_unsubscribe (self, 1, topics)
            == ZRELAY_STATUS_BAD_STATE);
    longest [ZRELAY_PORT_TOPIC_MAX] = 0;
    assert (zrelay_side_subscribe (self, 2, topics) == ZRELAY_STATUS_DONE);
    zrelay_side_destroy (&self);
}

static void
s_test_security (zrelay_error_t *error)
{
    const zrelay_side_spec_t spec = { .types = "ROUTER" };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec, error);
    assert (zrelay_side_set_domain (self, "global") == ZRELAY_STATUS_DONE);
    assert (zrelay_side_set_plain (self) == ZRELAY_STATUS_DONE);
    if (zsys_has_curve ()) {
        zcert_t *cert = zcert_new ();
        const char *public_txt = zcert_public_txt (cert);
        const char *secret_txt = zcert_secret_txt (cert);
        assert (zrelay_side_set_curve (self, secret_txt, public_txt)
                == ZRELAY_STATUS_BAD_ARGUMENTS);
        assert (!strstr (zrelay_error_sentence (error), secret_txt));
        assert (zrelay_side_set_curve (self, "short", secret_txt)
                == ZRELAY_STATUS_BAD_ARGUMENTS);
        assert (zrelay_side_set_curve (self, public_txt, secret_txt)
                == ZRELAY_STATUS_DONE);
        assert (zrelay_side_attach (self, "inproc://side-curve", true)
                == ZRELAY_STATUS_DONE);
        assert (zrelay_side_set_curve (self, public_txt, secret_txt)
                == ZRELAY_STATUS_BAD_STATE);
        zcert_destroy (&cert);
    }
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
    s_test_options (error);
    s_test_topics (error);
    s_test_security (error);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
