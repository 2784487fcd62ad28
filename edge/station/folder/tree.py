"""A watched folder and what is below it, gone through without following a link."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from edge.formats.registry import HIDDEN, is_visible
from edge.system.beneath import NOT_THERE, is_too_long, open_folder, opened
from edge.system.descriptors import are_used_up
from edge.system.files import Identity
from edge.system.files import identity as identity_of
from edge.system.name_list import NameList, natural

#: Seconds until a folder is listed again after no descriptor was left for it, and how often that is
#: done.
PAUSE: Final = 0.1
PATIENCE: Final = 300

#: Why something is passed over.
LINK: Final = "a link, which is not followed (watch the folder that it leads to, copy the file)"
DEEP: Final = "its path is longer than the system takes"


def walk(
    top: str,
    inner: str = "",
    leave_out: Iterable[str | Path] = (),
    *,
    recursive: bool = True,
    also: str = "",
    pass_over: Callable[[str, str], None] = lambda *_: None,
    failed: Callable[[str, OSError], None] = lambda *_: None,
) -> Iterator[str]:
    """Names of the files in a folder and below, in the order of ``expand``; no link is followed.

    What cannot be listed is passed over.

    Args:
        top: The folder; may be a link.
        inner: Look into this folder in it alone.
        leave_out: Folders that are not entered.
        recursive: False looks into that one folder alone.
        also: Beginning of hidden names that count nevertheless, of whatever they are.
        pass_over: Called with what is passed over and why: links, and folders too deep.
        failed: Called with folders that cannot be looked into, and what the system says.
    """
    left_out = {one for folder in leave_out if (one := identity_of(folder))}
    start = inner
    waiting = [start]
    patience = PATIENCE
    while waiting:
        inner = waiting.pop()
        folder = os.path.join(top, inner) if inner else top  # noqa: PTH118
        if is_too_long(folder):
            pass_over(folder, DEEP)
            continue
        try:
            # Of a folder in it the last part alone is not followed: who acts on a file looks again.
            descriptor = _opened(top, start) if inner == start else opened(folder)
            files, folders, links = _unlinked(descriptor, left_out, also)
        except OSError as error:
            # Whoever waits for all that is there must not be told that there is nothing.
            if are_used_up(error) and patience:
                patience -= 1
                waiting.append(inner)
                time.sleep(PAUSE)
            elif error.errno not in NOT_THERE:
                failed(folder, error)
            continue
        for link in links:
            pass_over(os.path.join(folder, link), LINK)  # noqa: PTH118
        for file in files:
            yield os.path.join(folder, file)  # noqa: PTH118
        if recursive:
            waiting.extend(os.path.join(inner, name) for name in reversed(folders))  # noqa: PTH118


def _opened(top: str, inner: str) -> int:
    start = open_folder(top, inner)
    try:
        return opened(os.curdir, start)
    finally:
        os.close(start)


def _unlinked(
    descriptor: int, left_out: AbstractSet[Identity], also: str
) -> tuple[NameList, list[str], list[str]]:
    """Names of an open folder's files, subfolders and links; closes it."""
    files = NameList()
    folders: list[str] = []
    links: list[str] = []
    try:
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) in left_out:
            return files, [], []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if entry.name.startswith(HIDDEN):
                    if also and entry.name.startswith(also):
                        files.add(entry.name)
                elif entry.is_symlink():
                    links.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif is_visible(entry.name):
                    files.add(entry.name)
    finally:
        os.close(descriptor)
    folders.sort(key=natural)
    return files, folders, links
