"""What tests of sources share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Mount = Callable[[str, Path], None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts file systems of a kind somewhere; skips the test where none may be."""
    places: list[Path] = []

    def mount(kind: str, place: Path) -> None:
        place.mkdir(exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", kind, "none", str(place)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
        places.append(place)

    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)
