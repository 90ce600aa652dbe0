/*  =========================================================================
    zrelay_attachments - the endpoints that a socket is attached to

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_attachments.h"
#include "zrelay_endpoint.h"
#include "zrelay_inherited.h"
#include "zrelay_trial.h"

//  How long to wait for libzmq to stop listening, in msecs. It takes one, unless
//  its threads are held up.
#define RELEASE_MAX 1000

typedef struct {
    char *endpoint;             //  As resolved by libzmq
    bool bound;                 //  Or else connected
    char *inherited;            //  The endpoint as it was taken from a service
                                //  manager's, or NULL
    zrelay_endpoint_file_t file;    //  The socket's, where that is ours
} attachment_t;

struct _zrelay_attachments_t {
    const char *name;           //  Of the side, for sentences
    zrelay_access_t *access;    //  Whom ipc endpoints let in
    zrelay_error_t *error;      //  Where these go
    zlistx_t *items;            //  attachment_t in order of time
    zrelay_attachments_t *next; //  The relay's others, and itself, in a ring
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_attachment_destroy (void **item_p)
{
    attachment_t *attachment = (attachment_t *) *item_p;
    if (attachment->inherited)
        zrelay_inherited_release (attachment->inherited);
    zstr_free (&attachment->inherited);
    zstr_free (&attachment->endpoint);
    freen (attachment);
    *item_p = NULL;
}

zrelay_attachments_t *
zrelay_attachments_new (const char *name, zrelay_access_t *access,
                        zrelay_error_t *error)
{
    zrelay_attachments_t *self =
        (zrelay_attachments_t *) zmalloc (sizeof (zrelay_attachments_t));
    assert (self);
    self->name = name;
    self->access = access;
    self->error = error;
    self->next = self;
    self->items = zlistx_new ();
    assert (self->items);
    zlistx_set_destructor (self->items, s_attachment_destroy);
    return self;
}

void
zrelay_attachments_destroy (zrelay_attachments_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_attachments_t *before = *self_p;
        while (before->next != *self_p)
            before = before->next;
        before->next = (*self_p)->next;
        zlistx_destroy (&(*self_p)->items);
        freen (*self_p);
    }
}

void
zrelay_attachments_join (zrelay_attachments_t *self,
                         zrelay_attachments_t *other)
{
    assert (self->next == self);
    self->next = other->next;
    other->next = self;
}


//  --------------------------------------------------------------------------
//  Attaching

//  Leaves the list's cursor on the attachment, or returns NULL

static attachment_t *
s_find (zrelay_attachments_t *self, const char *endpoint, bool bound)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->items);
    while (item && (item->bound != bound || strneq (item->endpoint, endpoint)))
        item = (attachment_t *) zlistx_next (self->items);
    return item;
}

//  The meaning of libzmq's errors here, where its own words would mislead

static const char *
s_meaning (int error)
{
    static const struct {
        int error;              //  errno
        const char *meaning;    //  For people
    } meanings [] = {
        { EINVAL, "not an endpoint; it looks like tcp://ADDRESS:PORT, "
                  "ipc://PATH or inproc://NAME" },
        { ENODEV, "no such address or interface on this machine" },
        { EPROTONOSUPPORT, "this system does not have this transport" },
        { EAFNOSUPPORT, "this system does not have this transport" },
        { ENOCOMPATPROTO, "this transport does not go with this socket type" },
        { ENAMETOOLONG, "the path is too long for a socket" },
        { 0, NULL }
    };
    int index = 0;
    while (meanings [index].meaning && meanings [index].error != error)
        index++;
    return meanings [index].meaning? meanings [index].meaning:
           zmq_strerror (error);
}

//  Endpoints of IPv6 need an option, which must not act on others: tcp://* is
//  IPv4 unless the user has set it

static int
s_ask (void *handle, const char *endpoint, bool bind)
{
    int one = 1;
    int zero = 0;
    bool ipv6 = zsock_ipv6 (handle) == 0
             && zrelay_endpoint_wants_ipv6 (endpoint, bind);
    if (ipv6)
        zmq_setsockopt (handle, ZMQ_IPV6, &one, sizeof (one));
    int rc = bind? zmq_bind (handle, endpoint): zmq_connect (handle, endpoint);
    int error = errno;
    if (ipv6)
        zmq_setsockopt (handle, ZMQ_IPV6, &zero, sizeof (zero));
    errno = error;
    return rc;
}

const char *
zrelay_attachments_ask (void *handle, const char *endpoint, bool bind,
                        zrelay_access_t *access)
{
    //  Somebody listens there: for us
    if (bind && zrelay_inherited_has (endpoint))
        return zrelay_inherited_bind (handle, endpoint) == -1?
            s_meaning (errno): NULL;
    const char *refusal = zrelay_endpoint_refusal (endpoint, bind);
    if (refusal)
        return refusal;
    if (bind && access && zrelay_access_applies (access, endpoint))
        return zrelay_access_bind (access, handle, endpoint);
    if (zrelay_endpoint_is_risky (endpoint)
    && !zrelay_trial_survives (zsock_type (handle), endpoint, bind))
        return "this transport would end the process; check the interface, the "
               "address and the port, and for pgm the right to raw sockets";
    return s_ask (handle, endpoint, bind) == -1? s_meaning (errno): NULL;
}

//  Which of the relay's own is at the other end of that; NULL: none

static zrelay_attachments_t *
s_find_own (zrelay_attachments_t *self, const char *endpoint, bool bind)
{
    zrelay_attachments_t *own = self;
    do {
        attachment_t *item = (attachment_t *) zlistx_first (own->items);
        for (; item; item = (attachment_t *) zlistx_next (own->items))
            if (item->bound != bind
            && (bind? zrelay_endpoint_meets (endpoint, item->endpoint):
                      zrelay_endpoint_meets (item->endpoint, endpoint)))
                return own;
        own = own->next;
    }
    while (own != self);
    return NULL;
}

zrelay_status_t
zrelay_attachments_attach (zrelay_attachments_t *self, void *handle,
                           const char *endpoint, bool bind)
{
    //  libzmq would detach both at once
    if (s_find (self, endpoint, bind))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the %s is %s to %s already", self->name,
            bind? "bound": "connected",
            zrelay_error_quote (self->error, endpoint));
    zrelay_attachments_t *own = s_find_own (self, endpoint, bind);
    if (own)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "cannot %s the %s to %s: the %s of this relay is %s there, and "
            "messages would go round for ever", bind? "bind": "connect",
            self->name, zrelay_error_quote (self->error, endpoint), own->name,
            bind? "connected": "bound");
    bool inherited = bind && zrelay_inherited_has (endpoint);
    bool taken = inherited && !zrelay_inherited_take (endpoint);
    const char *refusal = taken? zmq_strerror (EADDRINUSE):
        zrelay_attachments_ask (handle, endpoint, bind, self->access);
    if (refusal && inherited && !taken)
        zrelay_inherited_release (endpoint);
    if (refusal)
        return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
            "cannot %s the %s to %s: %s", bind? "bind": "connect", self->name,
            zrelay_error_quote (self->error, endpoint), refusal);

    attachment_t *item = (attachment_t *) zmalloc (sizeof (attachment_t));
    assert (item);
    item->bound = bind;
    item->inherited = inherited? strdup (endpoint): NULL;
    char *resolved = bind? zsock_last_endpoint (handle): NULL;
    item->endpoint = resolved && *resolved? resolved: strdup (endpoint);
    if (item->endpoint != resolved)
        zstr_free (&resolved);
    assert (item->endpoint);
    //  libzmq removes a file whose name it has chosen, and a service manager
    //  its own
    if (bind && !inherited && strneq (endpoint, "ipc://*"))
        zrelay_endpoint_find_file (item->endpoint, &item->file);
    zlistx_add_end (self->items, item);
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Detaching

static int
s_ask_to_detach (void *handle, const char *endpoint, bool bound)
{
    int rc;
    do
        rc = bound? zmq_unbind (handle, endpoint)
                  : zmq_disconnect (handle, endpoint);
    while (rc == -1 && errno == EINTR);
    return rc;
}

//  An endpoint that libzmq does not know is detached

static int
s_detach_item (void *handle, zrelay_peers_t *peers, attachment_t *item)
{
    int rc = s_ask_to_detach (handle, item->endpoint, item->bound);
    if (rc == -1 && errno != ENOENT)
        return -1;
    zrelay_endpoint_remove_file (item->endpoint, &item->file);
    //  libzmq does not report the end of these connections
    if (peers) {
        zrelay_peers_update (peers);
        zrelay_peers_forget (peers, item->endpoint);
    }
    return 0;
}

static zrelay_status_t
s_not_attached (zrelay_attachments_t *self, const char *endpoint, bool bound,
                const char *hint)
{
    return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
        "the %s is not %s to %s%s", self->name, bound? "bound": "connected",
        zrelay_error_quote (self->error, endpoint), hint);
}

static zrelay_status_t
s_cannot_detach (zrelay_attachments_t *self, const char *endpoint)
{
    return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
        "cannot detach the %s from %s: %s", self->name,
        zrelay_error_quote (self->error, endpoint), zmq_strerror (errno));
}

zrelay_status_t
zrelay_attachments_detach (zrelay_attachments_t *self, void *handle,
                           zrelay_peers_t *peers, bool borrowed,
                           const char *endpoint, bool bound)
{
    attachment_t *item = s_find (self, endpoint, bound);
    if (!item && borrowed)
        return s_ask_to_detach (handle, endpoint, bound) == 0?
            ZRELAY_STATUS_DONE: errno == ENOENT || errno == EINVAL?
            s_not_attached (self, endpoint, bound, ""):
            s_cannot_detach (self, endpoint);
    if (!item)
        return s_not_attached (self, endpoint, bound,
                               "; ENDPOINT lists where it is attached");
    if (s_detach_item (handle, peers, item) == -1)
        return s_cannot_detach (self, endpoint);
    zlistx_delete (self->items, zlistx_cursor (self->items));
    return ZRELAY_STATUS_DONE;
}


//  --------------------------------------------------------------------------
//  Lists

zrelay_status_t
zrelay_attachments_attach_list (zrelay_attachments_t *self, void *handle,
                                zrelay_peers_t *peers, const char *endpoints,
                                bool bind)
{
    size_t before = zlistx_size (self->items);
    char *list = strdup (endpoints);
    assert (list);
    char *rest = list;
    zrelay_status_t status;
    //  As in zsock_attach (), a comma may end the list
    do {
        char *endpoint = strsep (&rest, ",");
        bool prefixed = *endpoint == '@' || *endpoint == '>';
        status = zrelay_attachments_attach (self, handle, endpoint + prefixed,
            prefixed? *endpoint == '@': bind);
    }
    while (status == ZRELAY_STATUS_DONE && rest && *rest);
    freen (list);
    //  All or none
    while (status != ZRELAY_STATUS_DONE
       &&  zlistx_size (self->items) > before) {
        s_detach_item (handle, peers,
                       (attachment_t *) zlistx_last (self->items));
        zlistx_delete (self->items, zlistx_cursor (self->items));
    }
    return status;
}

size_t
zrelay_attachments_count (zrelay_attachments_t *self)
{
    return zlistx_size (self->items);
}

static bool
s_is_inproc (attachment_t *item)
{
    return strncmp (item->endpoint, "inproc:", strlen ("inproc:")) == 0;
}

bool
zrelay_attachments_connect (zrelay_attachments_t *self)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->items);
    while (item && s_is_inproc (item))
        item = (attachment_t *) zlistx_next (self->items);
    return item != NULL;
}

bool
zrelay_attachments_counted (zrelay_attachments_t *self, size_t *connected)
{
    *connected = 0;
    attachment_t *item = (attachment_t *) zlistx_first (self->items);
    for (; item && !s_is_inproc (item);
         item = (attachment_t *) zlistx_next (self->items))
        *connected += !item->bound;
    return !item;
}

bool
zrelay_attachments_bound (zrelay_attachments_t *self)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->items);
    while (item && !item->bound)
        item = (attachment_t *) zlistx_next (self->items);
    return item != NULL;
}

void
zrelay_attachments_list (zrelay_attachments_t *self, zmsg_t *answer,
                         bool marked)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->items);
    for (; item; item = (attachment_t *) zlistx_next (self->items))
        zmsg_addstrf (answer, "%s%s", !marked? "": item->bound? "@": ">",
                      item->endpoint);
}

void
zrelay_attachments_release (zrelay_attachments_t *self, void *handle)
{
    attachment_t *item = (attachment_t *) zlistx_first (self->items);
    for (; item; item = (attachment_t *) zlistx_next (self->items)) {
        if (item->bound && strstr (item->endpoint, "inproc:") == item->endpoint)
            zmq_unbind (handle, item->endpoint);
        zrelay_endpoint_remove_file (item->endpoint, &item->file);
    }
}

void
zrelay_attachments_await_release (zrelay_attachments_t *self)
{
    int64_t deadline = zclock_mono () + RELEASE_MAX;
    attachment_t *item = (attachment_t *) zlistx_first (self->items);
    for (; item; item = (attachment_t *) zlistx_next (self->items))
        //  What a service manager passed goes on listening
        if (item->bound && !item->inherited)
            zrelay_endpoint_await_release (item->endpoint, deadline);
}
