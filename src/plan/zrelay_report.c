/*  =========================================================================
    zrelay_report - how the program tells its user about failures

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For fopencookie ()
#ifndef _GNU_SOURCE
#   define _GNU_SOURCE
#endif

#include "zrelay_report.h"

#include <poll.h>

//  Size of what CZMQ writes before a message: "I: 26-12-31 23:59:59 "
#define LOG_PREFIX 21

//  Name of a program that was called without one
#define NAMELESS "zrelay"

struct _zrelay_report_t {
    char *program;              //  The program's name, printable
    zrelay_printer_t *out;      //  Prints to standard output
    zrelay_printer_t *errors;   //  Prints to standard error
    FILE *stream;               //  What is written here goes to the latter
    zrelay_report_fn *format;   //  Makes lines there, or NULL
    zrelay_log_t least;         //  Lines of the log that matter less are not
                                //  written
    bool failed;                //  Standard output has failed
    zlistx_t *findings;         //  zrelay_finding_t, or NULL: it prints
    const char *file;           //  Where failures are, or NULL; not ours
    const zrelay_place_t *place;    //  Where there, or NULL; not ours
    size_t failures;            //  How many there were
};


//  --------------------------------------------------------------------------
//  Standard streams. Their descriptors may be shared with other processes, so
//  their flags are left as they are.

static int
s_write (int fd, const char *data, size_t size)
{
    struct pollfd item = { .fd = fd, .events = POLLOUT };
    while (size > 0) {
        ssize_t written = write (fd, data, size);
        if (written >= 0) {
            data += written;
            size -= (size_t) written;
        }
        else
        if (errno == EAGAIN)
            poll (&item, 1, -1);
        else
        if (errno != EINTR)
            return -1;
    }
    return 0;
}

//  In one piece, so that lines of several processes do not mix

static int
s_write_line (int fd, const char *line)
{
    char *text = zsys_sprintf ("%s\n", line);
    assert (text);
    int rc = s_write (fd, text, strlen (text));
    int error = errno;
    zstr_free (&text);
    errno = error;
    return rc;
}

//  The relay goes on even if nobody can read where it is

static void
s_print_out (void *arg, zrelay_log_t level, const char *line)
{
    (void) level;
    zrelay_report_t *self = (zrelay_report_t *) arg;
    if (!self->failed && s_write_line (STDOUT_FILENO, line)) {
        self->failed = true;
        zrelay_report_say (self, ZRELAY_EXIT_FAILED,
            "cannot write to standard output: %s", strerror (errno));
    }
}

static void
s_print_error (void *arg, zrelay_log_t level, const char *line)
{
    (void) arg;
    (void) level;
    s_write_line (STDERR_FILENO, line);
}

static void
s_write_error (zrelay_report_t *self, zrelay_log_t level, const char *text)
{
    char *line = self->format? self->format (level, text): NULL;
    zrelay_printer_print (self->errors, level, "%s", line? line: text);
    free (line);
}

//  CZMQ writes a letter, ": ", a date and a time, each with a space behind it,
//  and then the message

static zrelay_log_t
s_level_of (const char *line)
{
    return strncmp (line, "E: ", 3) == 0? ZRELAY_LOG_ERROR:
           strncmp (line, "W: ", 3) == 0? ZRELAY_LOG_WARNING: ZRELAY_LOG_INFO;
}

static const char *
s_message_of (const char *line)
{
    size_t size = strlen (line);
    bool known = size > LOG_PREFIX && strncmp (line + 1, ": ", 2) == 0
              && line [LOG_PREFIX - 1] == ' ';
    return known? line + LOG_PREFIX: line;
}

static ssize_t
s_take (void *cookie, const char *data, size_t size)
{
    zrelay_report_t *self = (zrelay_report_t *) cookie;
    size_t newline = size > 0 && data [size - 1] == '\n';
    char *line = strndup (data, size - newline);
    assert (line);
    if (s_level_of (line) >= self->least)
        s_write_error (self, s_level_of (line),
                       self->format? s_message_of (line): line);
    free (line);
    return (ssize_t) size;
}


//  --------------------------------------------------------------------------
//  Public interface

static void
s_make_printable (char *text)
{
    for (; *text; text++)
        if (iscntrl ((byte) *text))
            *text = '?';
}

static zrelay_report_t *
s_report_new (const char *path)
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

zrelay_report_t *
zrelay_report_new (const char *path)
{
    zrelay_report_t *self = s_report_new (path);
    self->out = zrelay_printer_new (s_print_out, self);
    self->errors = zrelay_printer_new (s_print_error, NULL);
    cookie_io_functions_t functions = { .write = s_take };
    self->stream = fopencookie (self, "w", functions);
    assert (self->stream);
    setvbuf (self->stream, NULL, _IOLBF, BUFSIZ);
    return self;
}

static void
s_finding_destroy (void **self_p)
{
    zrelay_finding_t *self = (zrelay_finding_t *) *self_p;
    zstr_free (&self->place);
    zstr_free (&self->path);
    zstr_free (&self->sentence);
    freen (self);
    *self_p = NULL;
}

zrelay_report_t *
zrelay_report_new_list (void)
{
    zrelay_report_t *self = s_report_new (NULL);
    self->findings = zlistx_new ();
    assert (self->findings);
    zlistx_set_destructor (self->findings, s_finding_destroy);
    return self;
}

void
zrelay_report_destroy (zrelay_report_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_report_t *self = *self_p;
        *self_p = NULL;
        zlistx_destroy (&self->findings);
        if (self->stream)
            fclose (self->stream);
        //  One that is stuck still needs this object, until the process ends
        bool stuck = self->out && !zrelay_printer_settle (self->out);
        if (self->errors)
            zrelay_printer_settle (self->errors);
        if (stuck)
            return;
        if (self->out)
            zrelay_printer_destroy (&self->out);
        if (self->errors)
            zrelay_printer_destroy (&self->errors);
        zstr_free (&self->program);
        freen (self);
    }
}

const char *
zrelay_report_program (zrelay_report_t *self)
{
    return self->program;
}

//  Keep a sentence, which is taken

static void
s_keep (zrelay_report_t *self, bool warning, bool placed, char *sentence)
{
    zrelay_finding_t *finding =
        (zrelay_finding_t *) zmalloc (sizeof (zrelay_finding_t));
    assert (finding);
    finding->warning = warning;
    finding->place = placed?
        zsys_sprintf ("%s:%zu", self->file, self->place->line):
        strdup (self->file? self->file: "");
    finding->path = strdup (placed && self->place->path?
                            self->place->path: "");
    finding->sentence = sentence;
    assert (finding->place && finding->path);
    s_make_printable (finding->place);
    s_make_printable (finding->path);
    zlistx_add_end (self->findings, finding);
}

static void
s_say (zrelay_report_t *self, bool warning, const char *format,
       va_list argptr)
{
    char *sentence = zsys_vprintf (format, argptr);
    assert (sentence);
    s_make_printable (sentence);
    bool placed = self->file && self->place && self->place->line;
    const char *path = placed && self->place->path? self->place->path: "";
    if (self->findings)
        s_keep (self, warning, placed, sentence);
    else {
        char *place = placed?
            zsys_sprintf ("%s:%zu: %s%s", self->file, self->place->line, path,
                          *path? ": ": ""): strdup ("");
        assert (place);
        s_make_printable (place);
        char *text = zsys_sprintf ("%s: %s%s%s", self->program, place,
                                   warning? "warning: ": "", sentence);
        assert (text);
        s_write_error (self, warning? ZRELAY_LOG_WARNING: ZRELAY_LOG_ERROR,
                       text);
        zstr_free (&text);
        zstr_free (&place);
        zstr_free (&sentence);
    }
}

zrelay_exit_t
zrelay_report_say (zrelay_report_t *self, zrelay_exit_t status,
                   const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    s_say (self, false, format, argptr);
    va_end (argptr);
    self->failures++;
    return status;
}

void
zrelay_report_warn (zrelay_report_t *self, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    s_say (self, true, format, argptr);
    va_end (argptr);
}

void
zrelay_report_set_place (zrelay_report_t *self, const char *file,
                         const zrelay_place_t *place)
{
    self->file = file;
    self->place = place;
}

size_t
zrelay_report_failures (zrelay_report_t *self)
{
    return self->failures;
}

zlistx_t *
zrelay_report_findings (zrelay_report_t *self)
{
    return self->findings;
}

void
zrelay_report_print (zrelay_report_t *self, const char *line)
{
    zrelay_printer_print (self->out, ZRELAY_LOG_INFO, "%s", line);
}

void
zrelay_report_note (zrelay_report_t *self, const char *line)
{
    s_write_error (self, ZRELAY_LOG_INFO, line);
}

void
zrelay_report_set_format (zrelay_report_t *self, zrelay_report_fn *format)
{
    self->format = format;
}

void
zrelay_report_set_level (zrelay_report_t *self, zrelay_log_t least)
{
    self->least = least;
}

FILE *
zrelay_report_stream (zrelay_report_t *self)
{
    return self->stream;
}

zrelay_exit_t
zrelay_report_flush (zrelay_report_t *self)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return ZRELAY_EXIT_ASKED;
    return zrelay_report_say (self, ZRELAY_EXIT_FAILED,
        "cannot write to standard output: %s", strerror (errno));
}
