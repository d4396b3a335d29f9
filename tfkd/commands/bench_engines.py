"""All engines that run one model, each in a process of its own, on the same lines in one table."""

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from tfkd.commands.bench import lines_of
from tfkd.commands.bench_lines import LENGTHS, Tokens, of_length, tokens_of
from tfkd.commands.generate import SAVED_MODEL, Placed, placed
from tfkd.data.files import writable, write_atomically
from tfkd.data.strict_json import parse_json
from tfkd.outside.printable import one_line
from tfkd.pipeline.engine.machine import machine
from tfkd.pipeline.engine.run_folder import read_results
from tfkd.spec.errors import UserError

_TOGETHER = 32
_COLUMNS = ("stage, export", "MiB", "s to load", "ms p50", "ms p95")
_MORE = (f"lines/s of {_TOGETHER}", "words/s", "MiB of memory", "equal")
# What runs exports; those that are here are named beside the figures.
_PACKAGES = ("tfkd", "tensorflow", "ctranslate2", "ai-edge-litert", "onnxruntime")


def bench_engines(
    runs: Sequence[Path],
    engine: str,
    *,
    source: Path | None = None,
    rounds: int = 5,
    output: Path | None = None,
    options: Mapping[str, int] | None = None,
    trust: bool = False,
    plugins: Sequence[str] = (),
) -> str:
    """Measures the exports of a run that an engine runs, or all: bytes, seconds to load, the 50th
    and 95th percentile of milliseconds for a line alone, as the lines are and of 10, 27 and 60
    tokens that are read, lines a second of 32 at once and words of theirs (what stands between
    white space, of the text that is read), peak memory, and the share of outputs that are those of
    the stage's SavedModel (of the first, without one).

    Each runs in a process of its own, as it would be served; they are asked in turn, round by
    round, so that whatever else the machine does strikes each of them. Percentiles are over lines,
    of medians over rounds.

    Args:
        runs: One run folder.
        engine: `all`, a format, or an export's name.
        source: A file of lines; None: the sources of the run's examples.
        rounds: Times that each line is read.
        output: A JSON file to write, with all figures, the machine and the versions.
        options, trust: Of SavedModels alone; refused here.
        plugins: Modules that register formats of the user's own.

    Returns:
        A table; below it those that answer no lines, encoders say, each with the reason.

    Raises:
        UserError: There is no such export, none of them answers lines, there are no lines, or an
            engine does not start.
    """
    if len(runs) != 1 or options or trust:
        raise UserError("--engine measures the exports of one run: tfkd bench RUN --engine all")
    (run,) = runs
    exports = [(str(one["stage"]), placed(run, one)) for one in read_results(run)["exports"]]
    exports = [one for one in exports if engine in ("all", one[1].format, one[1].name)]
    if not exports:
        raise UserError(f"{run} has no export that {engine} runs; --engine all measures all")
    lines = lines_of([run], source)
    many = (lines * (-(-_TOGETHER // len(lines))))[:_TOGETHER]
    words = sum(len(line.split()) for line in many)
    with ExitStack() as stack:
        started = [(one, stack.enter_context(_Worker(one[1], plugins))) for one in exports]
        without = [
            one_line(f"{stage} {one.name} is left out: {worker.told['speechless']}")
            for (stage, one), worker in started
            if worker.told["speechless"] is not None
        ]
        started = [one for one in started if one[1].told["speechless"] is None]
        if not started:
            raise UserError("\n".join([f"{run} has no export that answers lines", *without]))
        exports, workers = [one for one, _ in started], [worker for _, worker in started]
        long = _of_lengths(exports, workers, lines)
        times: list[list[list[float]]] = [[[] for _ in lines] for _ in workers]
        together: list[list[float]] = [[] for _ in workers]
        outputs = [worker.ask(lines)["outputs"] for worker in workers]
        for worker in workers:
            worker.ask(many)
        for _ in range(rounds):
            for number, line in enumerate(lines):
                for worker, found in zip(workers, times, strict=True):
                    found[number].append(worker.ask([line])["seconds"])
            for worker, found in zip(workers, together, strict=True):
                found.append(worker.ask(many)["seconds"])
            for number in range(max(map(len, long))):
                for worker, own in zip(workers, long, strict=True):
                    if number < len(own):
                        own[number].ask(worker)
        rows = [
            {
                "stage": stage,
                "export": one.name,
                "bytes": worker.told["bytes"],
                "load_seconds": worker.told["seconds"],
                **percentiles([1000 * statistics.median(each) for each in times[place]]),
                "lengths": [one.figures() for one in long[place]],
                "lines_a_second": len(many) / statistics.median(together[place]),
                "words_a_second": words / statistics.median(together[place]),
                "peak_bytes": worker.ask([])["peak_bytes"],
                "equal": _equal(outputs[place], outputs[_beside(exports, stage)]),
            }
            for place, ((stage, one), worker) in enumerate(zip(exports, workers, strict=True))
        ]
    if output is not None:
        here, told = machine(), "" if source is None else " --input FILE"
        said = {
            "command": f"tfkd bench RUN --engine {engine}{told} --rounds {rounds}",
            "settings": {"lines": len(lines), "rounds": rounds, "together": _TOGETHER},
            "machine": {name: here[name] for name in ("processor", "cores")},
            "versions": _versions(),
            "rows": rows,
        }
        with writable(output):
            write_atomically(output, json.dumps(said, indent=1) + "\n")
    return "\n".join([_table(rows, len(lines)), *without])


class _Length:
    """Lines of so many tokens, of one export, with what was said of them."""

    def __init__(self, asked: int, lines: Sequence[str], sizes: Sequence[int], tokens: Tokens):
        self._asked, self._lines, self._sizes, self._tokens = asked, lines, sizes, tokens
        self._times: list[list[float]] = [[] for _ in lines]
        self._outputs = [""] * len(lines)

    def ask(self, worker: "_Worker") -> None:
        for number, line in enumerate(self._lines):
            said = worker.ask([line])
            self._times[number].append(said["seconds"])
            self._outputs[number] = said["outputs"][0]

    def figures(self) -> dict[str, Any]:
        """Tokens that were read and written, on average, and percentiles of milliseconds."""
        return {
            "tokens": self._asked,
            "tokens_read": statistics.mean(self._sizes),
            "tokens_written": statistics.mean(self._tokens.written(self._outputs)),
            **percentiles([1000 * statistics.median(each) for each in self._times]),
        }


def _of_lengths(
    exports: Sequence[tuple[str, Placed]], workers: Sequence["_Worker"], lines: Sequence[str]
) -> list[list[_Length]]:
    """What each export is asked beside the lines as they are, a stage's exports the same; nothing
    of a stage whose tokens nobody can count, or whose lines have more than one field."""
    asked: dict[str, list[tuple[Any, ...]]] = {}
    for stage, _ in exports:
        if stage in asked:
            continue
        own = [place for place, (of, _) in enumerate(exports) if of == stage]
        tokens = None
        if all(workers[place].told["inputs"] == ["text"] for place in own):
            tokens = tokens_of([exports[place][1] for place in own])
        asked[stage] = [] if tokens is None else [
            (number, *of_length(lines, tokens.read, number), tokens) for number in LENGTHS
        ]  # fmt: skip
    return [[_Length(*one) for one in asked[stage]] for stage, _ in exports]


class _Worker:
    """An export in a process of its own, see `tfkd.commands.engine_worker`."""

    def __init__(self, export: Placed, plugins: Sequence[str] = ()):
        self._export, self._plugins = export, plugins

    def __enter__(self) -> "_Worker":
        command = [sys.executable, "-m", "tfkd.commands.engine_worker", str(self._export.folder)]
        command += self._plugins
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        self.told = self._read()
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def ask(self, lines: Sequence[str]) -> dict[str, Any]:
        """`seconds` and `outputs` of some lines, and `peak_bytes` so far."""
        with suppress(BrokenPipeError):  # what it has said last tells why
            print(json.dumps(list(lines)), file=self._process.stdin, flush=True)
        return self._read()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        said = parse_json(line) if line else {"error": "its process has ended"}
        if "error" in said:
            place, error = str(self._export.folder), said["error"]
            raise UserError(error if error.startswith(place) else f"{place}: {error}")
        return said


def _beside(exports: Sequence[tuple[str, Placed]], stage: str) -> int:
    """The place of the export that a stage's others are held beside."""
    own = [place for place, (of, _) in enumerate(exports) if of == stage]
    saved = [place for place in own if exports[place][1].format == SAVED_MODEL]
    return (saved or own)[0]


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = f"{name} {metadata.version(name)}"
    return found


def _equal(ours: Sequence[str], theirs: Sequence[str]) -> float:
    return statistics.mean(a == b for a, b in zip(ours, theirs, strict=True))


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    order = sorted(milliseconds)
    at = {50: statistics.median(order), 95: order[min(len(order) - 1, round(0.95 * len(order)))]}
    return {f"milliseconds_{share}": value for share, value in at.items()}


def _table(rows: Sequence[Mapping[str, Any]], lines: int) -> str:
    lengths = list(dict.fromkeys(found["tokens"] for one in rows for found in one["lengths"]))
    head = [*_COLUMNS, *(f"p50, p95 of {number}" for number in lengths), *_MORE]
    cells = [head] + [
        [
            one_line(f"{one['stage']} {one['export']}"),
            f"{one['bytes'] / 2**20:.1f}",
            f"{one['load_seconds']:.2f}",
            f"{one['milliseconds_50']:.1f}",
            f"{one['milliseconds_95']:.1f}",
            *(_of_length(one, number) for number in lengths),
            f"{one['lines_a_second']:.1f}",
            f"{one['words_a_second']:,.0f}",
            f"{one['peak_bytes'] / 2**20:.0f}",
            f"{100 * one['equal']:.0f} %",
        ]
        for one in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    text = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    text.append(
        f"{lines} lines, text in and text out, and lines of so many tokens; equal: to the "
        "SavedModel's outputs."
    )
    return "\n".join(text)


def _of_length(row: Mapping[str, Any], tokens: int) -> str:
    for one in row["lengths"]:
        if one["tokens"] == tokens:
            return f"{one['milliseconds_50']:.1f}, {one['milliseconds_95']:.1f}"
    return ""
