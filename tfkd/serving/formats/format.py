"""What a format is: it writes a trained model as a folder of an engine, and opens such a folder.

A format has two halves. Its options (`tfkd.spec.formats.format.FormatOptions`) are what a spec
knows of it: its keys, and the models that it cannot hold. Its `Format` is what a run knows: the
files, the engine that answers by them, and how its answers are held against the model's. The
registry has both halves, `register("format", NAME, options=..., target="module:Class")`. A module
with a `Format` imports the engine's package and TensorFlow in its functions alone, so that a folder
is opened without TensorFlow.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import tfkd
from tfkd.data.files import write_atomically
from tfkd.serving.checksums import write_checksums
from tfkd.serving.model_card import CARD, card_of
from tfkd.serving.placing import beside, put
from tfkd.spec.formats.format import FormatOptions

# What a folder says of itself, beside the engine's own files.
ABOUT = "export.json"


@dataclass(frozen=True)
class Subject:
    """A trained model that is to be exported, as its task hands it over.

    Attributes:
        model: The Keras model.
        tokenizers: By what they read or write: `source` and `target`, or `text`. One that
            lower-cases first is a `LowerCasing`.
        decode: Decode options; None where nothing is decoded.
        lines: Real lines, as people write them, to check the export on.
        card: For the model card, see `tfkd.serving.model_card`.
        saved_model: Writes it as a SavedModel, checked, into a folder of versions: `Task.export`.
        labels: Of a model that tells classes apart; see `Labels`.
    """

    model: Any
    tokenizers: Mapping[str, Any]
    decode: Any
    lines: Sequence[str]
    card: Mapping[str, Any]
    saved_model: Callable[[Path], dict[str, Any]]
    labels: "Labels | None" = None


@dataclass(frozen=True)
class Labels:
    """What is to be known of a model with labels; or of an encoder, whose labels are words.

    Attributes:
        classes: Their names, in the order of its head.
        head: The head's name.
        rows: Real rows by the names of inputs, as people write them: `text`, and `text_b` or
            `mark`.
        record: The same rows in the view that the model is evaluated in: `ids`, `types` int32, and
            `valid`, `selected` bool `[rows, length]`.
        places: What is read of a line: "cls", its first position; "mark", the piece that its mark
            begins; "words", the first piece of each word. None: the task alone knows.
        limit: The most tokens of a sequence.
    """

    classes: Sequence[str]
    head: str
    rows: Sequence[Mapping[str, Any]]
    record: Mapping[str, Any]
    places: str | None
    limit: int


class Held(NamedTuple):
    """What holding an export against its model has found.

    Attributes:
        figures: For results.json: how many lines it was held on comes first.
        sentence: The same in words, for the model card.
        example: A line and what it answers, by names of inputs and outputs.
        latency: How long a line takes, see `tfkd.serving.check.latency`; None: not measured.
    """

    figures: dict[str, Any]
    sentence: str
    example: dict[str, Any]
    latency: dict[str, Any] | None = None


class Engine(Protocol):
    """An exported model that answers texts.

    Attributes:
        folder: Where it lies.
        choices: What it lets its callers choose, and the values that stand there otherwise.
    """

    folder: Path
    choices: Mapping[str, Any]

    def translate(self, lines: Sequence[str]) -> list[Any]:
        """An answer a line, in order: each with `text` and `score`."""


class SearchingEngine(Engine, Protocol):
    """An engine that translate stages can write a corpus by, too; see `FormatOptions.searches`.

    Attributes:
        about: Has `limit`: the most pieces that are read of a row.
    """

    about: Mapping[str, Any]

    def ranked(self, rows: Sequence[Sequence[str]]) -> list[list[Any]]:
        """The outputs of rows of bare pieces, best first, `n_best` of the search or more where it
        finds them, but at least one: each with `pieces`, without its end, `score` (as the search
        ranks) and `log_probability`. Rows that are too long are cut."""


class Format:
    """One format, without state; see the module.

    Attributes:
        Options: What a spec knows of it.
        title: What it is called, in the model card.
    """

    Options: ClassVar[type[FormatOptions]]
    title: ClassVar[str]

    def files(self, subject: Subject, options: Any, folder: Path) -> dict[str, Any]:
        """Writes the engine's files into a new folder.

        Returns:
            What `open` must know beside them, in plain values: it stands in `export.json`.
        """
        raise NotImplementedError

    def open(self, folder: Path, about: Mapping[str, Any]) -> Engine:
        """The engine of a folder.

        Args:
            folder: The folder, whose files are those that were written.
            about: What `files` has returned.

        Raises:
            UserError: The engine's package is not installed.
        """
        raise NotImplementedError

    def held(self, subject: Subject, options: Any, engine: Any) -> Held:
        """Holds the engine's answers to `subject.lines` against the float32 model.

        Raises:
            ExportRefusedError: They differ by more than the format's tolerance.
        """
        raise NotImplementedError

    def use(self, about: Mapping[str, Any], held: Held) -> str:
        """The model card's words on how the folder is run without tfkd."""
        raise NotImplementedError

    def write(self, subject: Subject, options: Any, final: Path) -> dict[str, Any]:
        """Writes a folder whole, or none: its files, `export.json`, the model card `README.md` and
        `checksums.json`. It is written beside its place, opened, held against the model, and only
        then renamed to its place.

        Args:
            subject: The model.
            options: The export's, of this format.
            final: The folder's place; one that is there is replaced.

        Returns:
            `{"folder", "bytes", "parameters", "check": {...}, "latency": {...}}`.

        Raises:
            ExportRefusedError: It does not answer as the model does. Nothing is left then.
        """
        part = beside(final)
        try:
            part.mkdir()
            said = self.files(subject, options, part)
            about = {"tfkd": tfkd.__version__, "format": options.format, "name": options.name}
            about = json.loads(json.dumps({**about, **said}))
            write_atomically(part / ABOUT, json.dumps(about, indent=1) + "\n")
            held = self.held(subject, options, self.open(part, about))
            use = self.use(about, held)
            write_atomically(part / CARD, card_of(subject.card, use, held.sentence))
            write_checksums(part)
            put(part, final)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        files = [path for path in final.rglob("*") if path.is_file()]
        return {
            "folder": str(final),
            "bytes": sum(path.stat().st_size for path in files),
            "parameters": sum(int(weight.shape.num_elements()) for weight in subject.model.weights),
            "check": held.figures,
            **({"latency": held.latency} if held.latency else {}),
        }
