"""What `extends:` brings from another folder: its `SPEC:STAGE` references lead where they led."""

from pathlib import Path

from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.options.base import LONGEST_PATH
from tfkd.spec.references import Reference, parse, places
from tfkd.spec.source.replacing import replaced
from tfkd.spec.source.tree import Node
from tfkd.spec.wording import cut


def relocated(tree: Node, folder: Path) -> Node:
    """A tree whose references to other specs are relative to the file that extends it.

    Args:
        tree: The tree of a file that is extended; it stays as it is.
        folder: Its folder, as the extending file names it.

    Raises:
        SpecErrors: A path that becomes longer than any file's.
    """
    if folder == Path("."):
        return tree
    return replaced(tree, places(), lambda node: _moved(node, folder))


def _moved(node: Node, folder: Path) -> str:
    try:
        parsed = parse(node.value)
    except ValueError:  # a fault of its own
        return node.value
    if parsed.spec is None:
        return node.value
    spec = str(folder / parsed.spec)
    if len(spec) > LONGEST_PATH:
        message = f"{cut(spec)} is longer than any file's path"
        raise SpecErrors([SpecError(node.file, node.line, "", message)])
    return str(Reference(parsed.stage, parsed.variant, spec))
