"""Published SentencePiece tokenizers, whose ids are not always their model's own.

Each becomes a SentencePiece model whose ids are the checkpoint's: its pieces stand in the order of
the checkpoint's vocabulary, with the scores that they have. So it cuts as before, in Python, in a
graph and in a SavedModel. Pieces that only the other side of a translator cuts into are marked as
unused here.
"""

from pathlib import Path
from typing import Any, NamedTuple

from tfkd.data.tokenizers.published_files import (
    TOKENIZER_JSON,
    read_mapping,
    tokenizer_files,
    well_formed,
)
from tfkd.data.tokenizers.published_pairs import MODEL_FILE, ends, pairs_of_json, with_added
from tfkd.data.tokenizers.published_specials import added_specials, is_control, languages_of
from tfkd.data.tokenizers.sentence_piece import SentencePiece, Style
from tfkd.data.tokenizers.tokenizer_json import TokenizerJson, model_of_json
from tfkd.outside.regular_files import read_regular, readable
from tfkd.spec.errors import UserError

_SHOWN = 60
_XLM_R = ("<s>", "<pad>", "</s>", "<unk>")


class _Names(NamedTuple):
    """What the special pieces are called."""

    start: str
    end: str
    pad: str
    unknown: str = "<unk>"


def read_published_pieces(
    folder: Path, side: str | None = None, start: str | None = None
) -> SentencePiece:
    """The tokenizer of a published folder: XLM-R's, ALBERT's, or one side of a Marian's.

    Args:
        folder: The folder.
        side: Of a translator with a model a side, `source` or `target`.
        start: Of an mBART the language whose piece begins a target; None: `<s>`.

    Raises:
        UserError: Its files are not there, or are none.
    """
    files = tokenizer_files(folder, "sentencepiece")
    two = "source.spm" in files
    if two != (side is not None):
        said = "has a model for each side" if two else "has one model for all texts"
        wanted = "side: source or side: target" if two else "no side"
        raise UserError(f"{folder}: {said}; expected {wanted}.")
    with well_formed(folder / (f"{side}.spm" if two else files[0])):
        languages = languages_of(folder)
        if start is not None and start not in languages:
            known = ", ".join(languages[:_SHOWN]) or "none: it is no mBART"
            raise UserError(f"{folder}: start is {start!r}; its languages are {known}.")
        made = _read(folder, files, side)
        return made if start is None else _begun(made, start)


def _read(folder: Path, files: tuple[str, ...], side: str | None) -> SentencePiece:
    if side is not None:
        return _marian(folder, f"{side}.spm")
    if files == (TOKENIZER_JSON,):
        if model_of_json(folder / TOKENIZER_JSON)[0] == "BPE":
            return _pairs(folder)
        return _from_json(TokenizerJson(folder / TOKENIZER_JSON, "Unigram"))
    proto = _proto(folder / files[0])
    if files[0] == MODEL_FILE:
        pieces = with_added(folder, proto, _piece)
        return _made(proto, pieces, _Names(*ends(pieces)), Style())
    if files[0] == "spiece.model":
        own = {one.piece for one in proto.pieces}
        return _albert(folder, proto) if "[CLS]" in own else _t5(folder, proto)
    pieces = [_piece(name, "CONTROL") for name in _XLM_R]
    pieces[3] = _piece("<unk>", "UNKNOWN")
    pieces += list(proto.pieces)[3:]
    pieces += [_piece(name, "CONTROL") for name in (*languages_of(folder), "<mask>")]
    return _made(proto, pieces, _Names("<s>", "</s>", "<pad>"), Style(separators=2))


def _begun(tokenizer: SentencePiece, start: str) -> SentencePiece:
    """The same, whose texts begin with another piece."""
    from sentencepiece import sentencepiece_model_pb2 as protocol

    proto = protocol.ModelProto.FromString(tokenizer.model)
    proto.trainer_spec.bos_piece = start
    proto.trainer_spec.bos_id = tokenizer.vocabulary.index(start)
    return SentencePiece(proto.SerializeToString(), tokenizer.lower_case, tokenizer.style)


def _pairs(folder: Path) -> SentencePiece:
    from sentencepiece import sentencepiece_model_pb2 as protocol

    pieces, normal = pairs_of_json(TokenizerJson(folder / TOKENIZER_JSON, "BPE"), _piece)
    proto = protocol.ModelProto()
    proto.trainer_spec.model_type = protocol.TrainerSpec.BPE
    proto.trainer_spec.byte_fallback = any(one.type == 6 for one in pieces)
    proto.normalizer_spec.name = "identity"
    proto.normalizer_spec.add_dummy_prefix = normal["add_dummy_prefix"]
    proto.normalizer_spec.remove_extra_whitespaces = False
    proto.normalizer_spec.escape_whitespaces = True
    return _made(proto, pieces, _Names(*ends(pieces)), Style())


def _albert(folder: Path, proto: Any) -> SentencePiece:
    """Its ids are its model's own; it takes accents off, and lower-cases unless it says not to."""
    path = folder / "tokenizer_config.json"
    said = read_mapping(path) if path.exists() else {}
    style = Style(strip_accents=not said.get("keep_accents", False))
    lower = bool(said.get("do_lower_case", True))
    names = _Names("[CLS]", "[SEP]", "<pad>")
    return _made(proto, list(proto.pieces), names, style, lower)


def _t5(folder: Path, proto: Any) -> SentencePiece:
    """Its ids are its model's own, and after them those that stand for a span, the first one last.
    Its matrix may have rows beyond them: pieces that no text is cut into."""
    path = folder / "tokenizer_config.json"
    said = read_mapping(path) if path.exists() else {}
    pieces, own = list(proto.pieces), {one.piece for one in proto.pieces}
    spans = [f"<extra_id_{number}>" for number in range(int(said.get("extra_ids", 100)))]
    pieces += [_piece(name, "CONTROL") for name in reversed(spans) if name not in own]
    names = _Names("<pad>", "</s>", "<pad>")
    return _made(proto, [*pieces, *_rest(folder, len(pieces))], names, Style())


def _rest(folder: Path, count: int) -> list[Any]:
    """Pieces for the rows of a checkpoint's matrix beyond those of its tokenizer."""
    config = folder / "config.json"
    size = read_mapping(config).get("vocab_size") if config.exists() else None
    rows = range(count, size if isinstance(size, int) else 0)
    return [_piece(f"<unused_{number}>", "CONTROL") for number in rows]


def _marian(folder: Path, file: str) -> SentencePiece:
    """Its vocabulary is that of both sides; what its model cuts beyond it is unknown."""
    path = folder / "vocab.json"
    places = read_mapping(path)
    if sorted(map(str, places.values())) != sorted(map(str, range(len(places)))):
        raise UserError(f"{path}: expected {{piece: id}} with the ids 0, 1, 2, ... each once.")
    lacking = [name for name in ("</s>", "<unk>", "<pad>") if name not in places]
    if lacking:
        raise UserError(f"{path}: no {', '.join(lacking)}; expected a Marian's vocabulary.")
    proto = _proto(folder / file)
    own = {one.piece: one for one in proto.pieces}
    pieces = []
    for name in sorted(places, key=places.__getitem__):
        kind = {"<unk>": "UNKNOWN", "</s>": "CONTROL", "<pad>": "CONTROL"}.get(name)
        if kind is not None:
            pieces.append(_piece(name, kind))
        elif name in own and own[name].type not in (2, 3):
            pieces.append(own[name])
        else:
            pieces.append(_piece(name, "UNUSED"))
    rest = [one for one in proto.pieces if one.piece not in places and one.type not in (2, 3)]
    # A decoder starts with padding.
    names = _Names("<pad>", "</s>", "<pad>")
    return _made(proto, [*pieces, *rest], names, Style(size=len(places)))


def as_marian(model: bytes, lower_case: bool = False) -> SentencePiece:
    """A learnt model with the ids of a Marian whose two sides share it: the end, the unknown piece,
    words, and padding, which a decoder starts with.

    Args:
        model: The bytes of a SentencePiece model.
        lower_case: Lower-case first.
    """
    from sentencepiece import sentencepiece_model_pb2 as protocol

    proto = protocol.ModelProto.FromString(model)
    words = [one for one in proto.pieces if one.type not in (2, 3)]
    pieces = [_piece("</s>", "CONTROL"), _piece("<unk>", "UNKNOWN"), *words]
    pieces.append(_piece("<pad>", "CONTROL"))
    names = _Names("<pad>", "</s>", "<pad>")
    return _made(proto, pieces, names, Style(size=len(pieces)), lower_case)


def _from_json(file: TokenizerJson) -> SentencePiece:
    from sentencepiece import sentencepiece_model_pb2 as protocol

    known = {"Precompiled", "Replace", "NFKD", "StripAccents", "Lowercase"}
    steps = [step.get("type") for step in file.steps("normalizer")]
    if unknown := [str(step) for step in steps if step not in known]:
        raise UserError(f"{file.path}: normalizer {', '.join(unknown)}; none such is known.")
    special = added_specials(file)
    scores = {str(piece): float(score) for piece, score in file.model["vocab"]}
    names = file.pieces()
    unknown_piece = names[file.model.get("unk_id") or 0]
    pieces = []
    for name in names:
        control = name in special or is_control(name)
        kind = "UNKNOWN" if name == unknown_piece else "CONTROL" if control else "NORMAL"
        pieces.append(_piece(name, kind, scores.get(name, 0.0)))
    proto = protocol.ModelProto()
    proto.trainer_spec.model_type = protocol.TrainerSpec.UNIGRAM
    normal = proto.normalizer_spec
    normal.precompiled_charsmap = file.characters()
    normal.add_dummy_prefix = normal.remove_extra_whitespaces = normal.escape_whitespaces = True
    strips, lower = "StripAccents" in steps, "Lowercase" in steps
    if "[CLS]" in names:
        special = _Names("[CLS]", "[SEP]", "<pad>", unknown_piece)
        return _made(proto, pieces, special, Style(strip_accents=strips), lower)
    if "<s>" not in names:  # a T5's
        special = _Names("<pad>", "</s>", "<pad>", unknown_piece)
        pieces += _rest(file.path.parent, len(pieces))
        return _made(proto, pieces, special, Style(strip_accents=strips), lower)
    special = _Names("<s>", "</s>", "<pad>", unknown_piece)
    return _made(proto, pieces, special, Style(separators=2, strip_accents=strips), lower)


def _made(
    proto: Any, pieces: list[Any], names: _Names, style: Style, lower_case: bool = False
) -> SentencePiece:
    there = {one.piece for one in pieces}
    if lacking := [name for name in names if name not in there]:
        raise UserError(f"a published SentencePiece model without {', '.join(lacking)}")
    copies = [type(one).FromString(one.SerializeToString()) for one in pieces]
    del proto.pieces[:]
    proto.pieces.extend(copies)
    trainer = proto.trainer_spec
    for role, name in (("bos", names.start), ("eos", names.end), ("pad", names.pad),
                       ("unk", names.unknown)):  # fmt: skip
        setattr(trainer, f"{role}_piece", name)
        setattr(trainer, f"{role}_id", next(i for i, p in enumerate(copies) if p.piece == name))
    return SentencePiece(proto.SerializeToString(), lower_case, style._replace(published=True))


def _piece(name: str, kind: str, score: float = 0.0) -> Any:
    from sentencepiece import sentencepiece_model_pb2 as protocol

    made = protocol.ModelProto.SentencePiece
    return made(piece=name, score=score, type=getattr(made, kind))


def _proto(path: Path) -> Any:
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2 as protocol

    with readable(path):
        data = read_regular(path)
    try:
        return protocol.ModelProto.FromString(data)
    except DecodeError:
        raise UserError(f"{path}: {len(data):,} bytes that are no SentencePiece model.") from None
