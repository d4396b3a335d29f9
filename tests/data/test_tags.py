"""Words that are read one by one, the view of their tags, CoNLL's columns, and tagged grammar."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.classes import LABELS
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.grammars.generated_tags import tagged
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.text.conll_reader import ConllReader
from tfkd.data.text.corpora import open_corpus
from tfkd.data.tokenizers.wordpiece import SPECIALS as PIECES
from tfkd.data.tokenizers.wordpiece import WordPiece
from tfkd.data.views.tags import TagView
from tfkd.data.words import WORDS, WordPieces, words_of
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import ConllOptions, GeneratedOptions

CLS, SEP, PAD = 2, 3, 0
SPECIALS = Specials(PAD, 1, CLS, SEP, 4, (0, 1, 2, 3, 4), 1000)
TOKENIZER = WordPiece([*PIECES, "a", "b", "##a", "##b", ".", "'"], lower_case=False)


@pytest.mark.tensorflow
@given(st.lists(st.text("ab.'\u00a0\u200bz \t", max_size=20), max_size=5))
@settings(deadline=None, max_examples=50)
def test_each_word_is_encoded_by_itself(lines):
    pieces, counts = (WordPieces(TOKENIZER, counted).encode(lines) for counted in (False, True))
    for row, line in enumerate(lines):
        alone = [TOKENIZER.encode([word]).values.tolist() for word in re.split("[ \t]+", line)
                 if word]  # fmt: skip
        alone = [word or [TOKENIZER.unknown_id] for word in alone]
        assert [*pieces.row(row)] == [piece for word in alone for piece in word]
        assert [*counts.row(row)] == [*map(len, alone)]
        assert len(words_of(line)) == len(alone)


@given(
    st.lists(st.lists(st.integers(1, 3), max_size=6), min_size=1, max_size=4),
    st.integers(8, 12) | st.none(),
    st.randoms(use_true_random=False),
)
@settings(deadline=None, max_examples=50)
def test_a_word_is_read_at_its_first_piece_if_that_is_left(counts, most, draw):
    classes = 3
    texts = [[draw.randrange(10, 99) for _ in range(sum(row))] for row in counts]
    # Without tags; and of one that no class is.
    tags = [[] if draw.random() < 0.2 else [draw.randrange(4) for _ in row] for row in counts]
    fields = {("text", "t"): texts, (WORDS, "t"): counts, LABELS: tags}
    fields = {key: Ragged.from_rows(rows) for key, rows in fields.items()}
    examples = ExampleSet([Part("corpus", fields, len(texts))])
    view = TagView("t", SPECIALS, classes=classes, max_length=most)
    asked = np.array([*range(len(texts)), -1])
    record = view(examples, asked, 0, 0)
    assert not record["selected"][-1].any()
    for row, (text, pieces, known) in enumerate(zip(texts, counts, tags, strict=True)):
        kept = text if most is None else text[: most - 2]
        ids = record["ids"][row]
        assert ids[: len(kept) + 2].tolist() == [CLS, *kept, SEP]
        places = [1 + sum(pieces[:word]) for word in range(len(pieces))]
        places = [place for place in places if place <= len(kept)]
        assert np.flatnonzero(record["selected"][row]).tolist() == places
        for word, place in enumerate(places):
            is_gold = word < len(known) and known[word] < classes
            assert record["gold"][row, place] == is_gold
            assert record["labels"][row, place] == (known[word] if is_gold else 0)


OF_2003 = """\
-DOCSTART- -X- O O

EU NNP B-NP B-ORG
# NN B-NP O
. . O O

Peter NNP B-NP B-PER


"""
UNIVERSAL = """\
# sent_id = 1
# text = vámonos 1 000
1-2\tvámonos\t_\t_\t_
1\tvamos\tir\tVERB\t_
2\tnos\tnosotros\tPRON\t_
2.1\tsilent\t_\tX\t_
3\t1 000\t_\tNUM\t_

# sent_id = 2
1\t#\t#\tSYM\t_"""


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [(OF_2003, None, [("EU # .", "B-ORG O O"), ("Peter", "B-PER")]),
     (OF_2003, {"text": 0, "label": 1}, [("EU # .", "NNP NN ."), ("Peter", "NNP")]),
     (UNIVERSAL, {"text": 1, "label": 3}, [("vamos nos 1\u00a0000", "VERB PRON NUM"),
                                           ("#", "SYM")])],
)  # fmt: skip
def test_sentences_of_conlls_columns(tmp_path, text, columns, rows):
    (tmp_path / "a.conll").write_text(text, "utf-8")
    options = ConllOptions(conll="a.conll", **({} if columns is None else {"columns": columns}))
    assert list(open_corpus(options, tmp_path)) == rows
    windows = text.replace("\n", "\r\n")
    (tmp_path / "a.conll").write_bytes(windows.encode())
    assert list(open_corpus(options, tmp_path)) == rows


def test_a_word_without_its_columns_is_a_bad_row_with_its_place(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("a X\nb Y\n\nc\nd Z\n\ne X\n", "utf-8")
    reader = ConllReader([path], tmp_path, [0, 1])
    found = [(row, reader.place(0)) for row in reader]
    assert [place for _, place in found] == ["a.conll:1", "a.conll:4", "a.conll:7"]
    assert found[1][0].reason == "a word of fewer than 2 columns"
    options = ConllOptions(conll="a.conll", columns={"text": 0, "label": 1}, max_bad_rows=0.5)
    assert list(open_corpus(options, tmp_path)) == [("a b", "X Y"), ("e", "X")]
    with pytest.raises(UserError, match=r"a\.conll:4"):
        list(open_corpus(options.model_copy(update={"on_bad": "stop"}), tmp_path))


def test_generated_words_have_a_tag_each():
    found = list(open_corpus(GeneratedOptions(generated="tags", rows=50, seed=2), "."))
    assert found == list(tagged(80, 2))[:50]
    kinds = {}
    for text, tags in found:
        for word, tag in zip(text.split(), tags.split(), strict=True):
            assert kinds.setdefault(word.lower(), tag) == tag
        assert tags.endswith("MARK")
    assert set(kinds.values()) == {"NOUN", "VERB", "ADJECTIVE", "MARK", "OTHER"}
