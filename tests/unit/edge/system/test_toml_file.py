"""A file that people write: every mistake with file, line and key."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import UsageError
from edge.system import toml_file
from edge.system.toml_file import MAX_BYTES
from edge.system.typed import Share, Strict, Text


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
    for key, value in (("path", "'~nobodyhere/x'"), ("paths", "['~nobodyhere/x']")):
        words = said(tmp_path, f"# home\n{key} = {value}")
        item = "[0]" if key == "paths" else ""
        mend = "is refused: there is no home ~nobodyhere; write the path in full"
        assert words == f"line 2: {key}{item} {mend}"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Windows' editors write one."""
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert toml_file.read(path).decode(Free) == Free(1)


class Free(msgspec.Struct, frozen=True):
    a: int = 0


class Inner(Strict, frozen=True):
    key: Share = 0.0
    x0: int = 0
    x1: int = 0


class Layout(Strict, frozen=True):
    other: int = 0
    text: Text = ""
    path: Path | None = None
    paths: tuple[Path, ...] = ()
    key: Share = 0.0
    one: Inner = Inner()
    t: tuple[Inner, ...] = ()
    deep: dict[str, dict[str, Inner]] = msgspec.field(default_factory=dict)


def decoded(folder: Path, text: str) -> Layout:
    path = folder / "s.toml"
    path.write_text(text, "utf-8")
    return toml_file.read(path).decode(Layout)


def said(folder: Path, text: str) -> str:
    """What the mistake is, without the folder."""
    with pytest.raises(UsageError) as caught:
        decoded(folder, text)
    return str(caught.value).rpartition("s.toml: ")[2]


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    found = decoded(tmp_path, 'path = "in"\npaths = ["in", "/abs"]\ntext = "x"\nkey = 1\n')
    wanted = Layout(text="x", path=tmp_path / "in", paths=(tmp_path / "in", Path("/abs")), key=1.0)
    assert found == wanted
    assert decoded(tmp_path, "") == Layout()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("text = 3", 'text is 3, must be a text: "..."'),
        ('text = ""', "text is '', must be a text"),
        ('text = "a\\u0000"', "must be a text"),
        ('path = "a\\u0000"', "must be a path"),
        ('path = ""', "path is '', must be a path"),
        ('paths = "in"', "paths is 'in', must be a list, each a path"),
        ('paths = ["a", 1]', "paths[1] is 1, must be a path"),
        ("key = true", "key is True, must be a number from 0 to 1"),
        ('key = "1"', "key is '1', must be a number from 0 to 1"),
        ("key = 9.5", "key is 9.5, must be a number from 0 to 1"),
        ("key = nan", "key is nan, must be a number from 0 to 1"),
        ("key = 1979-05-27", "key is datetime.date(1979, 5, 27), must be a number"),
        ("one = 1", "one is 1, must be a table: [one]"),
        ("t = 1", "t is 1, must be a list of tables, written as [[t]]"),
        ('"tixt" = 1', "tixt is not known here; did you mean text?"),
        ("one.key = 2", "[one] key is 2, must be"),
        ("one = {key = 2}", "[one] key is 2, must be"),
        ("t = [{}, {key = 2}]", "[t] key is 2, must be"),
        (" deep.a . 'b'.key = 2", "[deep.a.b] key is 2, must be"),
    ],
)
def test_a_wrong_value_is_shown_with_line_key_and_what_is_right(
    tmp_path: Path, line: str, words: str
) -> None:
    message = said(tmp_path, f"# key = 1\nother = 1\n {line}\n[deep.x.y]\nkey = 1\n")
    assert message.startswith("line 3: ")
    assert words in message


TEXT = """
[[t]] # the first
key = 0
  [[ t ]]
"x0" = 1
  colour = 1
[one]
colour = 2
[deep.a.one]
key = 1
[deep.a."b.c"]
key = 2
"""


def test_keys_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    assert said(tmp_path, TEXT).startswith("line 6: [t] colour is not known here")
    mended = TEXT.replace("  colour = 1", "")
    assert said(tmp_path, mended).startswith("line 8: [one] colour is not known here")
    mended = mended.replace("colour = 2", "")
    assert said(tmp_path, mended).startswith("line 12: [deep.a.b.c] key is 2")
    assert said(tmp_path, mended.replace("key = 2", "key = 1") + "\n[[tt]]").startswith(
        "line 14: tt is not known here"
    )


@given(place=st.integers(0, 9))
def test_the_line_is_that_of_the_key_in_its_own_table(
    tmp_path_factory: pytest.TempPathFactory, place: int
) -> None:
    """The same key stands in every table, on another line in each; one of them is wrong."""
    lines: list[str] = []
    for number in range(10):
        lines += ["[[t]]", *[f"x{n} = 0" for n in range(number % 3)]]
        lines.append("key = 0" if number != place else "key = 'wrong'")
    wanted = lines.index("key = 'wrong'") + 1
    found = said(tmp_path_factory.getbasetemp(), "\n".join(lines))
    assert found.startswith(f"line {wanted}: [t] key is 'wrong'")
