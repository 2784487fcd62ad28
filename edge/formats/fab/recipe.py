"""A recipe: what the files of a device or a tool do not say themselves."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, field

from edge.formats.name_pattern import path_in
from edge.formats.picture.own_colours import OwnColours
from edge.formats.registry import FAB_TEXTS, FORMATS
from edge.formats.unpacking import unpacked_name
from edge.system.choice import Choice
from edge.system.typed import MismatchError, Strict, Text

if TYPE_CHECKING:
    from edge.formats.fab.fab_map import FabMap

#: Name of grids of bins, which say nothing themselves.
GRID_OF_BINS: Final = "grid of bins"

#: What ``format`` of a recipe may name: where it has a palette, and where it has none.
PICTURE: Final = next(entry.name for entry in FORMATS if entry.is_picture)
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
        name: Pattern of the file's own name, as ``*_bin.png``, without folders.
        device: Pattern of the product's name, as ``AB*``.
        tool: Pattern of the name of what measured it.
        format: Pattern of the format's name, as ``SINF``.
    """

    name: Text = "*"
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
        pass_bins: Codes that pass; all others that the file does not explain fail. Of inspected
            wafers: how many defects a die may have, 0 among them.
        none_bins: Codes that are no die, also where a file that lists what passes has them fail.
        fail_bins: Codes that fail wherever they stand, also where no die passes or all around a
            map, which is refused otherwise.
        palette: What the colours of pictures mean; such a recipe is for pictures alone.
        defects: Which defects make a die fail.
        flip: How the drawing is turned over before anything else: ``left-right``, ``up-down``.
        orientation: Where notch or flat is in the drawing, by what the file says: "180" = "down".
        width: Characters of a die in a text map or grid of bins that does not say it.
    """

    match: Match
    pass_bins: tuple[Text, ...] = ()
    none_bins: tuple[Text, ...] = ()
    fail_bins: tuple[Text, ...] = ()
    palette: OwnColours | None = None
    defects: DefectRules | None = None
    flip: tuple[Flip, ...] = ()
    orientation: dict[str, Side] = field(default_factory=dict)
    width: Annotated[int, Meta(ge=1, le=3)] | None = None

    def __post_init__(self) -> None:
        """Refuse a recipe that contradicts itself."""
        for one, other in combinations(("pass_bins", "none_bins", "fail_bins"), 2):
            if both := set(getattr(self, one)) & set(getattr(self, other)):
                raise MismatchError((other,), f"has {min(both)!r}, which is one of {one}, too")
        if "/" in self.match.name:
            what = f"is {self.match.name!r}; a file's own name has no folders in it"
            raise MismatchError(("match", "name"), what)
        known = KNOWN if self.palette is None else (PICTURE,)
        if not any(fnmatchcase(name, self.match.format) for name in known):
            what = f"is {self.match.format!r}, which is no format"
            if self.palette is not None:
                what = f"is {self.match.format!r}, and [palette] is for pictures"
            elif self.match.format == PICTURE:
                what = f"is {PICTURE!r}, and no [palette] says what their colours mean"
            raise MismatchError(("match", "format"), f"{what}; there are: {', '.join(known)}")
        if self.palette is not None:
            self._check_for_pictures()

    def _check_for_pictures(self) -> None:
        for key in (
            "pass_bins",
            "none_bins",
            "fail_bins",
            "defects",
            "flip",
            "orientation",
            "width",
        ):
            if getattr(self, key):
                what = "is for files of fabs, and [palette] for pictures; make two recipes of it"
                raise MismatchError((key,), what)
        for key in ("device", "tool"):
            if getattr(self.match, key) != "*":
                what = "is not known of pictures, which [palette] is for; match them by name"
                raise MismatchError(("match", key), what)

    def fits(self, fab: FabMap) -> bool:
        """Whether it is for such a wafer of a file of a fab."""
        return self.palette is None and self._fits(fab.source, fab.format, fab.device, fab.tool)

    def fits_picture(self, source: str) -> bool:
        """Whether it is for the picture in a file, or in an archive, of that name."""
        return self.palette is not None and self._fits(source, PICTURE)

    def _fits(self, source: str, called: str, device: str = "", tool: str = "") -> bool:
        match, name = self.match, path_in(source).rpartition("/")[2]
        pairs = (device, match.device), (tool, match.tool), (called, match.format)
        named = any(fnmatchcase(each, match.name) for each in (name, unpacked_name(name)))
        return named and all(fnmatchcase(text, pattern) for text, pattern in pairs)
