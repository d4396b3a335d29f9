"""`tfkd init`: a spec that is valid at once, of each kind, from files as users have them."""

import json
import random
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from tfkd import cli
from tfkd.data.text.corpora import open_corpus
from tfkd.pipeline.plan.validate import validate
from tfkd.spec import load_spec
from tfkd.starters import KINDS, starter_spec

WORDS = [f"wort{number}" for number in range(200)]


def write(folder, name, header, rows, cut, seed=1):
    """A table whose cells are so many words, or one of some."""
    draw = random.Random(seed)
    lines = [header] if header else []
    for _ in range(rows):
        cells = [
            draw.choice(one) if isinstance(one, list) else " ".join(draw.choices(WORDS, k=one))
            for one in cut[1]
        ]
        lines.append(cut[0].join(cells))
    (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return name


def started(folder, *words):
    """The spec that a command writes, checked with its files and all its variants."""
    path = folder / "spec.yaml"
    path.unlink(missing_ok=True)
    assert cli.main(["init", str(path), "--data-dir", str(folder), *words]) == cli.DONE
    errors, _ = validate([path], data_dir=folder)
    assert errors == []
    return load_spec(path)


@pytest.fixture
def files(tmp_path):
    classes = [["gut", "schlecht"]]
    write(tmp_path, "reviews.csv", "id,review,sentiment", 500, (",", [1, 12, *classes]))
    write(tmp_path, "plain.tsv", None, 500, ("\t", [12, *classes]))
    write(tmp_path, "pairs.csv", "fr;en", 500, (";", [12, 9]))
    write(tmp_path, "stories.tsv", "article\tsummary", 300, ("\t", [150, 8]))
    for seed, name in enumerate(("a.de", "a.en", "more.txt", "v.txt", "t.txt")):
        write(tmp_path, name, None, 400, ("", [11]), seed)
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


CLASSES = ["gut", "schlecht"]
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


def published(folder, kind="bert", **more):
    sizes = {"bert": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4,
                      "intermediate_size": 64, "max_position_embeddings": 128,
                      "type_vocab_size": 2, "vocab_size": 9},
             "gpt2": {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 64,
                      "vocab_size": 9}}  # fmt: skip
    (folder / "published").mkdir()
    config = {"model_type": kind, **sizes.get(kind, {}), **more}
    (folder / "published" / "config.json").write_text(json.dumps(config))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "wort", "##1", "##2", "a"]
    (folder / "published" / "vocab.txt").write_text("\n".join(pieces))
    (folder / "published" / "vocab.json").write_text("{}")
    (folder / "published" / "merges.txt").write_text("")
    head = {"bert": "cls.predictions.bias"}.get(kind, "wte.weight")
    save_file({head: np.zeros(9, np.float32)}, folder / "published" / "model.safetensors")


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


@pytest.mark.parametrize(
    ("words", "said"),
    [("--labelled a.de", "a table, FILE.csv or FILE.tsv"),
     ("--labelled odd.csv", "'a', 'b', 'c'. Say which they are.*--columns text=b label=c"),
     ("--labelled odd.csv --columns text=a label=d", "label='d': its first line has 'a', 'b', 'c'"),
     ("--labelled odd.csv --columns text=a label=9", "label=9: its first line"),
     ("--labelled odd.csv --columns text=0 label=a", "label=.a.: both are one column"),
     ("--kind tagger --labelled a.de", "--labelled: a.de; expected CoNLL's columns, a word and"),
     ("--kind tagger --labelled a.de a.en v.txt", "expected one file in CoNLL's columns, a table"),
     ("--kind tagger --labelled c.txt --columns label=tag", "tag: these columns have no names"),
     ("--kind tagger --labelled c.txt --columns text_b=1", "a tagger reads no text_b"),
     ("--kind classifier --pairs a.de a.en", "--pairs, of a classifier: expected --labelled"),
     ("--valid a.de a.en", "--valid without --pairs"),
     ("--pairs a.de a.en --test a.de", "--test: a.de; expected two text files, or a table"),
     ("--labelled few.csv", "few.csv has 20 lines; expected at least 100"),
     ("--labelled none.csv", "No file matches `none.csv`"),
     ("--labelled empty.csv", "empty.csv: the file is empty; expected a table"),
     ("--text empty.txt --test t.txt --valid v.txt", "--text: empty.txt: there is no row in it"),
     ("--text empty.txt", "--text: empty.txt has 0 lines; expected at least 100"),
     ("--text more.txt --test empty.txt", "--test: empty.txt: there is no row in it"),
     ("--pairs a.de a.en --valid empty.txt empty2.txt", "--valid: empty.txt and empty2.txt: there"),
     ("--labelled blank.csv", "blank.csv: its first line is empty; expected.*take the empty line"),
     ("--source fr --pairs unknown.csv", "'foo', 'bar'. Say which.*source=foo target=bar"),
     ("--labelled reviews.csv --columns text=" + "x" * 201, "--columns text='x.*expected one of"),
     ("--labelled named.csv --columns text=" + "x" * 201, "of at most 200 characters, or a place"),
     ("--pairs a.de a.en --columns source=0", "--columns source=0: none of the files is a table"),
     ("--labelled reviews.csv --columns source=0", "a classifier reads no source; .* text, label,"),
     ("--text more.txt reviews.csv", "--text: more.txt reviews.csv; expected text files, or tabl"),
     ("--pairs a.de a.en --teacher nowhere", "--teacher: nowhere: there is no such folder in"),
     ("--pairs a.de a.en --teacher /no/where", "--teacher: /no/where: there is no such folder. "),
     ("--pairs a.de a.en --teacher .", "no config.json"),
     ("--text more.txt --teacher published", "is a bert, and what teaches a language_model"),
     ("--labelled ids.csv", "--columns text=what label=how"),
     ("--source fr --pairs ids.csv", "--columns source=what target=why"),
     ("--labelled one.csv", "all its 200 rows have the label 'x'; expected two classes or more"),
     ("--labelled odd.csv --columns text=c label=b", "200 rows have 200 labels, like 'wort"),
     ("--kind tagger --labelled one.conll", r"all its 4\d\d words have the label 'X'"),
     ("--kind tagger --labelled words.conll --columns label=0", r"words have \d+ labels, like"),
     ("--labelled reviews.csv --columns text=review label=-1", "label=-1: its first line has"),
     ("--text mac.txt", r"mac.txt: its lines end in \\r alone.*tr '"),
     ("--labelled mac.csv", r"mac.csv: its lines end in \\r alone"),
     ("--text more.txt.gz", "more.txt.gz is called .gz and is no gzip file"),
     ("--text zipped.txt", "zipped.txt is packed by zip; expected text, or gzip"),
     # The first line is a row: by its values' names it would be lost.
     ("--labelled rows.csv", "--columns text=1 label=2$"),
     ("--labelled rows.csv --columns text=1 label=gut",
      r"label='gut': \d+ later rows have this very value.*--columns text=1 label=2; or rename"),
     ("--labelled rows.csv --columns label=gut", "later rows have .*--columns text=1 label=2; or"),
     ("--source en --target de --pairs a.de a.en", "swap the files: --pairs a.en a.de"),
     ("--source en --pairs a.de a.en", "first file is de and the second en.*swap the files"),
     ("--target de --pairs a.de a.en", "swap the files: --pairs a.en a.de"),
     ("--source fr --target es --pairs a.de a.en", "leave out --source fr --target es"),
     ("--labelled reviews.csv --teacher fnet", "model_type is 'fnet'; expected one of albert")],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_and_nothing_written(files, capsys, words, said):
    write(files, "odd.csv", "a,b,c", 200, (",", [3, 4, 1]))
    write(files, "rows.csv", "7,wort1 wort2 wort3 wort4,gut", 300, (",", [1, 12, CLASSES]))
    write(files, "few.csv", "text,label", 20, (",", [3, ["x", "y"]]))
    write(files, "unknown.csv", "foo,bar", 200, (",", [9, 7]))
    write(files, "named.csv", f"{'x' * 201},label", 200, (",", [9, CLASSES]))
    (files / "c.txt").write_text("a X\nb Y\n\nc Z\n" * 9)
    write(files, "one.csv", "text,label", 200, (",", [9, ["x"]]))
    write(files, "ids.csv", "id,what,why,how", 200, (",", [1, 9, 7, CLASSES]))
    (files / "one.conll").write_text("a X\nb X\n\nc X\n\n" * 140)
    (files / "words.conll").write_text("".join(f"a{n} X\nb{n} Y\n\n" for n in range(140)))
    (files / "mac.txt").write_bytes(b"a b c\r" * 300)
    (files / "mac.csv").write_bytes(b"text,label\r" + b"a b c,x\ra b,y\r" * 300)
    (files / "more.txt.gz").write_bytes((files / "more.txt").read_bytes())
    (files / "zipped.txt").write_bytes(b"PK\x03\x04" + bytes(300))
    for name in ("empty.csv", "empty.txt", "empty2.txt"):
        (files / name).write_text("")
    (files / "blank.csv").write_text(f"\n{(files / 'reviews.csv').read_text('utf-8')}", "utf-8")
    if "teacher fnet" in words:
        published(files, "fnet")
        (files / "published").rename(files / "fnet")
    elif "published" in words:
        published(files)
    path = files / "spec.yaml"
    command = ["init", str(path), "--data-dir", str(files), *words.split()]
    assert cli.main(command) == cli.WRONG_INPUT
    found = capsys.readouterr().err
    assert re.search(said, found), found
    assert not path.exists()


def test_the_specs_name_may_stand_last(files, monkeypatch):
    monkeypatch.chdir(files)
    monkeypatch.delenv("TFKD_DATA", raising=False)
    assert cli.main(["init", "--pairs", "a.de", "a.en", "mine.yaml"]) == cli.DONE
    assert load_spec("mine.yaml").data["train"].parallel == ["a.de", "a.en"]
