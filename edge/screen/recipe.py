"""What is known beforehand about a tool's screen: colours, grid, and when a frame is refused.

A recipe is a small TOML file; every key may be left out:

    pass = ["#00c800"]              # colours of passing dies, several shades if need be
    fail = ["#d62728", "#8b0000"]   # of failing dies
    no_die = ["#000000"]            # of the window and of positions without a die
    max_distance = 90               # farthest that a shade may be shown off colour (RGB, 0 to 442)
    rows = 50                       # the only map size to accept
    columns = 47
    region = [80, 0, 480, 480]      # where to look in the frame: x, y, width, height
    min_sharpness = 0.08            # slope of the edges, share of the contrast a pixel
    min_pixels = 4.0                # frame pixels a die
    min_dies = 60                   # dies on a wafer
    flat = 0.04                     # share of the diameter that the flat of a wafer takes
    max_gap = 5                     # positions without a die in one piece, off the rim: test sites
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge.formats.picture.palette import PALETTES, Colour, Palette, Scale
from edge.system import toml_file
from edge.system.toml_file import Table

_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_COLOUR_KEYS: Final = ("pass", "fail", "no_die")

#: Window colours of the default recipe: whatever grey the camera makes of black, grey or white.
_GREYS: Final = tuple((level, level, level) for level in (0, 32, 64, 96, 128, 160, 192, 224, 255))

_NEARLY_WHITE: Final = 200


def _default_palettes() -> tuple[Palette, ...]:
    """The known palettes that a screen can be told by, one for each pair of die colours.

    The grounds that ``PALETTES`` tells apart are joined: how a screen's black or white looks
    depends on the camera. Of the colour maps only viridis, the usual default, is looked for.
    """
    pairs: dict[tuple[tuple[Colour, ...], tuple[Colour, ...]], Palette] = {}
    for palette in PALETTES:
        if palette.scale is Scale.AUTOMATIC:
            if palette.name == "viridis":
                pairs[palette.good, palette.bad] = palette
        elif any(len(set(shade)) == 1 for shade in palette.good):
            # Grey dies: what is nearly white is the window, however the camera is exposed.
            grey = tuple(shade for shade in palette.good if max(shade) < _NEARLY_WHITE)
            white = tuple(shade for shade in _GREYS if min(shade) >= _NEARLY_WHITE)
            pairs[palette.good, palette.bad] = replace(palette, good=grey, no_die=white)
        else:
            name = palette.name.partition(" on ")[0]
            joined = replace(palette, name=name, no_die=_GREYS)
            pairs.setdefault((palette.good, palette.bad), joined)
    return tuple(pairs.values())


@dataclass(frozen=True)
class Recipe:
    """How to read one tool's screen.

    Attributes:
        palettes: Colours to look for; the one that shows the largest wafer counts.
        max_distance: Farthest that a pixel may lie from a shade and still be taken for it when the
            wafer is looked for (Euclidean, RGB, 0..442).
        rows: The only number of rows to accept, or None for any.
        columns: The only number of columns to accept, or None for any.
        region: x, y, width, height of the part of the frame to look at, in pixels, or None for all.
        min_sharpness: Least slope of the dies' edges, as share of their contrast a pixel, 0..0.5.
        min_pixels: Least frame pixels from one die to the next, across and down.
        min_dies: Least dies on a wafer.
        flat: Share of the wafer's diameter that a flat takes, 0..0.3; dies that end earlier are a
            wafer that was cut off. Flats of wafers of 150 mm take 0.04. Of the 6,664 different
            outlines of WM-811K three end earlier.
        max_gap: Most positions in one piece, off the rim, that show no die; more of them are a
            part that is covered or not drawn yet.
    """

    palettes: tuple[Palette, ...] = _default_palettes()
    max_distance: float = 90.0
    rows: int | None = None
    columns: int | None = None
    region: tuple[int, int, int, int] | None = None
    min_sharpness: float = 0.08
    min_pixels: float = 4.0
    min_dies: int = 60
    flat: float = 0.04
    max_gap: int = 5


def load(path: str | Path) -> Recipe:
    """Read a recipe file.

    Args:
        path: TOML file.

    Returns:
        The recipe; what the file leaves out is as in ``Recipe()``.

    Raises:
        UsageError: unreadable, no TOML, an unknown key, or a value of the wrong type or range.
    """
    table = toml_file.read(Path(path))
    found = {
        "palettes": _own_palettes(table),
        "max_distance": table.optional("max_distance", 1, 442),
        "rows": table.whole("rows", 4, 300),
        "columns": table.whole("columns", 4, 300),
        "region": table.any("region", None, _region, "[x, y, width, height] in pixels, 16 or more"),
        "min_sharpness": table.optional("min_sharpness", 0, 0.5),
        "min_pixels": table.optional("min_pixels", 3, 100),
        "min_dies": table.whole("min_dies", 16, 90000),
        "flat": table.optional("flat", 0, 0.3),
        "max_gap": table.whole("max_gap", 0, 90000),
    }
    table.done(f"a recipe has {', '.join((*_COLOUR_KEYS, *list(found)[1:]))}")
    return Recipe(**{key: value for key, value in found.items() if value is not None})


def _own_palettes(table: Table) -> tuple[Palette, ...] | None:
    what = 'a list of colours, for example ["#00c800"]'
    colours = {key: table.any(key, (), _shades, what) for key in _COLOUR_KEYS}
    if not any(colours.values()):
        return None
    for key in ("pass", "fail"):
        if not colours[key]:
            raise table.wrong(key, "is missing; give the colours of pass and fail both")
    for one, other in (("pass", "fail"), ("pass", "no_die"), ("fail", "no_die")):
        shared = set(colours[one]) & set(colours[other])
        if shared:
            red, green, blue = shared.pop()
            shade = f"#{red:02x}{green:02x}{blue:02x}"
            raise table.wrong(other, f"has {shade}, a shade of {one} too; give each its own")
    no_die = colours["no_die"] or _GREYS
    name = f"of {table.file}"
    return (Palette(name, Scale.FIXED, no_die, colours["pass"], colours["fail"]),)


def _shades(value: object) -> tuple[Colour, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise ValueError(value)
    return tuple(map(_colour, listed))


def _colour(value: object) -> Colour:
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise ValueError(value)
    return (int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16))


def _region(value: object) -> tuple[int, int, int, int]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(value)
    for number, low in zip(value, (0, 0, 16, 16), strict=True):
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= 65535:
            raise ValueError(value)
    x, y, width, height = value
    return x, y, width, height
