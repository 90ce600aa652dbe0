/*  =========================================================================
    fuzz_permits - the file that says who may do what

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each line of an input is one of these:
//
//      user alice publish a    a line of the file
//      %                       from here on it is the file that comes next
//      ?alice 127.0.0.1 abc    a question: may that user of that address do
//                              something with these bytes? "-" for neither
//
//  A file with a problem permits nothing, and says what the problem is. What is
//  permitted is so for all that begins alike. When somebody loses a right with
//  the next file, the revision tells.

#include "fuzz.h"
#include "zrelay_permits.h"

#include <fcntl.h>
#include <sys/stat.h>

const char *fuzz_name = "permits";

//  Questions of an input, and files one after the other
#define QUESTIONS 10
#define FILES 3

typedef struct {
    char *user;                 //  NULL if there is none
    char *address;              //  Likewise
    const char *data;           //  A topic or a message
    size_t size;                //  Bytes in that
    bool allowed [ZRELAY_PERMITS_RIGHTS];   //  By the file before
} question_t;

typedef struct {
    question_t questions [QUESTIONS];
    size_t count;               //  How many there are
    fuzz_word_t files [FILES][FUZZ_LINES_MAX];  //  Lines of each
    size_t lines [FILES];       //  How many
    size_t last;                //  Number of the last file
} input_t;

static char s_filename [40];


//  --------------------------------------------------------------------------
//  The input

static char *
s_name (fuzz_word_t *line)
{
    fuzz_word_t word;
    return fuzz_word (line, &word) && !fuzz_is (&word, "-")?
           fuzz_string (&word): NULL;
}

static void
s_take_question (input_t *self, fuzz_word_t line)
{
    if (self->count == QUESTIONS)
        return;
    question_t *question = &self->questions [self->count++];
    line.data++;
    line.size--;
    question->user = s_name (&line);
    question->address = s_name (&line);
    question->data = line.data;
    question->size = line.size;
}

static void
s_take (input_t *self, const fuzz_word_t *line)
{
    if (line->size > 0 && *line->data == '?')
        s_take_question (self, *line);
    else
    if (fuzz_is (line, "%"))
        self->last += self->last < FILES - 1;
    else
    if (self->lines [self->last] < FUZZ_LINES_MAX)
        self->files [self->last][self->lines [self->last]++] = *line;
}

static void
s_release (input_t *self)
{
    for (size_t index = 0; index < self->count; index++) {
        zstr_free (&self->questions [index].user);
        zstr_free (&self->questions [index].address);
    }
}


//  --------------------------------------------------------------------------
//  The file

static void
s_clean (void)
{
    unlink (s_filename);
}

static void
s_set_up (void)
{
    strcpy (s_filename, "/tmp/zrelay-permits-XXXXXX");
    int fd = mkstemp (s_filename);
    FUZZ_MUST (fd != -1);
    close (fd);
    atexit (s_clean);
}

//  A file of its own each time, so that it is another one whatever the clock
//  says

static void
s_write (const input_t *self, size_t number)
{
    char name [60];
    snprintf (name, sizeof (name), "%s-new", s_filename);
    int fd = open (name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FUZZ_MUST (fd != -1);
    for (size_t line = 0; line < self->lines [number]; line++) {
        const fuzz_word_t *text = &self->files [number][line];
        FUZZ_MUST (write (fd, text->data, text->size)
                    == (ssize_t) text->size);
        FUZZ_MUST (write (fd, "\n", 1) == 1);
    }
    close (fd);
    FUZZ_MUST (rename (name, s_filename) == 0);
}


//  --------------------------------------------------------------------------
//  Questions

static bool
s_allows (zrelay_permits_t *permits, const question_t *question, int right,
          size_t size)
{
    return zrelay_permits_allow (permits, (zrelay_permits_right_t) right,
                                 question->user, question->address,
                                 question->data, size);
}

//  Returns true if the peer has lost a right since the file before

static bool
s_ask (zrelay_permits_t *permits, question_t *question)
{
    bool broken = zrelay_permits_problem (permits) != NULL;
    bool lost = false;
    for (int right = 0; right < ZRELAY_PERMITS_RIGHTS; right++) {
        bool allowed = s_allows (permits, question, right, question->size);
        FUZZ_MUST (!broken || !allowed);
        for (size_t size = 0; !allowed && size < question->size; size++)
            FUZZ_MUST (!s_allows (permits, question, right, size));
        lost |= question->allowed [right] && !allowed;
        question->allowed [right] = allowed;
    }
    return lost;
}

static bool
s_ask_all (zrelay_permits_t *permits, input_t *input)
{
    const char *problem = zrelay_permits_problem (permits);
    FUZZ_MUST (!problem || *problem);
    bool lost = false;
    for (size_t index = 0; index < input->count; index++)
        lost |= s_ask (permits, &input->questions [index]);
    return lost;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    if (!*s_filename)
        s_set_up ();
    input_t input;
    memset (&input, 0, sizeof (input));
    fuzz_word_t text = { (const char *) data, size };
    fuzz_word_t line;
    while (fuzz_line (&text, &line))
        s_take (&input, &line);

    s_write (&input, 0);
    zrelay_permits_t *permits = zrelay_permits_new (s_filename);
    FUZZ_MUST (permits);
    s_ask_all (permits, &input);
    //  The file is looked at once a second, by a clock that is given to it
    int64_t now = zclock_mono ();
    for (size_t number = 1; number <= input.last; number++) {
        uint64_t revision = zrelay_permits_revision (permits);
        s_write (&input, number);
        now += 10000;
        zrelay_permits_update (permits, now);
        FUZZ_MUST (!s_ask_all (permits, &input)
                || zrelay_permits_revision (permits) != revision);
    }
    zrelay_permits_destroy (&permits);
    s_release (&input);
    fuzz_end ();
    return 0;
}
