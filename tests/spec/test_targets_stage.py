"""Soft labels of one's own in a spec: what fits, and each that does not as one fault."""

import pytest

from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors

SPEC = """\
tfkd: 1
name: own
data:
  train: {tsv: a.tsv, columns: {text: 0, label: 1, probabilities: [2, 3]}, classes: [bad, good]}
  more: {tsv: b.tsv, columns: {text: 0, logits: 1}, classes: [bad, good]}
  pairs: {parallel: [a.de, a.en]}
tokenizers: {one: {learn_from: pairs, size: 300}}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: one}
student:
  small: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: one, head: {kind: classifier}}
  words:
    {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 8, heads: 2, tokenizer: one}
  writer: {kind: gpt2, layers: 1, width: 8, heads: 2, tokenizer: one}
  tags: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: one, head: {kind: tagger}}
stages:
  votes: {targets: {field: probabilities}, model: student.small, data: train}
  service: {targets: {store: service}, model: student.words, data: pairs}
  small:
    train: student.small
    data: train
    steps: 1
    objective: {cross_entropy: {}, soft_targets: {teacher: votes}}
  words: {train: student.words, data: pairs, steps: 1,
    objective: {soft_targets: {teacher: service}}}
export: [small, words]
"""


def load(folder, *overrides):
    path = folder / "spec.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path, overrides=overrides)


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "stages.votes={targets: {field: logits}, model: student.small, data: more}",
        "stages.small.objective={soft_targets: {teacher: votes, divergence: reverse_kl}}",
        "stages.service.targets.store=[service]",
        "data.train={generated: classes, fields: [text, label, probabilities], rows: 20}",
        "data.train={tsv: a.tsv, columns: {text: text, label: label, probabilities: [p0, p1]}, "
        "classes: [bad, good]}",
    ],
)
def test_what_fits_is_valid(tmp_path, change):
    spec = load(tmp_path, change, "stages.small.data=[train, more]")
    assert spec.stages["service"].targets.store == ["service"]


def test_a_corpus_of_soft_labels_alone_names_the_classes(tmp_path):
    load(
        tmp_path, "stages.votes={targets: {field: logits}, model: student.small, data: more}",
        "stages.small.data=more", "stages.small.objective={soft_targets: {teacher: votes}}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("stages.votes.targets={}", "neither field nor store; expected {field: probabilities}, or"),
        ("stages.votes.targets={field: logits, store: a}", "field and store; expected"),
        ("stages.votes.targets.field=logits", "train has text, label, probabilities, and no "
         "logits; expected field: probabilities"),
        ("stages.votes.data=pairs", "pairs has source, target, and no probabilities; expected a "
         "corpus with it, like columns: {text: 0, probabilities: [1, 2]}"),
        ("stages.votes.model=student.words", "probabilities, and student.words is a transformer; "
         "expected a model with head: {kind: classifier}"),
        ("stages.votes.model=student.tags", "is a bert that labels each word"),
        ("stages.votes.model=student.smal", "there is no model 'student.smal'"),
        ("stages.service.model=teacher", "teacher is a bert, in which other words are hidden"),
        ("stages.service.targets.store=[a, b]", "2 folders, and 1 corpora in data"),
        ("stages.service.data=[{of: pairs, swap: true}]", "swap: pairs has them as it is"),
        ("stages.service={targets: {store: [a, b]}, model: student.words, data: [pairs, pairs]}",
         "pairs twice, of which the last would be learnt alone; expected each corpus once"),
        ("stages.service.data=[{of: pairs, weight: 2}]", "weight: pairs is read once"),
        ("stages.service.data=[{of: pairs, pack: 32}]", "pack: pairs has them row by row"),
        ("evaluate=[{of: votes, on: train, metrics: teacher_check}]", "votes is a targets stage: "
         "there is no model to be measured"),
        ("stages.small.objective.soft_targets.top_k=2", "2, and votes is a targets stage, whose "
         "targets are stored"),
        ("stages.small.objective.soft_targets.teacher=service", "predicts words, and this term "
         "classes"),
        ("stages.words.objective.soft_targets.divergence=reverse_kl", "of service the top K is "
         "stored"),
        ("stages.words.objective={hidden_states: {teacher: service}}", "service is a targets "
         "stage; expected a"),
        ("stages.small.data=more", "votes scored train, this stage reads more"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_fault(tmp_path, change, told):
    with pytest.raises(SpecErrors) as error:
        load(tmp_path, change)
    said = [str(one) for one in error.value.errors]
    assert any(told in one for one in said), said
