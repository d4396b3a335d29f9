"""The training loop."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.training.follower import Follower
from tfkd.training.hosts import Hosts
from tfkd.training.interruption import TimeLimit
from tfkd.training.keep import Keeper
from tfkd.training.optimizers import Optimizer
from tfkd.training.progress import Progress
from tfkd.training.schedules import Schedule
from tfkd.training.training_run import HISTORY, WEIGHTS, TrainingRun
from tfkd.training.validation import Validate


class TrainResult(NamedTuple):
    """What a training left.

    Attributes:
        steps: Steps made: all, or fewer where patience ran out.
        seconds: Of training, over all attempts.
        best: `{"step", "metric", "value"}` with keep={"best": METRIC}, else None.
        history: The file of lines.
        weights: The file of the weights that the model has now.
    """

    steps: int
    seconds: float
    best: dict[str, Any] | None
    history: Path
    weights: Path


def train(
    distiller: Any,
    batcher: Any,
    *,
    steps: int,
    optimizer: Optimizer,
    schedule: Schedule,
    folder: Path | str,
    validate: Validate | None = None,
    validate_every: int | None = None,
    keep: Any = "last",
    patience: int | None = None,
    seed: int = 1,
    log_every: int = 50,
    save_every_seconds: float | None = None,
    time_limit: TimeLimit | None = None,
    strategy: tf.distribute.Strategy | None = None,
    micro_batches: int = 1,
    progress: bool | None = None,
    say: Callable[[str], None] | None = None,
    tensorboard: bool = True,
    jit_compile: bool = False,
    hosts: Hosts | None = None,
    steps_per_execution: int = 1,
    streams: int = 1,
    fuse: bool = False,
    kept_elsewhere: Collection[str] = (),
    of: str = "",
) -> TrainResult:
    """Trains a distiller's student; called again with the same folder, it goes on where it was.

    Batch n is `batcher.batch(n)`, whatever came before. A training that was killed at any moment
    comes to the same weights, bit for bit on one machine, as one that was not. In the folder:
    `history.jsonl`, `weights.safetensors` at the end, `checkpoints/` (the last two), `kept/`,
    `validations.json`, `tensorboard/`.

    Lines of the history: `{"step", "epoch", "seconds", "loss", "terms", "metrics",
    "gradient_norm", "learning_rate", "tokens", "tokens_per_second", "waiting_share"}`, means over
    the steps since the line before (the norm is before clipping; tokens are counted from the start;
    waiting is the host's, for batches: the most that a GPU, which goes on meanwhile, may wait), and
    `{"step", "validation"}`. In float16 also "loss_scale", and "skipped_steps" from the start on.

    Args:
        distiller: The student and its terms, built in the strategy's scope.
        batcher: Gives `batch(n)`, a nested dict of arrays `[rows, ...]`.
        steps: Updates to make, in all.
        optimizer: From `build_optimizer`.
        schedule: Learning rate of update 1, 2, ...
        folder: The training's folder, this training's alone.
        validate: Given the student, returns metrics by name.
        validate_every: Steps between validations; there is one after the last step, too.
        keep: "last", `{"best": METRIC}` or `{"average": N}`: the weights to end with.
        patience: Stop after so many validations without a better one.
        seed: Seed of dropout.
        log_every: Steps between lines; only then does the host wait for the device.
        save_every_seconds: Seconds between checkpoints; None: 120.
        time_limit: Save and stop before its `remaining` seconds are over.
        strategy: Where the replicas are; None: one device.
        micro_batches: Parts that each replica takes its rows in, to save memory.
        progress: Whether to show a live line; None: where standard output is a terminal.
        say: Takes lines for the user where there is no live line; None: prints.
        tensorboard: Whether to write TensorBoard's event files.
        jit_compile: Compile the forward and backward passes of each replica by XLA; batches should
            have few shapes (`fixed_widths`).
        hosts: The hosts of `strategy`, all of which call this with the same arguments and a folder
            that they share; None: there is one. The chief alone writes, shows and validates.
        steps_per_execution: The most steps that one call of the graph makes; more than one keeps a
            fast device from waiting for Python. The steps are the same.
        streams: Parts of each micro-batch that a CPU's cores take side by side; see
            `tfkd.training.cores`.
        fuse: Compile chains of elementwise operations; see `tfkd.layers.fusion.fusing`.
        kept_elsewhere: Paths of frozen weights that `weights.safetensors` need not hold.
        of: What is trained, in a word: checkpoints that say another are refused.

    Raises:
        Interrupted: SIGTERM, SIGINT, SIGHUP or the time limit; everything is saved.
        TrainingDiverged: Loss or gradient became NaN or infinite; the batch is in the folder.
        UserError: The folder's checkpoints are of another training, or none is whole.
    """
    strategy = strategy or tf.distribute.get_strategy()
    _check_scope(distiller.student, strategy)
    if validate_every is None and keep not in (None, "last"):
        raise ValueError(
            "Invalid value for argument `validate_every`. Expected a number of steps with "
            f"keep={keep!r}. Received: validate_every=None"
        )
    folder = Path(folder)
    hosts = hosts or Hosts()
    if hosts.chief:
        folder.mkdir(parents=True, exist_ok=True)
    run = (TrainingRun if hosts.chief else Follower)(
        distiller,
        batcher,
        steps=steps,
        optimizer=optimizer,
        schedule=schedule,
        folder=folder,
        validate=validate,
        validate_every=validate_every,
        keeper=Keeper(keep, folder / "kept", patience),
        seed=seed,
        log_every=log_every,
        save_every_seconds=120.0 if save_every_seconds is None else save_every_seconds,
        time_limit=time_limit,
        strategy=strategy,
        micro_batches=micro_batches,
        progress=Progress(steps, progress, say) if hosts.chief else Progress(steps, False, _silent),
        tensorboard=tensorboard,
        jit_compile=jit_compile,
        hosts=hosts,
        steps_per_execution=steps_per_execution,
        streams=streams,
        fuse=fuse,
        kept_elsewhere=kept_elsewhere,
        of=of,
    )
    run.run()
    return TrainResult(run.step, run.seconds, run.best, folder / HISTORY, folder / WEIGHTS)


def _silent(line: str) -> None:
    """What the chief says needs not be said twice."""


def _check_scope(student: Any, strategy: tf.distribute.Strategy) -> None:
    if strategy.num_replicas_in_sync == 1:
        return
    for variable in student.variables:
        if not strategy.extended.variable_created_in_scope(variable.value):
            raise ValueError(
                "Invalid value for argument `distiller`. Expected a student built in "
                f"`strategy.scope()`. Received: {variable.path}, made outside of it"
            )
