"""How fast contours become coverage, against scikit-image's polygon filler in the same run.

Run with ``python -m benchmarks.bench_geometry``. The filler says only whether a pixel's centre lies inside; to say how
much of a pixel does, it has to be asked at 8 x 8 points a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from skimage.draw import polygon

from metaspine.geometry import Grid
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.rasterise import coverage
from metaspine.geometry.resampling import resample, with_spacing
from metaspine.geometry.tracing import voxel_edges

FRAME = "2.25.1"


def structure(*, planes: int, points: int, radii_mm: tuple[float, float], step_mm: float) -> ContourSet:
    """Return a lobed cylinder: what a planning system exports for a vertebra or for the body."""
    angle = 2 * np.pi * np.arange(points) / points
    lobes = 1 + 0.15 * np.sin(5 * angle)
    loop = np.column_stack([radii_mm[0] * lobes * np.cos(angle), radii_mm[1] * lobes * np.sin(angle)])
    return ContourSet(
        tuple(Contour(np.column_stack([loop, np.full(points, n * step_mm)])) for n in range(planes)), FRAME
    )


def grid(*, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Grid:
    """Return an axial grid about the structure."""
    middle = -(np.array(shape[:2]) - 1) / 2 * spacing_mm[:2]
    return Grid.axis_aligned(origin_mm=(*middle, 0), spacing_mm=spacing_mm, shape=shape, frame_of_reference=FRAME)


def filled_by_scikit_image(contours: ContourSet, on: Grid, *, parts: int = 1) -> np.ndarray:
    """Return the mask that a plane-by-plane polygon filler makes, at ``parts`` x ``parts`` points a pixel."""
    mask = np.zeros(on.shape, dtype=np.float32)
    fine_shape = (on.shape[0] * parts, on.shape[1] * parts)
    for layer, contour in enumerate(contours.closed):
        corners = (on.index(contour.points_mm)[:, :2] + 0.5) * parts - 0.5
        inside = polygon(corners[:, 0], corners[:, 1], shape=fine_shape)
        np.add.at(mask[:, :, layer], (inside[0] // parts, inside[1] // parts), 1 / parts**2)
    return mask


def seconds(work: Callable[[], object], *, times: int = 3) -> float:
    """Return the shortest of a few runs."""
    taken = []
    for _ in range(times):
        start = perf_counter()
        work()
        taken.append(perf_counter() - start)
    return min(taken)


def compare(name: str, contours: ContourSet, on: Grid, *, fine: bool) -> None:
    """Print coverage's time and its ratio to the filler's."""
    coverage(contours, on)
    ours = seconds(lambda: coverage(contours, on))
    plain = seconds(lambda: filled_by_scikit_image(contours, on))
    print(f"{name}: coverage {ours:.3f} s, scikit-image in or out {plain:.3f} s, ratio {ours / plain:.2f}")
    if fine:
        eight = seconds(lambda: filled_by_scikit_image(contours, on, parts=8), times=1)
        print(f"{name}: scikit-image at 8 x 8 points a pixel {eight:.3f} s, ratio {ours / eight:.4f}")


def main() -> None:
    """Measure a vertebra-sized structure, a whole body, tracing and resampling."""
    vertebra = structure(planes=60, points=200, radii_mm=(25, 20), step_mm=1)
    near = grid(shape=(128, 128, 60), spacing_mm=(0.7, 0.7, 1.0))
    compare("60 planes of 200 points on 128 x 128 x 60", vertebra, near, fine=True)
    whole = grid(shape=(512, 512, 300), spacing_mm=(0.9, 0.9, 1.0))
    body = structure(planes=300, points=500, radii_mm=(180, 120), step_mm=1)
    compare("300 planes of 500 points on 512 x 512 x 300", body, whole, fine=False)
    mask = coverage(vertebra, near)
    voxel_edges(mask)
    print(f"tracing the voxel edges of 128 x 128 x 60: {seconds(lambda: voxel_edges(mask)):.3f} s")
    finer = with_spacing(near, 0.5)
    resample(mask, finer, outside=0)
    print(f"resampling it to {finer.shape}: {seconds(lambda: resample(mask, finer, outside=0)):.3f} s")


if __name__ == "__main__":
    main()
