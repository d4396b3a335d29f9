"""The starter of a translator or summariser that a published one teaches, as it is."""

from string import Template

from tfkd.outside.flow_style import flow
from tfkd.starters.student_writer import STUDENT_EXPORT, STUDENT_SCORES, STUDENT_TRAINING
from tfkd.starters.translator import summariser_parts, translator_parts
from tfkd.starters.user_sets import Published, UserSets, quoted


def published_writer_spec(
    source: str, target: str, sets: UserSets | None, teacher: Published, kind: str
) -> str:
    """See `starter_spec`."""
    if kind == "translator":
        words = translator_parts(source, target, sets, teacher)
        words["writes"] = "translations of your sources"
    else:
        words = summariser_parts(sets, teacher)
        words["writes"] = "summaries of your texts"
    words |= {
        "folder": quoted(teacher.folder),
        "kind": teacher.kind,
        "sizes": teacher.sizes(),
        "tokenizers": teacher.vocabularies(),
        "tokenizer": flow(teacher.reads),
        "rate": "1e-3",
        **{name: str(teacher.options[name]) for name in ("encoder_layers", "width", "heads")},
    }
    return Template(_STARTER).substitute(words)


_STARTER = (
    """\
# $title: a published model, as it is, writes
# $writes, and teaches a smaller one what it takes each word of them to be.
#
#   tfkd validate FILE         checks everything below without starting anything
#   tfkd run FILE --smoke      every stage, tiny, on generated text, in a minute or two
#   tfkd plan FILE             sizes and costs on your data
#   tfkd run FILE              the real thing; stopped at any time, it continues from there
tfkd: 1
name: $name
description: A small model of the same task, taught by a published one as it is.

$data

# The published model's; the student shares what it reads and writes.
tokenizers:
$tokenizers

# The teacher is only needed for training; the student is what you will use. These are the sizes of
# its config.json.
teacher:
  kind: $kind
$sizes
  tokenizer: $tokenizer
student:
  kind: transformer
  encoder_layers: $encoder_layers
  decoder_layers: 2
  width: $width
  heads: $heads
  norm: pre
  dropout: $dropout
  attention_dropout: 0.1
  tokenizer: $tokenizer

stages:
  # 1. The published model as it is; none of its weights are trained.
  published: {load: $folder, into: teacher}
  # 2. What it writes: easier to learn from than what people wrote.
  written: {translate: published, data: train, decode: {kind: beam, beam: 4, length_penalty: 1.0}}
  # 3. The student learns from both, and from what the teacher takes each word to be.
  train_student:
    train: student
    data: [train, written]
    objective:
      cross_entropy: {weight: 0.5, label_smoothing: 0.1}
      soft_targets: {weight: 0.5, temperature: 1, teacher: published}
    steps: $steps           # $times
"""
    + STUDENT_TRAINING
    + """\
    stages.train_student.data: train
    stages.train_student.objective: {cross_entropy: {label_smoothing: 0.1}}
  # By the teacher's text alone: for a student of other tokenizers, too.
  by_text:
    stages.train_student.data: written
    stages.train_student.objective: {cross_entropy: {label_smoothing: 0.1}}

"""
    + STUDENT_SCORES
    + """\
  # What the teacher itself is worth on your text.
  - of: published
    on: [test]
    decode: {kind: beam, beam: 4, length_penalty: 1.0}
    metrics: [$metrics]

"""
    + STUDENT_EXPORT
)
