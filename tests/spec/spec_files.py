"""A small valid spec as text, and ways to load it changed."""

from pathlib import Path

import pytest

from tfkd.spec import Spec, SpecErrors, load_spec
from tfkd.spec.checks.stage_inputs import inputs_of

SMALL = """\
tfkd: 1
name: small
data:
  train: {parallel: [train.de, train.en]}
  valid: {parallel: [valid.de, valid.en], drop_overlap: [train]}
  text: {text: "*.txt"}
tokenizers:
  joint: {kind: wordpiece, size: 500, learn_from: train}
teacher: {kind: bert, layers: 2, width: 16, heads: 2, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1,
  width: 16, heads: 2, tokenizer: joint}
views:
  mlm: {kind: mlm}
  cmlm: {kind: conditional_mlm, p: {uniform: [0.15, 0.7]}}
stages:
  pretrain: {train: teacher, data: text, steps: 5, objective: {masked_lm: {view: mlm}}}
  finetune:
    train: teacher
    from: pretrain
    data: train
    steps: 5
    objective: {masked_lm: {view: cmlm}}
  targets: {score: finetune, data: train}
  student:
    train: student
    data: train
    steps: 5
    objective:
      cross_entropy: {weight: 0.5}
      soft_targets: {weight: 0.5, teacher: targets}
    schedule: {kind: triangular, rate: 5e-4}
    validate: {on: valid, every: 2, metrics: [loss, bleu], keep: {best: bleu},
      decode: {kind: greedy}}
variants:
  baseline:
    stages.student.objective: {cross_entropy: {label_smoothing: 0.1}}
evaluate:
  - {of: targets, on: valid, metrics: teacher_check, against: "student#baseline"}
  - of: student
    on: [valid]
    metrics: [bleu]
    decode: {kind: beam}
export: [student]
"""


def write(folder: Path, text: str = SMALL, name: str = "small.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def replaced(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
    return text.replace(old, new)


def loaded(folder: Path, text: str = SMALL, **options) -> Spec:
    return load_spec(write(folder, text), **options)


def faults(folder: Path, text: str, **options) -> list[str]:
    """The faults' lines, without the folder."""
    with pytest.raises(SpecErrors) as caught:
        loaded(folder, text, **options)
    return [str(error).replace(f"{folder}/", "") for error in caught.value.errors]


def line_of(part: str, text: str) -> int:
    """The number of the only line that a part stands in."""
    found = [number for number, line in enumerate(text.split("\n"), 1) if part in line]
    assert len(found) == 1, f"{part!r} stands in lines {found}"
    return found[0]


def rests_on(spec: Spec, stage: str) -> list[str]:
    """The stages that a stage rests on, inputs first, and itself."""
    plain, found = spec.resolved(), []

    def visit(name: str) -> None:
        for other in inputs_of(plain, name):
            visit(other)
        if name not in found:
            found.append(name)

    visit(stage)
    return [name for name in found if "." not in name]
