"""TensorFlow Lite Micro: a CMake project around its interpreter, with the c99 target's verdict."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import numpy as np

from convert.firmware import golden, model_source
from convert.firmware.rounding import Rounding
from convert.firmware.sources import code_span, folder, template
from convert.firmware.targets import Firmware
from convert.firmware.tflm import micro, source
from convert.firmware.tflm.arena import Arena, arena_of
from edge.errors import ModelError
from edge.model import flatbuffer
from edge.model.model_file import ModelFile
from edge.model.network import Network
from edge.wafer import encoding

#: What the c99 target has beside its kernels; their headers go with them.
_CORE: Final = ("classify", "edge", "encode", "grid", "network", "verdict")
_AROUND: Final = ("station", "boards", "tflm", "host")
#: Programs and makefiles of the c99 target.
_LEFT_OUT: Final = (".mk", "/fuzz_frame.c", "/wm_host.c", "boards/selftest.c", "boards/main.c")


def generate(model: ModelFile) -> Firmware:
    """A CMake project with model, resolver, golden wafers, verdict and station.

    Raises:
        ModelError: an operator that TFLite Micro is not known to have or whose golden answers
            cannot be computed, or a network that TFLite Micro refuses.
        RuntimeUnavailableError: no TFLite runtime works here.
    """
    content = source.bare(model)
    inside = flatbuffer.read(content, model.path)
    functions = source.add_functions(operator.name for operator in inside.operators)
    arena = arena_of(content, inside)
    wafers = golden.answers(model, golden.wafers(), Rounding.MICRO)
    if arena.measured:
        _check(model, content, inside, wafers)
    texts = {
        "CMakeLists.txt": template("tflm_cmake.txt", {"COMMIT": source.commit_of(arena)}),
        "arm-none-eabi.cmake": template("tflm_toolchain.txt"),
        "README.md": _readme(model, arena),
        "model_data.h": template("model_data.h"),
        "model_data.cc": source.data_body(content),
        "wm_tflm_model.h": source.project_header(model, inside, arena),
        "wm_tflm_resolver.h": source.resolver_header(functions),
        "wm_model.h": model_source.header(model, arena.bytes),
        "wm_model.c": model_source.body(model, None),
        "golden.h": golden.header(len(wafers)),
        "golden.c": golden.body(wafers),
    }
    figures = {
        "arena": arena.bytes,
        "arena-measured" if arena.measured else "arena-estimated": arena.found,
        "operators": len(functions),
        "network": len(content),
        "golden-wafers": len(wafers),
    }
    return Firmware({**_copied(), **{name: text.encode() for name, text in texts.items()}}, figures)


def _copied() -> dict[str, bytes]:
    core = {
        name: content
        for name, content in folder("c99").items()
        if PurePosixPath(name).stem.removeprefix("wm_") in _CORE
    }
    around = {
        name: content
        for part in _AROUND
        for name, content in folder(part).items()
        if not name.endswith(_LEFT_OUT)
    }
    return {**core, **around}


def _check(model: ModelFile, content: bytes, inside: Network, wafers: list[golden.Golden]) -> None:
    """Hold the golden answers, which were computed, against TFLite Micro's own.

    Raises:
        ModelError: an output differs.
    """
    encoded = np.stack([encoding.to_int8(wafer.encoded) for wafer in wafers])
    ran = micro.run(content, encoded, len(inside.outputs))
    if ran is None:
        raise ModelError(f"{model.path}: TFLite Micro runs out of memory on it")
    logits, embedding = (ran.outputs[place] for place in model_source.outputs_of(model, inside))
    for place, wafer in enumerate(wafers):
        if wafer.clear:
            continue
        if not (
            np.array_equal(logits[place], wafer.logits)
            and np.array_equal(embedding[place], wafer.embedding)
        ):
            raise ModelError(
                f"{model.path}: TFLite Micro ({ran.version}) gives other outputs for golden wafer "
                f"{place} than were computed; please report this with the model file"
            )


def _readme(model: ModelFile, arena: Arena) -> str:
    checked = (
        "At export, TFLite Micro's own interpreter gave the outputs of every golden wafer."
        if arena.measured
        else "Whether the golden wafers come out right on TFLite Micro was not tried at export."
    )
    values = {
        "MODEL": code_span(model.name),
        "ARENA": f"{arena.bytes:,}",
        "ORIGIN": " ".join(arena.origin),
        "CHECKED": checked,
        "COMMIT": source.commit_of(arena),
    }
    return template("tflm.md", values)
