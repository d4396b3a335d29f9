"""Where published checkpoints lie, and whether they are the models that a spec declares."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfkd.data.tokenizers.folder_tokenizer import pieces_of_folder, read_folder_tokenizer
from tfkd.data.tokenizers.same_pieces import cut_otherwise, other_pieces
from tfkd.models.published.architecture import CLASSIFIER as CLASSIFIER
from tfkd.models.published.architecture import PublishedModel
from tfkd.models.published.description import in_short
from tfkd.outside.flow_style import flow
from tfkd.outside.regular_files import readable
from tfkd.spec import registry
from tfkd.spec.errors import UserError

# What may be other than the checkpoint's: no output and no shape of a weight hangs on it.
_SHOWN = 5
FREE = {"dropout", "attention_dropout", "initializer_range"}


def checkpoint_folder(reference: str, data_dir: Path, asked_by: str = "load") -> Path:
    """The folder of a published checkpoint: relative to the data folder, or a preset that is here.

    Args:
        reference: As the user named it.
        data_dir: The data folder.
        asked_by: The key or option that names it, for the message.

    Raises:
        UserError: There is no such folder.
    """
    for folder in (Path(data_dir, reference), Path(reference)):
        if os.path.isdir(folder):
            return folder
    where = "" if os.path.isabs(reference) else f" in {data_dir}"
    raise UserError(
        f"{asked_by}: {reference}: there is no such folder{where}. Put the published checkpoint "
        "there, as `save_pretrained` writes it: config.json, model.safetensors, and the vocabulary "
        "that its tokenizer reads (vocab.txt; of a GPT-2 vocab.json and merges.txt)"
    )


def checkpoint_files(folder: Path) -> list[Path]:
    """The files that the result depends on, in order.

    Raises:
        UserError: The folder cannot be read.
    """
    with readable(folder):
        os.listdir(folder)  # glob says nothing of a folder that it may not read
    return sorted([*folder.glob("config.json"), *folder.glob("*.safetensors")])


@contextmanager
def told_what_it_is(folder: Path) -> Iterator[None]:
    """Inside, an error about a published folder says what the folder is, as `tfkd inspect` does.

    Raises:
        UserError: What is raised inside.
    """
    try:
        yield
    except UserError as error:
        said = in_short(folder)
        if not said or said in str(error):
            raise
        raise UserError(f"{str(error).rstrip('.')}. {said}") from error


def check_checkpoint(
    folder: Path,
    place: str,
    stage: Any,
    model: Any,
    vocabulary_size: int | None = None,
    *,
    weights: bool = True,
) -> None:
    """Refuses a checkpoint that cannot be the model of a load stage; no weight of it is read.

    Args:
        folder: Its folder.
        place: The stage's name.
        stage: The stage's options.
        model: The model's.
        vocabulary_size: The pieces of the model's tokenizer, if they are known.
        weights: Whether its files of weights must be there.

    Raises:
        UserError: It is of another family or other options, or its weights are damaged or lack the
            head that is asked for.
    """
    with told_what_it_is(folder):
        _check(folder, place, stage, model, vocabulary_size, weights)


def _check(
    folder: Path, place: str, stage: Any, model: Any, vocabulary_size: int | None, weights: bool
) -> None:
    published = opened(folder, model)
    theirs = published.options()
    for kind in model.heads_needed(stage, {}) if weights and published.tensors else ():
        published.refuse_lacking(kind)
    if stage.head == CLASSIFIER:
        _refuse_other_unit(published, place, stage, model)
        labels = published.head_options(CLASSIFIER) and published.labels()
        matched(stage.labels, published, labels or [])
        said, has = model.head.activation, published.head_activation()
        if said != has:
            raise UserError(
                f"stages.{place}.load: the checkpoint {stage.load} is not the model that "
                f"{stage.into} declares: its head's activation is {has}, and {said} in the spec. "
                f"Write {stage.into}.head.activation: {has}"
            )
    ours = model.compared()
    if vocabulary_size is not None:
        ours["vocabulary_size"] = vocabulary_size
    refuse_differences(place, stage, model, ours, theirs)


def _refuse_other_unit(published: PublishedModel, place: str, stage: Any, model: Any) -> None:
    """Refuses a head over the classes of texts for a model that tells those of words, and the other
    way round."""
    of_texts, of_words = published.of_texts(), getattr(model.head, "each_word", False)
    if of_texts != of_words:
        return
    has = "a text" if of_texts else "each token"
    wanted = "{kind: classifier, classes: [CORPUS]}"
    if not of_texts:
        wanted = "{kind: tagger, classes: [CORPUS], activation: none}"
    raise UserError(
        f"stages.{place}.load: the checkpoint {stage.load} is {published.architecture()}, whose "
        f"classes are those of {has}, and the head of {stage.into} is a {model.head.kind}. Write "
        f"{stage.into}.head: {wanted}, or name a folder of the other kind"
    )


def refuse_other_pieces(place: str, stage: Any, model: Any, folder: Path, tokenizer: Any) -> None:
    """Refuses a checkpoint whose own tokenizer has other pieces than the model's in the spec: its
    rows would stand for other words, without any error.

    Args:
        place: The load stage's name.
        stage: Its options.
        model: The model's.
        folder: The checkpoint's.
        tokenizer: The model's, as the spec has it.

    Raises:
        UserError: It has.
    """
    published = opened(folder, model)
    if not model.large or published.pieces() is None:
        return
    theirs = read_folder_tokenizer(folder)
    if pieces := other_pieces(tokenizer, theirs):
        name = [*model.tokenizers.values()][-1]
        raise UserError(
            f"stages.{place}.load: tokenizer {name}, which {stage.into} reads by, is not that of "
            f"{stage.load}: {pieces}. A word-level teacher and its student have one list of "
            f"pieces. Write tokenizers.{name}: {{kind: {published.tokenizer}, preset: "
            f"{stage.load}}} for both; or train the student on text that the teacher writes, which "
            "needs no common pieces"
        )


def kept_pieces(place: str, stage: Any, folder: Path, tokenizer: Any) -> np.ndarray:
    """Of a tokenizer that is cut down the ids of its pieces in a checkpoint's own, int64 `[V]`.

    Args:
        place: The load stage's name.
        stage: Its options.
        folder: The checkpoint's.
        tokenizer: The model's, as the spec has it.

    Raises:
        UserError: The checkpoint has no tokenizer, lacks pieces of this one, or cuts text of these
            pieces otherwise.
    """
    if pieces_of_folder(folder) is None:
        raise UserError(
            f"stages.{place}.load: {stage.load} has no tokenizer, and that of {stage.into} is cut "
            "down by keep: which of its rows are the pieces that are kept? Expected the files of "
            "one beside config.json"
        )
    whole = read_folder_tokenizer(folder, tokenizer.lower_case)
    theirs = {piece: row for row, piece in enumerate(whole.vocabulary)}
    if lacking := [piece for piece in tokenizer.vocabulary if piece not in theirs]:
        shown = ", ".join(map(repr, lacking[:_SHOWN]))
        raise UserError(
            f"stages.{place}.load: {stage.load} lacks {len(lacking):,} pieces of the tokenizer of "
            f"{stage.into}, like {shown}. Expected one that is cut down from preset: {stage.load}"
        )
    if otherwise := cut_otherwise(tokenizer, whole):
        raise UserError(
            f"stages.{place}.load: the tokenizer of {stage.into}, which is cut down by keep, cuts "
            f"text otherwise than that of {stage.load}: {otherwise}. Expected one that is cut down "
            f"from preset: {stage.load}"
        )
    return np.array([theirs[piece] for piece in tokenizer.vocabulary], np.int64)


def matched(given: Mapping[str, str], published: PublishedModel, labels: list[str]) -> list[str]:
    """The classes of a checkpoint in their order, by the names of the corpora's labels.

    Args:
        given: The corpora's names of some, by those of the checkpoint.
        published: The checkpoint.
        labels: Its names.

    Raises:
        UserError: It has no class of a name that is given.
    """
    if unknown := [name for name in given if name not in labels]:
        raise UserError(
            f"labels: {published.checkpoint.config_file} has no class {', '.join(unknown)}; "
            f"its classes are {', '.join(labels)}"
        )
    return [given.get(name, name) for name in labels]


def order_classes(
    model: Any, given: Mapping[str, str], published: PublishedModel, names: list[str]
) -> None:
    """Puts the rows of a checkpoint's head over classes in the order of the corpora's classes.

    Args:
        model: The model that was read.
        given: As of `matched`.
        published: The checkpoint.
        names: The corpora's classes.

    Raises:
        UserError: These are not the same classes.
    """
    theirs = matched(given, published, published.labels() or [])
    if sorted(theirs) != sorted(names):
        raise UserError(
            f"load: the classes of {published.folder} are {', '.join(theirs)}, and the labels of "
            f"the corpora are {', '.join(names)}. They are matched by name: say which is which, "
            f"like labels: {flow({theirs[0]: names[0]})}, or read corpora with these classes"
        )
    head, order = model.heads[CLASSIFIER], [theirs.index(name) for name in names]
    for weight in (head.own_matrix, head.own_bias):
        weight.assign(weight.value.numpy()[order])


def opened(folder: Path, model: Any) -> PublishedModel:
    """What a folder holds, which becomes a model of this family.

    Raises:
        UserError: It is of another family, or of none that is known.
    """
    return registry.load_target(model.published).open(folder)


def refuse_differences(
    place: str, stage: Any, model: Any, ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> None:
    """Refuses a checkpoint of other options than the spec's, each with both values.

    Args:
        place: The load stage's name.
        stage: Its options.
        model: The options of the model.
        ours: What the model is built with.
        theirs: What the checkpoint's is built with.

    Raises:
        UserError: One of them differs.
    """
    said, mends = [], []
    known = {*type(model).model_fields, "vocabulary_size"} - FREE
    for name in (name for name in theirs if name in known and name in ours):
        in_spec, in_checkpoint = _value(ours, name), _value(theirs, name)
        if in_spec == in_checkpoint:
            continue
        said.append(f"{name} is {in_checkpoint} in the checkpoint and {in_spec} in the spec")
        if name == "vocabulary_size":
            tokenizer = [*model.tokenizers.values()][-1]
            mends.append(f"tokenizers.{tokenizer}.vocabulary: the checkpoint's vocabulary")
        else:
            mends.append(f"{stage.into}.{name}: {in_checkpoint}")
    if said:
        raise UserError(
            f"stages.{place}.load: the checkpoint {stage.load} is not the model that {stage.into} "
            f"declares: {'; '.join(said)}. Write {', '.join(mends)}"
        )


def _value(config: Mapping[str, Any], name: str) -> Any:
    if name == "feed_forward":
        return config[name] or 4 * config["width"]
    return config[name]
