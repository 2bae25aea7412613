#!/bin/bash
# Called as Bazel's tool that merges coverage. gcov writes JSON, compressed.
set -euo pipefail
for argument in "$@"; do
  case $argument in
    --coverage_dir=*) folder=${argument#*=} ;;
    --output_file=*) output=${argument#*=} ;;
  esac
done
find "$folder" -name 'sign.*gcov.json.gz' -exec gzip --decompress --stdout {} + |
  tr '{' '\n' |
  sed --quiet --regexp-extended 's/.*"line_number": ([0-9]+).*"count": [1-9].*/sign.c:\1/p' >"$output"
