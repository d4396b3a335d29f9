"""The starter of models that write from a source: translators and summarisers."""

import re
from string import Template

from tfkd.spec.errors import UserError
from tfkd.starters.pretraining import pretrained
from tfkd.starters.sizes import rounded, sizes_for, steps_for, times_through
from tfkd.starters.student_writer import STUDENT_EXPORT, STUDENT_SCORES, STUDENT_TRAINING
from tfkd.starters.user_sets import Published, UserSets, quoted

_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}\Z")
_TEACHER_BATCH, _BATCH = 8192, 4096


def translator_spec(
    source: str, target: str, sets: UserSets | None, teacher: Published | None
) -> str:
    """See `starter_spec`."""
    words = translator_parts(source, target, sets, teacher)
    words["description"] = f"A small {source}-{target} model, taught by a BERT."
    return _written(words, teacher)


def translator_parts(
    source: str, target: str, sets: UserSets | None, teacher: Published | None
) -> dict[str, str]:
    """What all starters of translators say; see `starter_spec`."""
    for side, ending in (("--source", source), ("--target", target)):
        if not _LANGUAGE.match(ending):
            raise UserError(f"{side} {ending!r} is no language; expected letters, like de or zh-CN")
    if source == target:
        raise UserError(f"--source and --target are both {source!r}; expected two languages")
    words = {
        "source": source,
        "target": target,
        "title": f"A distilled {source}-{target} translation model",
        "name": f"{source}_{target}",
        "best": "bleu",
        "metrics": "bleu, chrf",
    }
    placeholders = Template(_SIX_FILES).substitute(source=source, target=target)
    return words | _parts(sets, teacher, placeholders, "monolingual", "")


def summariser_spec(sets: UserSets | None, teacher: Published | None) -> str:
    """See `starter_spec`."""
    words = summariser_parts(sets, teacher)
    words["description"] = "A small model that writes summaries or headlines, taught by a BERT."
    return _written(words, teacher)


def summariser_parts(sets: UserSets | None, teacher: Published | None) -> dict[str, str]:
    """What all starters of summarisers say."""
    words = {
        "title": "A distilled summariser",
        "name": "summaries",
        "best": "rouge_l",
        "metrics": "rouge_1, rouge_2, rouge_l",
    }
    return words | _parts(sets, teacher, _STORIES, "source_text", ".source")


def _parts(
    sets: UserSets | None, teacher: Published | None, placeholders: str, text: str, side: str
) -> dict[str, str]:
    """What fits the user's files, or stands for them."""
    corpora, data = ([text], placeholders) if sets is None else _data(sets, side, teacher)
    tokens = None if sets is None else sets.train.tokens
    words = {"data": data, "text": corpora[0] if len(corpora) == 1 else f"[{', '.join(corpora)}]"}
    words["learn_from"] = f"[{', '.join(['train', *corpora])}]"
    words |= {name: str(value) for name, value in vars(sizes_for(tokens)).items()}
    return words | _steps(sets) | _lengths(sets, teacher)


def _written(words: dict[str, str], teacher: Published | None) -> str:
    if teacher is None:
        words["finetune_rate"] = "8e-4"
        words["teacher"] = Template(_SCRATCH).substitute(words)
    else:
        words |= {
            "folder": quoted(teacher.folder), "kind": teacher.kind, "sizes": teacher.sizes(),
            "finetune_rate": "1e-4", "vocabulary": teacher.vocabulary(),
        }  # fmt: skip
        words["teacher"] = Template(_PUBLISHED).substitute(words)
    words["pretrain"] = pretrained(teacher, words)
    words["finetune"] = Template(_FINETUNE).substitute(words)
    return Template(_STARTER).substitute(words, rate="1.5e-3")


def _data(sets: UserSets, side: str, teacher: Published | None) -> tuple[list[str], str]:
    """The names of the corpora that a teacher pre-trains on, and `data:` as a whole."""
    lines = [
        "# UTF-8, .gz or not. Paths are relative to --data-dir. What a row translates or sums up "
        "stands\n# in the same row.",
        f"# {sets.said('pair')}",
        *[_CAPITALS] * sets.train.one_in_capitals,
        "data:",
        sets.data(side),
    ]
    if teacher is not None:
        return [], "\n".join(lines)
    entries = list(sets.train.sides) + ([sets.text.entry] if sets.text is not None else [])
    names = ["monolingual"] if len(entries) == 1 else ["source_text", "target_text", "more_text"]
    lines.append(
        "  # Text without its other side is what the teacher knows more from: add files (--text), "
        "the\n  # more the better."
    )
    for name, entry in zip(names, entries, strict=False):
        lines += [f"  {name}:", f"    {entry}".replace("\n", "\n    ")]
        lines.append("    drop_overlap: [valid, test]")
    return names[: len(entries)], "\n".join(lines)


def _lengths(sets: UserSets | None, teacher: Published | None) -> dict[str, str]:
    """Positions of the teacher, where views cut, and the longest rows that the student reads."""
    mean = 0 if sets is None else sets.train.tokens / max(1, sets.train.rows)
    length = 256 if mean <= 100 else 512
    if teacher is not None:
        length = min(length, teacher.length)
    return {
        "length": str(length),
        "cut": "" if length == 256 else f", max_length: {length}",
        "row_length": str(150 if mean <= 40 else rounded(min(512, 4 * mean))),
    }


def _steps(sets: UserSets | None) -> dict[str, str]:
    """Steps of each stage, and how often they read what there is."""
    if sets is None:
        plan = {"pretrain_": 2000, "finetune_": 5000, "": 5000}
        said = dict.fromkeys(plan, "for some ten thousand pairs: more for more")
    else:
        train = sets.train
        text = train.joint_tokens + (sets.text.joint_tokens if sets.text is not None else 0)
        plan = {
            "pretrain_": steps_for(text, _TEACHER_BATCH, 17, 500, 100_000),
            "finetune_": steps_for(train.joint_tokens, _TEACHER_BATCH, 40, 500, 50_000),
            "": steps_for(train.tokens, _BATCH, 40, 600, 100_000),
        }
        said = {
            "pretrain_": times_through(plan["pretrain_"], _TEACHER_BATCH, text, "the text"),
            "finetune_": times_through(
                plan["finetune_"], _TEACHER_BATCH, train.joint_tokens, "the pairs"
            ),
            "": times_through(plan[""], _BATCH, train.tokens, "the pairs"),
        }
    words = {f"{stage}steps": str(number) for stage, number in plan.items()}
    words |= {f"{stage}times": text for stage, text in said.items()}
    return words | {f"{stage}every": str(rounded(n / 10)) for stage, n in plan.items()}


_CAPITALS = """\
# One side is in capitals and the other is not, so that they would share no word: all is read in
# lower case, and so is what the student writes."""

_SIX_FILES = """\
# Plain text, one sentence a line, UTF-8, .gz or not. Paths are relative to --data-dir, and may be
# globs or lists: [europarl/*.$source, news.$source]. Line n of one side translates line n of the
# other.
data:
  train: {parallel: [data/train.$source, data/train.$target]}
  valid: {parallel: [data/valid.$source, data/valid.$target], drop_overlap: [train]}
  test: {parallel: [data/test.$source, data/test.$target]}
  # Text without translations is what the teacher knows more from: add files, the more the better.
  # No line of the sets that measure must be among them.
  monolingual:
    text: [data/train.$source, data/train.$target]
    drop_overlap: [valid, test]"""

_STORIES = """\
# Tables with a header, UTF-8, .gz or not: a text and its summary in each row. Paths are relative to
# --data-dir, and may be globs or lists. `columns` says which column is which, by name or from 0.
data:
  test: {csv: data/test.csv, columns: {source: text, target: summary}}
  valid:
    csv: data/valid.csv
    columns: {source: text, target: summary}
    drop_overlap: [test.source]
  train:
    csv: data/train.csv
    columns: {source: text, target: summary}
    drop_overlap: [valid.source, test.source]
  # Texts without a summary are what the teacher knows more from: add files, the more the better.
  source_text:
    csv: data/train.csv
    columns: {text: text}
    drop_overlap: [valid, test]"""

_SCRATCH = """\
# One vocabulary for teacher and student, learnt from the training text.
tokenizers:
  joint: {kind: wordpiece, size: $pieces, learn_from: $learn_from}

# The teacher is only needed for training; the student is what you will use. This BERT is trained
# from scratch: its second segment counts positions anew, and its weights start wider than the 0.02
# of published BERTs, about width^-0.5, or it is slow to find which source word a word of the target
# translates. A published BERT (a stage `{load: FOLDER, into: teacher}`) keeps the defaults.
teacher:
  kind: bert
  layers: 4
  width: $width
  heads: $heads
  max_length: $length
  positions: segment
  initializer_range: 0.05
  tokenizer: joint"""

_PUBLISHED = """\
# The published teacher's vocabulary: the student shares it, so that both speak of the same words.
tokenizers:
  joint:
$vocabulary

# The teacher is only needed for training; the student is what you will use. These are the sizes of
# its config.json.
teacher:
  kind: $kind
$sizes
  tokenizer: joint"""

_FINETUNE = """\
  # 2. It reads pairs, of the target from the left. Its best step by loss on `valid` is kept: its
  # accuracy still rises when it has begun to learn the pairs by heart, and its loss does not fall.
  finetune:
    train: teacher
    from: pretrain
    data: train
    objective: {causal_lm: {view: left}}
    steps: $finetune_steps           # $finetune_times
    batch: {size: 8192, unit: joint_tokens}
    optimizer: {kind: adam, clip_norm: 1.0}
    schedule: {kind: triangular, rate: $finetune_rate}
    validate: {on: valid, every: $finetune_every, metrics: [loss, accuracy], keep: {best: loss}}"""

_STARTER = (
    """\
# $title: a BERT learns from text, and then from the pairs,
# and teaches a small encoder-decoder what it knows about each next word.
#
#   tfkd validate FILE         checks everything below without starting anything
#   tfkd run FILE --smoke      every stage, tiny, on generated text, in a minute or two
#   tfkd plan FILE             sizes and costs on your data
#   tfkd run FILE              at full size; stopped at any time, it continues from there
tfkd: 1
name: $name
description: $description

$data

$teacher
student:
  kind: transformer
  encoder_layers: 3
  decoder_layers: 3
  width: $width
  heads: $heads
  norm: pre             # post (the Transformer's paper) needs a longer warm-up or a lower rate
  dropout: $dropout          # less for more data: 0.1 from about a million pairs
  attention_dropout: 0.1
  tokenizer: joint

# What the teacher does not see and has to guess. `mlm` hides words of a text. `left` hides of the
# target each word and all after it: so the student writes, and what such a teacher knows of a word
# is the student's own question, answered by a model that has read more. `cmlm` hides 15 to 70 % of
# the target and shows the rest, right and left: see the variant of that name, below.
views:
  mlm: {kind: mlm, p: 0.15$cut}
  left: {kind: prefix_lm$cut}
  cmlm: {kind: conditional_mlm, p: {uniform: [0.15, 0.7]}$cut}

stages:
$pretrain
$finetune
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
    steps: $steps           # $times
"""
    + STUDENT_TRAINING
    + """\
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

"""
    + STUDENT_SCORES
    + """\
  # Does the teacher know more than a model without one? If not, it has nothing to teach.
  - {of: targets, on: [valid], metrics: [teacher_check], against: "train_student#baseline"}
  # Is it much surer of the rows that it scores? Then it has learnt them by heart: you are warned.
  - {of: targets, on: [train], metrics: [teacher_check]}

"""
    + STUDENT_EXPORT
)
