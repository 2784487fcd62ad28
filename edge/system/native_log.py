"""What native libraries log past Python's streams: kept away, so that stderr holds our lines alone.

``WM_EDGE_NATIVE_LOG=1`` lets all of it through to stderr.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Final

#: For a process that loads TensorFlow: its native code says only what ends the process. Its other
#: errors are exceptions as well, and that there is no GPU is one of them.
QUIET: Final = {"TF_CPP_MIN_LOG_LEVEL": "3"}


def load(*modules: str) -> None:
    """Import modules on top of TensorFlow, whose native code logs before any setting is read.

    Raises:
        ImportError: one cannot be loaded.
    """
    if not _wanted():
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
    with last_words(), silence_native_output():
        for module in modules:
            importlib.import_module(module)
    if not _wanted():
        for name in ("absl", "tensorflow"):
            logging.getLogger(name).setLevel(logging.ERROR)


@contextlib.contextmanager
def silence_native_output() -> Iterator[None]:
    """Send what native code logs on file descriptors 1 and 2 to nowhere.

    XNNPACK and TensorFlow write past Python's streams; stdout must carry results alone and stderr
    is for people.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed before Python started
            stream.flush()
    with _silenced(1), _silenced(2):
        yield


@contextlib.contextmanager
def _silenced(descriptor: int) -> Iterator[None]:
    try:
        kept = os.dup(descriptor)
    except OSError:  # closed: a service without standard streams has nothing to protect
        yield
        return
    try:
        sink = os.dup(2) if _wanted() else os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, descriptor)
        os.close(sink)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


@contextlib.contextmanager
def last_words() -> Iterator[None]:
    """Say on stderr where Python was, when native code ends the process: on an old CPU, say."""
    try:
        said = os.dup(2)
    except OSError:
        yield
        return
    ours = not faulthandler.is_enabled()
    try:
        if ours:
            faulthandler.enable(said)
        yield
    finally:
        if ours:
            faulthandler.disable()
        os.close(said)


def _wanted() -> bool:
    return bool(os.environ.get("WM_EDGE_NATIVE_LOG"))
