"""A language model's line: a published teacher, packed text, distillation within the step."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from margins import assert_likeliest, share_right
from noise_by_hand import put_noise
from safetensors.numpy import load_file

from tfkd import cli
from tfkd.data.examples import ExampleSet
from tfkd.data.grammars.generated import german_english
from tfkd.data.packed import Packed
from tfkd.data.tokenizers import learn_byte_bpe
from tfkd.decoding import Continuer, build_search
from tfkd.models import Gpt2, save_published_gpt2
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.inputs.made import part_of, text_tokenizer, training_set, views_of
from tfkd.pipeline.inputs.models import trained_model
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError

SPEC = """\
tfkd: 1
name: gpt
data:
  text: {text: text.txt}
  valid: {text: valid.txt}
  counted: {text: counted.txt, detokenize: wikitext}
tokenizers: {bytes: {kind: byte_bpe, preset: gpt2}}
teacher:
  {kind: gpt2, layers: 2, width: 12, heads: 3, max_length: 48, dropout: 0.0, tokenizer: bytes}
student: {kind: gpt2, layers: 1, width: 8, heads: 2, max_length: 32, tokenizer: bytes}
stages:
  gpt: {load: gpt2, into: teacher}
  same:
    train: teacher
    from: gpt
    data: [{of: text, pack: 40}]
    steps: 2
    objective: {soft: {kind: soft_targets, teacher: gpt}}
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: constant, rate: 1e-12}
    validate: {on: valid, every: 2, metrics: [loss, perplexity]}
    log_every: 1
  zero: {load: zero, into: teacher}
  flat:
    train: teacher
    from: zero
    data: [{of: text, pack: 48}]
    steps: 1
    objective: {causal_lm: {}}
    batch: {size: 512, unit: joint_tokens}
    schedule: {kind: constant, rate: 1e-12}
  distil:
    train: student
    data: [{of: text, pack: {length: 32, separator: newline}}, {of: valid, weight: 0.5}]
    steps: 4
    objective:
      words: {kind: causal_lm, weight: 0.6}
      soft: {kind: soft_targets, weight: 0.4, teacher: gpt}
    batch: {size: 512, unit: joint_tokens}
    validate: {on: valid, every: 2, metrics: [loss, accuracy]}
    log_every: 1
evaluate:
  - of: distil
    on: [valid]
    metrics: [loss, perplexity, accuracy]
    bootstrap: 20
    noise: {sigma: 0.3, draws: 2}
  - of: same
    on: [counted]
    metrics: [word_perplexity]
    context: 20
    against: flat
    bootstrap: 20
    noise: {sigma: 0.4, draws: 2}
  - {of: flat, on: [counted], metrics: [word_perplexity], context: 20, bootstrap: 20}
  - {of: distil, on: [counted], metrics: [loss, word_perplexity], bootstrap: 20}
  - {of: gpt, on: [counted], metrics: [loss, word_perplexity], context: 20, bootstrap: 20}
"""


COUNTED = """
 = Head =

 A well @-@ known dog , which does n't run 2 @.@ 5 miles .
 It 's here ( again ) .

"""


class Place:
    """A folder with texts and a published GPT-2; a run of all of its spec."""

    def __init__(self, folder):
        self.folder = folder
        lines = [pair[1] for pair in german_english(260, 1)]
        self.texts = {"text": lines[:240], "valid": lines[240:]}
        for name, rows in self.texts.items():
            (folder / f"{name}.txt").write_text("".join(f"{row}\n" for row in rows), "utf-8")
        self.tokenizer = learn_byte_bpe(lines, 300)
        model = Gpt2(self.tokenizer.size, layers=2, width=12, heads=3, max_length=48)
        generator = np.random.default_rng(5)
        for variable in model.weights:
            variable.assign(
                variable.value.numpy() + generator.normal(scale=0.2, size=variable.shape)
            )
        save_published_gpt2(model, folder / "gpt2", end_id=self.tokenizer.end_id)
        self.tokenizer.save(folder / "gpt2")
        model.embedding.tokens.table.assign(0 * model.embedding.tokens.table)
        save_published_gpt2(model, folder / "zero")
        (folder / "counted.txt").write_text(COUNTED, "utf-8")
        (folder / "spec.yaml").write_text(SPEC, "utf-8")
        self.context = Context(data_dir=folder, runs_dir=folder / "runs", say=lambda line: None)
        run(self.spec(), data_dir=folder, runs_dir=folder / "runs", say=lambda line: None)

    def spec(self, *overrides):
        return load_spec(self.folder / "spec.yaml", overrides=overrides)

    def node(self, stage):
        spec = self.spec()
        return GraphBuilder(self.folder, spec).stage(spec, stage)

    def history(self, stage):
        text = (self.context.stages / self.node(stage).key / "history.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("gpt"))


def numpy_reference():
    path = Path(__file__).parents[1] / "models" / "gpt2_reference.py"
    specification = importlib.util.spec_from_file_location("gpt2_reference", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_student_that_is_its_teacher_has_nothing_to_learn(place):
    history = place.history("same")
    steps = [line for line in history if "metrics" in line]
    assert len(steps) == 2
    for step in steps:
        assert abs(step["metrics"]["soft.kl"]) < 1e-5
        assert step["gradient_norm"] < 1e-5


def test_the_validation_loss_is_that_of_numpy(place):
    reference = numpy_reference()
    tensors = load_file(place.folder / "gpt2" / "model.safetensors")
    config = json.loads((place.folder / "gpt2" / "config.json").read_text())
    end, total, count = place.tokenizer.end_id, 0.0, 0
    for line in place.texts["valid"]:
        sequence = [end, *place.tokenizer.encode([line]).values, end][: 48 + 1]
        logits = reference.logits(tensors, config, np.array(sequence[:-1]))
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        total -= log_p[np.arange(len(logits)), sequence[1:]].sum()
        count += len(logits)
    history = place.history("same")
    (loss,) = [line["validation"]["loss"] for line in history if "validation" in line]
    np.testing.assert_allclose(loss, total / count, rtol=1e-4)


def evaluated(place, of, metric="word_perplexity"):
    """The entry of results.json of a stage's evaluation with this metric."""
    results = json.loads((place.folder / "runs" / "gpt" / "results.json").read_text())
    (entry,) = [e for e in results["evaluations"] if e["of"] == of and metric in e["metrics"]]
    return entry


DETOKENIZED = ["= Head =", "A well-known dog, which doesn't run 2.5 miles.", "It's here (again)."]


def text_sequence(place, after):
    """The de-tokenized text's tokens, with this one after each line that is not empty."""
    return [t for line in DETOKENIZED for t in [*place.tokenizer.encode([line]).values, after]]


WORDS = len(COUNTED.split())
LINES = len(COUNTED.splitlines())


def test_a_uniform_models_word_perplexity_is_its_vocabularys_power(place):
    """V^(pieces / words), the property of P4; and with the ends of lines, empty ones counted."""
    entry = evaluated(place, "flat")
    pieces, size = len(text_sequence(place, -1)), place.tokenizer.size
    assert list(entry["metrics"]) == ["word_perplexity", "word_perplexity_with_line_ends"]
    for words, name in ((WORDS, "word_perplexity"), (WORDS + LINES, list(entry["metrics"])[1])):
        figure = entry["metrics"][name]
        np.testing.assert_allclose(figure["value"], size ** (pieces / words), rtol=1e-4)
        assert f"tokens:{words}" in figure["signature"]
        assert figure["low"] <= figure["value"] <= figure["high"]


def nats_in_windows(place, folder, after, length):
    """Of the de-tokenized text, by the checkpoint of a folder, with 20 tokens of context."""
    reference = numpy_reference()
    tensors = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    sequence, total = [after, *text_sequence(place, after)], 0.0
    step = length - 20
    for start in range(0, len(sequence) - 1, step):
        stop = min(start + step, len(sequence) - 1)
        first = max(start + step - length, 0)
        read = np.array(sequence[first:stop])
        logits = reference.logits(tensors, config, read)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        for place_in_text in range(start, stop):
            total -= log_p[place_in_text - first, sequence[place_in_text + 1]]
    return total


@pytest.mark.parametrize("of", ["same", "gpt"])
def test_word_perplexity_is_that_of_numpy_in_windows(place, of):
    """Of a trained model with the end after each line, as it read them, in windows as long as its
    blocks; of a published one as it is, with line breaks, in windows of all its positions."""
    newline = int(place.tokenizer.encode(["\n"]).values[0])
    after = newline if of == "gpt" else place.tokenizer.end_id
    total = nats_in_windows(place, place.folder / "gpt2", after, 48 if of == "gpt" else 40)
    entry = evaluated(place, of)
    assert entry["context"] == 20
    assert "context" not in evaluated(place, "distil")
    np.testing.assert_allclose(
        entry["metrics"]["word_perplexity"]["value"], np.exp(total / WORDS), rtol=1e-3
    )
    if of == "same":
        assert set(entry["against"]["metrics"]) == set(entry["metrics"])
        assert entry["against"]["metrics"]["word_perplexity"]["value"] > 0
    else:
        assert entry["metrics"]["loss"]["value"] > 0
        assert entry["seed"] is None


@pytest.mark.parametrize("of", ["same", "gpt"])
def test_a_unigram_model_reads_the_same_stream(place, of):
    """Of a trained model by the frequencies of its packed training, of a published one by those of
    the test set, here of its lines by themselves."""
    end, size = place.tokenizer.end_id, place.tokenizer.size
    newline = int(place.tokenizer.encode(["\n"]).values[0])
    lines = place.texts["text"] if of == "same" else DETOKENIZED
    counted = [t for line in lines for t in [*place.tokenizer.encode([line]).values, end]]
    counts = np.bincount(counted, minlength=size) + 1
    sequence = text_sequence(place, end if of == "same" else newline)
    nats = -np.log(counts[sequence] / counts.sum()).sum()
    (trivial,) = evaluated(place, of)["trivial"]
    assert trivial["kind"] == "unigram"
    assert trivial["frequencies"] == ("training" if of == "same" else "test")
    found = trivial["metrics"]["word_perplexity"]
    assert found["value"] == pytest.approx(np.exp(nats / WORDS))
    system = evaluated(place, of)["metrics"]["word_perplexity"]["value"]
    assert found["delta"] == pytest.approx(system - found["value"])


def test_language_models_are_compared_by_their_words(place, capsys):
    """The run beside itself: the trained model is no better than itself, and better than the
    uniform one, by as much as results.json says."""
    run_folder = str(place.folder / "runs" / "gpt")
    assert cli.main(["compare", run_folder, run_folder]) == cli.DONE
    lines = capsys.readouterr().out.splitlines()
    alone = [line for line in lines if line.startswith("counted word_perplexity (same and same)")]
    assert "difference +0.00" in alone[0]
    (line,) = [one for one in lines if one.startswith("counted word_perplexity (same and flat)")]
    against = evaluated(place, "same")["against"]["metrics"]["word_perplexity"]
    # The difference is that of the two scores as they are shown.
    shown = float(re.search(r"difference ([^,]+),", line)[1])
    assert shown == pytest.approx(against["delta"], abs=0.0101)
    low, high = re.search(r"interval (\S+) to ([^\s,]+)", line).groups()
    assert (f"same of {run_folder} is better" in line) == (float(high) < 0)
    assert (f"flat of {run_folder} is better" in line) == (float(low) > 0)


def test_word_perplexity_under_noise_is_that_of_the_perturbed_model(place, tmp_path):
    """Figure 2 (c) and (d); NumPy reads the weights that noise was put on by hand."""
    entry = evaluated(place, "same")
    noise = entry["noise"]["metrics"]
    names = ["word_perplexity", "word_perplexity_with_line_ends"]
    assert list(noise) == names
    for name, words in zip(names, (WORDS, WORDS + LINES), strict=True):
        assert noise[name][0]["values"] == [pytest.approx(entry["metrics"][name]["value"])]
        for draw, found in enumerate(noise[name][1]["values"]):
            model = trained_model(place.node("same"), place.context)
            put_noise(model, 0.4, draw)
            folder = tmp_path / f"{name}-{draw}"
            save_published_gpt2(model, folder)
            total = nats_in_windows(place, folder, place.tokenizer.end_id, 40)
            assert found == pytest.approx(np.exp(total / words), rel=2e-3)
            assert found != pytest.approx(noise[name][0]["mean"], rel=0.01)


def test_noise_leaves_a_model_of_zeros_as_it_is(place):
    """Where a tensor's mean is 0, so is its noise: the uniform model stays uniform."""
    noise = evaluated(place, "same")["against"]["noise"]["metrics"]["word_perplexity"]
    pieces = len(text_sequence(place, place.tokenizer.end_id))
    expected = place.tokenizer.size ** (pieces / WORDS)
    for point in noise:
        assert point["values"] == pytest.approx([expected] * len(point["values"]), rel=1e-3)


def test_figures_of_a_language_model_under_noise(place):
    entry = evaluated(place, "distil", "perplexity")
    noise = entry["noise"]["metrics"]
    assert list(noise) == ["loss", "perplexity", "accuracy"]
    for metric, points in noise.items():
        assert points[0]["values"] == [pytest.approx(entry["metrics"][metric]["value"])]
    model, node = trained_model(place.node("distil"), place.context), place.node("distil")
    put_noise(model, 0.3, 1)
    part = part_of(node, "validate", "valid", place.context)
    record = node.task.view(node, place.context)(ExampleSet([part]), np.arange(part.rows), 0, 0)
    hidden = model(tf.nest.map_structure(tf.convert_to_tensor, record))["hidden"]
    logits = model.head.logits(hidden).numpy().astype(np.float64)[record["selected"]]
    gold = record["labels"][record["selected"]]
    nats = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(gold)), gold]
    expected = {"loss": nats.mean(), "perplexity": np.exp(nats.mean())}
    for metric, value in expected.items():
        assert noise[metric][1]["values"][1] == pytest.approx(value, rel=1e-4)
    assert noise["accuracy"][1]["values"][1] == share_right(logits, gold)


def test_distillation_runs_on_packed_and_plain_rows(place):
    node = place.node("distil")
    packed, plain = training_set(node, place.context).parts
    sequence = [
        token
        for row in place.texts["text"]
        for token in [*place.tokenizer.encode([row]).values, *place.tokenizer.encode(["\n"]).values]
    ]
    (rows,) = packed.fields.values()
    assert isinstance(rows, Packed)
    blocks = rows.take(np.arange(packed.rows))
    assert [t for i in range(packed.rows) for t in blocks.row(i)[1:].tolist()] == sequence
    assert (packed.packed, plain.packed, plain.rows) == (True, False, len(place.texts["valid"]))
    scores = json.loads((place.folder / "runs" / "gpt" / "results.json").read_text())
    (entry,) = [one for one in scores["evaluations"] if "perplexity" in one["metrics"]]
    assert (entry["of"], set(entry["metrics"])) == ("distil", {"loss", "perplexity", "accuracy"})


def test_texts_stand_between_newlines_where_training_put_them(place):
    """A model that has read newlines alone has learnt nothing of the end's token: it would be most
    of a short line's loss, and noise before each word of it."""
    node, end = place.node("distil"), place.tokenizer.end_id
    newline = int(place.tokenizer.encode(["\n"]).values[0])
    model, total, count = trained_model(node, place.context), 0.0, 0
    for line in place.texts["valid"]:
        sequence = [newline, *place.tokenizer.encode([line]).values, newline][: 32 + 1]
        hidden = model({"ids": tf.constant([sequence[:-1]], tf.int32)})["hidden"]
        logits = model.head.logits(hidden)[0].numpy().astype(np.float64)
        nats = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(logits)), sequence[1:]]
        total, count = total + nats.sum(), count + len(nats)
    expected = pytest.approx(total / count, rel=1e-4)
    validations = [line["validation"] for line in place.history("distil") if "validation" in line]
    assert validations[-1]["loss"] == expected
    assert evaluated(place, "distil", "perplexity")["metrics"]["loss"]["value"] == expected
    # And so do the rows of its training that are not packed, whose teacher read both.
    examples = training_set(node, place.context)
    rows = np.flatnonzero(~examples.packed())[:3]
    (view,) = views_of(node, {None}, place.context).values()
    record = view(examples, rows, 0, 0)
    assert (record["ids"][:, 0] == newline).all()
    assert not (record["labels"][record["valid"]] == end).any()


def test_a_prompt_is_continued_up_to_a_newline_where_training_put_one(place):
    node = place.node("distil")
    tokenizer, model = text_tokenizer(node, place.context), trained_model(node, place.context)
    newline = int(place.tokenizer.encode(["\n"]).values[0])
    assert (tokenizer.start_id, tokenizer.end_id) == (newline, newline)
    prompts = tokenizer.encode(["A man", "", "The dog is"])
    found = Continuer(model, build_search({"kind": "greedy", "max_length": 16}), tokenizer)(prompts)
    for row in range(len(prompts)):
        read, written = [newline, *prompts.row(row).tolist()], found.row(row).tolist()
        whole = [*read, *written]
        hidden = model({"ids": tf.constant([whole])})["hidden"]
        logits = model.head.logits(hidden)[0].numpy()[len(read) - 1 :]
        logits[:, place.tokenizer.end_id] = -np.inf
        chosen = [*written, newline][:16]
        assert_likeliest(logits[: len(chosen)], chosen)
        assert newline not in written
    for stage in ("same", "gpt"):
        end = text_tokenizer(place.node(stage), place.context).end_id
        assert end == place.tokenizer.end_id


def test_a_newline_needs_a_piece(place):
    spec = place.spec(
        "tokenizers.bytes={kind: wordpiece, size: 120, learn_from: text}",
        "stages.distil.objective={words: {kind: causal_lm}}",
    )
    with pytest.raises(UserError, match="has no piece for a newline"):
        run(
            spec, data_dir=place.folder, runs_dir=place.folder / "other", until="distil",
            say=lambda line: None,
        )  # fmt: skip
