"""The machines of a cluster, each looked at once before a run is given to them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tfkd.pipeline.cluster.asked import SLURM, AskedCluster
from tfkd.pipeline.cluster.cluster import threads_here
from tfkd.pipeline.cluster.installation import differences, installation
from tfkd.pipeline.cluster.probe import Probe
from tfkd.pipeline.cluster.ray_connection import first_line
from tfkd.pipeline.cluster.ray_session import RaySession
from tfkd.pipeline.cluster.room import room_of
from tfkd.pipeline.cluster.setup import setup_of
from tfkd.pipeline.cluster.worker import DONE
from tfkd.pipeline.engine.permissions import permitted
from tfkd.spec.errors import UserError

# Seconds that a machine has to answer: TensorFlow is imported there.
_PATIENCE = 120.0
_LEAST_FREE = 2 * 2**30
Line = tuple[str, str]


def looked_at(
    asked: AskedCluster, data_dir: Path, runs_dir: Path, plugins: Sequence[str] = ()
) -> list[Line]:
    """What is found on each machine of a cluster.

    Args:
        asked: The cluster.
        data_dir: The data folder.
        runs_dir: The folder of runs.
        plugins: Modules whose sources are compared, too.

    Returns:
        Lines for people, each with `ok`, `note` or `wrong`.

    Raises:
        UserError: There is no such cluster.
    """
    session = RaySession(asked, 1, runs_dir / "stages")
    try:
        with session.reached(), permitted(runs_dir):
            return list(_lines(session, data_dir.resolve(), runs_dir.resolve(), plugins))
    finally:
        session.close()


def room_for(asked: AskedCluster, runs_dir: Path) -> int:
    """How many workers a cluster has room for.

    Raises:
        UserError: There is no such cluster, or it has room for none; or it is one of SLURM, whose
            hosts only train.
    """
    if asked.address == SLURM:
        raise UserError(
            "--cluster slurm: a step of SLURM trains, and has no workers for shards. Expected a "
            "cluster of Ray, or --workers alone"
        )
    threads = threads_here()
    session = RaySession(asked, threads, runs_dir / "stages")
    try:
        return room_of(session.machines(), asked, threads).size
    finally:
        session.close()


def _lines(
    session: RaySession, data_dir: Path, runs_dir: Path, plugins: Sequence[str]
) -> Iterator[Line]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ray, nodes = session.ray, [node for node in session.ray.nodes() if node["Alive"]]
    there = ray.cluster_resources()
    processors, gpus = (int(there.get(name, 0)) for name in ("CPU", "GPU"))
    yield "ok", f"{len(nodes)} machines, {processors} processors, {gpus} GPUs"
    setup, mark = json.dumps(setup_of("", None, 1)), str(session.mark)
    here, named = installation(plugins), json.dumps([*plugins])
    under_way = {}
    for node in nodes:
        where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        probe = ray.remote(Probe).options(num_cpus=0, scheduling_strategy=where).remote(setup)
        asked = probe.look.remote(mark, str(runs_dir), str(data_dir), named)
        under_way[node["NodeManagerAddress"], node["NodeID"]] = probe, asked
    kinds = set()
    # All have the same time: machines that are silent are waited for together.
    told = [asked for _, asked in under_way.values()]
    ray.wait(told, num_returns=len(told), timeout=_PATIENCE)
    for (address, _), (probe, asked) in under_way.items():
        try:
            found = json.loads(ray.get(asked, timeout=1))
        except ray.exceptions.RayError as error:
            yield "wrong", f"{address}: it gives no answer ({first_line(error)})"
            continue
        finally:
            ray.kill(probe)
        if found["kind"] != DONE:
            yield "wrong", f"{address}: {found['text'].strip().splitlines()[-1]}"
            continue
        kinds.add((found["processor"], *found["gpus"]))
        name, wrong = f"{found['host']} ({address})", differences(here, found["installation"])
        yield from _of_machine(name, wrong, found, data_dir, runs_dir)
    if len(kinds) > 1:
        yield (
            "note",
            "machines of several kinds: the last bits of what they compute may differ",
        )


def _of_machine(
    name: str, wrong: list[str], found: dict[str, Any], data_dir: Path, runs_dir: Path
) -> Iterator[Line]:
    if found["runs"] or not found["sees"]:
        reason = found["runs"] or "it is another folder there"
        wrong.append(f"the folder of runs {runs_dir} is not shared: {reason}")
    if found["data"]:
        wrong.append(f"the data folder {data_dir} cannot be read: {found['data']}")
    if not found["runs"] and found["free"] < _LEAST_FREE:
        wrong.append(f"{found['free'] / 2**30:.1f} GiB free for {runs_dir}")
    for one in wrong:
        yield "wrong", f"{name}: {one}"
    if not wrong:
        gpus = ", ".join(found["gpus"]) or "no GPU"
        yield (
            "ok",
            f"{name}: {found['processor'] or 'processor'}, {gpus}, "
            f"{found['memory'] / 2**30:.1f} GiB of memory and {found['free'] / 2**30:.1f} GiB of "
            "disk free; data and runs are shared, the same installation",
        )
