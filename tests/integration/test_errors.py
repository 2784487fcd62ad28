"""Whatever goes wrong around the work ends in one clear line and its exit code."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.cli.dataset import Dataset
from edge.cli.main import ROUTES
from edge.dataset.labelled_set import LabelledSet
from tests.support.cli import Finished, obey_permissions, python, wm_edge
from train.recipe import Recipe
from train.run import Run

ROOT = Path(__file__).parents[2]
VERBS = [[name] for name in ROUTES] + [["dataset", name] for name in Dataset.routes]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, generated: LabelledSet) -> Path:
    path = tmp_path_factory.mktemp("errors") / "set.npz"
    generated.save(path)
    return path


def one_line(done: Finished, code: int, *words: str) -> None:
    assert "Traceback" not in done.stderr
    assert done.code == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("wm-edge: ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


def full_stdout() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("verb", ["--help", "info", "doctor", "evaluate", "split"])
def test_full_stdout(data: Path, tmp_path: Path, verb: str) -> None:
    arguments: dict[str, list[str | Path]] = {
        "evaluate": ["evaluate", data],
        "split": ["dataset", "split", data, "--out", tmp_path / "split.npz"],
    }
    done = wm_edge(*arguments.get(verb, [verb]), before=full_stdout)
    one_line(done, 1, "No space left on device")
    assert "Exception ignored" not in done.stderr


def test_a_mistyped_verb_is_answered_with_the_one_meant() -> None:
    for arguments, words in (
        (("clasify", "x"), "no command 'clasify'; did you mean classify?"),
        (("dataset", "improt"), "no command 'improt'; did you mean import?"),
        (("CLASSIFY",), "did you mean classify?"),
        (("help",), "did you mean --help?"),
        (("zzz",), "no command 'zzz'\n"),
    ):
        done = wm_edge(*arguments)
        assert done.code == 2
        assert words in done.stderr


def test_place_of_the_figures_is_checked_before_the_work(tmp_path: Path, data: Path) -> None:
    missing = tmp_path / "missing" / "x.json"
    one_line(wm_edge("evaluate", data, "--json", missing), 2, f"{missing}: ", "no folder")
    out = tmp_path / "missing" / "x.npz"
    for verb in ("split", "import"):
        one_line(wm_edge("dataset", verb, data, "--out", out), 2, "no folder")
    one_line(wm_edge("dataset", "show", data, "--out", out.with_suffix(".png")), 2, "no folder")
    assert not out.parent.exists()


def test_figures_appear_whole_or_not_at_all(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "x.json"
    assert wm_edge("evaluate", data, "--json", path).code == 0
    assert json.loads(path.read_text("utf-8"))["wafers"] == 54
    assert os.listdir(tmp_path) == ["x.json"]  # noqa: PTH208 - names only
    one_line(wm_edge("evaluate", data, "--json", path), 2, "exists already")


def test_a_folder_that_cannot_be_written_is_said_before_the_work(
    tmp_path: Path, data: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    before = obey_permissions()
    try:
        for arguments in (
            ["evaluate", data, "--json", closed / "x.json"],
            ["evaluate", data, "--junit", closed / "x.xml"],
            ["classify", data, "--output", closed / "x.csv"],
            ["watch", tmp_path, "--store", closed / "x.sqlite"],
            ["dataset", "synth", "--out", closed / "x"],
        ):
            one_line(wm_edge(*arguments, before=before), 2, "closed is read-only here")
    finally:
        closed.chmod(0o700)


def test_sets_in_a_folder_without_permission(tmp_path: Path, data: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "set.npz").write_bytes(data.read_bytes())
    closed.chmod(0)
    before = obey_permissions()
    try:
        for arguments in (
            ["evaluate", closed / "set.npz"],
            ["dataset", "split", closed / "set.npz", "--out", tmp_path / "s.npz"],
            ["dataset", "split", data, "--out", closed / "s.npz"],
            ["dataset", "show", data, "--out", closed / "s.png"],
        ):
            one_line(wm_edge(*arguments, before=before), 2, "closed")
    finally:
        closed.chmod(0o700)


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "s.npz", "--max-drop", "nan"],
        ["evaluate", "s.npz", "--max-drop", "inf"],
        ["dataset", "split", "s.npz", "--out", "t.npz", "--seed", "-1"],
        ["convert", "run", "--data", "s.npz", "--out", "m.tflite", "--allow-drop", "nan"],
        ["convert", "run", "--data", "s.npz", "--out", "m.tflite", "--precision", "nan"],
        ["convert", "run", "--data", "s.npz", "--out", "m.tflite", "--precision", "1"],
        ["convert", "run", "--data", "s.npz", "--out", "m.tflite", "--cost-table", "1:2"],
    ],
)
def test_senseless_numbers_are_usage_errors(arguments: list[str]) -> None:
    done = wm_edge(*arguments)
    assert done.code == 2
    assert "Invalid value for" in done.stderr
    assert "Traceback" not in done.stderr


def test_shares_that_are_no_numbers(tmp_path: Path, data: Path) -> None:
    arguments = ["dataset", "split", data, "--out", tmp_path / "s.npz", "--shares"]
    one_line(wm_edge(*arguments, "nan", ".5", ".5"), 2, "sum to 1")
    assert not (tmp_path / "s.npz").exists()


def test_a_part_that_comes_out_empty_is_an_error(tmp_path: Path, generated: LabelledSet) -> None:
    lots = generated.columns["lot"]
    generated.select(lots == lots[0]).save(tmp_path / "one-lot.npz")
    arguments = ["dataset", "split", tmp_path / "one-lot.npz", "--out", tmp_path / "s.npz"]
    one_line(wm_edge(*arguments), 2, "came out empty")
    assert not (tmp_path / "s.npz").exists()


@pytest.mark.parametrize("verb", ["classify", "evaluate", "doctor"])
def test_broken_opencv_is_code_3_with_the_mend(tmp_path: Path, data: Path, verb: str) -> None:
    reason = "libGL.so.1: cannot open shared object file"
    (tmp_path / "cv2.py").write_text(f"raise ImportError({reason!r}, name='cv2')\n")
    done = wm_edge(verb, *([] if verb == "doctor" else [data]), env={"PYTHONPATH": str(tmp_path)})
    assert "Traceback" not in done.stderr
    assert done.code == 3
    said = done.text + done.stderr
    assert reason in said
    assert "pip install --force-reinstall opencv-python-headless" in said
    if verb == "doctor":
        assert "litert" in done.text
        assert "FAIL model and runtime" in done.text


def test_broken_numpy_is_code_3_with_the_mend(tmp_path: Path, data: Path) -> None:
    (tmp_path / "numpy.py").write_text(
        "raise ImportError('\\n\\nIMPORTANT: PLEASE\\nOriginal error was: no numpy today\\n')\n"
    )
    for arguments in (["doctor"], ["evaluate", data]):
        done = wm_edge(*arguments, env={"PYTHONPATH": str(tmp_path)})
        assert "Traceback" not in done.stderr
        assert done.code == 3
        said = done.text + done.stderr
        assert "Original error was: no numpy today" in said
        assert "pip install --force-reinstall numpy" in said


def convert(run: Path, data: Path, out: Path, *more: str | Path) -> Finished:
    return wm_edge("convert", run, "--data", data, "--out", out, *more)


def test_convert_of_what_is_no_run(tmp_path: Path, data: Path) -> None:
    pytest.importorskip("tensorflow")
    out = tmp_path / "m.tflite"
    one_line(convert(tmp_path / "norun", data, out), 2, "norun", "not a run folder")
    run = tmp_path / "run"
    run.mkdir()
    for text, words in (
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "is damaged"),
        (json.dumps({"recipe": Recipe("x").as_dict(), "tools": {}}), "is damaged"),
    ):
        (run / "config.json").write_text(text)
        one_line(convert(run, data, out), 2, "run", words)
    one_line(convert(run, data, tmp_path / "missing" / "m.tflite"), 2, "no folder")
    notice = tmp_path / "notice.txt"
    notice.write_bytes(b"\xe9t\xe9")
    one_line(convert(run, data, out, "--notice", notice), 2, "notice.txt", "UTF-8")
    one_line(convert(run, data, out, "--notice", tmp_path), 2, "cannot be read")


def test_convert_without_network_or_val_part(tmp_path: Path, generated: LabelledSet) -> None:
    keras = pytest.importorskip("keras")

    def made(name: str, labelled: LabelledSet) -> tuple[Path, Path]:
        labelled.save(tmp_path / f"{name}.npz")
        config = {
            "recipe": Recipe("x").as_dict(),
            "data": f"{name}.npz",
            "data_sha256": labelled.sha256(),
            "parts_sha256": labelled.parts_sha256(),
            "split_by_lot": True,
            "tools": {"tensorflow": "1", "keras": "1"},
        }
        return Run.create(tmp_path / name, config).path, tmp_path / f"{name}.npz"

    lots = generated.columns["lot"] % 3
    parts = {0: "train", 1: "val", 2: "test"}
    names = [parts[number] for number in lots.tolist()]
    whole = generated.with_columns(part=np.asarray(names))
    out = tmp_path / "m.tflite"
    run, data = made("whole", whole)
    one_line(convert(run, data, out), 2, "the training has not been finished")
    (run / "model.keras").write_bytes(b"PK\x03\x04")
    (run / "metrics.json").write_text("{}", "utf-8")
    one_line(convert(run, data, out), 2, "model.keras: cannot be loaded")
    no_val = generated.with_columns(part=np.asarray(["train" if n == "val" else n for n in names]))
    run, data = made("no-val", no_val)
    network = keras.Sequential([keras.Input((52, 52, 2)), keras.layers.Flatten()])
    network.save(run / "model.keras")
    (run / "metrics.json").write_text("{}", "utf-8")
    one_line(convert(run, data, out), 2, "the val part is empty")


#: As a user starts it who has files of his own around.
DOOR = [sys.executable, "-m", "wm_edge"]


def hide(folder: Path, own: str, *, package: bool) -> Path:
    """A module of the user with a name of ours, which tells if it ever runs."""
    place = folder / own / "__init__.py" if package else folder / f"{own}.py"
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"open({str(folder / 'ran')!r}, 'w').close()\n")
    return place


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("package", [False, True], ids=["file", "folder"])
def test_a_file_of_the_user_that_hides_ours_is_named_and_not_run(
    tmp_path: Path, verb: list[str], package: bool
) -> None:
    route = Dataset.routes[verb[1]] if verb[1:] else ROUTES[verb[0]]
    needed = {"edge"} | ({route.module.partition(".")[0]} if verb != ["dataset"] else set())
    for own in needed:
        mine = tmp_path / f"with-{own}"  # a folder named as the package would hide it, too
        mine.mkdir()
        place = hide(mine, own, package=package)
        paths = os.pathsep.join((str(mine), str(ROOT)))
        for cwd, path in ((tmp_path, paths), (mine, str(ROOT))):
            done = wm_edge(*verb, "--help", start=DOOR, env={"PYTHONPATH": path}, cwd=cwd)
            one_line(done, 3, str(place), f"hides wm-edge's own {own!r}", "rename it")
        assert not (mine / "ran").exists()
    for own in {"train", "convert"} - needed:  # what the verb does not need is no concern
        hide(tmp_path, own, package=package)
    assert wm_edge(*verb, "--help", start=DOOR, cwd=tmp_path).code == 0
    assert not (tmp_path / "ran").exists()


def test_an_edge_of_the_user_does_not_reach_the_processes_of_bench(
    tmp_path: Path,
) -> None:
    (tmp_path / "edge.py").write_text("raise SystemExit('not ours')\n")
    done = wm_edge("bench", "--quick", "--threads", "1", "--backend", "litert", cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert "not ours" not in done.text


def test_a_fault_of_ours_is_told_with_what_to_report() -> None:
    code = (
        "import edge.cli.model_card, edge.cli.main\n"
        "edge.cli.model_card.card = lambda *_, **__: 1 / 0\n"
        "import sys; sys.argv = ['wm-edge', 'info']\n"
        "edge.cli.main.main()\n"
    )
    done = python(code)
    assert done.code == 1
    assert done.stderr.startswith("wm-edge: failed; please report this:\nTraceback")
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("name", ["click", "cv2", "numpy"])
def test_the_file_that_hides_a_library_comes_first_and_no_traceback(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / f"{name}.py").write_text("")
    env = {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    done = wm_edge("classify", ROOT / "samples" / "donut.png", start=DOOR, env=env)
    assert done.code
    assert done.stderr.startswith(f"wm-edge: {tmp_path / name}.py: hides a module")
    assert done.stderr.count("hides a module") == 1
    assert "Traceback" not in done.stderr
    assert "pip install" not in done.stderr


@pytest.mark.parametrize("name", ["click", "platform", "numpy", "cv2"])
def test_a_file_of_the_user_that_hides_a_library_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("")
    env = {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    there = tmp_path / "elsewhere"
    there.mkdir()
    done = wm_edge("doctor", start=DOOR, env=env, cwd=there)
    assert done.code == (1 if name == "cv2" else 3)
    assert f"wm-edge: {tmp_path / name}.py: hides a module" in done.stderr
