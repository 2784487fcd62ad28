"""The error tree: every error that a user can meet says what is wrong, where, and what to do.

Each class carries the exit code that the command line ends with.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

#: Exit code of work that did not come to its end; what it had written by then is whole. Scripts
#: know it: the same as of inputs that failed.
CUT_SHORT: Final = 1

#: Letters of a lot's or wafer's name in a message.
_NAME: Final = 32


def why(error: BaseException) -> str:
    """What an error says, without the number that the system has for it."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def cause(error: BaseException) -> str:
    """The last line of what an error says: NumPy, for one, explains over many before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _named(text: str) -> str:
    """A name that stands in a file, for a message: nothing in it moves a cursor."""
    return "".join(each if each.isprintable() else "?" for each in text[:_NAME])


class InputKind(str, Enum):
    """Why an input could not be read (the ``kind`` of an error record)."""

    MISSING = "missing"
    PERMISSION = "permission"
    UNSUPPORTED = "unsupported"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too-large"
    NOT_A_MAP = "not-a-map"
    AMBIGUOUS = "ambiguous"
    BAD_VALUE = "bad-value"
    NO_DIES = "no-dies"
    DEVICE = "device"


class WmEdgeError(Exception):
    """Base of all errors of this project."""

    exit_code = 1


class InputError(WmEdgeError):
    """One input cannot be used; the others go on.

    Attributes:
        source: The file (or ``file[index]``) at fault.
        kind: The machine-readable reason.
        reason: What is wrong and what to do, without the names of file, lot and wafer.
        lot: Where it was known before it went wrong; else None. So is ``wafer``.
    """

    exit_code = 1

    def __init__(
        self,
        source: str,
        kind: InputKind,
        reason: str,
        lot: str | None = None,
        wafer: str | None = None,
    ) -> None:
        super().__init__(source, kind, reason, lot, wafer)
        self.source = source
        self.kind = kind
        self.reason = reason
        self.lot = lot
        self.wafer = wafer

    def __str__(self) -> str:
        return f"{self.source}: {self.told}"

    @property
    def told(self) -> str:
        """The reason, of which lot and wafer where that is known."""
        known = {"lot": self.lot, "wafer": self.wafer}
        who = ", ".join(f"{word} {_named(text)}" for word, text in known.items() if text)
        return f"{who}: {self.reason}" if who else self.reason

    def of(self, lot: str | None, wafer: str | None) -> InputError:
        """The same error, now with lot and wafer where it did not say them itself."""
        self.lot, self.wafer = self.lot or lot, self.wafer or wafer
        self.args = (*self.args[:3], self.lot, self.wafer)
        return self

    def as_record(self) -> dict[str, str]:
        """JSON form: one flat object (``edge.results.record.Error``)."""
        known = {"lot": self.lot, "wafer": self.wafer}
        said = {key: text for key, text in known.items() if text}
        return {"source": self.source, "error": self.told, "kind": self.kind.value, **said}


class OutputError(WmEdgeError):
    """Results cannot be written (disk full, no permission)."""

    exit_code = CUT_SHORT


class ReaderGoneError(BrokenPipeError):
    """Nobody reads results any more (``| head``): whoever did has seen what they wanted."""


class DataError(WmEdgeError):
    """A labelled set is not what it must be."""

    exit_code = 2


class UsageError(WmEdgeError):
    """A setting makes no sense."""

    exit_code = 2


class ModelError(WmEdgeError):
    """A model file is missing, damaged or not one this version understands."""

    exit_code = 3


class RuntimeUnavailableError(WmEdgeError):
    """No TFLite runtime could be started."""

    exit_code = 3


class DeviceError(WmEdgeError):
    """A device cannot be reached, or does not speak the protocol."""

    exit_code = 3


class GateError(WmEdgeError):
    """An accuracy gate is red."""

    exit_code = 4
