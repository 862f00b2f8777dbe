"""The device that a person asks for, or the reason why there is none."""

from __future__ import annotations

import numpy as np
import pytest

from metaspine.dosimetry import Irradiation, Stop, all_water, devices, reference_doses, reference_run
from metaspine.dosimetry.devices import device_named, usable
from metaspine.errors import InputError
from metaspine.geometry.grid import Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicator_files import read_applicator
from metaspine.running import silent
from metaspine.transport.devices import Device
from metaspine.transport.scatter import Sampling, continued

NEEDLE = read_applicator("intrabeam-needle")


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


def test_a_dose_by_gpu_says_that_it_was_never_compared_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps run on the CPU here: only what is said of the device is looked at."""
    small = Grid.around(np.zeros(3), half_extent_mm=8.0, spacing_mm=2.0, frame_of_reference="water")
    dwell = DwellPosition(np.zeros(3), np.array([0.0, 0.0, 1.0]), time_s=60.0)
    image = Volume(np.zeros(small.shape, np.float32), small)
    irradiation = Irradiation((dwell,), NEEDLE, NEEDLE.nominal, small, image, "water", all_water(small))
    monkeypatch.setattr(devices, "why_no_gpu", lambda: "")
    monkeypatch.setattr(
        reference_run, "continued_on", lambda _, tally, batches, **run: continued(tally, batches, **run)
    )
    sampling = Sampling(rays_per_batch=50)
    for device in Device:
        doses = reference_doses(
            irradiation, stop=Stop(histories=1, distance_mm=6.0), sampling=sampling, device=device, progress=silent
        )
        said = " ".join(doses.to_medium.notes)
        assert f"Monte Carlo on the {device.upper()}" in said
        assert ("in a simulator alone" in said) is (device is Device.GPU)
