"""The reference of a spec's keys, a page a section, from the JSON schema."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import yaml
from spec_usage import Usage

from tfkd.reference import json_schema
from tfkd.reference.key_reference import REQUIRED, Block, Key, blocks
from tfkd.spec import registry

# File, title, what it is, and the kind of the registry (or the mappings) that stand on it.
SECTIONS: tuple[tuple[str, str, str, str | tuple[str, ...]], ...] = (
    ("top_level", "Top level", "The keys that a spec begins with.", ("tfkd spec",)),
    (
        "data",
        "data: corpora",
        "Corpora by name. The first key of each says what it is read from; paths are relative to "
        "the data folder (`--data-dir`).",
        "corpus",
    ),
    ("tokenizers", "tokenizers", "Tokenizers by name: learnt, or read.", "tokenizer"),
    (
        "models",
        "teacher, student: models",
        "Each is one model, or several by name (`teacher: {source: {...}, target: {...}}`), which "
        "are then called `teacher.source` and `teacher.target`.",
        "model",
    ),
    ("adapters", "adapters", "Layers that are put into frozen ones, by side.", "adapter"),
    (
        "views",
        "views",
        "A view says what of a text a model sees and what it predicts. Masks are drawn anew in "
        "each epoch, from the seed, the epoch, the row and the view.",
        "view",
    ),
    ("stages", "stages", "Stages by name. The first key of each says what it does.", "stage"),
    (
        "objective",
        "objective: loss terms",
        "Terms by name. The loss is the sum over terms of weight × sum / normalizer. A term whose "
        "name is its kind need not say `kind`.",
        "objective",
    ),
    ("gradients", "gradients", "How the gradients of several terms are combined.", "combiner"),
    ("optimizer", "optimizer", "What makes an update of a gradient.", "optimizer"),
    ("schedule", "schedule", "The learning rate by step.", "schedule"),
    ("decode", "decode", "How outputs are searched.", "decode"),
    (
        "filters",
        "rules: filters of a corpus",
        "What `rules:` of a filter stage name. Rules are read in their order, and a row is counted "
        "under the first that drops it.",
        "filter",
    ),
    (
        "evaluate",
        "evaluate: evaluations",
        "A list: each scores one stage's model on one or more corpora.",
        ("EvaluateOptions",),
    ),
    (
        "export",
        "export: formats",
        "A list: a stage alone is exported as a SavedModel; a mapping says which stage, and in "
        "which format.",
        "format",
    ),
    ("metrics", "metrics", "What `metrics:` of evaluations and validations names.", "metric"),
    ("runtime", "runtime", "Where a spec runs. No result depends on it.", ("RuntimeOptions",)),
)
# What the schema calls a choice of classes, and the page that has them.
_CHOICES = {
    "corpus": "data", "tokenizer": "tokenizers", "model": "models", "models": "models",
    "adapter": "adapters", "view": "views", "stage": "stages", "objective": "objective",
    "combiner": "gradients", "optimizer": "optimizer", "schedule": "schedule", "decode": "decode",
    "evaluation": "evaluate", "filter": "filters",
}  # fmt: skip
_MOST_SPECS = 4
# A spec's own keys hold whole sections: in short.
_TOP = {
    "tfkd": "1",
    "name": "captions",
    "description": "Captions from German to English.",
    "paper": "{title: Attention Is All You Need, table: 2}",
    "card": "{licence: CC-BY-4.0, languages: [de, en]}",
    "extends": "base.yaml",
    "pages": "{multi30k: https://github.com/multi30k/dataset}",
    "data": "{train: {parallel: [train.de, train.en]}}",
    "tokenizers": "{joint: {kind: wordpiece, size: 8000, learn_from: [train]}}",
    "teacher": "{kind: bert, layers: 4, width: 256, heads: 4, tokenizer: joint}",
    "student": "{kind: rnn, layers: 2, width: 256, tokenizer: joint}",
    "adapters": "{encoder: {kind: bottleneck, width: 512}}",
    "views": "{mlm: {kind: mlm, p: 0.15}}",
    "stages": "{targets: {score: finetune, data: train, read: previous, top_k: 8}}",
    "variants": "{small: {student.width: 128}}",
    "evaluate": "[{of: train_student, on: test, metrics: [bleu]}]",
    "export": "[train_student, {of: train_student, format: ctranslate2, quantize: int8}]",
    "seeds": "[1, 2, 3]",
    "runtime": "{devices: 2}",
}


def key_pages(usage: Usage) -> dict[str, tuple[str, str]]:
    """Title and text of each page by its path under the site's root."""
    known = blocks(json_schema())
    placed: dict[str, str] = {}
    contents: dict[str, list[Block]] = {}
    for file, _, _, kind in SECTIONS:
        contents[file] = [known[title] for title in _titles(kind) if title in known]
        placed |= {block.title: file for block in contents[file]}
    for file, parts in contents.items():
        for block in parts:  # grows
            for title in (title for key in block.keys for title in key.refers):
                if title in known and title not in placed:
                    placed[title] = file
                    parts.append(known[title])
    pages = {}
    for file, title, about, kind in SECTIONS:
        text = _Page(file, placed, usage).text(title, about, contents[file], kind)
        pages[f"reference/{file}.md"] = (title, text)
    return pages


def _titles(kind: str | tuple[str, ...]) -> Iterable[str]:
    if isinstance(kind, tuple):
        return kind
    return dict.fromkeys(entry.options.__name__ for entry in registry.entries(kind))


class _Page:
    def __init__(self, file: str, placed: dict[str, str], usage: Usage) -> None:
        self.file, self.placed, self.usage = file, placed, usage

    def text(self, title: str, about: str, parts: list[Block], kind: Any) -> str:
        own = {*_titles(kind)}
        first = [block for block in parts if block.title in own]
        shared = _shared(first)
        said = [f"# {title}", about]
        if kind == "metric":
            said.append(_metrics())
        for block in first:
            said += self._block(block, [key for key in block.keys if key.name not in shared])
        if shared:
            said += ["## Keys that all of them have", *self._keys(first[0], shared.values())]
        inner = [block for block in parts if block.title not in own]
        if inner:
            said.append("## Mappings inside")
        for block in inner:
            said += self._block(block, block.keys, level="###")
        return "\n\n".join(said) + "\n"

    def _block(self, block: Block, keys: Iterable[Key], level: str = "##") -> list[str]:
        if block.title == "tfkd spec":
            return self._keys(block, keys)
        name = f"`{block.name}`" if block.name and level == "##" else _words(block.title)
        head = f"{level} {name} {{ #{_anchor(block.title)} }}"
        return [head, _plain(block.description), *self._keys(block, keys)]

    def _keys(self, block: Block, keys: Iterable[Key]) -> list[str]:
        return [self._key(block, key) for key in keys]

    def _key(self, block: Block, key: Key) -> str:
        facts = [self._linked(key.type)]
        if key.default is REQUIRED:
            facts.append("required")
        elif block.title != "tfkd spec":
            facts.append(f"default `{_yaml(key.default)}`")
        if key.unit:
            facts.append(f"unit: {key.unit}")
        lines = [f"`{key.name}`{{ #{_anchor(block.title)}.{key.name} .key }}"]
        lines.append(f":   {' · '.join(facts)}")
        if key.description:
            said = _plain(key.description).removesuffix(".")
            first = said[0].upper() if said.split()[0].islower() else said[0]
            lines += ["", f"    {first}{said[1:]}."]
        found = self.usage.example(block.title, key.name)
        example = _yaml(key.example if found is None else found)
        if block.title == "tfkd spec":
            example = _TOP[key.name]
        lines += ["", f"    Example: `{key.name}: {example}`{self._specs(block, key)}"]
        return "\n".join(lines)

    def _specs(self, block: Block, key: Key) -> str:
        specs = self.usage.specs(block.title, key.name)
        named = ", ".join(f"[{name}](../specs/{name}.md)" for name in specs[:_MOST_SPECS])
        more = f" and {len(specs) - _MOST_SPECS} more" if len(specs) > _MOST_SPECS else ""
        return f". Specs: {named}{more}" if specs else ""

    def _linked(self, kind: str) -> str:
        """A type in words, with links to the mappings and choices that it names."""
        kind = kind.replace("<", "&lt;")
        for title, file in self.placed.items():
            place = f"#{_anchor(title)}" if file == self.file else f"{file}.md#{_anchor(title)}"
            kind = re.sub(rf"\b{re.escape(title)}\b", f"[{_words(title)}]({place})", kind)
        return re.sub(
            r"\b(\w+) options\b",
            lambda found: f"[{found[1]}]({_CHOICES[found[1]]}.md)" if found[1] in _CHOICES
            else found[0],
            kind,
        )  # fmt: skip


def _shared(parts: list[Block]) -> dict[str, Key]:
    """The keys that all blocks of a page have alike, where there are several blocks."""
    if len(parts) < 3:
        return {}
    alike: Callable[[Key], bool] = lambda key: all(key in block.keys for block in parts)  # noqa: E731
    return {key.name: key for key in parts[0].keys if alike(key)}


def _metrics() -> str:
    lines = ["| metric | what it is |", "| --- | --- |"]
    lines += [f"| `{one.name}` | {_plain(one.summary)} |" for one in registry.entries("metric")]
    lines.append("| `teacher_check` | Whether a teacher knows more than a model without one. |")
    return "\n".join(lines)


def _words(title: str) -> str:
    """A class's name in words: `KeepBest` is keep best."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", title.removesuffix("Options")).lower().strip()


def _anchor(title: str) -> str:
    return _words(title).replace(" ", "-")


def _plain(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\[\]*<|])", r"\\\1", " ".join(text.split())).replace("\\<", "&lt;")


def _yaml(value: Any) -> str:
    if isinstance(value, str) and "\n" in value:  # in one line
        return json.dumps(value, ensure_ascii=False)
    text = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").strip()
