"""Recipes: all that ship load, and what is misspelt is refused by file and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.verdict.objective import ReviewObjective
from train.network.networks import NETWORKS
from train.recipe import Dihedral, EncodingName, Recipe, from_dict, load, shipped


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_load_and_name_a_network_that_exists(name: str) -> None:
    recipe = load(name)
    assert recipe.name == name
    assert recipe.about
    assert recipe.network.name in NETWORKS


@pytest.mark.parametrize("name", shipped())
def test_json_form_gives_the_same_recipe_back(name: str) -> None:
    """As a resumed run reads it from its config.json."""
    recipe = load(name)
    assert from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


def written(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def test_own_file_is_named_after_itself_and_the_rest_is_default(tmp_path: Path) -> None:
    text = 'encoding = "seed"\n[augment]\ndihedral = "none"\nturn = 1\n'
    text += "[review]\nescape = 20\nreview = 1.0\n"
    recipe = load(written(tmp_path / "mine.toml", text))
    assert recipe.name == "mine"
    assert recipe.review == ReviewObjective(escape=20.0, review=1.0)
    assert recipe.encoding is EncodingName.SEED
    assert recipe.augment.dihedral is Dihedral.NONE
    assert recipe.augment.turn == 1.0
    assert isinstance(recipe.augment.turn, float)
    assert recipe.optimise == Recipe("x").optimise


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = 3", "line 1: epochs is not known here; known: name, about, seed"),
        (
            "[optimise]\nepoch = 3",
            "line 2: [optimise] epoch is not known here; did you mean epochs?",
        ),
        ("[optimise]\nepochs = 1.5", "epochs is 1.5, must be a whole number from 1 to 10000"),
        ("[optimise]\nepochs = true", "line 2: [optimise] epochs is True, must be a whole number"),
        ("[optimise]\nlearning_rate = true", "learning_rate is True, must be a number"),
        ('[optimise]\nlearning_rate = "1e-3"', "learning_rate is '1e-3', must be a number"),
        ('[optimise]\nschedule = "step"', "schedule is 'step', must be one of: cosine, constant"),
        ("about = 3", "line 1: about is 3, must be a text"),
        ('network = "residual"', "line 1: network is 'residual', must be a table: [network]"),
        ('encoding = "colour"', "encoding is 'colour', must be one of: station, seed"),
        ('[augment]\ndihedral = "all"', "is 'all', must be one of: none, random, seed-copies"),
        ('[synthetic]\ngenerator = "gan"', "generator is 'gan', must be one of: grids, seed"),
        ('[synthetic]\npatterns = "Loc"', "patterns is 'Loc', must be a list, each a text"),
        ("[synthetic]\npatterns = [1]", "patterns[0] is 1, must be a text"),
        ('[synthetic]\npatterns = [["Loc"]]', "patterns[0] is ['Loc'], must be a text"),
        (
            "[review]\ncosts = 3",
            "line 2: [review] costs is not known here; known: precision, escape",
        ),
        ('[review]\nprecision = "0.9"', "line 2: [review] precision is '0.9', must be a number"),
        ("[optimise", "not TOML: "),
        ("[network]\nwidths = [0]", "line 2: [network] widths[0] is 0, must be a whole number"),
        ('[network]\nname = "symmetric"\nkernel = 3', "line 3: [network] kernel is 3, symmetric"),
        ("[network]\nblocks = [1]", "line 2: [network] blocks are 1 numbers, widths has 3 stages"),
    ],
)
def test_refusals_name_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(UsageError) as caught:
        load(written(path, text))
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


def test_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"neither a file nor one of .*seed-final"):
        load("no-such-recipe")


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("optimise", "batch", 0),
        ("optimise", "epochs", 0),
        ("augment", "turn", 1.5),
        ("review", "precision", 1),
        ("review", "unfamiliar", 0),
        ("review", "mixed", float("nan")),
        ("review", "escape", -1),
        ("review", "review", float("inf")),
    ],
)
def test_values_out_of_range_are_refused_by_name(section: str, key: str, value: float) -> None:
    with pytest.raises(UsageError, match=rf"{section}\.{key} is {value}"):
        from_dict({"name": "x", section: {key: value}})
