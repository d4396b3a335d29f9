"""What a student gains against how many rows it has learnt from: the drawing and the table are what
the kept results say, read here from both by themselves."""

import json
import math
import re
import statistics
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tfkd.report.markdown.kept_comparisons import kept_rows
from tfkd.report.markdown.readme_tables import drawings, main, regenerate, shown_results
from tfkd.report.plots.intervals import Intervals, Point, draw_intervals
from tfkd.report.systems import open_runs
from tfkd.spec.errors import UserError
from tfkd.spec.source.yaml_reader import read_any

SVG = "{http://www.w3.org/2000/svg}"
# Student's t of 95 % by degrees of freedom.
T = {1: 12.7062, 2: 4.30265}
FIGURE = """
small:
  title: What a teacher <adds> & when
  rows: [train]
  called: pairs
  on: tests
  metric: bleu
  against: "learn#alone"
  baseline: no teacher
  systems: {"learn#text": "text | alone", "learn#left": left <to> "right", "learn#gone": never}
"""
# The scores of the baseline by seed, and what systems have more, of each number of pairs.
ALONE = {1500: (10.1, 10.4, 9.9), 6000: (20.3, 20.9, 20.6), 29000: (31.2, 31.1, 31.9)}
MORE = {
    1500: {"left": (2.0, 2.6, 1.7), "both": (-0.4, 0.3, 0.2), "text": (4.1, 4.0, 4.6)},
    6000: {"left": (1.0, 1.3, 1.1), "text": (2.2, 2.0, 2.9)},
    29000: {"left": (-0.9, -1.3, -1.0), "both": (0.1, 0.4, -0.3), "text": (0.3, 0.2, 0.9)},
}
DRAWING = "docs/assets/gains_small.svg"


def entry(system, on, seed, alone, delta, metric="bleu"):
    return {
        "of": f"learn#{system}", "variant": system, "on": on, "seed": seed, "rows": 2000,
        "decode": {"kind": "beam", "beam": 4}, "metrics": {metric: {"value": alone + delta}},
        "against": {
            "of": "learn#alone", "variant": "alone",
            "metrics": {metric: {"value": alone, "delta": delta, "low": delta - 0.7,
                                 "high": delta + 0.5, "p": 0.001,
                                 "p_by": "approximate_randomization"}},
        },
    }  # fmt: skip


def kept(size, seeds=(1, 2, 3), systems=("left", "both", "text"), metric="bleu", scale=1.0):
    entries = [
        entry(
            system, "tests", seed, ALONE[size][seed - 1] * scale, deltas[seed - 1] * scale, metric
        )
        for system, deltas in MORE[size].items()
        if system in systems
        for seed in seeds
    ]
    # What is tried on other rows is no gain.
    entries += [entry("less", "valid", seed, 10.0, 5.0, metric) for seed in seeds]
    spec = {"tfkd": 1, "name": "small", "seeds": [*seeds], "stages": {}}
    return {"name": "small", "spec": spec, "data": {"train": {"read": 29000, "kept": size}},
            "stages": {}, "evaluations": entries}  # fmt: skip


def block(*sizes, figure="small", body=""):
    names = " ".join(f"small_{size}" for size in sizes)
    return f"Before.\n<!-- results:begin gains {figure} {names} -->\n{body}<!-- results:end -->\n"


@pytest.fixture
def folder(tmp_path):
    """Where results lie in a project."""
    folder = tmp_path / "specs" / "results"
    folder.mkdir(parents=True)
    (folder / "gains.yaml").write_text(FIGURE, "utf-8")
    for size in ALONE:
        keep(folder, size)
    return folder


def keep(folder, size, **changes):
    (folder / f"small_{size}.json").write_text(json.dumps(kept(size, **changes)), "utf-8")


def expected(folder, size):
    """Each system's difference and the ends of its interval, from the file alone."""
    read = json.loads((folder / f"small_{size}.json").read_text("utf-8"))
    found, scores = {}, {}
    for one in read["evaluations"]:
        if one["on"] == "tests":
            (figure,) = one["against"]["metrics"].values()
            found.setdefault(one["variant"], []).append(figure["delta"])
            scores.setdefault(one["variant"], (figure["low"], figure["high"]))
    for system, deltas in found.items():
        mean = statistics.fmean(deltas)
        low, high = scores[system]
        if len(deltas) > 1:
            half = T[len(deltas) - 1] * statistics.stdev(deltas) / math.sqrt(len(deltas))
            low, high = mean - half, mean + half
        found[system] = (mean, low, high)
    return found


def measured(svg):
    """The same from a drawing: values by its axis' names, of each line's name and place's."""
    root = ElementTree.fromstring(svg)

    def texts(kind):
        return [one for one in root.iter(f"{SVG}text") if kind in one.get("class", "").split()]

    ticks = {float(one.text.replace("−", "-").replace(",", "")): float(one.get("y"))
             for one in texts("value")}  # fmt: skip
    (low, bottom), *_, (high, top) = sorted(ticks.items())

    def value(y):
        return low + (high - low) * (y - bottom) / (top - bottom)

    assert all(value(y) == pytest.approx(tick, abs=0.01) for tick, y in ticks.items())
    assert 0 in ticks
    places = {int(one.text.replace(",", "")): float(one.get("x")) for one in texts("place")}
    found = {}
    for line in root.iter(f"{SVG}g"):
        for group in line.iter(f"{SVG}g") if line.get("aria-label") else ():
            if group is line:
                continue
            (point,) = (one for one in group if one.get("class") == "point")
            whisker = [one for one in group if one.get("class") == "whisker"]
            x, y = map(float, re.findall(r"[-\d.]+", point.get("transform")))
            size = min(places, key=lambda place: abs(places[place] - x))
            ends = ()
            if whisker:
                at, *ends = map(float, re.match(r"M([\d.]+) ([\d.]+)V([\d.]+)",
                                                whisker[0].get("d")).groups())  # fmt: skip
                assert at == x
            found[line.get("aria-label"), size] = tuple(map(value, (y, *ends)))
    return found, places


NAMES = {"left": 'left <to> "right"', "both": "learn#both", "text": "text | alone"}


@pytest.mark.parametrize("sizes", [(29000, 1500, 6000), (6000, 29000), (1500,)])
@pytest.mark.parametrize("seeds", [(1, 2, 3), (2, 3), (1,)])
def test_each_mark_and_its_whiskers_are_what_the_file_says(folder, sizes, seeds):
    for size in sizes:
        keep(folder, size, seeds=seeds)
    svg = drawings(block(*sizes), folder)[DRAWING]
    found, places = measured(svg)
    told = {(NAMES[system], size): figures
            for size in sizes for system, figures in expected(folder, size).items()}  # fmt: skip
    assert found.keys() == told.keys()
    for key, figures in told.items():
        assert found[key] == pytest.approx(figures, abs=0.005), key
        value, low, high = found[key]
        assert low <= value <= high
    assert {*places} == {*sizes}
    xs = [places[size] for size in sorted(places)]
    steps = [math.log(size / min(sizes)) for size in sorted(places)]
    for x, step in zip(xs, steps, strict=True):  # logarithmic
        assert len(xs) == 1 or (x - xs[0]) / (xs[-1] - xs[0]) == pytest.approx(
            step / steps[-1], abs=1e-3
        )
    # Twice the same bytes, whatever the order of the files.
    assert drawings(block(*sorted(sizes)), folder)[DRAWING] == svg


def test_a_line_is_broken_where_its_system_was_not_measured(folder):
    root = ElementTree.fromstring(drawings(block(1500, 6000, 29000), folder)[DRAWING])
    lines = {
        group.get("aria-label"): sum(one.get("class") == "line" for one in group)
        for group in root.iter(f"{SVG}g")
        if group.get("aria-label")
    }
    assert lines == {NAMES["text"]: 2, NAMES["left"]: 2, NAMES["both"]: 0}


def test_no_name_of_a_place_is_written_over_another():
    points = [Point(x=x, y=1.0) for x in (1000, 1100, 1200, 1300, 9000)]
    svg = draw_intervals(Intervals(
        title="t", summary="s", x_name="x", y_name="y", systems={"one": points, "two": points[1:]},
    ))  # fmt: skip
    names = [
        (float(one.get("x")), float(one.get("y")), len(one.text) * 8)
        for one in ElementTree.fromstring(svg).iter(f"{SVG}text")
        if one.get("text-anchor") == "middle"
    ]
    assert len(names) == 6  # and the axis'
    for n, (x, y, width) in enumerate(names):
        for other, line, long in names[:n]:
            assert abs(x - other) >= (width + long) / 2 or abs(y - line) > 11


def test_a_drawing_says_what_it_is(folder):
    svg = drawings(block(1500, 6000, 29000), folder)[DRAWING]
    root = ElementTree.fromstring(svg)
    by_id = {one.get("id"): one.text for one in root if one.get("id")}
    title, summary = (by_id[name] for name in root.get("aria-labelledby").split())
    assert title == "What a teacher <adds> & when"
    mean, low, high = expected(folder, 29000)["left"]
    said = f"{NAMES['left']}, 29,000 pairs: {mean:.2f} [{low:.2f}, {high:.2f}], worse."
    assert said.replace("-", "−") in summary
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert {*NAMES.values()} <= {*texts}  # the legend
    assert "Difference of BLEU from no teacher; higher is better" in texts
    # Light and dark alike: whatever has a colour has one for dark pages.
    dark = svg.partition("prefers-color-scheme: dark")[2].partition("</style>")[0]
    assert {*re.findall(r'class="(s\d|grid|axis|paper)', svg)} <= {*re.findall(r"\.(\w+)", dark)}


def test_the_table_has_the_same_with_how_it_reads(folder):
    lines = regenerate(block(1500, 6000, 29000), folder, "docs/guides/page.md").splitlines()
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in lines if line.startswith("|")]  # fmt: skip
    head, _, alone, *systems = rows
    assert head == ["BLEU on tests", "1,500 pairs", "6,000 pairs", "29,000 pairs"]
    assert alone == ["no teacher", *(f"{statistics.fmean(of):.2f}" for of in ALONE.values())]
    names = ["text \\| alone", NAMES["left"], "learn#both"]
    assert [row[0] for row in systems] == names
    for system, row in zip(("text", "left", "both"), systems, strict=True):
        for size, cell in zip(ALONE, row[1:], strict=True):
            if system not in MORE[size]:
                assert cell == ""
                continue
            _, low, high = expected(folder, size)[system]
            both = [statistics.fmean(scores) for scores in (
                [a + b for a, b in zip(ALONE[size], MORE[size][system], strict=True)], ALONE[size]
            )]  # fmt: skip
            # As in the other tables: what the shown scores differ by.
            mean = round(both[0], 2) - round(both[1], 2)
            reading = "better" if low > 0 else "worse" if high < 0 else "undecided"
            text = f"{mean:+.2f} [{low:+.2f}, {high:+.2f}] {reading}"
            assert cell == text.replace("-", "−")
    assert any(cell.endswith("undecided") for cell in systems[2])
    text = "\n".join(lines)
    assert "](../assets/gains_small.svg)" in text
    assert "means of 3 seeds with 95 % t-intervals" in text
    assert "Not measured: never." in text
    assert "`specs/results/small_6000.json`" in text


def test_what_is_of_one_seed_says_so(folder):
    keep(folder, 1500, seeds=(1,))
    text = regenerate(block(1500, 6000), folder)
    assert "better (1 seed) |" in text
    assert "better (3 seeds) |" in text
    assert "says nothing about another training" in text


def test_less_of_a_loss_is_better_and_shares_are_shown_in_hundredths(folder):
    figure = FIGURE.replace("bleu", "loss")
    (folder / "gains.yaml").write_text(figure, "utf-8")
    keep(folder, 1500, metric="loss")
    assert re.search(r"left <to>.* \| \+.* worse \|", regenerate(block(1500), folder))
    assert "lower is better" in drawings(block(1500), folder)[DRAWING]
    (folder / "gains.yaml").write_text(FIGURE.replace("bleu", "accuracy"), "utf-8")
    keep(folder, 1500, metric="accuracy", scale=0.01)
    found, _ = measured(drawings(block(1500), folder)[DRAWING])
    mean = statistics.fmean(MORE[1500]["left"])
    assert found[NAMES["left"], 1500][0] == pytest.approx(mean, abs=0.005)
    assert f"| {mean:+.2f} [" in regenerate(block(1500), folder)


def test_a_typed_figure_or_a_drawing_changed_by_hand_is_found_and_made_anew(folder, capsys):
    root = folder.parents[1]
    readme, drawing = root / "README.md", root / DRAWING
    readme.write_text(block(1500, 29000, body="| 99.99 |\n"), "utf-8")
    assert main(["--root", str(root), "--check"]) == 1
    assert not drawing.exists()
    assert main(["--root", str(root)]) == 0
    assert main(["--root", str(root), "--check"]) == 0
    text, svg = readme.read_text("utf-8"), drawing.read_text("utf-8")
    assert shown_results(text, folder) == {"small_1500", "small_29000"}
    assert f"]({DRAWING})" in text
    for path, good in ((readme, text), (drawing, svg)):
        digit = [at for at, letter in enumerate(good) if letter in "2345678"][-9]
        path.write_text(f"{good[:digit]}{int(good[digit]) + 1}{good[digit + 1 :]}", "utf-8")
        capsys.readouterr()
        assert main(["--root", str(root), "--check"]) == 1
        assert path.name in capsys.readouterr().out
        assert main(["--root", str(root)]) == 0
        assert path.read_text("utf-8") == good
    # A new result changes both; one that cannot be shown changes nothing.
    keep(folder, 1500, seeds=(1, 2))
    assert main(["--root", str(root)]) == 0
    assert readme.read_text("utf-8") != text
    assert drawing.read_text("utf-8") != svg
    text, svg = readme.read_text("utf-8"), drawing.read_text("utf-8")
    keep(folder, 1500)
    (root / "docs" / "page.md").write_text(block(6000), "utf-8")
    assert main(["--root", str(root)]) == 1
    assert "shows docs/assets/gains_small.svg of other results" in capsys.readouterr().err
    assert (readme.read_text("utf-8"), drawing.read_text("utf-8")) == (text, svg)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("on: tests", "on: other", "compares nothing with learn#alone on other by bleu; it c"),
        ("rows: [train]", "rows: [pairs]", "gains.yaml: small: .* has no corpus pairs; it has t"),
        ("  called: pairs\n", "", "gains.yaml: small: expected .*called.*; found"),
        ("small:", "large:", "gains.yaml has no figure small; it has large"),
        ("text | alone", 'left <to> \\"right\\"', "two systems have one name"),
        ("rows: [train]", "rows: []", "small_1500 has no row of "),
        ("no teacher", '"no\\nteacher"', r"small: found 'no.nteacher'; expected text on one line"),
        ("text | alone", "\\x07", r"found '.x07'; expected text on one line, all of it visible"),
        ("rows: [train]", "rows: train", r"expected rows: \[CORPUS, \.\.\.\] and systems"),
    ],
)
def test_what_a_figure_cannot_show_is_refused(folder, old, new, said):
    (folder / "gains.yaml").write_text(FIGURE.replace(old, new), "utf-8")
    with pytest.raises(UserError, match=said):
        regenerate(block(1500), folder)


def test_a_system_stands_once_at_a_size(folder):
    (folder / "small_1501.json").write_text(json.dumps(kept(1500)), "utf-8")
    with pytest.raises(
        UserError, match="small_1500 and small_1501 both compare learn#left of 1,500"
    ):
        drawings(block(1500, 1501), folder)
    with pytest.raises(UserError, match="small_1500 compares twice learn#left of 1,500"):
        drawings(block(1500, 1500), folder)
    # Systems of one size may be of several runs.
    keep(folder, 1500, systems=("left",))
    (folder / "small_1501.json").write_text(
        json.dumps(kept(1500, systems=("both", "text"))), "utf-8"
    )
    found, _ = measured(drawings(block(1500, 1501), folder)[DRAWING])
    assert {name for name, _ in found} == {*NAMES.values()}


def test_a_block_names_a_figure_and_results(folder):
    with pytest.raises(UserError, match="or gains and the names of a figure and of such files"):
        regenerate("<!-- results:begin gains small -->\n<!-- results:end -->\n", folder)


def test_figures_name_the_systems_that_their_specs_compare():
    root = Path(__file__).parents[2] / "specs"
    for figure, asked in read_any(root / "results" / "gains.yaml").plain().items():
        compared = [
            one["of"]
            for one in read_any(root / f"{figure}.yaml").plain()["evaluate"]
            if asked["on"] in one["on"]
            and asked["metric"] in one["metrics"]
            and one.get("against") == asked["against"]
        ]
        assert compared == [*asked["systems"]], figure


def test_rows_that_a_result_does_not_tell_are_asked_for():
    (run,) = open_runs([{"name": "small", "data": {"train": {"read": 3}}}])
    with pytest.raises(UserError, match=r"^here: small does not tell how many rows train has"):
        kept_rows(run, ["train"], "here")
