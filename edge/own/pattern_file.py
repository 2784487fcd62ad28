"""A pattern file: what recognises a pattern, and the examples that it was made from, as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import numpy as np
from msgspec import Meta, Struct, structs, to_builtins

from edge.errors import UsageError
from edge.own.numbers import EARLY, SHAPE
from edge.system.files import replacing
from edge.system.regular_file import read_bytes
from edge.system.typed import MismatchError, Share, decode
from edge.wafer.patterns import LONGEST, flaw
from edge.wafer.wafermap import FAIL, MAX_SIDE, DieGrid

SUFFIX: Final = ".pattern"
#: Of the first layout the rule looked at fewer numbers; the examples are as ever.
FORMAT: Final = 2
MAX_BYTES: Final = 8 * 2**20

#: Most examples in a file, and positions of all their maps: what is made anew takes seconds.
MOST: Final = 50
MAX_POSITIONS: Final = 2**24

#: Characters of a file's name, before its end: most file systems take 255 bytes.
_LONGEST_FILE: Final = 247

#: Confirmations, and the share of them that must be right, from which on a pattern is trusted.
CONFIRMED: Final = 20
PRECISION: Final = 0.95

#: Larger than any that a fit gives, and small enough that nothing made of them is infinite.
_Number = Annotated[float, Meta(ge=-1e9, le=1e9)]
_Row = list[_Number]
_Positive = Annotated[float, Meta(ge=1e-9, le=1e9)]
_Count = Annotated[int, Meta(ge=0, le=10**9)]


class Example(Struct, frozen=True):
    """A wafer that shows the pattern: where it came from, lot and wafer, its map in base64."""

    source: str
    lot: str | None
    wafer: str | None
    rows: Annotated[int, Meta(ge=1, le=MAX_SIDE)]
    columns: Annotated[int, Meta(ge=1, le=MAX_SIDE)]
    dies: str

    @classmethod
    def of(cls, source: str, lot: str | None, wafer: str | None, dies: DieGrid) -> Example:
        """The example of a wafer map, uint8 (rows, columns)."""
        packed = base64.b64encode(zlib.compress(dies.tobytes(), 9)).decode()
        rows, columns = dies.shape
        return cls(source, lot, wafer, rows, columns, packed)

    def grid(self) -> DieGrid:
        """The map, uint8 (rows, columns) of {0, 1, 2}.

        Raises:
            ValueError: there is none in it.
        """
        size = self.rows * self.columns
        try:
            states = zlib.decompressobj().decompress(base64.b64decode(self.dies), size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        found = np.frombuffer(states, np.uint8)
        if found.size != size or found.max() > FAIL:
            raise ValueError("an example is no wafer map")
        return found.reshape(self.rows, self.columns)


class Rule(Struct, frozen=True):
    """What recognises the pattern; see ``edge.own.fit``.

    Attributes:
        mean: Of the examples' embeddings, (size,).
        variance: Theirs, shrunk towards that of the known classes, (size,).
        centre: Of embeddings and numbers of ordinary wafers, (size + SHAPE,).
        scale: Standard deviation of the same.
        weights: Of embedding and numbers in such deviations.
        gain: Of the Gaussian's margin against the nearest class.
        bias: Above 0 a wafer is claimed.
        loose: Least margin from which the numbers of a map are looked at.
        towards: Direction from the centre in which the fails lie, down and across.
        cosine: Least cosine of that and the direction of their centroid; -2 where any will do.
        early: Weights of the embedding and of the numbers that cost the least, in such deviations.
        early_bias: With ``gain`` as well; from 0 up the other numbers are looked at.
    """

    mean: _Row
    variance: list[_Positive]
    centre: _Row
    scale: list[_Positive]
    weights: _Row
    gain: _Number
    bias: _Number
    loose: _Number
    towards: tuple[_Number, _Number]
    cosine: _Number
    early: _Row = []
    early_bias: _Number = 0.0


#: Of a pattern that may lie in any direction.
ANYWHERE: Final = ((0.0, 0.0), -2.0)


class OwnPattern(Struct, frozen=True):
    """All of a pattern file.

    Attributes:
        format: Version of the layout.
        name: Of the pattern, any text of one line.
        network: SHA-256 of the network whose embedding it looks at, hex.
        direction: Whether up matters.
        made: When, UTC, ISO 8601.
        recall: Share of the examples that the others recognise.
        examples: The wafers that it was made from.
        rule: What recognises it.
        right: Claims that a person found right.
        wrong: Those that a person found wrong.
        trust: Whether wafers that it claims may be accepted.
    """

    format: Annotated[int, Meta(ge=1, le=FORMAT)]
    name: str
    network: str
    direction: bool
    made: str
    recall: Share
    examples: Annotated[tuple[Example, ...], Meta(min_length=1, max_length=MOST)]
    rule: Rule
    right: _Count = 0
    wrong: _Count = 0
    trust: bool = False

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        try:
            check_name(self.name)
        except UsageError as error:
            raise MismatchError(("name",), f"is refused: {error}") from None
        if sum(one.rows * one.columns for one in self.examples) > MAX_POSITIONS:
            what = f"are maps of more than {MAX_POSITIONS:,} positions together; take fewer"
            raise MismatchError(("examples",), what)
        if self.format < FORMAT:
            return  # the rule is made anew
        rule, size = self.rule, len(self.rule.mean)
        if len(rule.variance) != size:
            raise MismatchError(("rule", "variance"), f"must hold {size} numbers")
        for key in ("centre", "scale", "weights"):
            if len(getattr(rule, key)) != size + SHAPE:
                raise MismatchError(("rule", key), f"must hold {size + SHAPE} numbers")
        if len(rule.early) != size + EARLY:
            raise MismatchError(("rule", "early"), f"must hold {size + EARLY} numbers")

    def fits(self, network: str) -> bool:
        """Whether the rule is one for this network (SHA-256, hex), of this version."""
        return self.format == FORMAT and self.network == network

    @property
    def is_trusted(self) -> bool:
        """Whether it was told to be trusted, and has earned it."""
        return self.trust and self.has_earned

    @property
    def has_earned(self) -> bool:
        """Whether enough of its claims were looked at, and enough of them right."""
        looked_at = self.right + self.wrong
        return looked_at >= CONFIRMED and self.right >= PRECISION * looked_at

    def save(self, path: Path) -> None:
        """Write the file; it appears whole or not at all.

        Raises:
            UsageError: it cannot be written.
        """
        text = json.dumps(to_builtins(self), indent=1, ensure_ascii=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                file.write(f"{text}\n".encode())
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror})") from error

    def confirmed(self, right: int, wrong: int, *, trust: bool | None) -> OwnPattern:
        """With so many more claims that a person looked at; ``trust`` None leaves that."""
        return structs.replace(
            self,
            right=self.right + right,
            wrong=self.wrong + wrong,
            trust=self.trust if trust is None else trust,
        )


def check_name(name: str) -> None:
    """Refuse what is no name of a pattern.

    Raises:
        UsageError: as ``edge.wafer.patterns.flaw`` says of all patterns.
    """
    if wrong := flaw(name):
        raise UsageError(f"the name {name[:LONGEST]!r} {wrong}")


def path_of(folder: Path, name: str) -> Path:
    """The file of a pattern in a folder: its name, with what no file's name may hold escaped.

    A name that is too long for that ends in digits that tell it from others.
    """
    plain = quote(name, safe=" ()+,;=@&'!")
    if len(plain) > _LONGEST_FILE:
        digits = f"-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        plain = plain[: _LONGEST_FILE - len(digits)] + digits
    return folder / f"{'%2E' + plain[1:] if plain.startswith('.') else plain}{SUFFIX}"


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not there.

    Raises:
        UsageError: it is none.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder of pattern files; make it")


def files(folder: Path) -> list[Path]:
    """The pattern files of a folder, by name.

    Raises:
        OSError: it cannot be read.
    """
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))


def load(path: Path) -> OwnPattern:
    """Read a pattern file.

    Raises:
        UsageError: it is none, or says what makes no sense.
    """
    try:
        plain: Any = json.loads(read_bytes(path, MAX_BYTES))
        return decode(OwnPattern, plain)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    except MismatchError as error:
        what = f"no usable pattern file, {error}"
        raise UsageError(f"{path}: {what}; add the pattern again") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: no pattern file ({error}); add the pattern again") from None
