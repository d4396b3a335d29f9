"""Published tokenizers beside those of the transformers package, on lines that are hard to cut."""

import io
import json
import sys
from pathlib import Path

import pytest

from tfkd.data.tokenizers import build_tokenizer, load_tokenizer
from tfkd.spec.errors import UserError
from tfkd.spec.options import ByteBpeOptions, SentencePieceOptions, WordPieceOptions

sys.path.append(str(Path(__file__).parents[2] / "tools"))
from hostile_lines import TEXT, hostile

pytestmark = pytest.mark.oracle
OPTIONS = {
    "wordpiece": WordPieceOptions,
    "byte_bpe": ByteBpeOptions,
    "sentencepiece": SentencePieceOptions,
}
# Of control and other odd characters `WordPiece` says what it takes them for.
ODD = {*"\ue000\u200b\u200d\ufeff\u0007\u007f\u200e\u202eßẞİ"}


@pytest.fixture
def theirs():
    pytest.importorskip("torch")
    return pytest.importorskip("transformers")


def assert_equal(folder, kind, reference, lines, tmp_path, **more):
    tokenizer = build_tokenizer(OPTIONS[kind](preset="it", **more), (), folder)
    assert tokenizer.size == len(reference)
    found = tokenizer.encode(lines)
    wrong = [
        (ascii(line), found.row(row).tolist(), wanted)
        for row, line in enumerate(lines)
        if found.row(row).tolist()
        != (wanted := reference(line, add_special_tokens=False).input_ids)
    ]
    assert not wrong, f"{len(wrong)} of {len(lines)}: {wrong[:3]}"
    pair = reference("the dog", "a fox").input_ids
    if not more:
        from tfkd.data.layouts import joint

        one, two = (tokenizer.encode([text]) for text in ("the dog", "a fox"))
        assert joint(one, two, tokenizer)["ids"][0].tolist() == pair
    again = tmp_path / "saved"
    again.mkdir()
    tokenizer.save(again)
    assert load_tokenizer(again).encode(lines[:20]).values.tolist() == (
        tokenizer.encode(lines[:20]).values.tolist()
    )
    return tokenizer


def learnt_pieces(lines, **more):
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=written, vocab_size=400, minloglevel=2,
        hard_vocab_limit=False, character_coverage=0.98, **more,
    )  # fmt: skip
    return written.getvalue()


@pytest.mark.parametrize("files", ["own", "written again"])
def test_roberta(theirs, files, tmp_path):
    import tokenizers

    folder = tmp_path / "it"
    folder.mkdir()
    learnt = tokenizers.ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    learnt.train_from_iterator(TEXT * 3, 450, special_tokens=special, show_progress=False)
    learnt.save_model(str(folder))
    (folder / "config.json").write_text('{"model_type": "roberta"}')
    reference = theirs.RobertaTokenizer.from_pretrained(folder)
    if files == "written again":
        for name in ("vocab.json", "merges.txt"):
            (folder / name).unlink()
        reference.save_pretrained(folder)
    tokenizer = assert_equal(tmp_path, "byte_bpe", reference, hostile(), tmp_path)
    assert tokenizer.mask_id == reference.mask_token_id
    assert tokenizer.pad_id == reference.pad_token_id
    assert tokenizer.decode(tokenizer.encode(["Straße 😀"]).row(0)) == "Straße 😀"
    # A special token that is written out is text.
    assert not {*tokenizer.special_ids} & {*tokenizer.encode(["<mask> </s>"]).row(0).tolist()}


@pytest.mark.parametrize("files", ["own", "written again"])
def test_xlm_roberta(theirs, files, tmp_path):
    import sentencepiece

    folder = tmp_path / "it"
    folder.mkdir()
    model = learnt_pieces(TEXT * 3)
    (folder / "sentencepiece.bpe.model").write_bytes(model)
    (folder / "config.json").write_text('{"model_type": "xlm-roberta"}')
    reference = theirs.XLMRobertaTokenizer.from_pretrained(folder)
    if files == "written again":
        (folder / "sentencepiece.bpe.model").unlink()
        reference.save_pretrained(folder)
    # Theirs normalizes what a joiner holds together at once, SentencePiece does not.
    lines = [line for line in hostile(700) if "\u200d" not in line][:500]
    tokenizer = assert_equal(tmp_path, "sentencepiece", reference, lines, tmp_path)
    assert tokenizer.mask_id == reference.mask_token_id
    written = {*tokenizer.encode(["<mask> a </s>"]).row(0).tolist()}
    assert not written & {tokenizer.mask_id, tokenizer.start_id, tokenizer.end_id}
    # Its model's own ids, one further, and unknown ones in a place of their own.
    known = sentencepiece.SentencePieceProcessor(model_proto=model)
    found = tokenizer.encode(hostile())
    for row, line in enumerate(hostile()):
        expected = [number + 1 if number else 3 for number in known.encode(line)]
        assert found.row(row).tolist() == expected, ascii(line)


def test_albert(theirs, tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    model = learnt_pieces(
        [line.lower() for line in TEXT] * 3, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1,
        pad_piece="<pad>", control_symbols=["[CLS]", "[SEP]", "[MASK]"],
    )  # fmt: skip
    (folder / "spiece.model").write_bytes(model)
    (folder / "config.json").write_text('{"model_type": "albert"}')
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as protocol

    known = sentencepiece.SentencePieceProcessor(model_proto=model)
    vocabulary = [(known.id_to_piece(n), known.get_score(n)) for n in range(len(known))]
    characters = protocol.ModelProto.FromString(model).normalizer_spec.precompiled_charsmap
    reference = theirs.AlbertTokenizer(vocab=vocabulary, _spm_precompiled_charsmap=characters)
    # Hangul: NFKD takes it apart, which the model's own normalization undoes, theirs does not.
    lines = [line for line in hostile() if not any("\uac00" <= one <= "\ud7a3" for one in line)]
    tokenizer = assert_equal(tmp_path, "sentencepiece", reference, lines, tmp_path)
    assert tokenizer.mask_id == 4
    reference.save_pretrained(folder)
    (folder / "spiece.model").unlink()
    (tmp_path / "again").mkdir()
    assert_equal(tmp_path, "sentencepiece", reference, lines, tmp_path / "again")


@pytest.mark.parametrize("files", ["own", "written again"])
def test_t5(theirs, files, tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    model = learnt_pieces(TEXT * 3, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, pad_piece="<pad>")
    (folder / "spiece.model").write_bytes(model)
    (folder / "config.json").write_text('{"model_type": "t5"}')
    reference = theirs.T5Tokenizer.from_pretrained(folder)
    if files == "written again":
        (folder / "spiece.model").unlink()
        reference.save_pretrained(folder)
    # More rows than pieces, as the published ones have.
    size = len(reference) + 28
    (folder / "config.json").write_text(json.dumps({"model_type": "t5", "vocab_size": size}))
    tokenizer = build_tokenizer(SentencePieceOptions(preset="it"), (), tmp_path)
    assert tokenizer.size == size
    lines = [line for line in hostile(700) if "\u200d" not in line][:500]
    found = tokenizer.encode(lines)
    for row, line in enumerate(lines):
        ids = [*found.row(row).tolist(), tokenizer.end_id]
        assert ids == reference(line).input_ids, ascii(line)
    assert (tokenizer.start_id, tokenizer.pad_id, tokenizer.end_id) == (0, 0, 1)
    last = reference.convert_tokens_to_ids("<extra_id_0>")
    assert tokenizer.vocabulary[last] == "<extra_id_0>"
    assert {last, size - 1} <= {*tokenizer.special_ids}
    assert last not in tokenizer.encode(["<extra_id_0> </s>"]).row(0).tolist()


@pytest.mark.parametrize("side", ["source", "target"])
def test_marian(theirs, side, tmp_path):
    import sentencepiece

    folder = tmp_path / "it"
    folder.mkdir()
    places = {"</s>": 0, "<unk>": 1}
    for name, lines in (("source", TEXT[:7]), ("target", TEXT[4:])):
        model = learnt_pieces(lines * 3)
        (folder / f"{name}.spm").write_bytes(model)
        known = sentencepiece.SentencePieceProcessor(model_proto=model)
        for number in range(3, len(known) - 20):  # the last ones are in no vocabulary
            places.setdefault(known.id_to_piece(number), len(places))
    places["<pad>"] = len(places)
    (folder / "vocab.json").write_text(json.dumps(places))
    (folder / "tokenizer_config.json").write_text('{"source_lang": "de", "target_lang": "en"}')
    (folder / "config.json").write_text('{"model_type": "marian"}')
    reference = theirs.MarianTokenizer.from_pretrained(folder)

    class OfSide:
        def __len__(self):
            return len(places)

        def __call__(self, *texts, **more):
            return (
                reference(*texts, **more)
                if side == "source"
                else reference(text_target=texts[0], **more)
            )

    tokenizer = assert_equal(tmp_path, "sentencepiece", OfSide(), hostile(), tmp_path, side=side)
    assert (tokenizer.end_id, tokenizer.start_id) == (0, places["<pad>"])
    assert len(tokenizer.vocabulary) == len(places)


@pytest.mark.parametrize("lower_case", [True, False])
def test_wordpiece_of_tokenizer_json_alone(theirs, lower_case, tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    letters = sorted({one for line in TEXT for one in line if one.strip()})
    letters = sorted({*letters, *(one.lower() for one in letters)})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += [one for one in letters if len(one) == 1]
    pieces += [f"##{one}" for one in pieces[5:]]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    reference = theirs.BertTokenizer.from_pretrained(folder, do_lower_case=lower_case)
    (folder / "vocab.txt").unlink()
    reference.save_pretrained(folder)
    lines = [line for line in hostile() if not ODD & {*line}]
    tokenizer = assert_equal(tmp_path, "wordpiece", reference, lines, tmp_path)
    assert tokenizer.lower_case == lower_case


@pytest.mark.parametrize("files", ["own", "written again"])
def test_mbart_of_fifty_languages(theirs, files, tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    (folder / "sentencepiece.bpe.model").write_bytes(learnt_pieces(TEXT * 3))
    (folder / "config.json").write_text('{"model_type": "mbart"}')
    said = {"tokenizer_class": "MBart50Tokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    asked = {"src_lang": "de_DE", "tgt_lang": "en_XX"}
    reference = theirs.MBart50Tokenizer.from_pretrained(folder, **asked)
    if files == "written again":
        (folder / "sentencepiece.bpe.model").unlink()
        reference.save_pretrained(folder)
    else:  # as its checkpoints are published
        names = [one for one in reference.get_vocab() if one[-3:-2] == "_" and len(one) == 5]
        names.sort(key=reference.get_vocab().__getitem__)
        (folder / "special_tokens_map.json").write_text(
            json.dumps({"additional_special_tokens": names})
        )
    options = SentencePieceOptions(preset="it", start="en_XX")
    tokenizer = build_tokenizer(options, (), tmp_path)
    assert tokenizer.vocabulary == reference.convert_ids_to_tokens(list(range(len(reference))))
    space = reference.convert_tokens_to_ids("▁")
    # Theirs normalizes what a joiner holds together at once, and keeps a space at a text's end.
    for line in [one for one in hostile() if "\u200d" not in one]:
        wanted = reference(line, add_special_tokens=False).input_ids
        found = tokenizer.encode([line]).values.tolist()
        assert found == (wanted[:-1] if wanted[-1:] == [space] != found[-1:] else wanted)
    lead = tokenizer.vocabulary.index("de_DE")
    one, two = (tokenizer.encode([text]).values.tolist() for text in ("the dog", "a fox"))
    assert reference("the dog").input_ids == [lead, *one, tokenizer.end_id]
    assert reference(text_target="a fox").input_ids == [tokenizer.start_id, *two, tokenizer.end_id]
    assert {lead, tokenizer.start_id} <= {*tokenizer.special_ids}
    assert not {*tokenizer.encode(["de_DE fr_XX"]).values.tolist()} & {*tokenizer.special_ids[4:]}
    with pytest.raises(UserError, match="start is 'xx_XX'; its languages are ar_AR, cs_CZ"):
        build_tokenizer(SentencePieceOptions(preset="it", start="xx_XX"), (), tmp_path)


def test_an_mbart_whose_sources_end_with_their_language_is_refused(tmp_path):
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "sentencepiece.bpe.model").write_bytes(learnt_pieces(TEXT * 3))
    (tmp_path / "it" / "config.json").write_text('{"model_type": "mbart"}')
    said = {"tokenizer_class": "MBartTokenizer"}
    (tmp_path / "it" / "tokenizer_config.json").write_text(json.dumps(said))
    with pytest.raises(UserError, match="whose sources end with the piece of their language"):
        build_tokenizer(SentencePieceOptions(preset="it"), (), tmp_path)
