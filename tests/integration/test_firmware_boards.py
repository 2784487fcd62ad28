"""The firmware on emulated boards: self-test, size, and wafers over the emulated UART."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from convert.firmware.targets import c99
from edge.model.model_file import load
from edge.serial.framing import SerialFrame, encode
from edge.serial.messages import ErrorCode, MessageKind, pack_map, unpack_answer, unpack_error
from edge.system.shipped import firmware_path
from tests.support.cli import wm_edge
from tests.support.compilers import need, need_build, once, run
from tests.support.firmware import BOARDS, Talk, emulator, exported
from tests.support.parts import BOARD_C
from tests.support.wafers import small_set

FLASH_MOST = 256 * 1024
RAM_MOST = 96 * 1024
#: Of the 8 KB of stack; the rest is for interrupts that a real station may add.
STACK_MOST = 4096

pytestmark = pytest.mark.parametrize("board", BOARDS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported firmware, with `make m3 m4 m7` done."""
    need_build(BOARD_C)
    need("qemu-system-arm", package="qemu-system-arm")
    make = need("make", package="make")
    return (
        once(
            tmp_path_factory,
            "boards",
            lambda place: run([make, "-j2", *BOARDS], cwd=exported(place)),
        )
        / "build"
    )


def sections(program: Path) -> dict[str, int]:
    """Bytes of each section, by name."""
    listed = run(["arm-none-eabi-size", "-A", str(program)])
    return {name: int(size) for name, size in re.findall(r"^(\.\S+)\s+(\d+)", listed, re.MULTILINE)}


def test_the_self_test_passes(built: Path, board: str) -> None:
    done = subprocess.run(
        emulator(built / f"{board}-selftest.elf", board).split(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("PASS\n")
    for line in (
        "wrong: 0",
        "stack overflow restarts the board: ok",
        "watchdog restarts the board: ok",
    ):
        assert line in done.stdout
    (peak,) = re.findall(r"peak stack: (\d+) bytes", done.stdout)
    assert 64 < int(peak) <= STACK_MOST


def test_it_fits_a_small_microcontroller(built: Path, board: str) -> None:
    found = sections(built / f"{board}-station.elf")
    flash = found[".text"] + found[".data"]
    assert flash <= FLASH_MOST
    ram = sum(found[name] for name in (".stack", ".data", ".bss", ".noinit"))
    assert ram <= RAM_MOST
    told = c99.generate(load(firmware_path()))
    assert flash <= told.figures["flash"] <= 1.02 * flash
    assert ram <= told.figures["ram"] <= 1.02 * ram
    assert told.doubts == ()


def test_wafers_over_the_emulated_line_get_the_verdicts_of_classify(
    built: Path, board: str, tmp_path: Path
) -> None:
    for place in range(3):
        np.save(tmp_path / f"{place}.npy", small_set(1).grid(3 * place))
    np.save(tmp_path / "fragment.npy", np.full((5, 4), 2, np.uint8))
    np.save(tmp_path / "large.npy", np.ones((301, 4), np.uint8))
    ours = wm_edge("serial", "--exec", emulator(built / f"{board}-station.elf", board), tmp_path)
    how = ("--model", firmware_path(), "--kernels", "reference", "--format", "jsonl")
    theirs = wm_edge("classify", tmp_path, *how)
    assert ours.code == 1
    assert len(ours.records) == len(theirs.records) == 5
    for record, expected in zip(ours.records[:-1], theirs.records[:-1], strict=True):
        for key in ("source", "pattern", "verdict", "reason", "dies", "fails", "below", "model"):
            assert record[key] == expected[key], key
        assert record["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)
        assert record["unfamiliarity"] == pytest.approx(expected["unfamiliarity"], rel=1e-4)
        assert record["latency_us"] > 0
    assert ours.records[-1]["kind"] == "too-large"


def test_a_board_recovers_from_a_bad_line(built: Path, board: str) -> None:
    good = encode(SerialFrame(MessageKind.CLASSIFY, 7, pack_map(np.full((9, 9), 1, np.uint8))))
    with Talk(emulator(built / f"{board}-station.elf", board)) as talk:
        noise = bytes(range(256)) * 8
        assert {frame.kind for frame in talk.after(noise)} <= {MessageKind.ERROR_ANSWER}
        (answer,) = talk.after(good[:-6] + b"\x00" + good[-5:])
        assert unpack_error(answer.payload) is ErrorCode.BAD_CRC
        talk.send(good[:-6])
        (answer,) = talk.heard(7)
        assert unpack_error(answer.payload) is ErrorCode.TIMEOUT
        talk.send(good)
        (answer,) = talk.heard(7)
        assert unpack_answer(answer.payload).dies == 81


def test_no_float_before_the_verdict(built: Path, board: str, tmp_path: Path) -> None:
    """Without an FPU every float operation is a call of the compiler's library, by a known name."""
    folder = built.parent
    core = [folder / "wm_model.c", *sorted((folder / "c99").rglob("*.c"))]
    gcc = need_build(BOARD_C)
    floats = {}
    for source in core:
        compiled = tmp_path / f"{source.stem}.o"
        cpu = f"-mcpu=cortex-{board}"
        flags = ["-std=c99", "-O2", "-mthumb", cpu, "-mfloat-abi=soft", f"-I{folder}"]
        run([gcc, *flags, f"-I{folder / 'c99'}", "-c", str(source), "-o", str(compiled)])
        wanted = run(["arm-none-eabi-nm", "-u", str(compiled)])
        floats[source.stem] = re.findall(r"__aeabi_\w*[fd]\w*|\b(?:exp|sqrt)f?\b", wanted)
    verdict = floats.pop("wm_verdict")
    assert verdict, "the verdict does use float: the names are the right ones"
    integers = {"__aeabi_idiv", "__aeabi_uidiv", "__aeabi_idivmod", "__aeabi_uidivmod"}
    integers |= {"__aeabi_ldivmod", "__aeabi_uldivmod"}
    assert {name: set(found) - integers for name, found in floats.items()} == {
        name: set() for name in floats
    }
