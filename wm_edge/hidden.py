"""A user's own ``edge.py``, ``train.py`` or ``convert.py`` that hides ours is named, and not run.

The packages have everyday names, and what stands in the current folder or in ``PYTHONPATH`` comes
before what is installed.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# `--help` must answer at once, and pathlib takes longer to load than all of this.
# ruff: noqa: PTH100, PTH110, PTH112, PTH118, PTH120, PTH121, PTH208

OURS: Final = frozenset({"edge", "train", "convert"})

HOME: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Guard(NamedTuple):
    """Stands before all finders of ``sys.meta_path``: our names are ours, or nothing is imported.

    Attributes: refuse (called with the reason; does not return).
    """

    refuse: Callable[[str], object]

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Leave it to the others, unless they would find a user's file under a name of ours."""
        if name in OURS and (why := hidden(name)):
            self.refuse(why)


def hidden(name: str) -> str:
    """What stands before a package of ours, and the mend; empty where it is ours that is found."""
    loaded = sys.modules.get(name)
    spec = loaded.__spec__ if loaded else PathFinder.find_spec(name)
    if spec is None:  # an editable installation has a finder of its own, behind this one
        return ""
    place = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    ours = os.path.join(HOME, name, "__init__.py")
    if os.path.exists(place) and os.path.exists(ours) and os.path.samefile(place, ours):
        return ""
    return (
        f"{place}: hides wm-edge's own {name!r}, since it is in the current folder or in "
        "PYTHONPATH; rename it, or start from another folder"
    )


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
