"""`tfkd init`: what is no such file is refused, and nothing is written."""

import re

import pytest
from starter_files import CLASSES, published, write, write_files

from tfkd import cli


@pytest.fixture
def files(tmp_path):
    write_files(tmp_path)
    return tmp_path


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
     ("--text zipped.txt", "zipped.txt is packed by zip; expected text, gzip, xz or zstd"),
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
