"""Trainings that do not wait for each other: at the same time, each once, after what it needs."""

import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.pipeline.cluster.trainings import Trainings
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.in_turn import in_turn
from tfkd.training.interruption import Interrupted


def graph(parents, trainings):
    """Nodes that need earlier ones, some of them trainings."""
    nodes = []
    for number, earlier in enumerate(parents):
        inputs = {str(one): nodes[one] for one in sorted(earlier)}
        nodes.append(
            SimpleNamespace(key=str(number), label=f"stage {number}", inputs=inputs,
                            training=number in trainings)
        )  # fmt: skip
    return nodes


@st.composite
def graphs(draw):
    number = draw(st.integers(1, 12))
    parents = [draw(st.sets(st.integers(0, max(at - 1, 0)), max_size=3)) for at in range(number)]
    parents[0] = set()
    return graph(parents, draw(st.sets(st.integers(0, number - 1))))


def run(nodes, size, order, own=None):
    """What is made, in the order in which it ends; how many trainings were at work at most."""
    ended, most = [], []

    def make(node):
        assert all(child.key in ended for child in node.inputs.values())
        ended.append(node.key)

    def side_by_side(ready, done):
        running = []
        while True:
            running += [one for one in ready() if one not in running][: size - len(running)]
            if not running:
                return
            most.append(len(running))
            one = running.pop(order(len(running)))
            make(one)
            done(one)

    def trains(node):
        return node.training and node.key not in ended

    def room():
        asked.append(size)
        return size > 1

    asked, told, whole = [], [], {node.key for node in nodes}
    in_turn(nodes, make, trains, room, side_by_side, lambda one: told.append(one.key), own or whole)
    # Nothing is joined for one training.
    assert len(asked) <= (sum(node.training for node in nodes) > 1)
    assert set(told) <= {node.key for node in nodes if node.training}
    return ended, max(most, default=0)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.randoms())
def test_each_is_made_once_after_what_it_needs(nodes, size, random):
    ended, most = run(nodes, size, random.randrange)
    assert sorted(ended) == sorted(node.key for node in nodes)
    assert most <= size
    if sum(node.training for node in nodes) < 2:
        assert ended == [node.key for node in nodes]


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.randoms(), st.integers(1, 12))
def test_a_run_ends_with_its_own_stages(nodes, size, random, number):
    own = {node.key for node in nodes[:number]}  # they need none that comes after them
    ended, _ = run(nodes, size, random.randrange, own)
    assert own <= {*ended}
    if size < 2 or sum(node.training for node in nodes) < 2:
        assert {*ended} == own


def test_trainings_of_other_runs_go_beside_its_own():
    # The run's own: text, training, evaluation. Another's: training, evaluation, training.
    nodes = graph([set(), {0}, {1}, {0}, {3}, {4}], trainings={1, 3, 5})
    ended, most = run(nodes, 2, lambda number: 0, {"0", "1", "2"})
    assert (ended, most) == (["0", "1", "3", "2"], 2)


def test_seeds_are_trained_together_and_what_they_need_is_made_before():
    # text, ids, teacher, student; of the second seed ids, teacher, student; what reads all.
    nodes = graph([set(), {0}, {1}, {2}, {0}, {4}, {5}, {3, 6}], trainings={2, 3, 5, 6})
    ended, most = run(nodes, 2, lambda number: 0)
    assert ended == ["0", "1", "4", "2", "5", "3", "6", "7"]
    assert most == 2


# ------------------------------------------------------------------------------- in threads


def trainings(tmp_path, train, size=2, said=None):
    context = Context(tmp_path, tmp_path, say=(said if said is not None else []).append)
    return Trainings(train, size, context), context


def ready_of(nodes, done):
    return lambda: [one for one in nodes if one.key not in done and {*one.inputs} <= {*done}]


def test_as_many_as_there_is_room_for_are_at_work_and_others_follow(tmp_path):
    nodes, done, said = graph([set(), set(), set(), {0}], {0, 1, 2, 3}), [], []
    barrier, at_work, most = threading.Barrier(2, timeout=60), [], []

    def train(node, title, context):
        at_work.append(node.key)
        most.append(len(at_work))
        context.say(f"step of {node.key}")
        context.say(f"{title} is done")
        if node.key in "01":
            barrier.wait()  # both are there at once
        at_work.remove(node.key)

    group, _ = trainings(tmp_path, train, said=said)
    group.run(ready_of(nodes, done), lambda node: f"[{node.key}]", lambda one: done.append(one.key))
    assert sorted(done) == ["0", "1", "2", "3"]
    assert max(most) == 2
    assert said[0] == "side by side, 2 of at most 2: stage 0, stage 1"
    assert {"stage 3: step of 3", "[3] is done"} <= {*said}


@pytest.mark.parametrize("how", ["failure", "signal"])
def test_when_one_ends_otherwise_the_others_save(tmp_path, how):
    nodes, saved = graph([set(), set()], {0, 1}), []
    begun = threading.Event()

    def train(node, title, context):
        if node.key == "0" and how == "failure":
            begun.wait(60)
            raise RuntimeError("it diverged")
        begun.set()
        while True:
            try:
                context.deadline.check()
            except Interrupted as error:
                saved.append((node.key, str(error)))
                raise
            time.sleep(0.01)

    group, context = trainings(tmp_path, train)
    if how == "signal":
        threading.Timer(0.2, context.deadline.stop, ["stopped by SIGTERM"]).start()
    error, text = (RuntimeError, "it diverged") if how == "failure" else (Interrupted, "by SIGTERM")
    with pytest.raises(error, match=text):
        group.run(ready_of(nodes, []), lambda node: "", lambda node: None)
    reason = "another training has failed" if how == "failure" else "stopped by SIGTERM"
    assert sorted(saved) == [("1", reason)] if how == "failure" else len(saved) == 2
    assert threading.active_count() < 10
