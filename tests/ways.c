/*  =========================================================================
    ways - a relay between any two sockets, by one of the ways to the engine

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For ways_test.py:
//
//      ways actor|function|libzmq FRONTEND BACKEND [SIDE.OPTION=VALUE]...
//
//  FRONTEND and BACKEND are types of sockets. A SUB subscribes to everything.
//  "libzmq" calls zmq_proxy (), which a preload may have taken over. It prints
//  the lines with which the program says that it is ready, and runs until it
//  is killed.

#include <zrelay.h>
#include <sys/prctl.h>

#define ANYWHERE    "tcp://127.0.0.1:*"

static const char *s_sides [] = { "frontend", "backend" };

static void
s_report (const char *side, const char *endpoint)
{
    printf ("proxy: %s bound to %s\n", side, endpoint);
    fflush (stdout);
}

//  Calls a function with side, option and value of each setting

typedef void (setting_fn) (void *arg, int side, const char *option,
                           const char *value);

static void
s_each_setting (char **settings, setting_fn *function, void *arg)
{
    for (; *settings; settings++) {
        char side [20], option [40], value [40];
        int count = sscanf (*settings, "%19[^.].%39[^=]=%39s", side, option,
                            value);
        assert (count == 3);
        function (arg, streq (side, s_sides [1]), option, value);
    }
}


//  --------------------------------------------------------------------------
//  As an actor

static void
s_must (zactor_t *relay)
{
    int status = zsock_wait (relay);
    assert (status == ZRELAY_STATUS_DONE);
}

static void
s_set_actor (void *arg, int side, const char *option, const char *value)
{
    zactor_t *relay = (zactor_t *) arg;
    zstr_sendx (relay, "SET", s_sides [side], option, value, NULL);
    s_must (relay);
}

static void
s_run_actor (char **types, char **settings)
{
    static const char *words [] = { "FRONTEND", "BACKEND" };
    zactor_t *relay = zactor_new (zrelay_proxy, NULL);
    assert (relay);
    s_each_setting (settings, s_set_actor, relay);
    for (int side = 0; side < 2; side++) {
        zstr_sendx (relay, words [side], types [side], "@" ANYWHERE,
                    streq (types [side], "SUB")? "": NULL, NULL);
        s_must (relay);
        char *name = NULL;
        char *endpoint = NULL;
        zstr_sendx (relay, "ENDPOINT", words [side], NULL);
        zstr_recvx (relay, &name, &endpoint, NULL);
        s_report (s_sides [side], endpoint);
        zstr_free (&name);
        zstr_free (&endpoint);
    }
    pause ();
}


//  --------------------------------------------------------------------------
//  By a function

static void
s_set_socket (void *arg, int side, const char *option, const char *value)
{
    void *handle = ((void **) arg) [side];
    if (streq (option, "xpub_verbose"))
        zsock_set_xpub_verbose (handle, atoi (value));
    else
        assert (false);
}

static void
s_run_function (char **types, char **settings, bool ours)
{
    static const struct {
        const char *name;
        int type;
    } all [] = {
        { "PAIR", ZMQ_PAIR }, { "PUB", ZMQ_PUB }, { "SUB", ZMQ_SUB },
        { "REQ", ZMQ_REQ }, { "REP", ZMQ_REP }, { "DEALER", ZMQ_DEALER },
        { "ROUTER", ZMQ_ROUTER }, { "PULL", ZMQ_PULL }, { "PUSH", ZMQ_PUSH },
        { "XPUB", ZMQ_XPUB }, { "XSUB", ZMQ_XSUB }
    };
    void *context = zmq_ctx_new ();
    void *handles [2];
    for (int side = 0; side < 2; side++) {
        int index = 0;
        while (strneq (all [index].name, types [side]))
            index++;
        handles [side] = zmq_socket (context, all [index].type);
        assert (handles [side]);
        if (all [index].type == ZMQ_SUB)
            zsock_set_subscribe (handles [side], "");
    }
    s_each_setting (settings, s_set_socket, handles);
    for (int side = 0; side < 2; side++) {
        int rc = zmq_bind (handles [side], ANYWHERE);
        assert (rc == 0);
        char *endpoint = zsock_last_endpoint (handles [side]);
        s_report (s_sides [side], endpoint);
        zstr_free (&endpoint);
    }
    if (ours)
        zrelay_device_run (handles [0], handles [1], NULL);
    else
        zmq_proxy (handles [0], handles [1], NULL);
}

int
main (int argc, char **argv)
{
    //  A test that is killed must not leave a relay behind
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (argc < 4) {
        fprintf (stderr, "Usage: %s WAY FRONTEND BACKEND [SETTING]...\n",
                 argv [0]);
        return EXIT_FAILURE;
    }
    if (streq (argv [1], "actor"))
        s_run_actor (argv + 2, argv + 4);
    else
        s_run_function (argv + 2, argv + 4, streq (argv [1], "function"));
    return EXIT_SUCCESS;
}
