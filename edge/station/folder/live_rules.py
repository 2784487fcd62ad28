"""What passes in files that do not say so, by a folder of recipes that changes meanwhile."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge.errors import UsageError
from edge.formats.fab.rules import MOST_RECIPES, NO_RULES, SUFFIX, Rules, recipe_in
from edge.system.looked_at import LookedAt
from edge.system.text import counted, printable

_log = logging.getLogger(__name__)

_NONE: Final = (
    "no recipe (*.toml) that can be used; a file that needs one is refused until it is put there"
)


class LiveRules:
    """Rules whose recipes are those of a folder as it is now, give or take a second.

    A recipe that cannot be used is told in a warning and passed over: no file ends a station, and
    what it said before may be what somebody mends. While the folder cannot be read, what was read
    of it goes on.

    Args:
        rules: As they are at the start.
        folder: Of recipes; None: nothing changes.
    """

    def __init__(self, rules: Rules = NO_RULES, folder: Path | None = None) -> None:
        self._rules = rules
        self._folder = folder
        self._files = LookedAt(folder, SUFFIX) if folder is not None else None
        if folder is not None and not rules.recipes:
            _log.warning("%s: %s", folder, _NONE)

    def now(self) -> Rules:
        """The rules for the next file."""
        paths = self._files.changed() if self._files is not None else None
        if paths is None:
            return self._rules
        if len(paths) > MOST_RECIPES:
            what = f"{len(paths)} recipes, at most {MOST_RECIPES} are read; those before go on"
            _log.warning("%s: %s", self._folder, what)
            return self._rules
        usable = []
        for path in paths:
            try:
                usable.append(recipe_in(path))
            except UsageError as error:
                _log.warning("%s; it is passed over until it is mended", printable(str(error)))
        if (recipes := tuple(usable)) != self._rules.recipes:
            self._rules = replace(self._rules, recipes=recipes)
            if recipes:
                _log.info("%s: %s from now on", self._folder, counted(len(recipes), "recipe"))
            else:
                _log.warning("%s: %s", self._folder, _NONE)
        return self._rules
