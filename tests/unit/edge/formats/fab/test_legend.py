"""What passes is what the file says, an option or a recipe; and nobody guesses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.errors import InputError, UsageError
from edge.formats.fab.fab_map import Code, Defects, FabMap, Meaning, Stated
from edge.formats.fab.legend import judged, wafer_of
from edge.formats.fab.rules import NO_RULES, Rules, rules_of
from edge.formats.reading import read
from edge.wafer.wafermap import WaferMap

GRID = np.array([[0, 2, 0, -1], [0, 2, 0, 1], [0, 2, 2, 1]], np.int16)
L = [[1, 2, 1, 0], [1, 2, 1, 0], [1, 2, 2, 0]]
SAID = FabMap(
    GRID,
    (Code("1", Meaning.PASS), Code("X", Meaning.INK), Code("7", Meaning.FAIL)),
    device="AB12",
    tool="P8",
    source="w",
)
UNSAID = replace(SAID, legend=tuple(Code(code.text, Meaning.UNKNOWN) for code in SAID.legend))


def recipes(folder: Path, **texts: str) -> Rules:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return rules_of(recipes=folder)


def test_the_file_says_what_passes() -> None:
    wafer = wafer_of(SAID, NO_RULES)
    assert wafer.dies.tolist() == L
    assert (wafer.legend, wafer.device, wafer.turned) == ("file", "AB12", None)


def test_nobody_says_what_passes_and_nobody_guesses() -> None:
    with pytest.raises(InputError, match="which codes pass; it has '1', '7', 'X'; say which"):
        wafer_of(UNSAID, NO_RULES)


@pytest.mark.parametrize("passing", ["1", "01"])
def test_options_say_it(passing: str) -> None:
    wafer = wafer_of(UNSAID, rules_of([passing], ["X"]))
    assert (wafer.dies.tolist(), wafer.legend) == (L, "option --pass-bins")


def test_an_option_counts_before_the_file() -> None:
    wafer = wafer_of(SAID, rules_of(["7"]))
    assert wafer.dies.tolist() == [[2, 1, 2, 0], [2, 1, 2, 0], [2, 1, 1, 0]]
    assert (
        wafer.warning == "the file says otherwise than --pass-bins of '1', '7'; the option counts"
    )
    with pytest.raises(UsageError, match="7 is said to pass and to be no die"):
        rules_of(["1", "7"], ["7"])


WORDS = replace(SAID, legend=(Code("OK", Meaning.PASS), SAID.legend[1], Code("NG", Meaning.FAIL)))
INSPECTED = replace(
    SAID,
    legend=(Code("0", Meaning.PASS), SAID.legend[1], Code("1", Meaning.FAIL)),
    defects=Defects(
        np.array([0, 1, 2, 2], np.int32),
        np.array([1, 1, 1, 2], np.int32),
        np.array([3, 3, 9, 3], np.int32),
        np.ones(4, np.float32),
    ),
)


@pytest.mark.parametrize(
    ("fab", "passing", "aside"),
    [
        (WORDS, "1", "none of its dies has such a code"),
        (SAID, "9", "none of its dies has such a code"),
        (INSPECTED, "1", "its codes count defects, and 0 is none of these"),
        (INSPECTED, "5", "its codes count defects, and 0 is none of these"),
    ],
)
def test_an_option_for_other_files_is_left_aside(fab: FabMap, passing: str, aside: str) -> None:
    wafer = wafer_of(fab, rules_of([passing], ["1"] if passing == "5" else []))
    assert (wafer.dies.tolist(), wafer.legend) == (L, "file")
    assert wafer.warning == (
        f"the file says what passes; --pass-bins {passing} is left aside: {aside}"
    )


@pytest.mark.parametrize("name", ["edge-ring.klarf", "edge-loc.1.8.klarf", "center.e142.xml",
                                  "edge-ring.g85.xml", "none.stdf", "scratch.sinf"])  # fmt: skip
def test_an_option_turns_no_sample_over(name: str) -> None:
    path = Path(__file__).parents[5] / "samples" / "fab" / name
    said, asked = (list(read(path, rules)) for rules in (NO_RULES, rules_of(["1"])))
    assert len(said) == len(asked) > 0
    for one, other in zip(said, asked, strict=True):
        assert isinstance(one, WaferMap)
        assert isinstance(other, WaferMap)
        assert np.array_equal(one.dies, other.dies)


def test_an_option_and_a_recipe_share_what_is_inspected(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("[match]\n[defects]\nignored = [9]\n")
    for passing, dies in ((["0"], [[1, 2, 1, 0], [1, 2, 1, 0], [1, 1, 2, 0]]), (["0", "1"], None)):
        wafer = wafer_of(INSPECTED, rules_of(passing, recipes=tmp_path))
        assert wafer.dies.tolist() == (dies or np.where(np.array(L) == 2, 1, L).tolist())
        assert wafer.legend == "option --pass-bins, recipe r"


@pytest.mark.parametrize("defects", ["", "[defects]\nclasses = [3]\n"])
def test_passing_bins_of_a_recipe_count_the_defects_of_a_die(tmp_path: Path, defects: str) -> None:
    (tmp_path / "r.toml").write_text(f'pass_bins = ["0", "1"]\n[match]\n{defects}')
    wafer = wafer_of(INSPECTED, rules_of(recipes=tmp_path))
    assert wafer.dies.tolist() == np.where(np.array(L) == 2, 1, L).tolist()
    assert (wafer.legend, wafer.warning) == ("recipe r", None)
    (tmp_path / "r.toml").write_text(f'pass_bins = ["1"]\n[match]\n{defects}')
    wafer = wafer_of(INSPECTED, rules_of(recipes=tmp_path))
    assert (wafer.dies == 2).any()
    what = "pass_bins 1 of recipe r is left aside: its codes count defects, and 0 is none of these"
    assert wafer.warning == f"the file says what passes; {what}"


@pytest.mark.parametrize(
    ("keys", "code"),
    [('pass_bins = ["7"]', "7"), ('pass_bins = ["9"]', "1"), ('fail_bins = ["01"]', "1"),
     ('none_bins = ["7"]', "7")],
)  # fmt: skip
def test_a_recipe_that_contradicts_the_file_is_told(tmp_path: Path, keys: str, code: str) -> None:
    (tmp_path / "r.toml").write_text(f"{keys}\n[match]\n")
    wafer = wafer_of(SAID, rules_of(recipes=tmp_path))
    assert (wafer.dies.tolist(), wafer.legend) == (L, "file")
    assert wafer.warning == f"the file says otherwise than recipe r of '{code}'; the file counts"
    (tmp_path / "r.toml").write_text('pass_bins = ["1"]\nfail_bins = ["7"]\n[match]\n')
    assert wafer_of(SAID, rules_of(recipes=tmp_path)).warning is None


@pytest.mark.parametrize("format_", ["SINF", "text map"])
def test_where_a_file_lists_what_passes_a_recipe_says_which_others_are_no_die(
    tmp_path: Path, format_: str
) -> None:
    around = np.hypot(*np.mgrid[-4:5, -4:5]) > 4.2
    codes = np.where(around, 1, 0).astype(np.int16)
    codes[4, 4] = 2
    legend = (Code("01", Meaning.PASS), Code("FE", Meaning.FAIL), Code("7F", Meaning.FAIL))
    fab = FabMap(codes, legend, source="w", format=format_)
    with pytest.raises(
        InputError, match=r"all around the wafer 'FE' would fail; .* none_bins in a"
    ):
        wafer_of(fab, NO_RULES)
    wafer = wafer_of(fab, recipes(tmp_path, r='none_bins = ["FE"]\n[match]\n'))
    assert np.argwhere(wafer.dies == 2).tolist() == [[4, 4]]
    assert ((wafer.dies == 0) == around).all()
    assert (wafer.legend, wafer.warning) == ("file, recipe r", None)


def test_defects_that_count_are_drawn_by_their_number(tmp_path: Path) -> None:
    drawn: list[FabMap] = []
    assert INSPECTED.defects is not None
    place = np.array([1, 1, 1, 2], np.int32)
    fab = replace(INSPECTED, defects=INSPECTED.defects._replace(rows=place, columns=place))
    (tmp_path / "r.toml").write_text("[match]\n[defects]\nclasses = [3]\n")
    rules = replace(rules_of(["0", "1"], recipes=tmp_path), drawn=drawn.append)
    wafer = wafer_of(fab, rules)
    assert np.argwhere(wafer.dies == 2).tolist() == [[1, 1]]
    assert drawn[0].texts().tolist() == [
        ["0", "0", "0", ""],
        ["0", "2", "0", ""],
        ["0", "0", "1", ""],
    ]
    assert {code.text: code.meaning.value for code in drawn[0].legend} == {
        "0": "pass", "1": "pass", "2": "fail"
    }  # fmt: skip


def test_passing_bins_that_no_die_has(tmp_path: Path) -> None:
    named = replace(SAID, legend=tuple(Code(code.text, Meaning.FAIL) for code in SAID.legend))
    assert wafer_of(named, NO_RULES).warning == "no die has a code that passes"
    assert wafer_of(replace(named, stated=Stated(passed=0)), NO_RULES).warning is None
    (tmp_path / "r.toml").write_text('pass_bins = ["9"]\n[match]\n')
    assert wafer_of(UNSAID, rules_of(recipes=tmp_path)).warning == "no die has a code that passes"
    what = (
        "lot A, wafer 7: no die has a code that passes .--pass-bins 9.; it has '1', '7', 'X', name"
    )
    with pytest.raises(InputError, match=what):
        wafer_of(replace(UNSAID, lot="A", wafer="7"), rules_of(["9"]))
    with pytest.raises(UsageError, match="1;2: no code of a map has a `;`"):
        rules_of(["1;2"])


def test_a_recipe_says_what_the_file_does_not(tmp_path: Path) -> None:
    rules = recipes(
        tmp_path,
        line2='pass_bins = ["1"]\nnone_bins = ["X"]\n[match]\ndevice = "AB*"\n',
        other='pass_bins = ["7"]\n[match]\ntool = "X*"\n',
    )
    wafer = wafer_of(UNSAID, rules)
    assert (wafer.dies.tolist(), wafer.legend) == (L, "recipe line2")
    other = (Code("1", Meaning.FAIL), SAID.legend[1], Code("7", Meaning.PASS))
    assert wafer_of(replace(SAID, legend=other), rules).dies[0].tolist() == [2, 1, 2, 0]
    assert wafer_of(SAID, rules).legend == "file"  # the recipe changes nothing


def test_two_recipes_that_fit_are_refused(tmp_path: Path) -> None:
    rules = recipes(tmp_path, a='[match]\ndevice="A*"', b='[match]\ntool="P8"')
    with pytest.raises(InputError, match="two recipes are for it, a and b"):
        wafer_of(UNSAID, rules)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "match is missing"),
        ('[match]\npass_bins = ["1"]', "line 2: .*pass_bins is not known here"),
        ('pass_bins = ["1"]\nnone_bins = ["1"]\n[match]\n', "line 2: none_bins has '1'"),
        (
            '[match]\nformat = "SINFF"',
            r"line 2: .*'SINFF', which is no format; there are: STDF, SINF,",
        ),
        ('[match]\n[orientation]\n180 = "south"', "down, left, up, right"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_line(text: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=word):
        recipes(tmp_path, r=text)


def test_a_folder_without_recipes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no recipe \(\*\.toml\) in it; name the folder"):
        rules_of(recipes=tmp_path)
    with pytest.raises(UsageError, match="no folder of recipes"):
        rules_of(recipes=tmp_path / "none")


def test_counts_of_the_file_check_the_legend() -> None:
    assert wafer_of(replace(SAID, stated=Stated(9, 5, 4)), NO_RULES).warning is None
    for stated, word in (
        (Stated(tested=11), "states 11 tested dies, by this legend its map has 9"),
        (Stated(passed=6, failed=5), "states 11 tested"),
        (Stated(passed=6), "states 6 passing"),
    ):
        with pytest.raises(InputError, match=word):
            wafer_of(replace(SAID, stated=stated), NO_RULES)
    with pytest.raises(InputError, match="states 9 tested dies, by this legend its map has 11"):
        wafer_of(replace(UNSAID, stated=Stated(9)), rules_of(["1"]))
    warned = wafer_of(replace(SAID, stated=Stated(9, 6, 3)), NO_RULES)
    assert warned.dies.tolist() == L
    assert "states 6 passing dies, its map has 5; the map counts" in str(warned.warning)


@pytest.mark.parametrize(
    ("word", "turned"),
    [("DOWN", 0), ("180 (down)", 0), ("Left", 90), ("notch top", 180), ("right", 270)]
    + [
        (each, None)
        for each in (
            "180",
            "0",
            "",
            "bottom left",
            "Lower Left",
            "downtown",
            "Top view",
            "not down",
            "UP / DOWN",
        )
    ]
    + [("FLAT_DOWN", 0), ("180___(DOWN)", 0), ("Down (6 o'clock)", 0), ("Left / notch left", 90)],
)
def test_turned_by_a_word_that_can_be_trusted(word: str, turned: int | None) -> None:
    wafer = wafer_of(replace(SAID, orientation=word), NO_RULES)
    assert wafer.turned == turned
    assert np.array_equal(wafer.dies, np.rot90(L, (turned or 0) // 90))


def test_left_comes_down() -> None:
    column = FabMap(np.array([[0, 1, 1]], np.int16), SAID.legend, orientation="left", source="w")
    legend = (Code("N", Meaning.FAIL), Code("1", Meaning.PASS))
    assert wafer_of(replace(column, legend=legend), NO_RULES).dies.tolist() == [[1], [1], [2]]


def test_a_recipe_knows_what_a_number_means_and_which_way_axes_go(tmp_path: Path) -> None:
    text = 'flip = ["left-right"]\n[match]\n[orientation]\n90 = "up"\n'
    wafer = wafer_of(replace(SAID, orientation="90"), recipes(tmp_path, r=text))
    assert wafer.turned == 180
    assert wafer.dies.tolist() == np.flipud(L).tolist()


def test_a_recipe_says_which_defects_count(tmp_path: Path) -> None:
    inspected = replace(
        SAID,
        defects=Defects(
            np.array([0, 1, 2, 2], np.int32),
            np.array([0, 1, 2, 1], np.int32),
            np.array([3, 3, 9, 4], np.int32),
            np.array([2.0, np.nan, 5.0, 0.1], np.float32),
        ),
    )
    text = "[match]\n[defects]\nignored = [9]\nmin_size = 1.0\n"
    wafer = wafer_of(inspected, recipes(tmp_path, r=text))
    assert wafer.dies.tolist() == [[2, 1, 1, 0], [1, 2, 1, 0], [1, 1, 1, 0]]
    assert wafer.legend == "recipe r"


def test_one_of_several_is_an_item_and_the_only_one_an_error() -> None:
    second = replace(UNSAID, index=1)
    good, bad = judged([SAID, second], NO_RULES, "w")
    assert good == wafer_of(SAID, NO_RULES)
    assert isinstance(bad, InputError)
    assert bad.source == "w[1]"
    with pytest.raises(InputError, match="which codes pass"):
        list(judged([UNSAID], NO_RULES, "w"))
    with pytest.raises(InputError, match="no wafer in it"):
        list(judged([], NO_RULES, "w"))


def test_a_recipe_says_of_a_wafer_that_it_fails_wholly(tmp_path: Path) -> None:
    dead = replace(UNSAID, codes=np.full((9, 9), 2, np.int16), stated=Stated())
    option = rules_of(["1"])
    with pytest.raises(InputError, match="it has '7', name those that pass, or in a recipe"):
        wafer_of(dead, option)
    said = replace(recipes(tmp_path, a='fail_bins = ["07"]\n[match]\n'), pass_bins=("1",))
    wafer = wafer_of(dead, said)
    assert (wafer.fail_count, wafer.warning) == (81, "no die has a code that passes")
    edge = np.full((9, 9), 2, np.int16)
    edge[1:-1, 1:-1] = 0
    square = replace(UNSAID, codes=edge, stated=Stated())
    with pytest.raises(InputError, match=r"--none-bins=7, .*; or that they fail: fail_bins there"):
        wafer_of(square, option)
    assert wafer_of(square, said).fail_count == 32
    with pytest.raises(UsageError, match="fail_bins has '1', which is one of pass_bins, too"):
        recipes(tmp_path, a='pass_bins = ["1"]\nfail_bins = ["1"]\n[match]\n')
