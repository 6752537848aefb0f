"""Reads ``temporal-dev.yaml``."""

import socket
from contextlib import closing
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict

ROOT: Final = Path(__file__).resolve().parents[2]
_TRIES: Final = 50


class Ports(BaseModel):
    """Where the parts listen, on loopback."""

    model_config = ConfigDict(extra="forbid")

    temporal: int
    temporal_ui: int
    api: int
    scripted_model: int


class TemporalConfig(BaseModel):
    """How the dev server is tuned."""

    model_config = ConfigDict(extra="forbid")

    namespace: str
    sqlite_pragmas: dict[str, str]
    dynamic_config: dict[str, int]
    search_attributes: dict[str, str]


class DemoConfig(BaseModel):
    """The demo project."""

    model_config = ConfigDict(extra="forbid")

    project: str
    latency_seconds: float


class StackConfig(BaseModel):
    """The whole file; ``data`` is absolute once read."""

    model_config = ConfigDict(extra="forbid")

    ports: Ports
    data: Path
    temporal: TemporalConfig
    environment: dict[str, str]
    demo: DemoConfig


def read_config(path: Path = ROOT / "temporal-dev.yaml", data: Path | None = None) -> StackConfig:
    """Read the file; ``data`` overrides its folder.

    Raises:
        ValueError: the file does not have the documented shape.
    """
    config = StackConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    folder = data if data is not None else path.parent / config.data
    return config.model_copy(update={"data": folder.resolve()})


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(wanted: Ports) -> Ports:
    """The wanted ports, each moved up to the next free one.

    Raises:
        OSError: none of the next 50 is free.
    """
    chosen: dict[str, int] = {}
    for name, first in wanted.model_dump().items():
        for port in range(first, first + _TRIES):
            if port not in chosen.values() and _is_free(port):
                chosen[name] = port
                break
        else:
            msg = f"no free port for {name} from {first} on: set another in temporal-dev.yaml"
            raise OSError(msg)
    return Ports(**chosen)
