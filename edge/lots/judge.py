"""Lots against the baseline: the alarms of all rules, and the limits that charts show.

All rules but Nelson's together raise at most ``FALSE_ALARMS`` alarms a lot while nothing is wrong,
as far as the model of ``edge.lots.beta_binomial`` holds: drift has a fifth of that, each pattern an
equal part of the rest. ``benchmarks/lots.py`` measures what that comes to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from edge.lots import classic
from edge.lots.alarm import Alarm, Rule, rarely
from edge.lots.baseline import Baseline
from edge.lots.classic import Shares
from edge.lots.drift import Drift, Scores
from edge.lots.lot import Lot
from edge.lots.pattern_rules import PatternRules

#: False alarms a lot of all patterns and rules together.
FALSE_ALARMS: Final = 1 / 500

#: Part of drift.
_DRIFT: Final = 0.2


class Spot(Struct, frozen=True):
    """A lot on the control chart of a pattern.

    Attributes:
        lot: Its name.
        wafers: How many it has.
        count: Of these, those that show the pattern.
        limit: From which number on there is an alarm; None where whole lots are normal.
        is_alarm: An alarm names it.
        p: Upper limit of the share by a p-chart, where asked for.
        laney: The same by Laney's p' chart.
    """

    lot: str
    wafers: int
    count: int
    limit: int | None
    is_alarm: bool
    p: float | None = None
    laney: float | None = None


class Judge:
    """What some lots of a baseline say of all lots behind it.

    Args:
        baseline: The lots.
        nelson: Nelson's rules 1, 2, 3 and 5 are used on the fail rate, beside the others.
    """

    def __init__(self, baseline: Baseline, *, nelson: bool = False) -> None:
        self.baseline = baseline
        self._nelson = nelson
        self._chance = (1 - _DRIFT) * FALSE_ALARMS / max(len(baseline.patterns), 1)
        self._rules: dict[str, PatternRules] = {}
        chance = _DRIFT * FALSE_ALARMS / len(Drift)
        self._drifts = {drift: Scores(drift, baseline, chance) for drift in Drift}
        self._drift_chance = chance

    def rules(self, pattern: str) -> PatternRules:
        """The limits of a pattern."""
        if pattern not in self._rules:
            self._rules[pattern] = PatternRules(self.baseline, pattern, self._chance)
        return self._rules[pattern]

    def alarms(self, lots: Sequence[Lot]) -> list[Alarm]:
        """Those of lots behind the baseline, in the order of the lots."""
        lots = [lot for lot in lots if lot.last_at > self.baseline.until]
        if not lots:
            return []
        names = {name for lot in lots for name in lot.patterns}
        found = [alarm for name in sorted(names) for alarm in self.rules(name).alarms(lots)]
        found += self._drifting(lots)
        found += self._nelson_alarms(lots) if self._nelson else ()
        order = {lot.name: at for at, lot in enumerate(lots)}
        return sorted(found, key=lambda alarm: order[alarm.lot])

    def chart(
        self, lots: Sequence[Lot], pattern: str, alarms: Sequence[Alarm], *, classics: bool = False
    ) -> list[Spot]:
        """A pattern's control chart over lots in their order."""
        named = {alarm.lot for alarm in alarms if alarm.subject == pattern}
        shares = Shares(self.baseline, pattern) if classics else None
        spots = []
        for lot in lots:
            limit = self.rules(pattern).limit_of(lot, is_newest=lot is lots[-1])
            spots.append(
                Spot(
                    lot.name,
                    lot.wafers,
                    lot.count(pattern),
                    limit and limit.number,
                    lot.name in named,
                    *(shares.limits(lot.wafers) if shares else ()),
                )
            )
        return spots

    def _drifting(self, lots: Sequence[Lot]) -> Iterator[Alarm]:
        if lots[-1].wafers < self.baseline.size / 2:  # most of its wafers are still to come
            lots = lots[:-1]
        for drift, scores in self._drifts.items():
            averages = scores.averages(lots)
            for before, now, lot in zip([0.0, *averages], averages, lots, strict=False):
                if before <= scores.limit < now:
                    numbers = {"average": round(now, 3), "limit": round(scores.limit, 3)}
                    said = (
                        f"{drift} has drifted up by lot {lot.name}: {now:.2f} standard deviations "
                        f"averaged, limit {scores.limit:.2f}; by chance at"
                    )
                    yield self._alarm(
                        Rule.DRIFT, drift.value, lot, said, self._drift_chance, numbers
                    )

    def _nelson_alarms(self, lots: Sequence[Lot]) -> Iterator[Alarm]:
        for lot, score, rule in classic.broken(self.baseline, lots):
            said = f"fail rate at lot {lot.name}: {rule.said} (Nelson {rule.rule}); by chance at"
            numbers = {"nelson": rule.rule, "score": round(score, 3)}
            subject = f"fail rate, Nelson {rule.rule}"
            yield self._alarm(Rule.NELSON, subject, lot, said, rule.chance, numbers)

    def _alarm(
        self, rule: Rule, subject: str, lot: Lot, said: str, chance: float, numbers: dict[str, Any]
    ) -> Alarm:
        return Alarm(
            rule=rule,
            subject=subject,
            lot=lot.name,
            lots=[lot.name],
            said=f"{said} {rarely(chance)}",
            numbers=numbers,
            chance=chance,
            false_alarms_a_month=chance * self.baseline.lots_a_month,
        )
