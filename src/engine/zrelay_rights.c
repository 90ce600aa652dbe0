/*  =========================================================================
    zrelay_rights - asks whether a message's sender may send it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_rights.h"
#include "zrelay_peers.h"
#include "zrelay_side.h"

static bool
s_may (const zrelay_permit_t *permit, zrelay_view_t *view, zrelay_wish_t *wish)
{
    if (!zrelay_view_property (view, ZRELAY_PEERS_PROPERTY))
        return true;
    wish->user = zrelay_view_property (view, "User-Id");
    wish->address = zrelay_view_property (view, "Peer-Address");
    return permit->may (permit->object, wish);
}

bool
zrelay_rights_subscribe (const zrelay_permit_t *permit, zrelay_view_t *view)
{
    const void *frame = NULL;
    size_t size = 0;
    zrelay_view_frame (view, 0, &frame, &size);
    assert (size > 0);
    zrelay_wish_t wish = {
        .right = ZRELAY_RIGHT_SUBSCRIBE,
        .data = (const byte *) frame + 1, .size = size - 1
    };
    return s_may (permit, view, &wish);
}

//  What comes from the backend is a reply. At the frontend, the types decide.

static zrelay_right_t
s_right (zrelay_flow_id_t flow, int type)
{
    static const zrelay_right_t rights [] = {
        [ZMQ_REP] = ZRELAY_RIGHT_REQUEST, [ZMQ_ROUTER] = ZRELAY_RIGHT_REQUEST,
        [ZMQ_DEALER] = ZRELAY_RIGHT_REQUEST, [ZMQ_REQ] = ZRELAY_RIGHT_REQUEST,
        [ZMQ_PAIR] = ZRELAY_RIGHT_PUBLISH, [ZMQ_SUB] = ZRELAY_RIGHT_PUBLISH,
        [ZMQ_PULL] = ZRELAY_RIGHT_PUBLISH, [ZMQ_XSUB] = ZRELAY_RIGHT_PUBLISH,
        [ZMQ_XPUB] = ZRELAY_RIGHT_PUBLISH
    };
    return flow == ZRELAY_FLOW_RETURN? ZRELAY_RIGHT_REPLY: rights [type];
}

bool
zrelay_rights_send (const zrelay_permit_t *permit, zrelay_view_t *view,
                    zrelay_flow_id_t flow, int type)
{
    zrelay_wish_t wish = { .right = s_right (flow, type), .data = "" };
    const void *data = NULL;
    size_t index = type == ZMQ_ROUTER;
    while (zrelay_view_frame (view, index, &data, &wish.size) && wish.size == 0
        && wish.right != ZRELAY_RIGHT_PUBLISH)
        index++;
    if (wish.size > 0)
        wish.data = data;
    return s_may (permit, view, &wish);
}


//  --------------------------------------------------------------------------
//  Selftest: a message with a peer, who may only ask and subscribe to "A"

static bool
s_test_may (void *object, const zrelay_wish_t *wish)
{
    *(zrelay_wish_t *) object = *wish;
    return wish->right == ZRELAY_RIGHT_REQUEST
        || (wish->right == ZRELAY_RIGHT_SUBSCRIBE && wish->size > 0
         && *(const byte *) wish->data == 'A');
}

//  Receives a message that came by tcp

static void
s_test_recv (zrelay_view_t *view, const char *first, const char *second)
{
    zrelay_error_t *error = zrelay_error_new ();
    const zrelay_side_spec_t pull = { .types = "PULL" };
    zrelay_side_t *side = zrelay_side_new ("frontend", &pull, error);
    int rc = zrelay_side_attach (side, "tcp://127.0.0.1:*", true);
    assert (rc == ZRELAY_STATUS_DONE);
    zsock_t *peer = zrelay_side_test_peer (side, ZMQ_PUSH);
    zstr_sendx (peer, first, second, NULL);
    zrelay_view_clear (view);
    while (!zrelay_view_recv (view, zrelay_side_port (side), false))
        zclock_sleep (1);
    zsock_destroy (&peer);
    zrelay_side_destroy (&side);
    zrelay_error_destroy (&error);
}

void
zrelay_rights_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_rights: ");
    //  @selftest
    zrelay_wish_t wish;
    const zrelay_permit_t permit = { .may = s_test_may, .object = &wish };
    zrelay_view_t *view = zrelay_view_new ();
    s_test_recv (view, "", "work");
    assert (zrelay_rights_send (&permit, view, ZRELAY_FLOW_FORWARD, ZMQ_REP));
    assert (wish.size == 4 && streq (wish.address, "127.0.0.1"));
    assert (!zrelay_rights_send (&permit, view, ZRELAY_FLOW_RETURN,
                                 ZMQ_DEALER));
    assert (wish.right == ZRELAY_RIGHT_REPLY);
    assert (!zrelay_rights_send (&permit, view, ZRELAY_FLOW_FORWARD, ZMQ_PULL));
    assert (wish.right == ZRELAY_RIGHT_PUBLISH && wish.size == 0);
    s_test_recv (view, "\1A", NULL);
    assert (zrelay_rights_subscribe (&permit, view));
    s_test_recv (view, "\1B", NULL);
    assert (!zrelay_rights_subscribe (&permit, view));
    zrelay_view_destroy (&view);
    //  @end
    printf ("OK\n");
}
