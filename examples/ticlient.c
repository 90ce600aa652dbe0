//  Titanic client (ZeroMQ RFC 9, over Majordomo 0.1)
//
//  Leaves a request with a broker that keeps it on disk, fetches the reply
//  later, and closes the request. Prints the status, and what follows it.
//  Usage: ticlient [endpoint [request service body ... | reply uuid |
//                   close uuid]]

#include <czmq.h>

static char *s_default [] = { "request", "greeting", "Hello" };

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5555";
    char **words = argc > 3? argv + 2: s_default;
    int count = argc > 3? argc - 2: 3;

    zsock_t *client = zsock_new_req (endpoint);
    if (!client) {
        fprintf (stderr, "ticlient: cannot connect to %s\n", endpoint);
        return 1;
    }
    zsock_set_linger (client, 0);
    zsock_set_rcvtimeo (client, 10000);
    zmsg_t *request = zmsg_new ();
    zmsg_addstr (request, "MDPC01");
    zmsg_addstrf (request, "titanic.%s", words [0]);
    for (int index = 1; index < count; index++)
        zmsg_addstr (request, words [index]);
    zmsg_send (&request, client);
    zmsg_t *reply = zmsg_recv (client);
    zsock_destroy (&client);
    if (!reply) {
        fprintf (stderr, "ticlient: no reply\n");
        return 1;
    }
    //  Protocol and service precede the status
    int unwanted = 2;
    char *word;
    while ((word = zmsg_popstr (reply))) {
        if (unwanted-- <= 0)
            puts (word);
        zstr_free (&word);
    }
    zmsg_destroy (&reply);
    return 0;
}
