"""Which setting a decoding is chosen by, and what results, comparisons and pages tell of it."""

import json
from types import SimpleNamespace

import pytest
import sacrebleu
from small_line import write_line
from test_compared_metrics import FIGURE, OURS, REFERENCES, THEIRS, finished, run_folder

from tfkd.commands.compare import compare
from tfkd.evaluation import decode_as_asked
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.seeds import summaries
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.inputs import tuned_decode
from tfkd.report.page import render
from tfkd.report.terminal import score_table
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

PENALTIES = [1.4, 0.6, 1.0]
CHOOSE = {"decode.length_penalty": PENALTIES, "by": "valid.chrf"}


@pytest.fixture
def evaluated(tmp_path):
    """An evaluation of the tiny line, and a place for its stages."""
    tuned = ["evaluate.1.decode={kind: beam, beam: 2}", f"evaluate.1.choose={json.dumps(CHOOSE)}"]
    spec = load_spec(write_line(tmp_path), overrides=tuned)
    return wanted(spec, tmp_path).evaluations[0], Context(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("outputs", "best"),
    [([THEIRS, OURS, REFERENCES], 2), ([THEIRS, OURS, OURS], 1), ([[""] * 3] * 3, 0)],
)
def test_the_best_by_sacrebleu_is_chosen_and_of_equal_ones_the_first(
    evaluated, outputs, best, tmp_path, monkeypatch
):
    evaluation, context = evaluated
    tune = evaluation.system.inputs["tuned"]
    for trial, lines in zip(tune.inputs.values(), outputs, strict=True):
        place = context.stages / trial.key
        place.mkdir(parents=True)
        (place / "hypotheses.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    text = SimpleNamespace(lines={"target": REFERENCES}.get)
    monkeypatch.setattr("tfkd.pipeline.stages.tune.open_text", lambda node, context: text)
    summary = stage_of("tune").run(tune, SimpleNamespace(path=tmp_path), context)
    by_hand = [sacrebleu.corpus_chrf(lines, [REFERENCES]).score for lines in outputs]
    assert summary["choose"]["by"] == "valid.chrf"
    trials = summary["choose"]["trials"]
    assert [one["value"] for one in trials] == pytest.approx(by_hand)
    assert [one["setting"]["decode.length_penalty"] for one in trials] == PENALTIES
    assert summary["choose"]["chosen"] == best == by_hand.index(max(by_hand))
    assert json.loads((tmp_path / "chosen.json").read_text())["place"] == best

    monkeypatch.setattr(StageFolder, "manifest", lambda _: {"summary": summary})
    decode = tuned_decode.decode_of(evaluation.system, context)
    assert (decode.beam, decode.length_penalty) == (2, PENALTIES[best])
    shown = {"kind": "beam", "beam": 2, "length_penalty": PENALTIES[best]}
    assert tuned_decode.shown_decode(evaluation.system, context) == shown
    # What is not tuned is as its options say.
    assert tuned_decode.decode_of(tune.inputs["trial.2"], context).length_penalty == 1.0


def entry(seed, penalty, theirs, **more):
    decode = {"kind": "beam", "beam": 2, "length_penalty": penalty}
    against = {"of": "learn", "variant": "baseline", "metrics": {"bleu": {
        "value": 1.0, "delta": 0.0, "low": 0.0, "high": 1.0, "p": 0.1}}}  # fmt: skip
    if theirs != penalty:
        against["decode"] = {**decode, "length_penalty": theirs}
    return {
        "of": "learn", "variant": None, "on": "test", "seed": seed, "rows": 3, "decode": decode,
        "choose": CHOOSE, "metrics": {"bleu": FIGURE}, "against": against, **more,
    }  # fmt: skip


def test_seeds_that_chose_otherwise_are_seeds_of_one_system():
    entries = [entry(1, 1.4, 1.4), entry(2, 0.6, 1.0), entry(3, 1.0, 1.0)]
    (found,) = summaries(entries)
    assert found["seeds"] == [1, 2, 3]
    tried = "best of 1.4, 0.6, 1.0 by valid.chrf"
    assert found["decode"] == {"kind": "beam", "beam": 2, "length_penalty": tried}
    # Without `choose` they are decoded otherwise, and each is alone.
    for one in entries:
        one.pop("choose")
    assert summaries(entries) == []


def test_an_option_below_an_option_is_shown_in_its_place():
    found = {
        "decode": {"kind": "greedy", "max_length": {"factor": 2.0, "plus": 5}},
        "choose": {"decode.max_length.factor": [1.5, 2.0], "by": "valid.bleu"},
    }
    asked = decode_as_asked(found)
    assert asked["max_length"] == {"factor": "best of 1.5, 2.0 by valid.bleu", "plus": 5}
    assert found["decode"]["max_length"]["factor"] == 2.0


def test_runs_that_were_tuned_alike_are_compared_and_their_choices_named(tmp_path):
    folders = [
        run_folder(tmp_path / name, lines, ["bleu"], choose=choose, decode=decode)
        for name, lines, choose, decode in (
            ("a", OURS, CHOOSE, {"kind": "beam", "length_penalty": 1.4}),
            ("b", THEIRS, CHOOSE, {"kind": "beam", "length_penalty": 0.6}),
            ("c", THEIRS, {**CHOOSE, "by": "valid.bleu"}, {"kind": "beam", "length_penalty": 0.6}),
        )
    ]
    text = compare(*folders[:2], samples=30)
    assert "beam, length_penalty 1.4 beside beam, length_penalty 0.6: " in text
    with pytest.raises(UserError, match=r"best of 1\.4, 0\.6, 1\.0 by valid\.bleu"):
        compare(folders[0], folders[2], samples=30)


def test_terminal_and_page_say_what_was_chosen_for_whom(tmp_path):
    run = finished(tmp_path, [entry(1, 0.6, 1.4)])
    results = json.loads((run / "results.json").read_text())
    results["choices"] = [
        {
            "stage": stage, "by": "valid.chrf", "chosen": best, "trials": [
                {"setting": {"decode.length_penalty": penalty}, "value": 30.0 + penalty,
                 "label": "", "fingerprint": ""} for penalty in PENALTIES
            ],
        }
        for stage, best in (("learn", 1), ("learn#baseline", 0))
    ]  # fmt: skip
    lines = [line.strip() for line in score_table(results).splitlines()]
    assert "learn: decode.length_penalty 0.6, the best of 3 by valid.chrf (30.60)" in lines
    assert "learn#baseline: decode.length_penalty 1.4, the best of 3 by valid.chrf (31.40)" in lines
    page = render([results])
    assert "beam 2, length penalty 0.6 for learn, by valid.chrf" in page
    assert "beam 2, length penalty 1.4 for learn#baseline, by valid.chrf" in page
    assert page.count("decode.length_penalty 1</th>") == 2
    assert '<th scope="col" class="n">Step</th>' not in page
