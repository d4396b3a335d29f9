"""What a student gains, against how many rows it has learnt from: a figure and its table, of
`specs/results/gains.yaml`."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from tfkd.report.markdown.kept_comparisons import kept_comparisons, kept_rows
from tfkd.report.markdown.tables import one_line, table
from tfkd.report.plots.intervals import Intervals, Point, draw_intervals
from tfkd.report.scores import difference, verdict_notes
from tfkd.report.systems import open_runs
from tfkd.report.wording import is_number, metric_name, metric_value, number
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import about
from tfkd.spec.source.yaml_reader import read_any

FILE = "gains.yaml"
# Where drawings lie, from the project's folder.
DRAWINGS = PurePosixPath("docs/assets")
_KEYS = {"title", "rows", "called", "on", "metric", "against", "baseline", "systems"}
_NAME = re.compile(r"[a-z0-9_]+")


class _Cell(NamedTuple):
    """A comparison of a system, and the file that it is from."""

    result: str
    found: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Gains:
    """What a figure shows: its entry of `gains.yaml`, and by number of rows each system's
    comparison by its label."""

    figure: str
    asked: Mapping[str, Any]
    results: Sequence[str]
    sizes: Mapping[int, Mapping[str, _Cell]]

    @property
    def drawing(self) -> PurePosixPath:
        """The drawing's file, from the project's folder."""
        return DRAWINGS / f"gains_{self.figure}.svg"

    @property
    def systems(self) -> dict[str, str]:
        """Names by label: as the entry lists them, and the label of any that it does not list."""
        found = {label for cells in self.sizes.values() for label in cells}
        named = {label: name for label, name in self.asked["systems"].items() if label in found}
        return named | {label: label for label in sorted(found - {*named})}


def read_gains(
    folder: Path, read: Callable[[str], Mapping[str, Any]], figure: str, results: Sequence[str]
) -> Gains:
    """The comparisons of a figure.

    Every comparison of the results with the figure's baseline, on its test set and by its metric,
    has its place there: `systems` gives names and their order, and leaves nothing out.

    Args:
        folder: Where `gains.yaml` lies: `{FIGURE: {title, rows, called, on, metric, against,
            baseline, systems}}`. `rows` are the corpora whose rows are counted, `called` what such
            a row is; `against` is the baseline's label, `baseline` its name; `systems` names by
            label.
        read: Gives the results of a run by the name of their file.
        figure: The figure's name there.
        results: The names of the runs' files.

    Raises:
        UserError: There is no such figure, it has other keys, a run has no such comparison, or two
            of one system by as many rows.
    """
    entries, where = read_any(folder / FILE).plain() or {}, f"{FILE}: {figure}"
    if figure not in entries:
        raise UserError(f"{FILE} has no figure {figure}; it has {', '.join(entries) or 'none'}")
    if not _NAME.fullmatch(figure):
        raise UserError(f"{where}: a file bears this name; expected letters a-z, digits and _")
    asked = _checked(entries[figure], where)
    sizes: dict[int, dict[str, _Cell]] = {}
    for name in results:
        run = open_runs([read(name)])[0]
        found = [*kept_comparisons(run)]
        here = [
            one
            for on, one in found
            if (on, one["metric"]) == (asked["on"], asked["metric"])
            and one["against"].label == asked["against"]
        ]
        if not here:
            others = dict.fromkeys(
                f"{one['system'].label} with {one['against'].label} on {on} by {one['metric']}"
                for on, one in found
            )
            raise UserError(
                f"{where}: {name} compares nothing with {asked['against']} on {asked['on']} by "
                f"{asked['metric']}; it compares {'; '.join(others) or 'nothing'}"
            )
        size = kept_rows(run, asked["rows"], where)
        if not size:
            raise UserError(f"{where}: {name} has no row of {', '.join(asked['rows'])}")
        for one in here:
            cell = _Cell(name, one)
            before = sizes.setdefault(size, {}).setdefault(one["system"].label, cell)
            if before is not cell:
                both = f"{before.result} and {name} both compare"
                raise UserError(
                    f"{where}: {both if before.result != name else f'{name} compares twice'} "
                    f"{one['system'].label} of {size:,} {asked['called']}; show one of them"
                )
    sizes = {size: sizes[size] for size in sorted(sizes)}
    gains = Gains(figure=figure, asked=asked, results=results, sizes=sizes)
    if len({*gains.systems.values()}) < len(gains.systems):
        raise UserError(f"{where}: two systems have one name; {gains.systems}")
    return gains


def _checked(asked: Any, where: str) -> Mapping[str, Any]:
    """The entry of a figure, whose texts can stand in a table and in a drawing."""
    keys = [*asked] if isinstance(asked, Mapping) else asked
    if not isinstance(asked, Mapping) or {*asked} != _KEYS:
        raise UserError(f"{where}: expected {sorted(_KEYS)}; found {keys}")
    rows, systems = asked["rows"], asked["systems"]
    if not isinstance(rows, list) or not isinstance(systems, Mapping):
        raise UserError(f"{where}: expected rows: [CORPUS, ...] and systems: {{LABEL: NAME}}")
    texts = [
        *rows,
        *systems,
        *systems.values(),
        *(asked[key] for key in _KEYS - {"rows", "systems"}),
    ]
    for text in texts:
        if not isinstance(text, str) or not text.isprintable():
            raise UserError(
                f"{where}: found {text!r}; expected text on one line, all of it visible"
            )
    return asked


def gains_block(gains: Gains, page: str) -> str:
    """The figure as a page shows it, with its table and what must be said of it.

    Args:
        gains: What it shows.
        page: The page's file, from the project's folder.
    """
    asked, metric = gains.asked, gains.asked["metric"]
    place = os.path.relpath(gains.drawing, PurePosixPath(page).parent)
    text = re.sub(r"[\[\]]", "", one_line(asked["title"]))
    cells = [cell.found for found in gains.sizes.values() for cell in found.values()]
    seeds = {_seeds(one) for one in cells}
    head = [f"{metric_name(metric)} on {asked['on']}"]
    head += [f"{size:,} {asked['called']}" for size in gains.sizes]
    rows = [[asked["baseline"]], *([name] for name in gains.systems.values())]
    for found in gains.sizes.values():
        values = (metric_value(metric, cell.found["value"]) for cell in found.values())
        rows[0].append(" / ".join(dict.fromkeys(values)))
        for row, label in zip(rows[1:], gains.systems, strict=True):
            row.append(_shown(found[label].found, seeds) if label in found else "")
    against = f"`{one_line(asked['against'])}`"
    notes = [f"The first row has the scores of {against}, the others differences from them, "
             f"{_of_seeds(seeds)}."]  # fmt: skip
    notes += [f"{note[:1].upper()}{note[1:]}." for note in map(one_line, verdict_notes(cells))]
    notes.append(f"From {', '.join(f'`specs/results/{name}.json`' for name in gains.results)}.")
    lacking = [name for label, name in asked["systems"].items() if label not in gains.systems]
    if lacking:
        notes.append(f"Not measured: {'; '.join(map(one_line, lacking))}.")
    return (
        f"![{text}; the figures stand in the table below.]({place})\n\n"
        f"{table(head, rows, left=1)}\n\n{' '.join(notes)}"
    )


def gains_drawing(gains: Gains) -> str:
    """The text of the figure's SVG file."""
    asked, metric = gains.asked, about(gains.asked["metric"])
    points = {
        name: [
            _point(size, name, found[label].found, asked)
            for size, found in gains.sizes.items()
            if label in found
        ]
        for label, name in gains.systems.items()
    }
    better = "higher" if metric.higher_is_better else "lower"
    said = [f"{point.said}." for line in points.values() for point in line]
    return draw_intervals(
        Intervals(
            title=one_line(asked["title"]),
            summary=" ".join(said),
            x_name=f"{asked['called']} (logarithmic)",
            y_name=f"Difference of {metric.title} from {asked['baseline']}; {better} is better",
            systems=points,
        )
    )


def _point(size: int, name: str, one: Mapping[str, Any], asked: Mapping[str, Any]) -> Point:
    """A comparison as a point, in the units that the table shows it in."""
    scale = 100.0 if about(asked["metric"]).percent else 1.0
    low, high = (scale * one[end] if is_number(one[end]) else None for end in ("low", "high"))
    said = f"{name}, {number(size)} {asked['called']}: {_difference(one)}, {one['reading']}"
    return Point(x=size, y=scale * one["delta"], low=low, high=high, said=one_line(said))


def _shown(one: Mapping[str, Any], seeds: set[int]) -> str:
    several = f" ({_seeds(one)} seed{'s' if _seeds(one) > 1 else ''})" if len(seeds) > 1 else ""
    return f"{_difference(one)} {one['reading']}{several}"


def _difference(one: Mapping[str, Any]) -> str:
    text = difference(one)
    if not (is_number(one["low"]) and is_number(one["high"])):
        return text
    ends = (metric_value(one["metric"], one[end], signed=True) for end in ("low", "high"))
    return f"{text} [{', '.join(ends)}]"


def _seeds(one: Mapping[str, Any]) -> int:
    return one.get("n") or 1


def _of_seeds(seeds: set[int]) -> str:
    """What the differences and their intervals are."""
    several = sorted(seeds - {1})
    texts = [f"means of {' or '.join(map(str, several))} seeds with 95 % t-intervals"] * bool(
        several
    )
    texts += ["of one seed with 95 % intervals by bootstrap over the test set"] * (1 in seeds)
    return ", or ".join(texts)
