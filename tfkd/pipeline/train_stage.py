"""Training stages: a model, its objective, its batches, and the loop."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfkd.data.batcher import build_batcher, micro_batches
from tfkd.data.copies import copy_folder
from tfkd.data.examples import ExampleSet
from tfkd.data.files import write_atomically
from tfkd.models import freeze
from tfkd.pipeline.choose import take_best
from tfkd.pipeline.class_stages import classes_of
from tfkd.pipeline.class_stores import RowStores
from tfkd.pipeline.context import Context
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import (
    model_options,
    part_of,
    side_tokenizers,
    training_set,
    views_of,
)
from tfkd.pipeline.models import PAD_TO, WEIGHTS, check_lengths, started
from tfkd.pipeline.score_stage import open_store
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.stage_weights import frozen_of, shared_names, write_shared
from tfkd.pipeline.step_sizes import how_cores_share
from tfkd.pipeline.terms import (
    combiner_of,
    online_teachers,
    other_classes,
    pair_limits,
    predicted_tokenizer,
    source_limit,
    terms_of,
)
from tfkd.pipeline.validation import measured_view, validation
from tfkd.spec.errors import UserError
from tfkd.targets import PartStores, SoftTargetStore
from tfkd.training import (
    Distiller,
    TrainSettings,
    build_optimizer,
    build_schedule,
    train,
    waiting_share,
)
from tfkd.training.divergence import StepTooLarge, TrainingDiverged
from tfkd.training.history import read_history
from tfkd.training.strategies import build_strategy


def run_train(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Trains to the last step, from the newest checkpoint if there is one; or takes the best of
    trials that were trained."""
    options = node.options
    if options.choose is not None:
        return take_best(node, folder, context) if context.hosts.chief else {}
    fresh_start()
    hosts = context.hosts
    strategy = hosts.strategy or _strategy(node)
    replicas = strategy.num_replicas_in_sync
    size, per_device = options.batch.size, options.batch.per_device
    micro = micro_batches(size, per_device, replicas)
    _check_validation(node, context)
    batcher = build_batcher(
        training_set(node, context),
        views_of(node, {term.view for term in options.objective.values()}, context),
        **options.batch.model_dump(exclude={"per_device", "max_length"}),
        max_length=_max_length(node),
        seed=options.seed,
        # Of one device's parts: the batches are the same on any number of devices.
        rows_multiple=micro_batches(size, per_device),
        stores=_stores(node, context),
        fixed_widths=node.spec.runtime.jit_compile,
    )
    _check_rows(node, batcher)
    if batcher.excluded:
        context.say(f"{node.label}: {batcher.excluded:,} rows over max_length are left out")
    with strategy.scope():
        begun = started(node, context)
        model = begun.model
        freeze(model, options.trainable, dropout=options.frozen_dropout)
        shared = frozen_of(model, begun.origins)
        distiller = Distiller(
            model,
            terms_of(node, context),
            combiner_of(node),
            online_teachers(node, context),
            seed=options.seed,
        )
    rule = options.validate_
    parted = how_cores_share(node, model.count_params(), replicas // hosts.number)
    # Hosts cut the same batch into the same slices: as many as the one with the fewest cores.
    streams, fuse = hosts.gather([parted["streams"], parted["fuse"]]).min(0)
    settings = TrainSettings(
        steps=options.steps,
        optimizer=build_optimizer(options.optimizer),
        schedule=build_schedule(options.schedule, options.steps, width=_width(node, model)),
        folder=folder.scratch if hosts.chief else folder.work,
        validate=validation(node, context) if rule and hosts.chief else None,
        validate_every=rule.every if rule else None,
        keep=rule.keep if rule else "last",
        patience=rule.patience if rule else None,
        seed=options.seed,
        log_every=options.log_every,
        save_every_seconds=options.save_every,
        time_limit=context.deadline,
        strategy=strategy,
        micro_batches=micro,
        jit_compile=node.spec.runtime.jit_compile,
        hosts=hosts,
        steps_per_execution=node.spec.runtime.steps_per_execution,
        streams=int(streams),
        fuse=bool(fuse),
        kept_elsewhere=shared_names(shared),
        of=folder.key,
    )
    try:
        with context.deadline.holding():
            result = train(distiller, batcher, settings)
    except TrainingDiverged as error:
        raise TrainingDiverged(f"stages.{node.label}: {error}") from error
    except StepTooLarge as error:
        raise UserError(_too_large(node, micro, replicas, error)) from error
    if not hosts.chief:
        return {}
    for name in ("history.jsonl", WEIGHTS):
        write_atomically(folder.path / name, (folder.scratch / name).read_bytes())
    write_shared(folder, shared, node, context)
    events = folder.scratch / "tensorboard"
    if events.exists():
        copy_folder(events, folder.path / "tensorboard")
    return _summary(model, batcher, result, folder)


def _too_large(node: Node, micro: int, replicas: int, error: Exception) -> str:
    batch = node.options.batch
    part = batch.size // (micro * replicas)
    return (
        f"stages.{node.label}.batch: {part:,} {batch.unit} at once do not fit into a device's "
        f"memory ({error}). Expected `per_device: {max(1, part // 2)}` "
        "or less beside `size`: the step stays what it is, taken in smaller parts"
    )


def _strategy(node: Node) -> Any:
    devices = node.spec.runtime.devices
    try:
        return build_strategy(devices)
    except ValueError as error:
        raise UserError(
            f"runtime.devices: {devices} are asked for, and there are fewer here ({error}). Write "
            "`auto`, or at most as many as there are"
        ) from error


def _width(node: Node, model: Any) -> int | None:
    """The model's width, which the schedule may need; a plugin's model need not have one."""
    options = model_options(node)
    width = getattr(options, "width", None) or getattr(model, "width", None)
    if width is None and node.options.schedule.kind == "noam":
        raise UserError(
            f"stages.{node.label}.schedule: noam needs the model's width, and {node.options.train} "
            f"({options.kind}) has none; expected another kind, like inverse_square_root"
        )
    return width


def _max_length(node: Node) -> Any:
    """`batch.max_length`, and no row that the model or an online teacher has no positions for."""
    batch = node.options.batch
    own, given = model_options(node).side_limits(batch.pad_to), batch.max_length
    taught, pairs = source_limit(node, batch.pad_to), pair_limits(node, batch.pad_to)
    if not own and taught is None and not pairs:
        return given
    limits = {}
    for side in ("source", "target"):
        asked = given.get(side) if isinstance(given, Mapping) else given
        known = [own.get(side), asked, pairs.get(side), taught if side == "source" else None]
        if known := [limit for limit in known if limit is not None]:
            limits[side] = min(known)
    return limits


def _check_validation(node: Node, context: Context) -> None:
    """Refuses rows that would end the training at its first validation."""
    options = node.options
    if options.validate_ is None or not model_options(node).side_limits(PAD_TO):
        return
    (view,) = views_of(node, {measured_view(node)}, context).values()
    check_lengths(
        model_options(node),
        options.train,
        ExampleSet([part_of(node, "validate", options.validate_.on, context)]),
        view,
        f"stages.{node.label}.validate.on: {options.validate_.on}",
    )


def _stores(node: Node, context: Context) -> dict[str, PartStores | RowStores]:
    """Stored targets by the scoring stage that the terms name."""
    found = {}
    model = model_options(node)
    for term, scored in node.inputs_of("teacher").items():
        if "targets" not in scored.gives:
            continue
        reference = node.options.objective[term].teacher
        classes = classes_of(node, context)
        if classes is not None:
            theirs = classes_of(scored.inputs["model"], context)
            if theirs is None or theirs.names != classes.names:
                size = 0 if theirs is None else theirs.size
                raise UserError(other_classes(node, reference, size, classes.size))
            found[reference] = RowStores(
                _parts(node, scored, classes.fingerprint(), context),
            )
            continue
        if model.single_sequence:
            raise UserError(
                f"stages.{node.label}.objective.{term}.teacher: {reference} stored a row for each "
                f"word of an encoder-decoder's target, and {node.options.train} ({model.kind}) "
                "reads both sides as one stream, where the rows would stand at other words. "
                "Expected an encoder-decoder as the student"
            )
        vocabulary = predicted_tokenizer(side_tokenizers(node, context)).fingerprint()
        found[reference] = PartStores(_parts(node, scored, vocabulary, context))
    return found


def _parts(
    node: Node, scored: Node, vocabulary: str, context: Context
) -> list[SoftTargetStore | None]:
    """The store of each corpus of a training stage; None of one that was not scored."""
    numbers = {corpus.key: number for number, corpus in enumerate(scored.corpora)}
    places = [numbers.get(corpus.key) for corpus in node.corpora]
    return [
        None if place is None else open_store(scored, place, vocabulary, context)
        for place in places
    ]


def _check_rows(node: Node, batcher: Any) -> None:
    """Refuses a store whose rows are not the student's target words, one by one.

    The same pieces do not suffice: a teacher that reads by another tokenizer may cut words
    otherwise, and its rows would stand at other words.
    """
    model = model_options(node)
    target = model.tokenizers.get("target")
    for stage, stores in batcher.stores.items() if target else ():
        for part, store in zip(batcher.example_set.parts, stores.stores, strict=True):
            words = part.find("target", target)
            if store is None or words is None:
                continue
            other = store.rows_present & (store.counts != words.lengths.astype(np.int64) + 1)
            if other.any():
                row = int(np.flatnonzero(other)[0])
                raise UserError(
                    f"stages.{node.label}: {stage} scored {store.counts[row]} words of row "
                    f"{row + 1} of {part.name}, and the student reads {words.lengths[row] + 1} "
                    f"({other.sum():,} such rows): the teacher's tokenizer cuts the target "
                    "otherwise than the student's. Give both the same, or cut the teacher's down "
                    "for the student by `keep: {seen_in: ...}`"
                )


def _summary(model: Any, batcher: Any, result: Any, folder: StageFolder) -> dict[str, Any]:
    parameters = sum(weight.shape.num_elements() for weight in map(_value, model.weights))
    trained = sum(weight.shape.num_elements() for weight in map(_value, model.trainable_weights))
    logged = [line for line in read_history(folder.path / "history.jsonl") if "loss" in line]
    summary = {
        "steps": result.steps,
        "best": result.best,
        "parameters": int(parameters),
        "trained_parameters": int(trained),
        "batches_per_epoch": batcher.batches_per_epoch,
        "epochs": round(result.steps / batcher.batches_per_epoch, 2),
        "rows_left_out": batcher.excluded,
        "seconds_of_steps": round(result.seconds, 1),
    }
    if logged:
        share = waiting_share(logged)
        summary["waiting_share"] = None if share is None else round(share, 4)
        summary["loss"] = logged[-1]["loss"]
        summary["brief"] = f"{result.steps} steps, loss {logged[-1]['loss']:.4f}"
        if skipped := logged[-1].get("skipped_steps"):
            summary["skipped_steps"] = skipped
            summary["brief"] += f", {skipped} of them skipped for overflow"
        if result.best:
            best = result.best
            summary["brief"] += (
                f", best {best['metric']} {best['value']:.4f} at step {best['step']}"
            )
    return summary


def _value(weight: Any) -> Any:
    return weight.value
