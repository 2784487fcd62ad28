"""A space is a recipe with ranges; what no training could take is refused with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import train
from edge.errors import UsageError
from tests.support.search import SPACE
from train import recipe as recipes
from train.search import output
from train.search.cost import Limits
from train.search.space import Space
from train.search.space_file import load, shipped


def space(folder: Path, text: str) -> Space:
    path = folder / "space.toml"
    path.write_text(text, "utf-8")
    return load(str(path))


WHOLE = """
base = "default"
encoding = "station"
[network]
head = { choice = ["last", "all"] }
[synthetic]
patterns = { choice = [["Donut"], ["Donut", "Scratch"]] }
[optimise]
epochs = 2
batch = { low = 16, high = 64, step = 16 }
learning_rate = { low = 1e-4, high = 1e-2, log = true }
[limits]
file_kb = 100
[search]
seeds = 5
"""


def test_a_space_gives_recipes_that_differ_in_its_axes_alone(tmp_path: Path) -> None:
    found = space(tmp_path, WHOLE)
    names = ["network.head", "synthetic.patterns", "optimise.batch", "optimise.learning_rate"]
    assert [axis.name for axis in found.axes] == names
    values = dict(zip(names, ("all", ("Donut",), 48, 3e-3), strict=True))
    made = found.recipe(values, "made", seed=7)
    assert (made.network.head.value, made.synthetic.patterns) == ("all", ("Donut",))
    assert (made.optimise.batch, made.optimise.learning_rate, made.seed) == (48, 3e-3, 7)
    assert made.optimise.epochs == 2
    assert made.augment == recipes.load("default").augment
    assert found.limits.file_kb == 100
    assert (found.ends.finalists, found.ends.seeds) == (3, 5)


def test_a_recipe_that_is_written_is_read_as_the_same(tmp_path: Path) -> None:
    found = space(tmp_path, WHOLE)
    values = {
        "network.head": "last",
        "synthetic.patterns": ("Donut", "Scratch"),
        "optimise.batch": 16,
        "optimise.learning_rate": 1e-4,
    }
    made = found.recipe(values, 'a "name" \\ such')
    (tmp_path / "made.toml").write_text(output.toml(made), "utf-8")
    assert recipes.load(str(tmp_path / "made.toml")) == made


def test_a_value_may_be_for_one_of_the_networks_alone(tmp_path: Path) -> None:
    names = "name = { choice = ['symmetric', 'residual'] }"
    wide = "widths = { choice = [[4, 6, 8], [24, 99, 199]] }"  # the latter is no symmetric one
    base = "base = 'quick'"  # says no widths of its own
    found = space(tmp_path, f"{base}\n[network]\n{names}\n{wide}\n")
    values = {"network.name": "residual", "network.widths": (24, 99, 199)}
    assert found.recipe(values, "wide").network.widths == (24, 99, 199)
    with pytest.raises(UsageError, match=r"wide: .*widths.* at most 64 for symmetric"):
        found.recipe(values | {"network.name": "symmetric"}, "wide")
    with pytest.raises(UsageError, match=r"line 3: .*widths.* at most 64 for symmetric"):
        space(tmp_path, f"base = 'step-7-turns'\n[network]\n{wide}\n")


def test_the_base_is_tried_first_where_it_lies_inside(tmp_path: Path) -> None:
    inside = space(tmp_path, 'base = "quick"\n[optimise]\nbatch = { choice = [32, 64] }\n')
    assert inside.start == {"optimise.batch": 32}
    outside = space(tmp_path, 'base = "quick"\n[optimise]\nbatch = { low = 40, high = 64 }\n')
    assert outside.start == {}


@pytest.mark.parametrize("name", shipped())
def test_the_spaces_that_ship_are_sound(name: str) -> None:
    found = load(name)
    assert found.start["optimise.learning_rate"] == found.base.optimise.learning_rate
    assert {axis.name for axis in found.axes} >= {"network.l2", "optimise.learning_rate"}


def test_the_space_in_the_docs_is_sound(tmp_path: Path) -> None:
    text = (Path(train.__file__).parents[1] / "docs" / "training.md").read_text("utf-8")
    (shown,) = (one for one in re.findall(r"(?s)```toml\n(.*?)```", text) if "[limits]" in one)
    found = space(tmp_path, shown)
    assert found.limits == Limits(140, 2, 96)
    assert set(found.start) == {axis.name for axis in found.axes}


def test_a_base_is_found_beside_the_space(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[optimise]\nepochs = 3\n", "utf-8")
    found = space(tmp_path, 'base = "mine.toml"\n[optimise]\nbatch = { choice = [16, 32] }\n')
    assert found.base.optimise.epochs == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "[network]\nname = { choice = ['residual', 'resnet'] }",
            "line 3: .network. name .*resnet",
        ),
        ("[optimise]\nlearning_rat = { low = 1e-4, high = 1 }", r"line 3: .*did you mean learning"),
        (
            "[optimise]\nlearning_rate = { low = 1, high = 1 }",
            r"line 3: .*high is 1, must be above",
        ),
        (
            "[optimise]\nlearning_rate = { low = 0, high = 1, log = true }",
            "low is 0, must be",
        ),
        ("[optimise]\nlearning_rate = { low = 1, high = 99 }", r"line 3: .*learning_rate is 99"),
        ("[optimise]\nlearning_rate = { low = 1e-4, high = 1, step = 2 }", "is for whole numbers"),
        ("[optimise]\nlearning_rate = { low = nan, high = 1 }", "line 3"),
        ("[optimise]\nbatch = { low = 1.5, high = 9 }", r"line 3: \[optimise\] batch"),
        ("[optimise]\nbatch = { low = 1, hi = 9 }", "line 3: .*did you mean"),
        ("[optimise]\nbatch = { choice = [16] }", r"line 3: .*choice"),
        ("[network]\nhead = { low = 1, high = 2 }", r"line 3: \[network\] head"),
        ("[suspects]\nweight = { low = 0.1, high = 1 }", "line 3: .suspects. weight is for --from"),
        ("seed = { low = 1, high = 2 }", "line 2: seed cannot be searched"),
        ("encoding = { choice = ['station', 'seed'] }", r"line 2: encoding .*no station has"),
        (
            "[limits]\nfile_kb = -1\n[optimise]\nbatch = { choice = [16, 32] }",
            "line 3: .limits",
        ),
        ("[limit]\nfile_kb = 9\n[optimise]\nbatch = { choice = [16, 32] }", "did you mean"),
        ("[optimise]\nbatch = 16", "nothing to search"),
        ("base = 'qick'\n[optimise]\nbatch = { choice = [16, 32] }", "no recipe .*qick"),
        ("base = 3", "line 2: base must be the name"),
    ],
)
def test_mistakes_are_told_with_their_lines(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        space(tmp_path, f"{'about' if 'base' in line else 'base'} = 'quick'\n{line}\n")


def test_a_name_that_is_none_lists_those_that_ship() -> None:
    with pytest.raises(UsageError, match="neither a file nor one of search-seed"):
        load("serch-seed")


def test_the_same_file_is_the_same_search(tmp_path: Path) -> None:
    one = space(tmp_path, SPACE).as_dict()
    assert space(tmp_path, SPACE).as_dict() == one
    assert space(tmp_path, SPACE.replace("epochs = 3", "epochs = 4")).as_dict() != one
