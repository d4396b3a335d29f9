"""Export stages: a trained model as a SavedModel, checked before it is put in place."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfkd.data.copies import copy_folder
from tfkd.data.files import sha256_of, write_atomically
from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.pipeline.class_export import run_class_export
from tfkd.pipeline.context import Context
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, side_tokenizers
from tfkd.pipeline.language_export import run_language_export
from tfkd.pipeline.models import trained_model
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import decode_of
from tfkd.serving import export_saved_model
from tfkd.serving.checksums import renew_checksum
from tfkd.serving.model_card import CARD, with_warnings

_SENTENCES = 24


def run_export(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Writes `1/`, TensorFlow Serving's layout, checked on real sentences.

    A model that was trained on lower-cased corpora alone is served by a graph that lower-cases.
    """
    fresh_start()
    trained = node.inputs["model"]
    if "classes" in trained.trained.inputs:
        return _summary(run_class_export(node, folder, context, card_of(trained)), "rows")
    if model_options(trained).is_causal:
        return _summary(run_language_export(node, folder, context, card_of(trained)), "prompts")
    text = open_text(node.inputs["text"], context)
    step = max(1, len(text) // _SENTENCES)
    sentences = [text.line("source", row) for row in range(0, len(text), step)][:_SENTENCES]
    tokenizers = side_tokenizers(trained, context)
    if node.identity.get("lower_case"):
        tokenizers["source"] = LowerCasing(tokenizers["source"])
        sentences = [_as_written(line) for line in sentences]
    model = trained_model(trained, context)
    card = card_of(trained)
    if node.identity.get("lower_case"):
        card["text"] = {
            "input": "lower-cased first, as the training text was",
            "output": "lower case",
        }
    made = export_saved_model(
        model,
        tokenizers,
        decode_of(node, context),
        folder.path,
        card,
        sentences=sentences,
        more_ops=None,
    )
    return _summary(made, "sentences")


def _summary(made: dict[str, Any], checked: str) -> dict[str, Any]:
    """What the manifest says of an export, whose check was made on so many `checked`."""
    brief = f"{made['bytes'] / 2**20:.1f} MiB, {made['check'][checked]} {checked} checked"
    others = {"more_ops": made["more_ops"]} if made["more_ops"] else {}
    others |= {"latency": made["latency"]} if "latency" in made else {}
    return {"check": made["check"], "parameters": made["parameters"], **others, "brief": brief}


def card_of(trained: Node) -> dict[str, Any]:
    """What a model card says of a model's origin."""
    return {
        "name": trained.spec.name,
        "summary": trained.spec.description or "",
        "model": trained.model.model_dump(mode="json", exclude_none=True),
        "training": {
            "objective": ", ".join(trained.trained.options.objective),
            "steps": trained.trained.options.steps,
            "stage": trained.key,
        },
    }


def _as_written(line: str) -> str:
    """A lower-cased line with a capital at its start, as it comes from people."""
    capital = line[:1].upper()
    return capital + line[1:] if capital.lower() == line[:1] else line


def publish(stage: Path, place: Path, warnings: Sequence[str] = ()) -> Path:
    """Puts an export stage's SavedModel under the run folder; returns its version folder.

    Files are hard links where the file system has them: a SavedModel that is copied away from the
    run folder is whole.

    Args:
        stage: The stage's folder.
        place: The folder of the SavedModel's versions.
        warnings: What the run's model card says of the model; the stage knows no scores.
    """
    target = place / "1"
    if target.exists() and not warnings and _same(stage / "1", target):
        return target
    part = place / ".1.part"
    shutil.rmtree(part, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    copy_folder(stage / "1", part, link=True)
    if warnings:
        # Written beside the link and renamed, so that the stage's own file stays as it is.
        write_atomically(part / CARD, with_warnings((part / CARD).read_text("utf-8"), warnings))
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
