/*  =========================================================================
    zrelay_growth - what subscribers cost in memory

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_growth.h"
#include "zrelay_kernel.h"

#include <pthread.h>
#include <sys/mman.h>

//  Too much is so many bytes, and so many for each that the one in question has
//  brought, and so many for each that any has
#define GROWTH_LEAST (4 * 1024 * 1024)
#define GROWTH_PER_BYTE 4
#define GROWTH_PER_ANY 3

//  Nobody is blamed for more than its own bytes can take
#define GROWTH_MOST 33

//  Growth in so many msecs without a look is not held against anybody
#define GROWTH_STALE 100

struct _zrelay_growth_t {
    pid_t thread;               //  The relay's
    uint64_t brought;           //  Bytes by all subscribers
    uint64_t blames;            //  Those of them cut for taking memory
};

zrelay_growth_t *
zrelay_growth_new (void)
{
    zrelay_growth_t *self =
        (zrelay_growth_t *) zmalloc (sizeof (zrelay_growth_t));
    assert (self);
    zrelay_growth_here (self);
    return self;
}

void
zrelay_growth_destroy (zrelay_growth_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}

void
zrelay_growth_here (zrelay_growth_t *self)
{
    self->thread = zrelay_kernel_thread ();
}

void
zrelay_growth_bring (zrelay_growth_t *self, uint64_t bytes)
{
    self->brought += bytes;
}

bool
zrelay_growth_exceeds (zrelay_growth_t *self, zrelay_growth_mark_t *mark,
                       uint64_t own, bool anew)
{
    int64_t now = zclock_mono ();
    uint64_t memory = zrelay_kernel_touched (self->thread);
    if (anew || now > mark->measured_at + GROWTH_STALE
    ||  memory < mark->memory || mark->blames != self->blames) {
        mark->memory = memory;
        mark->brought = self->brought;
        mark->blames = self->blames;
    }
    mark->measured_at = now;
    uint64_t taken = memory - mark->memory;
    if (taken > GROWTH_MOST * own)
        taken = GROWTH_MOST * own;
    return taken > GROWTH_LEAST + GROWTH_PER_BYTE * own
                 + GROWTH_PER_ANY * (self->brought - mark->brought);
}

void
zrelay_growth_blame (zrelay_growth_t *self)
{
    self->blames++;
}


//  --------------------------------------------------------------------------
//  Selftest

#if defined (__linux__)
#define TEST_BYTES (40 * 1024 * 1024)

//  The system gives this memory when it is touched, and takes it back

static void *
s_test_take (void *arg)
{
    (void) arg;
    byte *memory = (byte *) mmap (NULL, TEST_BYTES, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert (memory != MAP_FAILED);
    madvise (memory, TEST_BYTES, MADV_NOHUGEPAGE);
    for (size_t place = 0; place < TEST_BYTES; place += 1024)
        memory [place] = 1;
    munmap (memory, TEST_BYTES);
    return NULL;
}

//  Who takes memory
typedef enum {
    TEST_HERE,                  //  The relay's thread
    TEST_BLAMED,                //  The same, and somebody was cut for it
    TEST_ELSEWHERE              //  Another thread
} test_t;

//  One that has brought so many bytes, as others so many, while memory is taken

static bool
s_test_exceeds (zrelay_growth_t *self, uint64_t own, uint64_t others,
                test_t taker)
{
    zrelay_growth_mark_t mark = { 0 };
    bool exceeds;
    //  A machine that takes longer than marks last has to try again
    do {
        exceeds = zrelay_growth_exceeds (self, &mark, 0, true);
        assert (!exceeds);
        int64_t start = mark.measured_at;
        pthread_t thread;
        if (taker == TEST_ELSEWHERE) {
            pthread_create (&thread, NULL, s_test_take, NULL);
            pthread_join (thread, NULL);
        }
        else
            s_test_take (NULL);
        if (taker == TEST_BLAMED)
            zrelay_growth_blame (self);
        zrelay_growth_bring (self, own + others);
        exceeds = zrelay_growth_exceeds (self, &mark, own, false);
        if (mark.measured_at <= start + GROWTH_STALE)
            break;
    } while (true);
    return exceeds;
}
#endif

void
zrelay_growth_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_growth: ");

    //  @selftest
#if defined (__linux__)
    zrelay_growth_t *self = zrelay_growth_new ();
    //  40 MB for 2 are too many
    assert (s_test_exceeds (self, 2000000, 0, TEST_HERE));
    //  Messages may have taken them: its own, or those of others
    assert (!s_test_exceeds (self, 10000000, 0, TEST_HERE));
    assert (!s_test_exceeds (self, 2000000, 20000000, TEST_HERE));
    //  With what the allocator adds
    assert (!s_test_exceeds (self, 2000000, 10000000, TEST_HERE));
    //  So few bytes cannot be the reason
    assert (!s_test_exceeds (self, 100000, 0, TEST_HERE));
    //  Another thread has taken them
    assert (!s_test_exceeds (self, 2000000, 0, TEST_ELSEWHERE));
    //  Somebody was cut for it
    assert (!s_test_exceeds (self, 2000000, 0, TEST_BLAMED));
    zrelay_growth_destroy (&self);
    assert (self == NULL);
    zrelay_growth_destroy (&self);
#endif
    //  @end
    printf ("OK\n");
}
