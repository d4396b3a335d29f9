"""N-best lists with the teacher's scores, from the search to a student's loss."""

import json

import numpy as np
import pytest

import tfkd
from tfkd import cli
from tfkd.data.text.text_corpus import TextCorpus

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
SPEC = """\
tfkd: 1
name: lists
data: {train: {generated: german_english, rows: 120}}
tokenizers: {joint: {learn_from: [train], size: 120}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
          dropout: 0.0, tokenizer: joint}
stages:
  learn: {train: student, data: train, steps: 40, objective: {cross_entropy: {}}}
  lists: {translate: learn, data: train, keep: n_best, decode: DECODE}
  again:
    train: student
    from: learn
    data: [{of: lists, row_weights: {by: score, temperature: 0.5}}]
    steps: 1
    log_every: 1
    objective: {cross_entropy: {}}
    batch: {size: 1000000, unit: target_tokens, per_device: 3000}
evaluate: [{of: again, on: [train], metrics: [loss]}]
"""


@pytest.mark.parametrize(
    "decode", ["{kind: beam, beam: 3, n_best: 3}", "{kind: sample, n_best: 3}"]
)
def test_a_student_s_loss_is_that_of_lists_weighed_by_the_softmax_of_scores(tmp_path, decode):
    (tmp_path / "spec.yaml").write_text(SPEC.replace("DECODE", decode))
    words = ["run", str(tmp_path / "spec.yaml"), "--runs-dir", str(tmp_path / "runs")]
    assert cli.main(words) == cli.DONE
    folder = tmp_path / "runs" / "lists"
    text = TextCorpus.open(folder / "lists")
    rows = list(zip(*(text.lines(field) for field in text.fields), strict=True))
    assert text.fields == ("source", "target", "list", "score")
    numbers = [int(row[2]) for row in rows]
    assert numbers == sorted(numbers)
    assert 120 < len(rows) <= 360
    stage = tfkd.open_run(folder).stage("learn")
    model, tokenizers = stage.model(), stage.tokenizers()
    lists: dict[int, list[float]] = {}
    for _, _, number, score in rows:
        lists.setdefault(int(number), []).append(float(score))
    loss = weights = 0.0
    for source, target, number, score in rows:
        of = np.array(lists[int(number)])
        odds = np.exp((np.array([float(score), *of]) - of.max()) / 0.5)
        weight = odds[0] / odds[1:].sum()
        read, written = (
            tokenizers[side].encode([line]).row(0)
            for side, line in (("source", source), ("target", target))
        )
        specials = tokenizers["target"]
        record = {
            "source": {"ids": np.array([[*read, tokenizers["source"].end_id]], np.int32)},
            "target": {"ids": np.array([[specials.start_id, *written]], np.int32)},
        }
        for side in record.values():
            side["valid"] = np.ones(side["ids"].shape, bool)
        logits = model.logits(record).numpy()[0].astype(np.float64)
        log_p = logits - np.log(
            np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True)
        )
        log_p -= logits.max(-1, keepdims=True)
        gold = [*written, specials.end_id]
        loss -= weight * log_p[np.arange(len(gold)), gold].sum()
        weights += weight * len(gold)
    assert weights > 0
    first = json.loads((folder / "again" / "history.jsonl").read_text().splitlines()[0])
    assert first["loss"] == pytest.approx(loss / weights, rel=2e-4)
