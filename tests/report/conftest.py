"""A made-up results.json of the form and size of a real one; no text is from any corpus."""

import copy
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

FINGERPRINT = "3f9c1ab27d40e856"
SENTENCES = [
    ("Eine alte Frau kauft frisches Brot auf dem Markt.",
     "An old woman is buying fresh bread at the market.",
     "An old woman buys fresh bread at the market.",
     "An old woman is buying bread on the market."),
    ("Zwei Hunde rennen durch den tiefen Schnee.", "Two dogs are running through deep snow.",
     "Two dogs are running through the deep snow.", "Two dogs run through the snow."),
    ("Der Junge springt ins Wasser.", "The boy jumps into the water.",
     "The boy jumps into the water.", "A boy is jumping in water."),
    ("Ein Mann mit grünem Hut repariert ein Fahrrad.",
     "A man in a green hat is repairing a bicycle.",
     "A man in a green hat fixes a bike.", "A man with a green hat repairing a bike."),
]  # fmt: skip


def training_lines(steps, start, end, seed, *, distilled=False, validate=False):
    generator = np.random.default_rng(seed)
    lines = []
    for step in range(50, steps + 1, 50):
        noise = generator.normal(0, 0.004)
        level = end + (start - end) * math.exp(-3.5 * step / steps) + generator.normal(0, 0.03)
        line = {
            "step": step, "epoch": step // 290, "seconds": 0.6 * step, "loss": level,
            "terms": {"cross_entropy": level},
            "metrics": {"cross_entropy.accuracy": max(0.0, 0.72 - 0.09 * level + noise)},
            "learning_rate": 1.5e-3 * min(step / 400, (steps - step) / (steps - 400) + 1e-3),
            "gradient_norm": 1.2, "tokens": 4000, "tokens_per_second": 7100,
        }  # fmt: skip
        if distilled:
            soft = level + 0.6
            line["terms"] = {"cross_entropy": level, "soft_targets": soft}
            line["metrics"]["soft_targets.kl"] = max(0.03, soft - 2.05)
            line["loss"] = 0.5 * level + 0.5 * soft
        lines.append(line)
        if validate and step % 500 == 0:
            values = {
                "loss": level - 0.9, "accuracy": 0.74 - 0.08 * level, "bleu": 44 - 4.2 * level,
            }  # fmt: skip
            lines.append({"step": step, "validation": values})
    return lines


def evaluation(on, bleu, delta, *, variant=None, seed=1, against=True):
    def figure(value, width, name):
        return {
            "value": value, "low": value - width, "high": value + width * 1.05,
            "signature": f"nrefs:1|bs:1000|seed:1|case:lc|{name}|version:2.6.0",
        }  # fmt: skip

    entry = {
        "of": "train_student", "variant": variant, "on": on, "seed": seed, "rows": 1000,
        "decode": {"kind": "beam", "beam": 4, "length_penalty": 0.6, "n_best": 1},
        "metrics": {"bleu": figure(bleu, 1.02, "tok:13a"), "chrf": figure(bleu + 20, 0.8, "nc:6")},
        "by_length": [
            {"from": first, "to": last, "rows": rows, "value": bleu + shift,
             "against": bleu + shift - delta * turn if against else None}
            for first, last, rows, shift, turn in [
                (1, 5, 21, 3.1, -1.5), (6, 8, 190, 2.4, 0.3), (9, 11, 341, 0.9, 0.9),
                (12, 14, 240, -0.5, 1.3), (15, 18, 141, -1.9, 1.6), (19, None, 67, -4.2, 2.3),
            ]
        ],
        "round_trip": {"value": 97.41},
        "examples": [
            {"source": source, "reference": reference, "hypothesis": hypothesis,
             "against": other if against else None}
            for again in ("", " Again.", " Once more.")
            for source, reference, hypothesis, other in (
                [text + again for text in texts] for texts in SENTENCES
            )
        ],
        "differing": {
            "metric": "bleu",
            "rows": [
                {"row": row, "source": source, "reference": reference, "hypothesis": hypothesis,
                 "against": other, "value": 61.25 - 40 * row, "against_value": 30.5}
                for row, (source, reference, hypothesis, other) in enumerate(SENTENCES[:2])
            ],
        },
        "hypotheses": f"evaluation/{on}.hypotheses.txt",
        "references": f"evaluation/{on}.references.txt",
    }  # fmt: skip
    if against:
        entry["against"] = {
            "of": "train_student", "variant": "baseline",
            "metrics": {
                "bleu": {"value": bleu - delta, "value_low": bleu - delta - 1.1,
                         "value_high": bleu - delta + 0.98, "delta": delta, "low": delta - 0.66,
                         "high": delta + 0.69, "p": 0.004 if delta > 0.7 else 0.118, "wins": 0.9,
                         "p_by": "approximate_randomization"},
                "chrf": {"value": bleu + 20 - delta / 2, "delta": delta / 2,
                         "low": delta / 2 - 0.6, "high": delta / 2 + 0.6, "p": 0.2, "wins": 0.8,
                         "p_by": "approximate_randomization"},
            },
        }  # fmt: skip
    return entry


def build():
    """A finished run of a distilled student beside its baseline."""
    corpus = {"file": 0, "kept": 29_000}
    stages = {
        "captions": ("corpus", 2.1, 38e6, {"rows": 290_000}),
        "joint": ("tokenizer", 31.4, 61e3, {"size": 8000}),
        "pretrain": ("train", 1085.0, 23.1e6, {"steps": 1700, "parameters": 5_813_312}),
        "finetune": ("train", 3391.2, 23.1e6, {"steps": 5000, "best": "step 4500, loss 0.911"}),
        "targets": ("score", 402.7, 14.2e6, {"positions": 431_020, "bytes a token": 32}),
        "train_student": ("train", 2110.5, 31.0e6, {"steps": 4000, "best": "step 3500, bleu 39.6"}),
        "train_student#baseline": ("train", 2035.9, 31.0e6, {"steps": 4000}),
        "train_student on test_2016": ("evaluate", 41.0, 120e3, {}),
    }  # fmt: skip
    pale = {"train": "train", "steps": 4000, "seed": 1, "objective": {
        "cross_entropy": {"weight": 0.5, "label_smoothing": 0.1},
        "soft_targets": {"weight": 0.5, "temperature": 10, "teacher": "targets"},
    }, "batch": {"size": 4096, "unit": "max_tokens"}}  # fmt: skip
    spec = {
        "tfkd": 1, "name": "multi30k_deen",
        "paper": {"title": "Distilling Knowledge Learned in BERT for Text Generation", "table": 1,
                  "published": {"baseline": 34.09, "this": 35.63}},
        "data": {"train": {"parallel": ["multi30k/train.de", "multi30k/train.en"],
                           "lower_case": True, "max_rows": None}},
        "tokenizers": {"joint": {"kind": "wordpiece", "size": 8000, "learn_from": ["train"]}},
        "teacher": {"kind": "bert", "layers": 4, "width": 256, "heads": 4, "dropout": 0.1},
        "stages": {"train_student": pale},
        "evaluate": [{"of": "targets", "on": ["train", "valid"], "metrics": ["teacher_check"]}],
        "description": "yes: a 'quoted' one",
    }  # fmt: skip
    provenance = {
        "name": "multi30k_deen.yaml:2", "paper": "multi30k_deen.yaml:3",
        "data.train.parallel": "multi30k_deen.yaml:5", "data.train.lower_case": "default",
        "data.train.max_rows": "default", "tokenizers.joint": "multi30k_deen.yaml:9",
        "teacher": "multi30k_deen.yaml:10", "teacher.dropout": "default",
        "stages.train_student.steps": "--set", "stages.train_student.seed": "default",
        "stages.train_student.objective": "variant hotter (multi30k_deen.yaml:41)",
        "evaluate": "multi30k_deen.yaml:50",
    }  # fmt: skip
    return {
        "tfkd": "0.1.0", "schema": 2, "name": "multi30k_deen", "variant": None, "seed": 1,
        "command": "tfkd run specs/multi30k_deen.yaml --data-dir data --runs-dir runs",
        "started": "2026-03-02T08:14:31+00:00", "finished": "2026-03-02T10:45:02+00:00",
        "seconds": 9031.2,
        "machine": {"cpu": "AMD EPYC 7763", "cores": 2, "memory": "16 GB", "device": "CPU",
                    "tensorflow": "2.21.0"},
        "spec": spec, "provenance": provenance,
        "data": {
            "train": {"read": 29_000, "kept": 28_997,
                      "dropped": {"empty": {"count": 2, "lines": ["train.de:117", "train.en:902"]},
                                  "too_long": {"count": 1, "lines": ["train.de:4410"],
                                               "examples": [["viele Worte", "many words"]]}},
                      "files": {"multi30k/train.de": "ab" * 32, "multi30k/train.en": "cd" * 32}},
            "test_2016": {"read": 1000, "kept": 1000, "dropped": {}, "files": {}},
        },
        "stages": {
            f"{kind} {name}": {"kind": kind, "label": name,
                   "fingerprint": f"{FINGERPRINT[place:]}{FINGERPRINT[:place]}", "seconds": seconds,
                   "cached": place < 2, "bytes": int(size), "summary": summary}
            for place, (name, (kind, seconds, size, summary)) in enumerate(stages.items())
        },
        "histories": {
            "pretrain": training_lines(1700, 8.9, 2.9, 1),
            "finetune": training_lines(5000, 6.0, 0.85, 2, validate=True),
            "train_student": training_lines(4000, 8.4, 2.3, 3, distilled=True, validate=True),
            "train_student#baseline": training_lines(4000, 8.4, 2.25, 4, validate=True),
        },
        "evaluations": [evaluation("test_2016", 39.41, 1.14), evaluation("test_2017", 34.92, 0.37)],
        "teacher_checks": [
            {"of": "targets", "on": "valid",
             "metrics": {"accuracy": 0.799, "entropy": 0.861, "coverage": 0.927, "mass": 0.946,
                         "positions": 14_310},
             "baseline": {"accuracy": 0.679, "entropy": 1.204, "coverage": 0.878, "mass": 0.9,
                          "positions": 14_310},
             "verdict": "clearly better",
             "message": "The teacher is right at 79.9 % of 14,310 positions, the baseline at "
                        "67.9 %: +12.0 points, 95 % interval +11.0 to +13.0."},
        ],
        "exports": [{"stage": "train_student", "folder": "export/train_student/1",
                     "decode": {"kind": "beam", "beam": 4},
                     "check": {"sentences": 64, "equal": 64, "largest difference": 3.1e-6},
                     "bytes": 33_400_000, "parameters": 7_711_232}],
        "warnings": ["The teacher is right at 89.5 % of the positions that it scores and at 79.9 % "
                     "on validation: it has learnt part of them by heart."],
        "corpus": corpus,
    }  # fmt: skip


def build_other():
    """A second run of the same spec: another temperature, with most stages shared."""
    other = copy.deepcopy(build())
    other |= {"variant": "temperature_1", "seed": 1, "warnings": []}
    other["spec"]["stages"]["train_student"]["objective"]["soft_targets"]["temperature"] = 1
    other["stages"]["train train_student"]["fingerprint"] = "77aa01be23cd4590"
    for name, stage in other["stages"].items():
        stage["cached"] = name != "train train_student"
    other["histories"]["train_student"] = training_lines(
        4000, 8.3, 2.4, 9, distilled=True, validate=True
    )
    other["evaluations"] = [
        evaluation("test_2016", 38.02, -0.25), evaluation("test_2017", 33.02, -1.53),
    ]  # fmt: skip
    other["command"] += " --variant temperature_1"
    return other


@pytest.fixture(scope="session", autouse=True)
def drawings():
    """Plots by their content: pages of these tests have most of them in common, and drawing them is
    most of a page's work."""
    from tfkd.report.plots import lines as plots

    draw, found = plots.draw, {}

    def drawn_once(plot):
        key = repr(plot)
        if key not in found:
            found[key] = draw(plot)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "draw", drawn_once)
        yield found


@pytest.fixture
def results():
    return build()


@pytest.fixture
def light():
    """The same with short histories: quickly drawn."""
    results = build()
    results["histories"] = {
        "train_student": training_lines(500, 8.4, 2.3, 3, distilled=True, validate=True)
    }
    return results


@pytest.fixture(scope="session")
def page_texts():
    """The pages of one run and of two."""
    from tfkd.report.page import render

    return render([build()]), render([build(), build_other()])


@pytest.fixture
def other():
    return build_other()
