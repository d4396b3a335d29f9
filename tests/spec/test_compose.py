"""Composition: `extends:`, variants, `--set`; and where each value then says it is from."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.spec.errors import SpecErrors
from tfkd.spec.source.compose import MOST_FILES, changed, extended, variant_names
from tfkd.spec.source.tree import Node, node_of


def compose(path, variant=None, overrides=()):
    return changed(extended(path), variant, overrides)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def messages(call, *arguments) -> list[str]:
    with pytest.raises(SpecErrors) as caught:
        call(*arguments)
    return [str(error) for error in caught.value.errors]


def test_extends_merges_mappings_and_replaces_the_rest(tmp_path):
    write(tmp_path, "a.yaml", "data: {x: {text: [a, b], max_rows: 3}}\nexport: [one, two]\n")
    write(tmp_path, "b.yaml", "data: {x: {lower_case: true}}\n")
    path = write(
        tmp_path, "c.yaml", "extends: [a.yaml, b.yaml]\ndata: {x: {text: [c]}}\nexport: [three]\n"
    )
    tree = compose(path)
    assert tree.plain() == {
        "data": {"x": {"text": ["c"], "max_rows": 3, "lower_case": True}},
        "export": ["three"],
    }
    x = tree.value["data"].value["x"].value
    assert x["max_rows"].origin == f"{tmp_path / 'a.yaml'}:1"
    assert x["lower_case"].origin == f"{tmp_path / 'b.yaml'}:1"
    assert x["text"].origin == f"{path}:2"


plain = st.recursive(
    st.booleans() | st.integers(0, 9) | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("wxyz"), inner, max_size=3)
    ),
    max_leaves=8,
)
mapping = st.dictionaries(st.sampled_from("wxyz"), plain, max_size=3)


def merged(left, right):
    """The definition, on plain values."""
    if isinstance(left, dict) and isinstance(right, dict):
        both = {key: merged(left[key], right[key]) for key in left.keys() & right.keys()}
        return {**left, **right, **both}
    return right


@settings(max_examples=40, deadline=None)
@given(first=mapping, second=mapping, third=mapping)
def test_extends_is_the_merge_of_plain_values(tmp_path_factory, first, second, third):
    from tfkd.spec.source.showing import dump_yaml

    folder = tmp_path_factory.mktemp("merge")
    write(folder, "a.yaml", dump_yaml(first))
    write(folder, "b.yaml", dump_yaml(second))
    path = write(folder, "c.yaml", dump_yaml({"extends": ["a.yaml", "b.yaml"], **third}))
    assert compose(path).plain() == merged(merged(first, second), third)


def test_null_takes_away(tmp_path):
    write(tmp_path, "a.yaml", "stages: {s: {from: t, steps: 3}, t: {steps: 4}}\n")
    path = write(
        tmp_path,
        "b.yaml",
        "extends: a.yaml\nstages: {t: null}\nvariants: {scratch: {stages.s.from: null}}\n",
    )
    tree = compose(path, "scratch")
    assert tree.value["stages"].plain() == {"s": {"steps": 3}}
    assert compose(path, None, ["stages.s.steps=null"]).value["stages"].plain() == {
        "s": {"from": "t"}
    }


def test_a_dotted_path_replaces_whole_and_leaves_the_tree_alone(tmp_path):
    path = write(
        tmp_path,
        "a.yaml",
        "stages: {s: {objective: {a: {weight: 1}, b: {}}}}\n"
        "evaluate: [{of: s, metrics: [x, y]}]\n"
        "variants:\n  one: {stages.s.objective: {a: {}}, evaluate.0.metrics.1: z}\n",
    )
    tree = extended(path)
    before = tree.plain()
    new = changed(tree, "one", ["stages.s.objective.a.weight=2"])
    assert tree.plain() == before
    assert new.value["stages"].plain() == {"s": {"objective": {"a": {"weight": 2}}}}
    assert new.value["evaluate"].plain() == [{"of": "s", "metrics": ["x", "z"]}]
    objective = new.value["stages"].value["s"].value["objective"]
    assert objective.origin == f"variant one ({path}:4)"
    assert objective.value["a"].value["weight"].origin == "--set"


@pytest.mark.parametrize(
    ("variant", "part"),
    [
        ("{stagse.s.steps: 1}", "there is no section 'stagse'"),
        ("{stages.z.steps: 1}", "there is no stage 'z'; expected one of s"),
        ("{stages.s.steps.deep: 1}", "stages.s.steps is 3, which has no keys"),
        ("{evaluate.7.of: s}", "evaluate is a list without an entry '7'; expected 0 to 0"),
        ("{evaluate.-1.of: s}", "evaluate is a list without an entry '-1'"),
        ("{extends: x.yaml}", "extends cannot be changed by a path"),
        ("{variants.v.name: x}", "variants cannot be changed by a path"),
        ("{'': 1}", "there is no section ''"),
        ("[1]", "no mapping; expected dotted paths and their values"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path, variant, part):
    path = write(
        tmp_path,
        "a.yaml",
        f"stages: {{s: {{steps: 3}}}}\nevaluate: [{{of: s}}]\nvariants:\n  v: {variant}\n",
    )
    (message,) = messages(compose, path, "v")
    assert message.startswith(f"{path}:4: variants.v")
    assert part in message


def test_a_path_may_open_a_section_that_the_spec_leaves_out(tmp_path):
    path = write(tmp_path, "a.yaml", "name: a\n")
    tree = compose(path, None, ["runtime.jit_compile=true", "stages.new={steps: 1}"])
    assert tree.plain() == {
        "name": "a",
        "runtime": {"jit_compile": True},
        "stages": {"new": {"steps": 1}},
    }


def test_all_paths_that_lead_nowhere_are_named_at_once(tmp_path):
    path = write(tmp_path, "a.yaml", "stages: {train: {steps: 3}}\nvariants: {v: {stagess: 1}}\n")
    found = messages(compose, path, "v", ["stages.trian.steps=4", "no equals sign", "a=[1"])
    assert len(found) == 4
    assert any("did you mean train?" in message for message in found)
    assert any("'no equals sign' is no K=V" in message for message in found)
    assert any(message.startswith("--set: a: no valid YAML") for message in found)


def test_unknown_variants_are_named(tmp_path):
    path = write(tmp_path, "a.yaml", "variants: {baseline: {name: x}, long: {name: y}}\n")
    assert variant_names(extended(path)) == ["baseline", "long"]
    (message,) = messages(compose, path, "basline")
    assert message == (
        f"{path}: variants: no variant 'basline'; expected one of baseline, long; "
        "did you mean baseline?"
    )
    assert variant_names(Node({}, "f", 1)) == []


def test_values_of_set_are_yaml_1_2():
    tree = node_of({"runtime": {}}, "f")
    new = changed(tree, None, ["runtime.a=5e-4", "runtime.b=on", "runtime.c=[1, {x: ~}]"])
    assert new.plain()["runtime"] == {"a": 5e-4, "b": "on", "c": [1, {"x": None}]}


def test_extends_in_a_circle(tmp_path):
    one = write(tmp_path, "one.yaml", "extends: two.yaml\n")
    write(tmp_path, "two.yaml", "extends: sub/../one.yaml\n")
    (tmp_path / "sub").mkdir()
    (message,) = messages(compose, one)
    assert "two.yaml:1: extends: sub/../one.yaml leads back to a file that extends it" in message
    itself = write(tmp_path, "itself.yaml", "\nextends: itself.yaml\n")
    assert messages(compose, itself) == [
        f"{itself}:2: extends: itself.yaml leads back to a file that extends it"
    ]


@pytest.mark.parametrize("value", ["5", "[]", "[a.yaml, 5]", "{a: b}"])
def test_extends_that_names_no_file(tmp_path, value):
    path = write(tmp_path, "a.yaml", f"extends: {value}\n")
    (message,) = messages(compose, path)
    assert "extends: no file; expected a spec's file" in message


def test_extends_of_a_missing_file_points_at_the_line(tmp_path):
    path = write(tmp_path, "a.yaml", "name: a\nextends: gone.yaml\n")
    (message,) = messages(compose, path)
    assert message.startswith(f"{path}:2: extends: {tmp_path / 'gone.yaml'} does not exist")


@pytest.mark.parametrize("name", ['"a\\0b"', "x" * 5000, "y/" * 2500, "z" * 300 + ".yaml"])
def test_extends_of_what_no_file_is_called_is_a_fault(tmp_path, name):
    path = write(tmp_path, "a.yaml", f"name: a\nextends: {name}\n")
    (message,) = messages(compose, path)
    assert message.startswith(f"{path}:2: extends: ")
    assert "does not exist; expected a file beside this one" in message
    assert len(message) < 400
    assert message.isprintable()


def test_a_few_files_cannot_ask_for_endless_reading(tmp_path):
    # Each level extends the next one twice: 2^30 reads.
    for level in range(30):
        text = f"extends: [{level + 1}.yaml, {level + 1}.yaml]\n"
        write(tmp_path, f"{level}.yaml", text)
    write(tmp_path, "30.yaml", "name: end\n")
    (message,) = messages(compose, tmp_path / "0.yaml")
    assert f"more than {MOST_FILES} files" in message
