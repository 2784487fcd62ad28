"""Lines for people: fixed columns, so that results stream instead of waiting for the last one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final

from edge.results.line_stream import Stream
from edge.results.record import named
from edge.system.text import broken, columns, counted, cut, padded, percent, shown

_BOLD, _RED, _YELLOW, _PLAIN = "\033[1m", "\033[31m", "\033[33m", "\033[0m"

#: Smaller probabilities are not worth a column.
MENTIONED: Final = 0.01

#: Columns of a file, and of a terminal that does not say how wide it is.
FILE: Final = 140
USUAL: Final = 80

#: Narrower and wider sources help nobody.
_SOURCE: Final = (12, 60)

#: Sources that may be one wafer or several; of labelled sets it is known.
_ARRAYS: Final = (".npy", "-")

#: Title and width of what stands behind the source.
_COLUMNS: Final = (
    ("pattern", 9),
    ("prob.", 7),
    ("conf.", 7),
    ("fails/dies", 10),
    ("verdict", 27),
    ("next likely", 29),
)

#: Warnings of files of a fab that are shown; the others are counted.
_WARNED: Final = 20

#: A pattern's own name makes the first of them wider, up to this.
_WIDEST: Final = 24

#: From how many columns on these are shown, too.
_IF_WIDE: Final = {"prob.": 92, "next likely": 124}


class TableSink:
    """Records as a table that grows line by line and fits the terminal.

    Args:
        stream: Where to.
        hold: So many errors come last, under a title of their own; more come as they come. A wafer
            of an array is then held until the next record tells whether it is the first of several.
        hints: What patterns usually point to: said at the end of those that were found.
    """

    def __init__(
        self, stream: Stream, hold: int = 0, hints: Mapping[str, str] | None = None
    ) -> None:
        self._stream = stream
        self._colour = stream.interactive and "NO_COLOR" not in os.environ
        self._ellipsis = shown("…", stream.encoding)
        self._hold = hold
        self._hints = hints or {}
        self._hinted: dict[str, str] = {}
        self._held: list[tuple[str, str]] = []
        self._warned: list[tuple[str, str]] = []
        self._unshown = 0
        self._first: dict[str, Any] | None = None
        self._started = False
        self._width = self._source = 0
        self._rooms = dict(_COLUMNS)

    def write(self, record: dict[str, Any]) -> None:
        """Write one line; an error's text takes as many as it needs."""
        self._measure()
        if self._first:
            first, self._first = self._first, None
            self._result(first, several=_is_of(first, record))
        if "error" in record:
            error = (record["source"], f"{record['kind']}: {record['error']}")
            if len(self._held) < self._hold:
                self._held.append(error)
            else:
                self._start()
                self._text(_RED, *error)
            return
        if self._hold and not record.get("index") and record["source"].endswith(_ARRAYS):
            self._first = record
            return
        self._result(record, several=bool(record.get("index")))

    def _result(self, record: dict[str, Any], *, several: bool) -> None:
        if not self._started:
            longest = max(map(columns, record["probabilities"]), default=0)
            longest = _WIDEST if "patterns" in record else longest
            self._rooms["pattern"] = min(max(self._rooms["pattern"], longest), _WIDEST)
            self._measure()
        self._start()
        source = record["source"]
        if several or source.endswith(".npz"):
            source += f"[{record['index']}]"
        if record.get("warning"):
            if len(self._warned) < _WARNED:
                self._warned.append((source, record["warning"]))
            else:
                self._unshown += 1
        shows = named(record)
        self._hinted |= {name: self._hints[name] for name in shows if name in self._hints}
        ranked = sorted(record["probabilities"].items(), key=lambda item: -item[1])
        following = ", ".join(
            f"{name} {100 * share:.0f} %"
            for name, share in [each for each in ranked if each[0] not in shows][:2]
            if share >= MENTIONED
        )
        self._line(
            _YELLOW if record["verdict"] == "review" else "",
            source,
            record["pattern"],
            f"{percent(record['probability'])} %",
            f"{percent(record['confidence'])} %",
            f"{record['fails']}/{record['dies']}",
            self._verdict(record),
            following,
        )

    def _verdict(self, record: dict[str, Any]) -> str:
        """With why; of a reason and a name that need more room together, the reason is cut."""
        verdict, reason, own = record["verdict"], _why(record), record.get("suggested")
        if not own:
            return f"{verdict}: {reason}" if reason else verdict
        room = self._rooms["verdict"] - len(f"{verdict}: ")
        name = self._cell(own, room)
        room -= columns(name) + 1
        if columns(reason) > room:
            kept = max(0, room - len(self._ellipsis))
            reason = reason[:kept] + self._ellipsis if kept else ""
        return " ".join(filter(None, (f"{verdict}:", reason, name)))

    def close(self) -> None:
        """Write the errors that were held back, flush and close."""
        try:
            if self._first:
                self._result(self._first, several=False)
            self._part("source", "could not be read", self._held, _RED)
            if self._unshown:
                others = counted(self._unshown, "other wafer")
                self._warned.append(("", f"{others} with a warning; --format csv has each"))
            self._part("source", "to be known of its file", self._warned, _YELLOW)
            self._part("pattern", "usually points to", [*self._hinted.items()])
        finally:
            self._stream.close()

    def _part(self, of: str, title: str, rows: Sequence[tuple[str, str]], colour: str = "") -> None:
        """What stands behind the results, under a title of its own."""
        if not rows:
            return
        if self._started:
            self._stream.write_text("")
        self._started = True
        self._row(_BOLD, of, title)
        for name, text in rows:
            self._text(colour, name, text)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._line(_BOLD, "source", *self._rooms)

    def _measure(self) -> None:
        """Asked for each record: a window changes."""
        file = self._stream.is_file
        self._width = FILE if file else shutil.get_terminal_size((USUAL, 24)).columns
        rest = sum(room + 1 for title, room in self._rooms.items() if self._fits(title))
        self._source = min(max(self._width - rest - 1, _SOURCE[0]), _SOURCE[1])

    def _fits(self, title: str) -> bool:
        return self._width >= _IF_WIDE.get(title, 0)

    def _line(self, colour: str, source: str, *cells: str) -> None:
        taken = [
            (self._cell(cell, room), room)
            for cell, (title, room) in zip(cells, self._rooms.items(), strict=True)
            if self._fits(title)
        ]
        rest = " ".join(padded(cell, room) for cell, room in taken)
        self._row(colour, source, rest)

    def _text(self, colour: str, source: str, text: str) -> None:
        """A text that has a column of its own and is never cut: it says what to do."""
        room = max(20, self._width - self._source - 2)
        for line in broken(shown(text, self._stream.encoding), room):
            self._row(colour, source, line)
            source = ""

    def _row(self, colour: str, source: str, rest: str) -> None:
        name = self._cell(source, self._source)
        text = f"{padded(name, self._source)}  {rest}".rstrip()
        self._stream.write_text(f"{colour}{text}{_PLAIN}" if colour and self._colour else text)

    def _cell(self, text: str, room: int) -> str:
        return cut(shown(text, self._stream.encoding), room, self._ellipsis)


def _is_of(first: dict[str, Any], following: dict[str, Any]) -> bool:
    """Whether a record is of the file that another one began; an error's source has its index."""
    source = following["source"]
    return bool(following.get("index") and source == first["source"]) or (
        "error" in following and source.startswith(f"{first['source']}[")
    )


def _why(record: dict[str, Any]) -> str:
    """The reason with the number that decided; without it where a pattern of one's own is named."""
    reason: str = record["reason"] or ""
    if record.get("suggested"):
        return reason
    if reason == "low-confidence":
        return f"{reason} <{100 * record['below']:.0f}%"
    numbers = {"unfamiliar": "unfamiliarity", "mixed": "mixture"}
    return f"{reason} {record[numbers[reason]]:.2f}" if reason in numbers else reason
