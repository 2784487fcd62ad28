"""What native code logs reaches nobody, and what it dies of does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from edge.system.native_log import silence_native_output
print("before"); print("before", file=sys.stderr)
with silence_native_output():
    os.write(1, b"NATIVE"); os.write(2, b"NATIVE")
os.write(1, b"after\\n"); os.write(2, b"after\\n")
count = len(os.listdir("/proc/self/fd"))
for _ in range(5):
    with silence_native_output():
        pass
assert len(os.listdir("/proc/self/fd")) == count, "descriptors leak"
"""


def test_quiet_hides_native_lines_and_loses_no_others() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert done.stdout == done.stderr == b"before\nafter\n"


def test_native_lines_can_be_let_through_to_stderr() -> None:
    environment = {**os.environ, "WM_EDGE_NATIVE_LOG": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, env=environment
    )
    assert done.stdout == b"before\nafter\n"
    assert done.stderr == b"before\nNATIVENATIVEafter\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_quiet_works_where_standard_streams_are_closed(closed: str) -> None:
    """As in a service: Python then has None for sys.stdout or sys.stderr."""
    program = (
        "from edge.system.native_log import silence_native_output\n"
        "for _ in range(3):\n"
        "    with silence_native_output(): done = True\n"
        "raise SystemExit(7 if done else 1)\n"
    )
    shell = ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, program]
    assert subprocess.run(shell, check=False).returncode == 7


LOADING = "from edge.system.native_log import load; load('noisy'); print('loaded')"


@pytest.mark.parametrize(
    ("ends", "code", "said"),
    [
        ("", 0, ""),
        ("raise ImportError('no such symbol')", 1, "ImportError: no such symbol"),
        ("os.abort()", -6, 'noisy.py", line 2'),
    ],
)
def test_a_module_loads_without_a_word_unless_it_cannot(
    tmp_path: Path, ends: str, code: int, said: str
) -> None:
    lines = f"import os; os.write(2, b'I0000 port.cc')\n{ends}\nos.write(1, b'I0000 port.cc')\n"
    (tmp_path / "noisy.py").write_text(lines)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    program = [sys.executable, "-c", LOADING]
    done = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (code, "" if code else "loaded\n")
    assert "I0000" not in done.stderr
    assert said in done.stderr
    assert bool(done.stderr) == bool(said)
