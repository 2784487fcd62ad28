"""Wafer maps of any format into files of any other: one file for all, or one a wafer."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from edge.dataset.plain_files import write_one, write_set
from edge.errors import InputError, InputKind, OutputError, UsageError
from edge.formats.fab.fab_map import FabMap, of_wafer
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.paths import expand, read_items
from edge.formats.registry import FAB_TEXTS, FORMATS, Format
from edge.system.files import check_place, exists, replacing, same_file
from edge.system.text import told_apart
from edge.wafer.wafermap import WaferMap

if TYPE_CHECKING:
    from edge.formats.name_pattern import Names

_FAB: Final = [entry for entry in (*FORMATS, *FAB_TEXTS) if entry.is_fab]

#: What is no format of a fab, and the suffix of such a file.
_PLAIN: Final = {"grid": ".csv", "npy": ".npy", "png": ".png", "set": ".npz"}

#: Suffixes of formats whose readers look at the content alone.
_SUFFIXES: Final = {"table": ".csv"}

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_FIELDS: Final = ("lot", "wafer", "slot", "device", "name", "index")
_UNSAFE: Final = re.compile(r"[^\w.+-]+")
_LONGEST: Final = 80


class Found(NamedTuple):
    """One wafer: ``fab`` as its file draws it, ``wafer`` with notch or flat down where known."""

    fab: FabMap
    wafer: WaferMap


def found_in(
    files: Iterable[str | InputError], rules: Rules = NO_RULES, names: Names | None = None
) -> Iterator[Found | InputError]:
    """The wafers of files of any format; ``InputError`` in place of what cannot be used.

    Args:
        files: As ``expand`` names them.
        rules: What passes in files of a fab that do not say so themselves.
        names: Gives wafers the lot and number that stand in a file's name.
    """
    drawn: deque[FabMap] = deque()
    rules = replace(rules, drawn=drawn.append)
    for item in read_items(files, names, rules):
        if isinstance(item, InputError):
            yield item
        elif item.legend is None:
            yield Found(of_wafer(item), item)
        else:
            yield Found(_named(drawn.popleft(), item), item)


def _named(fab: FabMap, wafer: WaferMap) -> FabMap:
    """With the names that stand in the file's own; a slot that stands for a wafer is left one."""
    return replace(
        fab,
        lot=fab.lot or wafer.lot or "",
        wafer=fab.wafer or ("" if fab.slot else wafer.wafer or ""),
        slot=fab.slot or ("" if wafer.slot is None else str(wafer.slot)),
    )


def kinds() -> dict[str, str]:
    """What can be written, with the suffix of such a file."""
    return {name: suffix for name, (suffix, _) in _fab_kinds().items()} | _PLAIN


def _name(entry: Format) -> str:
    return entry.name.split()[0].lower()


def _fab_kinds() -> dict[str, tuple[str, Any]]:
    """Formats of fabs that can be written: suffix and module."""
    found = {}
    for entry in _FAB:
        name = _name(entry)
        if hasattr(module := import_module(entry.module), "write"):
            found[name] = ((*entry.suffixes, _SUFFIXES.get(name, f".{name}"))[0], module)
    return found


def convert(
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    to: str = "",
    rules: Rules = NO_RULES,
    names: Names | None = None,
    overwrite: bool = False,
    on_error: Callable[[InputError], object],
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
    wafers = 0

    def usable() -> Iterator[Found]:
        nonlocal wafers
        for item in found_in(files, rules, names):
            if isinstance(item, InputError):
                on_error(item)
            else:
                wafers += 1
                yield item
        if not wafers:
            raise UsageError("no wafer to write")

    if pattern is None:
        _make_folder(Path(out))
        _write(usable(), kind, Path(out), overwrite=overwrite)
        return wafers
    taken: list[str] = []
    for found in usable():
        path = place_of(found, pattern, taken)
        _make_folder(path)
        check_place(path, overwrite=overwrite)
        try:
            _write(iter([found]), kind, path, overwrite=overwrite)
        except UsageError as error:  # what the format cannot hold; the others go on
            wafers -= 1
            source = found.wafer.source
            what = str(error).removeprefix(f"{source}: ")
            on_error(InputError(source, InputKind.UNSUPPORTED, what))
    return wafers


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
    found = next((name for name, each in known.items() if each == suffix), None)
    if found is None:
        what = f"{out}: its suffix does not say in which format to write"
        raise UsageError(f"{what}; say it with --to: {', '.join(known)}")
    return found


def _pattern(out: str, kind: str) -> str | None:
    """The name of each wafer's file, with fields; None for one file of all wafers."""
    if out.endswith("/") or Path(out).is_dir():
        return f"{out.rstrip('/') or '/'}/{{}}{kinds()[kind]}"
    if fields := _FIELD.findall(out):
        if unknown := [field for field in fields if field not in _FIELDS]:
            there = ", ".join(f"{{{field}}}" for field in _FIELDS)
            raise UsageError(f"{out}: {{{unknown[0]}}} is no field; there are {there}")
        suffix = Path(out).suffix
        return out if suffix and "}" not in suffix else out + kinds()[kind]
    return None


def _make_folder(path: Path) -> None:
    """Make the folder that a file goes into.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{path}: its folder cannot be made ({error.strerror}); name another"
        raise UsageError(what) from error


def place_of(found: Found, pattern: str, taken: list[str]) -> Path:
    """Where a wafer's file goes: nothing that stands in a file leads out of a folder.

    Args:
        found: The wafer.
        pattern: Name with fields, ``{}`` for lot and wafer or else the file's name; with a suffix.
        taken: Places that are taken, without suffix; gets this one.
    """
    fab, index = found.fab, found.wafer.index
    values = {"lot": fab.lot, "wafer": fab.wafer or fab.slot, "slot": fab.slot}
    values |= {"device": fab.device, "name": Path(fab.source).stem, "index": str(index)}
    own = "{lot}_{wafer}" if values["lot"] and values["wafer"] else "{name}"
    own += "_{index}" if own == "{name}" and index else ""
    text = _FIELD.sub(lambda each: _safe(values[each[1]]), pattern.replace("{}", own))
    suffix = Path(pattern).suffix
    name = told_apart([text.removesuffix(suffix)], taken)[0]
    taken.append(name)
    return Path(name + suffix)


def _safe(text: str) -> str:
    return _UNSAFE.sub("_", text)[:_LONGEST].lstrip(".-") or "unknown"


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
                _fab_kinds()[kind][1].write((each.fab for each in wafers), file)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error


def _only(wafers: Iterator[Found], path: Path) -> WaferMap:
    found = list(islice(wafers, 2))
    if len(found) > 1:
        mend = "name a folder (with / at its end), or use fields as in {lot}_{wafer}"
        raise UsageError(f"{path}: such a file holds one wafer, and there are more; {mend}")
    return found[0].wafer
