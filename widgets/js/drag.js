// A picture with handles that can be dragged, or moved by the arrow keys. Its still part comes from
// Python once, the strokes on it at every change; the handles belong to the page, so they follow the
// pointer at once.

const STEP = 4; // pixels for one press of an arrow key
const PAUSE = 250; // milliseconds without a key before Python hears of it

function place(button, x, y) {
  button.style.left = `${x}px`;
  button.style.top = `${y}px`;
}

function render({ model, el }) {
  const frame = document.createElement("div");
  frame.className = "sciml-drag";
  const canvas = document.createElement("canvas");
  frame.append(canvas);
  el.append(frame);
  let handles = [];
  let held = null; // what is being dragged: {index, x, y, waiting}
  let still = null;

  async function begin() {
    still = await createImageBitmap(new Blob([model.get("still")], { type: "image/png" }));
    canvas.width = still.width;
    canvas.height = still.height;
    canvas.style.width = `${model.get("width")}px`;
    show();
  }

  function show() {
    if (!still) return;
    const pen = canvas.getContext("2d");
    pen.drawImage(still, 0, 0);
    drawStrokes(pen, model.get("value"));
    canvas.dispatchEvent(new Event("drawn"));
  }

  // Python has dealt with the last place.
  function answered() {
    if (!held) return;
    held.waiting = false;
    if (held.again) tell("drag");
  }

  function tell(kind) {
    const { index, x, y } = held;
    held.again = false;
    held.waiting = true;
    model.send({ kind, index, x, y });
  }

  // While a handle is dragged, Python gets its place as fast as it answers, not faster.
  function moved(x, y) {
    held.x = Math.max(0, Math.min(model.get("width"), x));
    held.y = Math.max(0, Math.min(canvas.clientHeight, y));
    place(handles[held.index], held.x, held.y);
    if (held.waiting) held.again = true;
    else tell("drag");
  }

  function inside(event) {
    const box = frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function listen(button, index) {
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      button.focus();
      const [x, y] = inside(event);
      held = { index, x, y, waiting: false, again: false };
      event.preventDefault();
    });
    button.addEventListener("pointermove", (event) => {
      if (held && held.index === index) moved(...inside(event));
    });
    const release = () => {
      if (!held || held.index !== index) return;
      tell("drop");
      held = null;
    };
    button.addEventListener("pointerup", release);
    button.addEventListener("pointercancel", release);
    let later = null;
    button.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      const x = parseFloat(button.style.left) + STEP * way[0];
      const y = parseFloat(button.style.top) + STEP * way[1];
      place(button, x, y);
      clearTimeout(later);
      later = setTimeout(() => model.send({ kind: "drop", index, x, y }), PAUSE);
    });
  }

  function arrange() {
    const places = model.get("handles");
    while (handles.length > places.length) handles.pop().remove();
    while (handles.length < places.length) {
      const button = document.createElement("button");
      button.className = "sciml-drag-handle";
      listen(button, handles.length);
      handles.push(button);
      frame.append(button);
    }
    places.forEach(([x, y], k) => {
      handles[k].setAttribute("aria-label", `data point ${k + 1} of ${places.length}; arrow keys move it`);
      if (!held || held.index !== k) place(handles[k], x, y);
    });
  }

  model.on("change:value", show);
  model.on("change:handles", arrange);
  model.on("msg:custom", answered);
  begin();
  arrange();
  return () => still && still.close();
}

export default { render };
