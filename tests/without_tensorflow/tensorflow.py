"""Stands in TensorFlow's place in the fast ring, and refuses to."""

raise AssertionError(
    "this test imports TensorFlow: mark it `tensorflow`, so that the fast ring leaves it out"
)
