"""The yield sweep: what is judged, what is counted, what is wanted, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.dataset.labelled_set import LabelledSet, build
from edge.errors import DataError
from edge.evaluation import yield_sweep
from edge.evaluation.yield_sweep import Bar, Cell, YieldSweep, at_high_yield, sweep
from edge.evaluation.yield_table import outcome_of, table
from edge.evaluation.yield_wafers import SHARES, Kind, kinds_of, wafers_of
from edge.model.model_file import ModelFile
from edge.synth import round_grid
from edge.verdict.rule import MIN_FAILS, Verdict
from edge.wafer.patterns import PATTERNS, WM811K, PatternSet
from edge.wafer.wafermap import FAIL, WaferMap


class Stubborn(Classifier):
    """Names and accepts what it names, whatever it sees; keeps what it saw."""

    answer = "Scratch"
    seen: list[WaferMap]

    def classify(self, wafer_map: WaferMap) -> Prediction:
        self.seen.append(wafer_map)
        found = super().classify(wafer_map)
        return found._replace(pattern=self.answer, verdict=Verdict.ACCEPT, reason=None)


@pytest.fixture
def stubborn(shipped: ModelFile) -> Stubborn:
    found = Stubborn(shipped)
    found.seen = []
    return found


@pytest.fixture(scope="module")
def swept(generated: LabelledSet, classifier: Classifier) -> YieldSweep:
    return sweep(generated, classifier)


def cells_of(found: YieldSweep) -> Iterator[tuple[Kind, str, float, Cell]]:
    for kind, rows in found.cells.items():
        for name, row in rows.items():
            for share, cell in zip(SHARES, row, strict=True):
                yield kind, name, share, cell


def test_every_pattern_is_drawn_and_those_that_fail_everywhere_are_not_cleared(
    swept: YieldSweep,
) -> None:
    for kind in (Kind.GRIDS, Kind.ROUND):
        assert tuple(swept.cells[kind]) == PATTERNS
    assert set(PATTERNS) - set(swept.cells[Kind.CLEARED]) == {"Near-full", "Random"}
    for kind in (Kind.GRIDS, Kind.ROUND):
        judged = sum(cell.wafers for where, _, _, cell in cells_of(swept) if where is kind)
        wanted = len(SHARES) * (8 * yield_sweep.WAFERS + yield_sweep.WAFERS_OF_NONE)
        assert judged + swept.blank[kind] == wanted
    assert swept.wafers == sum(cell.wafers for *_, cell in cells_of(swept))


def test_the_seed_decides(generated: LabelledSet, stubborn: Stubborn) -> None:
    def seen(seed: int) -> list[bytes]:
        stubborn.seen.clear()
        sweep(generated, stubborn, seed=seed)
        return [wafer.dies.tobytes() for wafer in stubborn.seen]

    first = seen(0)
    assert first == seen(0)
    assert len(set(first) - set(seen(1))) > len(first) / 2


def test_what_is_counted_is_what_the_verdict_says(
    generated: LabelledSet, stubborn: Stubborn
) -> None:
    told: list[tuple[int, int]] = []
    found = sweep(generated, stubborn, lambda done, total: told.append((done, total)))
    for _, name, _, cell in cells_of(found):
        assert cell.review == 0
        assert (cell.named, cell.right) == ((cell.wafers,) * 2 if name == "Scratch" else (0, 0))
        assert cell.wrong == cell.wafers - cell.right
    for bar in found.bars:
        assert bar.is_met == (bar.pattern == "Scratch"), bar
        assert bar.share == float(bar.pattern == "Scratch" or bar.at_most)
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_random_fails_are_the_share_and_none_has_no_other(generated: LabelledSet) -> None:
    rng = np.random.default_rng(3)
    for kind in (Kind.GRIDS, Kind.ROUND):
        made = wafers_of(kind, generated, "none", 0.05, rng)
        wafers = [next(made) for _ in range(60)]
        dies = sum(np.count_nonzero(wafer) for wafer in wafers)
        fails = sum(np.count_nonzero(wafer == FAIL) for wafer in wafers)
        assert fails / dies == pytest.approx(0.05, abs=0.01)
    clean = wafers_of(Kind.ROUND, generated, "Edge-Loc", 0.0, rng)
    shown = [wafer for wafer in (next(clean) for _ in range(60)) if wafer is not None]
    assert min(np.count_nonzero(wafer == FAIL) for wafer in shown) >= MIN_FAILS
    assert max(wafer.shape[0] for wafer in shown) > 100


def test_of_the_set_each_wafer_serves_once_and_thinned_none_must_have_the_share() -> None:
    rng = np.random.default_rng(0)
    full = np.where(round_grid(20, 20) > 0, 2, 0).astype(np.uint8)
    some = np.where((rng.random(full.shape) < 0.1) | (full == 0), full, 1).astype(np.uint8)
    labelled = build([full, some, some], ["none", "none", "Edge-Ring"])
    at = {share: list(wafers_of(Kind.CLEARED, labelled, "none", share, rng)) for share in SHARES}
    assert [len(at[share]) for share in SHARES] == [2, 2, 2, 2, 2, 2, 1, 1]
    assert list(wafers_of(Kind.CLEARED, labelled, "Edge-Ring", 0.0, rng)) == []


def test_names_of_one_s_own_are_drawn_where_they_can_be_and_cleared_all() -> None:
    patterns = PatternSet(("edge ring", "Comet", "gut"), "gut", {})
    assert list(kinds_of(patterns)) == [
        *((kind, name) for kind in (Kind.GRIDS, Kind.ROUND) for name in ("edge ring", "gut")),
        *((Kind.CLEARED, name) for name in patterns),
    ]


def test_an_empty_set_is_refused(generated: LabelledSet, classifier: Classifier) -> None:
    with pytest.raises(DataError, match="no wafer"):
        sweep(generated.select(np.arange(0)), classifier)


def test_high_yield_ends_at_two_percent() -> None:
    row = [Cell(10**place, 0, 0, 0) for place in range(len(SHARES))]
    assert at_high_yield(row).wafers == 11_111


@pytest.mark.parametrize(
    ("count", "at_most", "said"),
    [
        (95, False, "pass"),
        (94, False, "falls short by 1.0"),
        (95, True, "pass"),
        (100, True, "falls short by 5.0"),
    ],
)
def test_a_bar_says_by_how_much_it_is_missed(count: int, at_most: bool, said: str) -> None:
    bar = Bar(Kind.ROUND, "Loc", "named right", count, 100, 0.95, at_most)
    assert outcome_of(bar) == said


def test_the_table_has_every_figure_and_json_every_count(swept: YieldSweep) -> None:
    text = table(swept)
    assert text.count("named right") >= 2 * len(PATTERNS)
    assert text.count("\nwafers ") == len(Kind) * 2 - 1
    assert "fewer than 20 wafers: Center over 0 % (1)" in text
    form = json.loads(json.dumps(swept.as_dict(), allow_nan=False))
    cell = form["cells"][Kind.ROUND.value]["none"][2]
    assert cell["wafers"] == cell["right"] + cell["wrong"] + cell["review"]
    assert {bar["pattern"] for bar in form["bars"]} == {
        "Center", "Edge-Loc", "Edge-Ring", "Loc", "Scratch", WM811K.none
    }  # fmt: skip
