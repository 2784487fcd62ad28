"""Colours of die states as a recipe spells them, and the palette that they make."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Annotated

from msgspec import Meta, field

from edge.formats.picture.palette import Colour, Palette, Scale, shown
from edge.system.typed import MismatchError, Strict, about

#: A colour; in recipes for pictures also a grey level, as the picture has it.
Shade = Annotated[str, Meta(pattern=r"^#[0-9a-fA-F]{6}\Z")]
_Level = Annotated[int, Meta(ge=0, le=65_535)]
_One = Shade | _Level
_Shades = Annotated[
    _One | Annotated[tuple[_One, ...], Meta(min_length=1, max_length=256)],
    about(must='a list of colours or grey levels, for example ["#00c800", 255]'),
]


class OwnColours(Strict, frozen=True):
    """The colours of pictures that no usual palette fits, or that mean something else there.

    Attributes:
        good: Of passing dies, ``pass`` in the file.
        fail: Of failing dies.
        no_die: Of positions without a die; none where these are transparent, or there are none.
    """

    good: _Shades = field(name="pass")
    fail: _Shades
    no_die: _Shades = ()

    def __post_init__(self) -> None:
        """Refuse colours that cannot tell dies apart."""
        check_apart({"pass": rgb(self.good), "fail": rgb(self.fail), "no_die": rgb(self.no_die)})

    def palette(self, name: str) -> Palette:
        """The palette of that name."""
        return Palette(name, Scale.SAID, rgb(self.no_die), rgb(self.good), rgb(self.fail))


def rgb(shades: _Shades) -> tuple[Colour, ...]:
    """Red, green, blue of each."""
    listed = shades if isinstance(shades, tuple) else (shades,)
    return tuple(_rgb(shade) for shade in listed)


def _rgb(shade: str | int) -> Colour:
    if isinstance(shade, int):
        return shade, shade, shade
    return int(shade[1:3], 16), int(shade[3:5], 16), int(shade[5:7], 16)


def check_apart(colours: Mapping[str, tuple[Colour, ...]]) -> None:
    """Refuse a shade that two states have, by their keys in the recipe.

    Raises:
        MismatchError: it names the shade and the keys.
    """
    for (one, its), (other, others) in combinations(colours.items(), 2):
        if shared := set(its) & set(others):
            what = f"has {shown(shared.pop())}, a shade of {one} too; give each its own"
            raise MismatchError((other,), what)
