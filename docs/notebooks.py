"A notebook as a page of Markdown: what a reader sees, as it was run and committed; nothing is executed."

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

IMAGES = {'image/png': 'png', 'image/jpeg': 'jpg', 'image/svg+xml': 'svg'}


def read_cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding='utf-8'))['cells']


def text_of(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ''.join(value)


def title(path: Path) -> str:
    "The first heading, without backticks."
    return re.search(r'^# (.+)$', text_of(read_cells(path)[0]['source']), re.MULTILINE)[1].replace('`', '')


def module(path: Path) -> str:
    "The module that a notebook is exported to, without the package's name; nothing for lessons and tables."
    for cell in read_cells(path):
        if match := re.match(r'#\| default_exp (\S+)', text_of(cell['source'])):
            return match[1]
    return ''


def page(path: Path, images: Path) -> str:
    "Markdown of a notebook; its pictures are written into the folder `images`, which lies beside the page."
    blocks = [block for cell in read_cells(path) for block in _cell(cell, images)]
    name = module(path)
    if '.' in name:
        depth = '../' * (len(path.parent.parts) - path.parent.parts.index('nbs'))
        line = f'<p class="module" markdown>Exported to [`geopurify.{name}`]({depth}reference/{name}.md)</p>'
        blocks[0] = re.sub(r'\A# .+\n(>.*\n?)*', lambda top: f'{top[0]}\n\n{line}\n', blocks[0])
    return '\n\n'.join(blocks) + '\n'


def _cell(cell: dict, images: Path) -> Iterator[str]:
    source = text_of(cell['source'])
    if cell['cell_type'] == 'markdown':
        yield links(source)
        return
    directives = re.findall(r'^#\| *(.+)$', source, re.MULTILINE)
    if any(d.startswith(('hide', 'default_exp')) and d != 'hide_input' for d in directives):
        return
    code = re.sub(r'^#\|.*\n?', '', source, flags=re.MULTILINE).strip('\n')
    if code and not any(d.startswith(('echo: false', 'hide_input')) for d in directives):
        yield fenced(code, 'python')
    for number, output in enumerate(cell['outputs']):
        yield from _output(output, f'{cell["id"]}_{number}', images)


def _output(output: dict, name: str, images: Path) -> Iterator[str]:
    "The richest form of an output that a page can show."
    data = output.get('data', {})
    kind = next((k for k in IMAGES if k in data), None)
    if kind:
        content = text_of(data[kind])
        file = images / f'{name}.{IMAGES[kind]}'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if kind == 'image/svg+xml' else base64.b64decode(content))
        yield f'![Output of the cell above]({images.name}/{file.name}){{ .output }}'
    elif 'text/markdown' in data:
        yield links(text_of(data['text/markdown']))
    elif 'text/html' in data:
        html = re.sub(r'<style.*?</style>', '', text_of(data['text/html']), flags=re.DOTALL)
        html = re.sub(r'\s*\n\s*', '\n', html.strip())  # a blank line would end the block
        yield f'<div class="output">{html}</div>'
    else:
        text = text_of(output.get('text', data.get('text/plain', '')))
        if text.strip():
            yield fenced(plain(text), 'text', 'output')


def plain(text: str) -> str:
    "Without a terminal's colours; of a line that was written over and over, the last state."
    text = re.sub(r'\x1b\[[\d;]*m', '', text)
    return '\n'.join(line.rstrip('\r').split('\r')[-1] for line in text.strip('\n').split('\n'))


def fenced(text: str, language: str, *classes: str) -> str:
    "A block of code, which the search leaves out: it finds words in prose, and names in the reference."
    fence = '`' * max(3, 1 + max((len(run) for run in re.findall('`+', text)), default=0))
    names = ' '.join(f'.{name}' for name in (language, *classes))
    return f'{fence}{{ {names} data-search-exclude="" }}\n{text}\n{fence}'


def links(markdown: str) -> str:
    "Links to notebooks become links to their pages; anchors are written as a browser asks for them."

    def anchored(match: re.Match) -> str:
        return f']({match[1] or ""}{(match[2] or "").lower()})'

    markdown = re.sub(r'(\]\([^)\s:]*)\.ipynb(?=[)#])', r'\1.md', markdown)
    return re.sub(r'\]\(((?!\w+:)[^)\s#]*)?(#[^)\s]*)\)', anchored, markdown)
