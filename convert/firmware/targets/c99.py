"""Plain C99: the project's own kernels, only those that the model calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec.structs import asdict

from convert.firmware import golden, model_source
from convert.firmware.model_source import PreparedNetwork
from convert.firmware.rounding import Rounding
from convert.firmware.sources import code_span, folder, template
from convert.firmware.targets import Firmware
from edge.model import flatbuffer
from edge.model.metadata import FirmwareNeeds
from edge.model.model_file import ModelFile

_CORE: Final = "c99"
_LINKER: Final = "boards/mps2.ld"
_KERNELS: Final = f"{_CORE}/kernels/"
#: What a firmware is built of beside the core: as it is, where it is there.
_AROUND: Final = ("host", "station", "boards")
#: Bytes of the station beside the model's own, on a Cortex-M with GCC's -O2: code with all kernels
#: that our networks call (13.6 KB were measured); grid, stack and the rest (32.0 KB).
_CODE: Final = 14 * 1024
_STATION_RAM: Final = 32 * 1024
#: What the linker script of the boards gives away.
_GIVEN: Final = re.compile(rb"(FLASH|RAM) .*LENGTH = (\d+)K")
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
    network = _network(model, rounding)
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
    plan, needed = network.plan, _needs(model, network)
    return Firmware(
        {**around, **core, **{name: text.encode() for name, text in texts.items()}},
        {
            **asdict(needed),
            "arena-lower-bound": plan.bytes - plan.size + plan.bound,
            "kernels": len(network.kernels),
            "golden-wafers": len(wafers),
        },
        _too_much({"FLASH": needed.flash, "RAM": needed.ram}, around[_LINKER]),
    )


def needs(model: ModelFile) -> FirmwareNeeds:
    """About what the station needs of a Cortex-M.

    Raises:
        ModelError: an operator or option that no kernel is written for; names it.
    """
    return _needs(model, _network(model, Rounding.LITERT))


def _needs(model: ModelFile, network: PreparedNetwork) -> FirmwareNeeds:
    arena = network.plan.bytes
    flash = _CODE + model_source.constant_bytes(model, network)
    return FirmwareNeeds(flash, _STATION_RAM + arena, arena)


def _network(model: ModelFile, rounding: Rounding) -> PreparedNetwork:
    return model_source.network_of(model, flatbuffer.read(model.content, model.path), rounding)


def _too_much(needed: Mapping[str, int], script: bytes) -> tuple[str, ...]:
    """What the station needs more of than the boards' linker script gives away."""
    given = {name.decode(): 1024 * int(size) for name, size in _GIVEN.findall(script)}
    return tuple(
        f"the station needs about {needed[name]:,} bytes of {name}, {_LINKER} gives away "
        f"{given[name]:,}: the linker will refuse it; take a board that has more and raise the "
        "LENGTH there, or train a smaller network"
        for name in needed
        if needed[name] > given[name]
    )


def core_files(network: PreparedNetwork) -> dict[str, bytes]:
    """The sources that depend on no model, without the kernels that this one does not call."""
    return {
        name: content
        for name, content in folder(_CORE).items()
        if not name.startswith(_KERNELS)
        or name.removeprefix(_KERNELS).removesuffix(".c") in network.kernels
    }
