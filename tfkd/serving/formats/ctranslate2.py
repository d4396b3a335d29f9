"""CTranslate2: Transformers and GPT-2s, fast on CPUs and GPUs, in 8 bits if asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfkd.serving.formats.ctranslate2_engine import (
    NO_PENALTY,
    CTranslate2Engine,
    ctranslate2,
    patience,
)
from tfkd.serving.formats.ctranslate2_shortlist import write_vmap
from tfkd.serving.formats.format import Format, Held, Subject
from tfkd.serving.formats.text_files import write_tokenizer
from tfkd.spec.errors import UserError
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

# Nats that a token's log-probability may differ by from the float32 model's: the most of any token,
# and the mean over all.
TOLERANCE = {
    "float32": (1e-3, 1e-4),
    "float16": (0.1, 0.01),
    "bfloat16": (1.0, 0.1),
    "int8": (1.0, 0.1),
    "int8_float32": (1.0, 0.1),
}


class CTranslate2(Format):
    """Folders of CTranslate2, with the tokenizers' files beside the model's."""

    Options = CTranslate2Options
    title: ClassVar[str] = "CTranslate2"

    def files(self, subject: Subject, options: CTranslate2Options, folder: Path) -> dict[str, Any]:
        """`model.bin`, `config.json`, vocabularies, and `source/` and `target/`, or `text/`."""
        ctranslate2()  # first: without the package the others cannot be imported
        from tfkd.decoding import build_search
        from tfkd.serving.formats.ctranslate2_weights import described, save
        from tfkd.serving.graphs.full_precision import in_float32

        model = in_float32(subject.model)
        save(described(model, subject.tokenizers), str(folder), options.quantize)
        said = {
            side: {**write_tokenizer(one, folder / side), **_special(one)}
            for side, one in subject.tokenizers.items()
        }
        written = subject.tokenizers.get("target", subject.tokenizers.get("text"))
        search = build_search(subject.decode)
        listed = {}
        if getattr(model, "shortlist", None) is not None:
            pieces = (subject.tokenizers[side].vocabulary for side in ("source", "target"))
            listed = write_vmap(model.shortlist, *pieces, folder)
        return {
            "quantize": options.quantize,
            "ctranslate2": ctranslate2().__version__,
            "tokenizers": said,
            "search": _search(search),
            "options": _options(search, written)
            | ({"max_input_length": 0} if "source" in subject.tokenizers else {})
            | listed,
            "end": written.vocabulary[written.end_id],
            **_room(model, subject, search.max_length.most),
        }

    def open(self, folder: Path, about: Mapping[str, Any]) -> CTranslate2Engine:
        """A translator, or what continues prompts."""
        from tfkd.serving.formats.ctranslate2_continuing import Continuing
        from tfkd.serving.formats.ctranslate2_translating import Translating

        kind = Continuing if "text" in about["tokenizers"] else Translating
        try:
            return kind(folder, about)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{folder}: CTranslate2 cannot load it ({type(error).__name__}: {error}). Export "
                "the model again"
            ) from error

    def held(self, subject: Subject, options: CTranslate2Options, engine: Any) -> Held:
        """By log-probabilities of what the model itself writes for the lines, and by outputs."""
        from tfkd.serving.formats.held_words import WORSE, held_words

        most, mean = options.tolerated(TOLERANCE)
        # Who tolerates other log-probabilities tolerates that the search goes by them.
        worse_by = WORSE * max(1.0, mean / TOLERANCE[options.quantize][1])
        return held_words(subject, engine, most, mean, worse_by)

    def use(self, about: Mapping[str, Any], held: Held) -> str:
        from tfkd.serving.formats.ctranslate2_card import use

        return use(about, held)


def _special(tokenizer: Any) -> dict[str, Any]:
    """The pieces that stand for no text, and the one for what has none."""
    pieces = tokenizer.vocabulary
    return {
        "special": [pieces[place] for place in tokenizer.special_ids],
        "unknown": pieces[tokenizer.unknown_id],
    }


def _search(search: Any) -> dict[str, Any]:
    length = search.max_length
    return {
        "beam": getattr(search, "beam", 1),
        "length_penalty": getattr(search, "length_penalty", 0.0),
        "min_length": search.min_length,
        "max_length": {"factor": length.factor, "plus": length.plus},
    }


def _options(search: Any, tokenizer: Any) -> dict[str, Any]:
    """What it is asked for beside lengths: special pieces but the end are never written."""
    beam, alpha = getattr(search, "beam", 1), getattr(search, "length_penalty", 0.0)
    penalized = alpha != 0
    never = sorted({*tokenizer.special_ids} - {int(tokenizer.end_id)})
    found = {
        "beam_size": beam,
        "length_penalty": NO_PENALTY if penalized and beam > 1 else 0.0,
        "return_scores": True,
        "return_end_token": True,
        "suppress_sequences": [[tokenizer.vocabulary[place]] for place in never],
    }
    if penalized and beam > 1:
        found |= {"patience": patience(alpha), "num_hypotheses": patience(alpha) * beam}
    elif search.n_best > 1:
        found["num_hypotheses"] = search.n_best
    return found


def _room(model: Any, subject: Subject, asked: int | None) -> dict[str, Any]:
    """`limit`: the most pieces that are read; `most`: that are written; and what stands before the
    first that is read: `lead` of a translator, and `prefix` of what it writes; `start` of a
    language model."""
    from tfkd.decoding.continuation import prompt_limit
    from tfkd.decoding.decoder import source_limit, target_limit

    if "text" not in subject.tokenizers:
        limit, most = source_limit(model), target_limit(model)
        target = subject.tokenizers["target"]
        lead, begun = model.leads.get("encoder"), "decoder" in model.leads
        return {
            "limit": limit,
            "most": most if asked is None else min(asked, most),
            "lead": [] if lead is None else [subject.tokenizers["source"].vocabulary[lead]],
            "prefix": [target.vocabulary[target.start_id]] if begun else [],
        }
    text, limit = subject.tokenizers["text"], prompt_limit(model)
    most = int(model.max_length) - limit
    return {
        "limit": limit,
        "most": most if asked is None else min(asked, most),
        "start": text.vocabulary[text.start_id],
    }
