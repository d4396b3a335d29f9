"""Scores on the page: rows of a system, plots by length, chosen contexts."""

import copy

import pytest
from read_page import Page

from tfkd.report.page import render
from tfkd.report.scores import score_blocks
from tfkd.report.systems import Systems, open_runs
from tfkd.report.wording import metric_value


def test_lengths_of_outputs_have_a_plot_beside_those_of_references(light):
    entry = light["evaluations"][0]
    entry["by_output_length"] = [
        {**bucket, "value": bucket["value"] + 7, "against_rows": 3} for bucket in entry["by_length"]
    ]
    words = Page(render([light])).words
    assert f"BLEU by length of the reference on {entry['on']}" in words
    assert f"BLEU by length of the output on {entry['on']}" in words
    names = ["1–5", "6–8", "9–11", "12–14", "15–18", "19+"]
    buckets = list(zip(names, entry["by_length"], strict=True))
    ours = ", ".join(
        f"{bucket['value'] + 7:.1f} at {name} ({bucket['rows']} rows)" for name, bucket in buckets
    )
    theirs = ", ".join(f"{bucket['against']:.1f} at {name}" for name, bucket in buckets)
    assert f": {ours}." in words
    assert words.count(f": {theirs}.") == 1
    # Each system sorts its own outputs.
    assert f": {theirs.replace(',', ' (3 rows),')} (3 rows)." in words
    assert words.count("by the length of each system's own output instead") == 1
    block, *_ = score_blocks(runs := open_runs([light]), Systems(runs))
    by_reference, by_output = block["plots"]
    first = entry["by_length"][0]
    assert by_reference.places[0] == f"1–5\n{first['rows']}"
    assert by_output.places[0] == "1–5"
    assert by_output.x_name == "words of each system's own output"
    assert by_reference.x_name == "words, and rows"


def test_lengths_without_a_score_are_left_out_and_seeds_counted_by_point(light):
    entry = light["evaluations"][0]
    entry["by_output_length"] = copy.deepcopy(entry["by_length"])
    second = copy.deepcopy(entry) | {"seed": entry["seed"] + 1}
    second["by_output_length"][3]["rows"] += 4
    entry["by_output_length"][1]["value"] = second["by_output_length"][2]["value"] = None
    light["spec"]["seeds"] = [entry["seed"], second["seed"]]
    light["evaluations"] = [entry, second]
    (block,) = score_blocks(runs := open_runs([light]), Systems(runs))
    plot = block["plots"][1]
    ours, theirs = plot.lines
    assert ours.name == "train_student, mean of up to 2 seeds"
    assert len(ours.x) == len(plot.places)
    assert theirs.name == "train_student#baseline, mean of 2 seeds"
    few, more = (one["by_output_length"][3]["rows"] for one in (entry, second))
    assert f"at {plot.places[3]} ({few}–{more} rows), " in plot.summary


def test_trivial_systems_are_told_below_the_table_with_whom_they_stand_beside(light):
    entry = light["evaluations"][0]
    assert "learnt nothing" not in Page(render([light])).words
    copied = {"kind": "copy", "metrics": {"bleu": {"value": 0.481}, "chrf": {"value": 17.96}}}
    guess = {"kind": "unigram", "frequencies": "training", "metrics": {"loss": {"value": 5.571}}}
    entry["trivial"] = [copied, guess]
    words = Page(render([light])).words
    assert (
        "Systems that have learnt nothing score here: copying the source 0.48 BLEU, 17.96 chrF; "
        "a unigram model of training 5.571 Loss (nats)." in words
    )
    # Of two systems with tokenizers of their own each has its unigram model.
    other = copy.deepcopy(entry) | {"of": "another", "against": None}
    other["trivial"][1]["metrics"]["loss"]["value"] = 4.0
    light["evaluations"] = [entry, other]
    words = Page(render([light])).words
    assert words.count("copying the source") == 1
    assert "5.571 Loss (nats) (beside train_student); a unigram model" in words
    assert "4.000 Loss (nats) (beside another)" in words


def test_results_of_before_say_nothing_of_outputs_lengths(light):
    assert "own output" not in Page(render([light])).words


def test_a_chosen_context_is_told_apart_wherever_a_perplexity_stands(light):
    entry = light["evaluations"][0]
    for key in ("by_length", "examples", "differing", "against"):
        entry.pop(key)
    continued = {**entry, "continuations": "a.txt", "metrics": {
        "word_perplexity": {"value": 999.996, "low": 900.0, "high": 1100.0}}}  # fmt: skip
    near = {**continued, "context": 0, "metrics": {
        "word_perplexity": {"value": 1500.25, "low": 1400.0, "high": 1600.0}}}  # fmt: skip
    for one, mean in ((continued, 1000.0), (near, 1500.0)):
        one["noise"] = {"seed": 1, "draws": 1, "metrics": {"word_perplexity": [
            {"sigma": 0.0, "mean": mean, "std": None, "values": [mean]}]}}  # fmt: skip
    light["evaluations"] = [continued, near]
    page = render([light])
    words = Page(page).words
    assert "1,000 Word perplexity on test_2016 train_student" in words
    assert "1,500 Word perplexity on test_2016, context 0 train_student" in words
    assert "The bars of perplexities have logarithmic scales" in words
    assert "train_student, context 0: 1,500 at sigma 0" in words
    (block,) = score_blocks(runs := open_runs([light]), Systems(runs))
    # Continuations are decoded; no figure is made of them.
    assert block["decode"] == []
    assert [row["note"] for row in block["rows"]] == ["", "context 0"]
    # By itself, too: another model's may have been left another.
    light["evaluations"] = [near]
    (block,) = score_blocks(runs := open_runs([light]), Systems(runs))
    assert [row["note"] for row in block["rows"]] == ["context 0"]


def test_a_figure_joins_the_row_that_was_read_alike(light):
    """Equal figures join, whatever their intervals."""
    entry = light["evaluations"][0]
    for key in ("by_length", "examples", "differing", "against"):
        entry.pop(key)

    def measured(metric, value, **more):
        figure = {"value": value, "low": value - len(more), "high": value + 1}
        return {**entry, "decode": None, "metrics": {metric: figure}, **more}

    light["evaluations"] = [
        measured("word_perplexity", 60.0, context=0),
        measured("word_perplexity", 50.0),
        measured("loss", 3.0),
        measured("word_perplexity", 50.0, rows=999),
    ]
    (block,) = score_blocks(runs := open_runs([light]), Systems(runs))
    assert [(row["note"], set(row["figures"])) for row in block["rows"]] == [
        ("context 0", {"word_perplexity"}), ("", {"loss", "word_perplexity"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), [(999.994, "999.99"), (999.996, "1,000"), (-1234.5, "−1,234"), (0.5, "0.50")]
)
def test_thousands_are_whole_numbers(value, text):
    assert metric_value("word_perplexity", value) == text


def test_a_known_ceiling_is_the_last_row_of_its_table(light):
    best = {"value": 61.23, "low": 60.0, "high": 62.5, "signature": "x"}
    light["evaluations"][0]["ceiling"] = {"of": "a grammar", "metrics": {"bleu": best}}
    first, second = score_blocks(runs := open_runs([light]), Systems(runs))
    assert first["best"]["figures"] == {"bleu": best}
    assert second["best"] is None
    page = render([light])
    _, row = page.rsplit("ceiling: the grammar</th>", 1)
    assert row.index("61.23") < row.index("60.00 – 62.50") < row.index("</tr>")
    assert Page(page).words.count(first["best"]["note"]) == 1
