"""Logging without names, phone numbers and tokens.

The message of an exception may quote a row or a request, so a traceback is logged with types and
positions only. The sentence of a Problem is safe: we wrote it, and it quotes no data.
"""

import json
import logging
import math
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from scheduler.infra.errors import Problem

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the current request; empty outside requests."""

REPEAT_SECONDS = 60.0
MAX_REPEATS = 100
"""How many messages a filter remembers."""

ErrorInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class Discreet(logging.Formatter):
    """One line per record. For an error, its types and positions, without its messages."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (UTC), level, request id, message."""
        parts = [_time(record), record.levelname, REQUEST_ID.get() or "-", record.getMessage()]
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        return " ".join(parts)

    def formatException(self, ei: ErrorInfo) -> str:  # noqa: N802 - the base class names it
        """The chain of exceptions, without their messages."""
        lines: list[str] = []
        error, seen = ei[1], set[int]()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            sentence = f": {error.sentence}" if isinstance(error, Problem) else ""
            lines += [f"{type(error).__qualname__}{sentence}"]
            lines += [
                f"  {frame.filename}:{frame.lineno} in {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)


class Json(Discreet):
    """One JSON object per line, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        """Keys: at, level, logger, request_id, message, error."""
        fields = {
            "at": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": REQUEST_ID.get(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields)


class Repeats(logging.Filter):
    """Drops a message that the logger has logged within the last minute."""

    def __init__(self) -> None:
        super().__init__()
        self._logged: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record."""
        # asyncio appends the details of the socket to its messages.
        message, now = str(record.msg).partition("\n")[0], time.monotonic()
        if now - self._logged.get(message, -math.inf) < REPEAT_SECONDS:
            return False
        if len(self._logged) >= MAX_REPEATS:
            self._logged.clear()
        self._logged[message] = now
        return True


def set_up(form: Literal["text", "json"]) -> None:
    """Log to standard error. Libraries log warnings and errors only."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if form == "json" else Discreet())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("scheduler").setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # Without file descriptors for new connections, asyncio reports each failed attempt.
    logging.getLogger("asyncio").addFilter(Repeats())
    # Alembic's progress messages only help while writing a migration.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
