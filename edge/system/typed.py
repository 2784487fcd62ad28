"""Plain data from TOML or JSON -> structs, or one error that says where, what, and what must be.

A struct says all that there is to say of a key: by its type what may stand there, and by its
docstring what it means. Errors in words and the JSON Schema come from the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from functools import reduce
from inspect import cleandoc
from operator import getitem
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, inspect

from edge.errors import UsageError

_ERROR: Final = re.compile(r"(?s)(.*?)(?: - at (`key` in )?`\$([^`]*)`)?")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_FIELD: Final = re.compile(r"(?s)Object (contains unknown|missing required) field `(.*)`")

#: A range that far is none; so many characters of a value are shown.
_FAR, _SHOWN = 1e300, 80

T = TypeVar("T")

#: Where something in plain data stands: keys, and positions in lists.
Place = tuple[str | int, ...]

_Built = Callable[[type, object], object]

#: What builds a class that msgspec does not know; TypeError, ValueError or UsageError refuses.
Readers = Mapping[type, Callable[[Any], object]]

#: A number that is one: neither NaN nor an infinity.
Finite = Annotated[float, Meta(ge=-1.7e308, le=1.7e308)]

#: A share or a probability.
Share = Annotated[float, Meta(ge=0, le=1)]

#: A text that is not empty, and that the system takes for a name.
Text = Annotated[str, Meta(min_length=1, pattern=r"^[^\x00]*$")]


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
            return plain if isinstance(plain, cls) else (readers or {})[cls](plain)
        except UsageError as error:
            raise MismatchError((), f"is refused: {error}") from None

    try:
        return msgspec.convert(value, kind, dec_hook=built)
    except msgspec.ValidationError as error:
        raise _explained(kind, value, error, built) from None


def meanings(docstring: str) -> dict[str, str]:
    """What a struct's docstring says of its attributes; and under no name, of itself."""
    about, _, attributes = docstring.replace("``", "").partition("\n\nAttributes:")
    found = re.findall(r"(?m)^ {4}(\w+): (.+(?:\n {8}.+)*)", attributes)
    return {key: re.sub(r"\s+", " ", said) for key, said in [("", about), *found]}


def unknown(key: str, known: Collection[str]) -> str:
    """What is said of a key that nobody knows."""
    like = _closest(key, known)
    mend = f"did you mean {like}?" if like else f"known: {', '.join(known)}"
    return f"is not known here; {mend}"


def _closest(key: str, keys: Collection[str]) -> str:
    """The key that may have been meant; empty for none."""
    from difflib import get_close_matches  # loaded where something is wrong already

    folded = {each.lower(): each for each in keys}
    return folded[close[0]] if (close := get_close_matches(key.lower(), folded, 1, 0.65)) else ""


def _explained(
    kind: Any, value: Any, error: msgspec.ValidationError, built: _Built
) -> MismatchError:
    """What msgspec said of a value, in the words of the struct."""
    found = _ERROR.fullmatch(str(error))
    text, of_key, path = found.groups("") if found else (str(error), "", "")
    if (alone := _FIELD.fullmatch(str(error))) and alone[2] in value:  # a key that reads as a place
        text, path = str(error), ""
    steps = [name or index for name, index in _STEP.findall(path)] + ["..."] * bool(of_key)
    place: Place = ()
    for step in steps:
        if step == "..." and not (step := _failing(kind, value, place, built, str(error))):
            break
        place = (*place, step if isinstance(reduce(getitem, place, value), dict) else int(step))
    if isinstance(error.__cause__, MismatchError):
        place = (*place, *error.__cause__.place)
        if error.__cause__.what:
            return MismatchError(place, error.__cause__.what)
    place, node, notes = _declared(inspect.type_info(kind), value, place)
    there = reduce(getitem, place, value)
    if field := _FIELD.fullmatch(text):
        if "unknown" in field[1]:
            return MismatchError((*place, field[2]), unknown(field[2], _fields(node, there)))
        return _missing(node, there, place, field[2])
    if of_key:
        around = _declared(inspect.type_info(kind), value, place[:-1])[1]
        return MismatchError(place, f"is not known here; must be {_words(around.key_type, '')}")
    return MismatchError(place, _wrong(node, notes, there, place))


def _failing(kind: Any, value: Any, place: Place, built: _Built, said: str) -> str:
    """The key of a dictionary for which msgspec says this; it does not name it."""
    for key, item in reduce(getitem, place, value).items():
        alone = deepcopy(value)
        around = reduce(getitem, place, alone)
        around.clear()
        around[key] = item
        try:
            msgspec.convert(alone, kind, dec_hook=built)
        except msgspec.ValidationError as error:
            if str(error) == said:
                return str(key)
    return ""


def _declared(node: Any, value: Any, place: Place) -> tuple[Place, Any, dict[str, Any]]:
    """Type and notes of a place; or of the list around it where that one says what must be."""
    notes: dict[str, Any] = {}
    for position, step in enumerate((*place, None)):
        while isinstance(node, inspect.Metadata):
            notes, node = node.extra or notes, node.type
        if notes.get("must") or step is None:
            break
        notes = {} if isinstance(step, str) else notes
        node = _child(node, reduce(getitem, place[:position], value), step)
    return place[:position], node, notes


def _options(node: Any) -> Iterator[Any]:
    """The types that may stand there, without notes and without none."""
    if isinstance(node, inspect.Metadata):
        yield from _options(node.type)
    elif isinstance(node, inspect.UnionType):
        for one in node.types:
            yield from _options(one)
    elif not isinstance(node, inspect.NoneType):
        yield node


def _structs(node: Any, value: Any) -> list[Any]:
    """The structs that it may be: the one that the tag names, or all."""
    structs = [one for one in _options(node) if isinstance(one, inspect.StructType)]
    return [one for one in structs if one.tag and value.get(one.tag_field) == one.tag] or structs


def _child(node: Any, value: Any, step: str | int) -> Any:
    for one in _options(node):
        if isinstance(step, int) and isinstance(one, (inspect.ListType, inspect.VarTupleType)):
            return one.item_type
        if isinstance(step, int) and isinstance(one, inspect.TupleType):
            return one.item_types[step]
        if isinstance(one, inspect.DictType):
            return one.value_type
    structs = _structs(node, value)
    for field in (field for one in structs for field in one.fields):
        if field.encode_name == step:
            return field.type
    return inspect.LiteralType(tuple(one.tag for one in structs))


def _fields(node: Any, value: Any) -> list[str]:
    structs = _structs(node, value)
    tags = [one.tag_field for one in structs[:1] if one.tag_field]
    return [*tags, *(field.encode_name for one in structs for field in one.fields)]


def _missing(node: Any, value: Any, place: Place, key: str) -> MismatchError:
    """A key is not there; or is there, under a name that is a little wrong."""
    known = _fields(node, value)
    if like := _closest(key, [str(other) for other in value if other not in known]):
        return MismatchError((*place, like), f"is not known here; did you mean {key}?")
    of_struct = meanings(cleandoc(_structs(node, value)[0].cls.__doc__ or ""))
    _, node, notes = _declared(node, value, (key,))
    meaning = (notes.get("meaning") or of_struct.get(key, "")).rstrip(".")
    what = f"is missing; {_must(node, notes, (*place, key))}" + (f" ({meaning})" if meaning else "")
    return MismatchError((*place, key), what)


def _wrong(node: Any, notes: dict[str, Any], value: Any, place: Place) -> str:
    must = _must(node, notes, place)
    tables = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    if any(isinstance(one, dict) for one in tables):  # long, and a secret may stand in it
        return must
    shown = "something else" if notes.get("secret") else repr(value)
    choices = [name for one in _options(node) for name in _choices(one)]
    like = _closest(value, choices) if isinstance(value, str) else ""
    mend = f"; did you mean {like}?" if like else ""
    return f"is {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'}, {must}{mend}"


def _choices(node: Any) -> list[str]:
    """The words of which one must stand there; none where that may be something else."""
    if isinstance(node, inspect.EnumType):
        return [str(each.value) for each in node.cls]
    return [str(each) for each in getattr(node, "values", ())]


def _must(node: Any, notes: dict[str, Any], place: Place) -> str:
    table = ".".join(step for step in place if isinstance(step, str))
    return f"must be {notes.get('must') or _words(node, table)}"


def _words(node: Any, key: str) -> str:
    """What must be there."""
    said = (_WORDS[type(one)](one, key) for one in _options(node) if type(one) in _WORDS)
    return " or ".join(said) or "a table" + (key and f": [{key}]")


def _number(node: Any, _: str) -> str:
    noun = "a whole number" if isinstance(node, inspect.IntType) else "a number"
    if node.ge is None or -node.ge > _FAR:
        return noun
    return f"{noun} from {node.ge:g}" + (" up" if node.le is None else f" to {node.le:g}")


def _array(node: Any, key: str) -> str:
    if all(isinstance(each, inspect.StructType) for each in _options(node.item_type)):
        return f"a list of tables, written as [[{key}]]"
    least = f" of at least {node.min_length}" if node.min_length else ""
    return f"a list{least}, each {_words(node.item_type, key)}"


#: How a type is said; all others are tables.
_WORDS: Final[dict[type, Callable[[Any, str], str]]] = {
    inspect.FloatType: _number,
    inspect.IntType: _number,
    inspect.StrType: lambda _, __: 'a text: "..."',
    inspect.BoolType: lambda _, __: "true or false",
    inspect.EnumType: lambda node, _: f"one of: {', '.join(_choices(node))}",
    inspect.LiteralType: lambda node, _: f"one of: {', '.join(_choices(node))}",
    inspect.CustomType: lambda node, _: f'a {node.cls.__name__.lower()}: "..."',
    inspect.TupleType: lambda node, _: f"a list of {len(node.item_types)}",
    inspect.ListType: _array,
    inspect.VarTupleType: _array,
}
