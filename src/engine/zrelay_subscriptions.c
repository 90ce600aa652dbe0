/*  =========================================================================
    zrelay_subscriptions - the relay's own subscriptions: a set of topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_subscriptions.h"

struct _zrelay_subscriptions_t {
    const char *name;           //  The side's
    zrelay_port_t *port;        //  Has the socket
    zrelay_error_t *error;      //  Where sentences go
    zlistx_t *topics;           //  The set
    const char *topic;          //  The one while that is empty, or NULL
    zrelay_sieve_t *sieve;      //  What passes of all this, or NULL
};

static void
s_string_destroy (void **item_p)
{
    zstr_free ((char **) item_p);
}

zrelay_subscriptions_t *
zrelay_subscriptions_new (const char *name, zrelay_port_t *port,
                          zrelay_error_t *error)
{
    zrelay_subscriptions_t *self =
        (zrelay_subscriptions_t *) zmalloc (sizeof (zrelay_subscriptions_t));
    assert (self);
    self->name = name;
    self->port = port;
    self->error = error;
    self->topics = zlistx_new ();
    assert (self->topics);
    zlistx_set_destructor (self->topics, s_string_destroy);
    return self;
}

void
zrelay_subscriptions_destroy (zrelay_subscriptions_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_subscriptions_t *self = *self_p;
        zlistx_destroy (&self->topics);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  What publishers are asked for

static bool
s_subscribes (zrelay_subscriptions_t *self)
{
    int type = zrelay_port_type (self->port);
    return type == ZMQ_SUB || type == ZMQ_XSUB;
}

static int
s_ask (zrelay_subscriptions_t *self, const void *topic, size_t size,
       bool subscribe)
{
    void *handle = zrelay_port_handle (self->port);
    if (zrelay_port_type (self->port) == ZMQ_SUB)
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
    zrelay_subscriptions_t *subscriptions;  //  Whose it is
    bool subscribe;             //  Or cancel
    int rc;                     //  -1 if any of them failed
} asked_t;

static void
s_on_asked (void *arg, const void *topic, size_t size)
{
    asked_t *self = (asked_t *) arg;
    if (s_ask (self->subscriptions, topic, size, self->subscribe))
        self->rc = -1;
}

//  One topic may be several before it passes the sieve

static int
s_subscription (zrelay_subscriptions_t *self, const char *topic,
                bool subscribe)
{
    asked_t asked = { self, subscribe, 0 };
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
s_default_topic (zrelay_subscriptions_t *self, bool subscribe)
{
    if (self->topic && s_subscribes (self))
        s_subscription (self, self->topic, subscribe);
}

void
zrelay_subscriptions_begin (zrelay_subscriptions_t *self)
{
    s_default_topic (self, true);
}

void
zrelay_subscriptions_set_default (zrelay_subscriptions_t *self,
                                  const char *topic)
{
    self->topic = topic;
    s_default_topic (self, true);
}

void
zrelay_subscriptions_set_sieve (zrelay_subscriptions_t *self,
                                zrelay_sieve_t *sieve)
{
    self->sieve = sieve;
}

void
zrelay_subscriptions_switch (zrelay_subscriptions_t *self, bool on)
{
    if (zrelay_subscriptions_count (self) == 0)
        s_default_topic (self, on);
    char *topic = (char *) zlistx_first (self->topics);
    for (; topic; topic = (char *) zlistx_next (self->topics))
        s_subscription (self, topic, on);
}


//  --------------------------------------------------------------------------
//  The set

size_t
zrelay_subscriptions_count (zrelay_subscriptions_t *self)
{
    return zlistx_size (self->topics);
}

//  Leaves the list's cursor on the topic

static char *
s_find (zrelay_subscriptions_t *self, const char *topic)
{
    char *item = (char *) zlistx_first (self->topics);
    while (item && strneq (item, topic))
        item = (char *) zlistx_next (self->topics);
    return item;
}

bool
zrelay_subscriptions_want_all (zrelay_subscriptions_t *self)
{
    return s_find (self, "")
        && (!self->sieve || zrelay_sieve_empty (self->sieve));
}

zrelay_status_t
zrelay_subscriptions_check (zrelay_subscriptions_t *self, size_t count,
                            char **topics)
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
s_check (zrelay_subscriptions_t *self, size_t count, char **topics)
{
    if (!s_subscribes (self))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "the %s does not subscribe; only SUB and XSUB sockets do",
            self->name);
    if (count == 0)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "which topic? The empty one is everything");
    return zrelay_subscriptions_check (self, count, topics);
}

zrelay_status_t
zrelay_subscriptions_add (zrelay_subscriptions_t *self, size_t count,
                          char **topics)
{
    zrelay_status_t status = s_check (self, count, topics);
    for (size_t index = 0; status == ZRELAY_STATUS_DONE && index < count;
         index++) {
        if (s_find (self, topics [index]))
            continue;
        if (s_subscription (self, topics [index], true))
            return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
                "cannot subscribe: %s", zmq_strerror (errno));
        char *topic = strdup (topics [index]);
        assert (topic);
        zlistx_add_end (self->topics, topic);
        if (zrelay_subscriptions_count (self) == 1)
            s_default_topic (self, false);
    }
    return status;
}

zrelay_status_t
zrelay_subscriptions_remove (zrelay_subscriptions_t *self, size_t count,
                             char **topics)
{
    zrelay_status_t status = s_check (self, count, topics);
    //  Look at all before touching any
    for (size_t index = 0; status == ZRELAY_STATUS_DONE && index < count;
         index++)
        if (!s_find (self, topics [index]))
            status = zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
                "the relay itself is not subscribed to %s",
                zrelay_error_quote (self->error, topics [index]));
    for (size_t index = 0; status == ZRELAY_STATUS_DONE && index < count;
         index++)
        if (s_find (self, topics [index])) {
            if (zrelay_subscriptions_count (self) == 1)
                s_default_topic (self, true);
            s_subscription (self, topics [index], false);
            zlistx_delete (self->topics, zlistx_cursor (self->topics));
        }
    return status;
}


//  --------------------------------------------------------------------------
//  Selftest

//  The next that a publisher hears is that

static bool
s_test_hears (zsock_t *publisher, const char *expected)
{
    char *heard = NULL;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    int size = zmq_msg_recv (&frame, zsock_resolve (publisher), 0);
    if (size > 0)
        heard = zsys_sprintf ("%c%.*s", *(char *) zmq_msg_data (&frame) + '0',
                              size - 1, (char *) zmq_msg_data (&frame) + 1);
    bool right = heard && streq (heard, expected);
    zstr_free (&heard);
    zmq_msg_close (&frame);
    return right;
}

static void
s_test_set (zrelay_subscriptions_t *self)
{
    char *topics [] = { "A", "B", "A" };
    assert (zrelay_subscriptions_add (self, 3, topics) == ZRELAY_STATUS_DONE);
    assert (zrelay_subscriptions_count (self) == 2);
    assert (zrelay_subscriptions_remove (self, 2, topics)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_subscriptions_remove (self, 1, topics)
            == ZRELAY_STATUS_BAD_STATE);
    assert (zrelay_subscriptions_add (self, 0, topics)
            == ZRELAY_STATUS_BAD_ARGUMENTS);

    //  A topic that is too long is refused, with all others
    char longest [ZRELAY_PORT_TOPIC_MAX + 2];
    memset (longest, 1, sizeof (longest));
    longest [ZRELAY_PORT_TOPIC_MAX + 1] = 0;
    topics [1] = longest;
    assert (zrelay_subscriptions_add (self, 2, topics)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (strstr (zrelay_error_sentence (self->error), "too long"));
    assert (zrelay_subscriptions_remove (self, 1, topics)
            == ZRELAY_STATUS_BAD_STATE);
    longest [ZRELAY_PORT_TOPIC_MAX] = 0;
    assert (zrelay_subscriptions_add (self, 2, topics) == ZRELAY_STATUS_DONE);
    assert (zrelay_subscriptions_remove (self, 2, topics)
            == ZRELAY_STATUS_DONE);
}

//  Nothing is missed between the default topic and another one

static void
s_test_default (zrelay_subscriptions_t *self, zsock_t *publisher)
{
    char *topics [] = { "A" };
    zrelay_subscriptions_set_default (self, "D");
    zrelay_subscriptions_add (self, 1, topics);
    zrelay_subscriptions_switch (self, false);
    zrelay_subscriptions_switch (self, true);
    zrelay_subscriptions_remove (self, 1, topics);
    assert (s_test_hears (publisher, "1D"));
    assert (s_test_hears (publisher, "1A"));
    assert (s_test_hears (publisher, "0D"));
    assert (s_test_hears (publisher, "0A"));
    assert (s_test_hears (publisher, "1A"));
    assert (s_test_hears (publisher, "1D"));
    assert (s_test_hears (publisher, "0A"));
}

void
zrelay_subscriptions_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_subscriptions: ");

    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_port_t *port = zrelay_port_new ();
    zrelay_subscriptions_t *self =
        zrelay_subscriptions_new ("frontend", port, error);
    char *topics [] = { "A" };
    assert (zrelay_subscriptions_add (self, 1, topics)
            == ZRELAY_STATUS_BAD_STATE);
    zsock_t *publisher = zsock_new (ZMQ_XPUB);
    zsock_set_rcvtimeo (publisher, 30000);
    int rc = zsock_bind (publisher, "inproc://subscriptions-test");
    assert (rc == 0);
    zsock_t *sock = zsock_new (ZMQ_XSUB);
    zrelay_port_open (port, zsock_resolve (sock), ZMQ_XSUB);
    s_test_set (self);
    //  What came before that is not heard of
    rc = zsock_connect (sock, "inproc://subscriptions-test");
    assert (rc == 0);
    s_test_default (self, publisher);
    zrelay_port_open (port, NULL, -1);
    zrelay_subscriptions_destroy (&self);
    assert (!self);
    zrelay_port_destroy (&port);
    zsock_destroy (&sock);
    zsock_destroy (&publisher);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
