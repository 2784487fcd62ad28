"""What a station says, handed on by threads of its own: nobody who does not read can stop it.

A terminal that is stopped (Ctrl-S, a paused screen, a hung connection) and a log that is not read
let whoever writes to them wait for ever. So everything goes into a pipe that is always emptied: by
one thread into memory, by another one from there to where it belongs.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: Bytes that wait for a reader; what comes beyond is dropped.
WAITING: Final = 256 * 1024

#: Seconds without any progress after which, at the end, nobody is waited for.
STUCK: Final = 0.5

_PIECE: Final = 64 * 1024
#: A pipe that is ready takes so much at one go.
_STEP: Final = 4096


class Relay:
    """Hands on to a descriptor what is written to ``input``; writing there never waits for long.

    Args:
        name: For the metrics.
        output: Descriptor that is written to.

    Attributes:
        input: Descriptor to write to.
        dropped: Lines that nobody read in time, or that could not be written.
    """

    def __init__(self, name: str, output: int) -> None:
        self.name = name
        self.dropped = 0
        self._said = 0
        self._output = os.dup(output)
        source, self.input = os.pipe()
        os.set_blocking(source, False)
        self._source: int | None = source
        self._tail = b""
        self._waiting = bytearray()
        self._ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._empty, args=(source,), name=name, daemon=True).start()
        threading.Thread(target=self._hand_on, name=name, daemon=True).start()

    def close(self) -> bool:
        """Hand on what is left and end; does not wait for who does not read.

        Returns:
            Whether everything was handed on.
        """
        os.close(self.input)
        self._take()
        with self._changed:
            self._keep(self._tail)
            self._tail = b""
            while self._waiting and self._changed.wait(STUCK):
                pass
            self._ended = True
            self._changed.notify_all()
            return not self._waiting

    def _empty(self, source: int) -> None:
        """Keep the pipe empty until its last writer is gone."""
        ready = select.poll()
        ready.register(source, select.POLLIN)
        while ready.poll() and self._take():
            pass

    def _take(self) -> bool:
        """Take what is in the pipe; returns False at its end."""
        with self._changed:
            while self._source is not None:
                try:
                    piece = os.read(self._source, _PIECE)
                except BlockingIOError:
                    return True
                if not piece:
                    os.close(self._source)
                    self._source = None
                    break
                # Whole lines are kept or dropped, however they come.
                lines, end, tail = (self._tail + piece).rpartition(b"\n")
                if len(tail) > _PIECE:
                    lines, tail = lines + end + tail, b""
                self._keep(lines + end)
                self._tail = tail
            return False

    def _keep(self, lines: bytes) -> None:
        missing = self.dropped - self._said
        # Once something had to be dropped there must be room for more than the next few lines.
        if len(self._waiting) + len(lines) > (WAITING // 2 if missing else WAITING):
            self.dropped += lines.count(b"\n")
            return
        if missing:
            self._said = self.dropped
            self._waiting += b"(%d lines were dropped here: nobody read them in time)\n" % missing
        self._waiting += lines
        self._changed.notify_all()

    def _hand_on(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._ended:
                        os.close(self._output)
                        return
                    self._changed.wait()
                piece = bytes(self._waiting[:_STEP])
            written = self._write(piece)
            with self._changed:
                del self._waiting[:written]
                self._changed.notify_all()

    def _write(self, piece: bytes) -> int:
        """Returns how many bytes are done with."""
        try:
            return os.write(self._output, piece)
        except BlockingIOError:  # whoever started the station made it so
            ready = select.poll()
            ready.register(self._output, select.POLLOUT)
            ready.poll()
            return 0
        except OSError:  # a disk is full, a terminal was closed: the station goes on
            self.dropped += piece.count(b"\n")
            return len(piece)


@contextmanager
def relayed(descriptor: int, name: str) -> Iterator[Relay]:
    """Let everything that is written to a descriptor go through a relay while the block runs.

    That holds for native libraries and child processes, too.

    Args:
        descriptor: 1 or 2; a closed one leads nowhere.
        name: For the metrics.
    """
    # Where a standard stream is closed, the next file would take its place: the store.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= descriptor:
        pass
    os.close(spare)
    relay = Relay(name, descriptor)
    before = os.dup(descriptor)
    os.dup2(relay.input, descriptor)
    try:
        yield relay
    finally:
        # Whoever does not read must not stop what is said after the end either.
        after = before if relay.close() else os.open(os.devnull, os.O_WRONLY)
        os.dup2(after, descriptor)
        for spare in {before, after}:
            os.close(spare)
