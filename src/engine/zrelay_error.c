/*  =========================================================================
    zrelay_error - the one sentence about the last failure

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_error.h"

//  Longest sentence
#define SENTENCE_MAX 400

//  Longest name of a command that is kept
#define COMMAND_MAX 40

//  How much of a string is repeated, and room for that with its quotes
#define QUOTED_MAX 80
#define QUOTE_SIZE (QUOTED_MAX + 3)

//  How many quoted strings one sentence can have
#define QUOTES 4

//  A CURVE key in Z85, see ZeroMQ RFC 32. One may have been given in the wrong
//  place, or with a character too many or too few.
#define KEY_SIZE 40
#define KEY_CHARACTERS \
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
    ".-:+=^!/*?&<>()[]{}@%$#"

struct _zrelay_error_t {
    char sentence [SENTENCE_MAX];           //  The last one, or ""
    char command [COMMAND_MAX];             //  Whose it is, or ""
    char explanation [COMMAND_MAX + 2 + SENTENCE_MAX];  //  "COMMAND: sentence"
    char quotes [QUOTES] [QUOTE_SIZE];      //  Strings for use in the next
    size_t quoted;                          //  How many have been, ever
    bool secrecy;                           //  No string may be repeated
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_error_t *
zrelay_error_new (void)
{
    zrelay_error_t *self = (zrelay_error_t *) zmalloc (sizeof (zrelay_error_t));
    assert (self);
    return self;
}

void
zrelay_error_destroy (zrelay_error_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}


//  --------------------------------------------------------------------------
//  The sentence

static void
s_make_printable (char *text)
{
    for (; *text; text++)
        if (!isprint ((byte) *text))
            *text = '?';
}

zrelay_status_t
zrelay_error_set_va (zrelay_error_t *self, zrelay_status_t status,
                     const char *format, va_list argptr)
{
    //  The old sentence may be part of the new one
    char sentence [SENTENCE_MAX];
    vsnprintf (sentence, sizeof (sentence), format, argptr);
    s_make_printable (sentence);
    memcpy (self->sentence, sentence, sizeof (sentence));
    return status;
}

zrelay_status_t
zrelay_error_set (zrelay_error_t *self, zrelay_status_t status,
                  const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    zrelay_error_set_va (self, status, format, argptr);
    va_end (argptr);
    return status;
}

const char *
zrelay_error_sentence (zrelay_error_t *self)
{
    return self->sentence;
}

void
zrelay_error_clear (zrelay_error_t *self)
{
    *self->sentence = 0;
}

void
zrelay_error_set_command (zrelay_error_t *self, const char *command)
{
    snprintf (self->command, sizeof (self->command), "%s", command);
}

const char *
zrelay_error_explain (zrelay_error_t *self)
{
    bool named = *self->sentence && *self->command;
    snprintf (self->explanation, sizeof (self->explanation), "%s%s%s",
              named? self->command: "", named? ": ": "", self->sentence);
    return self->explanation;
}


//  --------------------------------------------------------------------------
//  Quotes

static bool
s_may_be_key (const char *value)
{
    size_t size = strlen (value);
    return size >= KEY_SIZE - 1 && size <= KEY_SIZE + 1
        && strspn (value, KEY_CHARACTERS) == size
        && !strstr (value, "://");
}

const char *
zrelay_error_quote (zrelay_error_t *self, const char *value)
{
    char *quote = self->quotes [self->quoted++ % QUOTES];
    bool secret = self->secrecy || s_may_be_key (value);
    snprintf (quote, QUOTE_SIZE, "'%.*s'", QUOTED_MAX,
              secret? "(secret)": value);
    s_make_printable (quote);
    return quote;
}

void
zrelay_error_set_secrecy (zrelay_error_t *self, bool secrecy)
{
    self->secrecy = secrecy;
}

void
zrelay_error_abort (const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    fputs ("zrelay: ", stderr);
    vfprintf (stderr, format, argptr);
    fputs ("\n", stderr);
    va_end (argptr);
    abort ();
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_error_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_error: ");

    //  @selftest
    zrelay_error_t *self = zrelay_error_new ();
    assert (streq (zrelay_error_sentence (self), ""));
    assert (zrelay_error_set (self, ZRELAY_STATUS_REFUSED, "cannot bind %s",
                              zrelay_error_quote (self, "x\n"))
            == ZRELAY_STATUS_REFUSED);
    assert (streq (zrelay_error_sentence (self), "cannot bind 'x?'"));
    zrelay_error_set (self, ZRELAY_STATUS_DONE, "%s twice",
                      zrelay_error_sentence (self));
    assert (streq (zrelay_error_sentence (self), "cannot bind 'x?' twice"));
    //  It belongs to a command
    assert (streq (zrelay_error_explain (self), "cannot bind 'x?' twice"));
    zrelay_error_set_command (self, "BIND");
    assert (streq (zrelay_error_explain (self),
                   "BIND: cannot bind 'x?' twice"));
    zrelay_error_clear (self);
    assert (streq (zrelay_error_sentence (self), ""));
    assert (streq (zrelay_error_explain (self), ""));

    //  A key is never repeated, also with a character too many or too few
    const char *key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIDx";
    for (size_t skipped = 0; skipped < 3; skipped++)
        assert (streq (zrelay_error_quote (self, key + skipped), "'(secret)'"));
    assert (strneq (zrelay_error_quote (self, key + 3), "'(secret)'"));
    assert (strneq (zrelay_error_quote (self,
        "tcp://some.host.somewhere.example.com:55"), "'(secret)'"));

    //  With secrecy, nothing is
    zrelay_error_set_secrecy (self, true);
    assert (streq (zrelay_error_quote (self, "x"), "'(secret)'"));
    zrelay_error_set_secrecy (self, false);

    //  Long strings are cut, and so are long sentences
    char text [1000];
    memset (text, 'x', sizeof (text));
    text [sizeof (text) - 1] = 0;
    assert (strlen (zrelay_error_quote (self, text)) == QUOTED_MAX + 2);
    zrelay_error_set (self, ZRELAY_STATUS_DONE, "%s", text);
    assert (strlen (zrelay_error_sentence (self)) == SENTENCE_MAX - 1);
    zrelay_error_destroy (&self);
    zrelay_error_destroy (&self);
    //  @end
    printf ("OK\n");
}
