r"""A ball that bounces, in closed form: when it hits the ground, and when it passes a height.

Between two impacts :math:`v' = -g - c\,|v|\,v`, with the terminal speed :math:`w = \sqrt{g/c}`.
Upwards :math:`v = w \tan(a - g t/w)`, downwards :math:`v = -w \tanh(g t/w)`; without drag both are
parabolas. An impact leaves the part e of the speed.
"""

import numpy as np

G = 9.81
HEIGHT = 2.0  # from which the ball is dropped, at rest


def fall(u, p, t):
    """Right-hand side for the state [height, velocity] and p = [restitution, drag]."""
    return np.array([u[1], -G - p[1] * abs(u[1]) * u[1]])


def bounce(u, p, t):
    """What an impact does."""
    return np.array([0.0, -p[0] * u[1]])


def time_to_fall(distance, drag):
    """Time in which a ball at rest falls by a distance.

    Examples
    --------
    >>> [round(float(time_to_fall(G / 2, drag)), 5) for drag in (0.0, 1e-6)]
    [1.0, 1.0]
    """
    if drag == 0:
        return np.sqrt(2 * distance / G)
    return np.arccosh(np.exp(drag * distance)) / np.sqrt(G * drag)


def time_to_rise(speed, drag, to=None):
    """Time from the ground to a height, or to the highest point, with that first speed.

    Examples
    --------
    >>> [round(float(time_to_rise(G, 0.0, to)), 12) for to in (None, 1.5 * G / 4)]
    [1.0, 0.5]
    """
    if drag == 0:
        left = 0.0 if to is None else np.sqrt(max(speed**2 - 2 * G * to, 0.0))
        return (speed - left) / G
    w = np.sqrt(G / drag)
    angle = np.arctan(speed / w)
    if to is None:
        return angle * w / G
    return (angle - np.arccos(min(np.cos(angle) * np.exp(drag * to), 1.0))) * w / G


def peak(speed, drag):
    """The highest point of a flight with that first speed.

    Examples
    --------
    >>> round(peak(G, 0.0) / G, 12), bool(peak(G, 0.1) < peak(G, 0.0))
    (0.5, True)
    """
    return speed**2 / (2 * G) if drag == 0 else np.log1p(drag * speed**2 / G) / (2 * drag)


def speed_after(distance, drag):
    """Speed after a fall by a distance from rest.

    Examples
    --------
    >>> round(float(speed_after(G / 2, 0.0)) / G, 12)
    1.0
    """
    if drag == 0:
        return np.sqrt(2 * G * distance)
    return np.sqrt(-np.expm1(-2 * drag * distance) * G / drag)


def exact(restitution, drag, height, end):
    """Times of the impacts, and of the passages of a height upwards and downwards, before `end`.

    Examples
    --------
    >>> impacts, up, down = exact(0.5, 0.0, 0.3, 2.0)
    >>> len(up), len(down), float(impacts[:3].round(4)[1])
    (1, 2, 1.2771)
    """
    impacts, up, down = [], [], []
    top, at = HEIGHT, 0.0  # the highest point of a flight, and when it is reached
    while at + time_to_fall(top, drag) < end and len(impacts) < 1000:
        if height < top:
            down.append(at + time_to_fall(top - height, drag))
        impacts.append(at + time_to_fall(top, drag))
        speed = restitution * speed_after(top, drag)
        top, at = peak(speed, drag), impacts[-1] + time_to_rise(speed, drag)
        if height < top:
            up.append(impacts[-1] + time_to_rise(speed, drag, height))
        if at + time_to_fall(top, drag) <= impacts[-1] * (1 + 1e-15):
            break  # no time goes on any more
    if height < top:
        down.append(at + time_to_fall(top - height, drag))
    return tuple(np.array([s for s in times if s < end]) for times in (impacts, up, down))
