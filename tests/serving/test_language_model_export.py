"""Export of a language model: answers, card, and refusals."""

import copy
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.ragged import Ragged
from tfkd.data.tokenizers import learn_byte_bpe
from tfkd.decoding import Continuer, build_search
from tfkd.decoding.numpy_sampling import drawn, near_draw, numpy_draw
from tfkd.decoding.sampling import hashed, sampled, uniform
from tfkd.models import Gpt2
from tfkd.serving import ExportRefusedError, check, export_language_model, load_saved_model
from tfkd.serving import language_model_check as module
from tfkd.serving.checksums import check_checksums
from tfkd.serving.full_precision import in_float32
from tfkd.serving.served_language_model import ServedLanguageModel
from tfkd.spec.errors import UserError

LINES = ["the man walks in the park.", "a dog runs.", "two men, one dog — ü!"] * 5
PROMPTS = ["the man", "", "a dog — ü", "two", "the man walks in the park and a dog runs in it too"]
CARD = {"name": "tiny", "summary": "Says nothing.", "training": {"steps": 1}}
SAMPLE = {"kind": "sample", "seed": 7, "max_length": 8}
DECODES = {
    "greedy": {"kind": "greedy", "max_length": {"factor": 0.5, "plus": 6}},
    "beam": {"kind": "beam", "beam": 3, "max_length": 6},
    "cut": {**SAMPLE, "top_k": 9, "top_p": 0.8, "temperature": 0.7, "seed": 2},
}
# The short ring takes draws, in one export that a fresh process answers for; a greedy search and a
# beam are in the long one.
KINDS = ["cut", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("greedy", "beam"))]
WORDS = {
    "greedy": "with the likeliest token",
    "beam": "by beam search, beam 3, length penalty 0.6",
    "cut": "by draws at temperature 0.7, top_k 9, top_p 0.8, seed 2",
}


@pytest.fixture(scope="module")
def tokenizer():
    return learn_byte_bpe(LINES, 290)


@pytest.fixture(scope="module")
def model(tokenizer):
    return Gpt2(
        tokenizer.size, layers=2, width=8, heads=2, max_length=24, initializer_range=0.4, seed=1,
        dtype="mixed_bfloat16",
    )  # fmt: skip


@pytest.fixture
def here(monkeypatch):
    """Runs what a fresh process would run in this one, to save its start."""
    monkeypatch.setattr(module, "run_fresh", check.go_on)


def export(model, tokenizer, decode, folder, prompts=PROMPTS):
    return export_language_model(model, tokenizer, decode, folder, CARD, prompts=prompts)


def written(model, tokenizer, decode, lines):
    continuer = Continuer(in_float32(model), build_search(decode), tokenizer)
    return tokenizer.decode_batch(continuer(tokenizer.encode(lines)))


def test_a_fresh_process_answers_as_the_model_does(model, tokenizer, loops, tmp_path):
    decode = DECODES["cut"]
    result = export(model, tokenizer, decode, tmp_path / "lm")
    folder = Path(result["folder"])
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    assert result["check"]["prompts"] == len(PROMPTS)
    assert result["check"]["largest_difference"] < 1e-3
    assert result["parameters"] == model.count_params()
    assert result["bytes"] == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert b"_gradient_op_type" not in (folder / "saved_model.pb").read_bytes()
    assert loops(folder) == 3, "more than the search's loop and the tokenizer's two"
    check_checksums(folder)
    served = load_saved_model(folder.parent)
    lines = [*PROMPTS, *PROMPTS[::-1]] * 8
    assert [each.text for each in served.translate(lines)] == written(
        model, tokenizer, decode, lines
    )
    other = load_saved_model(folder, {"seed": 11}).translate(PROMPTS)
    assert [each.text for each in other] == written(
        model, tokenizer, {**decode, "seed": 11}, PROMPTS
    )
    described(folder, "cut")
    with pytest.raises(UserError, match="no option iterations; it has seed") as refused:
        load_saved_model(folder, {"iterations": 2})
    assert "not a SavedModel" not in str(refused.value)


def described(folder, kind):
    """The card tells of the search."""
    decode, card = DECODES[kind], (folder / "README.md").read_text("utf-8")
    assert WORDS[kind] in card
    assert ("with_options" in card) == (decode["kind"] == "sample")
    limit = "min(12, 0.5 * prompt tokens" if kind == "greedy" else f"{decode['max_length']} tokens"
    assert f"at most {limit}" in card
    assert "Of a prompt of more than 11 tokens the last ones are read" in card


@pytest.mark.long
@pytest.mark.parametrize("kind", ["greedy", "beam"])
def test_each_search_is_checked_and_described(here, model, tokenizer, kind, tmp_path):
    decode = DECODES[kind]
    result = export(model, tokenizer, decode, tmp_path)
    assert result["check"]["prompts"] == len(PROMPTS)
    found = load_saved_model(tmp_path).translate(PROMPTS)
    assert [one.text for one in found] == written(model, tokenizer, decode, PROMPTS)
    described(Path(result["folder"]), kind)


FAULTS = {
    "token": lambda one: one.update(ids=[one["ids"][0], one["ids"][0] + 1, *one["ids"][2:]]),
    "shorter": lambda one: one.update(ids=one["ids"][:-1]),
    "score": lambda one: one.update(score=one["score"] + 0.1, id_score=one["id_score"] + 0.1),
    "id_score": lambda one: one.update(id_score=one["id_score"] + 0.1),
    "text": lambda one: one.update(text=one["text"] + "!"),
    "ended": lambda one: one.update(ended=not one["ended"], id_ended=not one["ended"]),
    "options": lambda one: one.update(with_options="another"),
    "nan": lambda one: one.update(score=float("nan"), id_score=float("nan")),
}


@pytest.fixture(scope="module")
def served(model, tokenizer, tmp_path_factory):
    """The folder of a SavedModel that samples, its check's request and honest answers."""
    folder = tmp_path_factory.mktemp("served")
    served = ServedLanguageModel(in_float32(model), tokenizer, build_search(SAMPLE))
    tf.saved_model.save(served, str(folder), signatures=served.signatures())
    rows = tokenizer.encode(PROMPTS[:1])
    request = {"prompts": PROMPTS[:1], "prompt_ids": [rows.row(0).tolist()], "pad_id": 0}
    return folder, check.go_on(folder, request)


@pytest.mark.parametrize("where", ["together", "alone"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_answers_otherwise_does_not_hold(monkeypatch, model, tokenizer, served, fault, where):
    folder, honest = served
    model, search = in_float32(model), build_search(SAMPLE)
    answers = copy.deepcopy(honest)
    monkeypatch.setattr(module, "run_fresh", lambda folder, request: answers)
    assert module.check_prompts(folder, PROMPTS[:1], model, tokenizer, search).holds
    answer = answers[where][0]
    FAULTS[fault](answer)
    if fault in ("token", "shorter"):  # it is what it says, but not what the search chooses
        answer["text"] = tokenizer.decode_batch(Ragged.from_rows([answer["ids"]]))[0]
        answer["with_options"] = answer["text"]
    found = module.check_prompts(folder, PROMPTS[:1], model, tokenizer, search)
    assert not found.holds
    assert len(found.differences) == 1


def test_a_refused_export_leaves_nothing(monkeypatch, model, tokenizer, served, tmp_path):
    answers = copy.deepcopy(served[1])
    FAULTS["score"](answers["together"][0])
    monkeypatch.setattr(module, "run_fresh", lambda folder, request: answers)
    with pytest.raises(
        ExportRefusedError, match=r"to 1 prompts are not .*1 answers differ:\n'the man'"
    ):
        export(model, tokenizer, SAMPLE, tmp_path, PROMPTS[:1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_another_search_than_the_one_that_is_told_does_not_hold(
    here, model, tokenizer, served, kind
):
    told = build_search({**DECODES[kind], "max_length": 8})
    found = module.check_prompts(served[0], PROMPTS, in_float32(model), tokenizer, told)
    assert any("the search" in one for one in found.differences)


def test_without_prompts_nothing_holds(here, model, tokenizer, served):
    search = build_search(SAMPLE)
    found = module.check_prompts(served[0], [], in_float32(model), tokenizer, search)
    assert (found.rows, found.holds) == (0, False)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=30), st.integers(0, 2**31 - 1))
def test_draws_in_numpy_are_those_of_the_graph(prompt, seed):
    ids, valid = (
        tf.constant([[*prompt, 5]], tf.int32),
        tf.constant([[True] * len(prompt) + [False]]),
    )
    keys = hashed(ids, valid, seed)
    for index in (0, 1, 77):
        assert numpy_draw(prompt, seed, index) == float(uniform(keys, tf.constant(index))[0])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31 - 1),
    st.sampled_from([None, 1, 4, 9]),
    st.sampled_from([1.0, 0.6, 0.9]),
    st.sampled_from([1.0, 0.5, 2.0]),
)
def test_the_one_token_that_a_draw_falls_on_is_the_one_that_is_sampled(seed, top_k, top_p, heat):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=9) * 2
    if generator.random() < 0.3:
        logits[3] = -np.inf
    choice = {"temperature": heat, "top_k": top_k, "top_p": top_p}
    keys = tf.constant([seed], tf.uint32)
    draw = float(uniform(keys, tf.constant(3))[0])
    logits = logits.astype(np.float32)
    token = int(sampled(tf.constant([logits]), keys, tf.constant(3), **choice)[0])
    logits = logits.astype(np.float64)
    found = drawn(logits, draw, **choice)
    # At a boundary that is within rounding, either side.
    assert found == token or near_draw(logits, token, draw, **choice)
