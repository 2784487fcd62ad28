"""A station's messages to people: lines on stderr, or in the journal where systemd keeps one."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

from edge.system.text import printable

#: Levels as the journal knows them (sd-daemon(3)).
_PRIORITY: Final = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}


def setup(level: int = logging.INFO) -> None:
    """Send the messages of this package to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    journal = "JOURNAL_STREAM" in os.environ
    handler.setFormatter(_Journal() if journal else _Plain())
    logger = logging.getLogger("edge")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
    logging.raiseExceptions = False  # stderr is full or gone: the station goes on


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Local time and its distance from UTC, level where it matters, and text in one line."""
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        when = self.formatTime(record, "%Y-%m-%d %H:%M:%S%z")
        return f"{when} {level}{printable(record.getMessage())}"


class _Journal(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The journal adds the time itself."""
        return f"<{_PRIORITY.get(record.levelno, 6)}>{printable(record.getMessage())}"
