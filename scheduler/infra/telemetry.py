"""What is logged, and how: no names, no phone numbers, no tokens.

An error's own words may quote a row or a request, so a traceback is written with its places and
kinds only; the sentence of one of our own problems is safe, for it is written for people.
"""

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from scheduler.infra.errors import Problem

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; empty outside of one."""

ErrorInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class Discreet(logging.Formatter):
    """One line a record; of an error, where it happened and of what kind it is."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (UTC), level, request, words."""
        parts = [_time(record), record.levelname, REQUEST_ID.get() or "-", record.getMessage()]
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        return " ".join(parts)

    def formatException(self, ei: ErrorInfo) -> str:  # noqa: N802 - the base class names it
        """The chain of errors, without what they quote."""
        lines: list[str] = []
        error, seen = ei[1], set[int]()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            words = f": {error.sentence}" if isinstance(error, Problem) else ""
            lines += [f"{type(error).__qualname__}{words}"]
            lines += [
                f"  {frame.filename}:{frame.lineno} in {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)


class Json(Discreet):
    """The same as one JSON object a line, for programs that read logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Keys: at, level, logger, request_id, message, error."""
        said = {
            "at": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": REQUEST_ID.get(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said)


def set_up(form: Literal["text", "json"]) -> None:
    """Log to standard error from now on. What libraries say below a warning is left out."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if form == "json" else Discreet())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("scheduler").setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # Alembic's own lines are only of use to whoever writes a migration.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
