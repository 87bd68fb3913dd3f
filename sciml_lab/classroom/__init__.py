"""The thin classroom tool: self-checks in lessons, building and grading assignments.

- `check`: the three sentences of a self-check, and `show` for values that are graded
- `build`: one master notebook -> student release and instructor version
- `grade`: submissions -> points, feedback and a class table, each run in a sandbox
"""
