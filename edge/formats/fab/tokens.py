"""Tokens for writers: the codes of any map in the fixed width that a format has."""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping

from edge.errors import UsageError
from edge.formats.fab.fab_map import Code, FabMap, Meaning

_FILLED = string.ascii_letters + string.digits


def fixed_tokens(
    fab: FabMap, width: int, none: Mapping[Meaning, str], *, digits: bool = False
) -> dict[Code, str]:
    """A token for each code that occurs, no two alike.

    A code keeps its text where that fits, filled up with zeros; else it gets a free number.

    Args:
        fab: The map.
        width: Characters of a token.
        none: What is no die, by its meaning; ``Meaning.NULL`` does for those that are not in it.
        digits: Only these, no letters.

    Raises:
        UsageError: there are more codes than numbers of that width.
    """
    codes = dict.fromkeys(fab.legend)
    tokens = {
        code: none.get(code.meaning, none[Meaning.NULL]) for code in codes if code.meaning.is_none
    }
    taken = set(tokens.values()) | set(none.values())
    left, letters = [], string.digits if digits else _FILLED
    for code in codes:
        token = code.text.rjust(width, "0")
        if code in tokens:
            continue
        if len(token) == width and set(token) <= set(letters) and token not in taken:
            tokens[code] = token
            taken.add(token)
        else:
            left.append(code)
    for code in left:
        tokens[code] = free_token(width, taken)
        taken.add(tokens[code])
    return tokens


def free_token(width: int, taken: Collection[str]) -> str:
    """The smallest number of that width that is not taken.

    Raises:
        UsageError: all are.
    """
    for number in range(10**width):
        if (token := f"{number:0{width}}") not in taken:
            return token
    what = f"more codes than tokens of {width} characters can tell apart"
    raise UsageError(f"{what}; choose another format")
