"""Lot, wafer and slot from names: one way to read each name, and no name that takes long."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import InputError, InputKind
from edge.formats.name_pattern import Named, NamePattern, Names
from edge.wafer.wafermap import WaferMap


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("{lot}_{wafer}", "A123_07.png", Named("A123", "07")),
        ("{lot}_{wafer}", "below/any/A123_07.CSV", Named("A123", "07")),
        ("{lot}_{wafer}", "A_B_07.npy", Named("A_B", "07")),
        ("{lot}_{wafer}", "A123.png", None),
        ("{lot}_{wafer}", "_07.png", None),
        ("{lot}/{wafer}.*", "x/A123/w.07.png", Named("A123", "w.07")),
        ("{lot}/{wafer}.*", "07.png", None),
        ("{lot}/{wafer}.*", "../07.png", None),
        ("{lot}/*/W{wafer}.png", "A123/map/W7.png", Named("A123", "7")),
        ("{lot}/*/W{wafer}.png", "A123/map/w7.png", None),
        ("{lot}.v2.*", "A.b.v2.png", Named("A.b")),
        ("{lot}.{wafer}", "A123.07.png", Named("A123", "07")),
        ("{lot}_{wafer}_*", "A123_07_bin_map.png", Named("A123", "07")),
        ("*_{lot}_{wafer}", "prober_A_B_07.png", Named("B", "07")),
        ("{slot}_{lot}", "12_A_B.png", Named("A_B", None, 12)),
        ("{lot}-{slot}", "A-1-25.png", Named("A-1", None, 25)),
        ("{lot}-{slot}", "A-x.png", None),
        ("{lot}_s{slot}.png", "A_s0123456789.png", None),
        ("[?]{lot}", "[?]A.png", Named("A")),
    ],
)
def test_what_a_name_says(pattern: str, name: str, found: Named | None) -> None:
    assert NamePattern(pattern).match(name) == found


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "position 1: a name is missing"),
        ("*.png", "asks for nothing"),
        ("{lot}{wafer}", "position 6: .*nothing tells where one ends"),
        ("*{lot}", "position 2: .*nothing tells where one ends"),
        ("{lot}_{Wafer}", "position 7: {Wafer} is not known"),
        ("{lot}/{lot}", "position 7: {lot} stands there twice"),
        ("x/{lot", "position 3: { is one half"),
        ("{lot}//x", "position 7: a name is missing"),
        ("{lot}" + "x" * 600, "has 605 characters"),
    ],
)
def test_a_wrong_pattern_says_where(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        NamePattern(pattern)


#: Read from the end, a field takes as little as it can.
_REVERSED = {"*": "(.*)", "{lot}": "(?P<lot>.+?)", "{wafer}": "(?P<wafer>.+?)"}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["_", "a", "_a", "_*_", "_*a*_"]), min_size=4, max_size=4),
    st.booleans(),
    st.text("_a1", max_size=14),
)
def test_a_name_is_divided_as_a_regular_expression_would(
    between: list[str], leading: bool, name: str
) -> None:
    first, second, third, last = between
    pattern = f"{first if leading else ''}{{lot}}{second}{{wafer}}{third}{{slot}}{last}.x"
    pieces = re.findall(r"\{\w+\}|\*|[^{*]", pattern)
    known = {**_REVERSED, "{slot}": "(?P<slot>[0-9]+?)"}
    reverse = "".join(known.get(piece, re.escape(piece)) for piece in reversed(pieces))
    expected = re.fullmatch(reverse, f"{name}.x"[::-1])
    assert NamePattern(pattern).match(f"{name}.x") == (
        expected
        and Named(expected["lot"][::-1], expected["wafer"][::-1], int(expected["slot"][::-1]))
    )


def test_a_hostile_name_takes_no_time() -> None:
    pattern = NamePattern("{lot}" + "_*" * 100 + "_x")
    began = time.perf_counter()
    assert pattern.match("_" * 255) is None
    assert time.perf_counter() - began < 0.5


def test_the_path_below_the_top_counts() -> None:
    pattern = NamePattern("{lot}/{wafer}")
    names = Names(pattern, ["/in/lots", "./more", "."])
    assert names.read("/in/lots/A/07.png") == Named("A", "07")
    assert names.read("/in/lots/07.png") is None
    assert names.read("more/07.png") is None
    assert names.read("more/A/07.png") == Named("A", "07")
    assert Names(pattern).read("lots/07.png") == Named("lots", "07")


def _maps(*items: WaferMap | InputError) -> Iterator[WaferMap | InputError]:
    yield from items


DIES = np.ones((3, 3), np.uint8)


def test_what_a_file_says_itself_wins() -> None:
    names = Names(NamePattern("{lot}_{wafer}_{slot}"))
    [one] = names.apply(_maps(WaferMap(DIES, lot="own", slot=3)), "A_07_5.png")
    assert isinstance(one, WaferMap)
    assert (one.lot, one.wafer, one.slot) == ("own", "07", 3)


def test_of_several_wafers_the_name_says_the_lot_alone() -> None:
    names = Names(NamePattern("{lot}_{wafer}"))
    bad = InputError("A_07.npz[1]", InputKind.NO_DIES, "no die")
    for items in itertools.permutations([WaferMap(DIES), bad, WaferMap(DIES, wafer="3")]):
        found = list(names.apply(_maps(*items), "A_07.npz"))
        assert [item.wafer for item in found if isinstance(item, WaferMap)] == [
            item.wafer for item in items if isinstance(item, WaferMap)
        ]
        assert all(item.lot == "A" for item in found if isinstance(item, WaferMap))
        assert bad in found


def test_an_error_after_the_first_wafer_loses_nothing() -> None:
    def broken() -> Iterator[WaferMap | InputError]:
        yield WaferMap(DIES)
        raise InputError("A_07.npz", InputKind.UNREADABLE, "damaged")

    items = Names(NamePattern("{lot}_{wafer}")).apply(broken(), "A_07.npz")
    first = next(items)
    assert isinstance(first, WaferMap)
    assert (first.lot, first.wafer) == ("A", None)
    with pytest.raises(InputError, match="damaged"):
        next(items)


def test_names_that_do_not_fit_are_counted_by_file_and_said_once() -> None:
    names = Names(NamePattern("{lot}_{wafer}"))
    sentence = names.note({"source": "odd.npz", "index": 0})
    assert sentence is not None
    assert "odd.npz" in sentence
    assert names.note({"source": "odd.npz", "index": 1}) is None
    assert names.note({"source": "odd2.npz"}) is None
    assert names.note({"source": "set.npz", "lot": "17"}) is None
    assert names.note({"source": "bad.png", "error": "damaged"}) is None
    assert names.misses == 2
