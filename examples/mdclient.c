//  Majordomo client (protocol 0.2, ZeroMQ RFC 18)
//
//  Sends all its requests to a service at once, and prints the replies as they
//  come. With several workers, that is in any order. A worker may send partial
//  replies before the final one. Gives up when nothing comes for a while.
//  Usage: mdclient [endpoint [service [count [msecs to wait]]]]

#include <czmq.h>

#define PROTOCOL "MDPC02"
#define REQUEST "\x01"
#define PARTIAL "\x02"

//  Print a reply: protocol, command, service, body. Returns true if it is the
//  last one to its request.
static bool
s_print (zmsg_t *msg)
{
    char *protocol = zmsg_popstr (msg);
    char *command = zmsg_popstr (msg);
    char *service = zmsg_popstr (msg);
    char *body = zmsg_popstr (msg);
    bool partial = command && streq (command, PARTIAL);
    printf ("Received %s [%s]\n", partial? "part": "reply", body? body: "");
    fflush (stdout);
    zstr_free (&protocol);
    zstr_free (&command);
    zstr_free (&service);
    zstr_free (&body);
    return !partial;
}

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5555";
    const char *service = argc > 2? argv [2]: "greeting";
    int count = argc > 3? atoi (argv [3]): 10;
    int msecs = argc > 4? atoi (argv [4]): 10000;

    zsock_t *client = zsock_new_dealer (endpoint);
    if (!client) {
        fprintf (stderr, "mdclient: cannot connect to %s\n", endpoint);
        return 1;
    }
    zsock_set_rcvtimeo (client, msecs);
    for (int number = 1; number <= count; number++) {
        char *body = zsys_sprintf ("Hello %d", number);
        zstr_sendx (client, PROTOCOL, REQUEST, service, body, NULL);
        zstr_free (&body);
    }
    int answered = 0;
    while (answered < count) {
        zmsg_t *msg = zmsg_recv (client);
        if (!msg) {
            fprintf (stderr, "mdclient: giving up, %d of %d answered\n",
                     answered, count);
            break;
        }
        answered += s_print (msg);
        zmsg_destroy (&msg);
    }
    zsock_destroy (&client);
    return answered < count? 1: 0;
}
