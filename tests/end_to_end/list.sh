#!/bin/sh
# list.sh EXAMPLES/RUN: the list of examples, each of which must have a sentence.
list=$("$1" --list) || exit
printf '%s\n' "$list"
! printf '%s\n' "$list" | grep -vE '^[a-z0-9_]+ +[A-Z].*\.$' >&2
