/*  =========================================================================
    zrelay_address - where relays are joined, and the subjects that they use

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_address.h"

//  What a name may consist of. A dot would make two tokens of it, and the name
//  of one join could begin that of another.
#define NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

static const char *const s_schemes [] = { "nats://", "tls://" };
#define SCHEMES (sizeof (s_schemes) / sizeof (*s_schemes))


//  --------------------------------------------------------------------------
//  Reading

//  Characters of the scheme that text begins with, or 0

static size_t
s_scheme (const char *text)
{
    for (size_t index = 0; index < SCHEMES; index++)
        if (strncmp (text, s_schemes [index], strlen (s_schemes [index])) == 0)
            return strlen (s_schemes [index]);
    return 0;
}

//  The scheme of the first server is that of those that have none

static const char *
s_add_server (zrelay_address_t *self, const char *text, size_t size,
              const char *all)
{
    if (self->count == ZRELAY_ADDRESS_SERVERS)
        return "it names too many servers";
    size_t scheme = s_scheme (text);
    size_t common = s_scheme (all);
    if (size <= scheme)
        return "a server has no address";
    self->servers [self->count] = scheme? strndup (text, size):
        zsys_sprintf ("%.*s%.*s", (int) common, all, (int) size, text);
    assert (self->servers [self->count]);
    self->count++;
    return NULL;
}

static const char *
s_read_servers (zrelay_address_t *self, const char *text, const char *end)
{
    const char *fault = NULL;
    const char *server = text;
    while (!fault && server <= end) {
        const char *comma = (const char *)
            memchr (server, ',', (size_t) (end - server));
        if (!comma)
            comma = end;
        fault = s_add_server (self, server, (size_t) (comma - server), text);
        server = comma + 1;
    }
    return fault;
}

static const char *
s_read_name (zrelay_address_t *self, const char *name)
{
    size_t size = strlen (name);
    if (size == 0 || strspn (name, NAME_CHARACTERS) != size)
        return "a name has letters, digits, '_' and '-'";
    if (size > ZRELAY_ADDRESS_NAME)
        return "the name, with which subjects begin, is longer than 64";
    self->name = strdup (name);
    assert (self->name);
    return NULL;
}

const char *
zrelay_address_read (zrelay_address_t *self, const char *text)
{
    memset (self, 0, sizeof (*self));
    if (!s_scheme (text))
        return "it does not begin with nats:// or tls://";
    //  Behind the last server
    const char *slash = strrchr (text, '/');
    if (slash [-1] == '/')
        return "it does not end with a slash and a name";
    const char *fault = s_read_name (self, slash + 1);
    if (!fault)
        fault = s_read_servers (self, text, slash);
    if (fault)
        zrelay_address_clear (self);
    return fault;
}

void
zrelay_address_clear (zrelay_address_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        zstr_free (&self->servers [index]);
    zstr_free (&self->name);
    memset (self, 0, sizeof (*self));
}

char *
zrelay_address_shown (const char *server)
{
    size_t scheme = s_scheme (server);
    const char *at = strrchr (server, '@');
    char *shown = zsys_sprintf ("%.*s%s", (int) scheme, server,
                                at? at + 1: server + scheme);
    assert (shown);
    return shown;
}


//  --------------------------------------------------------------------------
//  Subjects

const char *
zrelay_address_subject (const zrelay_address_t *self, const char *word,
                        char room [ZRELAY_ADDRESS_ROOM])
{
    snprintf (room, ZRELAY_ADDRESS_ROOM, "%s.%s", self->name, word);
    return room;
}

const char *
zrelay_address_origin (const zrelay_address_t *self, const char *word,
                       uint64_t origin, char room [ZRELAY_ADDRESS_ROOM])
{
    snprintf (room, ZRELAY_ADDRESS_ROOM, "%s.%s.%016" PRIx64, self->name, word,
              origin);
    return room;
}

const char *
zrelay_address_topic (const zrelay_address_t *self, const char *word,
                      const void *topic, size_t size,
                      char room [ZRELAY_ADDRESS_ROOM])
{
    static const char digits [] = "0123456789abcdef";
    zrelay_address_subject (self, word, room);
    char *end = room + strlen (room);
    const byte *bytes = (const byte *) topic;
    for (size_t index = 0; index < size && index < ZRELAY_ADDRESS_TOPIC;
         index++) {
        *end++ = '.';
        *end++ = digits [bytes [index] >> 4];
        *end++ = digits [bytes [index] & 15];
    }
    *end = 0;
    return room;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_address_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_address: ");

    //  @selftest
    zrelay_address_t address;
    assert (!zrelay_address_read (&address, "nats://one:4222/orders"));
    assert (address.count == 1 && streq (address.name, "orders"));
    assert (streq (address.servers [0], "nats://one:4222"));
    char room [ZRELAY_ADDRESS_ROOM];
    assert (streq (zrelay_address_subject (&address, "site", room),
                   "orders.site"));
    assert (streq (zrelay_address_origin (&address, "req", 0x1234abc, room),
                   "orders.req.0000000001234abc"));
    assert (streq (zrelay_address_topic (&address, "pub", "", 0, room),
                   "orders.pub"));
    assert (streq (zrelay_address_topic (&address, "pub", "we\xff", 3, room),
                   "orders.pub.77.65.ff"));
    //  Sixteen bytes of a topic are in its subject
    assert (streq (zrelay_address_topic (&address, "pub",
                       "0123456789abcdefg", 17, room),
                   "orders.pub.30.31.32.33.34.35.36.37.38.39.61.62.63.64.65"
                   ".66"));
    zrelay_address_clear (&address);

    assert (!zrelay_address_read (&address,
        "tls://me:secret@one:4222,two:4223,nats://three/a-b_9"));
    assert (address.count == 3 && streq (address.name, "a-b_9"));
    assert (streq (address.servers [1], "tls://two:4223"));
    assert (streq (address.servers [2], "nats://three"));
    char *shown = zrelay_address_shown (address.servers [0]);
    assert (streq (shown, "tls://one:4222"));
    zstr_free (&shown);
    zrelay_address_clear (&address);

    //  The longest subject has room
    char text [100];
    snprintf (text, sizeof (text), "nats://one/%064d", 0);
    assert (!zrelay_address_read (&address, text));
    zrelay_address_topic (&address, "word", "0123456789abcdef", 16, room);
    assert (strlen (room) == 64 + 5 + 16 * 3);
    zrelay_address_clear (&address);
    snprintf (text, sizeof (text), "nats://one/%065d", 0);
    assert (zrelay_address_read (&address, text));

    static const char *const wrong [] = {
        "", "nats", "nats:", "nats://", "nats://one", "nats://one:4222/",
        "nats:///name", "tcp://one/name", "nats://one/a.b", "nats://one/a b",
        "nats://one/*", "nats://one,/name", "nats://,one/name",
        "nats://one,nats:///name", "one/name", NULL
    };
    for (size_t index = 0; wrong [index]; index++)
        assert (zrelay_address_read (&address, wrong [index]));
    char many [400] = "nats://";
    for (int count = 0; count <= ZRELAY_ADDRESS_SERVERS; count++)
        strcat (many, count? ",one": "one");
    strcat (many, "/name");
    assert (zrelay_address_read (&address, many));
    //  @end
    printf ("OK\n");
}
