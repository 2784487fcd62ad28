"""The space of a search: a recipe, as a TOML file, whose values may be ranges and choices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from edge.errors import UsageError
from edge.system import toml_file
from edge.system.toml_file import TomlFile
from edge.system.typed import Finite, MismatchError, Strict, decode, unknown
from train import recipe as recipes
from train.network.networks import NETWORKS
from train.recipe import EncodingName, Recipe
from train.search.cost import Limits

Value = str | int | float | bool
Place = tuple[str, ...]

#: A value with one of these keys is a range or a choice.
_AXIS: Final = frozenset({"low", "high", "log", "step", "choice"})

#: What a space says beside a recipe.
_OWN: Final = ("base", "limits", "search")


class Range(Strict, frozen=True):
    """A number from ``low`` to ``high``, both among them.

    Attributes:
        low: The least.
        high: The largest.
        log: Even in its logarithm; ``low`` is then above 0.
        step: Only every so many, from ``low`` on; whole numbers only.
    """

    low: Finite
    high: Finite
    log: bool = False
    step: Annotated[int, Meta(ge=1)] = 1

    def __post_init__(self) -> None:
        """Refuse a range that holds nothing to choose from."""
        if not self.low < self.high:
            raise MismatchError(("high",), f"is {self.high:g}, must be above low, {self.low:g}")
        if self.log and self.low <= 0:
            raise MismatchError(("low",), f"is {self.low:g}, must be above 0 where log = true")
        if self.log and self.step > 1:
            raise MismatchError(("step",), "must be left out where log = true")


class Choice(Strict, frozen=True):
    """One of several values.

    Attributes:
        choice: The values, two or more.
    """

    choice: Annotated[tuple[Value | tuple[str, ...], ...], Meta(min_length=2)]


class Ends(Strict, frozen=True):
    """How a search ends, section ``[search]``.

    Attributes:
        finalists: So many networks of the front are trained again; 0: none is.
        seeds: So many times each, by other seeds than the trials'.
    """

    finalists: Annotated[int, Meta(ge=0, le=100)] = 3
    seeds: Annotated[int, Meta(ge=1, le=100)] = 3


@dataclass(frozen=True)
class Axis:
    """One value that is searched.

    Attributes:
        place: Where it stands in a recipe, as ``("optimise", "learning_rate")``.
        kind: What it may be.
        whole: Whether it is a whole number.
    """

    place: Place
    kind: Range | Choice
    whole: bool = False

    @property
    def name(self) -> str:
        """As in ``optimise.learning_rate``."""
        return ".".join(self.place)

    @property
    def corners(self) -> tuple[Any, ...]:
        """Values that must all be allowed."""
        if isinstance(self.kind, Choice):
            return self.kind.choice
        ends = (self.kind.low, self.kind.high)
        return tuple(map(int, ends)) if self.whole else ends

    def holds(self, value: Any) -> bool:
        """Whether it is one of the values."""
        if isinstance(self.kind, Choice):
            return value in self.kind.choice
        inside = self.kind.low <= value <= self.kind.high
        return bool(inside and not (self.whole and (value - self.kind.low) % self.kind.step))


@dataclass(frozen=True)
class Space:
    """What is searched.

    Attributes:
        name: Of the file.
        base: The recipe that all others differ from in the axes alone.
        axes: What is searched.
        limits: What no network may cost more than.
        ends: How it ends.
    """

    name: str
    base: Recipe
    axes: tuple[Axis, ...]
    limits: Limits
    ends: Ends

    def recipe(self, values: dict[str, Any], name: str, seed: int | None = None) -> Recipe:
        """The recipe of a trial.

        Args:
            values: One for each axis, by its name.
            name: What the recipe is called.
            seed: Instead of the base's.
        """
        content = self.base.as_dict() | {"name": name, "about": f"found by the search {self.name}"}
        if seed is not None:
            content["seed"] = seed
        for axis in self.axes:
            _put(content, axis.place, values[axis.name])
        return recipes.from_dict(content, name)

    @property
    def start(self) -> dict[str, Any]:
        """The base's own values, which are tried first, but for those out of their ranges."""
        content = self.base.as_dict()
        values = {axis.name: _plain(_at(content, axis.place)) for axis in self.axes}
        return {axis.name: values[axis.name] for axis in self.axes if axis.holds(values[axis.name])}

    def as_dict(self) -> dict[str, Any]:
        """JSON form: what must be the same where a search goes on."""
        content = {
            "base": self.base.as_dict(),
            "axes": {axis.name: axis.kind for axis in self.axes},
            "limits": self.limits,
            "ends": self.ends,
        }
        form: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(content))
        return form


def shipped() -> dict[str, Path]:
    """The spaces that come with the package, by name."""
    folder = Path(str(resources.files("train.search") / "spaces"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name_or_path: str) -> Space:
    """Read a space by its name or from a file of one's own.

    Raises:
        UsageError: no such file, or a mistake in it, with its line and key.
    """
    known = shipped()
    path = known.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            f"no space {name_or_path!r} to search: neither a file nor one of {', '.join(known)}"
        )
    file = toml_file.read(path)
    keys = (*_OWN, *Recipe.__struct_fields__)
    for key in file.content:
        if key not in keys:
            raise file.wrong((key,), unknown(key, keys))
    content = deepcopy(file.content)
    limits = _section(file, content, "limits", Limits)
    ends = _section(file, content, "search", Ends)
    base = content.pop("base", "default")
    if not isinstance(base, str):
        raise file.wrong(("base",), "must be the name of a recipe or a TOML file")
    name = path.stem
    before = recipes.load(base if base in recipes.shipped() else str(path.parent / base)).as_dict()
    found = list(_axes(file, content, before))
    recipe = _decoded(file, before)
    space = Space(name, recipe, tuple(found), limits, ends)
    _check(file, space)
    return space


def _section(file: TomlFile, content: dict[str, Any], name: str, kind: type[Any]) -> Any:
    try:
        return decode(kind, content.pop(name, {}))
    except MismatchError as error:
        raise file.wrong((name, *error.place), error.what) from None


def _axes(file: TomlFile, content: dict[str, Any], before: dict[str, Any]) -> list[Axis]:
    """Take the axes out of what a space says, and put all else into the recipe ``before``."""
    found = []
    for place, value in _entries(content):
        if not _is_axis(value):
            _put(before, place, value)
            continue
        try:
            kind = decode(Choice, value) if "choice" in value else decode(Range, value)
        except MismatchError as error:
            raise file.wrong((*place, *error.place), error.what) from None
        found.append(Axis(place, kind, _is_whole(_at(before, place))))
    return found


def _check(file: TomlFile, space: Space) -> None:
    """Refuse before any work what no training could take."""
    if not space.axes:
        what = "nothing to search: no value is a range such as { low = 1e-4, high = 1e-2 }"
        raise UsageError(f"{file.path}: {what} or a choice such as {{ choice = [64, 128] }}")
    for axis in space.axes:
        if axis.place == ("seed",):
            raise file.wrong(axis.place, "cannot be searched: finalists are trained by other seeds")
        for value in axis.corners:
            content = space.base.as_dict()
            _put(content, axis.place, value)
            _check_recipe(file, _decoded(file, content))
        if isinstance(axis.kind, Range):
            _check_range(file, axis, axis.kind, _at(space.base.as_dict(), axis.place))
    _check_recipe(file, space.base)


def _check_range(file: TomlFile, axis: Axis, kind: Range, value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise file.wrong(axis.place, "is no number: give a choice")
    if axis.whole and any(end % 1 for end in (kind.low, kind.high)):
        raise file.wrong(axis.place, "is a whole number: low and high must be, too")
    if not axis.whole and kind.step > 1:
        raise file.wrong((*axis.place, "step"), "is for whole numbers")


def _check_recipe(file: TomlFile, recipe: Recipe) -> None:
    if recipe.encoding is not EncodingName.STATION:
        what = f"is {recipe.encoding.value!r}, which no station has; a search judges model files"
        raise file.wrong(("encoding",), f'{what}: set encoding = "station"')
    if recipe.network.name not in NETWORKS:
        what = f"is {recipe.network.name!r}, no network; known: {', '.join(NETWORKS)}"
        raise file.wrong(("network", "name"), what)


def _decoded(file: TomlFile, content: dict[str, Any]) -> Recipe:
    """The recipe; mistakes with their lines in the space's file."""
    return dataclasses.replace(file, content=content).decode(Recipe)


def _entries(content: dict[str, Any]) -> Iterator[tuple[Place, Any]]:
    """Each value of a recipe, and where it stands."""
    for key, value in content.items():
        if isinstance(value, dict) and not _is_axis(value):
            yield from (((key, inner), one) for inner, one in value.items())
        else:
            yield (key,), value


def _is_axis(value: Any) -> bool:
    return isinstance(value, dict) and bool(_AXIS & value.keys())


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _at(content: Any, place: Place) -> Any:
    """What stands there; None where nothing does."""
    for step in place:
        content = content.get(step) if isinstance(content, dict) else None
    return content


def _put(content: dict[str, Any], place: Place, value: Any) -> None:
    for step in place[:-1]:
        content = content.setdefault(step, {})
    content[place[-1]] = value


def _plain(value: Any) -> Any:
    """Lists of a recipe's JSON form as a choice has them."""
    return tuple(value) if isinstance(value, list) else value
