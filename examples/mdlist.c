//  Majordomo management (protocol 0.1 and MMI, ZeroMQ RFC 7 and 8)
//
//  Asks the broker which services have workers, and prints their names; or, if
//  a service is named, whether it has any: 200 if so, else 404. Clients of
//  protocol 0.1 are this short, as a REQ socket adds the empty frame.
//  Usage: mdlist [endpoint [service]]

#include <czmq.h>

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5555";
    const char *service = argc > 2? argv [2]: NULL;

    zsock_t *client = zsock_new_req (endpoint);
    if (!client) {
        fprintf (stderr, "mdlist: cannot connect to %s\n", endpoint);
        return 1;
    }
    zsock_set_rcvtimeo (client, 10000);
    zstr_sendx (client, "MDPC01", service? "mmi.service": "mmi.services",
                service? service: "", NULL);
    zmsg_t *reply = zmsg_recv (client);
    zsock_destroy (&client);
    if (!reply) {
        fprintf (stderr, "mdlist: no reply\n");
        return 1;
    }
    //  Protocol and service, then the status, which a list follows
    int unwanted = service? 2: 3;
    char *word;
    while ((word = zmsg_popstr (reply))) {
        if (unwanted-- <= 0)
            puts (word);
        zstr_free (&word);
    }
    zmsg_destroy (&reply);
    return 0;
}
