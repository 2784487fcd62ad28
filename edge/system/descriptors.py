"""When no file descriptor is left: no file's fault, and over when the next one is given back."""

from __future__ import annotations

import errno
import logging
import os
import time
from typing import Final

_log = logging.getLogger(__name__)

_NONE_LEFT: Final = (errno.EMFILE, errno.ENFILE)

#: Seconds until it is said again.
REMINDER: Final = 600.0

_said = [float("-inf")]


def are_used_up(error: BaseException | None = None) -> bool:
    """Whether something failed because no descriptor is left to this process, or to the machine.

    Libraries and imports say that in ways of their own, so it is tried whether there is one.
    """
    while error is not None and getattr(error, "errno", None) not in _NONE_LEFT:
        error = error.__cause__ or error.__context__
    none_left = error is not None or not _is_one_left()
    if none_left and time.monotonic() - _said[0] > REMINDER:
        _said[0] = time.monotonic()
        _log.warning(
            "no file descriptor is left; what needs one waits; mend: a higher limit "
            "(LimitNOFILE=, ulimit -n)"
        )
    return none_left


def _is_one_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno not in _NONE_LEFT
    return True
