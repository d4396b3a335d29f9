"""Translate stages that choose one of several outputs: those of n-best lists."""

import pytest
import sacrebleu

from tfkd import cli
from tfkd.data.text.text_corpus import TextCorpus

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
SPEC = """\
tfkd: 1
name: chosen
data: {train: {generated: german_english, rows: 150}}
tokenizers: {joint: {learn_from: [train], size: 120}}
student: {kind: transformer, encoder_layers: 1, decoder_layers: 1, width: 16, heads: 2,
          dropout: 0.0, tokenizer: joint}
stages:
  learn: {train: student, data: train, steps: 40, objective: {cross_entropy: {}}}
  lists: {translate: learn, data: train, keep: n_best, decode: {kind: beam, beam: 4, n_best: 4}}
  best:
    translate: learn
    data: train
    choose: {by: chrf}
    decode: {kind: beam, beam: 4, n_best: 4}
  bayes: {translate: learn, data: train, choose: {best_of: 4, mbr: chrf}}
export: [learn]
"""


def test_what_is_chosen_stands_in_the_lists(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    words = ["run", str(tmp_path / "spec.yaml"), "--runs-dir", str(tmp_path / "runs"), "--until"]
    found = {}
    for stage in ("lists", "best", "bayes"):
        assert cli.main([*words, stage]) == cli.DONE
        text = TextCorpus.open(tmp_path / "runs" / "chosen" / stage)
        found[stage] = list(zip(*(text.lines(field) for field in text.fields), strict=True))
    lists, sources = {}, {}
    for source, target, number, _ in found["lists"]:
        lists.setdefault(int(number), []).append(target)
        sources[int(number)] = source
    stages = (tmp_path / "runs" / "stages").glob("corpus-*/corpus.json")
    train = TextCorpus.open(next(stages).parent)
    references = list(train.lines("target"))

    def first_best(scores):
        return max(range(len(scores)), key=lambda at: (round(scores[at], 9), -at))

    chosen, others = [], 0
    for number, outputs in lists.items():
        scores = [sacrebleu.sentence_chrf(one, [references[number - 1]]).score for one in outputs]
        chosen.append((sources[number], outputs[first_best(scores)]))
        others += first_best(scores) > 0
    assert found["best"] == chosen
    assert others > 10
    bayes = dict(zip(lists, found["bayes"], strict=True))
    whole = [number for number, outputs in lists.items() if len(outputs) == 4]
    assert len(whole) > 30
    for number in whole:
        outputs = lists[number]
        scores = [
            sum(sacrebleu.sentence_chrf(one, [other]).score for other in outputs) for one in outputs
        ]
        assert bayes[number] == (sources[number], outputs[first_best(scores)])
