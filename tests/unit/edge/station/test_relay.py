"""What is said reaches who reads it, whole and in order; who does not read stops nobody."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from edge.station import relay as module
from edge.station.relay import Relay, relayed
from tests.support.cli import python
from tests.support.station import wait_for


@pytest.fixture(name="pipe")
def _pipe() -> Iterator[tuple[int, int]]:
    source, output = os.pipe()
    yield source, output
    os.close(source)
    os.close(output)


def read_all(source: int) -> bytes:
    os.set_blocking(source, False)
    found = b""
    while True:
        try:
            found += os.read(source, 2**20)
        except BlockingIOError:
            return found


def test_everything_arrives_in_order(pipe: tuple[int, int]) -> None:
    source, output = pipe
    with closing(Relay("r", output)) as relay:
        for number in range(1000):
            os.write(relay.input, b"line %d\n" % number)
        os.write(relay.input, b"no end")
    assert read_all(source) == b"".join(b"line %d\n" % n for n in range(1000)) + b"no end"
    assert relay.dropped == 0


def test_who_does_not_read_is_not_waited_for_and_hears_what_was_dropped(
    pipe: tuple[int, int],
) -> None:
    source, output = pipe
    line = b"x" * 99 + b"\n"
    with closing(Relay("r", output)) as relay:
        before = time.monotonic()
        for _ in range(10_000):
            os.write(relay.input, line)
        assert time.monotonic() - before < 5
        wait_for(lambda: relay.dropped > 1000, "lines are dropped")
        # Somebody presses Ctrl-Q.
        found = b""
        while select.select([source], [], [], 0.5)[0]:
            found += os.read(source, 4096)
        os.write(relay.input, b"the last\n")
    found += read_all(source)
    lines = found.splitlines(keepends=True)
    assert lines.pop() == b"the last\n"
    assert (
        lines.pop() == b"(%d lines were dropped here: nobody read them in time)\n" % relay.dropped
    )
    assert set(lines) == {line}, "half a line came"
    assert len(lines) + relay.dropped == 10_000


def test_the_end_does_not_wait_for_who_does_not_read(pipe: tuple[int, int]) -> None:
    relay = Relay("r", pipe[1])
    for _ in range(2000):
        os.write(relay.input, b"x" * 99 + b"\n")
    before = time.monotonic()
    relay.close()
    assert time.monotonic() - before < 4 * module.STUCK


def test_what_cannot_be_written_is_counted_and_stops_nobody() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with closing(Relay("r", full)) as relay:
        os.write(relay.input, b"a\nb\n")
        wait_for(lambda: relay.dropped == 2, "counted")
    os.close(full)


def test_an_output_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    source, output = pipe
    os.set_blocking(output, False)
    with closing(Relay("r", output)) as relay:
        for number in range(2000):
            os.write(relay.input, b"%0100d\n" % number)
        found = b""
        while found.count(b"\n") < 2000:
            found += os.read(source, 4096)
    assert found.splitlines() == [b"%0100d" % number for number in range(2000)]


def test_a_child_and_a_native_library_are_heard_too(pipe: tuple[int, int]) -> None:
    source, output = pipe
    with relayed(output, "r"):
        os.write(output, b"as before\n")
        code = f"import os; os.write({output}, b'child\\n')"
        subprocess.run([sys.executable, "-c", code], pass_fds=(output,), check=True)
    os.write(output, b"after\n")
    assert read_all(source) == b"as before\nchild\nafter\n"


def test_who_does_not_read_stops_nothing_after_the_end_either(pipe: tuple[int, int]) -> None:
    output = pipe[1]
    with relayed(output, "r"):
        for _ in range(2000):
            os.write(output, b"x" * 99 + b"\n")
    for _ in range(2000):
        os.write(output, b"an error that ends the process\n")


def test_no_file_takes_the_place_of_a_closed_stream() -> None:
    code = """
import os, sys
os.close(2)
from edge.station.relay import relayed
with relayed(2, "stderr"):
    opened = os.open(sys.argv[0] if os.path.exists(sys.argv[0]) else "/dev/zero", os.O_RDONLY)
    os.write(2, b"nowhere")
print(opened > 2)
"""
    assert python(code).text == "True\n"
