"""The hosts of a SLURM step, as srun tells each of its tasks."""

import contextlib
import json
import os

import pytest

from tfkd.pipeline.cluster import slurm
from tfkd.pipeline.cluster.asked import AskedCluster
from tfkd.pipeline.cluster.slurm import slurm_config
from tfkd.spec.errors import UserError
from tfkd.training.hosts import cluster_from

STEP = {
    "SLURM_PROCID": "0",
    "SLURM_STEP_NODELIST": "gpu[01-02,7]",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_TASKS_PER_NODE": "1(x3)",
    "SLURM_JOB_ID": "41",
}


def environment(patch, **changes):
    """What srun sets, in this process as well: TensorFlow reads it there."""
    found = {**STEP, **changes}
    for name, value in found.items():
        patch.setenv(name, value)
    return found


@pytest.mark.tensorflow
def test_each_task_of_a_step_is_a_host(monkeypatch):
    found = []
    for task in range(3):
        config = slurm_config(environment(monkeypatch, SLURM_PROCID=str(task)))
        found.append(cluster_from({"TF_CONFIG": config}))
    hosts = ("gpu01", "gpu02", "gpu7")
    assert [one.index for one in found] == [0, 1, 2]
    assert {one.addresses for one in found} == {tuple(f"{host}:20041" for host in hosts)}


@pytest.mark.tensorflow
def test_tasks_of_one_machine_listen_at_ports_of_their_own(monkeypatch):
    given = environment(
        monkeypatch, SLURM_STEP_NODELIST="a,b", SLURM_STEP_TASKS_PER_NODE="2,1", SLURM_PROCID="1"
    )
    found = json.loads(slurm_config(given))
    assert found["cluster"]["worker"] == ["a:20041", "a:20042", "b:20041"]
    assert found["task"] == {"type": "worker", "index": 1}


def test_a_step_of_one_task_is_one_host():
    assert slurm_config({**STEP, "SLURM_STEP_NUM_TASKS": "1"}) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SLURM_PROCID": ""}, r"no task of a step of SLURM \(SLURM_PROCID is not set\).*srun"),
        ({"TF_CONFIG": "{}"}, "both name hosts"),
    ],
)
def test_what_is_no_step_is_refused(changes, said):
    with pytest.raises(UserError, match=said):
        slurm_config({**STEP, **changes})


@pytest.mark.parametrize("before", [None, ""])
def test_what_names_the_hosts_is_as_it_was_behind_the_run(monkeypatch, before):
    """So that the next variant, or a run without a cluster, finds no hosts of this one."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if before is not None:
        monkeypatch.setenv("TF_CONFIG", before)
    monkeypatch.setattr(slurm, "slurm_config", lambda environment: "{}")
    for _ in range(2):
        with contextlib.suppress(KeyError), slurm.but_slurm(AskedCluster(slurm.SLURM)) as rays:
            assert rays is None
            assert os.environ["TF_CONFIG"] == "{}"
            raise KeyError
        assert os.environ.get("TF_CONFIG") == before
    asked = AskedCluster("auto")
    with slurm.but_slurm(asked) as rays:
        assert rays is asked
        assert os.environ.get("TF_CONFIG") == before
