"""What a check takes for the same answer, and what it does not."""

import signal
import subprocess
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tfkd.decoding.plain_decoding import PlainOutput, plain_beam_search, plain_score
from tfkd.serving.checking import _compare, run_fresh

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
    expected = plain_beam_search(predict, end_id=END, limit=3, beam=2, length_penalty=0.6)
    score_of = partial(plain_score, predict, end_id=END, length_penalty=0.6)

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
        plain = PlainOutput((5, 6), -1.0, margin)
        served = {"outputs": ["be ba"], "scores": [-3.0], "output_ids": [[6, 5]],
                  "id_scores": [-3.0], "alone": []}  # fmt: skip
        assert _compare(0, served, plain, tokenizer)[0] == reason


def test_options_at_their_defaults_must_agree_with_the_plain_signature(tokenizer):
    plain = PlainOutput((5, 6), -1.0, 0.5)
    served = {"outputs": ["ba be"], "scores": [-1.0], "output_ids": [[5, 6]],
              "id_scores": [-1.0], "alone": [], "with_options": [["ba be", -1.0]]}  # fmt: skip
    assert _compare(0, served, plain, tokenizer)[0] == ""
    for other in (["be ba", -1.0], ["ba be", -1.5]):
        found = _compare(0, served | {"with_options": [other]}, plain, tokenizer)[0]
        assert "with_options" in found
    tie = PlainOutput((5, 6), -1.0, 1e-9)
    assert _compare(0, served | {"with_options": [["be ba", -1.5]]}, tie, tokenizer)[0] == ""
