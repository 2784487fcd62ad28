"""The generated files of a TFLite Micro project: model data, resolver, sizes, verdict tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from convert.firmware import csource, model_source
from convert.firmware.sources import template
from convert.firmware.tflm.arena import Arena
from edge.errors import ModelError
from edge.model.model_file import ModelFile
from edge.model.network import Network

#: What the wheel that this was developed with was built from.
_COMMIT: Final = "8f6596d"

#: From ``MicroMutableOpResolver`` (tensorflow/lite/micro/micro_mutable_op_resolver.h): the list
#: grows, but a name that was there stays. What is not listed is refused at export and not by a
#: board that does not start.
_OPERATORS: Final = (
    "ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE FULLY_CONNECTED "
    "HARD_SWISH LOGISTIC MAX_POOL_2D MEAN MUL PACK PAD QUANTIZE REDUCE_MAX RELU RELU6 RESHAPE "
    "SHAPE SOFTMAX SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE"
)
#: TFLite's name of an operator -> method of ``MicroMutableOpResolver``.
ADD_FUNCTIONS: Final = {
    **{name: f"Add{name.title().replace('_', '')}" for name in _OPERATORS.split()},
    "PADV2": "AddPadV2",
}


def commit_of(arena: Arena) -> str:
    """The commit of tflite-micro to build: that of the wheel which measured the arena."""
    found = re.search(r"-g([0-9a-f]{7,40})", arena.version)
    return found[1] if found else _COMMIT


def bare(model: ModelFile) -> bytes:
    """The flatbuffer of a model file, without the metadata behind it: on a board, dead flash.

    Raises:
        ModelError: what is left is not the network that the metadata was written for.
    """
    known = model.metadata.tflite_sha256
    if known and hashlib.sha256(model.network).hexdigest() != known:
        raise ModelError(f"{model.path}: its network is not the one that its metadata names")
    return model.network


def data_body(content: bytes) -> str:
    """``model_data.cc``: the flatbuffer, aligned as TFLite Micro wants it."""
    array = csource.array("wm_model_data", np.frombuffer(content, np.uint8), scope="alignas(16) ")
    # The header declares both extern: constants of C++ are otherwise their file's own.
    size = f"const uint32_t wm_model_data_bytes = {len(content)};\n"
    return f'#include "model_data.h"\n\n{array}\n{size}'


def project_header(model: ModelFile, network: Network, arena: Arena) -> str:
    """``wm_tflm_model.h``: sizes and places, for C and C++."""
    logits, embedding = model_source.outputs_of(model, network)
    values = {
        "ORIGIN": csource.comment(["Bytes of TFLite Micro's tensor arena.", *arena.origin]),
        "BYTES": arena.bytes,
        "MEASURED": int(arena.measured),
        "LOGITS": logits,
        "EMBEDDING": embedding,
    }
    return template("wm_tflm_model.h", values)


def resolver_header(functions: tuple[str, ...]) -> str:
    """``wm_tflm_resolver.h``: the operators of the model, nothing else is linked."""
    checks = "".join(
        f"    if (resolver.{name}() != kTfLiteOk) {{\n        return kTfLiteError;\n    }}\n"
        for name in functions
    )
    return template("wm_tflm_resolver.h", {"COUNT": len(functions), "CHECKS": checks})


def add_functions(operators: Iterable[str]) -> tuple[str, ...]:
    """Methods that add the operators of a network, each once, by name.

    Raises:
        ModelError: an operator that TFLite Micro is not known to have; names all such.
    """
    names = sorted(set(operators))
    unknown = [name for name in names if name not in ADD_FUNCTIONS]
    if unknown:
        what = f"{', '.join(unknown)}: no function of MicroMutableOpResolver is known for it"
        raise ModelError(f"{what}; no TFLite Micro firmware for this model")
    return tuple(ADD_FUNCTIONS[name] for name in names)
