"""``python -m sciml_lab``: the same as the command ``sciml-lab``."""

from sciml_lab.classroom.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
