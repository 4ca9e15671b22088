#!/usr/bin/env bash
# expect.sh STATUS PATTERN COMMAND…: the command ends with that status and prints a line that matches the extended
# regular expression; where the status is not 0, on standard error and with nothing on standard output.
export HEED_CACHE=off  # the user's is left alone
status=$1 pattern=$2
shift 2
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
output=$("$@" 2>"$errors")
found=$?
text=$output
[ "$status" -eq 0 ] || text=$(<"$errors")
printf '%s\n' "$output"
cat "$errors"
if [ "$found" -ne "$status" ]; then
  echo "expected status $status, found $found" >&2
  exit 1
fi
if ! grep -qE -e "$pattern" <<<"$text"; then
  echo "expected a line that matches '$pattern'" >&2
  exit 1
fi
