"README.md from nbs/index.ipynb: `python .ci/readme.py` writes it; the freshness check compares it with `render()`."

import re
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent


def _only_output(cell):
    "A code cell that shows Markdown, as that Markdown."
    return nbformat.v4.new_markdown_cell("".join(o["data"]["text/markdown"] for o in cell.outputs))


def render() -> str:
    notebook = nbformat.read(ROOT / "nbs" / "index.ipynb", as_version=4)
    notebook.cells = [c for c in notebook.cells if not c.source.startswith("#| hide")]
    notebook.cells = [_only_output(c) if c.source.startswith("#| echo: false") else c for c in notebook.cells]
    for cell in notebook.cells:
        cell.source = "\n".join(line for line in cell.source.split("\n") if not line.startswith("#|"))
    body, _ = MarkdownExporter().from_notebook_node(notebook)
    body = re.sub(r"\]\(\.\./", "](", body)  # links are written as seen from nbs/
    body = re.sub(r"\]\((?!\w+:|#|/)(\d\d\w*|tutorials|pretraining|tables|benchmarks)", r"](nbs/\1", body)
    body = re.sub(r"(src=\")\.\./", r"\1", body)
    return (
        "<!-- Generated from nbs/index.ipynb by `make readme`; edit the notebook. -->\n\n"
        + re.sub(r"\n{3,}", "\n\n", body).strip()
        + "\n"
    )


if __name__ == "__main__":
    (ROOT / "README.md").write_text(render(), encoding="utf-8")
