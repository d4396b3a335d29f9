"""Which metrics `tfkd compare` compares, and with which settings."""

import json

import numpy as np
import pytest

from tfkd.commands.compare import compare
from tfkd.evaluation import paired_bootstrap, result_errors
from tfkd.pipeline.engine.results import _lost_letters
from tfkd.spec.errors import UserError
from tfkd.spec.options import RougeOptions, TokenizedOptions

REFERENCES = ["oil prices rise again", "Tokyo shares fall sharply", "bank cuts its rate"]
OURS = ["oil prices rose again", "tokyo shares fall", "bank cuts rate"]
THEIRS = ["prices of oil", "tokyo stocks", "the bank cuts a rate"]
FIGURE = {"value": 1.0, "low": 0.0, "high": 2.0, "signature": "x"}


def run_folder(folder, lines, metrics, references=REFERENCES, **settings):
    (folder / "evaluation").mkdir(parents=True)
    for name, text in (("hypotheses", lines), ("references", references)):
        (folder / "evaluation" / f"{name}.txt").write_text("\n".join(text) + "\n")
    return finished(folder, [{
        "of": "learn", "variant": None, "on": "test", "seed": 1, "rows": len(references),
        "decode": {"kind": "greedy"}, "metrics": dict.fromkeys(metrics, FIGURE), "against": None,
        "hypotheses": "evaluation/hypotheses.txt", "references": "evaluation/references.txt",
        **settings,
    }])  # fmt: skip


def finished(folder, evaluations):
    results = {
        "tfkd": "0.1.0", "schema": 2, "name": folder.name, "variant": None, "seed": None,
        "command": "tfkd", "started": "", "finished": "", "seconds": 1, "machine": {}, "spec": {},
        "provenance": {}, "data": {}, "stages": {}, "histories": {}, "evaluations": evaluations,
        "teacher_checks": [], "exports": [], "warnings": [],
    }  # fmt: skip
    assert result_errors(results) == []
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def words(stem=False, words="unicode", lost=0.0):
    return {"rouge": {"stem": stem, "words": words, "lost": lost}}


def compared(tmp_path, ours, theirs):
    first = run_folder(tmp_path / "a", OURS, *ours[:1], **ours[1])
    second = run_folder(tmp_path / "b", THEIRS, *theirs[:1], **theirs[1])
    text = compare(first, second, samples=30)
    lines = [line for line in text.splitlines() if line.startswith("test ")]
    return {line.split(":")[0].removeprefix("test "): line for line in lines}


def test_summaries_are_compared_by_the_rouge_that_was_measured(tmp_path):
    measured = (["rouge_1", "rouge_l", "loss"], words(stem=True))
    found = compared(tmp_path, measured, measured)
    assert set(found) == {"rouge_1", "rouge_l"}
    expected = paired_bootstrap(
        "rouge_1", OURS, THEIRS, REFERENCES, samples=30, rouge=RougeOptions(stem=True)
    )
    assert f"difference {expected['delta']:+.2f}" in found["rouge_1"]
    assert f"interval {expected['low']:+.2f} to {expected['high']:+.2f}" in found["rouge_1"]


def test_translations_are_compared_by_bleu_and_chrf_and_rouge_beside_them(tmp_path):
    found = compared(tmp_path, (["bleu", "rouge_l"], words()), (["bleu", "rouge_l"], words()))
    assert set(found) == {"bleu", "chrf", "rouge_l"}


def test_a_p_below_a_thousandth_is_not_written_as_zero(tmp_path):
    references = [f"{line} {row}" for row, line in enumerate(REFERENCES * 5)]
    first = run_folder(tmp_path / "a", references, ["bleu"], references)
    second = run_folder(tmp_path / "b", ["nothing of it"] * 15, ["bleu"], references)
    text = compare(first, second, samples=100, trials=2000)
    assert f"p < 0.001 ({first} is better); 15 sentences" in text
    assert "p = 0.000" not in text


def test_three_rows_decide_nothing(tmp_path):
    """Of eight ways to exchange them, two are as far apart: p is 1/4, whatever the interval."""
    first = run_folder(tmp_path / "a", REFERENCES, ["bleu"])
    second = run_folder(tmp_path / "b", ["nothing of it"] * len(REFERENCES), ["bleu"])
    _, bleu, *_ = compare(first, second, samples=100).splitlines()
    low, high = bleu.split("interval ")[1].split(",")[0].split(" to ")
    assert float(low) > 0 < float(high)
    assert float(bleu.split("p = ")[1].split()[0]) == pytest.approx(0.25, abs=0.02)
    assert "(undecided)" in bleu


def test_sacrebleus_p_is_printed_where_it_is_asked_for(tmp_path):
    first, second = (
        run_folder(tmp_path / name, lines, ["bleu"]) for name, lines in (("a", OURS), ("b", THEIRS))
    )
    for p_by, said in (
        ("approximate_randomization", "p by approximate randomization of 200 trials, two-sided"),
        ("bootstrap", "p by sacreBLEU's paired bootstrap of the same samples, which weighs one"),
    ):
        head, _, chrf, *_ = compare(first, second, samples=30, trials=200, p_by=p_by).splitlines()
        assert f"intervals by paired bootstrap of 30 samples, {said}" in head
        settings = {"samples": 30, "trials": 200, "p_by": p_by}
        expected = paired_bootstrap("chrf", OURS, THEIRS, REFERENCES, **settings)
        assert f"p = {expected['p']:.3f} (" in chrf


def test_rouge_of_other_words_is_not_compared(tmp_path):
    ours, theirs = (["bleu", "rouge_l"], words()), (["bleu", "rouge_l"], words(words="ascii"))
    assert set(compared(tmp_path, ours, theirs)) == {"bleu", "chrf"}


def test_scores_without_case_are_compared_without_case(tmp_path):
    bare = (["bleu"], {"lower_case": True})
    found = compared(tmp_path, bare, bare)
    expected = paired_bootstrap("chrf", OURS, THEIRS, REFERENCES, samples=30, lower_case=True)
    assert f"difference {expected['delta']:+.2f}" in found["chrf"]


def test_scores_with_case_are_not_compared_with_those_without(tmp_path):
    with pytest.raises(UserError, match="share no test set"):
        compared(tmp_path, (["bleu"], {"lower_case": True}), (["bleu"], {}))


def test_tokenised_bleu_is_compared_with_the_tokens_it_was_measured_with(tmp_path):
    tokenized = {"tokenized": {"language": "de", "split_compounds": True}}
    measured = (["tokenized_bleu", "loss"], tokenized)
    found = compared(tmp_path, measured, measured)
    tokens = TokenizedOptions(language="de", split_compounds=True)
    expected = paired_bootstrap(
        "tokenized_bleu", OURS, THEIRS, REFERENCES, samples=30, tokenized=tokens
    )
    assert f"difference {expected['delta']:+.2f}" in found["tokenized_bleu"]
    other = (["tokenized_bleu"], {})
    (tmp_path / "others").mkdir()
    assert "tokenized_bleu" not in compared(tmp_path / "others", measured, other)


def language_model(folder, values, seeds=(1,)):
    """A run of a language model: by context, the nats of a word; of a later seed one more."""
    (folder / "evaluation").mkdir(parents=True)
    entries = []
    for seed in seeds:
        for context, nats in values:
            path = f"evaluation/{len(entries)}.npz"
            counts = {"words": [3, 5], "line_ends": [1, 1]}
            counts["nll"] = [(nats + seed - 1) * words for words in (3, 5)]
            np.savez(folder / path, **{key: np.array(count) for key, count in counts.items()})
            entries.append(
                {"of": "learn", "variant": None, "on": "test", "seed": seed, "rows": 2,
                 "metrics": {"word_perplexity": FIGURE}, "words": path, **context}
            )  # fmt: skip
    finished(folder, entries)
    if len(seeds) > 1:
        results = json.loads((folder / "results.json").read_text())
        results["spec"] = {"seeds": list(seeds)}
        (folder / "results.json").write_text(json.dumps(results))
    return folder


@pytest.mark.parametrize("more", [[], [({"context": 4}, 2.5)]])
def test_word_perplexities_of_one_context_are_compared(tmp_path, more):
    """Each with its own, though they are of one model and one text."""
    ours = language_model(tmp_path / "a", [({}, 1.0), ({"context": 0}, 2.0), *more])
    theirs = language_model(tmp_path / "b", [({}, 1.5), ({"context": 0}, 3.0)])
    text = compare(ours, theirs, samples=20)
    for context, *nats in (("", 1.0, 1.5), (" [context 0]", 2.0, 3.0)):
        one, other = np.exp(nats)
        assert f"test word_perplexity{context}: {one:.2f} and {other:.2f}, " in text
    assert text.count("\ntest word_perplexity") == 4  # without the ends of lines, and with them


def test_each_context_has_its_mean_over_the_seeds(tmp_path):
    contexts = [({}, 1.0), ({"context": 0}, 2.0)]
    ours = language_model(tmp_path / "a", contexts, seeds=(1, 2))
    theirs = language_model(tmp_path / "b", [(one, nats + 1) for one, nats in contexts], (1, 2))
    text = compare(ours, theirs, samples=20)
    for context, nats in (("", 1.0), (" [context 0]", 2.0)):
        mean = (np.exp(nats) + np.exp(nats + 1)) / 2
        line = f"test word_perplexity{context}, mean ± deviation of 2 seeds (1, 2): {mean:.2f} ±"
        assert line in text


def test_runs_that_read_otherwise_are_not_compared(tmp_path):
    ours = language_model(tmp_path / "a", [({"context": 0}, 2.0)])
    theirs = language_model(tmp_path / "b", [({}, 2.0)])
    with pytest.raises(UserError, match=r"read and decoded alike: test \[context 0\]; and test$"):
        compare(ours, theirs, samples=20)


def test_lost_letters_are_a_warning():
    entries = [
        {"of": "learn", "on": "test", **words(words="ascii", lost=0.1021)},
        {"of": "learn", "on": "valid", **words()},
        {"of": "learn", "on": "other"},
    ]
    (warning,) = _lost_letters(entries)
    assert "learn on test" in warning
    assert "10.2%" in warning
    assert "words: unicode" in warning


def with_spec(run, **spec):
    results = json.loads((run / "results.json").read_text()) | {"spec": spec}
    (run / "results.json").write_text(json.dumps(results))
    return run


def trained(seed, **more):
    return {"stages": {"learn": {"train": "student", "seed": seed, **more}}}


def test_two_trainings_of_one_spec_are_neither_better(tmp_path):
    references = [f"{line} {row}" for row, line in enumerate(REFERENCES * 5)]
    first = run_folder(tmp_path / "a", references, ["bleu"], references)
    second = run_folder(tmp_path / "b", ["nothing of it"] * 15, ["bleu"], references)
    with_spec(first, name="a", **trained(1))
    text = compare(first, with_spec(second, name="b", **trained(2)), samples=100, trials=2000)
    assert "is better (" not in text
    assert f"{first} is better" not in text
    assert text.count("(two trainings of the same spec: no system is better)") == 2
    assert "differ in the seed alone. They are apart: test bleu by 100.00, test chrf by " in text
    # Of two specs it says which, and of how many trainings.
    text = compare(first, with_spec(second, **trained(2, steps=9)), samples=100, trials=2000)
    assert text.splitlines()[-2] == f"{first} is better (test bleu, test chrf)"
    assert text.splitlines()[-1].startswith("one seed each: this speaks of these trainings alone")


def test_a_run_that_has_learnt_nothing_is_named(tmp_path):
    figure = {**FIGURE, "delta": 0.0, "p": 1.0, "low": -0.1, "high": 0.1}
    trivial = {"trivial": [{"kind": "copy", "metrics": {"bleu": figure}}]}
    first = run_folder(tmp_path / "a", OURS, ["bleu"], **trivial)
    text = compare(first, run_folder(tmp_path / "b", THEIRS, ["bleu"]), samples=30, trials=50)
    assert f"(no verdict: {first} is not clearly above copying the source)" in text
