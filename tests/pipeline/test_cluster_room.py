"""Workers as they fit on machines, each on a single one."""

import pytest

from tfkd.pipeline.cluster.asked import asked_cluster
from tfkd.pipeline.cluster.room import bundle_of, room_of
from tfkd.spec.errors import UserError


def machines(*each):
    """By name what each has: processors, or (processors, GPUs)."""
    pairs = [one if isinstance(one, tuple) else (one, 0) for one in each]
    return {
        f"m{number}": {"CPU": float(cpus), **({"GPU": float(gpus)} if gpus else {})}
        for number, (cpus, gpus) in enumerate(pairs)
    }


@pytest.mark.parametrize(
    ("each", "asked", "threads", "size", "needs"),
    [
        # 3 + 1 + 0, where the processors in all would be enough for 5.
        ((7, 3, 1), {}, 2, 4, {"num_cpus": 2}),
        # No machine has as many as this process has threads: one worker on each of the largest.
        ((4, 4, 2), {}, 16, 2, {"num_cpus": 4}),
        ((0, 4), {"cpus_per_worker": 1}, 16, 4, {"num_cpus": 1}),
        ((8, 8), {"workers": 3}, 4, 3, {"num_cpus": 4}),
        # A worker a GPU, with no more processors than leave each GPU its worker.
        (((8, 4), (6, 1), 64), {}, 16, 5, {"num_gpus": 1, "num_cpus": 2}),
        (((8, 4), (6, 1)), {"cpus_per_worker": 4}, 16, 3, {"num_gpus": 1, "num_cpus": 4}),
        (((1, 2),), {}, 4, 1, {"num_gpus": 1, "num_cpus": 1}),
    ],
)
def test_as_many_workers_as_fit_on_machines(each, asked, threads, size, needs):
    found = room_of(machines(*each), asked_cluster("auto", **asked), threads)
    assert (found.size, found.needs) == (size, needs)


@pytest.mark.parametrize(
    ("each", "asked", "said"),
    [
        ((2, 2), {"workers": 3}, r"3 workers .* room for 2, each with 2 processors: m0 1, m1 1"),
        ((2, 2), {"cpus_per_worker": 4}, r"room for 0, each with 4 processors"),
        (((8, 2), 8), {"workers": 3}, r"room for 2, each with 1 GPU and 2 processors: m0 2\."),
        ((0, 0), {}, "none of its 2 machines has a processor"),
    ],
)
def test_more_than_fits_is_refused(each, asked, said):
    with pytest.raises(UserError, match=said):
        room_of(machines(*each), asked_cluster("auto", **asked), 2)


def test_a_host_has_what_each_of_its_machines_has():
    auto, local = asked_cluster("auto"), asked_cluster("local")
    assert bundle_of(machines((8, 2), 64, (6, 4), (4, 1)), auto, 2) == {"CPU": 6, "GPU": 2}
    assert bundle_of(machines((9, 4)), local, 2) == {"CPU": 4, "GPU": 2}
    assert bundle_of(machines(4), local, 4) == {"CPU": 1}
    with pytest.raises(
        UserError, match=r"hosts: 4, and --cluster local has 3 .*--workers 4 --cpus"
    ):
        bundle_of(machines(3), local, 4)
    with pytest.raises(UserError, match=r"runtime.hosts: 3, .* has 2 machines with processors"):
        bundle_of(machines(4, 4, 0), auto, 3)
