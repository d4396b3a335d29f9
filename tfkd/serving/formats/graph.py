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
from tfkd.serving.formats.piece import HEAD, pieces_of
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
        """A file for each piece, and each tokenizer's files in `text/`, or `source/`, `target/`."""
        takes = {}
        for piece in pieces_of(subject):
            path = folder / f"{piece.name}{self.suffix}"
            self.convert(piece, path, options.quantize)
            kept = {*self.runner(path).takes}
            takes[piece.name] = [name for name in piece.takes if name in kept]
        tokenizers = subject.tokenizers.items()
        return {
            "quantize": options.quantize,
            "packages": self.versions(),
            "one_by_one": self.one_by_one(options.quantize),
            "takes": takes,
            "tokenizers": {side: write_side(one, folder / side) for side, one in tokenizers},
            **(_of_labels(subject) if subject.labels is not None else _of_filling(subject)),
        }

    def open(self, folder: Path, about: Mapping[str, Any]) -> Any:
        from tfkd.serving.formats.fill_engine import FillEngine
        from tfkd.serving.formats.label_engine import LabelEngine

        kind = LabelEngine if "classes" in about else FillEngine
        try:
            runs = {name: self.runner(folder / f"{name}{self.suffix}") for name in about["takes"]}
            return kind(folder, about, runs)
        except UserError:
            raise
        except Exception as error:  # engines raise whatever they like
            raise UserError(
                f"{folder}: {self.title} cannot load it ({type(error).__name__}: {error}). Export "
                "the model again"
            ) from error

    def held(self, subject: Subject, options: Any, engine: Any) -> Held:
        """By log-probabilities of all classes at all labels of real rows; of a model that fills in
        words by those of its words and lengths, and by outputs."""
        from tfkd.serving.formats.held_fillings import held_fillings
        from tfkd.serving.formats.held_labels import TOLERANCE, held_labels

        tolerance = options.tolerated(TOLERANCE)
        if subject.labels is None:
            return held_fillings(subject, engine, tolerance)
        return held_labels(subject, engine, options.quantize, tolerance)

    def use(self, about: Mapping[str, Any], held: Held) -> str:
        from tfkd.serving.formats import fill_card, graph_card

        return (graph_card if "classes" in about else fill_card).use(about, held)


def _of_labels(subject: Subject) -> dict[str, Any]:
    labels, read = subject.labels, subject.tokenizers["text"]
    return {
        "inputs": list(labels.rows[0]),
        # Of an encoder: those of its vocabulary, or of its head's own.
        "encodes": labels.head != HEAD,
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


def _of_filling(subject: Subject) -> dict[str, Any]:
    """How targets are filled in; see `tfkd.decoding.mask_predict`."""
    from tfkd.decoding import build_search
    from tfkd.decoding.decoder import source_limit
    from tfkd.decoding.hypotheses import forbidden_ids

    search, most = build_search(subject.decode), int(subject.model.max_length) - 1
    source, target = (subject.tokenizers[side] for side in ("source", "target"))
    length = search.max_length
    return {
        "limit": source_limit(subject.model),
        "most": most if length.most is None else min(length.most, most),
        "source_end": int(source.end_id),
        "unknown": int(source.unknown_id),
        "start": int(target.start_id),
        "end": int(target.end_id),
        "mask": int(target.mask_id),
        "forbidden": forbidden_ids(target) if search.forbid_specials else [],
        "iterations": int(search.iterations),
        "passes": int(search.iterations) + (search.passes == "one_more"),
        "length_candidates": int(search.length_candidates),
        "stop_when_stable": search.stop_when_stable,
        "length_penalty": None if search.choose_by == "mean" else search.length_penalty,
        "max_length": {"factor": length.factor, "plus": length.plus},
    }


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
