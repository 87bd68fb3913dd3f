"""Calls: the source of a function is read in place, NumPy has rules, networks stay whole."""

import ast
import functools
import types

import numpy as np

from sciml_lab.transform import numpy_arrays, numpy_rules
from sciml_lab.transform import source as sources
from sciml_lab.transform.frames import Frame, Local, unknown
from sciml_lab.transform.indexing import Indexing
from sciml_lab.transform.tree import Primitive
from sciml_lab.transform.values import NeedsStatic

DEEPEST = 40  # calls inside calls


class Calls(Indexing):
    """Call functions of the source, of NumPy, and of the user."""

    def __init__(self):
        super().__init__()
        self.depth, self.list_paths = 0, {}

    def call(self, function, args, kwargs):
        """Call a function of the source, of NumPy, or of the user."""
        if isinstance(function, functools.partial) and not (
            function.func in numpy_rules.METHODS.values() or not unknown(args, kwargs)
        ):
            return self.call(
                function.func, [*function.args, *args], {**function.keywords, **kwargs}
            )
        rule = numpy_rules.find(function)
        if rule is not None and (unknown(args, kwargs) or rule in numpy_arrays.MAKERS):
            return rule(self, *args, **kwargs)
        if isinstance(function, Local):
            return self.inline(function.tree, Frame(None, function.frame), args, kwargs)
        if hasattr(function, "as_primitive") and unknown(args, kwargs):
            return self.primitive(function, args)
        if isinstance(function, functools.partial):
            return function(*args, **kwargs)
        if isinstance(getattr(function, "__self__", None), list):
            return self.list_method(function, args)
        if isinstance(function, type) and issubclass(function, tuple):
            return function(*args, **kwargs)
        if not unknown(args, kwargs, getattr(function, "__self__", None)):
            return function(*args, **kwargs)
        if isinstance(function, types.MethodType):
            return self.call(function.__func__, [function.__self__, *args], kwargs)
        if isinstance(function, types.FunctionType):
            return self.inline_function(function, args, kwargs)
        own = vars(type(function)).get("__call__")
        if isinstance(own, types.FunctionType):
            return self.inline_function(own, [function, *args], kwargs)
        name = getattr(function, "__name__", type(function).__name__)
        return self.fail(
            f"a call of {name}",
            "use functions of NumPy and math, or your own; backend='numpy' takes any Python.",
        )

    def list_method(self, method, args):
        """``append`` and the like, which change a list that is known now."""
        owner = method.__self__
        if self.list_paths.get(id(owner), (None, self.path))[1] != self.path:
            raise NeedsStatic
        return method(*args)

    def inline_function(self, function, args, kwargs):
        """Read the source of a Python function in place of its call."""
        tree, origin = sources.source(function)
        defaults = dict(function.__kwdefaults__ or {})
        names = [a.arg for a in (*tree.args.posonlyargs, *tree.args.args)]
        given = function.__defaults__ or ()
        defaults.update(zip(names[len(names) - len(given) :], given, strict=True))
        outer, self.origin = self.origin, origin
        try:
            return self.inline(tree, Frame(function), args, kwargs, defaults)
        finally:
            self.origin = outer

    def inline(self, tree, frame, args, kwargs, defaults=None):
        """Read the body of a function with these arguments."""
        if self.depth >= DEEPEST:
            self.fail("a function that calls itself without end", "use a loop.")
        values = self.parameters(tree, frame, list(args), dict(kwargs), defaults or {})
        for name, value in values.items():
            frame.env[name] = self.bind(name, value)
        self.depth += 1
        line = self.line
        try:
            if isinstance(tree, ast.Lambda):
                return self.eval(tree.body, frame)
            return self.body(tree, frame)
        finally:
            self.depth -= 1
            self.line = line

    def parameters(self, tree, frame, args, kwargs, defaults):
        """Match arguments and parameters."""
        spec, values = tree.args, {}
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        if not defaults and spec.defaults:
            for name, value in zip(names[-len(spec.defaults) :], spec.defaults, strict=True):
                defaults[name] = self.eval(value, frame.parent or frame)
        title = getattr(tree, "name", "a lambda")
        for k, name in enumerate((*names, *(a.arg for a in spec.kwonlyargs))):
            if k < len(names) and k < len(args):
                values[name] = args[k]
            elif name in kwargs:
                values[name] = kwargs.pop(name)
            elif name in defaults:
                values[name] = defaults[name]
            else:
                self.fail(f"a call of {title} without {name}", "give every argument.")
        rest = args[len(names) :]
        if spec.vararg:
            values[spec.vararg.arg] = tuple(rest)
        elif rest:
            self.fail(f"a call of {title} with {len(args)} arguments", f"give {len(names)}.")
        if spec.kwarg:
            values[spec.kwarg.arg] = kwargs
        elif kwargs:
            self.fail(f"a call of {title} with {min(kwargs)}=...", "leave it out.")
        return values

    def primitive(self, function, args):
        """Call an object that brings its own derivative, such as a network."""
        arrays = [self.flat(self.array(a)) for a in args[:2]]
        made = function.as_primitive(*(a.shape for a in arrays))
        if not isinstance(made, Primitive):
            self.fail(f"{function!r} here", "see sciml_lab.transform.tree.Primitive.")
        known = {id(p): name for name, p in self.primitives.items()}
        name = (
            known.get(id(made))
            or next((n for n, p in self.primitives.items() if p == made), None)
            or self.fresh(made.name)
        )
        self.primitives[name] = made
        out = self.allocate("z", made.shape)
        texts = [self.piece(a) for a in arrays]
        text = ast.Call(ast.Name(name, ast.Load()), [node_of(out), *texts], [])
        self.emit(ast.Expr(text))
        self.stores += 1
        return out

    def flat(self, array):
        """Return an array whose entries lie one after the other in memory."""
        if array.place is not None:
            first, last = array.place(*(0,) * len(array.shape)), None
            if len(first[1]) == 1:
                last = array.place(*(n - 1 for n in array.shape))
                counted = [array.place(*i)[1][0] for i in np.ndindex(array.shape)]
                if counted == list(range(first[1][0], last[1][0] + 1)):
                    return array
            elif array.shape == self.shapes.get(first[0]):
                return array
        return self.materialise(array, "x")

    def piece(self, array):
        """Return ``name`` or ``name[2:7]`` for an array that lies in one piece."""
        name, start = array.place(*(0,) * len(array.shape))
        if array.shape == self.shapes[name] or array.size == int(np.prod(self.shapes[name])):
            return ast.Name(name, ast.Load())
        part = ast.Slice(ast.Constant(start[0]), ast.Constant(start[0] + array.size))
        return ast.Subscript(ast.Name(name, ast.Load()), part, ast.Load())


def node_of(array):
    """Return the name of an array that has memory of its own."""
    return ast.Name(array.place(*(0,) * len(array.shape))[0], ast.Load())
