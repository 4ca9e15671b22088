#!/usr/bin/env bash
# What the language costs the C++ compiler: user seconds and peak memory of each model's translation unit.
source "$(dirname "$0")/../.setup.sh"
setup_install
if [ ! -e "$setup_build/include/heed" ]; then
  mkdir -p "$setup_build/include"
  ln -s "$setup_root" "$setup_build/include/heed"
fi
printf '| %-22s | %-12s | %8s | %7s |\n' model compiler 'user s' 'peak MB'
printf '| %-22s | %-12s | %8s | %7s |\n' --- --- ---: ---:
for model in "$setup_root"/tests/dsl/models/*.cpp; do
  for compiler in g++-12 clang++-22; do
    read -r seconds kilobytes < <({ /usr/bin/time -f '%U %M' "$compiler" -std=c++20 -c -o /dev/null -I"$setup_build/include" "$model"; } 2>&1 | tail -n 1)
    printf '| %-22s | %-12s | %8s | %7s |\n' "$(basename "$model" .cpp)" "$compiler" "$seconds" $((kilobytes / 1024))
  done
done
