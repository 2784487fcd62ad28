"""What a station's sinks have in common: each takes the records in order and keeps them for good.

The store (``edge.store.store``) holds every record first; a sink is fed from it by a thread of its
own (``edge.station.outbox``), at its own pace, from where it had come to. Adding a sink is one
module with a class like the protocol below, and its settings in ``edge.sinks.settings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.errors import OutputError
from edge.results.record import Record
from edge.store.names import Cursor


class RecordRefusedError(OutputError):
    """A sink will never take a record as it is; it has kept those before it and takes others."""

    def __init__(self, message: str, id_: str, why: str) -> None:
        super().__init__(message)
        self.id = id_
        self.why = why


class DurableSink(Protocol):
    """A place where records are kept. Used by one thread alone, the one that made it.

    Attributes:
        name: Says in messages and metrics which one it is, and in the store whose mark it is: the
            same for the same target every time, without any secret.
    """

    name: str

    def open(self, mark: Cursor) -> Cursor:
        """Get ready; called again after a failure.

        Args:
            mark: How far the sink had come as far as the store knows.

        Returns:
            How far it really has come: a crash may have hit between keeping and noting it down.

        Raises:
            OutputError: not now (disk full, network away); it is tried again later.
        """

    def send(self, records: Sequence[Record]) -> Cursor:
        """Keep some records, in order; when this returns, they are kept.

        Raises:
            RecordRefusedError: one of them it will never take; a short one comes in its place.
            OutputError: not all of them could be kept. The sink is opened again and the same
                records come again.
        """

    def idle(self, seconds: float) -> None:
        """There is nothing to send; called about once a second for what must be kept alive.

        It may take ``seconds``.

        Raises:
            OutputError: the sink has to be opened again.
        """

    def close(self) -> None:
        """Let go of everything; must not wait for long and must not raise."""
