"""The registry: names, lazy classes, plugins."""

import subprocess
import sys

import pytest
from pydantic import BaseModel

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.errors import UserError

register_builtins()
ENTRIES = [registry.lookup(kind, name) for kind in registry.KINDS for name in registry.names(kind)]


@pytest.fixture
def own_entries(monkeypatch):
    """A registry that forgets what a test adds."""
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.mark.tensorflow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_every_name_leads_to_a_class(entry):
    assert callable(registry.load(entry))
    assert entry.summary.strip()
    assert not entry.summary.endswith(":")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_options_are_frozen_strict_and_described(entry):
    config = entry.options.model_config
    assert config["frozen"]
    assert config["strict"]
    assert config["extra"] == "forbid"
    for name, field in entry.options.model_fields.items():
        assert field.description, f"{entry.kind} {entry.name}: {name} has no description"


def test_unknown_names_are_answered_with_what_there_is():
    with pytest.raises(UserError, match=r"'transfomer' is no model; .*did you mean transformer"):
        registry.lookup("model", "transfomer")


@pytest.mark.usefixtures("own_entries")
def test_a_name_is_taken_once():
    for _ in range(2):  # a module imported again
        registry.register("objective", "mine", options=BaseModel, target="a:B")
    with pytest.raises(ValueError, match="is a:B already"):
        registry.register("objective", "mine", options=BaseModel, target="c:D")
    with pytest.raises(ValueError, match="kind='vieww'"):
        registry.register("vieww", "mine", options=BaseModel, target="a:B")


PLUGIN = """
from typing import Literal
from pydantic import Field
from tfkd.spec.options import ViewOptions
from tfkd.spec.registry import register as add

class ShuffleOptions(ViewOptions):
    kind: Literal["shuffle"] = Field("shuffle", description="The kind of view.")
    window: int = Field(3, description="How far a word may move.")

def register():
    add("view", "shuffle", options=ShuffleOptions, target="shuffle_plugin:Shuffle",
        summary="Words in another order.")
"""


@pytest.mark.usefixtures("own_entries")
def test_plugins_join_by_module(tmp_path, monkeypatch):
    (tmp_path / "shuffle_plugin.py").write_text(PLUGIN, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry.load_plugins(["shuffle_plugin"])
    assert "shuffle" in registry.names("view")
    assert registry.lookup("view", "shuffle").options().window == 3


@pytest.mark.usefixtures("own_entries")
def test_plugins_join_by_entry_point(tmp_path, monkeypatch):
    (tmp_path / "shuffle_plugin.py").write_text(PLUGIN, "utf-8")
    info = tmp_path / "shuffle-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shuffle\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tfkd.plugins]\nshuffle = shuffle_plugin:register\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry.load_plugins()
    assert "shuffle" in registry.names("view")


def test_a_plugin_that_fails_is_named(tmp_path, monkeypatch):
    (tmp_path / "broken_plugin.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    said = r"broken_plugin cannot be imported .ZeroDivisionError.* at .*broken_plugin\.py:1 in "
    with pytest.raises(UserError, match=said):
        registry.load_plugins(["broken_plugin"])
    with pytest.raises(UserError, match=r"no_such_plugin cannot be imported.*is it on PYTHONPATH"):
        registry.load_plugins(["no_such_plugin"])


@pytest.mark.parametrize(
    ("name", "said"),
    [("../t5/full_stop.py", r"a module's name, not a file; .*: PYTHONPATH=\.\./t5 {}full_stop$"),
     ("own.py", r"PYTHONPATH=\. {}own$"),
     ("own", r"own\.py lies in this folder.*: PYTHONPATH=\. {}own$"),
     ("pack.inner", r"pack/__init__\.py lies in this folder.*: PYTHONPATH=\. {}pack\.inner$")],
)  # fmt: skip
def test_a_file_is_no_module_and_its_folder_is_named(tmp_path, monkeypatch, name, said):
    for file in ("own.py", "pack/__init__.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("raise SystemExit('it was run')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", ".")])
    command = ["tfkd", "validate", "a b.yaml", "--plugin", name]
    for words, told in ((command, "tfkd validate 'a b.yaml' --plugin "), (["x"], r"tfkd .* ")):
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(UserError, match=said.format(told)):
            registry.load_plugins([name])


@pytest.mark.usefixtures("own_entries")
def test_a_plugin_that_registers_nothing_is_told_of(tmp_path, monkeypatch, capsys):
    (tmp_path / "idle_plugin.py").write_text("from tfkd.spec.registry import register\n")
    (tmp_path / "busy_plugin.py").write_text(PLUGIN.replace("shuffle", "busy"), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry.load_plugins(["busy_plugin"])
    registry.load_plugins(["busy_plugin"])  # as each reading of a spec does
    assert capsys.readouterr().err == ""
    for _ in range(2):
        registry.load_plugins(["idle_plugin"])
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("tfkd: warning: the plugin idle_plugin registers nothing")


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("import tfkd.no_such", r"moved: see CHANGELOG\.md"),
        ("import no_such_package", r"package'\) at \S+:1 in <module>"),
    ],
)
def test_what_a_plugin_lacks_is_told_from_the_plugin(tmp_path, monkeypatch, code, end):
    name = f"lacking_{code.split('.')[-1].split()[-1]}"
    (tmp_path / f"{name}.py").write_text(f"{code}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=f"{end}$"):
        registry.load_plugins([name])


def test_reading_specs_imports_no_tensorflow(tmp_path):
    from tfkd.starters import starter_spec

    path = tmp_path / "spec.yaml"
    path.write_text(starter_spec("de", "en"), "utf-8")
    code = (
        "import sys; from tfkd.spec import *; from tfkd.reference import *; "
        f"assert not validate_files([{str(path)!r}]); show(load_spec({str(path)!r})); "
        "json_schema(); listing('models'); "
        "heavy = {'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
