"""Make the files of examples/ anew: everything in them is invented, and the seeds are fixed. Not part of the product.

Needs espeak-ng and the Piper voice `joe` for the voices, and the fonts Liberation and Breip (apt: fonts-liberation,
fonts-breip) for the papers.

    python tools/make_examples.py examples --voice en_US-joe-medium.onnx
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent))
import render
import speak

FONTS = Path("/usr/share/fonts/truetype")
PRINT = FONTS / "liberation" / "LiberationSans-Regular.ttf"
BOLD = FONTS / "liberation" / "LiberationSans-Bold.ttf"
TILL = FONTS / "liberation" / "LiberationMono-Regular.ttf"
HAND = FONTS / "breip" / "Breip.ttf"
INK = (38, 48, 110)
GREY = (60, 60, 60)

FORM = (
    ("Name", "Martin Hale"),
    ("Date of birth", "2 November 1968"),
    ("Reason for visit", "chest pain"),
    ("Medication", "Ramipril once a day"),
    ("Allergies", "none"),
    ("Emergency contact", "Joan Hale, sister"),
)
NOTE = (
    "Hello, this is Martin Hale. My chest has felt tight since Sunday. "
    "I should add that I am allergic to penicillin. It gave me a rash two years ago."
)
REMARK = """\
Line 2, late shift.

The belt squeaked after the break, so I oiled the guide rail.
The alarm limit for the motor temperature is 85 degrees.
"""
RECEIPT = (
    ("THE COPPER KETTLE", ""),
    ("14 Mill Lane", ""),
    ("Date 14/03/2025", "12:52"),
    ("", ""),
    ("2 Tomato soup", "11.00"),
    ("1 Fish pie", "14.50"),
    ("1 Lentil salad", "9.80"),
    ("2 Coffee", "6.70"),
    ("", ""),
    ("TOTAL", "42.00"),
    ("VAT 20% included", "7.00"),
    ("Card", "42.00"),
    ("", ""),
    ("Thank you", ""),
)
CLAIM = (
    "This is my claim for lunch with a customer, at the Copper Kettle, on the fourteenth of March. "
    "The total was forty two pounds."
)


def form() -> Image.Image:
    """A clinic's intake form: labels printed, values in handwriting on ruled lines, one box ticked."""
    page = Image.new("RGB", (1180, 1060), "white")
    draw = ImageDraw.Draw(page)
    draw.text((80, 60), "Riverside Clinic", GREY, ImageFont.truetype(BOLD, 44))
    draw.text((80, 122), "Patient intake, to be filled in at reception", GREY, ImageFont.truetype(PRINT, 24))
    for row, (label, value) in enumerate(FORM):
        y = 220 + row * 108
        draw.text((80, y), f"{label}:", GREY, ImageFont.truetype(PRINT, 30))
        draw.line((400, y + 42, 1090, y + 42), (140, 140, 140), 2)
        draw.text((424, y - 24), value.replace(" ", "  "), INK, ImageFont.truetype(HAND, 58))
    _boxes(draw, 220 + len(FORM) * 108 + 20)
    return page


def _boxes(draw: ImageDraw.ImageDraw, y: int) -> None:
    draw.text((80, y), "Smoker:", GREY, ImageFont.truetype(PRINT, 30))
    for x, label in ((410, "yes"), (620, "no")):
        draw.rectangle((x, y, x + 32, y + 32), outline=GREY, width=3)
        draw.text((x + 50, y), label, GREY, ImageFont.truetype(PRINT, 30))
    draw.line((624, y + 6, 648, y + 30), INK, 4)
    draw.line((648, y + 2, 622, y + 28), INK, 4)


def receipt() -> Image.Image:
    """A till's receipt in a fixed-width font."""
    page = Image.new("RGB", (620, 920), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype(TILL, 32)
    for row, (left, right) in enumerate(RECEIPT):
        y = 60 + row * 58
        if right:
            draw.text((50, y), left, (40, 40, 40), font)
            draw.text((570, y), right, (40, 40, 40), font, anchor="ra")
        else:
            draw.text((310, y), left, (40, 40, 40), font, anchor="ma")
    return page


def vitals(path: Path, random: np.random.Generator) -> None:
    """Half an hour of a monitor: a fast pulse that calms down, one gap."""
    minutes = np.arange(30)
    pulse = 96 - 0.5 * minutes + random.normal(0, 1.5, 30)
    oxygen = 96.5 + random.normal(0, 0.5, 30)
    heat = 37.1 + random.normal(0, 0.05, 30)
    rows = [[f"{p:.0f}", f"{o:.0f}", f"{t:.1f}"] for p, o, t in zip(pulse, oxygen, heat, strict=True)]
    rows[17] = ["", "", "37.1"]
    header = ["time", "pulse [1/min]", "oxygen saturation [%]", "temperature [degC]"]
    _write(path, header, datetime(2025, 3, 14, 9, 0), timedelta(minutes=1), rows)


def motor(path: Path, random: np.random.Generator) -> None:
    """A late shift of a motor that warms up and passes 85 degrees from 18:40 to 19:15."""
    steps = np.arange(96)
    heat = 62 + 8 * (1 - np.exp(-steps / 12)) + random.normal(0, 0.6, 96)
    heat += np.interp(steps, [0, 48, 56, 62, 70, 96], [0, 0, 16, 18, 2, 0])
    current = 11.2 + 0.08 * (heat - 62) + random.normal(0, 0.1, 96)
    rows = [[f"{h:.1f}", f"{c:.1f}"] for h, c in zip(heat, current, strict=True)]
    header = ["time", "motor temperature [degC]", "current [A]"]
    _write(path, header, datetime(2025, 3, 14, 14, 0), timedelta(minutes=5), rows)


def _write(path: Path, header: list[str], start: datetime, step: timedelta, rows: Sequence[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([(start + i * step).isoformat(), *row] for i, row in enumerate(rows))


def papers(folder: Path) -> None:
    """The scanned form and receipt."""
    scanned = render.scan_look(form(), seed=11, skew=-1.1)
    scanned.save(folder / "clinic" / "form.jpg", quality=80)
    creased = render.scan_look(receipt(), seed=12, skew=1.6, noise=7.0)
    creased.save(folder / "expense" / "receipt.jpg", quality=75)


def voices(folder: Path, model: Path) -> None:
    """The patient's voice note and the spoken claim, with a room's noise behind them."""
    for text, name, seed, noise in ((NOTE, "clinic/note.wav", 7, 28.0), (CLAIM, "expense/claim.wav", 1, 30.0)):
        samples, rate = speak.piper_voice(model, seed)(text)
        samples = speak.with_silence(speak.resample(samples, rate, 16000), 16000, 0.2, 0.3)
        speak.save(folder / name, speak.with_noise(samples, noise, np.random.default_rng(seed)), 16000)


def main() -> int:
    """Write every example, the line's photograph excepted: make_line_photo.py makes that."""
    parser = argparse.ArgumentParser(description="Make the files of examples/ anew.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--voice", type=Path, help="the Piper voice joe's .onnx; without it the voices are left alone")
    args = parser.parse_args()
    for name in ("clinic", "line", "expense"):
        (args.folder / name).mkdir(parents=True, exist_ok=True)
    papers(args.folder)
    vitals(args.folder / "clinic" / "vitals.csv", np.random.default_rng(13))
    motor(args.folder / "line" / "motor.csv", np.random.default_rng(14))
    (args.folder / "line" / "remark.txt").write_text(REMARK, "utf-8")
    if args.voice:
        voices(args.folder, args.voice)
    return 0


if __name__ == "__main__":
    sys.exit(main())
