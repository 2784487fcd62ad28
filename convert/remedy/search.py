"""Try remedies until one passes the gate, and say of each what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from convert.attempt import Attempt
from convert.parity import Parity
from edge.errors import ModelError, RuntimeUnavailableError
from edge.system.text import printable

#: Builds a bare ``.tflite`` and says in a few words what was done.
Build = Callable[[], tuple[bytes, str]]


@dataclass(frozen=True)
class Trial:
    """One remedy, built or not.

    Attributes:
        name: What was tried, a few words.
        content: Bare ``.tflite`` with int8 input and outputs; None where it could not be built.
        failure: Why it could not be built; empty where it was.
        seconds: What building took.
        note: Particulars: how many wafers, which layers.
    """

    name: str
    content: bytes | None
    failure: str
    seconds: float
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form, without the content."""
        return {
            "name": self.name,
            "built": self.content is not None,
            "failure": self.failure,
            "seconds": round(self.seconds, 1),
            "note": self.note,
            "bytes": None if self.content is None else len(self.content),
        }


@dataclass(frozen=True)
class Tried:
    """A trial and its parity, or why there was nothing to judge."""

    trial: Trial
    parity: Parity | None
    refused: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        parity = self.parity
        judged = parity and {
            "green": parity.green,
            "macro_recall": parity.after.macro_recall,
            "agreement": parity.agreement,
            "largest_probability_drift": parity.largest_drift,
            "lost": sorted(parity.verdict.lost),
        }
        return {**self.trial.as_dict(), "refused": self.refused, "parity": judged}


def search(
    plain: Attempt, trials: Iterable[Trial], judge: Callable[[bytes], Attempt]
) -> tuple[Attempt, list[Tried]]:
    """Judge one trial after another and stop at the first that passes.

    Args:
        plain: The plain conversion, which did not pass.
        trials: From ``convert.remedy.trials.trials``.
        judge: Makes a bare ``.tflite`` a judged model file, or raises ``ModelError``, or
            ``RuntimeUnavailableError`` where no runtime takes it.

    Returns:
        The first that passed, else ``plain``; and every trial that was made, in order.
    """
    tried: list[Tried] = []
    for trial in trials:
        if trial.content is None:
            tried.append(Tried(trial, None, trial.failure))
            continue
        try:
            found = judge(trial.content)
        except (ModelError, RuntimeUnavailableError) as error:
            tried.append(Tried(trial, None, str(error)))
            continue
        tried.append(Tried(trial, found.parity, ""))
        if found.parity.green:
            return found, tried
    return plain, tried


def table(plain: Parity, tried: Sequence[Tried]) -> str:
    """All trials, Markdown."""
    lines = [
        "| remedy | kB | s | mean per-class accuracy % | same class % | classes that lost | |",
        "|---|---:|---:|---:|---:|---|---|",
        f"| none | | | {_judged(plain)} |",
    ]
    for one in tried:
        trial = one.trial
        size = f"{len(trial.content) / 1000:.0f}" if trial.content else "-"
        outcome = _judged(one.parity) if one.parity else f"- | - | - | {_cell(one.refused)}"
        name = f"{trial.name} ({trial.note})" if trial.note else trial.name
        lines.append(f"| {_cell(name)} | {size} | {trial.seconds:.1f} | {outcome} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text for one cell: it names tensors, which may be called anything."""
    return printable(text).replace("|", "\\|")


def _judged(parity: Parity) -> str:
    lost = ", ".join(parity.verdict.lost) or "none"
    return (
        f"{100 * parity.after.macro_recall:.2f} | {100 * parity.agreement:.2f} | {lost} | "
        f"{'green' if parity.green else 'RED'}"
    )
