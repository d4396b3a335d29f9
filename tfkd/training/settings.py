"""How a training goes: everything but what is trained, and on what."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfkd.training.callbacks import Callback
from tfkd.training.hosts import Hosts
from tfkd.training.interruption import TimeLimit
from tfkd.training.optimization.optimizers import Optimizer
from tfkd.training.optimization.schedules import Schedule
from tfkd.training.validation import Validate

SAVE_EVERY_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What `train` is told.

    Attributes:
        steps: Updates to make, in all.
        optimizer: From `build_optimizer`.
        schedule: Learning rate of update 1, 2, ...
        folder: The training's folder, this training's alone.
        validate: Given the student, returns metrics by name.
        validate_every: Steps between validations; there is one after the last step, too.
        keep: "last", `{"best": METRIC}` or `{"average": N}`: the weights to end with.
        patience: Stop after so many validations without a better one.
        set_aside: How many of the last validated weights are held on to beside those to end with:
            the files are the result's `set_aside`.
        seed: Seed of dropout.
        log_every: Steps between lines; only then does the host wait for the device.
        save_every_seconds: Seconds between checkpoints; None: 120.
        time_limit: Save and stop before its `remaining` seconds are over.
        strategy: Where the replicas are; None: one device.
        micro_batches: Parts that each replica takes its rows in, to save memory.
        progress: Whether to show a live line; None: where standard output is a terminal.
        callbacks: Told of each validation, by where they stand; see `tfkd.training.callbacks`.
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
    """

    steps: int
    optimizer: Optimizer
    schedule: Schedule
    folder: Path
    validate: Validate | None = None
    validate_every: int | None = None
    keep: Any = "last"
    patience: int | None = None
    set_aside: int = 0
    seed: int = 1
    log_every: int = 50
    save_every_seconds: float | None = None
    time_limit: TimeLimit | None = None
    strategy: tf.distribute.Strategy | None = None
    micro_batches: int = 1
    callbacks: Mapping[str, Callback] = field(default_factory=dict)
    progress: bool | None = None
    say: Callable[[str], None] | None = None
    tensorboard: bool = True
    jit_compile: bool = False
    hosts: Hosts | None = None
    steps_per_execution: int = 1
    streams: int = 1
    fuse: bool = False
    kept_elsewhere: Collection[str] = ()
    of: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        for name, default in (
            ("strategy", tf.distribute.get_strategy),
            ("hosts", Hosts),
            ("save_every_seconds", lambda: SAVE_EVERY_SECONDS),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, default())
        if self.validate_every is None and (self.keep not in (None, "last") or self.set_aside):
            raise ValueError(
                "Invalid value for argument `validate_every`. Expected a number of steps with "
                f"keep={self.keep!r} and set_aside={self.set_aside}. Received: validate_every=None"
            )
