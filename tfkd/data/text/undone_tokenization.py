r"""Text of language-modelling corpora as people write it: what their tokenization did is undone.

A model of byte pairs reads text; Penn Treebank and WikiText come as words with spaces between them.
GPT-2's published figures are for text whose tokenization was undone by rules that were not
published; those of its re-implementations (Megatron-LM's zero-shot evaluation among them) attach
contractions, punctuation and brackets, and join numbers and hyphens. So do these, with two
differences: `<unk>` and PTB's `N` stay as they are, since a question mark or a 1 in their place
would be another text than the one whose words are counted; and quotation marks are paired within a
line only.

Corpora of translations come from Moses' tokenizer, which writes some characters as entities: these
are put back, and English contractions attached. Its other spaces stay: BERT's pieces, and scores
that tokenize as Moses does, are the same with them and without.

Reference: Radford et al. 2019, section 3.1 ("invertible de-tokenizers").
"""

import functools
import re

REVISION = 1  # to be raised when a rule changes

_CONTRACTIONS = (
    (r" n't(?![^ ])", "n't"),
    (r" '(s|re|ve|m|ll|d)(?![^ ])", r"'\1"),
    (r"s ' ", "s' "),
)
RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "plain": (),
    "moses": (
        ("&apos;", "'"),
        ("&quot;", '"'),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#91;", "["),
        ("&#93;", "]"),
        (r"&#124;|&bar;", "|"),
        ("&amp;", "&"),
        (r" '(s|t|re|ve|m|ll|d)(?![^ ])", r"'\1"),
    ),
    "ptb": (
        *_CONTRACTIONS,
        (r"\\([/*])", r"\1"),
        (r"([$#]) (?=N(?![^ ])|[0-9])", r"\1"),
    ),
    "wikitext": (
        (r" @([-,.])@ ", r"\1"),
        (r" 't(?![^ ])", "'t"),
        *_CONTRACTIONS,
        (r"\( ?([^()]*?) ?\)", r"(\1)"),
        (r"\[ ?([^\[\]]*?) ?\]", r"[\1]"),
        (r"\{ ?([^{}]*?) ?\}", r"{\1}"),
        (r'" ([^"]*?) "', r'"\1"'),
        (r" ([.,;:!?])(?![^ ])", r"\1"),
        (r" ° ", "°"),
        # Headings: `= = Career = =`.
        (r"(?<![^ ])= = = =(?![^ ])", "===="),
        (r"(?<![^ ])= = =(?![^ ])", "==="),
        (r"(?<![^ ])= =(?![^ ])", "=="),
    ),
}


@functools.cache
def _compiled(kind: str) -> tuple[tuple[re.Pattern, str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in RULES[kind])


def undo_tokenization(line: str, kind: str) -> str:
    """A line of a tokenized corpus as text.

    Args:
        line: Words with one space between them.
        kind: "ptb", "wikitext", "moses", or "plain", which leaves it as it is.
    """
    for pattern, replacement in _compiled(kind):
        line = pattern.sub(replacement, line)
    return line
