"""Runs inside a sandbox: a port on its own loopback that leads to the worker's proxy socket.

usage: forward.py SOCKET COMMAND [ARGUMENT ...]
Standard library only; started with ``python -I``. The command finds the port in its proxy variables.
"""

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, path: str) -> None:
    while True:
        client, _ = listener.accept()
        proxy = socket.socket(socket.AF_UNIX)
        try:
            proxy.connect(path)
        except OSError:
            client.close()
            continue
        for source, target in ((client, proxy), (proxy, client)):
            threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def main() -> int:
    """Serve while the command runs; its exit code is ours."""
    path, *command = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener, path), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    proxies = {name: url for upper in names for name in (upper, upper.lower())}
    environment = {**os.environ, **proxies}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - what the sandbox is for


if __name__ == "__main__":
    sys.exit(main())
