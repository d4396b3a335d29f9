"""The first stage of a starter whose teacher is a BERT."""

from collections.abc import Mapping
from string import Template

from tfkd.starters.user_sets import Published, quoted


def pretrained(teacher: Published | None, words: Mapping[str, str], schedule: str = "1e-3") -> str:
    """The stage `pretrain`: published weights, or, without any, text with words hidden.

    Args:
        teacher: Whose weights they are; None: nobody's.
        words: `text`, the corpora, and `pretrain_steps`, with `pretrain_times` for a comment.
        schedule: The rate and, behind it, more of the schedule.
    """
    if teacher is not None:
        more = "" if teacher.words else ", head: none"
        return Template(_LOADED).substitute(folder=quoted(teacher.folder), more=more)
    return Template(_TRAINED).substitute(words, schedule=schedule)


_LOADED = """\
  # 1. The published weights.
  pretrain: {load: $folder, into: teacher$more}"""

_TRAINED = """\
  # 1. It reads text with some words hidden. No published weights are needed; where you have some,
  # they are the better start: `tfkd init --teacher FOLDER`.
  pretrain:
    train: teacher
    data: $text
    objective: {masked_lm: {view: mlm}}
    steps: $pretrain_steps           # $pretrain_times
    batch: {size: 8192, unit: joint_tokens}     # more memory than you have? per_device: 2048
    optimizer: {kind: adam, clip_norm: 1.0}
    schedule: {kind: triangular, rate: $schedule}"""
