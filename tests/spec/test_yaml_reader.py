"""The reader: YAML 1.2's scalars, lines, and input made to do harm."""

import tracemalloc

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.spec import SpecErrors, dump_yaml
from tfkd.spec.source.yaml_reader import MOST_VALUES, plain_scalar, read_file, read_text


def fault(text: str) -> str:
    with pytest.raises(SpecErrors) as caught:
        read_text(text, "x.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("5e-4", 5e-4),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("0x1F", 31),
        ("0o17", "0o17"),
        ("007", 7),
        ("1_000", 1000),
        ("~", None),
        ("true", True),
        ("FALSE", False),
        ("-.inf", float("-inf")),
        ("1.2.3", "1.2.3"),
        ("9" * 39, int("9" * 39)),
        ("9" * 5000, "9" * 5000),  # Python itself refuses to read such integers
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_keys_are_text_and_quoted_values_stay_text() -> None:
    assert read_text("on: {no: '5', 1: \"true\", null: x, ! 7: y}", "f").plain() == {
        "on": {"no": "5", "1": "true", "null": "x", "7": "y"}
    }


def test_nodes_know_the_lines_of_their_keys() -> None:
    root = read_text("a:\n  b: 1\n  c:\n    - x\n    - {d: 2,\n       e: 3}\n", "f.yaml")
    lines = {
        "a": root.child("a"),
        "b": root.nearest(("a", "b")),
        "c": root.nearest(("a", "c")),
        "second": root.nearest(("a", "c", 1)),
        "e": root.nearest(("a", "c", 1, "e")),
    }
    assert {key: node.line for key, node in lines.items()} == {
        "a": 1, "b": 2, "c": 3, "second": 5, "e": 6,
    }  # fmt: skip


def test_all_duplicate_keys_are_named_with_both_lines() -> None:
    text = fault("a: 1\nb: {c: 1,\n    c: 2}\na: 3\n")
    assert text.splitlines() == [
        "x.yaml:3: b.c: given twice (first in line 2)",
        "x.yaml:4: a: given twice (first in line 1)",
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: !!python/object/apply:os.system [echo]", "x.yaml:1: a: the tag"),
        ("a: !!python/name:os.system", "the tag"),
        ("a: !!str 5", "the tag"),
        ("!!map {a: 1}", "the tag"),
        ("!!str a: 1", "a key that is no plain word"),
        ("? [a]\n: b", "a key that is no plain word"),
        ("? {a: 1}\n: b", "a key that is no plain word"),
        ("a: &x [*x]", "contains itself"),
        ("a: *nowhere", "has no anchor before it"),
        ("a: 1\n---\nb: 2", "x.yaml:2: a second document"),
        ("a: 1\nb: [1, 2\nc: 3", "no valid YAML"),
        ("a:\tb: c: d", "x.yaml:1: no valid YAML"),
        ("a: 1\nb: \x00", "x.yaml:2: no valid YAML"),
        ("a: 1\n\nb: \ud800", "not UTF-8"),
        ("%YAML 9.0\n---\na: 1", "no valid YAML"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 32 levels"),
        ("a: " + "[" * 5000, "nested deeper than 32 levels"),
        ("{a: " * 5000, "nested deeper than 32 levels"),
    ],
)
def test_what_no_spec_needs_is_refused(text: str, part: str) -> None:
    assert part in fault(text)


def test_aliases_are_counted_in_full() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    tracemalloc.start()
    message = fault("\n".join(lines))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert f"more than {MOST_VALUES:,} values" in message
    assert peak < 50e6


def test_aliases_cannot_nest_deeper_than_text() -> None:
    steps = "".join("[" for _ in range(20)), "".join("]" for _ in range(20))
    lines = ["a0: &a0 x"]
    lines += [f"a{n}: &a{n} {steps[0]}*a{n - 1}{steps[1]}" for n in range(1, 60)]
    assert "nested deeper than 32 levels" in fault("\n".join(lines))


def test_aliases_of_values_are_values() -> None:
    text = "a: &rate 5e-4\nb: {c: &list [1, *rate]}\nd: *list\n"
    assert read_text(text, "f").plain() == {"a": 5e-4, "b": {"c": [1, 5e-4]}, "d": [1, 5e-4]}


def test_a_merge_key_brings_what_is_not_given_with_its_lines() -> None:
    text = """\
one: &one {a: 1, b: {x: 1}}
two: &two {a: 2, c: 2}
mine:
  b: 3
  <<: *one
both: {<<: [*two, *one], "<<": x}
"""
    root = read_text(text, "f.yaml")
    assert root.plain()["mine"] == {"a": 1, "b": 3}
    assert root.plain()["both"] == {"a": 2, "b": {"x": 1}, "c": 2, "<<": "x"}
    assert root.nearest(("mine", "a")).line == 1
    assert root.nearest(("mine", "b")).line == 4


@pytest.mark.parametrize("value", ["5", "[]", "[*a, 5]", "x", "~"])
def test_a_merge_key_merges_mappings(value: str) -> None:
    text = f"a: &a {{b: 1}}\nc:\n  d: 2\n  <<: {value}\n"
    assert fault(text) == (
        "x.yaml:4: c.<<: no mapping to merge; expected *NAME of a mapping, or a list of them"
    )


def test_merged_keys_are_counted_in_full() -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: {{}}" for n in range(1000)) + "}"]
    lines += [f"b{n}: {{<<: *a0}}" for n in range(100)]
    assert f"more than {MOST_VALUES:,} values" in fault("\n".join(lines))


def test_all_that_is_wrong_is_said_up_to_where_reading_ends() -> None:
    text = "a: 1\na: 2\nb: !!int 3\nc: *gone\nd: {<<: *lost}\ne: [1, 2\nf: 3"
    assert [line.partition(":")[2][:12] for line in fault(text).splitlines()] == [
        "2: a: given ", "3: b: the ta", "4: c: the al", "5: d.<<: the", "7: no valid ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "no mapping at the top"),
        (b"# nothing\n", "no mapping at the top"),
        (b"- a\n", "no mapping at the top"),
        (b"5", "no mapping at the top"),
        (b"a: 1\nb: \xff\n", "x.yaml:2: not UTF-8"),
        (b"a: 1\n" + b"#" * 10 * 2**20, "larger than 1 MiB"),
        ("a: ü".encode("utf-16"), "not UTF-8"),
        (b"\x1f\x8b\x08", "not UTF-8"),
    ],
)
def test_files_that_are_no_specs(tmp_path, data: bytes, part: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data)
    with pytest.raises(SpecErrors, match=part):
        read_file(path)


@pytest.mark.parametrize("name", ["missing.yaml", "", "a\0b", "x" * 5000])
def test_files_that_cannot_be_read(tmp_path, name: str) -> None:
    with pytest.raises(SpecErrors, match="cannot be read"):
        read_file(f"{tmp_path}/{name}")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbftfkd: 1\n")
    assert read_file(path).plain() == {"tfkd": 1}


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)))
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | _TEXT
    | st.sampled_from(["on", "no", "5e-4", "08", "0o7", "1_0", "~", "", " a ", "a: b", "<<"])
    | st.sampled_from(["\x85", "\u2028", "\0", "\ufeff", "\t"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(_TEXT, _PLAIN, max_size=4))
def test_what_is_written_is_read_as_the_same(value: dict) -> None:
    assert read_text(dump_yaml(value), "f").plain() == value


@given(st.dictionaries(_TEXT.filter(lambda key: key != "<<"), st.text() | st.integers()))
def test_our_reader_agrees_with_pyyaml_where_both_have_one_meaning(value: dict) -> None:
    try:
        text = yaml.safe_dump(value, default_style='"', allow_unicode=False)
    except yaml.YAMLError:
        return
    try:
        found = read_text(text.replace("!!int ", ""), "f").plain()
    except SpecErrors:
        assert any(0xD800 <= ord(c) < 0xE000 for text in value.values() for c in str(text))
        return
    assert {key: str(item) for key, item in found.items()} == {
        key: str(item) for key, item in value.items()
    }
