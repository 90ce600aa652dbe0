/*  =========================================================================
    zrelay_control - where the program's relays are steered

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For secure_getenv
#define _GNU_SOURCE 1

#include "zrelay_control.h"

#include <sys/stat.h>

//  The socket's name in the runtime directory
#define SOCKET_NAME "zrelay.control"

//  Stands before an endpoint where everybody may steer
#define ANYBODY "anybody "

//  What others must not be able to do there
#define OTHERS_MAY_WRITE (S_IWGRP | S_IWOTH)

const char *
zrelay_control_environment (void)
{
#if defined (__GLIBC__)
    const char *endpoint = secure_getenv ("ZRELAY_CONTROL");
#else
    const char *endpoint = getenv ("ZRELAY_CONTROL");
#endif
    return endpoint && *endpoint? endpoint: NULL;
}

static zrelay_exit_t
s_check (zrelay_plan_t *plan, zrelay_report_t *report)
{
    if ((plan->control_curve || plan->control_clients) && !plan->control)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "--control-curve and --control-clients need --control, where others"
            " steer");
    if (!plan->control_curve != !plan->control_clients)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "--control-curve and --control-clients belong together; give"
            " both");
    return ZRELAY_EXIT_NOT_YET;
}

//  The endpoint that was opened last, resolved, as a fresh string

static char *
s_last_endpoint (zrelay_client_t *host)
{
    zmsg_t *controls = zrelay_client_query (host, "CONTROLS", NULL);
    zframe_t *last = controls? zmsg_last (controls): NULL;
    char *endpoint = last? zframe_strdup (last): strdup ("");
    assert (endpoint);
    zmsg_destroy (&controls);
    return endpoint;
}

zrelay_exit_t
zrelay_open_control (zrelay_plan_t *plan, zrelay_client_t *host,
                     zrelay_report_t *report, zlist_t *lines)
{
    zrelay_exit_t status = s_check (plan, report);
    const char *endpoint =
        plan->control? plan->control: zrelay_control_environment ();
    if (status != ZRELAY_EXIT_NOT_YET || !endpoint)
        return status;
    //  Where strangers come, with a gate they cannot end the program by the
    //  first bytes of ZMTP 1.0, see CONTROL in zrelay_host.h
    if (strncmp (endpoint, ANYBODY, strlen (ANYBODY)) == 0)
        zrelay_client_command (host, "GATE", "CLEAR", "control", NULL);
    zrelay_client_command (host, "CONTROL", endpoint, plan->control_curve,
                           plan->control_clients, NULL);
    if (zrelay_client_status (host) != ZRELAY_STATUS_DONE)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE, "%s: %s",
            plan->control? "--control": "ZRELAY_CONTROL",
            zrelay_client_error (host));
    char *resolved = s_last_endpoint (host);
    char *line = zsys_sprintf ("control: bound to %s", resolved);
    assert (line);
    zlist_append (lines, line);
    zstr_free (&line);
    zstr_free (&resolved);
    return ZRELAY_EXIT_NOT_YET;
}


//  --------------------------------------------------------------------------
//  The runtime directory

//  True if it is a directory of this user's, in which nobody else can write.
//  What others own, they could put in the place of our socket.

static bool
s_is_safe (const char *path)
{
    struct stat status;
    if (lstat (path, &status))
        return false;
    if (!S_ISDIR (status.st_mode) || status.st_uid != geteuid ()
    ||  (status.st_mode & OTHERS_MAY_WRITE)) {
        errno = EPERM;
        return false;
    }
    return true;
}

//  Where there is no session, as in a container, one is made in /tmp

static char *
s_make_directory (void)
{
    char *path = zsys_sprintf ("/tmp/zrelay-%u", (unsigned) geteuid ());
    assert (path);
    if ((mkdir (path, S_IRWXU) == 0 || errno == EEXIST) && s_is_safe (path))
        return path;
    int error = errno;
    zstr_free (&path);
    errno = error;
    return NULL;
}

static char *
s_directory (void)
{
    const char *given = getenv ("XDG_RUNTIME_DIR");
    char *path = given && *given == '/'? strdup (given):
                 zsys_sprintf ("/run/user/%u", (unsigned) geteuid ());
    assert (path);
    if (s_is_safe (path))
        return path;
    zstr_free (&path);
    return s_make_directory ();
}

char *
zrelay_control_default (void)
{
    char *directory = s_directory ();
    if (!directory)
        return NULL;
    char *endpoint = zsys_sprintf ("ipc://%s/" SOCKET_NAME, directory);
    assert (endpoint);
    zstr_free (&directory);
    return endpoint;
}
