"""Published checkpoints as models: built from `config.json`, each weight from its tensor."""

from collections.abc import Collection, Iterable
from os import PathLike
from typing import Any

import keras
import numpy as np

from tfkd.layers.initializers import values_follow
from tfkd.models.bert import Bert
from tfkd.models.gpt2 import Gpt2
from tfkd.models.pieces import rows_of_pieces
from tfkd.models.published.architecture import MASKED_LM, Place, PublishedModel
from tfkd.models.published.architectures import open_published
from tfkd.models.weights import variables_by_path
from tfkd.spec.errors import UserError

_SHOWN = 6
FLOATS = ("F64", "F32", "F16", "BF16")


def load_published(
    folder: str | PathLike,
    *,
    heads: Iterable[str] | None = None,
    masked_lm: bool = True,
    pooler: bool = False,
    dtype: Any = "float32",
    seed: int | None = 1,
) -> Bert:
    """Builds a BERT from a published encoder and loads its weights.

    BERT, RoBERTa, XLM-R, DistilBERT, ELECTRA and ALBERT are such encoders.

    Args:
        folder: Holds `config.json` and `model.safetensors` (or its numbered parts).
        heads: The kinds of its heads, `masked_lm` and `classifier`; None: as `masked_lm` says.
        masked_lm: Whether the word-prediction head is needed.
        pooler: Whether the pooler is needed.
        dtype: Keras policy of the model.
        seed: Seed of the model's configuration; all its weights come from the folder.

    Raises:
        UserError: the folder holds no such encoder, only pickled weights, or not the parts asked
            for; or its tensors are not those of its config.json, or not finite.
    """
    published = of_kind(open_published(folder, "bert"), "bert")
    if heads is None:
        heads = (MASKED_LM,) if masked_lm else ()
    return load_model(published, tuple(heads), pooler=pooler, dtype=dtype, seed=seed)


def load_published_gpt2(
    folder: str | PathLike, *, dtype: Any = "float32", seed: int | None = 1
) -> Gpt2:
    """Builds a GPT-2 from a published folder and loads its weights.

    Args:
        folder: Holds `config.json` and `model.safetensors` (or its numbered parts).
        dtype: Keras policy of the model.
        seed: Seed of the model's configuration; all its weights come from the folder.

    Raises:
        UserError: the folder holds no GPT-2 that this model can be, or only pickled weights.
    """
    return load_model(of_kind(open_published(folder, "gpt2"), "gpt2"), (), dtype=dtype, seed=seed)


def of_kind(published: PublishedModel, kind: str) -> PublishedModel:
    """The same, of one family.

    Raises:
        UserError: It is of another.
    """
    if published.kind != kind:
        raise published.wrong(
            f"model_type is {published.model_type!r}: {published.title}, which becomes a model of "
            f"kind {published.kind}, not {kind}."
        )
    return published


def load_model(
    published: PublishedModel,
    heads: tuple[str, ...],
    *,
    kept: np.ndarray | None = None,
    **more: Any,
) -> keras.Model:
    """The model of a published folder, with these heads.

    Every shape is compared before a weight is read; the model is built without values, and each
    tensor is read by itself, so that there is one copy of the weights and a tensor more.

    Args:
        published: The folder.
        heads: The kinds of heads.
        kept: int `[V]`: which of the folder's pieces the model has, by their ids there, in its own
            order; None: all of them.
        more: Arguments of the model's class.

    Raises:
        UserError: See `load_published`.
    """
    for kind in heads:
        published.refuse_lacking(kind)
    published.check()
    if kept is not None:
        if not published.cuts:
            raise UserError(
                f"{published.folder}: {published.title} is read with all of its pieces. Expected a "
                "tokenizer without keep"
            )
        more["vocabulary_size"] = len(kept)
    with values_follow():
        model = published.build(heads, **more)
    places = {path: published.place(path) for path in variables_by_path(model)}
    cut = {} if kept is None else dict.fromkeys(rows_of_pieces(model), kept)
    if complaints := misfits(model, published, places, cut):
        shown = "; ".join(complaints[:_SHOWN])
        left = len(complaints) - _SHOWN
        shown += f"; and {left:,} more" if left > 0 else ""
        raise UserError(f"{published.folder}: the weights do not fit config.json: {shown}.")
    for path, variable in variables_by_path(model).items():
        variable.assign(_value(published, places[path], variable, cut.get(path)))
    return model


def misfits(
    model: keras.Model, published: PublishedModel, places: dict[str, Place], cut: Collection[str]
) -> list[str]:
    """What of a folder's tensors does not fit a model, in words; no weight is read. Of the paths in
    `cut` some of the rows are kept."""
    whole = published.options()["vocabulary_size"] if cut else None
    complaints, read = [], set()
    for path, variable in variables_by_path(model).items():
        names, transposed, skip, one_row, _, rows = places[path]
        read |= {*names}
        lacking = [name for name in names if name not in published.tensors]
        if lacking:
            complaints.append(f"{', '.join(lacking)} is not there")
            continue
        shapes = [published.shape(name) or () for name in names]
        ours = tuple(variable.shape)
        width = ours[-1] // max(len(names), 1)
        expected = (*ours[:-1], width)[::-1] if transposed else (*ours[:-1], width)
        first = (whole if path in cut else expected[0]) + skip if rows is None else rows
        expected = (1,) * one_row + (first, *expected[1:])
        for name, shape in zip(names, shapes, strict=True):
            stored = published.checkpoint.tensors[published.tensors[name]].type
            if stored not in FLOATS:
                complaints.append(
                    f"{name} is of type {stored}: expected {', '.join(FLOATS)}; quantized weights "
                    "are not read"
                )
            if shape != expected:
                complaints.append(
                    f"{name} is {shape}, which does not fit {path}: expected {expected}"
                )
    for name in published.tensors:
        if name.startswith(published.body) and name not in read:
            complaints.append(f"{name} is of no part of it")
    return complaints


def _value(
    published: PublishedModel, place: Place, variable: keras.Variable, kept: np.ndarray | None
) -> np.ndarray:
    """A weight as it is here, in the type that it has here: the one copy beside what is read of it
    at once. `kept` has the numbers of its rows there; None: all of them, in order."""
    shape = tuple(variable.shape)
    dtype = "bfloat16" if variable.dtype == "bfloat16" else "float32"
    value = (np.empty if place.names else np.zeros)(shape, dtype)
    width = shape[-1] // max(len(place.names), 1)
    for number, name in enumerate(place.names):
        into = value[..., number * width : (number + 1) * width]
        into = into.T if place.transposed else into
        into = into[None] if place.one_row else into
        start = -place.skip
        for block in published.checkpoint.blocks(published.tensors[name]):
            read = block + np.float32(place.added) if place.added else block
            first, last = max(start, 0), min(start + len(block), len(into))
            if kept is not None:
                here = np.flatnonzero((kept >= start) & (kept < start + len(block)))
                into[here] = read[kept[here] - start]
            elif first < last:
                into[first:last] = read[first - start : last - start]
            start += len(block)
    return value
