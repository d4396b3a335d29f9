"""The specs that come with the project, against the schema and written out again.

That each is valid and planned with all its variants is for `test_specs`. Of the variants the short
ring takes the last, the long one all.
"""

from functools import cache
from pathlib import Path

import pytest
from schema_checker import fits
from spec_files import SMALL
from test_faults import CASES

from tfkd.reference import json_schema
from tfkd.spec import Spec, dump_yaml, load_spec
from tfkd.spec.source.yaml_reader import read_text
from tfkd.starters import starter_spec

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
SCHEMA = json_schema()
# Faults that only the whole spec shows: names that lead nowhere, parts that do not fit, text that
# stands for a folder or a reference.
BY_FORM = (
    "layers: four", "layers: 0", "layers: true", 'layers: "2"', "layers: 2, heds: 2", "kind: brt",
    "[train.de]", '{txt: "*.txt"}', "a.txt", "{weight: -1}", "[loss, blue]", "keep: {bset: bleu}",
    "rate: 0", "decode: beam", "export: {a: 1}", "name: ../small", "name: 5", "nmae: small",
    "tfkd: 2", "  tar.gets:", "wordpiece, size: 5", "score: finetune, train: teacher",
    "scroe: finetune", "from_: pretrain",
)  # fmt: skip


@cache
def with_variants(path: Path, first: int) -> tuple[Spec, ...]:
    spec = load_spec(path)
    return spec, *(spec.with_variant(name) for name in spec.variants[first:])


LAST, ALL = -1, 0
each_spec = pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
of_variants = pytest.mark.parametrize(
    "first", [pytest.param(LAST, id="last"), pytest.param(ALL, id="all", marks=pytest.mark.long)]
)


@of_variants
@each_spec
def test_every_spec_fits_the_schema_as_written_and_resolved(path: Path, first: int) -> None:
    assert fits(SCHEMA, read_text(path.read_text("utf-8"), "x").plain(), SCHEMA)
    for one in with_variants(path, first):
        assert fits(SCHEMA, one.resolved(), SCHEMA)


@of_variants
@each_spec
def test_published_vocabularies_without_capitals_are_read_in_lower_case(
    path: Path, first: int
) -> None:
    """The files that a spec asks for, vocab.txt among them, do not say it; read otherwise, each
    word with a capital would be an unknown piece."""
    for one in with_variants(path, first):
        for tokenizer in one.tokenizers.values():
            preset = getattr(tokenizer, "preset", None) or ""
            if preset.startswith("bert-"):
                assert tokenizer.lower_case == preset.endswith(("-uncased", "-chinese"))


@each_spec
def test_every_spec_written_out_is_the_same(tmp_path, path: Path) -> None:
    spec, *_ = with_variants(path, LAST)
    again = tmp_path / "again.yaml"
    again.write_text(dump_yaml(spec.resolved()), "utf-8")
    assert load_spec(again).resolved() == spec.resolved()


def test_the_starter_fits_the_schema() -> None:
    assert fits(SCHEMA, read_text(starter_spec("de", "en"), "x").plain(), SCHEMA)


@pytest.mark.parametrize("new", BY_FORM)
def test_faults_of_form_do_not_fit_the_schema(new: str) -> None:
    old = next(old for old, written, _ in CASES if written == new)
    assert fits(SCHEMA, read_text(SMALL, "x").plain(), SCHEMA)
    assert not fits(SCHEMA, read_text(SMALL.replace(old, new), "x").plain(), SCHEMA)
