"""Export stages: a model's SavedModel, checked before it is put in place."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of, write_atomically
from tfkd.data.text.copies import copy_folder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import between_newlines
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.letter_case import lower_cased
from tfkd.pipeline.tasks.words import decoded
from tfkd.serving.checksums import renew_checksum
from tfkd.serving.model_card import CARD, with_sections, with_warnings
from tfkd.spec import Spec


class ExportStage(Stage):
    """A SavedModel that answers lines of text as the model does."""

    kind = "export"
    # 2: the signature ids of classifiers, a SavedModel of ids, an answer in the card.
    revision = 2

    def node(
        self, graph: Any, spec: Spec, reference: str, decode: Any, tuned: Node | None = None
    ) -> Node:
        """With `tuned` it decodes with the setting that was chosen there."""
        trained = graph.stage(spec, reference)
        learnt = trained.trained
        corpus = learnt.inputs.get(Role.VALIDATE, learnt.inputs[Role.DATA.of(0, Role.CORPUS)])
        inputs = {Role.MODEL: trained, Role.TEXT: corpus}
        identity = decoded(inputs, decode, tuned) if trained.task.decodes else {}
        identity |= between_newlines(learnt.model, learnt.options)
        if lower_cased(trained):
            identity["lower_case"] = True
        return Node(self.kind, trained.label, spec, {"decode": decode}, inputs, identity)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes `1/`, TensorFlow Serving's layout; see `Task.export`."""
        from tfkd.pipeline.engine.fresh_start import fresh_start
        from tfkd.pipeline.inputs.models import trained_model

        fresh_start()
        trained = node.inputs[Role.MODEL]
        model = trained_model(trained, context)
        made = node.task.export(node, model, folder, context, _card_of(trained))
        checked, count = next(iter(made["check"].items()))
        brief = f"{made['bytes'] / 2**20:.1f} MiB, {count} {checked} checked"
        others = {"more_ops": made["more_ops"]} if made["more_ops"] else {}
        others |= {"latency": made["latency"]} if "latency" in made else {}
        return {"check": made["check"], "parameters": made["parameters"], **others, "brief": brief}


def _card_of(trained: Node) -> dict[str, Any]:
    """What a model card says of a model's origin."""
    return {
        "name": trained.spec.name,
        "summary": trained.spec.description or "",
        "model": trained.model.model_dump(mode="json", exclude_none=True),
        "training": {
            "objective": ", ".join(trained.trained.options.objective),
            "steps": trained.trained.options.steps or f"{trained.trained.options.epochs:g} epochs",
            "stage": trained.key,
        },
    }


def publish(
    stage: Path, place: Path, sections: Mapping[str, Any], warnings: Sequence[str] = ()
) -> Path:
    """Puts an export stage's SavedModel under the run folder; returns its version folder.

    Files are hard links where the file system has them: a SavedModel that is copied away from the
    run folder is whole.

    Args:
        stage: The stage's folder.
        place: The folder of the SavedModel's versions.
        sections: What the run's model card says of the model beside what the stage knows.
        warnings: What it is warned of.
    """
    target = place / "1"
    part = place / ".1.part"
    shutil.rmtree(part, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    copy_folder(stage / "1", part, link=True)
    # Written beside the link and renamed, so that the stage's own file stays as it is.
    card = with_sections((part / CARD).read_text("utf-8"), sections)
    write_atomically(part / CARD, with_warnings(card, warnings) if warnings else card)
    renew_checksum(part, CARD)
    if target.exists() and _same(part, target):
        shutil.rmtree(part)
        return target
    shutil.rmtree(target, ignore_errors=True)
    os.replace(part, target)
    return target


def _same(first: Path, second: Path) -> bool:
    """Whether two folders hold the same files; the bytes of those that are not links are read."""

    def listing(folder: Path) -> list[Path]:
        return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())

    names = listing(first)
    return names == listing(second) and all(
        os.path.samefile(first / name, second / name)
        or sha256_of(first / name) == sha256_of(second / name)
        for name in names
    )


STAGE = ExportStage
