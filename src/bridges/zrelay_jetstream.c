/*  =========================================================================
    zrelay_jetstream - what a server with JetStream says about messages

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_jetstream.h"

//  An answer is a flat object, or has one object "error" in it. Within a string
//  a quote has a backslash before it, so no string can look like these names.
#define ERROR "\"error\""
#define SEQUENCE "\"seq\":"
#define DESCRIPTION "\"description\":\""

//  $JS.ACK.STREAM.CONSUMER.DELIVERED and four more tokens; later servers put
//  the domain and a digest of the account before the stream, and may add tokens
#define ACK "$JS.ACK."
#define TOKENS_SHORT 9
#define TOKENS_LONG 11
#define DELIVERED_SHORT 4
#define DELIVERED_LONG 6


//  --------------------------------------------------------------------------
//  Answers

//  Where a text stands in the data, behind it; or NULL

static const char *
s_behind (const char *data, size_t size, const char *text)
{
    size_t length = strlen (text);
    for (; size >= length; data++, size--)
        if (memcmp (data, text, length) == 0)
            return data + length;
    return NULL;
}

static void
s_copy (char sentence [ZRELAY_JETSTREAM_SENTENCE], const char *text,
        const char *end)
{
    size_t length = 0;
    for (; text < end && *text != '"'; text++)
        if (length < ZRELAY_JETSTREAM_SENTENCE - 1)
            sentence [length++] = isprint ((byte) *text)? *text: '?';
    sentence [length] = 0;
}

bool
zrelay_jetstream_stored (const void *data, size_t size,
                         char sentence [ZRELAY_JETSTREAM_SENTENCE])
{
    const char *text = (const char *) data;
    bool failed = size == 0 || s_behind (text, size, ERROR);
    if (!failed && s_behind (text, size, SEQUENCE))
        return true;
    const char *description =
        failed && size > 0? s_behind (text, size, DESCRIPTION): NULL;
    snprintf (sentence, ZRELAY_JETSTREAM_SENTENCE,
              "the server gave an answer without a meaning");
    if (description)
        s_copy (sentence, description, text + size);
    return false;
}


//  --------------------------------------------------------------------------
//  Subjects of acknowledgements

uint64_t
zrelay_jetstream_deliveries (const char *reply)
{
    if (!reply || strncmp (reply, ACK, strlen (ACK)))
        return 0;
    size_t tokens = 1;
    for (const char *at = reply; (at = strchr (at, '.')); at++)
        tokens++;
    size_t place = tokens == TOKENS_SHORT? DELIVERED_SHORT:
                   tokens >= TOKENS_LONG? DELIVERED_LONG: 0;
    if (!place)
        return 0;
    const char *token = reply;
    for (; place > 0; place--)
        token = strchr (token, '.') + 1;
    //  More than nineteen digits are no number here
    size_t digits = strspn (token, "0123456789");
    return digits > 0 && digits < 20 && token [digits] == '.'?
           strtoull (token, NULL, 10): 0;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_stored (const char *answer, char sentence [ZRELAY_JETSTREAM_SENTENCE])
{
    return zrelay_jetstream_stored (answer, strlen (answer), sentence);
}

void
zrelay_jetstream_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_jetstream: ");

    //  @selftest
    char sentence [ZRELAY_JETSTREAM_SENTENCE];
    assert (s_stored ("{\"stream\":\"a\", \"seq\":7}", sentence));
    assert (s_stored ("{\"stream\":\"a\",\"domain\":\"\\\"error\\\"\","
                      "\"seq\":7,\"duplicate\": true}", sentence));
    assert (!s_stored ("{\"error\":{\"code\":503,\"err_code\":10077,"
        "\"description\":\"maximum messages\texceeded\"},\"stream\":\"a\","
        "\"seq\":0}", sentence));
    assert (streq (sentence, "maximum messages?exceeded"));
    assert (!s_stored ("", sentence) && strstr (sentence, "meaning"));
    assert (!s_stored ("{}", sentence) && strstr (sentence, "meaning"));
    assert (!s_stored ("{\"error\":{\"description\":\"", sentence));
    assert (streq (sentence, ""));
    char large [1000];
    memset (large, 'x', sizeof (large));
    memcpy (large, "\"error\"" DESCRIPTION, 7 + strlen (DESCRIPTION));
    assert (!zrelay_jetstream_stored (large, sizeof (large), sentence));
    assert (strlen (sentence) == sizeof (sentence) - 1);

    assert (zrelay_jetstream_deliveries ("$JS.ACK.s.c.3.10.9.1700.0") == 3);
    assert (zrelay_jetstream_deliveries ("$JS.ACK._.h.s.c.2.10.9.17.0") == 2);
    assert (zrelay_jetstream_deliveries ("$JS.ACK._.h.s.c.2.10.9.17.0.r") == 2);
    assert (zrelay_jetstream_deliveries ("$JS.ACK.s.c.3.10.9.1700") == 0);
    assert (zrelay_jetstream_deliveries ("$JS.ACK.s.c..10.9.1700.0") == 0);
    assert (zrelay_jetstream_deliveries ("$JS.ACK.s.c.x.10.9.1700.0") == 0);
    assert (zrelay_jetstream_deliveries ("$JS.ACK.s.c.-1.10.9.1700.0") == 0);
    assert (zrelay_jetstream_deliveries (
        "$JS.ACK.s.c.99999999999999999999.10.9.1700.0") == 0);
    assert (zrelay_jetstream_deliveries ("$JS.ACK.") == 0);
    assert (zrelay_jetstream_deliveries ("_INBOX.x") == 0);
    assert (zrelay_jetstream_deliveries (NULL) == 0);
    //  @end
    printf ("OK\n");
}
