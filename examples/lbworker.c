//  Load-balanced worker
//
//  A REQ socket says READY, and then answers "Hello N" with "World N", until it
//  is interrupted. Run several of them: a request goes to one that is free. It
//  sends no heartbeats, so it does not notice that the relay was started again;
//  ppworker does.
//  Usage: lbworker [endpoint]

#include <czmq.h>

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5556";

    zsock_t *worker = zsock_new_req (endpoint);
    if (!worker) {
        fprintf (stderr, "lbworker: cannot connect to %s\n", endpoint);
        return 1;
    }
    zstr_send (worker, "READY");
    while (true) {
        zmsg_t *msg = zmsg_recv (worker);
        if (!msg)
            break;              //  Interrupted

        //  The last frame is the request. The client's address is before it,
        //  and returns with the reply.
        zframe_t *body = zmsg_last (msg);
        char *request = zframe_strdup (body);
        printf ("Received request [%s]\n", request);
        fflush (stdout);

        //  A real worker would do its work here
        const char *number = strchr (request, ' ');
        char *reply = zsys_sprintf ("World%s", number? number: "");
        zframe_reset (body, reply, strlen (reply));
        zmsg_send (&msg, worker);
        zstr_free (&reply);
        zstr_free (&request);
    }
    zsock_destroy (&worker);
    return 0;
}
