#!/bin/bash
# Runs the RUN lines of a test file: run_filecheck.sh FILE HEED-OPT FILECHECK
# `// RUN: heed-opt %s | FileCheck %s`, where %s is the file; each line must succeed.
set -u
file=$1 tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
ln -s "$2" "$tools/heed-opt"
ln -s "$3" "$tools/FileCheck"
PATH=$tools:$PATH

grep -q '^// RUN: ' "$file" || { echo "$file: no RUN line"; exit 1; }
sed -n 's|^// RUN: ||p' "$file" | sed "s|%s|'$file'|g" > "$tools/commands"
while IFS= read -r command; do
  # FileCheck judges what heed-opt prints, but heed-opt itself must succeed, too.
  (set -o pipefail; eval "$command") || { echo "failed: $command"; exit 1; }
done < "$tools/commands"
