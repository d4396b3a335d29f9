"""Language models in a spec: which views, teachers, data and searches fit them."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors
from tfkd.spec.options import NoiseOptions

SPEC = """\
tfkd: 1
name: gpt
data:
  text: {text: a.txt}
  words: {text: a.txt, detokenize: ptb}
  some: {text: a.txt, detokenize: ptb, part: {every: 9}}
  pairs: {parallel: [a.en, a.de]}
tokenizers:
  bytes: {kind: byte_bpe, size: 300, learn_from: text}
  pieces: {kind: wordpiece, size: 300, learn_from: text}
teacher:
  gpt: {kind: gpt2, layers: 2, width: 8, heads: 2, max_length: 64, tokenizer: bytes}
  bert: {kind: bert, layers: 2, width: 8, heads: 2, tokenizer: pieces}
student:
  gpt: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
  bert: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 512, tokenizer: pieces}
views:
  mlm: {kind: mlm}
  next: {kind: causal_lm, max_length: 32}
  long: {kind: causal_lm, max_length: 40}
stages:
  loaded: {load: folder, into: teacher.gpt}
  taught:
    train: teacher.bert
    data: [{of: text, pack: 128}]
    steps: 1
    objective: {masked_lm: {view: mlm}}
  learn:
    train: student.gpt
    data: [{of: text, pack: 32}]
    steps: 1
    objective: {causal_lm: {}, soft: {kind: soft_targets, teacher: loaded}}
evaluate: [{of: learn, on: text, metrics: [loss, perplexity]}]
"""
TERMS = "stages.learn.objective="


def load(folder, *overrides):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides)


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        TERMS + "{causal_lm: {view: next}}",
        TERMS + "{cross_entropy: {}}",
        "evaluate=[{of: learn, on: words, metrics: word_perplexity, context: 8}]",
        "evaluate=[{of: learn, on: words, metrics: word_perplexity, noise: {sigma: 0.1}}]",
        "evaluate=[{of: learn, on: words, metrics: [loss, word_perplexity], noise: {sigma: 0.1, "
        "metrics: word_perplexity}}]",
        "evaluate=[{of: loaded, on: words, metrics: [word_perplexity, loss], against: learn}]",
        TERMS + "{causal_lm: {}, states: {kind: hidden_states, teacher: loaded}}",
        "stages.learn.data=[{of: text, pack: {length: 16, separator: newline}}, {of: pairs}]",
        "export=[learn]",
        "evaluate=[{of: learn, on: text, metrics: loss, decode: {kind: sample, top_k: 5}}]",
    ],
)
def test_what_fits_is_valid(tmp_path, change):
    load(tmp_path, change)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (TERMS + "{causal_lm: {view: mlm}}", "mlm"),
        (TERMS + "{masked_lm: {}}", "no view"),
        (TERMS + "{causal_lm: {view: long}}", "makes 40 tokens, more than the model's max_length"),
        (TERMS + "{soft: {kind: soft_targets, at: all, teacher: loaded}}", "leaves the ends out"),
        (TERMS + "{soft: {kind: soft_targets, teacher: taught}}", "expected a stage of a gpt2"),
        (
            "stages.taught.objective={soft: {kind: soft_targets, view: mlm, teacher: loaded}}",
            "expected a stage of a bert",
        ),
        ("student.gpt.max_length=100", "has positions for 64 tokens, and this student reads 100"),
        ("stages.taught.objective={causal_lm: {view: next}}", "a view of kind prefix_lm"),
        ("stages.learn.data=[{of: text, pack: 33}]", "33 tokens, more than the model's"),
        ("stages.learn.data=[{of: pairs, pack: 32}]", "a corpus of one text a row"),
        ("stages.taught.data=[{of: text, pack: 300}]", "300 tokens, and the view mlm reads"),
        ("stages.learn.data=[{of: text, pack: 4}]", "pack"),
        ("student.bert.tokenizer=bytes", None),
        ("teacher.bert.tokenizer=bytes", "bytes (byte_bpe) has none"),
        ("evaluate=[{of: learn, on: text, metrics: word_perplexity}]", "text counts no words"),
        ("evaluate=[{of: learn, on: some, metrics: word_perplexity}]", "some is some rows of a"),
        (
            "evaluate=[{of: taught, on: text, metrics: word_perplexity}]",
            "word_perplexity of a bert",
        ),
        ("evaluate=[{of: learn, on: words, metrics: word_perplexity, context: 32}]", "32, of 32"),
        (
            "evaluate=[{of: learn, on: words, metrics: [loss, accuracy], context: 5}]",
            "nothing of loss, accuracy has one",
        ),
        (
            "export=[taught]",
            "an encoder-decoder, a gpt2 or a llama, or a stage that trains a classifier",
        ),
        ("stages.more={translate: learn, data: text}", "goes on with its text instead"),
        ("stages.loaded={load: {}, into: teacher.gpt}", "load: found a mapping; expected text"),
        ("stages.loaded.load=.inf", "stages.loaded.load: found"),
        ("stages.loaded.head=none", "predicts by its embedding"),
        ("evaluate=[{of: learn, on: text, metrics: bleu}]", "accuracy, or word_perplexity"),
        (
            "evaluate=[{of: learn, on: words, metrics: word_perplexity, "
            "decode: {kind: sample, top_p: 0}}]",
            "top_p: 0",
        ),
        (
            "evaluate=[{of: learn, on: text, metrics: loss, decode: {kind: mask_predict}}]",
            "learn goes from left to right",
        ),
        ("tokenizers.bytes={kind: byte_bpe, vocabulary: v.json}", "merges belong together"),
        ("tokenizers.bytes={kind: byte_bpe, size: 200, learn_from: text}", "size"),
    ],
)
def test_what_does_not_fit_is_one_fault(tmp_path, change, part):
    if part is None:
        load(tmp_path, change)
        return
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, change)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("metrics", "asked", "measured"),
    [
        (["bleu", "loss", "word_perplexity"], None, ("loss", "word_perplexity")),
        (["bleu", "chrf"], None, ("bleu", "chrf")),
        (["bleu", "loss"], ["bleu"], ("bleu",)),
        (["f1", "accuracy"], ["accuracy", "f1"], ("f1", "accuracy")),
    ],
)
def test_what_needs_no_outputs_is_measured_under_noise_unless_more_is_asked_for(
    metrics, asked, measured
):
    assert NoiseOptions(sigma=0.1, metrics=asked).measured(metrics) == measured


def test_what_a_language_model_has_stored_is_checked_on_text(tmp_path):
    kept = "  kept: {score: loaded, data: text}\nevaluate:\n  - {of: kept, on: %s, metrics: "
    for on in ("words", "pairs"):
        text = SPEC.partition("evaluate:")[0] + kept % on + "teacher_check, against: learn}\n"
        path = tmp_path / "spec.yaml"
        path.write_text(text, "utf-8")
        if on == "words":
            assert load_spec(path).evaluate[0].of == "kept"
            continue
        with pytest.raises(SpecErrors, match="pairs has source, target; expected a corpus of text"):
            load_spec(path)


@pytest.mark.parametrize("none", ["[]", "{}"])
def test_no_teacher_at_all_is_said_to_be_missing(tmp_path, none):
    path = tmp_path / "spec.yaml"
    stage = f"  kept: {{score: {none}, data: pairs}}\nevaluate:"
    path.write_text(SPEC.replace("evaluate:", stage), "utf-8")
    with pytest.raises(SpecErrors, match=r"kept\.score: missing; expected the teacher's training"):
        load_spec(path)
