"""The validation chapter of the engine in water: it runs with few histories, and says so when something misses."""

from __future__ import annotations

import numpy as np
import pytest
from validation import engine_in_water
from validation.chapter import MISS, PASS

from metaspine.physics.applicator_files import read_applicator
from metaspine.transport.scatter import Sampling


def curve(power: float) -> engine_in_water.Curve:
    return engine_in_water.Curve(engine_in_water.DISTANCE_MM**-power, 1e13)


def test_published_output_with_few_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_in_water, "SAMPLING", Sampling(seed=7, rays_per_batch=500))
    table = engine_in_water.output_table(read_applicator("bare-probe"), read_applicator("intrabeam-needle"))
    held = {row[0]: row[-1] for row in table.rows}
    assert held["V6 40 kV over 50 kV, bare probe, 20 mm"] == PASS
    assert held["V8 4 cm sphere, 20 mm over 22 mm"] == PASS
    assert held["V7 slope of log dose, 10 to 20 mm, bare"] == PASS
    assert held["V10 8 Gy 5 mm from the needle's surface, model, min"] == PASS


def test_a_wrong_slope_is_seen() -> None:
    assert PASS in engine_in_water._slope_row("made up", curve(3.0))
    assert MISS in engine_in_water._slope_row("made up", curve(2.7))
    assert PASS in engine_in_water._cube_row("made up", curve(3.0))
    assert MISS in engine_in_water._cube_row("made up", curve(3.5))


def test_distances_are_those_that_are_asked_for() -> None:
    one = curve(3.0)
    assert one.at(13.0) / one.at(10.0) == pytest.approx((10 / 13) ** 3)
    assert {7.2, 10.0, 12.2, 13.0, 15.0, 20.0} == set(np.asarray(engine_in_water.DISTANCE_MM).tolist())
