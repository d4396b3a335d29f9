"""Texts with markup left in them."""

import re

from tfkd.data.filters.texts import Row, texts_of
from tfkd.spec.options.filters import MarkupRuleOptions

_MARKUP = re.compile(
    r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>"  # <br>, </a>, <img src="...">
    r"|<!--|<!\[CDATA\[|<\?xml|<!DOCTYPE"
    r"|&(?:[A-Za-z]{2,8}|#\d{1,7}|#x[0-9A-Fa-f]{1,6});"  # &amp; &#160;
    r"|\{\{|\}\}|\[\[|\]\]|\{%|%\}"  # templates
    r"|\\[ntr](?![A-Za-z])|\\u[0-9A-Fa-f]{4}"  # escapes that nobody has read
)


class Markup:
    """Drops a row with a tag, a comment, an entity, the braces of a template, or an escape in one
    of its texts. `a < b` and `R&D` are none."""

    def __init__(self, options: MarkupRuleOptions):
        self._on = options.on

    def drops(self, row: Row) -> bool:
        return any(_MARKUP.search(text) for text in texts_of(row, self._on))
