"""What the grey levels and colours of a picture mean: tables, and the rules that never guess.

To teach a new station's colours, add a line to ``PALETTES``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations, pairwise, product
from math import dist
from typing import Any, Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from edge.errors import InputError, InputKind
from edge.wafer.wafermap import FAIL, NO_DIE, PASS

Colour = tuple[int, int, int]

#: Farthest that a pixel of a lossless picture may lie from a palette's colour (Euclidean, RGB).
#: Plotting libraries differ by a few units in the middle of a colour map.
MAX_DISTANCE: Final = 16.0

#: Farther than this no palette is near enough to be named.
_NEARLY: Final = 64.0

#: Two palettes whose fit differs by less than this are both candidates.
_CLOSE: Final = 8.0

#: Grey levels that are die states as they stand lie below this; 3..15 is then a bad value rather
#: than a shade, and shades must be at least this far apart.
LEVEL_STEP: Final = 16

#: A recipe reads whatever colours there are.
SAY_COLOURS: Final = "have a recipe say what its colours mean (--recipes, [palette])"
_SAVE_STATES: Final = f"save die states as a grey PNG of 0, 1, 2, or {SAY_COLOURS}"


class Scale(str, Enum):
    """How a palette's colours come about."""

    FIXED = "fixed"
    #: A colour map spread over the values of each picture: when one state is missing, the rest is
    #: painted in other colours.
    AUTOMATIC = "automatic"
    #: A recipe says them, so that no state need be there for the others to be known.
    SAID = "said"


@dataclass(frozen=True)
class Palette:
    """The colours of the three die states; several shades may stand for one state.

    Attributes:
        name: For messages.
        scale: Whether the colours can have shifted.
        no_die: RGB shades of positions without a die.
        good: RGB shades of passing dies.
        bad: RGB shades of failing dies.
        sure: False where some draw it the other way round, passing for failing.
    """

    name: str
    scale: Scale
    no_die: tuple[Colour, ...]
    good: tuple[Colour, ...]
    bad: tuple[Colour, ...]
    sure: bool = True

    @property
    def apart(self) -> float:
        """How far shades of two states lie apart at least (Euclidean, RGB)."""
        states = combinations((self.no_die, self.good, self.bad), 2)
        return min(dist(*pair) for two in states for pair in product(*two))

    @property
    def reach(self) -> float:
        """Farthest that a pixel may lie from a shade of a recipe: never half-way to another."""
        return min(MAX_DISTANCE, 0.499 * self.apart)

    def colours(self) -> npt.NDArray[np.float32]:
        """float32 (colours, 3) of all shades."""
        return np.asarray(self.no_die + self.good + self.bad, np.float32)

    def states(self) -> npt.NDArray[np.uint8]:
        """uint8 (colours,): the die state of each row of ``colours``."""
        counts = (len(self.no_die), len(self.good), len(self.bad))
        return np.repeat(np.asarray([NO_DIE, PASS, FAIL], np.uint8), counts)


class Meaning(NamedTuple):
    """A die state for each level or colour; not sure where pass may be fail and fail pass."""

    states: list[int]
    sure: bool = True


def _map(name: str, low: Colour, middle: Colour, high: Colour) -> Palette:
    return Palette(name, Scale.AUTOMATIC, (low,), (middle,), (high,))


_WHITE: Final = ((255, 255, 255),)
_BLACK: Final = ((0, 0, 0),)
_LIGHT_GREY: Final = ((192, 192, 192), (211, 211, 211), (224, 224, 224), (240, 240, 240))
_GREY: Final = ((128, 128, 128), (160, 160, 160))
_GREEN: Final = (
    (0, 128, 0), (0, 255, 0), (0, 200, 0), (0, 176, 80), (44, 160, 44), (50, 205, 50),
    (34, 139, 34), (76, 175, 80), (144, 238, 144), (146, 208, 80),
)  # fmt: skip
_RED: Final = (
    (255, 0, 0), (196, 0, 0), (214, 39, 40), (220, 20, 60), (244, 67, 54), (224, 0, 0), (139, 0, 0),
)  # fmt: skip
_BLUE: Final = ((0, 0, 255), (31, 119, 180), (0, 112, 192), (33, 150, 243))
_YELLOW: Final = ((255, 255, 0), (255, 192, 0), (255, 215, 0))

_BACKGROUNDS: Final = {
    "white": _WHITE,
    "black": _BLACK,
    "light grey": _LIGHT_GREY,
    "grey": _GREY,
}

#: Grey for JPEG, which keeps no exact levels. Lossless pictures go by ``states_of_levels``.
GREY: Final = _map("grey", (0, 0, 0), (127, 127, 127), (255, 255, 255))

PALETTES: Final = (
    _map("viridis", (68, 1, 84), (33, 145, 140), (253, 231, 37)),
    _map("plasma", (13, 8, 135), (204, 71, 120), (240, 249, 33)),
    _map("inferno", (0, 0, 4), (188, 55, 84), (252, 255, 164)),
    _map("magma", (0, 0, 4), (183, 55, 121), (252, 253, 191)),
    _map("cividis", (0, 34, 78), (125, 124, 120), (254, 232, 56)),
    _map("jet", (0, 0, 128), (125, 255, 122), (128, 0, 0)),
    _map("turbo", (48, 18, 59), (164, 252, 60), (122, 4, 3)),
    _map("coolwarm", (59, 76, 192), (221, 220, 220), (180, 4, 38)),
    *(
        # Blue and red are also the ends of diverging maps, whose red is the higher value.
        Palette(
            f"{good} pass, {bad} fail on {ground}",
            Scale.FIXED,
            shades,
            goods,
            bads,
            sure=good == "green",
        )
        for ground, shades in _BACKGROUNDS.items()
        for good, goods, bad, bads in (
            ("green", _GREEN, "red", _RED),
            ("blue", _BLUE, "red", _RED),
            ("blue", _BLUE, "yellow", _YELLOW),
        )
    ),
    Palette("grey pass, red fail on white", Scale.FIXED, _WHITE, _LIGHT_GREY + _GREY, _RED),
)


def states_of_levels(levels: Sequence[int], source: str, *, transparent: bool = False) -> Meaning:
    """Die states of the grey levels of a lossless picture.

    Args:
        levels: The distinct opaque levels, ascending, 0..255 or 0..65535; sets within 0..2 are
            die states already.
        source: Name for error messages.
        transparent: Whether other pixels are transparent, which is the no-die state.

    Returns:
        A state for each level; sure of 0, 1, 2 and of 0, 127 or 128, 255.

    Raises:
        InputError: too many levels, or too few to tell what they mean.
    """
    if levels[-1] <= FAIL:
        return Meaning(list(levels))
    names = ", ".join(map(str, levels))
    if len(levels) > 3:
        what = f"grey levels {names}: more than the three of a wafer map (no die, pass, fail)"
        mend = "export it without grid lines, text and smoothing"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}")
    if any(b - a < LEVEL_STEP for a, b in pairwise(levels)):
        what = f"grey levels {names} lie too close together for die states"
        mend = "save them as 0 (no die), 1 (pass), 2 (fail)"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}")
    # 16-bit pictures of an 8-bit scale end in 65535; their middle shifts down to 127 or 128 too.
    shift = 8 if levels[-1] > 255 else 0
    known = {0: NO_DIE, 127: PASS, 128: PASS, 255: FAIL}
    states = [known.get(level >> shift, -1) for level in levels]
    if -1 not in states and PASS in states:
        return Meaning(states)
    if len(levels) == 3 and not transparent:
        return Meaning([NO_DIE, PASS, FAIL], sure=False)
    raise InputError(
        source,
        InputKind.AMBIGUOUS,
        f"only grey level{'s' if len(levels) > 1 else ''} {names}: pass and fail cannot be told "
        "apart; save die states as 0 (no die), 1 (pass), 2 (fail)",
    )


def states_of_colours(
    colours: npt.NDArray[np.uint8], source: str, palettes: Sequence[Palette] = PALETTES
) -> Meaning:
    """Die states of the colours of a picture, by the one palette that all of them fit.

    Args:
        colours: uint8 (N, 3), distinct, RGB.
        source: Name for error messages.
        palettes: To choose from.

    Raises:
        InputError: no palette fits, or what fits does not tell pass from fail.
    """
    fits: list[tuple[float, Palette, list[int]]] = []
    nearly: tuple[float, str] = (_NEARLY, "")
    for palette in palettes:
        nearest, distance = nearest_colours(colours, palette)
        worst = float(distance.max())
        if worst <= MAX_DISTANCE:
            fits.append((worst, palette, palette.states()[nearest].tolist()))
        elif worst < nearly[0]:
            odd = int(distance.argmax())
            known = shown(palette.colours()[nearest[odd]].astype(int).tolist())
            given = shown(colours[odd].tolist())
            nearly = worst, f" (nearest: '{palette.name}', with {known} instead of {given})"
    if not fits:
        first = ", ".join(map(shown, colours[:6].tolist()))
        raise InputError(
            source,
            InputKind.NOT_A_MAP,
            f"{len(colours)} colours ({first}{', …' if len(colours) > 6 else ''}) fit no known "
            f"palette of a wafer map{nearly[1]}; {_SAVE_STATES}",
        )
    fits.sort(key=lambda fit: fit[0])
    best, palette, states = fits[0]
    for other, rival, meant in fits[1:]:
        if meant != states and other <= best + _CLOSE:
            what = f"the colours fit '{palette.name}' and '{rival.name}' alike, with other meanings"
            raise InputError(source, InputKind.AMBIGUOUS, f"{what}; {_SAVE_STATES}")
    if PASS not in states:
        raise InputError(
            source,
            InputKind.AMBIGUOUS,
            f"none of the passing dies' colours of '{palette.name}': a plot scaled to its own "
            "values, or in other colours, where pass and fail cannot be told apart; "
            f"{_SAVE_STATES}",
        )
    return Meaning(states, palette.sure)


def states_by(palette: Palette, colours: npt.NDArray[np.integer[Any]], source: str) -> list[int]:
    """Die states of the colours of a picture, by the palette of a recipe and no other.

    Args:
        palette: What the recipe says.
        colours: (N, 3), distinct, RGB.
        source: Name for error messages.

    Raises:
        InputError: a colour that the recipe does not have.
    """
    nearest, distance = nearest_colours(colours, palette)
    if odd := colours[distance > palette.reach][:6].tolist():
        what = f"{palette.name} does not say what {', '.join(map(shown, odd))} means"
        mend = "add it to its [palette], or narrow its [match]"
        raise InputError(source, InputKind.NOT_A_MAP, f"{what}; {mend}")
    return cast("list[int]", palette.states()[nearest].tolist())


def shown(colour: Sequence[int]) -> str:
    """A colour as a recipe has it; a grey level of 16 bits as its number."""
    return "#{:02x}{:02x}{:02x}".format(*colour) if max(colour) <= 255 else str(colour[0])


def nearest_colours(
    pixels: npt.NDArray[np.integer[Any]], palette: Palette
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """Of pixels uint8 (N, 3) RGB the nearest of ``palette.colours()`` (N,), and how far it is."""
    given = pixels.astype(np.float32)
    squares = np.stack([np.square(given - colour).sum(axis=1) for colour in palette.colours()])
    nearest = squares.argmin(axis=0)
    return nearest, np.sqrt(squares.min(axis=0))
