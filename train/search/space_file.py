"""The file of a space, read and checked: a mistake is told with its line before any work."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from copy import deepcopy
from importlib import resources
from pathlib import Path
from typing import Any, Final

from edge.errors import UsageError
from edge.system import toml_file
from edge.system.toml_file import TomlFile
from edge.system.typed import MismatchError, decode, unknown
from train import recipe as recipes
from train.network.networks import NETWORKS
from train.recipe import EncodingName, Recipe
from train.search.cost import Limits
from train.search.space import Axis, Choice, Ends, Place, Range, Space, at, put

#: A value with one of these keys is a range or a choice.
_AXIS: Final = frozenset({"low", "high", "log", "step", "choice"})

#: What a space says beside a recipe.
_OWN: Final = ("base", "limits", "search")


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
            put(before, place, value)
            continue
        try:
            kind = decode(Choice, value) if "choice" in value else decode(Range, value)
        except MismatchError as error:
            raise file.wrong((*place, *error.place), error.what) from None
        found.append(Axis(place, kind, _is_whole(at(before, place))))
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
            _check_value(file, space, axis.place, value)
        if isinstance(axis.kind, Range):
            _check_range(file, axis, axis.kind, at(space.base.as_dict(), axis.place))
    _check_recipe(file, space.base)


def _check_value(file: TomlFile, space: Space, place: Place, value: object) -> None:
    """Refuse a value that no network of the space can have: some are for one of them alone."""
    name = ("network", "name")
    axes = [axis.corners for axis in space.axes if axis.place == name != place]
    wrong: list[UsageError] = []
    for network in axes[0] if axes else (None,):
        content = space.base.as_dict()
        put(content, place, value)
        if network is not None:
            put(content, name, network)
        try:
            _check_recipe(file, _decoded(file, content))
        except UsageError as error:
            wrong.append(error)
        else:
            return
    raise wrong[0]


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
    if recipe.suspects.weight < 1:
        raise file.wrong(
            ("suspects", "weight"), "is for --from-folds, which a search does not take"
        )


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
