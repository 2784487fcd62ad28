"""What a user says of files that do not say themselves what passes: options and recipes.

A recipe is a small TOML file, ``edge.formats.fab.recipe`` has its keys. What an option says counts
before what a file says, and that before what a recipe says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.errors import InputError, InputKind, UsageError

if TYPE_CHECKING:
    from edge.formats.fab.fab_map import FabMap
    from edge.formats.fab.recipe import Recipe
    from edge.formats.picture.palette import Palette

#: How the name of a recipe ends, and how many may be in a folder.
SUFFIX: Final = ".toml"
MOST_RECIPES: Final = 1000


@dataclass(frozen=True)
class Rules:
    """What a user says; the same for all files of a run.

    Attributes:
        pass_bins: Codes that pass, so that all others fail; empty: as the file says.
        none_bins: Codes that are no die, beside those that the file or its format says.
        recipes: By their names.
        drawn: Called with each map as its file draws it, before its wafer map is handed on; it
            says of each code what the file or these rules say.
    """

    pass_bins: tuple[str, ...] = ()
    none_bins: tuple[str, ...] = ()
    recipes: tuple[tuple[str, Recipe], ...] = ()
    drawn: Callable[[FabMap], object] | None = field(default=None, compare=False)

    def recipe_of(self, fab: FabMap) -> tuple[str, Recipe] | None:
        """Name and recipe that are for this wafer of a file of a fab; None where none is.

        Raises:
            InputError: several are.
        """
        found = [each for each in self.recipes if each[1].fits(fab)]
        if len(found) > 1:
            raise fab.refused(InputKind.AMBIGUOUS, _two(found))
        return found[0] if found else None

    def palette_of(self, source: str) -> Palette | None:
        """What the colours of a picture mean; None where no recipe is for it.

        Raises:
            InputError: several are.
        """
        found = [each for each in self.recipes if each[1].fits_picture(source)]
        if len(found) > 1:
            raise InputError(source, InputKind.AMBIGUOUS, _two(found))
        name, recipe = found[0] if found else ("", None)
        return recipe.palette.palette(f"recipe {name}") if recipe and recipe.palette else None


def _two(found: Sequence[tuple[str, Recipe]]) -> str:
    what = f"two recipes are for it, {found[0][0]} and {found[1][0]}"
    return f"{what}; narrow the [match] of one"


#: Nothing but what files say.
NO_RULES: Final = Rules()


def rules_of(
    pass_bins: Sequence[str] = (), none_bins: Sequence[str] = (), recipes: Path | None = None
) -> Rules:
    """The rules that options or settings name.

    Args:
        pass_bins: Codes that pass; none: as the file says.
        none_bins: Codes that are no die.
        recipes: A folder of recipes, ``*.toml``.

    Raises:
        UsageError: a code is both or two in one, the folder has no recipe, or one cannot be used.
    """
    if both := set(pass_bins) & set(none_bins):
        raise UsageError(f"{min(both)} is said to pass and to be no die; say one of them")
    if odd := next((each for each in (*pass_bins, *none_bins) if ";" in each[1:]), None):
        raise UsageError(f"{odd}: no code of a map has a `;` in it; separate codes by commas")
    found = recipes_in(recipes) if recipes is not None else ()
    if recipes is not None and not found:
        raise UsageError(f"{recipes}: no recipe (*{SUFFIX}) in it; name the folder that has them")
    return Rules(tuple(pass_bins), tuple(none_bins), found)


def recipes_in(folder: Path) -> tuple[tuple[str, Recipe], ...]:
    """Names and recipes of a folder, of which there may be none.

    Raises:
        UsageError: it cannot be read, has too many, or one cannot be used.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except OSError as error:
        what = f"{folder}: no folder of recipes that can be read ({error.strerror})"
        raise UsageError(f"{what}; check its name") from error
    if len(paths) > MOST_RECIPES:
        what = f"holds {len(paths)} recipes (*{SUFFIX}), at most {MOST_RECIPES} are read"
        raise UsageError(f"{folder}: {what}; take out what is for no file any more")
    return tuple(map(recipe_in, paths))


def recipe_in(path: Path) -> tuple[str, Recipe]:
    """Name and recipe of a file.

    Raises:
        UsageError: it cannot be used.
    """
    from edge.formats.fab.recipe import Recipe
    from edge.system import toml_file

    return path.stem, toml_file.read(path).decode(Recipe)
