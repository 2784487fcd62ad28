"""The peak's network is what it says, and the runtime takes it."""

from __future__ import annotations

import numpy as np

from edge.bench import peak
from edge.model import flatbuffer
from edge.model.runtime import start
from edge.model.wheels import Backend


def test_one_int8_convolution_with_the_macs_it_claims() -> None:
    content = peak.network()
    found = flatbuffer.read(content)
    assert [operator.name for operator in found.operators] == ["CONV_2D"]
    assert found.macs == peak.MACS


def test_it_computes_in_int8() -> None:
    interpreter = start(peak.network(), backend=Backend.LITERT).interpreter
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert np.dtype(given["dtype"]) == np.dtype(result["dtype"]) == np.int8
    shape = (1, peak.SIDE, peak.SIDE, peak.CHANNELS)
    interpreter.set_tensor(given["index"], np.full(shape, 127, np.int8))
    interpreter.invoke()
    values = interpreter.get_tensor(result["index"])
    assert values.shape == shape
    assert values.std() > 1, "weights by chance make channels differ"
