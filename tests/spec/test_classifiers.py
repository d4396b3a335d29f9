"""Specs of classifiers: what fits, and what is said of what does not."""

import pytest
from spec_files import faults, loaded, replaced, rests_on

CLASSES = """\
tfkd: 1
name: classes
data:
  text: {text: "*.txt"}
  train: {tsv: train.tsv, columns: {text: 0, label: 1}}
  extra: {text: extra.txt, drop_overlap: [valid]}
  valid: {tsv: valid.tsv, columns: {text: 0, label: 1}}
tokenizers: {joint: {kind: wordpiece, size: 500, learn_from: [train, text]}}
teacher: {kind: bert, layers: 2, width: 16, heads: 2, tokenizer: joint, head: {kind: classifier}}
student: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint,
  head: {kind: classifier, classes: train}}
views: {mlm: {kind: mlm}, short: {kind: classify, max_length: 32}}
stages:
  pretrain: {train: teacher, data: text, steps: 5, objective: {masked_lm: {view: mlm}}}
  tuned: {train: teacher, from: pretrain, data: train, steps: 5, objective: {cross_entropy: {}}}
  labels: {score: tuned, data: [train, extra]}
  student:
    train: student
    data: [train, extra]
    steps: 5
    balance: {soft: 0.5}
    choose: {balance.soft: [0.3, 1.0], by: valid.f1}
    objective: {cross_entropy: {divide_by: rows}, soft: {kind: soft_targets, teacher: labels}}
    validate: {on: valid, metrics: [accuracy, f1], keep: {best: f1}}
evaluate:
  - {of: labels, on: valid, metrics: teacher_check, against: student}
  - {of: student, on: valid, metrics: [accuracy, f1, matthews, loss], positive: "1"}
export: [student]
"""


def test_a_classifier_is_right_and_resolves_to_itself(tmp_path):
    spec = loaded(tmp_path, CLASSES)
    assert spec.models["student"].head.classes == ["train"]
    assert spec.stages["student"].choose.metric == "f1"
    settings = [setting for setting, _ in spec.stages["student"].choose.trials]
    assert settings == [{"balance.soft": 0.3}, {"balance.soft": 1.0}]
    from tfkd.spec import dump_yaml

    again = loaded(tmp_path, dump_yaml(spec.resolved()))
    assert again.resolved() == spec.resolved()


def test_a_term_that_balance_leaves_nothing_is_gone_with_its_teacher(tmp_path):
    spec = loaded(tmp_path, CLASSES)
    first, second = (trial for _, trial in spec.stages["student"].choose.trials)
    assert list(first.objective) == ["cross_entropy", "soft"]
    assert list(second.objective) == ["soft"]
    alone = replaced("    choose: {balance.soft: [0.3, 1.0], by: valid.f1}\n", "", CLASSES)
    none = loaded(tmp_path, replaced("balance: {soft: 0.5}", "balance: {soft: 0}", alone))
    assert list(none.stages["student"].objective) == ["cross_entropy"]
    assert "labels" not in rests_on(none, "student")


WRONG = [  # old, new, path, message
    (
        "data: train, steps: 5, objective: {cross",
        "data: text, steps: 5, objective: {cross",
        "stages.tuned.data",
        "learns classes from labels, and text has text",
    ),
    (
        "head: {kind: classifier}}",
        "head: {kind: classifier, read: mark}}",
        "stages.tuned.data",
        "the head reads the mark, and train has text, label",
    ),
    ("classes: train}", "classes: text}", "student.head.classes", "text has text, and no labels"),
    (
        "head: {kind: classifier}}",
        "head: {kind: classifier, tied: true}}",
        "teacher.head.tied",
        "unknown key",
    ),
    (
        "{cross_entropy: {}}",
        "{cross_entropy: {label_smoothing: 0.1}}",
        "stages.tuned.objective.cross_entropy",
        "smoothing: fairseq",
    ),
    ("{score: tuned, data", "{score: tuned, top_k: 4, data", "stages.labels.top_k", "no top_k"),
    (
        "teacher: labels}",
        "teacher: pretrain}",
        "stages.student.objective.soft.teacher",
        "pretrain predicts words, and this term classes",
    ),
    (
        "metrics: [accuracy, f1], keep",
        "metrics: [bleu, f1], keep",
        "stages.student.validate.metrics",
        "bleu",
    ),
    (
        "validate: {on: valid,",
        "validate: {on: text,",
        "stages.student.validate.on",
        "and no labels",
    ),
    ("by: valid.f1}", "by: valid.accuracy}", "stages.student.choose.by", "keep: {best: accuracy}"),
    ("by: valid.f1}", "by: ''}", "stages.student.choose.by", "empty text"),
    (
        "by: valid.f1}",
        "by: valid.f2}",
        "stages.student.choose.by",
        "METRIC one of loss, perplexity",
    ),
    (
        "choose: {balance.soft: [0.3, 1.0]",
        "choose: {data: [train]",
        "stages.student.choose",
        "cannot be tried",
    ),
    (
        "choose: {balance.soft: [0.3, 1.0]",
        "choose: {balance.soft: 3",
        "stages.student.choose",
        "expected a list of values",
    ),
    (
        "choose: {balance.soft: [0.3, 1.0]",
        "choose: {balance.soft: [0.3, 2.0]",
        "stages.student.",
        "shares that add up to 2",
    ),
    (
        "balance: {soft: 0.5}",
        "balance: {sof: 0.5}",
        "stages.student.balance",
        "there is no term sof",
    ),
    ("of: student, on: valid", "of: student, on: text", "evaluate.1.on", "and no labels"),
    (
        "of: student, on: valid, metrics: [accuracy, f1, matthews, loss]",
        "of: student, on: valid, metrics: [chrf]",
        "evaluate.1.metrics",
        "chrf of student, which tells",
    ),
    (
        "head: {kind: classifier}}",
        "}",
        "stages.tuned.objective.cross_entropy",
        "a bert predicts words that a view hides",
    ),
    ("export: [student]", "export: [pretrain]", "export", "which writes no text"),
]


@pytest.mark.parametrize(("old", "new", "path", "message"), WRONG)
def test_what_does_not_fit_is_said_where_it_stands(tmp_path, old, new, path, message):
    text = (
        CLASSES.replace(", head: {kind: classifier}}", "}")
        if new == "}"
        else replaced(old, new, CLASSES)
    )
    found = faults(tmp_path, text)
    assert any(path in line and message in line for line in found), found


def test_metrics_of_classes_need_classes(tmp_path):
    words = replaced(
        "    objective: {cross_entropy: {divide_by: rows}, soft: {kind: soft_targets, "
        "teacher: labels}}",
        "    objective: {masked_lm: {view: mlm}}",
        CLASSES,
    )
    words = words.replace("    balance: {soft: 0.5}\n", "").replace(
        "    choose: {balance.soft: [0.3, 1.0], by: valid.f1}\n", ""
    )
    found = faults(tmp_path, words)
    assert any("f1 of student, which predicts words" in line for line in found), found


def test_words_are_not_compared_with_classes(tmp_path):
    """A BERT that fills in words predicts words; pre-trained, the classifier's body is one."""
    last = '  - {of: student, on: valid, metrics: [accuracy, f1, matthews, loss], positive: "1"}\n'
    beside = "  - {of: pretrain, on: extra, metrics: [accuracy], against: student}\n"
    (fault,) = faults(tmp_path, replaced(last, beside, CLASSES))
    assert "student predicts classes, pretrain words; expected a baseline that predicts" in fault
