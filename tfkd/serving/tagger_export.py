"""Writes a tagger's SavedModel that answers as the model does, or none at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.serving.classifier_export import export_tags
from tfkd.serving.graphs.full_precision import in_float32
from tfkd.serving.graphs.served_tagger import ServedTagger

_USE = """\
Signature `serving_default`: `text`, strings `[batch]`, words with spaces between, gives `labels`,
strings `[batch]`, a tag for each word with spaces between, and `scores`, float32 `[batch]`, the
mean probability of these. Signature `tags` gives all tags.

- Words are what stands between spaces: marks of punctuation that have tags of their own stand
  apart, as in the text that it learnt from.
- Of a text of more than {limit} tokens the last words are left out, and have no tag.
- Characters that the vocabulary lacks are read as an unknown piece; bytes that are not UTF-8 are
  read as U+FFFD.

## Tags

{tags}
"""


def export_tagger(
    model: Any,
    tokenizer: Any,
    names: Sequence[str],
    folder: str | Path,
    card: Mapping[str, Any],
    *,
    lines: Sequence[str],
    expected: Sequence[str],
    limit: int,
) -> dict[str, Any]:
    """Writes `folder/1/` as `export_saved_model` does, of a model with a tag for each word.

    Args:
        model: A model with a head over tags.
        tokenizer: Of its texts.
        names: The tags in the order of their ids.
        folder: The folder of versions.
        card: For the model card, see `tfkd.serving.model_card`.
        lines: Real texts.
        expected: The tags of each, with spaces between, as the float32 model gives them.
        limit: The most tokens of a sequence.

    Raises:
        ExportRefusedError: The SavedModel answers otherwise.
    """
    served = ServedTagger(in_float32(model), tokenizer, names, limit)
    use = _USE.format(limit=limit, tags="\n".join(f"- {one}" for one in names))
    return export_tags(served, folder, card, lines=lines, expected=expected, use=use)
