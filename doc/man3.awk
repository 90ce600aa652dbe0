#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Makes the manual page of a class from its public header:
#
#       awk -v version=0.2.0 -f man3.awk include/zrelay_stats.h
#
#   NAME comes from the header's first comment, SYNOPSIS from its functions, and
#   DESCRIPTION from all that stands between @interface and @end: comments at
#   the start of a line are prose, and the rest is code. A comment that
#   directly precedes code describes it, so the page shows the code first.

function fatal(why) {
    print FILENAME ":" FNR ": " why > "/dev/stderr"
    failed = 1
    exit 1
}

#   Text as roff takes it. The two characters that roff would make into
#   typographical ones are to remain what they are.
function escaped(text) {
    gsub (/\\/, "\\e", text)
    gsub (/--/, "\\-\\-", text)
    gsub (/~/, "\\(ti", text)
    gsub (/\^/, "\\(ha", text)
    gsub (/`/, "\\(ga", text)
    gsub (/'/, "\\(aq", text)
    return text ~ /^[.]/? "\\&" text: text
}

#   A line of prose, with the names of functions in bold, as far as a parenthesis
#   follows on the same line. A header has a page, which is what a reader of
#   pages can look up.
function prose(text,    shown, name) {
    text = escaped(text)
    shown = ""
    while (match (text, /zrelay_[a-z]+[.]h/)) {
        name = substr (text, RSTART, RLENGTH - 2)
        shown = shown substr (text, 1, RSTART - 1) "\\fB" name "\\fR(3)"
        text = substr (text, RSTART + RLENGTH)
    }
    text = shown text
    shown = ""
    while (match (text, /[a-z][a-z0-9]*_[a-z0-9_]* \(/)) {
        name = substr (text, RSTART, RLENGTH - 2)
        shown = shown substr (text, 1, RSTART - 1) "\\fB" name "\\fR ("
        text = substr (text, RSTART + RLENGTH)
    }
    return shown text
}

#   ------------------------------------------------------------------------
#   Output: mode is "text", "list" or "code"

function to_mode(new) {
    if (mode == "code" && new != "code")
        print ".fi\n.RE"
    if (new == "code" && mode != "code")
        print (mode == "list"? ".RS 2\n.RE\n": "") ".PP\n.RS 4\n.nf"
    mode = new
}

function print_comment(text) {
    if (text == "") {
        #   An empty line may be part of an example
        blank = 1
        return
    }
    if (text ~ /^    /) {
        if (blank && mode == "code")
            print ""
        to_mode("code")
        print escaped(substr (text, 5))
    }
    else
    if (text ~ /^- /) {
        to_mode("list")
        print ".IP \\(bu 2\n" prose(substr (text, 3))
    }
    else
    if (mode == "list" && text ~ /^  /)
        print prose(substr (text, 3))
    else {
        if (mode == "code" || mode == "list" || blank) {
            to_mode("text")
            print ".PP"
        }
        mode = "text"
        print prose(text)
    }
    blank = 0
}

function print_code(    line) {
    if (mode != "start") {
        to_mode("text")
        print ".PP"
    }
    mode = "text"
    print ".nf\n.ft B"
    for (line = 1; line <= codes; line++)
        print escaped(code [line])
    print ".ft R\n.fi"
    codes = 0
}

#   An item: the comment that was read, and the code below it
function print_item(    line, described) {
    if (!comments && !codes)
        return
    described = codes && comments && !intro
    if (described) {
        print_code()
        print ".RS 4"
        mode = "start"
    }
    for (line = 1; line <= comments; line++)
        print_comment(comment [line])
    to_mode("text")
    if (described)
        print ".RE"
    if (codes)
        print_code()
    comments = 0
    intro = blank = 0
}

#   Functions and macros for the synopsis
function note_prototype(line) {
    sub (/^ +/, "", line)
    if (line ~ /^ZRELAY_EXPORT /) {
        sub (/^ZRELAY_EXPORT /, "", line)
        prototype = line (line ~ /[*]$/? "": " ")
        if (line ~ /\(/)
            fatal("a function's name belongs on the line below its type")
        begun = 0
    }
    else
    if (prototype != "") {
        if (!begun)
            synopsis [++prototypes] = prototype line
        else
            synopsis [++prototypes] = "    " line
        begun = 1
        if (line ~ /;$/)
            prototype = ""
    }
}

function add_code(line) {
    note_prototype(line)
    sub (/^ZRELAY_EXPORT /, "", line)
    code [++codes] = line
    depth += gsub (/{/, "{", line) - gsub (/}/, "}", line)
}

#   ------------------------------------------------------------------------
#   Input

FNR == 1 { mode = "text"; intro = 1 }

#   "zrelay_stats - reads and prints a relay's answer to STATS"
FNR == 2 {
    split ($0, words, / - /)
    name = words [1]
    sub (/^ +/, "", name)
    summary = substr ($0, index ($0, " - ") + 3)
    if (name !~ /^zrelay_/ || summary == "")
        fatal("the second line is NAME - SUMMARY")
}

/@interface/ { inside = 1; next }
/@end/ { inside = 0; ended = 1 }
inside { lines [++count] = $0 }

END {
    if (failed)
        exit 1
    if (!ended)
        fatal("there is nothing between @interface and @end")
    #   Functions first, since their synopsis comes first
    header = name == "zrelay_main"? "zrelay_main.h": "zrelay.h"
    for (number = 1; number <= count; number++)
        note_prototype(lines [number])

    print ".\\\" Made from the header " name ".h by man3.awk: change it there"
    print ".TH " toupper (name) " 3 \"\" \"zrelay " version "\"" \
        " \"zrelay's Library\""
    #   No name may be hyphenated
    print ".nh"
    print ".SH NAME\n" name " \\- " escaped(summary)
    print ".SH SYNOPSIS\n.nf\n.ft B\n#include <" header ">"
    if (prototypes)
        print ""
    for (number = 1; number <= prototypes; number++)
        print escaped(synopsis [number])
    print ".ft R\n.fi\n.SH DESCRIPTION"

    for (number = 1; number <= count; number++) {
        line = lines [number]
        if (line ~ /^\/\/  ----/) {
            print_item()
            heading = ""
            while (lines [number + 1] ~ /^\/\//) {
                sub (/^\/\/ */, "", lines [++number])
                heading = heading (heading == ""? "": " ") lines [number]
            }
            print ".SS \"" escaped(heading) "\""
            mode = "start"
        }
        else
        if (line ~ /^\/\//) {
            if (codes)
                print_item()
            comment [++comments] = substr (line, 5)
        }
        else
        if (line == "" && !depth)
            print_item()
        else
            add_code(line)
    }
    print_item()
    print ".SH SEE ALSO"
    print ".BR zrelay (1),\n.BR zrelay (7),"
    print ".BR " (name == "zrelay_proxy"? "zrelay_engine": "zrelay_proxy") \
        " (3),\n.BR czmq (7)"
}
