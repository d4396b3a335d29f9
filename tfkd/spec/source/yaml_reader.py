"""YAML into nodes: the safe part of the language, YAML 1.2's scalars, every limit stated.

PyYAML's scanner is used for its events alone. Nothing is constructed but text, numbers, booleans,
null, lists and mappings, so no file can run code; and no file of a few lines can grow in memory.
"""

import os
import re
from pathlib import Path
from typing import Any

import yaml

from tfkd.spec.errors import SpecError, SpecErrors
from tfkd.spec.source.spec_files import Texts, keep, read_bytes
from tfkd.spec.source.tree import Node

MOST_BYTES = 2**20
MOST_DEPTH = 32
MOST_VALUES = 50_000

_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
_INTEGER = re.compile(r"[-+]?[0-9](_?[0-9])*\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


class Slips(SpecErrors):
    """Faults that leave no doubt about all else: keys that are given twice, tags.

    Attributes:
        tree: What was read.
    """

    def __init__(self, errors: list[SpecError], tree: Node):
        super().__init__(errors)
        self.tree = tree


def read_file(path: str | Path, texts: Texts | None = None) -> Node:
    """Reads a YAML file whose top is a mapping; see `read_any`.

    Raises:
        Slips: It has tags or duplicate keys; all are named at once.
        SpecErrors: As of `read_any`, or there is no mapping.
    """
    node = read_any(path, texts)
    if not isinstance(node.value, dict):
        raise SpecErrors(
            [
                SpecError(
                    str(path), node.line, "", "no mapping at the top", "`tfkd: 1` and other keys"
                )
            ]
        )
    return node


def read_any(path: str | Path, texts: Texts | None = None) -> Node:
    """Reads a YAML file, which may have nothing in it.

    Aliases and merge keys (`<<: *NAME`) stand for what they name, which keeps its own lines.

    Args:
        path: The file; in `spec_files.holding` it may be held.
        texts: Takes the text that was read, by its absolute path.

    Raises:
        Slips: It has tags or duplicate keys; all are named at once.
        SpecErrors: The file cannot be read, is too large or too deep, has an alias of nothing or of
            itself, or is no YAML; with all that was found before.
    """
    name = str(path)
    try:
        data = read_bytes(path, MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise SpecErrors([SpecError(name, 0, "", f"cannot be read ({reason})")]) from None
    if len(data) > MOST_BYTES:
        raise SpecErrors(
            [
                SpecError(
                    name, 0, "", "larger than 1 MiB", "a spec; data belongs into files it names"
                )
            ]
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecErrors([SpecError(name, line, "", "not UTF-8", "text saved as UTF-8")]) from None
    keep(path, text)
    if texts is not None:
        texts[os.path.abspath(path)] = text
    return read_text(text, name)


def read_text(text: str, file: str) -> Node:
    """Reads one YAML document; see `read_file`."""
    composer = _Composer(text, file)
    try:
        node = composer.document()
    except UnicodeEncodeError:  # half a character, from a shell's argument
        raise SpecErrors([SpecError(file, 0, "", "not UTF-8", "text in UTF-8")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = getattr(error, "position", None)  # a character that no YAML may have
        line = mark.line + 1 if mark else 0
        if place is not None:
            line = text.count("\n", 0, place) + 1
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        fault = SpecError(file, line, "", f"no valid YAML: {problem}")
        raise SpecErrors([*composer.errors, fault]) from None
    if composer.errors and (composer.torn or not node.is_mapping):
        raise SpecErrors(composer.errors)
    if composer.errors:
        raise Slips(composer.errors, node)
    return node


class _Composer:
    def __init__(self, text: str, file: str):
        self._events = yaml.parse(text, Loader=_Parser)
        self._file = file
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._open: set[str] = set()
        self._values = 0
        self._reach = 0  # the deepest level since it was last set
        self.errors: list[SpecError] = []
        self.torn = False  # whether what an error is about is missing from the tree

    def _add(self, line: int, path: tuple, message: str, expected: str = "") -> None:
        dotted = ".".join(map(str, path))
        self.errors.append(SpecError(self._file, line, dotted, message, expected))

    def _fail(self, line: int, path: tuple, message: str, expected: str = "") -> SpecErrors:
        self._add(line, path, message, expected)
        return SpecErrors(self.errors)

    def document(self) -> Node:
        node = None
        for event in self._events:
            if isinstance(
                event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent
            ):
                continue
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    raise self._fail(line, (), "a second document (`---`)", "one document a file")
                continue
            node = self._node(event, (), 0)
        return node if node is not None else Node(None, self._file, 1)

    def _count(self, number: int, line: int, path: tuple) -> None:
        self._values += number
        if self._values > MOST_VALUES:
            raise self._fail(
                line, path, f"more than {MOST_VALUES:,} values, aliases counted in full", "a spec"
            )

    def _at(self, depth: int, line: int, path: tuple) -> None:
        self._reach = max(self._reach, depth)
        if depth > MOST_DEPTH:
            raise self._fail(line, path[:3], f"nested deeper than {MOST_DEPTH} levels")

    def _node(self, event: Any, path: tuple, depth: int) -> Node:
        line = event.start_mark.line + 1
        self._at(depth, line, path)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self._open:
                raise self._fail(line, path, f"the alias *{event.anchor} contains itself")
            if event.anchor not in self._anchors:
                self._add(line, path, f"the alias *{event.anchor} has no anchor before it")
                self.torn = True
                return Node(None, self._file, line)
            node, values, height = self._anchors[event.anchor]
            self._count(values, line, path)
            self._at(depth + height, line, path)
            return node
        if event.tag is not None and event.tag != "!":
            self._add(line, path, f"the tag {event.tag} is refused: specs hold plain values only")
        before, anchor, reach = self._values, event.anchor, self._reach
        self._count(1, line, path)
        if anchor:
            self._open.add(anchor)
            self._reach = depth
        if isinstance(event, yaml.ScalarEvent):
            bare = event.implicit[0] or (event.tag not in (None, "!", _TEXT) and not event.style)
            value = plain_scalar(event.value) if bare else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(path, depth)
        else:
            value = self._mapping(path, depth)
        node = Node(value, self._file, line)
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = (node, self._values - before, self._reach - depth)
            self._reach = max(reach, self._reach)
        return node

    def _sequence(self, path: tuple, depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth + 1))
        return items

    def _mapping(self, path: tuple, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        merged: dict[str, Node] | None = None
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.tag not in (None, "!"):
                raise self._fail(line, path, "a key that is no plain word", "a name")
            self._count(1, line, path)
            key = event.value
            node = self._node(next(self._events), (*path, key), depth + 1)
            if key == "<<" and event.implicit[0]:
                if merged is not None:
                    self._add(line, (*path, key), "given twice", "<<: [*ONE, *OTHER]")
                merged = self._merged(node, line, (*path, key)) | (merged or {})
                continue
            if key in found:
                self._add(line, (*path, key), f"given twice (first in line {found[key].line})")
                node = _together(found[key], node)
            # The key's line, which is what an error about the value should point at.
            found[key] = Node(node.value, node.file, line)
        return {**{k: v for k, v in (merged or {}).items() if k not in found}, **found}

    def _merged(self, node: Node, line: int, path: tuple) -> dict[str, Node]:
        """What a merge key brings: the keys of a mapping, or of several, of which the first that
        has a key gives it."""
        several = node.value if isinstance(node.value, list) else [node]
        if not several or not all(one.is_mapping for one in several):
            if node.value is not None or not self.torn:
                self._add(
                    line, path, "no mapping to merge", "*NAME of a mapping, or a list of them"
                )
            return {}
        found: dict[str, Node] = {}
        for one in several:
            found = one.value | found
        return found


def _together(first: Node, second: Node) -> Node:
    """What a key that is given twice stands for, so that the faults of both are found: all that
    one of its mappings has, where both are mappings; else the second."""
    if not (first.is_mapping and second.is_mapping):
        return second
    value = dict(first.value)
    for key, node in second.value.items():
        value[key] = _together(value[key], node) if key in value else node
    return Node(value, second.file, second.line)


def plain_scalar(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema: `on` and `no` are text, `5e-4` is a number."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text.replace("_", "")) if len(text) < 40 else text
    if _HEXADECIMAL.match(text):
        return int(text, 16) if len(text) < 20 else text
    if _FLOAT.match(text) and len(text) < 40:
        return float(text)
    return text
