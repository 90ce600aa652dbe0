//  Last values
//
//  Subscribes to a topic at a cache, and prints the last value of each topic at
//  once, and then the updates. With a third argument, it asks the cache for a
//  snapshot instead, at the endpoint of its LOOKUP, and ends.
//  Usage: cache [endpoint [topic [count]]]
//         cache endpoint topic lookup

#include <czmq.h>

//  Print the frames of a message: topic and body

static void
s_print (zmsg_t *msg)
{
    char *topic = zmsg_popstr (msg);
    char *body = zmsg_popstr (msg);
    printf ("%s: %s\n", topic, body? body: "-");
    fflush (stdout);
    zstr_free (&topic);
    zstr_free (&body);
}

static int
s_subscribe (const char *endpoint, const char *topic, int count)
{
    zsock_t *subscriber = zsock_new_sub (endpoint, topic);
    if (!subscriber) {
        fprintf (stderr, "cache: cannot connect to %s\n", endpoint);
        return 1;
    }
    int received = 0;
    while (received < count || count == 0) {
        zmsg_t *msg = zmsg_recv (subscriber);
        if (!msg)
            break;              //  Interrupted
        received++;
        s_print (msg);
        zmsg_destroy (&msg);
    }
    zsock_destroy (&subscriber);
    return received < count? 1: 0;
}

static int
s_lookup (const char *endpoint, const char *topic)
{
    zsock_t *dealer = zsock_new_dealer (endpoint);
    if (!dealer) {
        fprintf (stderr, "cache: cannot connect to %s\n", endpoint);
        return 1;
    }
    zstr_sendx (dealer, "ICANHAZ?", topic, NULL);
    bool ended = false;
    while (!ended) {
        zmsg_t *msg = zmsg_recv (dealer);
        if (!msg)
            break;              //  Interrupted
        ended = zframe_streq (zmsg_first (msg), "KTHXBAI");
        if (!ended)
            s_print (msg);
        zmsg_destroy (&msg);
    }
    zsock_destroy (&dealer);
    return ended? 0: 1;
}

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5558";
    const char *topic = argc > 2? argv [2]: "";
    const char *count = argc > 3? argv [3]: "0";        //  0: forever
    return streq (count, "lookup")? s_lookup (endpoint, topic)
                                  : s_subscribe (endpoint, topic, atoi (count));
}
