"""Points on real CTs against points picked on them, vertebra by vertebra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from validation.landmarks import SOURCES, Source, landmark_errors, scan_of

from metaspine.anatomy.canal import bony_canal
from metaspine.anatomy.levels import check_level
from metaspine.anatomy.vertebrae import describe_vertebra
from metaspine.errors import LevelError
from metaspine.patient.structure import Role

LIDC, TOTALSEG, TPTBOX, DICOM = SOURCES


@pytest.mark.parametrize("source", [LIDC, TOTALSEG, TPTBOX], ids=lambda source: source.image.split("/")[0])
def test_complete_vertebrae_within_the_picked_points_uncertainty(shared_data: Path, source: Source) -> None:
    errors = landmark_errors(source, shared_data)
    assert len(errors) == 4 * len(source.levels)
    assert all(error.complete for error in errors)
    missed = [(e.level, e.point, round(e.distance_mm, 2)) for e in errors if e.distance_mm > e.uncertainty_mm]
    assert missed == []


def test_a_cut_vertebra_with_mixed_labels_is_called_so(shared_data: Path) -> None:
    scan = scan_of(DICOM, shared_data)
    t12, t11 = describe_vertebra(scan, "T12"), describe_vertebra(scan, "T11")
    assert not t12.complete
    assert any("in pieces" in note for note in t11.notes)
    assert t11.canal_centre_mm is None
    # the sides still hold, and the isthmi lie beside the canal
    for pedicle in (t12.left_pedicle, t12.right_pedicle):
        assert 10 < (pedicle.isthmus_mm[0] - t12.canal_centre_mm[0]) * pedicle.side.lps_sign < 25
    check = check_level(scan, "T12")
    assert check.agrees is None
    assert "last rib may lie lower" in check.counts[0].reason
    assert any("T11 is in pieces" in note for note in check.notes)


def test_levels_of_real_spines_are_counted(shared_data: Path) -> None:
    lidc = scan_of(LIDC, shared_data)
    check = check_level(lidc, "T12")
    assert check.agrees is True
    assert [(count.landmark, count.level) for count in check.counts] == [("last rib", "T12")]
    lumbar = scan_of(TOTALSEG, shared_data)
    check = check_level(lumbar, "L1")
    assert [(count.landmark, count.level) for count in check.counts] == [("sacrum", "L1"), ("last rib", "L1")]
    small = scan_of(TPTBOX, shared_data)
    check = check_level(small, "L3")
    assert check.agrees is None
    assert check.counts == ()
    with pytest.raises(LevelError, match="T12 is not labelled"):
        check_level(small, "T12")


def test_the_bony_canal_holds_the_labelled_cord(shared_data: Path) -> None:
    scan = scan_of(LIDC, shared_data)
    canal = bony_canal(scan, "T8")
    cord = scan.of_role(Role.SPINAL_CORD)[0].region
    points = cord.grid.point_mm(np.argwhere(cord.values >= 0.5))
    height = canal.region.grid.point_mm(np.argwhere(canal.region.values))[:, 2]
    beside = points[(points[:, 2] > height.min() + 5) & (points[:, 2] < height.max() - 5)]
    assert np.ptp(height) > 70
    assert (canal.region.sample(beside, outside=0) >= 0.5).mean() > 0.97
