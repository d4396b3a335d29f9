"""The cluster that a user has chosen in a file: where it is found, what it may say, who wins."""

from types import SimpleNamespace

import pytest

from tfkd import cli
from tfkd.pipeline.cluster import machines
from tfkd.pipeline.cluster.asked import AskedCluster
from tfkd.pipeline.cluster.asked_by import cluster_of, workers_of
from tfkd.pipeline.cluster.user_settings import settings_path, user_settings
from tfkd.spec.errors import UserError

SAID = "cluster: {address: auto, workers: 8, retries: 0}\n"


def options(cluster=None, **numbers):
    return SimpleNamespace(cluster=cluster, **{"workers": None, "runs_dir": "runs", **numbers})


@pytest.fixture
def settings(tmp_path, monkeypatch):
    path = tmp_path / "settings.yaml"
    monkeypatch.setenv("TFKD_SETTINGS", str(path))
    path.write_text(SAID, "utf-8")
    return path


def test_where_settings_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings_path({}) == tmp_path / ".config" / "tfkd" / "settings.yaml"
    assert (
        settings_path({"XDG_CONFIG_HOME": "/etc/xdg"}).as_posix() == "/etc/xdg/tfkd/settings.yaml"
    )
    assert settings_path({"XDG_CONFIG_HOME": "relative"}) == settings_path({})
    assert settings_path({"TFKD_SETTINGS": "mine.yaml"}).name == "mine.yaml"
    assert settings_path({"TFKD_SETTINGS": ""}) is None
    assert user_settings(None).cluster is None
    monkeypatch.delenv("TFKD_SETTINGS")
    assert user_settings(settings_path({})).cluster is None  # there need not be one
    monkeypatch.setenv("TFKD_SETTINGS", "mine.yaml")
    with pytest.raises(UserError, match=r"mine\.yaml: cannot be read"):
        user_settings(settings_path())


@pytest.mark.parametrize(
    ("text", "said"),
    [("cluster: {address: 10.0.0.1}", "settings.yaml:1: cluster.address: '10.0.0.1' names no"),
     ("cluster:\n  address: local\n  worker: 2", "settings.yaml:3: cluster.worker: unknown key.*"
      "workers"),
     ("cluster: {workers: 2}", r"settings.yaml:1: cluster.*address"),
     ("cluster: {address: local, workers: many}", "settings.yaml:1: cluster.workers"),
     ("cluster: {address: slurm, retries: 1}", "settings.yaml:1: cluster.retries: of a cluster of"),
     ("local", "settings.yaml:1: no mapping at the top; expected `cluster"),
     ("clusters: {}", "settings.yaml:1: clusters: unknown key"),
     ("cluster: !!python/object:os.system {}", "settings.yaml:1")],
)  # fmt: skip
def test_what_settings_may_not_say(settings, text, said):
    settings.write_text(text, "utf-8")
    with pytest.raises(UserError, match=said):
        cluster_of(options())


@pytest.mark.parametrize("text", ["", "# cluster: {address: auto}\n", "cluster:\n"])
def test_settings_may_say_nothing(settings, text):
    settings.write_text(text, "utf-8")
    assert cluster_of(options()) is None


def test_the_command_line_goes_before_settings(settings, monkeypatch, capsys):
    assert cluster_of(options()) == AskedCluster("auto", 8, None, 0)
    assert f"cluster auto, as {settings} says (--cluster none" in capsys.readouterr().err
    assert cluster_of(options(workers=2, cpus_per_worker=3)) == AskedCluster("auto", 2, 3, 0)
    assert cluster_of(options("local")) == AskedCluster("local")  # whose numbers those are not
    assert cluster_of(options("none")) is None
    capsys.readouterr()
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, '
                       '"task": {"type": "worker", "index": 0}}')  # fmt: skip
    assert cluster_of(options()) is None
    assert capsys.readouterr().err == ""


def test_a_plan_is_for_the_workers_of_the_cluster(settings, monkeypatch):
    asked = []
    monkeypatch.setattr(machines, "room_for", lambda cluster, _: (asked.append(cluster), 5)[1])
    assert workers_of(options()) == (8, " of the cluster auto")
    assert workers_of(options("local", workers=3)) == (3, " of the cluster local")
    assert workers_of(options(workers=3)) == (3, "")
    assert workers_of(options("none")) == (None, "")
    settings.write_text("cluster: {address: auto}", "utf-8")
    assert workers_of(options()) == (None, "")
    assert asked == []
    assert workers_of(options("auto")) == (5, " of the cluster auto")
    assert asked == [AskedCluster("auto")]


def test_no_key_hangs_on_settings(settings, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("one\n")
    spec = ("tfkd: 1\nname: plain\ndata: {a: {text: a.txt}}\n"
            "tokenizers: {t: {kind: wordpiece, size: 300, learn_from: [a]}}\n"
            "student: {kind: gpt2, layers: 1, width: 8, heads: 2, tokenizer: t}\n"
            "stages: {m: {train: student, data: a, steps: 1, objective: {causal_lm: {}}}}\n"
            "export: [m]\n")  # fmt: skip
    (tmp_path / "spec.yaml").write_text(spec, "utf-8")
    words = ["plan", str(tmp_path / "spec.yaml"), "--data-dir", str(tmp_path)]
    assert cli.main(words) == cli.DONE
    with_workers = capsys.readouterr().out
    assert "on 8 workers of the cluster auto like this process" in with_workers
    assert cli.main([*words, "--cluster", "none"]) == cli.DONE
    rows = [line for line in with_workers.splitlines() if "workers" not in line]
    assert rows == capsys.readouterr().out.splitlines()
