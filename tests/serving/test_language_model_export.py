"""Export of a language model: answers of each signature, card, and refusals."""

import copy
import itertools
from pathlib import Path

import numpy as np
import pytest
import rings
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.ragged import Ragged
from tfkd.data.tokenizers import learn_byte_bpe
from tfkd.decoding import Continuer, build_search
from tfkd.decoding.continuation import continue_prompts
from tfkd.decoding.numpy_sampling import drawn, near_draw, numpy_draw
from tfkd.decoding.sampling import hashed, sampled, uniform
from tfkd.models import Gpt2
from tfkd.serving import ExportRefusedError, check, export_language_model, load_saved_model
from tfkd.serving import language_model_check as module
from tfkd.serving import language_model_export as export_module
from tfkd.serving.checksums import check_checksums
from tfkd.serving.graphs.full_precision import in_float32
from tfkd.serving.graphs.served_language_model import ServedLanguageModel
from tfkd.spec.errors import UserError

LINES = ["the man walks in the park.", "a dog runs.", "two men, one dog — ü!"] * 5
PROMPTS = ["the man", "", "a dog — ü", "two", "the man walks in the park and a dog runs in it too"]
CARD = {"name": "tiny", "summary": "Says nothing.", "training": {"steps": 1}}
CUT = {"top_k": 9, "top_p": 0.8, "temperature": 0.7}
DECODES = {
    "greedy": {"kind": "greedy", "max_length": {"factor": 0.5, "plus": 6}},
    "beam": {"kind": "beam", "beam": 3, "max_length": 6},
    "cut": {"kind": "sample", **CUT, "seed": 2, "max_length": 8},
}
# The short ring takes draws, in one export that all tests share; a greedy search and a beam are in
# the long one.
KINDS = ["cut", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("greedy", "beam"))]
WORDS = {
    "greedy": "with the likeliest token",
    "beam": "by beam search, beam 3, length penalty 0.6",
    "cut": "by draws at temperature 0.7, top_k 9, top_p 0.8, seed 2",
}

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def tokenizer():
    return learn_byte_bpe(LINES, 290)


@pytest.fixture(scope="module")
def model(tokenizer):
    return Gpt2(
        tokenizer.size, layers=1, width=8, heads=2, max_length=24, initializer_range=0.4, seed=1,
        dtype="mixed_bfloat16",
    )  # fmt: skip


@pytest.fixture(scope="module")
def twin(model):
    """The model in float32, as it is exported."""
    return in_float32(model)


@pytest.fixture
def here(monkeypatch):
    """Runs what a fresh process would run in this one, to save its start."""
    monkeypatch.setattr(module, "run_fresh", check.go_on)


def export(model, tokenizer, decode, folder, prompts=PROMPTS):
    return export_language_model(model, tokenizer, decode, folder, CARD, prompts=prompts)


@pytest.fixture(scope="module")
def exported(model, tokenizer, tmp_path_factory):
    """The result of an export, and what the process answered that checks it: in the short ring this
    one, to save another's start."""
    answered, run_fresh = [], check.go_on if rings.in_short_ring else module.run_fresh
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module, "run_fresh", lambda *asked: answered.append(run_fresh(*asked)) or answered[-1]
        )
        result = export(model, tokenizer, DECODES["cut"], tmp_path_factory.mktemp("lm") / "lm")
    (answers,) = answered
    return result, answers


def written(twin, tokenizer, decode, lines):
    continuer = Continuer(twin, build_search(decode), tokenizer)
    return tokenizer.decode_batch(continuer(tokenizer.encode(lines)))


def test_a_fresh_process_answers_as_the_model_does(exported, model, twin, tokenizer, loops):
    (result, _), decode = exported, DECODES["cut"]
    folder = Path(result["folder"])
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    assert result["check"]["prompts"] == len(PROMPTS)
    assert result["check"]["largest_difference"] < 1e-3
    assert result["parameters"] == model.count_params()
    assert result["bytes"] == sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "ids")
    )
    assert b"_gradient_op_type" not in (folder / "saved_model.pb").read_bytes()
    assert loops(folder) == 3, "more than the search's loop and the tokenizer's two"
    check_checksums(folder)
    lines = [*PROMPTS, *PROMPTS[::-1]] * 8
    served = load_saved_model(folder.parent)
    assert [each.text for each in served.translate(lines)] == written(
        twin, tokenizer, decode, lines
    )
    described(folder, "cut")


def test_a_seed_may_be_chosen(exported, twin, tokenizer):
    folder = Path(exported[0]["folder"])
    other = load_saved_model(folder, {"seed": 11}).translate(PROMPTS)
    decode = {**DECODES["cut"], "seed": 11}
    assert [each.text for each in other] == written(twin, tokenizer, decode, PROMPTS)
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
def test_each_search_is_checked_and_described(here, model, twin, tokenizer, kind, tmp_path):
    decode = DECODES[kind]
    result = export(model, tokenizer, decode, tmp_path)
    assert result["check"]["prompts"] == len(PROMPTS)
    found = load_saved_model(tmp_path).translate(PROMPTS)
    assert [one.text for one in found] == written(twin, tokenizer, decode, PROMPTS)
    described(Path(result["folder"]), kind)


@pytest.fixture(params=["cut", pytest.param("beam", marks=pytest.mark.long)])
def loaded(request, exported, twin, tokenizer, tmp_path):
    """A SavedModel's signatures, and the search that it was made with."""
    search = build_search(DECODES[request.param])
    if request.param == "cut":
        return tf.saved_model.load(exported[0]["folder"]).signatures, search
    served = ServedLanguageModel(twin, tokenizer, search)
    tf.saved_model.save(served, str(tmp_path), signatures=served.signatures())
    return tf.saved_model.load(str(tmp_path)).signatures, search


def test_each_signature_answers_as_the_model_does(loaded, twin, tokenizer):
    signatures, search = loaded
    prompts = ["the man", "", "a dog runs in the park and the man walks in it, too — ü"]
    found = signatures["serving_default"](text=tf.constant(prompts))
    none = signatures["serving_default"](text=tf.constant([], tf.string))
    assert none["outputs"].shape == none["scores"].shape == (0,)
    for row, prompt in enumerate(prompts):
        ids = tokenizer.encode([prompt]).row(0).tolist()[-11:]  # half of its positions
        ids = [int(tokenizer.start_id), *ids]
        expected = continue_prompts(
            twin, search, tf.constant([ids], tf.int32), tf.constant([len(ids)]), tokenizer
        )
        text = tokenizer.in_graph().detokenize(expected.ids).numpy()[0]
        assert found["outputs"].numpy()[row] == text
        np.testing.assert_allclose(
            found["scores"][row], expected.log_probabilities[0], rtol=1e-4, atol=1e-5
        )
        by_ids = signatures["ids"](
            prompt_ids=tf.constant([ids[1:]], tf.int32), prompt_lengths=tf.constant([len(ids) - 1])
        )
        count = int(by_ids["output_lengths"][0])
        assert count == int(expected.lengths[0])
        written = by_ids["output_ids"].numpy()[0, :count].tolist()
        assert written == expected.ids.numpy()[0, :count].tolist()


def test_a_seed_may_be_chosen_call_by_call(exported):
    signatures = tf.saved_model.load(exported[0]["folder"]).signatures
    text = tf.constant(["the", "the"])
    plain = signatures["serving_default"](text=text)["outputs"].numpy().tolist()
    assert plain[0] == plain[1]  # a function of the text and the seed
    call = signatures["with_options"]
    assert int(signatures["options"]()["seed"]) == 2
    assert call(text=text, seed=tf.constant(2))["outputs"].numpy().tolist() == plain
    others = {call(text=text[:1], seed=tf.constant(n))["outputs"].numpy()[0] for n in range(6)}
    assert len(others) > 2


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
def checked(exported, twin, tokenizer):
    """Judges other answers of the fresh process to the first prompt, together and alone."""
    folder, honest = exported[0]["folder"], copy.deepcopy(exported[1])
    for where in ("together", "alone"):
        del honest[where][1:]

    def judge(change):
        answers = copy.deepcopy(honest)
        change(answers)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "run_fresh", lambda folder, request: answers)
            search = build_search(DECODES["cut"])
            return module.check_prompts(folder, PROMPTS[:1], twin, tokenizer, search)

    assert judge(lambda answers: None).holds
    return judge


@pytest.mark.parametrize(
    ("fault", "where"),
    rings.few([*zip(FAULTS, itertools.cycle(("together", "alone")), strict=False)], 0, 3, 6),
)
def test_what_answers_otherwise_does_not_hold(checked, tokenizer, fault, where):
    def change(answers):
        answer = answers[where][0]
        FAULTS[fault](answer)
        if fault in ("token", "shorter"):  # it is what it says, but not what the search chooses
            answer["text"] = tokenizer.decode_batch(Ragged.from_rows([answer["ids"]]))[0]
            answer["with_options"] = answer["text"]

    found = checked(change)
    assert not found.holds
    assert len(found.differences) == 1


def test_a_refused_export_leaves_nothing(monkeypatch, exported, model, tokenizer, tmp_path):
    answers = copy.deepcopy(exported[1])
    FAULTS["score"](answers["together"][0])
    monkeypatch.setattr(module, "run_fresh", lambda folder, request: answers)

    class Little(tf.Module):  # what is written is of no matter here
        def __init__(self, *_):
            super().__init__()
            self.weights = []

        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], autograph=False)
        def serve(self, x):
            return {"x": x}

        def signatures(self):
            return {"serving_default": self.serve.get_concrete_function()}

    monkeypatch.setattr(export_module, "ServedLanguageModel", Little)
    with pytest.raises(ExportRefusedError, match=r"prompts are not .*1 answers differ:\n'the man'"):
        export(model, tokenizer, DECODES["cut"], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_another_search_than_the_one_that_is_told_does_not_hold(
    monkeypatch, exported, twin, tokenizer, kind
):
    result, answers = exported
    monkeypatch.setattr(module, "run_fresh", lambda folder, request: answers)
    free = {**DECODES["cut"], "top_k": None, "top_p": 1.0, "temperature": 1.0}
    told = build_search({**(free if kind == "cut" else DECODES[kind]), "max_length": 8})
    found = module.check_prompts(result["folder"], PROMPTS, twin, tokenizer, told)
    assert any("the search" in one for one in found.differences)


def test_without_prompts_nothing_holds(exported, twin, tokenizer):
    search = build_search(DECODES["cut"])
    found = module.check_prompts(exported[0]["folder"], [], twin, tokenizer, search)
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
