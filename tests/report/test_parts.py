"""Word differences, the spec's lines, numbers in words, plots' ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.report import mark_differences
from tfkd.report.plots.lines import Line, Plot, table
from tfkd.report.scores import score_blocks, verdicts
from tfkd.report.spec_view import differences, spec_lines
from tfkd.report.systems import Systems, open_runs
from tfkd.report.wording import duration, metric_value, number, p_value, percent, plain, size
from tfkd.spec.source.yaml_reader import read_text

texts = st.lists(st.sampled_from(["a", "dog", "Dog", ",", "runs", "schön", "."]), max_size=12)


@given(ours=texts, theirs=texts)
def test_marks_never_change_the_text(ours, theirs):
    text, reference = " ".join(ours), " ".join(theirs)
    stretches = mark_differences(text, reference)
    assert "".join(part for kind, part in stretches if kind != "missing") == text
    if ours == theirs:
        assert {kind for kind, _ in stretches} <= {"same"}
    for kind, part in stretches:
        assert kind in ("same", "other", "missing")
        assert part in (reference if kind == "missing" else text)


def test_marks_are_where_the_words_differ():
    assert mark_differences("A man runs fast.", "A man walks.") == [
        ("same", "A man "), ("other", "runs fast"), ("same", "."),
    ]  # fmt: skip
    assert mark_differences("A man.", "A tall man.") == [
        ("same", "A "), ("missing", "tall"), ("same", "man."),
    ]  # fmt: skip
    assert mark_differences("", "A") == [("missing", "A")]


@given(ours=texts, theirs=texts, others=texts)
def test_what_was_won_is_of_the_reference_and_not_of_the_other_output(ours, theirs, others):
    text, reference, beside = (" ".join(words) for words in (ours, theirs, others))
    plain, marked = mark_differences(text, reference), mark_differences(text, reference, beside)
    assert "".join(part for kind, part in marked if kind != "missing") == text
    # The same marks, but for stretches of what is the same that are won.
    joined = [("same" if kind == "won" else kind, part) for kind, part in marked]
    for kind in ("other", "missing"):
        assert [part for one, part in joined if one == kind] == [
            part for one, part in plain if one == kind
        ]
    won = [part for kind, part in marked if kind == "won"]
    assert all(part in reference for part in won)
    if others == theirs:
        assert not won
    if not others:  # nothing of the reference is there
        same = [part for kind, part in plain if kind == "same"]
        assert [word for part in won for word in part.split()] == " ".join(same).split()


def test_what_was_won_stands_out():
    reference = "at the age of two, although"
    assert mark_differences("at the age of two, but", reference, "with two years, but") == [
        ("won", "at the age of"), ("same", " two, "), ("other", "but"),
    ]  # fmt: skip


def test_very_long_texts_are_left_alone():
    text = "a b " * 500
    assert mark_differences(text, "b") == [("same", text)]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=9)
    | st.sampled_from(["on", "NO", "1e3", "a: b", "- x", "#", "", "null", "train.de", "0x1F", "~"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["on", "a", "b c", "x.y", "7"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(spec=st.dictionaries(st.sampled_from(["data", "stages", "no"]), values, min_size=1))
def test_the_shown_spec_reads_back_as_the_spec(spec):
    text = "\n".join(line["text"] for line in spec_lines(spec, {}))
    # By YAML 1.2, as specs are read: PyYAML takes 1e-06 for text.
    assert read_text(text, "page").plain() == spec


def test_each_line_says_where_it_is_from():
    spec = {"stages": {"a": {"steps": 5, "seed": 1, "data": ["x", "z"]}}, "name": "x"}
    provenance = {"stages.a": "f.yaml:3", "stages.a.seed": "default", "stages.a.steps": "--set",
                  "stages.a.data.0": "variant big (f.yaml:9)"}  # fmt: skip
    lines = spec_lines(spec, provenance)
    assert [(line["text"], line["source"], line["kind"]) for line in lines] == [
        ("stages:", "", "file"),
        ("  a:", "f.yaml:3", "file"),
        ("    steps: 5", "--set", "set"),
        ("    seed: 1", "default", "default"),
        ("    data: [x, z]", "variant big (f.yaml:9)", "variant"),
        ("name: x", "", "file"),
    ]


def test_differences_name_paths_and_what_is_missing():
    found = differences([{"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": []}])
    assert found == [{"path": "a.c", "values": ["2", "3"]}, {"path": "d", "values": [None, "[]"]}]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(1234567), "1,234,567"), (number(0.00123), "0.001230"), (number(12.3456), "12.35"),
        (number(1e-6), "1.00e−6"), (number(-2.5), "−2.500"), (number(None), "–"),
        (number(float("nan")), "nan"), (number(3.0), "3"), (plain(0.6), "0.6"),
        (plain(True), "yes"),
        (plain({"a": [1, 2]}), "a 1, 2"), (metric_value("bleu", 1.005, signed=True), "+1.00"),
        (metric_value("accuracy", 0.5), "50.00 %"), (metric_value("bleu", -0.5), "−0.50"),
        (p_value(0.0002), "< 0.001"), (p_value(0.0499), "0.050"),
        (p_value(0.0499, estimated=True), "≈ 0.050"), (p_value(None), "–"),
        (duration(3.21), "3.2 s"), (duration(402), "6 min 42 s"), (duration(3599.6), "1 h 0 min"),
        (duration(9031), "2 h 31 min"),
        (size(999), "999 B"), (size(23_100_000), "23.1 MB"), (size(5e12), "5000 GB"),
    ],
)  # fmt: skip
def test_numbers_in_words(shown, expected):
    assert shown.replace("\u00a0", " ") == expected


def test_a_figure_stays_on_the_line_of_its_unit():
    shown = [metric_value("accuracy", 0.5), percent(0.5), duration(402), size(23_100_000)]
    assert [text for text in shown if " " in text] == []


def test_tables_of_long_plots_are_thinned_and_keep_their_ends():
    line = Line("training", list(range(1000)), [1 / (x + 1) for x in range(1000)])
    numbers = table(Plot("p", "Loss", "", [line]))
    assert len(numbers["rows"]) == 100
    assert numbers["left_out"] == 900
    assert (numbers["rows"][0][0], numbers["rows"][-1][0]) == ("0", "999")


def test_a_plots_words_are_text_and_harmless():
    plot = Plot("p", "<b>", "$a$ & <i>", [Line("x", [0, 1], [2, 3])], summary="<s>")
    assert "$a$ &amp; &lt;i&gt;" in plot.svg
    assert '<title id="p-name">&lt;b&gt;</title>' in plot.svg
    assert '<desc id="p-text">&lt;s&gt;</desc>' in plot.svg


def test_systems_of_one_test_set_have_colours_of_their_own():
    of_words = {"of": "train_student", "on": "test", "against": {"of": "train_student#baseline"}}
    at_once = {"of": "translate", "on": "test", "against": {"of": "translate#mask_predict"}}
    elsewhere = {"of": "pretrain", "on": "captions"}
    runs = open_runs([{"evaluations": [of_words]}, {"evaluations": [at_once, elsewhere]}])
    systems = Systems(runs)
    names = [(0, "train_student"), (0, "train_student#baseline"), (1, "translate"),
             (1, "translate#mask_predict")]  # fmt: skip
    assert [systems.of(runs[run], label).series for run, label in names] == [0, 1, 2, 3]
    assert systems.of(runs[1], "pretrain").series == 0


def test_the_student_is_the_first_headline():
    figure = {"loss": {"value": 2.0}}
    entries = [{"of": of, "on": "test", "metrics": figure} for of in ("teacher", "first", "second")]
    spec = {"stages": {"teacher": {}, "first": {}, "second": {}}}
    runs = open_runs([{"evaluations": entries, "spec": spec}])
    headlines = verdicts(score_blocks(runs, Systems(runs)), runs)
    assert [one["row"]["system"].label for one in headlines] == ["second", "first", "teacher"]


def test_what_is_held_beside_the_student_comes_after_it():
    figure = {"loss": {"value": 2.0}}
    compared = {"value": 2.5, "delta": -0.5, "low": -0.8, "high": -0.2, "p": 0.01}
    entries = [
        {"of": of, "on": "test", "metrics": figure,
         "against": {"of": against, "metrics": {"loss": compared}}}
        for of, against in (("learn", "learn#baseline"), ("quick", "learn"))
    ]  # fmt: skip
    spec = {"stages": {"learn": {}, "quick": {}}}
    runs = open_runs([{"evaluations": entries, "spec": spec}])
    headlines = verdicts(score_blocks(runs, Systems(runs)), runs)
    assert [one["row"]["system"].label for one in headlines] == ["learn", "quick"]


def test_test_sets_of_one_name_are_one_where_their_rows_are():
    def results(digest, path):
        return {
            "evaluations": [{"of": "learn", "on": "test", "metrics": {"bleu": {"value": 1.0}}}],
            "data": {"test": {"kept": 2, "files": {path: digest}}},
            "spec": {"data": {"test": {"parallel": [path]}}},
        }

    alike = [results("1", "a"), results("1", "elsewhere/a")]
    runs = open_runs(alike)
    assert [block["on"] for block in score_blocks(runs, Systems(runs))] == ["test"]
    runs = open_runs([*alike, results("2", "a")])
    assert [block["on"] for block in score_blocks(runs, Systems(runs))] == [
        "test (A, B)", "test (C)",
    ]  # fmt: skip
    assert alike[0]["evaluations"][0]["on"] == "test"
