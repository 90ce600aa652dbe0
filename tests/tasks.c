/*  =========================================================================
    tasks - pushes and pulls numbered tasks by the million

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For tests in Python, which would be too slow themselves:
//
//      tasks push ENDPOINT FIRST COUNT     pushes tasks FIRST ... and an end
//      tasks pull ENDPOINT COUNT WORKERS   pulls with so many sockets
//
//  A task is its number; an end is the number ~0. `pull` expects the tasks
//  0 ... COUNT - 1, each once. It stops once it has an end and COUNT tasks, or
//  when nothing came for a long time, and prints
//
//      received COUNT, twice N, unknown N, missing N, out of order N
//
//  Out of order is a task that comes, to one socket, after a task with a higher
//  number. With one pusher there is none.

#include <czmq.h>

#define END_OF_TASKS    UINT64_MAX
#define PATIENCE        30000       //  Milliseconds without a task: a hang

static int
s_push (const char *endpoint, uint64_t first, uint64_t count)
{
    zsock_t *sock = zsock_new_push (endpoint);
    assert (sock);
    zsock_set_linger (sock, -1);
    void *handle = zsock_resolve (sock);
    for (uint64_t number = first; number < first + count; number++)
        if (zmq_send (handle, &number, sizeof (number), 0) == -1)
            return EXIT_FAILURE;
    uint64_t end = END_OF_TASKS;
    zmq_send (handle, &end, sizeof (end), 0);
    zsock_destroy (&sock);
    return EXIT_SUCCESS;
}

static int
s_pull (const char *endpoint, uint64_t count, size_t workers)
{
    zmq_pollitem_t *items =
        (zmq_pollitem_t *) zmalloc (workers * sizeof (zmq_pollitem_t));
    zsock_t **socks = (zsock_t **) zmalloc (workers * sizeof (zsock_t *));
    uint64_t *expected = (uint64_t *) zmalloc (workers * sizeof (uint64_t));
    for (size_t worker = 0; worker < workers; worker++) {
        socks [worker] = zsock_new (ZMQ_PULL);
        int rc = zsock_connect (socks [worker], "%s", endpoint);
        assert (rc == 0);
        items [worker].socket = zsock_resolve (socks [worker]);
        items [worker].events = ZMQ_POLLIN;
    }
    byte *seen = (byte *) zmalloc (count);
    uint64_t received = 0, twice = 0, unknown = 0, disorder = 0;
    bool ended = false;
    while (!(ended && received >= count)
    &&     zmq_poll (items, (int) workers, PATIENCE) > 0) {
        for (size_t worker = 0; worker < workers; worker++) {
            uint64_t number;
            while (zmq_recv (items [worker].socket, &number, sizeof (number),
                             ZMQ_DONTWAIT) == sizeof (number)) {
                if (number == END_OF_TASKS) {
                    ended = true;
                    continue;
                }
                received++;
                if (number >= count) {
                    unknown++;
                    continue;
                }
                twice += seen [number];
                seen [number] = 1;
                disorder += number < expected [worker];
                expected [worker] = number + 1;
            }
        }
    }
    uint64_t missing = 0;
    for (uint64_t number = 0; number < count; number++)
        missing += !seen [number];
    printf ("received %" PRIu64 ", twice %" PRIu64 ", unknown %" PRIu64
            ", missing %" PRIu64 ", out of order %" PRIu64 "\n",
            received, twice, unknown, missing, disorder);
    for (size_t worker = 0; worker < workers; worker++)
        zsock_destroy (&socks [worker]);
    freen (socks);
    freen (items);
    freen (expected);
    freen (seen);
    return EXIT_SUCCESS;
}

int main (int argc, char *argv [])
{
    if (argc == 5 && streq (argv [1], "push"))
        return s_push (argv [2], strtoull (argv [3], NULL, 10),
                       strtoull (argv [4], NULL, 10));
    if (argc == 5 && streq (argv [1], "pull"))
        return s_pull (argv [2], strtoull (argv [3], NULL, 10),
                       strtoull (argv [4], NULL, 10));
    fprintf (stderr, "usage: tasks push ENDPOINT FIRST COUNT\n"
                     "       tasks pull ENDPOINT COUNT WORKERS\n");
    return EXIT_FAILURE;
}
