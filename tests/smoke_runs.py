"""Runs of the package's specs at tiny sizes. Two files of tests share them, one a worker.

Each is a process of its own, as a user's; what it has traced leaves the memory with it. That of
the short ring is made here, to save the start of another.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tfkd import cli
from tfkd.evaluation import check_line
from tfkd.spec import load_spec

SPECS = sorted((Path(__file__).resolve().parent.parent / "specs").glob("*.yaml"))
# One of three families runs in the short ring, where tiny lines of each method run, too; all in the
# long one.
SHORT = {"pretraining_families"}
# Whose variants run too, in the long ring: one of each method and family, and what those leave out
# (online teachers of texts without labels; teachers that write from left to right or are cut to six
# layers, RNNs).
TABLES = {
    "multi30k_deen",
    "mask_kd_multi30k_ende",
    "abnet_multi30k_deen",
    "lightpaff_bert_mrpc",
    "lightpaff_gpt2_wikitext2",
    "lightpaff_mass_multi30k",
    "lightpaff_bert_sst2",
    "distill_opus_mt",
    "distill_causal_lm",
    "distill_sequence_classifier",
    "iwslt_envi",
}


def smoke_runs(paths):
    """Their parameters: those outside of the short ring are marked."""
    marks = {True: [], False: [pytest.mark.long]}
    return [pytest.param(path, marks=marks[path.stem in SHORT], id=path.stem) for path in paths]


def run_tfkd(*words):
    done = subprocess.run(
        [sys.executable, "-m", "tfkd", *map(str, words)],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == cli.DONE, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout.splitlines()


def run_here(*words):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert cli.main([*map(str, words)]) == cli.DONE
    return said.getvalue().splitlines()


def check_run(path, folder):
    """Runs a spec at tiny sizes: what it evaluates and exports is there, and its report."""
    runs = folder / "runs"
    tfkd = run_here if path.stem in SHORT else run_tfkd
    said = tfkd("run", path, "--smoke", "--data-dir", folder, "--runs-dir", runs)
    run = runs / f"{path.stem}-smoke"
    results = json.loads((run / "results.json").read_text("utf-8"))
    spec = load_spec(path)
    assert {entry["of"] for entry in results["evaluations"] + results["teacher_checks"]} == {
        entry.of for entry in spec.evaluate
    }
    assert [entry["stage"] for entry in results["exports"]] == [one.of for one in spec.export]
    for entry in results["exports"]:
        own = "export.json" if "format" in entry else "saved_model.pb"
        assert (run / entry["folder"] / own).is_file()
    # Of models of a few steps nobody is told that they have learnt nothing.
    assert not any("learnt this task" in text for text in results["warnings"])
    assert "<html" in (run / "report.html").read_text("utf-8")
    # Verdicts on teachers come at once: each right after an evaluation or the verdict before it.
    for check in results["teacher_checks"]:
        before = said[said.index(check_line(check)) - 1]
        assert re.match(r"\[\d+/\d+\] (evaluate|score) |teacher check, ", before), before


def check_variants(path, folder):
    """Runs a spec and its variants, which share their stages."""
    runs = folder / "runs"
    run_tfkd("run", path, "--smoke", "--all-variants", "--data-dir", folder, "--runs-dir", runs)
    for variant in load_spec(path).variants:
        results = json.loads((runs / f"{path.stem}-smoke@{variant}" / "results.json").read_text())
        assert results["evaluations"]
