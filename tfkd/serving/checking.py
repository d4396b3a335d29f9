"""Holds a SavedModel, run in a fresh process, against uncached decoding in NumPy of the model."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfkd.data.ragged import Ragged
from tfkd.decoding.decoder import source_limit
from tfkd.decoding.numpy_decoding import NumpyOutput
from tfkd.decoding.search import Search
from tfkd.outside.regular_files import named
from tfkd.serving.check_result import CheckResult, read_alike
from tfkd.serving.graphs.uncached import uncached_pairs

# Scores of float32 in two orders of summation; ties are closer than that, relative to the score.
TOLERANCE = 1e-3
TIE = 1e-5


@dataclass(frozen=True)
class Difference:
    """A sentence that the SavedModel and the model answer differently."""

    sentence: str
    reason: str
    served: str
    served_score: float
    expected: str
    expected_score: float

    def __str__(self) -> str:
        return (
            f"{self.sentence!r}: {self.reason}\n"
            f"  SavedModel: {self.served!r} (score {self.served_score:.5f})\n"
            f"  model:      {self.expected!r} (score {self.expected_score:.5f})"
        )


def run_fresh(folder: str | Path, request: dict[str, Any], timeout: float = 600) -> dict[str, Any]:
    """Runs `tfkd.serving.check` on a SavedModel in a process of its own, which also takes the time
    of one line.

    Raises:
        RuntimeError: it could not load or run the model in time; the message has what it said.
        ChildProcessError: somebody ended it, which says nothing of the model.
    """
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch) / "request.json", Path(scratch) / "result.json"
        with named(asked):
            asked.write_text(json.dumps({**request, "latency": True}), "utf-8")
        command = [sys.executable, "-m", "tfkd.serving.check", str(folder), asked, answered]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"the SavedModel did not answer in {timeout:.0f} s in a process of its own"
            ) from error
        if done.returncode < 0:
            raise ChildProcessError(
                f"the process that checks the SavedModel was ended by "
                f"{signal.Signals(-done.returncode).name}, for example for want of memory"
            )
        if done.returncode != 0:
            last = "\n".join(done.stderr.strip().splitlines()[-5:])
            raise RuntimeError(
                f"the SavedModel does not load or run in a process with tensorflow and "
                f"tensorflow_text alone (exit code {done.returncode}):\n{last}"
            )
        return json.loads(answered.read_text("utf-8"))


def self_check(
    folder: str | Path,
    sentences: Sequence[str],
    model: Any,
    source_tokenizer: Any,
    target_tokenizer: Any,
    search: Search,
) -> CheckResult:
    """Compares a SavedModel with the model that it was made from.

    Both signatures answer in a fresh process. Here the same sentences are decoded by NumPy code
    without a cache, one sentence at a time, and read by the tokenizer's `encode`. Scores
    must agree to 1e-3 and outputs must be equal. Where outputs differ, the served one is scored by
    the model, and passes if that confirms its score and it is a tie (see `is_tie`).

    Args:
        folder: The version folder.
        sentences: Real sentences.
        model: The float32 model.
        source_tokenizer: The source's: `encode`, and `in_graph()` that may differ from it.
        target_tokenizer: And of the target.
        search: Any that has a `numpy` (see `tfkd.decoding.Search`).
    """
    sentences, rows, otherwise = read_alike(source_tokenizer, sentences)
    if not sentences:
        return CheckResult(0, 0, 0.0, otherwise)
    sources = [rows.row(i).tolist()[: source_limit(model)] for i in range(len(rows))]
    request = {
        "text": sentences,
        "source_ids": sources,
        "pad_id": int(source_tokenizer.pad_id),
        "options": search.serving_options(),
    }
    served = run_fresh(folder, request)
    limits = search.max_length.lengths([len(row) for row in sources], source_limit(model)).numpy()
    read = uncached_pairs(model, target_tokenizer, int(source_tokenizer.end_id))
    ties, largest, differences = 0, 0.0, []
    for i, sentence in enumerate(sentences):
        expected = search.numpy(read(sources[i]), int(limits[i]))
        reason, tie, gap = _compare(i, served, expected, target_tokenizer)
        largest, ties = max(largest, gap), ties + tie
        if reason:
            differences.append(
                Difference(
                    sentence,
                    reason,
                    served["outputs"][i],
                    served["scores"][i],
                    _text(target_tokenizer, expected.ids),
                    expected.score,
                )
            )
    shown = next((i for i, line in enumerate(sentences) if line), 0)
    return CheckResult(
        len(sentences), ties, largest, otherwise, differences, served.get("latency"),
        {
            "text": sentences[shown],
            "outputs": served["outputs"][shown],
            "scores": served["scores"][shown],
        },
    )  # fmt: skip


def _compare(
    i: int, served: dict[str, Any], expected: NumpyOutput, tokenizer: Any
) -> tuple[str, bool, float]:
    """Returns (what is wrong or "", whether it is a tie, difference of scores)."""
    text, score, ids = served["outputs"][i], served["scores"][i], served["output_ids"][i]
    scale = max(1.0, abs(expected.score))
    if _text(tokenizer, ids) != text:
        return f"its signature ids gives {_text(tokenizer, ids)!r}", False, 0.0
    if abs(served["id_scores"][i] - score) > TIE * scale:
        return f"its signature ids gives the score {served['id_scores'][i]:.5f}", False, 0.0
    if "with_options" in served:
        chosen_text, chosen_score = served["with_options"][i]
        differs = chosen_text != text or abs(chosen_score - score) > TIE * scale
        # Place by place a caller's options choose as the export's own do, tie or not.
        if differs and (expected.allows or expected.margin > TIE * scale):
            return f"its signature with_options gives {chosen_text!r}", False, 0.0
    if i < len(served["alone"]):
        alone_text, alone_score = served["alone"][i]
        if alone_text != text and abs(alone_score - score) > TIE * scale:
            return f"alone it gives {alone_text!r}", False, abs(alone_score - score)
    if tuple(ids) == expected.ids:
        gap = abs(score - expected.score)
        far = "the same output has another score" if gap > TOLERANCE * scale else ""
        return far, False, gap
    own = expected.score_of(ids) if expected.score_of else None
    gap = 0.0 if own is None else abs(own - score)
    if gap > TOLERANCE * scale:
        return f"the model scores the served output {own:.5f}", False, gap
    tie = is_tie(expected, ids, own)
    return "" if tie else "another output, and no tie", tie, gap


def is_tie(expected: NumpyOutput, ids: Sequence[int], own: float | None) -> bool:
    """Whether rounding may have found another output than the expected one.

    Where a search decides place by place, each token must be its choice behind those before it, but
    for a rounding of 1e-4 at that place alone: a tie excuses one token, not the rest. Else the two
    scores, or the closest decision on the way, must be within 1e-5, relative to a score below -1.

    Args:
        expected: What decoding in NumPy finds.
        ids: The other output.
        own: The other output's score; None where it is that of a way of deciding, of which rounding
            has taken another.
    """
    if expected.allows:
        return expected.allows(ids)
    apart = [expected.margin] if own is None else [expected.margin, abs(own - expected.score)]
    return min(apart) <= TIE * max(1.0, abs(expected.score))


def _text(tokenizer: Any, ids: Sequence[int]) -> str:
    return tokenizer.decode_batch(Ragged.from_rows([ids]))[0]
