"""`tfkd inspect`: what a published folder is, and a fragment of a spec that reads it."""

import encoder_reference as reference
import pytest

from tfkd import cli
from tfkd.models.published.description import described
from tfkd.spec import load_spec

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
        ("electra", "tokens", ["classes of each token", "head: none", "embedding_width: 8"]),
        ("albert", "none", ["none: it has states alone", "copies of it here", "head: none"]),
    ],
)
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
    expected = {"classes": "classifier", "words": "published", "tokens": "none", "none": "none"}
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
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    assert cli.main(["inspect", str(tmp_path)]) == cli.WRONG_INPUT
    assert "model_type is 't5'; expected one of albert, bert" in capsys.readouterr().err
