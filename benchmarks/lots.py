"""How long a look at the lots of a large store takes.

python -m benchmarks.lots store [WAFERS]
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from edge.lots.alarm import Alarm, Rule
from edge.lots.baseline import Baseline, baseline
from edge.lots.beta_binomial import log_pmf
from edge.lots.judge import FALSE_ALARMS, Judge
from edge.lots.lot import Lot, PatternCount
from edge.lots.store_view import StoreView
from edge.lots.summary import Selection, Summary
from edge.results.record import RESULT_KEYS
from edge.store.store import Store
from tests.support.lots import at, lot_records

#: Wafers of a lot.
SIZE = 25

#: Share of WM-811K's wafers that show a pattern, and how many times as much their number varies
#: from lot to lot (of 25 wafers) as that of independent wafers.
MEASURED = {
    "Center": (0.025, 5.4), "Donut": (0.003, 5.6), "Edge-Loc": (0.03, 2.2),
    "Edge-Ring": (0.055, 21.0), "Loc": (0.02, 2.0), "Random": (0.005, 7.3),
    "Scratch": (0.007, 1.4),
}  # fmt: skip
RATES = {name: rate for name, (rate, _) in MEASURED.items()}


def rows(wafers: int) -> Iterator[tuple[Any, ...]]:
    """Rows of the table ``results``, all of whose lots are alike."""
    draw = random.Random(0)  # noqa: S311
    (usual,) = lot_records("", ["none"], 0)
    usual["probabilities"] = json.dumps(RATES)
    names, rates = ["none", *RATES], [1 - sum(RATES.values()), *RATES.values()]
    for number in range(1, wafers + 1):
        lot, wafer = divmod(number - 1, SIZE)
        found = {
            **usual,
            "lot": f"L{lot:06d}",
            "wafer": str(wafer + 1),
            "pattern": draw.choices(names, rates)[0],
            "verdict": "review" if draw.random() < 0.1 else "accept",
            "fails": draw.randrange(100),
            "file": f"L{lot:06d}_{wafer + 1}.png",
            "source_sha256": f"{number:064x}",
            "recorded_at": at(number),
        }
        yield number, *(found[key] for key in RESULT_KEYS)


def fill(path: Path, wafers: int) -> None:
    """Make a store with so many wafers."""
    Store(path).close()
    keys = ", ".join(f'"{key}"' for key in ("id", *RESULT_KEYS))
    marks = ", ".join("?" * (len(RESULT_KEYS) + 1))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        insert = f"INSERT INTO results ({keys}) VALUES ({marks})"  # noqa: S608
        connection.executemany(insert, rows(wafers))
        connection.execute("UPDATE numbering SET next_id = ?", (wafers + 1,))


def look(path: Path, last: int | None) -> float:
    """Seconds of CPU, which a busy machine hardly changes, of a look at the newest lots, or all."""
    begun = time.process_time()
    with closing(StoreView(path)) as view, closing(Summary(view)) as summary:
        summary.lots(Selection(last=last))
    return time.process_time() - begun


def store(wafers: int) -> None:
    """Print how long the first look and the next ones take."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.sqlite"
        fill(path, wafers)
        print(f"{wafers:,} wafers, {path.stat().st_size / 2**20:.0f} MiB")
        print(f"first look          {look(path, 100):7.2f} s")
        print(f"next, 100 lots      {min(look(path, 100) for _ in range(5)):7.2f} s")
        print(f"next, all lots      {min(look(path, None) for _ in range(5)):7.2f} s")


#: Lots behind a baseline in which nothing is wrong, and those that a change is waited for.
QUIET, WAIT = 500, 20

#: Draws of what is found, with one baseline each.
FOUND = 8


def alarms(baselines: int) -> None:
    """Print false alarms in 500 lots, and how often a tripled rate is found."""
    rng = np.random.default_rng(0)
    for size in (20, 50, 100, 200):
        found: Counter[str] = Counter()
        for _ in range(baselines):
            judge = Judge(drawn_baseline(rng, size))
            lots = drawn_lots(rng, QUIET, begin=size)
            found.update(_kind(alarm) for alarm in judge.alarms(lots))
        each = {rule: round(count / baselines, 3) for rule, count in found.items()}
        total = found.total() / baselines
        print(f"baseline of {size} lots: {total:.2f} false alarms in {QUIET} lots {each}")
    print("found within 3, 20 lots; the best of all tests within 3, which knows both rates")
    for pattern in MEASURED:
        soon, later = tripled(rng, pattern)
        print(f"{pattern:10} {soon:6.1%} {later:6.1%} {bound(rng, pattern):6.1%}")
    soon, later = tripled(rng, None)
    print(f"{'all':10} {soon:6.1%} {later:6.1%}")


def _kind(alarm: Alarm) -> str:
    return f"{alarm.rule} {alarm.subject}" if alarm.rule is Rule.DRIFT else alarm.rule.value


def tripled(rng: np.random.Generator, pattern: str | None) -> tuple[float, float]:
    """Shares of 8 x 25 changes that are found within 3 lots, and within 20; None: of all."""
    soon = later = 0
    for _ in range(FOUND):
        judge = Judge(drawn_baseline(rng, 100))
        for _ in range(25):
            lots = drawn_lots(rng, WAIT, begin=100, tripled={pattern} if pattern else {*MEASURED})
            found = judge.alarms(lots)
            order = [lot.name for lot in lots]
            first = min((order.index(one.lot) for one in found), default=WAIT)
            soon, later = soon + (first < 3), later + (first < WAIT)
    return soon / FOUND / 25, later / FOUND / 25


def bound(rng: np.random.Generator, pattern: str) -> float:
    """What the likelihood ratio of three lots finds of a tripled rate.

    No test finds more (J. Neyman, E. S. Pearson, 1933). It knows the rates and the dispersion,
    looks at this pattern alone, and may raise all false alarms: 1 in 500 lots.
    """
    counts = np.arange(SIZE + 1.0)
    log = [log_pmf(counts, np.float64(SIZE), *shape(pattern, times)) for times in (1, 3)]
    ratio = log[1] - log[0]
    usual, more = (
        ratio[rng.choice(SIZE + 1, (400_000, 3), p=np.exp(each) / np.exp(each).sum())].sum(axis=1)
        for each in log
    )
    return float((more > np.quantile(usual, 1 - 3 * FALSE_ALARMS)).mean())


def shape(pattern: str, times: float = 1.0) -> tuple[np.float64, np.float64]:
    """Parameters of the beta distribution of the lots' shares, of a rate so many times as high."""
    rate, dispersion = MEASURED[pattern]
    strength = (SIZE - 1) / (dispersion - 1) - 1
    return np.float64(times * rate * strength), np.float64((1 - times * rate) * strength)


def drawn_baseline(rng: np.random.Generator, lots: int) -> Baseline:
    """A baseline of lots in which nothing is wrong."""
    found = baseline(drawn_lots(rng, lots), [*MEASURED, "Near-full"])
    assert found is not None  # noqa: S101
    return found


def drawn_lots(
    rng: np.random.Generator, lots: int, begin: int = 0, tripled: Collection[str] = ()
) -> list[Lot]:
    """Lots with the measured rates and dispersion; drift is judged by order, so any will do."""
    shares = {name: rng.beta(*shape(name, 3 if name in tripled else 1), lots) for name in MEASURED}
    counts = {name: rng.binomial(SIZE, share) for name, share in shares.items()}
    unfamiliarity, fails = rng.lognormal(1, 0.3, lots), rng.beta(8, 40, lots)
    review = rng.binomial(SIZE, rng.beta(1.1, 9, lots))
    found = []
    for number in range(lots):
        patterns = {
            name: PatternCount(int(count[number]), 0)
            for name, count in counts.items()
            if count[number]
        }
        when = at(600 * (begin + number))
        shown = min(SIZE, sum(one.wafers for one in patterns.values()))
        found.append(
            Lot(
                name=f"L{begin + number:05d}", is_day=False, wafers=SIZE, with_pattern=shown,
                review=int(review[number]), dies=100_000, fails=int(100_000 * fails[number]),
                unfamiliarity=float(unfamiliarity[number]), first_at=when, last_at=when,
                first=None, worst="1", worst_share=0.5, run=0, run_of=None, patterns=patterns,
            )
        )  # fmt: skip
    return found


if __name__ == "__main__":
    if sys.argv[1] == "store":
        store(int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000)
    else:
        alarms(int(sys.argv[2]) if len(sys.argv) > 2 else 20)
