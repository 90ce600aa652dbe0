/*  =========================================================================
    zrelay_report - how the program tells its user about failures

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_report.h"

//  Name of a program that was called without one
#define NAMELESS "zrelay"

struct _zrelay_report_t {
    char *program;              //  The program's name, printable
};

static void
s_make_printable (char *text)
{
    for (; *text; text++)
        if (iscntrl ((byte) *text))
            *text = '?';
}

zrelay_report_t *
zrelay_report_new (const char *path)
{
    zrelay_report_t *self =
        (zrelay_report_t *) zmalloc (sizeof (zrelay_report_t));
    assert (self);
    const char *slash = path? strrchr (path, '/'): NULL;
    const char *name = slash? slash + 1: path;
    self->program = strdup (name && *name? name: NAMELESS);
    assert (self->program);
    s_make_printable (self->program);
    return self;
}

void
zrelay_report_destroy (zrelay_report_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_report_t *self = *self_p;
        zstr_free (&self->program);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_report_program (zrelay_report_t *self)
{
    return self->program;
}

zrelay_exit_t
zrelay_report_say (zrelay_report_t *self, zrelay_exit_t status,
                   const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *line = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (line);
    s_make_printable (line);
    fprintf (stderr, "%s: %s\n", self->program, line);
    zstr_free (&line);
    return status;
}

zrelay_exit_t
zrelay_report_flush (zrelay_report_t *self)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return ZRELAY_EXIT_ASKED;
    return zrelay_report_say (self, ZRELAY_EXIT_FAILED,
        "cannot write to standard output: %s", strerror (errno));
}
