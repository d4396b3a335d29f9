"""Several hosts, here processes on loopback: one mind, and one end."""

import json
import signal
from types import SimpleNamespace

import pytest
from host_processes import overrides
from small_line import arguments, stage_folders, write_line

from tfkd import cli
from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.spec import load_spec
from tfkd.spec.errors import UserError
from tfkd.training.hosts import Hosts, cluster_from

ENDLESS = ["stages.teach.steps=1000000", "stages.teach.log_every=5"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    return SimpleNamespace(spec=write_line(folder), folder=folder)


@pytest.mark.long
@pytest.mark.parametrize(("number", "lost"), [(2, 1), (2, 0), (3, 0), (3, 2)])
def test_a_host_that_dies_ends_the_others_and_the_same_command_goes_on(
    small, hosts, tmp_path, number, lost
):
    command = arguments(small.spec, tmp_path, *overrides(*ENDLESS), "--until", "teach")
    processes = hosts(*[command] * number)
    processes[0].wait_for("step 100/")
    processes[lost].process.send_signal(signal.SIGKILL)
    for left in processes[:lost] + processes[lost + 1 :]:
        assert left.end() == cli.RESUMABLE, left.text
        assert "another host has ended" in left.text or "no longer answers" in left.text
        assert "the same command continues" in left.text
    processes = hosts(*[command] * number)
    processes[0].wait_for("going on from step")
    processes[0].wait_for("tokens/s")
    # Asked on one, all of them stop, after the same step.
    processes[lost - 1].process.send_signal(signal.SIGTERM)
    assert [process.end() for process in processes] == [cli.RESUMABLE] * number
    after = [
        line.rpartition(" after step ")[2]
        for process in processes
        for line in process.lines
        if " after step " in line
    ]
    assert len(after) == number, [process.text for process in processes]
    assert len(set(after)) == 1
    (folder,) = stage_folders(tmp_path, "train")
    assert (folder / "work" / "checkpoints" / f"step-{int(after[0]):09d}.json").exists()


@pytest.mark.long
def test_different_specs_are_refused(small, hosts, tmp_path):
    processes = hosts(
        arguments(small.spec, tmp_path),
        arguments(small.spec, tmp_path, "--set", "stages.learn.steps=7"),
    )
    for process in processes:
        assert process.end() == cli.WRONG_INPUT
        assert "host 1 has other spec or options than host 0" in process.text
    assert not stage_folders(tmp_path, "corpus")


@pytest.mark.long
def test_different_data_are_refused(small, hosts, tmp_path):
    other = write_line(tmp_path / "other")
    path = other.parent / "train.de"
    path.write_text(path.read_text("utf-8").replace("e", "a", 1), "utf-8")
    words = arguments(small.spec, tmp_path / "runs")
    words_of_other = [str(other.parent) if w == str(small.folder) else w for w in words]
    for process in hosts(words, words_of_other):
        assert process.end() == cli.WRONG_INPUT
        assert "host 1 has other data than host 0" in process.text


class Two:
    """This host, and another that has told `values`; without them, what this one tells is kept."""

    number = 2

    def __init__(self, values=None):
        self.values = values

    def gather(self, values):
        if self.values is None:
            self.values = values
            return [values, [value + 1 for value in values]]
        return [self.values, values]


def asked(folder, hosts, *changes):
    """What is said to a host that is to run a spec of a folder."""
    from tfkd.pipeline.engine.workers import check_same

    spec = load_spec(folder / "small.yaml", overrides=changes)
    nodes = in_order(wanted(spec, folder).nodes())
    context = SimpleNamespace(hosts=hosts, stages=folder / "stages")
    with pytest.raises(UserError) as refused:
        check_same(spec, nodes, context, {})
    return str(refused.value)


@pytest.mark.tensorflow
@pytest.mark.parametrize("other", ["data", "spec or options"])
def test_what_a_host_has_otherwise_is_named(small, tmp_path, other):
    """Those of data alone, of the spec alone; of both where both differ."""
    chief = Two()
    assert asked(small.folder, chief).count("host 1 has other ") == 3
    folder, changes = small.folder, ["stages.learn.steps=7"]
    if other == "data":
        folder, changes = write_line(tmp_path).parent, []
        path = folder / "train.de"
        path.write_text(path.read_text("utf-8").replace("e", "a", 1), "utf-8")
    said = asked(folder, Two(chief.values), *changes)
    assert said.startswith(f"host 1 has other {other} than host 0. ")


@pytest.mark.long
def test_folders_that_are_not_shared_are_refused(small, hosts, tmp_path):
    processes = hosts(arguments(small.spec, tmp_path / "a"), arguments(small.spec, tmp_path / "b"))
    codes = [process.end() for process in processes]
    assert codes == [cli.RESUMABLE, cli.WRONG_INPUT], [process.text for process in processes]
    assert "All hosts need one folder of runs" in processes[1].text


@pytest.mark.tensorflow
def test_a_number_that_is_not_there_is_refused(small, tmp_path, capsys):
    code = cli.main(arguments(small.spec, tmp_path, "--set", "runtime.hosts=2"))
    assert code == cli.WRONG_INPUT
    assert "runtime.hosts: the spec wants 2, and TF_CONFIG names none" in capsys.readouterr().err


def config(cluster, kind="worker", index=0):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"TF_CONFIG": " "}, None),
        (config({"worker": ["a:1"]}), None),
        (config({"worker": ["a:1", "b:1"]}), (0, ("a:1", "b:1"))),
        (config({"worker": ["a:1", "b:1"]}, index=1), (1, ("a:1", "b:1"))),
        (config({"chief": ["c:1"], "worker": ["a:1"]}, "chief"), (0, ("c:1", "a:1"))),
        (config({"worker": ["a:1"], "chief": ["c:1"]}), (1, ("c:1", "a:1"))),
    ],
)
def test_places_are_read(environment, expected):
    assert cluster_from(environment) == expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TF_CONFIG": "{"}, "cannot be read"),
        ({"TF_CONFIG": "[]"}, "cannot be read"),
        ({"TF_CONFIG": "[" * 100_000}, "cannot be read"),
        ({"TF_CONFIG": '{"cluster": {"worker": 1}}'}, "cannot be read"),
        (config({"worker": ["a:1"], "ps": ["b:1"]}), "tasks of type 'ps'"),
        (config({"worker": ["a:1"]}, "evaluator"), "tasks of type 'evaluator'"),
        (config({"chief": ["a:1", "b:1"]}, "chief"), "2 chiefs"),
        (config({"worker": ["a:1", "b:1"]}, index=2), "worker 2, and the cluster has 2"),
        (config({"worker": ["a:1", "b:1"]}, index=-1), "worker -1"),
        (config({"worker": ["a:1", "a:1"]}), "an address twice"),
    ],
)
def test_what_is_no_place_is_refused(environment, message):
    with pytest.raises(UserError, match=message):
        cluster_from(environment)


def test_one_host_agrees_with_itself():
    assert Hosts().agree(7) == 7
    assert Hosts().gather([1, 2]).tolist() == [[1, 2]]
