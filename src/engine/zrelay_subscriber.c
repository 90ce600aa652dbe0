/*  =========================================================================
    zrelay_subscriber - what one connection has subscribed to

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_subscriber.h"

struct _zrelay_subscriber_t {
    const char *property;       //  Where libzmq keeps its descriptor in digits
    zrelay_topics_t *topics;    //  It has subscribed to
    bool certain;               //  There is
    zmq_msg_t frame;            //  a copy of a frame that has the property
};

zrelay_subscriber_t *
zrelay_subscriber_new (const zrelay_voice_t *voice)
{
    zrelay_subscriber_t *self =
        (zrelay_subscriber_t *) zmalloc (sizeof (zrelay_subscriber_t));
    assert (self);
    self->property = voice->property;
    self->topics = zrelay_topics_new ();
    zmq_msg_init (&self->frame);
    self->certain = voice->frame
                 && zmq_msg_copy (&self->frame, voice->frame) == 0;
    return self;
}

void
zrelay_subscriber_destroy (zrelay_subscriber_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_subscriber_t *self = *self_p;
        zrelay_topics_destroy (&self->topics);
        zmq_msg_close (&self->frame);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_subscriber_property (zrelay_subscriber_t *self)
{
    return self->property;
}

bool
zrelay_subscriber_certain (zrelay_subscriber_t *self)
{
    return self->certain;
}

zrelay_topics_t *
zrelay_subscriber_topics (zrelay_subscriber_t *self)
{
    return self->topics;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_subscriber_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_subscriber: ");

    //  @selftest
    zsock_t *xpub = zsock_new (ZMQ_XPUB);
    int port = zsock_bind (xpub, "tcp://127.0.0.1:*");
    zsock_t *xsub = zsock_new (ZMQ_XSUB);
    int rc = zsock_connect (xsub, "tcp://127.0.0.1:%d", port);
    assert (rc == 0);
    zstr_send (xsub, "\1A");
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    rc = zmq_msg_recv (&frame, zsock_resolve (xpub), 0);
    assert (rc == 2);
    zrelay_voice_t voice = { zmq_msg_gets (&frame, "__fd"), &frame };
    assert (voice.property);
    int fd = atoi (voice.property);
    zrelay_subscriber_t *self = zrelay_subscriber_new (&voice);
    assert (zrelay_subscriber_certain (self));
    assert (zrelay_topics_insert (zrelay_subscriber_topics (self), "A", 1));

    //  The property stays when the connection and its messages are gone
    zmq_msg_close (&frame);
    zsock_destroy (&xsub);
    zsock_destroy (&xpub);
    assert (zrelay_subscriber_property (self) == voice.property);
    assert (atoi (zrelay_subscriber_property (self)) == fd);
    zrelay_subscriber_destroy (&self);
    assert (self == NULL);

    //  Without a frame it need not
    voice.frame = NULL;
    self = zrelay_subscriber_new (&voice);
    assert (!zrelay_subscriber_certain (self));
    zrelay_subscriber_destroy (&self);
    zrelay_subscriber_destroy (&self);
    //  @end
    printf ("OK\n");
}
