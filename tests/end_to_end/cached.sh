#!/usr/bin/env bash
# cached.sh COMMAND…: run twice with an empty cache, it compiles once; the second time LLVM is not even opened.
set -euo pipefail
HEED_CACHE=$(mktemp -d)
export HEED_CACHE
trap 'rm -rf "$HEED_CACHE"' EXIT
fail() { echo "$*" >&2; exit 1; }
"$@" | grep -E '^compiled in' || fail "the first run did not compile"
LD_DEBUG=files "$@" >"$HEED_CACHE/output" 2>"$HEED_CACHE/opened"
grep -E '^compiled earlier' "$HEED_CACHE/output" || fail "the second run did not use the cache"
grep -q 'libheed\.so' "$HEED_CACHE/opened" || fail "this system does not tell which libraries are opened"
! grep -E 'libLLVM|libheed_compiler' "$HEED_CACHE/opened" || fail "the second run opened the compiler"
