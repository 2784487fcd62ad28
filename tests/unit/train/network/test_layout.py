"""Width and depth of a network: its own where nothing is said, and refusals with their key."""

from __future__ import annotations

from typing import Any

import pytest

from edge.model.metadata import Layout
from edge.system.typed import MismatchError
from train.network.layout import OWN, even, kernels, layout_of


def test_without_a_word_it_is_the_networks_own() -> None:
    assert layout_of("symmetric") == OWN["symmetric"] == Layout((4, 6, 8), (0, 1, 0), (2, 2, 2), 4)
    assert layout_of("residual") == OWN["residual"]
    assert layout_of("seed-final") is None
    wider = layout_of("symmetric", widths=(4, 9, 12), blocks=(0, 1, 1))
    assert wider == Layout((4, 9, 12), (0, 1, 1), (2, 2, 2), 4)
    assert layout_of("residual", (8,), (0,), (4,), 7) == Layout((8,), (0,), (4,), 7)


@pytest.mark.parametrize(
    ("name", "said", "key", "words"),
    [
        ("seed-final", {"widths": (8, 8)}, "widths", "is for residual and symmetric"),
        ("symmetric", {"widths": (4, 8)}, "blocks", "are 3 numbers, widths has 2 stages"),
        ("symmetric", {"blocks": (0, 1)}, "blocks", "are 2 numbers, widths has 3 stages"),
        ("residual", {"strides": (2,)}, "strides", "are 1 numbers, widths has 3 stages"),
        ("symmetric", {"widths": (4, 6, 65)}, "widths", "at most 64 for symmetric"),
        ("symmetric", {"kernel": 5}, "kernel", "same padding on both sides: take 2, 4, 6, 8, 10"),
        ("residual", {"kernel": 2, "strides": (3, 2, 2)}, "kernel", "less than the stride"),
    ],
)
def test_what_is_no_network_is_told_with_its_key(
    name: str, said: dict[str, Any], key: str, words: str
) -> None:
    with pytest.raises(MismatchError, match=words) as caught:
        layout_of(name, **said)
    assert caught.value.place == (key,)


def test_tied_kernels_pad_alike_on_both_sides() -> None:
    for strides in ((2, 2, 2, 2, 2), (1, 2, 1, 3, 2), (4, 3, 2, 1, 1)):
        side, layout = 52, Layout((1,) * 5, (0,) * 5, strides, 4)
        for stride, kernel in zip(strides, kernels(layout, side, tied=True), strict=True):
            if (side, stride) != (52, 1):  # the first kernel is the recipe's
                assert even(side, kernel, stride), (strides, side)
            side = -(-side // stride)
    assert list(kernels(OWN["residual"], 52, tied=False)) == [5, 3, 3]
