"""YAML text as plain data, with the line of every key. Tags and aliases are refused: nothing in it can run or grow."""

from typing import Any

import yaml

from rag.errors import ConfigError


def read_lines(text: str, origin: str) -> tuple[Any, dict[str, int], list[str]]:
    """The data, the line of each key path, and the key paths that appear twice. Raises ConfigError.

    Example: "embed: {use: onnx}" gives {"embed": {"use": "onnx"}}, {"embed": 1, "embed.use": 1} and [].
    """
    lines: dict[str, int] = {}
    twice: list[str] = []
    seen: set[int] = set()
    scalars = yaml.SafeLoader("")

    def plain(node: yaml.Node, path: str) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return scalars.construct_object(node)
        if id(node) in seen:
            raise yaml.MarkedYAMLError(problem="aliases are not allowed in a pipeline", problem_mark=node.start_mark)
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [plain(item, f"{path}[{i}]") for i, item in enumerate(node.value)]
        if node.tag != "tag:yaml.org,2002:map":
            raise yaml.MarkedYAMLError(problem=f"the tag {node.tag} is not allowed", problem_mark=node.start_mark)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(plain(key_node, path))
            here = f"{path}.{key}" if path else key
            if key in result:
                twice.append(here)
            lines[here] = key_node.start_mark.line + 1
            result[key] = plain(value_node, here)
        return result

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return {} if node is None else plain(node, ""), lines, twice
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date like 2001-99-99
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{origin}{where}: not valid YAML: {problem}.") from error
    except RecursionError as error:
        raise ConfigError(f"{origin}: not a pipeline: nested too deeply.") from error
