"""A language model's line: a published teacher, packed text, distillation within the step."""

import json

import numpy as np
import pytest
import tensorflow as tf
from gpt2_line import evaluated, numpy_reference
from margins import assert_likeliest, share_right
from noise_by_hand import put_noise
from safetensors.numpy import load_file

from tfkd.data.examples import ExampleSet
from tfkd.data.packed import Packed
from tfkd.decoding import Continuer, build_search
from tfkd.pipeline.engine.run import run
from tfkd.pipeline.inputs.made import part_of, text_tokenizer, training_set, views_of
from tfkd.pipeline.inputs.models import trained_model
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.long  # the line of exports has a language model in the short ring


def test_a_student_that_is_its_teacher_has_nothing_to_learn(gpt):
    history = gpt.history("same")
    steps = [line for line in history if "metrics" in line]
    assert len(steps) == 2
    for step in steps:
        assert abs(step["metrics"]["soft.kl"]) < 1e-5
        assert step["gradient_norm"] < 1e-5


def test_the_validation_loss_is_that_of_numpy(gpt):
    reference = numpy_reference()
    tensors = load_file(gpt.folder / "gpt2" / "model.safetensors")
    config = json.loads((gpt.folder / "gpt2" / "config.json").read_text())
    end, total, count = gpt.tokenizer.end_id, 0.0, 0
    for line in gpt.texts["valid"]:
        sequence = [end, *gpt.tokenizer.encode([line]).values, end][: 48 + 1]
        logits = reference.logits(tensors, config, np.array(sequence[:-1]))
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        total -= log_p[np.arange(len(logits)), sequence[1:]].sum()
        count += len(logits)
    history = gpt.history("same")
    (loss,) = [line["validation"]["loss"] for line in history if "validation" in line]
    np.testing.assert_allclose(loss, total / count, rtol=1e-4)


def test_figures_of_a_language_model_under_noise(gpt):
    entry = evaluated(gpt, "distil", "perplexity")
    noise = entry["noise"]["metrics"]
    assert list(noise) == ["loss", "perplexity", "accuracy"]
    for metric, points in noise.items():
        assert points[0]["values"] == [pytest.approx(entry["metrics"][metric]["value"])]
    model, node = trained_model(gpt.node("distil"), gpt.context), gpt.node("distil")
    put_noise(model, 0.3, 1)
    part = part_of(node, "validate", "valid", gpt.context)
    record = node.task.view(node, gpt.context)(ExampleSet([part]), np.arange(part.rows), 0, 0)
    hidden = model(tf.nest.map_structure(tf.convert_to_tensor, record))["hidden"]
    logits = model.head.logits(hidden).numpy().astype(np.float64)[record["selected"]]
    gold = record["labels"][record["selected"]]
    nats = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(gold)), gold]
    expected = {"loss": nats.mean(), "perplexity": np.exp(nats.mean())}
    for metric, value in expected.items():
        assert noise[metric][1]["values"][1] == pytest.approx(value, rel=1e-4)
    assert noise["accuracy"][1]["values"][1] == share_right(logits, gold)


def test_distillation_runs_on_packed_and_plain_rows(gpt):
    node = gpt.node("distil")
    packed, plain = training_set(node, gpt.context).parts
    sequence = [
        token
        for row in gpt.texts["text"]
        for token in [*gpt.tokenizer.encode([row]).values, *gpt.tokenizer.encode(["\n"]).values]
    ]
    (rows,) = packed.fields.values()
    assert isinstance(rows, Packed)
    blocks = rows.take(np.arange(packed.rows))
    assert [t for i in range(packed.rows) for t in blocks.row(i)[1:].tolist()] == sequence
    assert (packed.packed, plain.packed, plain.rows) == (True, False, len(gpt.texts["valid"]))
    scores = json.loads((gpt.folder / "runs" / "gpt" / "results.json").read_text())
    (entry,) = [one for one in scores["evaluations"] if "perplexity" in one["metrics"]]
    assert (entry["of"], set(entry["metrics"])) == ("distil", {"loss", "perplexity", "accuracy"})


def test_texts_stand_between_newlines_where_training_put_them(gpt):
    """A model that has read newlines alone has learnt nothing of the end's token: it would be most
    of a short line's loss, and noise before each word of it."""
    node, end = gpt.node("distil"), gpt.tokenizer.end_id
    newline = int(gpt.tokenizer.encode(["\n"]).values[0])
    model, total, count = trained_model(node, gpt.context), 0.0, 0
    for line in gpt.texts["valid"]:
        sequence = [newline, *gpt.tokenizer.encode([line]).values, newline][: 32 + 1]
        hidden = model({"ids": tf.constant([sequence[:-1]], tf.int32)})["hidden"]
        logits = model.head.logits(hidden)[0].numpy().astype(np.float64)
        nats = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(logits)), sequence[1:]]
        total, count = total + nats.sum(), count + len(nats)
    expected = pytest.approx(total / count, rel=1e-4)
    validations = [line["validation"] for line in gpt.history("distil") if "validation" in line]
    assert validations[-1]["loss"] == expected
    assert evaluated(gpt, "distil", "perplexity")["metrics"]["loss"]["value"] == expected
    # And so do the rows of its training that are not packed, whose teacher read both.
    examples = training_set(node, gpt.context)
    rows = np.flatnonzero(~examples.packed())[:3]
    (view,) = views_of(node, {None}, gpt.context).values()
    record = view(examples, rows, 0, 0)
    assert (record["ids"][:, 0] == newline).all()
    assert not (record["labels"][record["valid"]] == end).any()


def test_a_prompt_is_continued_up_to_a_newline_where_training_put_one(gpt):
    node = gpt.node("distil")
    tokenizer, model = text_tokenizer(node, gpt.context), trained_model(node, gpt.context)
    newline = int(gpt.tokenizer.encode(["\n"]).values[0])
    assert (tokenizer.start_id, tokenizer.end_id) == (newline, newline)
    prompts = tokenizer.encode(["A man", "", "The dog is"])
    found = Continuer(model, build_search({"kind": "greedy", "max_length": 16}), tokenizer)(prompts)
    for row in range(len(prompts)):
        read, written = [newline, *prompts.row(row).tolist()], found.row(row).tolist()
        whole = [*read, *written]
        hidden = model({"ids": tf.constant([whole])})["hidden"]
        logits = model.head.logits(hidden)[0].numpy()[len(read) - 1 :]
        logits[:, gpt.tokenizer.end_id] = -np.inf
        chosen = [*written, newline][:16]
        assert_likeliest(logits[: len(chosen)], chosen)
        assert newline not in written
    for stage in ("same", "gpt"):
        end = text_tokenizer(gpt.node(stage), gpt.context).end_id
        assert end == gpt.tokenizer.end_id


def test_a_newline_needs_a_piece(gpt):
    spec = gpt.spec(
        "tokenizers.bytes={kind: wordpiece, size: 120, learn_from: text}",
        "stages.distil.objective={words: {kind: causal_lm}}",
    )
    with pytest.raises(UserError, match="has no piece for a newline"):
        run(
            spec, data_dir=gpt.folder, runs_dir=gpt.folder / "other", until="distil",
            say=lambda line: None,
        )  # fmt: skip
