"""What a server logs, a line for each event on stderr: for people, or JSON for machines. Never a question or a text."""

import json
import logging
import time
from typing import Any, Literal

Format = Literal["line", "json"]
LOG = logging.getLogger("raghop")


def set_up(format: Format) -> None:
    """Send what raghop and its HTTP server log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if format == "json" else LineFormatter())
    for name, level in (("raghop", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


def note(message: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event with its fields."""
    LOG.log(level, message, extra={"fields": fields})


class JsonFormatter(logging.Formatter):
    """An object on a line: time (UTC), level, logger, message, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; whatever is in it is escaped."""
        data = {
            "time": f"{_utc(record)}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            data["exception"] = self.formatException(record.exc_info)
        return json.dumps(data, default=str)


class LineFormatter(logging.Formatter):
    """Time, level, message and fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; values are quoted, so that none can pretend to be another."""
        fields = getattr(record, "fields", {})
        values = [
            f"{name}={value if isinstance(value, int | float) else _quote(value)}" for name, value in fields.items()
        ]
        level = record.levelname.lower()
        line = " ".join([f"{_utc(record)}Z", f"{level:<7}", _quote(record.getMessage(), always=False), *values])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _utc(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))


def _quote(value: object, *, always: bool = True) -> str:
    quoted = json.dumps(str(value))
    return quoted if always else quoted[1:-1]
