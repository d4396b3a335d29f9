"""Tokenizers from a spec's options: learnt, from a file, from a preset's folder, cut down."""

import json

import pytest

from tfkd.data.tokenizers import WordPiece, build_tokenizer, building, read_vocabulary
from tfkd.spec.errors import UserError
from tfkd.spec.options.tokenizers import WordPieceOptions

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIALS, "a", "b", "ab", "##c", "d", "\u2028", "\x85"]


def write_vocabulary(path, pieces=PIECES):
    path.write_bytes("".join(f"{piece}\n" for piece in pieces).encode())


def test_learnt(tmp_path):
    options = WordPieceOptions(size=30, learn_from=["train"], lower_case=True)
    tokenizer = build_tokenizer(options, iter(["Ab ab ab"] * 3), tmp_path)
    assert "ab" in tokenizer.vocabulary
    assert tokenizer.lower_case


def test_from_a_vocabulary_file_with_unicode_line_separators(tmp_path):
    write_vocabulary(tmp_path / "vocab.txt")
    options = WordPieceOptions(vocabulary="vocab.txt")
    assert build_tokenizer(options, [], tmp_path).vocabulary == PIECES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[PAD]\n[PAD]\n", r"vocab\.txt:2: '\[PAD\]' stands in line 1"),
        (b"[PAD]\n\na\n", r"vocab\.txt:2: an empty line"),
        (b"[PAD]\n\xff\n", r"vocab\.txt:2: not UTF-8"),
        (b"[PAD]\n[UNK]\na\n", r"no BERT vocabulary: it lacks \[CLS\], \[SEP\], \[MASK\]"),
    ],
)
def test_files_that_are_no_vocabularies(tmp_path, content, message):
    (tmp_path / "vocab.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        build_tokenizer(WordPieceOptions(vocabulary="vocab.txt"), [], tmp_path)


def test_from_a_published_folder(tmp_path):
    folder = tmp_path / "bert"
    folder.mkdir()
    write_vocabulary(folder / "vocab.txt")
    options = WordPieceOptions(preset="bert")
    assert not build_tokenizer(options, [], tmp_path).lower_case
    said = {"do_lower_case": True, "strip_accents": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    tokenizer = build_tokenizer(options, [], tmp_path)
    assert (tokenizer.lower_case, tokenizer.strip_accents) == (True, False)


@pytest.mark.parametrize("damaged", ["{", "[" * 100_000, "[]", '{"do_lower_case": NaN}'])
def test_a_published_folders_damaged_options_are_named(tmp_path, damaged):
    write_vocabulary(tmp_path / "vocab.txt")
    path = tmp_path / "tokenizer_config.json"
    path.write_text(damaged)
    with pytest.raises(UserError) as refused:
        build_tokenizer(WordPieceOptions(preset="."), [], tmp_path)
    assert str(refused.value).startswith(f"{path}: no")


def test_what_is_no_saved_tokenizer_is_refused(tmp_path):
    WordPiece(PIECES, True, strip_accents=False).save(tmp_path)
    (tmp_path / "tokenizer.json").write_text('{"kind": "wordpiece"}')
    with pytest.raises(UserError, match="not what tfkd saved"):
        build_tokenizer(WordPieceOptions(preset="."), [], tmp_path)


@pytest.mark.tensorflow
def test_from_a_keras_hub_preset_folder(tmp_path):
    import keras_hub

    theirs = keras_hub.models.BertTokenizer(vocabulary=PIECES[:-2], lowercase=True)
    theirs.save_to_preset(str(tmp_path / "preset"))
    tokenizer = build_tokenizer(WordPieceOptions(preset="preset"), [], tmp_path)
    assert tokenizer.vocabulary == PIECES[:-2]
    assert tokenizer.lower_case
    assert tokenizer.encode(["Ab d"]).row(0).tolist() == list(theirs("Ab d"))


def test_from_a_folder_of_ours(tmp_path):
    saved = WordPiece(PIECES, True, strip_accents=False)
    saved.save(tmp_path)
    loaded = build_tokenizer(WordPieceOptions(preset="."), [], tmp_path)
    assert loaded.fingerprint() == saved.fingerprint()


@pytest.mark.tensorflow
def test_presets_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(building, "reachable", lambda *_, **__: False)
    with pytest.raises(UserError, match=r"`nothing`: neither a folder .* nor a preset"):
        build_tokenizer(WordPieceOptions(preset="nothing"), [], tmp_path)
    with pytest.raises(UserError, match=r"bert_tiny_en_uncased.* cannot be reached"):
        build_tokenizer(WordPieceOptions(preset="bert_tiny_en_uncased"), [], tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no vocab\.txt"):
        build_tokenizer(WordPieceOptions(preset="empty"), [], tmp_path)


@pytest.mark.tensorflow
def test_cut_down_to_what_was_seen(tmp_path):
    write_vocabulary(tmp_path / "vocab.txt")
    options = WordPieceOptions(vocabulary="vocab.txt", keep={"seen_in": ["train"]})
    lines = ["abc d", "ab"]
    small = build_tokenizer(options, iter(lines), tmp_path)
    whole = WordPiece(read_vocabulary(tmp_path / "vocab.txt"), False)
    assert small.vocabulary == [*SPECIALS, "ab", "##c", "d"]
    for line in lines:
        ours, theirs = small.encode([line]).row(0), whole.encode([line]).row(0)
        assert small.pieces(ours) == whole.pieces(theirs)
