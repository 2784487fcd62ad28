"""The space of a search: a recipe, as a TOML file, whose values may be ranges and choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from edge.system.typed import Finite, MismatchError, Strict
from train import recipe as recipes
from train.recipe import Recipe
from train.search.cost import Limits

Value = str | int | float | bool
Place = tuple[str, ...]


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

    choice: Annotated[tuple[Value | tuple[Value, ...], ...], Meta(min_length=2)]


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

        Raises:
            UsageError: values that do not go together, as a width that a network cannot have.
        """
        content = self.base.as_dict() | {"name": name, "about": f"found by the search {self.name}"}
        if seed is not None:
            content["seed"] = seed
        for axis in self.axes:
            put(content, axis.place, values[axis.name])
        return recipes.from_dict(content, name)

    @property
    def start(self) -> dict[str, Any]:
        """The base's own values, which are tried first, but for those out of their ranges."""
        content = self.base.as_dict()
        values = {axis.name: _plain(at(content, axis.place)) for axis in self.axes}
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


def at(content: Any, place: Place) -> Any:
    """What stands there; None where nothing does."""
    for step in place:
        content = content.get(step) if isinstance(content, dict) else None
    return content


def put(content: dict[str, Any], place: Place, value: Any) -> None:
    """Put a value there."""
    for step in place[:-1]:
        content = content.setdefault(step, {})
    content[place[-1]] = value


def _plain(value: Any) -> Any:
    """Lists of a recipe's JSON form as a choice has them."""
    return tuple(value) if isinstance(value, list) else value
