"""What is known beforehand about a tool's screen: colours, grid, and when a frame is refused.

A recipe is a small TOML file; ``docs/station.md`` shows one. Every key may be left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, field

from edge.formats.picture.own_colours import Shade, check_apart, rgb
from edge.formats.picture.palette import PALETTES, Colour, Palette, Scale
from edge.system import toml_file
from edge.system.typed import MismatchError, Strict, about

_Shades = Annotated[
    Shade | Annotated[tuple[Shade, ...], Meta(min_length=1)],
    about(must='a list of colours, for example ["#00c800"]'),
]
_Count = Annotated[int, Meta(ge=4, le=300)]
_Pixel = Annotated[int, Meta(ge=0, le=65_535)]
_Width = Annotated[int, Meta(ge=16, le=65_535)]

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


_USUAL: Final = _default_palettes()


class Recipe(Strict, frozen=True):
    """How to read one tool's screen.

    Attributes:
        good: Colours of passing dies, ``pass`` in the file; where none are given, the usual ones
            are looked for.
        fail: Of failing dies.
        no_die: Of the window and of positions without a die; any grey when not given.
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

    good: _Shades = field(name="pass", default=())
    fail: _Shades = ()
    no_die: _Shades = ()
    max_distance: Annotated[float, Meta(ge=1, le=442)] = 90.0
    rows: _Count | None = None
    columns: _Count | None = None
    region: Annotated[
        tuple[_Pixel, _Pixel, _Width, _Width] | None,
        about(must="[x, y, width, height] in pixels, width and height 16 or more"),
    ] = None
    min_sharpness: Annotated[float, Meta(ge=0, le=0.5)] = 0.08
    min_pixels: Annotated[float, Meta(ge=3, le=100)] = 4.0
    min_dies: Annotated[int, Meta(ge=16, le=90_000)] = 60
    flat: Annotated[float, Meta(ge=0, le=0.3)] = 0.04
    max_gap: Annotated[int, Meta(ge=0, le=90_000)] = 5

    def __post_init__(self) -> None:
        """Refuse colours that cannot tell dies apart."""
        colours = {"pass": self.good, "fail": self.fail, "no_die": self.no_die}
        for key in ("pass", "fail"):
            if any(colours.values()) and not colours[key]:
                raise MismatchError((key,), "is missing; give the colours of pass and fail both")
        check_apart({key: rgb(shades) for key, shades in colours.items()})

    @property
    def palettes(self) -> tuple[Palette, ...]:
        """Colours to look for; the one that shows the largest wafer counts."""
        if not self.good:
            return _USUAL
        no_die = rgb(self.no_die) or _GREYS
        own = Palette("of the recipe", Scale.FIXED, no_die, rgb(self.good), rgb(self.fail))
        return (own,)


def load(path: str | Path) -> Recipe:
    """Read a recipe file; what it leaves out is as in ``Recipe()``.

    Raises:
        UsageError: unreadable, no TOML, an unknown key, or a value of the wrong type or range.
    """
    return toml_file.read(Path(path)).decode(Recipe)
