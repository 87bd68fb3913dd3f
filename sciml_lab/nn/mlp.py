"""The multilayer perceptron, on a flat parameter vector, with its derivative written by hand.

With this module one can put a network inside any right-hand side:

    x_0 = u,    z_l = W_l x_(l-1) + b_l,    x_l = s(z_l),    net(u, p) = z_L.

The whole network is *one* primitive to the AD: the tape stores one entry for it instead of one
for each slice, product and sum. The two sweeps below are the ones every textbook derives,

    forward:   dz = W dx + dW x + db,         dx = s'(z) dz
    backward:  zbar = s'(z) xbar,    Wbar = zbar x^T,   bbar = zbar,   xbar = W^T zbar,

in NumPy calls that accept traced values, so second derivatives need nothing more.
"""

import numpy as np

from sciml_lab._optional import need
from sciml_lab.ad import collect, is_traced
from sciml_lab.ad.primitive import RULES, Primitive
from sciml_lab.ad.values import is_box
from sciml_lab.nn.activations import find_activation
from sciml_lab.nn.initialisers import initial_parameters
from sciml_lab.nn.lowered import network
from sciml_lab.transform.tree import TransformError


class MLP:
    """A multilayer perceptron ``net(u, p)``.

    Parameters
    ----------
    sizes : sequence of int
        Width of each layer, input and output included: ``[2, 50, 2]``.
    activation : str, callable, Activation, or a list of these
        Nonlinearity of the hidden layers ("tanh", "relu", "gelu", "sigmoid", "softplus", "swish",
        "sin", "rbf", or a function written with NumPy calls); a list gives one for each hidden
        layer. The last layer is linear.

    Attributes
    ----------
    size : int
        Number of parameters.

    Raises
    ------
    ValueError, TypeError
        If `sizes` is not at least two positive integers, or an activation is unknown.

    Notes
    -----
    The parameters are no part of the object: ``p`` is an argument, like in ``f(u, p, t)``. A third
    argument is accepted and ignored, so a network *is* an autonomous right-hand side and
    ``sl.ODEProblem(net, u0, tspan, p)`` is a neural ODE. A cost in the order of one product of
    matrices a layer; a VJP costs about three evaluations.

    Examples
    --------
    >>> net = MLP([2, 50, 2])
    >>> p = net.init(seed=0)
    >>> net.size, net(np.array([1.0, 2.0]), p).shape, net(np.ones((2, 7)), p).shape
    (252, (2,), (2, 7))
    """

    __slots__ = ("__weakref__", "_recent", "activations", "shapes", "size", "sizes")

    def __init__(self, sizes, activation="tanh"):
        self.sizes = _checked_sizes(sizes)
        hidden = len(self.sizes) - 2
        many = isinstance(activation, list | tuple)
        if many and len(activation) != hidden:
            raise ValueError(
                f"activation lists {len(activation)} functions, but sizes {list(self.sizes)} has "
                f"{hidden} hidden layers: give one for each."
            )
        chosen = activation if many else [activation] * hidden
        self.activations = tuple(find_activation(a) for a in chosen)
        self.shapes = list(zip(self.sizes[1:], self.sizes[:-1], strict=True))
        self.size = sum(m * n + m for m, n in self.shapes)
        self._recent = ()  # layers of the latest evaluations, for a backward sweep right after

    def init(self, seed=0, scheme="glorot") -> np.ndarray:
        """Draw a starting point for training.

        Parameters
        ----------
        seed : int or numpy.random.Generator
            Source of randomness.
        scheme : {"glorot", "he", "lecun", "zeros-last"}
            Size of the weights: see `sciml_lab.nn.initialisers`.

        Returns
        -------
        ndarray, shape (size,)

        Raises
        ------
        ValueError
            If the scheme is unknown.

        Examples
        --------
        >>> MLP([2, 3, 1]).init(seed=1, scheme="zeros-last")[-4:]
        array([0., 0., 0., 0.])
        """
        return initial_parameters(self.sizes, seed, scheme)

    def unpack(self, p) -> list:
        """Split the flat vector into ``[(W_1, b_1), ..., (W_L, b_L)]``.

        Parameters
        ----------
        p : array, shape (size,) or (size, k)
            Parameters, or k tangents of them.

        Examples
        --------
        >>> [(W.shape, b.shape) for W, b in MLP([2, 3, 1]).unpack(np.arange(13.0))]
        [((3, 2), (3,)), ((1, 3), (1,))]
        """
        layers, i = [], 0
        for m, n in self.shapes:
            j = i + m * n
            layers.append((p[i:j].reshape((m, n, *p.shape[1:])), p[j : j + m]))
            i = j + m
        return layers

    def __call__(self, u, p, t=None):
        """Evaluate the network.

        Parameters
        ----------
        u : array, shape (n,) or (n, B)
            Input, or a batch of inputs: component first, batch last.
        p : array, shape (size,)
            Parameters.
        t : object, optional
            Ignored.

        Returns
        -------
        array, shape (m,) or (m, B)

        Raises
        ------
        ValueError
            If the shapes don't fit the network.
        """
        u, p = _as_array(u), _as_array(p)
        if p.shape != (self.size,):
            raise ValueError(
                f"p has shape {tuple(p.shape)}, but this network has {self.size} parameters: "
                "start from net.init(seed)."
            )
        if u.ndim not in (1, 2) or u.shape[0] != self.sizes[0]:
            raise ValueError(
                f"u has shape {tuple(u.shape)}, but this network takes ({self.sizes[0]},) or "
                f"({self.sizes[0]}, B): component first, batch last."
            )
        if is_box(u) or is_box(p):
            anp = need("autograd.numpy", extra="lab", what="a network of autograd values")
            return self._layers(u, p, anp)[-1]
        if any(a.slope is None for a in self.activations):  # a function of the user: trace through
            return self._layers(u, p, np)[-1]
        return _network(u, p, net=self)

    def _layers(self, u, p, np):
        """Forward pass: [x_0, z_1, x_1, z_2, ..., z_L], each of shape (width,) or (width, B)."""
        values = [u]
        layers = self.unpack(p)
        for k, (W, b) in enumerate(layers):
            z = W @ values[-1] + (b if u.ndim == 1 else b[:, None])
            values.append(z)
            if k < len(self.activations):
                values.append(self.activations[k](z, np))
        return values

    def _remembered_layers(self, answer, u, p):
        """The forward pass that led to `answer`: remembered if it is recent, else repeated."""
        for entry in self._recent:
            if entry[0] is answer and entry[1] is u and entry[2] is p:
                return entry[3]
        return self._layers(u, p, np)

    def _slope(self, k, z, x):
        return self.activations[k].slope(z, x, np)

    def as_primitive(self, u_shape, p_shape):
        """Return the network as text in the lowered language, for states of this shape.

        Parameters
        ----------
        u_shape : tuple of int
            ``(n,)`` or ``(n, B)``.
        p_shape : tuple of int
            ``(size,)``

        Returns
        -------
        transform.tree.Primitive
            Loops over numbers, with VJP and JVP (see `sciml_lab/nn/lowered.py`).

        Raises
        ------
        TransformError
            If the shapes don't fit the network, or an activation can't be written down.

        Examples
        --------
        >>> MLP([2, 50, 2]).as_primitive((2,), (252,)).name
        'mlp_2_50_2'
        """
        if p_shape != (self.size,) or len(u_shape) not in (1, 2) or u_shape[0] != self.sizes[0]:
            raise TransformError(
                f"{self!r} of u with shape {u_shape} and p with shape {p_shape}",
                f"give u as ({self.sizes[0]},) or ({self.sizes[0]}, B), and p as ({self.size},).",
            )
        return network(self, u_shape[1] if len(u_shape) == 2 else None)

    def __getstate__(self):
        return self.sizes, self.activations

    def __setstate__(self, state):
        self.__init__(state[0], state[1])

    def __eq__(self, other):
        return isinstance(other, MLP) and self.__getstate__() == other.__getstate__()

    def __hash__(self):
        return hash(self.__getstate__())

    def __repr__(self):
        names = [a.name for a in self.activations]
        shown = repr(names[0] if names else "tanh") if len(set(names)) < 2 else names
        return f"MLP({list(self.sizes)}, activation={shown})"


def _forward(u, p, *, net):
    """The value, on plain numbers; the layers are remembered for the sweeps below."""
    values = net._layers(u, p, np)
    net._recent = ((values[-1], u, p, values), *net._recent[:7])  # the stages of one step
    return values[-1]


def _push(net, dx, dp, answer, u, p):
    """Forward sweep: tangents of u ``(n, [B,] k)`` and of p ``(size, k)``; None is zero."""
    values = net._remembered_layers(answer, u, p)
    layers = net.unpack(p)
    directions = net.unpack(dp) if dp is not None else [None] * len(layers)
    dz = None
    for k, ((W, _), direction) in enumerate(zip(layers, directions, strict=True)):
        if k:
            dx = net._slope(k - 1, values[2 * k - 1], values[2 * k])[..., None] * dz
        dz = None if dx is None else _times(W, dx)
        if direction is not None:
            more = _from_weights(direction[0], direction[1], values[2 * k])
            dz = more if dz is None else dz + more
    return dz


def _times(W, dx):
    """``W dx`` over the first axis of an array of any rank, as one product of matrices."""
    flat = W @ np.reshape(dx, (dx.shape[0], -1))
    return np.reshape(flat, (W.shape[0], *dx.shape[1:]))


def _from_weights(dW, db, x):
    """``dW x + db`` for k directions at once: dW ``(m, n, k)``, x ``(n,)`` or ``(n, B)``."""
    m, n, k = dW.shape
    wide = np.reshape(np.transpose(dW, (1, 0, 2)), (n, m * k))
    if x.ndim == 1:
        return np.reshape(x @ wide, (m, k)) + db
    product = np.reshape(np.transpose(x) @ wide, (x.shape[1], m, k))
    return np.transpose(product, (1, 0, 2)) + db[:, None, :]


def _pull(net, g, answer, u, p, want_u=True, want_p=True):
    """Backward sweep: the cotangents of u and of p, both from one pass; None where not wanted."""
    values = net._remembered_layers(answer, u, p)
    layers = net.unpack(p)
    parts = []
    for k in range(len(layers) - 1, -1, -1):
        x, W = values[2 * k], layers[k][0]
        if k < len(layers) - 1:
            g = g * net._slope(k, values[2 * k + 1], values[2 * k + 2])
        if want_p:
            batch = x.ndim == 2
            W_bar = g @ np.transpose(x) if batch else g[:, None] * x
            parts += [np.sum(g, axis=1) if batch else g, np.reshape(W_bar, (-1,))]
        if k or want_u:
            g = np.transpose(W) @ g
    return g if want_u else None, np.concatenate(parts[::-1]) if want_p else None


class _Network(Primitive):
    """The network as a primitive of u and p, whose two arguments share each sweep."""

    __slots__ = ()

    def push(self, tangents, answer, values, kwargs):
        (du, dp), (u, p) = tangents, values
        return _push(kwargs["net"], du, dp, answer, u, p)

    def pull(self, wanted, g, answer, values, kwargs):
        u, p = values
        bars = _pull(kwargs["net"], g, answer, u, p, want_u=0 in wanted, want_p=1 in wanted)
        return [bars[k] for k in wanted]


_network = _Network(
    _forward,
    jvps=(
        lambda t, answer, u, p, *, net: _push(net, t, None, answer, u, p),
        lambda t, answer, u, p, *, net: _push(net, None, t, answer, u, p),
    ),
    vjps=(
        lambda g, answer, u, p, *, net: _pull(net, g, answer, u, p, want_p=False)[0],
        lambda g, answer, u, p, *, net: _pull(net, g, answer, u, p, want_u=False)[1],
    ),
    name="mlp",
)
RULES["mlp"] = _network


def _as_array(x):
    """An array or a traced value: lists and object arrays of traced scalars are gathered."""
    if type(x) is np.ndarray and not x.dtype.hasobject:
        return x if x.dtype.kind in "fc" else x.astype(float)
    return collect(x) if is_traced(x) else np.asarray(x, dtype=float)


def _checked_sizes(sizes):
    """The layer sizes as a tuple of positive integers, or a sentence."""
    whole = []
    try:
        whole = [int(n) for n in sizes]
        good = len(whole) >= 2 and all(n > 0 and n == m for n, m in zip(whole, sizes, strict=True))
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError(
            f"sizes must list at least two positive whole numbers, input and output included "
            f"(got {sizes!r}): for example [2, 50, 2]."
        )
    return tuple(whole)
