"""stdout and stderr as people have them: terminals of fewer letters, readers who go early."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.cli.dataset import Dataset
from edge.cli.main import ROUTES
from tests.support.cli import TIMEOUT, command, environment, parse_lines, wm_edge
from tests.support.station import wafer_bytes

SAMPLES = Path(__file__).parents[2] / "samples"

#: An old terminal, a bare service, and a C locale as Python 3.6 saw it.
LOCALES = [
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
]

VERBS = [[], *([name] for name in ROUTES), *(["dataset", name] for name in Dataset.routes)]


@pytest.mark.parametrize("locale", LOCALES, ids=["latin-1", "ascii", "C"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["info"],
        ["doctor"],
        ["classify", ".", "--format", "table"],
        ["watch", ".", "--once", "--bad-after", "0", "--store", "../größe.sqlite"],
        ["evaluate", "größe.npz"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_letter_ends_a_command(
    arguments: list[str], locale: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("晶圆.png", "µ.png"):
        shutil.copy(SAMPLES / "donut.png", folder / name)
    Path(folder, "größe.csv").write_text("1,x\n")
    done = wm_edge(*arguments, env=locale, cwd=folder)
    said = done.stdout.decode("latin-1") + done.stderr
    assert "Traceback" not in said, said
    assert "codec can't" not in said, said
    assert done.code == {"info": 0, "doctor": 0, "evaluate": 2}.get(arguments[0], 1), said


def test_results_for_programs_are_utf8_whatever_the_terminal(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "donut.png", tmp_path / "晶圆.png")
    for locale in LOCALES:
        [record] = wm_edge("classify", "晶圆.png", env=locale, cwd=tmp_path).records
        assert record["source"] == "晶圆.png"


def test_a_letter_that_the_terminal_lacks_becomes_one_like_it() -> None:
    done = wm_edge("info", env={"PYTHONIOENCODING": "latin-1"})
    assert "..." in done.stdout.decode("latin-1")
    assert "…" in wm_edge("info", env={"PYTHONIOENCODING": "utf-8"}).text


def without_reader(*arguments: str) -> tuple[int, str]:
    """Exit code and stderr of a command whose stdout nobody reads from the beginning."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*command(), *arguments],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_without_a_reader_is_no_error(verb: list[str]) -> None:
    assert without_reader(*verb, "--help") == (0, "")


def test_the_exit_code_is_true_without_a_reader(tmp_path: Path) -> None:
    assert without_reader("info") == (0, "")
    code, said = without_reader("doctor", "--model", str(tmp_path / "missing.tflite"))
    assert (code, said) == (3, "not ready\n")
    assert without_reader("classify", str(SAMPLES), "--quiet") == (0, "")


def test_the_exit_code_is_true_without_a_reader_of_messages(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*command(), "classify", str(SAMPLES)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=writer,
        timeout=TIMEOUT,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 1
    files = [path for path in SAMPLES.rglob("*") if path.is_file()]
    assert len(parse_lines(done.stdout)) >= len(files)


@pytest.mark.parametrize("verb", ["info", "doctor"])
def test_lines_are_broken_at_words_on_a_terminal(verb: str) -> None:
    shown = on_terminal(verb, columns=60)
    assert max(map(len, shown)) <= 60
    if verb == "info":
        assert " ".join(shown).split() == wm_edge(verb).text.split()
        assert sum(line.startswith(" " * 12) for line in shown) > 10


def test_a_station_shows_names_below_the_watched_folder(tmp_path: Path) -> None:
    lot = tmp_path / "a-folder-of-wafers" / "lot-A123"
    lot.mkdir(parents=True)
    (lot / "w07.csv").write_bytes(wafer_bytes(1))
    (lot.parent / "odd.csv").write_text("1,2\n3\n")
    store = str(tmp_path / "s.sqlite")
    arguments = ("watch", str(lot.parent), "--once", "--store", store)
    shown = on_terminal(*arguments, columns=100, code=1)
    assert any(line.startswith("lot-A123/w07.csv ") for line in shown)
    assert any("odd.csv " in line and str(tmp_path) not in line for line in shown)
    for number, line in enumerate(("line-1", "line-2"), start=2):
        (tmp_path / line).mkdir()
        (tmp_path / line / "w.csv").write_bytes(wafer_bytes(number))
        arguments = (*arguments[:1], str(tmp_path / line), *arguments[1:])
    shown = on_terminal(*arguments, columns=100)
    assert sum(line.startswith(("line-1/w.csv ", "line-2/w.csv ")) for line in shown) == 2


def on_terminal(*arguments: str, columns: int, code: int = 0) -> list[str]:
    """Lines that a command shows on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*command(), *arguments],
        env=environment(COLUMNS=str(columns)),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other side has closed
        while block := os.read(ours, 4096):
            shown += block
    os.close(ours)
    assert child.wait(TIMEOUT) == code
    return shown.decode("utf-8").splitlines()
