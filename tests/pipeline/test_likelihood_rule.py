"""A filter by a model's likelihoods: those of each pair alone, the right way round, and the best
share of them."""

import json

import numpy as np
import pytest

import tfkd
from tfkd import cli
from tfkd.data.grammars.generated import german_english
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.inputs.made import text_tokenizer
from tfkd.pipeline.inputs.models import trained_model
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec import load_spec

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
SPEC = """\
tfkd: 1
name: likely
data: {train: {generated: german_english, rows: 60}, words: {text: words.txt}}
tokenizers: {joint: {learn_from: [train], size: 120}}
teacher: {kind: gpt2, layers: 1, width: 16, heads: 2, max_length: 64, dropout: 0.0, tokenizer: joint}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
          dropout: 0.0, tokenizer: joint}
stages:
  back:
    train: student
    data: {of: train, swap: true}
    steps: 12
    schedule: {kind: constant, rate: 3.0e-3}
    objective: {cross_entropy: {}}
  lm:
    train: teacher
    data: words
    steps: 12
    schedule: {kind: constant, rate: 3.0e-3}
    objective: {cross_entropy: {}}
  fluent: {filter: train, rules: [{kind: likelihood, of: lm, on: target, keep: 0.7}]}
  best: {filter: train, rules: [{kind: likelihood, of: back, swap: true, keep: 0.7}]}
  likelier: {filter: train, rules: [{kind: likelihood, of: back, swap: true, most: MOST}]}
evaluate: [{of: back, on: [best], metrics: [loss]}]
"""  # noqa: E501


def test_the_likeliest_share_of_pairs_is_kept(tmp_path):
    from tfkd.objectives.prediction import predictor

    path, runs = tmp_path / "spec.yaml", tmp_path / "runs"
    path.write_text(SPEC.replace("MOST", "4.5"), "utf-8")
    words = ["run", str(path), "--runs-dir", str(runs)]
    assert cli.main(words) == cli.DONE
    stage = tfkd.open_run(runs / "likely").stage("back")
    model, joint = stage.model(), stage.tokenizers()["source"]
    train = next(one for one in (runs / "stages").glob("corpus-*") if one.is_dir())
    rows = list(zip(*(TextCorpus.open(train).lines(s) for s in ("source", "target")), strict=True))
    predict, nats = predictor(model), []
    for source, target in rows:  # read backwards
        read, written = (joint.encode([line]).row(0) for line in (target, source))
        record = {
            "source": {"ids": np.append(read, joint.end_id)[None].astype(np.int32)},
            "target": {"ids": np.append(joint.start_id, written)[None].astype(np.int32),
                       "labels": np.append(written, joint.end_id)[None].astype(np.int32)},
        }  # fmt: skip
        for side in record.values():
            side["valid"] = np.ones_like(side["ids"], bool)
        record["target"]["selected"] = record["target"]["valid"]
        nats.append(-predict(record)["gold_log_probability"].mean(dtype=np.float64))
    order = np.argsort(nats)
    kept = sorted(order[:42])
    assert nats[order[42]] - nats[order[41]] > 1e-4  # no tie at the cut
    best = TextCorpus.open(runs / "likely" / "best")
    assert list(best.lines("target")) == [rows[row][1] for row in kept]
    most = round(float(np.median(nats)), 3)
    assert min(abs(np.array(nats) - most)) > 1e-5
    path.write_text(SPEC.replace("MOST", str(most)), "utf-8")
    assert cli.main([*words, "--until", "likelier"]) == cli.DONE
    folder = runs / "likely" / "likelier"
    summary = json.loads((folder / "manifest.json").read_text("utf-8"))["summary"]
    wanted = [rows[row][0] for row in range(60) if nats[row] <= most]
    assert list(TextCorpus.open(folder).lines("source")) == wanted
    assert summary["report"]["dropped"]["likelihood"]["count"] == 60 - len(wanted)


def test_a_language_model_reads_one_field(tmp_path):
    """Of each text all its pieces and its end, by what the model says of each of its prefixes."""
    import tensorflow as tf

    path, runs = tmp_path / "spec.yaml", tmp_path / "runs"
    path.write_text(SPEC.replace("MOST", "4.5"), "utf-8")
    lines = [target for _, target in german_english(60, 5)]
    (tmp_path / "words.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    words = ["run", str(path), "--runs-dir", str(runs), "--data-dir", str(tmp_path)]
    assert cli.main([*words, "--until", "fluent"]) == cli.DONE
    context, spec = Context(tmp_path, runs), load_spec(path)
    graph = GraphBuilder(tmp_path, spec)
    lm, fluent = (graph.stage(spec, name) for name in ("lm", "fluent"))
    model, joint = trained_model(lm, context), text_tokenizer(lm, context)
    text = open_text(fluent.inputs["text"], context)
    rows = list(zip(text.lines("source"), text.lines("target"), strict=True))
    nats = []
    for _, target in rows:
        ids = joint.encode([target]).row(0)
        read = np.append(joint.start_id, ids)[None].astype(np.int32)
        record = {"ids": read, "types": 0 * read, "valid": np.ones_like(read, bool)}
        logits = model.head.logits(model(record)["hidden"])[0]
        told = tf.nn.log_softmax(tf.cast(logits, tf.float64)).numpy()
        nats.append(-np.mean(told[np.arange(len(ids) + 1), [*ids, joint.end_id]]))
    order = np.argsort(nats)
    assert nats[order[42]] - nats[order[41]] > 1e-6
    found = TextCorpus.open(runs / "likely" / "fluent")
    assert list(found.lines("source")) == [rows[row][0] for row in sorted(order[:42])]
