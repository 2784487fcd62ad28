"""The command ``wm-edge``, also as ``python -m wm_edge``.

Each verb is loaded when it is called, and with it ``train`` or ``convert``: a file of the user that
has such a name is told of before any of it runs.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Final, NoReturn

from wm_edge.hidden import Guard, in_the_way

#: Exit code: no usable model file, runtime or installation.
UNUSABLE: Final = 3


def main() -> NoReturn:
    """Entry point."""
    sys.meta_path.insert(0, Guard(_refuse))
    try:
        from edge.cli.main import main as run

        run(_say_what_hides)
    except SystemExit as end:
        if end.code == UNUSABLE:
            _say_what_hides()
        raise
    except Exception as error:  # `run` lets none out: not even the command could be loaded
        if not _say_what_hides():
            raise
        _refuse(f"cannot start ({type(error).__name__}: {error})")


def _refuse(why: str) -> NoReturn:
    _say(why)
    sys.exit(UNUSABLE)


@cache
def _say_what_hides() -> bool:
    """Whether it is known what is behind an error; it is said once."""
    found = list(in_the_way())
    for place in found:
        _say(f"{place}: hides a module of Python or of a library; rename it and try again")
    return bool(found)


def _say(text: str) -> None:
    plain = "".join(char if char.isprintable() else "?" for char in text)
    if sys.stderr is not None:
        sys.stderr.write(f"wm-edge: {plain}\n")


if __name__ == "__main__":
    main()
