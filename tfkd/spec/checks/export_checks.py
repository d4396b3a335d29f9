"""Exports: stages whose models a format can hold, and evaluations of what was exported."""

from collections.abc import Sequence
from typing import Any

from tfkd.spec import registry
from tfkd.spec.faults import Faults
from tfkd.spec.formats.format import Served
from tfkd.spec.metrics import about, product_of
from tfkd.spec.names import Found, Parts, stage_of, written
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.tasks.task import task_of
from tfkd.spec.wording import a, shown


def decode_of_export(evaluations: Any, stage: str) -> Any:
    """The evaluation by which a stage's exports are decoded, the first that says how; None: none
    does.

    Args:
        evaluations: A spec's; None stands for a faulty one.
        stage: The stage's reference.
    """
    for entry in evaluations:
        given = getattr(entry, "decode", None)
        if given is not None and entry.of == stage and getattr(entry, "export", None) is None:
            return entry
    return None


def check_exports(parts: Parts, faults: Faults) -> None:
    """Adds a fault for each export of what is no trained stage, of a model that its format cannot
    hold, or that stands there twice."""
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(parts.export):
        if entry is None:
            continue
        path = ("export", index)
        place = written(faults, (*path, "of"))
        if (entry.of, entry.name) in seen:
            faults.add(place, f"{entry.of} as {entry.name} stands here twice", "each export once")
            continue
        seen.add((entry.of, entry.name))
        trained = stage_of(parts, faults, place, entry.of, "model")
        if trained is None or trained.model is None:
            continue
        if "trained" not in gives_of(trained.stage) and not _checkpoint(
            parts, faults, place, entry.of, trained
        ):
            continue
        before = len(faults.errors)
        task = task_of(trained)
        if not (entry.encoders and task.encodes):
            task.check_export(faults, place, entry.of, trained)
        if len(faults.errors) == before:
            _check_held(parts, faults, written(faults, (*path, "format")), entry, trained)


def _checkpoint(parts: Parts, faults: Faults, path: tuple, name: str, found: Found) -> bool:
    """Whether a checkpoint can be exported as it is loaded: it writes, and an evaluation of it has
    lines to hold the export to it on."""
    if task_of(found).over_classes or not (found.model.encoder_decoder or found.model.is_causal):
        faults.add(path, f"{name} is {a(found.stage.kind)} stage", "a train stage")
        return False
    if first_evaluation(parts.evaluate, name) is None:
        faults.add(
            path, f"{name} is {a(found.stage.kind)} stage without an evaluation, on whose lines "
            "an export could be held to it", f"an evaluation of {name} beside it",
        )  # fmt: skip
        return False
    return True


def first_evaluation(evaluations: Any, stage: str) -> Any:
    """The first evaluation of a stage's model; None: there is none."""
    return next((one for one in evaluations if getattr(one, "of", None) == stage), None)


def _check_held(parts: Parts, faults: Faults, path: tuple, entry: Any, trained: Found) -> None:
    said = decode_of_export(parts.evaluate, entry.of)
    choose = getattr(said, "choose", None)
    decodes = [None if said is None else said.decode]
    if choose is not None:  # any of them may be the best
        decodes = [decode for _, decode in choose.trials]
    reasons = {
        reason: None
        for decode in decodes
        for reason in entry.reasons_against(
            Served(entry.of, trained.model, task_of(trained), decode)
        )
    }
    for what, way_out in reasons:
        faults.add(path, f"{what}, which {entry.format} cannot hold", way_out)


def check_engine(faults: Faults, path: tuple, name: str, found: Found | None, decode: Any) -> None:
    """The engine that is to run a search of a translate stage: its format can hold the model.

    Args:
        faults: Takes the faults.
        path: The engine's.
        name: The stage of the model.
        found: It; None: another spec's, or a faulty one.
        decode: The stage's decode options.
    """
    known = [one for one in registry.names("format") if _searches(one)]
    if decode.engine.get("format") not in known:
        given = decode.engine.get("format")
        what = "no format" if given is None else f"{shown(given)}, which runs no search"
        faults.add(path, what, f"one of {', '.join(known)}", known, str(given))
        return
    options = registry.lookup("format", decode.engine["format"]).options
    if "of" in decode.engine:
        faults.add((*path, "of"), "of an engine", f"no of: it runs {name}")
        return
    export = faults.options(path, options, {**decode.engine, "of": name})
    if export is None or found is None or found.model is None:
        return
    plain = decode.model_copy(update={"engine": None})
    served = Served(name, found.model, task_of(found), plain)
    for what, _ in export.reasons_against(served):
        faults.add(path, f"{what}, which {export.format} cannot hold", "no engine: TensorFlow")


def _searches(name: str) -> bool:
    return registry.lookup("format", name).options.searches


def engine_of(decode: Any, name: str) -> Any:
    """The export by which a search is run, of decode options; None: by TensorFlow.

    Args:
        decode: Options that `check_engine` has found no fault with.
        name: The stage of the model.
    """
    engine = getattr(decode, "engine", None)
    if engine is None:
        return None
    options = registry.lookup("format", engine["format"]).options
    return options.model_validate({**engine, "of": name})


def check_evaluated_export(
    parts: Parts, faults: Faults, path: tuple, entry: Any, stage: Found | None
) -> None:
    """An evaluation of what was exported: it is there, and answers what is counted."""
    known = [one for one in parts.export if one is not None and one.of == entry.of and one.products]
    found = next((one for one in known if one.name == entry.export), None)
    if found is None and None in parts.export:
        return  # it may be a faulty one, which is told of
    if found is None:
        faults.unknown(
            (*path, "export"), f"{entry.of} has no export {shown(entry.export)}",
            dict.fromkeys(one.name for one in known), entry.export,
            f"one under `export:`, like {{of: {entry.of}, format: ctranslate2}}",
        )  # fmt: skip
        return
    for key in ("decode", "choose", "noise", "context"):
        if getattr(entry, key, None) is not None:
            faults.add(
                (*path, key), f"{key} of an export, which answers as it was written",
                f"{key} in an evaluation of {entry.of} itself",
            )  # fmt: skip
    answers, cannot = _answers(found, stage), uncounted(found, stage, entry.metrics)
    if not answers:
        faults.add(
            (*path, "export"), "no evaluation measures an encoder's export",
            f"an evaluation of {entry.of} itself, or of a stage that trains a head on it",
        )  # fmt: skip
    elif cannot:
        faults.add(
            (*path, "metrics"), f"{', '.join(cannot)} of {entry.export}, which answers with "
            f"{' and '.join(answers)} alone", "metrics that are counted from these",
        )  # fmt: skip


def uncounted(export: Any, stage: Found | None, metrics: Sequence[str]) -> list[str]:
    """Those of some metrics that are not counted of what an export answers of a stage's model."""
    made, answers = task_of(stage).products, _answers(export, stage)
    return [one for one in metrics if product_of(about(one), made) not in answers]


def _answers(export: Any, stage: Found | None) -> tuple[str, ...]:
    return export.products if stage is None or not stage.model else export.answers(stage.model)
