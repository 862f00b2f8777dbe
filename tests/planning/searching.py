"""How the tests run a search on the phantom: the same steps as a plan, without the rules."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from phantom_vertebra import Phantom, make_scan, make_vertebra

from metaspine.anatomy.bone import mask_of, vertebra_mask
from metaspine.anatomy.skin import patient_surface, skin_points
from metaspine.patient.prescription import DoseLimit, Prescription
from metaspine.patient.scan import Scan
from metaspine.physics.applicator_files import read_applicator
from metaspine.planning.candidates import SearchTask
from metaspine.planning.isocentres import aim
from metaspine.planning.policy import PlanningPolicy
from metaspine.planning.surroundings import names_within, surroundings

_EVERY = 4
"""The tests try every fourth isocentre: they ask for right paths, not for the best."""

PRESCRIPTION = Prescription(dose_gy=8, depth_mm=10, limit=DoseLimit("cord"))


@cache
def scan_of(phantom: Phantom) -> Scan:
    return make_scan(phantom)


def task_on(phantom: Phantom, policy: PlanningPolicy | None = None, scan: Scan | None = None) -> SearchTask:
    return replace(prepared(phantom, scan), policy=policy or PlanningPolicy())


@cache
def prepared(phantom: Phantom, scan: Scan | None) -> SearchTask:
    scan, vertebra = scan or scan_of(phantom), make_vertebra(phantom)
    applicator = read_applicator("intrabeam-needle")
    cord, canal = scan.structure("cord"), scan.structure("canal")
    mask = mask_of(scan.structure("lesion"), scan.image.grid)
    aimed = aim(mask, cord, PRESCRIPTION, applicator=applicator, output=applicator.nominal)
    surface = patient_surface(scan)
    return SearchTask(
        vertebra=vertebra,
        around=surroundings(scan, vertebra, bone=vertebra_mask(scan, phantom.level), canal=(canal, cord)),
        isocentres_mm=aimed.isocentres_mm()[::_EVERY],
        coverage=aimed.coverage,
        skin_points=lambda points, outwards: skin_points(surface, points, outwards),
        applicator=applicator,
        policy=PlanningPolicy(),
        near=lambda structures, ends: names_within(scan.image.grid, structures, ends, within_mm=6.0),
    )


def channel_points(
    isocentre_mm: np.ndarray, direction: np.ndarray, *, radius_mm: float, tip_mm: float = 2.2, length_mm: float = 94.0
) -> np.ndarray:
    """Return points (n, 3) densely on the wall and the front of a channel, computed apart from the program's kernel."""
    helper = np.array([1.0, 0, 0]) if abs(direction[0]) < 0.9 else np.array([0, 1.0, 0])
    first = np.cross(direction, helper)
    first /= np.linalg.norm(first)
    second = np.cross(direction, first)
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    ring = radius_mm * (np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second)
    along = isocentre_mm + (tip_mm - np.arange(0, length_mm, 0.1))[:, None] * direction
    return (along[:, None, :] + ring).reshape(-1, 3)
