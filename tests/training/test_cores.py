import os
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tfkd.data import side_by_side
from tfkd.training import cores


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(cores, "cores", lambda: 4)
    monkeypatch.setattr(cores, "_gpu", lambda: False)


@pytest.mark.parametrize(
    ("parameters", "tokens", "steps", "streams", "fuse"),
    [
        (10**7, 4096, 2000, 4, True),
        (10**7, 4096, 60, 4, False),  # over before compilation has paid
        (10**7, 4096, 3, 1, False),  # and before a second graph has
        (10**6, 1000, 10**4, 4, False),
        (10**4, 4096, 10**6, 1, False),  # steps of milliseconds
    ],
)
def test_large_steps_are_shared_and_long_trainings_compiled(
    four_cores, parameters, tokens, steps, streams, fuse
):
    found = cores.on_cpu(parameters, tokens, steps)
    assert found == {"streams": streams, "fuse": fuse}


def test_many_cores_work_on_few_parts(four_cores, monkeypatch):
    monkeypatch.setattr(cores, "cores", lambda: 64)
    assert cores.streams_here() == cores.MOST_STREAMS


def test_beside_a_gpu_nothing_is_shared(monkeypatch):
    monkeypatch.setattr(cores, "_gpu", lambda: True)
    assert cores.streams_here() == 1
    assert cores.on_cpu(10**9, 10**5, 10**6) == {"streams": 1, "fuse": False}


def test_threads_are_left_alone_once_tensorflow_has_them(four_cores):
    tf.ones([1]).numpy()
    before = tf.config.threading.get_intra_op_parallelism_threads()
    cores.share_cores()
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


def test_batches_take_the_cores_that_operations_leave(monkeypatch):
    monkeypatch.setattr(side_by_side, "cores", lambda: 6)
    for threads, workers in ((0, 1), (1, 6), (2, 3), (8, 1)):
        monkeypatch.setattr(
            tf.config.threading, "get_intra_op_parallelism_threads", lambda n=threads: n
        )
        assert side_by_side._free_workers() == workers


def test_threads_that_somebody_has_set_stay(four_cores, monkeypatch):
    given = []
    threading = tf.config.threading
    monkeypatch.setattr(threading, "get_intra_op_parallelism_threads", lambda: 3)
    monkeypatch.setattr(threading, "set_intra_op_parallelism_threads", given.append)
    cores.share_cores()
    assert not given


@pytest.mark.parametrize(
    ("told", "gpu", "widens"),
    [
        ("flags\t\t: fpu sse2 avx2 fma\n", False, True),
        ("flags\t\t: fpu avx2 avx512f avx512vl\n", False, False),
        ("flags\t\t: fpu sse2 avx2 fma\n", True, False),
        ("Features\t: fp asimd bf16\n", False, False),
        (None, False, False),
    ],
    ids=["avx2", "avx512", "beside_a_gpu", "arm", "not_linux"],
)
def test_which_processors_have_no_products_of_bfloat16(monkeypatch, tmp_path, told, gpu, widens):
    monkeypatch.setattr(cores, "_gpu", lambda: gpu)
    monkeypatch.setattr(cores, "_CPU", tmp_path / "cpuinfo")
    if told is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{told}")
    assert cores.widens_bfloat16() == widens


@pytest.mark.skipif(sys.platform != "linux", reason="devices are files under Linux")
def test_without_a_driver_tensorflow_is_not_imported_to_look_for_gpus(monkeypatch, tmp_path):
    monkeypatch.setattr(cores, "_DEVICES", tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "without_tensorflow")
    assert not cores._gpu()
    (tmp_path / "nvidia0").touch()
    with pytest.raises(AssertionError, match="imports TensorFlow"):
        cores._gpu()


def test_a_machine_is_told_with_the_names_of_its_gpus(monkeypatch):
    from tfkd.pipeline.engine.machine import machine, maker

    names = {}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [*names])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", names.get)
    assert "gpus" not in machine()
    number = len(os.sched_getaffinity(0))
    assert maker().endswith(f", {number} core{'' if number == 1 else 's'}")
    names.update(a={"device_name": "NVIDIA H200"}, b={})
    assert machine()["gpus"] == ["NVIDIA H200", "GPU"]
    assert maker() == "1 x NVIDIA H200, 1 x GPU"
    names.update(c={"device_name": "NVIDIA H200"})
    assert maker() == "2 x NVIDIA H200, 1 x GPU"
