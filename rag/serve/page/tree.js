// The hop tree, drawn: what was found first, what each passage led to, and why. A nested list with curves behind it.

import { send } from "./api.js";
import { count, h, shorten, splitAddress, svg } from "./dom.js";

const PLACES = ["", "1st", "2nd", "3rd"];
const place = (n) => PLACES[n] ?? `${n}th`;

class RagTree extends HTMLElement {
  #loaded = false;

  async load(answer, { pipeline, question } = {}) {
    if (this.#loaded) return;
    this.#loaded = true;
    this.replaceChildren(h("p", { role: "status", class: "waiting" }, "Drawing the tree …"));
    try {
      const data = await send("/v1/tree", { query: question ?? answer.question, pipeline });
      this.#draw(data, answer);
    } catch (problem) {
      this.#loaded = false;
      this.replaceChildren(h("p", { role: "alert", class: "problem" }, problem.message));
    }
  }

  #draw({ question, nodes, hops }, answer) {
    const cited = new Map();
    for (const one of answer.citations) {
      const node = nodes.find((node) => node.document === one.document && node.start <= one.start && one.end <= node.end);
      if (node) cited.set(node.id, [...(cited.get(node.id) ?? []), one.marker]);
    }
    const below = (id) => nodes.filter((node) => node.parent === id);
    const branch = (node) => {
      const children = below(node.id);
      return h("li", {}, this.#node(node, cited.get(node.id) ?? []), children.length > 0 && h("ul", {}, children.map(branch)));
    };
    this.curves = svg("svg", { class: "curves", "aria-hidden": "true" });
    const root = h("ul", {}, h("li", {}, h("div", { class: "node root" }, shorten(question, 120)), h("ul", {}, below(null).map(branch))));
    const found = hops.map((hop) => `${hop.hop ? `hop ${hop.hop}` : "search"}: ${hop.shown} of ${hop.found} shown`).join(" · ");
    this.plane = h("div", { class: "plane" }, this.curves, root);
    this.replaceChildren(
      h("p", { class: "legend" }, `${count(nodes.length, "passage")} that were read, or led there (${found}). A bar says how near a passage is to the question.`),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Hop tree" }, this.plane),
    );
    new ResizeObserver(() => this.#connect()).observe(this.plane);
  }

  #node(node, markers) {
    const { name, place: where } = splitAddress(node.address, node.source);
    const near = Math.max(0, Math.min(1, node.cosine ?? 0));
    const bar = h("span", { class: "bar" }, h("span", {}));
    bar.firstChild.style.width = `${near * 100}%`;
    const why = node.links.length ? `through “${node.links.join("”, “")}”` : node.hop ? "near in meaning" : "";
    const open = (event) =>
      event.currentTarget.dispatchEvent(new CustomEvent("rag-open", { bubbles: true, detail: { ...node, quote: node.text, opener: event.currentTarget } }));
    return h(
      "button",
      { type: "button", class: `node${markers.length ? " cited" : node.place ? " read" : ""}`, onclick: open, title: shorten(node.text, 300) },
      why && h("span", { class: "why" }, why),
      h("span", { class: "file" }, name),
      where && h("span", { class: "part" }, where),
      h(
        "span",
        { class: "facts" },
        node.cosine !== null && h("span", { class: "near" }, bar, ` ${node.cosine.toFixed(2)}`),
        node.place && h("span", {}, `read ${place(node.place)}`),
        markers.map((marker) => h("span", { class: "chip" }, marker)),
      ),
    );
  }

  // A curve from each passage to those it led to.
  #connect() {
    const plane = this.plane.getBoundingClientRect();
    const box = (li) => li.querySelector(":scope > .node").getBoundingClientRect();
    const paths = [...this.plane.querySelectorAll("li li")].map((li) => {
      const from = box(li.parentElement.closest("li"));
      const to = box(li);
      const beside = to.left > from.right;
      const x1 = (beside ? from.right : from.left + 14) - plane.left;
      const y1 = (beside ? from.top + Math.min(from.height / 2, 28) : from.bottom) - plane.top;
      const x2 = to.left - plane.left;
      const y2 = to.top + Math.min(to.height / 2, 28) - plane.top;
      const middle = (x1 + x2) / 2;
      const d = beside ? `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` : `M${x1} ${y1}V${y2 - 8}Q${x1} ${y2} ${x1 + 8} ${y2}H${x2}`;
      const strong = li.querySelector(".cited") ? "strong" : "";
      return svg("path", { d, class: strong });
    });
    this.curves.setAttribute("viewBox", `0 0 ${plane.width} ${plane.height}`);
    this.curves.setAttribute("width", plane.width);
    this.curves.setAttribute("height", plane.height);
    this.curves.replaceChildren(...paths);
  }
}

customElements.define("rag-tree", RagTree);
