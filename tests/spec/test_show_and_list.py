"""What is printed for people: the resolved spec, the lists, the starter, the schema."""

import re
from pathlib import Path

import pytest
from spec_files import loaded

from tfkd.reference import json_schema, listing
from tfkd.spec import UserError, load_spec, show
from tfkd.spec.options.training import ScheduleOptions
from tfkd.spec.source.yaml_reader import read_text
from tfkd.starters import starter_spec

EXAMPLE = Path(__file__).parents[2] / "specs" / "multi30k_deen.yaml"


@pytest.mark.parametrize("variant", [None, "baseline"])
def test_show_is_yaml_with_an_origin_for_each_value(tmp_path, variant) -> None:
    spec = loaded(tmp_path, variant=variant, overrides=["student.dropout=0.25"])
    text = show(spec)
    assert read_text(text, "shown").plain() == spec.resolved()
    for line in text.splitlines():
        assert re.search(r"\S: *$|^ *-$|  # (default|--set|.+\.yaml:\d+\)?)$", line), line
    assert re.search(r"^  dropout: 0\.25 +# --set$", text, re.MULTILINE)
    assert ("# variant baseline (" in text) == (variant is not None)


def test_show_has_files_relative_to_this_folder(tmp_path, monkeypatch) -> None:
    spec = loaded(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "# small.yaml:2" in show(spec)


def test_show_keeps_text_that_looks_like_something_else(tmp_path) -> None:
    titles = ["on", "5e-4", "a: b", "# no", "'", '"', "ü", " ", "null", "08", "-", "a\nb", "\u2028"]
    for title in titles:
        spec = loaded(tmp_path)
        object.__setattr__(spec, "description", title)
        assert read_text(show(spec), "shown").plain()["description"] == title


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("corpora", "parallel"),
        ("corpus", "generated"),
        ("tokenizers", "wordpiece"),
        ("model", "transformer"),
        ("views", "conditional_mlm"),
        ("Objectives", "soft_targets"),
        ("optimizers", "adam"),
        ("schedule", "noam"),
        ("decodes", "beam"),
        ("metrics", "teacher_check"),
    ],
)
def test_lists_have_names_with_what_they_are(what: str, part: str) -> None:
    text = listing(what)
    assert re.search(rf"^  {part} +\S+ \S+", text, re.MULTILINE)
    assert text in listing("all")


def test_a_list_of_specs_reads_their_descriptions(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_text("tfkd: 1\nname: a\ndescription: What it is.\n")
    (tmp_path / "b.yaml").write_text("other: 1\n")
    (tmp_path / "c.yaml").write_text("[broken\n")
    (tmp_path / "d.yaml").write_text("tfkd: 1\nname: d\n")
    assert listing("specs") == "specs:\n  specs/a.yaml  What it is.\n  d.yaml        d"


def test_an_unknown_list_is_refused_with_advice() -> None:
    with pytest.raises(UserError, match=r"no list of 'objectivs'.*did you mean objectives\?"):
        listing("objectivs")


@pytest.mark.parametrize(("source", "target"), [("de", "en"), ("zh-CN", "no"), ("TGT", "SRC")])
def test_the_starter_is_valid_with_its_variants(tmp_path, source: str, target: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(starter_spec(source, target))
    spec = load_spec(path)
    assert spec.name == f"{source}_{target}"
    assert spec.data["train"].parallel == [f"data/train.{source}", f"data/train.{target}"]
    assert [spec.with_variant(name).variant for name in spec.variants] == [
        "baseline", "cmlm",
    ]  # fmt: skip
    assert "SRC" not in path.read_text() or "SRC" in (source, target)


@pytest.mark.parametrize(
    ("source", "target"), [("de", "de"), ("", "en"), ("../x", "en"), ("1", "2")]
)
def test_a_starter_for_no_languages_is_refused(source: str, target: str) -> None:
    with pytest.raises(UserError):
        starter_spec(source, target)


def test_every_key_of_the_schema_is_described() -> None:
    undescribed = []

    def walk(schema, path):
        if isinstance(schema, dict):
            properties = schema.get("properties")
            for key, field in properties.items() if isinstance(properties, dict) else ():
                known = "description" in field or path.endswith("/objective") or "anyOf" in field
                if not known and path:
                    undescribed.append(f"{path}/{key}")
            for key, value in schema.items():
                walk(value, f"{path}/{key}")

    walk(json_schema(), "")
    assert undescribed == []


def test_what_a_temperature_does_is_said_where_it_is_written() -> None:
    """The two forms differ above T = 1, and the default is not Hinton's."""
    terms = json_schema()["$defs"]["objective"]["properties"]["soft_targets"]
    (options,) = (one for one in terms["anyOf"] if "form" in one.get("properties", ()))
    form = options["properties"]["form"]
    assert form["default"] == "paper"
    assert "Hinton, Vinyals and Dean (2015)" in form["description"]
    assert "form: hinton" in options["properties"]["temperature"]["description"]
    assert re.search(r"^  soft_targets .*form: hinton", listing("objectives"), re.MULTILINE)
    assert "form: hinton" in starter_spec("de", "en")
    guide = EXAMPLE.parents[1] / "docs" / "guides" / "stored_teacher.md"
    assert "`form: hinton`" in guide.read_text("utf-8")


def test_the_runtimes_options_say_what_they_change() -> None:
    schema = json_schema()["properties"]["runtime"]["anyOf"][0]["properties"]
    for option in ("devices", "jit_compile"):
        assert "ropout's masks differ" in schema[option]["description"]
    stages = json_schema()["$defs"]["stage"]["anyOf"]
    (load,) = (one["properties"]["load"] for one in stages if "load" in one["properties"])
    assert "preset" not in load["description"]


def test_editors_show_the_schedule_that_is_taken_unless_one_is_given() -> None:
    stages = json_schema()["$defs"]["stage"]["anyOf"]
    (schedule,) = (
        one["properties"]["schedule"] for one in stages if "schedule" in one["properties"]
    )
    assert schedule["default"] == ScheduleOptions().model_dump()
    assert (schedule["default"]["kind"], schedule["default"]["rate"]) == ("triangular", 1e-3)
