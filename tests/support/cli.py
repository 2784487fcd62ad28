"""The real command line in a process of its own."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

#: Generous: the machine may be busy.
TIMEOUT: Final = 240.0

_PR_CAPBSET_DROP: Final = 24
_CAP_DAC_OVERRIDE: Final = 1
_CAP_DAC_READ_SEARCH: Final = 2


@dataclass(frozen=True)
class Finished:
    """A run of ``wm-edge`` that has ended.

    Attributes:
        code: Exit code; negative for a signal.
        stdout: As bytes, so that half characters show.
        stderr: As text.
    """

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Stdout as text."""
        return self.stdout.decode("utf-8")

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Stdout as JSON lines; fails when a line is anything else."""
        return parse_lines(self.stdout)


def parse_lines(content: bytes) -> list[dict[str, Any]]:
    """Records of a JSONL file; the last line, too, must be whole."""
    if not content:
        return []
    assert content.endswith(b"\n"), f"the last line is not whole: {content[-80:]!r}"
    records = [json.loads(line) for line in content.decode("utf-8").splitlines()]
    assert all(isinstance(record, dict) for record in records)
    return records


def command() -> list[str]:
    """How to start ``wm-edge`` of the environment that the tests run in."""
    script = Path(sys.executable).with_name("wm-edge")
    if script.exists():
        return [str(script)]
    return [sys.executable, "-m", "wm_edge"]


def environment(**changes: str) -> dict[str, str]:
    """The environment for a child: no bytecode files, no forced runtime, plus ``changes``."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("WM_EDGE_")}
    return {**env, "PYTHONDONTWRITEBYTECODE": "1", **changes}


def wm_edge(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    before: Callable[[], None] | None = None,
    start: Sequence[str] | None = None,
) -> Finished:
    """Run ``wm-edge`` to its end.

    Args:
        arguments: What stands behind the command.
        env: Changes to the environment.
        cwd: Working folder.
        before: Called in the child before it becomes ``wm-edge`` (limits, rights).
        start: Instead of ``command()``.
    """
    done = subprocess.run(
        [*(start or command()), *map(str, arguments)],
        env=environment(**(env or {})),
        cwd=cwd,
        preexec_fn=before,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def python(code: str, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Finished:
    """Run a piece of Python in a fresh interpreter."""
    return wm_edge(*arguments, env=env, start=[sys.executable, "-c", code])


def limit_file_size(size: int) -> Callable[[], None]:
    """For ``before``: files cannot grow beyond ``size`` bytes, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def obey_permissions() -> Callable[[], None] | None:
    """For ``before``: root, too, must obey file permissions. None where nothing is to be done.

    Root gives up the right to read everything instead of becoming somebody else: the virtual
    environment may well stand where nobody else can read.
    """
    if os.geteuid() != 0:
        return None
    libc = ctypes.CDLL(None, use_errno=True)

    def drop() -> None:
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "cannot give up root's rights")

    return drop
