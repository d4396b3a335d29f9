"""Word perplexity: against NumPy in windows, under noise, and beside a unigram model."""

import re

import numpy as np
import pytest
from gpt2_line import DETOKENIZED, LINES, WORDS, evaluated, nats_in_windows, text_sequence
from noise_by_hand import put_noise

from tfkd import cli
from tfkd.models import save_published_gpt2
from tfkd.pipeline.inputs.models import trained_model

pytestmark = pytest.mark.untraced


def test_a_uniform_models_word_perplexity_is_its_vocabularys_power(gpt):
    """V^(pieces / words), the property of P4; and with the ends of lines, empty ones counted."""
    entry = evaluated(gpt, "flat")
    pieces, size = len(text_sequence(gpt, -1)), gpt.tokenizer.size
    assert list(entry["metrics"]) == ["word_perplexity", "word_perplexity_with_line_ends"]
    for words, name in ((WORDS, "word_perplexity"), (WORDS + LINES, list(entry["metrics"])[1])):
        figure = entry["metrics"][name]
        np.testing.assert_allclose(figure["value"], size ** (pieces / words), rtol=1e-4)
        assert f"tokens:{words}" in figure["signature"]
        assert figure["low"] <= figure["value"] <= figure["high"]


@pytest.mark.parametrize("of", ["same", "gpt"])
def test_word_perplexity_is_that_of_numpy_in_windows(gpt, of):
    """Of a trained model with the end after each line, as it read them, in windows as long as its
    blocks; of a published one as it is, with line breaks, in windows of all its positions."""
    newline = int(gpt.tokenizer.encode(["\n"]).values[0])
    after = newline if of == "gpt" else gpt.tokenizer.end_id
    total = nats_in_windows(gpt, gpt.folder / "gpt2", after, 48 if of == "gpt" else 40)
    entry = evaluated(gpt, of)
    assert entry["context"] == 20
    assert "context" not in evaluated(gpt, "distil")
    np.testing.assert_allclose(
        entry["metrics"]["word_perplexity"]["value"], np.exp(total / WORDS), rtol=1e-3
    )
    if of == "same":
        assert set(entry["against"]["metrics"]) == set(entry["metrics"])
        assert entry["against"]["metrics"]["word_perplexity"]["value"] > 0
    else:
        assert entry["metrics"]["loss"]["value"] > 0
        assert entry["seed"] is None


@pytest.mark.parametrize("of", ["same", "gpt"])
def test_a_unigram_model_reads_the_same_stream(gpt, of):
    """Of a trained model by the frequencies of its packed training, of a published one by those of
    the test set, here of its lines by themselves."""
    end, size = gpt.tokenizer.end_id, gpt.tokenizer.size
    newline = int(gpt.tokenizer.encode(["\n"]).values[0])
    lines = gpt.texts["text"] if of == "same" else DETOKENIZED
    counted = [t for line in lines for t in [*gpt.tokenizer.encode([line]).values, end]]
    counts = np.bincount(counted, minlength=size) + 1
    sequence = text_sequence(gpt, end if of == "same" else newline)
    nats = -np.log(counts[sequence] / counts.sum()).sum()
    (trivial,) = evaluated(gpt, of)["trivial"]
    assert trivial["kind"] == "unigram"
    assert trivial["frequencies"] == ("training" if of == "same" else "test")
    found = trivial["metrics"]["word_perplexity"]
    assert found["value"] == pytest.approx(np.exp(nats / WORDS))
    system = evaluated(gpt, of)["metrics"]["word_perplexity"]["value"]
    assert found["delta"] == pytest.approx(system - found["value"])


def test_language_models_are_compared_by_their_words(gpt, capsys):
    """The run beside itself: the trained model is no better than itself, and better than the
    uniform one, by as much as results.json says."""
    run_folder = str(gpt.folder / "runs" / "gpt")
    assert cli.main(["compare", run_folder, run_folder]) == cli.DONE
    lines = capsys.readouterr().out.splitlines()
    alone = [line for line in lines if line.startswith("counted word_perplexity (same and same)")]
    assert "difference +0.00" in alone[0]
    (line,) = [one for one in lines if one.startswith("counted word_perplexity (same and flat)")]
    against = evaluated(gpt, "same")["against"]["metrics"]["word_perplexity"]
    # The difference is that of the two scores as they are shown.
    shown = float(re.search(r"difference ([^,]+),", line)[1])
    assert shown == pytest.approx(against["delta"], abs=0.0101)
    low, high = re.search(r"interval (\S+) to ([^\s,]+)", line).groups()
    assert (f"same of {run_folder} is better" in line) == (float(high) < 0)
    assert (f"flat of {run_folder} is better" in line) == (float(low) > 0)


def test_word_perplexity_under_noise_is_that_of_the_perturbed_model(gpt, tmp_path):
    """Figure 2 (c) and (d); NumPy reads the weights that noise was put on by hand."""
    entry = evaluated(gpt, "same")
    noise = entry["noise"]["metrics"]
    names = ["word_perplexity", "word_perplexity_with_line_ends"]
    assert list(noise) == names
    for name, words in zip(names, (WORDS, WORDS + LINES), strict=True):
        assert noise[name][0]["values"] == [pytest.approx(entry["metrics"][name]["value"])]
        for draw, found in enumerate(noise[name][1]["values"]):
            model = trained_model(gpt.node("same"), gpt.context)
            put_noise(model, 0.4, draw)
            folder = tmp_path / f"{name}-{draw}"
            save_published_gpt2(model, folder)
            total = nats_in_windows(gpt, folder, gpt.tokenizer.end_id, 40)
            assert found == pytest.approx(np.exp(total / words), rel=2e-3)
            assert found != pytest.approx(noise[name][0]["mean"], rel=0.01)


def test_noise_leaves_a_model_of_zeros_as_it_is(gpt):
    """Where a tensor's mean is 0, so is its noise: the uniform model stays uniform."""
    noise = evaluated(gpt, "same")["against"]["noise"]["metrics"]["word_perplexity"]
    pieces = len(text_sequence(gpt, gpt.tokenizer.end_id))
    expected = gpt.tokenizer.size ** (pieces / WORDS)
    for point in noise:
        assert point["values"] == pytest.approx([expected] * len(point["values"]), rel=1e-3)
