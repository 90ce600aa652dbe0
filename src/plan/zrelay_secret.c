/*  =========================================================================
    zrelay_secret - reads and writes files with secrets

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#   include <sys/prctl.h>
#endif

//  The largest certificate
#define CERT_SIZE_MAX 65536

//  Bytes of a CURVE key, and of its text
#define KEY_SIZE 32
#define KEY_TEXT_SIZE 40

#define OTHERS_MAY_READ (S_IRGRP | S_IROTH)
#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)

//  A file that is being read
typedef struct {
    const char *filename;       //  Its name
    bool secret;                //  It has a secret key
    zrelay_report_t *report;    //  Hears what is wrong
    char text [CERT_SIZE_MAX + 1];  //  What is in it
} reader_t;


//  --------------------------------------------------------------------------
//  Reading

static int
s_check (reader_t *self, int fd)
{
    struct stat status;
    const char *name = self->filename;
    if (fstat (fd, &status) || !S_ISREG (status.st_mode))
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "%s is not a regular file", name);
    else
    if (status.st_mode & OTHERS_MAY_WRITE)
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "others can write to %s; chmod go-w %s", name, name);
    else
    if (self->secret && (status.st_mode & OTHERS_MAY_READ))
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "others can read the secrets in %s; chmod 600 %s", name, name);
    else
        return 0;
    return -1;
}

static int
s_read (reader_t *self)
{
    int fd = open (self->filename, O_RDONLY | O_NOFOLLOW | O_CLOEXEC
                                 | O_NONBLOCK | O_NOCTTY);
    if (fd == -1) {
        zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "cannot read %s: %s", self->filename, errno == ELOOP?
            "it is a symbolic link; name the file itself": strerror (errno));
        return -1;
    }
    ssize_t size = s_check (self, fd)? -1:
                   read (fd, self->text, CERT_SIZE_MAX);
    close (fd);
    if (size >= 0)
        self->text [size] = 0;
    return size >= 0? 0: -1;
}

//  Find a key by its name, on a line such as: public-key = "...". zconfig would
//  copy what it reads, and log lines that it does not understand.

static bool
s_decode (const char *text, const char *name, byte *key)
{
    size_t size = strlen (name);
    const char *line = text;
    while (line) {
        line += strspn (line, " ");
        const char *rest = line + size;
        if (strncmp (line, name, size) == 0 && strspn (rest, " =") > 0) {
            rest += strspn (rest, " =");
            rest += *rest == '"' || *rest == '\'';
            char value [KEY_TEXT_SIZE + 1];
            bool right = strlen (rest) >= KEY_TEXT_SIZE;
            snprintf (value, sizeof (value), "%s", rest);
            right = right && zmq_z85_decode (key, value);
            explicit_bzero (value, sizeof (value));
            return right;
        }
        line = strchr (line, '\n');
        line += line? 1: 0;
    }
    return false;
}

//  A file may be nothing but a public key

static bool
s_decode_alone (const char *text, byte *key)
{
    const char *blanks = " \t\r\n";
    text += strspn (text, blanks);
    size_t size = strcspn (text, blanks);
    if (size != KEY_TEXT_SIZE || text [size + strspn (text + size, blanks)])
        return false;
    char value [KEY_TEXT_SIZE + 1];
    snprintf (value, sizeof (value), "%s", text);
    return zmq_z85_decode (key, value) != NULL;
}

static zcert_t *
s_make (reader_t *self)
{
    byte public_key [KEY_SIZE];
    byte secret_key [KEY_SIZE] = { 0 };
    bool right = s_decode (self->text, "public-key", public_key)
              || (!self->secret && s_decode_alone (self->text, public_key));
    bool secret = s_decode (self->text, "secret-key", secret_key);
    zcert_t *cert = right && (secret || !self->secret)?
                    zcert_new_from (public_key, secret_key): NULL;
    explicit_bzero (secret_key, sizeof (secret_key));
    return cert;
}

static zcert_t *
s_load (const char *filename, const char *shown, bool secret,
        zrelay_report_t *report)
{
    reader_t *self = (reader_t *) zmalloc (sizeof (reader_t));
    assert (self);
    self->filename = filename;
    self->secret = secret;
    self->report = report;
    bool readable = s_read (self) == 0;
    zcert_t *cert = readable? s_make (self): NULL;
    if (readable && !cert && secret)
        zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "%s is not a certificate with a secret key; %s keygen %s makes one",
            shown, zrelay_report_program (report), shown);
    if (readable && !cert && !secret)
        zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "%s is not a certificate; --server takes the public one of the"
            " server, or the 40 characters of its public key", shown);
    explicit_bzero (self->text, sizeof (self->text));
    freen (self);
    return cert;
}

zcert_t *
zrelay_secret_load (const char *filename, bool secret,
                    zrelay_report_t *report)
{
    char *other = zsys_sprintf ("%s_secret", filename);
    assert (other);
    struct stat status;
    bool has_other = secret && lstat (other, &status) == 0;
    zcert_t *cert = s_load (has_other? other: filename, filename, secret,
                            report);
    zstr_free (&other);
    return cert;
}


zcert_t *
zrelay_secret_load_key (const char *text, zrelay_report_t *report)
{
    struct stat status;
    byte public_key [KEY_SIZE];
    byte no_key [KEY_SIZE] = { 0 };
    if (lstat (text, &status) == 0)
        return s_load (text, text, false, report);
    if (s_decode_alone (text, public_key))
        return zcert_new_from (public_key, no_key);
    zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
        "%s is neither a file nor a public key of 40 characters; --server takes"
        " one of these", text);
    return NULL;
}

char *
zrelay_secret_read (const char *filename, zrelay_report_t *report)
{
    reader_t *self = (reader_t *) zmalloc (sizeof (reader_t));
    assert (self);
    self->filename = filename;
    self->secret = true;
    self->report = report;
    char *text = s_read (self) == 0? strdup (self->text): NULL;
    explicit_bzero (self->text, sizeof (self->text));
    freen (self);
    return text;
}


//  --------------------------------------------------------------------------
//  Writing

int
zrelay_secret_write (const char *filename, const char *text, bool secret)
{
    int fd = open (filename, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
                           | O_CLOEXEC, secret? 0600: 0644);
    if (fd == -1)
        return -1;
    ssize_t size = write (fd, text, strlen (text));
    //  A full disk may only show when the file is flushed
    int rc = size == (ssize_t) strlen (text)? fsync (fd): -1;
    int error = rc == -1 && size >= 0 && size < (ssize_t) strlen (text)?
                ENOSPC: errno;
    close (fd);
    if (rc == -1)
        unlink (filename);
    errno = error;
    return rc;
}


//  --------------------------------------------------------------------------
//  Memory

void
zrelay_secret_destroy (zcert_t **cert_p)
{
    if (*cert_p) {
        explicit_bzero ((void *) zcert_secret_key (*cert_p), KEY_SIZE);
        explicit_bzero ((void *) zcert_secret_txt (*cert_p), KEY_TEXT_SIZE);
    }
    zcert_destroy (cert_p);
}

void
zrelay_secret_protect (void)
{
#ifdef __linux__
    prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
