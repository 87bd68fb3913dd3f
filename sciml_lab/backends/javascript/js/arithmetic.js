// What Python's operators do differently from those of JavaScript.

// a % b with the sign of b
function modulo(a, b) {
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return (rest < 0) === (b < 0) ? rest : rest + b;
}

// a // b: a without its remainder, divided by b
function floorDivide(a, b) {
  if (b === 0) return a / b;
  const rest = a % b;
  const quotient = (a - rest) / b - (rest !== 0 && (rest < 0) !== (b < 0) ? 1 : 0);
  if (quotient === 0) return 0 * Math.sign(a / b);
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

// a ** b: one to any power is one
function power(a, b) {
  return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;
}

// Python's min(a, b) and max(a, b): the first, unless the second is smaller (larger)
function least(a, b) {
  return b < a ? b : a;
}

function greatest(a, b) {
  return b > a ? b : a;
}

// The nearest whole number; halves go to the even one
function roundEven(x) {
  const floor = Math.floor(x), part = x - floor;
  const up = part > 0.5 || (part === 0.5 && floor % 2 !== 0);
  return x === floor || x !== x ? x : (up ? floor + 1 : floor) || 0 * x;
}

// The size of a with the sign of b
function copySign(a, b) {
  return b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a);
}
