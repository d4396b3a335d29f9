"""Text of tokenized corpora: the rules by example, and words and lines counted as they were."""

import pytest

from tfkd.data.corpora import open_corpus
from tfkd.data.text_corpus import TextCorpus, write_text_corpus
from tfkd.data.undone_tokenization import undo_tokenization
from tfkd.spec.options import CORPORA


@pytest.mark.parametrize(
    ("kind", "tokens", "text"),
    [
        ("plain", "a n't @-@ b", "a n't @-@ b"),
        ("ptb", "no it was n't black monday", "no it wasn't black monday"),
        ("ptb", "the firm 's N <unk> 're i 'll", "the firm's N <unk>'re i'll"),
        ("ptb", "analysts ' views cost $ N a pound # N", "analysts' views cost $N a pound #N"),
        ("ptb", r"either\/or", "either/or"),
        ("ptb", "n't 'sound 'sn", "n't 'sound 'sn"),
        ("wikitext", "He had a guest @-@ starring role .", "He had a guest-starring role."),
        ("wikitext", "2 @,@ 000 and 1 @.@ 5 , or more ; no ?", "2,000 and 1.5, or more; no?"),
        ("wikitext", '( born 1981 ) the " Sun " [ x ]', '(born 1981) the "Sun" [x]'),
        ("wikitext", "= = Career = =", "== Career =="),
        ("wikitext", "= = = 2000 = = =", "=== 2000 ==="),
        ("wikitext", "= Robert <unk> =", "= Robert <unk> ="),
        ("wikitext", "the boys ' team 's 20 ° C", "the boys' team's 20°C"),
    ],
)
def test_rules_by_example(kind, tokens, text):
    assert undo_tokenization(tokens, kind) == text


@pytest.mark.parametrize("kind", ["ptb", "wikitext", "plain"])
def test_words_and_ends_of_lines_are_the_files(tmp_path, kind):
    lines = ["", " = A = ", " ", " it is n't , b @-@ c ", " x ", "", "", " y z ", " "]
    (tmp_path / "a.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    corpus = open_corpus(CORPORA["text"](text="a.txt", detokenize=kind), tmp_path)
    write_text_corpus(corpus, tmp_path)
    text = TextCorpus.open(tmp_path)
    assert text.words.tolist() == [[3, 3], [7, 1], [1, 3], [2, 2]]
    assert text.words[:, 0].sum() == sum(len(line.split()) for line in lines)
    assert text.words[:, 1].sum() == len(lines)
    kept = [line.strip() for line in lines if line.strip()]
    assert list(text.lines("text")) == [undo_tokenization(line, kind) for line in kept]


def test_other_corpora_count_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("x y\n")
    write_text_corpus(open_corpus(CORPORA["text"](text="a.txt"), tmp_path), tmp_path)
    assert TextCorpus.open(tmp_path).words is None
    assert not (tmp_path / "words.npy").exists()
    with pytest.raises(ValueError, match="counts a whole text"):
        CORPORA["text"](text="a.txt", detokenize="ptb", max_rows=3)
