"""What workers, or hosts, take of the machines of a cluster, and how many there is room for."""

from collections.abc import Mapping
from typing import NamedTuple

from tfkd.data.side_by_side import cores
from tfkd.pipeline.cluster.asked import LOCAL, AskedCluster
from tfkd.spec.errors import UserError


class Room(NamedTuple):
    """Workers of a run.

    Attributes:
        size: How many.
        needs: What each of them takes, in Ray's words: `num_cpus`, and `num_gpus`.
    """

    size: int
    needs: dict[str, int]

    @property
    def shown(self) -> str:
        """What each takes, for people."""
        return shown(self.needs)


def room_of(machines: Mapping[str, Mapping[str, float]], asked: AskedCluster, threads: int) -> Room:
    """Workers as they fit on machines: one is on a single machine, and with a GPU where there are
    any.

    Args:
        machines: By their names what they have: `CPU`, `GPU`.
        asked: The cluster that was asked for.
        threads: Of each operation of TensorFlow, in this process and so in all.

    Raises:
        UserError: They have no room for what is asked for.
    """
    on_gpus = any(_whole(one, "GPU") for one in machines.values())
    with_them = {
        name: (_whole(one, "CPU"), _whole(one, "GPU") if on_gpus else None)
        for name, one in machines.items()
        if _whole(one, "GPU" if on_gpus else "CPU")
    }
    if not with_them:
        raise UserError(
            f"--cluster {asked.address}: none of its {len(machines)} machines has a processor for "
            "work. Start some by `ray start` with `--num-cpus`"
        )
    cpus = asked.cpus_per_worker or _usual(list(with_them.values()), threads)
    fit = {
        name: own // cpus if gpus is None else min(own // cpus, gpus)
        for name, (own, gpus) in with_them.items()
    }
    needs = {"num_gpus": 1, "num_cpus": cpus} if on_gpus else {"num_cpus": cpus}
    most = sum(fit.values())
    if (asked.workers or 1) > most:
        have = ", ".join(f"{name} {number}" for name, number in list(fit.items())[:10])
        more = ", ..." if len(fit) > 10 else ""
        raise UserError(
            f"--cluster {asked.address}: {asked.workers or 1} workers are asked for, and there is "
            f"room for {most}, each with {shown(needs)}: {have}{more}. Expected at most as many "
            "--workers, or fewer --cpus-per-worker"
        )
    return Room(asked.workers or most, needs)


def processors_here(asked: AskedCluster, cpus: int) -> int:
    """How many processors a cluster of this machine alone has, which is started with as many as is
    asked for.

    Args:
        asked: The cluster.
        cpus: Processors of a worker, where `asked` names no number.
    """
    return max(cores(), (asked.workers or 1) * (asked.cpus_per_worker or cpus))


def bundle_of(
    machines: Mapping[str, Mapping[str, float]], asked: AskedCluster, hosts: int
) -> dict[str, int]:
    """What each of several hosts takes that train together, in Ray's words: of the machines that
    have most the processors and GPUs that each has at least; on this machine alone its part.

    Raises:
        UserError: There are fewer machines than hosts, or here processors.
    """
    found = [one for one in machines.values() if _whole(one, "CPU")]
    if asked.address == LOCAL:
        processors = sum(_whole(one, "CPU") for one in found)
        if processors < hosts:
            raise UserError(
                f"runtime.hosts: {hosts}, and --cluster local has {processors} processors. "
                f"Expected at most as many, or that they be shared: --workers {hosts} "
                "--cpus-per-worker 1"
            )
        cpus, gpus = (sum(_whole(one, name) for one in found) // hosts for name in ("CPU", "GPU"))
    elif len(found) < hosts:
        raise UserError(
            f"runtime.hosts: {hosts}, and the cluster {asked.address} has {len(found)} machines "
            "with processors. Expected at most as many"
        )
    else:
        found.sort(key=lambda one: (_whole(one, "GPU"), _whole(one, "CPU")), reverse=True)
        cpus, gpus = (min(_whole(one, name) for one in found[:hosts]) for name in ("CPU", "GPU"))
    return {"CPU": max(1, cpus)} | ({"GPU": gpus} if gpus else {})


def shown(needs: Mapping[str, float]) -> str:
    """What is asked for of a machine, for people."""
    found = [
        (count, "GPU" if "gpu" in name.lower() else "processor") for name, count in needs.items()
    ]
    return " and ".join(f"{count} {name}{'s' * (count != 1)}" for count, name in found)


def _usual(machines: list[tuple[int, int | None]], threads: int) -> int:
    """Processors of a worker that nobody has named: as many as threads, if a machine has them, and
    with a GPU no more than leave each of its machine's GPUs a worker."""
    shares = [own // gpus for own, gpus in machines if gpus]
    return max(1, min(threads, min(shares) if shares else max(own for own, _ in machines)))


def _whole(machine: Mapping[str, float], name: str) -> int:
    return int(machine.get(name, 0))
