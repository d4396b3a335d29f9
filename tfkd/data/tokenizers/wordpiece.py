"""BERT's tokenizer, in Python and in the graph, with the way back to text."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.data.tokenizers.detokenizer import detokenize
from tfkd.data.tokenizers.piece_tokenizer import PieceTokenizer

PAD, UNKNOWN, START, END, MASK = SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST_WORD = 100  # bytes of UTF-8; a longer word is [UNK]


class WordPiece(PieceTokenizer):
    """Text to word pieces by BERT's rules, and back to text as people write it.

    Words are split at white space, at each punctuation mark and around each Chinese character; a
    word becomes the longest piece that starts it, then the longest `##` pieces that go on; a word
    that cannot be covered becomes [UNK]. Equal to BERT's own tokenizer on text, except that:

    - special tokens written in text (`[MASK]`) are taken as text;
    - words are [UNK] beyond 100 bytes, not beyond 100 characters.

    Args:
        vocabulary: Pieces; a piece's id is its place. [PAD], [UNK], [CLS], [SEP] and [MASK] must
            be among them.
        lower_case: Lower-case first, as BERT's uncased models do.
        strip_accents: Take off accents (für -> fur); None does as `lower_case` does, like BERT.

    Attributes:
        size: Number of pieces.
        pad_id, unknown_id, start_id, end_id, mask_id: Ids of the special tokens.
        special_ids: All five.
        continuation: bool `[size]`: which pieces go on with a word.

    Example:
        tokenizer = WordPiece.load(folder)
        ids = tokenizer.encode(["Two dogs play."])
        assert tokenizer.decode(ids.row(0)) == "Two dogs play."
    """

    def __init__(
        self, vocabulary: Sequence[str], lower_case: bool, strip_accents: bool | None = None
    ):
        self.vocabulary = list(vocabulary)
        self.lower_case = bool(lower_case)
        self.strip_accents = self.lower_case if strip_accents is None else bool(strip_accents)
        places = {piece: index for index, piece in enumerate(self.vocabulary)}
        if len(places) != len(self.vocabulary):
            twice = next(
                piece for index, piece in enumerate(self.vocabulary) if places[piece] != index
            )
            raise ValueError(
                "Invalid value for argument `vocabulary`. Expected distinct pieces. "
                f"Received: {twice!r} twice."
            )
        if missing := [piece for piece in SPECIALS if piece not in places]:
            raise ValueError(
                f"Invalid value for argument `vocabulary`. Expected {', '.join(SPECIALS)} among "
                f"the pieces. Received: a vocabulary without {', '.join(missing)}."
            )
        if "" in places:
            raise ValueError(
                "Invalid value for argument `vocabulary`. Expected pieces of at least one "
                f"character. Received: an empty piece at place {places['']}."
            )
        self.size = len(self.vocabulary)
        self.pad_id, self.unknown_id, self.start_id, self.end_id, self.mask_id = (
            places[piece] for piece in SPECIALS
        )
        self.special_ids = tuple(sorted(places[piece] for piece in SPECIALS))
        self.continuation = np.array([piece.startswith("##") for piece in self.vocabulary])
        # What each id adds to a text: specials nothing, the first piece of a word a space before.
        self._said = [
            "" if piece in SPECIALS else piece[2:] if piece.startswith("##") else " " + piece
            for piece in self.vocabulary
        ]

    def decode(self, ids: Iterable[int]) -> str:
        """Text from ids; special tokens are dropped."""
        return detokenize("".join([self._said[number] for number in ids]))

    def in_graph(self):
        """A `tf.Module` with `tokenize` and `detokenize` for serving; see `WordPieceGraph`."""
        from tfkd.data.tokenizers.wordpiece_graph import WordPieceGraph

        return WordPieceGraph(self)

    def fingerprint(self) -> str:
        """64 hexadecimal digits of what decides the ids."""
        said = json.dumps(["wordpiece", self.lower_case, self.strip_accents, self.vocabulary])
        return hashlib.sha256(said.encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Writes `vocabulary.txt`, one piece a line, and `tokenizer.json` into a folder."""
        folder = Path(folder)
        write_atomically(folder / "vocabulary.txt", "".join(f"{p}\n" for p in self.vocabulary))
        options = {
            "kind": "wordpiece",
            "lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
            "size": self.size,
            "fingerprint": self.fingerprint(),
        }
        write_atomically(folder / "tokenizer.json", json.dumps(options, indent=1))

    @classmethod
    def load(cls, folder: Path) -> "WordPiece":
        """Reads what `save` wrote.

        Raises:
            ValueError: The vocabulary is not the one that was saved.
        """
        folder = Path(folder)
        options = read_json(folder / "tokenizer.json")
        pieces = (folder / "vocabulary.txt").read_bytes().decode("utf-8").split("\n")[:-1]
        tokenizer = cls(pieces, options["lower_case"], options["strip_accents"])
        if tokenizer.fingerprint() != options["fingerprint"]:
            raise ValueError(f"{folder}: vocabulary.txt has changed since it was saved.")
        return tokenizer
