"""Renders examples/line/camera.jpg: bottles on a conveyor belt as a fixed camera over a filling line would see them.

A small ray marcher in numpy: bottles are surfaces of revolution, lit by two lamps and a bright window; belt, rails and
the hall behind are planes. Then what a cheap camera does: blur, vignette, noise, JPEG. Equal seeds give equal pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float64]

WIDTH, HEIGHT, SAMPLES = 960, 640, 2  # pixels, and rays along each side of one
EYE, LOOK_AT, ZOOM = np.array([0.2, 2.35, -7.2]), np.array([0.15, 1.15, 0.0]), 1.55
TALL = 2.6
# The outline of a bottle: height over the belt and radius, in decimetres.
OUTLINE = np.array(
    [
        *((0, 0.40), (0.05, 0.44), (1.55, 0.44), (1.75, 0.41), (1.98, 0.27)),
        *((2.12, 0.175), (2.40, 0.155), (2.42, 0.18), (2.58, 0.18), (2.60, 0.16)),
    ]
)
LABEL, CAP = (0.42, 1.28), 2.42  # from and to which height there is a label, and from which a cap
GLASS, CAP_COLOUR = np.array([0.06, 0.22, 0.09]), np.array([0.72, 0.10, 0.08])
BELT_NEAR, BELT_FAR = -0.95, 0.95
PLACES = [(-2.75, 0.05), (-1.45, -0.08), (-0.1, 0.06), (1.3, -0.03), (2.75, 0.04)]  # across the picture, and in depth


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("examples/line/camera.jpg"))
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    develop(render(np.random.default_rng(arguments.seed)), arguments.seed).save(
        arguments.output, quality=84, optimize=True
    )


def render(random: np.random.Generator) -> Array:
    """The scene as linear light [H, W, 3], 0..1 and more."""
    places = np.array(PLACES) + random.normal(0, 0.02, (len(PLACES), 2))
    turns = random.uniform(-0.5, 0.5, len(PLACES))
    rays = _rays()
    light = _hall(rays)
    light = _belt(rays, light, places)
    light = _bottles(rays, light, places, turns)
    shape = HEIGHT, SAMPLES, WIDTH, SAMPLES, 3
    mean: Array = light.reshape(shape).mean(axis=(1, 3))
    return mean


def develop(light: Array, seed: int) -> Image.Image:
    """What the camera makes of the light: lens blur, vignette, tone curve, noise."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    light = light * (1 - 0.28 * (rows**2 + columns**2) / 2)[..., None] * np.array([1.04, 1.0, 0.93])
    tone = np.clip(light, 0, None) ** (1 / 2.2)
    tone = np.clip(tone / (1 + 0.12 * tone**4), 0, 1)
    image = Image.fromarray((tone * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.7))
    noisy = (
        np.asarray(image, float) + random.normal(0, 3.2, (HEIGHT, WIDTH, 1)) + random.normal(0, 1.6, (HEIGHT, WIDTH, 3))
    )
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _rays() -> Array:
    """Directions [n, 3] of the rays, row by row."""
    forward = (LOOK_AT - EYE) / np.linalg.norm(LOOK_AT - EYE)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    rows = (0.5 - (np.arange(HEIGHT * SAMPLES) + 0.5) / (HEIGHT * SAMPLES)) * HEIGHT / WIDTH * 2
    columns = ((np.arange(WIDTH * SAMPLES) + 0.5) / (WIDTH * SAMPLES) - 0.5) * 2
    v, u = np.meshgrid(rows, columns, indexing="ij")
    directions = ZOOM * forward + u.reshape(-1, 1) * right + v.reshape(-1, 1) * up
    unit: Array = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return unit


def _hall(rays: Array) -> Array:
    """The hall behind, out of focus: a painted wall five metres back, and the floor."""
    wall = np.asarray(_wall_picture(), float)[..., :3] / 255
    wall = wall**2.2
    reach = (30.0 - EYE[2]) / np.maximum(rays[:, 2], 1e-6)
    x, y = EYE[0] + reach * rays[:, 0], EYE[1] + reach * rays[:, 1]
    columns = np.clip((x / 56 + 0.5) * wall.shape[1], 0, wall.shape[1] - 1).astype(int)
    rows = np.clip((0.5 - (y + 3) / 36) * wall.shape[0], 0, wall.shape[0] - 1).astype(int)
    seen: Array = wall[rows, columns]
    return seen


def _wall_picture() -> Image.Image:
    """Cabinets, pipes, windows and a column, blurred as by a lens set on the belt."""
    image = Image.new("RGB", (1120, 720), (116, 122, 124))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 470, 1120, 720), (84, 84, 80))
    for x in range(30, 1120, 230):
        draw.rectangle((x, 40, x + 150, 190), (206, 214, 214))
    for x, width, colour in ((70, 150, (62, 84, 104)), (300, 110, (140, 142, 138)), (520, 190, (74, 96, 92))):
        draw.rectangle((x, 260, x + width, 520), colour)
        draw.rectangle((x + 20, 290, x + width - 20, 350), tuple(min(255, c + 38) for c in colour))
    draw.rectangle((800, 0, 850, 560), (164, 140, 52))
    draw.rectangle((0, 225, 1120, 240), (150, 154, 156))
    draw.rectangle((900, 330, 1090, 540), (98, 70, 58))
    return image.filter(ImageFilter.GaussianBlur(13))


def _belt(rays: Array, light: Array, places: Array) -> Array:
    """The belt with its rails and the shadows of the bottles on it."""
    light = _slab(rays, light, -9.0, BELT_FAR + 0.16, -0.9, 0.06, np.array([0.34, 0.36, 0.37]))
    reach = np.where(rays[:, 1] < 0, -EYE[1] / np.minimum(rays[:, 1], -1e-6), np.inf)
    x, z = EYE[0] + reach * rays[:, 0], EYE[2] + reach * rays[:, 2]
    on = (z > BELT_NEAR) & (z < BELT_FAR)
    x, z = x[on], z[on]
    links = 0.5 + 0.5 * np.cos(x * 2 * np.pi / 0.46)
    shade = 0.055 + 0.012 * links**8 - 0.03 * (links < 0.015) + 0.004 * np.sin(z * 40)
    for cx, cz in places:
        distance = np.hypot(x - cx, z - cz)
        cast = np.exp(-(((x - cx - 0.5) / 0.75) ** 2) - ((z - cz - 0.28) / 0.36) ** 2)
        shade = shade * (1 - 0.75 * np.exp(-np.maximum(distance - 0.42, 0) * 7)) * (1 - 0.45 * cast)
    found = light.copy()
    found[on] = shade[:, None] * np.array([1.0, 1.02, 1.06])
    return _slab(rays, found, -9.0, BELT_NEAR, -0.42, 0.05, np.array([0.42, 0.43, 0.44]))


def _slab(rays: Array, light: Array, left: float, z: float, low: float, high: float, colour: Array) -> Array:
    """A long upright strip of metal facing the camera, lighter towards its upper edge."""
    reach = (z - EYE[2]) / np.maximum(rays[:, 2], 1e-6)
    x, y = EYE[0] + reach * rays[:, 0], EYE[1] + reach * rays[:, 1]
    on = (y > low) & (y < high) & (x > left)
    height = (y[on] - low) / (high - low)
    found = light.copy()
    found[on] = colour * (0.25 + 0.55 * height[:, None] ** 2 + 0.5 * (height[:, None] > 0.9))
    return found


def _bottles(rays: Array, light: Array, places: Array, turns: Array) -> Array:
    """March every ray that may hit a bottle, the farthest bottle first."""
    found = light.copy()
    for number in np.argsort(-places[:, 1]):
        centre = np.array([places[number, 0], 0.0, places[number, 1]])
        near = _may_hit(rays, centre)
        hit, points = _march(rays[near], centre)
        index = np.flatnonzero(near)[hit]
        found[index] = _shade(points[hit] - centre, rays[index], turns[number], number, found[index])
    return found


def _may_hit(rays: Array, centre: Array) -> NDArray[np.bool_]:
    """Rays that pass the bottle's axis within its widest radius, seen from above."""
    flat = rays[:, [0, 2]] / np.linalg.norm(rays[:, [0, 2]], axis=1, keepdims=True)
    offset = centre[[0, 2]] - EYE[[0, 2]]
    near: NDArray[np.bool_] = np.abs(flat[:, 0] * offset[1] - flat[:, 1] * offset[0]) < OUTLINE[:, 1].max() + 0.02
    return near


def _distance(points: Array) -> Array:
    """A safe step towards the surface, from points relative to the foot of the axis."""
    height = points[:, 1]
    radius = np.interp(height, OUTLINE[:, 0], OUTLINE[:, 1])
    side = (np.hypot(points[:, 0], points[:, 2]) - radius) * 0.6  # the outline is steep at the shoulder
    distance: Array = np.maximum(side, np.maximum(height - TALL, -height))
    return distance


def _march(rays: Array, centre: Array) -> tuple[NDArray[np.bool_], Array]:
    reach = np.full(len(rays), np.linalg.norm((centre - EYE)[[0, 2]]) - 1.0)
    for _ in range(70):
        reach += _distance(EYE + reach[:, None] * rays - centre)
    points = EYE + reach[:, None] * rays
    return _distance(points - centre) < 4e-3, points


def _shade(points: Array, rays: Array, turn: float, number: int, behind: Array) -> Array:
    """Light from the surface: green glass, a paper label, a painted cap, with what they mirror."""
    height = points[:, 1]
    slope = np.interp(height, (OUTLINE[1:, 0] + OUTLINE[:-1, 0]) / 2, np.diff(OUTLINE[:, 1]) / np.diff(OUTLINE[:, 0]))
    radius = np.hypot(points[:, 0], points[:, 2])
    normal = np.stack([points[:, 0] / radius, -np.clip(slope, -3, 3), points[:, 2] / radius], axis=1)
    normal[height > TALL - 0.015] = (0.0, 1.0, 0.0)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    facing = np.clip(-(normal * rays).sum(axis=1), 0, 1)
    mirrored = rays + 2 * facing[:, None] * normal
    fresnel = 0.04 + 0.96 * (1 - facing) ** 5
    sky = _surroundings(mirrored)
    diffuse = 0.30 + 0.75 * np.clip(normal @ _unit(-0.55, 0.65, -0.6), 0, 1) + 0.12 * np.clip(normal[:, 1], 0, 1)
    through = (0.16 + 0.5 * facing[:, None] ** 1.5) * behind * np.array([0.25, 0.85, 0.35]) + GLASS * 0.35
    filled = (height < 1.93)[:, None]
    glass = np.where(filled, through * 0.55, through) * (0.45 + 0.55 * facing[:, None])
    colour = glass + fresnel[:, None] * sky * 1.1 + 0.05 * sky
    angle = np.arctan2(points[:, 0], -points[:, 2]) + turn
    paper = (height > LABEL[0]) & (height < LABEL[1])
    colour[paper] = _label(angle[paper], height[paper]) * diffuse[paper, None] * 0.72 + 0.02 * sky[paper]
    cap = height > CAP
    ribs = 0.85 + 0.15 * np.cos(angle * 40)
    colour[cap] = (CAP_COLOUR * (diffuse * ribs)[:, None])[cap] + 0.06 * sky[cap]
    shaded: Array = (
        colour * (0.55 + 0.45 * np.clip(height / 0.35, 0, 1))[:, None]
    )  # little light comes up from the belt
    return shaded


def _surroundings(directions: Array) -> Array:
    """What a mirror would show: a dim hall, a tall window on the left, a strip of lamps above on the right."""
    x, y, z = directions.T
    light = 0.10 + 0.16 * np.clip(y + 0.3, 0, 1)
    light += 2.6 * _edge(-x, 0.55, 0.86) * _edge(y + 0.5, 0.05, 1.15) * (z < 0.6)
    light += 1.5 * _edge(x, 0.62, 0.80) * _edge(y + 0.5, 0.2, 1.1) * (z < 0.5)
    lit: Array = light[:, None] * np.array([1.0, 1.02, 1.05])
    return lit


def _edge(value: Array, low: float, high: float) -> Array:
    """1 between two limits, falling off softly."""
    return np.clip((value - low) / 0.05, 0, 1) * np.clip((high - value) / 0.05, 0, 1)


def _label(angle: Array, height: Array) -> Array:
    """The colours of the label: cream paper, a green band, a round emblem and lines of print."""
    picture = np.asarray(_label_picture(), float) / 255
    columns = np.clip((angle / (2 * np.pi) + 0.5) % 1 * picture.shape[1], 0, picture.shape[1] - 1).astype(int)
    part = (height - LABEL[0]) / (LABEL[1] - LABEL[0])
    rows = np.clip((1 - part) * picture.shape[0], 0, picture.shape[0] - 1).astype(int)
    linear: Array = picture[rows, columns] ** 2.2
    return linear


def _label_picture() -> Image.Image:
    image = Image.new("RGB", (1200, 380), (236, 228, 202))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 1200, 40), (28, 92, 48))
    draw.rectangle((0, 340, 1200, 380), (28, 92, 48))
    draw.ellipse((530, 70, 670, 210), (196, 150, 46))
    draw.ellipse((552, 92, 648, 188), (236, 228, 202))
    draw.polygon(((600, 98), (640, 170), (560, 170)), (28, 92, 48))
    for y, half in ((228, 120), (262, 84), (290, 100), (314, 60)):
        draw.rectangle((600 - half, y, 600 + half, y + (18 if y == 228 else 8)), (60, 52, 44))
    return image


def _unit(x: float, y: float, z: float) -> Array:
    vector = np.array([x, y, z])
    unit: Array = vector / np.linalg.norm(vector)
    return unit


if __name__ == "__main__":
    main()
