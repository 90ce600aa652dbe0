//  Task sink
//
//  Binds a PULL socket and collects the results of a batch.
//  Usage: sink [endpoint [count]]

#include <czmq.h>

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5561";
    int count = argc > 2? atoi (argv [2]): 100;

    zsock_t *receiver = zsock_new_pull (endpoint);
    if (!receiver) {
        fprintf (stderr, "sink: cannot bind to %s\n", endpoint);
        return 1;
    }
    printf ("Collecting on %s\n", zsock_endpoint (receiver));
    fflush (stdout);
    int64_t started = 0;
    int total = 0;
    int received = 0;
    while (received < count) {
        char *result = zstr_recv (receiver);
        if (!result)
            break;              //  Interrupted
        if (received == 0)
            started = zclock_mono ();
        received++;
        total += atoi (result);
        zstr_free (&result);
    }
    printf ("Received %d results, %d msec of work in %d msec\n", received,
            total, (int) (zclock_mono () - started));
    zsock_destroy (&receiver);
    return received < count? 1: 0;
}
