"""The picture of an explorer: drawn once, then only what moves is drawn again.

Measured for 680 x 420 pixels at one and a half times the resolution: a full drawing takes
20 to 40 ms, restoring the background and drawing what moves 1 to 4 ms, the PNG 4 ms.
"""

from __future__ import annotations

import base64
import html
import struct
import zlib

import numpy as np

from sciml_lab.plot import new_figure, style

SHARP = 1.5  # pixels of the picture for each pixel of the page: legible on fine displays


class Picture:
    """A figure with a still part, which is kept as pixels, and moving artists on top of it.

    Parameters
    ----------
    width, height : int
        Size on the page in pixels; the width is at most 700.

    Examples
    --------
    >>> picture = Picture(300, 200)
    >>> axes = picture.axes([0.1, 0.1, 0.8, 0.8])
    >>> (line,) = picture.moving(*axes.plot([0, 1], [0, 1]))
    >>> before = picture.png()
    >>> line.set_ydata([1, 0])
    >>> picture.png() != before
    True
    """

    def __init__(self, width: int, height: int):
        if not 0 < width <= 700:
            raise ValueError(f"width must be at most 700 pixels (got {width}).")
        self.width, self.height = width, height
        self.figure = new_figure(width, height)
        self.figure.set_layout_engine(
            "none"
        )  # places are fixed: a picture that moves must not jump
        self.figure.set_dpi(100 * SHARP)
        self._moving: list = []
        self._same: dict = {}  # artist -> its strokes, once they are written
        self._still = None

    def axes(self, place, **options):
        """Add axes at ``[left, bottom, width, height]``, in fractions of the picture."""
        with style():
            return self.figure.add_axes(place, **options)

    def moving(self, *artists):
        """Mark artists as moving: they are drawn in every picture, above the still part.

        Axes may move too, then with all that is in them, ticks included (about 10 ms).
        """
        for artist in artists:
            artist.set_animated(True)
            self._moving.append(artist)
        self._moving.sort(key=lambda artist: artist.get_zorder())
        return artists

    def same_strokes(self, *artists):
        """Say that of these moving artists, which lie above others, none ever changes."""
        self._same |= dict.fromkeys(artists)

    def redraw_all(self) -> None:
        """Forget the still part: axes limits, titles or ticks have changed."""
        self._still = None

    def pixels(self) -> np.ndarray:
        """Draw, and return the picture as ``(height, width, 3)`` bytes."""
        self._begin()
        pen = self.figure.canvas.get_renderer()
        with style():
            for artist in self._visible():
                artist.draw(pen)
        return self._pixels()

    def _begin(self) -> None:
        """Draw the still part, or take it from where it is kept."""
        canvas = self.figure.canvas
        if self._still is None:
            with style():
                canvas.draw()
            self._still = canvas.copy_from_bbox(self.figure.bbox)
        canvas.restore_region(self._still)

    def _visible(self) -> list:
        return [artist for artist in self._moving if artist.get_visible()]

    def _pixels(self) -> np.ndarray:
        return np.asarray(self.figure.canvas.buffer_rgba())[:, :, :3].copy()

    def png(self) -> bytes:
        """Draw, and return the picture as PNG."""
        return encode(self.pixels())

    def still_png(self) -> bytes:
        """The still part alone as PNG: what `strokes` are drawn on."""
        self._begin()
        return encode(self._pixels())

    def strokes(self) -> bytes:
        """The moving part for a page that draws it by itself, see `Strokes`."""
        whole = self._pen()
        with style():
            for artist in self._visible():
                whole.append(self._written(artist))
        return whole.to_bytes()

    def _written(self, artist):
        """The strokes of one artist; from memory if it never changes."""
        if self._same.get(artist):
            return self._same[artist]
        pen = self._pen()
        artist.draw(pen)
        if artist in self._same:
            self._same[artist] = pen
        return pen

    def _pen(self):
        from sciml_lab_widgets.strokes import Strokes

        return Strokes(*self.figure.canvas.get_width_height(), dpi=self.figure.dpi)

    def sharp_pixels(self, scale: float = 2) -> np.ndarray:
        """The picture with `scale` pixels for each one of the page, for print."""
        try:
            self.figure.set_dpi(100 * scale)
            self.redraw_all()
            return self.pixels()
        finally:
            self.figure.set_dpi(100 * SHARP)
            self.redraw_all()

    def empty_lines(self) -> list[str]:
        """Names of the visible moving lines that have points, but none that can be drawn."""
        moving = [line for a in self._moving for line in getattr(a, "lines", [a])]
        lines = [a for a in moving if hasattr(a, "get_xydata") and a.get_visible()]
        data = [(line, np.asarray(line.get_xydata(), dtype=float)) for line in lines]
        return [
            str(line.get_label())
            for line, xy in data
            if len(xy) and not np.isfinite(xy).all(axis=1).any()
        ]


class StaticPicture:
    r"""The static twin of an explorer: a picture and its words, in any notebook or printed page.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The picture.
    alt : str
        What it shows, in words.
    width : int
        Width on the page in pixels.

    Examples
    --------
    >>> twin = StaticPicture(np.zeros((4, 6, 3), dtype=np.uint8), "A black page.", width=3)
    >>> twin.png[:4], twin.alt
    (b'\x89PNG', 'A black page.')
    """

    def __init__(self, pixels: np.ndarray, alt: str, *, width: int):
        self.png = encode(pixels)
        self.alt, self.width = alt, width
        self.height = round(width * pixels.shape[0] / pixels.shape[1])

    def _repr_mimebundle_(self, include=None, exclude=None):
        return mimebundle(self.png, self.alt, self.width, self.height)

    def _repr_html_(self) -> str:
        """For pages that prefer HTML: the picture with its alternative text."""
        data = base64.b64encode(self.png).decode()
        return (
            f'<img src="data:image/png;base64,{data}" width="{self.width}" '
            f'alt="{html.escape(self.alt, quote=True)}">'
        )

    def __repr__(self) -> str:
        return self.alt


def mimebundle(png: bytes, alt: str, width: int, height: int) -> tuple[dict, dict]:
    """What a notebook stores of a picture: the PNG, its words as plain text, size and alt text."""
    data = {"image/png": base64.b64encode(png).decode(), "text/plain": alt}
    return data, {"image/png": {"width": width, "height": height, "alt": alt}}


def encode(pixels: np.ndarray) -> bytes:
    """Pixels of shape ``(height, width, 3)`` as PNG.

    Each row is stored as its difference from the row above, which in a drawing is mostly zero.
    Pillow tries five such filters for each row, and takes two to three times as long.
    """
    height, width, _ = pixels.shape
    rows = np.asarray(pixels, dtype=np.uint8).reshape(height, -1)
    lines = np.full((height, 1 + rows.shape[1]), 2, np.uint8)  # 2: minus the row above
    lines[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits each of red, green, blue
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    """Length, name, content and check sum."""
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
