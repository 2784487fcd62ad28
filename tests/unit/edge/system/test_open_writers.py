"""Who writes a file: asked where the system knows."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

from edge.system.open_writers import FileSystems
from tests.unit.edge.conftest import Mount


def test_what_is_mounted_below_and_later_is_asked_for_itself(tmp_path: Path, mount: Mount) -> None:
    """Of what a program makes up, as of a share, the kernel does not know every writer."""
    with closing(FileSystems()) as systems:
        mount("tmpfs", tmp_path / "local")
        assert systems.tell(str(tmp_path / "local"))
        (tmp_path / "local" / "share").mkdir()
        mount("proc", tmp_path / "local" / "share")
        assert not systems.tell(str(tmp_path / "local" / "share" / "version"))
        assert systems.tell(str(tmp_path / "local"))


def test_a_number_that_is_given_to_another_file_system_is_asked_anew(
    tmp_path: Path, mount: Mount
) -> None:
    place = tmp_path / "place"
    with closing(FileSystems()) as systems:
        for _ in range(3):
            for kind, tells in (("tmpfs", True), ("proc", False)):
                mount(kind, place)
                assert systems.tell(str(place)) is tells
                subprocess.run(["umount", str(place)], check=True)


def test_what_is_not_there_is_not_known(tmp_path: Path) -> None:
    with closing(FileSystems()) as systems:
        assert not systems.tell(str(tmp_path / "gone"))
        assert not systems.tell("nul\0")
