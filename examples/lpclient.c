//  Lazy Pirate client
//
//  Sends "Hello" and expects "World" back, but does not wait forever: without a
//  reply in time it sends the request again, from a new socket, and in the end
//  gives up. A request that was sent twice may also be done twice.
//  Usage: lpclient [endpoint [count [msecs to wait [tries]]]]

#include <czmq.h>

//  Send a request and return the reply, or NULL after so many tries
static char *
s_ask (zsock_t **client_p, const char *endpoint, int number, int msecs,
       int tries)
{
    while (tries-- > 0) {
        zsock_set_rcvtimeo (*client_p, msecs);
        zstr_sendf (*client_p, "Hello %d", number);
        char *reply = zstr_recv (*client_p);
        if (reply || zsys_interrupted)
            return reply;
        printf ("No reply to request %d in %d msec\n", number, msecs);
        fflush (stdout);

        //  A REQ that waits for a reply cannot send, and a late reply to it
        //  must not be taken for that to the next request
        zsock_destroy (client_p);
        *client_p = zsock_new_req (endpoint);
    }
    return NULL;
}

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5555";
    int count = argc > 2? atoi (argv [2]): 10;
    int msecs = argc > 3? atoi (argv [3]): 10000;
    int tries = argc > 4? atoi (argv [4]): 3;

    zsock_t *client = zsock_new_req (endpoint);
    if (!client) {
        fprintf (stderr, "lpclient: cannot connect to %s\n", endpoint);
        return 1;
    }
    int number;
    for (number = 1; number <= count; number++) {
        char *reply = s_ask (&client, endpoint, number, msecs, tries);
        if (!reply) {
            fprintf (stderr, "lpclient: giving up\n");
            break;
        }
        printf ("Received reply %d [%s]\n", number, reply);
        fflush (stdout);
        zstr_free (&reply);
    }
    zsock_destroy (&client);
    return number > count? 0: 1;
}
