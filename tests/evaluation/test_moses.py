"""Moses tokens: known cases, and the reference port where it is installed."""

import pytest

from tfkd.evaluation import MosesWords, moses_tokens, score_of
from tfkd.evaluation.metrics.tokenized_bleu import TokenizedBleu

CASES = [
    ("A man, in a blue shirt, is standing.", "A man , in a blue shirt , is standing ."),
    ("It's 5,300 dollars (or more).", "It 's 5,300 dollars ( or more ) ."),
    ("Mr. Smith doesn't know the well-known U.S. man.",
     "Mr. Smith doesn 't know the well-known U.S. man ."),
    ("Wait... what?!", "Wait ... what ? !"),
    ("No. 5 is here. No.", "No. 5 is here . No ."),
    ('"Quoted" words: 50% off', '" Quoted " words : 50 % off'),
    ("the dogs' owner, 1,000,", "the dogs ' owner , 1,000 ,"),
    ("", ""),
    ("J. B. sees e.g. two dogs at 3.5 metres.", "J. B. sees e.g. two dogs at 3.5 metres ."),
    ("rock'n'roll in the 1960's", "rock 'n'roll in the 1960 's"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tokens"), CASES)
def test_known_cases(text, tokens):
    assert moses_tokens(text) == tokens


def test_languages_have_their_own_apostrophes():
    assert moses_tokens("l'homme d'or", "fr") == "l' homme d' or"
    assert moses_tokens("wie geht's z.B. dem Hund?", "de") == "wie geht ' s z.B. dem Hund ?"


@pytest.mark.oracle
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_equal_to_the_reference_port(language):
    port = pytest.importorskip("sacremoses").MosesTokenizer(language)
    # The lists of abbreviations before numbers are English here.
    cases = [text for text, _ in CASES if language == "en" or "No. 5" not in text]
    for text in cases:
        expected = port.tokenize(text, escape=False, return_str=True)
        assert moses_tokens(text, language) == expected


def test_compounds_are_split_as_in_get_ende_bleu():
    split = MosesWords("de", split_compounds=True)
    assert split("Ein E-Mail-Konto, 2014-15.") == (
        "Ein E ##AT##-##AT## Mail ##AT##-##AT## Konto , 2014 ##AT##-##AT## 15 ."
    )
    assert split("a-b-c - d") == "a ##AT##-##AT## b-c - d"  # as perl's s/(\S)-(\S)/.../g does
    assert MosesWords("de")("E-Mail") == "E-Mail"
    rest = "ist hier und bleibt hier"
    whole = score_of(
        "tokenized_bleu", [f"ein E-Mail-Konto {rest}"], [f"ein E-Post-Konto {rest}"], samples=1
    )
    apart = score_of(
        TokenizedBleu(tokens=split),
        [f"ein E-Mail-Konto {rest}"],
        [f"ein E-Post-Konto {rest}"],
        samples=1,
    )
    assert apart.value > whole.value
    assert "tok:moses_tokens-de-compounds" in apart.signature
    assert "tok:moses_tokens|" in whole.signature
