"""Reading specs takes no TensorFlow; plugins join by name."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from spec_files import SMALL, loaded, replaced, write

from tfkd.reference import listing
from tfkd.spec import UserError, load_spec

HEAVY = ("tensorflow", "keras", "numpy", "sacrebleu", "torch", "transformers")


def in_a_process(code: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True, text=True, timeout=120, check=False, env=environment or None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_heavy_is_imported(tmp_path) -> None:
    code = """
        import sys
        import tfkd.spec
        from tfkd.reference import json_schema, listing
        from tfkd.spec import load_spec, show, validate_files
        from tfkd.starters import starter_spec
        spec = load_spec(sys.argv[1])
        validate_files([sys.argv[1]]), show(spec), json_schema(), listing(), starter_spec("a", "b")
        print(*sorted({name.partition(".")[0] for name in sys.modules}))
    """
    found = in_a_process(code, str(write(tmp_path))).split()
    assert "tfkd" in found
    assert not set(found) & set(HEAVY)


def test_importing_the_package_imports_almost_nothing() -> None:
    found = in_a_process("import sys, tfkd, tfkd.spec; print(*sys.modules)").split()
    assert not {"yaml", "pydantic", *HEAVY} & set(found)


@pytest.mark.parametrize("module", ["spec.registry", "spec.metrics", "evaluation.metrics"])
def test_what_plugins_import_may_be_imported_first(module) -> None:
    in_a_process(f"import tfkd.{module}")


PLUGIN = """
from typing import Literal

from pydantic import Field
from tfkd.spec.options import ModelOptions
from tfkd.spec.options.base import Options
from tfkd.spec import registry


class WordOverlap(Options):
    "Counts words."

    kind: Literal["word_overlap"] = "word_overlap"
    share: float = Field(0.5, description="How much.", gt=0)


class Convolutions(ModelOptions):
    "A model without a tokenizer."

    kind: Literal["convolutions"] = "convolutions"
    width: int = Field(description="Its width.")


def join():
    registry.register(
        "objective", "word_overlap", options=WordOverlap, target="nowhere:Overlap", summary="W."
    )
    registry.register("model", "convolutions", options=Convolutions, target="nowhere:Convolutions")
"""


def test_a_plugin_joins_by_name_and_its_options_are_checked(tmp_path) -> None:
    (tmp_path / "my_plugin.py").write_text(PLUGIN.replace("join", "register"))
    text = replaced("cross_entropy: {weight: 0.5}\n", "word_overlap: {share: 0.25}\n")
    path = write(tmp_path, text)
    bad = write(tmp_path, text.replace("share: 0.25", "share: -1"), "bad.yaml")
    model = write(tmp_path, SMALL + "runtime: {}\n", "model.yaml")
    code = """
        import re, sys
        from tfkd.reference import json_schema, listing
        from tfkd.spec import SpecErrors, load_spec, show
        path, bad, model = sys.argv[1:]
        spec = load_spec(path, plugins=["my_plugin"])
        assert spec.stages["student"].objective["word_overlap"].share == 0.25
        assert spec.with_variant("baseline").plugins == ("my_plugin",)
        assert "share: 0.25" in show(spec)
        assert re.search("word_overlap +W[.]", listing("objectives"))
        assert "word_overlap" in json_schema()["$defs"]["objective"]["properties"]
        changed = "student={kind: convolutions, width: 3}"
        spec = load_spec(model, overrides=[changed], plugins=["my_plugin"])
        assert spec.models["student"].width == 3
        try:
            load_spec(bad, plugins=["my_plugin"])
        except SpecErrors as error:
            print(error)
    """
    said = in_a_process(code, str(path), str(bad), str(model), PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert "word_overlap.share: -1" in said


ROOT = Path(__file__).parents[2]


def test_a_plugin_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(UserError, match="the plugin no_such_plugin cannot be imported"):
        loaded(tmp_path, plugins=["no_such_plugin"])
    with pytest.raises(UserError, match="no_such_plugin"):
        listing("models", plugins=["no_such_plugin"])


def test_without_the_plugin_its_names_are_unknown(tmp_path) -> None:
    text = replaced("cross_entropy: {weight: 0.5}\n", "word_overlap: {share: 0.25}\n")
    with pytest.raises(UserError, match="'word_overlap' is no objective"):
        load_spec(write(tmp_path, text))


def test_an_installed_plugin_is_found(tmp_path) -> None:
    (tmp_path / "words.py").write_text(PLUGIN)
    package = tmp_path / "words-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: words\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[tfkd.plugins]\nwords = words:join\n")
    code = "from tfkd.reference import listing; print(listing('objectives'))"
    path = f"{tmp_path}:{ROOT}"
    assert "word_overlap" in in_a_process(code, PYTHONPATH=path)
    package.rename(tmp_path / "words-1.0.gone")
    assert "word_overlap" not in in_a_process(code, PYTHONPATH=path)


def test_no_module_hides_a_function_of_its_name() -> None:
    import importlib
    import pkgutil

    import tfkd.spec

    for module in pkgutil.iter_modules(tfkd.spec.__path__):
        importlib.import_module(f"tfkd.spec.{module.name}")
        assert module.name not in tfkd.spec.__all__
