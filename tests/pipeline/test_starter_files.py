"""`tfkd init`: a spec that is valid at once, of each kind, from files as users have them."""

import random

import pytest
from starter_files import CLASSES, WORDS, published, started, write, write_files

from tfkd import cli
from tfkd.data.text.corpora import open_corpus
from tfkd.spec import load_spec
from tfkd.starters import KINDS, starter_spec


@pytest.fixture
def files(tmp_path):
    write_files(tmp_path)
    return tmp_path


TAGGED = {
    "CoNLL": "--labelled words.conll",
    "CoNLL-U": "--labelled words.conllu --text more.txt",
    "words and tags": "--labelled words.txt tags.txt",
    "a table of words and tags": "--labelled tagged.tsv --valid words.conll",
    "tabs": "--labelled tabs.tsv",
    "the last column": "--labelled words.conll --columns label=-1",
}


@pytest.fixture
def tagged(files):
    """Sentences and tags, as files of each form have them."""
    draw = random.Random(5)
    rows = [draw.choices(WORDS, k=draw.randint(2, 9)) for _ in range(300)]
    rows = [(words, ["A" if int(word[4:]) % 2 else "B" for word in words]) for words in rows]

    def write(name, text):
        (files / name).write_text(text, "utf-8")

    def columns(line):
        return "\n".join("".join(line(n, *pair) for n, pair in enumerate(zip(*row, strict=True), 1))
                         for row in rows)  # fmt: skip

    write("words.conll", columns(lambda n, word, tag: f"{word} X {tag}\n"))
    write("tabs.tsv", columns(lambda n, word, tag: f"{word}\t{tag}\n"))
    write("words.conllu", columns(lambda n, word, tag: f"{n}\t{word}\t_\t{tag}{6 * chr(9)}_\n"))
    write("words.txt", "".join(f"{' '.join(words)}\n" for words, _ in rows))
    write("tags.txt", "".join(f"{' '.join(tags)}\n" for _, tags in rows))
    write("tagged.tsv", "".join("\t".join(map(" ".join, row)) + "\n" for row in rows))
    return files, {" ".join(words): " ".join(tags) for words, tags in rows}


@pytest.mark.parametrize("words", TAGGED.values(), ids=TAGGED)
def test_words_and_tags_are_read_from_each_form(tagged, words):
    folder, right = tagged
    spec = started(folder, "--kind", "tagger", *words.split())
    train = spec.data["train"].model_copy(update={"drop_overlap": []})
    rows = list(open_corpus(train, folder))
    assert len(rows) > 250
    assert all(right[text] == tags for text, tags in rows)
    assert {model.head.kind for model in spec.models.values()} == {"tagger"}


COMMANDS = {
    "csv": "--labelled reviews.csv",
    "tsv without a header": "--labelled plain.tsv --text more.txt",
    "named": "--labelled reviews.csv --columns text=review label=sentiment --valid reviews.csv",
    "pairs": "--pairs a.de a.en",
    "pairs and text": "--pairs a.de a.en --text more.txt --test a.de a.en",
    "a table of pairs": "--source fr --target en --pairs pairs.csv --text more.txt",
    "stories": "--kind summariser --pairs stories.tsv",
    "text": "--text more.txt",
    "three texts": "--text more.txt --valid v.txt --test t.txt",
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_what_is_written_is_valid_and_its_sets_share_no_text(files, words):
    spec = started(files, *words.split())
    opened = {}
    for name in ("test", "valid", "train"):
        opened[name] = open_corpus(spec.data[name], files, others=opened)
    if "--test" in words or "--valid" in words:
        return
    texts = {name: {values[0] for values in corpus} for name, corpus in opened.items()}
    assert not texts["train"] & (texts["valid"] | texts["test"])
    assert min(map(len, texts.values())) > 0


def test_columns_are_found_by_what_people_call_them(files):
    assert started(files, "--labelled", "reviews.csv").data["train"].columns == {
        "text": "review", "label": "sentiment",
    }  # fmt: skip
    plain = started(files, "--labelled", "plain.tsv").data["train"]
    assert (plain.columns, plain.header) == ({"text": 0, "label": 1}, False)
    pairs = started(files, "--source", "fr", "--pairs", "pairs.csv").data["train"]
    assert (pairs.columns, pairs.delimiter) == ({"source": "fr", "target": "en"}, ";")


@pytest.mark.parametrize(
    ("words", "name"),
    [("--pairs a.en a.de", "en_de"), ("--pairs a.de a.en", "de_en"),
     ("--source en --pairs a.en a.de", "en_de"), ("--pairs v.txt t.txt", "de_en"),
     ("--source en_GB --target de-AT --pairs a.en a.de", "en_GB_de-AT"),
     ("--source en --target nds --pairs a.en a.de", "en_nds")],
)  # fmt: skip
def test_a_translators_languages_are_its_files_endings(files, words, name):
    path = files / "spec.yaml"
    assert cli.main(["init", str(path), "--data-dir", str(files), *words.split()]) == cli.DONE
    assert load_spec(path).name == name


LONG = " ".join(WORDS[:60])
BY_PLACE = "--columns text=0 label=1"


@pytest.mark.parametrize(
    ("first", "words", "more", "columns", "header"),
    [("quote\tmood", 12, "", ("quote", "mood"), None),
     # A name that is known, or nothing that could be a row.
     ("review\tmood", 12, BY_PLACE, (0, 1), True), ("quote\tmood", 12, BY_PLACE, (0, 1), True),
     # A label of its own, with a text as all others.
     (f"{' '.join(WORDS[:9])}\tegal", 9, "", (0, 1), False),
     (f"{LONG}\tegal", 12, "", (0, 1), False), (f"{LONG}\tegal", 12, BY_PLACE, (0, 1), False),
     # The label is one of the rows', though it is a name of labels.
     ("wort1 wort2\ty", 12, "", (0, 1), False), ("wort1 wort2\tgut", 12, "", (0, 1), False),
     # Texts are single words, as names are: it may be either, and reading the rows says so.
     ("quote\tmood", 1, BY_PLACE, (0, 1), "unsaid")],
)  # fmt: skip
def test_a_header_is_told_from_a_row(files, first, words, more, columns, header):
    classes = [*CLASSES, "y"] if first.endswith("y") else CLASSES
    write(files, "odd.tsv", first, 300, ("\t", [words, classes]))
    odd = started(files, "--labelled", "odd.tsv", *more.split()).data["train"]
    assert odd.columns == dict(zip(("text", "label"), columns, strict=True))
    if header == "unsaid":
        assert "header" not in odd.model_fields_set
        corpus = open_corpus(odd.model_copy(update={"drop_overlap": [], "part": None}), files)
        assert sum(1 for _ in corpus) == 301
        assert "the class 'mood' stands in the first line alone" in corpus.warnings[0]
    elif header is not None:
        assert odd.header is header


def test_a_second_text_is_read_where_a_column_is_plainly_one(files):
    write(files, "mrpc.csv", "label,sentence1,sentence2", 300, (",", [CLASSES, 9, 6]))
    two = {"text": "sentence1", "text_b": "sentence2", "label": "label"}
    assert started(files, "--labelled", "mrpc.csv").data["train"].columns == two
    one = started(files, "--labelled", "mrpc.csv", "--columns", "text=sentence1").data["train"]
    assert one.columns == {"text": "sentence1", "label": "label"}
    write(files, "nli.tsv", "id\tpremise\thypothesis\tlabel", 300, ("\t", [1, 9, 6, CLASSES]))
    words = "--labelled nli.tsv --columns text=premise text_b=hypothesis"
    two = {"text": "premise", "text_b": "hypothesis", "label": "label"}
    assert started(files, *words.split()).data["train"].columns == two


def test_what_stands_between_columns_is_not_looked_for_in_quotes(files):
    draw = random.Random(1)
    rows = [f'"{"; ".join(draw.sample(WORDS, 5))}",{draw.choice(CLASSES)}' for _ in range(300)]
    (files / "quoted.csv").write_text("\n".join(['"a; b; c; d",label', *rows]), "utf-8")
    spec = started(files, "--labelled", "quoted.csv")
    assert (spec.data["train"].delimiter, spec.data["train"].columns["label"]) == (",", "label")


def test_texts_longer_than_usual_are_read(files):
    write(files, "long.csv", "text,label", 120, (",", [1500, CLASSES]))
    longest = max(map(len, (files / "long.csv").read_text("utf-8").split("\n")))
    train = started(files, "--labelled", "long.csv").data["train"]
    assert longest < train.max_characters < 1.3 * longest
    assert sum(1 for _ in open_corpus(train.model_copy(update={"drop_overlap": []}), files)) > 100


@pytest.mark.parametrize("words", ["--text reviews.csv", "--labelled plain.tsv --text reviews.csv"])
def test_text_may_be_a_column_of_a_table(files, words):
    spec = started(files, *words.split())
    text = spec.data["train" if words.startswith("--text") else "text"]
    assert (text.csv, text.columns) == ("reviews.csv", {"text": "review"})


def test_steps_grow_with_the_tokens(files):
    """Within their limits, the same number of times through the text."""
    draw = random.Random(3)
    for name, rows in (("small", 3_000), ("large", 12_000)):
        for side in "de", "en":
            lines = (" ".join(draw.choices(WORDS, k=20)) for _ in range(rows))
            (files / f"{name}.{side}").write_text("\n".join(lines), "utf-8")
    small, large = (
        started(files, "--pairs", f"{name}.de", f"{name}.en").stages for name in ("small", "large")
    )
    for stage in ("finetune", "train_student"):
        assert 3.8 < large[stage].steps / small[stage].steps < 4.2
    tokens = 1.3 * 20 * 12_000
    assert large["train_student"].steps == pytest.approx(40 * tokens / 4096, rel=0.05)


def test_long_stories_are_not_left_out_for_their_length(files):
    stage = started(files, "--kind", "summariser", "--pairs", "stories.tsv")
    assert stage.stages["train_student"].batch.max_length >= 500
    assert stage.views["left"].max_length == stage.models["teacher"].max_length == 512


def test_titles_in_capitals_share_their_words_with_the_texts(files):
    """In lower case all that is read, of which the vocabulary is learnt: a title's words could not
    be found in its text otherwise."""
    lines = (files / "stories.tsv").read_text("utf-8").splitlines()
    rows = [line.partition("\t") for line in lines]
    shouted = "\n".join(f"{text.capitalize()}\t{title.upper()}" for text, _, title in rows)
    (files / "shouted.tsv").write_text(shouted + "\n", "utf-8")
    words = ["--kind", "summariser", "--pairs", "shouted.tsv", "--text", "more.txt"]
    words += ["--columns", "source=0", "target=1"]
    data = started(files, *words).data
    assert len(data) == 6
    assert all(corpus.lower_case for corpus in data.values())
    plain = started(files, "--kind", "summariser", "--pairs", "stories.tsv").data
    assert not any(corpus.lower_case for corpus in plain.values())


@pytest.mark.parametrize("kind", KINDS)
def test_without_files_names_stand_for_them(tmp_path, kind):
    path = tmp_path / "spec.yaml"
    path.write_text(starter_spec(kind=kind), "utf-8")
    spec = load_spec(path)
    for name in spec.variants:
        spec.with_variant(name)
    assert max(map(len, path.read_text("utf-8").split("\n"))) <= 100


@pytest.mark.parametrize("words", ["--pairs a.de a.en", "--labelled reviews.csv"])
def test_a_published_bert_teaches(files, words):
    published(files)
    path = files / "spec.yaml"
    command = ["init", str(path), "--data-dir", str(files), *words.split()]
    assert cli.main([*command, "--teacher", "published"]) == cli.DONE
    spec = load_spec(path)
    teacher = spec.models["teacher"]
    assert (teacher.layers, teacher.width, teacher.max_length) == (2, 32, 128)
    assert spec.stages["pretrain"].load == "published"
    (tokenizer,) = spec.tokenizers.values()
    assert (tokenizer.preset, tokenizer.lower_case) == ("published", True)
    assert tokenizer.keep is None  # each row of its embedding is a piece


@pytest.mark.parametrize("positions", [64, 1024])
def test_a_published_gpt2_teaches_a_language_model(files, positions):
    published(files, "gpt2", n_positions=positions)
    path = files / "spec.yaml"
    command = ["init", str(path), "--data-dir", str(files), "--text", "more.txt"]
    assert cli.main([*command, "--teacher", "published"]) == cli.DONE
    spec = load_spec(path)
    assert (spec.models["teacher"].width, spec.stages["teach"].from_) == (32, "published")


def test_the_specs_name_may_stand_last(files, monkeypatch):
    monkeypatch.chdir(files)
    monkeypatch.delenv("TFKD_DATA", raising=False)
    assert cli.main(["init", "--pairs", "a.de", "a.en", "mine.yaml"]) == cli.DONE
    assert load_spec("mine.yaml").data["train"].parallel == ["a.de", "a.en"]
