"""What is told of a watched folder: the same from a command line and from a file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta, field

from edge.formats.fab.rules import Rules, recipes_in, rules_of
from edge.formats.name_pattern import NamePattern, Names
from edge.formats.registry import SUFFIXES
from edge.system.choice import Choice
from edge.system.typed import MismatchError, Strict, Text, about


class Done(Choice):
    """What happens to a file whose records are kept."""

    KEEP = "keep"
    MOVE = "move"
    DELETE = "delete"


class FolderSettings(Strict, frozen=True):
    """What to watch and what to do with its files.

    Attributes:
        paths: The folders to watch.
        recursive: Whether the folders in them count.
        globs: Patterns of which a file's name, or its path in the folder, must fit one.
        name_pattern: Where lot, wafer and slot stand in names: ``{lot}_{wafer}``.
        name_sample: A name that it must fit, to see what comes out.
        pass_bins: Codes that pass in files of probers and testers; as these say when not given.
        none_bins: Codes that are no die in such files.
        recipes: Folder of recipes for such files of a device or a tool.
        poll_interval: Seconds between two such looks; 1 when not given.
        stable_polls: Looks that must find a file unchanged where nobody can tell who writes it.
        stable_interval: Seconds between two of these looks.
        bad_after: Seconds that an unreadable file must stay unchanged before it counts as bad.
        complete_after: Seconds that every file must stay unchanged before it is taken.
        done: What happens to a file whose records are kept.
        done_dir: Where ``move`` moves it; ``done`` in the folder itself when not given.
        quarantine: Where a file goes that stays bad; it is left when not given.
    """

    paths: Annotated[tuple[Path, ...], Meta(min_length=1)]
    recursive: bool = True
    globs: tuple[Text, ...] = ()
    name_pattern: Text = ""
    name_sample: Text = ""
    pass_bins: tuple[Text, ...] = ()
    none_bins: tuple[Text, ...] = ()
    recipes: Path | None = None
    polls: Annotated[bool, about("Look again and again: for network shares.")] = field(
        name="polling", default=False
    )
    poll_interval: Annotated[float, Meta(ge=0.05, le=3600)] | None = None
    stable_polls: Annotated[int, Meta(ge=2, le=100)] = 3
    stable_interval: Annotated[float, Meta(ge=0.05, le=3600)] = 0.5
    bad_after: Annotated[float, Meta(ge=0, le=3600)] = 2.0
    complete_after: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    done: Done = Done.KEEP
    done_dir: Path | None = None
    quarantine: Path | None = None

    #: End when everything that is there has been taken.
    once: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse what says nothing or does not fit."""
        for key, said, needed in (
            ("done_dir", self.done_dir and self.done is not Done.MOVE, 'done = "move"'),
            ("poll_interval", self.poll_interval is not None and not self.polls, "polling = true"),
            ("name_sample", self.name_sample and not self.name_pattern, "name_pattern"),
        ):
            if said:
                raise MismatchError((key,), f"says nothing without {needed}")
        if not self.name_pattern:
            return
        text, sample = self.name_pattern, self.name_sample
        try:
            pattern = NamePattern(text)
        except ValueError as error:
            raise MismatchError(("name_pattern",), f"is {text!r}: {error}") from None
        if sample and pattern.match(sample) is None:
            what = f"is {sample!r}, which does not fit {text}; mend one"
            raise MismatchError(("name_sample",), what)

    @property
    def tops(self) -> tuple[str, ...]:
        """The folders."""
        return tuple(map(str, self.paths))

    @property
    def polling(self) -> float | None:
        """Seconds between two looks through the folders; None lets the operating system tell."""
        return (self.poll_interval or 1.0) if self.polls else None

    @property
    def nothing_found(self) -> str:
        """Which files were looked for where there was none."""
        wanted = ", ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        fitting = f" that fits {' or '.join(map(repr, self.globs))}" if self.globs else ""
        where = " or below it" if self.recursive else "; folders in it are left alone"
        return f"no file of a known format ({wanted}){fitting} in it{where}"

    def names(self) -> Names | None:
        """What finds lot and wafer in the names of the files of these folders."""
        if not self.name_pattern:
            return None
        return Names(NamePattern(self.name_pattern), map(os.path.abspath, self.paths))

    def rules(self) -> Rules:
        """What passes in files that do not say so themselves, by the recipes that are there now.

        There may be none yet: the last one may go while a station runs, which is to start again.

        Raises:
            UsageError: a code is both, or a recipe cannot be used.
        """
        found = () if self.recipes is None else recipes_in(self.recipes)
        return replace(rules_of(self.pass_bins, self.none_bins), recipes=found)


class FolderOnce(FolderSettings, frozen=True):
    """A folder whose files are taken once, and then it ends."""

    once: ClassVar[bool] = True
