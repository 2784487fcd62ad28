"""Archives of wafer maps for tests: small parts, so that there are several."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge.errors import InputError
from edge.formats.paths import read_items
from edge.wafer.wafermap import WaferMap


def small_parts(patch: pytest.MonkeyPatch, positions: int = 8_000) -> None:
    """Parts of so many die positions, each of several row groups."""
    from edge.archive import maps  # pyarrow, where a test has looked for it

    patch.setattr(maps, "PART_POSITIONS", positions)
    patch.setattr(maps, "GROUP_POSITIONS", positions // 3)


def read(path: str) -> Iterator[WaferMap | InputError]:
    """As the verb reads files without options."""
    return read_items([path])
