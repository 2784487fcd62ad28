"""Lines for people: fixed columns, so that results stream instead of waiting for the last one."""

from __future__ import annotations

import os
from typing import Any, Final

from edge.sinks.stream import Stream

_BOLD, _RED, _YELLOW, _DIM, _PLAIN = "\033[1m", "\033[31m", "\033[33m", "\033[2m", "\033[0m"


#: Smaller probabilities are not worth a column.
MENTIONED: Final = 0.01


class TableSink:
    """Records as a table that grows line by line."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._colour = stream.interactive and "NO_COLOR" not in os.environ
        self._source_width = 40
        self._started = False

    def write(self, record: dict[str, Any]) -> None:
        """Write one line."""
        if not self._started:
            self._started = True
            self._line(
                _BOLD,
                "source",
                "pattern",
                "prob.",
                "conf.",
                "verdict",
                "fails / dies",
                "next likely",
            )
        source = _printable(record["source"])
        if "error" in record:
            self._line(
                _RED, source, "-", "-", "-", "error", record["kind"], _printable(record["error"])
            )
            return
        if record.get("index") or source.endswith(".npz"):
            source += f"[{record['index']}]"
        review = record["verdict"] == "review"
        verdict = ": ".join(filter(None, (record["verdict"], _why(record))))
        ranked = sorted(record["probabilities"].items(), key=lambda item: -item[1])
        following = ", ".join(
            f"{name} {100 * share:.0f} %" for name, share in ranked[1:3] if share >= MENTIONED
        )
        self._line(
            _YELLOW if review else "",
            source,
            record["pattern"],
            f"{100 * record['probability']:.1f} %",
            f"{100 * record['confidence']:.1f} %",
            verdict,
            f"{record['fails']} / {record['dies']}",
            following,
        )

    def close(self) -> None:
        """Flush and close."""
        self._stream.close()

    def _line(self, colour: str, source: str, *cells: str) -> None:
        if len(source) > self._source_width:
            source = "…" + source[1 - self._source_width :]
        widths = (10, 8, 8, 30, 13, 0)
        text = f"{source:<{self._source_width}}  " + " ".join(
            f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)
        )
        text = text.rstrip()
        self._stream.write_line(f"{colour}{text}{_PLAIN}" if colour and self._colour else text)


def _why(record: dict[str, Any]) -> str | None:
    """The reason with the number that decided; None where nothing but the network did."""
    reason: str | None = record["reason"]
    if reason == "low-confidence":
        return f"{reason} (under {100 * record['below']:.0f} %)"
    numbers = {"unfamiliar": "unfamiliarity", "mixed": "mixture"}
    return f"{reason} ({record[numbers[reason]]:.2f})" if reason in numbers else reason


def _printable(text: str) -> str:
    """Control characters in a file name must not reach the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
