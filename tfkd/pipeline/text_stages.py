"""The stages before any model: corpora as text, tokenizers, ids."""

from collections.abc import Iterable, Iterator
from typing import Any

from tfkd.data.corpora import open_corpus
from tfkd.data.encoded import encode_corpus
from tfkd.data.text_corpus import TextCorpus, write_text_corpus
from tfkd.data.tokenizers import Tokenizer, build_tokenizer, load_tokenizer
from tfkd.data.transforms import text_fields
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.progress import told_progress
from tfkd.pipeline.stage_folder import StageFolder


def place(node: Node, context: Context) -> StageFolder:
    """A node's folder, which must be whole."""
    folder = StageFolder(context.stages, node.kind, node.fingerprint)
    folder.verify()
    return folder


def run_corpus(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Reads, checks and transforms a corpus; writes its text, a line a row."""
    others = {
        reference.partition(".")[0]: _Texts(open_text(child, context))
        for reference, child in zip(node.options.drop_overlap, node.inputs.values(), strict=True)
    }
    corpus = open_corpus(node.options, context.data_dir, others=others)
    write_text_corpus(corpus, folder.path)
    report = corpus.report()
    dropped = sum(entry["count"] for entry in report["dropped"].values())
    brief = f"{report['kept']:,} rows" + (f", {dropped:,} dropped" if dropped else "")
    summary = {"report": report, "fields": list(corpus.fields), "brief": brief}
    warnings = [f"data.{node.label}: {warning}" for warning in corpus.warnings]
    for warning in warnings:
        context.say(f"warning: {warning}")
    return {**summary, **({"warnings": warnings} if warnings else {})}


class _Texts:
    """A finished corpus as `drop_overlap` reads it."""

    def __init__(self, text: TextCorpus):
        self._text = text

    def texts(self, fields: Iterable[str] | None = None) -> Iterator[str]:
        if fields is None:  # a label's value is no text that a row could share
            fields = [self._text.fields[index] for index in text_fields(self._text.fields)]
        for field in fields:
            yield from self._text.lines(field)


def open_text(node: Node, context: Context) -> TextCorpus:
    """The text of a corpus stage."""
    return TextCorpus.open(place(node, context).path)


def run_tokenizer(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Learns or reads a vocabulary."""

    def lines() -> Iterator[str]:
        for child, fields in zip(
            node.inputs.values(), node.identity.get("fields", ()), strict=True
        ):
            text = open_text(child, context)
            for field in [fields] if isinstance(fields, str) else fields:
                yield from text.lines(field)

    tokenizer = build_tokenizer(node.options, lines(), context.data_dir)
    tokenizer.save(folder.path)
    return {"size": tokenizer.size, "brief": f"{tokenizer.size:,} pieces"}


def open_tokenizer(node: Node, context: Context) -> Tokenizer:
    """The tokenizer of a tokenizer stage."""
    return load_tokenizer(place(node, context).path)


def run_ids(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Encodes one field of a corpus once."""
    from tfkd.pipeline.class_stages import encode_marked, run_label_ids

    if node.inputs["tokenizer"].kind == "classes":
        return run_label_ids(node, folder, context)
    text = open_text(node.inputs["text"], context)
    tokenizer = open_tokenizer(node.inputs["tokenizer"], context)
    field = node.identity["field"]
    if node.identity.get("cut"):
        encode_marked(text, field, tokenizer, folder.path)
    else:
        progress = told_progress(node.label, context)
        work = {"work": folder.scratch, "of": folder.key}
        encode_corpus(text, field, tokenizer, folder.path, **work, progress=progress)
    from tfkd.data.encoded import EncodedField

    tokens = int(EncodedField.open(folder.path).lengths.sum())
    return {"rows": len(text), "tokens": tokens, "brief": f"{tokens:,} tokens"}
