"""Tables of what the benchmarks under tools/ measured."""

from typing import Any

from tfkd.report.markdown.tables import one_line, table
from tfkd.report.wording import number, percent, plain


def speed(made: dict[str, Any]) -> str:
    """What `--json` of a benchmark under `tools/` wrote, or `tfkd bench --engine --output`."""
    first = made["rows"][0]
    if "export" in first:
        return _exports(made)
    if "engine" in first:
        return _engines(made)
    if "kernels_a_token" in first:
        return _profile(made)
    if "family" in first:
        return _families(made)
    if "source_tokens" in first:
        return _decoding(made)
    if "rows_a_processor_second" in first:
        return _filters(made)
    if "workers" in first:
        return _workers(made)
    if "mebibytes" in first:
        return _time_and_memory(made)
    if "milliseconds" in first:
        return _step_times(made)
    rows = [
        [f"`{row['name']}`", f"{row['tokens_per_second']:,.0f}", _ratio(row["ratio"]),
         percent(row["share_of_peak"]), _ratio(row["soft_over_plain"], 3)]
        for row in made["rows"]
    ]  # fmt: skip
    head = ["step", "tokens/s", "times PyTorch float32", "of peak", "distilled / plain"]
    return _measured(made, table(head, rows, left=1), _peak(made))


def _peak(made: dict[str, Any]) -> str:
    peaks = ", ".join(f"{name} {value / 1e9:,.0f} GFLOP/s" for name, value in made["peak"].items())
    return f"peak of matrix products {peaks}"


def _step_times(made: dict[str, Any]) -> str:
    """Milliseconds of training steps, and their ratios to a plain one."""
    rows = [
        [row["name"], f"{row['milliseconds']:,.0f}", _ratio(row["ratio"])] for row in made["rows"]
    ]
    return _measured(made, table(["step", "ms", "times plain"], rows, left=1))


def _time_and_memory(made: dict[str, Any]) -> str:
    """Milliseconds and memory of training steps, and their shares of the first row's."""
    rows = [
        [row["name"], number(row["trained"]), f"{row['milliseconds']:,.0f}",
         percent(row["ratio"]), f"{row['mebibytes']:,.0f}", percent(row["memory_ratio"])]
        for row in made["rows"]
    ]  # fmt: skip
    first = made["rows"][0]["name"]
    head = ["trained", "parameters", "ms a step", f"of {first}", "MiB", f"of {first}"]
    return _measured(made, table(head, rows, left=1))


def _workers(made: dict[str, Any]) -> str:
    """Seconds of stages in one process and on a cluster's workers."""
    rows = []
    for row in made["rows"]:
        cells = [str(row["workers"] or "one process"), f"`{row['stage']}`"]
        if row["workers"]:
            cells += [
                number(row["shards"]), f"{row['seconds']:.1f}", f"{row['shards_seconds']:.1f}",
                percent(row["at_work"]), f"{row['shard_overhead_seconds']:.2f}",
                f"{row['ray_start_seconds']:.1f}",
            ]  # fmt: skip
        else:
            cells += ["", f"{row['seconds']:.1f}", *[""] * 4]
        rows.append([*cells, f"{row['command_seconds']:.1f}"])
    head = ["workers", "stage", "shards", "s", "s of the shards", "at work", "s more a shard"]
    return _measured(made, table([*head, "s of Ray's start", "s of the command"], rows, left=2))


def _filters(made: dict[str, Any]) -> str:
    """Rows that a filter stage judges in a second of the processor's time, and its memory."""
    rows = [
        [number(row["rows_read"]), number(row["rows_kept"]),
         f"{row['rows_a_processor_second']:,.0f}", f"{row['memory_mebibytes']:,.0f}"]
        for row in made["rows"]
    ]  # fmt: skip
    head = ["rows", "kept", "rows a processor second", "MiB of memory"]
    return _measured(made, table(head, rows, left=0))


def _decoding(made: dict[str, Any]) -> str:
    """Milliseconds of a sentence by model and length, and where they go."""
    lengths = list(dict.fromkeys(row["source_tokens"] for row in made["rows"]))
    names = list(dict.fromkeys(row["name"] for row in made["rows"]))
    found = {(row["name"], row["source_tokens"]): row for row in made["rows"]}
    head = ["model", "parameters"]
    for length in lengths:
        head += [f"{length} tokens, ms", "times as fast"]
    rows, parts = [], []
    for name in names:
        cells = [name, number(found[name, lengths[0]]["parameters"])]
        for length in lengths:
            row = found[name, length]
            cells += [f"{row['milliseconds']:,.0f}", _ratio(row["times_as_fast"])]
            parts += [
                [name, str(length), what, f"{one:.1f}", *_share(row, what)]
                for what, one in row["parts"].items()
            ]
        rows.append(cells)
    shares = ["of peak"] if "shares_of_peak" in made["rows"][0] else []
    spent = table(["model", "tokens", "part, run alone", "ms", *shares], parts, left=1)
    told = [_peak(made)] if shares else []
    return _measured(made, "\n\n".join([table(head, rows, left=1), spent]), *told)


def _share(row: dict[str, Any], part: str) -> list[str]:
    """A part's share of the peak, where that was measured."""
    return [percent(row["shares_of_peak"][part], 0)] if "shares_of_peak" in row else []


def _engines(made: dict[str, Any]) -> str:
    """Sizes, latencies, lines a second and memory of one model in several engines, by its size: of
    the processor's time, and in brackets by the clock."""
    lengths = [one["tokens"] for one in made["rows"][0]["lengths"]]
    head = ["size", "parameters", "engine", "MiB", "s to load"]
    head += [f"{length} tokens, ms" for length in lengths]
    many = f"lines/s of {made['settings']['together']}"
    head += ["times as fast", many, "times as many", "MiB of memory", "equal"]
    rows = [
        [
            row["size"], number(row["parameters"]), row["engine"],
            f"{row['bytes'] / 2**20:,.1f}", f"{row['load_seconds']:.1f}",
            *(
                f"{_milliseconds(one['processor_milliseconds'])} "
                f"({_milliseconds(one['milliseconds_50'])}, "
                f"{_milliseconds(one['milliseconds_95'])})"
                for one in row["lengths"]
            ),
            _ratio(row["times_as_fast"]),
            f"{row['lines_a_processor_second']:,.1f} ({row['lines_a_second']:,.1f})",
            _ratio(row["times_as_many_lines"]), f"{row['peak_bytes'] / 2**20:,.0f}",
            percent(row["equal"], 0),
        ]
        for row in made["rows"]
    ]  # fmt: skip
    return _measured(made, table(head, rows, left=3))


def _exports(made: dict[str, Any]) -> str:
    """A run's exports side by side: sizes, latencies, lines and words a second, memory."""
    tokens = list(dict.fromkeys(one["tokens"] for row in made["rows"] for one in row["lengths"]))
    head = ["stage", "export", "MiB", *(f"{length} tokens, ms" for length in tokens)]
    head += [f"lines/s of {made['settings']['together']}", "words/s", "MiB of memory", "equal"]
    rows = []
    for row in made["rows"]:
        of = {one["tokens"]: _milliseconds(one["milliseconds_50"]) for one in row["lengths"]}
        rows.append(
            [f"`{row['stage']}`", row["export"], f"{row['bytes'] / 2**20:,.1f}",
             *(of.get(length, "") for length in tokens), f"{row['lines_a_second']:,.1f}",
             f"{row['words_a_second']:,.0f}", f"{row['peak_bytes'] / 2**20:,.0f}",
             percent(row["equal"], 0)]
        )  # fmt: skip
    return _measured(made, table(head, rows, left=2))


def _profile(made: dict[str, Any]) -> str:
    """Microseconds a token by kind of kernel, and outside of kernels, and their shares."""
    kinds = list(made["rows"][0]["microseconds_a_token"])
    head = ["size", "ms", "ms, traced", "kernels a token", *kinds]
    rows = []
    for row in made["rows"]:
        spent = row["microseconds_a_token"]
        whole = sum(spent.values())
        rows.append(
            [row["size"], _milliseconds(row["milliseconds"]),
             _milliseconds(row["milliseconds_traced"]), f"{row['kernels_a_token']:,.0f}",
             *(f"{one:,.0f} µs, {percent(one / whole, 0)}" for one in spent.values())]
        )  # fmt: skip
    return _measured(made, table(head, rows, left=1))


def _families(made: dict[str, Any]) -> str:
    """Sizes and latencies of teachers and students by family, and where the time goes."""
    rows, parts = [], []
    for row in made["rows"]:
        name = [row["family"], row["work"], row["role"]]
        between = f"{_ratio(row['times_as_fast_low'])} to {_ratio(row['times_as_fast_high'])}"
        rows.append(
            [*name, number(row["parameters"]), f"{row['bytes'] / 2**20:,.0f}",
             _milliseconds(row["milliseconds"]), _ratio(row["times_as_fast"]), between,
             _ratio(row["published"])]
        )  # fmt: skip
        parts += [[*name, what, _milliseconds(one)] for what, one in row["parts"].items()]
    head = [
        "family",
        "work",
        "model",
        "parameters",
        "MiB",
        "ms",
        "times as fast",
        "rounds",
        "paper",
    ]
    spent = table(["family", "work", "model", "part, run alone", "ms"], parts, left=4)
    return _measured(made, "\n\n".join([table(head, rows, left=3), spent]))


def _measured(made: dict[str, Any], tables: str, *more: str) -> str:
    """Tables below the command, the settings and the machine that they were measured with."""
    versions = ", ".join(made["versions"].values())
    said = "; ".join(
        map(one_line, [plain(made["settings"]), plain(made["machine"]), versions, *more])
    )
    return f"`{one_line(made['command'])}` ({said}):\n\n{tables}"


def _milliseconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _ratio(value: float | None, places: int = 2) -> str:
    return "" if value is None else f"{value:.{places}f}"
