//  Task ventilator
//
//  Connects a PUSH socket and sends a batch of tasks. Each task is a number,
//  the milliseconds of work that it takes.
//  Usage: ventilator [endpoint [count]]

#include <czmq.h>

#define LONGEST_TASK 10

int main (int argc, char *argv [])
{
    const char *endpoint = argc > 1? argv [1]: "tcp://127.0.0.1:5557";
    int count = argc > 2? atoi (argv [2]): 100;

    zsock_t *sender = zsock_new_push (endpoint);
    if (!sender) {
        fprintf (stderr, "ventilator: cannot connect to %s\n", endpoint);
        return 1;
    }
    //  By default, CZMQ may end a program before its messages are sent
    zsock_set_linger (sender, -1);
    int total = 0;
    int number;
    for (number = 0; number < count; number++) {
        int workload = number % LONGEST_TASK + 1;
        if (zstr_sendf (sender, "%d", workload))
            break;              //  Interrupted
        total += workload;
    }
    printf ("Sent %d tasks, %d msec of work\n", number, total);
    zsock_destroy (&sender);
    return number < count? 1: 0;
}
