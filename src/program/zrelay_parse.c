/*  =========================================================================
    zrelay_parse - reads options of a command line, by a table

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_parse.h"

#include <getopt.h>

//  More than any command has
#define OPTIONS_MAX 64

//  The most that getopt's string of letters can have: two marks, and a colon
//  behind each
#define LETTERS_SIZE (OPTIONS_MAX * 2 + 3)

//  getopt returns letters for short forms, and for long ones the option's
//  index and this
#define LONG_FORM 256

//  Width of the left column of help
#define LEFT_WIDTH 27


//  --------------------------------------------------------------------------
//  Options

//  The option that getopt means; NULL if it means none

static const zrelay_parse_option_t *
s_find (zrelay_parse_t *self, int letter)
{
    if (letter >= LONG_FORM)
        return &self->options [letter - LONG_FORM];
    const zrelay_parse_option_t *option = self->options;
    while (option->name && (!letter || option->letter != letter))
        option++;
    return option->name? option: NULL;
}

//  Where the user is told more, as "PROGRAM WORD"

static zrelay_exit_t
s_refer (zrelay_parse_t *self, const char *format, const char *about,
         const char *argument)
{
    char *sentence = zsys_sprintf (format, about, argument);
    assert (sentence);
    zrelay_parse_wrong (self, "%s; see %s%s%s --help", sentence,
                        zrelay_report_program (self->report),
                        *self->word? " ": "", self->word);
    zstr_free (&sentence);
    return ZRELAY_EXIT_MISUSE;
}

//  Report an option that getopt did not understand. letter is its optopt, and
//  word what it read last.

static zrelay_exit_t
s_wrong (zrelay_parse_t *self, int letter, const char *word)
{
    const zrelay_parse_option_t *option = s_find (self, letter);
    char text [] = { '-', (char) letter, 0 };
    if (option && option->argument)
        return s_refer (self, "--%s needs an argument, %s", option->name,
                        option->argument);
    if (option)
        return zrelay_parse_wrong (self, "--%s takes no argument",
                                   option->name);
    return s_refer (self, "there is no option %s", letter? text: word, NULL);
}

//  Check how an option may be given, and hand it to its handler

static zrelay_exit_t
s_take (zrelay_parse_t *self, const char **given_p,
        const zrelay_parse_option_t *option, const char *argument)
{
    if (option->once && *given_p)
        return zrelay_parse_wrong (self,
            "--%s was given twice, '%s' and '%s'; give it once", option->name,
            *given_p, argument);
    if (option->once && !*argument)
        return zrelay_parse_wrong (self,
            "--%s needs an argument that is not empty", option->name);
    *given_p = argument;
    return option->handler (self, option, argument);
}

//  Describe the options to getopt

static void
s_describe (zrelay_parse_t *self, struct option *longs, char *letters)
{
    if (self->ahead)
        *letters++ = '+';
    for (size_t index = 0; self->options [index].name; index++) {
        assert (index < OPTIONS_MAX);
        const zrelay_parse_option_t *option = &self->options [index];
        longs [index].name = option->name;
        longs [index].has_arg =
            option->argument? required_argument: no_argument;
        longs [index].val = LONG_FORM + (int) index;
        if (option->letter)
            *letters++ = option->letter;
        if (option->letter && option->argument)
            *letters++ = ':';
    }
    *letters = 0;
}

zrelay_exit_t
zrelay_parse (zrelay_parse_t *self, int argc, char **argv, int *next_p)
{
    struct option longs [OPTIONS_MAX + 1] = { { NULL, 0, NULL, 0 } };
    char letters [LETTERS_SIZE];
    const char *given [OPTIONS_MAX] = { NULL };
    s_describe (self, longs, letters);
    zrelay_exit_t status = ZRELAY_EXIT_NOT_YET;
    opterr = 0;
    int letter;
    while (status == ZRELAY_EXIT_NOT_YET && !self->asked
       && (letter = getopt_long (argc, argv, letters, longs, NULL)) != -1) {
        const zrelay_parse_option_t *option = s_find (self, letter);
        status = option?
            s_take (self, &given [option - self->options], option, optarg):
            s_wrong (self, optopt, argv [optind - 1]);
    }
    *next_p = optind;
    return status;
}


//  --------------------------------------------------------------------------
//  Handlers

void *
zrelay_parse_place (zrelay_parse_t *self, const zrelay_parse_option_t *option)
{
    return (byte *) self->object + option->offset;
}

zrelay_exit_t
zrelay_parse_text (zrelay_parse_t *self, const zrelay_parse_option_t *option,
                   const char *argument)
{
    char **text_p = (char **) zrelay_parse_place (self, option);
    zstr_free (text_p);
    *text_p = strdup (argument);
    assert (*text_p);
    return ZRELAY_EXIT_NOT_YET;
}

zrelay_exit_t
zrelay_parse_flag (zrelay_parse_t *self, const zrelay_parse_option_t *option,
                   const char *argument)
{
    (void) argument;
    *(bool *) zrelay_parse_place (self, option) = true;
    return ZRELAY_EXIT_NOT_YET;
}

zrelay_exit_t
zrelay_parse_ask (zrelay_parse_t *self, const zrelay_parse_option_t *option,
                  const char *argument)
{
    self->asked = true;
    return zrelay_parse_flag (self, option, argument);
}


//  --------------------------------------------------------------------------
//  Help

void
zrelay_parse_print_right (int used, const char *text)
{
    if (used + 2 > LEFT_WIDTH) {
        printf ("\n");
        used = 0;
    }
    do {
        size_t size = strcspn (text, "\n");
        printf ("%*s%.*s\n", LEFT_WIDTH - used, "", (int) size, text);
        text += size + (text [size] == '\n');
        used = 0;
    } while (*text);
}

void
zrelay_parse_print (const zrelay_parse_option_t *option)
{
    int used = option->letter? printf ("  -%c, ", option->letter):
                               printf ("      ");
    used += printf ("--%s%s%s", option->name, option->argument? " ": "",
                    option->argument? option->argument: "");
    zrelay_parse_print_right (used, option->help);
}

void
zrelay_parse_print_all (const zrelay_parse_option_t *options)
{
    printf ("\nOptions:\n");
    for (; options->name; options++)
        zrelay_parse_print (options);
}
