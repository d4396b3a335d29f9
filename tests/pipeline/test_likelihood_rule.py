"""A filter by a model's likelihoods: those of each pair alone, the right way round, and the best
share of them."""

import json

import numpy as np
import pytest

import tfkd
from tfkd import cli
from tfkd.data.text.text_corpus import TextCorpus

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
SPEC = """\
tfkd: 1
name: likely
data: {train: {generated: german_english, rows: 60}}
tokenizers: {joint: {learn_from: [train], size: 120}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
          dropout: 0.0, tokenizer: joint}
stages:
  back:
    train: student
    data: {of: train, swap: true}
    steps: 12
    schedule: {kind: constant, rate: 3.0e-3}
    objective: {cross_entropy: {}}
  best: {filter: train, rules: [{kind: likelihood, of: back, swap: true, keep: 0.7}]}
  likelier: {filter: train, rules: [{kind: likelihood, of: back, swap: true, most: MOST}]}
evaluate: [{of: back, on: [best], metrics: [loss]}]
"""


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
