"""The devices that a training runs on."""

import functools

import tensorflow as tf


@functools.cache
def build_strategy(devices: str | int = "auto", hosts: int = 1) -> tf.distribute.Strategy:
    """The strategy for one device, for several as mirrored replicas, or for several hosts.

    The same one each time: two mirrored strategies of one program would give their exchanges of
    gradients the same numbers, which TensorFlow takes for one exchange that went wrong.

    Args:
        devices: "auto": all GPUs, or the CPU where there is none; N: that many GPUs, or where there
            is none that many logical CPUs (`tf.config.set_logical_device_configuration`).
        hosts: How many hosts there are; of more than one, each calls this as the first thing that
            it does with TensorFlow, with `TF_CONFIG` set, and waits here for the others.

    Raises:
        ValueError: There are not so many devices.
    """
    if hosts > 1:
        return _of_hosts(devices)
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if devices == "auto":
        wanted = len(found) if found[0].device_type == "GPU" else 1
    else:
        wanted = int(devices)
    if not 1 <= wanted <= len(found):
        raise _too_few(devices, len(found))
    if wanted == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in found[:wanted]])


def _of_hosts(devices: str | int) -> tf.distribute.Strategy:
    # Not logical devices: asking for those would start TensorFlow before the hosts are joined.
    found = tf.config.list_physical_devices("GPU")
    if devices != "auto":
        if not 1 <= int(devices) <= max(1, len(found)):
            raise _too_few(devices, max(1, len(found)))
        if found:
            tf.config.set_visible_devices(found[: int(devices)], "GPU")
    return tf.distribute.MultiWorkerMirroredStrategy()


def _too_few(devices: str | int, found: int) -> ValueError:
    return ValueError(
        f"Invalid value for argument `devices`. Expected 'auto' or 1 to {found}, the "
        f"devices here. Received: devices={devices!r}"
    )
