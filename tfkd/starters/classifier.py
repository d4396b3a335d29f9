"""The starter of models with labels: classifiers of texts, taggers of words."""

from string import Template

from tfkd.starters.pretraining import pretrained
from tfkd.starters.sizes import rounded, sizes_for, steps_for, times_through
from tfkd.starters.user_sets import Published, UserSets, quoted

_TEACHER_BATCH, _BATCH = 8192, 128


def classifier_spec(sets: UserSets | None, teacher: Published | None) -> str:
    """See `starter_spec`."""
    return _written(_CLASSIFIER, sets, teacher)


def tagger_spec(sets: UserSets | None, teacher: Published | None) -> str:
    """See `starter_spec`."""
    return _written(_TAGGER, sets, teacher)


def _written(kind: dict[str, str], sets: UserSets | None, teacher: Published | None) -> str:
    words = {**kind, "text": "train", "learn_from": "[train.text]", "every": "100"}
    words |= {"pretrain_steps": "2000", "pretrain_times": "for some thousand rows: more for more"}
    words |= {"finetune_steps": "1000", "steps": "2000"}
    words["finetune_times"] = words["times"] = words["pretrain_times"]
    words["pieces"] = str(sizes_for(None if sets is None else sets.train.joint_tokens).pieces)
    if sets is not None:
        words |= _of(sets, kind["bad"])
    words["length"] = str(min(256, teacher.length) if teacher is not None else 256)
    words |= {"activation": "", "views": Template(_MLM).substitute(words)}
    words |= {"taught": "finetune", "targets": "finetune", "asked": "asked in each step"}
    words |= {"read": "train", "alone": ""}
    if teacher is None:
        words |= {"origin": "# One vocabulary for teacher and student, learnt from the text.",
                  "vocabulary": Template(_LEARNT).substitute(words), "sizes": _SIZES,
                  "rate": "2e-4", "number": "3"}  # fmt: skip
        words["pretrain"] = pretrained(None, words, "7e-4, warmup: 0.1")
        words["teach"] = Template(_FINETUNED).substitute(words)
        return Template(_STARTER).substitute(words)
    words |= {"origin": "# The published teacher's vocabulary.", "sizes": teacher.sizes(),
              "vocabulary": f"pieces:\n{teacher.vocabulary()}", "rate": "3e-5"}  # fmt: skip
    if teacher.labels and teacher.of_texts == (kind["head"] == "classifier"):
        words |= _as_it_is(teacher, words, sets is not None and sets.text is not None)
    else:
        words["pretrain"] = pretrained(teacher, words)
        words |= {"teach": Template(_FINETUNED).substitute(words), "number": "3"}
    return Template(_STARTER).substitute(words)


def _as_it_is(teacher: Published, words: dict[str, str], texts: bool) -> dict[str, str]:
    """What a teacher that tells the classes already is asked for."""
    said = ", ".join(teacher.labels[:6]) + ", ..." * (len(teacher.labels) > 6)
    more = {"said": said, "first": quoted(teacher.labels[0]), "folder": quoted(teacher.folder)}
    if texts:
        more |= {"read": "[train, text]", "alone": "    stages.train_student.data: train\n"}
    more["title"] = words["title"].replace("a BERT learns", "a published model knows")
    words = words | more
    activation = "" if teacher.activation == "tanh" else f", activation: {teacher.activation}"
    more |= {"activation": activation, "views": "", "taught": "published"}
    teach = Template(_AS_IT_IS).substitute(words)
    if not teacher.of_texts:
        # A row's store has the words that its own teacher read, and the view may read fewer.
        return more | {"targets": "published", "number": "2", "teach": teach}
    teach += Template(_STORED).substitute(words)
    return more | {"targets": "targets", "asked": "stored", "number": "3", "teach": teach}


def _of(sets: UserSets, bad: str) -> dict[str, str]:
    """What fits the user's files."""
    train, text, corpora = sets.train, sets.train.joint_tokens, "train"
    data = [
        f"# UTF-8, .gz or not; paths are relative to --data-dir. {bad}",
        f"# {sets.said()}",
        "data:",
        sets.data(),
    ]
    learn_from = "[train.text]"
    if sets.text is not None:
        text += sets.text.joint_tokens
        corpora, learn_from = "[train, text]", "[train.text, text]"
        entry = sets.text.entry.replace("\n", "\n    ")
        data.append(
            "  # Text without labels, which both read before they learn the classes: the more the "
            f"better.\n  text:\n    {entry}\n    drop_overlap: [valid, test]"
        )
    pretrain = steps_for(text, _TEACHER_BATCH, 15, 500, 20_000)
    finetune = steps_for(train.rows, _BATCH, 4, 400, 20_000)
    steps = steps_for(train.rows, _BATCH, 6, 600, 30_000)
    return {
        "data": "\n".join(data),
        "text": corpora,
        "learn_from": learn_from,
        "pretrain_steps": str(pretrain),
        "pretrain_times": times_through(pretrain, _TEACHER_BATCH, text, "the text"),
        "finetune_steps": str(finetune),
        "finetune_times": times_through(finetune, _BATCH, train.rows, "the rows"),
        "steps": str(steps),
        "times": times_through(steps, _BATCH, train.rows, "the rows"),
        "every": str(rounded(min(finetune, steps) / 10)),
    }


_CLASSIFIED = """\
# Tables with a header, UTF-8, .gz or not: a text and its label in each row (of pairs of texts:
# text_b, too). Paths are relative to --data-dir, and may be globs or lists. `columns` says which
# column is which, by name or from 0. A row without a text or a label is left out and told.
data:
  test: {csv: data/test.csv, columns: {text: text, label: label}}
  valid: {csv: data/valid.csv, columns: {text: text, label: label}, drop_overlap: [test]}
  train: {csv: data/train.csv, columns: {text: text, label: label}, drop_overlap: [valid, test]}"""

_TAGGED = """\
# Sentences in CoNLL's columns, UTF-8, .gz or not: a word and its tag a line, an empty line after
# each sentence. Or a sentence a line, words and tags with spaces between: `{lines: {text: FILE,
# label: FILE}}`, or columns of a table, `{tsv: FILE, columns: {text: 0, label: 1}}`. Paths are
# relative to --data-dir, and may be globs or lists.
data:
  test: {conll: data/test.conll, columns: {text: 0, label: -1}}
  valid: {conll: data/valid.conll, columns: {text: 0, label: -1}, drop_overlap: [test]}
  train: {conll: data/train.conll, columns: {text: 0, label: -1}, drop_overlap: [valid, test]}"""

# What differs by what has a label: a text, or a word of it.
_CLASSIFIER = {
    "data": _CLASSIFIED, "name": "classifier", "head": "classifier", "lower": "true",
    "title": "A distilled classifier: a BERT learns the classes, and teaches a smaller one how "
    "likely it takes\n# each class of each row to be.",
    "description": "A small classifier, taught by a BERT.",
    "classes": "Classes", "answer": "class and probabilities",
    "bad": "A row without a text or a label is left out\n# and told.",
}  # fmt: skip
_TAGGER = {
    "data": _TAGGED, "name": "tagger", "head": "tagger", "lower": "false",
    "title": "A distilled tagger: a BERT learns the tags of words, and teaches a smaller one how "
    "likely it takes\n# each tag of each word to be.",
    "description": "A small tagger of words, taught by a BERT.",
    "classes": "Tags", "answer": "a tag for each word",
    "bad": "A row has a tag\n# for each word, both with spaces between.",
}  # fmt: skip

_LEARNT = "pieces: {kind: wordpiece, size: $pieces, learn_from: $learn_from, lower_case: $lower}"
_SIZES = """\
  layers: 4
  width: 256
  heads: 4
  max_length: 256
  initializer_range: 0.05"""

_MLM = """\
  # Some words are hidden, others in each epoch.
  mlm: {kind: mlm, p: 0.15, max_length: $length}
"""

_FINETUNED = """\
$pretrain
  # 2. It learns the labels. Its best step on `valid` is kept.
  finetune:
    train: teacher
    from: pretrain
    data: train
    objective: {cross_entropy: {view: classes}}
    steps: $finetune_steps           # $finetune_times
    batch: {size: 128, unit: sentences}
    optimizer: {kind: adam, clip_norm: 1.0, weight_decay: 0.01}
    schedule: {kind: triangular, rate: $rate}
    validate: {on: valid, every: $every, metrics: [loss, accuracy], keep: {best: loss}}"""

_AS_IT_IS = """\
  # 1. The published model as it is; none of its weights are trained. It tells apart:
  # $said.
  # Where the labels of `train` are called otherwise, add which is which: labels: {$first: YOURS}.
  published: {load: $folder, into: teacher, head: classifier}"""

_STORED = """
  # 2. How likely it takes each of them to be, stored once; text without labels is as good.
  targets: {score: published, data: $read}"""

_STARTER = """\
# $title
#
#   tfkd validate FILE         checks everything below without starting anything
#   tfkd run FILE --smoke      every stage, tiny, on generated text, in a minute or two
#   tfkd plan FILE             sizes and costs on your data
#   tfkd run FILE              at full size; stopped at any time, it continues from there
tfkd: 1
name: $name
description: $description

$data

$origin
tokenizers:
  $vocabulary

# The teacher is only needed for training; the student is what you will use. $classes are the labels
# of `train`.
teacher:
  kind: bert
$sizes
  tokenizer: pieces
  head: {kind: $head, classes: train$activation}
student:
  kind: bert
  layers: 2
  width: 128
  heads: 4
  max_length: 256
  initializer_range: 0.08
  tokenizer: pieces
  head: {kind: $head, classes: train}

# `max_length` cuts longer texts.
views:
$views  classes: {kind: classify, max_length: $length}

stages:
$teach
  # $number. The student learns from the labels and from the teacher's probabilities, $asked.
  train_student:
    train: student
    data: $read
    objective:
      cross_entropy: {weight: 0.5, view: classes}
      soft_targets: {weight: 0.5, temperature: 1, teacher: $targets, view: classes}
    steps: $steps           # $times
    batch: {size: 128, unit: sentences}
    optimizer: {kind: adam, clip_norm: 1.0, weight_decay: 0.01}
    schedule: {kind: triangular, rate: 5e-4}
    validate: {on: valid, every: $every, metrics: [loss, accuracy], keep: {best: accuracy}}

# tfkd run FILE --variant NAME; what is the same in several is computed once.
variants:
  # The same student without a teacher.
  baseline:
$alone    stages.train_student.objective: {cross_entropy: {view: classes}}

evaluate:
  - of: train_student
    on: [test]
    metrics: [accuracy, f1, loss]
    against: "train_student#baseline"
  # Does the teacher know more than a model without one? If not, it has nothing to teach.
  - {of: $taught, on: [train, valid], metrics: [teacher_check], against: "train_student#baseline"}
  - {of: $taught, on: [test], metrics: [accuracy, f1]}

# Written as a SavedModel: text in, $answer out.
export: [train_student]
"""
