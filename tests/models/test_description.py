"""`tfkd inspect`: what a published folder is, and a fragment of a spec that reads it."""

import json

import encoder_reference as reference
import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from tfkd import cli
from tfkd.models.published.description import described
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

REST = """
tfkd: 1
name: it
data:
  train: {tsv: train.tsv, columns: {text: 0, label: 1}}
student: {kind: bert, tokenizer: own, layers: 1, width: 8, heads: 2, head: {kind: classifier, classes: [train]}}
evaluate: []
"""  # noqa: E501


@pytest.mark.parametrize(
    ("family", "head", "said"),
    [
        ("roberta", "classes", ["a RoBERTa", "3 classes of a text: class 0, class 1, class 2"]),
        ("distilbert", "classes", ["a DistilBERT", "relu", "as it is"]),
        ("bert", "words", ["masked words", "a view of kind mlm", "width 12"]),
        ("electra", "tokens", ["classes of each token", "embedding_width: 8",
                               "{kind: tagger, classes: [train], activation: none}"]),
        ("albert", "none", ["none: it has states alone", "head: none",
                            "copies of it here: 1,596 numbers there, 2,780 weights here"]),
    ],
)  # fmt: skip
def test_a_folder_is_told_of_and_its_fragment_is_a_spec(family, head, said, tmp_path, capsys):
    folder = tmp_path / "it"
    folder.mkdir()
    reference.write_folder(folder, family, head)
    assert cli.main(["inspect", str(folder)]) == cli.DONE
    text = capsys.readouterr().out
    for words in said:
        assert words in text
    assert "tokenizer   cannot be read" in text  # its files are not there
    own = "  own: {kind: wordpiece, learn_from: [train]}"
    spec = tmp_path / "spec.yaml"
    fragment = text.partition("In a spec:\n\n")[2].replace("tokenizers:", f"tokenizers:\n{own}")
    spec.write_text(REST + fragment)
    stage = load_spec(spec).stages["checkpoint"]
    expected = {
        "classes": "classifier",
        "words": "published",
        "tokens": "classifier",
        "none": "none",
    }
    assert stage.head == expected[head]


def test_tokenizers_are_named_by_their_files(tmp_path):
    reference.write_folder(tmp_path, "roberta", "words")
    (tmp_path / "vocab.json").write_text("{}")
    assert "no byte_bpe tokenizer: expected vocab.json and merges.txt" in described(tmp_path)
    assert "of these it has vocab.json" in described(tmp_path)
    (tmp_path / "merges.txt").write_text("")
    assert "byte_bpe: vocab.json, merges.txt" in described(tmp_path)


def test_what_is_no_checkpoint_is_refused(tmp_path, capsys):
    assert cli.main(["inspect", str(tmp_path)]) == cli.WRONG_INPUT
    assert "no config.json" in capsys.readouterr().err
    (tmp_path / "config.json").write_text('{"model_type": "fnet"}')
    assert cli.main(["inspect", str(tmp_path)]) == cli.WRONG_INPUT
    assert "model_type is 'fnet'; expected one of albert, bart" in capsys.readouterr().err


SIZES = {
    "vocab_size": 10, "num_hidden_layers": 1, "hidden_size": 4, "num_attention_heads": 2,
    "intermediate_size": 8, "max_position_embeddings": 16, "type_vocab_size": 2,
}  # fmt: skip


def write(folder, **config):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **SIZES, **config}))
    save_file({"bert.x": np.ones(2, np.float32)}, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": ["bert"]}, "model_type is"),
        ({"model_type": "roberta", "pad_token_id": None}, "pad_token_id is None"),
        ({"model_type": "roberta", "pad_token_id": 15}, "pad_token_id is 15"),
    ],
)
def test_a_config_that_says_nonsense_is_named(config, said, tmp_path):
    with pytest.raises(UserError, match=f"config.json: {said}"):
        described(write(tmp_path / "it", **config))


def test_a_tokenizer_that_says_nonsense_is_told_of(tmp_path):
    folder = write(tmp_path / "it")
    (folder / "vocab.txt").write_bytes(b"\xff")
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(UserError, match=r"tokenizer_config\.json: not"):
        described(folder)
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(UserError, match=r"vocab\.txt: not"):
        described(folder)


@pytest.mark.parametrize(
    "name", ["2024", "null", "1.5", "2024-01-01", "a b", 'a"b', "...", "plain"]
)
def test_a_folder_of_any_name_is_read_by_the_fragment(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / name, architectures=["\x1b[2J"], layer_norm_eps=0.0)
    text = described(name)
    assert "\x1b" not in text
    said = yaml.safe_load(text.partition("In a spec:")[2])
    assert said["stages"]["checkpoint"]["load"] == said["tokenizers"]["published"]["preset"] == name
    assert said["teacher"]["norm_epsilon"] == 0
