"""What formats of numeric graphs have in common: LiteRT and ONNX.

A folder has a file for each piece of the model, and the tokenizer's files: text becomes ids, and
logits become answers, outside of the graph.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfkd.data.files import write_atomically
from tfkd.serving.formats.format import Format, Held, Subject
from tfkd.serving.formats.run import Run
from tfkd.serving.formats.text_files import VOCABULARY, write_tokenizer
from tfkd.spec.errors import UserError


class GraphFormat(Format):
    """A format whose files are graphs that compute on numbers.

    Attributes:
        suffix: Of the files' names.
    """

    suffix: ClassVar[str]

    def convert(self, piece: Any, path: Path, quantize: str) -> None:
        """Writes the file of a piece, as `quantize` says. Beside it there is room for what is
        needed on the way."""
        raise NotImplementedError

    def runner(self, path: Path) -> Run:
        """The function that a file is."""
        raise NotImplementedError

    def versions(self) -> dict[str, str]:
        """Of the packages that write the files, by name."""
        raise NotImplementedError

    def one_by_one(self, quantize: str) -> bool:
        """Whether a row is computed alone, without padding, so that its answer does not depend on
        the rows beside it."""
        raise NotImplementedError

    def files(self, subject: Subject, options: Any, folder: Path) -> dict[str, Any]:
        """A file for each piece, and the tokenizer's files in `text/`."""
        from tfkd.serving.formats.piece import pieces_of

        (piece,) = pieces_of(subject)
        path = folder / f"{piece.name}{self.suffix}"
        self.convert(piece, path, options.quantize)
        takes = {*self.runner(path).takes}
        said = {side: write_side(one, folder / side) for side, one in subject.tokenizers.items()}
        labels, read = subject.labels, subject.tokenizers["text"]
        return {
            "quantize": options.quantize,
            "packages": self.versions(),
            "one_by_one": self.one_by_one(options.quantize),
            "tokenizers": said,
            "takes": [name for name in piece.takes if name in takes],
            "inputs": list(labels.rows[0]),
            "classes": list(labels.classes),
            "places": labels.places,
            "limit": int(labels.limit),
            "start": int(read.start_id),
            "end": int(read.end_id),
            "pad": int(read.pad_id),
            "unknown": int(read.unknown_id),
            "separators": int(read.separators),
            "before_word": read.before_word,
        }

    def open(self, folder: Path, about: Mapping[str, Any]) -> Any:
        from tfkd.serving.formats.label_engine import LabelEngine

        try:
            return LabelEngine(folder, about, self.runner(folder / f"model{self.suffix}"))
        except UserError:
            raise
        except Exception as error:  # engines raise whatever they like
            raise UserError(
                f"{folder}: {self.title} cannot load it ({type(error).__name__}: {error}). Export "
                "the model again"
            ) from error

    def held(self, subject: Subject, options: Any, engine: Any) -> Held:
        """By log-probabilities of all classes at all labels of real rows."""
        from tfkd.serving.formats.held_labels import held_labels

        return held_labels(subject, engine, options.quantize)

    def use(self, about: Mapping[str, Any], held: Held) -> str:
        from tfkd.serving.formats.graph_card import use

        return use(about, held)


def write_side(tokenizer: Any, folder: Path) -> dict[str, Any]:
    """Writes a tokenizer's files, and its vocabulary; returns what is to be known beside them."""
    pieces = list(tokenizer.vocabulary)
    said = write_tokenizer(tokenizer, folder)
    write_atomically(folder / VOCABULARY, json.dumps(pieces, ensure_ascii=False, indent=0) + "\n")
    return {
        **said,
        "special": [pieces[place] for place in tokenizer.special_ids],
        "unknown": pieces[tokenizer.unknown_id],
    }
