"""Tokenizers of published causal models beside those of the transformers package."""

import io
import json
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tfkd.data.tokenizers import build_tokenizer, load_tokenizer
from tfkd.data.tokenizers.byte_rules import PATTERNS
from tfkd.data.tokenizers.folder_tokenizer import kind_of_folder
from tfkd.spec.options import ByteBpeOptions, SentencePieceOptions

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from hostile_lines import TEXT, hostile_with_spaces

pytestmark = pytest.mark.oracle
OPTIONS = {"byte_bpe": ByteBpeOptions, "sentencepiece": SentencePieceOptions}


@pytest.fixture
def theirs():
    pytest.importorskip("torch")
    return pytest.importorskip("transformers")


def hostile(count=500):
    return hostile_with_spaces(count, PATTERNS.values())


def assert_equal(folder, kind, reference, lines, tmp_path):
    assert kind_of_folder(folder / "it") == kind
    tokenizer = build_tokenizer(OPTIONS[kind](preset="it"), (), folder)
    assert tokenizer.size == len(reference)
    found = tokenizer.encode(lines)
    wrong = [
        (ascii(line), found.row(row).tolist(), wanted)
        for row, line in enumerate(lines)
        if found.row(row).tolist()
        != (wanted := reference(line, add_special_tokens=False).input_ids)
    ]
    assert not wrong, f"{len(wrong)} of {len(lines)}: {wrong[:3]}"
    again = tmp_path / "saved"
    again.mkdir()
    tokenizer.save(again)
    assert load_tokenizer(again).encode(lines[:20]).values.tolist() == (
        tokenizer.encode(lines[:20]).values.tolist()
    )
    return tokenizer


@pytest.mark.parametrize(("split", "whole"), [("llama3", True), ("qwen2", False)])
def test_byte_pairs(theirs, split, whole, tmp_path):
    import tokenizers
    from tokenizers import Regex, normalizers, pre_tokenizers

    made = tokenizers.Tokenizer(tokenizers.models.BPE(ignore_merges=whole))
    if split == "qwen2":
        made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERNS[split]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator([*TEXT * 3, *hostile(200)], trainer)
    if whole:  # a word that no merge makes
        said = json.loads(made.to_str())
        said["model"]["vocab"]["Ġquick"] = len(said["model"]["vocab"])
        said["model"]["merges"] = [m for m in said["model"]["merges"] if "".join(m) != "Ġquick"]
        made = tokenizers.Tokenizer.from_str(json.dumps(said))
        special = {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}
    else:
        special = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    made.add_special_tokens(list(special.values()))
    reference = theirs.PreTrainedTokenizerFast(tokenizer_object=made, **special)
    reference.save_pretrained(tmp_path / "it")
    if not whole:  # as Qwen's are published: its own two files beside, without the special tokens
        made.model.save(str(tmp_path / "it"))
    tokenizer = assert_equal(tmp_path, "byte_bpe", reference, hostile(), tmp_path)
    ends = ("<|begin_of_text|>", "<|end_of_text|>") if whole else ("<|endoftext|>",) * 2
    assert [tokenizer.vocabulary[one] for one in (tokenizer.start_id, tokenizer.end_id)] == [*ends]
    assert not {*tokenizer.special_ids} & {*tokenizer.encode([" ".join(ends)]).values.tolist()}
    graph, lines = tokenizer.in_graph(), hostile()
    found, wanted = graph.tokenize(tf.constant(lines)), tokenizer.encode(lines)
    for row, line in enumerate(lines):
        assert found[row].numpy().tolist() == wanted.row(row).tolist(), ascii(line)
    assert tokenizer.decode(tokenizer.encode(["Straße  12\n😀"]).row(0)) == "Straße  12\n😀"


def learnt(**more):
    """A model of pairs with byte fallback, which leaves text as it is."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 3), model_writer=written, vocab_size=600, minloglevel=2,
        hard_vocab_limit=False, character_coverage=0.98, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
        allow_whitespace_only_pieces=True, **more,
    )  # fmt: skip
    return written.getvalue()


@pytest.mark.parametrize("files", ["own", "written again"])
def test_pieces_with_bytes(theirs, files, tmp_path):
    """Llama 2's and Mistral's: pairs of characters with byte fallback, and a space put before."""
    import sentencepiece

    folder = tmp_path / "it"
    folder.mkdir()
    model = learnt()
    (folder / "tokenizer.model").write_bytes(model)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    reference = theirs.LlamaTokenizer.from_pretrained(folder)
    if files == "written again":
        (folder / "tokenizer.model").unlink()
        reference.save_pretrained(folder)
    # A space is put before each text, and theirs puts none before one that begins with a space.
    lines = [line for line in hostile(600) if not line.startswith(" ")][:500]
    tokenizer = assert_equal(tmp_path, "sentencepiece", reference, lines, tmp_path)
    known = sentencepiece.SentencePieceProcessor(model_proto=model)
    found = tokenizer.encode(hostile())
    for row, line in enumerate(hostile()):
        assert found.row(row).tolist() == known.encode(line), ascii(line)
    assert tokenizer.start_id == reference.bos_token_id
    assert tokenizer.end_id == reference.eos_token_id


@pytest.mark.parametrize("files", ["own", "written again"])
def test_gemma(theirs, files, tmp_path):
    folder = tmp_path / "it"
    folder.mkdir()
    model = learnt(
        pad_id=0, eos_id=1, bos_id=2, unk_id=3, eos_piece="<eos>", bos_piece="<bos>",
        add_dummy_prefix=False, user_defined_symbols=["<mask>", "<unused0>", "\n\n", "▁▁"],
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(model)
    (folder / "config.json").write_text('{"model_type": "gemma"}')
    reference = theirs.GemmaTokenizer.from_pretrained(folder)
    if files == "written again":
        (folder / "tokenizer.model").unlink()
        reference.save_pretrained(folder)
    tokenizer = assert_equal(tmp_path, "sentencepiece", reference, hostile(), tmp_path)
    assert tokenizer.start_id == reference.bos_token_id
    assert tokenizer.pad_id == reference.pad_token_id
