"""The ceiling of a generated test set, against sacreBLEU and a sum by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import sacrebleu

from tfkd.data.grammars.everyday import everyday, with_ceiling
from tfkd.evaluation.ceilings import ceiling, known_rows
from tfkd.spec.options import EvaluateOptions
from tfkd.spec.options.corpora import GeneratedOptions

CORPUS = GeneratedOptions(generated="everyday", rows=60, seed=3, lower_case=True)
OPTIONS = EvaluateOptions(of="student", on="test", metrics=["bleu", "loss"], bootstrap=10)


def texts():
    return tuple(zip(*(map(str.lower, pair) for pair in everyday(60, 3)), strict=True))


def test_it_is_that_of_the_likeliest_translations_and_of_the_probabilities():
    sources, references = texts()
    rows, tokens = known_rows(CORPUS, sources, references), np.full(60, 9)
    found = ceiling(rows, sources, references, tokens, OPTIONS, lower_case=True)
    likeliest = [row.likeliest.lower() for row in with_ceiling(60, 3)]
    assert found["bleu"]["value"] == pytest.approx(
        sacrebleu.corpus_bleu(likeliest, [list(references)]).score
    )
    nats = -math.fsum(row.log_probability for row in with_ceiling(60, 3))
    assert found["loss"]["value"] == pytest.approx(nats / (60 * 9))


def test_rows_that_were_dropped_are_left_out_and_others_are_unknown():
    sources, references = texts()
    assert len(known_rows(CORPUS, sources[5:], references[5:])) == 55
    assert known_rows(CORPUS, ["etwas anderes ."], ["something else ."]) is None
    other = GeneratedOptions(generated="german_english", rows=60, seed=3)
    assert known_rows(other, sources, references) is None


@pytest.mark.tensorflow
@pytest.mark.parametrize("whole", [True, False])
def test_an_evaluation_asks_for_it_and_leaves_out_the_loss_of_parts(monkeypatch, whole):
    from tfkd.pipeline.scoring import scores

    sources, references = texts()
    lines = {"source": sources, "target": references}
    counting = SimpleNamespace(
        context=None,
        texts=lambda node, field="source": lines[field],
        arrays=lambda node, name: {"tokens": np.full(60, 9)},
    )
    node = SimpleNamespace(
        inputs={"text": SimpleNamespace(options=CORPUS)},
        task=SimpleNamespace(whole_targets=lambda trained: whole),
        trained=None,
        options={"products": ("figures", "outputs")},
    )
    text = SimpleNamespace(fields=("source", "target"))
    monkeypatch.setattr(scores, "open_text", lambda corpus, context: text)
    found = scores._ceiling(node, OPTIONS, counting)
    assert set(found) == ({"bleu", "loss"} if whole else {"bleu"})
    node.inputs["text"].options = GeneratedOptions(generated="german_english", rows=60, seed=3)
    assert scores._ceiling(node, OPTIONS, counting) == {}
