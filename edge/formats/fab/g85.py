"""SEMI G85: ``<Map>`` or ``<Maps>``, in each ``<Device>`` the bins and one ``<Row>`` a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Final

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import FabMap
from edge.formats.fab.grid import pitch_of
from edge.formats.fab.xml import Element, each_wafer, read_xml
from edge.formats.fab.xml_bins import (
    Bins,
    check_wafer,
    promised,
)
from edge.formats.fab.xml_write import attributes, bins_of_writer, rows_of_writer, write_back

if TYPE_CHECKING:
    from edge.formats.registry import Source

__all__ = ["is_format", "read_maps", "write", "write_back"]

#: The device of a map may be all there is.
_MAP: Final = re.compile(
    rb"<(?:[\w.-]{1,64}:)?(?i:maps?[\s>]|device\s[^<>]{0,1024}\b(?:BinType|NullBin)[ \t]*=)"
)
#: Smaller sizes of a die are not in um, whatever they are in.
_SMALLEST: Final = 20.0
_NUMBER: Final = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")


def is_format(head: bytes) -> bool:
    """Whether a text with words of bins in it begins as a map of this kind."""
    return _MAP.search(head) is not None


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a file, one after the other.

    Raises:
        InputError: it is no XML; of the only wafer also fewer rows than promised, rows of different
            length, bins of a width that is not certain, a substrate that is no wafer.
    """
    root = read_xml(file, source)
    maps = [root] if root.name in {"map", "device"} else root.all("Map")
    return each_wafer(maps, source, _wafers, _names)


def _names(wafer: Element, device: Element | None = None) -> tuple[str, str]:
    """Lot and wafer, which stand in either."""
    device = device or wafer.first("Device") or wafer
    lot = device.get("LotId", "LotNo") or wafer.get("LotId", "LotNo")
    return lot, wafer.get("WaferId", "SubstrateId") or device.get("WaferId", "SubstrateId")


def _wafers(element: Element, source: str) -> Iterator[FabMap]:
    """The maps of a wafer: one a product on it."""
    check_wafer(element.get("SubstrateType"), source)
    devices = [element] if element.first("Device") is None else list(element.all("Device"))
    for device in devices:
        yield _wafer(element, device, source)


def _wafer(wafer: Element, device: Element, source: str) -> FabMap:
    bins = Bins(
        device.get("BinType"),
        device.attributes.get("nullbin", ""),
        device.all("Bin"),
        source,
    )
    height, width = (promised(device.get(name), name, source) for name in ("Rows", "Columns"))
    grid, warnings = bins.grid(_rows(device, source), height, width)
    across, down = (device.get(f"StepSize{axis}", f"DeviceSize{axis}") for axis in "XY")
    pitch = pitch_of(across, down, 1.0, source)
    lot, name = _names(wafer, device)
    fab = FabMap(
        grid.codes(),
        bins.legend(grid.texts),
        lot=lot,
        wafer=name,
        device=device.get("ProductId", "DeviceId"),
        slot=wafer.get("SubstrateNumber", "SlotNumber") or device.get("SlotNumber"),
        orientation=device.get("Orientation", "Notch") or wafer.get("Orientation", "Notch"),
        pitch=pitch if pitch and min(pitch) >= _SMALLEST else None,
        tool=next((found for each in device.all("SupplierData") if (found := each.get("ToolType"))),
                  ""),
        format="G85",
        source=source,
        warnings=tuple(warnings),
    )  # fmt: skip
    return bins.against_counts(fab)


def _rows(device: Element, source: str) -> list[Element]:
    """The rows, in ``<Data>`` or straight in the device; ``<Data>`` may hold them as lines."""
    maps = [list(data.all("Row")) or [data] for data in device.all("Data")]
    maps = [rows for rows in maps if any(row.text for row in rows)] or [list(device.all("Row"))]
    first = [row.text for row in maps[0]]
    if any([row.text for row in other] != first for other in maps[1:]):
        what = f"{len(maps)} different maps of one wafer (Data); leave the one that counts"
        raise InputError(source, InputKind.AMBIGUOUS, what)
    if not maps[0]:
        what = "a Map without any Row; write the export again"
        raise InputError(source, InputKind.EMPTY, what)
    return maps[0]


def write(maps: Iterable[FabMap], file: IO[bytes]) -> None:
    """Write wafers, as ``<Maps>``.

    Bins of several characters have blanks between them, so that no reader needs to know how many.
    A die size of less than 20 um is left out.

    Raises:
        UsageError: a wafer has too many codes.
    """
    file.write(b'<?xml version="1.0" encoding="utf-8"?>\n<Maps>\n')
    for fab in maps:
        file.write("".join(f"{line}\n" for line in _lines(fab)).encode("utf-8", "replace"))
    file.write(b"</Maps>\n")


def _lines(fab: FabMap) -> Iterator[str]:
    kind, tokens, null, definitions = bins_of_writer(fab)
    size = fab.pitch if fab.pitch and min(fab.pitch) >= _SMALLEST else None
    is_number = _NUMBER.fullmatch(fab.orientation)
    wafer = attributes(
        xmlns="http://www.semi.org",
        WaferId=fab.wafer,
        SubstrateNumber=fab.slot,
        SubstrateType="Wafer",
        FormatRevision="SEMI G85-0703",
    )
    device = attributes(
        ProductId=fab.device,
        LotId=fab.lot,
        Rows=str(fab.codes.shape[0]),
        Columns=str(fab.codes.shape[1]),
        MapType="Array",
        BinType=kind,
        NullBin=null,
        # Readers take it for a number.
        **{"Orientation" if is_number else "Notch": fab.orientation},
        **({"DeviceSizeX": repr(size[0]), "DeviceSizeY": repr(size[1])} if size else {}),
    )
    yield f"<Map{wafer}>"
    yield f"<Device{device}>"
    yield from (f"<Bin{definition}/>" for definition in definitions)
    yield "<Data>"
    between = "" if kind == "Ascii" else " "
    for row in rows_of_writer(fab, tokens, null):
        yield f"<Row><![CDATA[{between.join(row)}]]></Row>"
    yield from ("</Data>", "</Device>", "</Map>")
