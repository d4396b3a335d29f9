"""mBARTs: what says which languages they have, and on which side of a source these stand."""

import json

import pytest

from tfkd.data.tokenizers import build_tokenizer
from tfkd.data.tokenizers.published_specials import languages_of
from tfkd.models.published.bart import PublishedMbart
from tfkd.pipeline.engine.identity import vocabulary_identity
from tfkd.spec.errors import UserError
from tfkd.spec.options import SentencePieceOptions

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
PIECES = [[name, 0.0] for name in SPECIAL] + [["▁a", -1.0], ["▁", -3.0], ["b", -2.0]]
LANGUAGES = ["de_DE", "en_XX"]
FIRST, LAST = ["en_XX", "A", "</s>"], ["A", "</s>", "en_XX"]


def template(parts):
    kinds = [{"Sequence" if one == "A" else "SpecialToken": {"id": one, "type_id": 0}}
             for one in parts]  # fmt: skip
    return {"type": "TemplateProcessing", "single": kinds, "pair": [], "special_tokens": {}}


def written(folder, parts=None, added=LANGUAGES, **files):
    """An mBART's folder; `files` are JSON files by their names without the end."""
    folder.mkdir(exist_ok=True)
    places = enumerate(added, len(PIECES))
    said = {
        "model": {"type": "Unigram", "unk_id": 3, "vocab": PIECES},
        "added_tokens": [{"content": one, "id": at, "special": True} for at, one in places],
        "post_processor": None if parts is None else template(parts),
    }
    files = {"config": {"model_type": "mbart"}, "tokenizer": said, **files}
    for name, one in files.items():
        (folder / f"{name}.json").write_text(json.dumps(one))
    return folder


def test_a_template_says_where_the_language_stands(tmp_path):
    assert languages_of(written(tmp_path / "first", FIRST)) == LANGUAGES
    with pytest.raises(UserError, match=r"end with the piece of its language \(A </s> en_XX\)"):
        languages_of(written(tmp_path / "last", LAST))
    inner = {"type": "Sequence", "processors": [template(LAST)]}
    folder = written(tmp_path / "inner", FIRST)
    said = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**said, "post_processor": inner}))
    with pytest.raises(UserError, match="end with the piece"):
        languages_of(folder)


@pytest.mark.parametrize("file", ["config", "tokenizer_config"])
def test_a_class_says_where_the_language_stands(tmp_path, file):
    kind = {"model_type": "mbart", "tokenizer_class": "MBart50TokenizerFast"}
    assert languages_of(written(tmp_path / "it", **{file: kind})) == LANGUAGES
    with pytest.raises(UserError, match="end with the piece of its language"):
        languages_of(written(tmp_path / "it", LAST, **{file: kind}))
    kind["tokenizer_class"] = "MBartTokenizerFast"
    with pytest.raises(UserError, match="whose sources end with the piece of their language"):
        languages_of(written(tmp_path / "it", FIRST, **{file: kind}))


def test_where_nothing_says_it_the_folder_is_refused(tmp_path):
    for parts in (None, ["A", "</s>"]):
        folder = written(tmp_path / "it", parts, tokenizer_config={"model_max_length": 1024})
        with pytest.raises(UserError, match="nothing says whether a source begins or ends with"):
            build_tokenizer(SentencePieceOptions(preset="it"), (), tmp_path)
        with pytest.raises(UserError, match='write "tokenizer_class": "MBart50Tokenizer"'):
            languages_of(folder)


def test_what_another_file_says_of_languages_is_in_the_fingerprint(tmp_path):
    options = SentencePieceOptions(preset="it", start="de_DE")
    kind = {"tokenizer_class": "MBart50Tokenizer"}
    folder = written(tmp_path / "it", tokenizer_config=kind)
    before = vocabulary_identity("it", options, tmp_path)
    names = {"additional_special_tokens": ["en_XX", "de_DE", "fr_XX"]}
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    after = vocabulary_identity("it", options, tmp_path)
    assert before["preset"] == after["preset"]
    assert (before["languages"], after["languages"]) == (
        LANGUAGES, names["additional_special_tokens"])  # fmt: skip


def test_special_pieces_that_are_added_are_in_the_fingerprint(tmp_path):
    """They stand for no text, whatever the kind's revision was when older keys were made."""
    config, options = {"model_type": "xlm-roberta"}, SentencePieceOptions(preset="it")
    written(tmp_path / "it", added=["<mask>"], config=config)
    assert {*vocabulary_identity("it", options, tmp_path)} == {"preset"}
    written(tmp_path / "it", added=["<mask>", "<turn>"], config=config)
    assert vocabulary_identity("it", options, tmp_path)["special"] == ["<turn>"]
    tokenizer = build_tokenizer(options, (), tmp_path)
    assert tokenizer.vocabulary.index("<turn>") in tokenizer.special_ids


def test_a_model_without_json_is_in_the_fingerprint(tmp_path):
    (tmp_path / "it").mkdir()
    options, found = SentencePieceOptions(preset="it"), []
    for name, data in (("tokenizer.model", b"1"), ("tokenizer.model", b"2"),
                       ("added_tokens.json", b"{}")):  # fmt: skip
        (tmp_path / "it" / name).write_bytes(data)
        found.append(str(vocabulary_identity("it", options, tmp_path)))
    assert len({*found}) == 3
    (tmp_path / "it" / "tokenizer.json").write_text("{}")
    assert {*vocabulary_identity("it", options, tmp_path)} == {"preset"}


def test_inspection_tells_why_one_is_not_read(tmp_path):
    model = PublishedMbart.__new__(PublishedMbart)
    model.folder = written(tmp_path / "it", LAST)
    (said,) = model.facts()
    assert said.startswith("It cannot be read into a spec: ")
    assert "end with the piece of its language" in said
    assert model.tokenizers() == {"source": {}, "target": {}}
    model.folder = written(tmp_path / "it", FIRST)
    assert model.tokenizers()["target"] == {"start": "en_XX"}
