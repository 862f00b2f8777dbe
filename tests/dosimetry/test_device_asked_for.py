"""The device that a person asks for, or the reason why there is none."""

from __future__ import annotations

import pytest

from metaspine.dosimetry import devices
from metaspine.dosimetry.devices import device_named, usable
from metaspine.errors import InputError
from metaspine.transport.devices import Device


def test_the_cpu_is_always_there() -> None:
    assert device_named("cpu") is Device.CPU
    assert usable(Device.CPU) is Device.CPU


def test_a_gpu_that_is_not_there_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "why_no_gpu", lambda: "no driver")
    for asked in (lambda: device_named("gpu"), lambda: usable(Device.GPU)):
        with pytest.raises(InputError, match="no GPU to compute on: no driver"):
            asked()


def test_nothing_asked_for_is_what_is_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "device_at_hand", lambda: Device.GPU)
    monkeypatch.setattr(devices, "why_no_gpu", lambda: "")
    assert usable(None) is Device.GPU
    assert device_named("gpu") is Device.GPU


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="there is no device 'tpu'"):
        device_named("tpu")
