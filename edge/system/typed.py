"""Plain data from TOML or JSON -> structs, or one error that says where, what, and what must be.

A struct says all that there is to say of a key: by its type what may stand there, and by its
docstring what it means. Errors in words and the JSON Schema come from the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from edge.errors import UsageError

T = TypeVar("T")

#: Where something in plain data stands: keys, and positions in lists.
Place = tuple[str | int, ...]

#: What builds a class that msgspec does not know; TypeError, ValueError or UsageError refuses.
Readers = Mapping[type, Callable[[Any], object]]

#: A number that is one: neither NaN nor an infinity.
Finite = Annotated[float, Meta(ge=-1.7e308, le=1.7e308)]

#: A share or a probability.
Share = Annotated[float, Meta(ge=0, le=1)]

#: A text that is not empty, and that the system takes for a name.
Text = Annotated[str, Meta(min_length=1, pattern="^[^\0]*$")]


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A struct that refuses keys that it does not know, and says which may have been meant."""


class MismatchError(ValueError):
    """Data is not what it must be. A struct's ``__post_init__`` raises it for keys of its own.

    Attributes:
        place: Where it stands.
        what: What is wrong there, and what must be there; empty: as the type of the key says.
    """

    def __init__(self, place: Place, what: str = "") -> None:
        dotted = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place)
        super().__init__(f"{dotted.removeprefix('.')} {what}".strip())
        self.place = place
        self.what = what


def about(meaning: str = "", *, must: str = "", secret: bool = False, **schema: Any) -> Meta:
    """What ``Annotated`` says of a key beside its type.

    Args:
        meaning: Where it is not the one that the docstring of the struct gives the attribute.
        must: What must be there, in words, where the type does not say enough.
        secret: The value may hold a password and is never shown.
        schema: Members of the JSON Schema that the type does not give.
    """
    words = {"meaning": meaning, "must": must, "secret": secret}
    return Meta(description=meaning or None, extra_json_schema=schema or None, extra=words)


def decode(kind: type[T], value: object, readers: Readers | None = None) -> T:
    """Build a struct of plain data. A whole number does for a float; nothing else is coerced.

    Args:
        kind: The struct, or another type that msgspec knows. One with ``forbid_unknown_fields``
            refuses unknown keys and says which key may have been meant.
        value: Dictionaries, lists, texts, numbers and flags, as read from TOML or JSON.
        readers: For classes that msgspec does not know.

    Raises:
        MismatchError: something is not what it must be.
    """

    def built(cls: type, plain: object) -> object:
        try:
            return (readers or {})[cls](plain)
        except UsageError as error:
            raise MismatchError((), f"is refused: {error}") from None

    try:
        return msgspec.convert(value, kind, dec_hook=built)
    except msgspec.ValidationError as error:
        from edge.system.mismatch import explained  # loaded where something is wrong already

        raise explained(kind, value, error, built) from None


def schema(kind: Any, title: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of what ``decode`` takes, with the meanings of all keys."""
    texts: dict[type, dict[str, Any]] = {Path: {"type": "string"}}
    found = msgspec.json.schema(kind, schema_hook=lambda cls: texts.get(cls, {}))
    for struct in found["$defs"].values():
        said = meanings(struct.get("description", ""))
        struct["description"] = said.pop("", "")
        for key, meaning in said.items():
            struct["properties"].get(key, {}).setdefault("description", meaning)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **found}


def meanings(docstring: str) -> dict[str, str]:
    """What a struct's docstring says of its attributes; and under no name, of itself."""
    about, _, attributes = docstring.partition("\n\nAttributes:")
    found = re.findall(r"(?m)^ {4}(\w+): (.+(?:\n {8}.+)*)", attributes)
    return {"": about} | {key: re.sub(r"\s+", " ", meaning) for key, meaning in found}


def unknown(key: str, known: Collection[str]) -> str:
    """What is said of a key that nobody knows."""
    from difflib import get_close_matches

    like = next(iter(get_close_matches(key, known, 1)), "")
    mend = f"did you mean {like}?" if like else f"known: {', '.join(known)}"
    return f"is not known here; {mend}"
