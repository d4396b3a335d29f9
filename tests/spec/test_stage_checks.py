"""Parts that must fit together: each pair that does not is one fault."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: fits
data: {train: {parallel: [a.de, a.en]}, text: {text: a.txt}}
tokenizers: {one: {learn_from: train, size: 300}, other: {learn_from: text}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: one}
student:
  {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: one}
views: {mlm: {kind: mlm}, cmlm: {kind: conditional_mlm}, prefix: {kind: prefix_lm}}
stages:
  tuned: {train: teacher, data: train, steps: 1, objective: {masked_lm: {view: cmlm}}}
  targets: {score: tuned, data: train}
  student:
    train: student
    data: train
    steps: 1
    objective: {cross_entropy: {}, soft_targets: {teacher: targets}}
evaluate: [{of: student, on: train, metrics: bleu}]
export: [student]
"""


def load(folder, *overrides):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides)


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "stages.tuned.objective={causal_lm: {view: prefix}, masked_lm: {view: cmlm}}",
        "stages={tuned: {train: teacher, data: train, steps: 1, "
        "objective: {causal_lm: {view: prefix}}}, "
        "targets: {score: tuned, data: train, read: previous}, student: {train: student, "
        "data: train, steps: 1, objective: {soft_targets: {teacher: targets}}}}",
        "stages.tuned.objective={words: {kind: masked_lm, view: mlm}}",
        "stages.tuned.data=[train, {of: train, swap: true, weight: 0.5}]",
        "teacher.head={tokenizer: one, tied: true}",
        "stages.student.validate={on: train, every: 1, metrics: [bleu], decode: {kind: greedy}}",
        "stages.tuned.validate={on: train}",
        "stages.tuned={train: teacher, data: text, steps: 1, validate: {on: text}, "
        "objective: {masked_lm: {view: mlm}}}",
        "stages.targets.top_k=300",
        "data.train.drop_overlap=[text, text.text]",
        "evaluate=[{of: targets, on: [train], metrics: teacher_check}]",
        "evaluate=[{of: tuned, on: [train, train], metrics: loss}]",
    ],
)
def test_what_fits_is_valid(tmp_path, change):
    load(tmp_path, change)


WRITER = (
    "stages.writer={train: student, data: train, steps: 1, objective: {cross_entropy: {}}}",
    "stages.targets={score: writer, data: train}",
)


def test_a_model_that_writes_from_left_to_right_is_asked_word_by_word(tmp_path):
    load(tmp_path, *WRITER)
    load(tmp_path, *WRITER, "stages.targets.read=previous")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            "student.decoder_attention=full",
            "stages.targets.score: its model is a transformer, which fills in what is hidden",
        ),
        (
            "stages.writer.objective={cross_entropy: {view: hidden}}",
            "stages.targets.score: writer learns to write segments (hidden)",
        ),
        ("stages.targets.top_k=301", "stages.targets.top_k: 301 of the 300 pieces of one"),
        ("stages.targets.data=text", "text has text; expected a corpus with source and target"),
    ],
)
def test_what_cannot_be_asked_so_is_no_teacher_to_store(tmp_path, change, part):
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, *WRITER, "views.hidden={kind: mass}", change)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (
            "stages.targets.read=previous",
            "stages.targets.read: previous, and tuned has learnt to fill in hidden words",
        ),
        (
            "stages.tuned.objective={causal_lm: {view: prefix}}",
            "masked, and tuned has learnt to predict each next word (prefix_lm); expected read: "
            "previous",
        ),
        ("stages.targets.data={of: train, swap: true}", "swap: train is scored as it is"),
        ("stages.targets.data={of: train, weight: 2}", "weight: train is scored once"),
        ("stages.student.data={of: train, swap: true}", "this stage reads it swapped"),
        ("export=[tuned]", "export.0: tuned trains a bert, which writes no text"),
        ("teacher.tokenizer=other", "predicts the pieces of other, this student those of one"),
        (
            "stages.student.data=[train, train.source]",
            "stages.student.data.1: 'train.source' is one field of a corpus; expected train, the "
            "whole corpus",
        ),
        ("stages.tuned.validate={on: train.target}", "stages.tuned.validate.on: 'train.target' is"),
        ("evaluate.0.on=train.source", "evaluate.0.on: 'train.source' is one field of a corpus"),
        ("stages.tuned.data=[train, text]", "hides words of the target, and text has text"),
        ("stages.tuned.objective={cross_entropy: {}}", "a bert predicts words that a view hides"),
        ("stages.tuned.objective={masked_lm: {}}", "no view; expected view: one of kind mlm or"),
        ("stages.tuned.objective={masked_lm: {view: prefix}}", "a masked_lm term cannot read"),
        ("stages.student.objective={masked_lm: {view: cmlm}}", "is for a bert"),
        ("views.cmlm={kind: conditional_mlm, max_length: 513}", "more than the model's max_length"),
        (
            "stages.tuned.validate={on: text}",
            "stages.tuned.validate.on: cmlm (conditional_mlm) hides words of the target, and text",
        ),
        (
            "evaluate=[{of: tuned, on: [train, text], metrics: loss}]",
            "evaluate.0.on.1: cmlm (conditional_mlm) hides words of the target, and text has text",
        ),
        (
            "evaluate=[{of: targets, on: [train, text], metrics: teacher_check}]",
            "evaluate.0.on.1: text has text; expected a corpus with source and target",
        ),
        (
            "stages.targets.top_k=301",
            "stages.targets.top_k: 301 of the 300 pieces of one; expected no more than those",
        ),
        ("evaluate.0.of=tuned", "bleu of a bert, which has no references"),
        ("evaluate.0.on=text", "an encoder-decoder cannot read text"),
        (
            "evaluate.0.metrics=[teacher_check]",
            "student writes whole outputs, and nothing stands beside it",
        ),
        ("stages.tuned.objective={masked_lm: {view: cmlm, weight: 0}}", "every term has weight 0"),
    ],
)
def test_what_does_not_fit_is_one_fault(tmp_path, change, part):
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, change)
    (error,) = caught.value.errors
    assert part in str(error)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            "teacher.head={tokenizer: other, tied: true}",
            ["teacher.head.tied: true, with another", "predicts the pieces of other"],
        ),
        (
            "stages.targets.data=text",
            [
                "text has text; expected a corpus with source and target",
                "targets scored text, this",
            ],
        ),
    ],
)
def test_what_breaks_two_promises_is_two_faults(tmp_path, change, parts):
    with pytest.raises(SpecErrors) as caught:
        load(tmp_path, change)
    lines = [str(error) for error in caught.value.errors]
    assert len(lines) == len(parts)
    assert all(any(part in line for line in lines) for part in parts)


def test_a_teacher_of_another_spec_is_not_taken_for_ones_own(tmp_path):
    (tmp_path / "far.yaml").write_text(SPEC, "utf-8")
    # Here `tuned` trains another vocabulary, but the scores are of the other spec's `tuned`.
    load(tmp_path, "stages.targets.score='far.yaml:tuned'", "teacher.tokenizer=other")


def test_a_vocabulary_that_is_read_is_not_counted(tmp_path):
    load(tmp_path, "tokenizers.one={vocabulary: v.txt}", "stages.targets.top_k=9000")


def test_the_first_terms_view_alone_is_validated(tmp_path):
    terms = "{a: {kind: masked_lm, view: FIRST}, b: {kind: masked_lm, view: SECOND}}"
    validate = "stages.tuned.validate={on: text}"
    mlm_first = terms.replace("FIRST", "mlm").replace("SECOND", "cmlm")
    load(tmp_path, f"stages.tuned.objective={mlm_first}", validate)
    cmlm_first = terms.replace("FIRST", "cmlm").replace("SECOND", "mlm")
    with pytest.raises(SpecErrors, match="hides words of the target, and text has text"):
        load(tmp_path, f"stages.tuned.objective={cmlm_first}", validate)
