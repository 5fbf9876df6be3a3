// A source beside the conversation, opened where it is quoted: pages of a PDF as pictures with boxes, all else as text.

import { get, getPicture } from "./api.js";
import { build, h, icon, shorten, splitAddress } from "./dom.js";

const WIDE = matchMedia("(min-width: 1100px)");

class RagSource extends HTMLElement {
  #turn = 0; // of what was opened last: what comes for another one is dropped

  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute("role", "complementary");
    this.setAttribute("aria-label", "Source");
    this.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    WIDE.addEventListener("change", () => this.#cover());
  }

  // Show a document, where `start` and `end` are given with that span marked. `opener` gets the focus back.
  async open({ document: id, start = 0, end = 0, quote = "", source = "", address = source, opener, title }) {
    const turn = ++this.#turn;
    this.#opener = opener;
    this.hidden = false;
    this.#cover();
    document.documentElement.classList.add("beside");
    const { name, folder, place } = splitAddress(address, source);
    this.place = h("span", {}, place);
    this.body = h("div", { class: "sheet", tabindex: "0", role: "region", "aria-label": "Text of the source" });
    this.bar = h("div", { class: "pager" });
    const heading = h("h2", { tabindex: "-1" }, title || name);
    this.replaceChildren(
      h(
        "div",
        { class: "head" },
        h("div", {}, heading, h("p", { class: "where" }, folder && `${folder}/`, title ? name : "", title || folder ? " " : "", this.place)),
        h("button", { type: "button", class: "round", "aria-label": "Close the source", onclick: () => this.close() }, icon("close")),
      ),
      quote && h("blockquote", {}, shorten(quote, 400)) || "",
      this.bar,
      this.body,
    );
    heading.focus({ preventScroll: true });
    this.body.append(h("p", { class: "waiting", role: "status" }, "Opening …"));
    try {
      const about = await get(`/v1/documents/${encodeURIComponent(id)}`);
      if (turn !== this.#turn) return;
      if (!source) heading.textContent = about.title || about.source.split("/").at(-1);
      const pages = about.sections.filter((one) => one.kind === "page");
      const drawn = /\.pdf$/i.test(about.source) && pages.length > 0;
      if (drawn) {
        const first = pages.find((page) => page.start <= start && start < page.end) ?? pages[0];
        await this.#page(id, Number(/\d+/.exec(first.label)[0]), start, end, turn);
      } else {
        await this.#text(id, start, end, start, turn);
      }
    } catch (problem) {
      if (turn !== this.#turn) return;
      this.body.replaceChildren(h("p", { class: "problem", role: "alert" }, h("b", {}, problem.message), " ", problem.hint ?? ""));
      if ([404, 409, 415, 500].includes(problem.status)) {
        const words = h("div", {});
        this.body.append(words);
        await this.#text(id, start, end, start, turn, words).catch(() => {});
      }
    }
  }

  #opener = null;

  close() {
    this.#turn += 1;
    this.hidden = true;
    document.documentElement.classList.remove("beside");
    this.#cover();
    if (this.#opener?.isConnected) this.#opener.focus();
  }

  // Where the source covers the conversation, nothing behind it can be reached.
  #cover() {
    const main = document.querySelector("main");
    if (main) main.inert = !this.hidden && !WIDE.matches;
  }

  async #page(id, number, start, end, turn) {
    const path = `/v1/documents/${encodeURIComponent(id)}/pages/${number}`;
    const scale = Math.min(3, Math.max(1, 1.4 * (window.devicePixelRatio || 1))).toFixed(1);
    const [picture, found] = await Promise.all([getPicture(`${path}.png`, { scale }), get(`${path}/boxes`, { start, end })]);
    if (turn !== this.#turn) return;
    const image = h("img", { alt: `Page ${number} of ${found.pages}`, width: Math.round(found.width), height: Math.round(found.height) });
    const url = URL.createObjectURL(picture);
    image.src = url;
    const boxes = found.boxes.map(([left, top, width, height]) => {
      const box = h("span", { class: "box" });
      for (const [name, value] of Object.entries({ left, top, width, height })) box.style[name] = `${value * 100}%`;
      return box;
    });
    const page = h("div", { class: "page" }, image, ...boxes);
    await image.decode().catch(() => {});
    URL.revokeObjectURL(url);
    if (turn !== this.#turn) return;
    this.body.replaceChildren(page);
    this.#pager(id, number, found.pages, start, end);
    boxes[0]?.scrollIntoView({ block: "center" });
  }

  #pager(id, number, pages, start, end) {
    const step = (to, name, label) =>
      h("button", { type: "button", class: "round", "aria-label": label, disabled: to < 1 || to > pages, onclick: () => this.#page(id, to, start, end, ++this.#turn).catch(() => {}) }, icon(name));
    this.bar.replaceChildren(
      step(number - 1, "previous", "Page before"),
      h("span", { role: "status" }, `Page ${number} of ${pages}`),
      step(number + 1, "next", "Next page"),
    );
  }

  async #text(id, start, end, at, turn, into = this.body) {
    const view = await get(`/v1/documents/${encodeURIComponent(id)}/view`, { start, end, at });
    if (turn !== this.#turn) return;
    const go = (to, label) =>
      h("button", { type: "button", class: "quiet", onclick: () => this.#text(id, start, end, to, ++this.#turn, into).catch(() => {}) }, label);
    into.replaceChildren(
      view.from > 0 ? go(Math.max(1, view.from - (view.to - view.from) / 2 | 0), "What stands before") : "",
      h("article", { class: `text ${view.kind}` }, ...build(view.elements)),
      view.to < view.length ? go(view.to, "Read on") : "",
    );
    const mark = into.querySelector("mark");
    if (mark) mark.scrollIntoView({ block: "center" });
    else into.scrollTop = 0;
  }
}

customElements.define("rag-source", RagSource);
