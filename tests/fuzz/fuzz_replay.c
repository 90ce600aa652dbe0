/*  =========================================================================
    fuzz_replay - plays inputs to a fuzz target, without libFuzzer

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  fuzz_NAME [FILE ...] plays the files; without any, those in the target's
//  corpus below TOP_SRCDIR, and then mutations of them for FUZZ_CHECK_SECONDS
//  (default 3), made from FUZZ_SEED (default: the time). Prints TAP. An input
//  that ends the process is left in the file fuzz_NAME.input.

#include "fuzz.h"
#include "../tap.h"
#include <dirent.h>

#define INPUTS_MAX 1000

typedef struct {
    uint8_t *data;
    size_t size;
} input_t;

static input_t s_inputs [INPUTS_MAX];
static size_t s_count;


//  --------------------------------------------------------------------------
//  Inputs

static bool
s_load (const char *path)
{
    FILE *file = fopen (path, "rb");
    if (!file || s_count == INPUTS_MAX)
        return false;
    input_t *input = &s_inputs [s_count++];
    input->data = (uint8_t *) zmalloc (FUZZ_SIZE_MAX);
    input->size = fread (input->data, 1, FUZZ_SIZE_MAX, file);
    fclose (file);
    return true;
}

static void
s_load_corpus (void)
{
    const char *top = getenv ("TOP_SRCDIR");
    char *path = zsys_sprintf ("%s/tests/fuzz/corpus/%s", top? top: ".",
                               fuzz_name);
    DIR *folder = opendir (path);
    struct dirent *entry;
    while (folder && (entry = readdir (folder)))
        if (*entry->d_name != '.') {
            char *file = zsys_sprintf ("%s/%s", path, entry->d_name);
            s_load (file);
            zstr_free (&file);
        }
    if (folder)
        closedir (folder);
    zstr_free (&path);
}

//  What an input did is known only if it did not end the process

static void
s_play (const uint8_t *data, size_t size)
{
    char name [64];
    snprintf (name, sizeof (name), "fuzz_%s.input", fuzz_name);
    FILE *file = fopen (name, "wb");
    if (file) {
        fwrite (data, 1, size, file);
        fclose (file);
    }
    LLVMFuzzerTestOneInput (data, size);
    unlink (name);
}


//  --------------------------------------------------------------------------
//  Mutations

//  Numbers that look random and follow from the seed, the same everywhere:
//  xorshift64 of Marsaglia, "Xorshift RNGs", 2003
static uint64_t s_random_state;

static size_t
s_random (size_t below)
{
    s_random_state ^= s_random_state << 13;
    s_random_state ^= s_random_state >> 7;
    s_random_state ^= s_random_state << 17;
    return s_random_state % below;
}

//  Start and size of a word of an input, or of a line

static size_t
s_choose (const input_t *input, const char *separators, size_t *size_p)
{
    size_t begin = input->size? s_random (input->size): 0;
    while (begin > 0 && !strchr (separators, input->data [begin - 1]))
        begin--;
    size_t end = begin;
    while (end < input->size && !strchr (separators, input->data [end]))
        end++;
    *size_p = end - begin;
    return begin;
}

//  Put a part of another input in the place of a part of this one

static void
s_splice (input_t *self, const char *separators)
{
    const input_t *other = &s_inputs [s_random (s_count)];
    size_t size, other_size;
    size_t begin = s_choose (self, separators, &size);
    size_t other_begin = s_choose (other, separators, &other_size);
    if (self->size - size + other_size > FUZZ_SIZE_MAX)
        return;
    memmove (self->data + begin + other_size, self->data + begin + size,
             self->size - begin - size);
    memcpy (self->data + begin, other->data + other_begin, other_size);
    self->size += other_size - size;
}

static void
s_mutate (input_t *self)
{
    switch (s_random (4)) {
        case 0:
            if (self->size)
                self->data [s_random (self->size)] = (uint8_t) s_random (256);
            break;
        case 1:
            self->size -= s_random (self->size / 4 + 1);
            break;
        case 2:
            s_splice (self, "\n");
            break;
        default:
            s_splice (self, " \n");
    }
}

static void
s_play_mutations (void)
{
    const char *seed = getenv ("FUZZ_SEED");
    s_random_state = seed? strtoull (seed, NULL, 10): (uint64_t) time (NULL);
    printf ("#   FUZZ_SEED=%" PRIu64 "\n", s_random_state);
    fflush (stdout);
    s_random_state |= 1;
    const char *seconds = getenv ("FUZZ_CHECK_SECONDS");
    int64_t end = zclock_mono () + (seconds? atol (seconds): 3) * 1000;
    size_t count = 0;
    input_t input = { .data = (uint8_t *) zmalloc (FUZZ_SIZE_MAX) };
    while (zclock_mono () < end) {
        const input_t *origin = &s_inputs [s_random (s_count)];
        input.size = origin->size;
        memcpy (input.data, origin->data, origin->size);
        for (size_t times = 1 + s_random (6); times > 0; times--)
            s_mutate (&input);
        s_play (input.data, input.size);
        count++;
    }
    freen (input.data);
    TAP (true, "%s: %zu mutations", fuzz_name, count);
}


int
main (int argc, char **argv)
{
    for (int index = 1; index < argc; index++)
        if (!s_load (argv [index]))
            fprintf (stderr, "fuzz_%s: cannot read %s\n", fuzz_name,
                     argv [index]);
    if (argc == 1)
        s_load_corpus ();
    for (size_t index = 0; index < s_count; index++)
        s_play (s_inputs [index].data, s_inputs [index].size);
    if (TAP (s_count > 0, "%s: %zu inputs", fuzz_name, s_count) && argc == 1)
        s_play_mutations ();
    for (size_t index = 0; index < s_count; index++)
        freen (s_inputs [index].data);
    return tap_end ();
}
