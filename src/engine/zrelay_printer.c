/*  =========================================================================
    zrelay_printer - lines that their writer does not wait for

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_printer_internal.h"
#include "../zrelay_thread.h"

//  A printer gives up when a line takes longer than this, or after this long in
//  all: milliseconds
#define SETTLE_STUCK 500
#define SETTLE_MAX 5000

//  What a line costs besides its text, so that many empty ones have a bound
#define LINE_COST 64

//  What is said in the place of lines that were lost
#define LOST "zrelay: lines lost here, because nobody read them in time: %" \
    PRIu64

typedef struct {
    zrelay_log_t level;         //  How important it is
    char *text;                 //  What it says
} line_t;

//  What the printer's thread is doing
typedef enum {
    THREAD_NONE,                //  There is no thread
    THREAD_PRINTS,              //  It prints lines
    THREAD_ENDED,               //  It has printed all and can be joined
    THREAD_LEFT                 //  It prints its last line, and then cleans up,
                                //  since the printer was destroyed
} thread_state_t;

struct _zrelay_printer_t {
    zrelay_printer_fn *print;   //  Prints a line
    void *arg;                  //  Handed to it
    pid_t process;              //  Whose threads there are
    pthread_mutex_t mutex;      //  Guards all that follows
    pthread_cond_t moved;       //  A line was printed, or the thread ended
    zlist_t *lines;             //  line_t that wait
    size_t bytes;               //  What these cost
    uint64_t lost;              //  Lines that found no room
    bool stuck;                 //  Settling gave up on the line in hand
    int64_t since;              //  When that line was taken; 0: there is none
    thread_state_t state;       //  What the thread is doing
    pthread_t thread;           //  The thread, unless there is none
};


//  --------------------------------------------------------------------------
//  Lines

static void
s_line_destroy (line_t **line_p)
{
    line_t *line = *line_p;
    zstr_free (&line->text);
    freen (line);
    *line_p = NULL;
}

static void
s_append (zrelay_printer_t *self, zrelay_log_t level, char *text)
{
    line_t *line = (line_t *) zmalloc (sizeof (line_t));
    assert (line);
    line->level = level;
    line->text = text;
    self->bytes += strlen (text) + LINE_COST;
    zlist_append (self->lines, line);
}

//  Say that lines were lost, behind those that were not

static void
s_append_lost (zrelay_printer_t *self)
{
    char *text = zsys_sprintf (LOST, self->lost);
    assert (text);
    s_append (self, ZRELAY_LOG_WARNING, text);
    self->lost = 0;
}

//  The next line, or NULL

static line_t *
s_next (zrelay_printer_t *self)
{
    if (zlist_size (self->lines) == 0 && self->lost > 0)
        s_append_lost (self);
    line_t *line = (line_t *) zlist_pop (self->lines);
    if (line)
        self->bytes -= strlen (line->text) + LINE_COST;
    return line;
}

static void
s_drop_lines (zrelay_printer_t *self)
{
    self->lost = 0;
    line_t *line;
    while ((line = s_next (self)))
        s_line_destroy (&line);
}


//  --------------------------------------------------------------------------
//  The thread

static void
s_prepare (zrelay_printer_t *self)
{
    self->process = getpid ();
    pthread_mutex_init (&self->mutex, NULL);
    zrelay_thread_make_cond (&self->moved);
    self->lines = zlist_new ();
    assert (self->lines);
    self->bytes = 0;
    self->lost = 0;
    self->stuck = false;
    self->since = 0;
    self->state = THREAD_NONE;
}

static void
s_free (zrelay_printer_t *self)
{
    s_drop_lines (self);
    zlist_destroy (&self->lines);
    pthread_cond_destroy (&self->moved);
    pthread_mutex_destroy (&self->mutex);
    freen (self);
}

static void *
s_run (void *arg)
{
    zrelay_printer_t *self = (zrelay_printer_t *) arg;
    pthread_mutex_lock (&self->mutex);
    line_t *line;
    while (self->state == THREAD_PRINTS && (line = s_next (self))) {
        self->since = zclock_mono ();
        pthread_mutex_unlock (&self->mutex);
        self->print (self->arg, line->level, line->text);
        s_line_destroy (&line);
        pthread_mutex_lock (&self->mutex);
        self->since = 0;
        self->stuck = false;
        pthread_cond_broadcast (&self->moved);
    }
    bool left = self->state == THREAD_LEFT;
    self->state = THREAD_ENDED;
    pthread_cond_broadcast (&self->moved);
    pthread_mutex_unlock (&self->mutex);
    if (left)
        s_free (self);
    return NULL;
}

//  A thread that has ended is joined without waiting

static void
s_join (zrelay_printer_t *self)
{
    if (self->state == THREAD_ENDED) {
        pthread_join (self->thread, NULL);
        self->state = THREAD_NONE;
    }
}

static bool
s_start (zrelay_printer_t *self)
{
    self->state = THREAD_PRINTS;
    if (zrelay_thread_start (&self->thread, s_run, self))
        self->state = THREAD_NONE;
    return self->state == THREAD_PRINTS;
}

//  A thread does not survive a fork, and what it held stays locked

static void
s_lock (zrelay_printer_t *self)
{
    if (self->process != getpid ())
        s_prepare (self);
    pthread_mutex_lock (&self->mutex);
}


//  --------------------------------------------------------------------------
//  Printing

//  Without a thread, the caller prints

static void
s_get_printed (zrelay_printer_t *self)
{
    s_join (self);
    if (self->state == THREAD_PRINTS || s_start (self))
        return;
    line_t *line;
    while ((line = s_next (self))) {
        self->print (self->arg, line->level, line->text);
        s_line_destroy (&line);
    }
}

static void
s_print (zrelay_printer_t *self, zrelay_log_t level, const char *format,
         va_list argptr)
{
    char *text = zsys_vprintf (format, argptr);
    assert (text);
    size_t size = strlen (text);
    if (size > 0 && text [size - 1] == '\n')
        text [--size] = 0;
    s_lock (self);
    //  Once lines were lost, no more are taken until there is much room: it is
    //  better to lose many lines in one place than some in many
    size_t most = self->lost > 0? ZRELAY_PRINTER_MAX / 2: ZRELAY_PRINTER_MAX;
    if (self->bytes + size + LINE_COST > most) {
        self->lost++;
        zstr_free (&text);
    }
    else {
        if (self->lost > 0)
            s_append_lost (self);
        s_append (self, level, text);
    }
    s_get_printed (self);
    pthread_mutex_unlock (&self->mutex);
}

//  A line that was given up on is not waited for again

static bool
s_settle (zrelay_printer_t *self)
{
    int64_t end = zclock_mono () + SETTLE_MAX;
    while (self->state == THREAD_PRINTS && !self->stuck) {
        int64_t now = zclock_mono ();
        if (now >= end || (self->since && now >= self->since + SETTLE_STUCK))
            self->stuck = true;
        else
            zrelay_thread_wait (&self->moved, &self->mutex, SETTLE_STUCK);
    }
    s_join (self);
    return self->state != THREAD_PRINTS;
}


//  --------------------------------------------------------------------------
//  Public interface

zrelay_printer_t *
zrelay_printer_new (zrelay_printer_fn *print, void *arg)
{
    assert (print);
    zrelay_printer_t *self =
        (zrelay_printer_t *) zmalloc (sizeof (zrelay_printer_t));
    assert (self);
    self->print = print;
    self->arg = arg;
    s_prepare (self);
    return self;
}

void
zrelay_printer_destroy (zrelay_printer_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_printer_t *self = *self_p;
        *self_p = NULL;
        s_lock (self);
        bool settled = s_settle (self);
        if (!settled) {
            pthread_detach (self->thread);
            self->state = THREAD_LEFT;
        }
        pthread_mutex_unlock (&self->mutex);
        if (settled)
            s_free (self);
    }
}

void
zrelay_printer_print (zrelay_printer_t *self, zrelay_log_t level,
                      const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    s_print (self, level, format, argptr);
    va_end (argptr);
}

bool
zrelay_printer_settle (zrelay_printer_t *self)
{
    s_lock (self);
    bool settled = s_settle (self);
    pthread_mutex_unlock (&self->mutex);
    return settled;
}


//  --------------------------------------------------------------------------
//  The library's own printers, made when they are first used

static zrelay_printer_t *s_log;     //  For CZMQ's log
static zrelay_printer_t *s_told;    //  For standard error
static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static void
s_print_log (void *arg, zrelay_log_t level, const char *line)
{
    static void (*const logs []) (const char *format, ...) = {
        [ZRELAY_LOG_INFO] = zsys_info,
        [ZRELAY_LOG_WARNING] = zsys_warning,
        [ZRELAY_LOG_ERROR] = zsys_error
    };
    (void) arg;
    logs [level] ("%s", line);
}

static void
s_print_told (void *arg, zrelay_log_t level, const char *line)
{
    (void) arg;
    (void) level;
    fprintf (stderr, "%s\n", line);
}

static void
s_make_own (void)
{
    s_log = zrelay_printer_new (s_print_log, NULL);
    s_told = zrelay_printer_new (s_print_told, NULL);
}

void
zrelay_printer_log (zrelay_log_t level, const char *format, ...)
{
    pthread_once (&s_once, s_make_own);
    va_list argptr;
    va_start (argptr, format);
    s_print (s_log, level, format, argptr);
    va_end (argptr);
}

bool
zrelay_printer_settle_log (void)
{
    pthread_once (&s_once, s_make_own);
    return zrelay_printer_settle (s_log);
}

void
zrelay_printer_tell (const char *format, ...)
{
    pthread_once (&s_once, s_make_own);
    va_list argptr;
    va_start (argptr, format);
    s_print (s_told, ZRELAY_LOG_INFO, format, argptr);
    va_end (argptr);
}

bool
zrelay_printer_settle_told (void)
{
    pthread_once (&s_once, s_make_own);
    return zrelay_printer_settle (s_told);
}


//  --------------------------------------------------------------------------
//  Selftest

//  A stream that may be stuck, and what was printed there
typedef struct {
    pthread_mutex_t gate;       //  Held while it is stuck
    zlist_t *lines;             //  Strings
} test_stream_t;

static void
s_test_print (void *arg, zrelay_log_t level, const char *line)
{
    (void) level;
    test_stream_t *stream = (test_stream_t *) arg;
    pthread_mutex_lock (&stream->gate);
    zlist_append (stream->lines, (void *) line);
    pthread_mutex_unlock (&stream->gate);
}

//  Takes the first line away, which must begin so

static void
s_test_took (test_stream_t *stream, const char *beginning)
{
    char *line = (char *) zlist_pop (stream->lines);
    assert (line && strncmp (line, beginning, strlen (beginning)) == 0);
    zstr_free (&line);
}

static void
s_test_stuck (test_stream_t *stream)
{
    zrelay_printer_t *self = zrelay_printer_new (s_test_print, stream);
    pthread_mutex_lock (&stream->gate);
    size_t lines = 3 * ZRELAY_PRINTER_MAX / (1000 + LINE_COST);
    for (size_t line = 0; line < lines; line++)
        zrelay_printer_print (self, ZRELAY_LOG_INFO, "%0*zu", 1000, line);
    assert (!zrelay_printer_settle (self));
    int64_t start = zclock_mono ();
    assert (!zrelay_printer_settle (self));
    assert (zclock_mono () - start < SETTLE_STUCK);
    assert (zlist_size (stream->lines) == 0);

    //  What was lost is said when it can be, in its place
    pthread_mutex_unlock (&stream->gate);
    while (!zrelay_printer_settle (self))
        zclock_sleep (1);
    size_t kept = zlist_size (stream->lines) - 1;
    assert (kept > lines / 4 && kept < lines / 2);
    while (zlist_size (stream->lines) > 1)
        s_test_took (stream, "000");
    char *note = zsys_sprintf (LOST, (uint64_t) (lines - kept));
    s_test_took (stream, note);
    zstr_free (&note);

    //  The end does not wait for a line that is stuck, and drops the rest
    pthread_mutex_lock (&stream->gate);
    zrelay_printer_print (self, ZRELAY_LOG_INFO, "last");
    while (zlist_size (self->lines) > 0)
        zclock_sleep (1);
    zrelay_printer_print (self, ZRELAY_LOG_INFO, "dropped");
    zrelay_printer_destroy (&self);
    pthread_mutex_unlock (&stream->gate);
    size_t there = 0;
    while (there == 0) {
        pthread_mutex_lock (&stream->gate);
        there = zlist_size (stream->lines);
        pthread_mutex_unlock (&stream->gate);
        zclock_sleep (1);
    }
    s_test_took (stream, "last");
}

void
zrelay_printer_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_printer: ");

    //  @selftest
    test_stream_t stream;
    pthread_mutex_init (&stream.gate, NULL);
    stream.lines = zlist_new ();
    assert (stream.lines);
    zlist_autofree (stream.lines);

    //  Lines come in their order, without a newline at the end
    zrelay_printer_t *self = zrelay_printer_new (s_test_print, &stream);
    assert (zrelay_printer_settle (self));
    for (int line = 0; line < 100; line++)
        zrelay_printer_print (self, ZRELAY_LOG_INFO, "line %d\n", line);
    assert (zrelay_printer_settle (self));
    for (int line = 0; line < 100; line++) {
        char text [32];
        snprintf (text, sizeof (text), "line %d", line);
        assert (streq ((char *) zlist_first (stream.lines), text));
        s_test_took (&stream, text);
    }

    //  The end waits for lines that are printed
    zrelay_printer_print (self, ZRELAY_LOG_INFO, "end");
    zrelay_printer_destroy (&self);
    zrelay_printer_destroy (&self);
    s_test_took (&stream, "end");

    s_test_stuck (&stream);
    zlist_destroy (&stream.lines);
    //  @end
    printf ("OK\n");
}
