import functools
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

# The modules that tests share stand beside them.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def reference():
    """The module `bert_reference`: weights by formula, and what transformers made of them."""
    path = Path(__file__).with_name("bert_reference.py")
    specification = importlib.util.spec_from_file_location("bert_reference", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def pair():
    """A pair record of two rows; the second has padding on both sides."""
    generator = np.random.default_rng(1)

    def side(length, lengths):
        ids = generator.integers(5, 20, size=(2, length))
        valid = np.arange(length) < np.array(lengths)[:, None]
        return {
            "ids": tf.constant(np.where(valid, ids, 0), tf.int32),
            "valid": tf.constant(valid),
        }

    return {"source": side(6, (6, 4)), "target": side(5, (5, 3))}


@pytest.fixture(scope="session")
def scrambled():
    """Gives all weights of a model new values, so that nothing is there by its seed alone."""

    def scramble(model, seed=0):
        generator = np.random.default_rng(seed)
        for variable in model.weights:
            variable.assign(variable.value.numpy() + 0.3 * generator.normal(size=variable.shape))
        return model

    return scramble


@pytest.fixture(scope="module")
def once(scrambled):
    """Makes a model and scrambles it, once for all tests of a file that only read it."""
    return functools.cache(
        lambda make, *arguments, **options: scrambled(make(*arguments, **options))
    )
