"""Which language a translator reads, and which it writes."""

from collections.abc import Sequence
from pathlib import Path

from tfkd.data.text.packed_files import unpacked_name
from tfkd.spec.errors import UserError

_SOURCE, _TARGET = "de", "en"
# ISO 639-1, and of ISO 639-3 those that corpora of translations often have.
_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
    "deu eng fra spa ces zho jpn rus ukr"
)


def languages_of(
    source: str | None, target: str | None, pairs: Sequence[str] | None
) -> tuple[str, str]:
    """The languages: those that the user gave, or those that two files are called by.

    Args:
        source, target: As given; None: not given.
        pairs: The files of `--pairs`, like `train.de` and `train.en`.

    Raises:
        UserError: What is given contradicts both files' names, so that the files stand the wrong
            way round, or are of others.
    """
    read, written = _suffixes(pairs or ())
    if read is None or written is None:
        return source or _SOURCE, target or _TARGET
    swapped = _same(source, written) or _same(target, read)
    wrong = [one for one, own in ((source, read), (target, written)) if one and not _same(one, own)]
    if wrong and source != target and (swapped or len(wrong) == 2):
        given = (("source", source), ("target", target))
        said = " ".join(f"--{name} {one}" for name, one in given if one)
        first, second = (pairs or ())[:2]
        way = f"swap the files: --pairs {second} {first}" if swapped else f"leave out {said}"
        raise UserError(
            f"{said} --pairs {first} {second}: by their names the first file is {read} and the "
            f"second {written}; expected the source first and then the target: {way}"
        )
    return source or read, target or written


def _suffixes(pairs: Sequence[str]) -> tuple[str | None, str | None]:
    """The languages that two files are called by; no two where they are not, or are the same."""
    endings = [Path(unpacked_name(name)).suffix[1:] for name in pairs]
    if len(endings) != 2 or endings[0] == endings[1] or not {*endings} <= {*_CODES.split()}:
        return None, None
    return endings[0], endings[1]


def _same(given: str | None, suffix: str) -> bool:
    """Whether a language is a suffix's, whatever its script or country: pt_BR is pt."""
    return given is not None and given.lower().replace("-", "_").partition("_")[0] == suffix
