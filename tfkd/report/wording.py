"""Numbers and names in words for people."""

import math
import re
from collections.abc import Mapping
from typing import Any

from tfkd.evaluation.results.form import chosen_context
from tfkd.evaluation.score import shown_difference
from tfkd.evaluation.tuned_decode import decode_as_asked
from tfkd.evaluation.verdicts.verdict import p_relation
from tfkd.spec.metrics import about

NOTHING = "–"
# Below comparisons whose p is an estimate.
P_ESTIMATED = (
    "p marked ≈: these results were kept before p was that of a two-sided test. It is estimated "
    "from the interval of the difference as if this were normal: "
    "p ≈ 2 (1 − Φ(3.92 |difference| / (high − low)))."
)
# A figure stays on the line of its unit: between them is a no-break space.
_UNIT = "\u00a0"
_NAMES = {"cpu": "CPU", "gpu": "GPU", "tensorflow": "TensorFlow"}
# Control characters, lone surrogates, and marks that turn the direction of the text after them:
# none of them is to be seen, and each can break or falsify a page.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def clean(value: Any) -> Any:
    """The same lists and mappings, unprintable characters of all texts made visible (U+FFFD)."""
    if isinstance(value, str):
        return _UNSEEN.sub("\ufffd", value.replace("\r\n", "\n"))
    if isinstance(value, dict):
        return {clean(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def is_number(value: Any) -> bool:
    """Whether this is a finite number (and no truth value)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any, decimals: int | None = None) -> str:
    """1234.5 -> 1,234.5; at most four significant digits behind the point unless told."""
    if not is_number(value):
        return NOTHING if value is None else str(value)
    if decimals is not None:
        return f"{value:,.{decimals}f}".replace("-", "−")
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "−")
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}".replace("-", "−")
    return f"{value:.2e}".replace("e-0", "e−").replace("e-", "e−").replace("e+0", "e")


def percent(value: Any, decimals: int = 1) -> str:
    """0.915 -> 91.5 %."""
    return f"{100 * value:.{decimals}f}{_UNIT}%" if is_number(value) else NOTHING


def metric_name(metric: str) -> str:
    """`chrf` -> chrF."""
    return about(metric).title


def metric_value(metric: str, value: Any, *, signed: bool = False) -> str:
    """A metric's value as papers print it, from 1,000 on in whole numbers; `signed` writes the sign
    of a difference."""
    if not is_number(value):
        return NOTHING
    value, decimals = _in_units(metric, value)
    text = f"{value:,.{decimals}f}" + (f"{_UNIT}%" if about(metric).percent and not signed else "")
    if signed and value >= 0:
        text = f"+{text}"
    return text.replace("-", "−")


def metric_difference(metric: str, value: Any, against: Any, delta: Any = None) -> str:
    """The difference of two values of a metric as it is shown: that of `metric_value`'s texts.

    Args:
        metric: Whose values they are.
        value, against: The system's and the other's.
        delta: What is known of the difference; shown by itself where it is not theirs, or where one
            of them is not known.
    """
    known = is_number(value) and is_number(against)
    if not known or (
        is_number(delta) and not math.isclose(value - against, delta, rel_tol=1e-6, abs_tol=1e-6)
    ):
        return metric_value(metric, delta, signed=True)
    (ours, decimals), (theirs, others) = _in_units(metric, value), _in_units(metric, against)
    found = shown_difference(ours, theirs, decimals, others)
    return f"{found:+,.{max(decimals, others)}f}".replace("-", "−")


def _in_units(metric: str, value: float) -> tuple[float, int]:
    """A value in the units that it is shown in, and how many decimals it is shown with."""
    known = about(metric)
    if known.percent:
        return 100 * value, known.decimals
    decimals = known.decimals
    return value, decimals if round(abs(value), decimals) < 1000 else 0


def p_value(value: Any, estimated: bool = False) -> str:
    """0.034 -> 0.034, 0.0004 -> < 0.001; marked ≈ where it is `estimated`."""
    return p_relation(value, estimated).removeprefix("= ") if is_number(value) else NOTHING


def duration(seconds: Any) -> str:
    """5025 -> 1 h 24 min."""
    if not is_number(seconds):
        return NOTHING
    if seconds < 60:
        text = f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    elif (minutes := round(seconds / 60)) < 10:
        text = f"{int(seconds) // 60} min {int(seconds) % 60} s"
    elif minutes < 60:
        text = f"{minutes} min"
    else:
        text = f"{minutes // 60} h {minutes % 60} min"
    return text.replace(" ", _UNIT)


def size(count: Any) -> str:
    """Bytes: 12345678 -> 12.3 MB."""
    if not is_number(count):
        return NOTHING
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            decimals = 0 if unit == "B" or value >= 100 else 1
            return f"{value:.{decimals}f}{_UNIT}{unit}"
        value /= 1000
    raise AssertionError


def moment(text: Any) -> str:
    """2026-01-02T03:04:05+00:00 -> 2 January 2026, 03:04 UTC."""
    from datetime import datetime

    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return str(text) if text else NOTHING
    zone = when.tzname() or ""
    return f"{when.day} {when:%B %Y, %H:%M} {zone}".strip()


def plain(value: Any) -> str:
    """A small value of any kind on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_number(value):
        text = number(value)
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value) or "none"
    return NOTHING if value is None or value == "" else str(value)


def words(name: str) -> str:
    """`soft_targets.kl` -> Soft targets: kl."""
    text = name.replace("_", " ").replace(".", ": ").replace("/", ": ")
    return _NAMES.get(text, text[:1].upper() + text[1:])


def search_of(entry: Mapping[str, Any], decode: Any = None) -> str:
    """How an evaluation's figures came about, as far as it was chosen: by its decoding (or this
    one), which continuations have no part in, and by the tokens before each of a text's. Of one
    that is chosen on validation: by what was tried, which is the same for all seeds."""
    decode = decode_as_asked(entry, decode)
    of_outputs = decode and not entry.get("continuations")
    return ", ".join(filter(None, (decoding(decode) if of_outputs else "", chosen_context(entry))))


def decoding(decode: Any) -> str:
    """How outputs were made: `{kind: beam, beam: 4}` -> beam 4."""
    if not isinstance(decode, dict):
        return plain(decode)
    rest = {key: value for key, value in decode.items() if key != "kind" and value is not None}
    # `beam` is the kind and its width; the width alone says both.
    kind = [] if decode.get("kind") in rest else [str(decode.get("kind", ""))]
    return ", ".join([*kind, *(f"{key.replace('_', ' ')} {plain(rest[key])}" for key in rest)])
