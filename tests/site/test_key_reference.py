"""The reference of keys says of each what it is, and its examples are right."""

import re
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from tfkd.reference import json_schema
from tfkd.reference.key_reference import REQUIRED, blocks
from tfkd.reference.key_units import EXAMPLES, UNITS
from tfkd.spec import registry
from tfkd.spec.options.base import Options


@pytest.fixture(scope="module")
def known():
    return blocks(json_schema())


def test_every_key_is_described(known):
    bare = [f"{title}.{key.name}" for title, block in known.items() for key in block.keys
            if not key.description and title != "Metric Options"]  # fmt: skip
    assert bare == []


def test_every_number_has_a_unit(known):
    without = [
        f"{title}.{key.name}"
        for title, block in known.items()
        for key in block.keys
        if re.search("integer|number", re.sub("`.*?`", "", key.type)) and not key.unit
    ]
    assert without == []


def test_a_key_s_type_default_and_unit(known):
    rows = {key.name: key for key in known["GeneratedOptions"].keys}["rows"]
    assert (rows.type, rows.default, rows.unit) == ("integer ≥ 1", REQUIRED, "rows")
    p = {key.name: key for key in known["MlmOptions"].keys}["p"]
    assert (p.type, p.default) == ("number > 0, ≤ 1 or Uniform", 0.15)
    assert p.refers == ("Uniform",)
    read = {key.name: key for key in known["ScoreOptions"].keys}["read"]
    assert read.type == "`masked` or `previous`"
    assert read.example == "previous"  # another than the default


def test_examples_are_values_that_their_keys_take(known):
    models = {entry.options.__name__: entry.options for kind in registry.KINDS
              for entry in registry.entries(kind)}  # fmt: skip
    models |= {one.__name__: one for one in _inner(Options)}
    wrong = []
    for title, model in models.items():
        for key in known[title].keys if title in known else ():
            if key.example is None or key.name == "choose":
                continue
            field = next(
                field for name, field in model.model_fields.items()
                if key.name in (name, field.alias)
            )  # fmt: skip
            kind = Annotated[field.annotation, *field.metadata, field]
            try:
                TypeAdapter(kind).validate_python(key.example)
            except ValidationError as error:
                wrong.append(f"{title}.{key.name}: {key.example!r}: {error}")
    assert wrong == []


def _inner(options):
    """All classes of options, of mappings inside too."""
    return [found for one in options.__subclasses__() for found in (one, *_inner(one))]


def test_the_tables_have_no_keys_that_are_gone(known):
    keys = {key.name for block in known.values() for key in block.keys}
    full = {f"{title}.{key.name}" for title, block in known.items() for key in block.keys}
    assert {*UNITS, *EXAMPLES} - keys - full == set()
