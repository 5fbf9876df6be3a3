// One question to two pipelines, side by side.

import { ask } from "./api.js";
import { problemLine, questionField } from "./ask.js";
import { h, icon } from "./dom.js";
import { stepLine } from "./answer.js";
import { state } from "./state.js";

class RagCompare extends HTMLElement {
  #running = null;

  connectedCallback() {
    if (this.firstChild) return;
    this.field = questionField({ label: "Your question", placeholder: "Ask both …", onask: () => this.#ask() });
    this.choices = ["First pipeline", "Second pipeline"].map((label) => h("select", { "aria-label": label }));
    this.columns = this.choices.map((choice) => {
      const reply = h("div", { class: "reply" });
      return { choice, reply, column: h("section", { class: "column" }, h("div", { class: "choice" }, choice), reply) };
    });
    const go = h("button", { type: "submit", class: "primary go", "aria-label": "Ask both" }, icon("send"));
    const submit = (event) => {
      event.preventDefault();
      this.#ask();
    };
    this.note = h("p", { class: "facts", hidden: true }, "No other shipped pipeline fits this index. Whoever runs the server names others under ", h("code", {}, "pipelines"), " in its settings.");
    this.append(
      h("h1", {}, "Compare"),
      h("p", { class: "lead" }, "One question, two pipelines."),
      this.note,
      h("form", { class: "composer", onsubmit: submit }, h("div", { class: "field" }, this.field, go)),
      h("div", { class: "columns" }, this.columns.map(({ column }) => column)),
    );
  }

  enter(detail) {
    const names = state.pipelines.map((one) => one.name);
    this.note.hidden = names.length > 0;
    this.choices.forEach((choice, i) => {
      const options = [["", "The index’s own", ""], ...state.pipelines.map(({ name, description }) => [name, name, description])];
      const chosen = choice.value;
      choice.replaceChildren(...options.map(([value, label, title]) => h("option", { value, title }, label)));
      choice.value = chosen || (i && names.length ? names.at(0) : "");
    });
    if (detail?.question) this.field.fill(detail.question);
    this.field.focus({ preventScroll: true });
  }

  async #ask() {
    const question = this.field.value.trim();
    if (!question) return;
    this.#running?.abort();
    const running = (this.#running = new AbortController());
    await Promise.all(this.columns.map(({ choice, reply }) => this.#follow(question, choice.value || undefined, reply, running.signal)));
  }

  async #follow(question, pipeline, reply, signal) {
    const steps = h("ol", { class: "steps live" });
    reply.replaceChildren(h("div", { class: "waiting", role: "status" }, "Looking …"), steps);
    try {
      for await (const { name, data } of ask({ question, pipeline }, signal)) {
        if (name === "step") steps.append(stepLine(data));
        else if (name === "answer") reply.replaceChildren(h("rag-answer", {}).show(data, { pipeline, question }));
      }
    } catch (problem) {
      if (problem.name !== "AbortError") reply.replaceChildren(problemLine(problem));
    }
  }
}

customElements.define("rag-compare", RagCompare);
