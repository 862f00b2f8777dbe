"""The device that a dose is computed on, as a person asks for it."""

from __future__ import annotations

from metaspine.errors import InputError
from metaspine.transport.devices import Device, device_at_hand, why_no_gpu


def device_named(name: str) -> Device:
    """Return the device of a name that can be computed on.

    Raises
    ------
    InputError
        When there is no device of that name, or no GPU to compute on.
    """
    if name not in set(Device):
        raise InputError(
            f"there is no device {name!r}", where="device", remedy=f"There are: {', '.join(sorted(Device))}"
        )
    return usable(Device(name))


def usable(device: Device | None) -> Device:
    """Return the device asked for; None: the GPU where there is one, the CPU otherwise.

    Raises
    ------
    InputError
        When a GPU is asked for and there is none to compute on.
    """
    if device is None:
        return device_at_hand()
    if device is Device.GPU and (missing := why_no_gpu()):
        raise InputError(
            f"there is no GPU to compute on: {missing}",
            where="device",
            remedy="Leave the device out, or ask for the CPU; the doses agree within statistics",
        )
    return device
