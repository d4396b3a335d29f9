"""What finished stages left: their folders, text, tokenizers and classes."""

from tfkd.data.classes import Classes
from tfkd.data.text.text_corpus import TextCorpus
from tfkd.data.tokenizers import Tokenizer, load_tokenizer
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder


def place(node: Node, context: Context) -> StageFolder:
    """A node's folder, which must be whole."""
    folder = context.folder(node)
    folder.verify()
    return folder


def open_text(node: Node, context: Context) -> TextCorpus:
    """The text of a corpus stage."""
    return TextCorpus.open(place(node, context).path)


def open_tokenizer(node: Node, context: Context) -> Tokenizer:
    """The tokenizer of a tokenizer stage."""
    return load_tokenizer(place(node, context).path)


def open_classes(node: Node, context: Context) -> Classes:
    """The classes of a classes stage."""
    return Classes.load(place(node, context).path)


def classes_of(node: Node, context: Context) -> Classes | None:
    """The classes that a stage's model tells apart; None of one without a head over classes."""
    found = node.trained.inputs.get(Role.CLASSES)
    return None if found is None else open_classes(found, context)
