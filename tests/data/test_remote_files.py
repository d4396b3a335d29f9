"""Files that URLs name: read once, copied whole or not at all, and known by their content."""

import errno
import gzip

import pytest

from tfkd.data.text import remote_files
from tfkd.data.text.corpora import open_corpus, source_hashes
from tfkd.data.text.object_stores import described, system_of
from tfkd.data.text.remote_files import copies_in
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import ParallelOptions, SavedDatasetOptions, TextOptions

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store():
    system = fsspec.filesystem("memory")
    system.pipe({"/b/one.de": b"ein\n", "/b/two.de": gzip.compress(b"zwei\n"),
                 "/b/one.en": b"one\n", "/b/two.en": b"two\n"})  # fmt: skip
    yield system
    system.rm("/b", recursive=True)


PAIRS = ParallelOptions(parallel=["memory://b/*.de", ["memory://b/one.en", "memory://b/two.en"]])
ONE = TextOptions(text="memory://b/one.de")


def copied(runs):
    return sorted(path for path in runs.rglob("*") if path.is_file() and path.suffix != ".json")


def test_rows_are_those_of_the_files_and_each_is_fetched_once(tmp_path, store, monkeypatch):
    said, opened = [], []
    before = type(store).open

    def counted(*given, **more):
        opened.append(given[1])
        return before(*given, **more)

    monkeypatch.setattr(type(store), "open", counted)
    for _ in range(2):
        with copies_in(tmp_path / "runs", say=said.append):
            corpus = open_corpus(PAIRS, tmp_path)
            assert list(corpus) == [("ein", "one"), ("zwei", "two")]
            assert next(iter(corpus.report()["files"])) == "memory:///b/one.de"
    assert len(opened) == len(said) == 4
    assert "fetching memory:///b/one.de (0.0 MiB)" in said
    # Elsewhere, without asking the store: as a worker of the same folder of runs reads them.
    monkeypatch.setattr(remote_files, "system_of", None)
    with copies_in(tmp_path / "runs", ask=False):
        assert list(open_corpus(PAIRS, tmp_path)) == [("ein", "one"), ("zwei", "two")]


def test_hashes_are_those_of_the_content_wherever_it_lay(tmp_path, store):
    (tmp_path / "here.de").write_bytes(b"ein\n")
    here = source_hashes(TextOptions(text="here.de"), tmp_path)
    with copies_in(tmp_path / "runs"):
        far = source_hashes(ONE, tmp_path)
    assert [*far.values()] == [*here.values()]
    store.pipe("/b/one.de", b"anders\n")
    with copies_in(tmp_path / "runs"):
        assert source_hashes(ONE, tmp_path) != far
        assert list(open_corpus(ONE, tmp_path)) == [("anders",)]


def test_a_copy_is_whole_or_not_there(tmp_path, store, monkeypatch):
    runs = tmp_path / "runs"
    before = remote_files._copied

    def full(source, target):
        target.write(source.read(2))
        raise OSError(errno.ENOSPC, "No space left on device", target.name)

    for broken, error in (
        (lambda source, target: (before(source, target)[0], 2), UserError),
        (full, OSError),
    ):
        monkeypatch.setattr(remote_files, "_copied", broken)
        with copies_in(runs), pytest.raises(error) as caught:
            open_corpus(ONE, tmp_path)
        assert not isinstance(caught.value, UserError) or "2 of 4 bytes came" in str(caught.value)
        assert copied(runs) == []
    monkeypatch.setattr(remote_files, "_copied", before)
    with copies_in(runs):
        assert list(open_corpus(ONE, tmp_path)) == [("ein",)]
    assert len(copied(runs)) == 1


def test_a_store_that_is_out_of_reach_is_told_of_and_its_copy_used(tmp_path, store, monkeypatch):
    def gone(*_, **__):
        raise ConnectionError("no route to host")

    with copies_in(tmp_path / "runs"):
        open_corpus(PAIRS, tmp_path)
    monkeypatch.setattr(type(store), "info", gone)
    monkeypatch.setattr(type(store), "glob", gone)
    said = []
    with copies_in(tmp_path / "runs", say=said.append):
        assert list(open_corpus(PAIRS, tmp_path)) == [("ein", "one"), ("zwei", "two")]
    assert said[0] == (
        "warning: memory://b/*.de cannot be asked for (no route to host): what was fetched before "
        "is used"
    )
    with copies_in(tmp_path / "other"), pytest.raises(UserError, match=r"no route.*reached from"):
        open_corpus(PAIRS, tmp_path)


@pytest.mark.parametrize(
    ("url", "said"),
    [("memory://b/none.de", "memory://b/none.de: there is no such file"),
     ("memory://b/*.fr", r"memory://b/\*\.fr matches no file"),
     ("memory://b", "memory://b is a folder; name the files in it, like memory://b/"),
     ("gopher://b/a?key=secret", "gopher://b/a: expected a URL that begins with one of s3://"),
     ("memory://b::zip://a", "expected a URL that begins"),
     ("https://me:word@host/a", r"https://\.\.\.@host/a: it has a password in it"),
     ("s3://b/a?key=secret", r"s3://b/a needs packages.*pip install 'tfkd\[stores\]' s3fs")],
)  # fmt: skip
def test_what_cannot_be_read(tmp_path, store, monkeypatch, url, said):
    if url.startswith("s3"):

        def missing(kind):
            raise ImportError("Install s3fs to access S3")

        monkeypatch.setattr(fsspec, "filesystem", missing)
    with copies_in(tmp_path), pytest.raises(UserError, match=said) as caught:
        open_corpus(TextOptions(text=url), tmp_path)
    assert "secret" not in str(caught.value)
    assert "word@" not in str(caught.value)
    with pytest.raises(UserError, match=said):
        described(url)


def test_where_no_copies_are_made(tmp_path, store):
    with pytest.raises(UserError, match=r"memory://b/one\.de is a URL.*fetch it first"):
        open_corpus(ONE, tmp_path)
    with copies_in(tmp_path, ask=False), pytest.raises(UserError, match="not been fetched into"):
        open_corpus(ONE, tmp_path)
    options = SavedDatasetOptions(saved_dataset="memory://b", fields={"text": "t"})
    with copies_in(tmp_path), pytest.raises(UserError, match="a URL, which names one file"):
        open_corpus(options, tmp_path)
    assert described("memory://b/*.en") == "memory://b/*.en: a run fetches it (2 files, 0.0 MiB)"
    assert system_of("memory://b").exists("/b/one.de")
