//  A balancer and a majordomo inside one program, asked what they know
//
//  Both are actors, each with a thread of its own. The sockets that talk
//  through them are in this program too, but could be in any other.

#include <zrelay.h>

//  Bind one side of a relay to a free port; returns the endpoint, or NULL
static char *
s_bind (zrelay_client_t *control, const char *side)
{
    if (zrelay_client_command (control, "BIND", side, "tcp://127.0.0.1:*",
                               NULL)) {
        puts (zrelay_client_error (control));
        return NULL;
    }
    return zrelay_client_ask (control, "ENDPOINT", side, NULL);
}

//  Ask each worker's state. The answer has five frames for each: routing id,
//  state, client whose request it has, requests served, silent milliseconds.
static void
s_print_workers (zrelay_client_t *control)
{
    zmsg_t *answer = zrelay_client_query (control, "WORKERS", NULL);
    while (answer && zmsg_size (answer) >= 5) {
        char *words [5];
        for (int index = 0; index < 5; index++)
            words [index] = zmsg_popstr (answer);
        printf ("    %s is %s, requests served: %s\n", words [0], words [1],
                words [3]);
        for (int index = 0; index < 5; index++)
            zstr_free (&words [index]);
    }
    zmsg_destroy (&answer);
}

//  The same for services, with seven frames for each: name, workers, requests
//  waiting, served and failed, mean and greatest time in microseconds
static void
s_print_services (zrelay_client_t *control)
{
    zmsg_t *answer = zrelay_client_query (control, "SERVICES", NULL);
    while (answer && zmsg_size (answer) >= 7) {
        char *words [7];
        for (int index = 0; index < 7; index++)
            words [index] = zmsg_popstr (answer);
        printf ("    %s: workers %s, waiting %s, served %s, failed %s\n",
                words [0], words [1], words [2], words [3], words [4]);
        for (int index = 0; index < 7; index++)
            zstr_free (&words [index]);
    }
    zmsg_destroy (&answer);
}

//  The balancer: a worker says READY, and gets one request at a time
static void
s_balancer (void)
{
    printf ("balancer\n");
    zactor_t *balancer = zactor_new (zrelay_balancer, "jobs");
    zrelay_client_t *control = zrelay_client_new (balancer);
    char *frontend = s_bind (control, "FRONTEND");
    char *backend = s_bind (control, "BACKEND");
    zsock_t *worker = zsock_new (ZMQ_REQ);
    zsock_set_identity (worker, "Ann");
    zsock_connect (worker, "%s", backend);
    zsock_t *client = zsock_new_req (frontend);

    zstr_send (worker, "READY");
    zstr_send (client, "Hello");
    zmsg_t *work = zmsg_recv (worker);
    s_print_workers (control);

    //  The client's address is in front, and returns with the reply
    zframe_reset (zmsg_last (work), "World", 5);
    zmsg_send (&work, worker);
    char *reply = zstr_recv (client);
    printf ("    the client received %s\n", reply);
    s_print_workers (control);

    zstr_free (&reply);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zstr_free (&frontend);
    zstr_free (&backend);
    zrelay_client_destroy (&control);
    zrelay_destroy (&balancer);
}

//  The majordomo: a worker registers for a service, and a client names it
static void
s_majordomo (void)
{
    printf ("majordomo\n");
    zactor_t *broker = zactor_new (zrelay_majordomo, "services");
    zrelay_client_t *control = zrelay_client_new (broker);
    char *endpoint = s_bind (control, "FRONTEND");
    zsock_t *worker = zsock_new_dealer (endpoint);
    zsock_t *client = zsock_new_dealer (endpoint);

    //  A request waits if its service has no worker yet
    zstr_sendx (worker, "MDPW02", "\x01", "coffee", NULL);
    zstr_sendx (client, "MDPC02", "\x01", "coffee", "black", NULL);
    zmsg_t *work = zmsg_recv (worker);
    s_print_services (control);

    //  Behind protocol and command, the client's address returns with the reply
    zframe_reset (zmsg_first (work), "MDPW02", 6);
    zframe_reset (zmsg_next (work), "\x04", 1);
    zframe_reset (zmsg_last (work), "here you are", 12);
    zmsg_send (&work, worker);
    char *protocol, *command, *service, *body;
    zstr_recvx (client, &protocol, &command, &service, &body, NULL);
    printf ("    the client received from %s: %s\n", service, body);
    s_print_services (control);

    zstr_free (&protocol);
    zstr_free (&command);
    zstr_free (&service);
    zstr_free (&body);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zstr_free (&endpoint);
    zrelay_client_destroy (&control);
    zrelay_destroy (&broker);
}

int main (void)
{
    s_balancer ();
    s_majordomo ();
    return 0;
}
