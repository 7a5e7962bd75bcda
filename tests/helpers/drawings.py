"""Pictures that the detectors recognise, drawn by code: what COCO's photographs may not be shipped for."""

from __future__ import annotations

import json
import math
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont


def stop_sign() -> Image.Image:
    """640 x 480; the sign lies at x 228-412, y 78-262."""
    image = Image.new("RGB", (640, 480), (150, 190, 230))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 330, 640, 480), fill=(90, 130, 70))
    draw.rectangle((312, 240, 328, 470), fill=(120, 120, 125))
    for radius, colour in ((100, "white"), (92, (190, 20, 30))):
        corners = [math.pi * (1 / 8 + i / 4) for i in range(8)]
        draw.polygon([(320 + radius * math.cos(a), 170 + radius * math.sin(a)) for a in corners], fill=colour)
    draw.text((320, 170), "STOP", fill="white", anchor="mm", font=ImageFont.load_default(60))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def clock() -> Image.Image:
    """640 x 480; the dial lies at x 200-440, y 100-340."""
    image = Image.new("RGB", (640, 480), (205, 195, 180))
    draw = ImageDraw.Draw(image)
    draw.ellipse((200, 100, 440, 340), fill=(40, 40, 40))
    draw.ellipse((212, 112, 428, 328), fill=(250, 250, 245))
    for angle in (i * math.pi / 6 for i in range(12)):
        ends = [(320 + r * math.sin(angle), 220 - r * math.cos(angle)) for r in (95, 80)]
        draw.line(ends, fill=(20, 20, 20), width=5)
    for angle, length, width in ((5.0, 50, 8), (1.0, 75, 5)):
        tip = 320 + length * math.sin(angle), 220 - length * math.cos(angle)
        draw.line(((320, 220), tip), fill=(10, 10, 10), width=width)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def face() -> Image.Image:
    """640 x 480; the face lies at x 240-400, y 150-370."""
    image = Image.new("RGB", (640, 480), (120, 140, 160))
    draw = ImageDraw.Draw(image)
    draw.rectangle((200, 400, 440, 480), fill=(40, 60, 110))
    draw.rectangle((285, 340, 355, 420), fill=(205, 160, 130))
    draw.ellipse((225, 85, 415, 240), fill=(60, 40, 30))
    draw.ellipse((240, 150, 400, 370), fill=(225, 180, 150))
    for x in (285, 355):
        draw.ellipse((x - 20, 225, x + 20, 245), fill=(250, 250, 250))
        draw.ellipse((x - 9, 225, x + 9, 245), fill=(50, 35, 25))
        draw.arc((x - 26, 200, x + 26, 240), 200, 340, fill=(60, 40, 30), width=6)
    draw.ellipse((303, 280, 337, 298), fill=(205, 155, 125))
    draw.ellipse((285, 315, 355, 338), fill=(180, 80, 80))
    draw.line((287, 326, 353, 326), fill=(120, 40, 40), width=3)
    return image.filter(ImageFilter.GaussianBlur(3))


def receipt() -> Image.Image:
    """420 x 640: lines of print on white paper."""
    image = Image.new("RGB", (420, 640), (250, 249, 245))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(18)
    for i in range(24):
        draw.text((30, 24 + i * 25), f"Item number {i + 1:02d}", fill=(40, 40, 40), font=font)
        draw.text((390, 24 + i * 25), f"{i * 1.37 + 2:.2f}", fill=(40, 40, 40), font=font, anchor="ra")
    return image


def labelled(folder: Path, count: int) -> str:
    """Signs and clocks with their labels.json, so many of each, moved by some pixels; the folder."""
    folder.mkdir(parents=True)
    labels = {}
    for number in range(count):
        for name, label, draw, box in (
            ("sign", "stop sign", stop_sign, [228, 78, 184, 184]),
            ("clock", "clock", clock, [200, 100, 240, 240]),
        ):
            ImageChops.offset(draw(), number, 0).save(folder / f"{name}{number}.png")
            labels[f"{name}{number}.png"] = {"objects": [{"label": label, "box": [box[0] + number, *box[1:]]}]}
    (folder / "labels.json").write_text(json.dumps(labels))
    return str(folder)
