"""Logging, configured once by each entry point."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

from models.settings import LogSettings

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **{k: str(v) for k, v in vars(record).items() if k not in _STANDARD},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(settings: LogSettings) -> None:
    """One line a record on standard error, JSON when asked for."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(_JsonFormatter() if settings.log_json else plain)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for noisy in ("httpx2", "anthropic", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
