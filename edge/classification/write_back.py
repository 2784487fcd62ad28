"""What was found of the wafers of one file, into a copy of that file."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from edge.errors import InputError, OutputError, UsageError
from edge.formats.fab.fab_map import Finding
from edge.formats.reading import examine
from edge.formats.registry import MAX_BYTES
from edge.formats.unpacking import HEAD_BYTES
from edge.results.record import Record
from edge.system.files import check_place, same_file, state_of, write_bytes
from edge.system.regular_file import open_regular
from edge.system.text import counted

_CAN: Final = "KLARF, G85 and E142"


class WriteBack:
    """A file whose records go by, and the copy of it that gets what they say.

    Args:
        paths: The inputs, of which there may be one: a file of a format that has room for it.
        out: The copy.
        overwrite: Whether it may replace a file.

    Raises:
        UsageError: several inputs, one of another format, or a place where nothing can be written.
        InputError: the input cannot be read.
    """

    def __init__(self, paths: Sequence[str], out: Path, *, overwrite: bool) -> None:
        check_place(out, overwrite=overwrite)
        if len(paths) != 1 or not Path(paths[0]).is_file():
            raise UsageError(f"--write-back is for one file, of {_CAN}; name that alone")
        self._path, self._out = paths[0], out
        if same_file(self._path, out):
            raise UsageError(f"{out}: is the input; choose another name for the copy")
        self._state = state_of(self._path)
        try:
            with open_regular(self._path) as file:
                self._content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UsageError(f"{self._path}: cannot be read ({error.strerror})") from error
        entry = examine(self._content[:HEAD_BYTES], len(self._content), self._path)
        module = import_module(entry.module)
        if not (entry.is_fab and hasattr(module, "write_back")):
            what = f"{self._path}: --write-back is for {_CAN}, this is a {entry.name}"
            mend = "unpack it first" if entry.holds_files else "--output writes results beside it"
            raise UsageError(f"{what}; {mend}")
        self._write: Callable[[bytes, dict[int, Finding]], bytes] = module.write_back
        self._findings: dict[int, Finding] = {}
        self._warned = 0

    def noting(self, records: Generator[Record, None, None]) -> Generator[Record, None, None]:
        """The same records, of which patterns and verdicts are remembered."""
        try:
            for record in records:
                if "error" not in record:
                    reason = f" ({record['reason']})" if record["reason"] else ""
                    finding = Finding(record["pattern"], record["verdict"] + reason)
                    self._findings[record["index"]] = finding
                    self._warned += bool(record.get("warning"))
                yield record
        finally:
            records.close()

    def write(self) -> str:
        """Write the copy, whole or not at all; a sentence on what it holds.

        Raises:
            OutputError: no wafer was read, the file has changed meanwhile, or nothing can be
                written.
        """
        if not self._findings:
            raise OutputError(f"{self._out}: not written, no wafer of {self._path} was read")
        if state_of(self._path) != self._state:
            what = f"{self._path}: has changed while it was read"
            raise OutputError(f"{what}, so {self._out} is not written; run it again")
        try:
            content = self._write(self._content, self._findings)
        except InputError as error:
            raise OutputError(f"{self._out}: not written: {error.reason}") from error
        write_bytes(self._out, content)
        wafers = counted(len(self._findings), "wafer")
        review = sum(each.verdict.startswith("review") for each in self._findings.values())
        said = f", {review} of them for review" if review else ""
        said += f", {self._warned} with a warning (not in the copy)" if self._warned else ""
        return f"{self._out}: {self._path} with the patterns of {wafers}{said}"
