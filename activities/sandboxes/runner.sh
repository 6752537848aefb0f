#!/bin/sh
# Runs one tool call at most once, keyed by its id, and journals output and exit code.
# usage: runner.sh KEY SECONDS SCRIPT
# Prints "exit CODE" or "lost" on its first line, then the output, cut in the middle.
# A second caller waits on the lock for the first, then reads what it journaled.
set -u
journal=/journal/$1
mkdir -p /journal
exec 9>"$journal.lock"
flock 9
if [ ! -f "$journal/exit" ]; then
  if [ -d "$journal" ]; then
    echo lost
    exit 0
  fi
  mkdir "$journal"
  timeout -k 5 "$2" sh -c "$3" >"$journal/output" 2>&1 </dev/null 9>&-
  echo $? >"$journal/exit.part"
  mv "$journal/exit.part" "$journal/exit"
fi
echo "exit $(cat "$journal/exit")"
size=$(wc -c <"$journal/output")
if [ "$size" -gt 30000 ]; then
  head -c 10000 "$journal/output"
  printf '\n[... %s bytes cut ...]\n' "$((size - 30000))"
  tail -c 20000 "$journal/output"
else
  cat "$journal/output"
fi
