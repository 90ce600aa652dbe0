/*  =========================================================================
    fuzz - what the fuzz targets share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each fuzz_NAME.c is one target: LLVMFuzzerTestOneInput (), that takes any
//  bytes and ends the process if something is wrong. `make fuzz` links it with
//  libFuzzer, which makes up inputs and looks where they lead; `make check`
//  links it with fuzz_replay.c, which needs no clang: it plays the inputs in
//  corpus/NAME and some mutations of them.
//
//  Inputs are text, so that people can read and write them: lines of words.
//  The words that matter are in NAME.dict.

#ifndef FUZZ_H_INCLUDED
#define FUZZ_H_INCLUDED

#include "zrelay_command.h"
#include "zrelay_side.h"
#include "zrelay_option.h"
#include "zrelay_pairing.h"

//  Longest input that is looked at, lines in it, and words in a line
#define FUZZ_SIZE_MAX 4096
#define FUZZ_LINES_MAX 40
#define FUZZ_WORDS_MAX 12

//  Something that must hold. Unlike assert () it says what and ends the
//  process in any build.
#define FUZZ_MUST(condition) \
    do { \
        if (!(condition)) { \
            fprintf (stderr, "%s:%d: not true: %s\n", \
                     __FILE__, __LINE__, #condition); \
            abort (); \
        } \
    } while (false)

//  A part of the input, not ended by a zero byte
typedef struct {
    const char *data;
    size_t size;
} fuzz_word_t;

//  The target
extern const char *fuzz_name;
int
    LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

//  To be called around each input: sets up CZMQ the first time, and ends the
//  process if an input takes too long.
void
    fuzz_begin (void);
void
    fuzz_end (void);

//  zmsg_recv (), and zsock_wait (), of which a signal makes no end: libFuzzer has
//  an alarm now and then.
zmsg_t *
    fuzz_recv (void *sock);
int
    fuzz_wait (void *sock);

//  Take the next line, or word of a line, from the front of text. Returns
//  false if there is none.
bool
    fuzz_line (fuzz_word_t *text, fuzz_word_t *line);
bool
    fuzz_word (fuzz_word_t *line, fuzz_word_t *word);

//  True if a word is that string; and a fresh copy of it as a string, up to
//  its first zero byte.
bool
    fuzz_is (const fuzz_word_t *word, const char *string);
char *
    fuzz_string (const fuzz_word_t *word);

//  A fresh copy of an endpoint, or of a comma-separated list of them, that
//  leads to nothing but this process: inproc and ipc names are made unique to
//  this input, tcp takes a free port of the loopback interface, and other
//  transports do not exist.
char *
    fuzz_tame (const char *endpoints);

#endif
