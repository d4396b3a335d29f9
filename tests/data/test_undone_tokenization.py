"""Text of tokenized corpora: the rules by example, and words and lines counted as they were."""

import pytest

from tfkd.data.text.corpora import open_corpus
from tfkd.data.text.text_corpus import TextCorpus, write_text_corpus
from tfkd.data.text.undone_tokenization import undo_tokenization
from tfkd.evaluation import moses_tokens
from tfkd.spec.options import CORPORA


@pytest.mark.parametrize(
    ("kind", "tokens", "text"),
    [
        ("plain", "a n't @-@ b", "a n't @-@ b"),
        ("ptb", "no it was n't black monday", "no it wasn't black monday"),
        ("ptb", "the firm 's N <unk> 're i 'll", "the firm's N <unk>'re i'll"),
        ("ptb", "analysts ' views cost $ N a pound # N", "analysts' views cost $N a pound #N"),
        ("ptb", r"either\/or", "either/or"),
        ("moses", "it &apos;s &quot; 3 &lt; 4 &#124; &amp;amp; &quot;", 'it\'s " 3 < 4 | &amp; "'),
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


@pytest.mark.parametrize("kind", ["ptb", "wikitext", "moses", "plain"])
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


def test_labels_and_second_texts_are_no_words_of_a_text(tmp_path):
    """A language model reads the field `text`; a label is no text, and stays as it is."""
    (tmp_path / "a.tsv").write_text("1 n't\tis n't it\tand more\n0 n't\tx , y\tof it\n")
    columns = {"label": 0, "text": 1, "text_b": 2}
    options = CORPORA["tsv"](tsv="a.tsv", columns=columns, detokenize="wikitext")
    write_text_corpus(open_corpus(options, tmp_path), tmp_path)
    text = TextCorpus.open(tmp_path)
    assert text.words.tolist() == [[3, 1], [3, 1]]
    assert list(text.lines("text")) == ["isn't it", "x, y"]
    assert list(text.lines("label")) == ["1 n't", "0 n't"]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("text", {"text": "a.txt", "marked_by": "_"}),
        ("lines", {"lines": {"text": "a.txt", "mark": "b.txt"}}),
    ],
)
def test_marks_stand_in_the_text_as_it_is(kind, options):
    with pytest.raises(ValueError, match="which would move the marks"):
        CORPORA[kind](**options, detokenize="plain")


def test_other_corpora_count_nothing(tmp_path):
    (tmp_path / "a.txt").write_text("x y\n")
    write_text_corpus(open_corpus(CORPORA["text"](text="a.txt"), tmp_path), tmp_path)
    assert TextCorpus.open(tmp_path).words is None
    assert not (tmp_path / "words.npy").exists()


@pytest.mark.parametrize(
    ("some", "kept"),
    [
        ({"part": {"every": 2, "keep": True}}, [1, 3]),
        ({"part": {"every": 2}}, [0, 2]),
        ({"max_rows": 3}, [0, 1, 2]),
        ({"sample": {"rows": 4}}, [0, 1, 2, 3]),
    ],
)
def test_some_rows_of_a_text_are_text_too_and_count_nothing(tmp_path, some, kept):
    lines = ["is n't it", "a , b", "x @-@ y", "( z )"]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    options = CORPORA["text"](text="a.txt", detokenize="wikitext", **some)
    write_text_corpus(open_corpus(options, tmp_path), tmp_path)
    text = TextCorpus.open(tmp_path)
    whole = [undo_tokenization(line, "wikitext") for line in lines]
    assert list(text.lines("text")) == [whole[row] for row in kept]
    assert text.words is None


@pytest.mark.parametrize("kind", ["wikitext", None])
def test_what_overlaps_is_seen_after_tokenization_is_undone(tmp_path, kind):
    """The other corpus tells its texts as they come out; so must a row be that is held to them."""
    (tmp_path / "test.txt").write_text("Is n't it ?\nplain\n")
    (tmp_path / "a.txt").write_text("is n't it ?\nisn't it?\nA , b\nPlain\n")
    test = open_corpus(CORPORA["text"](text="test.txt", detokenize=kind), tmp_path)
    options = CORPORA["text"](text="a.txt", detokenize="wikitext", drop_overlap=["test"])
    corpus = open_corpus(options, tmp_path, others={"test": test})
    left = ["A, b"] if kind else ["isn't it?", "isn't it?", "A, b"]
    assert [row[0] for row in corpus] == left


@pytest.mark.parametrize(
    ("given", "of_counted", "of_others"),
    [({}, 3, 2), ({"max_characters": 5000}, 2, 2), ({"max_characters": 9000}, 3, 3)],
)
def test_no_paragraph_of_a_counted_text_is_too_long(tmp_path, given, of_counted, of_others):
    (tmp_path / "a.txt").write_text("x\n" + "a b " * 2000 + "\ny\n")
    for more, kept in (({"detokenize": "plain"}, of_counted), ({}, of_others)):
        corpus = open_corpus(CORPORA["text"](text="a.txt", **given, **more), tmp_path)
        assert len(list(corpus)) == kept


def test_both_sides_of_pairs_are_undone(tmp_path):
    for side, line in (("en", "it &apos;s a dog"), ("vi", "&quot; đó &quot;")):
        (tmp_path / f"train.{side}").write_text(f"{line}\n", "utf-8")
    options = CORPORA["parallel"](parallel=["train.en", "train.vi"], detokenize="moses")
    write_text_corpus(open_corpus(options, tmp_path), tmp_path)
    text = TextCorpus.open(tmp_path)
    assert [list(text.lines(side)) for side in ("source", "target")] == [
        ["it's a dog"], ['" đó "'],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "It's a dog, isn't it?",
        'He said: "5,300 well-known dogs (two of them)."',
        "Mr. Bell [a | b]",
    ],
)
def test_scores_of_moses_tokens_are_those_of_the_text(text):
    """Spaces that its tokenizer has put stay, but in contractions: it puts no others there."""
    escapes = {"'": "&apos;", '"': "&quot;", "[": "&#91;", "]": "&#93;", "|": "&#124;"}
    tokens = moses_tokens(text)
    corpus = "".join(escapes.get(character, character) for character in tokens)
    assert corpus != tokens
    assert moses_tokens(undo_tokenization(corpus, "moses")) == tokens
