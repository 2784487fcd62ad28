"""What is imported when: a station has no TensorFlow, and ``--help`` answers at once.

What may import what stands in pyproject.toml and is held by ``lint-imports``.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import edge
from edge.cli.archive import Archive
from edge.cli.dataset import Dataset
from edge.cli.main import ROUTES
from tests.support.cli import Finished, python, wm_edge
from tests.support.wafers import write_good

ROOT = Path(edge.__file__).parents[1]

#: A station without TensorFlow must do its work with these alone.
HEAVY = {"tensorflow", "keras", "matplotlib", "pandas", "train", "convert"}

RUNTIMES = {"ai_edge_litert", "tflite_runtime", "tensorflow"}

GROUPS = {"dataset": Dataset, "archive": Archive}
VERBS = [[name] for name in ROUTES]
VERBS += [[name, verb] for name, group in GROUPS.items() for verb in group.routes]
ALL_ROUTES = [*ROUTES.values(), *Dataset.routes.values(), *Archive.routes.values()]

#: Runs wm-edge with the arguments that follow and reports what had been imported by then.
REPORT_MODULES = """
import json, sys
from edge.cli.main import main
try:
    main()
except SystemExit as end:
    code = end.code
names = sorted({name.partition(".")[0] for name in sys.modules})
sys.stdout.flush()
print(json.dumps([code, names]), file=sys.stderr)
"""

#: Imports the modules that follow while some packages cannot be imported at all.
IMPORT_WITHOUT = """
import importlib, sys
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in set(sys.argv[1].split(",")):
            raise ImportError(f"{name} is not on a station")
sys.meta_path.insert(0, Forbid())
for name in sys.argv[2:]:
    importlib.import_module(name)
print(len(sys.argv) - 2)
"""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_after(*arguments: str | Path) -> tuple[Finished, int, set[str]]:
    done = python(REPORT_MODULES, *arguments)
    code, names = json.loads(done.stderr.splitlines()[-1])
    return done, code, set(names)


def test_help_imports_neither_numpy_nor_opencv_nor_a_runtime() -> None:
    done, code, names = modules_after("--help")
    assert code == 0
    assert "Usage:" in done.text
    assert not names & {"numpy", "cv2", "rich", *RUNTIMES, *HEAVY}


def test_every_route_leads_to_a_module() -> None:
    for route in ALL_ROUTES:
        assert importlib.util.find_spec(route.module) is not None, route.module


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_of_every_verb_has_an_example_and_no_heavy_import(verb: list[str]) -> None:
    done, code, names = modules_after(*verb, "--help")
    assert code == 0
    assert "Usage:" in done.text
    assert "Example" in done.text
    assert " ".join(["wm-edge", *verb]) in done.text
    assert [line for line in done.text.splitlines() if len(line) > 80] == []
    assert not names & {"numpy", "cv2", "rich", "keras", "matplotlib", *RUNTIMES}


def test_every_option_says_what_it_does() -> None:
    for route in ALL_ROUTES:
        verb = importlib.import_module(route.module).command
        for option in verb.params:
            assert option.param_type_name == "argument" or option.help, (route.module, option.name)


def test_top_help_lists_every_verb_and_the_exit_codes() -> None:
    text = wm_edge("--help").text
    for name, route in ROUTES.items():
        assert name in text
        assert route.help in text
    for code in range(5):
        assert f"\n    {code}  " in text


def test_classify_never_imports_tensorflow_even_if_it_is_there(tmp_path: Path) -> None:
    picture = write_good(tmp_path)[0]
    done, code, names = modules_after("classify", picture)
    assert code == 0
    assert len(done.records) == 1
    assert {"numpy", "cv2"} <= names
    assert not names & HEAVY
    assert "rich" not in names, "nobody looks at a progress bar here"


@pytest.mark.parametrize("verb", [["info"], ["doctor"]], ids=" ".join)
def test_other_verbs_of_a_station_do_without_tensorflow(verb: list[str]) -> None:
    _, code, names = modules_after(*verb)
    assert code == 0
    assert not names & HEAVY


def test_a_model_card_is_read_without_opencv_and_a_runtime() -> None:
    _, code, names = modules_after("info")
    assert code == 0
    assert not names & {"cv2", *RUNTIMES}


@pytest.mark.parametrize(
    ("folders", "absent"),
    [(["edge"], HEAVY), (["convert/report", "convert/firmware"], {"tensorflow", "keras"})],
)
def test_every_module_imports_where_tensorflow_does_not_exist(
    folders: list[str], absent: set[str]
) -> None:
    names = [dotted(path) for folder in folders for path in modules(folder)]
    if importlib.util.find_spec("pyarrow") is None:  # of an extra, as no other at the top is
        names = [name for name in names if not name.startswith("edge.archive.")]
    done = python(IMPORT_WITHOUT, ",".join(sorted(absent)), *names)
    assert done.stderr == ""
    assert int(done.text) == len(names)


def test_verbs_that_need_tensorflow_import_where_it_does_not_exist() -> None:
    """Their ``--help`` must work on a station; it is their work that needs the extra."""
    names = [route.module for route in ALL_ROUTES]
    done = python(IMPORT_WITHOUT, "tensorflow,keras,matplotlib", *names)
    assert done.stderr == ""
