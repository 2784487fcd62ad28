"""A file that people write: every mistake with file, line and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UsageError
from edge.system import toml_file
from edge.system.toml_file import MAX_BYTES, Table


def table(folder: Path, text: str) -> Table:
    path = folder / "s.toml"
    path.write_text(text, "utf-8")
    return toml_file.read(path)


def said(doing: Callable[[], Any]) -> str:
    """What the mistake is, without the folder."""
    with pytest.raises(UsageError) as caught:
        doing()
    return str(caught.value).rpartition("s.toml: ")[2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = 1\nb = = 2\n", r"not TOML: .*line 2"),
        (b"a = 1\na = 2\n", r"not TOML: "),
        (b"a = 1\n# caf\xe9\n", r"line 2: not UTF-8; save it as UTF-8"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "not TOML: brackets nested too deeply"),
        (b"a = " + b"9" * 5000, "not TOML: "),
        (b"#" * (MAX_BYTES + 1), r"cannot be read \(larger than 1,048,576 bytes"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=rf"s\.toml: {words}"):
        toml_file.read(path)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UsageError, match=rf"{path.name}: cannot be read \(.*check the name"):
            toml_file.read(path)


def test_a_device_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        toml_file.read(Path("/dev/zero"))


def test_a_home_that_nobody_has_is_a_mistake_of_the_key(tmp_path: Path) -> None:
    for read in (Table.path, Table.paths):
        value = "'~nobodyhere/x'" if read is Table.path else "['~nobodyhere/x']"
        words = said(lambda: read(table(tmp_path, f"# home\na = {value}"), "a"))  # noqa: B023
        assert words == "line 2: a is refused: there is no home ~nobodyhere; write the path in full"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Windows' editors write one."""
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert toml_file.read(path).number("a", 0, 0, 9) == 1


def test_values_are_handed_out_once(tmp_path: Path) -> None:
    top = table(tmp_path, 'a = "x"\nn = 2\nf = true\np = ["in", "/abs"]\nc = "fast"\nt = ["*"]\n')
    assert top.text("a", "") == "x"
    assert top.number("n", 0, 0, 9) == 2
    assert top.flag("f", default=False)
    assert top.paths("p") == (tmp_path / "in", Path("/abs"))
    assert top.choice("c", "", ["fast", "exact"]) == "fast"
    assert top.texts("t") == ("*",)
    top.done()
    assert top.text("a", "default") == "default"
    assert (top.optional("n", 0, 9), top.path("p"), top.table("t").content) == (None, None, {})


@pytest.mark.parametrize(
    ("value", "read", "words"),
    [
        ("3", lambda t: t.text("key", ""), 'is 3, must be a text: "..."'),
        ('""', lambda t: t.text("key", ""), "is '', must be a text"),
        ('"a\\u0000"', lambda t: t.text("key", ""), "must be a text"),
        ('"in"', lambda t: t.paths("key"), "is 'in', must be a list of paths"),
        ('["a", 1]', lambda t: t.texts("key"), "is ['a', 1], must be a list of texts"),
        ("7", lambda t: t.path("key"), "is 7, must be a path"),
        ('"yes"', lambda t: t.flag("key", default=True), "is 'yes', must be true or false"),
        ("true", lambda t: t.number("key", 0, 0, 9), "is True, must be a number"),
        ('"1"', lambda t: t.number("key", 0, 0, 9), "is '1', must be a number"),
        ("9.5", lambda t: t.number("key", 0, 0, 9), "is 9.5, must lie in 0 to 9"),
        ("nan", lambda t: t.optional("key", 0, 9), "is nan, must lie in 0 to 9"),
        ('"c"', lambda t: t.choice("key", "a", ["", "a", "b"]), "is 'c', must be one of: a, b"),
        ("[]", lambda t: t.choice("key", "a", ["a"]), "is [], must be one of: a"),
        ("1", lambda t: t.table("key"), "is 1, must be a table: [key]"),
        ("1", lambda t: t.tables("key"), "must be written as [[key]]"),
        ("1", lambda t: t.done(), "is not known here; docs/station-reference.md lists the keys"),
    ],
)
def test_a_wrong_value_is_shown_with_line_key_and_what_is_right(
    tmp_path: Path, value: str, read: Callable[[Table], Any], words: str
) -> None:
    top = table(tmp_path, f"# key = 1\nother = 1\n key={value}\n")
    top.content.pop("other")
    message = said(lambda: read(top))
    assert message.startswith("line 3: key ")
    assert words in message


def test_what_is_missing_is_said_at_its_table(tmp_path: Path) -> None:
    top = table(tmp_path, "\n[one]\na = 1\n[two]\nb = 2\n")
    assert (
        said(lambda: top.choice("kind", "", ["a"])) == "line 1: kind is missing; must be one of: a"
    )
    two = top.table("two")
    assert said(lambda: two.choice("a", "", ["x"])).startswith("line 4: [two] a is missing")


TEXT = """
[[sink]] # the first
kind = "a"
  [[ sink ]]
"kind" = "b"
  colour = 1
[sink.inner]
colour = 2
[folder]
colour = 3
"""


def test_keys_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    top = table(tmp_path, TEXT)
    first, second = top.tables("sink")
    assert (first.choice("kind", "", ["a"]), second.text("kind", "")) == ("a", "b")
    first.done()
    assert said(second.done).startswith("line 6: [sink] colour is not known")
    assert said(top.done).startswith("line 9: folder is not known")
    assert said(top.table("folder").done).startswith("line 10: [folder] colour")


@given(place=st.integers(0, 9), other=st.integers(0, 9))
def test_the_line_is_that_of_the_key_in_its_own_table(
    tmp_path_factory: pytest.TempPathFactory, place: int, other: int
) -> None:
    """The same key stands in every table, on another line in each; one of them is wrong."""
    lines: list[str] = []
    for number in range(10):
        lines += ["[[t]]", *[f"x{n} = 0" for n in range(number % 3)]]
        lines.append("key = 0" if number != place else "key = 'wrong'")
    path = tmp_path_factory.getbasetemp() / "s.toml"
    path.write_text("\n".join(lines), "utf-8")
    tables = toml_file.read(path).tables("t")
    if other != place:
        assert tables[other].number("key", 1, 0, 1) == 0
    wanted = lines.index("key = 'wrong'") + 1
    assert said(lambda: tables[place].number("key", 1, 0, 1)).startswith(f"line {wanted}: [t] key")
