"""A SavedModel as a Python object: lines in, outputs out, in order."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfkd.serving.batches import batches
from tfkd.serving.checksums import check_checksums
from tfkd.serving.loading import c_api
from tfkd.serving.loading.saved_classifier import SavedClassifier
from tfkd.serving.loading.saved_tagger import SavedTagger
from tfkd.serving.loading.session import session_signatures
from tfkd.serving.loading.signature import Signature, tensorflow_signatures
from tfkd.serving.loading.stored_graph import read_graph
from tfkd.serving.trust import check_trusted
from tfkd.spec.errors import UserError, no_such_folder


class Translation(NamedTuple):
    """An output and its score: log p over the length penalty; of a continuation log p."""

    text: str
    score: float


class SavedTranslator:
    """Calls the text signature of a loaded SavedModel in batches of lines of like length.

    Args:
        folder: The version folder (with saved_model.pb).
        signatures: The SavedModel's, by name.
        options: What the SavedModel lets its callers choose (`iterations`, `length_candidates`,
            `seed`).

    Raises:
        UserError: The SavedModel has no such options.
    """

    def __init__(
        self,
        folder: Path,
        signatures: Mapping[str, Signature],
        options: Mapping[str, int] | None = None,
    ):
        self.folder = folder
        self.signatures = signatures
        self._call = signatures["serving_default"]
        self._options: dict[str, Any] = {}
        if {*self._call.takes} != {"text"} or not {"outputs", "scores"} <= {*self._call.gives}:
            raise ValueError(
                f"serving_default takes {', '.join(sorted(self._call.takes))} and gives "
                f"{', '.join(sorted(self._call.gives))}"
            )
        if options:
            self.choose(options)

    @property
    def choices(self) -> dict[str, Any]:
        """What it lets its callers choose, and the values that stand there otherwise."""
        return self.signatures["options"]() if "options" in self.signatures else {}

    def choose(self, options: Mapping[str, int]) -> None:
        """Sets options for all calls to come.

        Raises:
            UserError: The SavedModel has no such options.
        """
        known = self.choices
        if unknown := sorted(set(options) - set(known)):
            raise UserError(
                f"{self.folder}: this SavedModel has no option {', '.join(unknown)}; it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        self._call = self.signatures["with_options"]
        self._options = {**known, **options}

    def translate(self, lines: Sequence[str]) -> list[Translation]:
        """Returns one output a line, in order; an empty line has an empty output, unless a
        language model begins a text there."""
        encoded = [line.encode("utf-8", "replace") for line in lines]
        found: list[Translation | None] = [None] * len(encoded)
        for batch in batches([len(line) for line in encoded]):
            result = self._call(text=[encoded[i] for i in batch], **self._options)
            pairs = zip(result["outputs"], result["scores"], strict=True)
            for i, (text, score) in zip(batch, pairs, strict=True):
                found[i] = Translation(text.decode("utf-8"), float(score))
        return found


def load_saved_model(
    folder: str | Path, options: Mapping[str, int] | None = None, *, trust: bool = False
) -> SavedTranslator | SavedClassifier | SavedTagger:
    """Loads a SavedModel: a version folder, or a folder of versions, of which the newest is taken.

    Args:
        folder: Where it lies.
        options: See `SavedTranslator`.
        trust: Whether one that tfkd has not exported, or whose graph has other ops, is loaded, too:
            it can do what whoever made it wants it to.

    Raises:
        UserError: there is no SavedModel, it is damaged or not to be trusted (see `check_trusted`),
            it has no signature from text to outputs, or not these options.
    """
    folder = Path(folder)
    found = folder
    if not os.path.lexists(folder):
        raise UserError(no_such_folder(folder, "a run folder, or a SavedModel's"))
    if not os.path.isfile(folder / "saved_model.pb"):
        versions = [path.parent for path in folder.glob("*/saved_model.pb")]
        versions = [path for path in versions if path.name.isdecimal()]
        if not versions:
            raise UserError(
                f"{folder}: no SavedModel here; expected saved_model.pb, or a folder like 1/ that "
                "has one. `tfkd export RUN` writes one under RUN/export/STAGE/1"
            )
        found = max(versions, key=lambda path: int(path.name))
    if trust:
        check_checksums(found)
    else:
        check_trusted(found)
    try:
        return _opened(found, options)
    except UserError:  # options that it lacks
        raise
    except (KeyError, OSError, ValueError, RuntimeError, *_errors_of_tensorflow()) as error:
        raise UserError(
            f"{found}: not a SavedModel of tfkd ({type(error).__name__}: {error}); expected the "
            "signature serving_default from text to outputs and scores. Export the model again"
        ) from error


def _opened(
    folder: Path, options: Mapping[str, int] | None
) -> SavedTranslator | SavedClassifier | SavedTagger:
    signatures = _signatures(folder)
    kinds = {"classes": ("classifier", SavedClassifier), "tags": ("tagger", SavedTagger)}
    for signature, (what, kind) in kinds.items():
        if signature in signatures:
            if options:
                raise UserError(f"{folder}: a {what} has no option {', '.join(sorted(options))}")
            return kind(folder, signatures)
    return SavedTranslator(folder, signatures, options)


def _signatures(folder: Path) -> Mapping[str, Signature]:
    """A SavedModel's signatures. TensorFlow's Python runs them where it is imported, with the
    devices and threads that it was given; else nothing waits for that import."""
    if "tensorflow" not in sys.modules:
        try:
            c_api.functions()
        except OSError:
            pass  # a TensorFlow that is laid out otherwise
        else:
            return session_signatures(folder, read_graph(folder))
    return tensorflow_signatures(folder)


def _errors_of_tensorflow() -> tuple[type[Exception], ...]:
    tensorflow = sys.modules.get("tensorflow")
    return () if tensorflow is None else (tensorflow.errors.OpError,)
