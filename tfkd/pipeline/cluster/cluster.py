"""The cluster of a run: started for the first stage that has work for it, ended with the run."""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tfkd.data.hashes import noting_hashes
from tfkd.data.side_by_side import cores
from tfkd.pipeline.cluster.asked import LOCAL, AskedCluster
from tfkd.pipeline.cluster.dispatch import Dispatch, Tally
from tfkd.pipeline.cluster.installation import installation
from tfkd.pipeline.cluster.job import Job
from tfkd.pipeline.cluster.room import Room, bundle_of, processors_here, room_of
from tfkd.pipeline.cluster.setup import GROWTH
from tfkd.pipeline.cluster.shown import Shown
from tfkd.pipeline.cluster.trainings import Trainings, trains_alone
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.in_turn import in_turn
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.source.spec_files import holding
from tfkd.training.hosts import VARIABLE, cluster_from


class Cluster:
    """Makes the shards of stages on a cluster, before the stages themselves find them made.

    Args:
        asked: The cluster.
        job: Tells the run, once its graph is made.
    """

    def __init__(self, asked: AskedCluster, job: Callable[[], Job]):
        self._asked, self._job = asked, job
        self._session: Any = None
        self._found = False
        self._pool: Any = None

    def make(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Makes those shards of a stage that are not there; nothing of a stage that has none.

        Returns:
            What its summary has of that: `workers`, by their machines the shards that they made,
            and the seconds that they took.

        Raises:
            UserError: The cluster is none, or its machines are not fit for the run.
            Interrupted: The run was stopped, or the cluster is gone.
        """
        self._checked(node, context)
        if node.stage.on_all_hosts:
            self._end_workers()  # a training has all of the memory
            if self._asked.address != LOCAL:
                self._disconnect()  # and no time to look whether the cluster is there
        shards = node.stage.shards(node, folder, context)
        missing = [n for n in range(len(shards or ())) if not shards.kept(n)]
        if len(missing) < 2:  # one is made here in the time that it takes to tell of it
            return {}
        del shards
        pool = self._workers(context)
        context.say(f"{node.label}: {len(missing):,} shards on {pool.size} workers")
        with Shown(node.label, len(missing), context.say) as shown:

            def told(tally: Tally) -> None:
                context.deadline.check()
                shown.show(tally, pool.ready)

            with self._session.reached():
                tally = Dispatch(pool, node.key, missing, told, self._asked.retries).run()
        folder.sweep()
        if pool.on_gpus:
            self._end_workers()  # what comes next here may need one of them
        seconds = time.monotonic() - tally.begun
        busy = sum(tally.seconds.values()) / (seconds * pool.size)
        lost = f", {tally.lost} workers lost" if tally.lost else ""
        context.say(
            f"{node.label}: {tally.of:,} shards in {seconds:.1f} s on "
            f"{', '.join(sorted(tally.made))}, workers at work {100 * busy:.0f} %{lost}"
        )
        return {
            "workers": {
                host: {"shards": tally.made[host], "seconds": round(tally.seconds[host], 1)}
                for host in sorted(tally.made)
            }
        }

    def trains(self, node: Node) -> bool:
        """Whether a stage is trained by hosts of the cluster: its spec names several."""
        hosts, joins = node.spec.runtime.hosts, (Role.FOLD, Role.TRIAL)
        several = hosts != "auto" and hosts > 1
        return several and node.stage.on_all_hosts and not any(map(node.inputs_of, joins))

    def train(self, node: Node, title: str, context: Context) -> None:
        """Has hosts make a stage that `trains`, whole.

        Raises:
            UserError: The cluster is none, or has too few machines, or others than here.
            Interrupted: The run was stopped, the cluster is gone, or hosts were lost again and
                again.
        """
        from tfkd.pipeline.cluster.ray_hosts import RayHosts

        self._end_workers()  # they would keep the machines
        self._checked(node, context)
        session = self._connected(context)
        with session.reached():
            hosts = RayHosts(session, self._job().text, node.spec.runtime.hosts, context)
            with context.deadline.holding():  # the hosts keep it, and save in time
                hosts.train(node, title)

    def make_all(
        self,
        nodes: Sequence[Node],
        context: Context,
        make: Callable[[Node], None],
        done: Callable[[Node], None],
        titles: Mapping[str, str],
        own: Collection[str],
    ) -> None:
        """Makes all stages of a run: trainings that do not wait for each other side by side, each
        by a process of the cluster; all others by `make`.

        Args:
            nodes: All, inputs first.
            context: The run's surroundings.
            make: Makes one here, shards and hosts that train together apart.
            done: Called with each that is made otherwise.
            titles: What lines of a stage begin with, by key.
            own: Keys of what the run needs; the others are made where they can be beside these.
        """

        def room() -> Room:
            return room_of(self._connected(context).machines(), self._asked, threads_here())

        def side_by_side(ready: Callable[[], Sequence[Node]], made: Callable[[Node], None]) -> None:
            from tfkd.pipeline.cluster.ray_hosts import RayHosts

            self._end_workers()  # they would keep the machines
            session, threads, now = self._connected(context), threads_here(), room()

            def train(node: Node, title: str, own: Context) -> None:
                one = RayHosts(session, self._job().text, 1, own, now, threads)
                one.train(node, title)

            with session.reached():
                Trainings(train, now.size, context).run(ready, lambda node: titles[node.key], made)

        trains = partial(trains_alone, context=context)
        in_turn(nodes, make, trains, lambda: room().size > 1, side_by_side, done, own)

    def close(self) -> None:
        """Ends all that was started."""
        self._disconnect()

    def _end_workers(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _disconnect(self) -> None:
        try:
            self._end_workers()
        finally:
            session, self._session = self._session, None
            if session is not None:
                session.close()

    def _checked(self, node: Node, context: Context) -> None:
        """Before the first work: whether there is a cluster, with room for what is asked for. One
        of this machine is started with as much."""
        hosts = node.spec.runtime.hosts
        if self._asked.address != LOCAL and not self._found:
            machines = self._connected(context).machines()
            room_of(machines, self._asked, threads_here())
            if hosts != "auto" and hosts > 1:
                bundle_of(machines, self._asked, hosts)
        elif not self._found and hosts != "auto" and hosts > 1:
            here = processors_here(self._asked, threads_here())
            bundle_of({"here": {"CPU": here}}, self._asked, hosts)
        self._found = True

    def _connected(self, context: Context) -> Any:
        if self._session is None:
            from tfkd.pipeline.cluster.ray_session import RaySession

            context.say(f"joins the cluster: --cluster {self._asked.address}")
            self._session = RaySession(
                self._asked, threads_here(), context.stages, self._job().plugins
            )
            _ = self._session.mark  # written once, before several threads ask for it
        return self._session

    def _workers(self, context: Context) -> Any:
        if self._pool is None:
            from tfkd.pipeline.cluster.ray_pool import RayPool

            session = self._connected(context)
            self._pool = RayPool(session, self._job().text, threads_here(), context.say)
        return self._pool


@contextlib.contextmanager
def elsewhere(
    asked: AskedCluster | None, specs: Sequence[Spec], context: Context, until: str | None
) -> Iterator[None]:
    """Inside, `context.cluster` makes shards, if one is asked for, of a spec and of those of its
    variants that are made with it.

    Raises:
        UserError: The run has hosts of its own.
    """
    if asked is None:
        yield
        return
    if cluster_from(os.environ) is not None:
        raise UserError(
            f"--cluster and {VARIABLE}: expected one of them. {VARIABLE} names hosts that train "
            "together, and a cluster has its own"
        )
    # Of a GPU this process has its part, and a worker of this machine another.
    os.environ.setdefault(GROWTH, "true")
    spec, *others = specs
    installation(spec.plugins)  # as it is now: workers that come later must have the same
    read = {path: text for one in specs if one.reading for path, text in one.reading.texts.items()}
    with holding(read) as texts, noting_hashes() as hashes:
        beside = [str(one.variant) for one in others]
        context.cluster = Cluster(
            asked, lambda: Job.of(spec, context, until, texts, hashes, beside)
        )
        try:
            yield
        finally:
            context.cluster.close()


def threads_here() -> int:
    """How many threads an operation of TensorFlow has in this process."""
    import tensorflow as tf

    asked = tf.config.threading.get_intra_op_parallelism_threads()
    return asked or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or cores()
