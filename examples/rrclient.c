//  Request-reply client
//
//  Connects a REQ socket, sends "Hello" and expects "World" back.
//  Usage: rrclient [endpoint [count]]

#include <czmq.h>

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5559";
    int count = argc > 2? atoi (argv [2]): 10;

    zsock_t *client = zsock_new_req (endpoint);
    if (!client) {
        fprintf (stderr, "rrclient: cannot connect to %s\n", endpoint);
        return 1;
    }
    int number;
    for (number = 1; number <= count; number++) {
        zstr_sendf (client, "Hello %d", number);
        char *reply = zstr_recv (client);
        if (!reply)
            break;              //  Interrupted
        printf ("Received reply %d [%s]\n", number, reply);
        zstr_free (&reply);
    }
    zsock_destroy (&client);
    return number > count? 0: 1;
}
