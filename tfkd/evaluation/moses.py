"""Words as the Moses tokenizer splits them: the tokens under most papers' "tokenised BLEU".

Reference: tokenizer.perl of Moses (Koehn et al., 2007), without its escapes (&apos; for '), which
change no score, and without its protected patterns; as in its newer versions the full stop of a
line's last word always stands alone.
"""

import re
from dataclasses import dataclass

# A full stop stays on these words: titles, months, and what else ends in one in running text.
_KEEPS_STOP = {
    "en": """Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con Corp Cpl DR Dr Drs Ens Gen
        Gov Hon Hr Hosp Insp Lt MM MR MRS MS Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc Ph Prof
        Pvt Rep Reps Res Rev Rt Sen Sens Sfc Sgt Sr St Supt Surg v vs i.e rev e.g Nos Jan Feb Mar
        Apr Jun Jul Aug Sep Oct Nov Dec""",
    "de": """Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con Corp Cpl DR Dr Ens Gen Gov
        Hon Hosp Insp Lt MM MR MRS MS Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc Ph Prof Pvt Rep
        Reps Res Rev Rt Sen Sens Sfc Sgt Sr St Supt Surg Mio Mrd bzw v vs usw d.h z.B u.a etc MwSt
        ggf d.J D.h m.E vgl I.F z.T sogen ff u.E g.U c.ca""",
}
# ... and on these only before a number.
_KEEPS_STOP_BEFORE_NUMBER = {"No", "Nr", "Art", "pp"}

_LETTER = r"[^\W\d_]"
_NOT_LETTER = r"(?:[\W\d_])"
_ENGLISH_APOSTROPHES = (
    (re.compile(rf"({_NOT_LETTER})'({_NOT_LETTER})"), r"\1 ' \2"),
    (re.compile(rf"((?![\d]){_NOT_LETTER})'({_LETTER})"), r"\1 ' \2"),
    (re.compile(rf"({_LETTER})'({_NOT_LETTER})"), r"\1 ' \2"),
    (re.compile(rf"({_LETTER})'({_LETTER})"), r"\1 '\2"),
    (re.compile(r"(\d)'(s)"), r"\1 '\2"),
)
_ROMANCE_APOSTROPHES = (
    (re.compile(rf"({_NOT_LETTER})'({_NOT_LETTER})"), r"\1 ' \2"),
    (re.compile(rf"({_NOT_LETTER})'({_LETTER})"), r"\1 ' \2"),
    (re.compile(rf"({_LETTER})'({_NOT_LETTER})"), r"\1 ' \2"),
    (re.compile(rf"({_LETTER})'({_LETTER})"), r"\1' \2"),
)
_OTHER_APOSTROPHES = ((re.compile("'"), " ' "),)
_APOSTROPHES = {
    "en": _ENGLISH_APOSTROPHES,
    "fr": _ROMANCE_APOSTROPHES,
    "it": _ROMANCE_APOSTROPHES,
}

_JUNK = re.compile(r"[\x00-\x1f]")
_PUNCTUATION = re.compile(r"([^\w\s.'`,\-]|_)")
_DOTS = re.compile(r"\.{2,}")
_COMMA_AFTER = re.compile(r"([^\d]),")
_COMMA_BEFORE = re.compile(r",([^\d])")
_COMMA_LAST = re.compile(r"(\d),$")
# As get_ende_bleu.sh finds them: of a-b-c, where b is one letter, the first hyphen alone.
_COMPOUND = re.compile(r"(\S)-(\S)")


def moses_tokens(text: str, language: str = "en") -> str:
    """Puts one space between the words of a line.

    Punctuation stands alone, except inside numbers (5,300), words (well-known) and after
    abbreviations; English contractions split before the apostrophe (`don 't`, `it 's`).

    Args:
        text: A line.
        language: `en`, `fr` and `it` have apostrophes of their own, `en` and `de` abbreviations.
    """
    text = _JUNK.sub("", " ".join(text.split()))
    text = _PUNCTUATION.sub(r" \1 ", f" {text} ")
    text = _DOTS.sub(lambda dots: f" {dots[0].replace('.', chr(0))} ", text)
    text = _COMMA_AFTER.sub(r"\1 , ", text)
    text = _COMMA_BEFORE.sub(r" , \1", text)
    text = _COMMA_LAST.sub(r"\1 , ", text.rstrip())
    for pattern, split in _APOSTROPHES.get(language, _OTHER_APOSTROPHES):
        text = pattern.sub(split, f" {text} ")
    words = text.split()
    split_words = [
        _final_stop(word, words[index + 1] if index + 1 < len(words) else "", language)
        for index, word in enumerate(words)
    ]
    return " ".join(split_words).replace(chr(0), ".")


@dataclass(frozen=True)
class MosesWords:
    """`moses_tokens` of one language, and what else papers did to tokens before multi-bleu.

    Attributes:
        language: As for `moses_tokens`.
        split_compounds: Words with a hyphen inside count as several (`well ##AT##-##AT## known`),
            as papers on WMT14 English-German count them since Vaswani et al., 2017
            (get_ende_bleu.sh).
    """

    language: str = "en"
    split_compounds: bool = False

    @property
    def name(self) -> str:
        """What a signature says of it."""
        language = "" if self.language == "en" else f"-{self.language}"
        return f"moses_tokens{language}{'-compounds' if self.split_compounds else ''}"

    def __call__(self, text: str) -> str:
        """The line's words with one space between them."""
        tokens = moses_tokens(text, self.language)
        return _COMPOUND.sub(r"\1 ##AT##-##AT## \2", tokens) if self.split_compounds else tokens


def _final_stop(word: str, following: str, language: str) -> str:
    stem = word.removesuffix(".")
    if stem == word or not stem:
        return word
    abbreviations = _KEEPS_STOP.get(language, "").split()
    keeps = (
        ("." in stem and any(character.isalpha() for character in stem))
        or (len(stem) == 1 and stem.isupper())
        or stem in abbreviations
        or following[:1].islower()
        or (stem in _KEEPS_STOP_BEFORE_NUMBER and following[:1].isdigit())
    )
    return word if keeps and following else f"{stem} ."
