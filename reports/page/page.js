"use strict";
const byId = (id) => document.getElementById(id);

// Tables sort by a click or a key on a heading: numbers by value, everything else by its text.
function sortable(root) {
  for (const table of root.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sortRows(table.tBodies[0], column, down ? -1 : 1);
      });
    });
  }
}
sortable(document);

function sortRows(body, column, direction) {
  const value = (row) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.replace("−", "-").replaceAll(",", "");
    const number = parseFloat(text);
    return Number.isNaN(number) ? text : number;
  };
  const rows = [...body.rows].map((row) => [value(row), row]);
  rows.sort(([x], [y]) => direction * (typeof x === "number" && typeof y === "number" ? x - y
    : String(x).localeCompare(String(y))));
  body.append(...rows.map(([, row]) => row));
}

// Cards of many comparisons are kept folded, as the page's own escaped markup, until they are looked at.
let folded = {};
function unfold(details) {
  if (!folded[details.id] || details.children.length > 1) return;
  details.insertAdjacentHTML("beforeend", folded[details.id]);
  sortable(details);
}
for (const details of document.querySelectorAll("details.comparison"))
  details.addEventListener("toggle", () => { if (details.open) unfold(details); });

// A link to a comparison opens it.
function follow() {
  const target = location.hash && byId(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
window.addEventListener("hashchange", follow);

window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details.comparison")) {
    unfold(details);
    details.open = true;
  }
});

// Problems and samples. Everything that a model wrote enters the page as text, never as markup.
const SHOWN = 40;
const KINDS = ["gained", "lost", "both", "neither"];
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function element(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

function decoded(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function unpack(text) {
  const stream = new Blob([decoded(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

// Text with its control, direction and zero-width characters made visible, and the searched words marked.
function visible(text, query) {
  const out = document.createDocumentFragment();
  let run = "";
  const flush = () => { if (run) out.append(...marked(run, query)); run = ""; };
  for (const c of text.replaceAll("\r\n", "\n")) {
    if (c === "\n" || c === "\t" || !HIDDEN.test(c)) { run += c; continue; }
    flush();
    out.append(element("span", "code", "U+" + c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")));
  }
  flush();
  return out;
}

function marked(run, query) {
  if (!query) return [run];
  const out = [];
  const low = run.toLowerCase();
  let from = 0;
  if (low.length === run.length) {
    for (let at = low.indexOf(query); at >= 0; at = low.indexOf(query, from)) {
      out.push(run.slice(from, at), element("mark", "", run.slice(at, at + query.length)));
      from = at + query.length;
    }
  }
  out.push(run.slice(from));
  return out;
}

// Which words of x and of y are not in their longest common subsequence: two lists of flags, or null if too long.
function difference(x, y) {
  let start = 0, endX = x.length, endY = y.length;
  while (start < endX && start < endY && x[start] === y[start]) start++;
  while (endX > start && endY > start && x[endX - 1] === y[endY - 1]) { endX--; endY--; }
  const rows = endX - start, columns = endY - start;
  if (rows * columns > 4e6) return null;
  const width = columns + 1;
  const length = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      length[i * width + j] = x[start + i] === y[start + j] ? length[(i + 1) * width + j + 1] + 1
        : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
  const onlyX = x.map(() => false), onlyY = y.map(() => false);
  let i = 0, j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && x[start + i] === y[start + j]) { i++; j++; }
    else if (j >= columns || (i < rows && length[(i + 1) * width + j] >= length[i * width + j + 1])) onlyX[start + i++] = true;
    else onlyY[start + j++] = true;
  }
  return [onlyX, onlyY];
}

const words = (text) => text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];

function flagged(tokens, flags, className, query) {
  const out = document.createDocumentFragment();
  for (let from = 0; from < tokens.length;) {
    let to = from;
    while (to < tokens.length && flags[to] === flags[from]) to++;
    const run = visible(tokens.slice(from, to).join(""), query);
    out.append(flags[from] ? element("span", className, run) : run);
    from = to;
  }
  return out;
}

class Browser {
  constructor(sets, parts) {
    this.sets = sets;
    this.parts = parts;
    this.cache = new Map();
    this.turn = 0;
    this.pairs = sets.flatMap((set) => set.pairs.map(([a, b]) => ({ set, a, b })));
    this.pairs.forEach(({ set, a, b }, i) => byId("pair").append(new Option(`${set.names[a]} → ${set.names[b]}`, i)));
    byId("pair-label").hidden = this.pairs.length < 2;
    byId("pair").addEventListener("change", () => this.choose());
    byId("group").addEventListener("change", () => this.filter());
    let waiting;
    byId("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => this.filter(), 120); });
    byId("filter").addEventListener("submit", (event) => event.preventDefault());
    byId("more").addEventListener("click", () => this.show(SHOWN, true));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
      event.preventDefault();
      byId("search").focus();
    });
    this.choose();
  }

  choose() {
    const { set, a, b } = this.pairs[byId("pair").value];
    this.rows = [];
    set.problems.forEach(([id, question, gold, counts, place], at) => {
      const x = counts[a], y = counts[b];
      if (!x || !y) return;
      const kind = x[1] ? (y[1] ? "both" : "lost") : y[1] ? "gained" : "neither";
      const change = y[1] / y[0] - x[1] / x[0];
      const text = `${id}\n${question ?? ""}\n${gold ?? ""}`.toLowerCase();
      this.rows.push({ id, question, gold, kind, x, y, change, text, place, at, a, b, set });
    });
    this.rows.sort((p, q) => Math.abs(q.change) - Math.abs(p.change) || p.at - q.at);
    byId("set-note").textContent = set.note ?? "";
    const held = byId("group").value;
    const sizes = KINDS.map((kind) => [kind, this.rows.filter((row) => row.kind === kind).length]);
    byId("group").replaceChildren(...[...sizes, ["all", this.rows.length]].map(([kind, size]) =>
      new Option(`${kind} (${size.toLocaleString("en")})`, kind)));
    byId("group").value = held || (sizes.find(([, size]) => size) ?? ["all"])[0];
    this.filter();
  }

  async filter() {
    const turn = ++this.turn;
    const query = byId("search").value.trim().toLowerCase();
    const group = byId("group").value;
    const rows = this.rows.filter((row) => group === "all" || row.kind === group);
    this.query = query;
    const found = new Set(rows.filter((row) => row.text.includes(query)));
    const update = () => { this.found = rows.filter((row) => found.has(row)); };
    update();
    this.show(SHOWN, false);
    this.say(rows.length, query && query.length < 3 ? "samples are searched from three letters on" : "");
    if (query.length < 3) return;
    const byPart = grouped(rows.filter((row) => row.place && !found.has(row)));
    const needle = JSON.stringify(query).slice(1, -1);
    let done = 0;
    for (const [part, members] of byPart) {
      const text = await unpack(this.parts[part].textContent);
      if (turn !== this.turn) return;
      if (text.toLowerCase().includes(needle)) {
        const held = JSON.parse(text);
        for (const row of members)
          if (held[row.place[1]].some((side) => side.some(([said]) => said.toLowerCase().includes(query)))) found.add(row);
      }
      if (++done % 16 === 0) this.say(rows.length, `searching samples, ${done} of ${byPart.size} parts`);
    }
    const before = this.found.length;
    update();
    if (this.found.length > before) this.show(Math.max(SHOWN, this.list.length), false);
    this.say(rows.length, byPart.size ? "questions and samples searched" : "");
  }

  say(all, more) {
    const text = `${this.found.length.toLocaleString("en")} of ${all.toLocaleString("en")} problems`;
    byId("status").textContent = more ? `${text}; ${more}` : text;
  }

  show(count, further) {
    const list = byId("list");
    if (!further) { list.replaceChildren(); this.list = []; }
    const next = this.found.slice(this.list.length, this.list.length + count);
    this.list.push(...next);
    list.append(...next.map((row) => this.item(row)));
    byId("more").hidden = this.list.length >= this.found.length;
    byId("more").textContent = `Show ${Math.min(SHOWN, this.found.length - this.list.length)} more`;
  }

  item(row) {
    const head = row.question ?? `problem ${row.id}`;
    const summary = element("summary", "", element("span", `badge ${row.kind}`, row.kind), " ",
      element("span", "tally", `A ${row.x[1]}/${row.x[0]} → B ${row.y[1]}/${row.y[0]}`), " ",
      element("bdi", "", visible(head.length > 140 ? head.slice(0, 140) + "…" : head, this.query)));
    const details = element("details", "problem", summary);
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) this.fill(details, row);
    });
    return element("li", "", details);
  }

  async fill(details, row) {
    const body = element("div", "body");
    details.append(body);
    if (row.question) body.append(element("pre", "text", visible(row.question, this.query)));
    body.append(element("p", "note", "Gold answer: ", element("bdi", "", visible(row.gold ?? "not known", this.query)), ` · id ${row.id}`));
    if (!row.place) { body.append(element("p", "note", "The page holds no samples of this problem.")); return; }
    const samples = (await this.part(row.place[0]))[row.place[1]];
    const sides = [["A", row.a], ["B", row.b]].map(([letter, at]) => this.side(letter, row.set.names[at], samples[at]));
    const box = element("input", "");
    box.type = "checkbox";
    box.checked = true;
    const draw = () => this.compare(sides, box.checked);
    box.addEventListener("change", draw);
    for (const side of sides) side.draw = draw;
    body.append(element("label", "", box, " mark what differs"), element("div", "sides", ...sides.map((s) => s.panel)));
    draw();
  }

  async part(number) {
    if (!this.cache.has(number)) {
      if (this.cache.size > 8) this.cache.delete(this.cache.keys().next().value);
      this.cache.set(number, JSON.parse(await unpack(this.parts[number].textContent)));
    }
    return this.cache.get(number);
  }

  side(letter, name, samples) {
    const query = this.query.length < 3 ? "" : this.query;
    const at = query ? samples.findIndex(([said]) => said.toLowerCase().includes(query)) : 0;
    const side = { samples, at: Math.max(0, at), text: element("pre", "text"), about: element("span", "about") };
    const step = (by, label, sign) => {
      const button = element("button", "", sign);
      button.type = "button";
      button.setAttribute("aria-label", `${label} sample of ${letter}`);
      button.disabled = samples.length < 2;
      button.addEventListener("click", () => { side.at = (side.at + by + samples.length) % samples.length; side.draw(); });
      return button;
    };
    side.panel = element("section", "side", element("h3", "", `${letter}: `, element("bdi", "", name)),
      element("div", "steps", step(-1, "previous", "‹"), step(1, "next", "›"), side.about), side.text);
    return side;
  }

  compare(sides, wanted) {
    const texts = sides.map((side) => side.samples[side.at]?.[0]);
    const tokens = texts.map((text) => words(text ?? ""));
    const flags = wanted && texts.every((t) => t !== undefined) ? difference(...tokens) : null;
    sides.forEach((side, i) => {
      const sample = side.samples[side.at];
      if (!sample) { side.about.textContent = "no samples"; return; }
      const [text, correct, answer, number] = sample;
      side.about.replaceChildren(element("span", correct ? "right" : "wrong", correct ? "correct" : "wrong"),
        ` ${side.at + 1} of ${side.samples.length} (sample ${number}), answer `, element("bdi", "", visible(answer ?? "none")));
      side.text.replaceChildren(flags ? flagged(tokens[i], flags[i], i ? "added" : "removed", this.query)
        : visible(text, this.query));
    });
  }
}

// Rows by the part that holds their samples.
function grouped(rows) {
  const out = new Map();
  for (const row of rows) {
    if (!out.has(row.place[0])) out.set(row.place[0], []);
    out.get(row.place[0]).push(row);
  }
  return out;
}

async function start() {
  const [cards, index] = ["folded", "index"].map(byId);
  if ((cards || index) && typeof DecompressionStream === "undefined") {
    (byId("status") ?? byId("overview")).append("This browser cannot unpack all of the page; a newer one can.");
    return;
  }
  if (cards) folded = JSON.parse(await unpack(cards.textContent));
  follow();
  for (const details of document.querySelectorAll("details.comparison[open]")) unfold(details);
  if (index) new Browser(JSON.parse(await unpack(index.textContent)), [...document.querySelectorAll("script.part")]);
  document.body.dataset.ready = "yes";
}
start();
