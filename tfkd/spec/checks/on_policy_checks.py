"""A training stage with `on_policy`: its student writes, and a teacher is asked about that."""

from typing import Any

from tfkd.spec.checks.segment_checks import segments_of
from tfkd.spec.checks.teacher_checks import over_vocabulary
from tfkd.spec.families import one_of
from tfkd.spec.faults import Faults
from tfkd.spec.names import Found, Parts, found_stage, written
from tfkd.spec.options.on_policy import OnPolicyOptions, view_of_own
from tfkd.spec.options.teachers import teachers_of
from tfkd.spec.stage_kinds import gives_of
from tfkd.spec.wording import a

_PROMPT = OnPolicyOptions.model_fields["prompt"].default


def check_on_policy(parts: Parts, faults: Faults, path: tuple, stage: Any, model: Any) -> None:
    """The student writes from left to right by draws, and a term on what it writes asks a teacher
    in the step."""
    options = getattr(stage, "on_policy", None)
    if options is None:
        return
    where = written(faults, (*path, "on_policy"))
    if model is not None and not model.writes:
        faults.add(
            where, f"{stage.train} is {a(model.kind)}, which does not write from left to right",
            f"a student of {one_of(lambda one: one.is_causal)}, or an encoder-decoder that does",
        )  # fmt: skip
        return
    if (segments := segments_of(Found(stage, parts))) is not None:
        faults.add(
            where, f"{stage.train} learns to write segments ({segments})",
            "terms on whole targets, or no on_policy",
        )  # fmt: skip
        return
    _decode(faults, (*where, "decode"), options)
    if model is not None and not model.is_causal and options.prompt != _PROMPT:
        faults.add(
            (*where, "prompt"), f"{options.prompt:g}, and {a(model.kind)} writes what follows from "
            "a source", "no prompt, which is of language models",
        )  # fmt: skip
    speak = _speaking(parts, faults, where, stage, model)
    gradients = getattr(stage, "gradients", None)
    if speak and gradients is not None and not {*speak} & {*gradients.main}:
        faults.add(
            where, f"of a batch of own outputs speaks {', '.join(speak)} alone, which is auxiliary "
            "to terms that say nothing of it", "it among main, or no gradients:",
        )  # fmt: skip


def _decode(faults: Faults, path: tuple, options: Any) -> None:
    decode = options.decode
    if decode is not None and "seed" not in type(decode).model_fields:
        faults.add(path, f"{decode.kind}, which draws nothing", "{kind: sample}")
    elif getattr(decode, "n_best", 1) != 1:
        faults.add((*path, "n_best"), f"{decode.n_best}, of one target a row", "no n_best")


def _speaking(parts: Parts, faults: Faults, where: tuple, stage: Any, model: Any) -> list[str]:
    """The terms that speak of own outputs; a fault where there are none, or in several views."""
    speak, views, stored = [], [], []
    for name, term in stage.objective.items():
        found = [found_stage(parts, one) for one in teachers_of(term)]
        if not found or not over_vocabulary(term):
            continue
        kept = [
            (name, one.stage.kind) for name, one in zip(teachers_of(term), found, strict=True)
            if one is not None and "targets" in gives_of(one.stage)
        ]  # fmt: skip
        if kept:
            stored += kept
            continue
        teacher = None if found[0] is None else found[0].model
        view = parts.views.get(term.view)
        if model is not None and model.term_module(view, teacher) is not None:
            continue  # it speaks of the source
        if view is not None and view.kind not in ("none", "causal_lm"):
            faults.add(
                where, f"{name} reads {term.view} ({view.kind}), and what the student writes has "
                "no such view", "a term without a view",
            )  # fmt: skip
            return []
        speak.append(name)
        views.append(view_of_own(term))
    if not speak:
        what, mend = (
            "no term asks a teacher in the step about what the student writes",
            ("a soft_targets term whose teacher is a train or load stage"),
        )
        if stored:
            teacher, kind = stored[0]
            what = f"{teacher} is a {kind} stage: what it stored is of the corpus's own texts"
        faults.add(where, what, mend)
    elif len({*views}) > 1:
        faults.add(
            where, f"{' and '.join(speak)} read several views of what the student writes",
            "one view for them",
        )  # fmt: skip
    silent = [name for name in stage.objective if name not in speak]
    if speak and silent and stage.on_policy.share == 1:
        faults.add(
            (*where, "share"), f"1, and of what the student writes {', '.join(silent)} never says "
            "anything", f"a share below 1, or the objective without {', '.join(silent)}",
        )  # fmt: skip
    return speak
