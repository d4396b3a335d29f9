"""Tables of how far published checkpoints are from transformers."""

from typing import Any

from tfkd.report.markdown.tables import one_line, table

_WAYS = ("padded rows", "pairs", "packed rows")


def differences(made: dict[str, Any]) -> str:
    """What `--json` of `tools/published_differences` wrote: logits, then ids."""
    logits = [
        [row["title"], f"`{row['head']}`", *(_small(row.get(way)) for way in _WAYS)]
        for row in made["logits"]
    ]
    ids = [
        [row["title"] + (f", {row['side']}" if row["side"] else ""), f"`{row['kind']}`",
         f"{row['lines']:,}", f"{row['different']:,}", row["left_out"]]
        for row in made["ids"]
    ]  # fmt: skip
    versions = ", ".join(f"{name} {one}" for name, one in made["versions"].items())
    return "\n\n".join(
        [
            f"`{one_line(made['command'])}` ({one_line(versions)}): the largest difference of a "
            "logit, in float32:",
            table(["architecture", "written as", *_WAYS], logits, left=2),
            "Lines whose ids differ:",
            table(["tokenizer of", "kind", "lines", "different", "left out: lines with"], ids,
                  left=2),
        ]
    )  # fmt: skip


def _small(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
