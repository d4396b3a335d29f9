"""Models with labels in LiteRT's and ONNX's format: log-probabilities, refusals, strings, cards."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import graph_subjects
import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.data.tokenizers import SentencePiece, WordPiece, learn_byte_bpe
from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.data.tokenizers.sentence_piece import Style, learn_sentencepiece
from tfkd.data.tokenizers.wordpiece import SPECIALS
from tfkd.models import Bert
from tfkd.serving import ExportRefusedError
from tfkd.serving.formats import graph, piece
from tfkd.serving.formats.format import ABOUT
from tfkd.serving.formats.graph_card import program
from tfkd.serving.formats.held_labels import own_outputs
from tfkd.serving.formats.litert import LiteRT
from tfkd.serving.formats.onnx import Onnx
from tfkd.serving.formats.opening import open_exported
from tfkd.serving.formats.text_files import TextFiles
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.tensorflow
pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")

FORMATS = {"litert": LiteRT, "onnx": Onnx}
ALL = [(name, quantize) for name in FORMATS for quantize in ("float32", "int8")]
WITHOUT = "import sys\nfor n in ('tfkd', 'tensorflow', 'keras'): sys.modules[n] = None\n"
# Nats, of the small model of these tests.
TOLERANCE = {"float32": 1e-5, "int8": 0.3}


def options(name, quantize="float32"):
    return FORMATS[name].Options(of="learn", format=name, quantize=quantize)


def written(folder, name, subject, quantize="float32"):
    result = FORMATS[name]().write(subject, options(name, quantize), folder)
    return open_exported(folder), result


@pytest.mark.parametrize("name", few(FORMATS, 0))
def test_log_probabilities_are_those_of_the_model_padded_and_at_every_length(
    tmp_path, tokenizer, name
):
    """Of a batch whose rows have every length that the model reads."""
    model = graph_subjects.bert(tokenizer.size)
    rows = [{"text": "ba " * length} for length in range(graph_subjects.LIMIT + 2)]
    made = graph_subjects.subject(model, tokenizer, "cls", rows=rows)
    about = FORMATS[name]().files(made, options(name), tmp_path)
    engine = FORMATS[name]().open(tmp_path, about)
    record = made.labels.record
    expected, _ = own_outputs(model, record, range(len(rows)), "classifier")
    assert np.abs(engine.log_probabilities(record) - expected).max() < 1e-5
    if name == "litert":  # a row of it is computed without its padding, and may have some
        given = {key: record[key][2:3].astype(np.int32) for key in ("ids", "types", "valid")}
        padded = engine._run(**given, places=np.zeros((1, 1), np.int32))["logits"][0]
        padded = padded.astype(np.float64) - np.log(np.exp(padded.astype(np.float64)).sum())
        assert np.abs(padded - expected[2]).max() < 1e-5


@pytest.mark.long
@pytest.mark.parametrize("kind", graph_subjects.ROWS)
@pytest.mark.parametrize(("name", "quantize"), ALL)
def test_it_is_held_to_its_model_and_its_card_s_program_answers(
    tmp_path, tokenizer, name, quantize, kind
):
    model = graph_subjects.bert(tokenizer.size, positions="segment")
    rows = graph_subjects.ROWS[kind]
    made = graph_subjects.subject(model, tokenizer, kind)
    engine, result = written(tmp_path / "a", name, made, quantize)
    check = result["check"]
    assert (check["rows"], check["tokenised_otherwise"]) == (len(rows), 0)
    assert check["largest_difference"] < TOLERANCE[quantize]
    if quantize == "float32":
        assert check["equal_labels"] == check["labels"]
    lines = ["\t".join(map(str, row.values())) for row in rows]
    lines.append("\t".join([" ", " ", "0"][:: 1 if kind == "text_b" else 2][: len(rows[0])]))
    expected = [one.text for one in engine.translate(lines)]
    assert expected[-1] == ""
    (tmp_path / "answer.py").write_text(WITHOUT + program(engine.about), "utf-8")
    assert program(engine.about) in (tmp_path / "a" / "README.md").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "answer.py", tmp_path / "a"], input="\n".join(lines) + "\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:-1] == expected
    written(tmp_path / "b", name, made, quantize)
    for path in (tmp_path / "a").glob("model.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.long
@pytest.mark.parametrize("options_of_model", [
    {"activation": "relu", "layers": 2}, {"activation": "gelu_tanh", "types": 1},
    {"embedding_width": 8, "pooler": True}, {"dtype": "mixed_bfloat16"},
])  # fmt: skip
@pytest.mark.parametrize("name", FORMATS)
def test_models_of_all_forms_are_held(tmp_path, tokenizer, name, options_of_model):
    model = graph_subjects.bert(tokenizer.size, **options_of_model)
    made = graph_subjects.subject(model, tokenizer, "text_b")
    _, result = written(tmp_path / "a", name, made)
    assert result["check"]["largest_difference"] < 1e-5


@pytest.mark.long
@pytest.mark.parametrize("kind", ["sentencepiece", "albert", "byte_bpe"])
@pytest.mark.parametrize("places", ["cls", "words"])
def test_the_card_s_program_reads_as_each_tokenizer_does(tmp_path, kind, places):
    lines = ["Ein Hund läuft im Park.", "Zwei Männer spielen, und ein Kind", "``Ja'', é ﬁ 日"]
    if kind == "byte_bpe":
        tokenizer = LowerCasing(learn_byte_bpe(lines * 3, 300))
    else:
        style = Style(strip_accents=kind == "albert")
        tokenizer = SentencePiece(learn_sentencepiece(lines * 3, 60), kind == "albert", style)
    model, rows = graph_subjects.bert(tokenizer.size), [{"text": line} for line in lines]
    made = graph_subjects.subject(model, tokenizer, places, rows=rows)
    engine, result = written(tmp_path / "a", "litert", made)
    assert result["check"]["tokenised_otherwise"] == 0
    (tmp_path / "answer.py").write_text(WITHOUT + program(engine.about), "utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "answer.py", tmp_path / "a"], input="\n".join(lines) + "\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:-1] == [one.text for one in engine.translate(lines)]


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_is_not_its_model_is_refused_and_leaves_nothing(
    tmp_path, tokenizer, name, monkeypatch
):
    def damaged(subject):
        (found,) = made_of(subject)
        wrong = {"logits": lambda logits: logits + tf.constant([0.0, 5.0, -5.0])}
        inner = found.function
        object.__setattr__(found, "function", lambda **given: {
            key: wrong[key](value) for key, value in inner(**given).items()
        })  # fmt: skip
        return [found]

    made_of, model = piece.pieces_of, graph_subjects.bert(tokenizer.size)
    made = graph_subjects.subject(model, tokenizer, "cls")
    monkeypatch.setattr(graph, "pieces_of", damaged)
    with pytest.raises(ExportRefusedError, match="log-probabilities are not the model's"):
        written(tmp_path / "here" / "a", name, made)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.long
def test_a_tokenizer_that_reads_otherwise_and_damaged_files_are_refused(
    tmp_path, tokenizer, monkeypatch
):
    model = graph_subjects.bert(tokenizer.size)
    made = graph_subjects.subject(model, tokenizer, "cls")
    written(tmp_path / "a", "onnx", made)
    whole = tmp_path / "a"
    for name in ("model.onnx", "text/tokenizer.json", "text/vocabulary.json", ABOUT):
        folder = shutil.copytree(whole, tmp_path / name.replace("/", "-"))
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)
        with pytest.raises(UserError, match="has other bytes than were written"):
            open_exported(folder)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "model.onnx").write_bytes(b"none")
    with pytest.raises(UserError, match="ONNX Runtime cannot load it"):
        Onnx().open(tmp_path / "empty", json.loads((whole / ABOUT).read_text("utf-8")))
    ids = TextFiles.ids
    cut = lambda self, lines: [row[:1] for row in ids(self, lines)]  # noqa: E731
    monkeypatch.setattr(TextFiles, "ids", cut)
    with pytest.raises(ExportRefusedError, match="its tokenizer reads 4 of 4 rows otherwise"):
        written(tmp_path / "b", "onnx", made)
    assert not (tmp_path / "b").exists()


def test_the_guide_has_the_program():
    said = {"text": {"kind": "wordpiece", "lower_case": True}}
    about = {
        "format": "litert",
        "tokenizers": said,
        "places": "cls",
        "inputs": ["text"],
        "encodes": False,
    }
    guide = Path(__file__).parents[2] / "docs" / "guides" / "serving.md"
    assert program(about) in guide.read_text("utf-8")


@pytest.mark.long
@pytest.mark.parametrize(("name", "quantize"), ALL)
def test_an_encoder_gives_states_and_the_words_that_its_view_hides(
    tmp_path, tokenizer, name, quantize
):
    model = Bert(tokenizer.size, layers=2, width=16, heads=2, max_length=20, seed=3)
    made = graph_subjects.encoder(model, tokenizer)
    engine, result = written(tmp_path / "a", name, made, quantize)
    assert result["check"]["largest_difference"] < TOLERANCE[quantize]
    assert engine.speechless.startswith("an encoder")
    with pytest.raises(UserError, match="an encoder, which writes no text"):
        engine.translate(["ba"])
    assert result["check"]["states_difference"] < {"float32": 1e-5, "int8": 0.1}[quantize]
    lines = ["ba dage, ki", " ", "ma " * 50]
    (tmp_path / "answer.py").write_text(WITHOUT + program(engine.about), "utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "answer.py", tmp_path / "a"], input="\n".join(lines) + "\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = done.stdout.split("\n")[:-1]
    assert said[1] == ""
    shown = ", ".join(f"{one:.3f}" for one in json.loads(said[0])[:4])
    assert (
        f"Of `{lines[0]}` it makes `[{shown}, ...]`" in (tmp_path / "a" / "README.md").read_text()
    )
    for line, numbers in ((lines[0], said[0]), (lines[2], said[2])):
        ids = [tokenizer.start_id, *tokenizer.encode([line]).row(0)[: graph_subjects.LIMIT - 2]]
        hidden = model({"ids": tf.constant([[*ids, tokenizer.end_id]], tf.int32)})["hidden"][0]
        expected = hidden.numpy().mean(0)
        assert np.abs(json.loads(numbers) - expected).max() < TOLERANCE[quantize]


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_an_encoder_whose_states_or_tokens_are_not_its_model_s_is_refused(
    tmp_path, tokenizer, name, monkeypatch
):
    """Its tokens are compared wherever the task alone knows how its rows are read."""
    model = Bert(tokenizer.size, layers=1, width=16, heads=2, max_length=20, seed=3)
    made = graph_subjects.encoder(model, tokenizer)
    classes = graph_subjects.subject(graph_subjects.bert(tokenizer.size), tokenizer, "cls")
    alone = replace(classes, labels=replace(classes.labels, places=None))

    def more(subject):
        (found,) = made_of(subject)
        inner = found.function
        return [replace(found, function=lambda **given: {
            key: 2 * value + 1 if key == "hidden" else value
            for key, value in inner(**given).items()
        })]  # fmt: skip

    made_of = graph.pieces_of
    with monkeypatch.context() as patch:
        patch.setattr(graph, "pieces_of", more)
        with pytest.raises(ExportRefusedError, match="its states, hidden, are not the model's"):
            written(tmp_path / "a", name, made)

    def reversed_(tokenizer):
        first, last = len(SPECIALS), tokenizer.size
        places = [*range(first), *reversed(range(first, last))]
        return WordPiece([tokenizer.vocabulary[place] for place in places], lower_case=True)

    write = graph.write_tokenizer
    monkeypatch.setattr(graph, "write_tokenizer", lambda one, to: write(reversed_(one), to))
    for subject in (made, alone) if name == "onnx" else (made,):
        with pytest.raises(ExportRefusedError, match="rows otherwise than the model's"):
            written(tmp_path / "a", name, subject)
    assert list(tmp_path.iterdir()) == []
