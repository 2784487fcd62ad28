"""Text of a model file in C: shown, never obeyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.firmware import csource
from convert.firmware.sources import code_span, template
from tests.support.compilers import compiler, run

#: What ends a comment, begins one, splices a line, or does so as a trigraph.
EVIL = [
    "*/ int a; /*",
    "*\\\n/ int a; /\\\n*",
    "*??/\n/ int a; /??/\n*",
    "*??//",
    "**//",
    "/*/",
    "ends in ??/",
    "ends in \\",
    "one\r\ntwo\x0bthree\u2028four\u202e",
    "%s ???????/ ${x} $(x) # @MODEL@",
]


@given(st.text(alphabet="*/\\? \n\ra"))
def test_nothing_in_a_comment_ends_it(line: str) -> None:
    text = csource.comment([line, line])
    assert text.startswith("/* ")
    assert text.endswith("\n */\n")
    inside = text[2:-4]
    assert not any(pair in inside for pair in ("*/", "/*", "??", "\\", "\r"))
    assert inside.count("\n") == 2


@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_a_compiler_sees_one_comment_and_the_whole_string(tmp_path: Path, standard: str) -> None:
    strings = ", ".join(map(csource.string, EVIL))
    lengths = ", ".join(str(len(text.encode())) for text in EVIL)
    text = (
        f"{csource.comment(EVIL)}#include <string.h>\n"
        f"static const char *const texts[] = {{{strings}}};\n"
        f"static const unsigned long lengths[] = {{{lengths}}};\n"
        "int main(void)\n{\n    int wrong = 0;\n"
        f"    for (int at = 0; at < {len(EVIL)}; at++) {{\n"
        "        wrong += strlen(texts[at]) != lengths[at];\n    }\n    return wrong;\n}\n"
    )
    (tmp_path / "a.c").write_bytes(text.encode())
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Wcomment", "-Werror"]
    run([compiler(), *flags, str(tmp_path / "a.c"), "-o", str(tmp_path / "a")])
    run([str(tmp_path / "a")])


def test_what_is_filled_into_a_template_is_not_looked_at_again() -> None:
    name = code_span("a`b @KERNELS@")
    text = template("c99.md", {"MODEL": name, "KERNELS": "those of a friend"})
    assert text.startswith("# Firmware of the model `a'b @KERNELS@`\n")
    assert "must be what those of a friend" in text
