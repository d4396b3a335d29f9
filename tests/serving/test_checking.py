"""What a check takes for the same answer, and what it does not."""

import signal
import subprocess
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from tfkd.decoding import BeamSearch, GreedySearch, Sampling
from tfkd.decoding.numpy_decoding import (
    NEAR,
    NumpyModel,
    NumpyOutput,
    numpy_beam_search,
    numpy_score,
)
from tfkd.decoding.numpy_sampling import drawn, near_draw
from tfkd.serving.checking import _compare, is_tie, run_fresh
from tfkd.serving.language_model_check import _judge

# "ba be" (ids 5 6) and "be ba" (6 5) are as good as each other, "bi" (7) is far behind.
END = 3


def predict(prefixes):
    rows = []
    for prefix in prefixes:
        chances = np.full(50, 1e-12)
        chances[[5, 6, 7]] = {0: (0.45, 0.45, 0.1), 1: (0.5, 0.5, 0)}.get(len(prefix), (0, 0, 0))
        if len(prefix) == 1:
            chances[prefix[0]] = 0
            chances[END] = 0 if prefix[0] != 7 else 1
        if len(prefix) == 2:
            chances[END] = 1
        rows.append(np.log(chances / chances.sum() + 1e-30))
    return np.array(rows)


@pytest.fixture
def compare(tokenizer):
    expected = numpy_beam_search(predict, end_id=END, limit=3, beam=2, length_penalty=0.6)
    score_of = partial(numpy_score, predict, end_id=END, length_penalty=0.6)

    def run(text, ids, score, alone=None, id_score=None):
        served = {
            "outputs": [text],
            "scores": [score],
            "output_ids": [ids],
            "id_scores": [score if id_score is None else id_score],
            "alone": [alone] if alone else [],
        }
        return _compare(0, served, replace(expected, score_of=score_of), tokenizer)[:2]

    return run, expected


def test_the_same_output_must_have_the_same_score(compare):
    run, expected = compare
    assert expected.ids in ((5, 6), (6, 5))
    same = ("ba be", [5, 6]) if expected.ids == (5, 6) else ("be ba", [6, 5])
    assert run(*same, expected.score) == ("", False)
    assert "another score" in run(*same, expected.score + 0.01)[0]


def test_another_output_passes_only_as_a_tie_with_the_score_that_it_has(compare):
    run, expected = compare
    other = ("be ba", [6, 5]) if expected.ids == (5, 6) else ("ba be", [5, 6])
    assert run(*other, expected.score) == ("", True)
    assert "the model scores the served output" in run(*other, expected.score + 0.01)[0]


def test_text_that_the_ids_do_not_say_is_a_difference(compare):
    run, expected = compare
    assert "signature ids gives" in run("babe", list(expected.ids), expected.score)[0]


def test_signatures_and_batches_must_agree(compare):
    run, expected = compare
    same = ("ba be", [5, 6]) if expected.ids == (5, 6) else ("be ba", [6, 5])
    assert "gives the score" in run(*same, expected.score, id_score=expected.score - 0.1)[0]
    assert "alone it gives 'bi'" in run(*same, expected.score, alone=["bi", -3.0])[0]
    assert run(*same, expected.score, alone=["be", expected.score + 1e-7]) == ("", False)


@pytest.mark.long
def test_a_folder_that_does_not_load_says_why(tmp_path):
    with pytest.raises(RuntimeError, match=r"exit code 1\)"):
        run_fresh(tmp_path, {"text": [], "source_ids": [], "pad_id": 0})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_check_that_somebody_ended_refuses_no_model(tmp_path, monkeypatch, number):
    """The out-of-memory killer, for one: the same command may well go on."""

    def ended(command, **_):
        return subprocess.CompletedProcess(command, -number, "", "")

    monkeypatch.setattr(subprocess, "run", ended)
    with pytest.raises(ChildProcessError, match=f"ended by {number.name}"):
        run_fresh(tmp_path, {"text": [], "source_ids": [], "pad_id": 0})


def test_outputs_of_a_search_without_their_own_scores_may_differ_at_ties_alone(tokenizer):
    """What Mask-Predict says depends on each pass: one that chose by rounding may end elsewhere."""
    for margin, reason in ((1e-9, ""), (0.5, "another output, and no tie")):
        plain = NumpyOutput((5, 6), -1.0, margin)
        served = {"outputs": ["be ba"], "scores": [-3.0], "output_ids": [[6, 5]],
                  "id_scores": [-3.0], "alone": []}  # fmt: skip
        assert _compare(0, served, plain, tokenizer)[0] == reason


def test_options_at_their_defaults_must_agree_with_the_first_signature(tokenizer):
    plain = NumpyOutput((5, 6), -1.0, 0.5)
    served = {"outputs": ["ba be"], "scores": [-1.0], "output_ids": [[5, 6]],
              "id_scores": [-1.0], "alone": [], "with_options": [["ba be", -1.0]]}  # fmt: skip
    assert _compare(0, served, plain, tokenizer)[0] == ""
    for other in (["be ba", -1.0], ["ba be", -1.5]):
        found = _compare(0, served | {"with_options": [other]}, plain, tokenizer)[0]
        assert "with_options" in found
    tie = NumpyOutput((5, 6), -1.0, 1e-9)
    assert _compare(0, served | {"with_options": [["be ba", -1.5]]}, tie, tokenizer)[0] == ""


VOCABULARY, LIMIT = 3000, 12


def reading(prompt, tie_at=None):
    """A model of some thousands of words that has read a prompt; where `tie_at` says, the two
    likeliest tokens are as likely as each other but for a rounding."""

    def row(prefix):
        rng = np.random.default_rng([*prompt, *prefix])
        logits = rng.permutation(-1.2 * np.log(np.arange(1, VOCABULARY + 1)))
        logits += 0.1 * rng.normal(size=VOCABULARY)
        logits[:END] = logits[END] = -30
        if len(prefix) == tie_at:
            second, first = np.argsort(logits)[-2:]
            logits[second] = logits[first] - 1e-6
        return logits

    def logits(ids, first):
        behind = range(first + 1 - len(prompt), ids.shape[1] + 1 - len(prompt))
        return np.array([[row(one[len(prompt) :][:at]) for at in behind] for one in ids.tolist()])

    specials = SimpleNamespace(end_id=END, special_ids=range(END + 1))
    return NumpyModel(prompt, prompt, specials, logits)


def judged(search, written, model):
    """What both checks say: whether it holds as a language model's and as an encoder-decoder's."""
    best = search.numpy(model, LIMIT)
    answer = {"ids": list(written), "ended": len(written) < LIMIT}
    found = _judge(model, search, LIMIT, answer, again=True)
    same = tuple(written) == best.ids or is_tie(best, written, best.score_of(written))
    assert same == (not found.reason)
    return same


CUTS = [{}, {"top_k": 50}, {"top_p": 0.9}, {"top_k": 400, "top_p": 0.8}]


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_draws_of_another_seed_or_temperature_are_no_ties(cut):
    told = Sampling(seed=1, temperature=0.8, **cut)
    for prompt in ([1, 5], [1, 9, 4]):
        model = reading(prompt)
        written = told.numpy(model, LIMIT).ids
        assert judged(told, written, model)
        assert not judged(told, (*written[:-1], written[-1] % 2000 + 9), model)
        for other in ({"seed": 2}, {"temperature": 1.0}, {"temperature": 0.7}):
            assert not judged(told, replace(told, **other).numpy(model, LIMIT).ids, model)


@pytest.mark.parametrize("tie_at", [None, 2])
def test_a_near_tie_of_a_greedy_search_excuses_one_token(tie_at):
    model, search = reading([1, 5], tie_at), GreedySearch()
    best = search.numpy(model, LIMIT).ids

    def on(prefix, instead):
        """The likeliest tokens behind a prefix and, in place of its last but n-th, another."""
        while len(prefix) < LIMIT:
            rank = instead.get(len(prefix), 1)
            prefix = (*prefix, int(np.argsort(model.next([prefix])[0])[-rank]))
        return prefix

    assert on((), {}) == best
    assert judged(search, on((), {2: 2}), model) == (tie_at == 2)
    assert not judged(search, on((), {2: 3}), model)
    for later in (7, LIMIT - 1):
        assert not judged(search, on((), {later: 2}), model)
        assert not judged(search, on((), {2: 2, later: 2}), model)
    assert not judged(search, best[:7], model)


@pytest.mark.parametrize(
    ("draw", "cut", "may"),
    [
        (0.5 - 3 * NEAR, {}, {0}),
        (0.5 - NEAR / 2, {}, {0, 1}),
        (0.5 + NEAR / 2, {}, {0, 1}),
        (0.5 + 3 * NEAR, {}, {1}),
        # 0.5 and 0.3 are all there is, or not: the boundary is at 0.625 or at 0.5.
        (0.56, {"top_p": 0.8}, {0, 1}),
        (0.56, {"top_p": 0.7}, {0}),
        (0.56, {"top_p": 0.9}, {1}),
        (0.9, {"top_k": 2}, {1}),
        (1 - NEAR / 2, {}, {2}),
    ],
)
def test_a_draw_at_a_boundary_may_fall_on_either_side(draw, cut, may):
    logits = np.append(np.log([0.5, 0.3, 0.2]), -np.inf)
    choice = {"temperature": 1.0, "top_k": None, "top_p": 1.0} | cut
    assert {token for token in range(4) if near_draw(logits, token, draw, **choice)} == may
    assert drawn(logits, draw, **choice) in may


def test_whether_a_search_is_made_again_hangs_on_its_kind_alone():
    for search, costly in ((GreedySearch(), False), (Sampling(), False), (BeamSearch(), True)):
        model = reading([1, 5])
        best = search.numpy(model, 3).ids
        for written in (best, (*best[:-1], 17)):
            found = _judge(model, search, 3, {"ids": list(written), "ended": False}, again=True)
            assert found.costly == costly
            assert bool(found.reason) == (written != best)
