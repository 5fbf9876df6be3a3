// Why was this not found? Where a document or passage stands at each stage of a question, and what stands before it.

import { get, send } from "./api.js";
import { problemLine } from "./ask.js";
import { count, h, newId, shorten, splitAddress } from "./dom.js";

const STAGES = {
  retrieve: ["Search", "how near it is to the question"],
  hop: ["Hop", "what the passages found lead to"],
  rank: ["Rank", "all that was found, in one list"],
  rerank: ["Rerank", "the best of them, looked at again"],
  read: ["Read", "what the answer is made from"],
};

class RagWhy extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    const [question, source, passage, names] = ["question", "source", "passage", "names"].map(newId);
    this.question = h("input", { id: question, required: true, maxlength: 4000 });
    this.source = h("input", { id: source, list: names, autocomplete: "off", placeholder: "its name, or a pattern like *.pdf" });
    this.passage = h("input", { id: passage, placeholder: "some words that stand in it" });
    this.names = h("datalist", { id: names });
    this.form = h(
      "form",
      { class: "card fields", onsubmit: (event) => this.#ask(event) },
      h("label", { for: question }, "The question"),
      this.question,
      h("label", { for: source }, "The document"),
      this.source,
      h("label", { for: passage }, "or the passage"),
      this.passage,
      this.names,
      h("button", { class: "primary" }, "Explain"),
    );
    this.result = h("div", { class: "result", "aria-live": "polite" });
    this.append(
      h("h1", {}, "Why was this not found?"),
      h("p", { class: "lead" }, "Name what you expected, and see where it was lost and what stood before it."),
      this.form,
      this.result,
    );
  }

  async enter(detail) {
    if (detail?.question) {
      this.question.value = detail.question;
      this.source.focus();
    } else this.question.focus({ preventScroll: true });
    try {
      const { documents } = await get("/v1/documents", { limit: 1000 });
      const names = [...new Set(documents.map((one) => one.source))];
      this.names.replaceChildren(...names.map((name) => h("option", { value: name })));
    } catch {
      this.names.replaceChildren();
    }
  }

  async #ask(event) {
    event.preventDefault();
    this.result.replaceChildren(h("p", { class: "waiting" }, "Following it …"));
    const [question, source, passage] = [this.question, this.source, this.passage].map((field) => field.value.trim());
    try {
      this.#show(await send("/v1/explain", { question, source, passage }));
    } catch (problem) {
      this.result.replaceChildren(problemLine(problem));
    }
  }

  #show(data) {
    const lost = data.stages.findIndex((stage) => stage.stage === data.lost_at);
    this.result.replaceChildren(
      h("p", { class: `summary ${data.lost_at ? "lost" : "kept"}` }, data.summary),
      this.#passage(data.passage, "Its passage nearest to the question"),
      h("ol", { class: "stages" }, data.stages.map((stage, i) => this.#stage(stage, lost >= 0 && i > lost && stage.place === null))),
    );
  }

  #stage(stage, after) {
    const [name, meaning] = STAGES[stage.stage];
    const on = stage.place !== null && stage.place <= stage.limit;
    const label = stage.stage === "hop" ? `${name} ${stage.hop}` : name;
    const says = stage.place === null ? `not among ${stage.searched.toLocaleString("en")}` : `place ${stage.place.toLocaleString("en")}`;
    const beat = h("ol", {}, stage.ahead.map((hit) => h("li", {}, this.#passage(hit))));
    const more = stage.place > stage.ahead.length + 1 ? `the first ${stage.ahead.length} of ${count(stage.place - 1, "passage")} before it` : "what stands before it";
    return h(
      "li",
      { class: on ? "on" : after ? "after" : "off" },
      h("div", { class: "line" }, h("h2", {}, label), h("span", { class: "place" }, says), h("span", { class: "meaning" }, `${meaning}; the first ${stage.limit} go on`)),
      stage.ahead.length > 0 && h("details", {}, h("summary", {}, more), beat),
    );
  }

  #passage(hit, label) {
    const { name, place } = splitAddress(hit.address, hit.source);
    const open = (event) =>
      event.currentTarget.dispatchEvent(new CustomEvent("rag-open", { bubbles: true, detail: { ...hit, quote: hit.text, opener: event.currentTarget } }));
    const facts = [hit.score_kind === "cosine" && `${hit.score.toFixed(2)} near`, hit.words.length > 0 && `has ${hit.words.join(", ")}`];
    return h(
      "button",
      { type: "button", class: "quote passage", onclick: open },
      label && h("span", { class: "tag" }, label),
      h("span", {}, shorten(hit.text, 180)),
      h("span", { class: "where" }, h("span", { class: "file" }, name), place && ` · ${place}`),
      h("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    );
  }
}

customElements.define("rag-why", RagWhy);
