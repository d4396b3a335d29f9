"""The devices that a training runs on."""

import functools

import tensorflow as tf


@functools.cache
def build_strategy(devices: str | int = "auto") -> tf.distribute.Strategy:
    """The strategy for one device, or for several as mirrored replicas.

    The same one each time: two mirrored strategies of one program would give their exchanges of
    gradients the same numbers, which TensorFlow takes for one exchange that went wrong.

    Args:
        devices: "auto": all GPUs, or the CPU where there is none; N: that many GPUs, or where there
            is none that many logical CPUs (`tf.config.set_logical_device_configuration`).

    Raises:
        ValueError: There are not so many devices.
    """
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if devices == "auto":
        wanted = len(found) if found[0].device_type == "GPU" else 1
    else:
        wanted = int(devices)
    if not 1 <= wanted <= len(found):
        raise ValueError(
            f"Invalid value for argument `devices`. Expected 'auto' or 1 to {len(found)}, the "
            f"devices here. Received: devices={devices!r}"
        )
    if wanted == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in found[:wanted]])
