"""Wafer maps of any format into files of any other: one file for all, or one a wafer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge.dataset.found import FIELD, Found, found_in, place_of
from edge.dataset.plain_files import write_one, write_set
from edge.errors import InputError, InputKind, OutputError, UsageError
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.paths import expand
from edge.formats.registry import FAB_TEXTS, FORMATS, Format
from edge.system.files import check_place, exists, replacing, same_file
from edge.wafer.wafermap import WaferMap
from edge.wafer.warned import Warned

if TYPE_CHECKING:
    from edge.formats.name_pattern import Names

_FAB: Final = [entry for entry in (*FORMATS, *FAB_TEXTS) if entry.is_fab]


class Kind(NamedTuple):
    """A format that is written.

    Attributes:
        suffix: Of such a file.
        entry: What the registry calls it.
        module: Its writer; None where die states are all that is written.
    """

    suffix: str
    entry: str
    module: Any = None


_PLAIN: Final = {
    "grid": Kind(".csv", "grid of numbers"),
    "npy": Kind(".npy", "NumPy array"),
    "png": Kind(".png", "picture"),
    "set": Kind(".npz", "labelled set"),
}

#: Suffixes of formats whose readers look at the content alone.
_SUFFIXES: Final = {"table": ".csv"}

_FIELDS: Final = ("lot", "wafer", "slot", "device", "name", "index")


def kinds() -> dict[str, Kind]:
    """What can be written, by the names of ``--to``."""
    found = {}
    for entry in _FAB:
        name = _name(entry)
        if hasattr(module := import_module(entry.module), "write"):
            suffix = (*entry.suffixes, _SUFFIXES.get(name, f".{name}"))[0]
            found[name] = Kind(suffix, entry.name, module)
    return found | _PLAIN


def _name(entry: Format) -> str:
    return entry.name.split()[0].lower()


def convert(
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    to: str = "",
    rules: Rules = NO_RULES,
    names: Names | None = None,
    overwrite: bool = False,
    on_error: Callable[[InputError], object],
    warned: Warned | None = None,
) -> int:
    """Write wafer maps in another format.

    Formats of fabs keep the drawing, the codes and the names; the others get die states, with notch
    or flat down where it is known where that is.

    Args:
        paths: Files, folders, patterns.
        out: A file; a folder (one that exists, or with ``/`` at its end) or a name with fields, as
            ``out/{lot}_{wafer}.sinf``, for a file a wafer. Folders that are missing are made.
        to: One of ``kinds``; empty: by the suffix of ``out``.
        rules: What passes in files of a fab that do not say so themselves.
        names: Gives wafers the lot and number that stand in a file's name.
        overwrite: Whether files are replaced.
        on_error: Called with each wafer, file or folder that cannot be used, and with a wafer that
            cannot be written into a file of its own; the others go on.
        warned: Gets what the files of the wafers warn of.

    Returns:
        Wafers that were written.

    Raises:
        UsageError: no such format, a place where nothing can be written, no wafer to write, or one
            that the format cannot hold.
        OutputError: it cannot be written.
    """
    paths = [paths] if isinstance(paths, (str, Path)) else list(paths)
    kind = _kind(str(out), to)
    pattern = _pattern(str(out), kind)
    if any(same_file(path, out) for path in paths if not Path(path).is_dir()):
        raise UsageError(f"{out}: is one of the inputs; choose another name")
    # What is written into a folder in one of the inputs is none of these.
    files = list(expand(paths)) if pattern else expand(paths, exclude=out)
    usable = _Usable(found_in(files, rules, names), on_error, warned or Warned())
    with _folders() as make:
        if pattern is None:
            first = next(usable)  # without any, nothing is made
            make(Path(out))
            _write(chain([first], usable), kind, Path(out), overwrite=overwrite)
            return usable.count
        return _write_each(usable, kind, pattern, make, overwrite=overwrite)


class _Usable(Iterator[Found]):
    """The wafers that can be used, counted.

    Raises:
        UsageError: at the end, if there was none.
    """

    def __init__(
        self,
        items: Iterator[Found | InputError],
        on_error: Callable[[InputError], object],
        warned: Warned,
    ) -> None:
        self._items, self.on_error, self._warned = items, on_error, warned
        self.count = 0

    def __next__(self) -> Found:
        for item in self._items:
            if not isinstance(item, InputError):
                self.count += 1
                self._warned.note(item.wafer)
                return item
            self.on_error(item)
        if not self.count:
            raise UsageError("no wafer to write")
        raise StopIteration


def _write_each(
    wafers: _Usable, kind: str, pattern: str, make: Callable[[Path], None], *, overwrite: bool
) -> int:
    """A file a wafer; how many there are."""
    taken: list[str] = []
    refused = 0
    for found in wafers:
        path = place_of(found.fab, pattern, taken)
        make(path)
        check_place(path, overwrite=overwrite)
        try:
            _write(iter([found]), kind, path, overwrite=overwrite)
        except UsageError as error:  # what the format cannot hold; the others go on
            refused += 1
            wafer = found.wafer
            what = str(error).removeprefix(f"{wafer.source}: ")
            told = InputError(wafer.source, InputKind.UNSUPPORTED, what)
            wafers.on_error(told.of(wafer.lot, wafer.wafer))
    return wafers.count - refused


def _kind(out: str, to: str) -> str:
    """The format to write."""
    known = kinds()
    if to:
        if to.lower() in known:
            return to.lower()
        raise UsageError(f"{to}: no format that is written; there are: {', '.join(known)}")
    suffix = Path(out).suffix.lower()
    entries = (entry for entry in _FAB if suffix in entry.suffixes)
    if (entry := next(entries, None)) and (name := _name(entry)) in known:
        return name
    found = next((name for name, each in known.items() if each.suffix == suffix), None)
    if found is None:
        what = f"{out}: its suffix does not say in which format to write"
        raise UsageError(f"{what}; say it with --to: {', '.join(known)}")
    return found


def _pattern(out: str, kind: str) -> str | None:
    """The name of each wafer's file, with fields; None for one file of all wafers."""
    if out.endswith("/") or Path(out).is_dir():
        return f"{out.rstrip('/') or '/'}/{{}}{kinds()[kind].suffix}"
    if fields := FIELD.findall(out):
        if unknown := [field for field in fields if field not in _FIELDS]:
            there = ", ".join(f"{{{field}}}" for field in _FIELDS)
            raise UsageError(f"{out}: {{{unknown[0]}}} is no field; there are {there}")
        suffix = Path(out).suffix
        return out if suffix and "}" not in suffix else out + kinds()[kind].suffix
    return None


@contextmanager
def _folders() -> Iterator[Callable[[Path], None]]:
    """What makes the folder of a file; what then stays empty is taken away again.

    Raises:
        UsageError: it cannot be made.
    """
    made = set[Path]()

    def make(path: Path) -> None:
        missing = {folder for folder in path.parents if not exists(folder)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"{path}: its folder cannot be made ({error.strerror}); name another"
            raise UsageError(what) from error
        made.update(missing)

    try:
        yield make
    finally:
        for folder in sorted(made, reverse=True):  # what is in it comes before it
            with suppress(OSError):
                folder.rmdir()


def _write(wafers: Iterator[Found], kind: str, path: Path, *, overwrite: bool) -> None:
    check_place(path, overwrite=overwrite)
    device = exists(path) and not path.is_file()
    if kind == "set":
        if device:
            raise UsageError(f"{path}: is no file, and a labelled set is written into one; name it")
        write_set((each.wafer for each in wafers), path, overwrite=overwrite)
        return
    try:
        with path.open("wb") if device else replacing(path) as file:
            if kind in _PLAIN:
                write_one(_only(wafers, path), kind, file)
            else:
                kinds()[kind].module.write((each.fab for each in wafers), file)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def _only(wafers: Iterator[Found], path: Path) -> WaferMap:
    found = list(islice(wafers, 2))
    if len(found) > 1:
        mend = "name a folder (with / at its end), or use fields as in {lot}_{wafer}"
        raise UsageError(f"{path}: such a file holds one wafer, and there are more; {mend}")
    return found[0].wafer
