"""Line plots as inline SVG that takes its colours and its type face from the page."""

import io
import logging
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from tfkd.report.plots.swatches import COLOURS, colour, dashes, mark

# Stand-ins that matplotlib writes and the page's CSS variables replace.
_INK, _MUTED, _GRID = "#c0ffa0", "#c0ffa1", "#c0ffa2"
_SERIES = [f"#c0ffb{place}" for place in range(COLOURS)]
_COLOURS = {_INK: "var(--ink)", _MUTED: "var(--muted)", _GRID: "var(--grid)"} | {
    colour: f"var(--series-{place + 1})" for place, colour in enumerate(_SERIES)
}
# One unit of the drawing is one pixel at the width where a plot is meant to be seen.
_WIDTH, _HEIGHT, _TEXT = 420, 250, 11.5


@dataclass
class Line:
    """One line of a plot.

    Attributes:
        name: What it is called in the legend and the data table.
        x: Its places.
        y: Its values.
        series: The number of its colour, from 0.
        marked: Drawn strong, with a mark at each point; else thin.
        std: How far each value may be off, drawn as a bar to both sides; or none.
    """

    name: str
    x: list[float]
    y: list[float]
    series: int = 0
    marked: bool = False
    std: list[float] = field(default_factory=list)


@dataclass
class Plot:
    """A plot with what must be said beside it.

    Attributes:
        identity: Unique on the page; letters, digits and hyphens.
        title: What it shows.
        unit: Of the values.
        lines: Its lines.
        summary: The plot in a sentence or two, for those who do not see it.
        x_name: What the places are.
        places: Names of the places 0, 1, ... where they are categories.
        until: The last step, which plots of one stage have in common; from 0.
        fractions: The places are no whole numbers, and no value is left out of the picture.
        logarithmic: So are the values drawn.
    """

    identity: str
    title: str
    unit: str
    lines: list[Line]
    summary: str = ""
    x_name: str = "step"
    places: list[str] = field(default_factory=list)
    until: float | None = None
    fractions: bool = False
    logarithmic: bool = False

    @property
    def svg(self) -> Markup:
        """The drawing."""
        return draw(self)


def draw(plot: Plot) -> Markup:
    """Draws a plot as SVG for a page that defines --ink, --muted, --grid and --series-1 to 6."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    settings = {
        "svg.fonttype": "none",  # text stays text
        "svg.hashsalt": plot.identity,
        "text.parse_math": False,  # a name with $ in it is a name
        "axes.unicode_minus": True,
        "font.family": ["DejaVu Sans"],
        "font.size": _TEXT,
    }
    # Letters that matplotlib's own face lacks are drawn by the reader's browser.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(_WIDTH / 72, _HEIGHT / 72), dpi=72, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        for line in plot.lines:
            drawn, dash = _SERIES[colour(line.series)], dashes(line.series)
            axes.plot(
                line.x,
                line.y,
                color=drawn,
                linewidth=1.9 if line.marked else 1.3,
                dashes=(None, None) if line.marked or not dash else dash,
                marker=mark(line.series) if line.marked or len(line.x) == 1 else None,
                markersize=4.5,
                alpha=1 if line.marked else 0.8,
                solid_joinstyle="round",
            )
            if line.std:
                axes.errorbar(
                    line.x, line.y, line.std, fmt="none", ecolor=drawn,
                    elinewidth=1.1, capsize=3,
                )  # fmt: skip
        if not plot.fractions:
            _set_range(axes, plot)
        if plot.until:
            axes.set_xlim(-0.02 * plot.until, 1.02 * plot.until)
        axes.set_xlabel(plot.x_name, color=_MUTED)
        axes.set_ylabel(plot.unit, color=_MUTED)
        if plot.logarithmic:
            axes.set_yscale("log")
        else:
            axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        if plot.places:
            axes.set_xticks(range(len(plot.places)), plot.places)
        elif plot.fractions:
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.tick_params(colors=_MUTED, length=3, labelsize=_TEXT - 0.5)
        axes.grid(axis="y", color=_GRID, linewidth=1)
        axes.set_axisbelow(True)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(_MUTED)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(target.getvalue(), plot)


def _set_range(axes: Any, plot: Plot) -> None:
    """Leaves the first, far off values of a falling loss out of the picture."""
    values = sorted(value for line in plot.lines for value in line.y)
    if len(values) < 20:
        return
    low, high = values[0], values[-1]
    usual_low, usual_high = values[len(values) // 25], values[-1 - len(values) // 25]
    margin = 0.15 * (usual_high - usual_low)
    if usual_high > usual_low and high - low > 2 * (usual_high - usual_low):
        axes.set_ylim(max(low, usual_low - margin) - margin / 3, min(high, usual_high + margin))


def _inline(svg: str, plot: Plot) -> Markup:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)
    # Several drawings share a page: references get names of their own, other names go.
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(
        r' id="([^"]*)"',
        lambda name: f' id="{plot.identity}-{name[1]}"' if name[1] in used else "",
        svg,
    )
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{plot.identity}-", svg).replace("xlink:href", "href")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 var(--sans)", svg)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    for drawn, variable in _COLOURS.items():
        svg = svg.replace(drawn, variable)
    head = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{plot.identity}-name {plot.identity}-text">'
        f'<title id="{plot.identity}-name">{escape(plot.title)}</title>'
        f'<desc id="{plot.identity}-text">{escape(plot.summary)}</desc>'
    )
    return Markup(re.sub(r"<svg[^>]*>", lambda _: head, svg, count=1))


def table(plot: Plot, most: int = 100) -> dict[str, Any]:
    """The numbers of a plot: `head`, `rows`, and `left_out`, how many rows are not shown."""
    columns = [
        (name, line.x, values)
        for line in plot.lines
        for name, values in ((line.name, line.y), (f"{line.name}, ±", line.std))
        if values
    ]
    points: dict[float, dict[int, float]] = {}
    for index, (_, places, values) in enumerate(columns):
        for x, y in zip(places, values, strict=True):
            points.setdefault(x, {})[index] = y
    places = sorted(points)
    shown: Sequence[float] = places
    if len(places) > most:
        shown = [places[step * (len(places) - 1) // (most - 1)] for step in range(most)]
    names = plot.places
    return {
        "head": [name for name, _, _ in columns],
        "rows": [
            (
                names[int(x)] if names else f"{x:g}" if plot.fractions else f"{x:,.0f}",
                [points[x].get(index) for index in range(len(columns))],
            )
            for x in shown
        ],
        "left_out": len(places) - len(shown),
    }
