"""The starter of language models."""

from string import Template

from tfkd.starters.sizes import rounded, sizes_for, steps_for, times_through
from tfkd.starters.user_sets import Published, UserSets, quoted

_BATCH = 4096


def language_model_spec(sets: UserSets | None, teacher: Published | None) -> str:
    """See `starter_spec`."""
    words = {"data": _DATA, "teacher_steps": "2000", "steps": "2500", "metrics": "word_perplexity"}
    words["teacher_times"] = words["times"] = "for about a million words: more for more"
    words["pieces"] = str(sizes_for(None if sets is None else sets.train.joint_tokens).pieces)
    if sets is not None:
        words |= _of(sets)
    for stage in ("teacher_", ""):
        words[f"{stage}every"] = str(rounded(int(words[f"{stage}steps"]) / 10))
    # What both read of a text by itself is the same.
    words["positions"] = str(128 if teacher is None else teacher.length)
    words["length"] = str(128 if teacher is None else min(128, teacher.length))
    if teacher is None:
        words |= {"vocabulary": f" {{kind: byte_bpe, size: {words['pieces']}, learn_from: train}}",
                  "sizes": _SIZES, "from": "", "loaded": "", "rate": "1e-3"}  # fmt: skip
    else:
        folder = quoted(teacher.folder)
        words |= {"vocabulary": f"\n{teacher.vocabulary()}",
                  "sizes": teacher.sizes(), "from": "    from: published\n", "rate": "5e-5",
                  "loaded": f"  published: {{load: {folder}, into: teacher}}\n"}  # fmt: skip
    return Template(_STARTER).substitute(words)


def _of(sets: UserSets) -> dict[str, str]:
    """What fits the user's files."""
    tokens = sets.train.joint_tokens
    first = steps_for(tokens, _BATCH, 8, 400, 100_000)
    steps = steps_for(tokens, _BATCH, 10, 500, 100_000)
    data = [
        "# Plain text, UTF-8, .gz or not: a line is a document or a paragraph. Paths are relative "
        "to\n# --data-dir.",
        f"# {sets.said('line')}",
        "data:",
        sets.data(),
    ]
    # The words of a whole text are counted; those of every n-th line of one are not.
    whole = "test" not in sets.held_out
    return {
        "data": "\n".join(data),
        "metrics": "word_perplexity" if whole else "perplexity, accuracy",
        "teacher_steps": str(first),
        "teacher_times": times_through(first, _BATCH, tokens, "the text"),
        "steps": str(steps),
        "times": times_through(steps, _BATCH, tokens, "the text"),
    }


_DATA = """\
# Plain text, UTF-8, .gz or not: a line is a document or a paragraph. Paths are relative to
# --data-dir, and may be globs or lists. Text whose tokens stand apart (`do n't`, `@-@`) is put back
# as people write it by `detokenize: ptb`, `wikitext` or `moses`; plain: its words are counted, for
# word_perplexity.
data:
  test: {text: data/test.txt, detokenize: plain}
  valid: {text: data/valid.txt, detokenize: plain, drop_overlap: [test]}
  train: {text: data/train.txt, detokenize: plain, drop_overlap: [valid, test]}"""

_SIZES = """\
  layers: 4
  width: 256
  heads: 4
  max_length: 128
  initializer_range: 0.05"""

_STARTER = """\
# A distilled language model: a GPT-2 learns to continue text, and teaches a smaller one what it
# knows about each next token.
#
#   tfkd validate FILE         checks everything below without starting anything
#   tfkd run FILE --smoke      every stage, tiny, on generated text, in a minute or two
#   tfkd plan FILE             sizes and costs on your data
#   tfkd run FILE              at full size; stopped at any time, it continues from there
tfkd: 1
name: language_model
description: A small language model, taught by a larger one.

$data

# GPT-2's tokens: any text has some, and comes back byte for byte. Teacher and student share them.
tokenizers:
  bytes:$vocabulary

# The teacher is only needed for training; the student is what you will use.
teacher:
  kind: gpt2
$sizes
  tokenizer: bytes
student:
  kind: gpt2
  layers: 2
  width: 128
  heads: 4
  max_length: $positions
  initializer_range: 0.08
  tokenizer: bytes

stages:
$loaded\
  # 1. The teacher reads the text, packed into blocks of $length tokens. Its best step by loss on
  # `valid` is kept.
  teach:
    train: teacher
$from    data: [{of: train, pack: {length: $length, separator: newline}}]
    objective: {words: {kind: causal_lm}}
    steps: $teacher_steps           # $teacher_times
    batch: {size: 4096, unit: joint_tokens}     # more memory than you have? per_device: 1024
    optimizer: {kind: adam, clip_norm: 1.0}
    schedule: {kind: triangular, rate: $rate}
    validate: {on: valid, every: $teacher_every, metrics: [loss], keep: {best: loss}}
  # 2. The student learns from the text and from the teacher, which is asked in each step. `soft` is
  # the share of the teacher's word.
  train_student:
    train: student
    data: [{of: train, pack: {length: $length, separator: newline}}]
    objective:
      words: {kind: causal_lm}
      soft: {kind: soft_targets, teacher: teach}
    balance: {soft: 0.4}
    steps: $steps           # $times
    batch: {size: 4096, unit: joint_tokens}
    optimizer: {kind: adam, clip_norm: 1.0}
    schedule: {kind: triangular, rate: 2e-3}
    validate: {on: valid, every: $every, metrics: [loss], keep: {best: loss}}

# tfkd run FILE --variant NAME; what is the same in several is computed once.
variants:
  # The same student without a teacher. null deletes a key.
  baseline:
    stages.train_student.balance: null
    stages.train_student.objective: {words: {kind: causal_lm}}

evaluate:
  # Its score, and how it continues the first halves of some lines.
  - of: train_student
    on: [test]
    metrics: [$metrics]
    decode: {kind: sample, top_k: 40, seed: 1, max_length: 64}
    against: "train_student#baseline"
  # Does the teacher know more than a model without one? If not, it has nothing to teach.
  - {of: teach, on: [train, valid], metrics: [teacher_check], against: "train_student#baseline"}

# Written as a SavedModel: a prompt in, its continuation out.
export: [train_student]
"""
