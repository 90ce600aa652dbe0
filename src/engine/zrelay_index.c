/*  =========================================================================
    zrelay_index - finds items by names that strangers chose

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>

struct _zrelay_index_t {
    zhashx_t *items;            //  By zrelay_name_t
};

//  The secret is one for the process, since zhashx gives a hash function only
//  the key. It is drawn before the first index exists, or the first hash.
static uint64_t s_secret [2];
static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static void
s_draw_secret (void)
{
    zuuid_t *uuid = zuuid_new ();
    assert (uuid);
    memcpy (s_secret, zuuid_data (uuid), sizeof (s_secret));
    zuuid_destroy (&uuid);
}


//  --------------------------------------------------------------------------
//  SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), with
//  one round for each word and three at the end, as its authors advise for
//  tables

#define WORD_ROUNDS 1
#define END_ROUNDS 3

typedef struct {
    uint64_t v [4];             //  The state, in the paper's names
    int word_rounds;            //  Rounds for each word
} sip_t;

static inline uint64_t
s_rotate (uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void
s_sip_rounds (sip_t *self, int rounds)
{
    uint64_t *v = self->v;
    while (rounds-- > 0) {
        v [0] += v [1];
        v [2] += v [3];
        v [1] = s_rotate (v [1], 13) ^ v [0];
        v [3] = s_rotate (v [3], 16) ^ v [2];
        v [0] = s_rotate (v [0], 32);
        v [2] += v [1];
        v [0] += v [3];
        v [1] = s_rotate (v [1], 17) ^ v [2];
        v [3] = s_rotate (v [3], 21) ^ v [0];
        v [2] = s_rotate (v [2], 32);
    }
}

static inline void
s_sip_add (sip_t *self, uint64_t word)
{
    self->v [3] ^= word;
    s_sip_rounds (self, self->word_rounds);
    self->v [0] ^= word;
}

static inline uint64_t
s_sip (const uint64_t secret [2], const byte *data, size_t size,
       int word_rounds, int end_rounds)
{
    sip_t sip = { {
        secret [0] ^ UINT64_C (0x736f6d6570736575),
        secret [1] ^ UINT64_C (0x646f72616e646f6d),
        secret [0] ^ UINT64_C (0x6c7967656e657261),
        secret [1] ^ UINT64_C (0x7465646279746573)
    }, word_rounds };
    uint64_t last = (uint64_t) size << 56;
    uint64_t word = 0;
    for (; size >= sizeof (word); size -= sizeof (word)) {
        memcpy (&word, data, sizeof (word));
        s_sip_add (&sip, word);
        data += sizeof (word);
    }
    word = 0;
    if (size > 0)
        memcpy (&word, data, size);
    s_sip_add (&sip, last | word);
    sip.v [2] ^= 0xff;
    s_sip_rounds (&sip, end_rounds);
    return sip.v [0] ^ sip.v [1] ^ sip.v [2] ^ sip.v [3];
}


//  --------------------------------------------------------------------------
//  What zhashx asks for

static size_t
s_hash (const void *key)
{
    const zrelay_name_t *name = (const zrelay_name_t *) key;
    return (size_t) s_sip (s_secret, (const byte *) name->data, name->size,
                           WORD_ROUNDS, END_ROUNDS);
}

static int
s_compare (const void *one_key, const void *other_key)
{
    const zrelay_name_t *one = (const zrelay_name_t *) one_key;
    const zrelay_name_t *other = (const zrelay_name_t *) other_key;
    return one->size != other->size
        || (one->size > 0 && memcmp (one->data, other->data, one->size) != 0);
}


//  --------------------------------------------------------------------------
//  The class

zrelay_index_t *
zrelay_index_new (void)
{
    pthread_once (&s_once, s_draw_secret);
    zrelay_index_t *self = (zrelay_index_t *) zmalloc (sizeof (zrelay_index_t));
    assert (self);
    self->items = zhashx_new ();
    assert (self->items);
    zhashx_set_key_hasher (self->items, s_hash);
    zhashx_set_key_comparator (self->items, s_compare);
    zhashx_set_key_duplicator (self->items, NULL);
    zhashx_set_key_destructor (self->items, NULL);
    return self;
}

void
zrelay_index_destroy (zrelay_index_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_index_t *self = *self_p;
        zhashx_destroy (&self->items);
        freen (self);
        *self_p = NULL;
    }
}

void *
zrelay_index_find (zrelay_index_t *self, const void *data, size_t size)
{
    zrelay_name_t name = { data, size };
    return zhashx_lookup (self->items, &name);
}

void
zrelay_index_add (zrelay_index_t *self, const zrelay_name_t *name, void *item)
{
    int rc = zhashx_insert (self->items, name, item);
    assert (rc == 0);
}

void
zrelay_index_remove (zrelay_index_t *self, const zrelay_name_t *name)
{
    zhashx_delete (self->items, name);
}

void
zrelay_index_purge (zrelay_index_t *self, zrelay_index_free_fn *function)
{
    //  zhashx does not look at keys that it forgets
    void *item = zhashx_first (self->items);
    for (; item; item = zhashx_next (self->items))
        function (item);
    zhashx_purge (self->items);
}

size_t
zrelay_index_size (zrelay_index_t *self)
{
    return zhashx_size (self->items);
}

void *
zrelay_index_first (zrelay_index_t *self)
{
    return zhashx_first (self->items);
}

void *
zrelay_index_next (zrelay_index_t *self)
{
    return zhashx_next (self->items);
}

uint64_t
zrelay_index_hash (const void *data, size_t size)
{
    pthread_once (&s_once, s_draw_secret);
    return s_sip (s_secret, (const byte *) data, size, WORD_ROUNDS, END_ROUNDS);
}


//  --------------------------------------------------------------------------
//  Selftest

//  The paper's example, for two rounds and four: a key of the bytes 0 to 15,
//  and a message of 0 to 14

static void
s_test_sip (void)
{
    byte bytes [16];
    for (size_t index = 0; index < sizeof (bytes); index++)
        bytes [index] = (byte) index;
    uint64_t secret [2];
    memcpy (secret, bytes, sizeof (secret));
    uint32_t one = 1;
    //  On machines that put the highest byte first, names hash otherwise
    if (*(byte *) &one == 1)
        assert (s_sip (secret, bytes, 15, 2, 4)
                == UINT64_C (0xa129ca6149be45e5));
}

//  Names that are in the items go with them

static void
s_test_purge (void)
{
    zrelay_index_t *self = zrelay_index_new ();
    for (int round = 0; round < 2; round++) {
        for (size_t index = 0; index < 20000; index++) {
            struct { zrelay_name_t name; size_t index; } *item =
                zmalloc (sizeof (*item));
            assert (item);
            item->index = index;
            item->name = (zrelay_name_t) { &item->index, sizeof (index) };
            zrelay_index_add (self, &item->name, item);
        }
        zrelay_index_purge (self, free);
        assert (zrelay_index_size (self) == 0);
        assert (!zrelay_index_first (self));
    }
    zrelay_index_purge (self, free);
    zrelay_index_destroy (&self);
}

static void
s_test_names (void)
{
    zrelay_index_t *self = zrelay_index_new ();
    static const zrelay_name_t names [] = {
        { "", 0 }, { "a", 1 }, { "a\0b", 3 }, { "a\0c", 3 }, { "123456789", 9 }
    };
    const size_t count = sizeof (names) / sizeof (*names);
    for (size_t index = 0; index < count; index++)
        zrelay_index_add (self, &names [index], (void *) &names [index]);
    assert (zrelay_index_size (self) == count);
    for (size_t index = 0; index < count; index++) {
        byte copy [16];
        memcpy (copy, names [index].data, names [index].size);
        assert (zrelay_index_find (self, copy, names [index].size)
                == &names [index]);
    }
    assert (!zrelay_index_find (self, "a", 2));
    size_t found = 0;
    void *item = zrelay_index_first (self);
    for (; item; item = zrelay_index_next (self))
        found++;
    assert (found == count);
    zrelay_index_remove (self, &names [2]);
    assert (!zrelay_index_find (self, "a\0b", 3));
    assert (zrelay_index_find (self, "a\0c", 3));
    zrelay_index_destroy (&self);
    assert (!self);
}

//  Bytes hash as they do in an index, wherever they are, and all of them count

static void
s_test_hash (void)
{
    byte bytes [] = "two words and a tail";
    const size_t size = sizeof (bytes) - 1;
    uint64_t hash = zrelay_index_hash (bytes, size);
    zrelay_name_t name = { bytes, size };
    assert (s_hash (&name) == (size_t) hash);
    byte moved [sizeof (bytes) + 1];
    memcpy (moved + 1, bytes, sizeof (bytes));
    assert (zrelay_index_hash (moved + 1, size) == hash);
    for (size_t length = 0; length < size; length++)
        assert (zrelay_index_hash (bytes, length) != hash);
    for (size_t index = 0; index < size; index++) {
        bytes [index] ^= 1;
        assert (zrelay_index_hash (bytes, size) != hash);
        bytes [index] ^= 1;
    }
    assert (zrelay_index_hash (NULL, 0) == zrelay_index_hash ("", 0));
}

void
zrelay_index_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_index: ");
    //  @selftest
    s_test_hash ();
    s_test_sip ();
    s_test_names ();
    s_test_purge ();
    //  @end
    printf ("OK\n");
}
