"""Corpora: every format, every transform, what is bad and what is reported."""

import gzip
import hashlib
import json
import tracemalloc

import pytest

from tfkd.data.text.corpora import open_corpus, source_hashes
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import (
    GeneratedOptions,
    JsonLinesOptions,
    ParallelOptions,
    TextOptions,
    TsvOptions,
)


def write(folder, **files):
    for name, content in files.items():
        content = content.encode() if isinstance(content, str) else content
        (folder / name.replace("_", ".")).write_bytes(content)


def text(corpus):
    return [values[0] for values in corpus]


def test_text_reads_globs_in_name_order_and_gzip_by_its_bytes(tmp_path):
    write(tmp_path, b_txt=gzip.compress(b"three\n"), a_txt="one\ntwo\n", c_txt="four")
    corpus = open_corpus(TextOptions(text="*.txt"), tmp_path)
    assert corpus.fields == ("text",)
    assert text(corpus) == ["one", "two", "three", "four"]
    listed = open_corpus(TextOptions(text=["c.txt", "[ab].txt"]), tmp_path)
    assert text(listed) == ["four", "one", "two", "three"]


def test_lines_end_at_line_feeds_only(tmp_path):
    inside = "a\u2028b\u2029c\u0085d\x0be\x0cf\rg\x1ch"
    write(tmp_path, a_txt=f"\ufeff{inside}\r\nnext\n")
    assert text(open_corpus(TextOptions(text="a.txt"), tmp_path)) == [inside, "next"]


def test_parallel_pairs_lines_across_files(tmp_path):
    write(tmp_path, a_de="ein\nzwei\n", b_de="drei\n", a_en="one\ntwo\n", b_en="three")
    corpus = open_corpus(ParallelOptions(parallel=["?.de", ["a.en", "b.en"]]), tmp_path)
    assert corpus.fields == ("source", "target")
    assert list(corpus) == [("ein", "one"), ("zwei", "two"), ("drei", "three")]


@pytest.mark.parametrize("on_bad", ["drop", "stop"])
def test_unequal_sides_are_refused_before_a_row_is_read(tmp_path, on_bad):
    write(tmp_path, a_de="1\n2\n3\n", a_en="1\n2\n")
    with pytest.raises(UserError, match=r"a\.de has 3; a\.en has 2"):
        open_corpus(ParallelOptions(parallel=["a.de", "a.en"], on_bad=on_bad, max_rows=1), tmp_path)


def test_unequal_files_are_seen_even_where_the_sums_agree(tmp_path):
    write(tmp_path, a_de="1\n2\n", b_de="3\n", a_en="1\n", b_en="2\n3\n")
    with pytest.raises(UserError, match="unequal"):
        open_corpus(ParallelOptions(parallel=["?.de", "?.en"]), tmp_path)


def test_tsv_takes_columns_and_leaves_out_headers(tmp_path):
    write(tmp_path, a_tsv="text\tlabel\ngood film\t1\nlonely\nbad film\t0\n")
    options = TsvOptions(tsv="a.tsv", columns={"label": 1, "text": 0}, header=True)
    corpus = open_corpus(options, tmp_path)
    assert corpus.fields == ("label", "text")
    assert list(corpus) == [("1", "good film"), ("0", "bad film")]
    assert corpus.report()["dropped"] == {
        "fewer than 2 columns": {"count": 1, "lines": ["a.tsv:3"]}
    }


def test_jsonl_takes_keys_and_reports_what_is_no_text(tmp_path):
    rows = [
        json.dumps({"a": "x\ny", "n": {"b": "deep"}, "l": 3}),
        "{broken",
        json.dumps({"a": "x"}),
        json.dumps({"a": ["x"], "n": {"b": "deep"}, "l": 3}),
        "[" * 100_000,
    ]
    write(tmp_path, a_jsonl="\n".join(rows).encode() + b'\n{"a": "\xff"}\n')
    options = JsonLinesOptions(jsonl="a.jsonl", fields={"text": "a", "text_b": "n/b", "label": "l"})
    corpus = open_corpus(options, tmp_path)
    assert list(corpus) == [("x y", "deep", "3")]
    dropped = corpus.report()["dropped"]
    assert dropped["not JSON"]["lines"] == ["a.jsonl:2", "a.jsonl:5"]
    assert dropped["no `n/b`"]["lines"] == ["a.jsonl:3"]
    assert dropped["not UTF-8"]["lines"] == ["a.jsonl:6"]
    assert dropped["`a` is not text"]["lines"] == ["a.jsonl:4"]


BAD = b"good\n\xff\xfe\n   \n" + b"x" * 30 + b"\nfine\n"


def test_bad_rows_are_dropped_counted_and_named(tmp_path):
    write(tmp_path, a_de=BAD, a_en="1\n2\n3\n4\n\n")
    options = ParallelOptions(parallel=["a.de", "a.en"], max_characters=20)
    corpus = open_corpus(options, tmp_path)
    assert list(corpus) == [("good", "1")]
    assert corpus.report() == {
        "read": 5,
        "kept": 1,
        "dropped": {
            "not UTF-8": {"count": 1, "lines": ["a.de:2"]},
            "empty": {"count": 2, "lines": ["a.de:3", "a.en:5"]},
            "longer than 20 characters": {"count": 1, "lines": ["a.de:4"]},
        },
        "files": {
            "a.de": hashlib.sha256(BAD).hexdigest(),
            "a.en": hashlib.sha256(b"1\n2\n3\n4\n\n").hexdigest(),
        },
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\n\xff\n", r"a\.txt:2: not UTF-8"),
        (b"good\n\n", r"a\.txt:2: empty"),
        (b"x" * 21 + b"\n", r"a\.txt:1: longer than 20 characters"),
    ],
)
def test_bad_rows_stop_where_the_spec_says_so(tmp_path, content, message):
    write(tmp_path, a_txt=content)
    options = TextOptions(text="a.txt", on_bad="stop", max_characters=20)
    with pytest.raises(UserError, match=message):
        list(open_corpus(options, tmp_path))


def test_only_the_first_ten_places_are_listed(tmp_path):
    write(tmp_path, a_txt="\n" * 50 + "x\n")
    corpus = open_corpus(TextOptions(text="a.txt"), tmp_path)
    assert text(corpus) == ["x"]
    entry = corpus.report()["dropped"]["empty"]
    assert entry["count"] == 50
    assert entry["lines"] == [f"a.txt:{n}" for n in range(1, 11)]


def test_lower_case_keeps_accents_and_labels(tmp_path):
    write(tmp_path, a_tsv="Über ÄRZTE\tPOS\n")
    options = TsvOptions(tsv="a.tsv", columns={"text": 0, "label": 1}, lower_case=True)
    assert list(open_corpus(options, tmp_path)) == [("über ärzte", "POS")]


def test_parts_share_no_row_even_where_rows_are_dropped(tmp_path):
    lines = ["" if n % 7 == 0 else f"line {n}" for n in range(1, 101)]
    write(tmp_path, a_txt="\n".join(lines))
    options = [
        TextOptions(text="a.txt", part={"every": 23, "keep": keep}) for keep in (True, False)
    ]
    valid, train = (text(open_corpus(o, tmp_path)) for o in options)
    assert valid == ["line 23", "line 46", "line 69", "line 92"]
    assert set(train) == {line for line in lines if line} - set(valid)


def test_drop_overlap_looks_at_any_text_field_whatever_the_case(tmp_path):
    write(
        tmp_path,
        a_de="Ein  Hund\nZwei Hunde\nDrei\nVier\n",
        a_en="A dog\nTwo dogs\nThree\nFour\n",
        t_de="ein hund\nx\n",
        t_en="y\nTHREE\n",
    )
    test = open_corpus(ParallelOptions(parallel=["t.de", "t.en"]), tmp_path)
    options = ParallelOptions(parallel=["a.de", "a.en"], drop_overlap=["test"])
    corpus = open_corpus(options, tmp_path, others={"test": test})
    assert list(corpus) == [("Zwei Hunde", "Two dogs"), ("Vier", "Four")]
    assert corpus.report()["dropped"]["overlap"]["lines"] == ["a.de:1", "a.de:3"]
    one_field = ParallelOptions(parallel=["a.de", "a.en"], drop_overlap=["test.target"])
    assert len(list(open_corpus(one_field, tmp_path, others={"test": test}))) == 3


def test_equal_labels_are_no_overlap(tmp_path):
    write(tmp_path, a_tsv="x\t1\n", b_tsv="y\t1\n")
    columns = {"text": 0, "label": 1}
    test = open_corpus(TsvOptions(tsv="b.tsv", columns=columns), tmp_path)
    options = TsvOptions(tsv="a.tsv", columns=columns, drop_overlap=["test"])
    assert list(open_corpus(options, tmp_path, others={"test": test})) == [("x", "1")]


def test_samples_are_exact_ordered_nested_and_seeded(tmp_path):
    write(tmp_path, a_txt="\n".join(str(n) for n in range(1000)))

    def drawn(rows, seed):
        options = TextOptions(text="a.txt", sample={"rows": rows, "seed": seed})
        return [int(line) for line in text(open_corpus(options, tmp_path))]

    small, large, other = drawn(100, 1), drawn(300, 1), drawn(100, 2)
    assert len(small) == 100
    assert small == sorted(small)
    assert set(small) < set(large)
    assert small == drawn(100, 1) != other
    assert 350 < sum(large) / 300 < 650
    assert len(drawn(5000, 1)) == 1000


def test_max_rows_comes_last_and_counts_what_was_read(tmp_path):
    write(tmp_path, a_txt="\na\nb\nc\n")
    corpus = open_corpus(TextOptions(text="a.txt", max_rows=2), tmp_path)
    assert text(corpus) == ["a", "b"]
    assert (corpus.report()["read"], corpus.report()["kept"]) == (3, 2)
    assert text(corpus) == ["a", "b"]


def test_a_corpus_without_rows_is_an_error_that_says_why(tmp_path):
    write(tmp_path, a_txt="\n\n")
    with pytest.raises(UserError, match=r"a\.txt: no row is left of 2 \(2 empty\)"):
        list(open_corpus(TextOptions(text="a.txt"), tmp_path))


def test_a_report_needs_a_whole_pass(tmp_path):
    write(tmp_path, a_txt="a\n")
    with pytest.raises(RuntimeError, match="whole iteration"):
        open_corpus(TextOptions(text="a.txt"), tmp_path).report()


def test_missing_files_are_named_with_what_was_meant(tmp_path):
    write(tmp_path, train_de="x\n")
    with pytest.raises(UserError, match=r"No file matches `trian\.de`.*did you mean `train\.de`"):
        open_corpus(TextOptions(text="trian.de"), tmp_path)
    with pytest.raises(UserError, match=r"does not exist.*--data-dir"):
        open_corpus(TextOptions(text="a.de"), tmp_path / "nowhere")


def test_halves_of_characters_in_json_are_bad_rows(tmp_path):
    lines = [r'{"t": "broken \ud83d here"}', r'{"t": "whole \ud83d\ude00"}', '{"t": "plain"}']
    write(tmp_path, a_jsonl="\n".join(lines) + "\n")
    corpus = open_corpus(JsonLinesOptions(jsonl="a.jsonl", fields={"text": "t"}), tmp_path)
    assert text(corpus) == ["whole 😀", "plain"]
    assert corpus.report()["dropped"]["not UTF-8"]["count"] == 1


def test_glob_characters_of_the_data_folder_are_its_name(tmp_path):
    folder = tmp_path / "run[1]"
    folder.mkdir()
    write(folder, a_txt="one\n", b_txt="two\n")
    corpus = open_corpus(TextOptions(text="*.txt"), folder)
    assert text(corpus) == ["one", "two"]


def test_a_cut_gzip_file_is_named(tmp_path):
    whole = gzip.compress(b"line\n" * 10_000)
    write(tmp_path, a_gz=whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a\.gz.*damaged"):
        list(open_corpus(TextOptions(text="a.gz"), tmp_path))
    with pytest.raises(UserError, match=r"a\.gz.*damaged"):
        open_corpus(ParallelOptions(parallel=["a.gz", "a.gz"]), tmp_path)


def test_hashes_follow_the_files_content(tmp_path):
    write(tmp_path, a_txt="one\n")
    options = TextOptions(text="a.txt")
    before = source_hashes(options, tmp_path)
    assert before == {"a.txt": hashlib.sha256(b"one\n").hexdigest()}
    write(tmp_path, a_txt="other\n")
    assert source_hashes(options, tmp_path) != before


def test_rows_stream_through(tmp_path):
    with open(tmp_path / "a.txt", "w") as file:
        file.writelines(f"some words to read, number {n}\n" for n in range(40_000))
    corpus = open_corpus(TextOptions(text="a.txt", sample={"rows": 20_000, "seed": 1}), tmp_path)
    tracemalloc.start()
    rows = sum(1 for _ in corpus)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 40,000 rows as strings take 3.3 MB and more; the hashes of a draw some 30 bytes a row.
    assert rows == 20_000
    assert peak < 1.8e6


def test_generated_sides_together_or_apart(tmp_path):
    pairs = list(open_corpus(GeneratedOptions(generated="german_english", rows=5), tmp_path))
    lines = open_corpus(GeneratedOptions(generated="german_english", rows=5, only="text"), tmp_path)
    assert lines.fields == ("text",)
    assert text(lines) == [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
    assert list(lines.report()["files"]) == ["generated:german_english"]
