//  Publisher
//
//  Binds a PUB socket and publishes in turn on the topics "weather" and
//  "news". A message has several frames: the topic, its number, and a large
//  body in parts.
//  Usage: publisher [endpoint [count [msecs between messages]]]

#include <czmq.h>

#define BODY_PARTS  4
#define PART_SIZE   (256 * 1024)

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5556";
    int count = argc > 2? atoi (argv [2]): 0;           //  0: forever
    int interval = argc > 3? atoi (argv [3]): 100;

    zsock_t *publisher = zsock_new_pub (endpoint);
    if (!publisher) {
        fprintf (stderr, "publisher: cannot bind to %s\n", endpoint);
        return 1;
    }
    printf ("Publishing on %s\n", zsock_endpoint (publisher));
    fflush (stdout);
    for (int number = 1; number <= count || count == 0; number++) {
        zmsg_t *msg = zmsg_new ();
        zmsg_addstr (msg, number % 2? "weather": "news");
        zmsg_addstrf (msg, "%d", number);
        for (int part = 0; part < BODY_PARTS; part++) {
            zframe_t *frame = zframe_new (NULL, PART_SIZE);
            memset (zframe_data (frame), 'a' + part, PART_SIZE);
            zmsg_append (msg, &frame);
        }
        if (zmsg_send (&msg, publisher)) {
            zmsg_destroy (&msg);
            break;              //  Interrupted
        }
        zclock_sleep (interval);
        if (zsys_interrupted)
            break;
    }
    zsock_destroy (&publisher);
    return 0;
}
