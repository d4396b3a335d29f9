"""Iterations, length candidates, and how outputs that are filled in came about."""

import copy

import pytest
from read_page import EVIL, Page

from tfkd.evaluation import result_errors
from tfkd.report.markdown.published_results import published
from tfkd.report.page import render
from tfkd.report.plots.searches import search_plots
from tfkd.report.scores import score_blocks
from tfkd.report.systems import Systems, open_runs


def entry(results, value, *, on="valid", of="translate", metric="bleu", **decode):
    """An evaluation by Mask-Predict; what is at its default is left out, as in results.json."""
    found = copy.deepcopy(results["evaluations"][0])
    figure = found["metrics"]["bleu"] | {"value": value, "low": value - 1, "high": value + 1}
    return found | {
        "of": of, "on": on, "against": None, "metrics": {metric: figure}, "by_length": [],
        "decode": {"kind": "mask_predict", **decode}, "examples": [],
    }  # fmt: skip


PASSES = [
    {"pieces": ["[MASK]", "a", "man", "[SEP]"], "hidden": [0, 1, 2, 3]},
    {"pieces": ["there", "a", "man", "[SEP]"], "hidden": [0, 2]},
]


@pytest.fixture
def filled(results):
    """A run whose evaluations vary both settings, beside one that was decoded by beams."""
    results["histories"] = {}
    results["evaluations"] = [
        results["evaluations"][0],
        entry(results, 30.0, iterations=1),
        entry(results, 33.0, iterations=4),
        entry(results, 34.0),
        entry(results, 32.0, length_candidates=1),
    ]
    results["evaluations"][3]["trace"] = [{"source": "ein mann", "passes": PASSES}]
    return results


def plots_of(*results):
    runs = open_runs(results)
    return search_plots(runs, Systems(runs))


def points(plot, line=0):
    """What a line says, by the names of its places."""
    found = plot.lines[line]
    return {plot.places[int(x)]: y for x, y in zip(found.x, found.y, strict=True)}


def test_the_fixture_has_the_form_of_results_json(filled):
    assert result_errors(filled) == []


def test_one_setting_moves_in_a_plot_and_the_other_is_named(filled):
    """What is left out of a decoding is at its default: 10 iterations, 4 length candidates."""
    iterations, candidates = plots_of(filled)
    assert points(iterations) == {"1": 30.0, "4": 33.0, "10": 34.0}
    assert iterations.lines[0].name == "translate, 4 length candidates"
    assert points(candidates) == {"1": 32.0, "4": 34.0}
    assert candidates.lines[0].name == "translate, 10 iterations"
    assert iterations.title == "BLEU against iterations on valid"
    assert "30.00 with 1, 33.00 with 4, 34.00 with 10" in iterations.summary


def test_places_stand_in_the_order_of_their_numbers(filled):
    filled["evaluations"] = [entry(filled, 1.0 * n, iterations=n) for n in (10, 2, 1, 4)]
    (plot,) = plots_of(filled)
    assert plot.places == ["1", "2", "4", "10"]
    assert plot.lines[0].x == [0, 1, 2, 3]


def test_each_test_set_has_its_plots(filled):
    filled["evaluations"] += [entry(filled, 20.0 + n, on="test", iterations=n) for n in (1, 10)]
    plots = plots_of(filled)
    assert [plot.title.rpartition(" ")[2] for plot in plots] == ["valid", "valid", "test"]
    assert len({plot.identity for plot in plots}) == 3
    assert points(plots[2]) == {"1": 21.0, "10": 30.0}


def test_models_and_runs_have_lines_of_their_own(filled):
    other = copy.deepcopy(filled)
    for one in other["evaluations"][1:]:
        one["metrics"]["bleu"]["value"] -= 10
    other["stages"] = {}
    iterations = plots_of(filled, other)[0]
    assert [points(iterations, line)["10"] for line in (0, 1)] == [34.0, 24.0]
    names = [line.name for line in iterations.lines]
    assert len(set(names)) == 2, names


def test_searches_that_differ_elsewhere_are_not_one_line(filled):
    """A pass more is another decoding, and is said."""
    filled["evaluations"] = [
        entry(filled, value + more, iterations=n, **rest)
        for more, rest in ((0, {}), (5, {"passes": "one_more"}))
        for n, value in ((1, 30.0), (10, 34.0))
    ]
    (plot,) = plots_of(filled)
    assert [points(plot, line) for line in (0, 1)] == [
        {"1": 30.0, "10": 34.0}, {"1": 35.0, "10": 39.0},
    ]  # fmt: skip
    names = [line.name for line in plot.lines]
    assert names == [
        "translate, 4 length candidates", "translate, 4 length candidates, passes one_more",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        lambda all: all[:2],  # one search is no line
        lambda all: [one | {"decode": {"kind": "beam", "beam": n}} for n, one in enumerate(all)],
        lambda all: [one | {"metrics": {}} for one in all],
        lambda all: [one | {"decode": None} for one in all],
        lambda all: [one | {"metrics": {"bleu": {"value": None}}} for one in all],
    ],
)
def test_without_two_searches_of_one_model_there_is_no_plot(filled, change):
    filled["evaluations"] = change(filled["evaluations"])
    assert plots_of(filled) == []


def test_the_page_shows_the_plots_and_each_pass(filled):
    text = render([filled])
    page = Page(text)
    assert "Iterations and lengths" in page.words
    assert "BLEU against length candidates on valid" in page.words
    assert "How outputs came about" in page.words
    places = {attributes.get("id") for _, attributes in page.tags}
    assert {"searches", "traces"} <= places
    links = {attributes.get("href") for attributes in page.all("a")}
    assert {"#searches", "#traces"} <= links
    trace = text[text.index('id="traces"') :].partition("<section id=")[0]
    assert "ein mann" in trace
    # Pass by pass: its number, how many places it hid, and these places marked.
    assert trace.count("<mark>") == 1 + 4 + 2  # the lead's, and the hidden ones
    assert "<mark>there</mark> a <mark>man</mark> [SEP]" in trace
    rows = [row for row in trace.split("<tr>") if 'scope="row"' in row]
    assert [row.count("<mark>") for row in rows] == [4, 2]


def test_a_page_without_them_has_no_such_sections(results):
    page = Page(render([results]))
    assert "How outputs came about" not in page.words
    assert not [a for a in page.all("a") if a.get("href") in ("#searches", "#traces")]


def test_of_one_model_one_search_is_traced(filled):
    filled["evaluations"][1]["trace"] = [{"source": "ein mann", "passes": PASSES[:1]}]
    text = render([filled])
    assert text.count("Passes over one sentence") == 1


def test_pieces_and_sources_of_others_do_no_harm(filled):
    trace = filled["evaluations"][3]["trace"][0]
    trace["source"] += EVIL
    trace["passes"] = [
        {"pieces": [EVIL, "b"], "hidden": [0]},
        {"pieces": ["a", EVIL], "hidden": [0]},
    ]
    page = Page(render([filled]))
    assert not page.all("script")
    assert not page.all("img")
    assert page.words.count("alert(1)") == 3


def test_published_results_are_without_sentences(filled):
    assert not [one for one in published(filled)["evaluations"] if "trace" in one]


def test_a_baseline_that_is_decoded_otherwise_says_how(filled):
    """Its row has its own search, not that of the model that fills in."""
    one = filled["evaluations"][3]
    one["on"] = "test"
    one["against"] = {
        "of": "translate", "variant": "transformer", "decode": {"kind": "beam", "beam": 5},
        "metrics": {"bleu": {"value": 33.0, "delta": 1.0, "low": 0.1, "high": 1.9, "p": 0.03}},
    }  # fmt: skip
    filled["evaluations"] = [one]
    page = Page(render([filled]))
    assert "Decoding: mask_predict; beam 5 for translate#transformer." in page.words


def test_one_line_by_length_for_a_system_that_is_decoded_in_several_ways(filled):
    lengths = filled["evaluations"][0]["by_length"]
    for one in filled["evaluations"][1:]:
        one["by_length"] = copy.deepcopy(lengths)
    filled["evaluations"] = filled["evaluations"][1:]
    runs = open_runs([filled])
    (block,) = score_blocks(runs, Systems(runs))
    (plot,) = block["plots"]
    assert [line.name for line in plot.lines] == ["translate"]
    # Each way stands in the table.
    assert len(block["rows"]) == 4


def test_a_line_by_length_is_the_mean_over_the_seeds(results):
    """The system's own and its baseline's, each over the seeds that it was measured with."""
    first = results["evaluations"][0]
    second = copy.deepcopy(first) | {"seed": first["seed"] + 1}
    for bucket in second["by_length"]:
        bucket["value"] += 3
        bucket["against"] += 1
    results["spec"]["seeds"] = [first["seed"], second["seed"]]
    results["evaluations"] = [first, second]
    runs = open_runs([results])
    (block,) = score_blocks(runs, Systems(runs))
    (plot,) = block["plots"]
    values = {line.name: line.y for line in plot.lines}
    assert values == {
        "train_student, mean of 2 seeds": pytest.approx(
            [bucket["value"] + 1.5 for bucket in first["by_length"]]
        ),
        "train_student#baseline, mean of 2 seeds": pytest.approx(
            [bucket["against"] + 0.5 for bucket in first["by_length"]]
        ),
    }
