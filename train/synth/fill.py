"""Which patterns of a set can be drawn, and how many wafers a recipe wants of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.errors import UsageError
from edge.synth.generators import drawable
from edge.wafer.patterns import WM811K, PatternSet


@dataclass(frozen=True)
class Filling:
    """Synthetic wafers for a training part.

    Attributes:
        counts: Wafers to draw, by the set's own name; those that have enough already are left out.
        absent: Patterns of WM-811K that a recipe names and the set has not.
    """

    counts: dict[str, int]
    absent: tuple[str, ...]

    def __str__(self) -> str:
        """For a person."""
        drawn = ", ".join(f"{count} {name}" for name, count in self.counts.items()) or "none"
        absent = f" (not in this set: {', '.join(self.absent)})" if self.absent else ""
        return f"synthetic wafers for the train part: {drawn}{absent}"


def filling(
    counts: Mapping[str, int], patterns: PatternSet, up_to: int, names: Iterable[str]
) -> Filling:
    """What is missing up to a number of wafers a pattern.

    Args:
        counts: Wafers that there are, by name.
        patterns: Of the set.
        up_to: Wafers that each is filled up to.
        names: Which patterns, in any spelling; none: all that can be drawn.

    Raises:
        UsageError: a name is neither a pattern of the set nor of WM-811K, or nobody can draw it.
    """
    known = drawable(patterns)
    own = {generator: name for name, generator in known.items()}
    wanted, absent = [], []
    for text in names:
        name = patterns.named(text) or own.get(WM811K.named(text) or "")
        if name in known:
            wanted.append(name)
        elif name:
            raise UsageError(
                f"[synthetic] patterns: there is no generator for {name!r}; of this set can be "
                f"drawn: {', '.join(known) or 'none'}"
            )
        elif other := WM811K.named(text):
            absent.append(other)
        else:
            raise UsageError(
                f"[synthetic] patterns: {text!r} is no pattern of this set; its patterns are "
                f"{patterns.listed}"
            )
    missing = {name: up_to - counts[name] for name in wanted or (() if absent else known)}
    return Filling({name: n for name, n in missing.items() if n > 0}, tuple(absent))
