#!/bin/sh
# every_sentence.sh MESSAGE_H DIRECTORY: each sentence of message.h is expected by some case of the directory.
set -u
message=$1
directory=$2
missing=0
sentences=$(sed -n 's/^inline constexpr char [a-z_0-9]*\[\] = "\(.*\)";$/\1/p' "$message")
[ -n "$sentences" ] || { echo "$message: no sentences found"; exit 1; }
while IFS= read -r sentence; do
  if ! grep -h '^// expect: ' "$directory"/*.cpp | grep -qF "\"$sentence"; then
    echo "no case in must_not_compile expects: $sentence"
    missing=1
  fi
done <<END
$sentences
END
exit $missing
