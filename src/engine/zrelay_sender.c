/*  =========================================================================
    zrelay_sender - says in a message who sent it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_sender.h"
#include "zrelay_message_internal.h"
#include "zrelay_setting.h"

//  What it says of a peer of which nothing is known
#define UNKNOWN "-"

typedef enum { STAMP_NONE, STAMP_USER, STAMP_ADDRESS } show_t;
static const char *const s_words [] = { "none", "user", "address", NULL };
static const char *const s_properties [] = {
    [STAMP_NONE] = NULL,
    [STAMP_USER] = ZRELAY_SENDER_USER,
    [STAMP_ADDRESS] = "Peer-Address"
};

struct _zrelay_sender_t {
    int64_t show;               //  A show_t
};

const zrelay_setting_t zrelay_sender_settings [] = {
    { ZRELAY_SETTING, .name = "stamp",
      .help = "what a frame before the body says of the sender",
      .offset = offsetof (zrelay_sender_t, show), .words = s_words },
    { .name = NULL }
};

zrelay_sender_t *
zrelay_sender_new (void)
{
    zrelay_sender_t *self =
        (zrelay_sender_t *) zmalloc (sizeof (zrelay_sender_t));
    assert (self);
    return self;
}

void
zrelay_sender_destroy (zrelay_sender_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}

const char *
zrelay_sender_property (zrelay_sender_t *self)
{
    return s_properties [self->show];
}


//  --------------------------------------------------------------------------
//  The place: behind what sockets and subscriptions need in front, and behind
//  the empty frame that ends an envelope, see ZeroMQ RFC 28

static bool
s_publishes (int type)
{
    return type == ZMQ_PUB || type == ZMQ_SUB
        || type == ZMQ_XPUB || type == ZMQ_XSUB;
}

static size_t
s_place (zrelay_message_t *message, int input, int output)
{
    size_t head = (size_t) (input == ZMQ_ROUTER) + (output == ZMQ_ROUTER)
                + (s_publishes (input) || s_publishes (output));
    size_t frames = zrelay_message_frames (message);
    size_t index = head;
    if (input == ZMQ_ROUTER || input == ZMQ_DEALER) {
        while (index < frames && zrelay_message_size (message, index) > 0)
            index++;
        index = index < frames? index + 1: head;
    }
    return index < frames? index: frames;
}

void
zrelay_sender_put (zrelay_message_t *message, int input, int output,
                  const char *value)
{
    if (!value || !*value)
        value = UNKNOWN;
    zrelay_message_insert (message, s_place (message, input, output), value,
                           strlen (value));
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_put (int input, int output, const char *before, const char *after)
{
    zrelay_message_t *message = zrelay_message_new ();
    for (const char *letter = before; *letter; letter++)
        zrelay_message_append (message, letter, *letter == '.'? 0: 1);
    zrelay_sender_put (message, input, output, "!");
    assert (zrelay_message_frames (message) == strlen (after));
    for (size_t index = 0; index < strlen (after); index++)
        assert (after [index] == '.'?
                zrelay_message_size (message, index) == 0:
                zrelay_message_equals (message, index, &after [index], 1));
    zrelay_message_destroy (&message);
}

void
zrelay_sender_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_sender: ");
    //  @selftest
    //  A letter is a frame, and a dot an empty one
    s_test_put (ZMQ_ROUTER, ZMQ_DEALER, "i.b", "i.!b");
    s_test_put (ZMQ_ROUTER, ZMQ_DEALER, "ij.b.c", "ij.!b.c");
    s_test_put (ZMQ_ROUTER, ZMQ_DEALER, "ibc", "i!bc");
    s_test_put (ZMQ_ROUTER, ZMQ_DEALER, "i..b", "i.!.b");
    s_test_put (ZMQ_ROUTER, ZMQ_DEALER, "ib.", "ib.!");
    s_test_put (ZMQ_ROUTER, ZMQ_DEALER, "i", "i!");
    s_test_put (ZMQ_ROUTER, ZMQ_ROUTER, "wib", "wi!b");
    s_test_put (ZMQ_ROUTER, ZMQ_ROUTER, "wi.b", "wi.!b");
    s_test_put (ZMQ_DEALER, ZMQ_ROUTER, "i.b", "i.!b");
    s_test_put (ZMQ_DEALER, ZMQ_ROUTER, "ib", "i!b");
    s_test_put (ZMQ_DEALER, ZMQ_DEALER, "b", "!b");
    s_test_put (ZMQ_REP, ZMQ_DEALER, ".b", "!.b");
    s_test_put (ZMQ_PULL, ZMQ_PUSH, ".b", "!.b");
    s_test_put (ZMQ_PULL, ZMQ_XPUB, "tb", "t!b");
    s_test_put (ZMQ_XSUB, ZMQ_XPUB, "t", "t!");
    s_test_put (ZMQ_SUB, ZMQ_PUSH, "t.b", "t!.b");

    zrelay_sender_t *self = zrelay_sender_new ();
    assert (!zrelay_sender_property (self));
    zrelay_sender_destroy (&self);
    zrelay_sender_destroy (&self);
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_sender_put (message, ZMQ_PULL, ZMQ_PUSH, "");
    zrelay_sender_put (message, ZMQ_PULL, ZMQ_PUSH, NULL);
    assert (zrelay_message_streq (message, 0, "-"));
    assert (zrelay_message_streq (message, 1, "-"));
    zrelay_message_destroy (&message);
    //  @end
    printf ("OK\n");
}
