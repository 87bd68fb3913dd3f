"""The user's f for several trajectories at once, where it can be had.

With this module one can turn the in-place form of f into the same text over lanes. Questions about
the state are answered in every lane: both branches of an `if` are computed, and each lane keeps
its own. A loop whose end depends on the state has no such form; then an ensemble runs with one
lane, on the plain f.
"""

# ruff: noqa: D102 - what visit_... does, `ast.NodeTransformer` says

import ast
import copy
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numba import cfunc, types

from sciml_lab.backends.numba import functions, lanes_math, lanes_types
from sciml_lab.backends.numba.lanes_rewrite import Rewriter
from sciml_lab.backends.numba.lanes_types import Lanes
from sciml_lab.backends.numba.pointers import SHARED, Memory
from sciml_lab.transform.inplace import inplace


class NoLanes(Exception):
    """Why f has no form over lanes, in a few words."""


def lanes_form(function, u0, p, own) -> ast.FunctionDef:
    """The text of ``f(du, u, p, t_memory, work)`` over lanes.

    Parameters
    ----------
    function : Function
        The compiled f for one trajectory.
    u0, p : ndarray, ndarray or None
        Examples of its arguments.
    own : bool
        Whether every trajectory has parameters of its own.

    Raises
    ------
    NoLanes
        If it has none.
    """
    form = inplace(replace(function.lowered, reads=[]))
    tree = functions.standard(form, u0, p)
    du, u, parameters, t, work = (a.arg for a in tree.args.args)
    varying = _varying(tree, {du, u, t, work} | ({parameters} if own else set()))
    tree.args.args[3].arg = f"{t}_memory"
    tree.body = Branches(varying).block(tree.body)
    tree.body.insert(0, ast.parse(f"{t} = {t}_memory[0]").body[0])
    return ast.fix_missing_locations(tree)


def network_forms(function, own):
    """The texts of the networks that f calls, ``name(out, x, p, work)``, over lanes."""
    texts = []
    for primitive in function.lowered.primitives.values():
        tree = ast.parse(primitive.call)
        for one in tree.body:
            first, *inputs, weights, work = (a.arg for a in one.args.args)
            varying = _varying(one, {first, *inputs, work} | ({weights} if own else set()))
            one.body = Branches(varying).block(one.body)
        texts.append(ast.unparse(ast.fix_missing_locations(tree)))
    return "\n\n".join(texts)


def _names(node):
    return {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}


def _varying(tree, names):
    """All names whose values may differ from lane to lane."""
    while True:
        more = set()
        for s in ast.walk(tree):
            if isinstance(s, ast.Assign | ast.AugAssign) and _names(s.value) & names:
                target = s.targets[0] if isinstance(s, ast.Assign) else s.target
                more.add(target.value.id if isinstance(target, ast.Subscript) else target.id)
            if isinstance(s, ast.If) and _names(s.test) & names:
                more |= {x.id for x in ast.walk(s)
                         if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)}  # fmt: skip
        if more <= names:
            return names
        names = names | more


class Branches(Rewriter):
    """Rewrite the statements of f for lanes; `block` takes a list of them.

    Parameters
    ----------
    varying : set of str
        Names that hold lanes.
    """

    def __init__(self, varying):
        super().__init__(self._single)
        self.varying, self.count = varying, 0

    def _single(self, condition):
        return not _names(condition) & self.varying

    def block(self, statements):
        """All of them, in order."""
        return [new for s in statements for new in self.statement(s)]

    def statement(self, s):
        """One statement; an `if` about lanes becomes several without one."""
        if isinstance(s, ast.For | ast.While | ast.If):
            asked = s.iter if isinstance(s, ast.For) else s.test
            single = self._single(asked)
            if isinstance(s, ast.If) and not single:
                return self.both(s)
            if not single:
                raise NoLanes(f"the `{type(s).__name__.lower()}` loop of f depends on its state")
            s = copy.copy(s)
            s.body, s.orelse = self.block(s.body), self.block(s.orelse)
            return [s]
        return [self.visit(s)]

    def both(self, s):
        """Compute both branches, then choose."""
        self.count += 1
        question = f"question_{self.count}"
        self.varying = self.varying | {question}
        branches, ends = [], []
        for tail, body in (("then", s.body), ("else", s.orelse)):
            condition = question if tail == "then" else f"~{question}"
            targets = [x.targets[0] for x in body if isinstance(x, ast.Assign)]
            given = [x.id for x in targets if isinstance(x, ast.Name)]
            ends.append({name: f"{name}_{tail}_{self.count}" for name in given})
            branches.append((condition, body))
        shared = set(ends[0]) & set(ends[1])
        result = [_assign(question, self.visit(s.test))]
        for (condition, body), names in zip(branches, ends, strict=True):
            rename = {name: names[name] for name in shared}
            self.varying = self.varying | set(rename.values())
            for x in self.block([_Rename(rename).visit(copy.deepcopy(x)) for x in body]):
                result.append(_only_where(condition, x))
        for name in sorted(shared):
            choice = f"where({question}, {ends[0][name]}, {ends[1][name]})"
            result.append(_assign(name, ast.parse(choice, mode="eval").body))
        return result

    def visit_BinOp(self, node):
        node = self.generic_visit(node)
        if self._single(node):
            return node
        if isinstance(node.op, ast.FloorDiv | ast.Mod):
            raise NoLanes("f divides its state with remainder")
        whole = getattr(node.right, "value", None)
        if isinstance(node.op, ast.Pow) and isinstance(whole, int | float) and (
            whole == int(whole) and 0 <= whole <= 64 and not self._single(node.left)
        ):  # fmt: skip
            arguments = [node.left, ast.Constant(int(whole))]
            return ast.Call(ast.Name("whole_power", ast.Load()), arguments, [])
        return node

    def visit_Call(self, node):
        """``np.exp`` and ``np.tanh`` have forms of their own, ``int`` has none."""
        varies = any(not self._single(a) for a in node.args)
        node = self.generic_visit(node)
        name = ast.unparse(node.func)
        if varies and name == "int":
            raise NoLanes("f makes whole numbers of its state")
        if varies and name in ("np.exp", "np.tanh"):
            node.func = ast.Name(f"{name[3:]}_", ast.Load())
        if varies and name == "float":
            return node.args[0]
        return node


def _assign(name, value):
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _only_where(condition, s):
    """A statement that writes only in the lanes where the condition holds."""
    if isinstance(s, ast.For | ast.If):
        s.body = [_only_where(condition, x) for x in s.body]
        s.orelse = [_only_where(condition, x) for x in s.orelse]
        return s
    if isinstance(s, ast.Expr):
        raise NoLanes("f calls a network in one branch only")
    if isinstance(s, ast.AugAssign):
        choice = ast.parse(f"where({condition}, value, 0.0)", mode="eval").body
        choice.args[1], s.value = s.value, choice
    elif isinstance(s.targets[0], ast.Subscript):
        old = ast.unparse(s.targets[0])
        choice = ast.parse(f"where({condition}, value, {old})", mode="eval").body
        choice.args[1], s.value = s.value, choice
    return s


class _Rename(ast.NodeTransformer):
    def __init__(self, names):
        self.names = names

    def visit_Name(self, node):
        node.id = self.names.get(node.id, node.id)
        return node


def compile_lanes(function, u0, p, own, width):
    """Compile the lanes' form of f, or take it from memory; returns Numba's cfunc."""
    kept = function.__dict__.setdefault("lanes", {})  # lives as long as the compiled f
    if (own, width) not in kept:
        form = lanes_form(function, u0, p, own)
        constants = function.lowered.constants
        frozen = tuple((k, np.ravel(v).tobytes()) for k, v in constants.items())
        networks = network_forms(function, own)
        kept[own, width] = _machine(ast.unparse(form), form.name, networks, frozen, own, width)
    return kept[own, width]


@lru_cache(maxsize=256)
def _machine(text, name, networks, frozen, own, width):
    quick = {f"{name}_": one for name, one in lanes_math.compiled().items()}
    constants = {name: np.frombuffer(data) for name, data in frozen}
    surroundings = {"np": np, **vars(lanes_types), **quick, **constants}
    exec(compile(networks, f"<networks of {name}, lanes>", "exec"), surroundings)
    for one in ast.parse(networks).body:
        surroundings[one.name] = functions.primitive(surroundings[one.name])
    exec(compile(text, f"<{name}, lanes>", "exec"), surroundings)
    lanes, plain = Memory(Lanes(width), SHARED), Memory(types.float64, SHARED)
    signature = types.void(lanes, lanes, lanes if own else plain, lanes, lanes)
    flags = functions.BOLD if networks else functions.CAREFUL
    options = {"error_model": "numpy", "fastmath": flags}
    return cfunc(signature, **options)(surroundings[name])
