"""`--more-steps`: steps that stages make beyond their own, asked for beside the spec.

It is kept among the overrides; where `--set` has a value, it has what is added: a variant that has
steps of its own gets as many more.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfkd.spec.source.tree import Node
from tfkd.spec.source.yaml_reader import read_text

# What the override begins with, where another has its dotted path.
OPTION = "--more-steps"


def steps_override(more: Mapping[str, int]) -> str:
    """More steps by stage, as an override: {learn: 94} -> --more-steps={learn: 94}."""
    return f"{OPTION}={{{', '.join(f'{name}: {number}' for name, number in more.items())}}}"


def asked_steps(overrides: Iterable[str]) -> dict[str, int]:
    """The steps by stage that overrides ask for beyond their own."""
    found: Counter[str] = Counter()
    for text in overrides:
        path, _, value = text.partition("=")
        if path == OPTION:
            found.update(read_text(value, OPTION).plain())
    return dict(found)


def raised_steps(tree: Node, more: Any) -> Iterator[tuple[str, Node]]:
    """The dotted paths of the stages' steps in a composed tree, each with its new value."""
    stages = tree.child("stages")
    for name, number in more.items() if isinstance(more, dict) else ():
        stage = stages.child(name) if stages is not None else None
        steps = stage.child("steps") if stage is not None else None
        if steps is not None and type(steps.value) is int and type(number) is int:
            yield f"stages.{name}.steps", Node(steps.value + number, OPTION, 0)
