"""Byte pairs as Llama 3 and Qwen have them, beside the published expressions in another engine."""

import json
import random

import pytest
import regex

from tfkd.data.tokenizers import build_tokenizer, load_tokenizer
from tfkd.data.tokenizers.byte_bpe import learn_byte_bpe
from tfkd.data.tokenizers.byte_rules import PATTERNS
from tfkd.data.tokenizers.byte_words import byte_alphabet, splitter
from tfkd.data.tokenizers.folder_tokenizer import kind_of_folder, pieces_of_folder
from tfkd.spec.errors import UserError
from tfkd.spec.options import ByteBpeOptions

PARTS = [
    " ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "don't", "I'LL", "'", "12345",
    "\u0664\u0665", "½", "naïve", "e\u0301", "中文", "😀", "...", "a", "B", "_", "\u200b", "\0",
]  # fmt: skip


def lines(count=300):
    drawn = random.Random(3)
    return ["".join(drawn.choices(PARTS, k=drawn.randint(1, 9))) for _ in range(count)]


def write(folder, split, *, tokens=("<|endoftext|>",), said=None, **model):
    """A published folder's tokenizer files."""
    learnt = learn_byte_bpe([" the cat's 123 hats", " the hat", "naïve cats"] * 5, 290)
    vocabulary = {piece: place for place, piece in enumerate(learnt.vocabulary[:-1])}
    steps = [
        {"type": "Split", "pattern": {"Regex": PATTERNS.get(split, split)},
         "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
    ]  # fmt: skip
    found = {
        "model": {"type": "BPE", "vocab": vocabulary, "merges": learnt.merges, **model},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "normalizer": {"type": "NFC"} if split == "qwen2" else None,
        "added_tokens": [
            {"id": len(vocabulary) + place, "content": token, "special": True}
            for place, token in enumerate(tokens)
        ],
        **(said or {}),
    }
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(found))
    return folder


def read(folder):
    return build_tokenizer(ByteBpeOptions(preset=folder.name), (), folder.parent)


@pytest.mark.parametrize("split", PATTERNS)
def test_words_are_those_of_the_published_expression(split):
    cut = splitter(PATTERNS[split])
    bytes_of = dict(enumerate(byte_alphabet()))
    for line in lines():
        words = regex.findall(PATTERNS[split], line)
        assert "".join(words) == line
        expected = ["".join(bytes_of[one] for one in word.encode()) for word in words]
        assert [word for word, _ in cut.pre_tokenize_str(line)] == expected, ascii(line)


@pytest.mark.tensorflow
@pytest.mark.parametrize("split", PATTERNS)
def test_a_graph_cuts_as_python_does(split, tmp_path):
    import tensorflow as tf

    tokenizer = read(write(tmp_path / "it", split, ignore_merges=split == "llama3"))
    texts = lines(120)
    found, wanted = tokenizer.in_graph().tokenize(tf.constant(texts)), tokenizer.encode(texts)
    for row, text in enumerate(texts):
        assert found[row].numpy().tolist() == wanted.row(row).tolist(), ascii(text)


def test_ends_are_the_checkpoints_and_what_is_saved_is_the_same(tmp_path):
    tokens = ("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>")
    folder = write(tmp_path / "it", "llama3", tokens=tokens, ignore_merges=True)
    said = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    tokenizer = read(folder)
    assert [tokenizer.vocabulary[one] for one in (tokenizer.start_id, tokenizer.end_id)] == [
        "<|begin_of_text|>", "<|end_of_text|>",
    ]  # fmt: skip
    assert len(tokenizer.special_ids) == 3
    written = tokenizer.encode(["<|eot_id|> the hat"]).values.tolist()
    assert not {*tokenizer.special_ids} & {*written}
    (tmp_path / "saved").mkdir()
    tokenizer.save(tmp_path / "saved")
    again = load_tokenizer(tmp_path / "saved")
    assert again.fingerprint() == tokenizer.fingerprint()
    assert again.encode(lines(20)).values.tolist() == tokenizer.encode(lines(20)).values.tolist()
    assert kind_of_folder(folder) == "byte_bpe"
    # Pieces that the model has no rows for are none: no text is cut into them.
    (folder / "config.json").write_text(json.dumps({"vocab_size": tokenizer.size - 1}))
    assert pieces_of_folder(folder) == tokenizer.size - 1


@pytest.mark.parametrize(
    ("split", "said", "words"),
    [
        (r"\w+", {}, "text is split otherwise"),
        ("llama3", {"normalizer": {"type": "Lowercase"}}, "normalizer Lowercase; only NFC"),
        ("llama3", {"added_tokens": []}, "<|endoftext|> among the pieces"),
        ("llama3", {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}},
         "add_prefix_space is true"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(split, said, words, tmp_path):
    with pytest.raises(UserError) as error:
        read(write(tmp_path / "it", split, said=said))
    assert words in str(error.value)
