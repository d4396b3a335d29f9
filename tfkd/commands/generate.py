"""Lines in, outputs out: a run's exported model on a user's text."""

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

from tfkd.data.files import writable, write_atomically
from tfkd.outside.outgoing import unescaped
from tfkd.outside.regular_files import open_once, readable
from tfkd.pipeline.engine.run_exports import export_folder, refuse_swapped
from tfkd.pipeline.engine.run_folder import RESULTS, read_results
from tfkd.serving.formats.format import ABOUT
from tfkd.serving.formats.opening import about_of, open_exported
from tfkd.spec.errors import UserError

_LINES = 1024
SAVED_MODEL = "saved_model"


class Placed(NamedTuple):
    """An export's folder, its format, and its name among those of its stage."""

    folder: Path
    format: str
    name: str


def generate(
    model: Path,
    *,
    source: Path | None = None,
    target: Path | None = None,
    scores: bool = False,
    options: Mapping[str, int] | None = None,
    trust: bool = False,
    engine: str | None = None,
) -> None:
    """Translates line by line, in order, or continues prompts: the continuation alone, as it
    follows its prompt, mostly with a space in front; a newline in it is written as a space.

    Args:
        model: A run folder with one export, its folder `export`, or a SavedModel's folder (a
            version, or a folder of versions).
        source: A UTF-8 file of lines; None: standard input.
        target: A file to write; None: standard output.
        scores: Put the score and a tab before each line.
        options: What a SavedModel lets its callers choose: `iterations` and `length_candidates` of
            one that fills in, `seed` of a language model that samples.
        trust: Whether a SavedModel that tfkd has not exported is run, too.
        engine: Which of its exports answers; see `exported_at`.

    Raises:
        UserError: There is no exported model, there are several, it is not to be trusted, it has no
            such options, or the input cannot be read. The target is as it was.
    """
    with _waiting():
        translator = open_exported(exported_at(model, engine), options, trust=trust)
    with _opened(source) as reading:
        blocks = _blocks(reading, str(source or "standard input"))
        if target is None:
            if sys.stdout is None:
                raise UserError("standard output is closed; name a file by --output")
            if hasattr(sys.stdout, "reconfigure"):
                sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal's own is
            # A person's terminal obeys no output; a file or a program gets it as it is.
            writing = sys.stdout if sys.stdout.isatty() else unescaped(sys.stdout)
            _translate(translator, blocks, writing, scores)
            return
        with writable(target):
            write_atomically(
                target, lambda file: _translate(translator, blocks, _text(file), scores)
            )


def _opened(source: Path | None) -> contextlib.AbstractContextManager[IO[bytes]]:
    if source is None:
        if sys.stdin is None:
            raise UserError("standard input is closed; give a file of lines by --input")
        return contextlib.nullcontext(sys.stdin.buffer)
    with readable(source):
        return open_once(source)


def _translate(
    translator: Any, blocks: Iterator[list[str]], writing: IO[str], scores: bool
) -> None:
    for lines in blocks:
        with _waiting():
            results = translator.translate(lines)
        for result in results:
            text = result.text.replace("\n", " ")
            print(f"{result.score:.4f}\t{text}" if scores else text, file=writing)
        writing.flush()


@contextlib.contextmanager
def _waiting() -> Iterator[None]:
    """A line on a terminal's standard error while nothing else is to be seen."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    line = unescaped(sys.stderr)
    line.write("\rtfkd: one moment ...")
    line.flush()
    try:
        yield
    finally:
        line.write("\r\x1b[K")
        line.flush()


def _text(file: BinaryIO) -> IO[str]:
    # Written through: the file is closed by whoever opened it.
    return codecs.getwriter("utf-8")(file)


def _blocks(file: IO[bytes], name: str) -> Iterator[list[str]]:
    # Who types a line waits for its answer.
    count = 1 if file.isatty() else _LINES
    while True:
        with readable(name):
            lines = list(islice(file, count))
        if not lines:
            return
        yield [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in lines]


def saved_model_of(path: Path) -> Path:
    """The SavedModel of the one export of a run folder, or of its `export`; or the path itself.

    Raises:
        UserError: A run folder without an export, or with several: none is taken by chance; or
            another model lies where the run's was.
    """
    return exported_at(path, SAVED_MODEL)


def exported_at(path: Path, engine: str | None = None) -> Path:
    """The folder of the one export of a run folder, of its `export` or of a stage there, that an
    engine runs; or the path itself.

    Args:
        path: Any of these folders.
        engine: A format, `ctranslate2`, or an export's name, `ctranslate2_int8`; None: a SavedModel
            where there is one, else whatever there is.

    Raises:
        UserError: There is none such, or there are several: none is taken by chance; or another
            model lies where the run's was.
    """
    if not os.path.exists(path / RESULTS) and not os.path.isdir(path / "export"):
        if _holds_exports(path):
            return exported_at(path.parent, engine)
        refuse_swapped(path)
        found = _of_stage(path)
        if engine is None and SAVED_MODEL not in {one.format for one in found} and found:
            engine = found[0].format
        of_engine = _of_engine(found, engine)
        if engine in (None, SAVED_MODEL) and not (of_engine or found):
            return path  # a version's folder, or what is none at all
        if engine in (None, SAVED_MODEL) and of_engine:
            return path
        return _one(path, of_engine, engine)
    exports = _exports(path)
    if not exports:
        raise UserError(f"{path} has no exported model: name a stage under `export:` and run again")
    if engine is None:
        formats = {one.format for one in exports}
        engine = SAVED_MODEL if SAVED_MODEL in formats else None
    return _one(path, _of_engine(exports, engine), engine)


def _one(path: Path, found: Sequence[Placed], engine: str | None) -> Path:
    if not found:
        raise UserError(
            f"{path} has no export that {engine} runs: name one under `export:`, like "
            f"{{of: STAGE, format: ctranslate2}}, and run again"
        )
    if len(found) > 1:
        places = ", ".join(str(one.folder) for one in found)
        raise UserError(f"{path} has {len(found)} exported models; name one of them: {places}")
    return found[0].folder


def _of_engine(exports: Sequence[Placed], engine: str | None) -> list[Placed]:
    return [one for one in exports if engine in (None, one.format, one.name)]


def _of_stage(folder: Path) -> list[Placed]:
    """The exports of one stage, as they lie in its folder; or of an export's own folder itself."""
    if (folder / ABOUT).is_file():
        return [_placed(folder)]
    found = [_placed(one.parent) for one in sorted(folder.glob(f"*/{ABOUT}"))]
    saved = any(one.parent.name.isdecimal() for one in folder.glob("*/saved_model.pb"))
    return [Placed(folder, SAVED_MODEL, SAVED_MODEL)] * saved + found


def _placed(folder: Path) -> Placed:
    about = about_of(folder)
    return Placed(folder, about["format"], str(about.get("name")))


def _holds_exports(path: Path) -> bool:
    """Whether it is a run's folder of exports, and no model by that name with its versions."""
    if path.name != "export" or not os.path.isdir(path):
        return False
    below = os.listdir(path)
    return "saved_model.pb" not in below and not any(map(str.isdecimal, below))


def _exports(run: Path) -> list[Placed]:
    """The exports that a run's results name; before it has any, those that lie there."""
    if (run / RESULTS).exists():
        return [placed(run, one) for one in read_results(run).get("exports") or []]
    folders = sorted(folder for folder in (run / "export").glob("*") if folder.is_dir())
    saved = [[Placed(folder, SAVED_MODEL, SAVED_MODEL)] for folder in folders]
    return [
        one for folder, alone in zip(folders, saved, strict=True)
        for one in _of_stage(folder) or alone
    ]  # fmt: skip


def placed(run: Path, export: Mapping[str, Any]) -> Placed:
    """Where an entry of a run's results' `exports` lies; of a SavedModel its folder of versions."""
    folder, name = export_folder(run, export), export.get("format", SAVED_MODEL)
    return Placed(
        folder.parent if name == SAVED_MODEL else folder, name, export.get("name", SAVED_MODEL)
    )
