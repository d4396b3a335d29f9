"""What is known of stages before they are made: what the rows of a plan are made from."""

from dataclasses import dataclass, field

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.stage_folder import StageFolder

# The cells of a row, each a text that may be missing.
CELLS = ("parameters", "trained", "steps", "tokens", "memory", "disk", "time")


@dataclass
class Planned:
    """A plan under way.

    Attributes:
        context: The run's surroundings.
        notes: Lines below the table.
    """

    context: Context
    notes: list[str] = field(default_factory=list)

    def folder(self, node: Node) -> StageFolder:
        """A node's folder, made or not."""
        return self.context.folder(node)

    def note(self, line: str) -> None:
        """Adds a line below the table, once."""
        if line not in self.notes:
            self.notes.append(line)


def size_in_words(number: float) -> str:
    """Bytes, as people read them."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return ""
