// The frame: what there is to do, which index, light and dark; one view at a time, and a source beside it.

import { get, onLocked } from "./api.js";
import { h, icon } from "./dom.js";
import { isDark, keepTheme, keepToken, showTheme, state } from "./state.js";
import "./ask.js";
import "./compare.js";
import "./documents.js";
import "./source.js";
import "./why.js";

const VIEWS = [
  ["ask", "Ask", "rag-ask"],
  ["documents", "Documents", "rag-documents"],
  ["compare", "Compare", "rag-compare"],
  ["why", "Why not?", "rag-why"],
];

showTheme();

class RagApp extends HTMLElement {
  #views = new Map();

  async connectedCallback() {
    this.main = h("main", { id: "main", tabindex: "-1" });
    this.source = h("rag-source", { hidden: true });
    this.append(this.#header(), h("div", { class: "stage" }, this.main, this.source), this.#lock());
    this.addEventListener("rag-open", (event) => this.source.open(event.detail));
    this.addEventListener("rag-go", (event) => this.#go(event.detail.view, event.detail));
    window.addEventListener("hashchange", () => this.#show());
    const given = new URLSearchParams(location.search);
    await this.#learn(given.get("index"));
    this.#show();
    if (given.has("document")) {
      const [start, end] = ["start", "end"].map((name) => Number(given.get(name)) || 0);
      this.source.open({ document: given.get("document"), start, end });
    }
  }

  #header() {
    this.links = VIEWS.map(([name, label]) => h("a", { href: `#${name}` }, icon(name), h("span", {}, label)));
    this.theme = h("button", { class: "round", type: "button", onclick: () => this.#turn() });
    this.index = h("select", { "aria-label": "Index", hidden: true, onchange: () => this.#choose(this.index.value) });
    this.#label();
    return h(
      "header",
      { class: "top" },
      h("a", { href: "#ask", class: "brand", "aria-label": "raghop, to the start" }, h("img", { src: "/page/icon.svg", alt: "" }), h("span", {}, "raghop")),
      h("nav", { "aria-label": "Views" }, this.links),
      h("div", { class: "tools" }, this.index, this.theme),
    );
  }

  #turn() {
    keepTheme(isDark() ? "light" : "dark");
    this.#label();
  }

  #label() {
    this.theme.replaceChildren(icon(isDark() ? "sun" : "moon"));
    this.theme.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  }

  async #learn(chosen) {
    try {
      const { indexes } = await get("/v1/indexes");
      state.index = indexes.includes(chosen) ? chosen : indexes[0];
      this.index.replaceChildren(...indexes.map((name) => h("option", { value: name }, name)));
      this.index.value = state.index;
      this.index.hidden = indexes.length < 2;
      await this.#learnPipelines();
    } catch (problem) {
      this.main.replaceChildren(h("p", { role: "alert", class: "problem" }, `${problem.message} ${problem.hint ?? ""}`));
    }
  }

  async #learnPipelines() {
    state.pipelines = (await get("/v1/pipelines")).pipelines;
  }

  async #choose(index) {
    state.index = index;
    await this.#learnPipelines().catch(() => (state.pipelines = []));
    this.source.close();
    this.#views.clear();
    this.#show();
  }

  #go(view, detail) {
    if (location.hash === `#${view}`) this.#show(detail);
    else {
      this.next = detail;
      location.hash = view;
    }
  }

  #show(detail = this.next) {
    this.next = undefined;
    const name = location.hash.slice(1);
    if (name === "main") return this.main.focus();
    const [key, label, tag] = VIEWS.find(([view]) => view === name) ?? VIEWS[0];
    if (!this.#views.has(key)) this.#views.set(key, h(tag, {}));
    const view = this.#views.get(key);
    if (this.main.firstChild !== view) this.main.replaceChildren(view);
    for (const link of this.links) {
      if (link.getAttribute("href") === `#${key}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = key === "ask" ? "raghop" : `${label} – raghop`;
    view.enter?.(detail);
  }

  // The dialog that asks for a token; every request that waits for one goes on with it.
  #lock() {
    const field = h("input", { type: "password", required: true, autocomplete: "off", id: "token" });
    const wrong = h("p", { class: "problem", role: "alert", hidden: true }, "That token is not known here.");
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", {}, "Who are you?"),
      h("p", {}, "This server knows its users by a token. Whoever runs it makes one with ", h("code", {}, "rag token"), "."),
      wrong,
      h("label", { for: "token" }, "Token"),
      field,
      h("button", { class: "primary" }, "Go on"),
    );
    const dialog = h("dialog", { class: "lock", "aria-label": "Token" }, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    let asking = null;
    onLocked((again) => {
      asking ??= new Promise((resolve) => {
        wrong.hidden = !again;
        field.value = "";
        dialog.showModal();
        form.onsubmit = () => {
          keepToken(field.value.trim());
          asking = null;
          resolve();
        };
      });
      return asking;
    });
    return dialog;
  }
}

customElements.define("rag-app", RagApp);
