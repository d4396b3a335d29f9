"""Tables of Markdown, and text that may stand in them."""

import re
from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], *, left: int) -> str:
    """A table, its first `left` columns flush left and the others flush right."""
    rule = ["---" if place < left else "---:" for place in range(len(head))]
    head, *rows = ([flat(str(cell)) for cell in row] for row in (head, *rows))
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def one_line(text: str) -> str:
    """On one line, without the end of a comment."""
    return " ".join(text.split()).replace("-->", "--&gt;").replace("<!--", "&lt;!--")


def flat(text: str) -> str:
    """On one line, without the end of a comment or of a table's cell."""
    return re.sub(r"(?<!\\)\|", r"\\|", one_line(text))
