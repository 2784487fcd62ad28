"""A recipe: what the files of a device or a tool do not say themselves."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Final

from msgspec import Meta, field

from edge.formats.registry import FAB_TEXTS, FORMATS
from edge.system.choice import Choice
from edge.system.typed import MismatchError, Strict, Text

#: Name of grids of bins, which say nothing themselves.
GRID_OF_BINS: Final = "grid of bins"

#: What ``format`` of a recipe may name.
KNOWN: Final = (*(entry.name for entry in FORMATS + FAB_TEXTS if entry.is_fab), GRID_OF_BINS)


class Side(Choice):
    """A side of a drawing."""

    DOWN = "down"
    LEFT = "left"
    UP = "up"
    RIGHT = "right"


class Flip(Choice):
    """How a drawing is turned over."""

    LEFT_RIGHT = "left-right"
    UP_DOWN = "up-down"


class Match(Strict, frozen=True):
    """Which files a recipe is for: all that is given must fit.

    Attributes:
        device: Pattern of the product's name, as ``AB*``.
        tool: Pattern of the name of what measured it.
        format: Pattern of the format's name, as ``SINF``.
    """

    device: Text = "*"
    tool: Text = "*"
    format: Text = "*"


class DefectRules(Strict, frozen=True):
    """Which defects of an inspected wafer make a die fail; all when not given.

    Attributes:
        classes: Class numbers that count.
        ignored: Class numbers that do not.
        min_size: Smallest size that counts, in um; a defect without a size counts.
    """

    classes: tuple[int, ...] = ()
    ignored: tuple[int, ...] = ()
    min_size: Annotated[float, Meta(ge=0, le=1e9)] = 0.0


class Recipe(Strict, frozen=True):
    """What files do not say themselves.

    Attributes:
        match: Which files it is for.
        pass_bins: Codes that pass; all others that the file does not explain fail.
        none_bins: Codes that are no die.
        defects: Which defects make a die fail.
        flip: How the drawing is turned over before anything else: ``left-right``, ``up-down``.
        orientation: Where notch or flat is in the drawing, by what the file says: "180" = "down".
        width: Characters of a die in a text map or grid of bins that does not say it.
    """

    match: Match
    pass_bins: tuple[Text, ...] = ()
    none_bins: tuple[Text, ...] = ()
    defects: DefectRules | None = None
    flip: tuple[Flip, ...] = ()
    orientation: dict[str, Side] = field(default_factory=dict)
    width: Annotated[int, Meta(ge=1, le=3)] | None = None

    def __post_init__(self) -> None:
        """Refuse a recipe that contradicts itself."""
        if both := set(self.pass_bins) & set(self.none_bins):
            raise MismatchError(
                ("none_bins",), f"has {min(both)!r}, which is one of pass_bins, too"
            )

        if not any(fnmatchcase(name, self.match.format) for name in KNOWN):
            what = f"is {self.match.format!r}, which is no format; there are: {', '.join(KNOWN)}"
            raise MismatchError(("match", "format"), what)

    def fits(self, device: str, tool: str, format: str) -> bool:  # noqa: A002 - the field's name
        """Whether it is for such a file."""
        pairs = (device, self.match.device), (tool, self.match.tool), (format, self.match.format)
        return all(fnmatchcase(name, pattern) for name, pattern in pairs)
