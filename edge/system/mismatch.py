"""A msgspec error -> where it is, what stands there and what must, in the words of the struct."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from inspect import getdoc
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect

from edge.system.typed import MismatchError, Place, meanings, unknown

_ERROR: Final = re.compile(r"(?s)(.*?)(?: - at (`key` in )?`\$([^`]*)`)?")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")
_FIELD: Final = re.compile(r"(?s)Object (contains unknown|missing required) field `(.*)`")

#: A range that far is none.
_FAR: Final = 1e300

#: Characters of a value that are shown.
_SHOWN: Final = 80

_LISTS: Final = (inspect.ListType, inspect.VarTupleType)


def explained(
    kind: Any,
    value: Any,
    error: msgspec.ValidationError,
    built: Callable[[type, object], object],
) -> MismatchError:
    """The error in words.

    Args:
        kind: What the value was to become.
        value: Plain data.
        error: What msgspec said.
        built: As it was given to msgspec.
    """
    found = _ERROR.fullmatch(str(error))
    text, of_key, path = found.groups("") if found else (str(error), "", "")
    steps = [name or index for name, index in _STEP.findall(path)] + ["..."] * bool(of_key)
    place: Place = ()
    for step in steps:
        if step == "...":
            step = _failing(kind, value, place, built, str(error))  # noqa: PLW2901
        place = (*place, step if isinstance(_at(value, place), dict) else int(step))
    if isinstance(error.__cause__, MismatchError):
        place = (*place, *error.__cause__.place)
        if error.__cause__.what:
            return MismatchError(place, error.__cause__.what)
    place, node, notes = _declared(inspect.type_info(kind), value, place)
    there = _at(value, place)
    if field := _FIELD.fullmatch(text):
        if "unknown" in field[1]:
            return MismatchError((*place, field[2]), unknown(field[2], _fields(node, there)))
        return _missing(node, there, place, field[2])
    if of_key:
        around = _declared(inspect.type_info(kind), value, place[:-1])[1]
        return MismatchError(place, f"is not known here; must be {_words(around.key_type, '')}")
    return MismatchError(place, _wrong(node, notes, there, place))


def _at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def _failing(kind: Any, value: Any, place: Place, built: Any, said: str) -> str:
    """The key of a dictionary for which msgspec says this; it does not name it."""
    for key, item in _at(value, place).items():
        try:
            msgspec.convert(_with(value, place, {key: item}), kind, dec_hook=built)
        except msgspec.ValidationError as error:
            if str(error) == said:
                return str(key)
    return "?"


def _with(value: Any, place: Place, item: Any) -> Any:
    """Plain data with another item at a place."""
    if not place:
        return item
    copied = value.copy()
    copied[place[0]] = _with(value[place[0]], place[1:], item)
    return copied


def _declared(node: Any, value: Any, place: Place) -> tuple[Place, Any, dict[str, Any]]:
    """Type and notes of a place; or of the list around it where that one says what must be."""
    notes: dict[str, Any] = {}
    for position in range(len(place) + 1):
        while isinstance(node, inspect.Metadata):
            notes, node = node.extra or notes, node.type
        if notes.get("must") or position == len(place):
            return place[:position], node, notes
        step = place[position]
        if isinstance(step, str):
            notes = {}
        node = _child(node, value, step)
        value = value[step] if position + 1 < len(place) else None
    raise AssertionError(place)


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
        if isinstance(step, int) and isinstance(one, _LISTS):
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
    like = get_close_matches(key, [str(other) for other in value if other not in known], 1)
    if like:
        return MismatchError((*place, like[0]), f"is not known here; did you mean {key}?")
    _, wanted, notes = _declared(node, value, (key,))
    said = [meanings(getdoc(one.cls) or "").get(key) for one in _structs(node, value)]
    meaning = notes.get("meaning") or said[0]
    must = f"must be {notes.get('must') or _words(wanted, key)}"
    return MismatchError(
        (*place, key), f"is missing; {must}" + ((meaning and f" ({meaning})") or "")
    )


def _wrong(node: Any, notes: dict[str, Any], value: Any, place: Place) -> str:
    key = next((step for step in reversed(place) if isinstance(step, str)), "")
    must = f"must be {notes.get('must') or _words(node, key)}"
    tables = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    if any(isinstance(one, dict) for one in tables):  # long, and a secret may stand in it
        return must
    shown = "something else" if notes.get("secret") else repr(value)
    return f"is {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'}, {must}"


def _words(node: Any, key: str) -> str:
    """What must be there."""
    options = list(_options(node))
    if all(isinstance(one, inspect.StructType) for one in options):
        return f"a table: [{key}]"
    return " or ".join(_WORDS.get(type(one), _table)(one, key) for one in options)


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


def _tuple(node: Any, key: str) -> str:
    return f"a list of {len(node.item_types)}: {', '.join(_words(t, key) for t in node.item_types)}"


def _custom(node: Any, _: str) -> str:
    return 'a path: "..."' if issubclass(node.cls, Path) else str(node.cls.__name__)


def _table(_: Any, key: str) -> str:
    return f"a table: [{key}]"


#: How a type is said.
_WORDS: Final[dict[type, Callable[[Any, str], str]]] = {
    inspect.FloatType: _number,
    inspect.IntType: _number,
    inspect.StrType: lambda _, __: 'a text: "..."',
    inspect.BoolType: lambda _, __: "true or false",
    inspect.EnumType: lambda node, _: f"one of: {', '.join(str(e.value) for e in node.cls)}",
    inspect.LiteralType: lambda node, _: f"one of: {', '.join(map(str, node.values))}",
    inspect.CustomType: _custom,
    inspect.TupleType: _tuple,
    inspect.ListType: _array,
    inspect.VarTupleType: _array,
}
