"""The spec that `tfkd init` writes: a whole line on the user's own files, explained."""

import json
import re

from tfkd.spec.errors import UserError

_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}\Z")


# Of pairs in two files, about as many test and as many validate, but no more than one in twenty.
_HELD_OUT, _SPARSEST = 1000, 20
# Of fewer, nothing is held out that could measure or choose anything.
_FEWEST = 100


def starter_spec(
    source: str, target: str, pairs: tuple[str, str] | None = None, rows: int = 0
) -> str:
    """A commented spec for a translation pair; valid as it stands.

    Args:
        source: The source files' ending, usually the language's code, like `de`.
        target: The target files' ending.
        pairs: Two files that are all there is; None: six, with names that stand for the user's.
        rows: Lines of the first of them.

    Raises:
        UserError: An ending that cannot stand in a file's name, or the same for both sides; or the
            files have too few lines.
    """
    for side, ending in (("--source", source), ("--target", target)):
        if not _LANGUAGE.match(ending):
            raise UserError(f"{side} {ending!r} is no language; expected letters, like de or zh-CN")
    if source == target:
        raise UserError(f"--source and --target are both {source!r}; expected two languages")
    if pairs is not None and rows < _FEWEST:
        raise UserError(
            f"--pairs: {pairs[0]} and {pairs[1]} have {rows} {'line' if rows == 1 else 'lines'}; "
            f"expected at least {_FEWEST}, of which one in {_SPARSEST} tests and about as many "
            "validate. Add pairs, or leave --pairs out and name files for each in the spec"
        )
    every = max(_SPARSEST, rows // _HELD_OUT)
    words = {"SRC": source, "TGT": target, "EVERY": str(every), "NEXT": str(every + 1)}
    if pairs is not None:
        words |= {"SOURCE_FILE": _quoted(pairs[0]), "TARGET_FILE": _quoted(pairs[1])}
    text = _STARTER.replace("DATA\n", _SIX_FILES if pairs is None else _TWO_FILES)
    return re.sub("SRC|TGT|EVERY|NEXT|SOURCE_FILE|TARGET_FILE", lambda at: words[at[0]], text)


def _quoted(name: str) -> str:
    """A file's name where YAML reads one, in brackets, too."""
    return name if re.fullmatch(r"[\w/][\w./-]*", name, re.ASCII) else json.dumps(name)


_SIX_FILES = """\
# Plain text, one sentence a line, UTF-8, .gz or not. Paths are relative to --data-dir, and may be
# globs or lists: [europarl/*.SRC, news.SRC]. Line n of one side translates line n of the other.
data:
  train: {parallel: [data/train.SRC, data/train.TGT]}
  valid: {parallel: [data/valid.SRC, data/valid.TGT], drop_overlap: [train]}
  test: {parallel: [data/test.SRC, data/test.TGT]}
  # Text without translations is what the teacher knows more from: add files, the more the better.
  # No line of the sets that measure must be among them.
  monolingual:
    text: [data/train.SRC, data/train.TGT]
    drop_overlap: [valid, test]
"""

_TWO_FILES = """\
# Plain text, one sentence a line, UTF-8, .gz or not. Paths are relative to --data-dir; line n of
# one file translates line n of the other. One pair in EVERY tests, one in NEXT validates, and no
# sentence of theirs is trained on. Neighbouring lines are alike: text of the kind that you will
# translate, in files of its own, measures better.
data:
  test:
    parallel: [SOURCE_FILE, TARGET_FILE]
    part: {every: EVERY, keep: true}
  valid:
    parallel: [SOURCE_FILE, TARGET_FILE]
    part: {every: NEXT, keep: true}
    drop_overlap: [test]
  train:
    parallel: [SOURCE_FILE, TARGET_FILE]
    part: {every: EVERY}
    drop_overlap: [valid, test]
  # Text without translations is what the teacher knows more from: add files, the more the better.
  monolingual:
    text: [SOURCE_FILE, TARGET_FILE]
    drop_overlap: [valid, test]
"""

_STARTER = """\
# A distilled SRC-TGT translation model: a BERT learns from monolingual text and then from the
# pairs, and teaches a small encoder-decoder what it knows about each next word.
#
#   tfkd validate FILE         checks everything below without starting anything
#   tfkd run FILE --smoke      every stage, tiny, on generated text, in a minute or two
#   tfkd plan FILE             sizes and costs on your data
#   tfkd run FILE              the real thing; stopped at any time, it continues from there
tfkd: 1
name: SRC_TGT
description: A small SRC-TGT model, taught by a BERT.

DATA

# One vocabulary for teacher and student, learnt from the training text.
tokenizers:
  joint: {kind: wordpiece, size: 8000, learn_from: [train, monolingual]}

# The teacher is only needed for training; the student is what you will use. This BERT is trained
# from scratch: its second segment counts positions anew, and its weights start wider than the 0.02
# of published BERTs, about width^-0.5, or it is slow to find which source word a word of the target
# translates. A published BERT (a stage `{load: FOLDER, into: teacher}`) keeps the defaults.
teacher:
  kind: bert
  layers: 4
  width: 256
  heads: 4
  max_length: 256
  positions: segment
  initializer_range: 0.05
  tokenizer: joint
student:
  kind: transformer
  encoder_layers: 3
  decoder_layers: 3
  width: 256
  heads: 4
  norm: pre             # post (the Transformer's paper) needs a longer warm-up or a lower rate
  dropout: 0.2          # less for more data: 0.1 from about a million pairs
  attention_dropout: 0.1
  tokenizer: joint

# What the teacher does not see and has to guess. `mlm` hides words of a text. `left` hides of the
# target each word and all after it: so the student writes, and what such a teacher knows of a word
# is the student's own question, answered by a model that has read more. `cmlm` hides 15 to 70 % of
# the target and shows the rest, right and left: see the variant of that name, below.
views:
  mlm: {kind: mlm, p: 0.15}
  left: {kind: prefix_lm}
  cmlm: {kind: conditional_mlm, p: {uniform: [0.15, 0.7]}}

stages:
  # 1. The teacher reads monolingual text with some words hidden.
  pretrain:
    train: teacher
    data: monolingual
    objective: {masked_lm: {view: mlm}}
    steps: 2000
    batch: {size: 8192, unit: joint_tokens}     # more memory than you have? per_device: 2048
    optimizer: {kind: adam, clip_norm: 1.0}
    schedule: {kind: triangular, rate: 1e-3}
  # 2. It reads pairs, of the target from the left. Its best step by loss on `valid` is kept: its
  # accuracy still rises when it has begun to learn the pairs by heart, and its loss does not fall.
  finetune:
    train: teacher
    from: pretrain
    data: train
    objective: {causal_lm: {view: left}}
    steps: 5000
    batch: {size: 8192, unit: joint_tokens}
    optimizer: {kind: adam, clip_norm: 1.0}
    schedule: {kind: triangular, rate: 8e-4}
    validate: {on: valid, every: 500, metrics: [loss, accuracy], keep: {best: loss}}
  # 3. Its eight best guesses for each target word are stored.
  targets: {score: finetune, data: train, read: previous, top_k: 8}
  # 4. The student learns from the words themselves and from the teacher's guesses, as they are: at
  # temperature 1. Above it, the temperature softens the teacher alone, as in the first paper; with
  # `form: hinton` the student, too, times its square: distillation as by Hinton, Vinyals and Dean
  # (2015).
  train_student:
    train: student
    data: train
    objective:
      cross_entropy: {weight: 0.5, label_smoothing: 0.1}
      soft_targets: {weight: 0.5, temperature: 1, teacher: targets}   # form: paper, or hinton
    steps: 5000
    batch: {size: 4096, unit: max_tokens, max_length: 150}
    optimizer: {kind: adam, clip_norm: 5.0}
    schedule: {kind: triangular, rate: 1.5e-3}
    # precision: bfloat16                        # faster on GPUs that have it
    validate:
      on: valid
      every: 500
      metrics: [loss, accuracy, bleu]
      decode: {kind: greedy}
      keep: {best: bleu}

# tfkd run FILE --variant NAME; what is the same in several is computed once.
variants:
  # The same student without a teacher.
  baseline:
    stages.train_student.objective: {cross_entropy: {label_smoothing: 0.1}}
  # The first paper's teacher: it fills in words and sees those to the right, too (at the paper's
  # 15 % hidden from the start, one from scratch learns from the target alone). Which to prefer:
  #   left to right, as above: a teacher from scratch, or few pairs; ahead where both were measured.
  #   cmlm: a published BERT and many pairs, as in the paper, if it is ahead on `valid`. Of rows
  #   that it knows by heart it has hardly a doubt, and its student learns little from them.
  # What was measured, and with which settings: docs/choosing_a_teacher.md in tfkd's repository.
  cmlm:
    stages.finetune.objective: {masked_lm: {view: cmlm}}
    stages.targets: {score: finetune, data: train, read: masked, passes: 7, top_k: 8}
    stages.train_student.objective.soft_targets.temperature: 2    # the paper: 10
    evaluate.0.decode.length_penalty: 0.6

evaluate:
  - of: train_student
    on: [test]
    decode: {kind: beam, beam: 4, length_penalty: 1.0}
    metrics: [bleu, chrf]
    against: "train_student#baseline"
  # Does the teacher know more than a model without one? If not, it has nothing to teach.
  - {of: targets, on: [valid], metrics: [teacher_check], against: "train_student#baseline"}
  # Is it much surer of the rows that it scores? Then it has learnt them by heart: you are warned.
  - {of: targets, on: [train], metrics: [teacher_check]}

# Written as a SavedModel: text in, text out.
export: [train_student]
"""
