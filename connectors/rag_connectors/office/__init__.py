"""What the parsers of Office files share: list numbers, equations, symbols, charts, diagrams, number formats."""
