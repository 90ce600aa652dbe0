//  Three relays inside one program, steered through their pipes while they run
//
//  A queue, a forwarder and a streamer are actors, each with a thread of its
//  own. The sockets that talk through them are in this program too, but could
//  be in any other.

#include <zrelay.h>

//  Bind one side of a relay to a free port; returns the endpoint, or NULL
static char *
s_bind (zactor_t *relay, const char *side)
{
    zstr_sendx (relay, "BIND", side, "tcp://127.0.0.1:*", NULL);
    if (zsock_wait (relay) != ZRELAY_DONE)
        return NULL;
    char *name, *endpoint;
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    zstr_recvx (relay, &name, &endpoint, NULL);
    zstr_free (&name);
    return endpoint;
}

//  Receive a string and print it
static void
s_print (const char *what, zsock_t *sock)
{
    char *string = zstr_recv (sock);
    printf ("    %s %s\n", what, string);
    zstr_free (&string);
}

//  Print how many messages a relay carried, and end it
static void
s_finish (zactor_t **relay_p)
{
    zrelay_stats_t *stats = zrelay_stats_query (*relay_p);
    printf ("    %s: %" PRIu64 " messages forward, %" PRIu64 " returned\n",
            zrelay_stats_name (stats),
            zrelay_stats_value (stats, "backend.out.messages"),
            zrelay_stats_value (stats, "frontend.out.messages"));
    zrelay_stats_destroy (&stats);
    zrelay_destroy (relay_p);
}

//  The queue: a request goes forward, and its reply returns
static void
s_queue (void)
{
    printf ("queue\n");
    zactor_t *queue = zactor_new (zrelay_queue, "orders");
    char *frontend = s_bind (queue, "FRONTEND");
    char *backend = s_bind (queue, "BACKEND");
    zsock_t *client = zsock_new_req (frontend);
    zsock_t *worker = zsock_new (ZMQ_REP);
    zsock_connect (worker, "%s", backend);

    zstr_send (client, "Hello");
    s_print ("the worker received", worker);
    zstr_send (worker, "World");
    s_print ("the client received", client);

    zsock_destroy (&client);
    zsock_destroy (&worker);
    zstr_free (&frontend);
    zstr_free (&backend);
    s_finish (&queue);
}

//  The forwarder: subscriptions reach the publisher, and publications reach the
//  subscriber. The publisher is an XPUB, which can see the subscriptions.
static void
s_forwarder (void)
{
    printf ("forwarder\n");
    zactor_t *forwarder = zactor_new (zrelay_forwarder, "feed");
    char *frontend = s_bind (forwarder, "FRONTEND");
    char *backend = s_bind (forwarder, "BACKEND");
    zsock_t *publisher = zsock_new (ZMQ_XPUB);
    zsock_connect (publisher, "%s", frontend);
    zsock_t *subscriber = zsock_new_sub (backend, "weather");

    //  The first byte of a subscription is 1; that of a cancellation is 0
    zframe_t *subscription = zframe_recv (publisher);
    printf ("    the publisher sees a subscription to %.*s\n",
            (int) zframe_size (subscription) - 1,
            (char *) zframe_data (subscription) + 1);
    zframe_destroy (&subscription);
    zstr_sendx (publisher, "news", "nobody wants this", NULL);
    zstr_sendx (publisher, "weather", "sunny", NULL);
    char *topic, *body;
    zstr_recvx (subscriber, &topic, &body, NULL);
    printf ("    the subscriber received %s: %s\n", topic, body);
    zstr_free (&topic);
    zstr_free (&body);

    zsock_destroy (&publisher);
    zsock_destroy (&subscriber);
    zstr_free (&frontend);
    zstr_free (&backend);
    s_finish (&forwarder);
}

//  The streamer is paused for a while: tasks wait, and none is lost
static void
s_streamer (void)
{
    printf ("streamer\n");
    zactor_t *streamer = zactor_new (zrelay_streamer, "tasks");
    char *frontend = s_bind (streamer, "FRONTEND");
    char *backend = s_bind (streamer, "BACKEND");
    zsock_t *pusher = zsock_new_push (frontend);
    zsock_t *puller = zsock_new (ZMQ_PULL);
    zsock_connect (puller, "%s", backend);

    zstr_send (streamer, "PAUSE");
    zsock_wait (streamer);
    zstr_send (pusher, "task 1");
    zstr_send (pusher, "task 2");
    zrelay_stats_t *stats = zrelay_stats_query (streamer);
    printf ("    it is %s: %" PRIu64 " tasks went through\n",
            zrelay_stats_state (stats),
            zrelay_stats_value (stats, "backend.out.messages"));
    zrelay_stats_destroy (&stats);

    zstr_send (streamer, "RESUME");
    zsock_wait (streamer);
    s_print ("the puller received", puller);
    s_print ("the puller received", puller);

    zsock_destroy (&pusher);
    zsock_destroy (&puller);
    zstr_free (&frontend);
    zstr_free (&backend);
    s_finish (&streamer);
}

int main (void)
{
    s_queue ();
    s_forwarder ();
    s_streamer ();
    return 0;
}
