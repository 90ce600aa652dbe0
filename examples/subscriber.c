//  Subscriber
//
//  Connects a SUB socket, and prints what it receives on one topic.
//  Usage: subscriber [endpoint [topic [count]]]

#include <czmq.h>

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:8100";
    const char *topic = argc > 2? argv [2]: "weather";
    int count = argc > 3? atoi (argv [3]): 0;           //  0: forever

    zsock_t *subscriber = zsock_new_sub (endpoint, topic);
    if (!subscriber) {
        fprintf (stderr, "subscriber: cannot connect to %s\n", endpoint);
        return 1;
    }
    int received = 0;
    while (received < count || count == 0) {
        zmsg_t *msg = zmsg_recv (subscriber);
        if (!msg)
            break;              //  Interrupted
        received++;
        char *name = zmsg_popstr (msg);
        char *number = zmsg_popstr (msg);
        printf ("%s %s: %zu frames, %zu bytes\n", name, number? number: "-",
                zmsg_size (msg), zmsg_content_size (msg));
        fflush (stdout);
        zstr_free (&name);
        zstr_free (&number);
        zmsg_destroy (&msg);
    }
    zsock_destroy (&subscriber);
    return received < count? 1: 0;
}
