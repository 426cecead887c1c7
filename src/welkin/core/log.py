"""Logs as JSON lines on standard error, each with the request that caused it."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar

import msgspec

from welkin.core import times

request_context: ContextVar[str] = ContextVar("request_context", default="")
"""The id of the request, or of the work, that the running code serves."""

_encode = msgspec.json.Encoder().encode


class JsonFormatter(logging.Formatter):
    """One record is one line; an exception's traceback is a field of it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": times.with_micros_z(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = request_context.get()
        if request:
            line["request_id"] = request
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line).decode()


def configure(level: str) -> None:
    """Send every logger's records of at least `level` to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
