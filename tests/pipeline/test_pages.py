"""Data that is missing is told of with its file, its folder and the page that has it."""

import pytest

from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.plan.pages import told_where
from tfkd.spec import load_spec
from tfkd.spec.errors import SpecErrors, UserError

SPEC = """\
tfkd: 1
name: far
pages:
  corpus: https://example.org/corpus
  some-bert: https://example.org/bert
  news: https://example.org/news
data:
  train: {parallel: [corpus/train.de, corpus/train.en]}
  other: {text: elsewhere/*.txt}
  fetched: {tfds: news/de-en, fields: {text: en}}
tokenizers:
  joint: {kind: wordpiece, vocabulary: some-bert/vocab.txt}
teacher: {kind: bert, layers: 1, width: 8, heads: 2, tokenizer: joint}
stages:
  bert: {load: some-bert, into: teacher}
"""


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "far.yaml"
    path.write_text(SPEC, "utf-8")
    return load_spec(path)


def test_a_missing_file_comes_with_folder_and_page(spec, tmp_path):
    with pytest.raises(UserError) as raised:
        GraphBuilder(tmp_path).corpus(spec, "train")
    said = str(raised.value)
    assert "corpus/train.de" in said
    assert str(tmp_path) in said
    assert said.endswith("corpus can be had at https://example.org/corpus")
    assert said.count("https://") == 1


def test_a_missing_checkpoint_and_vocabulary_come_with_folder_and_page(spec, tmp_path):
    with pytest.raises(UserError, match=r"some-bert can be had at https://example\.org/bert$"):
        GraphBuilder(tmp_path).tokenizer(spec, "joint")
    (tmp_path / "some-bert").mkdir()
    (tmp_path / "some-bert" / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    builder = GraphBuilder(tmp_path)
    builder.tokenizer(spec, "joint")
    builder.data_dir = empty
    with pytest.raises(UserError) as raised:
        builder.stage(spec, "bert")
    said = str(raised.value)
    for words in ("some-bert", str(empty), "model.safetensors", "https://example.org/bert"):
        assert words in said


def test_what_has_no_page_is_told_of_as_before(spec, tmp_path):
    with pytest.raises(UserError) as raised:
        GraphBuilder(tmp_path).corpus(spec, "other")
    assert "elsewhere/*.txt" in str(raised.value)
    assert "https" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "told"), [("news/de-en", True), ("news", True), ("newspaper/de", False)]
)
def test_a_page_is_of_what_lies_in_its_folder(spec, name, told):
    with pytest.raises(UserError) as raised, told_where(spec.pages, [name]):
        raise UserError("not here.")
    assert ("https://example.org/news" in str(raised.value)) == told


def test_pages_stand_in_the_resolved_spec_and_in_no_fingerprint(spec, tmp_path):
    assert spec.resolved()["pages"]["news"] == "https://example.org/news"
    (tmp_path / "corpus").mkdir()
    for side in ("de", "en"):
        (tmp_path / "corpus" / f"train.{side}").write_text("a\n")
    moved = load_spec(spec.path, overrides=["pages={corpus: https://example.org/other}"])
    nodes = [GraphBuilder(tmp_path).corpus(one, "train") for one in (spec, moved)]
    assert nodes[0].fingerprint == nodes[1].fingerprint
    assert moved.pages == {"corpus": "https://example.org/other"}


@pytest.mark.parametrize("page", ["ftp://example.org", "corpora", "[1]", "null"])
def test_a_page_that_is_none_is_refused(tmp_path, page):
    path = tmp_path / "wrong.yaml"
    path.write_text(f"tfkd: 1\nname: wrong\npages: {{corpus: {page}}}\n", "utf-8")
    with pytest.raises(SpecErrors, match=r"pages\.corpus.*https://"):
        load_spec(path)
