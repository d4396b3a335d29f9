"""`tfkd init --teacher FOLDER` of each architecture that is read."""

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from test_published_teachers import PIECES
from test_published_translators import write_marian

from tfkd import cli
from tfkd.data.tokenizers.byte_bpe import ROBERTA, byte_alphabet
from tfkd.data.tokenizers.published_pieces import read_published_pieces
from tfkd.models.published.architectures import known_types
from tfkd.pipeline.plan.validate import validate
from tfkd.spec import load_spec

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import encoder_reference as reference

TEXT = [f"a dog {word} two cats" for word in ("sees", "hears", "follows", "likes", "seeks")]
# What each teaches, and the head that it has for it.
ENCODERS = {"classifier": "classes", "tagger": "tokens", "translator": "words"}
CASES = [
    *((family, kind, head) for family in reference.FAMILIES for kind, head in ENCODERS.items()),
    # Classes that are to be learnt, over a head of words or without any.
    ("roberta", "classifier", "words"), ("electra", "tagger", "none"),
    ("bert", "summariser", "words"), ("gpt2", "language_model", ""), ("marian", "translator", ""),
]  # fmt: skip
# One of each architecture at tiny sizes, in the long ring.
SMOKES = {("bert", "tagger"), ("roberta", "translator"), ("xlm-roberta", "tagger"),
          ("distilbert", "classifier"), ("electra", "classifier"), ("albert", "classifier"),
          ("gpt2", "language_model"), ("marian", "translator")}  # fmt: skip


def bytes_alone(folder, *special):
    places = {piece: place for place, piece in enumerate([*special, *byte_alphabet()])}
    (folder / "vocab.json").write_text(json.dumps(places))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return len(places)


def sentence_pieces(folder, name, **more):
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 4), model_writer=written, vocab_size=40,
        hard_vocab_limit=False, minloglevel=2, **more,
    )  # fmt: skip
    (folder / name).write_bytes(written.getvalue())
    return read_published_pieces(folder).size


def tokenizer(folder, family):
    """Writes a tokenizer; returns its size."""
    if family == "roberta":
        return bytes_alone(folder, *ROBERTA)
    if family == "xlm-roberta":
        return sentence_pieces(folder, "sentencepiece.bpe.model")
    if family == "albert":
        special = {"control_symbols": ["[CLS]", "[SEP]", "[MASK]"], "pad_piece": "<pad>"}
        ids = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
        return sentence_pieces(folder, "spiece.model", **special, **ids)
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    return len(PIECES)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Writes the spec for a teacher and a user's files; returns its path."""
    rows = [f"{line} {row}" for row in range(30) for line in TEXT]
    (tmp_path / "labelled.csv").write_text(
        "text,label\n" + "".join(f"{line},class {row % 3}\n" for row, line in enumerate(rows))
    )
    words = [line.split() for line in rows]
    (tmp_path / "tags.conll").write_text(
        "\n".join("".join(f"{word}\tT{len(word) % 3}\n" for word in line) for line in words)
    )
    for name in ("a.de", "a.en", "text.txt"):
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    files = {"classifier": ["--labelled", "labelled.csv"], "tagger": ["--labelled", "tags.conll"],
             "language_model": ["--text", "text.txt"]}  # fmt: skip

    def make(family, kind, head):
        folder = tmp_path / "published"
        folder.mkdir()
        if family == "marian":
            write_marian(folder)
        elif family == "gpt2":
            sizes = {"n_layer": 1, "n_embd": 8, "n_head": 2, "n_positions": 32}
            size = bytes_alone(folder, "<|endoftext|>")
            config = {"model_type": "gpt2", "vocab_size": size, **sizes}
            (folder / "config.json").write_text(json.dumps(config))
            save_file({"wte.weight": np.zeros((size, 8), "f")}, folder / "model.safetensors")
        else:
            monkeypatch.setattr(reference, "VOCABULARY", tokenizer(folder, family))
            reference.write_folder(folder, family, head)
        path = tmp_path / "spec.yaml"
        words = ["init", str(path), "--kind", kind, "--teacher", "published"]
        words += ["--data-dir", str(tmp_path), *files.get(kind, ["--pairs", "a.de", "a.en"])]
        assert cli.main(words) == cli.DONE
        return path

    return make


def test_each_architecture_is_among_them():
    assert {family for family, *_ in CASES} >= {*known_types()} - LATER
    assert {family for family, _ in SMOKES} == {family for family, *_ in CASES}


# Read since, without a starter of their own here.
LATER = {*known_types()} - {*reference.FAMILIES, "gpt2", "marian"}


@pytest.mark.parametrize(("family", "kind", "head"), CASES)
def test_a_starter_is_valid_with_its_files(made, tmp_path, family, kind, head):
    path = made(family, kind, head)
    errors, _ = validate([path], data_dir=tmp_path)
    assert not errors, [*map(str, errors)]
    spec = load_spec(path)
    loads = [one for one in spec.stages.values() if one.kind == "load"]
    as_it_is = head in ("classes", "tokens")
    assert [one.head for one in loads] == [
        "classifier" if as_it_is else "none" if head == "none" else "published"
    ]
    trained = [one.train for one in spec.stages.values() if one.kind == "train"]
    # A teacher that knows its task is not trained.
    assert ("teacher" in trained) == (not as_it_is and family != "marian")


@pytest.mark.long
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("family", "kind", "head"), [case for case in CASES if case[:2] in SMOKES and case[2] != "none"]
)
def test_a_starter_runs_at_tiny_sizes(made, tmp_path, family, kind, head):
    path = made(family, kind, head)
    words = ["run", str(path), "--smoke", "--data-dir", str(tmp_path)]
    assert cli.main([*words, "--runs-dir", str(tmp_path / "runs")]) == cli.DONE


def test_a_teacher_of_another_task_is_refused(made, tmp_path, capsys):
    made("bert", "classifier", "classes")
    words = ["init", str(tmp_path / "other.yaml"), "--teacher", "published", "--data-dir"]
    words += [str(tmp_path), "--pairs", "a.de", "a.en"]
    assert cli.main(words) == cli.WRONG_INPUT
    said = capsys.readouterr().err
    assert "is a bert without a head over words, and what teaches a translator is" in said
