"""Plain data becomes structs, or the mistake is told with its place and what must be there."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UsageError
from edge.system.typed import (
    Finite,
    MismatchError,
    Share,
    Strict,
    Text,
    about,
    decode,
    unknown,
)
from edge.system.typed_schema import schema


class Speed(str, Enum):
    FAST = "fast"
    EXACT = "exact"


class Inner(Strict, frozen=True):
    share: Annotated[Share, about("how much")]
    many: Annotated[Annotated[int, msgspec.Meta(ge=2, le=9)] | None, about("how many")] = None


class ToFile(Strict, frozen=True, tag="file", tag_field="kind"):
    file: Path


class ToBroker(Strict, frozen=True, tag="broker", tag_field="kind"):
    url: Annotated[Text, about("where", secret=True)]


class Both(Strict, frozen=True):
    first: int = 0
    second: int = 0

    def __post_init__(self) -> None:
        if self.second and not self.first:
            raise MismatchError(("second",), "says nothing without first")


class Whole(Strict, frozen=True):
    name: Text = "x"
    ratio: Finite = 0.0
    up: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    speed: Speed = Speed.FAST
    flag: bool = False
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    sinks: list[ToFile | ToBroker] = msgspec.field(default_factory=list)
    paths: tuple[Path, ...] = ()
    costs: Annotated[tuple[Share, Share] | None, about("costs", must="[one, other], shares")] = None
    point: tuple[int, int] = (0, 0)
    below: dict[str, Share] = msgspec.field(default_factory=dict)
    limits: dict[Speed, int] = msgspec.field(default_factory=dict)
    source: Annotated[str | int, about("camera", must="a text or a number", secret=True)] = ""
    both: Both = Both()


def path(value: Any) -> Path:
    if not isinstance(value, str):
        raise TypeError(value)
    if value == "closed":
        raise UsageError("closed is closed")
    return Path("/base") / value


def read(value: Any) -> Whole:
    return decode(Whole, value, {Path: path})


def test_what_is_right_is_taken_as_it_is() -> None:
    sinks = [{"kind": "file", "file": "a"}, {"kind": "broker", "url": "b"}]
    found = read(
        {"up": 3, "speed": "exact", "inner": {"share": 1}, "sinks": sinks, "paths": ["in"],
         "costs": [0, 0.5], "below": {"x": 0.5}, "limits": {"fast": 1}, "source": 3}
    )  # fmt: skip
    assert (found.up, type(found.up)) == (3.0, float)
    assert found.speed is Speed.EXACT
    assert found.inner == Inner(1.0)
    assert found.sinks == [ToFile(Path("/base/a")), ToBroker("b")]
    assert found.paths == (Path("/base/in"),)
    assert (found.costs, found.limits) == ((0.0, 0.5), {Speed.FAST: 1})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"name": 3}, 'name is 3, must be a text: "..."'),
        ({"name": ""}, 'name is \'\', must be a text: "..."'),
        ({"name": "a\0"}, 'name is \'a\\x00\', must be a text: "..."'),
        ({"ratio": True}, "ratio is True, must be a number"),
        ({"ratio": float("nan")}, "ratio is nan, must be a number"),
        ({"ratio": float("-inf")}, "ratio is -inf, must be a number"),
        ({"up": 10**400}, f"up is 1{'0' * 79}..., must be a number from 0 up"),
        ({"up": "3"}, "up is '3', must be a number from 0 up"),
        ({"speed": "slow"}, "speed is 'slow', must be one of: fast, exact"),
        ({"speed": []}, "speed is [], must be one of: fast, exact"),
        ({"flag": 1}, "flag is 1, must be true or false"),
        ({"inner": 1}, "inner is 1, must be a table: [inner]"),
        ({"inner": {"share": 1.5}}, "inner.share is 1.5, must be a number from 0 to 1"),
        ({"inner": {"share": 0, "many": 2.5}}, "inner.many is 2.5, must be a whole number from 2"),
        ({"inner": {"shaer": 1}}, "inner.shaer is not known here; did you mean share?"),
        ({"inner": {}}, "inner.share is missing; must be a number from 0 to 1 (how much)"),
        ({"inners": {"share": 1}}, "inners must be a list of tables, written as [[inners]]"),
        ({"inners": [{"share": 1}, {"q": 1}]}, "inners[1].q is not known here; known: share, many"),
        ({"sinks": [{}]}, "sinks[0].kind is missing; must be one of: file, broker"),
        ({"sinks": [{"kimd": "file"}]}, "sinks[0].kimd is not known here; did you mean kind?"),
        ({"sinks": [{"kind": "tape"}]}, "sinks[0].kind is 'tape', must be one of: file, broker"),
        ({"sinks": [{"kind": "flie"}]}, "one of: file, broker; did you mean file?"),
        ({"speed": "FAST"}, "speed is 'FAST', must be one of: fast, exact; did you mean fast?"),
        ({"sinks": [{"kind": "file", "file": 3}]}, 'sinks[0].file is 3, must be a path: "..."'),
        ({"sinks": [{"kind": "file", "q": 3}]}, "sinks[0].q is not known here; known: kind, file"),
        ({"sinks": [{"kind": "broker", "url": ["geheim"]}]}, "url is something else, must be a t"),
        ({"sinks": {"kind": "broker", "url": "geheim"}}, "sinks must be a list of tables, written"),
        ({"paths": "in"}, "paths is 'in', must be a list, each a path"),
        ({"paths": ["in", "closed"]}, "paths[1] is refused: closed is closed"),
        ({"costs": [0, 3]}, "costs is [0, 3], must be [one, other], shares"),
        ({"costs": [0]}, "costs is [0], must be [one, other], shares"),
        ({"point": [0, "x"]}, "point[1] is 'x', must be a whole number"),
        ({"point": [0]}, "point is [0], must be a list of 2"),
        ({"below": {"a": 0, "b.c": 2, "d": 1}}, "below.b.c is 2, must be a number from 0 to 1"),
        ({"limits": {"fast": 1, "slow": 1}}, "limits.slow is not known here; must be one of: fas"),
        ({"source": ["geheim"]}, "source is something else, must be a text or a number"),
        ({"both": {"second": 2}}, "both.second says nothing without first"),
        ({"sped": "fast"}, "sped is not known here; did you mean speed?"),
        ({"a - at `$.b`": 1}, "a - at `$.b` is not known here; known: name"),
        ({"a` - at `$.b": 1}, "a` - at `$.b is not known here; known: name"),
        (3, "is 3, must be a table"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(value: Any, words: str) -> None:
    with pytest.raises(MismatchError) as caught:
        read(value)
    assert words in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_the_place_finds_the_value() -> None:
    with pytest.raises(MismatchError) as caught:
        read({"inners": [{"share": 1}, {"share": "x"}]})
    assert caught.value.place == ("inners", 1, "share")
    assert caught.value.what == "is 'x', must be a number from 0 to 1"


def test_a_struct_of_a_later_version_may_have_more_keys() -> None:
    class Open(msgspec.Struct):
        name: str

    assert decode(Open, {"name": "x", "later": 1}) == Open("x")


@given(key=st.text(min_size=1), share=st.floats(1.001) | st.text() | st.booleans() | st.none())
def test_of_many_keys_the_one_that_is_wrong_is_named(key: str, share: object) -> None:
    with pytest.raises(MismatchError) as caught:
        read({"below": {"one": 1, key: share, "other" if key != "other" else "one": 0}})
    assert caught.value.place == ("below", key)


def test_the_schema_says_ranges_meanings_and_choices() -> None:
    found = schema(Whole, "all of it")
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    inner = found["$defs"]["Inner"]
    share = {"description": "how much", "type": "number", "minimum": 0, "maximum": 1}
    assert (inner["properties"]["share"], inner["required"]) == (share, ["share"])
    assert inner["additionalProperties"] is False
    assert found["$defs"]["Speed"]["enum"] == ["exact", "fast"]
    assert found["$defs"]["ToFile"]["properties"]["file"] == {"type": "string"}


def test_the_schema_takes_what_is_taken_and_tells_a_tag_that_is_none() -> None:
    found = schema(Whole, "all of it")["$defs"]
    assert found["ToFile"]["properties"]["kind"] == {"const": "file"}
    items = found["Whole"]["properties"]["sinks"]["items"]
    assert items["properties"] == {"kind": {"enum": ["file", "broker"]}}
    assert "default" not in found["Whole"]["properties"]["source"]  # as where it is not given
    assert found["Whole"]["properties"]["name"]["default"] == "x"


def test_unknown_keys_are_told_from_each_other() -> None:
    assert unknown("nmae", ["name", "store"]) == "is not known here; did you mean name?"
    assert unknown("STORE", ["name", "store"]) == "is not known here; did you mean store?"
    assert unknown("name", ["station", "camera"]) == "is not known here; known: station, camera"
    assert unknown("q", ["name", "store"]) == "is not known here; known: name, store"


class Told(Strict, frozen=True):
    """A thing that says what it is.

    Attributes:
        first: What comes first, which
            takes two lines.
        second: What comes next.
    """

    first: Annotated[Text, about(must="a text of its own")]
    second: Annotated[int, about("something else")] = 0

    def __post_init__(self) -> None:
        if self.first.isspace():
            raise MismatchError(("first",))


def test_meanings_come_from_the_docstring_where_the_key_has_none() -> None:
    told = schema(Told, "it")["$defs"]["Told"]
    assert told["description"] == "A thing that says what it is."
    described = {key: value["description"] for key, value in told["properties"].items()}
    first = "What comes first, which takes two lines."
    assert described == {"first": first, "second": "something else"}
    with pytest.raises(MismatchError) as caught:
        decode(Told, {})
    assert str(caught.value) == f"first is missing; must be a text of its own ({first[:-1]})"


def test_a_check_of_a_struct_need_not_say_what_the_type_says() -> None:
    with pytest.raises(MismatchError, match=r"^first is '  ', must be a text of its own$"):
        decode(Told, {"first": "  "})
