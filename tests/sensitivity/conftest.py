"""Problems and losses that several tests of this folder share."""

import numpy as np
import pytest

import sciml_lab as sl


def lotka_volterra(u, p, t):
    x, y = u
    a, b, c, d = p
    return np.array([a * x - b * x * y, -c * y + d * x * y])


def pendulum(u, p, t):
    angle, speed = u
    return np.array([speed, -p[0] * np.sin(angle) - p[1] * speed + p[2] * np.cos(2.0 * t)])


def neural(u, p, t):
    """A network 2-8-2 on cubes, on one state or on columns."""
    w1, b1 = p[:16].reshape(8, 2), p[16:24]
    w2, b2 = p[24:40].reshape(2, 8), p[40:]
    return w2 @ np.tanh(w1 @ u**3 + b1) + b2


CASES = {
    "lotka_volterra": (lotka_volterra, [1.0, 1.0], (0.0, 3.0), [1.5, 1.0, 3.0, 1.0]),
    "pendulum": (pendulum, [1.2, 0.3], (0.5, 4.0), [2.0, 0.2, 0.7]),
    "neural": (neural, [1.1, -0.4], (0.0, 1.5), 0.5 * np.random.default_rng(3).normal(size=42)),
}


@pytest.fixture(params=CASES)
def problem(request):
    """Each problem in turn."""
    return sl.ODEProblem(*CASES[request.param])


@pytest.fixture
def predator_prey():
    """Lotka-Volterra, where one problem is enough."""
    return sl.ODEProblem(*CASES["lotka_volterra"])


@pytest.fixture
def swing():
    """The driven pendulum: f depends on t."""
    return sl.ODEProblem(*CASES["pendulum"])


class Replay:
    """A controller that writes down what another decides, and afterwards repeats it.

    Complex and traced numbers are summed in another order than plain ones, and the error estimate
    magnifies the rounding into step sizes that differ in the ninth digit. Here all take the same
    steps, to the last bit. (A batch must be given dt, for it starts each lane with its own.)
    """

    name = "replay"

    def __init__(self, controller):
        self.controller, self.decisions, self.place = controller, [], None

    def start(self):
        self.place = None if self.place is None else 0
        return self.controller.start()

    def decide(self, error, k, memory):
        if self.place is None:
            self.decisions.append(self.controller.decide(error, k, memory))
            return self.decisions[-1]
        self.place += 1
        return self.decisions[self.place - 1]


@pytest.fixture
def frozen():
    """Options of `solve` that repeat the steps of one adaptive solve exactly."""

    def options(problem, method, **options):
        replay = Replay(sl.PIController())
        records = list(sl.steps(problem, method, controller=replay, **options))
        replay.place = 0
        return {"dt": np.max(np.abs(records[0].h)), **options, "controller": replay}

    return options


@pytest.fixture
def scalar():
    """A loss that weighs every output differently and is not linear."""

    def loss(u):
        weights = 1.0 + np.arange(u.size).reshape(u.shape) / u.size
        return (weights * (u + 0.3 * u * u)).sum()

    return loss


@pytest.fixture
def complex_step():
    """Gradient by an imaginary part so small that no step size notices it."""

    def gradient(loss, x):
        x = np.asarray(x, dtype=float)
        out = np.empty(x.size)
        for i in range(x.size):
            moved = x.ravel().astype(complex)
            moved[i] += 1e-200j
            out[i] = loss(moved.reshape(x.shape)).imag / 1e-200
        return out.reshape(x.shape)

    return gradient


@pytest.fixture
def central():
    """Gradient by central differences, good to about 1e-9 here if the steps are fixed."""

    def gradient(loss, x, h=1e-5):
        x = np.asarray(x, dtype=float)
        out = np.empty(x.size)
        for i in range(x.size):
            e = np.zeros(x.size)
            e[i] = h
            e = e.reshape(x.shape)
            out[i] = (8 * (loss(x + e) - loss(x - e)) - (loss(x + 2 * e) - loss(x - 2 * e))) / (
                12 * h
            )
        return out.reshape(x.shape)

    return gradient
