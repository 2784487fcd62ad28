"""Plain C99: the project's own kernels, only those that the model calls."""

from __future__ import annotations

from typing import Final

from convert.firmware import golden, model_source
from convert.firmware.model_source import PreparedNetwork
from convert.firmware.rounding import Rounding
from convert.firmware.sources import code_span, folder, template
from convert.firmware.targets import Firmware
from edge.model import flatbuffer
from edge.model.model_file import ModelFile

_CORE: Final = "c99"
_KERNELS: Final = f"{_CORE}/kernels/"
#: What a firmware is built of beside the core: as it is, where it is there.
_AROUND: Final = ("host", "station", "boards")
#: Whose bytes they are, for the person who reads about the folder.
_KERNELS_OF: Final = {
    Rounding.LITERT: "TFLite's reference kernels",
    Rounding.MICRO: "TFLite Micro's kernels",
}


def generate(model: ModelFile, rounding: Rounding = Rounding.LITERT) -> Firmware:
    """Sources, golden wafers and a Makefile.

    Raises:
        ModelError: an operator or option that no kernel is written for; names it.
        RuntimeUnavailableError: no TFLite runtime works here, which gives the golden answers.
    """
    network = model_source.network_of(model, flatbuffer.read(model.content, model.path), rounding)
    core = core_files(network)
    wafers = golden.answers(model, golden.wafers(), rounding)
    sources = ["wm_model.c", *sorted(name for name in core if name.endswith(".c"))]
    texts = {
        "wm_model.h": model_source.header(model, network.plan.bytes),
        "wm_model.c": model_source.body(model, network),
        "golden.h": golden.header(len(wafers)),
        "golden.c": golden.body(wafers),
        "Makefile": template("c99.mk", {"SOURCES": " \\\n  ".join(sources)}),
        "README.md": template(
            "c99.md", {"MODEL": code_span(model.name), "KERNELS": _KERNELS_OF[rounding]}
        ),
    }
    around = {name: content for part in _AROUND for name, content in folder(part).items()}
    plan = network.plan
    return Firmware(
        {**around, **core, **{name: text.encode() for name, text in texts.items()}},
        {
            "arena": plan.bytes,
            "arena-lower-bound": plan.bytes - plan.size + plan.bound,
            "kernels": len(network.kernels),
            "golden-wafers": len(wafers),
        },
    )


def core_files(network: PreparedNetwork) -> dict[str, bytes]:
    """The sources that depend on no model, without the kernels that this one does not call."""
    return {
        name: content
        for name, content in folder(_CORE).items()
        if not name.startswith(_KERNELS)
        or name.removeprefix(_KERNELS).removesuffix(".c") in network.kernels
    }
