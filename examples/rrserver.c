//  Request-reply server
//
//  Connects a REP socket and answers "Hello N" with "World N", until it is
//  interrupted. Run several of them: the queue shares out the requests.
//  Usage: rrserver [endpoint]

#include <czmq.h>

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5560";

    //  The queue binds, so this connects; zsock_new_rep () would bind
    zsock_t *server = zsock_new (ZMQ_REP);
    if (zsock_attach (server, endpoint, false)) {
        fprintf (stderr, "rrserver: cannot connect to %s\n", endpoint);
        zsock_destroy (&server);
        return 1;
    }
    while (true) {
        char *request = zstr_recv (server);
        if (!request)
            break;              //  Interrupted
        printf ("Received request [%s]\n", request);
        fflush (stdout);

        //  A real server would do its work here
        const char *number = strchr (request, ' ');
        zstr_sendf (server, "World%s", number? number: "");
        zstr_free (&request);
    }
    zsock_destroy (&server);
    return 0;
}
