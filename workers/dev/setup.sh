#!/bin/sh
# Sets up what the Makefile needs. usage: setup.sh uv|node|git|chromium
# Each step says what it does; each failure says in one sentence what to do.
set -eu

fail() {
  printf '%s\n' "setup: $*" >&2
  exit 1
}

# at_least HAVE WANT: true when HAVE is not the older version.
at_least() {
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null 2>&1 &&
      "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  fail "Python 3.11, 3.12 or 3.13 is needed and none is in PATH: install one."
}

case "${1:-}" in
uv)
  # Prints where uv is: PATH, else installed into the checkout.
  if command -v uv >/dev/null 2>&1; then
    command -v uv
    exit 0
  fi
  if [ ! -x .tools/uv/bin/uv ]; then
    python=$(find_python)
    echo "setup: installing uv into .tools" >&2
    "$python" -m venv .tools/uv >&2 ||
      fail "$python cannot make a virtual environment: install python3-venv, or install uv."
    .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv >&2 ||
      fail "uv could not be installed from PyPI: check the network, or install uv yourself."
  fi
  echo .tools/uv/bin/uv
  ;;
node)
  command -v node >/dev/null 2>&1 || fail "Node.js 20 or newer is needed: install it."
  have=$(node --version | tr -d v)
  at_least "$have" 20.0.0 || fail "Node.js 20 or newer is needed, this is $have: install a newer one."
  ;;
git)
  command -v git >/dev/null 2>&1 || fail "git 2.38 or newer is needed: install it."
  have=$(git --version | awk '{print $3}')
  at_least "$have" 2.38 || fail "git 2.38 or newer is needed, this is $have: install a newer one."
  ;;
chromium)
  # Prints where Chromium is; installs it with the package manager when root.
  if [ -n "${CHROMIUM_PATH:-}" ]; then
    [ -x "$CHROMIUM_PATH" ] || fail "CHROMIUM_PATH names $CHROMIUM_PATH, which cannot be run."
    printf '%s\n' "$CHROMIUM_PATH"
    exit 0
  fi
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" 2>/dev/null && exit 0
  done
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "setup: installing Chromium for the browser tests" >&2
    apt-get update -qq >&2 && apt-get install -y -qq chromium >&2 && command -v chromium && exit 0
  fi
  fail "the browser tests need Chromium: install it, or set CHROMIUM_PATH."
  ;;
*)
  fail "usage: setup.sh uv|node|git|chromium"
  ;;
esac
