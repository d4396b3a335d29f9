"""The one reader of JSON: what is written comes back, and any damage is a ValueError."""

import ast
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.checksummed import read_checksummed
from tfkd.data.strict_json import MOST_LEVELS, parse_json, read_json

PACKAGE = Path(__file__).parents[2] / "tfkd"

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**38), 10**38) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip

DAMAGED = {
    "nothing": (b"", "Expecting value"),
    "half": (b'{"a": [1, 2', "Expecting"),
    "list after list": (b"[" * 100_000, "nested deeper than 100 levels"),
    "mapping after mapping": (b'{"a":' * 100_000, "nested deeper than 100 levels"),
    "levels that Python could read": (b"[" * 300 + b"]" * 300, "nested deeper than 100 levels"),
    "a key twice": (b'{"a": {"loss": 1, "b": 2, "loss": 3}}', "'loss' stands there twice"),
    "NaN": (b'{"a": NaN}', "NaN is no number of JSON"),
    "infinity": (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
    "a number beyond all": (b'{"a": 1e400}', "the number 1e400 is too large"),
    "many digits": (b"[" + b"9" * 4000 + b"]", "a number of 4,000 digits"),
    "too many digits for Python": (b"[" + b"9" * 5000 + b"]", "a number of 5,000 digits"),
    "no UTF-8": (b'{"a": "\xff"}', "not UTF-8 from byte 7 on"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
}


@settings(max_examples=40, deadline=None)
@given(plain)
def test_what_is_written_is_read(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=True).encode()) == value


@pytest.mark.parametrize(("content", "why"), DAMAGED.values(), ids=list(DAMAGED))
def test_damage_is_a_value_error_in_words(tmp_path, content, why):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    for read in (read_json, read_checksummed):
        with pytest.raises(ValueError, match=re.escape(why)):
            read(path)


def test_what_is_not_finite_is_read_where_it_may_stand():
    found = parse_json('{"best": NaN, "least": -Infinity}', finite=False)
    assert found["best"] != found["best"]
    assert found["least"] == -float("inf")
    with pytest.raises(ValueError, match="too large"):
        parse_json("1e999", finite=False)


def test_as_many_levels_as_it_says():
    assert parse_json("[" * MOST_LEVELS + "]" * MOST_LEVELS)
    with pytest.raises(ValueError, match="deeper"):
        parse_json("[" * (MOST_LEVELS + 1) + "]" * (MOST_LEVELS + 1))


def _reads_json(path):
    """Whether a module calls `json.load` or `json.loads`, but for what it has just written."""
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)) if "json.load" in text else ():
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("load", "loads")
            and getattr(node.func.value, "id", "") == "json"
            and not ast.unparse(node).startswith("json.loads(json.dumps(")
        ):
            return True
    return False


def test_nobody_else_reads_json():
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if _reads_json(path)}
    # What a run and its workers tell each other.
    found = {name for name in found if not name.startswith("pipeline/cluster/")}
    # A corpus of JSON lines takes any number as it is written; what a row has wrong is its row's.
    # A SavedModel is checked without this package, and the check tells its own process.
    assert found == {
        "data/strict_json.py", "data/json_values.py", "serving/check.py", "serving/checking.py"
    }  # fmt: skip
