"""How lines of plots are told apart: by colour, dash and mark, in the drawing and beside names."""

from markupsafe import Markup

COLOURS = 6
_DASHES = [(), (6, 2), (2, 1.5), (7, 2, 1.5, 2), (4, 1.5), (1, 1)]
# What matplotlib calls a mark, and the same as a path about 0, 0.
_MARKS = [
    ("o", "M-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0-6.4 0Z"),
    ("s", "M-3-3H3V3H-3Z"),
    ("D", "M0-4L4 0L0 4L-4 0Z"),
    ("^", "M0-3.8L3.8 3H-3.8Z"),
    ("v", "M0 3.8L3.8-3H-3.8Z"),
    ("X", "M-3.5-2L-2-3.5L0-1.5L2-3.5L3.5-2L1.5 0L3.5 2L2 3.5L0 1.5L-2 3.5L-3.5 2L-1.5 0Z"),
]


def colour(series: int) -> int:
    """The number of a line's colour, 0 to 5."""
    return series % COLOURS


def dashes(series: int) -> tuple[float, ...]:
    """A line's dashes and gaps in widths of the line; none of a whole line.

    The seventh line has the first one's colour, and neither its dashes nor its mark.
    """
    return _DASHES[_style(series)]


def mark(series: int) -> str:
    """A line's mark, by matplotlib's name."""
    return _MARKS[_style(series)][0]


def mark_path(series: int) -> str:
    """The same mark as the path of an SVG about 0, 0."""
    return _MARKS[_style(series)][1]


def swatch(series: int) -> Markup:
    """A bit of the line with its mark, to stand beside its name."""
    strokes = " ".join(f"{1.5 * length:g}" for length in dashes(series))
    return Markup(
        '<svg class="swatch series-{}" viewBox="-14 -5 28 10" width="28" height="10" '
        'aria-hidden="true" focusable="false">'
        '<path d="M-14 0H14" fill="none" stroke-width="1.5"{}/><path d="{}"/></svg>'
    ).format(
        colour(series) + 1,
        Markup(' stroke-dasharray="{}"').format(strokes) if strokes else "",
        mark_path(series),
    )


def _style(series: int) -> int:
    return (series + series // COLOURS) % len(_MARKS)
