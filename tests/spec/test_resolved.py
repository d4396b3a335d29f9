"""What a spec resolves to, where each value comes from, and that it can be read again."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spec_files import SMALL, line_of, loaded, replaced, write

from tfkd.spec import dump_yaml, load_spec

SHORT = "{score: finetune, data: train}"


def again(folder, spec):
    path = folder / "again.yaml"
    path.write_text(dump_yaml(spec.resolved()), "utf-8")
    return load_spec(path)


def parts(spec) -> dict:
    """All that is the spec's own, not the way it was read."""
    way = {"path", "variant", "overrides", "provenance", "plugins", "reading"}
    return {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec) if f.name not in way}


def leaves(value, path="") -> set[str]:
    if not isinstance(value, dict | list) or not value:
        return {path}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {leaf for k, v in items for leaf in leaves(v, f"{path}.{k}" if path else str(k))}


@pytest.mark.parametrize("variant", [None, "baseline"])
@pytest.mark.parametrize("overrides", [(), ("student.dropout=0.3", "runtime.jit_compile=true")])
def test_a_resolved_spec_is_the_same_spec(tmp_path, variant, overrides) -> None:
    spec = loaded(tmp_path, variant=variant, overrides=overrides)
    second = again(tmp_path, spec)
    assert parts(second) == parts(spec)
    assert second.resolved() == spec.resolved()
    assert second.with_variant("baseline").stages == spec.with_variant("baseline").stages


def test_overrides_come_after_the_variants_of_a_resolved_spec(tmp_path) -> None:
    change = "stages.student.objective.cross_entropy.label_smoothing=0.2"
    spec = loaded(tmp_path, overrides=[change])
    for one in (spec, again(tmp_path, spec)):
        baseline = one.with_variant("baseline").stages["student"].objective
        assert list(baseline) == ["cross_entropy"]
        assert baseline["cross_entropy"].label_smoothing == 0.2


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    title=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20),
    weight=st.floats(1e-300, 1e300),
    steps=st.integers(1, 2**31 - 1),
    figures=st.dictionaries(st.text(min_size=1, max_size=5).filter(
        lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text)),
        st.floats(allow_nan=False, allow_infinity=False), max_size=3),
)  # fmt: skip
def test_any_values_come_back(tmp_path, title, weight, steps, figures) -> None:
    text = SMALL + dump_yaml({"paper": {"title": title, "published": figures}})
    text = replaced("weight: 0.5}\n", f"weight: {weight!r}}}\n", text)
    spec = loaded(tmp_path, text.replace("steps: 5\n", f"steps: {steps}\n"))
    assert spec.paper.title == title
    assert spec.paper.published == figures
    assert spec.stages["student"].objective["cross_entropy"].weight == weight
    assert parts(again(tmp_path, spec)) == parts(spec)


def test_every_value_has_an_origin(tmp_path) -> None:
    spec = loaded(tmp_path, variant="baseline", overrides=["teacher.layers=3"])
    assert leaves(spec.resolved()) == set(spec.provenance)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("name", "name: small"),
        ("data.train.parallel.0", "  train: {par"),
        ("data.text.text", "text: {text"),
        ("tokenizers.joint.learn_from.0", "joint: {kind"),
        ("stages.pretrain.data.0.of", "data: text, steps"),
        ("stages.student.schedule.rate", "rate: 5e-4"),
        ("stages.student.validate.on", "on: valid, every"),
        ("stages.student.objective.soft_targets.teacher", "soft_targets:"),
        ("evaluate.0.on.0", "of: targets"),
        ("evaluate.0.metrics.0", "of: targets"),
        ("evaluate.1.of", "of: student"),
        ("evaluate.1.metrics.0", "metrics: [bleu]"),
        ("export.0", "export:"),
        ("stages.targets.data.0.of", SHORT),
    ],
)
def test_origins_are_files_and_lines(tmp_path, path: str, part: str) -> None:
    spec = loaded(tmp_path)
    number = line_of(part, SMALL)
    assert spec.provenance[path] == f"{tmp_path}/small.yaml:{number}"


def test_defaults_variants_and_overrides_are_told_apart(tmp_path) -> None:
    spec = loaded(tmp_path, variant="baseline", overrides=["stages.student.batch.size=64"])
    origins = spec.provenance
    number = line_of("stages.student.objective:", SMALL)
    assert origins["stages.student.objective.cross_entropy.label_smoothing"] == (
        f"variant baseline ({tmp_path}/small.yaml:{number})"
    )
    assert origins["stages.student.batch.size"] == "--set"
    assert origins["stages.student.batch.unit"] == "default"
    assert origins["stages.student.objective.cross_entropy.weight"] == "default"
    assert origins["variants.baseline.stages.student.batch.size"] == "--set"


def test_what_another_spec_gives_has_its_file(tmp_path) -> None:
    write(tmp_path)
    text = "extends: small.yaml\nname: other\nstages: {student: {steps: 9}}\n"
    spec = load_spec(write(tmp_path, text, "other.yaml"))
    assert spec.stages["student"].steps == 9
    assert spec.provenance["stages.student.steps"] == f"{tmp_path}/other.yaml:3"
    assert spec.provenance["stages.student.train"].startswith(f"{tmp_path}/small.yaml:")
    assert parts(again(tmp_path, spec)) == parts(spec)


def test_a_term_of_weight_0_leaves_with_its_teacher(tmp_path) -> None:
    text = replaced("{weight: 0.5, teacher: targets}", "{weight: 0, teacher: nowhere}")
    spec = loaded(tmp_path, text)
    assert list(spec.stages["student"].objective) == ["cross_entropy"]
    assert list(spec.resolved()["stages"]["student"]["objective"]) == ["cross_entropy"]


def test_specs_are_frozen(tmp_path) -> None:
    spec = loaded(tmp_path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "x"
    with pytest.raises(ValueError, match="frozen"):
        spec.stages["student"].steps = 1


def test_a_change_of_plain_values_is_checked_and_named_in_variants(tmp_path) -> None:
    def smaller(plain):
        plain["name"] += "-smoke"
        plain["stages"]["student"]["steps"] = 1
        return plain

    spec = load_spec(write(tmp_path), change=smaller)
    assert (spec.name, spec.stages["student"].steps) == ("small-smoke", 1)
    assert spec.with_variant("baseline").stages["student"].steps == 1


def test_a_spec_with_several_teachers(tmp_path) -> None:
    text = replaced(
        "teacher: {kind: bert, layers: 2, width: 16, heads: 2, tokenizer: joint}",
        "teacher:\n  a: &bert {kind: bert, layers: 2, width: 16, heads: 2, tokenizer: joint}\n"
        "  b: *bert",
    )
    text = text.replace("train: teacher", "train: teacher.a")
    spec = loaded(tmp_path, text)
    assert set(spec.models) == {"teacher.a", "teacher.b", "student"}
    assert parts(again(tmp_path, spec)) == parts(spec)


def test_each_variant_of_a_file_is_read_once_whatever_asks_for_it(tmp_path, monkeypatch):
    """Variants that name each other are read again by none of them, nor by another seed's reader
    of the file."""
    from tfkd.spec.source import reading

    read, real = [], reading.Reading._sections_of

    def counted(self, tree, variant):
        read.append((self._seed, variant))
        return real(self, tree, variant)

    monkeypatch.setattr(reading.Reading, "_sections_of", counted)
    spec = loaded(tmp_path)
    for name in spec.variants:
        other = spec.with_variant(name)
        assert other.variant == name
        assert {one: parts(other.with_variant(one)) for one in spec.variants} == {
            one: parts(spec.with_variant(one)) for one in spec.variants
        }
        other.with_seed(7).with_seed(None)
    assert len(read) == len(set(read))
    assert {seed for seed, _ in read} == {None, 7}
