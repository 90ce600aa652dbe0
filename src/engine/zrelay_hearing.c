/*  =========================================================================
    zrelay_hearing - subscriptions that come: who may, and what is new

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_hearing.h"
#include "zrelay_peers.h"
#include "zrelay_rights.h"
#include "zrelay_topics.h"

struct _zrelay_hearing_t {
    zrelay_side_t *side;        //  Where subscriptions come from
    const zrelay_permit_t *permit;  //  Decides about them, or NULL
    zlistx_t *kept;             //  zrelay_view_t, in order
    zrelay_view_t *apart;       //  A frame that follows, or NULL
};


static void
s_destroy_view (void **item_p)
{
    zrelay_view_destroy ((zrelay_view_t **) item_p);
}

zrelay_hearing_t *
zrelay_hearing_new (zrelay_side_t *side)
{
    zrelay_hearing_t *self =
        (zrelay_hearing_t *) zmalloc (sizeof (zrelay_hearing_t));
    assert (self);
    self->side = side;
    self->kept = zlistx_new ();
    assert (self->kept);
    zlistx_set_destructor (self->kept, s_destroy_view);
    return self;
}

void
zrelay_hearing_destroy (zrelay_hearing_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_hearing_t *self = *self_p;
        zlistx_destroy (&self->kept);
        zrelay_view_destroy (&self->apart);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_hearing_set_permit (zrelay_hearing_t *self,
                           const zrelay_permit_t *permit)
{
    self->permit = permit;
}

//  A frame's data, and its size, if it is about a topic; or NULL

static const byte *
s_topic (zrelay_view_t *view, size_t index, size_t *size_p)
{
    const void *data;
    return zrelay_view_frame (view, index, &data, size_p) && *size_p > 0
        && *(const byte *) data <= ZRELAY_TOPICS_SUBSCRIBE?
           (const byte *) data: NULL;
}

bool
zrelay_hearing_recv (zrelay_hearing_t *self, zrelay_view_t **view_p,
                     bool zframes)
{
    if (self->apart) {
        zrelay_view_destroy (view_p);
        *view_p = self->apart;
        self->apart = NULL;
        return true;
    }
    zrelay_port_t *port = zrelay_side_port (self->side);
    if (!zrelay_view_recv (*view_p, port, zframes))
        return false;
    size_t size;
    size_t last = zrelay_view_frames (*view_p) - 1;
    if (last > 0 && zrelay_side_hears_topics (self->side)
    &&  s_topic (*view_p, last, &size)) {
        self->apart = zrelay_view_split (*view_p, last);
        zrelay_port_count_more (port);
    }
    return true;
}

//  All frames of a message were handed over

static void
s_heard_message (zrelay_hearing_t *self, zrelay_view_t *view,
                 const char *property)
{
    const void *data;
    size_t size;
    for (size_t index = 0; zrelay_view_frame (view, index, &data, &size);
         index++)
        zrelay_peers_handed (zrelay_side_peers (self->side), property, size);
}

//  A zframe cannot be copied with its properties

static zrelay_voice_t
s_voice (zrelay_view_t *view)
{
    zrelay_voice_t voice = {
        zrelay_view_property (view, ZRELAY_PEERS_PROPERTY),
        zrelay_view_is_zmsg (view)? NULL:
            zrelay_message_frame (zrelay_view_message (view), 0)
    };
    return voice;
}

zrelay_heard_t
zrelay_hearing_judge (zrelay_hearing_t *self, zrelay_view_t *view)
{
    if (!zrelay_side_hears_topics (self->side))
        return ZRELAY_HEARD_MESSAGE;
    const zrelay_voice_t voice = s_voice (view);
    size_t size;
    const byte *frame = s_topic (view, 0, &size);
    if (!frame) {
        s_heard_message (self, view, voice.property);
        return ZRELAY_HEARD_MESSAGE;
    }
    if (self->permit && frame [0] == ZRELAY_TOPICS_SUBSCRIBE
    && !zrelay_rights_subscribe (self->permit, view)) {
        zrelay_peers_refuse (zrelay_side_peers (self->side), &voice,
                             frame + 1, size - 1);
        return ZRELAY_HEARD_REFUSED;
    }
    if (!zrelay_side_heard_topic (self->side, &voice, frame, size)) {
        zrelay_port_discount (zrelay_side_port (self->side), 1, size);
        return ZRELAY_HEARD_NOTHING;
    }
    return ZRELAY_HEARD_TOPIC;
}

zrelay_heard_t
zrelay_hearing_judged (zrelay_view_t *view)
{
    size_t size;
    return s_topic (view, 0, &size)? ZRELAY_HEARD_TOPIC: ZRELAY_HEARD_MESSAGE;
}

void
zrelay_hearing_keep (zrelay_hearing_t *self, zrelay_view_t *view)
{
    zlistx_add_end (self->kept, zrelay_view_take (view));
}

zrelay_view_t *
zrelay_hearing_next (zrelay_hearing_t *self)
{
    return zlistx_size (self->kept) == 0? NULL:
           (zrelay_view_t *) zlistx_detach (self->kept, NULL);
}

bool
zrelay_hearing_waits (zrelay_hearing_t *self)
{
    return zlistx_size (self->kept) > 0 || self->apart;
}


//  --------------------------------------------------------------------------
//  Selftest: what an XPUB has heard

static bool
s_test_may (void *object, const zrelay_wish_t *wish)
{
    (void) object;
    return wish->size > 0 && *(const byte *) wish->data == 'A';
}

static zrelay_heard_t
s_test_judge (zrelay_hearing_t *self, zrelay_view_t *view)
{
    zrelay_view_clear (view);
    while (!zrelay_view_recv (view, zrelay_side_port (self->side), false))
        zclock_sleep (1);
    return zrelay_hearing_judge (self, view);
}

static void
s_test_judgement (zrelay_side_t *side)
{
    zrelay_hearing_t *hearing = zrelay_hearing_new (side);
    const zrelay_permit_t permit = { .may = s_test_may };
    zrelay_hearing_set_permit (hearing, &permit);
    zsock_t *peer = zrelay_side_test_peer (side, ZMQ_XSUB);
    zrelay_view_t *view = zrelay_view_new ();
    zstr_send (peer, "\1A");
    zrelay_heard_t heard = s_test_judge (hearing, view);
    assert (heard == ZRELAY_HEARD_TOPIC);
    assert (!zrelay_hearing_waits (hearing));
    zrelay_hearing_keep (hearing, view);
    assert (zrelay_hearing_waits (hearing));
    zrelay_view_t *kept = zrelay_hearing_next (hearing);
    assert (zrelay_message_streq (zrelay_view_message (kept), 0, "\1A"));
    zrelay_view_destroy (&kept);
    assert (!zrelay_hearing_next (hearing));

    zstr_send (peer, "words");
    heard = s_test_judge (hearing, view);
    assert (heard == ZRELAY_HEARD_MESSAGE);
    zstr_send (peer, "\1B");
    heard = s_test_judge (hearing, view);
    assert (heard == ZRELAY_HEARD_REFUSED);
    zrelay_view_destroy (&view);
    zsock_destroy (&peer);
    zrelay_hearing_destroy (&hearing);
}

void
zrelay_hearing_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_hearing: ");
    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    const zrelay_side_spec_t xpub = { .types = "XPUB" };
    zrelay_side_t *side = zrelay_side_new ("backend", &xpub, error);
    int rc = zrelay_side_attach (side, "tcp://127.0.0.1:*", true);
    assert (rc == ZRELAY_STATUS_DONE);
    s_test_judgement (side);
    zrelay_side_destroy (&side);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
