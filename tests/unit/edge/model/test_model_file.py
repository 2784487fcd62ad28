"""The model file: what is attached is loaded; what could give silent nonsense is refused."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import ModelError
from edge.model.metadata import SEVERAL_FORMAT
from edge.model.model_file import (
    MAX_BYTES,
    METADATA_NAME,
    ModelFile,
    attach,
    check_tensors,
    load,
)
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS
from tests.support.model_files import Change, bare, changed, put, with_metadata


def refusal(tmp_path: Path, content: bytes) -> str:
    """What ``load`` says of these bytes; every refusal begins with the file's name."""
    path = tmp_path / "mine.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def test_what_is_attached_is_loaded(shipped: ModelFile, tmp_path: Path) -> None:
    metadata = {**shipped.document, "name": "mine"}
    (tmp_path / "mine.tflite").write_bytes(attach(bare(shipped.content), metadata))
    found = load(tmp_path / "mine.tflite")
    assert found.document == metadata
    assert found.name == f"mine@{found.sha256[:12]}"
    assert found.sha256 != shipped.sha256


def test_same_input_same_bytes_and_a_plain_flatbuffer_in_front(shipped: ModelFile) -> None:
    network = bare(shipped.content)
    one = attach(network, dict(sorted(shipped.document.items())))
    two = attach(network, dict(sorted(shipped.document.items(), reverse=True)))
    assert one == two
    assert one.startswith(network)
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert archive.namelist() == [METADATA_NAME]
        assert json.loads(archive.read(METADATA_NAME))["labels"] == list(shipped.labels)


def test_the_file_that_ships_is_written_alike(shipped: ModelFile) -> None:
    """And keys that this release does not know stay, and are shown."""
    assert attach(bare(shipped.content), shipped.document) == shipped.content
    later = {**shipped.document, "later": {"key": [1]}}
    found = ModelFile.of(shipped.path, bare(shipped.content), later)
    assert found.metadata == shipped.metadata
    assert found.document == later


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.tflite", tmp_path):
        with pytest.raises(ModelError, match="check the name of the model file") as caught:
            load(path)
        assert str(path) in str(caught.value)


def test_files_that_are_no_model_are_refused(shipped: ModelFile, tmp_path: Path) -> None:
    for content in (b"", b"TFL3", b"\x89PNG\r\n\x1a\n" * 9):
        assert "not a TFLite model" in refusal(tmp_path, content)
    said = refusal(tmp_path, bare(shipped.content))
    assert "no metadata" in said
    assert "`wm-edge convert`" in said


def test_pipe_and_device_are_refused_unread(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tflite")  # nobody writes: opening it would wait for ever
    for path in (tmp_path / "pipe.tflite", Path("/dev/zero")):
        with pytest.raises(ModelError, match="not a regular file"):
            load(path)


@pytest.mark.parametrize("value", [None, {}])
def test_accuracy_may_be_unrecorded(shipped: ModelFile, tmp_path: Path, value: object) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(changed(shipped, put("accuracy", value=value)))
    assert load(path).metadata.accuracy is None
    assert load(path).document["accuracy"] == value


def test_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.tflite"
    path.touch()
    os.truncate(path, MAX_BYTES + 1)  # sparse: takes no room
    with pytest.raises(
        ModelError, match=r"huge\.tflite: cannot be read \(larger than 67,108,864 bytes"
    ):
        load(path)


def test_metadata_that_claims_to_be_huge_is_not_unpacked(
    shipped: ModelFile, tmp_path: Path
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(METADATA_NAME, b" " * (MAX_BYTES + 1))
    assert "claims" in refusal(tmp_path, bare(shipped.content) + archive.getvalue())


def test_truncated_anywhere_is_refused(shipped: ModelFile, tmp_path: Path) -> None:
    content = shipped.content
    for end in (9, len(content) // 2, len(bare(content)), len(content) - 30, len(content) - 1):
        assert "truncated" in refusal(tmp_path, content[:end])


def test_one_flipped_byte_is_refused(shipped: ModelFile, tmp_path: Path) -> None:
    """In the network by its hash; in the packed metadata by whatever zipfile and zlib notice."""
    content, network = shipped.content, len(bare(shipped.content))
    for place in (8, network // 2, network - 1):
        spoilt = bytearray(content)
        spoilt[place] ^= 0x10
        said = refusal(tmp_path, bytes(spoilt))
        assert "does not match its metadata" in said
        assert "convert it again" in said
    head = network + 30 + len(METADATA_NAME)  # a zip entry's header is 30 bytes and the name
    # The last few bytes only end the stream: the text is whole without them.
    for place in range(head, content.rindex(b"PK\x01\x02") - 4, 59):
        spoilt = bytearray(content)
        spoilt[place] ^= 0x10
        assert "refused" in refusal(tmp_path, bytes(spoilt))


def swapped_label(metadata: dict[str, Any]) -> None:
    metadata["labels"][0] = "Centre"


REFUSALS: dict[str, tuple[Change, str]] = {
    "newer format": (
        put("format", value=SEVERAL_FORMAT + 1),
        "upgrade with `pip install -U wm-edge`",
    ),
    "format 1": (put("format", value=1), "older wm-edge (metadata format 1, which knows no embed"),
    "format 0": (put("format", value=0), "names no format version"),
    "no format": (lambda m: m.pop("format"), "names no format version"),
    "encoding version": (
        put("encoding", "version", value=2),
        f"needs the encoding {encoding.NAME} version 2, this wm-edge has {encoding.NAME} version 1",
    ),
    "encoding name": (put("encoding", "name", value="viridis"), "needs the encoding viridis"),
    "encoding size": (
        put("encoding", "size", value=4),
        "encoding.size is 4, must be a whole number from 24 to 512",
    ),
    "no encoding": (
        lambda m: m.pop("encoding"),
        "its section 'encoding' is lost; convert it again",
    ),
    "unknown label": (swapped_label, "are not the nine patterns"),
    "one label too few": (lambda m: m["labels"].pop(), "are not the nine patterns"),
    "input zero point": (put("input", "zero_point", value=0), "zero point 0 are not"),
    "input scale": (put("input", "scale", value=1 / 127), "are not the encoding's 1/255"),
    "temperature 0": (
        put("temperature", value=0),
        "temperature is 0, must be a number from 0.05 to 20",
    ),
    "temperature NaN": (put("temperature", value=math.nan), "temperature is nan"),
    "temperature text": (put("temperature", value="1"), "temperature is '1', must be a number"),
    "no review": (lambda m: m.pop("review"), "its section 'review' is lost; convert it again"),
    "no embedding": (lambda m: m.pop("embedding"), "embedding is missing"),
    "no self-test": (lambda m: m.pop("selftest"), "selftest is missing"),
    "review above 1": (
        put("review", "below", "Loc", value=50),
        "review.below.Loc is 50, must be a number from 0 to 1",
    ),
    "review of 8": (
        lambda m: m["review"]["below"].pop("Loc"),
        "review.below must hold the patterns of `labels` alone, not so: Loc",
    ),
    "review of 10": (
        put("review", "below", "Ring", value=0.5),
        "review.below must hold the patterns of `labels` alone, not so: Ring",
    ),
    "mixed above 1": (
        put("review", "mixed", "above", value=2),
        "review.mixed.above is 2, must be a number from 0 to 1",
    ),
    "nothing familiar": (
        put("review", "unfamiliar", "above", value=0),
        "review.unfamiliar.above is 0, must be a number above 0",
    ),
    "embedding scale": (
        put("embedding", "scale", value=-1.0),
        "embedding.scale is -1.0, must be a number above 0",
    ),
    "nine coordinates": (
        put("embedding", "size", value=9),
        "embedding.size is 9, as many as there are patterns",
    ),
    "other coordinates": (
        put("embedding", "size", value=12),
        "review.unfamiliar.means must hold 9 x 12 numbers",
    ),
    "eight means": (
        lambda m: m["review"]["unfamiliar"]["means"].pop(),
        "review.unfamiliar.means must hold 9 x ",
    ),
    "endless mean": (
        put("review", "unfamiliar", "means", 0, 0, value=1e30),
        "review.unfamiliar.means[0][0] is 1e+30, must be a number from -1e+06 to 1e+06",
    ),
    "no means": (lambda m: m["review"].pop("unfamiliar"), "review.unfamiliar is missing"),
    "self-test of 5": (
        lambda m: m["selftest"]["logits"].pop(),
        "selftest.logits must hold 6 x 9 numbers",
    ),
    "self-test of 8": (
        lambda m: m["selftest"]["logits"][0].pop(),
        "selftest.logits must hold 6 x 9 numbers",
    ),
    "self-test beyond": (
        put("selftest", "logits", 0, 0, value=10**30),
        "must be a whole number from -128 to 127",
    ),
    "sketch": (
        put("training", "sketch", value="?"),
        "training.sketch is refused: the sketch of the training wafers is",
    ),
    "calibration error": (
        put("calibration_error", "int8", value=0.1),
        "calibration_error.int8 is 0.1, must be a table",
    ),
    "temperature below": (put("temperature", value=0.01), "temperature is 0.01, must be"),
    "temperature above": (put("temperature", value=50), "temperature is 50, must be"),
    "name as number": (put("name", value=5), "name is 5, must be a text"),
    "network null": (put("network", value=None), "network is None, must be a table"),
    "parameters text": (
        put("network", "parameters", value="9"),
        "network.parameters is '9', must be a whole number",
    ),
    "training list": (put("training", value=["x"]), "training is ['x'], must be a table"),
    "tools list": (put("tools", value=[1]), "tools is [1], must be a table"),
    "accuracy text": (put("accuracy", value="x"), "accuracy is 'x', must be a table"),
    "accuracy without int8": (lambda m: m["accuracy"].pop("int8"), "accuracy.int8 is missing"),
    "recall text": (
        put("accuracy", "int8", "per_class", "Loc", "recall", value="1"),
        "accuracy.int8.per_class.Loc.recall is '1', must be a number",
    ),
    "interval of one": (
        put("accuracy", "int8", "per_class", "Loc", "ci95", value=[0.5]),
        "accuracy.int8.per_class.Loc.ci95 is [0.5], must be a list of 2",
    ),
    "agreement NaN": (
        put("accuracy", "agreement", value=math.nan),
        "accuracy.agreement is nan, must be a number",
    ),
    "spliced name": (put("name", value="a *\\\n/ b"), "a control character (U+000A) in name"),
    "turned label": (put("labels", 0, value="\u202eretneC"), "(U+202E) in labels"),
    "bell in a tool": (put("tools", "keras", value="3\x07"), "(U+0007) in tools"),
    "escape in a key": (put("tools", "\x1b[2J", value="3"), "(U+001B) in a key of tools"),
    "half a character": (put("network", "name", value="\ud800"), "(U+D800) in network"),
    "escape in a notice": (put("notice", value=["a\x1b[2J"]), "(U+001B) in notice"),
    "section of no use": (put("mine", value=[{"a": "\r"}]), "(U+000D) in mine"),
    "notice number": (put("notice", value=5), "notice is 5, must be a text"),
    "not for text": (put("not_for", value="x"), "not_for is 'x', must be a list"),
    "min dies": (
        put("review", "min_dies", value=math.inf),
        "review.min_dies is inf, must be a whole number",
    ),
    "no output": (lambda m: m.pop("output"), "output is missing"),
}


@pytest.mark.parametrize(("change", "words"), REFUSALS.values(), ids=REFUSALS)
def test_metadata_that_does_not_fit_is_refused(
    shipped: ModelFile, tmp_path: Path, change: Change, words: str
) -> None:
    said = refusal(tmp_path, changed(shipped, change))
    assert "refused" in said
    assert words in said


def test_metadata_that_is_no_object_is_refused(shipped: ModelFile, tmp_path: Path) -> None:
    for text, words in (("[1]", "not a JSON object"), ("{", "cannot be read")):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(METADATA_NAME, text)
        assert words in refusal(tmp_path, bare(shipped.content) + archive.getvalue())


def test_a_notice_may_have_lines_and_tabs(shipped: ModelFile, tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(changed(shipped, put("notice", value="one\n\ttwo \N{COPYRIGHT SIGN}")))
    assert load(path).metadata.notice.startswith("one\n")


def test_labels_in_another_order_are_allowed(shipped: ModelFile, tmp_path: Path) -> None:
    path = tmp_path / "mine.tflite"
    path.write_bytes(changed(shipped, lambda m: m["labels"].reverse()))
    assert load(path).labels == tuple(reversed(PATTERNS))


class FakeInterpreter:
    """Tensors as the shipped metadata describes them, with one detail changed."""

    def __init__(self, model: ModelFile, side: str = "", **detail: Any) -> None:
        size = model.document["encoding"]["size"]
        shapes = {
            "input": (1, size, size, 2),
            "output": (1, 9),
            "embedding": (1, model.document["embedding"]["size"]),
        }
        self.sides = {
            name: {
                "index": index,
                "shape": np.asarray(shape),
                "dtype": np.int8,
                "quantization": tuple(model.document[name][key] for key in ("scale", "zero_point")),
            }
            for index, (name, shape) in enumerate(shapes.items())
        }
        if side:
            self.sides[side].update(detail)

    def get_input_details(self) -> list[dict[str, Any]]:
        return [self.sides["input"]]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [self.sides["embedding"], self.sides["output"]]


def check(model: ModelFile, side: str = "", **detail: Any) -> tuple[int, int]:
    interpreter: Any = FakeInterpreter(model, side, **detail)
    return check_tensors(model.path, model.metadata, interpreter, len(model.labels))


def test_tensors_that_differ_from_the_metadata_are_refused(shipped: ModelFile) -> None:
    assert check(shipped) == (1, 2)  # the logits and the embedding, wherever they stand
    for side, detail, words in (
        ("input", {"shape": np.asarray([1, 53, 52, 3])}, "input tensor is int8 (1, 53, 52, 3)"),
        ("input", {"dtype": np.float32}, "input tensor is float32"),
        ("input", {"quantization": (1 / 127, -128)}, "scale 0.0078740157 and zero point -128"),
        ("input", {"quantization": (1 / 255, 0)}, "zero point 0, the metadata says"),
        ("output", {"shape": np.asarray([1, 8])}, "int8 (1, 8), the metadata says int8 (1, 9)"),
        ("output", {"quantization": (9.0, 0)}, "logits tensor has scale 9 "),
        ("embedding", {"shape": np.asarray([1, 12])}, "embedding tensor is int8 (1, 12)"),
        ("embedding", {"quantization": (9.0, 0)}, "embedding tensor has scale 9 "),
    ):
        with pytest.raises(ModelError) as caught:
            check(shipped, side, **detail)
        assert words in str(caught.value)
        assert str(caught.value).startswith(str(shipped.path))
        assert "convert it again" in str(caught.value)


def test_real_tensors_against_changed_metadata(shipped: ModelFile) -> None:
    """An output scale that no check of the metadata alone could doubt is found at the start."""
    from edge.classification.classifier import Classifier

    scale = 2 * shipped.document["output"]["scale"]
    with pytest.raises(ModelError, match="its logits tensor has scale"):
        Classifier(with_metadata(shipped, put("output", "scale", value=scale)))
