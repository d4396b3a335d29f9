"""Stages that start from a published checkpoint or from another stage's weights."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from tfkd.commands.declared_models import build_models
from tfkd.data.grammars.generated import german_english
from tfkd.models import Bert, save_published, variables_by_path
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.run import execute, run
from tfkd.pipeline.inputs.models import started
from tfkd.pipeline.stages import terms
from tfkd.pipeline.stages.training_batches import batcher_of
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SIZES = {"layers": 1, "width": 8, "heads": 2, "max_length": 64}
SPEC = """\
tfkd: 1
name: starts
data: {train: {generated: german_english, rows: 40, seed: 1, lower_case: true}}
tokenizers:
  full: {vocabulary: bert/vocab.txt}
  small: {vocabulary: bert/vocab.txt, keep: {seen_in: [train]}}
  turned: {vocabulary: turned.txt}
teacher:
  kind: bert
  layers: 1
  width: 8
  heads: 2
  max_length: 64
  tokenizer: full
  head: {kind: masked_lm, tokenizer: small}
student:
  kind: transformer
  encoder_layers: 1
  decoder_layers: 1
  width: 8
  heads: 2
  max_length: 64
  tokenizer: small
views: {cmlm: {kind: conditional_mlm, max_length: 64}}
stages:
  bert: {load: bert, into: teacher}
  tuned:
    train: teacher
    from: bert
    data: train
    steps: 2
    objective: {masked_lm: {view: cmlm}}
    batch: {size: 512, unit: joint_tokens}
  targets: {score: tuned, data: train, passes: 2, top_k: 4, max_length: 64}
  raw: {score: bert, data: train, passes: 2, top_k: 4, max_length: 64}
  learn:
    train: student
    data: train
    steps: 2
    objective: {cross_entropy: {}}
    batch: {size: 512}
evaluate: [{of: targets, on: [train], metrics: [teacher_check]}]
"""
DISTIL = (
    "stages.learn.objective="
    "{cross_entropy: {weight: 0.5}, soft_targets: {weight: 0.5, teacher: targets}}"
)
UNTIED = "teacher.head={kind: masked_lm, tied: false}"


def vocabulary():
    """Specials, every word of the grammar that came up, and words that no sentence has."""
    words = set()
    for pair in german_english(200, 1):
        for text in pair:
            words.update("".join(c if c.isalnum() else f" {c} " for c in text.lower()).split())
    return [*SPECIALS, "zebra", *sorted(words), "##ebra", "quagga"]


class Place:
    """A folder with a spec and a published BERT whose weights no seed gives."""

    def __init__(self, folder, **options):
        self.folder, self.pieces = folder, vocabulary()
        model = Bert(len(self.pieces), **SIZES, **options)
        generator = np.random.default_rng(5)
        for variable in model.weights:
            variable.assign(generator.normal(scale=0.3, size=variable.shape))
        save_published(model, folder / "bert")
        self.weights = {p: v.value.numpy() for p, v in variables_by_path(model).items()}
        for name, pieces in (
            ("bert/vocab.txt", self.pieces),
            ("turned.txt", [*self.pieces[1:], "[PAD]"]),
        ):
            (folder / name).write_text("".join(f"{piece}\n" for piece in pieces), "utf-8")
        (folder / "spec.yaml").write_text(SPEC, "utf-8")
        self.context = Context(data_dir=folder, runs_dir=folder / "runs", say=lambda line: None)

    def spec(self, *overrides):
        return load_spec(self.folder / "spec.yaml", overrides=overrides)

    def run(self, stage, *overrides):
        spec = self.spec(*overrides)
        run(spec, data_dir=self.folder, runs_dir=self.folder / "runs", until=stage,
            say=lambda line: None)  # fmt: skip
        return self.node(stage, *overrides)

    def node(self, stage, *overrides):
        spec = self.spec(*overrides)
        return GraphBuilder(self.folder, spec).stage(spec, stage)

    def result(self, node, name="weights.safetensors"):
        return self.context.stages / node.key / name

    def started(self, *overrides):
        """The weights by path that `tuned` starts with; what it rests on is made."""
        node = self.node("tuned", *overrides)
        for one in in_order(node.inputs.values()):
            execute(one, self.context, "")
        model = started(node, self.context).model
        return {path: v.value.numpy() for path, v in variables_by_path(model).items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One with a tied checkpoint; runs share its stages."""
    return Place(tmp_path_factory.mktemp("starts"))


def rows_from(place, pieces):
    """Each piece's row of the checkpoint's embedding; specials and strangers take [UNK]'s."""
    table = place.weights["embedding/tokens/table"]
    known = {piece: table[i] for i, piece in enumerate(place.pieces) if piece not in SPECIALS}
    return np.stack([known.get(piece, table[1]) for piece in pieces])


@pytest.mark.long
def test_a_published_bert_teaches_in_the_students_pieces(place):
    """P1's own line: load, fine-tune with the student's vocabulary, score, distil."""
    node = place.run("learn", DISTIL)
    tuned = node.inputs["teacher.soft_targets"].inputs["model"]
    small = place.result(tuned.inputs["tokenizer.head"], "vocabulary.txt")
    pieces = small.read_text("utf-8").split("\n")[:-1]
    assert 5 < len(pieces) < len(place.pieces)
    assert "zebra" not in pieces
    started = place.started()
    np.testing.assert_array_equal(started.pop("head/matrix"), rows_from(place, pieces))
    np.testing.assert_array_equal(started.pop("head/bias"), np.zeros(len(pieces)))
    for path, value in started.items():
        np.testing.assert_array_equal(value, place.weights[path], err_msg=path)
    taught = load_file(place.result(tuned))
    assert taught["head/matrix"].shape == (len(pieces), 8)
    store = json.loads(
        next(place.result(node.inputs["teacher.soft_targets"], "store-0").glob("*.json"))
        .read_text("utf-8")
    )  # fmt: skip
    assert str(len(pieces)) in json.dumps(store)


def test_an_untied_head_of_the_same_pieces_starts_from_the_embeddings(place):
    started = place.started(UNTIED)
    np.testing.assert_array_equal(started["head/matrix"], rows_from(place, place.pieces))
    np.testing.assert_array_equal(started["head/bias"], np.zeros(len(place.pieces)))
    path = "head/transform/kernel"
    np.testing.assert_array_equal(started[path], place.weights[path])


def test_embeddings_that_come_by_parts_start_the_head_too(place):
    started = place.started(UNTIED, "stages.tuned.from={embedding: bert, encoder: bert}")
    np.testing.assert_array_equal(started["head/matrix"], rows_from(place, place.pieces))
    assert np.abs(started["head/transform/kernel"] - place.weights["head/transform/kernel"]).max()


def test_a_head_that_starts_at_chance_takes_nothing_of_another_vocabulary(place):
    """`turned` has as many pieces as the checkpoint, in another order."""
    head = "teacher.head={kind: masked_lm, tokenizer: turned, start: random}"
    started = place.started(head)
    np.testing.assert_array_equal(started["head/bias"], np.zeros(len(place.pieces)))
    table = place.weights["embedding/tokens/table"]
    np.testing.assert_array_equal(started["embedding/tokens/table"], table)
    assert not np.isclose(started["head/matrix"][:, None], table[None]).all(-1).any()


def test_an_untied_checkpoint_keeps_its_matrix(tmp_path):
    place = Place(tmp_path, output_heads={"masked_lm": {"tied": False}})
    for path, value in place.started(UNTIED).items():
        np.testing.assert_array_equal(value, place.weights[path], err_msg=path)
    small = place.started()  # another vocabulary: from the embeddings
    assert len(small["head/matrix"]) < len(place.pieces)
    with pytest.raises(UserError, match="the model has no head/matrix"):
        place.started("teacher.head=null")


@pytest.mark.parametrize(("overrides", "tokenizer"), [((), "small"), ((UNTIED,), "full")])
def test_nothing_is_scored_by_a_head_that_the_checkpoint_lacks(place, overrides, tokenizer):
    message = rf"stages\.bert: teacher has a head .* \(over tokenizer {tokenizer}\).*`from: bert`"
    with pytest.raises(UserError, match=message):
        place.run("raw", *overrides)


def test_a_checkpoint_scores_with_its_own_head(place):
    node = place.run("raw", "teacher.head=null")
    assert (place.result(node, "manifest.json")).exists()


@pytest.mark.parametrize(
    ("option", "ours", "theirs"),
    [
        ("heads", "4", "2"),
        ("activation", "relu", "gelu"),
        ("norm_epsilon", "1.0e-6", "1e-12"),
        ("positions", "segment", "sequence"),
        ("layers", "2", "1"),
    ],
)
def test_a_checkpoint_that_computes_another_function_is_refused(place, option, ours, theirs):
    said = ours.replace("1.0e-6", "1e-06")
    message = (
        r"stages\.bert\.load: the checkpoint bert is not the model that teacher declares: "
        rf"{option} is {theirs} in the checkpoint and {said} in the spec\. "
        rf"Write teacher\.{option}: {theirs}"
    )
    with pytest.raises(UserError, match=message):
        place.run("bert", f"teacher.{option}={ours}")


def test_a_checkpoint_of_another_vocabulary_is_refused(place):
    (place.folder / "fewer.txt").write_text("\n".join(place.pieces[:-1]) + "\n", "utf-8")
    message = r"vocabulary_size is .* Write tokenizers\.full\.vocabulary"
    with pytest.raises(UserError, match=message):
        place.run("bert", "tokenizers.full.vocabulary=fewer.txt")


def test_a_vocabulary_that_is_cut_down_takes_its_pieces_rows(place):
    node = place.run("bert", "teacher.tokenizer=small", "teacher.head=null")
    file = place.result(node.inputs["tokenizer.text"], "vocabulary.txt")
    pieces = file.read_text("utf-8").split("\n")[:-1]
    assert 5 < len(pieces) < len(place.pieces)
    rows = [place.pieces.index(piece) for piece in pieces]
    table = place.weights["embedding/tokens/table"][rows]
    np.testing.assert_array_equal(load_file(place.result(node))["embedding/tokens/table"], table)


def test_what_training_alone_reads_may_differ(place):
    node = place.run("bert", "teacher.dropout=0.3", "teacher.initializer_range=0.1")
    assert set(load_file(place.result(node))) == set(place.weights)


PAIR = (
    "teacher={one: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: full}, "
    "two: {kind: bert, layers: 1, width: 8, heads: 2, max_length: 64, tokenizer: turned}}",
    "stages.bert.into=teacher.one",
    "stages.tuned.train=teacher.two",
)


def test_weights_of_as_many_other_pieces_are_refused(place):
    message = (
        r"stages\.tuned\.from: embedding/tokens/table has a row for each piece, and bert has those "
        r"of tokenizer full \(\w+\), this stage those of tokenizer turned"
    )
    with pytest.raises(UserError, match=message):
        place.started(*PAIR)
    with pytest.raises(UserError, match=r"from: head/bias has a row .* full .* turned"):
        place.started(*PAIR, "stages.tuned.from={head: bert}")
    started = place.started(*PAIR, "stages.tuned.from={encoder: bert}")
    path = "encoder/layer_1/feed_forward/inner/kernel"
    np.testing.assert_array_equal(started[path], place.weights[path])


def test_smoothing_leaves_out_the_padding_of_the_heads_vocabulary(place, monkeypatch):
    asked = []

    def build_terms(objective, padding_id, **options):
        asked.append(padding_id)
        raise UserError("far enough")

    monkeypatch.setattr(terms, "build_terms", build_terms)
    head = "teacher.head={kind: masked_lm, tokenizer: turned}"
    with pytest.raises(UserError, match="far enough"):
        place.run("tuned", head)
    assert asked == [len(place.pieces) - 1]


def test_a_spec_with_a_head_of_its_own_is_built_without_its_pieces(place):
    """`tfkd.build` knows sizes alone, so no row can start from the embedding of its piece."""
    model = build_models(place.spec(), {"full": 30, "small": 20, "turned": 30})["teacher"]
    assert model.head.matrix().shape == (20, 8)


LEARNED = ("student.positions=learned", "student.max_length=15")


def test_rows_over_the_learned_positions_are_left_out(place):
    """Widths are padded to multiples of 4: of 15 positions 12 can be used."""
    node = place.node("learn", *LEARNED)
    for one in in_order(node.inputs.values()):
        execute(one, place.context, "")
    batcher = batcher_of(node, place.context)
    assert 0 < batcher.excluded < 40


def test_rows_to_validate_on_must_fit_the_learned_positions(place, monkeypatch):
    monkeypatch.setattr("tfkd.training.train", lambda *_, **__: pytest.fail("it has begun"))
    message = (
        r"stages\.learn\.validate\.on: train: \d+ rows, the first of them row \d+, have a source "
        r"longer than the 12 tokens that student has positions for \(the longest has \d+\)"
    )
    with pytest.raises(UserError, match=message):
        place.run("learn", *LEARNED, "stages.learn.validate={on: train, metrics: [loss]}")


@pytest.mark.long
def test_a_checkpoint_without_a_head_teaches_by_its_states(tmp_path):
    """As SpanBERT's were published."""
    place = Place(tmp_path, output_heads={})
    headless = [
        "stages.bert.head=none",
        "stages.raw.score=tuned",
        "stages.tuned.from={embedding: bert, encoder: bert}",
        "student.tokenizer=full",
        "stages.learn.objective={cross_entropy: {}, states: {kind: hidden_states, teacher: bert}}",
        "evaluate=null",
        "export=[learn]",
    ]
    node = place.run("learn", *headless)
    names = load_file(place.result(node.inputs["teacher.states"]))
    assert not any(name.startswith("head/") for name in names)
    history = place.result(node, "history.jsonl").read_text("utf-8")
    assert json.loads(history.splitlines()[-1])["terms"]["states"] > 0
    with pytest.raises(UserError, match="no word-prediction head"):
        place.run("learn", *headless[1:])
