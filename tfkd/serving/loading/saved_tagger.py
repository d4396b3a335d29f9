"""A SavedModel of a tagger as a Python object: lines in, tags out, in order."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tfkd.serving.batches import batches
from tfkd.serving.loading.saved_classifier import Label
from tfkd.serving.loading.signature import Signature


class SavedTagger:
    """Calls a loaded SavedModel's `serving_default` in batches of lines of like length.

    Args:
        folder: The version folder.
        signatures: The SavedModel's, by name.

    Attributes:
        classes: The tags.
        choices: What it lets its callers choose: nothing.
    """

    choices: Mapping[str, int] = MappingProxyType({})

    def __init__(self, folder: Path, signatures: Mapping[str, Signature]):
        self.folder = folder
        self.signatures = signatures
        self._call = signatures["serving_default"]
        self.classes = [one.decode("utf-8") for one in signatures["tags"]()["tags"]]

    def translate(self, lines: Sequence[str]) -> list[Label]:
        """Returns the tags of each line's words, in order, with spaces between, and the mean of
        their probabilities; none, and 0, of a line without a word."""
        found = [Label("", 0.0)] * len(lines)
        encoded = [line.encode("utf-8", "replace") for line in lines]
        for batch in batches([len(line) for line in encoded]):
            said = self._call(text=[encoded[i] for i in batch])
            for place, label, score in zip(batch, said["labels"], said["scores"], strict=True):
                found[place] = Label(label.decode("utf-8"), float(score))
        return found
