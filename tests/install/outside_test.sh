#!/usr/bin/env bash
# outside_test.sh BUILD CMAKE COMPILER EXAMPLE: installs BUILD to a temporary place and uses it from there: a project of
# twenty lines by find_package and by pkg-config, nothing but the compiler library needs LLVM, and a program file runs
# where there is no compiler, in this system and in a root directory of its own.
set -euo pipefail
build=$1 cmake=$2 compiler=$3 example=$4
here=$(cd "$(dirname "$0")" && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
export HEED_CACHE=$room/cache
unset HEED_COMPILER LD_LIBRARY_PATH
fail() { echo "install: $*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"; }
libraries() { ldd "$1" | awk '$2 == "=>" {print $3} $1 ~ "^/" {print $1}'; }
without_llvm() { ! ldd "$1" | grep -E 'LLVM|MLIR' || fail "$1 needs LLVM"; }

"$cmake" --install "$build" --prefix "$room/tree" >/dev/null

[ "$(cat "$here"/outside/* | wc -l)" -le 20 ] || fail "the outside project has more than twenty lines"
"$cmake" -S "$here/outside" -B "$room/build" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$room/tree" >/dev/null
"$cmake" --build "$room/build" >/dev/null
expect "find_package" "[2, 50, 96]" "$("$room/build/outside" save "$room/mha.heed")"

export PKG_CONFIG_PATH=$room/tree/lib/pkgconfig
# shellcheck disable=SC2046
"$compiler" "$here/outside/main.cpp" -o "$room/by_pkg_config" $(pkg-config --cflags --libs heed) \
  -Wl,-rpath,"$(pkg-config --variable=libdir heed)"
expect "pkg-config" "[2, 50, 96]" "$("$room/by_pkg_config" save "$room/same.heed")"
cmp "$room/mha.heed" "$room/same.heed" || fail "two programs of one network differ"

for file in "$room/tree/lib/libheed.so" "$room/build/outside" "$example" "$room/tree/bin/heed-cache"; do
  without_llvm "$file"
done
expect "heed-cache verify" "1 good, 0 damaged" "$("$room/tree/bin/heed-cache" verify)"
"$room/tree/bin/heed-cache" list | grep -q 'multi_head_attention.*LLVM' || fail "heed-cache lists no such program"
truncate -s -1 "$HEED_CACHE"/*.heed
"$room/tree/bin/heed-cache" verify >"$room/verified" && fail "heed-cache verify finds no damage"
grep -q 'truncated' "$room/verified" || fail "heed-cache verify: $(<"$room/verified")"
expect "heed-cache clear" "1 files removed" "$("$room/tree/bin/heed-cache" clear)"

mv "$room/tree/lib/libheed_compiler.so" "$room/hidden.so"
expect "without the compiler" "[2, 50, 96]" "$("$room/build/outside" run "$room/mha.heed")"
refusal=$("$room/build/outside" save "$room/none.heed") && fail "compiled without a compiler"
grep -q 'cannot be loaded' <<<"$refusal" || fail "without a compiler: '$refusal'"

# A root directory that holds the program, what it links and nothing else.
enter=(chroot)
[ "$(id -u)" -eq 0 ] || enter=(unshare --map-root-user chroot)
mkdir "$room/root"
for file in $(libraries "$room/build/outside") "$room/build/outside" "$room/mha.heed"; do
  mkdir -p "$room/root$(dirname "$file")"
  cp -L "$file" "$room/root$file"
done
if "${enter[@]}" "$room/root" "$room/build/outside" >/dev/null 2>&1 || [ $? -eq 1 ]; then
  expect "in a root of its own" "[2, 50, 96]" \
    "$("${enter[@]}" "$room/root" "$room/build/outside" run "$room/mha.heed")"
else
  echo "install: this system allows no root directory of one's own; that part is left out"
fi
