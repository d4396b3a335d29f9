"""GPT-2s in CTranslate2's format: long ones, ones that end at a newline, and the card's program."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tfkd.data.tokenizers import Separated, learn_byte_bpe
from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.decoding import Continuer, build_search
from tfkd.models import Gpt2
from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.ctranslate2_card import program
from tfkd.serving.formats.format import ABOUT, Subject
from tfkd.serving.formats.opening import open_exported
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

pytestmark = pytest.mark.tensorflow
pytest.importorskip("ctranslate2")

LINES = ["the man walks in the park.", "a dog runs."] * 5
PROMPTS = ["the man", "", "a dog runs. the man walks in the park. a dog", "two", "the", "A Dog ß"]
OPTIONS = CTranslate2Options(of="learn", format="ctranslate2")


def model_of(size, max_length=24, end_id=None):
    model = Gpt2(size, layers=1, width=16, heads=2, max_length=max_length, seed=2)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight.numpy() + 0.3 * rng.normal(size=weight.shape))
    if end_id is not None:  # is made likely
        offset = model.decoder.final_norm.offset
        offset.assign(offset.numpy() + 2 * model.embedding.tokens.table.numpy()[end_id])
    return model


def subject(model, tokenizer, decode):
    return Subject(model, {"text": tokenizer}, decode, PROMPTS, {"name": "tiny"}, None)


def engine_of(made, folder):
    """The engine of a folder that is not held against its model."""
    folder.mkdir()
    about = CTranslate2().files(made, OPTIONS, folder)
    return CTranslate2().open(folder, {**about, "format": "ctranslate2"})


@pytest.fixture(scope="module")
def between():
    """A tokenizer whose texts stand between newlines."""
    bpe = learn_byte_bpe([*LINES, "a\nb"], 300)
    (newline,) = bpe.encode(["\n"]).values
    return Separated(bpe, newline)


def test_all_positions_of_a_long_model_are_scored(tmp_path):
    bpe, most = learn_byte_bpe(LINES, 270), 1100
    model = model_of(bpe.size, most)
    engine = engine_of(subject(model, bpe, {"kind": "greedy", "max_length": 6}), tmp_path / "a")
    ids = np.random.default_rng(0).integers(1, 250, most - 1)
    row, output = [bpe.start_id, *ids[:1020]], ids[1020:]
    assert len(row) + len(output) == most
    logits = model.head.logits(model({"ids": np.array([[*row, *output]])})["hidden"])[0].numpy()
    logits = logits.astype(np.float64)[len(row) - 1 :]
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = expected[np.arange(len(output) + 1), [*output, bpe.end_id]]
    (found,) = engine.log_probabilities([bpe.pieces(row)], [bpe.pieces(output)])
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())
    assert len(engine.translate(["a dog runs. " * 600])) == 1


@pytest.mark.long
def test_a_model_of_texts_between_newlines_ends_at_one(tmp_path, between):
    model = model_of(between.size, end_id=between.end_id)
    decode = {"kind": "greedy", "max_length": 12}
    engine = engine_of(subject(model, LowerCasing(between), decode), tmp_path / "a")
    read = LowerCasing(between).encode(PROMPTS)
    found = Continuer(model, build_search(decode), between)(read)
    assert [one.text for one in engine.translate(PROMPTS)] == between.decode_batch(found)
    # Some end by themselves, before the limit.
    assert min(len(found.row(i)) for i in range(len(PROMPTS))) < 12
    config = json.loads((tmp_path / "a" / "config.json").read_text("utf-8"))
    newline = between.vocabulary[between.end_id]
    assert (config["bos_token"], config["eos_token"]) == (newline, newline)


@pytest.mark.long
@pytest.mark.parametrize("decode", [{"kind": "greedy"}, {"kind": "beam", "beam": 2}])
@pytest.mark.parametrize("separated", [False, True])
def test_the_card_s_program_continues_without_tfkd_and_tensorflow(
    tmp_path, between, separated, decode
):
    tokenizer = LowerCasing(between if separated else between.inner)
    made = subject(
        model_of(between.size, end_id=tokenizer.end_id), tokenizer, {**decode, "max_length": 12}
    )
    CTranslate2().write(made, OPTIONS, tmp_path / "a")
    about = json.loads((tmp_path / "a" / ABOUT).read_text("utf-8"))
    refuse = "import sys\nfor n in ('tfkd', 'tensorflow', 'keras'): sys.modules[n] = None\n"
    (tmp_path / "answer.py").write_text(refuse + program(about), "utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "answer.py", tmp_path / "a"],
        input="\n".join(PROMPTS) + "\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = [one.text for one in open_exported(tmp_path / "a").translate(PROMPTS)]
    assert done.stdout.split("\n")[:-1] == [one.replace("\n", " ") for one in expected]
