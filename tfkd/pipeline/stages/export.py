"""Export stages: a model in a format, checked before it is put in place."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.files import sha256_of, write_atomically
from tfkd.data.text.copies import copy_folder
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import between_newlines, plain, raised
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.letter_case import lower_cased
from tfkd.pipeline.tasks.words import decoded
from tfkd.serving.check_result import ExportRefusedError
from tfkd.serving.checksums import renew_checksum
from tfkd.serving.formats.saved_model import VERSION
from tfkd.serving.model_card import CARD, with_sections, with_warnings
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError
from tfkd.spec.export_section import DEFAULT


class ExportStage(Stage):
    """A folder of one format that answers lines of text as the model does."""

    kind = "export"
    # 2: the signature ids of classifiers, a SavedModel of ids, an answer in the card.
    revision = 2

    def node(
        self,
        graph: Any,
        spec: Spec,
        export: Any,
        decode: Any,
        tuned: Node | None = None,
        read: tuple[Node, str] | None = None,
    ) -> Node:
        """With `tuned` it decodes with the setting that was chosen there. It is held to its model
        on lines of the corpus that this was validated on, or has learnt from; of a checkpoint on
        those that are `read`, a corpus and its field."""
        trained = graph.stage(spec, export.of)
        learnt = trained.trained
        options, first = {"decode": decode, "export": export}, Role.DATA.of(0, Role.CORPUS)
        if corpus := learnt.inputs.get(Role.VALIDATE, learnt.inputs.get(first)):
            read = None
        elif read is not None:
            corpus, options["field"] = read
        else:  # a checkpoint of another spec, which the checks of this one do not know
            raise UserError(
                f"export: {export.of} loads a checkpoint and has no evaluation, on whose lines an "
                f"export could be held to it; expected an evaluation of {export.of} beside it"
            )
        inputs = {Role.MODEL: trained, Role.TEXT: corpus}
        identity = decoded(inputs, decode, tuned) if trained.task.decodes else {}
        if read is not None:
            identity["field"] = options["field"]
        identity |= between_newlines(learnt.model, learnt.options)
        if lower_cased(trained):
            identity["lower_case"] = True
        label = trained.label
        if export.format != DEFAULT:
            chosen = plain(export, without={"of"})
            identity["format"] = chosen | raised("format", export.format)
            label = f"{label} as {export.name}"
        return Node(self.kind, label, spec, options, inputs, identity)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes one folder; see `Format.write`."""
        from tfkd.pipeline.engine.fresh_start import fresh_start
        from tfkd.pipeline.inputs.models import trained_model

        fresh_start()
        trained = node.inputs[Role.MODEL]
        model = trained_model(trained, context)
        options = node.options["export"]
        subject = node.task.subject(node, model, context, _card_of(trained))
        try:
            made = format_of(options.format).write(
                subject, options, folder.path / folder_name(options)
            )
        except ExportRefusedError as error:
            raise ExportRefusedError(f"{node.label}: {error}\n{_way_out(options)}") from error
        checked, count = next(iter(made["check"].items()))
        brief = f"{made['bytes'] / 2**20:.1f} MiB, {count} {checked} checked"
        others = {"more_ops": made["more_ops"]} if made.get("more_ops") else {}
        others |= {"latency": made["latency"]} if "latency" in made else {}
        return {"check": made["check"], "parameters": made["parameters"], **others, "brief": brief}


def _way_out(options: Any) -> str:
    """What to do about an export that is refused."""
    ways = ["another format"]
    if (quantize := getattr(options, "quantize", "float32")) != "float32":
        ways = [f"another quantize than {quantize}"]
        if quantize.startswith("int8"):
            ways.append(
                "a short tuning with precision: {fake_quantize: int8} before it (from: its stage)"
            )
    ways.append(f"or {options.of} out of `export:` (of a translate stage: no `engine`)")
    return f"Expected {', '.join(ways)}"


def format_of(name: str) -> Any:
    """The format of a name.

    Raises:
        UserError: A plugin's class is not where it says.
    """
    entry = registry.lookup("format", name)
    try:
        return registry.load(entry)()
    except Exception as error:
        raise UserError(
            f"the format {name} of a plugin: {entry.target} cannot be imported "
            f"({type(error).__name__}: {error})"
        ) from error


def folder_name(options: Any) -> str:
    """What the folder of an export is called: of a SavedModel by its version."""
    return VERSION if options.format == DEFAULT else options.name


def open_export(node: Node, context: Context) -> Any:
    """The engine of an export stage's folder."""
    from tfkd.serving.formats.opening import open_exported

    return open_exported(context.stages / node.key / folder_name(node.options["export"]))


def _card_of(trained: Node) -> dict[str, Any]:
    """What a model card says of a model's origin."""
    learnt, training = trained.trained.options, {"stage": trained.key}
    if hasattr(learnt, "steps"):  # a checkpoint is loaded
        training = {
            "objective": ", ".join(learnt.objective),
            "steps": learnt.steps or f"{learnt.epochs:g} epochs",
            **training,
        }
    return {
        "name": trained.spec.name,
        "summary": trained.spec.description or "",
        "model": trained.model.model_dump(mode="json", exclude_none=True),
        "training": training,
    }


def publish(
    made: Path, place: Path, sections: Mapping[str, Any], warnings: Sequence[str] = ()
) -> Path:
    """Puts what an export stage has made under the run folder; returns its folder there.

    Files are hard links where the file system has them: a folder that is copied away from the run
    folder is whole.

    Args:
        made: The folder in the stage's.
        place: The folder of the exported stage.
        sections: What the run's model card says of the model beside what the stage knows.
        warnings: What it is warned of.
    """
    target = place / made.name
    part = place / f".{made.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    copy_folder(made, part, link=True)
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
