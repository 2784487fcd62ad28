"""A line to a device: a serial port, or a program on its stdin and stdout."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from edge.errors import DeviceError, why

if TYPE_CHECKING:
    import serial

#: Seconds that a program gets to end once its stdin is closed, and again once it is told to.
_GRACE: Final = 0.3
_LAST_GRACE: Final = 2.0
_CHUNK: Final = 65536
#: With its start and stop bit.
_BITS_A_BYTE: Final = 10


class Link(Protocol):
    """What a session needs of a line."""

    def read(self, seconds: float) -> bytes:
        """Wait so many seconds for at least one byte; 0 takes what is there.

        Raises:
            DeviceError: the line is gone.
        """

    def needs(self, count: int) -> float:
        """Seconds that so many bytes are on the line, at most."""

    def write(self, data: bytes, seconds: float) -> None:
        """Send all of it.

        Raises:
            TimeoutError: it could not be sent within ``seconds``; some of it may have been.
            DeviceError: the line is gone.
        """

    def close(self) -> None:
        """Let go of it."""


class SerialLink:
    """A serial port, or anything else that pyserial has an address for (``socket://host:port``).

    Args:
        port: ``/dev/ttyACM0``, ``COM3`` or an address.
        baud: Bits a second; without meaning for USB devices and addresses.

    Raises:
        DeviceError: it cannot be opened.
        ModuleNotFoundError: pyserial is not installed.
    """

    def __init__(self, port: str, baud: int) -> None:
        import serial

        self._port = port
        self._baud = baud
        try:
            self._serial: serial.Serial = serial.serial_for_url(port, baud)
        except (OSError, ValueError) as error:
            raise DeviceError(
                f"{port}: cannot be opened ({why(error)}); check the cable and the port's name, "
                "and that you may use it (group dialout)"
            ) from error

    def read(self, seconds: float) -> bytes:
        """See ``Link.read``."""
        with self._gone():
            self._serial.timeout = max(0.0, seconds)
            first: bytes = self._serial.read(1)
            if not first:
                return b""
            self._serial.timeout = 0
            return first + self._serial.read(_CHUNK)

    def needs(self, count: int) -> float:
        """See ``Link.needs``."""
        return count * _BITS_A_BYTE / self._baud

    def write(self, data: bytes, seconds: float) -> None:
        """See ``Link.write``."""
        import serial

        with self._gone():
            self._serial.write_timeout = seconds
            try:
                self._serial.write(data)
            except serial.SerialTimeoutException as error:
                raise TimeoutError("the device takes no bytes") from error

    def close(self) -> None:
        """See ``Link.close``."""
        with contextlib.suppress(OSError):
            self._serial.close()

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise
        except OSError as error:
            raise DeviceError(
                f"{self._port}: the line is gone ({why(error)}); plug it in"
            ) from error


class ProcessLink:
    """A program that speaks the protocol on stdin and stdout: the host build, or an emulator.

    Args:
        command: The command line; no shell reads it.

    Raises:
        DeviceError: it cannot be started.
    """

    def __init__(self, command: str) -> None:
        try:
            words = shlex.split(command)
            # A session of its own: Ctrl-C is for this program, which then ends that one.
            self._process = subprocess.Popen(  # noqa: S603 - what the user asked for
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError, IndexError) as error:
            raise DeviceError(
                f"{command}: cannot be started ({why(error)}); check --exec"
            ) from error
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._name = words[0]
        self._stdin = self._process.stdin
        self._stdout = self._process.stdout
        self._received = b""
        os.set_blocking(self._stdin.fileno(), False)

    def read(self, seconds: float) -> bytes:
        """See ``Link.read``."""
        if not self._received:
            readable, _, _ = select.select([self._stdout], [], [], max(0.0, seconds))
            if readable:
                self._take()
        received, self._received = self._received, b""
        return received

    def needs(self, count: int) -> float:
        """See ``Link.needs``: a pipe is as good as at once."""
        return 0.0

    def write(self, data: bytes, seconds: float) -> None:
        """See ``Link.write``. Reads meanwhile: two that both write into full pipes would stop."""
        deadline = time.monotonic() + seconds
        rest = memoryview(data)
        while rest:
            left = max(0.0, deadline - time.monotonic())
            readable, writable, _ = select.select([self._stdout], [self._stdin], [], left)
            if readable:
                self._take()
            if writable:
                rest = rest[self._give(rest) :]
            if not readable and not writable:
                raise TimeoutError(f"{self._name} takes no bytes")

    def close(self) -> None:
        """See ``Link.close``."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        for number, grace in (
            (None, _GRACE),
            (signal.SIGTERM, _LAST_GRACE),
            (signal.SIGKILL, None),
        ):
            if number is not None:
                self._signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
                break
        self._stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        # To all of its session: the command may be a wrapper around the program.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _take(self) -> None:
        received = os.read(self._stdout.fileno(), _CHUNK)
        if not received:
            raise self._ended()
        self._received += received

    def _give(self, rest: memoryview) -> int:
        try:
            return os.write(self._stdin.fileno(), rest)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise self._ended() from None

    def _ended(self) -> DeviceError:
        try:
            how = f"exit code {self._process.wait(_LAST_GRACE)}"
        except subprocess.TimeoutExpired:
            how = "it closed its end of the line"
        return DeviceError(f"{self._name}: the program has ended ({how}); check --exec")
