/*  =========================================================================
    zrelay_side - a socket with its endpoints, options, topics and counters

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_side.h"
#include "zrelay_endpoint.h"
#include "zrelay_pairing.h"

//  How much of what a user gave is repeated in a sentence
#define SHOWN "%.80s"

//  Without rate_burst, a tenth of a second's messages may come at once
#define BURSTS_PER_SECOND 10

//  Longest topic. libzmq keeps the topics of a SUB or XSUB letter by letter,
//  and forgets them by recursion: some hundred thousand letters are the end of
//  the stack, and of the process.
#define TOPIC_MAX 4096

//  How long a closed socket may go on sending, in msecs, unless SET says
//  otherwise. With none, as CZMQ would have it, libzmq ends the process when a
//  connection breaks right then in the middle of a message
//  (session_base_t::clean_pipes).
#define LINGER 100

//  What must happen to the rest of a message of which a frame was refused
typedef enum {
    KEEP,                       //  Nothing was refused
    DISCARD,                    //  Close the frames
    SWALLOW                     //  Give them to the socket, which drops them
} rest_t;

typedef struct {
    char *endpoint;             //  As resolved by libzmq
    bool bound;                 //  Or else connected
} attachment_t;

typedef struct {
    const zrelay_option_t *option;
    char *value;                //  As given
} setting_t;

struct _zrelay_side_t {
    char *name;                 //  "frontend", "backend", "capture"
    const char *types;          //  Socket types that may be chosen
    void *handle;               //  libzmq's socket, or NULL until then
    bool borrowed;              //  It is the application's
    int type;                   //  Its type, -1 until chosen
    zrelay_peers_t *peers;      //  Who is connected; NULL without socket
    zlistx_t *attachments;      //  attachment_t in order of time
    zlistx_t *settings;         //  setting_t, for when the socket is made
    zlistx_t *topics;           //  The relay's own subscriptions
    zrelay_topics_t *passed;    //  Others' that were sent; NULL if not needed
    bool repeats;               //  Tells of each subscription: xpub_verbose
    char *error;                //  Last failure or remark
    zrelay_tally_t in;          //  What was received
    zrelay_tally_t out;         //  What was sent
    uint64_t in_ids;            //  Bytes of a ROUTER's routing ids, which are
    uint64_t out_ids;           //  not among these
    zrelay_tally_t sending;     //  Frames of the message that is being sent
    bool in_more;               //  Receiving is in mid-message
    bool out_more;              //  Sending is in mid-message
    bool refused;               //  The frame that is put next has been tried
    rest_t rest;                //  What becomes of the rest of it
    zrelay_outcome_t outcome;   //  And why
    uint64_t rate;              //  Messages a second that may be read; 0: any
    uint64_t rate_burst;        //  How many at once; 0: a tenth of rate
    double tokens;              //  Messages that may be read now
    int64_t refilled;           //  When tokens was brought up to date, usecs
    uint64_t throttled;         //  Times that rate held back messages
    bool interrupted;           //  By a signal that the caller caught
    int64_t maxmsgsize;         //  Bytes in a message, -1: any
    uint64_t maxframes;         //  Frames in a message, 0: any
    bool lingers;               //  It was drained, and has another linger
    int linger_before;          //  Than this
};


//  --------------------------------------------------------------------------
//  Lists

static void
s_attachment_destroy (void **item_p)
{
    attachment_t *attachment = (attachment_t *) *item_p;
    zstr_free (&attachment->endpoint);
    freen (attachment);
    *item_p = NULL;
}

static void
s_setting_destroy (void **item_p)
{
    setting_t *setting = (setting_t *) *item_p;
    //  It may have been a key
    memset (setting->value, 0, strlen (setting->value));
    zstr_free (&setting->value);
    freen (setting);
    *item_p = NULL;
}

static void
s_string_destroy (void **item_p)
{
    zstr_free ((char **) item_p);
}

static zlistx_t *
s_list_new (zlistx_destructor_fn *destructor)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    zlistx_set_destructor (list, destructor);
    return list;
}


//  --------------------------------------------------------------------------
//  Failures: a sentence is kept, and the status returned

static zrelay_status_t
s_fail (zrelay_side_t *self, zrelay_status_t status, const char *format, ...)
    CHECK_PRINTF (3);

static zrelay_status_t
s_fail (zrelay_side_t *self, zrelay_status_t status, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *sentence = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (sentence);
    zstr_free (&self->error);
    self->error = sentence;
    return status;
}

static zrelay_status_t
s_done (zrelay_side_t *self)
{
    zstr_free (&self->error);
    return ZRELAY_DONE;
}


//  --------------------------------------------------------------------------
//  The socket

//  libzmq closes a socket some time later, on threads of its own. Names of
//  inproc are given back now, so that who binds next finds them free; nothing
//  but the name is lost by it.

static void
s_release_names (zrelay_side_t *self)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->attachments);
    while (item) {
        if (item->bound && strstr (item->endpoint, "inproc:") == item->endpoint)
            zmq_unbind (self->handle, item->endpoint);
        item = (attachment_t *) zlistx_next (self->attachments);
    }
}

static void
s_close (zrelay_side_t *self)
{
    if (self->handle && !self->borrowed) {
        zrelay_peers_destroy (&self->peers, self->handle);
        s_release_names (self);
        zsys_close (self->handle, __FILE__, __LINE__);
    }
    zrelay_topics_destroy (&self->passed);
    self->handle = NULL;
    self->type = -1;
}

//  What a relay needs of every socket of a type, whatever the kind

static int
s_prepare (void *handle, int type)
{
    int one = 1;
    int unlimited = 0;
    int linger = LINGER;
    if (zmq_setsockopt (handle, ZMQ_LINGER, &linger, sizeof (linger)))
        return -1;
    //  Without it a ROUTER drops silently what it cannot deliver
    if (type == ZMQ_ROUTER)
        return zmq_setsockopt (handle, ZMQ_ROUTER_MANDATORY,
                               &one, sizeof (one));
    //  An XSUB drops silently the subscriptions above its high-water mark
    if (type == ZMQ_XSUB)
        return zmq_setsockopt (handle, ZMQ_SNDHWM,
                               &unlimited, sizeof (unlimited));
    return 0;
}

//  Apply to a new socket all that was asked for before it existed

static zrelay_status_t
s_apply_settings (zrelay_side_t *self, void *handle, const char *type)
{
    setting_t *setting = (setting_t *) zlistx_first (self->settings);
    while (setting) {
        if (zrelay_option_set (setting->option, handle, setting->value))
            return s_fail (self, ZRELAY_BAD_ARGUMENTS,
                "a %s socket does not take the value that was set for %s",
                type, setting->option->name);
        setting = (setting_t *) zlistx_next (self->settings);
    }
    return ZRELAY_DONE;
}

static int
s_subscription (zrelay_side_t *self, const char *topic, bool subscribe)
{
    size_t size = strlen (topic);
    if (self->type == ZMQ_SUB)
        return zmq_setsockopt (self->handle,
            subscribe? ZMQ_SUBSCRIBE: ZMQ_UNSUBSCRIBE, topic, size);

    //  An XSUB takes it as a message, see ZeroMQ RFC 23
    byte *data = (byte *) malloc (size + 1);
    assert (data);
    data [0] = subscribe? 1: 0;
    memcpy (data + 1, topic, size);
    int rc = zmq_send (self->handle, data, size + 1, ZMQ_DONTWAIT);
    freen (data);
    return rc == -1? -1: 0;
}

static zrelay_status_t
s_open (zrelay_side_t *self, int type, const char *name)
{
    //  Unlike zsock_new () this returns when there is none
    void *handle = zsys_socket (type, __FILE__, __LINE__);
    if (!handle)
        return s_fail (self, ZRELAY_REFUSED, "the system has no socket for "
            "the %s: %s", self->name, zmq_strerror (errno));
    zrelay_status_t status = ZRELAY_DONE;
    if (s_prepare (handle, type))
        status = s_fail (self, ZRELAY_REFUSED, "the %s cannot be set up: %s",
            self->name, zmq_strerror (errno));
    else
        status = s_apply_settings (self, handle, name);
    zrelay_peers_t *peers = NULL;
    if (status == ZRELAY_DONE && !(peers = zrelay_peers_new (handle)))
        status = s_fail (self, ZRELAY_REFUSED, "the system has no socket to "
            "watch the %s: %s", self->name, zmq_strerror (errno));
    if (status != ZRELAY_DONE) {
        zsys_close (handle, __FILE__, __LINE__);
        return status;
    }
    s_close (self);
    self->handle = handle;
    self->type = type;
    self->peers = peers;
    return ZRELAY_DONE;
}

zrelay_status_t
zrelay_side_choose (zrelay_side_t *self, const char *name)
{
    if (!zrelay_pairing_allows (self->types, name))
        return s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "the %s cannot be a '" SHOWN "' socket; it can be %s",
            self->name, name, self->types);
    int type = zrelay_pairing_type (name);
    if (type == self->type)
        return s_done (self);
    if (self->borrowed)
        return s_fail (self, ZRELAY_BAD_STATE,
            "the %s is a %s socket of the application, and stays it",
            self->name, zsys_sockname (self->type));
    if (zrelay_side_attached (self) || zlistx_size (self->topics))
        return s_fail (self, ZRELAY_BAD_STATE,
            "the %s is in use as a %s socket; detach it first",
            self->name, zsys_sockname (self->type));
    zrelay_status_t status = s_open (self, type, name);
    return status == ZRELAY_DONE? s_done (self): status;
}


//  --------------------------------------------------------------------------
//  Constructor

static zrelay_side_t *
s_side_new (const char *name, const char *types)
{
    zrelay_side_t *self = (zrelay_side_t *) zmalloc (sizeof (zrelay_side_t));
    assert (self);
    self->name = strdup (name);
    assert (self->name);
    self->types = types;
    self->type = -1;
    self->maxmsgsize = -1;
    self->attachments = s_list_new (s_attachment_destroy);
    self->settings = s_list_new (s_setting_destroy);
    self->topics = s_list_new (s_string_destroy);
    return self;
}

zrelay_side_t *
zrelay_side_new (const char *name, const zrelay_side_spec_t *spec)
{
    zrelay_side_t *self = s_side_new (name, spec->types);

    //  A kind's own settings are the programmer's
    char *options = strdup (spec->options? spec->options: "");
    char *rest = options;
    char *pair;
    while ((pair = strsep (&rest, ",")) && *pair) {
        char *value = strchr (pair, '=');
        assert (value);
        *value++ = 0;
        zrelay_status_t status = zrelay_side_set (self, pair, value);
        assert (status == ZRELAY_DONE);
    }
    freen (options);

    if (!strchr (spec->types, ','))
        zrelay_side_choose (self, spec->types);
    return self;
}

//  The application's own options stay as they are

zrelay_side_t *
zrelay_side_borrow (const char *name, void *handle)
{
    zrelay_side_t *self = s_side_new (name, ZRELAY_ANY_TYPE);
    self->handle = handle;
    self->type = zsock_type (handle);
    self->borrowed = true;
    return self;
}


//  --------------------------------------------------------------------------
//  Destructor

void
zrelay_side_destroy (zrelay_side_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_side_t *self = *self_p;
        s_close (self);
        zlistx_destroy (&self->attachments);
        zlistx_destroy (&self->settings);
        zlistx_destroy (&self->topics);
        zstr_free (&self->error);
        zstr_free (&self->name);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Properties

const char *
zrelay_side_name (zrelay_side_t *self)
{
    return self->name;
}

const char *
zrelay_side_error (zrelay_side_t *self)
{
    return self->error;
}

void *
zrelay_side_handle (zrelay_side_t *self)
{
    return self->handle;
}

int
zrelay_side_type (zrelay_side_t *self)
{
    return self->type;
}

zrelay_peers_t *
zrelay_side_peers (zrelay_side_t *self)
{
    return self->peers;
}


//  --------------------------------------------------------------------------
//  Endpoints

//  Sockets are made early where there is no choice of types. If the system
//  had none then, it may have one now.

static zrelay_status_t
s_need_socket (zrelay_side_t *self)
{
    if (self->handle)
        return ZRELAY_DONE;
    if (!strchr (self->types, ','))
        return zrelay_side_choose (self, self->types);
    return s_fail (self, ZRELAY_BAD_STATE,
        "the %s has no socket yet; %s TYPE ENDPOINTS makes one, of %s",
        self->name, streq (self->name, "frontend")? "FRONTEND": "BACKEND",
        self->types);
}

//  Leaves the list's cursor on the attachment, or returns NULL

static attachment_t *
s_find (zrelay_side_t *self, const char *endpoint, bool bound)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->attachments);
    while (item && (item->bound != bound || strneq (item->endpoint, endpoint)))
        item = (attachment_t *) zlistx_next (self->attachments);
    return item;
}

//  What libzmq's errors mean here, where its own words would mislead

static const char *
s_meaning (int error)
{
    switch (error) {
        case EINVAL:
            return "not an endpoint; it looks like tcp://ADDRESS:PORT, "
                   "ipc://PATH or inproc://NAME";
        case ENODEV:
            return "no such address or interface on this machine";
        case EPROTONOSUPPORT:
            return "no such transport; there are tcp, ipc and inproc";
        case ENOCOMPATPROTO:
            return "this transport does not go with this socket type";
        case ENAMETOOLONG:
            return "the path is too long for a socket";
        default:
            return zmq_strerror (error);
    }
}

//  Returns NULL, or the reason why it cannot be done

static const char *
s_ask_for_endpoint (zrelay_side_t *self, const char *endpoint, bool bind)
{
    const char *refusal = zrelay_endpoint_refusal (endpoint, bind);
    if (refusal)
        return refusal;
    int rc = bind? zmq_bind (self->handle, endpoint)
                 : zmq_connect (self->handle, endpoint);
    return rc == -1? s_meaning (errno): NULL;
}

static zrelay_status_t
s_attach_one (zrelay_side_t *self, const char *endpoint, bool bind)
{
    zrelay_status_t status = s_need_socket (self);
    if (status != ZRELAY_DONE)
        return status;
    //  libzmq would detach both at once
    if (s_find (self, endpoint, bind))
        return s_fail (self, ZRELAY_BAD_STATE, "the %s is %s to '" SHOWN
            "' already", self->name, bind? "bound": "connected", endpoint);
    const char *refusal = s_ask_for_endpoint (self, endpoint, bind);
    if (refusal)
        return s_fail (self, ZRELAY_REFUSED,
            "cannot %s the %s to '" SHOWN "': %s", bind? "bind": "connect",
            self->name, endpoint, refusal);

    attachment_t *item = (attachment_t *) zmalloc (sizeof (attachment_t));
    assert (item);
    item->bound = bind;
    char *resolved = bind? zsock_last_endpoint (self->handle): NULL;
    item->endpoint = resolved && *resolved? resolved: strdup (endpoint);
    if (item->endpoint != resolved)
        zstr_free (&resolved);
    assert (item->endpoint);
    zlistx_add_end (self->attachments, item);
    return s_done (self);
}

static int
s_ask_to_detach (zrelay_side_t *self, const char *endpoint, bool bound)
{
    int rc;
    do
        rc = bound? zmq_unbind (self->handle, endpoint)
                  : zmq_disconnect (self->handle, endpoint);
    while (rc == -1 && errno == EINTR);
    return rc;
}

//  What libzmq knows nothing of is detached

static int
s_detach_item (zrelay_side_t *self, attachment_t *item)
{
    int rc = s_ask_to_detach (self, item->endpoint, item->bound);
    if (rc == -1 && errno != ENOENT)
        return -1;
    //  libzmq does not tell the end of these connections
    if (self->peers) {
        zrelay_peers_update (self->peers);
        zrelay_peers_forget (self->peers, item->endpoint);
    }
    return 0;
}

//  What the application attached, only libzmq knows

static zrelay_status_t
s_detach_borrowed (zrelay_side_t *self, const char *endpoint, bool bound)
{
    if (s_ask_to_detach (self, endpoint, bound) == 0)
        return s_done (self);
    return s_fail (self, ZRELAY_BAD_STATE, "the %s is not %s to '" SHOWN "'",
        self->name, bound? "bound": "connected", endpoint);
}

static zrelay_status_t
s_detach_one (zrelay_side_t *self, const char *endpoint, bool bound)
{
    attachment_t *item = s_find (self, endpoint, bound);
    if (!item && self->borrowed)
        return s_detach_borrowed (self, endpoint, bound);
    if (!item)
        return s_fail (self, ZRELAY_BAD_STATE, "the %s is not %s to '" SHOWN
            "'; ENDPOINT tells where it is attached",
            self->name, bound? "bound": "connected", endpoint);
    if (s_detach_item (self, item) == -1)
        return s_fail (self, ZRELAY_REFUSED, "cannot detach the %s from '"
            SHOWN "': %s", self->name, endpoint, zmq_strerror (errno));
    zlistx_delete (self->attachments, zlistx_cursor (self->attachments));
    return s_done (self);
}

zrelay_status_t
zrelay_side_bind (zrelay_side_t *self, const char *endpoint)
{
    return s_attach_one (self, endpoint, true);
}

zrelay_status_t
zrelay_side_connect (zrelay_side_t *self, const char *endpoint)
{
    return s_attach_one (self, endpoint, false);
}

zrelay_status_t
zrelay_side_unbind (zrelay_side_t *self, const char *endpoint)
{
    return s_detach_one (self, endpoint, true);
}

zrelay_status_t
zrelay_side_disconnect (zrelay_side_t *self, const char *endpoint)
{
    return s_detach_one (self, endpoint, false);
}

zrelay_status_t
zrelay_side_attach (zrelay_side_t *self, const char *endpoints, bool bind)
{
    size_t before = zlistx_size (self->attachments);
    char *list = strdup (endpoints);
    assert (list);
    char *rest = list;
    zrelay_status_t status;
    //  As in zsock_attach (), a comma may end the list
    do {
        char *endpoint = strsep (&rest, ",");
        bool prefixed = *endpoint == '@' || *endpoint == '>';
        status = s_attach_one (self, endpoint + prefixed,
                               prefixed? *endpoint == '@': bind);
    }
    while (status == ZRELAY_DONE && rest && *rest);
    freen (list);
    //  All or none
    while (status != ZRELAY_DONE && zlistx_size (self->attachments) > before) {
        s_detach_item (self, (attachment_t *) zlistx_last (self->attachments));
        zlistx_delete (self->attachments, zlistx_cursor (self->attachments));
    }
    return status;
}

bool
zrelay_side_attached (zrelay_side_t *self)
{
    return self->borrowed || zlistx_size (self->attachments) > 0;
}

void
zrelay_side_endpoints (zrelay_side_t *self, zmsg_t *answer)
{
    //  Of what the application attached, libzmq tells the last
    if (self->borrowed && zlistx_size (self->attachments) == 0) {
        char *last = zsock_last_endpoint (self->handle);
        if (last && *last)
            zmsg_addstr (answer, last);
        zstr_free (&last);
    }
    attachment_t *item = (attachment_t *) zlistx_first (self->attachments);
    while (item) {
        zmsg_addstr (answer, item->endpoint);
        item = (attachment_t *) zlistx_next (self->attachments);
    }
}


//  --------------------------------------------------------------------------
//  Options of our own: where the value is, and its least value

typedef struct {
    const char *name;           //  As in SET
    size_t offset;              //  Of the int64_t or uint64_t in the side
    int64_t least;              //  The smallest value
} limit_t;

static const limit_t s_limits [] = {
    { "rate", offsetof (zrelay_side_t, rate), 0 },
    { "rate_burst", offsetof (zrelay_side_t, rate_burst), 0 },
    { "maxmsgsize", offsetof (zrelay_side_t, maxmsgsize), -1 },
    { "maxframes", offsetof (zrelay_side_t, maxframes), 0 },
    { NULL, 0, 0 }
};

static const limit_t *
s_limit (const char *name)
{
    const limit_t *limit = s_limits;
    while (limit->name && strcasecmp (limit->name, name))
        limit++;
    return limit->name? limit: NULL;
}

static int64_t *
s_limit_value (zrelay_side_t *self, const limit_t *limit)
{
    return (int64_t *) ((byte *) self + limit->offset);
}

static zrelay_status_t
s_set_limit (zrelay_side_t *self, const limit_t *limit, const char *value)
{
    const zrelay_option_t *number = zrelay_option_find ("maxmsgsize");
    if (!zrelay_option_valid (number, value)
    ||  strtoll (value, NULL, 10) < limit->least)
        return s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "'" SHOWN "' is no value for %s; it takes a number from %" PRId64
            " on", value, limit->name, limit->least);
    *s_limit_value (self, limit) = strtoll (value, NULL, 10);
    //  A changed rate starts with a full bucket
    self->refilled = 0;
    return ZRELAY_DONE;
}

//  Leaves the list's cursor on the setting, or returns NULL

static setting_t *
s_setting (zrelay_side_t *self, const zrelay_option_t *option)
{
    setting_t *setting = (setting_t *) zlistx_first (self->settings);
    while (setting && setting->option != option)
        setting = (setting_t *) zlistx_next (self->settings);
    return setting;
}

static void
s_forget (zrelay_side_t *self, const zrelay_option_t *option)
{
    if (s_setting (self, option))
        zlistx_delete (self->settings, zlistx_cursor (self->settings));
}

static void
s_remember (zrelay_side_t *self, const zrelay_option_t *option,
            const char *value)
{
    s_forget (self, option);
    setting_t *setting = (setting_t *) zmalloc (sizeof (setting_t));
    assert (setting);
    setting->option = option;
    setting->value = strdup (value);
    assert (setting->value);
    zlistx_add_end (self->settings, setting);
}

static bool
s_bound (zrelay_side_t *self)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->attachments);
    while (item && !item->bound)
        item = (attachment_t *) zlistx_next (self->attachments);
    return item != NULL;
}

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

static zrelay_status_t
s_set_option (zrelay_side_t *self, const zrelay_option_t *option,
              const char *value)
{
    const char *shown = option->flags & ZRELAY_OPTION_SECRET? "(secret)": value;
    if (option->flags & ZRELAY_OPTION_GET)
        return s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "%s can be read but not set", option->name);
    if (option->refusal)
        return s_fail (self, ZRELAY_BAD_ARGUMENTS, "%s cannot be set: %s",
            option->name, option->refusal);
    if (!zrelay_option_valid (option, value))
        return s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "'" SHOWN "' is no value for %s; it takes %s", shown, option->name,
            strchr ("ilu", option->type)? "a whole number":
            option->type == 'k'? "a key of 40 characters in Z85":
            "at most 255 characters");
    //  What was subscribed to before cannot be found out
    if (option->id == ZMQ_XPUB_VERBOSE && zrelay_side_attached (self))
        return s_fail (self, ZRELAY_BAD_STATE, "the %s is attached already; "
            "%s has to be set before that", self->name, option->name);
    if (option->id == ZMQ_ZAP_ENFORCE_DOMAIN && atoi (value) != 0
    && !s_has_domain (self))
        return s_fail (self, ZRELAY_BAD_STATE, "%s needs a zap_domain, which "
            "has to be set before that", option->name);
    if (self->handle && zrelay_option_set (option, self->handle, value))
        return s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "a %s socket does not take '" SHOWN "' for %s: %s",
            zsys_sockname (self->type), shown, option->name,
            zmq_strerror (errno));
    s_remember (self, option, value);
    if (option->id == ZMQ_XPUB_VERBOSE)
        self->repeats = atoi (value) != 0;
    if (!(option->flags & ZRELAY_OPTION_NOW) && zrelay_side_attached (self))
        return s_fail (self, ZRELAY_DONE,
            "%s of the %s acts on later connections only", option->name,
            self->name);
    if (option->flags & ZRELAY_OPTION_HELD && s_bound (self))
        return s_fail (self, ZRELAY_DONE,
            "%s of the %s acts on the connections that it has, not on those "
            "that it will accept where it is bound already", option->name,
            self->name);
    return s_done (self);
}

zrelay_status_t
zrelay_side_set (zrelay_side_t *self, const char *name, const char *value)
{
    const limit_t *limit = s_limit (name);
    if (limit) {
        zrelay_status_t status = s_set_limit (self, limit, value);
        if (status != ZRELAY_DONE)
            return status;
    }
    //  maxmsgsize is ours for messages and libzmq's for frames
    const zrelay_option_t *option = zrelay_option_find (name);
    if (option)
        return s_set_option (self, option, value);
    if (limit)
        return s_done (self);
    return s_fail (self, ZRELAY_BAD_ARGUMENTS, "there is no option '" SHOWN
        "'; options have their zsock names, such as sndhwm", name);
}

zrelay_status_t
zrelay_side_get_option (zrelay_side_t *self, const char *name, char **value_p)
{
    const limit_t *limit = s_limit (name);
    if (limit) {
        *value_p = zsys_sprintf ("%" PRId64, *s_limit_value (self, limit));
        return s_done (self);
    }
    const zrelay_option_t *option = zrelay_option_find (name);
    if (!option)
        return s_fail (self, ZRELAY_BAD_ARGUMENTS, "there is no option '" SHOWN
            "'; options have their zsock names, such as sndhwm", name);
    if (option->flags & ZRELAY_OPTION_SECRET)
        return s_fail (self, ZRELAY_BAD_ARGUMENTS, "%s is a secret",
            option->name);

    *value_p = self->handle? zrelay_option_get (option, self->handle): NULL;
    //  libzmq does not tell all that it takes
    setting_t *setting = s_setting (self, option);
    if (!*value_p && setting)
        *value_p = strdup (setting->value);
    if (*value_p)
        return s_done (self);
    zrelay_status_t status = s_need_socket (self);
    return status != ZRELAY_DONE? status:
        s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "libzmq does not tell %s of a %s socket, and it was not set here",
            option->name, zsys_sockname (self->type));
}


//  --------------------------------------------------------------------------
//  Subscriptions

//  Leaves the list's cursor on the topic

static char *
s_find_topic (zrelay_side_t *self, const char *topic)
{
    char *item = (char *) zlistx_first (self->topics);
    while (item && strneq (item, topic))
        item = (char *) zlistx_next (self->topics);
    return item;
}

static zrelay_status_t
s_check_lengths (zrelay_side_t *self, size_t count, char **topics)
{
    for (size_t index = 0; index < count; index++)
        if (strlen (topics [index]) > TOPIC_MAX)
            return s_fail (self, ZRELAY_BAD_ARGUMENTS, "the topic '" SHOWN
                "...' is too long; it takes at most %d bytes",
                topics [index], TOPIC_MAX);
    return ZRELAY_DONE;
}

static zrelay_status_t
s_check_topics (zrelay_side_t *self, size_t count, char **topics)
{
    if (self->type != ZMQ_SUB && self->type != ZMQ_XSUB)
        return s_fail (self, ZRELAY_BAD_STATE,
            "the %s does not subscribe; only SUB and XSUB sockets do",
            self->name);
    if (count == 0)
        return s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "which topic? The empty one is everything");
    return s_check_lengths (self, count, topics);
}

zrelay_status_t
zrelay_side_subscribe (zrelay_side_t *self, size_t count, char **topics)
{
    zrelay_status_t status = s_check_topics (self, count, topics);
    for (size_t index = 0; status == ZRELAY_DONE && index < count; index++) {
        if (s_find_topic (self, topics [index]))
            continue;
        if (s_subscription (self, topics [index], true)) {
            status = s_fail (self, ZRELAY_REFUSED, "cannot subscribe: %s",
                             zmq_strerror (errno));
            break;
        }
        char *topic = strdup (topics [index]);
        assert (topic);
        zlistx_add_end (self->topics, topic);
    }
    return status == ZRELAY_DONE? s_done (self): status;
}

zrelay_status_t
zrelay_side_unsubscribe (zrelay_side_t *self, size_t count, char **topics)
{
    zrelay_status_t status = s_check_topics (self, count, topics);
    //  Look at all before touching any
    for (size_t index = 0; status == ZRELAY_DONE && index < count; index++)
        if (!s_find_topic (self, topics [index]))
            status = s_fail (self, ZRELAY_BAD_STATE, "the relay itself is not "
                "subscribed to '" SHOWN "'", topics [index]);
    for (size_t index = 0; status == ZRELAY_DONE && index < count; index++)
        if (s_find_topic (self, topics [index])) {
            s_subscription (self, topics [index], false);
            zlistx_delete (self->topics, zlistx_cursor (self->topics));
        }
    return status == ZRELAY_DONE? s_done (self): status;
}


//  --------------------------------------------------------------------------
//  Configure: type, endpoints, and topics or heartbeats, all or nothing

//  Ranges as in zmq_setsockopt(3); a TTL travels as 16 bits of deciseconds

static const struct {
    const char *name;           //  As in zproxy's command
    const char *option;         //  As in SET
    long most;                  //  Largest value, in msecs
} s_heartbeats [] = {
    { "HEARTBEAT_IVL", "heartbeat_ivl", INT_MAX },
    { "HEARTBEAT_TIMEOUT", "heartbeat_timeout", INT_MAX },
    { "HEARTBEAT_TTL", "heartbeat_ttl", 6553599 }
};
#define HEARTBEATS (sizeof (s_heartbeats) / sizeof (*s_heartbeats))

typedef struct {
    char *values [HEARTBEATS];  //  The callers', by s_heartbeats, or NULL
    char **topics;              //  Those that are no heartbeats, the callers'
    size_t count;               //  How many these are
} extras_t;

static int
s_heartbeat_index (const char *name)
{
    for (size_t index = 0; index < HEARTBEATS; index++)
        if (streq (s_heartbeats [index].name, name))
            return (int) index;
    return -1;
}

static zrelay_status_t
s_sort_extras (zrelay_side_t *self, extras_t *extras, size_t argc, char **argv)
{
    const zrelay_option_t *number = zrelay_option_find ("heartbeat_ivl");
    for (size_t index = 0; index < argc; index++) {
        int heartbeat = s_heartbeat_index (argv [index]);
        if (heartbeat == -1) {
            extras->topics [extras->count++] = argv [index];
            continue;
        }
        const char *name = argv [index++];
        if (index == argc || !zrelay_option_valid (number, argv [index])
        ||  strtol (argv [index], NULL, 10) < 0
        ||  strtol (argv [index], NULL, 10) > s_heartbeats [heartbeat].most)
            return s_fail (self, ZRELAY_BAD_ARGUMENTS,
                "%s takes a number from 0 to %ld", name,
                s_heartbeats [heartbeat].most);
        extras->values [heartbeat] = argv [index];
    }
    return ZRELAY_DONE;
}

//  Set back what s_attach_with () set. value is as it was before, wanted tells
//  whether anybody had asked for that.

static void
s_set_back (zrelay_side_t *self, const char *name, const char *value,
            bool wanted)
{
    zrelay_side_set (self, name, value);
    if (!wanted)
        s_forget (self, zrelay_option_find (name));
}

//  Heartbeats have to be set before attaching, and are set back if that fails

static zrelay_status_t
s_attach_with (zrelay_side_t *self, const char *endpoints, extras_t *extras)
{
    char *before [HEARTBEATS] = { NULL };
    bool wanted [HEARTBEATS] = { false };
    for (size_t index = 0; index < HEARTBEATS; index++)
        if (extras->values [index]) {
            const char *name = s_heartbeats [index].option;
            wanted [index] = s_setting (self, zrelay_option_find (name));
            zrelay_side_get_option (self, name, &before [index]);
            zrelay_side_set (self, name, extras->values [index]);
        }
    zrelay_status_t status = zrelay_side_attach (self, endpoints, true);
    char *error = status == ZRELAY_DONE? NULL: strdup (self->error);
    for (size_t index = 0; index < HEARTBEATS; index++) {
        if (status != ZRELAY_DONE && before [index])
            s_set_back (self, s_heartbeats [index].option, before [index],
                        wanted [index]);
        zstr_free (&before [index]);
    }
    if (error) {
        zstr_free (&self->error);
        self->error = error;
    }
    return status;
}

static zrelay_status_t
s_configure (zrelay_side_t *self, const char *type, const char *endpoints,
             extras_t *extras)
{
    int number = zrelay_pairing_type (type);
    bool subscribes = number == ZMQ_SUB || number == ZMQ_XSUB;
    if (extras->count > 0 && !subscribes)
        return s_fail (self, ZRELAY_BAD_ARGUMENTS,
            "only SUB and XSUB sockets take topics, a '" SHOWN "' does not",
            type);
    int before = self->type;
    zrelay_status_t status =
        s_check_lengths (self, extras->count, extras->topics);
    if (status == ZRELAY_DONE)
        status = zrelay_side_choose (self, type);
    if (status == ZRELAY_DONE)
        status = s_attach_with (self, endpoints, extras);
    if (status == ZRELAY_DONE && extras->count > 0)
        status = zrelay_side_subscribe (self, extras->count, extras->topics);
    if (status != ZRELAY_DONE && self->type != before) {
        char *error = strdup (self->error);
        s_close (self);
        if (before != -1)
            zrelay_side_choose (self, zsys_sockname (before));
        zstr_free (&self->error);
        self->error = error;
    }
    if (status == ZRELAY_DONE && number == ZMQ_SUB
    &&  zlistx_size (self->topics) == 0)
        return s_fail (self, ZRELAY_DONE, "the %s receives nothing until "
            "SUBSCRIBE says what", self->name);
    return status;
}

zrelay_status_t
zrelay_side_configure (zrelay_side_t *self, const char *type,
                       const char *endpoints, size_t count, char **topics)
{
    extras_t extras = { .topics = (char **) zmalloc ((count + 1)
                                                     * sizeof (char *)) };
    assert (extras.topics);
    zrelay_status_t status = s_sort_extras (self, &extras, count, topics);
    if (status == ZRELAY_DONE)
        status = s_configure (self, type, endpoints, &extras);
    freen (extras.topics);
    return status;
}


//  --------------------------------------------------------------------------
//  Security. libzmq asks the ZAP handler of the process about each peer.

static zrelay_status_t
s_set_before_attach (zrelay_side_t *self, const char *option,
                     const char *value)
{
    if (zrelay_side_attached (self))
        return s_fail (self, ZRELAY_BAD_STATE, "the %s is attached already; "
            "say how to authenticate before that", self->name);
    return zrelay_side_set (self, option, value);
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
        return s_fail (self, ZRELAY_REFUSED, "libzmq was built without CURVE");
    if (!s_key_pair (public_txt, secret_txt))
        return s_fail (self, ZRELAY_BAD_ARGUMENTS, "that is no pair of CURVE "
            "keys; first the public and then the secret one, each 40 "
            "characters in Z85");
    zrelay_status_t status =
        s_set_before_attach (self, "curve_publickey", public_txt);
    if (status == ZRELAY_DONE)
        status = zrelay_side_set (self, "curve_secretkey", secret_txt);
    if (status == ZRELAY_DONE)
        status = zrelay_side_set (self, "curve_server", "1");
    return status;
}


//  --------------------------------------------------------------------------
//  Receiving. A ROUTER's routing id frame never was on the wire, and is not
//  counted.

//  A signal that an application catches may come between two frames, and must
//  not tear the message; it is told of when that is through

static inline bool
s_interrupted (zrelay_side_t *self, int rc)
{
    if (rc != -1 || errno != EINTR)
        return false;
    self->interrupted = true;
    return true;
}

bool
zrelay_side_interrupted (zrelay_side_t *self)
{
    bool interrupted = self->interrupted;
    self->interrupted = false;
    return interrupted;
}

static inline int
s_receive (zrelay_side_t *self, zmq_msg_t *frame)
{
    int rc;
    do
        rc = zmq_msg_recv (frame, self->handle, ZMQ_DONTWAIT);
    while (s_interrupted (self, rc));
    return rc;
}

int
zrelay_side_get (zrelay_side_t *self, zmq_msg_t *frame)
{
    if (s_receive (self, frame) == -1)
        return -1;
    if (self->in_more || self->type != ZMQ_ROUTER) {
        self->in.frames++;
        self->in.bytes += zmq_msg_size (frame);
    }
    else
        self->in_ids += zmq_msg_size (frame);
    self->in_more = zmq_msg_more (frame);
    if (!self->in_more)
        self->in.messages++;
    return 0;
}


//  --------------------------------------------------------------------------
//  Sending

//  Why the socket refused a message's first frame

static zrelay_outcome_t
s_first_refused (zrelay_side_t *self)
{
    switch (errno) {
        case EAGAIN:
            //  A full client is that client's loss; the others go on
            return self->type == ZMQ_ROUTER? ZRELAY_DROP_FULL: ZRELAY_FULL;
        case EFSM:
            //  A REQ will be ready when its reply has come; a REP has nobody
            //  to reply to
            return self->type == ZMQ_REQ? ZRELAY_FULL: ZRELAY_DROP_UNROUTABLE;
        case EHOSTUNREACH:
            return ZRELAY_DROP_UNROUTABLE;
        default:
            return ZRELAY_DROP_REFUSED;
    }
}

//  PUSH, DEALER and REQ, when their peer has vanished in mid-message, drop
//  the rest of it themselves, and must be given it or they would drop the
//  beginning of the next one. Other sockets would send it as a message of its
//  own.

static rest_t
s_rest_of_lost (zrelay_side_t *self)
{
    return self->type == ZMQ_PUSH || self->type == ZMQ_DEALER
        || self->type == ZMQ_REQ? SWALLOW: DISCARD;
}

//  Throw one frame away, and remember why and how until the message's end

static zrelay_outcome_t
s_drop (zrelay_side_t *self, zmq_msg_t *frame, bool more,
        zrelay_outcome_t outcome, rest_t rest)
{
    zmq_msg_close (frame);
    zmq_msg_init (frame);
    memset (&self->sending, 0, sizeof (self->sending));
    self->outcome = outcome;
    self->rest = more? rest: KEEP;
    self->out_more = more;
    return outcome;
}

static zrelay_outcome_t
s_refused (zrelay_side_t *self, zmq_msg_t *frame, bool more)
{
    if (self->out_more)
        return s_drop (self, frame, more, ZRELAY_DROP_LOST,
                       s_rest_of_lost (self));
    zrelay_outcome_t outcome = s_first_refused (self);
    if (outcome == ZRELAY_FULL)
        return outcome;
    return s_drop (self, frame, more, outcome, DISCARD);
}

//  A send looks only now and then for word from the peers that there is room
//  again; asking for events makes sure.

static inline int
s_try (zrelay_side_t *self, zmq_msg_t *frame, bool more)
{
    int rc;
    do
        rc = zmq_msg_send (frame, self->handle,
                           ZMQ_DONTWAIT | (more? ZMQ_SNDMORE: 0));
    while (s_interrupted (self, rc));
    return rc;
}

static int
s_send (zrelay_side_t *self, zmq_msg_t *frame, bool more)
{
    int rc = s_try (self, frame, more);
    if (rc == -1 && errno == EAGAIN && !self->out_more) {
        zsock_events (self->handle);
        rc = s_try (self, frame, more);
    }
    return rc;
}

//  An XSUB passes on each subscription but only the last cancellation, and so
//  counts. An XPUB with xpub_verbose tells of each subscription but only of
//  the last cancellation. Between the two, a topic that was subscribed to
//  twice would never be cancelled. So after a subscription that comes again
//  the XSUB is given a cancellation, which it keeps to itself.

#define CANCEL 0
#define SUBSCRIBE 1             //  First bytes of a frame, see ZeroMQ RFC 23

//  Returns true if that has to be done, with cancellation initialised

static bool
s_comes_again (zrelay_side_t *self, zmq_msg_t *frame, zmq_msg_t *cancellation)
{
    byte *data = (byte *) zmq_msg_data (frame);
    size_t size = zmq_msg_size (frame);
    if (size == 0 || data [0] > SUBSCRIBE)
        return false;
    if (data [0] == CANCEL) {
        zrelay_topics_delete (self->passed, data + 1, size - 1);
        return false;
    }
    if (zrelay_topics_insert (self->passed, data + 1, size - 1))
        return false;
    int rc = zmq_msg_init_size (cancellation, size);
    assert (rc == 0);
    memcpy (zmq_msg_data (cancellation), data, size);
    *(byte *) zmq_msg_data (cancellation) = CANCEL;
    return true;
}

static int
s_send_topic (zrelay_side_t *self, zmq_msg_t *frame, bool more)
{
    if (!self->passed)
        return s_send (self, frame, more);
    zmq_msg_t cancellation;
    bool again = s_comes_again (self, frame, &cancellation);
    int rc = s_send (self, frame, more);
    if (again) {
        s_send (self, &cancellation, more);
        zmq_msg_close (&cancellation);
    }
    return rc;
}

bool
zrelay_side_repeats (zrelay_side_t *self)
{
    return self->repeats && self->type == ZMQ_XPUB;
}

void
zrelay_side_expect_repeats (zrelay_side_t *self)
{
    if (!self->passed && self->type == ZMQ_XSUB)
        self->passed = zrelay_topics_new ();
}

zrelay_outcome_t
zrelay_side_put (zrelay_side_t *self, zmq_msg_t *frame, bool more)
{
    if (self->rest == DISCARD)
        return s_drop (self, frame, more, self->outcome, DISCARD);
    //  A ROUTER takes a routing id without a message, and forgets it
    if (self->type == ZMQ_ROUTER && !self->out_more && !more)
        return s_drop (self, frame, more, ZRELAY_DROP_UNROUTABLE, DISCARD);

    size_t size = zmq_msg_size (frame);
    int rc = self->refused? -1: s_send_topic (self, frame, more);
    self->refused = false;
    if (self->rest == SWALLOW)
        return s_drop (self, frame, more, self->outcome, SWALLOW);
    if (rc == -1)
        return s_refused (self, frame, more);

    if (self->out_more || self->type != ZMQ_ROUTER) {
        self->sending.frames++;
        self->sending.bytes += size;
    }
    else
        self->out_ids += size;
    self->out_more = more;
    if (!more) {
        self->out.messages++;
        self->out.frames += self->sending.frames;
        self->out.bytes += self->sending.bytes;
        self->sending.frames = 0;
        self->sending.bytes = 0;
    }
    return ZRELAY_SENT;
}


//  --------------------------------------------------------------------------
//  Passing on: what zrelay_side_get () and zrelay_side_put () do, for as long
//  as nothing is out of the ordinary. This is where a relay spends its time, so
//  nothing is looked at twice and the counters are brought up to date at the
//  end.

//  libzmq's functions return the size, if it fits into an int

static inline size_t
s_size (zmq_msg_t *frame, int size)
{
    return size < INT_MAX? (size_t) size: zmq_msg_size (frame);
}


static void
s_count (zrelay_side_t *self, zrelay_tally_t *tally, uint64_t *ids,
         const zrelay_passage_t *passage)
{
    bool router = self->type == ZMQ_ROUTER;
    tally->messages += passage->messages;
    tally->frames += passage->frames - (router? passage->messages: 0);
    tally->bytes += passage->bytes - (router? passage->firsts: 0);
    *ids += router? passage->firsts: 0;
}

//  The frame in hand is the last of these of one message, the others were sent

static void
s_leave_in_hand (zrelay_side_t *self, zrelay_side_t *to, zmq_msg_t *frame,
                 const zrelay_passage_t *one)
{
    s_count (self, &self->in, &self->in_ids, one);
    self->in_more = zmq_msg_more (frame);
    self->in.messages -= self->in_more;
    //  Within a message, libzmq must not be given the frame again: what it did
    //  with that would not be what became of the message
    if (one->frames > 1) {
        to->out_more = true;
        to->refused = true;
        to->sending.frames = one->frames - 1 - (to->type == ZMQ_ROUTER);
        to->sending.bytes = one->bytes - zmq_msg_size (frame)
                          - (to->type == ZMQ_ROUTER? one->firsts: 0);
    }
}

bool
zrelay_side_simple (zrelay_side_t *self, zrelay_side_t *to)
{
    return !self->in_more && !to->out_more && to->rest == KEEP && !to->passed;
}

//  Can a message be sent whose first frame this is, without a look at the rest?
//  A ROUTER takes a routing id without a message, and forgets it. An XSUB is
//  sent no topic that is too long.

static bool
s_begins_well (zrelay_side_t *self, bool more, size_t size)
{
    return self->type == ZMQ_ROUTER? more: !more && size <= TOPIC_MAX + 1;
}

//  The frames that follow the first. Returns false if the last of them was not
//  taken.

static bool
s_pass_others (zrelay_side_t *self, zrelay_side_t *to, zmq_msg_t *frame,
               zrelay_passage_t *one)
{
    bool taken = true;
    for (bool more = true; taken && more; ) {
        int size = s_receive (self, frame);
        more = zmq_msg_more (frame);
        one->frames++;
        one->bytes += size == -1? 0: s_size (frame, size);
        taken = size != -1 && s_try (to, frame, more) != -1;
    }
    return taken;
}

static inline uint64_t
s_left (uint64_t most, uint64_t used)
{
    return most > used? most - used: 0;
}

//  Of messages of one frame, only their number and their bytes are counted

zrelay_end_t
zrelay_side_pass (zrelay_side_t *self, zrelay_side_t *to, zmq_msg_t *frame,
                  zrelay_passage_t *most)
{
    bool particular = to->type == ZMQ_ROUTER || to->type == ZMQ_XSUB;
    zrelay_passage_t others = { 0, 0, 0, 0 };
    uint64_t messages = 0;
    uint64_t firsts = 0;
    uint64_t last = most->messages < most->frames? most->messages: most->frames;
    uint64_t last_byte = most->bytes;
    zrelay_end_t end = ZRELAY_ENOUGH;
    while (messages < last && firsts < last_byte) {
        int size = s_receive (self, frame);
        if (size == -1) {
            end = ZRELAY_EMPTY;
            break;
        }
        bool more = zmq_msg_more (frame);
        size_t first = s_size (frame, size);
        bool taken = (!particular || s_begins_well (to, more, first))
                  && s_try (to, frame, more) != -1;
        if (!taken || more) {
            zrelay_passage_t one = { 1, 1, first, first };
            if (!taken || !s_pass_others (self, to, frame, &one)) {
                s_leave_in_hand (self, to, frame, &one);
                end = ZRELAY_IN_HAND;
                break;
            }
            others.frames += one.frames - 1;
            others.bytes += one.bytes - first;
            last_byte = s_left (most->bytes, others.bytes);
            last = s_left (most->frames, others.frames);
            last = last < most->messages? last: most->messages;
        }
        messages++;
        firsts += first;
    }
    *most = (zrelay_passage_t) { messages, messages + others.frames,
                                 firsts + others.bytes, firsts };
    s_count (self, &self->in, &self->in_ids, most);
    s_count (to, &to->out, &to->out_ids, most);
    return end;
}


//  --------------------------------------------------------------------------
//  Limits

bool
zrelay_side_limited (zrelay_side_t *self)
{
    return self->maxmsgsize >= 0 || self->maxframes > 0;
}

zrelay_outcome_t
zrelay_side_judge (zrelay_side_t *self, zrelay_message_t *message)
{
    size_t frames = zrelay_message_frames (message);
    size_t bytes = zrelay_message_bytes (message);
    if (self->type == ZMQ_ROUTER) {
        frames--;
        bytes -= zmq_msg_size (zrelay_message_frame (message, 0));
    }
    if (self->maxframes > 0 && frames > self->maxframes)
        return ZRELAY_DROP_FRAMES;
    if (self->maxmsgsize >= 0 && bytes > (size_t) self->maxmsgsize)
        return ZRELAY_DROP_SIZE;
    return ZRELAY_SENT;
}

//  An XSUB takes each frame that begins with 0 or 1 for a subscription, see
//  ZeroMQ RFC 23, whatever its length

bool
zrelay_side_selective (zrelay_side_t *self)
{
    return self->type == ZMQ_XSUB;
}

zrelay_outcome_t
zrelay_side_suits (zrelay_side_t *self, zrelay_message_t *message)
{
    size_t frames = zrelay_side_selective (self)?
                    zrelay_message_frames (message): 0;
    for (size_t index = 0; index < frames; index++) {
        zmq_msg_t *frame = zrelay_message_frame (message, index);
        if (zmq_msg_size (frame) > TOPIC_MAX + 1
        &&  *(byte *) zmq_msg_data (frame) <= 1)
            return ZRELAY_DROP_SIZE;
    }
    return ZRELAY_SENT;
}

//  The bucket holds as many messages as may come at once, and fills with
//  time. A clock that stands still or jumps back fills nothing;
//  zclock_usecs () is monotonic where the system has such a clock.

static void
s_refill (zrelay_side_t *self)
{
    double most = self->rate_burst? (double) self->rate_burst:
                  (double) self->rate / BURSTS_PER_SECOND;
    if (most < 1)
        most = 1;
    int64_t now = zclock_usecs ();
    if (self->refilled == 0)
        self->tokens = most;
    else
    if (now > self->refilled)
        self->tokens += (double) (now - self->refilled) * self->rate / 1e6;
    if (self->tokens > most)
        self->tokens = most;
    self->refilled = now;
}

size_t
zrelay_side_allowance (zrelay_side_t *self, size_t wanted)
{
    if (self->rate == 0)
        return wanted;
    s_refill (self);
    return self->tokens >= (double) wanted? wanted: (size_t) self->tokens;
}

void
zrelay_side_taken (zrelay_side_t *self, size_t messages, bool throttled)
{
    if (self->rate > 0)
        self->tokens -= (double) messages;
    if (throttled)
        self->throttled++;
}

size_t
zrelay_side_wait (zrelay_side_t *self)
{
    //  A rate that was changed begins anew
    if (self->rate == 0 || self->refilled == 0 || self->tokens >= 1)
        return 0;
    return (size_t) ((1 - self->tokens) * 1000 / (double) self->rate);
}


//  --------------------------------------------------------------------------
//  Polling

bool
zrelay_side_polls_out (zrelay_side_t *self)
{
    return self->type != ZMQ_PUB && self->type != ZMQ_XPUB;
}

void
zrelay_side_service (zrelay_side_t *self)
{
    if (self->handle)
        zsock_events (self->handle);
}


//  --------------------------------------------------------------------------
//  Draining. CZMQ's sockets forget what they still have to send when they are
//  closed, unless they are told to linger. Subscriptions are not worth it.

static bool
s_linger_chosen (zrelay_side_t *self)
{
    setting_t *setting = (setting_t *) zlistx_first (self->settings);
    while (setting && setting->option->id != ZMQ_LINGER)
        setting = (setting_t *) zlistx_next (self->settings);
    return setting != NULL;
}

void
zrelay_side_linger (zrelay_side_t *self, int msecs)
{
    if (!self->handle || self->borrowed || self->type == ZMQ_XSUB
    ||  s_linger_chosen (self))
        return;
    if (!self->lingers)
        self->linger_before = zsock_linger (self->handle);
    self->lingers = true;
    zsock_set_linger (self->handle, msecs);
}

void
zrelay_side_unlinger (zrelay_side_t *self)
{
    if (self->handle && self->lingers && !s_linger_chosen (self))
        zsock_set_linger (self->handle, self->linger_before);
    self->lingers = false;
}


//  --------------------------------------------------------------------------
//  Counters

const zrelay_tally_t *
zrelay_side_received (zrelay_side_t *self)
{
    return &self->in;
}

const zrelay_tally_t *
zrelay_side_sent (zrelay_side_t *self)
{
    return &self->out;
}

uint64_t
zrelay_side_received_ids (zrelay_side_t *self)
{
    return self->in_ids;
}

uint64_t
zrelay_side_sent_ids (zrelay_side_t *self)
{
    return self->out_ids;
}

static void
s_add_tally (zmsg_t *answer, const char *side, const char *direction,
             const zrelay_tally_t *tally)
{
    char key [64];
    snprintf (key, sizeof (key), "%s.%s.messages", side, direction);
    zrelay_engine_stat (answer, key, tally->messages);
    snprintf (key, sizeof (key), "%s.%s.frames", side, direction);
    zrelay_engine_stat (answer, key, tally->frames);
    snprintf (key, sizeof (key), "%s.%s.bytes", side, direction);
    zrelay_engine_stat (answer, key, tally->bytes);
}

void
zrelay_side_stats (zrelay_side_t *self, zmsg_t *answer)
{
    s_add_tally (answer, self->name, "in", &self->in);
    s_add_tally (answer, self->name, "out", &self->out);
    char key [64];
    snprintf (key, sizeof (key), "%s.throttled", self->name);
    zrelay_engine_stat (answer, key, self->throttled);
    zrelay_peers_stats (self->peers, self->name, answer);
}

void
zrelay_side_reset (zrelay_side_t *self)
{
    memset (&self->in, 0, sizeof (self->in));
    memset (&self->out, 0, sizeof (self->out));
    self->in_ids = 0;
    self->out_ids = 0;
    self->throttled = 0;
    if (self->peers)
        zrelay_peers_reset (self->peers);
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_refused (zrelay_side_t *self, zrelay_status_t status,
                zrelay_status_t expected, const char *word)
{
    return status == expected && zrelay_side_error (self)
        && strstr (zrelay_side_error (self), word);
}

static void
s_test_endpoints (void)
{
    const zrelay_side_spec_t spec = { "PULL", "rcvhwm=7" };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec);
    assert (self);
    assert (zrelay_side_type (self) == ZMQ_PULL);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 7);

    //  What was bound is known by its resolved name
    assert (zrelay_side_bind (self, "tcp://127.0.0.1:*") == ZRELAY_DONE);
    zmsg_t *answer = zmsg_new ();
    zrelay_side_endpoints (self, answer);
    char *endpoint = zmsg_popstr (answer);
    zmsg_destroy (&answer);
    assert (zrelay_side_attached (self));
    assert (s_test_refused (self, zrelay_side_bind (self, endpoint),
                            ZRELAY_BAD_STATE, "already"));
    assert (s_test_refused (self, zrelay_side_disconnect (self, endpoint),
                            ZRELAY_BAD_STATE, "not connected"));

    //  Of a list, all are attached or none
    assert (zrelay_side_attach (self, "@inproc://side-test,nonsense", true)
            == ZRELAY_REFUSED);
    assert (zrelay_side_unbind (self, "inproc://side-test")
            == ZRELAY_BAD_STATE);
    assert (zrelay_side_attach (self, "", true) == ZRELAY_REFUSED);
    assert (zrelay_side_attach (self, ",inproc://side-test", true)
            == ZRELAY_REFUSED);
    assert (zrelay_side_attach (self, ">inproc://side-one,inproc://side-two,",
                                true) == ZRELAY_DONE);
    assert (zrelay_side_disconnect (self, "inproc://side-one") == ZRELAY_DONE);
    assert (zrelay_side_unbind (self, "inproc://side-two") == ZRELAY_DONE);
    assert (zrelay_side_unbind (self, endpoint) == ZRELAY_DONE);
    assert (!zrelay_side_attached (self));
    zstr_free (&endpoint);
    zrelay_side_destroy (&self);
}

//  Who comes next finds what was given back

static void
s_test_release (void)
{
    const zrelay_side_spec_t spec = { "PULL", NULL };
    for (int count = 0; count < 20; count++) {
        zrelay_side_t *self = zrelay_side_new ("frontend", &spec);
        assert (zrelay_side_bind (self, "inproc://side-test") == ZRELAY_DONE);
        zrelay_side_destroy (&self);
    }
}

static void
s_test_options (void)
{
    const zrelay_side_spec_t spec = { "PULL,SUB", NULL };
    zrelay_side_t *self = zrelay_side_new ("backend", &spec);
    assert (s_test_refused (self, zrelay_side_bind (self, "inproc://x"),
                            ZRELAY_BAD_STATE, "BACKEND TYPE"));

    //  What is set now acts when there is a socket
    assert (zrelay_side_set (self, "rcvhwm", "5") == ZRELAY_DONE);
    assert (zrelay_side_choose (self, "SUB") == ZRELAY_DONE);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 5);
    assert (zrelay_side_choose (self, "PULL") == ZRELAY_DONE);
    assert (zsock_rcvhwm (zrelay_side_handle (self)) == 5);
    assert (s_test_refused (self, zrelay_side_choose (self, "PUSH"),
                            ZRELAY_BAD_ARGUMENTS, "PULL,SUB"));

    assert (s_test_refused (self, zrelay_side_set (self, "rcvhwm", "x"),
                            ZRELAY_BAD_ARGUMENTS, "whole number"));
    assert (s_test_refused (self, zrelay_side_set (self, "nonsense", "1"),
                            ZRELAY_BAD_ARGUMENTS, "no option"));
    assert (s_test_refused (self, zrelay_side_set (self, "conflate", "1"),
                            ZRELAY_BAD_ARGUMENTS, "tear"));
    assert (s_test_refused (self, zrelay_side_set (self, "type", "1"),
                            ZRELAY_BAD_ARGUMENTS, "not set"));
    assert (s_test_refused (self, zrelay_side_set (self, "xpub_nodrop", "1"),
                            ZRELAY_BAD_ARGUMENTS, "PULL"));
    assert (s_test_refused (self, zrelay_side_set (self, "maxframes", "-1"),
                            ZRELAY_BAD_ARGUMENTS, "from 0"));
    char *value = NULL;
    assert (zrelay_side_get_option (self, "rcvhwm", &value) == ZRELAY_DONE);
    assert (streq (value, "5"));
    zstr_free (&value);

    //  A secret is told to nobody, not even when it is wrong
    assert (zrelay_side_set (self, "plain_password", "hush") == ZRELAY_DONE);
    assert (s_test_refused (self,
        zrelay_side_get_option (self, "plain_password", &value),
        ZRELAY_BAD_ARGUMENTS, "secret"));
    assert (zrelay_side_set (self, "curve_secretkey", "hush")
            == ZRELAY_BAD_ARGUMENTS);
    assert (!strstr (zrelay_side_error (self), "hush"));

    //  A domain is enforced if it has a name, and keeps that
    assert (s_test_refused (self,
        zrelay_side_set (self, "zap_enforce_domain", "1"),
        ZRELAY_BAD_STATE, "needs a zap_domain"));
    assert (zrelay_side_set (self, "zap_enforce_domain", "0") == ZRELAY_DONE);
    assert (zrelay_side_set_domain (self, "global") == ZRELAY_DONE);
    assert (zrelay_side_set (self, "zap_enforce_domain", "1") == ZRELAY_DONE);
    assert (s_test_refused (self, zrelay_side_set_domain (self, ""),
                            ZRELAY_BAD_ARGUMENTS, "does not take"));

    //  What acts later only says so
    assert (zrelay_side_bind (self, "tcp://127.0.0.1:*") == ZRELAY_DONE);
    assert (s_test_refused (self, zrelay_side_set (self, "backlog", "10"),
                            ZRELAY_DONE, "later"));
    assert (s_test_refused (self, zrelay_side_set (self, "rcvhwm", "6"),
                            ZRELAY_DONE, "bound already"));
    assert (zrelay_side_set (self, "linger", "6") == ZRELAY_DONE);
    assert (!zrelay_side_error (self));
    assert (s_test_refused (self, zrelay_side_choose (self, "SUB"),
                            ZRELAY_BAD_STATE, "in use"));
    zrelay_side_destroy (&self);
}

static void
s_test_messages (void)
{
    const zrelay_side_spec_t push = { "PUSH", NULL };
    const zrelay_side_spec_t pull = { "PULL", NULL };
    zrelay_side_t *output = zrelay_side_new ("backend", &push);
    zrelay_side_t *input = zrelay_side_new ("frontend", &pull);

    //  Nobody is there: the first frame stays with us
    zmq_msg_t frame;
    zmq_msg_init_size (&frame, 10);
    assert (zrelay_side_put (output, &frame, true) == ZRELAY_FULL);
    assert (zmq_msg_size (&frame) == 10);

    assert (zrelay_side_bind (output, "inproc://side-test") == ZRELAY_DONE);
    assert (zrelay_side_connect (input, "inproc://side-test") == ZRELAY_DONE);
    assert (zrelay_side_put (output, &frame, true) == ZRELAY_SENT);
    assert (zmq_msg_size (&frame) == 0);
    assert (zrelay_side_sent (output)->messages == 0);
    assert (zrelay_side_put (output, &frame, false) == ZRELAY_SENT);
    assert (zrelay_side_sent (output)->messages == 1);
    assert (zrelay_side_sent (output)->frames == 2);
    assert (zrelay_side_sent (output)->bytes == 10);

    zrelay_message_t *message = zrelay_message_new ();
    while (zrelay_side_get (input, &frame) == 0)
        zrelay_message_append (message, &frame);
    assert (zrelay_message_frames (message) == 2);
    assert (zrelay_side_received (input)->messages == 1);
    assert (zrelay_side_received (input)->bytes == 10);

    //  A frame that was refused in mid-message is not sent again, where it would
    //  begin another message
    zrelay_passage_t one = { 1, 2, 20, 10 };
    zmq_msg_init_size (&frame, 10);
    s_leave_in_hand (input, output, &frame, &one);
    assert (zrelay_side_put (output, &frame, false) == ZRELAY_DROP_LOST);
    assert (zrelay_side_get (input, &frame) == -1);
    assert (zrelay_side_put (output, &frame, false) == ZRELAY_SENT);
    assert (zrelay_side_get (input, &frame) == 0);
    assert (zmq_msg_size (&frame) == 0);

    //  Limits are of whole messages
    assert (!zrelay_side_limited (input));
    assert (zrelay_side_set (input, "maxframes", "1") == ZRELAY_DONE);
    assert (zrelay_side_judge (input, message) == ZRELAY_DROP_FRAMES);
    assert (zrelay_side_set (input, "maxframes", "2") == ZRELAY_DONE);
    assert (zrelay_side_judge (input, message) == ZRELAY_SENT);
    assert (zrelay_side_set (input, "maxmsgsize", "9") == ZRELAY_DONE);
    assert (zrelay_side_judge (input, message) == ZRELAY_DROP_SIZE);
    zrelay_message_destroy (&message);

    //  A rate of one in a hundred seconds leaves one message
    assert (zrelay_side_allowance (input, 9) == 9);
    assert (zrelay_side_set (input, "rate", "3") == ZRELAY_DONE);
    assert (zrelay_side_set (input, "rate_burst", "5") == ZRELAY_DONE);
    assert (zrelay_side_allowance (input, 9) == 5);
    assert (zrelay_side_wait (input) == 0);
    zrelay_side_taken (input, 5, true);
    assert (zrelay_side_allowance (input, 9) < 5);
    assert (zrelay_side_wait (input) <= 1000 / 3);
    zmq_msg_close (&frame);
    zrelay_side_destroy (&input);
    zrelay_side_destroy (&output);
}

//  A ROUTER loses nothing without saying so

static void
s_test_router (void)
{
    const zrelay_side_spec_t spec = { "ROUTER", NULL };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec);
    zmq_msg_t frame;
    zmq_msg_init_size (&frame, 5);
    memset (zmq_msg_data (&frame), 'x', 5);
    assert (zrelay_side_put (self, &frame, true) == ZRELAY_DROP_UNROUTABLE);
    assert (zrelay_side_put (self, &frame, true) == ZRELAY_DROP_UNROUTABLE);
    assert (zrelay_side_put (self, &frame, false) == ZRELAY_DROP_UNROUTABLE);
    assert (zrelay_side_put (self, &frame, false) == ZRELAY_DROP_UNROUTABLE);
    assert (zrelay_side_sent (self)->messages == 0);
    zmq_msg_close (&frame);
    zrelay_side_destroy (&self);
}

static void
s_test_topics (void)
{
    const zrelay_side_spec_t spec = { "XSUB", NULL };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec);
    char *topics [] = { "A", "B", "A" };
    assert (zrelay_side_subscribe (self, 3, topics) == ZRELAY_DONE);
    assert (zrelay_side_unsubscribe (self, 2, topics) == ZRELAY_DONE);
    assert (zrelay_side_unsubscribe (self, 1, topics) == ZRELAY_BAD_STATE);
    assert (zrelay_side_subscribe (self, 0, topics) == ZRELAY_BAD_ARGUMENTS);

    //  A topic that is too long is refused, and so is the message it comes in
    assert (zrelay_side_selective (self));
    char longest [TOPIC_MAX + 2];
    memset (longest, 1, sizeof (longest));
    longest [TOPIC_MAX + 1] = 0;
    topics [1] = longest;
    assert (s_test_refused (self, zrelay_side_subscribe (self, 2, topics),
                            ZRELAY_BAD_ARGUMENTS, "too long"));
    assert (zrelay_side_unsubscribe (self, 1, topics) == ZRELAY_BAD_STATE);
    longest [TOPIC_MAX] = 0;
    assert (zrelay_side_subscribe (self, 2, topics) == ZRELAY_DONE);
    for (size_t excess = 0; excess < 2; excess++) {
        zmq_msg_t frame;
        zmq_msg_init_size (&frame, 1 + TOPIC_MAX + excess);
        memset (zmq_msg_data (&frame), 1, zmq_msg_size (&frame));
        zrelay_message_t *message = zrelay_message_new ();
        zrelay_message_append (message, &frame);
        assert (zrelay_side_suits (self, message)
                == (excess? ZRELAY_DROP_SIZE: ZRELAY_SENT));
        *(byte *) zmq_msg_data (zrelay_message_frame (message, 0)) = 'A';
        assert (zrelay_side_suits (self, message) == ZRELAY_SENT);
        zrelay_message_destroy (&message);
        zmq_msg_close (&frame);
    }
    zrelay_side_destroy (&self);
}

//  FRONTEND and BACKEND change everything or nothing

static void
s_test_configure (void)
{
    const zrelay_side_spec_t spec = { ZRELAY_ANY_TYPE, NULL };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec);
    char *topics [] = { "A", "HEARTBEAT_IVL", "500", "B" };
    char *value = NULL;
    assert (zrelay_side_configure (self, "SUB", "inproc://side-ok,nonsense",
                                   4, topics) == ZRELAY_REFUSED);
    assert (strstr (zrelay_side_error (self), "nonsense"));
    assert (zrelay_side_type (self) == -1);
    assert (zrelay_side_configure (self, "PULL", "inproc://side-ok",
                                   4, topics) == ZRELAY_BAD_ARGUMENTS);
    assert (zrelay_side_configure (self, "SUB", "inproc://side-ok",
                                   2, topics) == ZRELAY_BAD_ARGUMENTS);
    assert (zrelay_side_configure (self, "SUB", "inproc://side-ok",
                                   4, topics) == ZRELAY_DONE);
    assert (zrelay_side_get_option (self, "heartbeat_ivl", &value)
            == ZRELAY_DONE);
    assert (streq (value, "500"));
    zstr_free (&value);
    assert (zrelay_side_unsubscribe (self, 1, topics) == ZRELAY_DONE);
    assert (zrelay_side_unsubscribe (self, 1, topics + 3) == ZRELAY_DONE);

    //  What was set for an attachment that failed is set back
    assert (zrelay_side_configure (self, "SUB", "nonsense",
                                   2, topics + 1) == ZRELAY_REFUSED);
    topics [2] = "900";
    assert (zrelay_side_configure (self, "SUB", "nonsense",
                                   2, topics + 1) == ZRELAY_REFUSED);
    zrelay_side_get_option (self, "heartbeat_ivl", &value);
    assert (streq (value, "500"));
    zstr_free (&value);
    zrelay_side_destroy (&self);
}

static void
s_test_security (void)
{
    const zrelay_side_spec_t spec = { "ROUTER", NULL };
    zrelay_side_t *self = zrelay_side_new ("frontend", &spec);
    assert (zrelay_side_set_domain (self, "global") == ZRELAY_DONE);
    assert (zrelay_side_set_plain (self) == ZRELAY_DONE);
    if (zsys_has_curve ()) {
        zcert_t *cert = zcert_new ();
        const char *public_txt = zcert_public_txt (cert);
        const char *secret_txt = zcert_secret_txt (cert);
        assert (zrelay_side_set_curve (self, secret_txt, public_txt)
                == ZRELAY_BAD_ARGUMENTS);
        assert (!strstr (zrelay_side_error (self), secret_txt));
        assert (zrelay_side_set_curve (self, "short", secret_txt)
                == ZRELAY_BAD_ARGUMENTS);
        assert (zrelay_side_set_curve (self, public_txt, secret_txt)
                == ZRELAY_DONE);
        assert (zrelay_side_bind (self, "inproc://side-curve") == ZRELAY_DONE);
        assert (zrelay_side_set_curve (self, public_txt, secret_txt)
                == ZRELAY_BAD_STATE);
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
    s_test_endpoints ();
    s_test_release ();
    s_test_options ();
    s_test_messages ();
    s_test_router ();
    s_test_topics ();
    s_test_configure ();
    s_test_security ();
    //  @end
    printf ("OK\n");
}
