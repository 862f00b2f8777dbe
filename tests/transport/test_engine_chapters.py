"""What the engine's validation chapters rest on: closed forms, PENELOPE's stored results and coefficients."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import bench_penelope
from scipy.interpolate import CubicSpline
from validation.analog import SOURCE_MM, WALL, _exact_primary
from validation.penelope import _peer, with_penelope
from validation.penelope_cases import cases
from validation.photon_sources import NUCLIDES, _primary

from metaspine.physics.materials import material
from metaspine.physics.photon_data import photon_tables


def test_the_closed_form_of_the_primary_knows_its_wall() -> None:
    """A wall of water is no wall; bone takes up more, and leaves less behind it."""
    water, bone = _exact_primary("water"), _exact_primary("cortical")
    in_wall, opposite = WALL.start + 1, 2 * int(SOURCE_MM) - WALL.start - 2
    assert water[in_wall, 14, 14] == pytest.approx(water[opposite, 14, 14], rel=1e-6, abs=0)
    assert bone[opposite, 14, 14] == pytest.approx(water[opposite, 14, 14], rel=1e-6, abs=0)
    assert bone[in_wall, 14, 14] > 2 * water[in_wall, 14, 14]
    assert bone[WALL.stop + 1, 14, 14] < 0.5 * water[WALL.stop + 1, 14, 14]


def test_the_primary_of_iodine_is_the_sum_over_its_lines() -> None:
    """K = sum n E mu_en exp(-mu r) / (4 pi r^2), NIST's coefficients of water (PHO-02) by splines."""
    found = _primary(NUCLIDES[0])
    lines, photons = np.array(NUCLIDES[0].lines_kev), np.array(NUCLIDES[0].photons)
    total, absorbed = (
        np.exp(CubicSpline(np.log([10, 15, 20, 30, 40, 50]), np.log(values))(np.log(lines)))
        for values in (
            [5.329, 1.673, 0.8096, 0.3756, 0.2683, 0.2269],
            [4.944, 1.374, 0.5503, 0.1557, 0.06947, 0.04223],
        )
    )
    near, far = ((photons * lines * absorbed * np.exp(-total * r / 10)).sum() / r**2 for r in (5.0, 50.0))
    assert found[-1] / found[0] == pytest.approx(far / near, rel=0.01)


def test_penelopes_stored_results_belong_to_the_cases() -> None:
    """A case that is drawn anew needs a new run of validation/penelope_peer.py."""
    peer = _peer()
    wanted = {(case.name, case.mark(), region) for case in cases() for region in case.regions}
    assert wanted == set(peer)
    assert all(0 < row.error_gy < 0.2 * row.kerma_gy for row in peer.values())


def test_penelopes_coefficients_give_its_own_energy_transfer() -> None:
    """mu_tr of water at 20, 30 and 50 keV by PENELOPE's own mutren: 0.537, 0.1525, 0.0417 cm2/g."""
    water = (material("water"),)
    own = photon_tables(water)
    matched = with_penelope(own, water)
    for energy, mutren in ((20, 0.537), (30, 0.1525), (50, 0.0417)):
        row = round((energy - own.energy_start_kev) / own.energy_step_kev)
        assert 10 * float(matched.transfer[0, row]) == pytest.approx(mutren, rel=0.012)
        assert float(matched.total[0, row]) == pytest.approx(float(own.total[0, row]), rel=0.03)


def test_the_benchmark_says_that_its_peer_is_not_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METASPINE_PENELOPE_PYTHON", raising=False)
    monkeypatch.setattr(bench_penelope, "ours", lambda _: bench_penelope.Efficiency(1e-4, 1.0, 1.0))
    (row,) = bench_penelope.measure()
    assert row.ratio is None
    assert row.against == "not run: METASPINE_PENELOPE_PYTHON is not set"
    assert row.cpu_ms == pytest.approx(1000)
