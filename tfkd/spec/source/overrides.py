"""`--set` and its like: a value replaced in the spec, and in each variant that has the place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfkd.spec.errors import SpecError, SpecErrors, nearest
from tfkd.spec.form import NAMED
from tfkd.spec.source.asked_seeds import OPTION, conflicts
from tfkd.spec.source.asked_steps import OPTION as MORE_STEPS
from tfkd.spec.source.asked_steps import raised_steps
from tfkd.spec.source.dotted_paths import put, put_below
from tfkd.spec.source.tree import Node, node_of
from tfkd.spec.source.yaml_reader import read_text
from tfkd.spec.wording import shown


@dataclass(frozen=True)
class Override:
    """One `K=V`.

    Attributes:
        text: As it was given.
        path: Its dotted path.
        value: What to put there.
    """

    text: str
    path: str
    value: Node


@dataclass
class Overridden:
    """A tree with overrides applied.

    Attributes:
        tree: The tree.
        placed: The overrides that it has a place for.
        added: Those of them that add to what the variant put there itself, with the path of what
            they add.
        misplaced: What is said of the others, by their text.
        refused: Faults of the tree beside what `--seeds` asks for.
    """

    tree: Node
    placed: list[Override] = field(default_factory=list)
    added: dict[str, str] = field(default_factory=dict)
    misplaced: dict[str, SpecError] = field(default_factory=dict)
    refused: list[SpecError] = field(default_factory=list)


def overridden(
    tree: Node, variant: str | None, changes: Iterable[str], overrides: Sequence[str]
) -> Overridden:
    """A tree with `--set` applied, from left to right, where it has the places.

    An override is the last word, over what a variant says, too. But what a variant takes away
    stays away: where it removed what a path leads through, nothing is put, and where it replaced
    it, no term, stage, corpus, tokenizer or view is added to those that it has. So the temperature
    of a term can be changed while a variant does without the term.

    Args:
        tree: The tree with the variant applied; it stays as it is.
        variant: The variant; None: the spec itself.
        changes: The variant's dotted paths.
        overrides: `K=V` each, or what `--seeds` asks for.
    """
    found = Overridden(tree)
    changes = list(changes)
    # Seeds and more steps are asked for beside whatever else is said.
    for text in sorted(overrides, key=lambda text: text.startswith("--")):
        try:
            override = _parsed(text)
            if override.path == OPTION:
                _take_seeds(found, override)
                continue
            if override.path == MORE_STEPS:
                _raise_steps(found, override)
                continue
            own = [path for path in changes if leads_through(override.path, path)]
            added = _added(found.tree, str(variant), override.path, own[-1]) if own else None
            _refuse_new_term(found.tree, override.path)
            errors: list[SpecError] = []
            where = ("--set", 0, override.path)
            found.tree = put(found.tree, override.path, override.value, where, errors)
            if errors:
                raise SpecErrors(errors)
        except SpecErrors as error:
            found.misplaced[text] = error.errors[0]
            continue
        found.placed.append(override)
        if added is not None:
            found.added[text] = added
    return found


def _take_seeds(found: Overridden, asked: Override) -> None:
    """Puts the seeds that `--seeds` asks for, unless the tree has seeds of its own."""
    own, refused = conflicts(found.tree, asked.value.plain())
    found.refused += refused
    if not own:
        override = Override(asked.text, "seeds", asked.value)
        found.tree = put(found.tree, override.path, override.value, (OPTION, 0, "seeds"), [])
        found.placed.append(override)


def _raise_steps(found: Overridden, asked: Override) -> None:
    """Raises the steps of stages that the tree has."""
    for path, steps in raised_steps(found.tree, asked.value.plain()):
        found.tree = put(found.tree, path, steps, (MORE_STEPS, 0, path), [])
        found.placed.append(Override(asked.text, path, steps))


def in_variant(changes: Mapping[str, Any], placed: Iterable[Override]) -> dict[str, Any]:
    """A variant's changes in plain values, with the overrides that it has a place for.

    What an override replaces in a value of the variant's is replaced there; the others follow.
    """
    found = dict(changes)
    for override in placed:
        found = {
            path: value for path, value in found.items() if not leads_through(path, override.path)
        }
        own = [path for path in found if leads_through(override.path, path)]
        if own:
            keys, depth = override.path.split("."), own[-1].count(".") + 1
            found[own[-1]] = put_below(node_of(found[own[-1]], ""), keys, depth, override.value)
            found[own[-1]] = found[own[-1]].plain()
        else:
            found[override.path] = override.value.plain()
    return found


def _parsed(text: str) -> Override:
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not path:
        raise _error("", f"{text!r} is no K=V", "a dotted path, = and a YAML value")
    try:
        where = path if path in (OPTION, MORE_STEPS) else "--set"
        return Override(text, path, _without_lines(read_text(value, where)))
    except SpecErrors as error:
        first = error.errors[0]
        raise _error(path, first.message, first.expected) from None


def _without_lines(node: Node) -> Node:
    value: Any = node.value
    if isinstance(value, dict):
        value = {key: _without_lines(child) for key, child in value.items()}
    elif isinstance(value, list):
        value = [_without_lines(child) for child in value]
    return Node(value, node.file, 0)


def leads_through(path: str, other: str) -> bool:
    """Whether a path ends at or below another's end."""
    return path == other or path.startswith(f"{other}.")


def _added(tree: Node, variant: str, path: str, own: str) -> str | None:
    """What a path adds to that which a variant put at a path of its own; None for nothing.

    Raises:
        SpecErrors: It has no place there.
    """
    keys, node = path.split("."), tree
    for depth, key in enumerate(keys, 1):
        child = _child(node, key)
        if child is None or child.value is None:
            first = ".".join(keys[:depth])
            if node.is_mapping and first != own and not _is_name(keys[:depth]):
                return first  # an option that it leaves out
            names = list(node.value) if node.is_mapping else []
            raise _error(
                path, f"variant {variant}, which has {own} of its own, has no {first}",
                f"one of {', '.join(names)}" if names else "", nearest(key, names),
            )  # fmt: skip
        node = child
    return None


def _refuse_new_term(tree: Node, path: str) -> None:
    """Raises where a path reaches into a term that is not there: that hides a misspelt name."""
    keys = path.split(".")
    if len(keys) < 5 or not _is_term(keys[:4]):
        return
    terms = _child(_child(_child(tree, "stages"), keys[1]), "objective")
    if terms is None or not terms.is_mapping or keys[3] in terms.value:
        return
    names = list(terms.value)
    raise _error(
        path, f"there is no term {shown(keys[3])} in {'.'.join(keys[:3])}",
        f"one of {', '.join(names)}" if names else "", nearest(keys[3], names),
    )  # fmt: skip


def _child(node: Node | None, key: str) -> Node | None:
    if node is None:
        return None
    if isinstance(node.value, list):
        return node.child(int(key)) if key.isascii() and key.isdigit() and len(key) < 10 else None
    return node.child(key)


def _is_name(keys: list[str]) -> bool:
    """Whether a path names a part or a term, and no option."""
    return (len(keys) == 2 and keys[0] in NAMED) or _is_term(keys)


def _is_term(keys: list[str]) -> bool:
    return len(keys) == 4 and keys[0] == "stages" and keys[2] == "objective"


def _error(path: str, message: str, expected: str = "", suggestion: str = "") -> SpecErrors:
    return SpecErrors([SpecError("--set", 0, path, message, expected, suggestion)])
