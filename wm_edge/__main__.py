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
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec

# `--help` must answer at once, and pathlib takes longer to load than all of this.
# ruff: noqa: PTH100, PTH110, PTH112, PTH118, PTH120, PTH121, PTH208

HOME: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: Verb -> the packages that it needs beside ``edge``.
NEEDED: Final = {
    "dataset": ("train",),
    "train": ("train",),
    "convert": ("convert",),
    "report": ("convert",),
    "export-firmware": ("convert",),
}

#: Exit code: no usable model file, runtime or installation.
UNUSABLE: Final = 3


def main() -> NoReturn:
    """Entry point."""
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    for name in ("edge", *NEEDED.get(verb, ())):
        if other := hidden_by(name):
            _say(
                f"{other}: hides wm-edge's own {name!r}, since it is in the current folder or in "
                "PYTHONPATH; rename it, or start wm-edge from another folder"
            )
            sys.exit(UNUSABLE)
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
        _say(f"cannot start ({type(error).__name__}: {error})")
        sys.exit(UNUSABLE)


def _say_what_hides() -> bool:
    found = list(in_the_way())
    for place in found:
        _say(f"{place}: hides a module of Python or of a library; rename it and try again")
    return bool(found)


def in_the_way() -> Iterator[str]:
    """Files of the user that have the name of somebody else's module, and come before it."""
    known = sys.stdlib_module_names | {"click", "cv2", "numpy", "serial", "tensorflow"}
    for folder in {*os.environ.get("PYTHONPATH", "").split(os.pathsep), sys.path[0]}:
        if (
            folder in sys.path
            and not folder.startswith(sys.prefix)
            and os.path.isdir(folder or ".")
        ):
            for name in sorted(os.listdir(folder or ".")):
                if name.endswith(".py") and name[:-3] in known:
                    yield os.path.join(os.path.abspath(folder), name)


def hidden_by(name: str) -> str:
    """The file or folder that Python would take for a package of ours; empty where it is ours."""
    spec = _found(name)
    if spec is None:
        return ""
    place = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    ours = os.path.join(HOME, name, "__init__.py")
    same = os.path.exists(place) and os.path.exists(ours) and os.path.samefile(place, ours)
    return "" if same else place


def _say(text: str) -> None:
    plain = "".join(char if char.isprintable() else "?" for char in text)
    if sys.stderr is not None:
        sys.stderr.write(f"wm-edge: {plain}\n")


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
