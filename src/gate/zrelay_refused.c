/*  =========================================================================
    zrelay_refused - who was refused, for the log

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_refused.h"

//  Milliseconds between two lines
#define LINE_IVL 1000

//  Addresses in one line
#define NAMED_MAX 4

//  As much of an address as is logged
#define ADDRESS_SIZE 64

typedef struct {
    char address [ADDRESS_SIZE];    //  Who
    const char *reason;             //  Why, the last time
    uint64_t count;                 //  How often
} named_t;

struct _zrelay_refused_t {
    named_t named [NAMED_MAX];      //  The first ones
    size_t count;                   //  How many those are
    uint64_t others;                //  How often others were
    int64_t logged_at;              //  When the last line was made, in msecs
};

zrelay_refused_t *
zrelay_refused_new (void)
{
    zrelay_refused_t *self =
        (zrelay_refused_t *) zmalloc (sizeof (zrelay_refused_t));
    assert (self);
    self->logged_at = -LINE_IVL;
    return self;
}

void
zrelay_refused_destroy (zrelay_refused_t **self_p)
{
    assert (self_p);
    freen (*self_p);
}

void
zrelay_refused_add (zrelay_refused_t *self, const char *address,
                    const char *reason)
{
    char printable [ADDRESS_SIZE];
    snprintf (printable, sizeof (printable), "%s", address);
    for (char *letter = printable; *letter; letter++)
        if (!isprint ((byte) *letter))
            *letter = '?';
    size_t index = 0;
    while (index < self->count
       && strneq (self->named [index].address, printable))
        index++;
    if (index == NAMED_MAX) {
        self->others++;
        return;
    }
    named_t *named = &self->named [index];
    if (index == self->count) {
        self->count++;
        memcpy (named->address, printable, sizeof (printable));
    }
    named->reason = reason;
    named->count++;
}

bool
zrelay_refused_waits (zrelay_refused_t *self)
{
    return self->count > 0;
}

static char *
s_longer (char *line, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *more = zsys_vprintf (format, argptr);
    va_end (argptr);
    char *longer = zsys_sprintf ("%s%s", line, more);
    assert (longer);
    zstr_free (&more);
    zstr_free (&line);
    return longer;
}

char *
zrelay_refused_line (zrelay_refused_t *self, int64_t now)
{
    if (self->count == 0 || now < self->logged_at + LINE_IVL)
        return NULL;
    char *line = strdup ("refused");
    assert (line);
    for (size_t index = 0; index < self->count; index++) {
        const named_t *named = &self->named [index];
        line = s_longer (line, "%s %s (%s) %" PRIu64 " time%s",
                         index? ",": "", *named->address? named->address:
                         "a peer without an address", named->reason,
                         named->count, named->count == 1? "": "s");
    }
    if (self->others)
        line = s_longer (line, ", and others %" PRIu64 " time%s",
                         self->others, self->others == 1? "": "s");
    memset (self, 0, sizeof (*self));
    self->logged_at = now;
    return line;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_refused_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_refused: ");
    //  @selftest
    zrelay_refused_t *self = zrelay_refused_new ();
    assert (!zrelay_refused_line (self, 0));
    zrelay_refused_add (self, "10.0.0.1", "why");
    assert (zrelay_refused_waits (self));
    char *line = zrelay_refused_line (self, 0);
    assert (streq (line, "refused 10.0.0.1 (why) 1 time"));
    zstr_free (&line);
    assert (!zrelay_refused_waits (self));
    for (int count = 0; count < 1000; count++)
        zrelay_refused_add (self, count % 2? "10.0.0.1": "\n", "why");
    assert (!zrelay_refused_line (self, 999));
    line = zrelay_refused_line (self, 1000);
    assert (strstr (line, "? (why) 500 times, 10.0.0.1 (why) 500 times"));
    zstr_free (&line);
    for (int count = 0; count < 1000; count++) {
        char address [200];
        memset (address, 'x', sizeof (address));
        snprintf (address, 10, "%d", count);
        zrelay_refused_add (self, address, "why");
    }
    line = zrelay_refused_line (self, 2000);
    assert (strstr (line, "and others 996 times") && strlen (line) < 500);
    zstr_free (&line);
    zrelay_refused_destroy (&self);
    zrelay_refused_destroy (&self);
    //  @end
    printf ("OK\n");
}
