// A live explorer: native controls, a picture that follows them, a sentence below. `model` is the
// widget's model in a notebook, and a plain object on a page without a kernel.

function mount(el, model, Explorer, program) {
  const spec = model.get("spec"), explorer = new Explorer(spec, program);
  const root = element("div", "sciml-explorer", {style: `--width: ${spec.width}px`});
  const panel = element("form", "sciml-controls", {"aria-label": "controls"});
  const {canvas} = explorer.picture, words = element("p", "sciml-words");
  const spoken = element("p", "sciml-spoken", {role: "status", "aria-live": "polite"});
  panel.addEventListener("submit", event => event.preventDefault());
  root.append(panel, canvas, words, spoken);
  el.replaceChildren(root);

  let values = {...model.get("values")}, planned = 0, sync = 0, speak = 0;
  const controls = Object.fromEntries(spec.controls.map(one => [one.name, new Control(one, moved)]));
  panel.append(...Object.values(controls).map(control => control.root));

  function moved(changes, echo = true) {
    for (const [name, value] of Object.entries(changes)) values[name] = controls[name].put(value);
    if (!planned) planned = requestAnimationFrame(update);
    if (echo) {
      clearTimeout(sync);
      sync = setTimeout(send, 150);
    }
  }

  // Draw once for all that has happened since the last picture.
  function update() {
    planned = 0;
    explorer.react(values, controls);
    try {
      root.words = explorer.draw(values);
    } catch (error) {
      root.words = `This cannot be drawn: ${error.message} The picture still shows the last setting that worked.`;
      console.error(error);
    }
    words.textContent = root.words.replaceAll(" × ", "\u00a0×\u00a0");  // no number in two lines
    root.values = values;
    root.updates = (root.updates ?? 0) + 1;
    clearTimeout(speak);
    speak = setTimeout(() => {
      spoken.textContent = root.words;
      canvas.setAttribute("aria-label", root.words);
    }, 400);
  }

  // Python hears of it when the reader pauses.
  function send() {
    model.set("values", {...values});
    model.save_changes();
  }

  const heard = () => moved(model.get("values"), false);
  model.on("change:values", heard);
  canvas.setAttribute("role", "img");
  if (explorer.grab) hold(canvas, explorer, () => values, moved);
  const resized = new ResizeObserver(() => moved({}, false));
  resized.observe(canvas);
  root.explorer = explorer;
  update();
  return () => {
    model.off("change:values", heard);
    resized.disconnect();
    clearTimeout(sync);
    clearTimeout(speak);
    cancelAnimationFrame(planned);
  };
}

// JupyterLab moves from cell to cell with the arrow keys, unless the element in focus says so.
const OWN_KEYS = ["data-lm-suppress-shortcuts", "true"];

// Let the pointer and the arrow keys move what the explorer lets them hold.
function hold(canvas, explorer, values, moved) {
  const place = event => {
    const box = canvas.getBoundingClientRect(), {width, height} = explorer.picture;
    return [(event.clientX - box.left) * width / box.width, (event.clientY - box.top) * height / box.height];
  };
  canvas.tabIndex = 0;
  canvas.setAttribute(...OWN_KEYS);
  canvas.title = explorer.help();
  canvas.addEventListener("pointerdown", event => {
    if (event.button !== 0 || !explorer.grab(...place(event))) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("sciml-held");
    moved(explorer.drag(...place(event)));
    canvas.focus({preventScroll: true});
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", event => {
    if (canvas.hasPointerCapture(event.pointerId)) moved(explorer.drag(...place(event)));
    else canvas.classList.toggle("sciml-free", explorer.grab(...place(event)));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => canvas.classList.remove("sciml-held"));
  canvas.addEventListener("keydown", event => {
    const changes = explorer.nudge(event.key, values());
    if (!changes) return;
    event.preventDefault();
    event.stopPropagation();
    moved(changes);
  });
}

// One control: a native input with its label and, for a slider, its value as text.
class Control {
  constructor(spec, moved) {
    Object.assign(this, spec);
    this.highest = this.high;
    const id = `sciml-${spec.name}-${Control.count = (Control.count ?? 0) + 1}`;
    this.root = element("div", `sciml-control sciml-${spec.kind}`);
    const name = element("label", "", {for: id});
    name.textContent = spec.label;
    this.input = this[spec.kind](id);
    this.input.setAttribute(...OWN_KEYS);
    this.root.append(...(spec.kind === "switch" ? [this.input, name] : [name, this.input]));
    if (spec.kind === "slider") this.root.append(this.readout = element("output", "", {for: id}));
    this.input.addEventListener(spec.kind === "slider" ? "input" : "change", () => moved({[this.name]: this.read()}));
    this.put(spec.value);
    this.enable(spec.enabled);
  }

  slider(id) {
    const [min, max] = this.log ? [Math.log10(this.low), Math.log10(this.high)] : [this.low, this.high];
    return element("input", "", {id, type: "range", min, max, step: this.step});
  }

  choice(id) {
    const input = element("select", "", {id});
    for (const option of this.options) input.append(element("option", "", {value: option}, option));
    return input;
  }

  switch(id) {
    return element("input", "", {id, type: "checkbox"});
  }

  read() {
    if (this.kind === "switch") return this.input.checked;
    if (this.kind === "choice") return this.input.value;
    const x = Number(this.input.value);
    return this.log ? 10 ** x : x;
  }

  // Show a value; returns the possible value next to it.
  put(value) {
    if (this.kind === "slider") {
      value = Math.min(Math.max(value, this.low), this.highest);
      this.input.value = this.log ? Math.log10(value) : value;
      const text = this.log ? general(value, 2) : this.whole ? `${value}` : value.toFixed(this.step >= 0.01 ? 2 : 3);
      this.readout.textContent = text.replace("-", "−");
      this.input.setAttribute("aria-valuetext", text);
      this.input.style.setProperty("--part", `${100 * part(value, [this.low, this.high], this.log)}%`);
    } else if (this.kind === "switch") this.input.checked = value;
    else this.input.value = value;
    return this.value = value;
  }

  enable(enabled) {
    this.input.disabled = !enabled;
    this.root.classList.toggle("sciml-off", !enabled);
  }

  // Narrow the range; returns the value inside of it.
  limit(high) {
    this.high = Math.min(Math.max(high, this.low), this.highest);
    this.input.max = this.high;
    return this.put(Math.min(this.value, this.high));
  }
}

function element(tag, name = "", attributes = {}, text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}
