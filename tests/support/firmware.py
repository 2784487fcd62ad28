"""Exported firmware built for tests: the station as a program, and on emulated boards."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from convert.firmware.export import export
from edge.model.model_file import load
from edge.serial.framing import Parser, SerialFrame, encode
from edge.serial.link import ProcessLink
from edge.serial.messages import MessageKind
from edge.system.shipped import firmware_path
from tests.support.compilers import FIRMWARE, build

#: Seconds that an answer may take; the machine may be busy.
ANSWER: Final = 20.0

#: CPU of each board in ``boards.mk``, and QEMU's machine for it.
BOARDS: Final = {"m3": "mps2-an385", "m4": "mps2-an386", "m7": "mps2-an500"}

_STATION: Final = ("frame.c", "message.c", "station.c")


def exported(folder: Path) -> Path:
    """The firmware of the model that ships, with the station and boards of this working tree."""
    export(load(firmware_path()), folder, "c99", overwrite=True)
    for part in ("station", "boards"):
        shutil.copytree(FIRMWARE / part, folder / part, dirs_exist_ok=True)
    return folder


def core(folder: Path) -> list[Path]:
    """The model and its kernels in an exported folder."""
    return [folder / "wm_model.c", *sorted((folder / "c99").rglob("*.c"))]


def station(
    folder: Path, program: Path, *, cc: str, around: Iterable[str], flags: Sequence[str] = ()
) -> Path:
    """Build the station of an exported folder.

    Args:
        folder: See ``exported``.
        program: What is made.
        cc: Compiler.
        around: Further sources in ``station/``: a port, or the fuzz entry.
        flags: Of the compiler.
    """
    sources = [folder / "station" / name for name in (*_STATION, *around)]
    includes = (folder, folder / "c99", folder / "station")
    return build(program, [*sources, *core(folder)], cc=cc, flags=flags, includes=includes)


def emulator(program: Path, board: str) -> str:
    """Command line that runs a board's program with its serial line on stdin and stdout."""
    return (
        "qemu-system-arm -display none -monitor none -serial stdio "
        f"-semihosting-config enable=on,target=native -machine {BOARDS[board]} -kernel {program}"
    )


class Talk:
    """Raw bytes to a station, frames back; for a ``with`` block."""

    def __init__(self, command: str) -> None:
        self._link = ProcessLink(command)
        self._parser = Parser()

    def __enter__(self) -> Talk:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def send(self, line: bytes) -> None:
        """Put bytes on the line."""
        self._link.write(line, ANSWER)

    def heard(self, sequence: int) -> list[SerialFrame]:
        """All frames up to the one with a sequence number; fails when that never comes."""
        frames: list[SerialFrame] = []
        while not any(frame.sequence == sequence for frame in frames):
            received = self._link.read(ANSWER)
            assert received, f"no answer to {sequence}, but {frames}"
            frames += self._parser.feed(received)
        return frames

    def after(self, line: bytes, sequence: int = 0xBEEF) -> list[SerialFrame]:
        """What a station answers to bytes: all before its answer to a good hello after them."""
        self.send(line + encode(SerialFrame(MessageKind.HELLO, sequence)))
        *before, last = self.heard(sequence)
        assert (last.kind, last.sequence) == (MessageKind.HELLO_ANSWER, sequence)
        return before
