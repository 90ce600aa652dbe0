/*  =========================================================================
    zrelay_limits - how much a side accepts

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_limits.h"
#include "zrelay_setting.h"

//  What a message of the greatest size may take on its connection: headers of
//  frames, of so many where there is no limit, and some bytes more
#define FRAME_HEADER 9
#define USUAL_FRAMES 1000
#define SPARE_BYTES 65536

//  Without rate_burst, a tenth of a second's messages may come at once
#define BURSTS_PER_SECOND 10

//  What one peer may subscribe to: topics, and bytes in all of them. For each
//  byte that no other topic begins with, libzmq keeps 33, and as many again at
//  the side that subscribes to them.
#define SUBSCRIPTIONS 10000
#define SUBSCRIPTIONS_BYTES (128 * 1024)

//  Messages of a subscriber that may wait, and a number of bytes that nobody
//  means
#define MESSAGES_AHEAD 100
#define BYTES_MOST (UINT64_MAX / 8)

struct _zrelay_limits_t {
    int64_t rate;               //  Messages a second that may be read; 0: any
    int64_t rate_burst;         //  How many at once; 0: a tenth of rate
    int64_t maxmsgsize;         //  Bytes in a message; -1: any
    int64_t maxframes;          //  Frames in a message; 0: any
    int64_t connections;        //  Peers at a time; 0: any
    int64_t connections_per_address;    //  Those of one address; 0: any
    int64_t subscriptions;      //  Topics of one peer; 0: any
    int64_t subscriptions_bytes;    //  Bytes in these; 0: any
    double tokens;              //  Messages that may be read now
    int64_t refilled;           //  When tokens was brought up to date, usecs
    uint64_t throttled;         //  Times that rate held back messages
    uint64_t revision;          //  Times that the limit of a message changed
};

zrelay_limits_t *
zrelay_limits_new (void)
{
    zrelay_limits_t *self =
        (zrelay_limits_t *) zmalloc (sizeof (zrelay_limits_t));
    assert (self);
    self->maxmsgsize = -1;
    self->subscriptions = SUBSCRIPTIONS;
    self->subscriptions_bytes = SUBSCRIPTIONS_BYTES;
    return self;
}

void
zrelay_limits_destroy (zrelay_limits_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}


//  --------------------------------------------------------------------------
//  Options

//  A changed rate starts with a full bucket

static void
s_refill_anew (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    ((zrelay_limits_t *) object)->refilled = 0;
}

//  What was within the limits has been brought under others

static void
s_revise (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    ((zrelay_limits_t *) object)->revision++;
}

#define LIMIT(member, smallest, text, function) \
    { ZRELAY_SETTING, .name = #member, .help = text, \
      .offset = offsetof (zrelay_limits_t, member), \
      .least = smallest, .most = INT64_MAX, .changed = function }

const zrelay_setting_t zrelay_limits_settings [] = {
    LIMIT (rate, 0, "messages a second that are read; 0: no limit",
           s_refill_anew),
    LIMIT (rate_burst, 0, "messages that may come at once; 0: rate / 10",
           s_refill_anew),
    LIMIT (maxmsgsize, -1, "bytes in a message; -1: no limit", s_revise),
    LIMIT (maxframes, 0, "frames in a message; 0: no limit", s_revise),
    LIMIT (connections, 0, "peers at a time; 0: no limit", NULL),
    LIMIT (connections_per_address, 0,
           "peers of one address at a time; 0: no limit", NULL),
    LIMIT (subscriptions, 0, "topics of one peer; 0: no limit", NULL),
    LIMIT (subscriptions_bytes, 0, "bytes in these; 0: no limit", NULL),
    { .name = NULL }
};


//  --------------------------------------------------------------------------
//  Sizes

void
zrelay_limits_set_message (zrelay_limits_t *self, size_t frames, size_t bytes)
{
    self->maxframes = (int64_t) frames;
    self->maxmsgsize = (int64_t) bytes;
    self->revision++;
}

bool
zrelay_limits_bounded (zrelay_limits_t *self)
{
    return self->maxmsgsize >= 0 || self->maxframes > 0;
}

//  Every frame has a header of up to nine bytes, see ZeroMQ RFC 23, and the end
//  of the last message may come with the beginning of this one.

int64_t
zrelay_limits_most_bytes (zrelay_limits_t *self)
{
    int64_t frames = self->maxframes > 0? self->maxframes: USUAL_FRAMES;
    if (self->maxmsgsize < 0
    ||  frames > (INT64_MAX - self->maxmsgsize - SPARE_BYTES) / FRAME_HEADER)
        return INT64_MAX;
    return self->maxmsgsize + frames * FRAME_HEADER + SPARE_BYTES;
}

uint64_t
zrelay_limits_revision (zrelay_limits_t *self)
{
    return self->revision;
}

bool
zrelay_limits_allow (zrelay_limits_t *self, size_t connections,
                     size_t of_address)
{
    return (self->connections == 0
         || connections <= (size_t) self->connections)
        && (self->connections_per_address == 0
         || of_address <= (size_t) self->connections_per_address);
}

bool
zrelay_limits_subscribe (zrelay_limits_t *self, size_t topics, size_t bytes)
{
    return (self->subscriptions == 0
         || topics <= (size_t) self->subscriptions)
        && (self->subscriptions_bytes == 0
         || bytes <= (size_t) self->subscriptions_bytes);
}

//  Some of what it had may be replaced at once

uint64_t
zrelay_limits_topics_ahead (zrelay_limits_t *self, size_t bytes,
                            size_t header)
{
    uint64_t most = (uint64_t) self->subscriptions_bytes;
    uint64_t headers = (uint64_t) self->subscriptions;
    if (most == 0 || headers == 0
    ||  headers > BYTES_MOST / header || most > BYTES_MOST)
        return UINT64_MAX;
    return most - (bytes < most? bytes: most) / 2
         + headers * header + SPARE_BYTES;
}

uint64_t
zrelay_limits_messages_ahead (zrelay_limits_t *self)
{
    uint64_t bytes = self->maxmsgsize > 0? (uint64_t) self->maxmsgsize: 0;
    return bytes > BYTES_MOST / MESSAGES_AHEAD? UINT64_MAX:
           bytes * MESSAGES_AHEAD;
}

zrelay_outcome_t
zrelay_limits_check (zrelay_limits_t *self, size_t frames, size_t bytes)
{
    if (self->maxframes > 0 && frames > (size_t) self->maxframes)
        return ZRELAY_OUTCOME_FRAMES;
    if (self->maxmsgsize >= 0 && bytes > (size_t) self->maxmsgsize)
        return ZRELAY_OUTCOME_SIZE;
    return ZRELAY_OUTCOME_SENT;
}


//  --------------------------------------------------------------------------
//  Rate. The bucket holds as many messages as may come at once, and fills with
//  time. A clock that stands still or jumps back fills nothing;
//  zclock_usecs () is monotonic where the system has such a clock.

static void
s_refill (zrelay_limits_t *self)
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
        self->tokens += (double) (now - self->refilled)
                      * (double) self->rate / 1e6;
    if (self->tokens > most)
        self->tokens = most;
    self->refilled = now;
}

size_t
zrelay_limits_allowance (zrelay_limits_t *self, size_t wanted)
{
    if (self->rate == 0)
        return wanted;
    s_refill (self);
    return self->tokens >= (double) wanted? wanted: (size_t) self->tokens;
}

void
zrelay_limits_consume (zrelay_limits_t *self, size_t messages, bool throttled)
{
    if (self->rate > 0)
        self->tokens -= (double) messages;
    if (throttled)
        self->throttled++;
}

size_t
zrelay_limits_wait (zrelay_limits_t *self)
{
    //  A rate that was changed begins anew
    if (self->rate == 0 || self->refilled == 0 || self->tokens >= 1)
        return 0;
    return (size_t) ((1 - self->tokens) * 1000 / (double) self->rate);
}

uint64_t
zrelay_limits_throttled (zrelay_limits_t *self)
{
    return self->throttled;
}

void
zrelay_limits_reset (zrelay_limits_t *self)
{
    self->throttled = 0;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_limits_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_limits: ");

    //  @selftest
    zrelay_limits_t *self = zrelay_limits_new ();
    zrelay_error_t *error = zrelay_error_new ();
    struct { const char *name, *value; zrelay_outcome_t outcome; } sizes [] = {
        { "maxframes", "1", ZRELAY_OUTCOME_FRAMES },
        { "maxframes", "2", ZRELAY_OUTCOME_SENT },
        { "maxmsgsize", "9", ZRELAY_OUTCOME_SIZE },
        { "maxmsgsize", "10", ZRELAY_OUTCOME_SENT },
    };
    assert (!zrelay_limits_bounded (self));
    for (size_t index = 0; index < sizeof (sizes) / sizeof (*sizes); index++) {
        zrelay_status_t status = zrelay_setting_set (
            zrelay_setting_find (zrelay_limits_settings, sizes [index].name),
            NULL, self, sizes [index].value, error);
        assert (status == ZRELAY_STATUS_DONE);
        assert (zrelay_limits_bounded (self));
        assert (zrelay_limits_check (self, 2, 10) == sizes [index].outcome);
    }

    //  A rate of three in a second leaves five at once, and then waits
    assert (zrelay_limits_allowance (self, 9) == 9);
    const zrelay_setting_t *rate =
        zrelay_setting_find (zrelay_limits_settings, "rate");
    const zrelay_setting_t *burst =
        zrelay_setting_find (zrelay_limits_settings, "rate_burst");
    zrelay_setting_set (rate, NULL, self, "3", error);
    zrelay_setting_set (burst, NULL, self, "5", error);
    assert (zrelay_limits_allowance (self, 9) == 5);
    assert (zrelay_limits_wait (self) == 0);
    zrelay_limits_consume (self, 5, true);
    assert (zrelay_limits_throttled (self) == 1);
    assert (zrelay_limits_allowance (self, 9) < 5);
    assert (zrelay_limits_wait (self) <= 1000 / 3);
    zrelay_limits_reset (self);
    assert (zrelay_limits_throttled (self) == 0);
    zrelay_error_destroy (&error);
    zrelay_limits_destroy (&self);
    //  @end
    printf ("OK\n");
}
