"""Published checkpoints as teachers: a classifier as it is, and a translator."""

import io
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tfkd import cli
from tfkd.data.tokenizers.published_pieces import read_published_pieces
from tfkd.models.published.architectures import open_published
from tfkd.models.published.loading import load_model
from tfkd.pipeline.plan.planner import plan
from tfkd.spec import load_spec

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
TRANSLATOR = """
tfkd: 1
name: it
data:
  train: {parallel: [train.de, train.en]}
tokenizers:
  source: {kind: sentencepiece, preset: checkpoint, side: source}
  target: {kind: sentencepiece, preset: checkpoint, side: target}
teacher:
  kind: transformer
  tokenizer: {source: source, target: target}
  encoder_layers: 1
  decoder_layers: 1
  width: 8
  heads: 2
  feed_forward: 12
  max_length: 32
  activation: silu
  norm_epsilon: 1e-5
  share_embeddings: all
student:
  kind: transformer
  tokenizer: {source: source, target: target}
  encoder_layers: 1
  decoder_layers: 1
  width: 8
  heads: 2
stages:
  opus: {load: checkpoint, into: teacher}
  written: {translate: opus, data: train, decode: {kind: greedy}}
  by_text:
    train: student
    data: [train, written]
    steps: 1
    objective: {cross_entropy: {}, soft_targets: {teacher: targets}}
  by_word: {train: student, data: train, steps: 1, objective: {soft_targets: {teacher: opus}}}
  targets: {score: opus, data: [train, written], top_k: SIZE}
  stored: {train: student, data: train, steps: 1, objective: {soft_targets: {teacher: targets}}}
evaluate:
  - {of: targets, on: [train], metrics: [teacher_check], against: by_text}
  - {of: opus, on: [train], metrics: [loss, bleu], decode: {kind: greedy}}
  - {of: by_text, on: [train], metrics: [loss]}
  - {of: by_word, on: [train], metrics: [loss]}
  - {of: stored, on: [train], metrics: [loss]}
"""


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


def write_marian(folder, more=()):
    """A random Marian, with two SentencePiece models over one vocabulary and more pieces."""
    import sentencepiece

    places = {"</s>": 0, "<unk>": 1}
    for name, text in (("source", "ein hund und zwei katzen"), ("target", "a dog and two cats")):
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([text] * 20), model_writer=written, vocab_size=40,
            hard_vocab_limit=False, minloglevel=2,
        )  # fmt: skip
        (folder / f"{name}.spm").write_bytes(written.getvalue())
        known = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
        for number in range(3, len(known)):
            places.setdefault(known.id_to_piece(number), len(places))
    for piece in (*more, "<pad>"):
        places[piece] = len(places)
    (folder / "vocab.json").write_text(json.dumps(places))
    drawn, size, width, inner = np.random.default_rng(1), len(places), 8, 12
    shapes = {"model.shared.weight": (size, width), "final_logits_bias": (1, size)}
    for side in ("encoder", "decoder"):
        layer = f"model.{side}.layers.0."
        for attention in ("self_attn", "encoder_attn")[: 1 + (side == "decoder")]:
            for one in ("q_proj", "k_proj", "v_proj", "out_proj"):
                shapes[f"{layer}{attention}.{one}.weight"] = (width, width)
                shapes[f"{layer}{attention}.{one}.bias"] = (width,)
            for one in ("weight", "bias"):
                shapes[f"{layer}{attention}_layer_norm.{one}"] = (width,)
        for one in ("weight", "bias"):
            shapes[f"{layer}final_layer_norm.{one}"] = (width,)
        shapes |= {f"{layer}fc1.weight": (inner, width), f"{layer}fc1.bias": (inner,)}
        shapes |= {f"{layer}fc2.weight": (width, inner), f"{layer}fc2.bias": (width,)}
    tensors = {name: drawn.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors")
    config = {
        "model_type": "marian", "architectures": ["MarianMTModel"], "vocab_size": size,
        "d_model": width, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": inner, "decoder_ffn_dim": inner,
        "max_position_embeddings": 32, "activation_function": "swish", "scale_embedding": True,
        "pad_token_id": size - 1, "decoder_start_token_id": size - 1, "eos_token_id": 0,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return size


@pytest.mark.long
def test_a_published_translator_teaches_by_text_and_by_word(tmp_path, capsys):
    (tmp_path / "checkpoint").mkdir()
    size = write_marian(tmp_path / "checkpoint")
    (tmp_path / "train.de").write_text("ein hund\nzwei katzen\nein hund und zwei katzen\n" * 4)
    (tmp_path / "train.en").write_text("a dog\ntwo cats\na dog and two cats\n" * 4)
    code, results = run(tmp_path, TRANSLATOR.replace("SIZE", str(size)))
    assert code == cli.DONE, capsys.readouterr().err
    said = json.loads(results.read_text("utf-8"))
    found = {one["of"]: one for one in said["evaluations"]}
    assert {"loss", "bleu"} <= found["opus"]["metrics"].keys()
    # All words are stored: the same loss in the step, and the same weights but for 16 bits.
    first = {}
    for name in ("by_word", "stored"):
        history = results.parent / name / "history.jsonl"
        first[name] = json.loads(history.read_text("utf-8").splitlines()[0])["loss"]
    assert first["stored"] == pytest.approx(first["by_word"], rel=1e-3)
    losses = [found[name]["metrics"]["loss"]["value"] for name in ("by_word", "stored")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    (check,) = said["teacher_checks"]
    assert check["metrics"]["loss"] == pytest.approx(found["opus"]["metrics"]["loss"]["value"])
    assert check["metrics"]["coverage"] == 1.0


def test_a_translator_s_weights_are_planned_to_the_byte(tmp_path, capsys):
    (tmp_path / "checkpoint").mkdir()
    write_marian(tmp_path / "checkpoint")
    (tmp_path / "train.de").write_text("ein hund\n")
    (tmp_path / "train.en").write_text("a dog\n")
    (tmp_path / "spec.yaml").write_text(TRANSLATOR.replace("SIZE", "4"))
    said = plan(load_spec(tmp_path / "spec.yaml"), data_dir=tmp_path, runs_dir=tmp_path / "runs")
    row = next(line for line in said.splitlines() if line.startswith("load opus")).split()
    stored = load_file(tmp_path / "checkpoint" / "model.safetensors")
    number = sum(one.size for one in stored.values())
    assert f"{number:,}" in row
    assert f"{4 * number:,}" in row or f"{4 * number / 1024:.1f}" in row


@pytest.mark.long
def test_a_translator_of_several_languages_is_told_which_to_write(tmp_path, capsys):
    """The piece stands before each source, in a run as in a model that is given it by hand."""
    (tmp_path / "checkpoint").mkdir()
    write_marian(tmp_path / "checkpoint", [">>fra<<", ">>ita<<"])
    german, english = ["ein hund", "zwei katzen"], ["a dog", "two cats"]
    (tmp_path / "train.de").write_text("\n".join(german) + "\n")
    (tmp_path / "train.en").write_text("\n".join(english) + "\n")
    found = {}
    for language in ("fra", "ita"):
        spec = TRANSLATOR[: TRANSLATOR.index("  written:")].replace("name: it", f"name: {language}")
        more = f'  share_embeddings: all\n  source_lead: ">>{language}<<"\n'
        spec = spec.replace("  share_embeddings: all\n", more)
        (tmp_path / "spec.yaml").write_text(
            f"{spec}evaluate: [{{of: opus, on: [train], metrics: [loss]}}]\n"
        )
        words = ["run", str(tmp_path / "spec.yaml"), "--data-dir", str(tmp_path)]
        assert cli.main([*words, "--runs-dir", str(tmp_path / "runs")]) == cli.DONE
        results = json.loads((tmp_path / "runs" / language / "results.json").read_text("utf-8"))
        found[language] = results["evaluations"][0]["metrics"]["loss"]["value"]
        # A run forgets what stood in TensorFlow before.
        plain = load_model(open_published(tmp_path / "checkpoint"), ())
        read, write = (
            read_published_pieces(tmp_path / "checkpoint", side) for side in ("source", "target")
        )
        nll = []
        for source, target in zip(german, english, strict=True):
            lead = read.vocabulary.index(f">>{language}<<")
            ids = [lead, *read.encode([source]).values, read.end_id]
            gold = [*write.encode([target]).values, write.end_id]
            record = {
                "source": {"ids": np.array([ids], np.int32)},
                "target": {"ids": np.array([[write.start_id, *gold[:-1]]], np.int32)},
            }
            logits = plain.logits(record).numpy()[0].astype(np.float64)
            log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            nll += (-log_p[np.arange(len(gold)), gold]).tolist()
        assert found[language] == pytest.approx(np.mean(nll), rel=1e-4)
    assert abs(found["fra"] - found["ita"]) > 1e-3
