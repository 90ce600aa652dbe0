//  Task worker
//
//  Takes tasks from a PULL socket, works, and pushes the results to the sink,
//  until it is interrupted. Run several of them to share the work.
//  Usage: worker [endpoint [sink endpoint]]

#include <czmq.h>

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5558";
    const char *sink_endpoint = argc > 2? argv [2]: "tcp://127.0.0.1:5561";

    //  The streamer binds, so this connects; zsock_new_pull () would bind
    zsock_t *receiver = zsock_new (ZMQ_PULL);
    zsock_t *sender = zsock_new_push (sink_endpoint);
    if (!sender || zsock_attach (receiver, endpoint, false)) {
        fprintf (stderr, "worker: cannot connect to %s or %s\n", endpoint,
                 sink_endpoint);
        zsock_destroy (&sender);
        zsock_destroy (&receiver);
        return 1;
    }
    while (!zsys_interrupted) {
        char *task = zstr_recv (receiver);
        if (!task)
            break;              //  Interrupted
        zclock_sleep (atoi (task));
        zstr_send (sender, task);
        zstr_free (&task);
    }
    zsock_destroy (&receiver);
    zsock_destroy (&sender);
    return 0;
}
