"""The zoo against SciPy, against its own exact solutions and invariants, and on every input."""

import numpy as np
import pytest
from scipy import special
from scipy.integrate import solve_ivp

import sciml_lab as sl
from sciml_lab.problems.zoo import closed_forms

ENTRIES = sl.zoo.all()
NON_STIFF = [e for e in ENTRIES if not e.stiff]
EXACT = [e for e in ENTRIES if e.exact]
INVARIANTS = [(e, name) for e in ENTRIES for name in e.invariants]


def by_name(thing):
    return thing.name if isinstance(thing, sl.problems.zoo.Entry) else None


def a_state(entry, rng, shape=()):
    """Positive and away from all collisions: near the start, moved by up to a tenth."""
    start = entry.u0.reshape(entry.u0.shape + (1,) * len(shape))
    return start + 0.1 * rng.uniform(0.1, 1.0, size=entry.u0.shape + shape)


def scipy_solve(entry, **options):
    return solve_ivp(lambda t, u: entry.f(u, entry.p, t), entry.tspan, entry.u0, **options)


# -- reference values ---------------------------------------------------------------------------


@pytest.mark.parametrize("entry", NON_STIFF, ids=by_name)
def test_reference_of_the_non_stiff_by_scipy(entry):
    sol = scipy_solve(entry, method="DOP853", rtol=1e-13, atol=1e-15)
    assert entry.reference.t == entry.tspan[1] == sol.t[-1]
    assert entry.reference.error(sol.y[:, -1]) < entry.reference.accuracy


def test_an_error_in_a_reference_would_be_seen():
    reference = sl.zoo.pollu.reference
    wrong = reference.u.copy()
    wrong[15] *= 1 + 1e-6  # the smallest component, of size 4e-18
    assert reference.error(wrong) == pytest.approx(1e-6, rel=1e-6)


# -- exact solutions ----------------------------------------------------------------------------


@pytest.mark.parametrize("entry", EXACT, ids=by_name)
def test_exact_solution_starts_right_and_satisfies_the_equation(entry):
    np.testing.assert_allclose(entry.exact(0.0), entry.u0, atol=1e-14)
    times = np.linspace(*entry.tspan, 41)[1:-1]
    h = 2e-4  # central differences of order 6
    slope = sum(
        w * (entry.exact(times + k * h) - entry.exact(times - k * h))
        for k, w in ((1, 45 / 60), (2, -9 / 60), (3, 1 / 60))
    )
    states = entry.exact(times)
    field = np.stack([entry.f(u, entry.p, t) for u, t in zip(states, times, strict=True)])
    np.testing.assert_allclose(slope / h, field, rtol=1e-9, atol=1e-9)


def test_exact_solutions_take_other_starts_and_parameters():
    u = sl.zoo.exponential.exact(2.0, u0=[3.0], p=[0.5])
    np.testing.assert_allclose(u, [3 * np.e], rtol=1e-15)
    start, p = np.array([1.0, 0.3, -0.2, 0.9]), np.array([1.7])
    sol = solve_ivp(
        lambda t, u: sl.zoo.kepler.f(u, p, t),
        (0, 9),
        start,
        method="DOP853",
        rtol=1e-12,
        atol=1e-13,
    )
    np.testing.assert_allclose(sl.zoo.kepler.exact(sol.t, start, p), sol.y.T, atol=1e-8)
    sol = solve_ivp(
        lambda t, u: sl.zoo.pendulum.f(u, [2.0, 3.0], t), (0, 30), [-3.1, 0.0], method="DOP853",
        rtol=1e-12, atol=1e-13,
    )  # fmt: skip
    np.testing.assert_allclose(
        sl.zoo.pendulum.exact(sol.t, [-3.1, 0.0], [2.0, 3.0]), sol.y.T, atol=1e-8
    )


@pytest.mark.parametrize("e", [0.0, 0.3, 0.9, 0.999])
def test_kepler_equation_is_solved_for_all_eccentricities(e):
    start = np.array([1 - e, 0.0, 0.0, np.sqrt((1 + e) / (1 - e))])
    t = np.linspace(0.0, 4 * np.pi, 101)
    u = sl.zoo.kepler.exact(t, start)
    period_later = sl.zoo.kepler.exact(t + 2 * np.pi, start)
    np.testing.assert_allclose(u, period_later, atol=1e-11 / (1 - e) ** 2)
    for name in ("energy", "angular momentum", "Laplace-Runge-Lenz x"):
        values = sl.zoo.kepler.invariants[name](u.T, [1.0])
        assert np.ptp(values) < 1e-12 / (1 - e)


def test_what_has_no_closed_form_says_so():
    with pytest.raises(ValueError, match="let go at rest"):
        sl.zoo.pendulum.exact(1.0, u0=[0.1, 1.0])
    with pytest.raises(ValueError, match="this one escapes"):
        sl.zoo.kepler.exact(1.0, u0=[1.0, 0.0, 0.0, 2.0])


def test_elliptic_functions_against_scipy():
    x = np.linspace(-7, 7, 57)
    for k in (0.0, 1e-3, 0.5, 0.9, 0.999999):
        sn, cn, dn, _ = special.ellipj(x, k * k)
        got = closed_forms.jacobi(x, k)
        np.testing.assert_allclose(got, (sn, cn, dn), atol=2e-9 if k > 0.99 else 1e-13)
        assert closed_forms.complete_elliptic(k) == pytest.approx(special.ellipk(k * k), rel=1e-10)
    assert sl.zoo.pendulum_period(2.0, 9.81, 2.0) == pytest.approx(
        4 * np.sqrt(2.0 / 9.81) * special.ellipk(np.sin(1.0) ** 2), rel=1e-14
    )


# -- invariants and periods ---------------------------------------------------------------------


@pytest.mark.parametrize(("entry", "name"), INVARIANTS, ids=lambda x: by_name(x) or str(x))
def test_invariants_are_constant_along_the_field(entry, name):
    """Check dI/dt = grad I . f = 0, by the complex step in the direction of f."""
    rng = np.random.default_rng(5)
    for _ in range(5):
        u = a_state(entry, rng)
        f = entry.f(u, entry.p, 0.0)
        along = np.imag(entry.invariants[name](u + 1e-200j * f, entry.p)) / 1e-200
        across = np.imag(entry.invariants[name](u + 1e-200j * np.abs(f), entry.p)) / 1e-200
        assert abs(along) < 1e-13 * max(abs(across), np.abs(f).max(), 1.0)


@pytest.mark.parametrize(("entry", "name"), INVARIANTS, ids=lambda x: by_name(x) or str(x))
def test_invariants_depend_on_the_state(entry, name):
    rng = np.random.default_rng(6)
    u, v = a_state(entry, rng), a_state(entry, rng)
    assert abs(entry.invariants[name](u, entry.p) - entry.invariants[name](v, entry.p)) > 1e-6


def returns_after(entry, start, period):
    sol = solve_ivp(
        lambda t, u: entry.f(u, entry.p, t), (0, period), start, method="DOP853", rtol=1e-13,
        atol=1e-14,
    )  # fmt: skip
    return np.max(np.abs(sol.y[:, -1] - start))


def test_periods():
    for name in ("lotka_volterra", "pendulum", "kepler"):
        entry = sl.zoo.get(name)
        assert returns_after(entry, entry.u0, entry.facts["period"]) < 1e-10
        assert returns_after(entry, entry.u0, 1.001 * entry.facts["period"]) > 1e-3
    cycle = sl.zoo.van_der_pol.facts
    start = np.array([cycle["amplitude of the limit cycle"], 0.0])
    assert returns_after(sl.zoo.van_der_pol, start, cycle["period of the limit cycle"]) < 1e-11


# -- right-hand sides ---------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_batch_equals_column_by_column(entry):
    rng = np.random.default_rng(7)
    u = a_state(entry, rng, (4,))
    p = entry.p[:, None] * rng.uniform(0.9, 1.1, size=(len(entry.p), 4))
    for parameters in (entry.p, p):
        together = entry.f(u, parameters, 0.0)
        assert together.shape == u.shape
        for j in range(4):
            one = entry.f(u[:, j], parameters if parameters.ndim == 1 else parameters[:, j], 0.0)
            np.testing.assert_allclose(together[:, j], one, rtol=1e-14, atol=1e-300)
        for invariant in entry.invariants.values():
            assert np.shape(invariant(u, parameters)) == (4,)


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_right_hand_side_leaves_u_alone_and_keeps_complex(entry):
    rng = np.random.default_rng(8)
    u = a_state(entry, rng)
    kept = u.copy()
    real = entry.f(u, entry.p, 0.0)
    np.testing.assert_array_equal(u, kept)
    assert real.dtype == np.float64 and real.shape == u.shape
    v = rng.normal(size=u.shape)
    z = entry.f(u + 1e-200j * v, entry.p, 0.0)
    assert z.dtype == np.complex128
    np.testing.assert_allclose(z.real, real, rtol=1e-14)
    h = 1e-6
    slope = (entry.f(u + h * v, entry.p, 0.0) - entry.f(u - h * v, entry.p, 0.0)) / (2 * h)
    np.testing.assert_allclose(z.imag / 1e-200, slope, rtol=1e-4, atol=1e-4 * np.abs(slope).max())


@pytest.mark.parametrize("mode", ["dual", "tape"])
@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_right_hand_side_takes_traced_values(entry, mode):
    rng = np.random.default_rng(9)
    u, w = a_state(entry, rng), rng.normal(size=entry.u0.shape)

    def work(both):
        n = len(entry.u0)
        return np.sum(w * sl.ad.collect(entry.f(both[:n], both[n:], 0.0)))

    both = np.concatenate([u, entry.p])
    got = sl.ad.grad(work, both, mode=mode)
    want = sl.ad.grad(work, both, mode="complex_step")
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12 * np.abs(want).max())


# -- what an entry knows about itself -----------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_metadata_is_complete(entry):
    assert sl.zoo.get(entry.name) is getattr(sl.zoo, entry.name) is entry
    assert entry.title and entry.equation and len(entry.source) > 20
    assert len(entry.states) == len(entry.u0)
    known = {"t", *entry.states, *entry.parameters}
    assert set(entry.units) <= known, set(entry.units) - known
    assert entry.f.__doc__
    page = str(entry)
    for word in (entry.title, entry.equation.splitlines()[0], entry.source, "start:", "reference:"):
        assert word in page
    assert entry.title in entry._repr_markdown_()
    assert entry.name in repr(entry)


def test_the_zoo_has_what_it_promises():
    assert set(sl.zoo.NAMES) == {
        "exponential", "lotka_volterra", "lorenz", "pendulum", "kepler", "arenstorf", "pleiades",
        "van_der_pol", "brusselator", "fitzhugh_nagumo", "cubic_spiral", "rober", "hires", "pollu",
        "van_der_pol_stiff", "van_der_pol_scaled", "oregonator", "chemical_akzo_nobel",
        "rober_dae", "transistor_amplifier", "e5", "henon_heiles", "slow_fast",
        "prothero_robinson", "outer_solar_system", "ring_modulator", "car_axis", "andrews_squeezer",
    }  # fmt: skip
    assert set(sl.zoo.NAMES) < set(sl.zoo.__all__)
    with pytest.raises(ValueError, match="name: the zoo has no 'lorentz'; it has exponential"):
        sl.zoo.get("lorentz")


@pytest.mark.parametrize("entry", ENTRIES, ids=by_name)
def test_calling_an_entry_gives_a_problem(entry):
    prob = entry()
    assert isinstance(prob, sl.ODEProblem) and not prob.batch
    np.testing.assert_array_equal(prob.u0, entry.u0)
    np.testing.assert_array_equal(prob.p, entry.p)
    assert prob.tspan == entry.tspan
    first = next(iter(entry.parameters))
    changed = entry(tspan=(0.0, 0.5), **{first: 7.0})
    assert changed.p[0] == 7.0 and changed.tspan == (0.0, 0.5)
    np.testing.assert_array_equal(changed.p[1:], entry.p[1:])


def test_an_array_of_parameters_makes_a_batch():
    prob = sl.zoo.lorenz(rho=np.linspace(0.0, 21.0, 5))
    assert prob.batch and prob.u0.shape == prob.p.shape == (3, 5)
    np.testing.assert_array_equal(prob.p[1], np.linspace(0.0, 21.0, 5))
    assert sl.zoo.lorenz(u0=np.ones((3, 4))).batch


def test_bad_arguments_of_an_entry():
    with pytest.raises(TypeError, match=r"lorenz\(\) does not know the parameter 'r'.*sigma"):
        sl.zoo.lorenz(r=28.0)
    with pytest.raises(ValueError, match=r"u0 of lorenz must have 3 entries, x, y, z \(got 2\)"):
        sl.zoo.lorenz(u0=[1.0, 2.0])
    with pytest.raises(ValueError, match="must have 3 entries"):
        sl.zoo.lorenz(u0=1.0)
    with pytest.raises(ValueError, match="p must be finite"):
        sl.zoo.lorenz(rho=np.nan)


def test_hudson_bay():
    year, hare, lynx = data = sl.zoo.hudson_bay()
    assert data.hare is hare and data.lynx is lynx
    assert year.shape == hare.shape == lynx.shape == (21,)
    assert (year[0], year[-1]) == (1900.0, 1920.0)
    assert (hare[3], lynx[4], hare[-1], lynx[-1]) == (77.4, 59.4, 24.7, 8.6)
    assert hare.sum() == pytest.approx(715.7) and lynx.sum() == pytest.approx(423.5)
