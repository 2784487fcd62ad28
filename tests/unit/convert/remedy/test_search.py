"""The search stops at the first green trial and tells of all before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from convert.parity import Parity, compare
from convert.remedy.search import Trial, Tried, search, table
from edge.errors import ModelError, RuntimeUnavailableError
from edge.wafer.patterns import PATTERNS

CLASSES = np.repeat(np.arange(len(PATTERNS)), 10)
SURE = np.eye(len(PATTERNS))[CLASSES]


def parity(spoilt: int) -> Parity:
    """Of a file that takes the first wafers for another class."""
    after = SURE.copy()
    after[:spoilt] = np.eye(len(PATTERNS))[-1]
    return compare(CLASSES, SURE, after, PATTERNS, 1.0)


@dataclass(frozen=True)
class File:
    parity: Parity


PLAIN = File(parity(8))


def judge(content: bytes) -> File:
    if content == b"bad":
        raise ModelError("tensor x is float64")
    if content == b"unrunnable":
        raise RuntimeUnavailableError("no TFLite runtime could run this model")
    return File(parity(int(content)))


def trials(*contents: bytes | None, after: str = "") -> Iterator[Trial]:
    for place, content in enumerate(contents):
        failure = "" if content is not None else "ValueError: no layer"
        yield Trial(f"remedy {place}", content, failure, 1.25, "2 layers" if content else "")
    if after:
        pytest.fail(after)


def test_stops_at_the_first_green_one() -> None:
    made = trials(b"5", None, b"bad", b"0", after="went on after a green trial")
    found, tried = search(PLAIN, made, judge)
    assert found.parity.green
    assert [one.refused for one in tried] == ["", "ValueError: no layer", "tensor x is float64", ""]
    assert [bool(one.parity) for one in tried] == [True, False, False, True]
    dicts = json.loads(json.dumps([one.as_dict() for one in tried]))
    assert dicts[0]["parity"]["lost"] == [PATTERNS[0]]
    assert dicts[1]["parity"] is None
    assert dicts[3]["parity"]["green"] is True
    lines = table(PLAIN.parity, tried).splitlines()
    assert len(lines) == 2 + 1 + 4
    assert lines[2] == f"| none | | | 91.11 | 91.11 | {PATTERNS[0]} | RED |"
    assert lines[4] == "| remedy 1 | - | 1.2 | - | - | - | ValueError: no layer |"
    assert lines[-1] == "| remedy 3 (2 layers) | 0 | 1.2 | 100.00 | 100.00 | none | green |"
    assert len({line.count("|") for line in lines}) == 1


def test_all_red_gives_the_plain_one_back() -> None:
    found, tried = search(PLAIN, trials(b"5", b"6"), judge)
    assert found is PLAIN
    assert len(tried) == 2


def test_a_tensor_called_anything_stays_in_its_cell() -> None:
    trial = Trial("remedy", None, "tensor a|b\n| c\x1b[2J is float64", 1.0, "")
    line = table(PLAIN.parity, [Tried(trial, None, trial.failure)]).splitlines()[-1]
    assert line.endswith(r"| tensor a\|b?\| c?[2J is float64 |")


def test_goes_on_after_what_no_runtime_takes() -> None:
    found, tried = search(PLAIN, trials(b"unrunnable", b"0"), judge)
    assert found.parity.green
    assert tried[0].refused == "no TFLite runtime could run this model"
    assert "no TFLite runtime could run this model" in table(PLAIN.parity, tried)
