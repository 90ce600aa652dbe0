/*  =========================================================================
    zrelay_asking - subscriptions on their way through rules about topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_asking.h"
#include "zrelay_message_internal.h"
#include "zrelay_topics.h"

struct _zrelay_asking_t {
    zrelay_sieve_t *sieve;      //  The rules, or NULL
    zrelay_topics_t *asked;     //  Topics that were asked for, or NULL
};

//  One subscription, and who gets those that it leads to
typedef struct {
    byte first;                 //  Whether it subscribes or cancels
    zrelay_message_t *message;  //  Has each in turn
    zrelay_asking_fn *function; //  The caller's
    void *arg;                  //  Its argument
} lead_t;


zrelay_asking_t *
zrelay_asking_new (void)
{
    zrelay_asking_t *self =
        (zrelay_asking_t *) zmalloc (sizeof (zrelay_asking_t));
    assert (self);
    return self;
}

void
zrelay_asking_destroy (zrelay_asking_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_asking_t *self = *self_p;
        zrelay_topics_destroy (&self->asked);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_asking_set (zrelay_asking_t *self, zrelay_sieve_t *sieve, bool repeats)
{
    self->sieve = sieve;
    if (!sieve || !repeats)
        zrelay_topics_destroy (&self->asked);
    else
    if (!self->asked)
        self->asked = zrelay_topics_new ();
}

bool
zrelay_asking_active (zrelay_asking_t *self)
{
    return self->sieve != NULL;
}

//  Is it to be asked for, or no more?

static bool
s_counts (zrelay_asking_t *self, byte first, const void *topic, size_t size)
{
    if (!self->asked)
        return true;
    if (first == ZRELAY_TOPICS_SUBSCRIBE)
        return zrelay_topics_insert (self->asked, topic, size);
    zrelay_topics_delete (self->asked, topic, size);
    return true;
}

static void
s_on_topic (void *arg, const void *topic, size_t size)
{
    lead_t *lead = (lead_t *) arg;
    zmq_msg_t frame;
    int rc = zmq_msg_init_size (&frame, size + 1);
    assert (rc == 0);
    byte *data = (byte *) zmq_msg_data (&frame);
    data [0] = lead->first;
    memcpy (data + 1, topic, size);
    zrelay_message_clear (lead->message);
    zrelay_message_append_frame (lead->message, &frame);
    lead->function (lead->arg);
}

bool
zrelay_asking_lead (zrelay_asking_t *self, zrelay_message_t *message,
                    zrelay_asking_fn *function, void *arg)
{
    if (!self->sieve || zrelay_message_frames (message) != 1)
        return false;
    const byte *data = (const byte *) zrelay_message_data (message, 0);
    size_t size = zrelay_message_size (message, 0);
    if (size == 0 || *data > ZRELAY_TOPICS_SUBSCRIBE)
        return false;
    //  The message changes meanwhile
    lead_t lead = { *data, message, function, arg };
    byte *topic = (byte *) malloc (size);
    assert (topic);
    memcpy (topic, data + 1, size - 1);
    if (s_counts (self, lead.first, topic, size - 1))
        zrelay_sieve_ask (self->sieve, topic, size - 1, s_on_topic, &lead);
    freen (topic);
    return true;
}


//  --------------------------------------------------------------------------
//  Selftest: the messages that a subscription leads to

typedef struct {
    zrelay_message_t *message;  //  Has each in turn
    char seen [20];             //  What they were, with the sign of each
} led_t;

static void
s_test_lead (void *arg)
{
    led_t *led = (led_t *) arg;
    const char *data = (const char *) zrelay_message_data (led->message, 0);
    size_t size = zrelay_message_size (led->message, 0);
    char *end = led->seen + strlen (led->seen);
    snprintf (end, sizeof (led->seen) - (size_t) (end - led->seen), "%c%.*s ",
              *data == ZRELAY_TOPICS_SUBSCRIBE? '+': '-', (int) size - 1,
              data + 1);
}

static const char *
s_test_ask (zrelay_asking_t *self, led_t *led, const char *data, size_t size)
{
    zrelay_message_set (led->message, 0, data, size);
    *led->seen = 0;
    return zrelay_asking_lead (self, led->message, s_test_lead, led)?
           led->seen: NULL;
}

void
zrelay_asking_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_asking: ");
    //  @selftest
    zrelay_asking_t *asking = zrelay_asking_new ();
    zrelay_sieve_t *sieve = zrelay_sieve_new ();
    zrelay_sieve_add (sieve, ZRELAY_SIEVE_ONLY, "ab", NULL);
    zrelay_sieve_add (sieve, ZRELAY_SIEVE_ONLY, "ac", NULL);
    led_t led = { .message = zrelay_message_new () };
    zrelay_message_append (led.message, "", 0);

    //  Without a sieve, all are as they are
    assert (!zrelay_asking_active (asking));
    assert (!s_test_ask (asking, &led, "\1a", 2));
    zrelay_asking_set (asking, sieve, false);
    assert (zrelay_asking_active (asking));
    assert (!s_test_ask (asking, &led, "a", 1));
    assert (streq (s_test_ask (asking, &led, "\1a", 2), "+ab +ac "));
    assert (streq (s_test_ask (asking, &led, "\1abc", 4), "+abc "));
    assert (streq (s_test_ask (asking, &led, "\1x", 2), ""));

    //  What comes again is asked for once
    zrelay_asking_set (asking, sieve, true);
    assert (streq (s_test_ask (asking, &led, "\1a", 2), "+ab +ac "));
    assert (streq (s_test_ask (asking, &led, "\1a", 2), ""));
    assert (streq (s_test_ask (asking, &led, "\0a", 2), "-ab -ac "));
    assert (streq (s_test_ask (asking, &led, "\1a", 2), "+ab +ac "));
    zrelay_message_destroy (&led.message);
    zrelay_sieve_destroy (&sieve);
    zrelay_asking_destroy (&asking);
    //  @end
    printf ("OK\n");
}
