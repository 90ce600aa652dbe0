/*  =========================================================================
    zrelay_cidr - IP addresses and networks

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_cidr.h"

#include <arpa/inet.h>

//  Bytes of addresses, and bits of a byte
#define IPV4_SIZE 4
#define IPV6_SIZE 16
#define BYTE_BITS 8

//  An IPv4-mapped address has the IPv4 address behind these bytes
static const byte s_mapped [IPV6_SIZE - IPV4_SIZE] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};

//  Longest text of a network
#define TEXT_SIZE (INET6_ADDRSTRLEN + 4)

static void
s_unmap (zrelay_cidr_t *self)
{
    const size_t prefix_bits = sizeof (s_mapped) * BYTE_BITS;
    if (self->size != IPV6_SIZE || self->bits < prefix_bits
    ||  memcmp (self->bytes, s_mapped, sizeof (s_mapped)) != 0)
        return;
    memmove (self->bytes, self->bytes + sizeof (s_mapped), IPV4_SIZE);
    memset (self->bytes + IPV4_SIZE, 0, sizeof (s_mapped));
    self->size = IPV4_SIZE;
    self->bits -= prefix_bits;
}

static int
s_parse_address (zrelay_cidr_t *self, const char *text)
{
    memset (self, 0, sizeof (*self));
    bool ipv6 = strchr (text, ':') != NULL;
    if (inet_pton (ipv6? AF_INET6: AF_INET, text, self->bytes) != 1)
        return -1;
    self->size = ipv6? IPV6_SIZE: IPV4_SIZE;
    self->bits = self->size * BYTE_BITS;
    return 0;
}

static bool
s_bit (const zrelay_cidr_t *self, size_t index)
{
    return self->bytes [index / BYTE_BITS]
         & (0x80 >> index % BYTE_BITS);
}

//  Digits only: strtoul () would also take a sign and spaces

static int
s_parse_length (zrelay_cidr_t *self, const char *text)
{
    size_t digits = strspn (text, "0123456789");
    if (digits == 0 || digits > 3 || text [digits])
        return -1;
    size_t bits = strtoul (text, NULL, 10);
    if (bits > self->bits)
        return -1;
    for (size_t index = bits; index < self->bits; index++)
        if (s_bit (self, index))
            return -1;
    self->bits = bits;
    return 0;
}

int
zrelay_cidr_parse (zrelay_cidr_t *self, const char *text)
{
    char copy [TEXT_SIZE];
    if (strlen (text) >= sizeof (copy))
        return -1;
    strcpy (copy, text);
    char *slash = strchr (copy, '/');
    if (slash)
        *slash++ = 0;
    if (s_parse_address (self, copy)
    || (slash && s_parse_length (self, slash)))
        return -1;
    s_unmap (self);
    return 0;
}

//  A link-local address comes with its interface, as in fe80::1%eth0

void
zrelay_cidr_set_address (zrelay_cidr_t *self, const void *text, size_t size)
{
    char copy [TEXT_SIZE];
    const void *zone = size > 0? memchr (text, '%', size): NULL;
    if (zone)
        size = (size_t) ((const char *) zone - (const char *) text);
    if (size >= sizeof (copy))
        size = 0;
    memcpy (copy, text, size);
    copy [size] = 0;
    if (strlen (copy) != size || s_parse_address (self, copy))
        memset (self, 0, sizeof (*self));
    s_unmap (self);
}

bool
zrelay_cidr_contains (const zrelay_cidr_t *self, const zrelay_cidr_t *address)
{
    if (self->size != address->size || address->size == 0)
        return false;
    size_t whole = self->bits / BYTE_BITS;
    if (memcmp (self->bytes, address->bytes, whole) != 0)
        return false;
    for (size_t index = whole * BYTE_BITS; index < self->bits; index++)
        if (s_bit (self, index) != s_bit (address, index))
            return false;
    return true;
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_contains (const char *network, const char *address)
{
    zrelay_cidr_t one, other;
    int rc = zrelay_cidr_parse (&one, network);
    assert (rc == 0);
    zrelay_cidr_set_address (&other, address, strlen (address));
    return zrelay_cidr_contains (&one, &other);
}

void
zrelay_cidr_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_cidr: ");
    //  @selftest
    static const char *inside [] [2] = {
        { "127.0.0.1", "127.0.0.1" }, { "127.0.0.1", "::ffff:127.0.0.1" },
        { "::ffff:127.0.0.1", "127.0.0.1" }, { "10.0.0.0/8", "10.255.0.1" },
        { "::ffff:10.0.0.0/104", "10.1.2.3" }, { "0.0.0.0/0", "1.2.3.4" },
        { "::/0", "::1" }, { "::1", "0:0:0:0:0:0:0:1" },
        { "fe80::/10", "febf::1" }, { "fe80::/10", "fe80::1%eth0" },
        { "192.168.4.0/22", "192.168.7.255" }
    };
    static const char *outside [] [2] = {
        { "127.0.0.1", "127.0.0.2" }, { "10.0.0.0/8", "11.0.0.1" },
        { "::/0", "127.0.0.1" }, { "0.0.0.0/0", "::1" },
        { "fe80::/10", "fec0::1" }, { "192.168.4.0/22", "192.168.8.0" },
        { "0.0.0.0/0", "" }, { "::/0", "localhost:0:0:1" },
        { "0.0.0.0/0", "127.1" }
    };
    static const char *wrong [] = {
        "", "localhost", "127.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "::1/129",
        "10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0/8", "10.0.0.0/8/8", "/8",
        "fe80::1%eth0", " 10.0.0.1", "10.0.0.1 ", "10.0.0.0/0008",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"
    };
    zrelay_cidr_t self;
    for (size_t index = 0; index < sizeof (inside) / sizeof (*inside); index++)
        assert (s_test_contains (inside [index] [0], inside [index] [1]));
    for (size_t index = 0; index < sizeof (outside) / sizeof (*outside);
         index++)
        assert (!s_test_contains (outside [index] [0], outside [index] [1]));
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (zrelay_cidr_parse (&self, wrong [index]) == -1);
    zrelay_cidr_set_address (&self, "127.0.0.1\0x", 11);
    assert (self.size == 0);
    //  @end
    printf ("OK\n");
}
