#!/bin/sh
# must_not_compile.sh COMPILER FILE INCLUDE_DIR...
# FILE must fail to compile; its first error must stand at the line marked `// error here` and hold the text that
# FILE's `// expect: ` line quotes, with strings spelt alike for all compilers.
set -u
compiler=$1
file=$2
shift 2
includes=
for dir; do includes="$includes -I$dir"; done

expected=$(sed -n 's|^// expect: ||p' "$file")
line=$(grep -n '// error here' "$file" | head -n 1 | cut -d: -f1)
if [ -z "$expected" ] || [ -z "$line" ]; then
  echo "$file: needs a line '// expect: ...' and a line marked '// error here'"
  exit 1
fi

if output=$("$compiler" -std=c++20 -fsyntax-only $includes "$file" 2>&1); then
  echo "$file: compiles, expected $expected"
  exit 1
fi
first=$(printf '%s\n' "$output" | grep 'error: ' | head -n 1)
# heed::text<7>{"matmul"} and text<7>{{"matmul"}} become "matmul"
found=$(printf '%s\n' "$first" | sed -e 's/heed:://g' -e 's/text<[0-9]*[UL]*>//g' -e 's/[{}]//g')

case $found in
  *"$expected"*) ;;
  *) printf '%s: the first error is\n  %s\nexpected\n  %s\n' "$file" "$found" "$expected"; exit 1 ;;
esac
case $first in
  "$file:$line:"*) ;;
  *) printf '%s: the first error is not at line %s:\n  %s\n' "$file" "$line" "$first"; exit 1 ;;
esac
