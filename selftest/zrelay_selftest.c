/*  =========================================================================
    zrelay_selftest - runs each class's own test

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Prints TAP. Each test runs in a process of its own, so that an assert that
//  fails, a crash or a hang is one result and does not hide the others. In a
//  debugger or under valgrind, --in-process runs the tests without that.

#include "zrelay_testing.h"
#include "zrelay_address.h"
#include "zrelay_asking.h"
#include "zrelay_backlog.h"
#include "zrelay_basics.h"
#include "zrelay_cache_file.h"
#include "zrelay_capture.h"
#include "zrelay_certs.h"
#include "zrelay_choices.h"
#include "zrelay_cidr.h"
#include "zrelay_configure.h"
#include "zrelay_counts.h"
#include "zrelay_delays.h"
#include "zrelay_description.h"
#include "zrelay_diary.h"
#include "zrelay_drain.h"
#include "zrelay_endpoint.h"
#include "zrelay_errand.h"
#include "zrelay_envelope.h"
#include "zrelay_error.h"
#include "zrelay_file.h"
#include "zrelay_gaps.h"
#include "zrelay_flow.h"
#include "zrelay_hearing.h"
#include "zrelay_holds.h"
#include "zrelay_interest.h"
#include "zrelay_jetstream.h"
#include "zrelay_mask.h"
#include "zrelay_number.h"
#include "zrelay_owners.h"
#include "zrelay_pairing.h"
#include "zrelay_access.h"
#include "zrelay_inflow.h"
#include "zrelay_cuts.h"
#include "zrelay_where.h"
#include "zrelay_flooder.h"
#include "zrelay_hosts.h"
#include "zrelay_growth.h"
#include "zrelay_holders.h"
#include "zrelay_leavers.h"
#include "zrelay_endless.h"
#include "zrelay_inherited.h"
#include "zrelay_parcel.h"
#include "zrelay_patrol.h"
#include "zrelay_polls.h"
#include "zrelay_kernel.h"
#include "zrelay_private.h"
#include "zrelay_passwords.h"
#include "zrelay_permits.h"
#include "zrelay_refused.h"
#include "zrelay_rights.h"
#include "zrelay_receipts.h"
#include "zrelay_room.h"
#include "zrelay_retries.h"
#include "zrelay_row.h"
#include "zrelay_rulebook.h"
#include "zrelay_scan.h"
#include "zrelay_security.h"
#include "zrelay_setting.h"
#include "zrelay_strays.h"
#include "zrelay_subscriber.h"
#include "zrelay_subscriptions.h"
#include "zrelay_sites.h"
#include "zrelay_side.h"
#include "zrelay_sender.h"
#include "zrelay_topic.h"
#include "zrelay_events.h"
#include "zrelay_names.h"
#include "zrelay_sieve.h"
#include "zrelay_published.h"
#include "zrelay_topics.h"
#include "zrelay_view.h"
#include "zrelay_watcher.h"
#include "zrelay_wiring.h"
#include "zrelay_trial.h"
#include "zrelay_hush.h"
#include "zrelay_tree.h"
#include "zrelay_config.h"
#include "zrelay_zpl.h"
#ifdef ZRELAY_STORE
#   include "zrelay_block.h"
#   include "zrelay_crc.h"
#   include "zrelay_journal.h"
#   include "zrelay_ledger.h"
#   include <zrelay_spool.h>
#   include <zrelay_titanic.h>
#endif

#include <getopt.h>
#include <signal.h>
#include <sys/wait.h>

//  One class and its test
typedef struct {
    const char *name;               //  Name of the class
    void (*test) (bool verbose);    //  Its test: asserts, or returns
} test_item_t;

//  From the bottom up, so that the first failure is nearest to the cause
static const test_item_t s_tests [] = {
    { "zrelay_thread", zrelay_thread_test },
    { "zrelay_number", zrelay_number_test },
    { "zrelay_index", zrelay_index_test },
    { "zrelay_printer", zrelay_printer_test },
    { "zrelay_envelope", zrelay_envelope_test },
    { "zrelay_error", zrelay_error_test },
    { "zrelay_counts", zrelay_counts_test },
    { "zrelay_retries", zrelay_retries_test },
    { "zrelay_row", zrelay_row_test },
    { "zrelay_description", zrelay_description_test },
    { "zrelay_setting", zrelay_setting_test },
    { "zrelay_message", zrelay_message_test },
    { "zrelay_option", zrelay_option_test },
    { "zrelay_diary", zrelay_diary_test },
    { "zrelay_endpoint", zrelay_endpoint_test },
    { "zrelay_kernel", zrelay_kernel_test },
    { "zrelay_private", zrelay_private_test },
    { "zrelay_inherited", zrelay_inherited_test },
    { "zrelay_access", zrelay_access_test },
    { "zrelay_pairing", zrelay_pairing_test },
    { "zrelay_inflow", zrelay_inflow_test },
    { "zrelay_cuts", zrelay_cuts_test },
    { "zrelay_where", zrelay_where_test },
    { "zrelay_flooder", zrelay_flooder_test },
    { "zrelay_hosts", zrelay_hosts_test },
    { "zrelay_growth", zrelay_growth_test },
    { "zrelay_holders", zrelay_holders_test },
    { "zrelay_subscriber", zrelay_subscriber_test },
    { "zrelay_strays", zrelay_strays_test },
    { "zrelay_leavers", zrelay_leavers_test },
    { "zrelay_endless", zrelay_endless_test },
    { "zrelay_peers", zrelay_peers_test },
    { "zrelay_events", zrelay_events_test },
    { "zrelay_names", zrelay_names_test },
    { "zrelay_sieve", zrelay_sieve_test },
    { "zrelay_topics", zrelay_topics_test },
    { "zrelay_watcher", zrelay_watcher_test },
    { "zrelay_trial", zrelay_trial_test },
    { "zrelay_hush", zrelay_hush_test },
    { "zrelay_limits", zrelay_limits_test },
    { "zrelay_mask", zrelay_mask_test },
    { "zrelay_port", zrelay_port_test },
    { "zrelay_view", zrelay_view_test },
    { "zrelay_room", zrelay_room_test },
    { "zrelay_receipts", zrelay_receipts_test },
    { "zrelay_owners", zrelay_owners_test },
    { "zrelay_asking", zrelay_asking_test },
    { "zrelay_sender", zrelay_sender_test },
    { "zrelay_basics", zrelay_basics_test },
    { "zrelay_choices", zrelay_choices_test },
    { "zrelay_subscriptions", zrelay_subscriptions_test },
    { "zrelay_side", zrelay_side_test },
    { "zrelay_security", zrelay_security_test },
    { "zrelay_configure", zrelay_configure_test },
    { "zrelay_capture", zrelay_capture_test },
    { "zrelay_rights", zrelay_rights_test },
    { "zrelay_hearing", zrelay_hearing_test },
    { "zrelay_holds", zrelay_holds_test },
    { "zrelay_spooling", zrelay_spooling_test },
    { "zrelay_backlog", zrelay_backlog_test },
    { "zrelay_flow", zrelay_flow_test },
    { "zrelay_wiring", zrelay_wiring_test },
    { "zrelay_rulebook", zrelay_rulebook_test },
    { "zrelay_polls", zrelay_polls_test },
    { "zrelay_drain", zrelay_drain_test },
    { "zrelay_patrol", zrelay_patrol_test },
    { "zrelay_stats", zrelay_stats_test },
    { "zrelay_client", zrelay_client_test },
    { "zrelay_engine", zrelay_engine_test },
    { "zrelay_actor", zrelay_actor_test },
    { "zrelay_pool", zrelay_pool_test },
    { "zrelay_queue", zrelay_queue_test },
    { "zrelay_forwarder", zrelay_forwarder_test },
    { "zrelay_streamer", zrelay_streamer_test },
    { "zrelay_proxy", zrelay_proxy_test },
    { "zrelay_balancer", zrelay_balancer_test },
    { "zrelay_majordomo", zrelay_majordomo_test },
    { "zrelay_broker", zrelay_broker_test },
    { "zrelay_tree", zrelay_tree_test },
    { "zrelay_scan", zrelay_scan_test },
    { "zrelay_topic", zrelay_topic_test },
    { "zrelay_errand", zrelay_errand_test },
    { "zrelay_cache_file", zrelay_cache_file_test },
    { "zrelay_cache", zrelay_cache_test },
    { "zrelay_kinds", zrelay_kinds_test },
    { "zrelay_device", zrelay_device_test },
    { "zrelay_cidr", zrelay_cidr_test },
    { "zrelay_file", zrelay_file_test },
    { "zrelay_passwords", zrelay_passwords_test },
    { "zrelay_permits", zrelay_permits_test },
    { "zrelay_certs", zrelay_certs_test },
    { "zrelay_delays", zrelay_delays_test },
    { "zrelay_refused", zrelay_refused_test },
    { "zrelay_gate", zrelay_gate_test },
    { "zrelay_zpl", zrelay_zpl_test },
    { "zrelay_config", zrelay_config_test },
    { "zrelay_host", zrelay_host_test },
    { "zrelay_address", zrelay_address_test },
    { "zrelay_parcel", zrelay_parcel_test },
    { "zrelay_interest", zrelay_interest_test },
    { "zrelay_jetstream", zrelay_jetstream_test },
    { "zrelay_sites", zrelay_sites_test },
    { "zrelay_published", zrelay_published_test },
    { "zrelay_gaps", zrelay_gaps_test },
#ifdef ZRELAY_STORE
    { "zrelay_crc", zrelay_crc_test },
    { "zrelay_block", zrelay_block_test },
    { "zrelay_store", zrelay_store_test },
    { "zrelay_spool", zrelay_spool_test },
    { "zrelay_journal", zrelay_journal_test },
    { "zrelay_ledger", zrelay_ledger_test },
    { "zrelay_titanic", zrelay_titanic_test },
#endif
};
#define TESTS (sizeof (s_tests) / sizeof (s_tests [0]))

//  Seconds after which a test is said to hang, unless --deadline tells; under
//  sanitizers and on a busy machine everything is slow
#define DEADLINE 120

//  What the command line asked for
typedef struct {
    bool verbose;                   //  Tests may print what they do
    bool in_process;                //  No process for each test
    unsigned deadline;              //  Seconds for each test
    bool chosen [TESTS];            //  Which tests to run
} options_t;

static void
s_print_usage (FILE *stream)
{
    fprintf (stream,
        "usage: zrelay_selftest [options]\n"
        "  -l, --list            list the tests and exit\n"
        "  -t, --test NAME       run this test only; may be repeated\n"
        "  -v, --verbose         let tests print what they do\n"
        "  -i, --in-process      run tests in this process: for debuggers\n"
        "  -d, --deadline SECS   time for each test (default %d)\n"
        "  -h, --help            print this help and exit\n",
        DEADLINE);
}

//  Index of the test of a class, or -1. "queue" means zrelay_queue.
static int
s_find_test (const char *name)
{
    static const char prefix [] = "zrelay_";
    const size_t prefix_size = sizeof (prefix) - 1;
    for (size_t index = 0; index < TESTS; index++)
        if (streq (s_tests [index].name, name)
        ||  streq (s_tests [index].name + prefix_size, name))
            return (int) index;
    return -1;
}

//  Read the command line. Returns -1 to go on, else the exit status.
static int
s_read_options (options_t *options, int argc, char **argv)
{
    static const struct option longs [] = {
        { "list", no_argument, NULL, 'l' },
        { "test", required_argument, NULL, 't' },
        { "verbose", no_argument, NULL, 'v' },
        { "in-process", no_argument, NULL, 'i' },
        { "deadline", required_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };
    bool some_chosen = false;
    int letter;
    while ((letter = getopt_long (argc, argv, "lt:vid:h", longs, NULL)) != -1) {
        switch (letter) {
            case 'l':
                for (size_t index = 0; index < TESTS; index++)
                    puts (s_tests [index].name);
                return EXIT_SUCCESS;
            case 't': {
                int index = s_find_test (optarg);
                if (index == -1) {
                    fprintf (stderr, "zrelay_selftest: no test '%s'; "
                             "--list shows all\n", optarg);
                    return EXIT_FAILURE;
                }
                options->chosen [index] = true;
                some_chosen = true;
                break;
            }
            case 'v':
                options->verbose = true;
                break;
            case 'i':
                options->in_process = true;
                break;
            case 'd':
                options->deadline = (unsigned) strtoul (optarg, NULL, 10);
                break;
            case 'h':
                s_print_usage (stdout);
                return EXIT_SUCCESS;
            default:
                s_print_usage (stderr);
                return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        s_print_usage (stderr);
        return EXIT_FAILURE;
    }
    if (!some_chosen)
        for (size_t index = 0; index < TESTS; index++)
            options->chosen [index] = true;
    return -1;
}

//  The thread that prints the log has to end before the process does, or a leak
//  checker finds what it has

static void
s_run (const test_item_t *item, const options_t *options)
{
    item->test (options->verbose);
    zrelay_printer_settle_log ();
}

//  Run a test in a process of its own. Returns true if it passed, else tells
//  what happened in a TAP comment.
static bool
s_run_forked (const test_item_t *item, const options_t *options)
{
    //  The child's end is waited for as a signal, with a time limit
    sigset_t child_ended;
    sigset_t previous;
    sigemptyset (&child_ended);
    sigaddset (&child_ended, SIGCHLD);
    sigprocmask (SIG_BLOCK, &child_ended, &previous);

    fflush (stdout);
    pid_t pid = fork ();
    assert (pid != -1);
    if (pid == 0) {
        sigprocmask (SIG_SETMASK, &previous, NULL);
        s_run (item, options);
        //  Leaves through exit (), so that czmq cleans up and a leak checker
        //  has its say
        exit (EXIT_SUCCESS);
    }
    struct timespec limit = { .tv_sec = (time_t) options->deadline };
    bool hangs = false;
    int status = 0;
    while (waitpid (pid, &status, WNOHANG) == 0)
        if (sigtimedwait (&child_ended, NULL, &limit) == -1
        &&  errno == EAGAIN) {
            hangs = true;
            kill (pid, SIGKILL);
            waitpid (pid, &status, 0);
            break;
        }
    sigprocmask (SIG_SETMASK, &previous, NULL);

    if (hangs)
        printf ("#   %s: not done after %u seconds\n", item->name,
                options->deadline);
    else
    if (WIFSIGNALED (status))
        printf ("#   %s: ended by signal %d (%s)\n", item->name,
                WTERMSIG (status), strsignal (WTERMSIG (status)));
    else
    if (WEXITSTATUS (status) != EXIT_SUCCESS)
        printf ("#   %s: exit status %d\n", item->name, WEXITSTATUS (status));
    else
        return true;
    return false;
}

int main (int argc, char *argv [])
{
    options_t options = { .deadline = DEADLINE };
    int exit_status = s_read_options (&options, argc, argv);
    if (exit_status != -1)
        return exit_status;

    size_t planned = 0;
    for (size_t index = 0; index < TESTS; index++)
        planned += options.chosen [index];
    printf ("1..%zu\n", planned);

    size_t number = 0;
    size_t failed = 0;
    for (size_t index = 0; index < TESTS; index++) {
        if (!options.chosen [index])
            continue;
        const test_item_t *item = &s_tests [index];
        bool passed = true;
        if (options.in_process)
            s_run (item, &options);
        else
            passed = s_run_forked (item, &options);
        printf ("%sok %zu - %s\n", passed? "": "not ", ++number, item->name);
        failed += !passed;
    }
    return failed? EXIT_FAILURE: EXIT_SUCCESS;
}
