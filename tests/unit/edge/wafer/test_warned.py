"""Warnings of wafers that leave no record."""

from __future__ import annotations

import numpy as np

from edge.errors import InputError, InputKind
from edge.wafer.wafermap import WaferMap
from edge.wafer.warned import TOLD, Warned


def wafer(source: str, warning: str | None, index: int = 0) -> WaferMap:
    return WaferMap(np.ones((1, 1), np.uint8), source, index, warning=warning)


def test_alike_ones_are_told_once_with_the_first_names_and_all_are_counted() -> None:
    warned = Warned()
    items = [
        wafer("a.map", "no EndOfFile"),
        InputError("b.map", InputKind.EMPTY, "zero bytes"),
        wafer("c.map", None),
        *(wafer("d.map", "no EndOfFile", index) for index in range(4)),
        wafer("e.map", "mirrored"),
    ]
    assert list(warned.noting(iter(items))) == items
    assert warned.count == 6
    assert list(warned.sentences()) == [
        "a.map, d.map, d.map[1] and 2 more: no EndOfFile",
        "e.map: mirrored",
    ]


def test_of_many_different_ones_the_first_are_told_and_the_others_counted() -> None:
    warned = Warned()
    for number in range(TOLD + 3):
        warned.note(wafer(f"{number}.map", f"{number} dies too few"))
    warned.note(wafer("again.map", "0 dies too few"))
    told = list(warned.sentences())
    assert told[0] == "0.map, again.map: 0 dies too few"
    assert len(told) == TOLD + 1
    assert told[-1].startswith("3 other wafers with warnings")
