"use strict";
// Texts of models are only ever put into text nodes; numbers are shown as the page was given them.
(() => {
  const PER_PAGE = 100, MOST_SQUARES = 2000;
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("index").textContent);
  const { tasks, variants } = data;
  const verdictOf = Object.fromEntries(Object.entries(data.letters).map(([k, v]) => [v, k]));
  const controls = ["search", "bench", "model", "variant", "state", "verdict", "order"];
  let found = [], first = 0, open = -1;

  function el(tag, props = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name in made && name !== "list") made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((c) => c !== null && c !== ""));
    return made;
  }

  const key = (task) => `${task.bench}/${task.id}`;
  const href = (task) => `#task=${encodeURIComponent(key(task))}`;
  const raw = (i) => document.querySelector(`script[data-task="${i}"]`).textContent;

  function theme() {
    const button = $("theme");
    const dark = () => document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
    button.hidden = false;
    button.title = "Change the colours of this page";
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      name();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
    name();
  }

  function fill() {
    const add = (id, values, texts) => values.forEach((value, i) =>
      $(id).append(el("option", { value, textContent: texts ? texts[i] : value })));
    const some = (name) => [...new Set(variants.map((v) => v[name]))];
    add("bench", some("bench"));
    add("model", some("model"));
    const several = some("bench").length > 1;
    add("variant", variants.map((_, i) => i),
      variants.map((v) => (several ? `${v.bench}: ${v.name}` : v.name)));
    const held = new Set(tasks.flatMap((t) => Object.values(t.cells).flatMap((c) => [...c[2]])));
    for (const set of [data.letters, data.marks]) {
      const names = Object.keys(set).filter((n) => held.has(set[n]));
      add("verdict", names.map((n) => set[n]), names);
    }
    for (const [id, values] of [["bench", some("bench")], ["model", some("model")], ["variant", variants]])
      $(id).parentElement.hidden = values.length < 2;
    $("state").querySelector("[value=models]").hidden = some("model").length < 2;
    $("filters").hidden = false;
  }

  // Indices of the variants that the filters choose.
  function chosen() {
    const want = { bench: $("bench").value, model: $("model").value };
    return variants.map((_, i) => i).filter((i) =>
      ($("variant").value === "" || i === Number($("variant").value)) &&
      Object.entries(want).every(([name, value]) => !value || variants[i][name] === value));
  }

  function inState(state, cells) {
    const has = (s) => cells.some(([, c]) => c[0] === s);
    if (state === "infra") return has("i");
    if (state === "planned") return has("w");
    if (state === "some") return has("s") && has("u");
    if (state === "none") return has("u") && !has("s");
    if (state === "all") return has("s") && cells.every(([, c]) => c[0] === "s");
    const models = new Map();
    for (const [i, c] of cells)
      if ("su".includes(c[0])) models.set(variants[i].model, models.get(variants[i].model) || c[0] === "s");
    return new Set(models.values()).size > 1;
  }

  // A text as it stands in the JSON of the page.
  const encoded = (text) => JSON.stringify(text).slice(1, -1).replace(/[<>&\u007f-\uffff]/g, (c) =>
    `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).toLowerCase();

  function matches(i, words) {
    const named = `${key(tasks[i])} ${tasks[i].title}`.toLowerCase();
    const missing = words.filter((w) => !named.includes(w));
    if (!missing.length) return true;
    const text = raw(i).toLowerCase();
    return missing.every((w) => text.includes(encoded(w)));
  }

  function passed(cells) {
    const shares = cells.map(([, c]) => c[1].split("/").map(Number)).filter((x) => x[1]);
    return shares.length ? shares.reduce((sum, [a, n]) => sum + a / n, 0) / shares.length : NaN;
  }

  const sum = (at) => ({ cells }) => -cells.reduce((total, [, c]) => total + c[at], 0);
  const ORDERS = {
    plan: (t) => t.i, hard: (t) => passed(t.cells), easy: (t) => -passed(t.cells), // tasks without a share: last
    tokens: sum(3), seconds: sum(4), id: null,
  };

  function filter() {
    const which = chosen();
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = $("state").value, verdict = $("verdict").value, by = ORDERS[$("order").value];
    found = tasks.map((task, i) => ({
      i, cells: which.filter((v) => v in task.cells).map((v) => [v, task.cells[v]]),
    })).filter(({ i, cells }) => cells.length &&
      (!verdict || cells.some(([, c]) => c[2].includes(verdict))) &&
      (!state || inState(state, cells)) && matches(i, words));
    const names = new Intl.Collator("en", { numeric: true });
    const rank = (t) => (Number.isNaN(by(t)) ? Infinity : by(t));
    found.sort(by ? (a, b) => (rank(a) === rank(b) ? a.i - b.i : rank(a) - rank(b))
      : (a, b) => names.compare(key(tasks[a.i]), key(tasks[b.i])));
    first = 0;
  }

  const MARK = { s: "\u2713", u: "\u2717", i: "!", w: "\u00b7" };
  const STATE = { s: "solved", u: "unsolved", i: "infra", w: "not measured" };

  function mark([v, [state, share]], named) {
    const name = `${variants[v].name}: ${STATE[state]}${share ? `, ${share} samples` : ""}`;
    const text = named && !share.endsWith("/1") ? `${MARK[state]} ${share}`.trim() : MARK[state];
    return el("span", { className: state, title: name, role: "img", "aria-label": name, textContent: text });
  }

  function line({ i, cells }) {
    const task = tasks[i];
    const link = el("a", { href: i === open ? "#tasks" : href(task), textContent: task.id });
    link.setAttribute("aria-expanded", i === open);
    const several = new Set(variants.map((v) => v.bench)).size > 1;
    const bench = several ? el("span", { className: "tag", textContent: task.bench }) : "";
    const title = el("span", { className: "title" }, bench, bench && " ", task.title);
    const marks = el("span", { className: "cells" }, ...cells.map((c) => mark(c, cells.length <= 6)));
    const row = el("li", {}, el("div", { className: "task" }, el("span", {}, link, title), marks));
    if (i === open) {
      row.className = "open";
      row.append(detail(i, cells));
    }
    return row;
  }

  function show() {
    $("list").replaceChildren(...found.slice(first, first + PER_PAGE).map(line));
    const cut = found.length > PER_PAGE;
    $("count").textContent = `${found.length.toLocaleString("en")} of ${tasks.length.toLocaleString("en")} tasks`;
    $("pages").hidden = !cut;
    $("page").textContent = `${first + 1} to ${Math.min(first + PER_PAGE, found.length)}`;
    $("back").disabled = first === 0;
    $("on").disabled = first + PER_PAGE >= found.length;
    const which = chosen();
    const benches = [...new Set(which.map((i) => variants[i].bench))];
    const names = benches.map((bench) => (benches.length > 1 ? `${bench}: ` : "") +
      which.filter((i) => variants[i].bench === bench).map((i) => variants[i].name).join(" \u00b7 "));
    const lines = names.map((text) => el("div", { textContent: text }));
    const title = "Marks, from left to right:";
    $("legend").replaceChildren(...(which.length < 2 ? [] : which.length <= 6 ? [title, ...lines]
      : [el("details", {}, el("summary", { textContent: title }), ...lines)]));
  }

  function detail(i, cells) {
    const payload = JSON.parse(raw(i));
    const shown = new Set(cells.map(([v]) => v));
    const own = payload.variants.filter((v) => shown.has(v.variant));
    const body = el("div");
    const tabs = own.map((item) => el("button", {
      type: "button", textContent: `${MARK[tasks[i].cells[item.variant][0]]} ${variants[item.variant].name}`,
      className: tasks[i].cells[item.variant][0],
      onclick: () => choose(item),
    }));
    const choose = (item) => {
      own.forEach((other, n) => tabs[n].setAttribute("aria-pressed", other === item));
      body.replaceChildren(...variant(item, payload));
    };
    choose(own[0]);
    const at = found.findIndex((f) => f.i === i);
    const step = (to, text) => (to ? el("a", { href: href(tasks[to.i]), textContent: text }) : "");
    return el("div", { className: "detail" },
      el("p", { className: "note" }, step(found[at - 1], "Previous task"), " ", step(found[at + 1], "Next task")),
      own.length > 1 ? el("div", { className: "tabs", role: "group", "aria-label": "Variants" }, ...tabs) : "", body);
  }

  function block(title, number, payload, code) {
    if (number < 0) return [];
    const text = payload.texts[number], runs = code && payload.runs[number];
    const pre = el("pre", { className: code ? "code" : "", tabIndex: 0 });
    let at = 0;
    for (const run of runs ? runs.split(" ") : []) {
      const kind = /^\D/.test(run) ? run[0] : "", length = Number(run.slice(kind.length));
      const part = text.slice(at, at + length);
      pre.append(kind ? el("span", { className: kind, textContent: part }) : part);
      at += length;
    }
    pre.append(text.slice(at));
    return [el("h4", { textContent: title }), pre];
  }

  function conversation(messages, payload) {
    return messages.flatMap(([role, number]) => block(`Prompt, ${role}`, number, payload));
  }

  function variant(item, payload) {
    const parts = [el("p", { textContent: item.said })];
    if (item.error) parts.push(el("pre", { textContent: item.error }));
    const attempts = new Map(item.attempts.map((a) => [`${a.sample}/${a.iteration}`, attempt(a, payload)]));
    const draw = item.attempts.find((a) => a.iteration === 0);
    if (draw) parts.push(el("details", { open: true }, el("summary", { textContent: "Prompt of the draws" }),
      ...conversation(draw.messages, payload)));
    parts.push(...strip(item, attempts));
    const every = item.strip.replaceAll(" ", "").length;
    if (attempts.size < every) parts.push(el("p", { className: "note",
      textContent: `Texts of ${attempts.size} of ${every.toLocaleString("en")} attempts are in this file (underlined). The others are in the database ${data.database}, table attempts.` }));
    parts.push(...attempts.values(), ...item.calls.map((c) => call(c, payload)));
    const best = item.attempts.find((a) => a.verdict === "passed") ?? item.attempts[0];
    if (best) attempts.get(`${best.sample}/${best.iteration}`).open = true;
    return parts;
  }

  function strip(item, attempts) {
    const chains = item.strip.split(" ").filter(Boolean);
    if (chains.join("").length < 2) return [];
    const seen = new Set(chains.join(""));
    const square = (letter, s, j) => {
      const verdict = verdictOf[letter] ?? "other";
      const to = attempts.get(`${s}/${j}`);
      const made = el(to ? "button" : "span", {
        className: letter === "p" ? "passed" : letter === "x" ? "forged" : "not",
        title: `sample ${s}${j ? `, repair ${j}` : ""}: ${verdict}`,
        textContent: letter === "p" ? MARK.s : letter });
      if (to) made.onclick = () => { to.open = true; to.querySelector("summary").focus(); to.scrollIntoView({ block: "start" }); };
      return made;
    };
    const squares = chains.slice(0, MOST_SQUARES).map((chain, s) =>
      el("span", {}, ...[...chain].map((letter, j) => square(letter, s, j))));
    const key = [...seen].map((l) => `${l === "p" ? MARK.s : l} ${verdictOf[l] ?? "other"}`).join(", ");
    const rest = chains.length > MOST_SQUARES ? `; the first ${MOST_SQUARES} of ${chains.length} samples` : "";
    return [el("h4", { textContent: "All attempts: a group for each sample, a mark for each repair" }),
      el("div", { className: "strip" }, ...squares), el("p", { className: "note", textContent: key + rest })];
  }

  // A <details> whose body is made when it is first opened.
  function folded(summary, make) {
    const made = el("details", { className: "attempt" }, el("summary", {}, ...summary));
    made.addEventListener("toggle", () => {
      if (made.open && made.children.length === 1) made.append(el("div", { className: "body" }, ...make()));
    });
    return made;
  }

  function attempt(a, payload) {
    const kind = a.verdict === "passed" ? "passed" : a.verdict === "forged" ? "forged" : "not";
    const label = `sample ${a.sample}${a.iteration ? `, repair ${a.iteration}` : ""}`;
    return folded([
      el("strong", { textContent: label }), el("span", { className: `badge ${kind}`, textContent: a.verdict }),
      ...a.marks.map((m) => el("span", { className: "tag", textContent: m })),
      el("small", { textContent: a.detail }),
    ], () => [
      el("p", { className: "note", textContent: a.facts }),
      ...block("Code", a.code, payload, true),
      ...block("Feedback (what a repair is shown)", a.feedback, payload),
      ...block("Printed", a.stdout, payload),
      ...(a.answer === a.code ? [] : block("Answer", a.answer, payload)),
      ...block("Thinking", a.thinking, payload), ...block("Notes of the strategy", a.notes, payload),
      ...(a.iteration ? [el("details", {}, el("summary", { textContent: "What was sent for this repair" }),
        ...conversation(a.messages, payload))] : []),
    ]);
  }

  function call(c, payload) {
    return folded([el("strong", { textContent: `sample ${c.sample}, asked besides: ${c.role}` })], () => [
      el("p", { className: "note", textContent: c.facts }), ...block("Answer", c.answer, payload),
      ...block("Thinking", c.thinking, payload), ...conversation(c.messages, payload)]);
  }

  function go() {
    const hash = location.hash;
    const wanted = hash.startsWith("#task=") ? decodeURIComponent(hash.slice(6)) : null;
    const before = open;
    open = wanted === null ? (hash === "#tasks" ? -1 : open) : tasks.findIndex((t) => key(t) === wanted);
    if (open >= 0 && !found.some((f) => f.i === open)) {
      for (const id of controls) $(id).value = id === "order" ? "plan" : "";
      filter();
    }
    if (open >= 0) first = PER_PAGE * Math.floor(found.findIndex((f) => f.i === open) / PER_PAGE);
    if (open !== before || wanted !== null) show();
    if (wanted === null) return;
    if (open < 0) { $("count").textContent = `There is no task ${wanted} in this report.`; return; }
    const row = $("list").querySelector(".open");
    row.scrollIntoView({ block: "start" });
    row.querySelector("a").focus({ preventScroll: true });
  }

  function turn(by) {
    first += by * PER_PAGE;
    show();
    $("tasks").scrollIntoView();
  }

  function again() { filter(); show(); }

  theme();
  fill();
  filter();
  let timer = 0;
  for (const id of controls)
    $(id).addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(again, id === "search" ? 150 : 0); });
  $("filters").addEventListener("reset", () => setTimeout(again));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("back").addEventListener("click", () => turn(-1));
  $("on").addEventListener("click", () => turn(1));
  addEventListener("hashchange", go);
  addEventListener("keydown", (event) => {
    const typing = /^(input|select|textarea)$/i.test(event.target.tagName ?? "");
    if (event.key === "/" && !typing) { event.preventDefault(); $("search").focus(); }
    if (event.key === "Escape" && open >= 0) location.hash = "#tasks";
  });
  show();
  if (location.hash) go();
})();
