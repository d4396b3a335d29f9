"""Mask-Predict's loop around exported graphs: outputs, log-probabilities, refusals, cards."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfkd.decoding import Decoder, build_search
from tfkd.layers import BottleneckAdapter, CrossAttentionAdapter
from tfkd.models import AbNet, Transformer
from tfkd.serving import ExportRefusedError
from tfkd.serving.formats import fill_engine, graph, piece
from tfkd.serving.formats.fill_card import program
from tfkd.serving.formats.fill_engine import FillEngine
from tfkd.serving.formats.format import ABOUT, Subject
from tfkd.serving.formats.litert import LiteRT
from tfkd.serving.formats.onnx import Onnx
from tfkd.serving.formats.opening import open_exported
from tfkd.serving.formats.run import Run

pytestmark = pytest.mark.tensorflow
pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
onnx = pytest.importorskip("onnx")

FORMATS = {"litert": LiteRT, "onnx": Onnx}
ALL = [(name, quantize) for name in FORMATS for quantize in ("float32", "int8")]
DECODE = {"kind": "mask_predict", "iterations": 4, "length_candidates": 3}
SEARCHES = [
    DECODE, {**DECODE, "passes": "one_more", "choose_by": "mean"},
    {**DECODE, "stop_when_stable": True, "iterations": 9, "max_length": 5},
    {**DECODE, "length_candidates": 1, "forbid_specials": False, "length_penalty": 0.0},
]  # fmt: skip
WITHOUT = "import sys\nfor n in ('tfkd', 'tensorflow', 'keras'): sys.modules[n] = None\n"


def sharp(model, scale=0.5):
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.asarray(weight.value) + scale * rng.normal(size=weight.shape))
    return model


def transformer(size, **options):
    given = {"encoder_layers": 1, "decoder_layers": 2, "width": 16, "heads": 2, "max_length": 20}
    given = {"decoder_attention": "full", "lengths": 16, "seed": 3, **given, **options}
    return sharp(Transformer(size, **given))


def ab_net(size):
    bert = {"vocabulary_size": size, "layers": 2, "width": 16, "heads": 2, "max_length": 20}
    adapters = {
        "encoder": {f"layer_{n}": {"after_block": BottleneckAdapter(8)} for n in (1, 2)},
        "decoder": {
            f"layer_{n}": {"after_block": CrossAttentionAdapter(2, feed_forward=8, memory_width=16)}
            for n in (1, 2)
        },
    }
    return sharp(AbNet(bert, bert, lengths=16, adapters=adapters, seed=3), 0.3)


MODELS = {"transformer": transformer, "ab_net": ab_net}


def subject(model, tokenizer, lines, decode=None):
    both = {"source": tokenizer, "target": tokenizer}
    return Subject(model, both, decode or DECODE, lines, {"name": "tiny"}, None)


def unconverted(made, one_by_one, folder):
    """The engine around the functions themselves: what is left is its loop."""
    about = graph._of_filling(made) | {"one_by_one": one_by_one, "format": "onnx"}
    said = {side: graph.write_side(one, folder / side) for side, one in made.tokenizers.items()}
    runs = {}
    for one in piece.pieces_of(made):
        _, call = one.traced(1 if one_by_one else None)
        names = list(one.takes)
        runs[one.name] = Run(names, lambda given, call=call, names=names: {
            name: value.numpy()
            for name, value in call(*(tf.constant(given[key]) for key in names)).items()
        })  # fmt: skip
    return FillEngine(folder, {**about, "tokenizers": said, "takes": {}}, runs)


@pytest.mark.long
@pytest.mark.parametrize("one_by_one", [True, False])
def test_the_loop_writes_what_the_model_s_own_decoding_does(
    tmp_path, tokenizer, sentences, one_by_one
):
    model = transformer(tokenizer.size, norm="pre")
    engine = unconverted(subject(model, tokenizer, []), one_by_one, tmp_path)
    for decode in SEARCHES:
        search = build_search(decode)
        own = graph._of_filling(subject(model, tokenizer, [], decode))
        engine.about = {**engine.about, **own}
        expected = Decoder(model, search, tokenizer, tokenizer).decode(tokenizer.encode(sentences))
        found = engine.translate(sentences)
        assert [one.text for one in found] == tokenizer.decode_batch(expected.outputs)
        np.testing.assert_allclose([one.score for one in found], expected.scores, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("name", "quantize"), ALL)
def test_exported_pieces_fill_in_as_the_model_does_and_so_does_the_card_s_program(
    tmp_path, tokenizer, sentences, kind, name, quantize
):
    model = MODELS[kind](tokenizer.size)
    for weight in model.weights if quantize == "int8" else ():
        weight.assign(0.7 * weight)  # so narrow a model is coarse in 8 bits
    made = subject(model, tokenizer, sentences)
    options = FORMATS[name].Options(of="learn", format=name, quantize=quantize)
    check = FORMATS[name]().write(made, options, tmp_path / "a")["check"]
    engine = open_exported(tmp_path / "a")
    texts = [one.text for one in engine.translate(sentences)]
    if quantize == "float32":
        assert check["largest_difference"] < 1e-4
        assert check["equal_outputs"] == check["lines"]
        decoder = Decoder(model, build_search(DECODE), tokenizer, tokenizer)
        assert texts == tokenizer.decode_batch(decoder.decode(tokenizer.encode(sentences)).outputs)
    (tmp_path / "answer.py").write_text(WITHOUT + program(engine.about), "utf-8")
    assert program(engine.about) in (tmp_path / "a" / "README.md").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "answer.py", tmp_path / "a"],
        input="\n".join(sentences) + "\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[:-1] == texts
    # Where an output has no room there is none.
    about = {**engine.about, "max_length": {"factor": 0.29, "plus": 0}}
    (tmp_path / "a" / ABOUT).write_text(json.dumps(about), "utf-8")
    lines = ["ba", "ki bu", "ba ki dage, bu ma ba ki"]
    done = subprocess.run(
        [sys.executable, tmp_path / "answer.py", tmp_path / "a"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    short = FORMATS[name]().open(tmp_path / "a", about)
    expected = [one.text for one in short.translate(lines)]
    assert done.stdout.split("\n")[:-1] == expected
    assert expected[0] == "" != expected[2]
    # Whatever comes has an end.
    rng = np.random.default_rng(2)
    hostile = ["".join(map(chr, rng.integers(1, 0x3000, n))) for n in rng.geometric(0.02, 200)]
    hostile += ["", "\0", "\ud800", "[MASK] [SEP]", "ba " * 3333, "日" * 10_000]
    assert len(engine.translate(hostile)) == len(hostile)


@pytest.mark.long
def test_a_table_that_is_read_and_predicted_by_is_stored_once(tmp_path, tokenizer):
    model = transformer(tokenizer.size, width=32)
    _, decoder = piece.filling_pieces(model)
    Onnx().convert(decoder, tmp_path / "a", "float32")
    stored = onnx.load(tmp_path / "a").graph.initializer
    assert [sorted(one.dims) for one in stored].count([32, tokenizer.size]) == 1


@pytest.mark.long
def test_other_shapes_of_models(tmp_path, tokenizer, sentences):
    shapes = {"positions": "learned", "activation": "silu", "share_embeddings": "none"}
    model = transformer(tokenizer.size, norm="pre", **shapes)
    made = subject(model, tokenizer, sentences)
    options = Onnx.Options(of="learn", format="onnx")
    check = Onnx().write(made, options, tmp_path / "a")["check"]
    assert check["equal_outputs"] == check["lines"]


@pytest.mark.long
def test_pieces_that_are_not_the_model_s_are_refused(tmp_path, tokenizer, sentences, monkeypatch):
    model = transformer(tokenizer.size)
    made = subject(model, tokenizer, sentences)
    options = Onnx.Options(of="learn", format="onnx")
    passes = FillEngine._pass

    def damaged(self, state, rows, places):
        found = passes(self, state, rows, places)
        return [one + np.linspace(0, 2, one.shape[1]) for one in found]

    monkeypatch.setattr(fill_engine.FillEngine, "_pass", damaged)
    with pytest.raises(ExportRefusedError, match="log-probabilities are not the model's"):
        Onnx().write(made, options, tmp_path / "here" / "a")
    assert list((tmp_path / "here").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(FillEngine, "_score", lambda self, sure: -float(sure.sum()))
    with pytest.raises(ExportRefusedError, match="outputs that are clear-cut are not the model's"):
        Onnx().write(made, options, tmp_path / "here" / "a")
