"""Recipes: all that ship load, and what is misspelt is refused by file and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge.errors import UsageError
from train.network.networks import NETWORKS
from train.recipe import Dihedral, EncodingName, Recipe, ReviewRecipe, from_dict, load, shipped


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
    assert recipe.review == ReviewRecipe(escape=20.0, review=1.0)
    assert recipe.encoding is EncodingName.SEED
    assert recipe.augment.dihedral is Dihedral.NONE
    assert recipe.augment.turn == 1.0
    assert isinstance(recipe.augment.turn, float)
    assert recipe.optimise == Recipe("x").optimise


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = 3", "unknown key 'epochs'; known: about, augment"),
        ("[optimise]\nepoch = 3", "optimise: unknown key 'epoch'; known: "),
        ("[optimise]\nepochs = 1.5", "optimise: epochs must be int, not 1.5"),
        ("[optimise]\nepochs = true", "optimise: epochs must be int, not True"),
        ("[optimise]\nlearning_rate = true", "learning_rate must be float, not True"),
        ('[optimise]\nlearning_rate = "1e-3"', "learning_rate must be float, not '1e-3'"),
        ('[optimise]\nschedule = "step"', "schedule is one of cosine, constant"),
        ("about = 3", "about must be str, not 3"),
        ('network = "residual"', "network is a section, not 'residual'"),
        ('encoding = "colour"', "encoding is one of station, seed, not 'colour'"),
        ('[augment]\ndihedral = "all"', "dihedral is one of none, random, seed-copies"),
        ('[synthetic]\ngenerator = "gan"', "generator is one of grids, seed"),
        ('[synthetic]\npatterns = ["Loc", "Ring"]', "synthetic.patterns: unknown Ring"),
        ('[synthetic]\npatterns = "Loc"', "patterns must be a list of names, not 'Loc'"),
        ("[synthetic]\npatterns = [1]", "patterns must be a list of names, not [1]"),
        ('[synthetic]\npatterns = [["Loc"]]', "patterns must be a list of names"),
        ("[review]\ncosts = 3", "review: unknown key 'costs'; known: escape, false_alarm, mixed"),
        ('[review]\nprecision = "0.9"', "review: precision must be float, not '0.9'"),
        ("[optimise", "not readable as TOML"),
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
