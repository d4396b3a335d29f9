"""Size and latency of exported models."""

import json

import pytest

from tfkd import cli
from tfkd.commands import bench as module
from tfkd.spec.errors import UserError


@pytest.mark.long
def test_bench_measures_a_run_and_its_savedmodel(line, tmp_path, capsys):
    """Both ways to name the same model: the same size, and lines from the run's examples."""
    run = line.run
    folder = next((run / "export").glob("*/1"))
    out = tmp_path / "bench.json"
    words = ["bench", str(run), str(folder), "--rounds", "2", "--output", str(out)]
    assert cli.main(words) == cli.DONE
    shown = capsys.readouterr().out
    assert "ms a line" in shown
    content = json.loads(out.read_text("utf-8"))
    one, two = content["models"]
    assert one["parameters"] == two["parameters"] > 0
    assert (
        one["bytes"]
        == two["bytes"]
        == sum(
            path.stat().st_size
            for path in folder.rglob("*")
            if path.is_file() and not path.is_relative_to(folder / "ids")
        )
    )
    assert one["times_as_fast"] == 1
    assert content["as_fast_as"] == one["model"]
    assert one["decode"]["kind"] == "greedy"
    assert two["decode"] is None  # a folder alone does not say it
    assert "several ways" not in shown
    for model in (one, two):
        assert 0 < model["milliseconds_low"] <= model["milliseconds"] <= model["milliseconds_high"]
    assert content["lines"] > 1


def test_lines_come_from_a_file_and_without_lines_there_is_a_word(line, tmp_path, capsys):
    folder = next((line.run / "export").glob("*/1"))
    assert cli.main(["bench", str(folder)]) == cli.WRONG_INPUT
    assert "--input" in capsys.readouterr().err
    (tmp_path / "lines").write_text("ein mann\n\nzwei hunde\n", "utf-8")
    assert (
        cli.main(["bench", str(folder), "--input", str(tmp_path / "lines"), "--rounds", "1"])
        == cli.DONE
    )
    assert "2 lines" in capsys.readouterr().out
    with pytest.raises(UserError, match="cannot be read"):
        module.bench([folder], source=tmp_path / "none")


def test_an_option_that_a_savedmodel_lacks_is_refused(line, capsys):
    folder = next((line.run / "export").glob("*/1"))
    words = ["bench", str(line.run), "--iterations", "3"]
    assert cli.main(words) == cli.WRONG_INPUT
    assert "iterations" in capsys.readouterr().err
    assert folder.exists()


def test_options_go_to_the_models_that_have_them(monkeypatch, tmp_path):
    given = {}

    class Translator:
        folder = tmp_path

        def __init__(self, name):
            self.name = name
            self.choices = {"iterations": 10} if name == "fills" else {}

        def choose(self, options):
            given[self.name] = dict(options)

        def translate(self, lines):
            pass

    monkeypatch.setattr(module, "saved_model_of", lambda path: path)
    monkeypatch.setattr(module, "load_saved_model", lambda path, **_: Translator(path.name))
    monkeypatch.setattr(module, "_size", lambda folder: {"bytes": 1, "parameters": 1})
    (tmp_path / "lines").write_text("a\u2028b\n", "utf-8")
    models = [tmp_path / "fills", tmp_path / "beam"]
    text = module.bench(models, source=tmp_path / "lines", rounds=1, options={"iterations": 4})
    assert given == {"fills": {"iterations": 4}}
    assert "1 lines" in text  # that character ends no line
    filling = module.Exported("a", tmp_path, False, {"kind": "mask_predict", "iterations": 10})
    for name, wanted in (("fills", 4), ("beam", 10)):
        decode = module._decode(filling, Translator(name), {"iterations": 4})
        assert decode == {"kind": "mask_predict", "iterations": wanted}
    with pytest.raises(UserError, match="none of these SavedModels has the options iterations"):
        module.bench([models[1]], source=tmp_path / "lines", options={"iterations": 4})


def test_all_exports_of_a_run_stand_beside_its_teacher(monkeypatch, tmp_path):
    """Teachers by what their stage trains, not by their names; without one the first is it."""
    milliseconds = {"small": 2.0, "large": 8.0, "large#again": 9.0, "../other.yaml:large": 4.0}
    beam = {"kind": "beam", "beam": 5}
    decode = {key: beam if key == "large" else {"kind": "greedy"} for key in milliseconds}

    class Translator:
        choices = {}  # noqa: RUF012

        def __init__(self, folder, trust=False):
            self.folder = folder
            self.name = next(name for name in milliseconds if folder.parent.name == _place(name))

    def _place(name):
        return name.replace("/", "_").replace(":", "_")

    def run(name, exports):
        (tmp_path / name).mkdir()
        (tmp_path / name / module.RESULTS).write_text("{}")
        found[tmp_path / name] = {
            "spec": {"stages": {"small": {"train": "student"}, "large": {"train": "teacher.one"}}},
            "exports": [
                {"stage": one, "folder": f"export/{_place(one)}/1", "decode": decode[one]}
                for one in exports
            ],
        }
        return tmp_path / name

    found = {}
    monkeypatch.setattr(module, "read_results", found.__getitem__)
    monkeypatch.setattr(module, "load_saved_model", Translator)
    monkeypatch.setattr(module, "_size", lambda folder: {"bytes": 1, "parameters": 1})
    monkeypatch.setattr(
        module, "_seconds", lambda model, lines: milliseconds[model.name] * len(lines) / 1000
    )
    Translator.translate = lambda self, lines: None
    (tmp_path / "lines").write_text("a\n", "utf-8")
    out = tmp_path / "out.json"

    def measured(*runs):
        text = module.bench(runs, source=tmp_path / "lines", rounds=1, output=out)
        content = json.loads(out.read_text("utf-8"))
        assert f"as fast as {content['as_fast_as']}." in text
        said = text.partition("They decode in several ways, which their times are of, too:\n")[2]
        searches = {one["model"]: one["decode"]["kind"] for one in content["models"]}
        assert said.splitlines() == [
            f"  {model}: {'beam, beam 5' if kind == 'beam' else kind}"
            for model, kind in searches.items()
            if len({*searches.values()}) > 1
        ]
        ratios = {one["model"]: one["times_as_fast"] for one in content["models"]}
        return content["as_fast_as"], ratios

    both = run("both", ["small", "large", "large#again"])
    than, ratios = measured(both)
    assert than == f"{both} large"
    assert list(ratios.values()) == [1, pytest.approx(8 / 9), 4]
    assert list(ratios) == [f"{both} large", f"{both} large#again", f"{both} small"]
    alone, other = run("alone", ["small"]), run("other", ["../other.yaml:large"])
    than, ratios = measured(alone, other)
    assert (than, ratios) == (str(alone), {str(alone): 1, str(other): 0.5})
    than, ratios = measured(alone, both)
    assert than == f"{both} large"
    assert ratios[str(alone)] == 4


def test_quartiles_of_few_lines_are_times_that_were_measured():
    found = module._latency([[0.001], [0.002, 0.003, 0.9]])
    assert found == {
        "milliseconds": pytest.approx(2.0),
        "milliseconds_low": pytest.approx(1.5),
        "milliseconds_high": pytest.approx(2.5),
    }


def test_models_take_turns(monkeypatch, tmp_path):
    """Round by round and line by line each model is called, so that noise strikes all alike."""
    called = []

    class Translator:
        folder = tmp_path

        def __init__(self, name):
            self.name, self.choices = name, {}

        def translate(self, lines):
            called.append((self.name, len(lines)))

    monkeypatch.setattr(module, "saved_model_of", lambda path: path)
    monkeypatch.setattr(module, "load_saved_model", lambda path, **_: Translator(path.name))
    monkeypatch.setattr(module, "_size", lambda folder: {"bytes": 1, "parameters": 1})
    (tmp_path / "lines").write_text("a\nb\n", "utf-8")
    module.bench([tmp_path / "x", tmp_path / "y"], source=tmp_path / "lines", rounds=2)
    warm = 4
    assert called[warm : warm + 6] == [("x", 1), ("y", 1), ("x", 1), ("y", 1), ("x", 64), ("y", 64)]
    assert len(called) == warm + 12
