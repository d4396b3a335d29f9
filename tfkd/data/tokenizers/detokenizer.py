r"""Word pieces back to text as people write it: one table of rules, for Python and for the graph.

BERT's tokenizer splits at every punctuation mark and forgets whether a space stood there
(`don't` -> `don ' t`). The rules put marks back where German, English and Chinese usage has them;
what is ambiguous (a dash or a hyphen) takes the more frequent form. How much that costs is the BLEU
of round-tripped references, which an evaluation states.

A rule is a regular expression and its replacement, applied to the whole text, one rule after the
other. The expressions keep to the common ground of Python's `re` and of RE2 (no look-around; no
\b, \d, \w, \s, ^, $, whose meanings differ), so that `tf.strings.regex_replace` gives the same
text. They see tokens with one space between them and one at each end.
"""

import functools
import re

REVISION = 1  # to be raised when a rule changes

# Latin letters, without and with accents; what stands before a joining hyphen.
L = "A-Za-zÀ-ÖØ-öø-ɏ"
BEFORE_HYPHEN = rf"0-9{L}“”\"')\]"
# What is written without spaces around: Han, kana, and the punctuation of full width.
WIDE = (
    "\u2e80-\u2fdf\u3001-\u3003\u3005-\u3011\u3014-\u301f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U00020000-\U0002fa1f"
)
CONTRACTIONS = "s|t|re|ve|ll|d|m|S|T|RE|VE|LL|D|M"

RULES: tuple[tuple[str, str], ...] = (
    # Character references that stand in the text itself: `& amp ;`.
    (r" & (amp|quot|lt|gt|apos|nbsp) ;", r" &\1;"),
    (r" ([A-Z]) (&|&amp;) ([A-Z])", r" \1\2\3"),
    # Contractions (`don't`, twice for `I'd've`), `the U.N.'s`, `o'clock`, `ma'am`, `rock 'n' roll`.
    (rf"([{L}]) (['’´`]) ({CONTRACTIONS}) ", r"\1\2\3 "),
    (rf"([{L}]) (['’´`]) ({CONTRACTIONS}) ", r"\1\2\3 "),
    (rf" ([oOdDlL]|ma|Ma|y|Y) (['’]) ([{L}])", r" \1\2\3"),
    (r"([0-9.)\]”]) (['’]) (s|S) ", r"\1\2\3 "),
    (r" (['’]) (n|N) (['’]) ", r" \1\2\3 "),
    (r" (['’]) (em|n|ne|nen|ner|nem|tis|twas) ", r" \1\2 "),
    # Quotation marks in pairs: the first opens, the next closes.
    (r"„ ([^„“”‟\"]*) ([“”‟\"])", r"„\1\2"),
    (r"“ ([^„“”]*) ”", r"“\1”"),
    (r'" ([^"]*) "', r'"\1"'),
    (r'" ([^"„“”]*) ([“”])', r'"\1\2'),
    (r"» ([^«»]*) «", r"»\1«"),
    (r"« ([^«»]*) »", r"«\1»"),
    (r"([‘‚]) ([^‘’‚]*) ([‘’])", r"\1\2\3"),
    (r" ' ((?:[^ ]+ )*?[^ ]+) ' ", r" '\1' "),
    # Marks without a partner.
    (r" „ ", r" „"),
    (r" ([“”‟]) ", r"\1 "),
    # Other apostrophes: `N'Djamena`, `Hawai'i`; `the boys' shirts`, `ich hab' ihn`, `4' long`.
    (rf" ([{L}]) (['’´`‘]) ([{L}])", r" \1\2\3"),
    (rf"([{L}]) (['’´`‘]) ([{L}]) ", r"\1\2\3 "),
    (rf"([{L}]) ([´`‘]) ([{L}])", r"\1\2\3"),
    (rf"([0-9{L}]) (['’´]) ", r"\1\2 "),
    # Numbers: `3.5`, `7:45`, `1,000,000`, `10,00` (but `1, 2 and 3`). Single digits overlap: twice.
    (r"([0-9]) , ([0-9][0-9][0-9]) ", r"\1,\2 "),
    (r"([0-9]) , ([0-9][0-9][0-9]) ", r"\1,\2 "),
    (r"([0-9]) ([.:]) ([0-9])", r"\1\2\3"),
    (r"([0-9]) ([.:]) ([0-9])", r"\1\2\3"),
    (r"([0-9]) , ([0-9][0-9]?) ([^,auo])", r"\1,\2 \3"),
    (r"([0-9]) ([%‰°])", r"\1\2"),
    (r"([$€£¥]) ([0-9])", r"\1\2"),
    (r"° ([CF]) ", r"°\1 "),
    (rf" # ([0-9{L}])", r" #\1"),
    # Abbreviations of single letters (`p.m.`, `U.S.A.`, `z.B.`), and names on the internet.
    (rf" ([{L}]) \. ([{L}]) \.", r" \1.\2."),
    (rf"(\.[{L}]\.) ([{L}]\.[{L}]\.)", r"\1\2"),
    (rf"(\.[{L}]\.) ([{L}]) \.", r"\1\2."),
    (r" (Ph|ph) \. (D|d) ", r" \1.\2 "),
    (r" (www|WWW) \. ", r" \1."),
    (r" \. (com|org|net|edu|gov|de|at|ch) ", r".\1 "),
    (r" : / / ", r"://"),
    # Hyphens: a double one is a dash; `Damen- und Herrenmode`, `Helm und -handschuhe`; `T-Shirt`,
    # `„Stop“-Schild`, `U.S.-made`. In `X-Y-Z` the letters overlap: twice.
    (r" - - ", r" -- "),
    (rf"([{L}]) - (und|oder|bzw|sowie|and|or) ([^\-])", r"\1- \2 \3"),
    (rf"([^\-]) (und|oder) - ([{L}])", r"\1 \2 -\3"),
    (rf"([0-9]) - ([{WIDE}])", r"\1-\2"),
    (rf"([{BEFORE_HYPHEN}]) - ([0-9{L}])", r"\1-\2"),
    (rf"([{BEFORE_HYPHEN}]) - ([0-9{L}])", r"\1-\2"),
    (rf"(\.[A-Z]\.) - ([0-9{L}])", r"\1-\2"),
    (r" - ([0-9])", r" -\1"),
    (r" ([/_]) ", r"\1"),
    (r" -/", r"-/"),
    (r" < ([^<> ]+(?: [^<> ]+){0,3}) > ", r" <\1> "),
    (r"C \+ \+", r"C++"),
    # Brackets, and what closes a clause or a sentence.
    (r"([(\[{¿¡]) ", r"\1"),
    (r" ([.,;:!?…)\]}])", r"\1"),
    # Chinese and Japanese.
    (r"— —", r"——"),
    (rf" ?([{WIDE}]) ?", r"\1"),
)


@functools.cache
def _compiled() -> tuple[tuple[re.Pattern, str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in RULES)


def detokenize(tokens: str) -> str:
    """Text from tokens with one space between them."""
    text = f" {tokens.strip(' ')} "
    for pattern, replacement in _compiled():
        text = pattern.sub(replacement, text)
    return text.strip(" ")


def detokenize_in_graph(tokens):
    """The same in a TensorFlow graph: string tensor of any shape in, the same shape out."""
    import tensorflow as tf

    def stripped(text):
        return tf.strings.regex_replace(text, r"^ +| +$", "")

    text = tf.strings.join([" ", stripped(tokens), " "])
    for pattern, replacement in RULES:
        text = tf.strings.regex_replace(text, pattern, replacement)
    return stripped(text)
