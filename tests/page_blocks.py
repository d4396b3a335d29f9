"""The blocks of code on README and docs, and what stands in the comment before each.

`<!-- adds to: SPEC -->`: a fragment of YAML, laid over that spec; `plugin: FILE`: it needs that
module; `<!-- not run: WHY -->`: nothing checks what it does.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_SAID = r"(?:^<!-- ((?:adds to|plugin|not run): [^\n]*?) -->\n)?"
_FENCE = r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$"
_BLOCK = re.compile(_SAID + _FENCE, re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, title and text, and what is said of it."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str
    said: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """PAGE:LINE."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def included(self) -> bool:
        """Whether it is a file of the repository, tested where that is."""
        return self.text.startswith("--8<--")


def blocks(*languages: str, pages: list[Path] | None = None) -> list[Block]:
    """All blocks of these languages, in order."""
    found = []
    for page in PAGES if pages is None else pages:
        text = page.read_text("utf-8")
        for match in _BLOCK.finditer(text):
            said = dict(part.split(": ", 1) for part in (match[1] or "").split("; ") if part)
            line = text.count("\n", 0, match.start(2)) + 1
            found.append(Block(page, line, match[2], match[3], match[4], said))
    return [block for block in found if block.language in languages]


def commands(block: Block) -> list[str]:
    """The commands of a block of bash, comments and continued lines taken away."""
    lines = block.text.replace("\\\n", " ").split("\n")
    bare = (re.sub(r"(^|\s)#\s.*", "", line).strip() for line in lines)
    return [line for line in bare if line]


def written(block: Block, folder: Path) -> Path:
    """A block of YAML as a spec: whole, or laid over the one that it adds to."""
    path, text = folder / "example.yaml", block.text
    if "adds to" in block.said:
        text = f"extends: {ROOT / block.said['adds to']}\n{text}"
    elif not text.startswith("tfkd: 1"):
        text = f"tfkd: 1\nname: example\n{text}"
    path.write_text(text, "utf-8")
    return path
