"""What somebody should know of wafers whose maps go where no record of each is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

from edge.errors import InputError
from edge.system.text import counted
from edge.wafer.wafermap import WaferMap

#: Different warnings that are told, and wafers that are named of each.
TOLD: Final = 5
_NAMED: Final = 3

_Item = TypeVar("_Item", bound=WaferMap | InputError)


class Warned:
    """The warnings of wafers that go by: how many, and which the first are.

    Attributes:
        count: Wafers with a warning so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._first: dict[str, list[str]] = {}
        self._of_each: dict[str, int] = {}

    def noting(self, items: Iterator[_Item]) -> Iterator[_Item]:
        """The same items; what their files warn of is remembered."""
        for item in items:
            if isinstance(item, WaferMap):
                self.note(item)
            yield item

    def note(self, wafer: WaferMap) -> None:
        """Remember what its file warns of, if anything; it costs no memory but for the first."""
        text = wafer.warning
        if not text:
            return
        self.count += 1
        if text in self._of_each or len(self._of_each) < TOLD:
            self._of_each[text] = self._of_each.get(text, 0) + 1
            names = self._first.setdefault(text, [])
            if len(names) < _NAMED:
                names.append(f"{wafer.source}[{wafer.index}]" if wafer.index else wafer.source)

    def sentences(self) -> Iterator[str]:
        """Each of the first warnings with the wafers that have it, then how many have others."""
        for text, count in self._of_each.items():
            names = self._first[text]
            more = f" and {count - len(names)} more" if count > len(names) else ""
            yield f"{', '.join(names)}{more}: {text}"
        if left := self.count - sum(self._of_each.values()):
            others = counted(left, "other wafer")
            yield f"{others} with warnings of their own; `wm-edge show FILE` tells that of each"
