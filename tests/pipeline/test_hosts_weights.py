"""Several hosts, here processes on loopback, come to the weights of one.

In the long ring by fifty steps of a BERT and of a Transformer, of every kind of term that a spec
knows.
"""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from host_processes import overrides
from safetensors.numpy import load_file
from small_line import arguments, stage_folders, write_line

from tfkd import cli, load_spec
from tfkd.spec import registry

# Without dropout any number of replicas comes to the same weights. A bias of attention keys has a
# gradient of 0 but for rounding, which Adam would blow up to whole steps unless epsilon is above.
# A unit of ReLU that is 0 but for rounding has a gradient on one side and none on the other: GELU.
ALIKE = [
    "student.activation=gelu",
    "student.dropout=0",
    "teacher.dropout=0",
    "stages.teach.optimizer={kind: adam, epsilon: 1e-4}",
    "stages.learn.optimizer={kind: adam, epsilon: 1e-4}",
]
# Targets are stored in float16: of two teachers that differ in their last digit one may store
# another last digit, which the student's epsilon is to be above. Soft targets whose sum is divided
# by rows are of the others' size by their small weight.
EVERY_TERM = [
    *ALIKE[:-1],
    "stages.learn.optimizer={kind: adam, epsilon: 1e-3}",
    "views.mlm={kind: mlm, p: 0.15, max_length: 160}",
    "views.prefix={kind: prefix_lm, max_length: 160}",
    "student.lengths=70",
    "stages.teach.objective={masked_lm: {view: cmlm, divide_by: target_tokens},"
    " whole: {kind: masked_lm, view: mlm, weight: 0.5, label_smoothing: 0.1, smoothing: fairseq},"
    " causal_lm: {view: prefix, weight: 0.3, divide_by: tokens}}",
    "stages.learn.objective={cross_entropy: {weight: 0.5, label_smoothing: 0.1},"
    " soft_targets: {weight: 0.4, temperature: 2, teacher: targets},"
    " hinton: {kind: soft_targets, weight: 0.01, temperature: 3, form: hinton, rest: bucket,"
    " teacher: targets, divide_by: rows},"
    " length: {weight: 0.1, divide_by: target_tokens},"
    " mask: {kind: soft_targets, weight: 0.3, view: mlm, teacher: teach},"
    " states: {kind: hidden_states, weight: 0.05, layers: mix, teacher: teach}}",
    "stages.learn.gradients={gated: {main: [cross_entropy, soft_targets, hinton, length],"
    " auxiliary: [mask, states]}}",
    "stages.teach.steps=50",
    "stages.learn.steps=50",
    "stages.learn.log_every=25",
    "stages.learn.validate.every=25",
]
# Beside one host that trains without them; `per_device` changes how rows are cut into batches, and
# so stands on both.
WAYS = {
    "plain": [],
    "several_steps_a_call": ["runtime.steps_per_execution=3"],
    "xla": ["runtime.jit_compile=true"],
}
ACCUMULATED = ["stages.teach.batch.per_device=200", "stages.learn.batch.per_device=130"]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hosts")
    return SimpleNamespace(spec=write_line(folder), folder=folder, alone={})


def trained(runs):
    """The weights of all training stages by folder."""
    return {
        folder.name: load_file(folder / "weights.safetensors")
        for folder in stage_folders(runs, "train")
    }


def alone(small, *values):
    """What one host trains, once for all tests."""
    if values not in small.alone:
        runs = small.folder / f"alone-{len(small.alone)}"
        words = arguments(small.spec, runs, *overrides(*values), "--until", "learn")
        assert cli.main(words) == cli.DONE
        small.alone[values] = trained(runs)
        assert len(small.alone[values]) == 2
    return small.alone[values]


def together(small, hosts, runs, number, *words):
    """Some hosts' processes, once they have trained."""
    words = arguments(small.spec, runs, *words)
    processes = hosts(*[words] * number)
    assert [process.end(1800) for process in processes] == [cli.DONE] * number, [
        process.text for process in processes
    ]
    return processes


def assert_same(one, several):
    assert set(one) <= set(several)
    for folder, arrays in one.items():
        for name, array in arrays.items():
            np.testing.assert_allclose(several[folder][name], array, atol=1e-5, err_msg=name)


@pytest.mark.long
def test_two_hosts_come_to_the_weights_of_one_and_the_chief_does_the_rest(small, hosts, tmp_path):
    processes = together(small, hosts, tmp_path, 2, *overrides(*ALIKE))
    assert_same(alone(small, *ALIKE), trained(tmp_path))
    results = json.loads((tmp_path / "small" / "results.json").read_text("utf-8"))
    assert results["exports"]
    # The others say that they are there, and leave the rest to the chief.
    assert all(line.startswith("host 1 of") for line in processes[1].lines)
    assert not list(tmp_path.glob("stages/.hosts*"))


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [2, 3], ids=["two_hosts", "three_hosts"])
def test_hosts_come_to_the_weights_of_one(small, hosts, tmp_path, number, way):
    words = overrides(*EVERY_TERM, *WAYS[way])
    together(small, hosts, tmp_path, number, *words, "--until", "learn")
    assert_same(alone(small, *EVERY_TERM), trained(tmp_path))


@pytest.mark.long
@pytest.mark.parametrize("number", [2, 3], ids=["two_hosts", "three_hosts"])
def test_hosts_that_accumulate_come_to_the_weights_of_one(small, hosts, tmp_path, number):
    values = [*EVERY_TERM, *ACCUMULATED]
    together(small, hosts, tmp_path, number, *overrides(*values), "--until", "learn")
    assert_same(alone(small, *values), trained(tmp_path))


def test_every_kind_of_term_is_trained(small):
    stages = load_spec(small.spec, overrides=EVERY_TERM).stages
    kinds = {term.kind for name in ("teach", "learn") for term in stages[name].objective.values()}
    # Attention is guided in Transformers, and the student is an RNN.
    assert kinds | {"guided_attention"} == {
        name
        for name in registry.names("objective")
        if registry.lookup("objective", name).target.startswith("tfkd.")
    }
