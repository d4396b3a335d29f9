"""One class that specs can name, with its options, for the terminal: `tfkd list KIND NAME`."""

import json
import re
import textwrap
from typing import Any

from tfkd.reference.key_reference import REQUIRED, Block, Key, blocks
from tfkd.reference.schema import json_schema
from tfkd.spec import registry
from tfkd.spec.errors import UserError, nearest
from tfkd.spec.metrics import TEACHER_CHECK

_WIDTH = 100
# Values that show how a required option is written, where the schema suggests none.
_REQUIRED: dict[str, Any] = {
    "auxiliary": ["soft_targets"], "data": "train",
    "decoder": "teacher.target",
    "decoder_layers": 3, "encoder": "teacher.source", "encoder_layers": 3, "heads": 4,
    "into": "teacher", "layers": 2, "lines": {"text": "test.txt"}, "load": "bert-base-uncased",
    "main": ["cross_entropy"], "objective": {"cross_entropy": {}},
    "parallel": ["train.de", "train.en"], "parquet": "train-*.parquet",
    "rows": 1000, "score": "finetune", "steps": 2000,
    "model": "student", "targets": {"field": "probabilities"},
    "saved_dataset": "imdb", "teacher": "finetune", "text": "train.txt",
    "tfds": "wmt14_translate/de-en", "tokenizer": "joint", "train": "student",
    "translate": "finetune", "tsv": "reviews.tsv", "width": 256,
}  # fmt: skip
# Of classes that need one of several options, one: of a kind's all, or by name.
_ONE_OF_ANY: dict[str, Any] = {"tokenizer": {"learn_from": ["train"]}}
_ONE_OF: dict[str, Any] = {"view": {"noise": {"typos": 0.1}}}
# Of a plugin's, by the type that the schema tells, one that this text stands in.
_BY_TYPE: dict[str, Any] = {
    "list of integers": [1], "list of numbers": [1.0], "list of": ["NAME"], "mapping": {},
    "integer": 1, "number": 1.0,
}  # fmt: skip
CHECK = "Whether a teacher knows more than a model without one"
# Where a class of a kind stands in a spec: {} is its options, NAME a word of the user's.
_PLACES = {
    "corpus": "data: {{NAME: {}}}",
    "tokenizer": "tokenizers: {{NAME: {}}}",
    "model": "student: {}",
    "view": "views: {{NAME: {}}}",
    "adapter": "adapters: {{NAME: {}}}",
    "objective": "objective: {{{}}}",
    "combiner": "gradients: {}",
    "optimizer": "optimizer: {}",
    "schedule": "schedule: {}",
    "decode": "decode: {}",
    "callback": "callbacks: {{{}}}",
    "stage": "stages: {{NAME: {}}}",
    "filter": "rules: [{}]",
    "format": "export: [{}]",
    "task": "student: {{kind: bert, ..., head: {}}}",
}
_METRIC = "evaluate: [{{of: train_student, on: test, metrics: [{}]}}]"


def explained(name: str, kind: str | None = None) -> str:
    """A class's summary, an example, and its options: type, default, unit, meaning.

    Args:
        name: What specs call it.
        kind: Its kind in the registry; None: any that has it, all of them.

    Raises:
        UserError: There is none of that name.
    """
    if name == TEACHER_CHECK and kind in (None, "metric"):
        place = f"evaluate: [{{of: finetune, on: valid, metrics: {name}, against: train_student}}]"
        return f"{name} (metric)\n  {CHECK}\n\n  example: {place}\n\n  options: none"
    kinds = registry.KINDS if kind is None else [kind]
    found = [(one, entry) for one in kinds for entry in registry.entries(one) if entry.name == name]
    if not found:
        names = list(dict.fromkeys(word for one in kinds for word in registry.names(one)))
        names += [TEACHER_CHECK] * ("metric" in kinds)
        near = nearest(name.lower(), names)
        raise UserError(
            f"there is no {kind or 'class'} {name!r}; expected one of {', '.join(names)}"
            + (f"; did you mean {near}?" if near else "")
        )
    known = blocks(json_schema())
    return "\n\n".join(_text(one, entry, block_of(entry.options, known)) for one, entry in found)


def block_of(options: type, known: dict[str, Block]) -> Block | None:
    """What a schema tells of a class's options, or of those that they extend: a task's stand under
    their head's name there."""
    return next((known[one.__name__] for one in options.__mro__ if one.__name__ in known), None)


def _text(kind: str, entry: Any, block: Block | None) -> str:
    lines = [f"{entry.name} ({kind})"]
    lines += textwrap.wrap(entry.summary, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    keys = [key for key in (block.keys if block is not None else ()) if key.name != "kind"]
    place = _PLACES.get(kind)
    if kind == "metric":
        lines += ["", f"  example: {_METRIC.format(entry.name)}"]
    elif place is not None and (kind != "task" or "kind" in entry.options.model_fields):
        written = _flow(example(kind, entry.name, keys))
        # A term has its name for a key, and a callback.
        inner = written[1:-1] if kind in ("objective", "callback") else written
        lines += ["", f"  example: {place.format(inner)}"]
    lines += ["", "  options:" if keys else "  options: none"]
    for key in keys:
        lines += _option(key)
    return "\n".join(lines)


def example(kind: str, name: str, keys: list[Key]) -> dict[str, Any]:
    """What is required of a class, as plain values that its options take."""
    values = {}
    for key in keys:
        if key.default is REQUIRED:
            given = key.example if key.example is not None else _REQUIRED.get(key.name)
            said = (value for text, value in _BY_TYPE.items() if key.type.startswith(text))
            values[key.name] = given if given is not None else next(said, "NAME")
    if kind in ("corpus", "stage"):
        return dict(sorted(values.items(), key=lambda item: item[0] != name))
    if kind in ("objective", "callback"):
        return {name: values}
    if kind == "format":
        return values | {"format": name}
    return {"kind": name, **values, **_ONE_OF.get(kind, {}).get(name, _ONE_OF_ANY.get(kind, {}))}


def _option(key: Key) -> list[str]:
    facts = [key.type.replace("`", "")]
    if key.default is REQUIRED:
        facts.append("required")
    elif key.default is not None:
        facts.append(f"default {_flow(key.default)}")
    if key.unit:
        facts.append(f"unit: {key.unit}")
    said = textwrap.wrap(key.description, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    head = textwrap.wrap(f"{key.name}: {'; '.join(facts)}", _WIDTH, initial_indent=" " * 4,
                         subsequent_indent=" " * 6)  # fmt: skip
    return [*head, *said]


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    plain = isinstance(value, str) and re.fullmatch(r"[\w./@+ -]+", value)
    return value if plain else json.dumps(value, ensure_ascii=False)
