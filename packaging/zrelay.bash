#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Completion of zrelay's command line, for bash. Kinds, commands and options,
#   and what their arguments are, come from the program's own help, so that they
#   are always those of the program that is installed. The words that
#   "--set SIDE.OPTION=VALUE" begins with are the only ones named here.

#   Help for the first word, or for all
_zrelay_help () {
    "$1" "$2" --help 2> /dev/null || "$1" --help 2> /dev/null
}

#   Words that may come first: kinds, which the help lists with two spaces
#   before them, and the commands of its synopsis
_zrelay_first_words () {
    "$1" --help 2> /dev/null | awk '
        /^Kinds/ { kinds = 1; next }
        /^$/ { kinds = 0 }
        kinds && /^  [a-z]/ { print $1 }
        /^(Usage:)? +zrelay [a-z]/ { print $(1 + ($1 == "Usage:") + 1) }'
}

#   Words that may follow a command and its options, such as "list" after "ctl"
_zrelay_next_words () {
    awk '/^(Usage:)? +zrelay [a-z]+ \[options\] [a-z]/ {
        print $(4 + ($1 == "Usage:")) }'
}

#   Lines "OPTION ARGUMENT", the latter empty if the option has none
_zrelay_options () {
    awk '
        /^ +(-[a-zA-Z], )?--[a-z]/ {
            sub (/^ +/, "")
            short = ""
            if ($0 ~ /^-[a-zA-Z],/) {
                short = substr ($0, 1, 2)
                sub (/^-[a-zA-Z], /, "")
            }
            #   An argument is one space behind the name, the help several
            argument = $0 ~ /^--[a-z0-9-]+ [^ ]/? $2: ""
            print $1, argument
            if (short != "")
                print short, argument
        }'
}

#   What can be in the place of an argument
_zrelay_argument () {
    case $1 in
        FILE | KEY)
            compgen -f -- "$2" ;;
        DIRECTORY)
            compgen -d -- "$2" ;;
        "USER[:GROUP]")
            compgen -u -- "$2" ;;
        SIDE)
            compgen -W "frontend backend" -- "$2" ;;
        SIDE.OPTION=VALUE)
            compgen -W "frontend. backend. forward. return. relay." -- "$2" ;;
        *\|*)
            compgen -W "${1//|/ }" -- "$2" ;;
    esac
}

_zrelay () {
    local program=$1 word=$2 before=$3 first="" help options next argument
    COMPREPLY=()
    [ "$COMP_CWORD" -gt 1 ] && first=${COMP_WORDS[1]}
    help=$(_zrelay_help "$program" "$first")
    options=$(_zrelay_options <<< "$help")
    next=$(_zrelay_next_words <<< "$help")
    argument=$(awk -v option="$before" \
        '$1 == option && NF > 1 { print $2; exit }' <<< "$options")
    if [ -n "$argument" ]; then
        mapfile -t COMPREPLY < <(_zrelay_argument "$argument" "$word")
        [ "$argument" = SIDE.OPTION=VALUE ] && compopt -o nospace 2> /dev/null
        [ "$argument" = DIRECTORY ] && compopt -o filenames 2> /dev/null
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(
            compgen -W "$(awk '{ print $1 }' <<< "$options")" -- "$word")
    elif [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(
            compgen -W "$(_zrelay_first_words "$program")" -- "$word")
    elif [ -n "$next" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$next" -- "$word")
    else
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
} &&
complete -F _zrelay zrelay
