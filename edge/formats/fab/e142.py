"""SEMI E142: ``<SubstrateMap>`` is a wafer; its overlay with a ``<BinCodeMap>`` has the bins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import prod
from typing import IO, TYPE_CHECKING, Final

from edge.errors import InputError, InputKind
from edge.formats.fab.fab_map import FabMap
from edge.formats.fab.grid import MOST_CODES, pitch_of, placed
from edge.formats.fab.xml import Element, each_wafer, read_xml
from edge.formats.fab.xml_bins import (
    UNITS,
    Bins,
    check_wafer,
    promised,
)
from edge.formats.fab.xml_write import (
    attributes,
    bins_of_writer,
    escaped,
    rows_of_writer,
    write_back,
)

if TYPE_CHECKING:
    from edge.formats.registry import Source

__all__ = ["is_format", "read_maps", "write", "write_back"]

_ROOT: Final = re.compile(rb"<(?:[\w.-]{1,64}:)?(?i:MapData|SubstrateMaps?|BinCodeMap)[\s>]")
_WHOLE: Final = re.compile(r"-?\d{1,12}")
_TURN: Final = re.compile(r"\d{1,3}")
_NUMBER: Final = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
#: No wafer is that wide, in um: a StepSize that makes it so is that of an exposed field.
_WIDEST: Final = 500_000.0


def is_format(head: bytes) -> bool:
    """Whether a text with such words in it has such elements."""
    return _ROOT.search(head) is not None


def read_maps(file: Source, source: str) -> Iterator[FabMap | InputError]:
    """Read the wafers of a file, one after the other.

    The first row is the top one, whatever OriginLocation says; of bins with x and y (MapType
    Coordinate) AxisDirection says where they grow to, right and up where it is missing.

    Raises:
        InputError: it is no XML; of the only wafer also fewer rows than promised, rows of different
            length, bins of a width that is not certain, several different maps, a substrate that is
            no wafer.
    """
    root = read_xml(file, source)
    maps = [root] if root.name == "substratemap" else list(root.all("SubstrateMap"))
    numbers = {id(element): number for number, element in enumerate(maps)}

    def wafer(element: Element, named: str) -> Iterator[FabMap]:
        yield _wafer(root, element, numbers[id(element)], len(maps), named)

    def names(element: Element) -> tuple[str, str]:
        name = element.get("SubstrateId")
        return _lot(element, _substrate(root, name, numbers[id(element)], len(maps))), name

    return each_wafer(maps, source, wafer, names)


def _lot(element: Element, substrate: Element) -> str:
    return substrate.said("LotId") or element.get("LotId")


def _wafer(root: Element, element: Element, number: int, count: int, source: str) -> FabMap:
    name = element.get("SubstrateId")
    substrate = _substrate(root, name, number, count)
    check_wafer(element.get("SubstrateType") or substrate.get("SubstrateType"), source)
    holder = _holder(element, source)
    bins = Bins(
        holder.get("BinType"),
        holder.attributes.get("nullbin", ""),
        holder.all("BinDefinition"),
        source,
    )
    layouts = _layouts(root, element.get("LayoutSpecifier"))
    alias = {each.get("Type").lower(): each.get("Value") for each in substrate.all("AliasId")}
    parts = [each for each in layouts[::-1] if each.said("ProductId")] or list(root.all("Layouts"))
    cells = [each for each in holder.all("BinCode") if each.pieces]
    fab = _listed(cells, element, bins, source) or _drawn(cells, layouts, bins, source)
    if len(fab.codes) == 1 and holder.get("MapType").lower().startswith("1d"):
        what = "all bins in one row (MapType 1DArray), so how they lie is not certain"
        mend = "export it as 2DArray, or with its Dimension"
        raise InputError(source, InputKind.AMBIGUOUS, f"{what}; {mend}")
    fab = replace(
        fab,
        lot=_lot(element, substrate),
        wafer=name or substrate.get("SubstrateId"),
        device=next((each.said("ProductId") for each in parts), ""),
        slot=substrate.said("SlotNumber"),
        orientation=element.get("Orientation") or alias.get("orientation", ""),
        pitch=_pitch(layouts, fab.codes.shape, source),
        tool=alias.get("prober", "") or alias.get("tester", ""),
        format="E142",
    )
    good = substrate.said("GoodDevices")
    return bins.against_counts(fab, int(good) if _WHOLE.fullmatch(good) else None)


def _substrate(root: Element, name: str, number: int, count: int) -> Element:
    """What the file says of the substrate of a map: the one in its place, or of its name."""
    every = list(root.all("Substrate"))
    if len(every) == count and every[number].get("SubstrateId") == name:
        return every[number]
    named = [each for each in every if each.get("SubstrateId") == name]
    if named or len(every) == count == 1:
        return (named or every)[0]
    return Element("", {}, 0)


def _holder(element: Element, source: str) -> Element:
    """The map of bins; of several of one name the latest version.

    Raises:
        InputError: there is none, or there are several.
    """
    found: dict[str, tuple[float, Element]] = {}
    twice = set()
    overlays = list(element.all("Overlay")) or [element]
    for overlay in overlays:
        for holder in overlay.all("BinCodeMap"):
            name, version = overlay.get("MapName"), overlay.get("MapVersion")
            key = float(version) if _NUMBER.fullmatch(version) else 0.0
            if name in found and found[name][0] == key:
                twice.add(name)
            if name not in found or key > found[name][0]:
                twice.discard(name)
                found[name] = key, holder
    if not found:
        kinds = sorted({each.name for overlay in overlays for each in overlay.children})
        what = f"no BinCodeMap in it ({', '.join(kinds[:6]) or 'no Overlay'})"
        raise InputError(source, InputKind.EMPTY, f"{what}; export the map of bins")
    if len(found) > 1 or twice:
        names = ", ".join(map(repr, sorted(found)[:6]))
        what = f"several maps of bins of one wafer ({names}); leave the one that counts"
        raise InputError(source, InputKind.AMBIGUOUS, what)
    return next(iter(found.values()))[1]


def _layouts(root: Element, specifier: str) -> list[Element]:
    """The layouts that LayoutSpecifier names, from the outermost to that of the dies."""
    every = list(root.all("Layout"))
    by_name = {each.get("LayoutId").lower(): each for each in every}
    names = [name.strip().lower() for name in specifier.split("/") if name.strip()]
    found = [by_name[name] for name in names if name in by_name]
    return found if len(found) == len(names) and names else every if len(every) == 1 else []


def _pitch(
    layouts: list[Element], shape: tuple[int, ...], source: str
) -> tuple[float, float] | None:
    """StepSize of the innermost layout that has one; where no wafer is as wide, its DeviceSize."""
    sizes = [
        pitch_of(size.get("X"), size.get("Y"), UNITS.get(unit.lower()), source)
        for name in ("StepSize", "DeviceSize")
        for layout in layouts[::-1]
        for size in layout.all(name)
        for unit in [size.get("Units") or layout.get("DefaultUnits")]
    ]
    found = [size for size in sizes if size]
    fitting = (each for each in found if max(each[0] * shape[1], each[1] * shape[0]) < _WIDEST)
    return next(fitting, found[0] if found else None)


def _drawn(cells: list[Element], layouts: list[Element], bins: Bins, source: str) -> FabMap:
    """A map of one row of bins an element."""
    sizes = [each for layout in layouts for each in layout.children if each.name == "dimension"]
    sides = [
        [promised(size.get(name), f"Dimension {name}", source) or 1 for size in sizes]
        for name in ("Y", "X")
    ]
    height, width = prod(sides[0]), prod(sides[1])
    known = sizes and (height, width) != (1, 1)
    grid, warnings = bins.grid(cells, height if known else None, width if known else None)
    return FabMap(grid.codes(), bins.legend(grid.texts), source=source, warnings=tuple(warnings))


def _listed(cells: list[Element], element: Element, bins: Bins, source: str) -> FabMap | None:
    """A map of one die an element, at its x and y; None where there are none."""
    if not any(each.get("X") for each in cells):
        return None
    for each in cells:
        if not (_WHOLE.fullmatch(each.get("X")) and _WHOLE.fullmatch(each.get("Y"))):
            what = f"line {each.line}: a BinCode whose X and Y are no whole numbers"
            raise InputError(source, InputKind.UNREADABLE, f"{what}; export it again")
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(each.text, len(numbers)) for each in cells]
    if len(numbers) > MOST_CODES:
        what = f"more than {MOST_CODES} different codes; not a map"
        raise InputError(source, InputKind.NOT_A_MAP, what)
    axes = element.get("AxisDirection").lower()
    right = -1 if axes.endswith("left") else 1
    grid, replaced, _ = placed(
        [right * int(each.get("X")) for each in cells],
        [int(each.get("Y")) for each in cells],
        codes,
        source,
        upwards=not axes.startswith("down"),
    )
    note = "it does not say where x and y grow to (AxisDirection); taken as right and up"
    return FabMap(
        grid,
        bins.legend(numbers),
        retests=replaced,
        source=source,
        warnings=() if axes else (note,),
    )


def write(maps: Iterable[FabMap], file: IO[bytes]) -> None:
    """Write wafers.

    An orientation that is no number of degrees becomes an AliasId, as the schema has it.

    Raises:
        UsageError: a wafer has too many codes.
    """
    every = list(maps)
    namespace = "urn:semi-org:xsd.E142-1.V1005.SubstrateMap"
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f'<MapData xmlns="{namespace}">']
    for outer, inner in (("Layouts", _layout), ("Substrates", _about), ("SubstrateMaps", _map)):
        lines += [f"<{outer}>"]
        for number, fab in enumerate(every):
            lines += inner(fab, f"Dies{number}")
        lines += [f"</{outer}>"]
    file.write("".join(f"{line}\n" for line in (*lines, "</MapData>")).encode("utf-8", "replace"))


def _layout(fab: FabMap, layout: str) -> Iterator[str]:
    rows, columns = fab.codes.shape
    yield f"<Layout{attributes(LayoutId=layout, DefaultUnits='mm', TopLevel='true')}>"
    yield f'<Dimension X="{columns}" Y="{rows}"/>'
    if fab.pitch:
        across, down = fab.pitch
        yield f'<StepSize X="{across!r}" Y="{down!r}" Units="um"/>'
    if fab.device:
        yield f"<ProductId>{escaped(fab.device)}</ProductId>"
    yield "</Layout>"


def _about(fab: FabMap, _: str) -> Iterator[str]:
    yield f'<Substrate SubstrateType="Wafer"{attributes(SubstrateId=fab.wafer)}>'
    if fab.lot:
        yield f"<LotId>{escaped(fab.lot)}</LotId>"
    if fab.orientation and not _TURN.fullmatch(fab.orientation):
        alias = attributes(Type="Orientation", Value=fab.orientation)
        yield f"<AliasIds><AliasId{alias}/></AliasIds>"
    if fab.slot:
        yield f"<SlotNumber>{escaped(fab.slot)}</SlotNumber>"
    yield "</Substrate>"


def _map(fab: FabMap, layout: str) -> Iterator[str]:
    kind, tokens, null, definitions = bins_of_writer(fab)
    turn = fab.orientation if _TURN.fullmatch(fab.orientation) else ""
    places = attributes(SubstrateId=fab.wafer, LayoutSpecifier=layout, Orientation=turn)
    axes = 'OriginLocation="UpperLeft" AxisDirection="DownRight"'
    yield f'<SubstrateMap SubstrateType="Wafer"{places} {axes}>'
    yield '<Overlay MapName="SortGrade" MapVersion="1">'
    yield f"<BinCodeMap{attributes(BinType=kind, NullBin=null, MapType='2DArray')}>"
    yield "<BinDefinitions>"
    yield from (f"<BinDefinition{definition}/>" for definition in definitions)
    yield "</BinDefinitions>"
    for row in rows_of_writer(fab, tokens, null):
        yield f"<BinCode>{''.join(row)}</BinCode>"
    yield from ("</BinCodeMap>", "</Overlay>", "</SubstrateMap>")
