/*  =========================================================================
    zrelay_zap - one question that libzmq asks about a peer

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_zap.h"

#define ZAP_VERSION "1.0"

//  Longest domain and address
#define TEXT_SIZE_MAX 255

//  Bytes of a public key, and of the part of an IPv6 address that a customer
//  has
#define KEY_SIZE 32
#define IPV6_PREFIX_SIZE 8

//  What each mechanism sends
static const struct {
    const char *name;           //  Mechanism
    zrelay_mechanism_t mechanism;   //  The same
    size_t credentials;         //  Frames
    size_t size;                //  Bytes in the first one, or 0: any
} s_mechanisms [] = {
    { "NULL", ZRELAY_ZAP_NULL, 0, 0 },
    { "PLAIN", ZRELAY_ZAP_PLAIN, 2, 0 },
    { "CURVE", ZRELAY_ZAP_CURVE, 1, KEY_SIZE }
};
#define MECHANISMS (sizeof (s_mechanisms) / sizeof (*s_mechanisms))

//  Take a frame that is a short text without zero bytes, or return NULL

static char *
s_pop_text (zmsg_t *message)
{
    zframe_t *frame = zmsg_pop (message);
    char *text = frame && zframe_size (frame) <= TEXT_SIZE_MAX?
                 zframe_strdup (frame): NULL;
    if (text && strlen (text) != zframe_size (frame))
        zstr_free (&text);
    zframe_destroy (&frame);
    return text;
}

static bool
s_pop_is (zmsg_t *message, const char *text)
{
    char *popped = s_pop_text (message);
    bool is = popped && streq (popped, text);
    zstr_free (&popped);
    return is;
}

static void
s_wipe_frame (zframe_t **frame_p)
{
    if (*frame_p)
        explicit_bzero (zframe_data (*frame_p), zframe_size (*frame_p));
    zframe_destroy (frame_p);
}

static bool
s_take_credentials (zrelay_zap_t *self, zmsg_t *message)
{
    char *name = s_pop_text (message);
    if (!name)
        return false;
    size_t row = 0;
    while (row < MECHANISMS && strneq (s_mechanisms [row].name, name))
        row++;
    zstr_free (&name);
    self->mechanism = ZRELAY_ZAP_OTHER;
    if (row == MECHANISMS)
        return true;
    self->mechanism = s_mechanisms [row].mechanism;
    size_t count = s_mechanisms [row].credentials;
    if (zmsg_size (message) != count)
        return false;
    for (size_t index = 0; index < count; index++)
        self->credentials [index] = zmsg_pop (message);
    return s_mechanisms [row].size == 0
        || zframe_size (self->credentials [0]) == s_mechanisms [row].size;
}

static bool
s_take (zrelay_zap_t *self, zmsg_t *message)
{
    self->peer = zmsg_pop (message);
    if (!s_pop_is (message, "") || !s_pop_is (message, ZAP_VERSION))
        return false;
    self->id = zmsg_pop (message);
    self->domain = s_pop_text (message);
    self->address = s_pop_text (message);
    zframe_t *identity = zmsg_pop (message);
    zframe_destroy (&identity);
    if (!self->address || !self->domain)
        return false;
    zrelay_cidr_set_address (&self->ip, self->address, strlen (self->address));
    return s_take_credentials (self, message);
}

zrelay_zap_t *
zrelay_zap_new (zmsg_t **message_p)
{
    zrelay_zap_t *self =
        (zrelay_zap_t *) zmalloc (sizeof (zrelay_zap_t));
    assert (self);
    if (!s_take (self, *message_p))
        zrelay_zap_destroy (&self);
    //  What else it has may be a password in the wrong place
    zframe_t *frame = zmsg_pop (*message_p);
    for (; frame; frame = zmsg_pop (*message_p))
        s_wipe_frame (&frame);
    zmsg_destroy (message_p);
    return self;
}

void
zrelay_zap_destroy (zrelay_zap_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_zap_t *self = *self_p;
        zframe_destroy (&self->peer);
        zframe_destroy (&self->id);
        zstr_free (&self->domain);
        zstr_free (&self->address);
        for (size_t index = 0; index < ZRELAY_ZAP_CREDENTIALS; index++)
            s_wipe_frame (&self->credentials [index]);
        freen (self);
        *self_p = NULL;
    }
}

//  The address of an ipc peer ends with the number of its process

const void *
zrelay_zap_origin (zrelay_zap_t *self, size_t *size_p)
{
    const char *last = strrchr (self->address, ':');
    if (self->ip.size == 0) {
        *size_p = last? (size_t) (last - self->address):
                        strlen (self->address);
        return self->address;
    }
    *size_p = self->ip.size > IPV6_PREFIX_SIZE? IPV6_PREFIX_SIZE:
                                                self->ip.size;
    return self->ip.bytes;
}
