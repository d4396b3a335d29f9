"""What `tfkd init` reads of a user's files: columns, rows, tokens, and a published teacher."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tfkd.data.text.conll_reader import conll_columns, sentences
from tfkd.data.text.corpora import open_corpus
from tfkd.data.text.guessed_columns import guessed_columns, table_kind
from tfkd.data.text.source_files import count_lines, count_pairs, find_files
from tfkd.data.text.sources import Lines
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import CORPORA
from tfkd.starters import KINDS, UserSet, UserSets, starter_spec
from tfkd.starters.file_forms import refuse_labels, refuse_other_forms
from tfkd.starters.languages import languages_of
from tfkd.starters.published_teacher import published_teacher
from tfkd.starters.sizes import rounded
from tfkd.starters.user_sets import quoted

# Rows that are read for the number of tokens; of more, the rest is taken to be like them.
_READ = 20_000
# A word of spaced text has about so many tokens, and so has a character of Chinese or Japanese.
_A_WORD, _A_CHARACTER, _FIRST_WIDE = 1.3, 0.7, "\u2e80"
# A spec says how long a row may be where more than this share of its rows is longer than usual;
# what is longer than this is no document of anybody's.
_LONG_ONES, _MOST_CHARACTERS = 0.01, 1_000_000
# Rows whose capitals are counted; a side is in capitals where more than this share of letters is.
_CASED_ROWS, _IN_CAPITALS = 1000, 0.8
_TRAINING = {"translator": "pairs", "summariser": "pairs", "classifier": "labelled",
             "tagger": "labelled", "language_model": "text"}  # fmt: skip
_FIELDS = {"translator": ("source", "target"), "summariser": ("source", "target"),
           "classifier": ("text", "label"), "tagger": ("text", "label"),
           "language_model": ("text",)}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """What the user named: files by option, columns by field, languages, a teacher.

    Attributes:
        files: By `pairs`, `labelled`, `text`, `valid`, `test`.
        columns: A name or a place by field.
        kind: Of the student; None: what the files are of.
        source, target: Of a translator; None: what its files are called by, see `languages_of`.
        teacher: A published model's folder.
    """

    kind: str | None = None
    source: str | None = None
    target: str | None = None
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, str | int] = field(default_factory=dict)
    teacher: str | None = None


def last_of(files: Mapping[str, list[str] | None]) -> Path | None:
    """The spec's name, where it stands after the files of an option and was taken for one."""
    for found in files.values():
        if found and len(found) > 1 and found[-1].endswith((".yaml", ".yml")):
            return Path(found.pop())
    return None


def starter_of(named: Named, data_dir: Path) -> str:
    """The spec that fits what the user named: see `tfkd.starters.starter_spec`.

    Raises:
        UserError: A file cannot be read or is no pair or table, its columns are not to be guessed,
            or an option does not belong to the kind.
    """
    if named.kind is None:
        given = {option for option, files in named.files.items() if files}
        alone = "text" in given and not {"pairs", "labelled"} & given
        kind = "classifier" if "labelled" in given else "translator"
        named = replace(named, kind="language_model" if alone else kind)
    _refuse_others(named)
    pairs = named.files.get("pairs") if named.kind == "translator" else None
    source, target = languages_of(named.source, named.target, pairs)
    named = replace(named, source=source, target=target)
    teacher = None if named.teacher is None else published_teacher(named.teacher, data_dir)
    for option, names in named.files.items():
        refuse_other_forms(f"--{option}", names or (), data_dir)
    training = _TRAINING[named.kind]
    sets = None
    if named.files.get(training):
        found = {
            option: _user_set(named, f"--{option}", files, data_dir)
            for option, files in named.files.items()
            if files and (option != "text" or training == "text")
        }
        text = named.files.get("text") if training != "text" else None
        sets = UserSets(
            train=found[training],
            option=f"--{training}",
            valid=found.get("valid"),
            test=found.get("test"),
            text=_texts(named, "--text", text, {}, data_dir) if text else None,
        )
        if sets.train.one_in_capitals:
            sets = sets.lowered()
    return starter_spec(source, target, kind=named.kind, sets=sets, teacher=teacher)


def _refuse_others(named: Named) -> None:
    if named.kind not in KINDS:
        raise UserError(f"--kind {named.kind}: expected one of {', '.join(KINDS)}")
    training = _TRAINING[named.kind]
    for option in ("pairs", "labelled"):
        if named.files.get(option) and option != training:
            raise UserError(
                f"--{option}, of a {named.kind}: expected --{training} FILE"
                + (" for the text, and --kind classifier for labels" * (option == "labelled"))
            )
    _refuse_columns(named)
    others = [option for option, files in named.files.items() if files and option != training]
    if others and not named.files.get(training):
        raise UserError(
            f"--{others[0]} without --{training}: expected the files that a {named.kind} is "
            f"trained on, --{training} FILE"
        )


def _refuse_columns(named: Named) -> None:
    """Columns that no table has, or of which the kind has no field."""
    if not named.columns:
        return
    tables = [name for files in named.files.values() for name in files or () if table_kind(name)]
    if named.kind == "tagger":
        tables += [files[0] for files in named.files.values() if files and len(files) == 1]
    said = "--columns " + " ".join(f"{field}={one}" for field, one in named.columns.items())
    if not tables:
        raise UserError(
            f"{said}: none of the files is a table; expected a FILE.csv or FILE.tsv that has these "
            "columns, or no --columns"
        )
    fields = [*_FIELDS[named.kind], *["text_b"] * (named.kind == "classifier")]
    if "text" not in fields and any(map(table_kind, named.files.get("text") or ())):
        fields.append("text")
    others = [one for one in named.columns if one not in fields]
    if others:
        raise UserError(
            f"{said}: a {named.kind} reads no {others[0]}; expected columns of {', '.join(fields)}"
        )


def _user_set(named: Named, option: str, files: Sequence[str], data_dir: Path) -> UserSet:
    if named.kind == "language_model":
        return _texts(named, option, files, {"detokenize": "plain"}, data_dir)
    fields = _FIELDS[named.kind]
    if named.kind == "tagger":
        return _tagged(named, option, files, data_dir)
    if fields[0] == "source" and len(files) == 2:
        rows = count_pairs((files[0], files[1]), data_dir, option)
        entry = {"parallel": list(files)}
        name = f"{files[0]} and {files[1]}"
        return _measured(option, entry, name, rows, data_dir, ({"text": list(files)},))
    if len(files) != 1 or table_kind(files[0]) is None:
        wanted = "two text files, or " if fields[0] == "source" else ""
        raise UserError(
            f"{option}: {' '.join(files)}; expected {wanted}a table, FILE.csv or FILE.tsv, with a "
            f"column for the {fields[0]} and one for the {fields[1]}"
        )
    return _table(named, option, files, fields, {}, data_dir)


def _tagged(named: Named, option: str, files: Sequence[str], data_dir: Path) -> UserSet:
    """Words and tags: two files, line by line, CoNLL's columns, or a table with both in a row."""
    if len(files) == 2:
        rows = count_pairs((files[0], files[1]), data_dir, option)
        entry = {"lines": dict(zip(("text", "label"), files, strict=True))}
        name = f"{files[0]} and {files[1]}"
        return _measured(option, entry, name, rows, data_dir, labelled="words")
    if len(files) != 1:
        raise UserError(
            f"{option}: {' '.join(files)}; expected one file in CoNLL's columns, a table with a "
            "column for the text and one for its tags, or two text files, words and tags"
        )
    paths = find_files(files[0], data_dir)
    found = None if table_kind(files[0]) == "csv" else conll_columns(paths[0], data_dir)
    if found is None and table_kind(files[0]) is not None:
        return _table(named, option, files, ("text", "label"), {}, data_dir)
    if found is None:
        raise UserError(
            f"{option}: {files[0]}; expected CoNLL's columns, a word and its tag a line and an "
            "empty line after each sentence; a table, FILE.csv or FILE.tsv, with a sentence and "
            "its tags in a row; or two text files, words and tags"
        )
    columns = found | named.columns
    names = [column for column in columns.values() if isinstance(column, str)]
    if names:
        raise UserError(
            f"{option}: {files[0]}: --columns {names[0]}: these columns have no names; expected "
            "places, from 0"
        )
    rows = sum(sum(1 for _ in sentences(Lines([path], data_dir))) for path in paths)
    entry = {"conll": files[0], "columns": columns}
    return _measured(option, entry, files[0], rows, data_dir, labelled="words")


def _table(
    named: Named, option: str, files: Sequence[str], fields: Sequence[str], more: Mapping,
    data_dir: Path,
) -> UserSet:  # fmt: skip
    kind, name = table_kind(files[0]), files[0]
    called = {}
    if named.kind == "translator":
        called = {"source": (named.source,), "target": (named.target,)}
    read = (*fields, "text_b") if named.kind == "classifier" else fields
    given = {one: column for one, column in named.columns.items() if one in read}
    found = guessed_columns(name, fields, data_dir, given, called)
    entry: dict[str, Any] = {kind: name if len(files) == 1 else list(files)}
    entry["columns"] = found.columns
    by_name = any(isinstance(column, str) for column in found.columns.values())
    if found.header is not None and not by_name:
        entry["header"] = found.header
    if kind == "csv" and found.delimiter != ",":
        entry["delimiter"] = found.delimiter
    sides = [
        {**entry, "columns": {"text": found.columns[side]}}
        for side in fields
        if fields[0] == "source"
    ]
    paths = find_files(list(files), data_dir)
    rows = sum(map(count_lines, paths)) - bool(found.header) * len(paths)
    labelled = {"classifier": "rows", "tagger": "words"}.get(named.kind, "") if fields[1:] else ""
    return _measured(option, {**entry, **more}, name, rows, data_dir, sides, labelled)


def _texts(
    named: Named, option: str, files: Sequence[str], more: Mapping, data_dir: Path
) -> UserSet:
    kinds = {table_kind(name) for name in files}
    if len(kinds) > 1:
        raise UserError(f"{option}: {' '.join(files)}; expected text files, or tables of one kind")
    if kinds != {None}:
        return _table(named, option, files, ("text",), more, data_dir)
    rows = sum(map(count_lines, find_files(list(files), data_dir)))
    entry = {"text": files[0] if len(files) == 1 else list(files)}
    return _measured(option, {**entry, **more}, " and ".join(files[:2]), rows, data_dir)


def _measured(
    option: str, entry: Mapping[str, Any], name: str, rows: int, data_dir: Path,
    sides: Sequence[Mapping] = (), labelled: str = "",
) -> UserSet:  # fmt: skip
    """A set with its number of tokens, from its first rows; where texts are longer than is read of
    a row by default, it says how long they may be. `labelled`: what has labels, rows or words."""
    if rows < 1 and option in ("--valid", "--test"):
        raise UserError(f"{option}: {name}: there is no row in it; expected some")
    if rows < 1:
        return UserSet("", name, 0, 0, 0)
    kind = next(kind for kind in CORPORA if kind in entry)
    try:
        options = CORPORA[kind].model_validate({**entry, "max_characters": _MOST_CHARACTERS})
    except ValidationError as error:
        raise UserError(f"{option}: {name}: {error.errors()[0]['msg']}") from None
    corpus = open_corpus(options, data_dir)
    texts = [place for place, one in enumerate(corpus.fields) if one not in ("label", "mark")]
    read = longest = total = 0
    lengths, labels, cased = [], [], [[0, 0] for _ in texts]
    for values in islice(corpus, _READ):
        if labelled:
            label = values[corpus.fields.index("label")]
            labels += label.split() if labelled == "words" else [label]
        counts = [_tokens(values[place]) for place in texts]
        lengths.append(max(len(values[place]) for place in texts))
        if read < _CASED_ROWS:
            for one, place in zip(cased, texts, strict=True):
                one[0] += sum(map(str.isupper, values[place]))
                one[1] += sum(map(str.isalpha, values[place]))
        read, longest, total = read + 1, longest + max(counts), total + sum(counts)
    if option == "--labelled":
        refuse_labels(option, name, labels, labelled)
    rows = max(rows, read) if read == _READ else read
    share = rows / max(1, read)
    usual = CORPORA[kind].model_validate(entry).max_characters
    if sum(length > usual for length in lengths) > _LONG_ONES * read:
        most = {"max_characters": rounded(1.1 * max(lengths))}
        entry, sides = {**entry, **most}, [{**side, **most} for side in sides]
    return UserSet(
        entry=_lines(entry), name=name, rows=rows, tokens=int(longest * share),
        joint_tokens=int(total * share), sides=tuple(map(_lines, sides)),
        one_in_capitals=_differ_in_case([capitals / max(1, all_) for capitals, all_ in cased]),
    )  # fmt: skip


def _differ_in_case(shares: Sequence[float]) -> bool:
    """Whether one side is in capitals and another is not: no word of one is in the other."""
    return max(shares) > _IN_CAPITALS > 2 * min(shares)


def _tokens(text: str) -> float:
    wide = sum(character >= _FIRST_WIDE for character in text)
    return _A_WORD * len(text.split()) + _A_CHARACTER * wide


def _lines(entry: Mapping[str, Any]) -> str:
    """A corpus's options as lines of YAML."""
    return "\n".join(f"{key}: {_yaml(value)}" for key, value in entry.items())


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_yaml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    return quoted(value) if isinstance(value, str) else str(value)
