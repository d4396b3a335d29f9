"""Values with their intervals at places on a logarithmic axis, a line a system, as an SVG file.

Unlike the plots of the report's page it stands alone, in a README: it brings its colours, for light
and for dark pages, and the ground that they can be read on; its bytes follow from the values alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from tfkd.report.plots.palette import palette
from tfkd.report.plots.swatches import colour, dashes, mark_path

_WIDTH, _LEFT, _RIGHT = 680, 58, 20
_TOP, _PLOT, _TEXT, _LINE = 44, 270, 13, 22
# Between the plot and the legend: the names of the places and the axis' name; and more for each
# further line that the former need.
_BELOW, _MORE = 48, 15
# The places' distance from the sides, how far marks of one place stand apart at most, and how near
# to each other names of places may be.
_INSIDE, _APART, _NEAR = 70, 11, 60
# The width of a letter in sizes of the text, on average, to tell how long a name is.
_LETTER = 0.55
_FACES = "system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value and its interval.

    Attributes:
        x: The place, above 0.
        y: The value.
        low, high: The interval's ends; None: it has none.
        said: All of it in words.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """A drawing of values with intervals about zero.

    Attributes:
        title: What it shows.
        summary: The same in sentences, for those who do not see it.
        x_name: What the places are.
        y_name: What the values are.
        systems: Points by the name of their line, at least one in all.
    """

    title: str
    summary: str
    x_name: str
    y_name: str
    systems: dict[str, Sequence[Point]]


def draw_intervals(figure: Intervals) -> str:
    """The text of an SVG file: values on a linear axis that has zero, places on a logarithmic one.

    Marks of one place stand beside each other, so that no interval hides another. A line is broken
    where its system has no value at a place that others have one at.
    """
    points = [point for line in figure.systems.values() for point in line]
    places = sorted({point.x for point in points})
    ends = [end for one in points for end in (one.y, one.low, one.high) if end is not None]
    ticks = axis_ticks(min(0, *ends), max(0, *ends))
    scale = _Scale(places, ticks[0], ticks[-1])
    rows = _legend_rows([*figure.systems])
    lines = _place_lines(places, scale)
    legend = _TOP + _PLOT + _BELOW + _MORE * max(lines)
    height = legend + _LINE * len(rows) + 8
    parts = [
        *_head(figure, height),
        f'<text class="ink" x="12" y="24" font-weight="600">{escape(figure.y_name)}</text>',
        *_value_axis(ticks, scale),
        *_place_axis(places, lines, scale),
        f'<text class="muted" x="{_n((_LEFT + _WIDTH - _RIGHT) / 2)}" y="{legend - 12}" '
        f'text-anchor="middle">{escape(figure.x_name)}</text>',
    ]
    room = min((b - a for a, b in pairwise(map(scale.x, places))), default=_WIDTH)
    step = min(_APART, 0.8 * room / len(figure.systems))
    for series, (name, line) in enumerate(figure.systems.items()):
        shift = (series - (len(figure.systems) - 1) / 2) * step
        parts += _line(series, name, line, places, scale, shift)
    for down, row in enumerate(rows):
        y = legend + _LINE * down + 10
        for series, name, x in row:
            parts += [
                _open_series(series),
                f'<path d="M{_n(x)} {y}h28" fill="none" stroke-width="2"{_dashed(series)}/>',
                f'<path transform="translate({_n(x + 14)} {y})" d="{mark_path(series)}"/></g>',
                f'<text class="ink" x="{_n(x + 36)}" y="{y + 4}">{escape(name)}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])


def axis_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Round values from not above `low` to not below `high`: some `most` of them, in steps of 1, 2
    or 5 times a power of ten."""
    if high <= low:
        low, high = low - 1, high + 1
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


class _Scale:
    """From places and values to the drawing's coordinates."""

    def __init__(self, places: Sequence[float], low: float, high: float):
        self._first, self._last = math.log(places[0]), math.log(places[-1])
        self._low, self._high = low, high

    def x(self, place: float) -> float:
        """A single place stands in the middle."""
        left, right = _LEFT + _INSIDE, _WIDTH - _RIGHT - _INSIDE
        if self._last == self._first:
            return (left + right) / 2
        share = (math.log(place) - self._first) / (self._last - self._first)
        return left + share * (right - left)

    def y(self, value: float) -> float:
        return _TOP + _PLOT * (self._high - value) / (self._high - self._low)


def _head(figure: Intervals, height: int) -> list[str]:
    """The beginning: what it is called, its colours on dark pages, and its ground."""
    colours = palette()
    dark = [
        f".{kind}{{{what}:{colours[name].dark}}}"
        for kind, what, name in [
            ("paper", "fill", "paper"), ("ink", "fill", "ink"), ("muted", "fill", "muted"),
            ("grid", "stroke", "grid"), ("axis", "stroke", "muted"),
        ]
    ]  # fmt: skip
    dark += [
        f".s{series}{{color:{colours[f'series-{series}'].dark}}}"
        for series in sorted({colour(place) + 1 for place in range(len(figure.systems))})
    ]
    light = [
        f".{kind}{{{what}:{colours[name].light}}}"
        for kind, what, name in [("ink", "fill", "ink"), ("muted", "fill", "muted")]
    ]
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="title summary" '
        f'font-family="{_FACES}" font-size="{_TEXT}">',
        f'<title id="title">{escape(figure.title)}</title>',
        f'<desc id="summary">{escape(figure.summary)}</desc>',
        f"<style>{''.join(light)}@media (prefers-color-scheme: dark){{{''.join(dark)}}}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="8" '
        f'fill="{colours["paper"].light}"/>',
    ]


def _value_axis(ticks: Sequence[float], scale: _Scale) -> list[str]:
    colours, parts = palette(), []
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    for tick in ticks:
        y, kind, name = scale.y(tick), *(("grid", "grid") if tick else ("axis", "muted"))
        text = f"{tick:+,.{decimals}f}".replace("-", "−") if tick else "0"
        parts += [
            f'<path class="{kind}" d="M{_LEFT} {_n(y)}H{_WIDTH - _RIGHT}" fill="none" '
            f'stroke="{colours[name].light}" stroke-width="{1 if tick else 1.5}"/>',
            f'<text class="muted value" x="{_LEFT - 8}" y="{_n(y)}" dy="4.5" '
            f'text-anchor="end">{text}</text>',
        ]
    return parts


def _place_lines(places: Sequence[float], scale: _Scale) -> list[int]:
    """Which line the name of each place stands in: the first that has room for it."""
    lines: list[int] = []
    ends: list[float] = []  # of each line, where its last name stands
    for x in map(scale.x, places):
        line = next((n for n, end in enumerate(ends) if x - end >= _NEAR), len(ends))
        ends[line : line + 1] = [x]
        lines.append(line)
    return lines


def _place_axis(places: Sequence[float], lines: Sequence[int], scale: _Scale) -> list[str]:
    bottom, parts = _TOP + _PLOT, []
    for place, line in zip(places, lines, strict=True):
        x, down = _n(scale.x(place)), _MORE * line
        parts += [
            f'<path class="axis" d="M{x} {bottom}v{5 + down}" fill="none" '
            f'stroke="{palette()["muted"].light}"/>',
            f'<text class="muted place" x="{x}" y="{bottom + 19 + down}" '
            f'text-anchor="middle">{place:,.0f}</text>',
        ]
    return parts


def _line(
    series: int,
    name: str,
    points: Sequence[Point],
    places: Sequence[float],
    scale: _Scale,
    shift: float,
) -> list[str]:
    parts = [_open_series(series, name)]
    found = {point.x: point for point in points}
    for a, b in pairwise(places):
        if a in found and b in found:
            start, end = (
                f"{_n(scale.x(place) + shift)} {_n(scale.y(found[place].y))}" for place in (a, b)
            )
            parts.append(
                f'<path class="line" d="M{start}L{end}" fill="none" stroke-width="1.5" '
                f'stroke-opacity="0.6"{_dashed(series)}/>'
            )
    for place in sorted(found):
        point = found[place]
        x, y = scale.x(place) + shift, scale.y(point.y)
        parts.append(f"<g><title>{escape(point.said)}</title>")
        if point.low is not None and point.high is not None:
            low, high = _n(scale.y(point.low)), _n(scale.y(point.high))
            left = _n(x - 3)
            parts.append(
                f'<path class="whisker" d="M{_n(x)} {low}V{high}M{left} {low}h6M{left} {high}h6" '
                'fill="none" stroke-width="1.5"/>'
            )
        parts.append(
            f'<path class="point" transform="translate({_n(x)} {_n(y)})" d="{mark_path(series)}"/>'
            "</g>"
        )
    return [*parts, "</g>"]


def _open_series(series: int, name: str = "") -> str:
    number = colour(series) + 1
    label = f' aria-label="{escape(name, {chr(34): "&quot;"})}"' if name else ""
    return (
        f'<g class="s{number}" color="{palette()[f"series-{number}"].light}" stroke="currentColor" '
        f'fill="currentColor"{label}>'
    )


def _dashed(series: int) -> str:
    strokes = " ".join(f"{1.5 * length:g}" for length in dashes(series))
    return f' stroke-dasharray="{strokes}"' if strokes else ""


def _legend_rows(names: Sequence[str]) -> list[list[tuple[int, str, float]]]:
    """Number, name and place of each entry, two a row where all are short enough."""
    half = (_WIDTH - 24) / 2
    beside = 2 if all(44 + _LETTER * _TEXT * len(name) < half for name in names) else 1
    entries = [(place, name, 16 + half * (place % beside)) for place, name in enumerate(names)]
    return [entries[place : place + beside] for place in range(0, len(entries), beside)]


def _n(value: float) -> str:
    """A coordinate, to a hundredth of a pixel."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
