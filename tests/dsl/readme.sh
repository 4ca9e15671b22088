#!/usr/bin/env bash
# readme.sh COMPILER INCLUDES FOLDER: the code of README.md's first block, and that of dsl/README.md as one file, compile.
set -euo pipefail
compiler=$1 includes=$2 root=$3
code() { awk '/^```cpp$/ { inside = 1; next } /^```$/ { if (inside && first) exit; inside = 0 } inside' first="$2" "$1"; }
for file in README.md:1 dsl/README.md:0; do
  code "$root/${file%:*}" "${file#*:}" | "$compiler" -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I"$includes" -x c++ -
done
