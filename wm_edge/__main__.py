"""The command ``wm-edge``, also as ``python -m wm_edge``.

The packages behind it have everyday names (``edge``, ``train``, ``convert``), and a user's own
``train.py`` in the current folder or in ``PYTHONPATH`` comes before them. It is looked for here,
before any of it runs.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

# `--help` must answer at once, and pathlib takes longer to load than all of this.
# ruff: noqa: PTH100, PTH110, PTH118, PTH120, PTH121

HOME: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: Verb -> the packages that it needs beside ``edge``.
NEEDED: Final = {"dataset": ("train",), "train": ("train",), "convert": ("convert",)}

#: No usable model file, runtime or installation.
UNUSABLE: Final = 3


def main() -> NoReturn:
    """Entry point."""
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    for name in ("edge", *NEEDED.get(verb, ())):
        other = hidden_by(name)
        if other:
            what = "".join(char if char.isprintable() else "?" for char in other)
            sys.stderr.write(
                f"wm-edge: {what}: hides wm-edge's own {name!r}, since it is in the current folder "
                "or in PYTHONPATH; rename it, or start wm-edge from another folder\n"
            )
            sys.exit(UNUSABLE)
    from edge.cli import main as run

    run()


def hidden_by(name: str) -> str:
    """The file or folder that Python would take for a package of ours; empty where it is ours."""
    spec = _found(name)
    if spec is None:
        return ""
    place = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    ours = os.path.join(HOME, name, "__init__.py")
    same = os.path.exists(place) and os.path.exists(ours) and os.path.samefile(place, ours)
    return "" if same else place


def _found(name: str) -> ModuleSpec | None:
    """What ``import`` would find; ``importlib.util`` has the same, and takes longer to load."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, None) if find else None
        if spec is not None:
            return spec
    return None


if __name__ == "__main__":
    main()
