/*  =========================================================================
    zrelay_access - which users of the machine an ipc endpoint lets in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_access.h"
#include "zrelay_private.h"
#include "zrelay_setting.h"

#include <grp.h>
#include <sys/stat.h>

#define TRANSPORT "ipc://"

//  The mode of a file with a group, unless ipc_mode says otherwise
#define MODE_OF_GROUP 0660

//  The largest mode: the others of its bits mean nothing for a socket
#define MODE_MAX 0777

//  What the system may need to look up a group, in bytes
#define GROUP_ROOM 65536

struct _zrelay_access_t {
    zrelay_error_t *error;      //  Where sentences go
    int mode;                   //  Permissions, or -1: not set
    char *group;                //  The group as it was given, or NULL: not set
    gid_t gid;                  //  Its number
};

zrelay_access_t *
zrelay_access_new (zrelay_error_t *error)
{
    zrelay_access_t *self =
        (zrelay_access_t *) zmalloc (sizeof (zrelay_access_t));
    assert (self);
    self->error = error;
    self->mode = -1;
    return self;
}

void
zrelay_access_destroy (zrelay_access_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zstr_free (&(*self_p)->group);
        freen (*self_p);
    }
}


//  --------------------------------------------------------------------------
//  Options. The empty value is "not set".

static int
s_set_mode (zrelay_engine_t *engine, void *object, const char *value)
{
    (void) engine;
    zrelay_access_t *self = (zrelay_access_t *) object;
    size_t size = strlen (value);
    if (size > 0
    && (size < 3 || size > 4 || strspn (value, "01234567") != size
    ||  strtol (value, NULL, 8) > MODE_MAX))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a value for ipc_mode; it takes an octal number from "
            "0000 to 0777, such as 0660",
            zrelay_error_quote (self->error, value));
    self->mode = size > 0? (int) strtol (value, NULL, 8): -1;
    return ZRELAY_STATUS_DONE;
}

static char *
s_get_mode (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_access_t *self = (zrelay_access_t *) object;
    return self->mode == -1? strdup (""):
           zsys_sprintf ("%04o", (unsigned) self->mode);
}

//  Find a group by its name, or else by its number, which need not have a name

static bool
s_find_group (const char *value, gid_t *gid_p)
{
    char *room = (char *) malloc (GROUP_ROOM);
    assert (room);
    struct group group, *found = NULL;
    getgrnam_r (value, &group, room, GROUP_ROOM, &found);
    if (found)
        *gid_p = found->gr_gid;
    freen (room);
    if (found)
        return true;
    errno = 0;
    char *end;
    unsigned long number = strtoul (value, &end, 10);
    //  The largest number means no group at all
    if (!isdigit ((byte) *value) || *end || errno || number >= (gid_t) -1)
        return false;
    *gid_p = (gid_t) number;
    return true;
}

static int
s_set_group (zrelay_engine_t *engine, void *object, const char *value)
{
    (void) engine;
    zrelay_access_t *self = (zrelay_access_t *) object;
    gid_t gid = (gid_t) -1;
    if (*value && !s_find_group (value, &gid))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "there is no group %s; ipc_group takes a group of this machine, by "
            "name or by number", zrelay_error_quote (self->error, value));
    zstr_free (&self->group);
    self->group = *value? strdup (value): NULL;
    self->gid = gid;
    return ZRELAY_STATUS_DONE;
}

static char *
s_get_group (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_access_t *self = (zrelay_access_t *) object;
    return strdup (self->group? self->group: "");
}

const zrelay_setting_t zrelay_access_settings [] = {
    { ZRELAY_SETTING, .name = "ipc_mode",
      .help = "permissions of ipc sockets, octal; who may write may connect",
      .set = s_set_mode, .get = s_get_mode },
    { ZRELAY_SETTING, .name = "ipc_group",
      .help = "group of ipc sockets; ipc_mode is then 0660 unless set",
      .set = s_set_group, .get = s_get_group },
    { .name = NULL }
};


//  --------------------------------------------------------------------------
//  Binding

bool
zrelay_access_restricts (zrelay_access_t *self)
{
    return self->mode != -1 || self->group;
}

void
zrelay_access_copy (zrelay_access_t *self, zrelay_access_t *from)
{
    self->mode = from->mode;
    zstr_free (&self->group);
    self->group = from->group? strdup (from->group): NULL;
    self->gid = from->gid;
}

bool
zrelay_access_applies (zrelay_access_t *self, const char *endpoint)
{
    return zrelay_access_restricts (self)
        && strncmp (endpoint, TRANSPORT, strlen (TRANSPORT)) == 0;
}

const char *
zrelay_access_bind (zrelay_access_t *self, void *handle, const char *endpoint)
{
    if (!zrelay_private_possible (endpoint))
        return "ipc_mode and ipc_group need the path of a file";
    mode_t mode = self->mode == -1? MODE_OF_GROUP: (mode_t) self->mode;
    gid_t gid = self->group? self->gid: (gid_t) -1;
    if (zrelay_private_bind_for (handle, endpoint, mode, gid) == 0)
        return NULL;
    return errno == EPERM && self->group?
        "the user of this process is not a member of the ipc_group":
        zmq_strerror (errno);
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_setting (zrelay_access_t *self, const char *name, const char *value,
                const char *shown)
{
    const zrelay_setting_t *row =
        zrelay_setting_find (zrelay_access_settings, name);
    assert (row);
    assert (zrelay_setting_set (row, NULL, self, value, self->error)
            == (shown? ZRELAY_STATUS_DONE: ZRELAY_STATUS_BAD_ARGUMENTS));
    if (!shown) {
        assert (strstr (zrelay_error_sentence (self->error), name));
        return;
    }
    char *found = zrelay_setting_get (row, NULL, self);
    assert (streq (found, shown));
    zstr_free (&found);
}

static void
s_test_options (zrelay_access_t *self)
{
    static const struct { const char *name, *value, *shown; } cases [] = {
        { "ipc_mode", "0660", "0660" },
        { "ipc_mode", "600", "0600" },
        { "ipc_mode", "0000", "0000" },
        { "ipc_mode", "0777", "0777" },
        { "ipc_mode", "", "" },
        { "ipc_mode", "1777", NULL },
        { "ipc_mode", "0668", NULL },
        { "ipc_mode", "00660", NULL },
        { "ipc_mode", "66", NULL },
        { "ipc_mode", "-660", NULL },
        { "ipc_mode", "u=rw", NULL },
        { "ipc_group", "0", "0" },
        { "ipc_group", "4000000000", "4000000000" },
        { "ipc_group", "", "" },
        { "ipc_group", "4294967295", NULL },
        { "ipc_group", "-1", NULL },
        { "ipc_group", "no such group", NULL },
        { "ipc_group", "1x", NULL }
    };
    for (size_t index = 0; index < sizeof (cases) / sizeof (*cases); index++)
        s_test_setting (self, cases [index].name, cases [index].value,
                        cases [index].shown);
    assert (!zrelay_access_applies (self, "ipc:///run/orders"));
    s_test_setting (self, "ipc_group", "0", "0");
    assert (zrelay_access_applies (self, "ipc:///run/orders"));
    assert (!zrelay_access_applies (self, "tcp://127.0.0.1:*"));
    //  Of a refused value nothing remains
    s_test_setting (self, "ipc_group", "1x", NULL);
    s_test_setting (self, "ipc_group", "", "");
}

//  The file has the mode, under any umask, and replaces one that was left there

static void
s_test_bind (zrelay_access_t *self)
{
    static const char *const modes [] = { "0600", "0660", "0666", "0777" };
    static const mode_t masks [] = { 0, 022, 077, 0777 };
    char folder [] = "/tmp/zrelay-access-XXXXXX";
    assert (mkdtemp (folder));
    char *endpoint = zsys_sprintf ("ipc://%s/endpoint", folder);
    struct stat status;
    for (size_t index = 0; index < 16; index++) {
        const char *mode = modes [index / 4];
        s_test_setting (self, "ipc_mode", mode, mode);
        void *handle = zsys_socket (ZMQ_REP, __FILE__, __LINE__);
        mode_t before = umask (masks [index % 4]);
        assert (zrelay_access_bind (self, handle, endpoint) == NULL);
        umask (before);
        assert (stat (endpoint + strlen ("ipc://"), &status) == 0);
        assert ((status.st_mode & 07777) == strtoul (mode, NULL, 8));
        zsys_close (handle, __FILE__, __LINE__);
    }
    //  Only root may give a file to any group; nobody else has this one
    s_test_setting (self, "ipc_mode", "", "");
    s_test_setting (self, "ipc_group", "4000000000", "4000000000");
    void *handle = zsys_socket (ZMQ_REP, __FILE__, __LINE__);
    const char *refusal = zrelay_access_bind (self, handle, endpoint);
    if (refusal) {
        assert (strstr (refusal, "not a member"));
        assert (!zsys_file_exists (endpoint + strlen ("ipc://")));
    }
    else {
        assert (stat (endpoint + strlen ("ipc://"), &status) == 0);
        assert (status.st_gid == 4000000000);
        assert ((status.st_mode & 07777) == 0660);
    }
    assert (strstr (zrelay_access_bind (self, handle, "ipc://*"), "path"));
    assert (strstr (zrelay_access_bind (self, handle, "ipc://@x"), "path"));
    zsys_close (handle, __FILE__, __LINE__);
    zrelay_private_remove (endpoint);
    assert (rmdir (folder) == 0);
    zstr_free (&endpoint);
}

void
zrelay_access_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_access: ");
    //  @selftest
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_access_t *self = zrelay_access_new (error);
    s_test_options (self);
    s_test_bind (self);
    zrelay_access_destroy (&self);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
