// The loop of sciml_lab/solvers/stepping.py, for one trajectory: attempt a step, ask the
// controller, accept or try again. All mathematics (step, error norm, control law, first step,
// dense output) is in the functions that it calls, and those are printed from the Python source.

const bits = new DataView(new ArrayBuffer(8));

// Distance from |x| to the next larger number
function ulp(x) {
  bits.setFloat64(0, Math.abs(x));
  const exponent = bits.getUint16(0) >> 4;
  return exponent === 0 ? Number.MIN_VALUE : 2 ** Math.max(exponent - 1075, -1074);
}

// A solve as the solver sees it. `equation` has f(du, u, p, t, work) and the size of work.
function prepare(equation, method, controller, u0, p, t0, t1, options = {}) {
  const n = u0.length, filled = x => new Float64Array(n).map((_, i) => x[i] ?? x);
  const run = {
    n, p, t0, t1, controller,
    u0: Float64Array.from(u0),
    rtol: filled(options.rtol ?? 1e-6), atol: filled(options.atol ?? 1e-9),
    dt: options.dt ?? null, adaptive: options.adaptive ?? true, maxSteps: options.maxSteps ?? 1e6,
    work: new Float64Array(Math.max(equation.work, 1)), v: new Float64Array(n),
    nf: 0, naccept: 0, nreject: 0, trouble: "", last: t0, watch: null,
  };
  run.f = (du, u, p, t, work) => {
    run.nf += 1;
    equation.f(du, u, p, t, work);
    if (run.watch) run.watch(u);
  };
  run.method = method(run.f);
  run.adaptive &&= run.method.adaptive;
  return run;
}

// All attempted steps, one after the other; afterwards `run` knows how it ended.
function* attempts(run) {
  const {n, p, t0, t1, rtol, atol, v, work, f, method, adaptive, controller} = run;
  const direction = t1 > t0 ? 1 : -1, slack = 4 * ulp(t1), vector = () => new Float64Array(n);
  let u = run.u0, now = t0, memory = controller.start, k1 = vector();
  f(k1, u, p, now, work);
  let h = run.dt === null
    ? method.initial_step(vector(), u, p, now, k1, t1 - t0, rtol, atol, v, work, n)
    : direction * run.dt;
  if (!k1.every(Number.isFinite)) return void (run.trouble = "nan");
  const tight = adaptive && Math.min(...rtol) < Number.EPSILON;
  for (let index = 0; index < run.maxSteps; index++) {
    if (tight && below_roundoff(u, rtol, atol, n)) return void (run.trouble = "roundoff");
    const aim = adaptive ? now + h : t0 + h * (index + 1);
    const goal = (aim - t1) * direction >= -slack ? t1 : aim;
    if (goal === now && now !== t1) return void (run.trouble = "min_step");
    const step = take(run, u, now, goal - now, k1);
    const good = step.u.every(Number.isFinite), whole = goal - now;
    let norm = NaN, accepted = good, factor = 1;
    if (adaptive) {
      norm = good ? method.error_norm(...step.errors, u, step.u, rtol, atol, n) : Infinity;
      [accepted, factor, memory] = controller.decide(norm, method.errorOrder, memory);
    }
    const hNext = adaptive ? whole * factor : h;
    yield {
      index, t: now, h: whole, tNew: goal, u, uNew: step.u, k: step.k, v: step.v,
      error: step.errors[0], norm, accepted, hNext,
    };
    run[accepted ? "naccept" : "nreject"] += 1;
    const last = step.k[step.k.length - 1];
    k1 = method.fsal ? (accepted ? last : step.k[0]) : accepted ? null : step.k[0];
    h = hNext;
    if (accepted) [u, now] = [step.u, goal];
    run.last = now;
    if (now === t1) return;
    if (!accepted && (!adaptive || Math.abs(h) < 10 * ulp(Math.max(Math.abs(now), 1e-12 * Math.abs(t1 - t0))))) {
      return void (run.trouble = adaptive && Number.isFinite(norm) ? "min_step" : "nan");
    }
  }
  run.trouble = "max_steps";
}

// One step; the stage points are kept where the run asks for them.
function take(run, u, t, h, k1) {
  const {n, p, v, work, f, method} = run, vector = () => new Float64Array(n);
  const k = Array.from({length: method.stages}, vector), uNew = vector();
  if (k1 === null) f(k[0], u, p, t, work);
  else k[0].set(k1);
  const points = [u];
  if (run.points) run.watch = point => points.push(point.slice());
  const errors = Array.from({length: method.estimates}, vector);
  method.step(uNew, ...errors, ...k, u, p, t, h, v, work, n);
  run.watch = null;
  return {u: uNew, errors, k, v: points};
}

// Dense output inside a step: a function of time.
function inside(run, record) {
  const {n, p, v, work, method} = run, k = record.k.slice();
  while (k.length < method.kept) k.push(new Float64Array(n));
  if (method.kept > method.stages) {
    const counted = run.nf;
    method.dense_stages(...k, record.u, p, record.t, record.h, v, work, n);
    run.nf = counted;
  }
  return t => {
    const out = new Float64Array(n);
    method.interpolate(out, ...k, record.u, record.h, (t - record.t) / record.h, n);
    return out;
  };
}

// A whole solve: the accepted steps, and how it ended.
function integrate(run, stop = () => false) {
  const steps = [];
  for (const record of attempts(run)) {
    if (!record.accepted) continue;
    steps.push(record);
    if (stop(record)) break;
  }
  const t = [run.t0, ...steps.map(step => step.tNew)];
  const u = [run.u0, ...steps.map(step => step.uNew)];
  return {t, u, steps, run, success: run.trouble === "", trouble: run.trouble};
}
