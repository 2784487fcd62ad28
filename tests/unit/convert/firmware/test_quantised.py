"""Fixed-point constants against TFLite's own numbers, and the arithmetic behind them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.firmware import quantised
from convert.firmware.quantised import Multiplier, multiplier
from edge.errors import ModelError
from edge.model.network import Operator, Tensor

OPERATOR = Operator(3, "CONV_2D", (0,), (1,))


def fusing(activation: int) -> Operator:
    return replace(OPERATOR, options={"FusedActivationFunction": activation})


def tensor(scale: float, zero_point: int = 0) -> Tensor:
    return Tensor(0, "it", (1, 4), "int8", (np.float32(scale),), (zero_point,))


@pytest.mark.parametrize(
    ("real", "value", "shift"),
    [
        # tflite/kernels/internal/quantization_util_test.cc
        (0.25, 0x40000000, -1),
        (0.50 - 5e-9, 0x7FFFFFEB, -1),
        (0.50 - 1e-10, 0x40000000, 0),
        (0.50, 0x40000000, 0),
        (0.75, 0x60000000, 0),
        (1 - 1e-9, 0x7FFFFFFE, 0),
        (1 - 1e-11, 0x40000000, 1),
        (1 + 1e-9, 0x40000001, 1),
        (1.25, 0x50000000, 1),
        (1.50, 0x60000000, 1),
        (0.0, 0, 0),
        (2.0**-33, 0, 0),
    ],
)
def test_multiplier(real: float, value: int, shift: int) -> None:
    assert multiplier(real) == Multiplier(value, shift)


@given(st.floats(2.0**-30, 2.0**20))
def test_multiplier_is_close(real: float) -> None:
    found = multiplier(real)
    assert 2**30 <= found.value < 2**31
    exact = Fraction(found.value) * Fraction(2) ** (found.shift - 31)
    assert abs(exact / Fraction(real) - 1) <= Fraction(1, 2**31)


@given(st.integers(1, 10_000), st.floats(1e-3, 100))
def test_mean_holds_the_number_of_positions(elements: int, ratio: float) -> None:
    found = quantised.mean(tensor(ratio), tensor(1.0), elements)
    exact = Fraction(found.value) * Fraction(2) ** (found.shift - 31)
    assert abs(exact * elements / Fraction(float(np.float32(ratio))) - 1) < Fraction(1, 2**28)
    assert found.shift >= -31


@given(st.floats(2.0**-30, 1, width=32), st.floats(2.0**-10, 1, width=32))
def test_exact_scale_is_the_double(weight: float, out: float) -> None:
    source, target = tensor(0.5), tensor(out)
    mantissas, shifts = quantised.exact_scales(source, tensor(weight), target, 1)
    scale = 0.5 * weight / float(np.float32(out))
    assert Fraction(int(mantissas[0])) / Fraction(2) ** int(shifts[0]) == Fraction(scale)


@given(st.floats(2.0**-10, 1, width=32), st.floats(2.0**-10, 1, width=32))
def test_one_scale_of_micro_is_a_product_of_float32(source: float, weight: float) -> None:
    one, target = tensor(weight), tensor(1.0)
    several = replace(one, scales=one.scales * 2, zero_points=(0, 0))
    product = float(np.float32(source) * np.float32(weight))
    assert quantised.dense_micro(tensor(source), one, target, 2) == (multiplier(product),) * 2
    exact = quantised.dense_micro(tensor(source), several, target, 2)
    assert exact == (multiplier(source * weight),) * 2


@pytest.mark.parametrize(
    ("fused", "expected"),
    [(0, (-128, 127)), (1, (-10, 127)), (2, (-20, 0)), (3, (-10, 50))],
)
def test_activation_range(fused: int, expected: tuple[int, int]) -> None:
    assert quantised.activation_range(fusing(fused), tensor(0.1, -10)) == expected


def test_unknown_activation_is_refused_by_its_operator() -> None:
    with pytest.raises(ModelError, match="CONV_2D: fused activation 4"):
        quantised.activation_range(fusing(4), tensor(0.1))
