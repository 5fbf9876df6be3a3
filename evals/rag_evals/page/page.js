// The browser of questions: a list, the greatest loss first, and the chosen question beside it.
// Texts enter the page as text, never as markup; the list is drawn a batch at a time.
"use strict";
(() => {
  const BATCH = 100;
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const list = at("list"), detail = at("detail");
  const controls = { metric: at("metric"), dataset: at("dataset"), pipeline: at("pipeline"), type: at("type") };
  const tidy = (name) => data.labels[name] ?? name;

  const rows = data.runs.flatMap((run) => run.questions.map((question, i) => ({ run, question, i, id: run.ids[i] })));
  at(rows.length && data.metrics.length ? "browser" : "none").hidden = false;
  if (!rows.length || !data.metrics.length) return;

  const value = (row, metric) => row.run.values[metric]?.[row.i] ?? null;
  const loss = (row, metric) => {
    const got = value(row, metric);
    return got === null ? 0 : data.lower.includes(metric) ? got : 1 - got;
  };
  const kind = (row) => row.question.type || (row.question.hops ? `${row.question.hops} hops` : "");
  const words = (row) => (row.words ??= [
    row.id, row.question.question, ...row.question.answers, ...row.question.gold.map((gold) => gold.name),
    ...row.question.gold.map((gold) => passage(row, gold.passage)[0]), row.question.said?.text ?? "",
  ].join("\n").toLowerCase());
  const passage = (row, place) => (place === null ? ["", ""] : data.passages[row.run.places[place]]);

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, text] of Object.entries(attributes)) element.setAttribute(name, text);
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }
  const text = (tag, content, attributes = {}) => make(tag, { dir: "auto", ...attributes }, content);

  // The list
  let found = [], chosen = -1;

  function options(select, names, all) {
    const before = select.value;
    const unique = [...new Set(names)].filter(Boolean);
    select.replaceChildren(...(all ? [new Option(all, "")] : []), ...unique.map((name) => new Option(tidy(name), name)));
    if (unique.includes(before)) select.value = before;
    select.parentElement.hidden = unique.length < 2;
  }

  function filter() {
    const metric = controls.metric.value, needles = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const applies = rows.filter((row) => value(row, metric) !== null
      && [row.run.dataset, ""].includes(controls.dataset.value)
      && [row.run.pipeline, ""].includes(controls.pipeline.value)
      && [kind(row), ""].includes(controls.type.value)
      && needles.every((needle) => words(row).includes(needle)));
    const keep = found[chosen];
    found = applies.filter((row) => !at("lost").checked || loss(row, metric) > 0);
    const further = data.metrics.filter((name) => name !== metric);
    const worse = (a, b, name) => loss(b, name) - loss(a, name);
    found.sort((a, b) => worse(a, b, metric) || further.reduce((sum, name) => sum || worse(a, b, name), 0));
    const lost = applies.filter((row) => loss(row, metric) > 0).length;
    at("count").textContent = `${lost.toLocaleString("en")} of ${applies.length.toLocaleString("en")} lost on ${tidy(metric)}`;
    list.replaceChildren();
    draw(BATCH);
    choose(Math.max(0, found.indexOf(keep)));
  }

  function draw(upto) {
    const metric = controls.metric.value, first = list.querySelectorAll("[role=option]").length;
    const several = (name) => data.runs.some((run) => run[name] !== data.runs[0][name]);
    const facts = ["dataset", "pipeline"].filter(several);
    const items = found.slice(first, upto).map((row, n) => {
      const item = make("li", {
        role: "option", tabindex: "-1", "aria-selected": "false",
        "aria-posinset": first + n + 1, "aria-setsize": found.length, "data-place": first + n,
      });
      const about = [...facts.map((name) => row.run[name]), kind(row)].filter(Boolean).join(" · ");
      item.append(text("span", value(row, metric).toFixed(2), { class: "value" }), text("span", row.question.question));
      if (about) item.append(text("span", about, { class: "quiet" }));
      return item;
    });
    list.append(...items);
    if (!found.length) list.append(text("li", "Nothing was lost here.", { class: "end quiet", role: "presentation" }));
  }

  function choose(place, { focus = false } = {}) {
    if (!found.length) { chosen = -1; detail.replaceChildren(); return; }
    chosen = Math.min(Math.max(place, 0), found.length - 1);
    if (chosen >= list.children.length) draw(chosen + BATCH);
    list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    list.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    const item = list.children[chosen];
    item.setAttribute("aria-selected", "true");
    item.setAttribute("tabindex", "0");
    if (focus) item.focus({ preventScroll: true });
    const above = item.offsetTop, below = above + item.offsetHeight;
    if (above < list.scrollTop) list.scrollTop = above;
    else if (below > list.scrollTop + list.clientHeight) list.scrollTop = below - list.clientHeight;
    show(found[chosen]);
  }

  // A question
  function show(row) {
    const { question } = row;
    const about = [row.run.dataset, row.run.pipeline, kind(row), row.id].filter(Boolean).join(" · ");
    const values = data.metrics.filter((name) => value(row, name) !== null)
      .map((name) => make("span", {}, text("span", `${tidy(name)} `, { class: "quiet" }), value(row, name).toFixed(2)));
    const wanted = question.answerable ? question.answers.join(" / ") || "not given" : "none: the documents do not say";
    detail.replaceChildren(
      text("h3", question.question), text("p", about, { class: "quiet" }), make("div", { class: "values" }, ...values),
      ...others(row), text("h4", "Gold answer"), text("p", wanted), ...said(row), ...gold(row), ...tree(row));
    detail.scrollTop = 0;
  }

  function others(row) {
    const metric = controls.metric.value;
    const same = rows.filter((other) => other.id === row.id && other.run.dataset === row.run.dataset && other !== row);
    if (!same.length) return [];
    return [make("p", {}, text("span", "The same question with ", { class: "quiet" }), ...same.map((other) => {
      const figure = value(other, metric) === null ? "-" : value(other, metric).toFixed(2);
      const button = make("button", { type: "button" }, `${other.run.pipeline} ${figure}`);
      button.addEventListener("click", () => {
        if (found.includes(other)) choose(found.indexOf(other));
        else show(other);
        detail.focus({ preventScroll: true });
      });
      return button;
    }))];
  }

  const fates = {
    kept: (gold) => `found at hop ${gold.hop}, rank ${gold.rank}`,
    below: (gold) => (gold.rank ? `found at hop ${gold.hop}, but only rank ${gold.rank}` : `in the tree at hop ${gold.hop}, ranked too low`),
    missing: () => "not found",
  };

  function gold(row) {
    if (!row.question.gold.length) return [];
    const items = row.question.gold.map((gold) => {
      const [title, content] = passage(row, gold.passage);
      const mark = text("span", fates[gold.fate](gold), { class: `fate ${gold.fate}` });
      const item = make("li", {}, text("span", `${title || gold.name} · `), mark);
      if (content && gold.fate === "missing") item.append(text("blockquote", content));
      return item;
    });
    return [text("h4", "Gold passages"), make("ul", {}, ...items)];
  }

  function said(row) {
    const { said } = row.question;
    if (!said) return [];
    const cited = said.citations.map((one) => make("li", {},
      text("span", `[${one.marker}] ${one.source}${one.exact ? "" : " · not exact"}`, { class: "quiet" }),
      text("blockquote", one.quote)));
    return [text("h4", "Answer"), text("p", said.level === "nothing" ? "Withheld for lack of evidence." : said.text, { class: "said" }),
      ...(cited.length ? [text("h4", "Citations"), make("ul", {}, ...cited)] : [])];
  }

  function tree(row) {
    const nodes = row.question.tree, wanted = new Set(row.question.gold.map((gold) => gold.name));
    if (!nodes.length) return [];
    const branches = nodes.map((node) => {
      const [title, content] = passage(row, node.passage);
      const golden = node.names.some((name) => wanted.has(name));
      const place = [golden ? "gold" : "", `hop ${node.hop}`, node.rank ? `rank ${node.rank}` : "not ranked"].filter(Boolean);
      const summary = make("summary", {}, text("span", title || node.source), text("span", ` ${place.join(" · ")}`, { class: "place" }));
      const fold = make("details", golden ? { class: "gold", open: "" } : {}, summary, text("p", content));
      return { item: make("li", {}, fold), inner: null };
    });
    const top = make("ul", {});
    const order = [...nodes.keys()].sort((a, b) => (nodes[a].rank ?? Infinity) - (nodes[b].rank ?? Infinity));
    for (const n of order) {
      const parent = nodes[n].parent === null ? null : branches[nodes[n].parent];
      if (parent && !parent.inner) parent.item.append((parent.inner = make("ul", {})));
      (parent ? parent.inner : top).append(branches[n].item);
    }
    return [text("h4", "Tree: what was found, and what it led to"), make("div", { class: "tree" }, top)];
  }

  // Wiring
  options(controls.metric, data.metrics, "");
  options(controls.dataset, data.runs.map((run) => run.dataset), "all");
  options(controls.pipeline, data.runs.map((run) => run.pipeline), "all");
  options(controls.type, rows.map(kind).sort(), "all");
  for (const control of [...Object.values(controls), at("lost")]) control.addEventListener("change", filter);
  at("search").addEventListener("input", filter);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[data-place]");
    if (item) choose(Number(item.dataset.place), { focus: true });
  });
  list.addEventListener("scroll", () => {
    const drawn = list.children.length;
    if (drawn < found.length && list.scrollTop + 2 * list.clientHeight > list.scrollHeight) draw(drawn + BATCH);
  });
  list.addEventListener("keydown", (event) => {
    const moves = {
      ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + 10, PageUp: chosen - 10, Home: 0, End: found.length - 1,
    };
    if (event.key in moves) choose(moves[event.key], { focus: true });
    else if (event.key === "Enter" || event.key === " ") {
      detail.focus({ preventScroll: true });
      detail.scrollIntoView({ block: "nearest" });
    } else return;
    event.preventDefault();
  });
  detail.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen >= 0) choose(chosen, { focus: true });
  });
  filter();
})();
