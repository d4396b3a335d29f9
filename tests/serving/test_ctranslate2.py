"""Models in CTranslate2's format: log-probabilities, outputs, refusals, a reader without tfkd."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from rings import few

from tfkd.commands import bench_engines
from tfkd.data.tokenizers import SentencePiece, WordPiece, learn_byte_bpe
from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.data.tokenizers.sentence_piece import learn_sentencepiece
from tfkd.decoding import Continuer, Decoder, build_search
from tfkd.models import Gpt2, Llama
from tfkd.serving import ExportRefusedError
from tfkd.serving.formats import ctranslate2_weights
from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.ctranslate2_card import program
from tfkd.serving.formats.format import ABOUT, Subject
from tfkd.serving.formats.opening import open_exported
from tfkd.serving.formats.text_files import TextFiles, write_tokenizer
from tfkd.spec.errors import UserError
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

pytestmark = pytest.mark.tensorflow
pytest.importorskip("ctranslate2")

OPTIONS = {
    "post": {},
    "pre": {"norm": "pre", "activation": "gelu"},
    "learned": {
        "positions": "learned", "activation": "silu", "share_embeddings": "none",
        "output_bias": False, "scale_embeddings": False, "embedding_norm": True,
    },
    "bart": {
        "source_lead": 7, "target_lead": 9, "positions": "learned", "embedding_norm": True,
        "activation": "gelu",
    },
    "lead": {"source_lead": 7, "activation": "gelu_tanh", "norm_epsilon": 1e-3},
}  # fmt: skip
BEAM = {"kind": "beam", "beam": 3, "length_penalty": 0.0}
HOSTILE = [
    "", " ", "\t", "[SEP]", "[CLS] [PAD] [MASK] [UNK]", "\0", "\ufffd\u200b\u2028", "日" * 500,
    "ba " * 2000, "e\u0301" * 30, "\U0001f600 \U000e0001", "\ud800", "ẞ İ ǅ ﬁ", "</s><s>", "\n\r",
]  # fmt: skip


def subject(model, tokenizers, decode, lines):
    return Subject(model, tokenizers, decode, lines, {"name": "tiny"}, None)


def options(quantize="float32"):
    return CTranslate2Options(of="learn", format="ctranslate2", quantize=quantize)


def engine_of(made, folder, quantize="float32"):
    """The engine of a folder that is not held against its model."""
    folder.mkdir(exist_ok=True)
    about = CTranslate2().files(made, options(quantize), folder)
    return CTranslate2().open(folder, {**about, "format": "ctranslate2"})


@pytest.mark.parametrize(
    "kind",
    few(
        [
            "post",
            "learned",
            *(pytest.param(k, marks=pytest.mark.long) for k in ("pre", "lead", "bart")),
        ],
        0,
    ),
)
def test_log_probabilities_are_those_of_the_model(tmp_path, build, tokenizer, kind):
    model = build(**OPTIONS[kind])
    both = {"source": tokenizer, "target": tokenizer}
    engine = engine_of(subject(model, both, BEAM, []), tmp_path / "a")
    rng = np.random.default_rng(0)
    source, target = (rng.integers(5, tokenizer.size, n) for n in (9, 12))
    record = {
        "source": {"ids": tf.constant([[*source, tokenizer.end_id]], tf.int32)},
        "target": {"ids": tf.constant([[tokenizer.start_id, *target]], tf.int32)},
    }
    logits = model.head.logits(model(record)["hidden"])[0].numpy().astype(np.float64)
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = expected[np.arange(13), [*target, tokenizer.end_id]]
    (found,) = engine.log_probabilities([tokenizer.pieces(source)], [tokenizer.pieces(target)])
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_outputs_are_those_of_the_model_s_own_search(tmp_path, build, tokenizer, sentences):
    model, both = build(norm="pre"), {"source": tokenizer, "target": tokenizer}
    bias = model.head.own_bias.numpy()
    bias[[one for one in tokenizer.special_ids if one != tokenizer.end_id]] = -100
    model.head.own_bias.assign(bias)  # what is forbidden has no share of the scores
    decode = {"kind": "greedy", "max_length": {"factor": 0.5, "plus": 3}}
    engine = engine_of(subject(model, both, decode, []), tmp_path / "a")
    decoder = Decoder(model, build_search(decode), tokenizer, tokenizer)
    expected = tokenizer.decode_batch(decoder.decode(tokenizer.encode(sentences)).outputs)
    found = engine.translate(sentences)
    assert [one.text for one in found] == expected
    scores = decoder.decode(tokenizer.encode(sentences)).scores
    np.testing.assert_allclose([one.score for one in found], scores, rtol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize(
    "decode",
    [BEAM, {**BEAM, "length_penalty": 1.0}, {**BEAM, "min_length": 3, "max_length": 6},
     {"kind": "greedy"}],
)  # fmt: skip
@pytest.mark.parametrize("kind", OPTIONS)
def test_it_is_held_to_its_model_and_put_in_place(
    tmp_path, build, tokenizer, sentences, decode, kind
):
    both = {"source": tokenizer, "target": tokenizer}
    for quantize in ("float32", "float16", "bfloat16", "int8", "int8_float32"):
        model = build(**OPTIONS[kind])
        for weight in model.weights if quantize.startswith("int8") else ():
            weight.assign(0.7 * weight)  # so narrow a model is coarse in 8 bits
        made = subject(model, both, decode, sentences)
        result = CTranslate2().write(made, options(quantize), tmp_path / quantize)
        assert result["check"]["lines"] > 5
        engine = open_exported(tmp_path / quantize)
        assert len(engine.translate(HOSTILE)) == len(HOSTILE)


@pytest.mark.long
def test_a_language_model_continues_as_it_does(tmp_path):
    bpe = learn_byte_bpe(["the man walks in the park.", "a dog runs."] * 5, 300)
    model = Gpt2(bpe.size, layers=1, width=16, heads=2, max_length=24, seed=2)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight.numpy() + 0.3 * rng.normal(size=weight.shape))
    decode = {"kind": "greedy", "max_length": 6}
    engine = engine_of(subject(model, {"text": bpe}, decode, []), tmp_path / "a")
    prompts = ["the man", "", "a dog runs. the man walks in the park. a dog", "two", "the"]
    found = Continuer(model, build_search(decode), bpe)(bpe.encode(prompts))
    assert [one.text for one in engine.translate(prompts)] == bpe.decode_batch(found)
    assert len(engine.translate(HOSTILE)) == len(HOSTILE)


@pytest.mark.parametrize("kind", few(["lead", "bart"], 0))
def test_a_source_that_spells_what_leads_it_is_a_source(tmp_path, build, tokenizer, kind):
    model, both = build(**OPTIONS[kind]), {"source": tokenizer, "target": tokenizer}
    bias = np.zeros(tokenizer.size, np.float32)
    bias[[one for one in tokenizer.special_ids if one != tokenizer.end_id]] = -100
    model.head.own_bias.assign(bias)  # what is forbidden has no share of the scores
    decode = {"kind": "greedy", "max_length": 5}
    engine = engine_of(subject(model, both, decode, []), tmp_path / "a")
    lead = tokenizer.vocabulary[7]
    lines = [lead, f"{lead} {lead}", f"ba {lead}", tokenizer.vocabulary[9], "ba"]
    decoder = Decoder(model, build_search(decode), tokenizer, tokenizer)
    outputs = decoder.decode(tokenizer.encode(lines)).outputs
    assert [one.text for one in engine.translate(lines)] == tokenizer.decode_batch(outputs)
    assert min(outputs.lengths) > 0


ROTARY = {
    "llama": {},
    "qwen2": {"key_value_heads": 2, "head_width": 16, "attention_bias": "inputs"},
    "qwen3": {
        "query_key_norm": True, "attention_bias": "all", "feed_forward_bias": True,
        "tie_embeddings": False,
    },
    "gemma": {
        "norms": "around", "scale_embeddings": True, "activation": "gelu_tanh",
        "attention_scale": 0.2, "rotary_theta": 1000.0, "logit_cap": 3.0,
    },
    "linear": {"rotary_scaling": {"kind": "linear", "factor": 4.0}},
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("kind", ROTARY)
def test_a_rotary_decoder_predicts_as_it_does_and_is_held(tmp_path, kind):
    bpe = learn_byte_bpe(["the man walks in the park.", "a dog runs."] * 5, 300)
    model = Llama(
        bpe.size, layers=2, width=32, heads=4, max_length=48, initializer_range=0.2, seed=2,
        **ROTARY[kind],
    )  # fmt: skip
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight.numpy() + 0.05 * rng.normal(size=weight.shape))
    decode = {"kind": "greedy", "max_length": 6}
    made = subject(model, {"text": bpe}, decode, ["the man", "", "a dog runs. the man walks"])
    assert CTranslate2().write(made, options(), tmp_path / "a")["check"]["lines"] == 3
    engine = open_exported(tmp_path / "a")
    ids = rng.integers(0, bpe.size, (2, 30))
    logits = model.head.logits(model({"ids": tf.constant(ids, tf.int32)})["hidden"])
    expected = tf.nn.log_softmax(tf.cast(logits, tf.float64)).numpy()
    for found, row in zip(engine.next_log_probabilities(ids.tolist()), expected, strict=True):
        np.testing.assert_allclose(found, row, atol=1e-4)
    assert len(engine.translate(HOSTILE)) == len(HOSTILE)


def test_an_export_that_is_not_its_model_is_refused_and_leaves_nothing(
    tmp_path, build, tokenizer, monkeypatch
):
    def damaged(model, tokenizers):
        spec = described(model, tokenizers)
        spec.decoder.layer[0].ffn.linear_0.bias = spec.decoder.layer[0].ffn.linear_0.bias + 1
        return spec

    described = ctranslate2_weights.described
    monkeypatch.setattr(ctranslate2_weights, "described", damaged)
    both = {"source": tokenizer, "target": tokenizer}
    made = subject(build(), both, {"kind": "greedy", "max_length": 4}, ["ba dage", "ki"])
    with pytest.raises(ExportRefusedError, match="log-probabilities are not the model's"):
        CTranslate2().write(made, options(), tmp_path / "here" / "a")
    assert list((tmp_path / "here").iterdir()) == []
    monkeypatch.undo()
    strict = options().model_copy(update={"tolerance": 1e-12})
    with pytest.raises(ExportRefusedError, match="1e-11 and 1e-12 are tolerated"):
        CTranslate2().write(made, strict, tmp_path / "here" / "a")
    with pytest.raises(ExportRefusedError, match="no line to check it on"):
        CTranslate2().write(
            subject(build(), both, {"kind": "greedy"}, []), options(), tmp_path / "here" / "a"
        )


@pytest.fixture(scope="module")
def exported(tmp_path_factory, build, tokenizer):
    """A whole folder, in 8 bits."""
    both = {"source": tokenizer, "target": tokenizer}
    made = subject(build(), both, {"kind": "greedy", "max_length": 5}, ["ba dage", "ki bu, ba."])
    folder = tmp_path_factory.mktemp("exports") / "int8"
    # Its weights are too large for 8 bits on some processors: it is about folders here.
    CTranslate2().write(made, options("int8").model_copy(update={"tolerance": 10.0}), folder)
    return folder


def test_a_damaged_folder_is_refused(exported, tmp_path):
    import shutil

    def copied(name):
        return shutil.copytree(exported, tmp_path / name)

    whole = copied("whole")
    assert open_exported(whole).translate(["ba"])
    for name in ("model.bin", "config.json", "source/tokenizer.json", ABOUT):
        folder = copied(name.replace("/", "-"))
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)
        with pytest.raises(UserError, match="has other bytes than were written"):
            open_exported(folder)
    more = copied("more")
    (more / "vmap.txt").write_text("a\n")
    with pytest.raises(UserError, match="is not among the files of checksums"):
        open_exported(more)
    (whole / "checksums.json").unlink()
    with pytest.raises(UserError, match="has no checksums"):
        open_exported(whole)


def test_the_card_s_program_answers_without_tfkd_and_tensorflow(exported, tmp_path):
    about = json.loads((exported / ABOUT).read_text("utf-8"))
    text = (exported / "README.md").read_text("utf-8")
    assert program(about) in text
    lines = ["ba dage", "", "ki bu, ba. 日", "ba " * 50]
    refuse = "import sys\nfor n in ('tfkd', 'tensorflow', 'keras'): sys.modules[n] = None\n"
    (tmp_path / "answer.py").write_text(refuse + program(about), "utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "answer.py", exported], input="\n".join(lines) + "\n",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = [one.text for one in open_exported(exported).translate(lines)]
    assert done.stdout.split("\n")[:-1] == expected


def test_the_guide_has_the_program():
    said = {"kind": "wordpiece", "lower_case": True, "detokenize": []}
    guide = Path(__file__).parents[2] / "docs" / "guides" / "serving.md"
    assert program({"tokenizers": {"source": said, "target": said}}) in guide.read_text("utf-8")


TEXTS = [
    "Ein Hund läuft, und don't (1,0.5) spielen!", "ÄÖÜ ß é e\u0301", "日本 ba語", "a\u200bb\xadc",
    "  viele   Räume\thier ", "x" * 150, "A—B “q” „z‟ …", "\u2028 zwei\u2029drei", "", "☃ €5",
]  # fmt: skip


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("kind", ["wordpiece", "sentencepiece", "byte_bpe"])
def test_the_files_read_and_write_text_as_the_tokenizer_does(tmp_path, kind, lower):
    if kind == "wordpiece":
        letters = sorted({c for text in TEXTS for c in text.lower() + text} - {" ", "\t", "x"})
        pieces = [
            "[PAD]",
            "[UNK]",
            "[CLS]",
            "[SEP]",
            "[MASK]",
            *letters,
            *(f"##{c}" for c in letters),
        ]
        made = WordPiece(pieces, lower)
    elif kind == "sentencepiece":
        made = SentencePiece(learn_sentencepiece(TEXTS * 3, 90), lower)
    else:
        made = learn_byte_bpe(TEXTS * 3, 300)
        made = LowerCasing(made) if lower else made
    said = json.loads(json.dumps(write_tokenizer(made, tmp_path / "a")))
    special = [made.vocabulary[place] for place in made.special_ids]
    unknown = made.vocabulary[made.unknown_id]
    files = TextFiles(tmp_path / "a", said, made.vocabulary, special, unknown)
    rows = made.encode(TEXTS)
    assert files.encode(TEXTS) == [made.pieces(row) for row in rows]
    assert [files.decode(made.pieces(row)) for row in rows] == made.decode_batch(rows)
    files.encode(HOSTILE)


@pytest.mark.long
def test_the_engines_of_a_run_stand_side_by_side(exported, tmp_path, monkeypatch):
    exports = [
        {"stage": "learn", "format": "ctranslate2", "name": name, "folder": f"export/learn/{name}"}
        for name in ("ctranslate2_int8", "again")
    ]
    for one in exports:
        shutil.copytree(exported, tmp_path / one["folder"])
    monkeypatch.setattr(bench_engines, "read_results", lambda _: {"exports": exports})
    (tmp_path / "lines").write_text("ba dage\nki\n")
    asked = {"source": tmp_path / "lines", "rounds": 1, "output": tmp_path / "out.json"}
    text = bench_engines.bench_engines([tmp_path], "all", **asked)
    assert text.count("100 %") == 2
    made = json.loads((tmp_path / "out.json").read_text())
    rows = made["rows"]
    assert made["command"] == "tfkd bench RUN --engine all --input FILE --rounds 1"
    assert all(one["bytes"] > 10_000 and one["peak_bytes"] > 2**20 for one in rows)
    # Three words in two lines, 16 times.
    assert all(one["words_a_second"] == pytest.approx(1.5 * one["lines_a_second"]) for one in rows)
    with pytest.raises(UserError, match="has no export that onnx runs"):
        bench_engines.bench_engines([tmp_path], "onnx", **asked)
    (tmp_path / exports[1]["folder"] / "model.bin").write_bytes(b"damaged")
    with pytest.raises(UserError, match="has other bytes than were written"):
        bench_engines.bench_engines([tmp_path], "all", **asked)
