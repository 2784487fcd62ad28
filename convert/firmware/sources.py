"""The C sources that come with the package (``firmware_examples``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_TEMPLATES: Final = "templates"
#: What is copied; editors and builds leave other things beside.
_SUFFIXES: Final = frozenset({".c", ".h", ".cc", ".mk", ".ld", ".md", ".txt", ".patch"})


def folder(name: str) -> dict[str, bytes]:
    """All sources of a folder of ``firmware_examples`` by their path, its name first."""
    root = _root()
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in sorted((root / name).rglob("*"))
        if file.is_file() and file.suffix in _SUFFIXES
    }


def template(name: str, values: Mapping[str, object] | None = None) -> str:
    """A text with its ``@WORDS@`` filled in; what is filled in is not looked at again.

    ``name`` is a file of the templates; ``values`` are written for the kind of file that it is.
    """
    text = (_root() / _TEMPLATES / name).read_text("utf-8")
    return re.sub("@([A-Z]+)@", lambda found: str((values or {})[found[1]]), text)


def code_span(text: str) -> str:
    """Text as Markdown shows it, whatever it holds."""
    return f"`{text.replace('`', chr(39))}`"


def _root() -> Path:
    """Beside this module where it is installed, else at the top of the checkout."""
    installed = Path(__file__).with_name("examples")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "firmware_examples"
