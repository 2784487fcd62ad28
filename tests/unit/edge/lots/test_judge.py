"""Alarms over lots: what raises one, what does not, and how often by chance."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec import structs

from benchmarks.lots import QUIET, bound, drawn_baseline, drawn_lots, tripled
from edge.lots import classic
from edge.lots.alarm import Alarm, Rule
from edge.lots.baseline import Baseline, baseline
from edge.lots.judge import Judge
from edge.lots.lot import Lot, PatternCount


@pytest.fixture(scope="module")
def known() -> Baseline:
    return drawn_baseline(np.random.default_rng(11), 60)


def quiet(number: int, seed: int = 3) -> list[Lot]:
    """Lots behind that baseline without any pattern, drawn apart from that."""
    lots = drawn_lots(np.random.default_rng(seed), number, begin=60)
    return [structs.replace(lot, patterns={}) for lot in lots]


def with_pattern(lots: Sequence[Lot], counts: dict[int, int], pattern: str = "Loc") -> list[Lot]:
    return [
        structs.replace(
            lot, patterns={pattern: PatternCount(counts[at], 0)} if at in counts else {}
        )
        for at, lot in enumerate(lots)
    ]


def of_patterns(judge: Judge, lots: Sequence[Lot]) -> list[Alarm]:
    return [one for one in judge.alarms(lots) if one.rule is not Rule.DRIFT]


def test_a_lot_beyond_the_limit_says_all_that_must_be_said(known: Baseline) -> None:
    judge = Judge(known)
    limit = judge.rules("Loc").limit(25)
    assert limit is not None
    lots = with_pattern(quiet(5), {1: limit.number - 1, 3: limit.number})
    (found,) = of_patterns(judge, lots)
    assert (found.rule, found.subject, found.lot) == (Rule.LIMIT, "Loc", lots[3].name)
    assert f"Loc: {limit.number} of 25 wafers of lot {lots[3].name}" in found.said
    assert f"{limit.number} or more come by chance at 1 of " in found.said
    assert found.numbers["limit"] == limit.number
    assert found.false_alarms_a_month == pytest.approx(limit.chance * known.lots_a_month)
    assert limit.chance < 1 / 500 / 8


def test_a_whole_lot_is_called_so(known: Baseline) -> None:
    (found,) = of_patterns(Judge(known), with_pattern(quiet(3), {1: 25}))
    assert found.rule is Rule.WHOLE
    assert "all 25 wafers" in found.said


def test_the_first_whole_lot_is_told_where_too_few_lots_say_what_is_rare() -> None:
    """And no other after it: then whole lots of the pattern may be what is normal."""
    lots = quiet(26)
    made = baseline(lots[:20], ["Scratch"])
    assert made is not None
    judge = Judge(made)
    assert judge.rules("Scratch").limit(25) is None
    found = of_patterns(judge, with_pattern(lots, {21: 24, 22: 25, 24: 25}, "Scratch"))
    assert [(one.rule, one.lot) for one in found] == [(Rule.WHOLE, lots[22].name)]
    assert found[0].chance > 1 / 500 / 8
    one_whole = baseline(with_pattern(lots[:20], {3: 21}, "Scratch"), ["Scratch"])
    assert one_whole is not None
    assert of_patterns(Judge(one_whole), with_pattern(lots, {22: 25}, "Scratch")) == []


def test_lots_in_a_row_and_some_of_ten_are_told_once_each(known: Baseline) -> None:
    judge = Judge(known)
    rules = judge.rules("Scratch")
    assert rules.row is not None
    assert rules.some is not None
    length = rules.row.number
    row = with_pattern(quiet(30), dict.fromkeys(range(2, 20), 1), "Scratch")
    found = of_patterns(judge, row)
    assert {one.rule: one.lot for one in found} == {
        Rule.SOME: row[1 + rules.some.number].name,
        Rule.ROW: row[1 + length].name,
    }
    assert len(found) == 2
    (in_a_row,) = [one for one in found if one.rule is Rule.ROW]
    assert in_a_row.lots == [lot.name for lot in row[2 : 2 + length]]


def test_the_baselines_own_rows_are_normal(known: Baseline) -> None:
    longest = 9
    lots = with_pattern(known.lots, dict.fromkeys(range(5, 5 + longest), 1))
    made = baseline(lots, ["Loc"])
    assert made is not None
    row = Judge(made).rules("Loc").row
    assert row is not None
    assert row.number > longest


def test_a_lot_to_which_wafers_still_come_is_held_against_the_limit_of_a_whole_one(
    known: Baseline,
) -> None:
    judge = Judge(known)
    limit, small = judge.rules("Loc").limit(25), judge.rules("Loc").limit(8)
    assert limit is not None
    assert small is not None
    assert small.number < limit.number
    lots = with_pattern(quiet(3), {2: small.number})
    lots[2] = structs.replace(lots[2], wafers=8)
    assert of_patterns(judge, lots) == []
    after = [*lots, *quiet(4)[3:]]
    assert [one.lot for one in of_patterns(judge, after)] == [lots[2].name]


def test_drift_is_seen_and_one_odd_lot_is_not(known: Baseline) -> None:
    lots = quiet(40)
    odd = [*lots]
    odd[5] = structs.replace(odd[5], unfamiliarity=1e6, fails=odd[5].dies, review=25)
    before = {(one.subject, one.lot) for one in Judge(known).alarms(lots)}
    assert {(one.subject, one.lot) for one in Judge(known).alarms(odd)} == before
    moved = [structs.replace(lot, unfamiliarity=3 * lot.unfamiliarity) for lot in lots]
    (found,) = [one for one in Judge(known).alarms(moved) if one.subject == "unfamiliarity"]
    assert found.rule is Rule.DRIFT
    assert found.lot in {lot.name for lot in lots[:15]}


def test_too_few_lots_have_no_limits(known: Baseline) -> None:
    assert baseline(known.lots[:19], ["Loc"]) is None
    assert baseline(known.lots[:20], ["Loc"]) is not None


def test_nelsons_rules_are_used_where_asked_for(known: Baseline) -> None:
    lots = quiet(12, seed=8)
    usual = sorted(known.lots, key=lambda lot: lot.fail_share)[len(known.lots) // 2]
    flat = [structs.replace(lot, fails=usual.fails) for lot in lots]
    flat[4] = structs.replace(flat[4], fails=flat[4].dies // 2)
    rules = [(one.subject, one.lot) for one in Judge(known, nelson=True).alarms(flat)]
    assert ("fail rate, Nelson 1", flat[4].name) in rules
    assert not [one for one in Judge(known).alarms(flat) if one.rule is Rule.NELSON]
    rising = [structs.replace(lot, fails=usual.fails + 10 * at) for at, lot in enumerate(lots)]
    found = {(rule.rule, lot.name) for lot, _, rule in classic.broken(known, rising)}
    assert (3, rising[5].name) in found
    assert not {rule for rule, _ in found} & {1, 5}


def test_p_limits_are_the_textbooks_and_laneys_are_wider(known: Baseline) -> None:
    limits = classic.Shares(known, "Center").limits(25)
    share = known.share("Center")
    assert limits.p == pytest.approx(share + 3 * (share * (1 - share) / 25) ** 0.5)
    assert limits.laney > 1.05 * limits.p


def test_false_alarms_and_what_is_found_short_form() -> None:
    """The long form is ``python -m benchmarks.lots alarms``."""
    rng = np.random.default_rng(5)
    alarms = [
        alarm
        for size in (20, 50, 100)
        for alarm in Judge(drawn_baseline(rng, size)).alarms(drawn_lots(rng, QUIET, begin=size))
    ]
    assert len(alarms) <= 3
    assert tripled(rng, None)[1] > 0.5
    # No test at all can find most tripled rates of a single pattern within three lots.
    assert bound(rng, "Edge-Loc") < 0.3


def test_the_order_in_which_lots_are_asked_for_changes_nothing(known: Baseline) -> None:
    lots = drawn_lots(np.random.default_rng(2), 40, begin=60, tripled={"Loc", "Center"})
    whole = Judge(known).alarms([*lots, *quiet(41)[40:]])
    cut = random.Random(1).randrange(20, 40)
    part = Judge(known).alarms(lots[:cut])
    names = {lot.name for lot in lots[: cut - 1]}
    assert [one for one in whole if one.lot in names] == [one for one in part if one.lot in names]
