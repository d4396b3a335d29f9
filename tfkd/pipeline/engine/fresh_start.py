"""Memory between the stages of a run."""

import gc

import keras


def fresh_start() -> None:
    """Forgets Keras's state of the stage before and frees its models, which are in circles.

    The first stage's start sets aside what is there to stay, TensorFlow's modules above all: to
    walk over them takes the collector longer than a small stage takes to train. The run gives it
    back to the collector at its end.
    """
    keras.backend.clear_session()
    if not gc.get_freeze_count():
        gc.freeze()
