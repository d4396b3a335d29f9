"""The colours of the report's style sheet, for drawings that stand outside of its page."""

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

_DARK = "@media (prefers-color-scheme: dark)"


class Colour(NamedTuple):
    """A colour on a light page, and the one that stands for it on a dark one."""

    light: str
    dark: str


@cache
def palette() -> dict[str, Colour]:
    """The colours by their names there: `ink`, `paper`, `muted`, `grid`, `series-1` to 6, ..."""
    text = (resources.files("tfkd.report") / "templates" / "report.css").read_text("utf-8")
    light, _, dark = text.partition(_DARK)
    of_light, of_dark = (_colours(part.partition("\n}")[0]) for part in (light, dark))
    return {name: Colour(of_light[name], of_dark[name]) for name in of_light if name in of_dark}


def _colours(rules: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", rules))
