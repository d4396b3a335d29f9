"""The files that specs name, checked before anything starts: all that is wrong, at once."""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.text.corpora import open_corpus
from tfkd.data.text.object_stores import described
from tfkd.data.text.packed_files import opened
from tfkd.data.text.source_files import find_files
from tfkd.data.text.tfds_source import find_prepared
from tfkd.data.text.urls import is_url
from tfkd.data.tokenizers.building import build_tokenizer, refuse_unreachable
from tfkd.pipeline.engine.identity import vocabulary_identity
from tfkd.pipeline.inputs.data_folder import DataFolder
from tfkd.pipeline.inputs.own_folders import own_identity
from tfkd.pipeline.inputs.published import (
    check_checkpoint,
    checkpoint_folder,
    refuse_other_pieces,
    told_what_it_is,
)
from tfkd.pipeline.plan.pages import source_names, told_where, vocabulary_names
from tfkd.spec import Spec
from tfkd.spec.errors import SpecError
from tfkd.spec.source.reading import Reading
from tfkd.spec.source.tree import Node


class NoFiles(DataFolder):
    """Leaves the data folder alone: the graph's stages have no fingerprints then."""

    def corpus(
        self, spec: Spec, name: str, chosen: Mapping[str, Any], data_dir: Path
    ) -> dict[str, Any]:
        return {}

    def vocabulary(self, spec: Spec, name: str, data_dir: Path) -> None:
        return None

    def stores(self, spec: Spec, name: str, data_dir: Path) -> None:
        return None

    def checkpoint(self, spec: Spec, name: str, data_dir: Path) -> None:
        return None


class CheckedFiles(NoFiles):
    """Checks files as a run reads them, and gathers what is wrong instead of stopping at it.

    Of a corpus: whether its files are there and of equal length side by side, and its first row; of
    a vocabulary, all of it; of a published checkpoint, its `config.json` beside the model's
    options and the vocabulary's size, and the names of its weights; of what can be fetched, whether
    it is here or there is a network. TensorFlow is not imported, and nothing is fetched.

    Attributes:
        errors: What is wrong, each at the line of the spec that names the file.
        notes: What a run will fetch.
    """

    def __init__(self) -> None:
        self.errors: list[SpecError] = []
        self.notes: list[SpecError] = []
        self._said: dict[tuple, list[tuple[bool, str]]] = {}
        self._sizes: dict[tuple, int] = {}
        self._trees: dict[tuple, Node] = {}

    def corpus(
        self, spec: Spec, name: str, chosen: Mapping[str, Any], data_dir: Path
    ) -> dict[str, Any]:
        options = spec.data[name]
        path = ("data", name, options.kind)
        names = source_names(options)
        if options.kind == "tfds":
            said = "it is not prepared on this machine; a run fetches it"
            checks = [(names, lambda: find_prepared(options.tfds, data_dir) or said)]
            self._check(spec, path, options.tfds, checks)
            return {}
        saved = options.kind == "saved_dataset"
        each = [([one], functools.partial(_open_all, one, data_dir)) for one in names]
        # What is far away is asked for, and not read.
        far = not saved and any(map(is_url, names))
        if (saved or self._check(spec, path, (options, "files"), each)) and not far:
            whole = (names, lambda: _first_rows(options, data_dir))
            self._check(spec, path, options, [whole])
        return {}

    def vocabulary(self, spec: Spec, name: str, data_dir: Path) -> None:
        options = spec.tokenizers[name]
        preset = getattr(options, "preset", None)
        path = ("tokenizers", name, "vocabulary" if preset is None else "preset")

        def check() -> str | None:
            of_hub = preset is not None and options.kind == "wordpiece"
            if of_hub and not (data_dir / preset).is_dir():
                refuse_unreachable(preset)
                return f"{preset} is no folder in {data_dir}; a run asks Keras Hub for it"
            known = (
                contextlib.nullcontext() if preset is None else told_what_it_is(data_dir / preset)
            )
            with known:
                vocabulary_identity(name, options, data_dir)
                self._size(options, data_dir)
            return None

        self._check(spec, path, options, [(vocabulary_names(options), check)])

    def checkpoint(self, spec: Spec, name: str, data_dir: Path) -> None:
        options, model = spec.stages[name], spec.models[spec.stages[name].into]
        vocabulary = spec.tokenizers.get([*model.tokenizers.values()][-1])

        def check() -> None:
            folder = checkpoint_folder(options.load, data_dir)
            known = self._known(vocabulary, data_dir)
            check_checkpoint(folder, name, options, model, known)
            if known is not None and model.large:
                own = build_tokenizer(vocabulary, (), data_dir)
                refuse_other_pieces(name, options, model, folder, own)

        path = ("stages", name, "load")
        self._check(spec, path, (options, model, vocabulary), [([options.load], check)])

    def stores(self, spec: Spec, name: str, data_dir: Path) -> None:
        options = spec.stages[name]
        path = ("stages", name, "targets")

        def check() -> None:
            own_identity(options.targets.store, data_dir, ".".join(path))

        self._check(spec, path, options, [(options.targets.store, check)])

    def _size(self, options: Any, data_dir: Path) -> int:
        """The pieces of a vocabulary that is read, before it is cut down."""
        key = (repr(options), data_dir)
        if key not in self._sizes:
            whole = options.model_copy(update={"keep": None} if hasattr(options, "keep") else {})
            self._sizes[key] = build_tokenizer(whole, (), data_dir).size
        return self._sizes[key]

    def _known(self, options: Any, data_dir: Path) -> int | None:
        """The pieces of a tokenizer; None where they are not to be known yet."""
        if options is None or options.learn_from or getattr(options, "keep", None) is not None:
            return None
        preset = getattr(options, "preset", None)
        if preset is not None and not (data_dir / preset).is_dir():
            return None
        try:
            return self._size(options, data_dir)
        except (OSError, ValueError):  # said of the tokenizer
            return None

    def _check(
        self,
        spec: Spec,
        path: tuple[str, ...],
        options: Any,
        checks: Sequence[tuple[Sequence[str], Callable[[], Any]]],
    ) -> bool:
        """Checks what some options name, once, and notes all that is said at their line.

        Args:
            spec: The spec.
            path: Where they stand in it.
            options: What the answer hangs on.
            checks: Names of what is read, and what raises a fault, or may return text that is
                worth saying.

        Returns:
            Whether there is no fault.
        """
        key = (path, repr(options), tuple(spec.pages.items()))
        if key not in self._said:
            self._said[key] = [_answer(spec, names, check) for names, check in checks]
        for fault, text in self._said[key]:
            if text:
                (self.errors if fault else self.notes).append(self._at(spec, path, text))
        return not any(fault for fault, _ in self._said[key])

    def _at(self, spec: Spec, path: tuple[str, ...], message: str) -> SpecError:
        """A fault at the line that names the file."""
        key = (str(spec.path), spec.variant)
        if key not in self._trees:
            reading = Reading(spec.path, spec.overrides)
            self._trees[key] = reading.sections(spec.variant).tree
        node, dotted = self._trees[key].nearest(path), ".".join(path)
        for prefix in (f"{dotted}: ", f"{'.'.join(path[:2])}: ", f"{path[-1]}: "):
            message = message.removeprefix(prefix)
        return SpecError(node.file, node.line, dotted, message, variant=spec.variant or "")


def _open_all(pattern: str, data_dir: Path) -> str | None:
    """Finds the files of a pattern and opens each; says what a run will fetch of a URL."""
    if is_url(pattern):
        return described(pattern)
    for path in find_files(pattern, data_dir):
        opened(path).close()
    return None


def _first_rows(options: Any, data_dir: Path) -> str:
    """Reads the first rows; says what looks like a header that nobody has declared."""
    corpus = open_corpus(options, data_dir)
    corpus.first_row()
    return "; ".join(corpus.first_warnings())


def _answer(spec: Spec, names: Sequence[str], check: Callable[[], Any]) -> tuple[bool, str]:
    """Whether a check finds a fault, and what is said of it, or is worth saying without one."""
    try:
        with told_where(spec.pages, names):
            found = check()
    except OSError as error:
        where = f"{error.filename} " if error.filename else ""
        return True, f"{where}cannot be read ({error.strerror or error})"
    except ValueError as error:
        return True, str(error) or repr(error)
    return False, found if isinstance(found, str) else ""
