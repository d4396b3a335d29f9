"""What is told of outputs and guesses, on made-up cases, and of sound ones nothing."""

import numpy as np
import pytest

from tfkd.evaluation import guess_faults, in_words, not_better, output_faults
from tfkd.evaluation.verdicts.outputs import repeats

ROWS = 40
SOURCES = [f"der mann {number} läuft" for number in range(ROWS)]
REFERENCES = [f"man {number} is running" for number in range(ROWS)]
SOUND = [f"the man {number} runs" for number in range(ROWS)]


def faults(outputs, sources=SOURCES, references=REFERENCES, **more):
    return output_faults(outputs, sources, references, **more)


def test_sound_outputs_have_no_faults():
    assert faults(SOUND, cut=lambda: np.arange(ROWS) < 1) == {}
    assert faults(["", *SOUND[1:]]) == {}  # fewer than 5 %
    assert faults(SOUND, references=["ja"] * ROWS) == {}


def test_outputs_that_are_all_empty_or_some():
    message = faults([" "] * ROWS)
    assert set(message) == {"nothing"}
    assert "all 40 outputs are empty" in message["nothing"]
    some = faults([*[""] * 2, *SOUND[2:]])
    assert set(some) == {"empty"}
    assert "2 of 40 (5.0 %)" in some["empty"]
    # A row without a source has no output, and one without a reference needs none.
    assert faults([*[""] * 9, *SOUND[9:]], sources=[*[""] * 9, *SOURCES[9:]]) == {}
    assert faults([*[""] * 9, *SOUND[9:]], references=[*[""] * 9, *REFERENCES[9:]]) == {}
    assert faults([""] * ROWS, sources=[""] * ROWS) == {}


def test_one_output_for_most_sources():
    alike = ["a man ."] * 20 + SOUND[20:]
    assert "one output, 'a man .', stands for 20 of 40 (50.0 %)" in faults(alike)["equal"]
    assert faults(["a man ."] * 19 + SOUND[19:]) == {}
    # Equal sources have equal outputs, and some tasks have few answers.
    assert faults(alike, sources=["x"] * 20 + SOURCES[20:]) == {}
    answers = ["yes", "no"] * 20
    assert faults(answers, references=answers[::-1]) == {}
    assert "'yes'" in faults(["yes"] * ROWS, references=answers)["equal"]
    assert faults(["a"] * 9, sources=SOURCES[:9], references=REFERENCES[:9]) == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a dog dog dog dog dog dog dog dog", True),
        ("a man in a man in a man in a man in", True),
        ("两只狗狗狗狗狗狗狗狗狗", True),
        ("a very very good dog", False),
        ("a dog dog dog dog .", False),
        ("no . . . . . . . . .", False),
        ("and so on ------------", False),
        ("one two three four five six seven eight nine ten", False),
        ("", False),
    ],
)
def test_what_repeats_to_the_end(line, expected):
    assert repeats(line) == expected


def test_outputs_that_do_not_end():
    endless = "a man runs runs runs runs runs runs runs runs"
    found = faults([*[endless] * 2, *SOUND[2:]])
    assert set(found) == {"repeating"}
    assert "2 of 40 (5.0 %)" in found["repeating"]
    assert "runs runs" in found["repeating"]
    assert faults([endless, *SOUND[1:]]) == {}
    assert faults([endless] * 2 + SOUND[2:], references=[endless] * 2 + REFERENCES[2:]) == {}
    # Of a continuation that is no news.
    assert faults([*[endless] * 2, *SOUND[2:]], open_ended=True) == {}
    cut = faults(SOUND, cut=lambda: np.arange(ROWS) < 3)
    assert set(cut) == {"cut"}
    assert "3 of 40 (7.5 %)" in cut["cut"]


def test_guesses_of_one_class():
    labels = ["neg", "pos"] * 10
    assert guess_faults(["neg", *["pos"] * 19], labels, 2) == {}
    assert guess_faults(["pos"] * 20, ["pos"] * 20, 2) == {}
    message = guess_faults(["pos"] * 20, labels, 2)["one class"]
    assert "all 20 rows are guessed to be 'pos', one of 2 classes" in message


def trivial(kind, metrics, **said):
    names = ("value", "delta", "low", "high")
    found = {name: dict(zip(names, numbers, strict=True)) for name, numbers in metrics.items()}
    return {"kind": kind, "metrics": found, **said}


def test_a_system_that_is_clearly_better_than_its_trivial_systems_passes():
    copied = trivial("copy", {"bleu": (3.5, 20.0, 18.0, 22.0), "chrf": (17.0, 20.0, 1.0, 22.0)})
    counted = trivial("unigram", {"loss": (5.5, -3.0, -3.1, -2.9)}, frequencies="training")
    assert not_better([copied, counted]) is None
    assert not_better([]) is None


def test_a_system_that_is_no_better_is_named_with_the_figures():
    guessed = trivial(
        "majority", {"accuracy": (0.5092, -0.0100, -0.043, 0.021), "f1": (0.0, 0.5, 0.4, 0.6)},
        frequencies="training", guess="pos",
    )  # fmt: skip
    message = not_better([guessed])
    assert message.startswith(
        "not clearly better than the most frequent class of training (pos) by"
    )
    assert "accuracy (49.92 % against 50.92 %: −1.00, 95 % interval −4.30 to +2.10)" in message
    assert "f1" not in message
    assert "train it longer" in message
    copied = trivial("copy", {"bleu": (3.5, 1.0, -0.1, 2.0), "chrf": (17.0, -4.0, -5.0, -3.0)})
    empty = trivial("empty", {"bleu": (0.0, 4.5, 4.0, 5.0)})
    counted = trivial("unigram", {"perplexity": (262.8, 9.0, 8.0, 10.0)}, frequencies="test")
    message = not_better([copied, empty, counted])
    assert "copying the source by bleu (4.50 against 3.50: +1.00" in message
    assert "), chrf; nor than a unigram model of the test set by perplexity" in message
    assert "empty" not in message


def test_each_kind_has_words():
    assert in_words({"kind": "empty"}) == "an empty output"
    assert in_words({"kind": "of a plugin"}) == "of a plugin"
