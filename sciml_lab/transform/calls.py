"""Calls: the source of a function is read in place, NumPy has rules, networks stay whole."""

import ast
import functools
import inspect
import time
import types

import numpy as np

from sciml_lab.transform import numpy_arrays, numpy_rules, own_rules
from sciml_lab.transform import source as sources
from sciml_lab.transform.frames import Frame, Local, mutated, unknown
from sciml_lab.transform.indexing import Indexing
from sciml_lab.transform.library import LIBRARY
from sciml_lab.transform.tree import Primitive, same

DEEPEST = 40  # calls inside calls
CHANGING = {"append", "extend", "insert", "pop", "popitem", "remove", "clear", "sort", "reverse",
            "update", "setdefault", "fill", "put", "resize", "partition", "itemset"}  # fmt: skip
IN_PLACE = (np.fill_diagonal, np.put, np.copyto, np.place, np.putmask, np.put_along_axis)
CLOCKS = (time.time, time.perf_counter, time.monotonic, time.process_time, time.time_ns)


class Calls(Indexing):
    """Call functions of the source, of NumPy, and of the user."""

    def __init__(self):
        super().__init__()
        self.depth, self.reads, self.seen = -1, [], {}  # depth 0 is f itself

    def call(self, function, args, kwargs):
        """Call a function of the source, of NumPy, or of the user."""
        if isinstance(function, functools.partial):
            kwargs = {**function.keywords, **kwargs}
            return self.call(function.func, [*function.args, *args], kwargs)
        if function is functools.partial:
            return functools.partial(*args, **kwargs)
        if isinstance(function, numpy_rules.Method):
            return self.apply(function.rule, [function.owner, *args], kwargs, function.name)
        if unknown(args, kwargs):
            function = numpy_rules.find(function, LIBRARY) or function
        rule = numpy_rules.find(function)
        if rule is not None and (unknown(args, kwargs) or rule in numpy_arrays.MAKERS):
            return self.apply(rule, args, kwargs, function.__name__)
        if isinstance(function, Local):
            inner = Frame(None, function.frame)
            return self.inline(function.tree, inner, args, kwargs, function.defaults)
        if hasattr(function, "as_formulas") and unknown(args, kwargs):
            return own_rules.apply(self, function, args, kwargs)
        if hasattr(function, "as_primitive") and unknown(args, kwargs):
            return self.primitive(function, args)
        owner = getattr(function, "__self__", None)
        if type(owner) in (list, dict):
            return self.container_method(function, owner, args, kwargs)
        if isinstance(function, type) and issubclass(function, tuple):
            return function(*args, **kwargs)
        if not unknown(args, kwargs, owner):
            return self.call_now(function, owner, args, kwargs)
        name = getattr(function, "__name__", type(function).__name__)
        home = getattr(function, "__module__", None) or type(function).__module__ or ""
        if home.partition(".")[0] in ("numpy", "scipy"):
            remedy = "write it out, or keep to backend='numpy', which takes any Python."
            self.fail(f"a call of {name}", remedy)
        if isinstance(function, types.MethodType):
            return self.call(function.__func__, [function.__self__, *args], kwargs)
        if isinstance(function, types.FunctionType):
            return self.inline_function(function, args, kwargs)
        own = vars(type(function)).get("__call__")
        if isinstance(own, types.FunctionType):
            return self.inline_function(own, [function, *args], kwargs)
        return self.fail(
            f"a call of {name}",
            "use functions of NumPy and math, or your own; backend='numpy' takes any Python.",
        )

    def note_read(self, owner, name, look, value):
        """Remember what was read from outside, unless it is another object each time."""
        if (id(owner), name) not in self.seen:
            self.seen[id(owner), name] = owner
            before = sources.snapshot(value)
            if same(look(), before):
                self.reads.append((look, before))

    def apply(self, rule, args, kwargs, name):
        """Apply the rule of a function of NumPy or Python."""
        try:
            return rule(self, *args, **kwargs)
        except TypeError:
            try:
                inspect.signature(rule).bind(self, *args, **kwargs)
            except TypeError:
                word = ", ".join([f"{len(args)} arguments", *(f"{k}=..." for k in kwargs)])
                self.fail(f"{name} with {word}", "leave the option out, or write a loop.")
            raise

    def container_method(self, method, owner, args, kwargs):
        """Call ``append`` and the like, which change a list or a dict that is known now."""
        if method.__name__ in CHANGING:
            self.own(owner)
            args = [self.bind("item", x) for x in args]
        return method(*args, **kwargs)

    def call_now(self, function, owner, args, kwargs):
        """Call a function whose arguments are all known, and remember what it read."""
        name = getattr(function, "__name__", type(function).__name__)
        home = str(type(owner).__module__) + str(getattr(function, "__module__", ""))
        if "random" in home or function in CLOCKS:
            self.fail(f"a call of {name}, which gives another number each time,",
                      "draw it outside and pass it in.")  # fmt: skip
        if (isinstance(owner, np.ndarray) and name in CHANGING) or function in IN_PLACE:
            self.fail(f"{name}, which changes an array in place,", "write into it by an index.")
        if function is print:
            self.fail("print", "leave it out: a compiled function has no output.")
        sources.remember(function, self.reads)
        return function(*args, **kwargs)

    def inline_function(self, function, args, kwargs):
        """Read the source of a Python function in place of its call."""
        tree, origin = sources.source(function)
        outer, self.origin = self.origin, origin
        self.first = self.first or origin
        try:
            return self.inline(
                tree, Frame(function), args, kwargs, self.defaults(function, tree)
            )  # fmt: skip
        finally:
            self.origin = outer

    def defaults(self, function, tree):
        """Return the default values of the parameters of a function."""
        names = [a.arg for a in (*tree.args.posonlyargs, *tree.args.args)]
        given = function.__defaults__ or ()
        values = dict(zip(names[len(names) - len(given) :], given, strict=True))
        values.update(function.__kwdefaults__ or {})
        return {name: self.from_outside(name, value) for name, value in values.items()}

    def inline(self, tree, frame, args, kwargs, defaults=None):
        """Read the body of a function with these arguments."""
        if self.depth >= DEEPEST:
            self.fail("a function that calls itself without end", "use a loop.")
        values = self.parameters(tree, list(args), dict(kwargs), defaults or {})
        frame.mutated = mutated(tree)
        for name, value in values.items():
            frame.env[name] = self.bind(name, value, name in frame.mutated)
        self.depth += 1
        line, here = self.line, self.here
        self.frames.append(frame)
        try:
            if isinstance(tree, ast.Lambda):
                return self.eval(tree.body, frame)
            return self.body(tree, frame)
        except Exception as error:
            error.place = getattr(error, "place", (self.here, self.origin))
            raise
        finally:
            self.frames.pop()
            self.depth -= 1
            if line is not None:  # what the outermost function returns is stored in its last line
                self.line, self.here = line, here

    def parameters(self, tree, args, kwargs, defaults):
        """Match arguments and parameters."""
        spec, one = tree.args, inspect.Parameter
        usual = [(a.arg, one.POSITIONAL_OR_KEYWORD) for a in (*spec.posonlyargs, *spec.args)]
        usual += [(spec.vararg.arg, one.VAR_POSITIONAL)] if spec.vararg else []
        usual += [(a.arg, one.KEYWORD_ONLY) for a in spec.kwonlyargs]
        usual += [(spec.kwarg.arg, one.VAR_KEYWORD)] if spec.kwarg else []
        known = [one(name, how, default=defaults.get(name, one.empty)) for name, how in usual]
        try:
            bound = inspect.Signature(known).bind(*args, **kwargs)
        except TypeError as error:
            title = getattr(tree, "name", "a lambda")
            self.fail(f"a call of {title} ({error})", "match its arguments.")
        bound.apply_defaults()
        return bound.arguments

    def primitive(self, function, args):
        """Call an object that brings its own derivative, such as a network."""
        arrays = [self.flat(self.array(a)) for a in args[:2]]
        made = function.as_primitive(*(a.shape for a in arrays))
        if not isinstance(made, Primitive):
            self.fail(f"{function!r} here", "see sciml_lab.transform.tree.Primitive.")
        name = next((n for n, p in self.primitives.items() if p == made), None)
        name = name or self.fresh(made.name)
        self.primitives[name] = made
        out = self.allocate("z", made.shape)
        texts = [self.piece(a) for a in arrays]
        text = ast.Call(ast.Name(name, ast.Load()), [node_of(out), *texts], [])
        self.emit(ast.Expr(text))
        return out

    def flat(self, array):
        """Return an array whose entries lie one after the other in memory."""
        if array.place is not None and numpy_arrays.in_one_piece(self, array):
            memory = self.shapes[array.memory]
            if len(memory) == 1 or array.size == int(np.prod(memory)):
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
