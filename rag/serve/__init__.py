"""The server: a page, an HTTP interface, an OpenAI-compatible one and MCP tools, thin over `rag.Pool`.

    app = make_app(load_settings("raghop.toml"))     an ASGI application (rag.serve.app)

Every door is a row in a table: path, who may use it, what it takes, what it gives. Each passes down what its user may
see, and reads documents and passages by the same few functions (`rag.index.visible`, `rag.Pool`).
"""
