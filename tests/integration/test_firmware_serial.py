"""The station firmware as a program: ``wm-edge serial``, faults on the line, and a fuzzer."""

from __future__ import annotations

import os
import pty
import random
import struct
import subprocess
import time
import tty
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from convert.firmware.export import export
from edge.model.model_file import load
from edge.serial import framing
from edge.serial.device import Device
from edge.serial.framing import SerialFrame, encode
from edge.serial.link import ProcessLink
from edge.serial.messages import (
    ErrorCode,
    MessageKind,
    cut,
    pack_map,
    unpack_answer,
    unpack_error,
)
from edge.system.shipped import firmware_path
from tests.support.cli import wm_edge
from tests.support.compilers import need_build, once, run
from tests.support.firmware import Talk, exported, station
from tests.support.model_files import called, changed, put
from tests.support.parts import ANALYSED, ANALYSER, FUZZED, FUZZER, SANITIZED, SANITIZERS
from tests.support.wafers import small_set, write_bad, write_good

SIDES = struct.Struct("<HH")
FULL = 300 * 300
#: Seconds that the fuzzer runs, and inputs that it must at least have tried by then.
FUZZING = 5
FUZZED_LEAST = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once(tmp_path_factory, "firmware", exported)


@pytest.fixture(scope="module")
def program(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The station with sanitizers: what it does wrong in memory ends it."""

    def make(place: Path) -> None:
        around, flags = ["port_host.c"], SANITIZERS
        station(folder, place / "station", cc=need_build(SANITIZED), around=around, flags=flags)

    return once(tmp_path_factory, "station", make) / "station"


@pytest.fixture(scope="module")
def wafers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wafers")
    write_good(place)
    return place


def request(payload: bytes, kind: int = MessageKind.CLASSIFY, sequence: int = 7) -> bytes:
    return encode(SerialFrame(kind, sequence, payload))


def claiming(length: int, payload: bytes) -> bytes:
    """A frame whose length field says something else; its CRC is right."""
    body = struct.pack("<BBHH", 1, MessageKind.CLASSIFY, 7, length) + payload
    return b"\x7e" + framing._stuff(body + struct.pack("<I", zlib.crc32(body))) + b"\x7e"


GOOD = request(pack_map(np.full((9, 9), 1, np.uint8)))

#: What is wrong -> bytes on the line, and the code of the answer (None: none at all).
FAULTS: dict[str, tuple[bytes, ErrorCode | None]] = {
    "truncated": (GOOD[:-8], ErrorCode.TRUNCATED),
    "cut in the header": (GOOD[:4], ErrorCode.TRUNCATED),
    "wrong CRC": (GOOD[:-3] + bytes([GOOD[-3] ^ 1]) + GOOD[-2:], ErrorCode.BAD_CRC),
    "a die turned over": (GOOD[:15] + b"\x56" + GOOD[16:], ErrorCode.BAD_CRC),
    "escape at the end": (GOOD[:-1] + b"\x7d\x7e", ErrorCode.BAD_CRC),
    "no rows": (request(SIDES.pack(0, 9)), ErrorCode.BAD_SIZE),
    "no columns": (request(SIDES.pack(9, 0)), ErrorCode.BAD_SIZE),
    "too many rows": (request(SIDES.pack(301, 9) + bytes(700)), ErrorCode.BAD_SIZE),
    "too many dies": (request(SIDES.pack(0xFFFF, 0xFFFF) + bytes(60000)), ErrorCode.BAD_SIZE),
    "no sides": (request(b""), ErrorCode.BAD_SIZE),
    "a die too few": (request(SIDES.pack(2, 4) + b"\x55"), ErrorCode.BAD_SIZE),
    "a byte too many": (request(SIDES.pack(2, 4) + b"\x55" * 3), ErrorCode.BAD_SIZE),
    "state 3": (request(SIDES.pack(2, 4) + b"\x55\x75"), ErrorCode.BAD_STATE),
    "dies after the last": (request(SIDES.pack(1, 3) + b"\x55"), ErrorCode.BAD_STATE),
    "no dies": (request(SIDES.pack(300, 300) + bytes(FULL // 4)), ErrorCode.NO_DIES),
    "unknown type": (request(b"abc", kind=0x33), ErrorCode.UNKNOWN_TYPE),
    "hello with a payload": (request(b"abc", kind=MessageKind.HELLO), ErrorCode.BAD_SIZE),
    "more than it says": (claiming(3, b"\x01\x00\x04\x00\x55"), ErrorCode.OVERFLOW),
    "less than it says": (claiming(9, b"\x01\x00\x04\x00\x55"), ErrorCode.TRUNCATED),
    "another version": (
        encode(SerialFrame(MessageKind.HELLO, 7, b"", version=2)),
        ErrorCode.BAD_VERSION,
    ),
    "noise": (b"\x00\xff\x55 no frame \x7e\x7e\x7d", None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_and_the_next_good_frame_is_served(program: Path, name: str) -> None:
    line, code = FAULTS[name]
    with Talk(str(program)) as talk:
        answers = talk.after(line)
        assert [unpack_error(answer.payload) for answer in answers] == ([code] if code else [])
        assert all(answer.kind == MessageKind.ERROR_ANSWER for answer in answers)
        talk.send(GOOD)
        (answer,) = talk.heard(7)
        assert unpack_answer(answer.payload).dies == 81


def test_a_flood_of_noise_is_not_answered_with_a_flood(program: Path) -> None:
    noise = random.Random(1).randbytes(300_000)
    with Talk(str(program)) as talk:
        answers = talk.after(noise)
        assert {answer.kind for answer in answers} <= {MessageKind.ERROR_ANSWER}
        assert len(answers) < 30


def test_a_line_that_falls_silent_within_a_frame_is_given_up(program: Path) -> None:
    with Talk(str(program)) as talk:
        talk.after(b"")  # it is up
        talk.send(GOOD[:-8])
        began = time.monotonic()
        (answer,) = talk.heard(7)
        assert unpack_error(answer.payload) is ErrorCode.TIMEOUT
        assert time.monotonic() - began > 0.4
        # What comes of it later is noise, and opens no frame.
        assert talk.after(GOOD[-8:]) == []


def test_noise_that_stops_is_forgotten_without_an_answer(program: Path) -> None:
    with Talk(str(program)) as talk:
        talk.send(b"\x00 no frame")
        time.sleep(0.8)
        # Had the noise been kept, it would be this frame's beginning.
        (answer,) = talk.after(GOOD[1:])
        assert unpack_answer(answer.payload).dies == 81


def test_the_largest_wafer_is_taken(program: Path) -> None:
    dies = np.ones((300, 300), np.uint8)
    dies[::7] = 2
    with Talk(str(program)) as talk:
        talk.send(request(pack_map(dies)))
        (answer,) = talk.heard(7)
        assert unpack_answer(answer.payload).fails == int((dies == 2).sum())


def test_records_are_those_of_classify_with_reference_kernels(program: Path, wafers: Path) -> None:
    ours = wm_edge("serial", "--exec", program, wafers)
    how = ("--model", firmware_path(), "--kernels", "reference", "--format", "jsonl")
    theirs = wm_edge("classify", wafers, *how)
    assert (ours.code, theirs.code) == (0, 0), ours.stderr
    assert len(ours.records) == len(theirs.records) > 9
    for record, expected in zip(ours.records, theirs.records, strict=True):
        assert list(record) == list(expected)
        del record["latency_us"], expected["latency_us"]
        figures = ("probabilities", "probability", "confidence", "unfamiliarity", "mixture")
        for key in figures:
            assert record.pop(key) == pytest.approx(expected.pop(key), rel=1e-5, abs=2e-6), key
        assert record == expected
    assert f"{len(ours.records)} wafers: " in ours.stderr


#: What C, a template, a shell or the line could take for something else; the first has more bytes
#: than a text of the protocol.
NAMES = (
    "\N{GRINNING FACE}" * 100,
    "a */ b /* c // d",
    "what??/",
    "%s%n 100 %",
    "back\\slash\\n\\",
    "\"quoted\", 'it''s'; a,b|c=d",
    "${x} $(x) @MODEL@ #x",
    "Fl\N{LATIN SMALL LETTER A WITH DIAERESIS}che 40 \N{MICRO SIGN}m",
    "in Ordnung",
)


def test_names_of_patterns_arrive_whole(tmp_path: Path, wafers: Path) -> None:
    path = tmp_path / "own.tflite"
    path.write_bytes(changed(load(firmware_path()), called(*NAMES)))
    export(load(path), tmp_path / "c99", "c99")
    cc, around = need_build(SANITIZED), ["port_host.c"]
    program = station(tmp_path / "c99", tmp_path / "station", cc=cc, around=around)
    with closing(ProcessLink(str(program))) as link:
        assert Device(link).hello.labels == (*map(cut, NAMES),)
    how = (wafers, "--model", path, "--format", "jsonl")
    ours = wm_edge("serial", "--exec", str(program), *how)
    theirs = wm_edge("classify", *how, "--kernels", "reference")
    assert len(ours.records) == len(theirs.records) > 0
    for record, known in zip(ours.records, theirs.records, strict=True):
        assert record["pattern"] == known["pattern"]
        assert list(record["probabilities"]) == list(NAMES)


def test_lots_from_names(program: Path, tmp_path: Path) -> None:
    dies = np.full((9, 9), 1, np.uint8)
    for name in ("A_1.npy", "odd.npy"):
        np.save(tmp_path / name, dies)
    arguments = ("--exec", program, tmp_path, "--name-pattern", "{lot}_{wafer}")
    done = wm_edge("serial", *arguments)
    assert [(each["lot"], each["wafer"]) for each in done.records] == [("A", "1"), (None, None)]
    assert "odd.npy does not fit the name pattern" in done.stderr


def test_bad_and_too_large_inputs_get_records_and_the_others_go_on(
    program: Path, tmp_path: Path
) -> None:
    write_bad(tmp_path / "bad")
    np.save(tmp_path / "bad" / "large.npy", np.ones((301, 20), np.uint8))
    np.save(tmp_path / "good.npy", small_set(1).grid(0))
    done = wm_edge("serial", "--exec", program, tmp_path, "--output", tmp_path / "out.csv")
    assert done.code == 1
    assert done.stdout == b""
    assert "1 wafer: " in done.stderr
    text = (tmp_path / "out.csv").read_text("utf-8")
    assert "301 x 20 dies; the device takes at most 300" in text


def test_a_serial_port_is_spoken_to(program: Path, wafers: Path, tmp_path: Path) -> None:
    """A pseudo-terminal: to pyserial a port like any other."""
    rows = ["RowData: 01 01 07", "RowData: 01 01 01"] * 5
    (tmp_path / "w.sinf").write_text("\n".join(["LOT:A1", "WAFER:07", *rows]))
    board, port = pty.openpty()
    tty.setraw(port)
    name = os.ttyname(port)
    with subprocess.Popen([program], stdin=board, stdout=board) as device:
        os.close(board)
        try:
            given = (tmp_path / "w.sinf", wafers, "--pass-bins", "01", "--baud", "921600")
            done = wm_edge("serial", name, *given)
        finally:
            os.close(port)
            device.kill()
    assert done.code == 0, done.stderr
    first, *others = done.records
    assert (first["lot"], first["wafer"], first["dies"], first["fails"]) == ("A1", "07", 30, 5)
    assert first["legend"] == "option --pass-bins"
    assert len(others) > 9


def test_another_model_is_refused(program: Path, wafers: Path, tmp_path: Path) -> None:
    model = load(firmware_path())
    other = tmp_path / "other.tflite"
    other.write_bytes(changed(model, put("name", value="other")))
    done = wm_edge("serial", "--exec", program, "--model", other, wafers)
    assert (done.code, done.stdout) == (3, b"")
    assert "export-firmware" in done.stderr
    assert model.sha256[:12] in done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("false", "the program has ended (exit code 1)"),
        ("no-such-program", "cannot be started"),
        ("cat", "a message of type 1"),
    ],
)
def test_what_is_no_station_is_refused(command: str, words: str, wafers: Path) -> None:
    done = wm_edge("serial", "--exec", command, wafers, "--timeout", "1")
    assert (done.code, done.stdout) == (3, b"")
    assert words in done.stderr


def test_a_port_that_is_not_there_is_named(wafers: Path) -> None:
    done = wm_edge("serial", "/dev/no-such-port", wafers)
    assert done.code == 3
    assert "/dev/no-such-port: cannot be opened" in done.stderr
    assert wm_edge("serial", "/dev/no-such-port").code == 2


def test_a_device_that_dies_ends_the_run_and_keeps_what_was_done(
    program: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", small_set(1).grid(0))
    np.save(tmp_path / "b.npy", small_set(1).grid(1))
    # Hello and one wafer fit into so many bytes; then the line is cut.
    size = len(encode(SerialFrame(1, 1))) + len(request(pack_map(small_set(1).grid(0)))) + 20
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f"#!/bin/sh\ndd bs=1 count={size} status=none | {program}\n")
    wrapper.chmod(0o755)
    done = wm_edge("serial", "--exec", wrapper, tmp_path / "a.npy", tmp_path / "b.npy")
    assert done.code == 3
    assert len(done.records) == 1
    assert "the program has ended" in done.stderr


def test_the_station_passes_gcc_analysis(folder: Path, tmp_path: Path) -> None:
    gcc = need_build(ANALYSED)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", *ANALYSER, "-O2", "-c"]
    places = [f"-I{place}" for place in (folder, folder / "c99", folder / "station")]
    sources = [str(path) for path in (folder / "station").glob("*.c")]
    assert len(sources) == 5
    run([gcc, *flags, *places, "-DFUZZ_REPLAY", *sources], cwd=tmp_path)


def test_a_fuzzer_finds_nothing(folder: Path, tmp_path: Path) -> None:
    clang = need_build(FUZZED)
    fuzz = station(folder, tmp_path / "fuzz", cc=clang, around=["fuzz_frame.c"], flags=FUZZER)
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    for place, (line, _) in enumerate(FAULTS.values()):
        (seeds / f"{place}").write_bytes(b"\0" + line[:4000])
    (seeds / "map").write_bytes(b"\xc0" + pack_map(np.full((9, 9), 1, np.uint8)))
    done = subprocess.run(
        [fuzz, f"-max_total_time={FUZZING}", "-max_len=4096", "-print_final_stats=1", seeds],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    executed = done.stderr.split("stat::number_of_executed_units:")[1].split()[0]
    assert int(executed) > FUZZED_LEAST


def test_what_the_fuzzer_found_is_replayed_without_it(folder: Path, tmp_path: Path) -> None:
    flags = [*SANITIZERS, "-DFUZZ_REPLAY"]
    program = station(
        folder, tmp_path / "replay", cc=need_build(SANITIZED), around=["fuzz_frame.c"], flags=flags
    )
    files = []
    for place, (line, _) in enumerate(FAULTS.values()):
        files.append(tmp_path / f"{place}")
        files[-1].write_bytes(bytes([place]) + line[:16000])
    run([str(program), *map(str, files)])
    missing = subprocess.run([program, tmp_path / "missing"], capture_output=True, check=False)
    assert missing.returncode == 1
