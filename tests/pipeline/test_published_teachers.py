"""Published classifiers as teachers, of texts and of words, as they are."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tfkd import cli

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import encoder_reference as reference

pytestmark = pytest.mark.tensorflow
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqr"]
CLASSIFIER = """
tfkd: 1
name: it
data:
  train: {tsv: train.tsv, columns: {text: 0, label: 1}}
tokenizers:
  published: {kind: wordpiece, preset: checkpoint}
teacher:
  kind: bert
  tokenizer: published
  layers: 2
  width: 12
  heads: 3
  feed_forward: 20
  max_length: 11
  types: 1
  head: {kind: classifier, classes: [train], activation: relu}
student: {kind: bert, tokenizer: published, layers: 1, width: 8, heads: 2,
          head: {kind: classifier, classes: [train]}}
stages:
  tuned: {load: checkpoint, into: teacher, head: classifier, labels: {class 2: odd}}
  targets: {score: tuned, data: train}
  learn:
    train: student
    data: train
    steps: 2
    objective: {soft_targets: {teacher: targets}}
    validate: {on: train, every: 2, metrics: [loss]}
evaluate:
  - {of: tuned, on: [train], metrics: [accuracy]}
  - {of: learn, on: [train], metrics: [accuracy]}
"""
TAGGER = CLASSIFIER
for _old, _new in (
    ("tsv: train.tsv, columns: {text: 0, label: 1}", "conll: train.conll"),
    ("  types: 1\n", ""),
    (
        "kind: classifier, classes: [train], activation: relu",
        "kind: tagger, classes: [train], activation: none",
    ),
    ("kind: classifier", "kind: tagger"),  # the student's
    ("{class 2: odd}", "{class 2: odd, class 1: B-x,\n          class 0: O}"),
):
    assert _old in TAGGER
    TAGGER = TAGGER.replace(_old, _new)


def run(folder, text):
    (folder / "spec.yaml").write_text(text)
    words = ["run", str(folder / "spec.yaml"), "--data-dir", str(folder)]
    code = cli.main([*words, "--runs-dir", str(folder / "runs")])
    return code, folder / "runs" / "it" / "results.json"


@pytest.fixture
def labelled(tmp_path):
    """Rows whose label is the class that the checkpoint is surest of, but for every fifth."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    tensors = reference.write_folder(folder, "distilbert", "classes")
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    drawn = np.random.default_rng(3)
    rows = []
    for row in range(60):
        words = drawn.integers(5, len(PIECES), 6)
        ids = np.array([[2, *words, 3]])
        logits = reference.computed(
            "distilbert", "classes", tensors, ids, ids * 0, np.ones(ids.shape, bool)
        )[0]
        best = int(np.argmax(logits)) if row % 5 else int(np.argmin(logits))
        label = ("class 0", "class 1", "odd")[best]
        rows.append((" ".join(PIECES[word] for word in words), label))
    (tmp_path / "train.tsv").write_text("".join(f"{text}\t{label}\n" for text, label in rows))
    assert len({label for _, label in rows}) == 3
    return tmp_path


@pytest.mark.long
def test_a_published_classifier_teaches_as_it_is(labelled, capsys):
    # Its classes are in another order than the corpus's, and one has another name.
    code, results = run(labelled, CLASSIFIER)
    assert code == cli.DONE, capsys.readouterr().err
    found = json.loads(results.read_text("utf-8"))["evaluations"]
    assert found[0]["metrics"]["accuracy"]["value"] == pytest.approx(0.8)
    (scored,) = (labelled / "runs" / "stages").glob("score-*/manifest.json")
    summary = json.loads(scored.read_text("utf-8"))["summary"]
    assert "the teacher is right at 80.0 % of 60 labelled ones" in summary["brief"]


@pytest.mark.long
def test_a_published_token_classifier_teaches_a_tagger_as_it_is(tmp_path, capsys):
    """A word's tag is that of its first piece, and tags are matched by name."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    tensors = reference.write_folder(folder, "bert", "tokens")
    pieces = [*PIECES[:5], *"abcdefghi", *(f"##{one}" for one in "abcdefghi")]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    drawn, rows, said = np.random.default_rng(3), [], []
    for row in range(40):
        words = [drawn.choice([*"abcdefghi"], 1 + (row + word) % 3) for word in range(4)]
        cut = [[word[0], *(f"##{one}" for one in word[1:])] for word in words]
        ids = np.array([[2, *(pieces.index(piece) for word in cut for piece in word), 3]])
        logits = reference.computed("bert", "tokens", tensors, ids, ids * 0, ids > 0)[0]
        rows.append(["".join(word) for word in words])
        said.append(logits[1 + np.cumsum([0, *map(len, cut)])[:4]])
    # Its bias takes back what it says of any word: else it says one class of all.
    middle = np.mean(said, (0, 1))
    tensors["classifier.bias"] -= middle.astype(np.float32)
    save_file(tensors, folder / "model.safetensors")
    tags = np.argmax(np.array(said) - middle, -1)
    assert len({*tags.flat}) == 3
    tags[::5] = (tags[::5] + 1) % 3
    lines = [f"{word}\t{('O', 'B-x', 'odd')[tag]}\n" for row, of in zip(rows, tags, strict=True)
             for word, tag in zip((*row, ""), (*of, 0), strict=True)]  # fmt: skip
    lines = [line if line[0] != "\t" else "\n" for line in lines]
    (tmp_path / "train.conll").write_text("".join(lines))
    code, results = run(tmp_path, TAGGER)
    assert code == cli.DONE, capsys.readouterr().err
    found = json.loads(results.read_text("utf-8"))["evaluations"]
    assert found[0]["metrics"]["accuracy"]["value"] == pytest.approx(0.8)
    (scored,) = (tmp_path / "runs" / "stages").glob("score-*/manifest.json")
    assert "160 rows, 3 classes each" in json.loads(scored.read_text("utf-8"))["summary"]["brief"]
    for change, said in (
        (("kind: tagger", "kind: classifier"),
         r"classes are those of each token, and the head of teacher is a classifier\. Write "
         r"teacher\.head: \{kind: tagger"),
        ((", activation: none", ""), "head's activation is none, and tanh in the spec"),
        (("class 0: O", "class 0: B-y"), "They are matched by name"),
    ):  # fmt: skip
        code, _ = run(tmp_path, TAGGER.replace(*change))
        assert code == cli.WRONG_INPUT
        assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("labels: {class 2: odd}", "labels: {}"), "matched by name.*labels: {"),
        (("labels: {class 2: odd}", "labels: {class 7: odd}"), "has no class class 7"),
        (("relu", "tanh"), "head's activation is relu, and tanh in the spec"),
        (("kind: classifier, classes", "kind: tagger, classes"),
         "classes are those of a text, and the head of teacher is a tagger"),
    ],
)  # fmt: skip
def test_classes_that_are_not_the_corpus_s_are_refused(labelled, capsys, change, said):
    code, _ = run(labelled, CLASSIFIER.replace(*change))
    assert code == cli.WRONG_INPUT
    found = capsys.readouterr().err
    assert re.search(said, found), found
