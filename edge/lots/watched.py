"""The lots of a store under their rules: baseline, control charts, alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct, structs, to_builtins

from edge.lots.alarm import Alarm
from edge.lots.alarm_file import AlarmFile, KeptAlarm
from edge.lots.baseline import ENOUGH, Baseline, baseline
from edge.lots.judge import Judge, Spot
from edge.lots.lot import Lot
from edge.lots.store_view import StoreView
from edge.lots.summary import Selection, Summary

#: Lots that a baseline is made of where nobody has frozen one: half of the newest, at most.
_HALF: Final = 100

#: Wafers that an alarm names.
_WAFERS: Final = 100

#: Patterns that have a chart, the most frequent ones.
_CHARTS: Final = 12


class Watched(Struct, frozen=True):
    """Lots under their rules.

    Attributes:
        judge: By which baseline.
        is_frozen: The baseline is kept; else it is that of this look alone.
        lots: Behind the baseline, which are judged.
        alarms: Of these, in their order.
    """

    judge: Judge
    is_frozen: bool
    lots: list[Lot]
    alarms: list[Alarm]

    @property
    def baseline(self) -> Baseline:
        """The lots that others are held against."""
        return self.judge.baseline

    def said(self) -> str:
        """Of which lots the baseline is."""
        lots = self.baseline.lots
        kind = "frozen" if self.is_frozen else "of this look alone; --freeze keeps one"
        return (
            f"baseline of {len(lots)} lots, {lots[0].last_at[:10]} to {lots[-1].last_at[:10]} "
            f"({kind}); {len(self.lots)} lots behind it are judged"
        )

    def charts(
        self, lots: Sequence[Lot], patterns: Sequence[str], *, classics: bool
    ) -> dict[str, list[Spot]]:
        """Control charts of the first of some patterns over lots."""
        return {
            name: self.judge.chart(lots, name, self.alarms, classics=classics)
            for name in patterns[:_CHARTS]
        }

    def as_dict(
        self, lots: Sequence[Lot], patterns: Sequence[str], *, classics: bool
    ) -> dict[str, Any]:
        """For JSON."""
        own = self.baseline.lots
        return {
            "baseline": {
                "lots": len(own), "first_at": own[0].last_at, "last_at": own[-1].last_at,
                "is_frozen": self.is_frozen,
            },
            "alarms": to_builtins(self.alarms),
            "charts": to_builtins(self.charts(lots, patterns, classics=classics)),
        }  # fmt: skip


def few(summary: Summary) -> str:
    """Why there are no limits yet."""
    return f"not enough lots for limits and alarms: {summary.total()} of {ENOUGH}"


def watched(
    view: StoreView, summary: Summary, file: AlarmFile, *, nelson: bool = False
) -> Watched | None:
    """Judge the lots of a store; None where there are not enough for a baseline.

    Where nobody has frozen one, the older half of the newest lots (20 to 100) is the baseline.
    """
    kept = file.baseline()
    if kept is not None:
        lots = [
            lot for lot in summary.lots(Selection(since=kept.until)) if lot.last_at > kept.until
        ]
        judge = Judge(kept, nelson=nelson)
        return Watched(judge, is_frozen=True, lots=lots, alarms=judge.alarms(lots))
    newest = summary.lots(Selection(last=2 * _HALF))
    half = max(ENOUGH, len(newest) // 2)
    made = baseline(newest[:half], view.patterns)
    if made is None:
        return None
    judge = Judge(made, nelson=nelson)
    return Watched(judge, is_frozen=False, lots=newest[half:], alarms=judge.alarms(newest[half:]))


def checked(
    view: StoreView, summary: Summary, file: AlarmFile, found: Watched, by: str
) -> list[KeptAlarm]:
    """Keep the alarms that are new, and the baseline where none was; gives the new ones back."""
    if not found.is_frozen:
        file.freeze(found.baseline, by)
    lots = {lot.name: lot for lot in found.lots}
    known = {(one.alarm.subject, one.alarm.lot) for one in file.alarms()}
    alarms = [
        alarm
        if (alarm.subject, alarm.lot) in known
        else structs.replace(alarm, wafers=[*_wafers(alarm, lots, view, summary)][:_WAFERS])
        for alarm in found.alarms
    ]
    return file.raise_alarms(alarms)


def _wafers(alarm: Alarm, lots: dict[str, Lot], view: StoreView, summary: Summary) -> Iterator[str]:
    """The wafers of the pattern; of what drifts, all of the lot's."""
    for name in reversed(alarm.lots):
        of_pattern = lots[name].count(alarm.subject) > 0
        for wafer in summary.wafers(lots[name]):
            if not of_pattern or alarm.subject in wafer.patterns:
                yield view.names.of(wafer.id)
