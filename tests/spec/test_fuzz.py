"""Any text is a spec or has faults: never another exception, never long."""

import contextlib
import random
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rings import examples
from spec_files import SMALL

from tfkd.spec import Spec, SpecErrors, load_spec, show, validate_files

LIMIT = 4_000_000  # calls of functions
WORDS = sorted(set(SMALL.replace("{", " ").replace("}", " ").replace(",", " ").split()))
HOSTILE = [
    "null", "~", "[]", "{}", "{null: null}", "true", "5e-4", "1e400", ".nan", "-1", "9" * 39, "''",
    '"\\0"', "!!python/object:os.system x", "&a", "*a", "<<: *a", "?", "---", "|", ">", "%", "\t",
    "[[[[", "x" * 300, "a.b", "a#b", "a:b#c", "#v", "on", "no", "0x", "stages", "from_", "ü",
    "../..",
]  # fmt: skip


@contextlib.contextmanager
def bounded(limit: int):
    """At most so many calls of functions, on any machine: what takes long calls often."""
    calls = 0

    def count(frame, event, argument) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert calls < limit


def spec_or_faults(path, text: str | bytes, **options) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with bounded(LIMIT):
        _spec_or_faults(path, **options)


def _spec_or_faults(path, **options) -> None:
    spec, found = None, None
    try:
        spec = load_spec(path, **options)
    except SpecErrors as error:
        found = error
    if found is None:
        assert isinstance(spec, Spec)
        assert show(spec)
    else:
        assert str(found)
        assert all(fault.file and fault.message for fault in found.errors)
        assert found.errors


def fuzzed(test):
    suppressed = [HealthCheck.function_scoped_fixture]
    most = examples(short=25, long=60)
    return settings(max_examples=most, deadline=None, suppress_health_check=suppressed)(test)


@fuzzed
@given(text=st.text() | st.binary())
def test_any_text(tmp_path, text) -> None:
    spec_or_faults(tmp_path / "x.yaml", text)


@fuzzed
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 4))
def test_a_spec_with_words_changed(tmp_path, seed: int, changes: int) -> None:
    draw = random.Random(seed)
    text = SMALL
    for _ in range(changes):
        start = draw.randrange(len(text))
        for _ in range(draw.randrange(12)):
            start = min(start + 1, len(text))
        end = min(start + draw.choice([0, 1, 3, 10, 60]), len(text))
        text = text[:start] + draw.choice([*HOSTILE, *WORDS, "\n", "  ", ": ", ", "]) + text[end:]
    spec_or_faults(tmp_path / "x.yaml", text, variant=draw.choice([None, "baseline"]))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from([*WORDS, *HOSTILE]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@fuzzed
@given(data=st.data(), value=_VALUES)
def test_any_value_at_any_place(tmp_path, data, value) -> None:
    from tfkd.spec import dump_yaml
    from tfkd.spec.source.yaml_reader import read_text

    plain = read_text(SMALL, "x").plain()
    node, keys = plain, []
    while isinstance(node, dict | list) and node:
        if keys and data.draw(st.booleans()):
            break
        keys.append(
            data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
        )
        parent, node = node, node[keys[-1]]
    parent[keys[-1]] = value
    try:
        text = dump_yaml(plain)
    except UnicodeEncodeError:
        return
    spec_or_faults(tmp_path / "x.yaml", text)


@fuzzed
@given(path=st.lists(st.sampled_from([*WORDS, "0", "1", "-1", ""]), max_size=4).map(".".join),
       value=st.sampled_from([*HOSTILE, *WORDS]) | st.text())  # fmt: skip
def test_any_override(tmp_path, path: str, value: str) -> None:
    spec_or_faults(tmp_path / "x.yaml", SMALL, overrides=[f"{path}={value}"])


def many(number: int, form: str) -> str:
    return ", ".join(form.replace("N", str(n)).replace("M", str(n + 1)) for n in range(number))


LARGE = {
    "keys": "{" + many(6000, "unknownN: 1") + "}",
    "stages": "{stages: {" + many(3000, "sN: {trane: x}") + "}}",
    "circle": "{data: {" + many(3000, "dN: {text: a, drop_overlap: [dM]}") + "}}",
    "overlap": "{data: {d: {text: a, drop_overlap: [" + "d, " * 20_000 + "e]}}}",
    "others": "{stages: {" + many(1500, "sN: {score: 'y.yaml:s', data: d}") + "}}",
    "options": "{views: {v: {kind: mlm, " + many(4000, "kN: 1") + "}}}",
    "word": "{teacher: {kind: " + "b" * 900_000 + "}}",
    "key": "{? " + "k" * 900_000 + " : 1}",
    "path": "{variants: {v: {? " + "paper." * 5000 + "a\n: 1}}}",
    "choose": "{stages: {s: {train: x, choose: {? batch." + "a." * 5000 + "b\n: [1], by: c.f1}}}}",
    "variants": "{variants: {" + many(2000, "vN: {name: y}") + "}}",
    "figures": "{paper: {title: t, published: {" + many(6000, "aN: N") + "}}}",
}


@pytest.mark.parametrize("text", LARGE.values(), ids=list(LARGE))
def test_large_specs_take_no_longer(tmp_path, text: str) -> None:
    spec_or_faults(tmp_path / "x.yaml", text)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "variants" else [pytest.mark.long]) for n in LARGE]
)
def test_nor_do_they_with_all_their_variants(tmp_path, name: str) -> None:
    (tmp_path / "x.yaml").write_text(LARGE[name], "utf-8")
    with bounded(2 * LIMIT):
        validate_files([tmp_path / "x.yaml"])
